"""All that the Recurly adapter sends, and all that the sandbox answers, is as Recurly describes it."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billctl.errors import BillctlError, NotFound, Refused
from billctl.gateway import By, Gateway, Payback, Query, RefundLine, Selection, Stamp, When
from billctl.gateways.recurly import RecurlyGateway
from billctl.models import Charge, Invoice, InvoiceStatus
from billctl.money import Money
from billctl.sandbox import KEYS
from tests.gateways.recurly_accounts import account
from tests.openapi_recurly import RecurlySpec
from tests.recording import RecordingProxy
from tests.rehearsal import rehearsed
from tests.sandbox.recurly.wire import BILL, CANCELED, CHARGE, CREDIT, SUBSCRIPTION

ACCOUNT = "laylaac00001"
REFUND = "laylatx00005"
NOW = datetime.now(UTC)
YEAR = NOW - timedelta(days=365)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[RecordingProxy]:
    """What lies between; at the end something was said, and all of it was right."""
    spec = RecurlySpec.load()
    with (
        rehearsed(tmp_path / "own", ("recurly",)) as sandbox,
        RecordingProxy(sandbox.url("recurly")) as between,
    ):
        yield between
    assert between.exchanges
    assert between.problems(spec) == []


@pytest.fixture
def gateway(proxy: RecordingProxy) -> Iterator[RecurlyGateway]:
    opened = RecurlyGateway(account(proxy.url, key=KEYS["recurly"]["api_key"]))
    yield opened
    opened.close()


def stamp(number: int = 0) -> Stamp:
    """The stamp of one operation, another for each number."""
    return Stamp(key=f"{number:032x}", operation=f"op_{number:02}", asked=NOW)


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def everything(gateway: RecurlyGateway, name: str) -> None:
    """The list `name`: all, since a year ago, of one customer, and by the status that most have."""
    read: Callable[[Selection], Iterator[Any]] = getattr(gateway, name)
    records = list(read(Selection(limit=30)))
    assert records
    assert list(read(Selection(since=YEAR, until=NOW, limit=10)))
    if name != "list_customers":
        assert list(read(Selection(customer_id=ACCOUNT, limit=20)))
    for status, _ in Counter(one.status for one in records if hasattr(one, "status")).most_common(1):
        assert {one.status for one in read(Selection(status=status, limit=2))} == {status}


def each_way(gateway: RecurlyGateway) -> None:
    """Every kind of query that Recurly can answer."""
    texts = {
        By.EMAIL: "layla@example.com",
        By.ID: ACCOUNT,
        By.INVOICE: "1001",
        By.CHARGE: CHARGE,
        By.SUBSCRIPTION: SUBSCRIPTION,
    }
    for by, text in texts.items():
        found = gateway.find_customers(Query(by=by, text=text))
        assert [customer.email for customer in found.customers] == ["layla@example.com"], by
    assert gateway.find_customers(Query(by=By.EMAIL, text="nobody@example.com", since=YEAR)).customers == ()
    assert gateway.find_customers(Query(by=By.ID, text="ines@example.net")).customers
    assert gateway.find_customers(Query(by=By.EMAIL, text="jonas@example.org", limit=50)).customers


def refunds(gateway: RecurlyGateway) -> None:
    """Part, the same once more, the rest, too much."""
    before = gateway.get_charge(CHARGE)
    gateway.preview_refund(before, usd(100))
    assert gateway.find_refund(before, usd(100), stamp=stamp()) is None
    first = gateway.refund(before, usd(100), stamp=stamp())
    assert gateway.refund(before, usd(100), stamp=stamp()).id == first.id
    found = gateway.find_refund(before, usd(100), stamp=stamp())
    assert found is not None
    assert found.id == first.id
    after = gateway.get_charge(CHARGE)
    assert after.refundable == before.refundable - usd(100)
    gateway.refund(after, after.refundable, stamp=stamp(1))
    with pytest.raises(BillctlError):
        gateway.refund(before, usd(100), stamp=stamp(2))


def by_lines(gateway: RecurlyGateway) -> None:
    lines = (RefundLine(id="laylali00001"),)
    before = gateway.get_charge(CHARGE)
    assert gateway.price_lines(before, lines) == usd(2900)
    assert gateway.refund_lines(before, lines, usd(2900), stamp=stamp()).amount == usd(2900)
    assert gateway.get_charge(CHARGE).refundable == usd(2000)


def odd_refunds(gateway: RecurlyGateway) -> None:
    """What has not settled, what a bank takes its time for, what two payments paid, what credit did."""
    paid = [
        charge
        for customer in ("emma", "liam", "noah", "huda", "sunil")
        for found in gateway.find_customers(Query(by=By.ID, text=customer)).customers
        for charge in gateway.list_charges(Selection(customer_id=found.id, limit=20))
        if charge.refundable
    ]
    outcomes = {type(_tried(gateway, charge, number)).__name__ for number, charge in enumerate(paid)}
    assert {"Refund"} < outcomes


def _tried(gateway: RecurlyGateway, charge: Charge, number: int) -> object:
    try:
        gateway.preview_refund(charge, charge.refundable)
        return gateway.refund(charge, charge.refundable, stamp=stamp(number))
    except BillctlError as error:
        return error


def cancels(gateway: RecurlyGateway) -> None:
    known = gateway.get_subscription(SUBSCRIPTION)
    for when in (When.PERIOD_END, When.NOW):
        gateway.preview_cancel(known, when=when)
        assert gateway.find_cancellation(known, when=when, stamp=stamp()) is None
        gateway.cancel_subscription(known, when=when, stamp=stamp())
        assert gateway.find_cancellation(known, when=when, stamp=stamp()) is not None
        known = gateway.get_subscription(SUBSCRIPTION)


def ends_with_money_back(gateway: RecurlyGateway, payback: Payback) -> None:
    known = gateway.get_subscription(SUBSCRIPTION)
    most = gateway.price_payback(known, payback)
    assert gateway.find_termination(known, payback=payback, stamp=stamp()) is None
    ended = gateway.terminate_subscription(known, payback=payback, stamp=stamp())
    assert ended.refund is not None
    assert usd(0) < ended.refund.amount <= most
    again = gateway.find_termination(known, payback=payback, stamp=stamp())
    assert again is not None
    assert again.refund == ended.refund


def ends_with_all(gateway: RecurlyGateway) -> None:
    ends_with_money_back(gateway, Payback.FULL)


def ends_with_a_part(gateway: RecurlyGateway) -> None:
    ends_with_money_back(gateway, Payback.PRORATE)


def comes_back(gateway: RecurlyGateway) -> None:
    known = gateway.get_subscription(CANCELED)
    assert gateway.find_reactivation(known, stamp=stamp()) is None
    gateway.reactivate_subscription(known, stamp=stamp())
    assert gateway.find_reactivation(known, stamp=stamp()) is not None
    with pytest.raises(BillctlError):
        gateway.reactivate_subscription(gateway.get_subscription(SUBSCRIPTION), stamp=stamp(1))


def takes_credit_back(gateway: RecurlyGateway) -> None:
    credit = gateway.get_invoice(CREDIT)
    gateway.preview_void_credit(credit)
    assert gateway.find_voided_credit(credit, stamp=stamp()) is None
    assert gateway.void_credit(credit, stamp=stamp()).status is InvoiceStatus.VOID
    assert gateway.find_voided_credit(credit, stamp=stamp()) is not None
    with pytest.raises(BillctlError):
        gateway.preview_void_credit(gateway.get_invoice(BILL))


def documents(gateway: RecurlyGateway) -> None:
    bill: Invoice = gateway.get_invoice(BILL)
    assert gateway.invoice_pdf(bill).startswith(b"%PDF-")
    assert gateway.invoice_link(bill).startswith("https://billctl-sandbox.recurly.com/account/")


CALLS: Mapping[str, Callable[[RecurlyGateway], object]] = {
    "check": lambda gateway: gateway.check(),
    "find_customers": each_way,
    "get_customer": lambda gateway: gateway.get_customer(ACCOUNT),
    "get_charge": lambda gateway: [
        gateway.get_charge(key) for key in (CHARGE, "laylatx00002", "emmatx000001")
    ],
    "get_refund": lambda gateway: gateway.get_refund(REFUND),
    "get_subscription": lambda gateway: [gateway.get_subscription(key) for key in (SUBSCRIPTION, CANCELED)],
    "get_invoice": lambda gateway: [gateway.get_invoice(key) for key in (BILL, CREDIT)],
    "list_customers": lambda gateway: everything(gateway, "list_customers"),
    "list_charges": lambda gateway: everything(gateway, "list_charges"),
    "list_refunds": lambda gateway: everything(gateway, "list_refunds"),
    "list_subscriptions": lambda gateway: everything(gateway, "list_subscriptions"),
    "list_invoices": lambda gateway: everything(gateway, "list_invoices"),
    "preview_refund": odd_refunds,
    "price_lines": by_lines,
    "refund_lines": by_lines,
    "price_payback": ends_with_all,
    "terminate_subscription": ends_with_a_part,
    "find_termination": ends_with_all,
    "invoice_pdf": documents,
    "invoice_link": documents,
    "preview_cancel": cancels,
    "cancel_subscription": cancels,
    "find_cancellation": cancels,
    "refund": refunds,
    "find_refund": refunds,
    "reactivate_subscription": comes_back,
    "find_reactivation": comes_back,
    "preview_void_credit": takes_credit_back,
    "void_credit": takes_credit_back,
    "find_voided_credit": takes_credit_back,
}
"""A use of every method that reaches Recurly."""

NO_REQUEST = frozenset(
    {
        *("check_secrets", "kind_of", "amount_step", "settings_faults", "cannot", "list_notes", "close"),
        *("sync", "local_copy", "forget_copy", "behind", "settled", "get_dispute", "list_disputes"),
        *("void_charge", "find_void", "preview_resend", "resend_invoice", "find_resend"),
    }
)
"""Answered without Recurly, which shows no disputes, voids a charge by refunding it, and sends no mail."""


def test_every_method_of_the_plugin_interface_is_used_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Gateway, inspect.isroutine) if name[0] != "_"}
    assert methods == set(CALLS) | NO_REQUEST


@pytest.mark.parametrize("method", {call: name for name, call in CALLS.items()}.values())
def test_what_is_sent_and_answered_is_right(gateway: RecurlyGateway, method: str) -> None:
    CALLS[method](gateway)


def test_what_is_asked_for_in_vain_is_right_too(gateway: RecurlyGateway) -> None:
    for name, key in {
        "customer": "nobodyac0001",
        "charge": "nobodytx0001",
        "refund": "nobodytx0002",
        "invoice": "nobodyin0001",
        "subscription": "nobodysub001",
    }.items():
        with pytest.raises((NotFound, Refused)):
            getattr(gateway, f"get_{name}")(key)
