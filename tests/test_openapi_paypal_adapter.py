"""All that the PayPal adapter sends, and all that the sandbox answers, is as PayPal's files describe."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billctl.errors import BillctlError, NotFound, OutcomeUnknown, Refused, Unsupported
from billctl.gateway import Account, By, Gateway, Query, Secret, Selection, Stamp, When
from billctl.gateways.paypal import PaypalGateway
from billctl.money import Money
from billctl.sandbox import KEYS, SETTINGS
from tests.openapi import OFFERED_ELSEWHERE
from tests.openapi_paypal import PayPalSpec
from tests.recording import RecordingProxy
from tests.rehearsal import rehearsed
from tests.sandbox.paypal.wire import AUTHORIZATION, CAPTURE, DISPUTED, PARTLY, SUBSCRIPTION, UNPAID

PAYER = "SBXLAYLA22222"
NOW = datetime.now(UTC)
YEAR = NOW - timedelta(days=365)
STAMP = Stamp(key="0123456789abcdef0123456789abcdef", operation="op_01", asked=NOW, reason_code="duplicate")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[RecordingProxy]:
    """What lies between; at the end something was said, and all of it was right."""
    spec = PayPalSpec.load()
    with (
        rehearsed(tmp_path / "own", ("paypal",)) as sandbox,
        RecordingProxy(sandbox.url("paypal")) as between,
    ):
        yield between
    assert between.exchanges
    assert between.problems(spec) == []


@pytest.fixture
def gateway(proxy: RecordingProxy, tmp_path: Path) -> Iterator[PaypalGateway]:
    secrets = {name: Secret(value) for name, value in KEYS["paypal"].items()}
    account = Account(
        name="paypal",
        gateway="paypal",
        live=False,
        settings=SETTINGS["paypal"],
        secrets=secrets,
        base_url=proxy.url,
        state_dir=tmp_path / "state",
    )
    opened = PaypalGateway(account)
    yield opened
    opened.close()


CUSTOMERS = {"list_charges": PAYER, "list_refunds": PAYER, "list_invoices": "layla@example.com"}
"""List → whose; disputes do not name a customer."""


def money(amount: int) -> Money:
    return Money(amount, "USD")


def listed(records: Iterator[Any]) -> list[Any]:
    """What a list gives; what it cannot tell it says after all others."""
    found: list[Any] = []
    with suppress(BillctlError):
        for record in records:
            found.append(record)
    return found


def everything(gateway: PaypalGateway, name: str) -> None:
    """The list `name` since a year ago, of one customer, and by every status there is in it."""
    read: Callable[[Selection], Iterator[Any]] = getattr(gateway, name)
    records = listed(read(Selection(since=YEAR, limit=40)))
    assert records
    if name in CUSTOMERS:
        assert listed(read(Selection(customer_id=CUSTOMERS[name], since=YEAR, limit=20)))
    for status in sorted({record.status for record in records}):
        assert {one.status for one in listed(read(Selection(status=status, limit=2)))} <= {status}


def each_way(gateway: PaypalGateway) -> None:
    """Every kind of query that PayPal can answer."""
    texts = {
        By.EMAIL: "layla@example.com",
        By.ID: PAYER,
        By.NAME: "Layla Haddad",
        By.INVOICE: UNPAID,
        By.CHARGE: PARTLY,
        By.SUBSCRIPTION: SUBSCRIPTION,
    }
    for by, text in texts.items():
        found = gateway.find_customers(Query(by=by, text=text))
        assert [customer.email for customer in found.customers][:1] == ["layla@example.com"], by
    assert gateway.find_customers(Query(by=By.EMAIL, text="nobody@example.com", since=YEAR)).customers == ()
    gateway.find_customers(Query(by=By.NAME, text="أمينة", since=YEAR))


def refunds(gateway: PaypalGateway) -> None:
    """Part, the same once more, the rest, too much."""
    before = gateway.get_charge(PARTLY)
    first = gateway.refund(before, money(100), stamp=STAMP)
    assert gateway.refund(before, money(100), stamp=STAMP).id == first.id
    after = gateway.get_charge(PARTLY)
    assert after.refundable == before.refundable - money(100)
    rest = Stamp(key="f" * 32, operation="op_02", asked=NOW)
    gateway.refund(after, after.refundable, stamp=rest)
    with pytest.raises(Refused):
        gateway.refund(before, money(100), stamp=Stamp(key="e" * 32, operation="op_03", asked=NOW))


def finds(gateway: PaypalGateway) -> None:
    before = gateway.get_charge(PARTLY)
    assert gateway.find_refund(before, money(100), stamp=STAMP) is None
    made = gateway.refund(before, money(100), stamp=STAMP)
    found = gateway.find_refund(before, money(100), stamp=STAMP)
    assert found is not None
    assert found.id == made.id


def voids(gateway: PaypalGateway) -> None:
    held = gateway.get_charge(AUTHORIZATION)
    assert gateway.find_void(held, stamp=STAMP) is None
    gateway.void_charge(held, stamp=STAMP)
    assert gateway.find_void(held, stamp=STAMP) is not None


def cancels(gateway: PaypalGateway) -> None:
    known = gateway.get_subscription(SUBSCRIPTION)
    gateway.preview_cancel(known, when=When.NOW)
    assert gateway.find_cancellation(known, when=When.NOW, stamp=STAMP) is None
    gateway.cancel_subscription(known, when=When.NOW, stamp=STAMP)
    assert gateway.find_cancellation(known, when=When.NOW, stamp=STAMP) is not None
    with pytest.raises(Unsupported):
        gateway.cancel_subscription(known, when=When.PERIOD_END, stamp=STAMP)


def sends(gateway: PaypalGateway) -> None:
    """Every invoice of the shop is previewed, and sent where the preview says so."""
    outcomes = set()
    for found in listed(gateway.list_invoices(Selection(limit=100))):
        try:
            expected = gateway.preview_resend(found, to=None)
        except (Refused, Unsupported):
            outcomes.add("refused")
            continue
        assert gateway.resend_invoice(found, to=None, stamp=STAMP) == expected
        outcomes.add("sent")
    assert outcomes == {"refused", "sent"}


def looks_for_sent(gateway: PaypalGateway) -> None:
    with pytest.raises(OutcomeUnknown):
        gateway.find_resend(gateway.get_invoice(UNPAID), to=None, stamp=STAMP)


def copies(gateway: PaypalGateway) -> None:
    """The whole of a year, and then what is new."""
    assert gateway.sync(YEAR).records
    assert gateway.sync(YEAR).records


def first(gateway: PaypalGateway, name: str) -> str:
    """The id of the first object of a list."""
    return str(listed(getattr(gateway, name)(Selection(since=YEAR, limit=1)))[0].id)


CALLS: Mapping[str, Callable[[PaypalGateway], object]] = {
    "check": lambda gateway: gateway.check(),
    "find_customers": each_way,
    "get_customer": lambda gateway: gateway.get_customer(PAYER),
    "get_charge": lambda gateway: [
        gateway.get_charge(key) for key in (CAPTURE, PARTLY, DISPUTED, AUTHORIZATION, "SBXOMARS000000001")
    ],
    "get_refund": lambda gateway: gateway.get_refund(first(gateway, "list_refunds")),
    "get_subscription": lambda gateway: gateway.get_subscription(SUBSCRIPTION),
    "get_invoice": lambda gateway: gateway.get_invoice(UNPAID),
    "get_dispute": lambda gateway: gateway.get_dispute("PP-D-90001"),
    "list_charges": lambda gateway: everything(gateway, "list_charges"),
    "list_refunds": lambda gateway: everything(gateway, "list_refunds"),
    "list_invoices": lambda gateway: everything(gateway, "list_invoices"),
    "list_disputes": lambda gateway: everything(gateway, "list_disputes"),
    "preview_resend": lambda gateway: gateway.preview_resend(gateway.get_invoice(UNPAID), to=None),
    "preview_cancel": cancels,
    "refund": refunds,
    "void_charge": voids,
    "cancel_subscription": cancels,
    "resend_invoice": sends,
    "find_refund": finds,
    "find_void": voids,
    "find_cancellation": cancels,
    "find_resend": looks_for_sent,
    "sync": copies,
}
"""A use of every method that reaches PayPal."""

NO_REQUEST = frozenset(
    {
        *("check_secrets", "kind_of", "amount_step", "settings_faults", "cannot", "list_notes", "close"),
        *("local_copy", "forget_copy", "list_customers", "list_subscriptions"),
    }
)
"""Answered without PayPal; it has no customers to list, and its subscriptions do not name theirs."""


def test_every_method_of_the_plugin_interface_is_used_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Gateway, inspect.isroutine) if name[0] != "_"}
    assert methods == set(CALLS) | NO_REQUEST | OFFERED_ELSEWHERE


@pytest.mark.parametrize("method", {call: name for name, call in CALLS.items()}.values())
def test_what_is_sent_and_answered_is_right(gateway: PaypalGateway, method: str) -> None:
    CALLS[method](gateway)


def test_what_is_asked_for_in_vain_is_right_too(gateway: PaypalGateway) -> None:
    for name, key in {
        "charge": "NOTHING0000000000",
        "refund": "NOTHING0000000000",
        "invoice": "INV2-NONE-NONE-NONE-NONE",
        "subscription": "I-NOTHING00000",
        "dispute": "PP-D-1",
    }.items():
        with pytest.raises(NotFound):
            getattr(gateway, f"get_{name}")(key)
