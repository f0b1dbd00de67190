"""All that the Stripe adapter sends, and all that the sandbox answers, is as Stripe's description says."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billctl.errors import BillctlError, NotFound, OutcomeUnknown, Refused, Unsupported
from billctl.gateway import Account, By, Gateway, Query, Secret, Selection, Stamp, When
from billctl.gateways.stripe import StripeGateway
from billctl.models import Charge, Invoice, Subscription
from billctl.money import Money
from billctl.sandbox import KEYS
from tests.openapi import OFFERED_ELSEWHERE
from tests.recording import RecordingProxy
from tests.rehearsal import rehearsed

CUSTOMER = "cus_SbxLayla000001"
CHARGE = "ch_SbxLayla0000001"
SUBSCRIPTION = "sub_SbxLayla000001"
INVOICE = "in_SbxLayla000001"
NOW = datetime.now(UTC)
ALIKE = 6
"""How many invoices of a status are sent; tests/test_openapi_stripe.py sends all, without the adapter."""
STAMP = Stamp(key="0123456789abcdef0123456789abcdef", operation="op_01", asked=NOW, reason_code="duplicate")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[RecordingProxy]:
    """What lies between; at the end everything said through it was right."""
    with rehearsed(tmp_path / "own") as sandbox, RecordingProxy(sandbox.url("stripe")) as between:
        yield between
    assert between.problems() == []


@pytest.fixture
def gateway(proxy: RecordingProxy) -> StripeGateway:
    secrets = {name: Secret(value) for name, value in KEYS["stripe"].items()}
    return StripeGateway(
        Account(name="stripe", gateway="stripe", live=False, secrets=secrets, base_url=proxy.url)
    )


def charge(gateway: StripeGateway) -> Charge:
    return gateway.get_charge(CHARGE)


def subscription(gateway: StripeGateway) -> Subscription:
    return gateway.get_subscription(SUBSCRIPTION)


def invoice(gateway: StripeGateway) -> Invoice:
    return gateway.get_invoice(INVOICE)


def listed(records: Iterator[Any]) -> list[Any]:
    """What a list gives. What is in a currency that is not read is named only after all others."""
    found: list[Any] = []
    with suppress(Unsupported):
        for record in records:
            found.append(record)
    return found


def everything(gateway: StripeGateway, name: str) -> None:
    """The list `name` without a filter, by customer, by time, and by every status there is in it."""
    read: Callable[[Selection], Iterator[Any]] = getattr(gateway, name)
    records = listed(read(Selection(limit=1000)))
    assert records
    assert len(listed(read(Selection(limit=1)))) == 1
    created = [record.created for record in records]
    assert listed(read(Selection(since=min(created), until=max(created), limit=5)))
    if name == "list_customers":
        return
    assert listed(read(Selection(customer_id=CUSTOMER, limit=200)))
    for status in sorted({record.status for record in records}):
        assert {record.status for record in listed(read(Selection(status=status, limit=3)))} == {status}


def each_way(gateway: StripeGateway) -> None:
    """Every kind of query, with a text that finds someone."""
    known = gateway.get_customer(CUSTOMER)
    number = invoice(gateway).number
    card = charge(gateway).payment_method
    texts = {
        By.EMAIL: known.email,
        By.ID: known.id,
        By.NAME: known.name,
        By.LAST4: card.last4 if card else None,
        By.INVOICE: number,
        By.CHARGE: CHARGE,
        By.SUBSCRIPTION: SUBSCRIPTION,
    }
    assert set(texts) == set(By)
    for by, text in texts.items():
        assert text
        found = gateway.find_customers(Query(by=by, text=text))
        assert CUSTOMER in {customer.id for customer in found.customers}, by
    assert gateway.find_customers(Query(by=By.INVOICE, text=INVOICE)).customers
    assert gateway.find_customers(Query(by=By.EMAIL, text="it's \\nobody@example.com")).customers == ()


def some(gateway: StripeGateway, kind: str) -> str:
    """The id of the newest object of a list."""
    return str(next(iter(getattr(gateway, f"list_{kind}")(Selection(limit=1)))).id)


def refunds(gateway: StripeGateway) -> None:
    """Part, the same once more, the rest, too much."""
    before = charge(gateway)
    small = Money(100, before.amount.currency)
    first = gateway.refund(before, small, stamp=STAMP)
    assert gateway.refund(before, small, stamp=STAMP).id == first.id
    after = charge(gateway)
    assert after.refundable == before.refundable - small
    rest = Stamp(key="f" * 32, operation="op_02", asked=NOW)
    gateway.refund(after, after.refundable, stamp=rest)
    with pytest.raises(Refused):
        gateway.refund(after, small, stamp=Stamp(key="e" * 32, operation="op_03", asked=NOW))


def sends(gateway: StripeGateway) -> None:
    """Invoices of every status are previewed, and sent where the preview says so."""
    outcomes = set()
    seen: Counter[str] = Counter()
    for number, found in enumerate(gateway.list_invoices(Selection(limit=1000))):
        seen[found.status] += 1
        if seen[found.status] > ALIKE:
            continue
        try:
            expected = gateway.preview_resend(found, to=None)
        except Refused:
            outcomes.add("refused")
            continue
        sent = gateway.resend_invoice(
            found, to=None, stamp=Stamp(key=f"{number:032x}", operation="op_04", asked=NOW)
        )
        assert sent == expected
        outcomes.add("sent")
    assert outcomes == {"refused", "sent"}


def finds(gateway: StripeGateway) -> None:
    before = charge(gateway)
    amount = Money(100, before.amount.currency)
    assert gateway.find_refund(before, amount, stamp=STAMP) is None
    made = gateway.refund(before, amount, stamp=STAMP)
    found = gateway.find_refund(before, amount, stamp=STAMP)
    assert found is not None
    assert found.id == made.id


def cancels(gateway: StripeGateway) -> None:
    """At the end of the period, then now; and both are recognised afterwards."""
    for when in (When.PERIOD_END, When.NOW):
        known = subscription(gateway)
        assert gateway.find_cancellation(known, when=when, stamp=STAMP) is None
        ended = gateway.cancel_subscription(known, when=when, stamp=STAMP)
        assert ended.cancel_at_period_end or when is When.NOW
        assert gateway.find_cancellation(known, when=when, stamp=STAMP) is not None
    with pytest.raises(BillctlError):
        gateway.cancel_subscription(known, when=When.NOW, stamp=STAMP)


def voids(gateway: StripeGateway) -> None:
    """Held money of both kinds, with a payment intent and without one, is released once and recognised."""
    held = listed(gateway.list_charges(Selection(status="authorized")))
    assert len(held) == 2
    for number, found in enumerate(held):
        stamp = Stamp(key=f"{number:032x}", operation="op_05", asked=NOW, reason_code="duplicate")
        assert gateway.find_void(found, stamp=stamp) is None
        released = gateway.void_charge(found, stamp=stamp)
        assert (released.id, released.status, released.amount) == (found.id, "voided", found.amount)
        assert gateway.void_charge(found, stamp=stamp) == released
        assert gateway.find_void(found, stamp=stamp) == gateway.get_charge(found.id)
        with pytest.raises(Refused):
            gateway.void_charge(found, stamp=Stamp(key=f"{number + 8:032x}", operation="op_06", asked=NOW))
    with pytest.raises(Refused, match="captured"):
        gateway.void_charge(charge(gateway), stamp=STAMP)


def looks_for_sent(gateway: StripeGateway) -> None:
    """Stripe may keep no trace of a sent e-mail: then the adapter says that it cannot tell."""
    with suppress(OutcomeUnknown):
        assert gateway.find_resend(invoice(gateway), to=None, stamp=STAMP) is None


CALLS: Mapping[str, Callable[[StripeGateway], object]] = {
    "check": lambda gateway: gateway.check(),
    "find_customers": each_way,
    "get_customer": lambda gateway: gateway.get_customer(CUSTOMER),
    "get_charge": charge,
    "get_refund": lambda gateway: gateway.get_refund(some(gateway, "refunds")),
    "get_subscription": subscription,
    "get_invoice": invoice,
    "get_dispute": lambda gateway: gateway.get_dispute(some(gateway, "disputes")),
    "list_customers": lambda gateway: everything(gateway, "list_customers"),
    "list_charges": lambda gateway: everything(gateway, "list_charges"),
    "list_refunds": lambda gateway: everything(gateway, "list_refunds"),
    "list_subscriptions": lambda gateway: everything(gateway, "list_subscriptions"),
    "list_invoices": lambda gateway: everything(gateway, "list_invoices"),
    "list_disputes": lambda gateway: everything(gateway, "list_disputes"),
    "preview_resend": lambda gateway: gateway.preview_resend(invoice(gateway), to=None),
    "refund": refunds,
    "void_charge": voids,
    "cancel_subscription": cancels,
    "resend_invoice": sends,
    "find_refund": finds,
    "find_void": voids,
    "find_cancellation": cancels,
    "find_resend": looks_for_sent,
}
"""A use of every method that reaches Stripe."""

COPY = {"sync", "local_copy", "forget_copy"}
"""Stripe can search: no copy is kept of it."""

NO_REQUEST = {
    "check_secrets",
    "kind_of",
    "amount_step",
    "void_charge",
    "find_void",
    "preview_cancel",
    "list_notes",
    "cannot",
    "close",
}
"""Answered without Stripe; voids are not supported there."""


def test_every_method_of_the_plugin_interface_is_used_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Gateway, inspect.isfunction) if name[0] != "_"}
    assert methods == set(CALLS) | NO_REQUEST | COPY | OFFERED_ELSEWHERE


@pytest.mark.parametrize("method", CALLS)
def test_what_is_sent_and_answered_is_right(gateway: StripeGateway, method: str) -> None:
    CALLS[method](gateway)


def test_what_is_asked_for_in_vain_is_right_too(gateway: StripeGateway) -> None:
    for name, prefix in {"customer": "cus", "charge": "ch", "invoice": "in", "subscription": "sub"}.items():
        with pytest.raises(NotFound):
            getattr(gateway, f"get_{name}")(f"{prefix}_0000000000000000")
