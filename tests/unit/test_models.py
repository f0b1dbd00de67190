"""Records: their machine-readable form, and what of a charge can still be given back."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.frozen import fields, replace
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Dispute,
    DisputeStatus,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Match,
    PaymentMethod,
    Record,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
    data,
    given_back,
    refundable,
    rfc3339,
)
from billctl.money import Money

WHEN = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
WHERE: Any = {"account": "stripe_eu", "gateway": "stripe"}


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def refund(minor: int = 2000, status: RefundStatus = RefundStatus.SUCCEEDED, currency: str = "USD") -> Refund:
    return Refund(
        **WHERE,
        id="re_1",
        charge_id="ch_1",
        amount=Money(minor, currency),
        status=status,
        gateway_status=str(status),
        created=WHEN,
        reason_code="duplicate",
        operation="op_1",
        operation_key="k",
    )


def dispute(minor: int = 4900, status: DisputeStatus = DisputeStatus.LOST, currency: str = "USD") -> Dispute:
    return Dispute(
        **WHERE,
        id="dp_1",
        charge_id="ch_1",
        amount=Money(minor, currency),
        status=status,
        gateway_status=str(status),
        reason="fraudulent",
        created=WHEN,
        evidence_due=WHEN,
    )


def charge() -> Charge:
    return Charge(
        **WHERE,
        id="ch_1",
        customer_id="cus_1",
        amount=usd(4900),
        captured=usd(4900),
        refunded=usd(2000),
        refundable=usd(2900),
        status=ChargeStatus.PARTIALLY_REFUNDED,
        gateway_status="succeeded",
        created=WHEN,
        payment_method=PaymentMethod(brand="visa", last4="4242"),
        refunds=(refund(),),
    )


def subscription() -> Subscription:
    return Subscription(
        **WHERE,
        id="sub_1",
        customer_id="cus_1",
        plan="Pro",
        status=SubscriptionStatus.ACTIVE,
        gateway_status="active",
        amount=usd(4900),
        interval="month",
        created=WHEN,
        current_period_end=WHEN,
        cancel_at_period_end=False,
        canceled_at=None,
        operation_key="k",
    )


def invoice() -> Invoice:
    return Invoice(
        **WHERE,
        id="in_1",
        number="PRO-0042",
        customer_id="cus_1",
        subscription_id=None,
        email="layla@example.com",
        status=InvoiceStatus.PAST_DUE,
        gateway_status="open",
        total=usd(12000),
        amount_due=usd(12000),
        created=WHEN,
        due_date=WHEN,
        hosted_url="https://invoice.example/1",
        pdf_url=None,
        lines=(InvoiceLine(id="L1", description="4242 4242 4242 4242", amount=usd(12000), units=2, left=1),),
    )


def customer() -> Customer:
    return Customer(
        **WHERE,
        id="cus_1",
        email="layla@example.com",
        name="Layla Haddad",
        created=WHEN,
        live=False,
        match=Match.PARTIAL,
        charges=(charge(),),
        subscriptions=(subscription(),),
        invoices=(invoice(),),
        disputes=(dispute(),),
    )


CONTRACT = {
    "customer": "ref account gateway id email name created live match charges subscriptions invoices"
    " disputes",
    "charge": "ref account gateway id customer_id amount refunded refundable status gateway_status created"
    " description payment_method disputed invoice_id subscription_id refunds",
    "refund": "ref id charge_id amount status created reason_code",
    "subscription": "ref id customer_id plan status amount interval current_period_end cancel_at_period_end"
    " canceled_at",
    "invoice": "ref id number customer_id email status total amount_due due_date hosted_url pdf_url",
    "dispute": "ref id charge_id amount status reason evidence_due",
}
"""The fields that the command-line contract names for each kind, in its order."""

ADDED = {
    "customer": set[str](),
    "charge": {"captured", "status_history"},
    "refund": {"gateway_status"},
    "subscription": {"gateway_status", "created"},
    "invoice": {"gateway_status", "created", "subscription_id", "lines"},
    "dispute": {"gateway_status", "created"},
}
"""What billctl tells beyond the contract."""

RECORDS: list[Record] = [customer(), charge(), refund(), subscription(), invoice(), dispute()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.TYPE)
def test_the_data_of_a_record_are_the_contracts_fields_in_its_order(record: Record) -> None:
    given = record.data()
    names = CONTRACT[record.TYPE].split()
    assert next(iter(given)) == "type"
    assert given["type"] == record.TYPE
    assert [name for name in given if name in names] == names
    assert set(given) - set(names) == {"type"} | ADDED[record.TYPE]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.TYPE)
def test_every_field_of_a_record_is_shown_or_internal(record: Record) -> None:
    internal = {"operation", "operation_key", "account", "gateway"}
    assert fields(record).keys() - set(record.data()) <= internal


def test_an_invoice_names_its_lines_where_they_are_known() -> None:
    (line,) = invoice().data()["lines"]
    assert line == {
        "id": "L1",
        "description": "**** **** **** 4242",
        "amount": usd(12000).data(),
        "units": 2,
        "left": 1,
    }
    assert "lines" not in replace(invoice(), lines=()).data()


def test_a_reference_names_the_account_not_the_gateway() -> None:
    assert charge().ref == "stripe_eu:ch_1"


def test_nested_records_money_times_and_statuses_become_plain_data() -> None:
    given = customer().data()
    assert given["match"] == "partial"
    assert given["created"] == "2026-11-21T14:02:00Z"
    shown = given["charges"][0]
    assert shown["amount"] == {"amount": "49.00", "minor": 4900, "currency": "USD"}
    assert shown["payment_method"] == {"brand": "visa", "last4": "4242"}
    assert shown["refunds"][0]["type"] == "refund"
    assert type(shown["status"]) is str
    assert given["disputes"][0]["evidence_due"] == "2026-11-21T14:02:00Z"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (3, 3),
        ("text", "text"),
        (date(2026, 1, 2), "2026-01-02"),
        (ChargeStatus.PAID, "paid"),
        ((usd(1), None), [{"amount": "0.01", "minor": 1, "currency": "USD"}, None]),
        ({"a": WHEN, "b": {"c": usd(1)}}, {"a": "2026-11-21T14:02:00Z", "b": {"c": usd(1).data()}}),
    ],
)
def test_any_value_becomes_plain_data(value: object, plain: Any) -> None:
    assert data(value) == plain


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (WHEN, "2026-11-21T14:02:00Z"),
        (WHEN.astimezone(timezone(timedelta(hours=3))), "2026-11-21T14:02:00Z"),
        (WHEN.replace(microsecond=250), "2026-11-21T14:02:00.000250Z"),
        (datetime(2026, 11, 21, 0, 30, tzinfo=timezone(timedelta(hours=-5))), "2026-11-21T05:30:00Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text


@pytest.mark.parametrize(
    ("statuses", "sum_minor"),
    [
        ((RefundStatus.SUCCEEDED, RefundStatus.PENDING), 4000),
        ((RefundStatus.UNKNOWN,), 2000),
        ((RefundStatus.FAILED, RefundStatus.CANCELED), 0),
        ((), 0),
    ],
)
def test_pending_refunds_count_as_given_back_and_failed_ones_do_not(
    statuses: tuple[RefundStatus, ...], sum_minor: int
) -> None:
    assert given_back([refund(2000, status) for status in statuses], "USD") == usd(sum_minor)


@pytest.mark.parametrize(
    ("captured", "refunded", "disputes", "left"),
    [
        (4900, 0, [], 4900),
        (4900, 2000, [], 2900),
        (4900, 4900, [], 0),
        (4900, 0, [dispute(4900)], 0),
        (4900, 1000, [dispute(2000)], 1900),
        (4900, 3000, [dispute(4900)], 0),
        (4900, 0, [dispute(1000), dispute(1500)], 2400),
        (4900, 0, [dispute(4900, DisputeStatus.WON)], 4900),
        (4900, 0, [dispute(4900, DisputeStatus.NEEDS_RESPONSE)], 4900),
        (4900, 0, [dispute(4900, DisputeStatus.PREVENTED)], 4900),
        (4900, 0, [dispute(100, DisputeStatus.LOST, "EUR")], 0),
        (4900, 0, [dispute(100, DisputeStatus.WON, "EUR")], 4900),
    ],
)
def test_refundable_is_captured_less_refunded_less_lost_disputes(
    captured: int, refunded: int, disputes: list[Dispute], left: int
) -> None:
    assert refundable(usd(captured), usd(refunded), disputes) == usd(left)


@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(RefundStatus)), max_size=8),
    st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(DisputeStatus)), max_size=4),
)
def test_refundable_is_never_negative_and_never_more_than_what_is_left(
    captured: int, refunds: list[tuple[int, RefundStatus]], disputes: list[tuple[int, DisputeStatus]]
) -> None:
    gone = given_back([refund(minor, status) for minor, status in refunds], "USD")
    lost = sum(minor for minor, status in disputes if status is DisputeStatus.LOST)
    left = refundable(usd(captured), gone, [dispute(minor, status) for minor, status in disputes])
    assert left.minor == max(0, captured - gone.minor - lost)


def test_a_refund_in_another_currency_is_never_added() -> None:
    with pytest.raises(ValueError, match="do not mix"):
        given_back([refund(100, currency="EUR")], "USD")


@pytest.mark.parametrize(
    "statuses", [ChargeStatus, RefundStatus, SubscriptionStatus, InvoiceStatus, DisputeStatus]
)
def test_every_kind_of_status_has_a_word_for_what_nobody_knows(statuses: Any) -> None:
    assert statuses("unknown") in statuses


CARD = "4242 4242 4242 4242"


def test_a_card_number_that_somebody_wrote_is_never_kept() -> None:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    customer = Customer(
        account="us", gateway="stripe", id="4242424242424242", email=f"{CARD}@x", name=CARD, created=moment,
        live=False,
    )  # fmt: skip
    assert "4242 4242" not in repr(customer)
    assert (customer.name, customer.id) == ("**** **** **** 4242", "4242424242424242")
    assert PaymentMethod(brand="visa", last4="4242424242424242").last4 == "4242"
