"""A store's documents as records: statuses, refunds, whose an order is, subscriptions."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billctl.causes import UNREADABLE
from billctl.errors import Unsupported
from billctl.gateways.woocommerce import mapping, recurring
from billctl.models import ChargeStatus, InvoiceStatus, RefundStatus, SubscriptionStatus
from billctl.money import Money
from tests.gateways import woocommerce_wire as wire

NOTHING, ALL = Money(0, "USD"), Money(4900, "USD")
UNPAID = {"date_paid": None, "date_paid_gmt": None, "transaction_id": ""}


def charge(*refunds: wire.Json, **fields: Any) -> mapping.StoreCharge:
    """An order with refunds that it names itself."""
    order = wire.order(refunds=wire.named(*refunds)) | fields
    return mapping.charge(order, refunds, "shop")


# An order as a charge


def test_a_paid_order_is_a_charge_and_says_what_a_change_must_know() -> None:
    found = charge()
    assert (found.id, found.ref, found.gateway) == ("1042", "shop:1042", "woocommerce")
    assert (found.status, found.gateway_status) == (ChargeStatus.PAID, "completed")
    assert (found.amount, found.captured, found.refunded, found.refundable) == (ALL, ALL, NOTHING, ALL)
    assert (found.customer_id, found.email) == ("21", "layla@example.com")
    assert (found.decimals, found.payment_method_id, found.transaction_id) == (2, "stripe", "ch_1Layla")
    assert found.created == datetime(2026, 10, 18, 9, 0, tzinfo=UTC)
    assert found.date_paid == datetime(2026, 10, 18, 9, 1, tzinfo=UTC)
    assert found.invoice_id == found.id
    assert set(found.data()) == {"type", *found.OUTPUT}


@pytest.mark.parametrize(
    ("status", "paid", "word", "captured", "refundable"),
    [
        ("processing", True, ChargeStatus.PAID, ALL, ALL),
        ("completed", True, ChargeStatus.PAID, ALL, ALL),
        ("on-hold", True, ChargeStatus.PAID, ALL, NOTHING),
        ("refunded", True, ChargeStatus.PAID, ALL, NOTHING),
        ("cancelled", True, ChargeStatus.UNKNOWN, ALL, NOTHING),
        ("pending", True, ChargeStatus.UNKNOWN, ALL, NOTHING),
        ("failed", True, ChargeStatus.FAILED, NOTHING, NOTHING),
        ("shipped", True, ChargeStatus.UNKNOWN, ALL, NOTHING),
        ("pending", False, ChargeStatus.PENDING, NOTHING, NOTHING),
        ("on-hold", False, ChargeStatus.PENDING, NOTHING, NOTHING),
        ("checkout-draft", False, ChargeStatus.PENDING, NOTHING, NOTHING),
        ("failed", False, ChargeStatus.FAILED, NOTHING, NOTHING),
        ("cancelled", False, ChargeStatus.VOIDED, NOTHING, NOTHING),
        ("trash", False, ChargeStatus.VOIDED, NOTHING, NOTHING),
        ("completed", False, ChargeStatus.UNKNOWN, NOTHING, NOTHING),
        ("shipped", False, ChargeStatus.UNKNOWN, NOTHING, NOTHING),
    ],
)
def test_only_a_paid_order_in_a_state_of_sale_can_be_refunded(
    status: str, paid: bool, word: ChargeStatus, captured: Money, refundable: Money
) -> None:
    found = charge(status=status, **({} if paid else UNPAID))
    assert (found.status, found.gateway_status) == (word, status)
    assert (found.captured, found.refundable) == (captured, refundable)


def test_refunds_are_taken_off_newest_first() -> None:
    older = wire.refund(id=1045, amount="20.00")
    newer = wire.refund(id=1061, amount="9.00", date_created_gmt="2026-11-01T08:00:00")
    found = charge(older, newer)
    assert [one.id for one in found.refunds] == ["1061", "1045"]
    assert (found.refunded, found.refundable) == (Money(2900, "USD"), Money(2000, "USD"))
    assert found.status is ChargeStatus.PARTIALLY_REFUNDED
    assert charge(wire.refund(amount="49.00")).status is ChargeStatus.REFUNDED


def test_a_refund_that_only_the_order_names_counts_too() -> None:
    """It was made between the two reads."""
    made, missed = wire.refund(), wire.refund(id=1061, amount="9.00")
    order = wire.order(refunds=wire.named(made, missed))
    found = mapping.charge(order, [made], "shop")
    assert (found.refunded, found.refundable) == (Money(2900, "USD"), Money(2000, "USD"))
    assert [one.id for one in found.refunds] == ["1045"]


def test_more_given_back_than_taken_leaves_nothing_to_refund() -> None:
    found = charge(wire.refund(amount="40.00"), wire.refund(id=1061, amount="40.00"))
    assert found.refundable == NOTHING


@pytest.mark.parametrize(
    ("fields", "whose"),
    [
        ({}, "21"),
        ({"customer_id": 0}, "layla@example.com"),
        ({"customer_id": 0, "billing": {"email": ""}}, None),
        ({"customer_id": 0, "billing": None}, None),
    ],
)
def test_an_order_is_of_an_account_or_of_a_guest_or_of_nobody(
    fields: dict[str, Any], whose: str | None
) -> None:
    assert charge(**fields).customer_id == whose


def test_a_renewal_names_its_subscription() -> None:
    renewal = charge(meta_data=wire.meta(_other="7", _subscription_renewal="1050"))
    assert renewal.subscription_id == "1050"
    assert charge().subscription_id is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "1042"},
        {"id": 0},
        {"id": True},
        {"status": ""},
        {"status": None},
        {"total": 49.0},
        {"total": "49,00"},
        {"total": ""},
        {"total": "1e2"},
        {"currency": None},
        {"date_created_gmt": None},
        {"date_created_gmt": "yesterday"},
        {"number": ""},
        {"customer_id": "21"},
        {"refunds": None},
        {"refunds": [{"id": 7}]},
        {"meta_data": [{}]},
    ],
)
def test_an_order_of_another_shape_cannot_be_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        mapping.charge(wire.order() | wrong, [], "shop")


@pytest.mark.parametrize(
    ("total", "currency", "code"),
    [
        ("49.005", "USD", "amount_too_fine"),
        ("100.50", "JPY", "amount_too_fine"),
        ("0.00100000", "BTC", "unknown_currency"),
    ],
)
def test_an_amount_that_no_currency_holds_is_said_plainly(total: str, currency: str, code: str) -> None:
    with pytest.raises(Unsupported) as caught:
        charge(total=total, currency=currency)
    assert caught.value.code == code


# A refund


@pytest.mark.parametrize(
    ("given", "status", "word"),
    [(True, RefundStatus.SUCCEEDED, mapping.REFUNDED), (False, RefundStatus.UNKNOWN, mapping.RECORDED)],
)
def test_a_refund_is_done_when_the_payment_gateway_gave_the_money_back(
    given: bool, status: RefundStatus, word: str
) -> None:
    found = mapping.refund(wire.refund(refunded_payment=given), wire.order(), "shop")
    assert (found.status, found.gateway_status) == (status, word)
    assert (found.id, found.charge_id, found.amount) == ("1045", "1042", Money(2000, "USD"))
    assert (found.operation, found.operation_key) == (None, None)


def test_a_refund_of_billctls_is_known_by_its_meta_data_and_before_that_by_its_reason() -> None:
    stamped = wire.refund(
        reason="ref op_01ABC", meta_data=wire.meta(_billctl_op="op_01ABC", _billctl_key="0" * 32)
    )
    under_way = wire.refund(reason="ref op_01ABC", refunded_payment=False)
    for data, key in ((stamped, "0" * 32), (under_way, None)):
        found = mapping.refund(data, wire.order(), "shop")
        assert (found.operation, found.operation_key) == ("op_01ABC", key)


def test_meta_data_may_be_written_as_an_object() -> None:
    """PHP does so where a list has gaps."""
    entries = dict(enumerate(wire.meta(_other="1", _billctl_op="op_01ABC")))
    stamped = wire.refund(meta_data={str(place): entry for place, entry in entries.items()})
    assert mapping.refund(stamped, wire.order(), "shop").operation == "op_01ABC"


@pytest.mark.parametrize("reason", ["see ref op_01ABC", "ref op_01ABC please", "ref op_", "REF op_01ABC"])
def test_a_reason_that_only_looks_like_billctls_is_not_taken_for_it(reason: str) -> None:
    assert mapping.refund(wire.refund(reason=reason), wire.order(), "shop").operation is None


@pytest.mark.parametrize("wrong", [{"refunded_payment": None}, {"refunded_payment": 1}, {"amount": 20}])
def test_a_refund_of_another_shape_cannot_be_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        mapping.refund(wire.refund() | wrong, wire.order(), "shop")


# An order as a bill


@pytest.mark.parametrize(
    ("status", "paid", "word"),
    [
        ("pending", False, InvoiceStatus.OPEN),
        ("on-hold", False, InvoiceStatus.OPEN),
        ("failed", False, InvoiceStatus.OPEN),
        ("checkout-draft", False, InvoiceStatus.DRAFT),
        ("processing", True, InvoiceStatus.PAID),
        ("completed", True, InvoiceStatus.PAID),
        ("on-hold", True, InvoiceStatus.PAID),
        ("refunded", True, InvoiceStatus.PAID),
        ("cancelled", False, InvoiceStatus.VOID),
        ("shipped", True, InvoiceStatus.UNKNOWN),
    ],
)
def test_an_order_is_a_bill_that_is_owed_until_it_is_paid(
    status: str, paid: bool, word: InvoiceStatus
) -> None:
    order = wire.order(status=status, needs_payment=not paid, **({} if paid else UNPAID))
    found = mapping.invoice(order, "shop")
    owed = word in {InvoiceStatus.OPEN, InvoiceStatus.DRAFT}
    assert (found.status, found.gateway_status) == (word, status)
    assert found.amount_due == (ALL if owed else NOTHING)
    assert (found.hosted_url == order["payment_url"]) is owed
    assert found.total == ALL


def test_a_bills_number_may_differ_from_its_id() -> None:
    found = mapping.invoice(wire.order(number="WEB-1042"), "shop")
    assert (found.id, found.number, found.email) == ("1042", "WEB-1042", "layla@example.com")


# Customers


def test_an_account_goes_by_its_own_name_before_that_on_its_bills() -> None:
    assert mapping.customer(wire.customer(), "shop", live=False).name == "Layla Haddad"
    nameless = wire.customer(first_name="", last_name="")
    assert mapping.customer(nameless, "shop", live=False).name == "Layla H."


def test_a_guest_is_known_by_the_address_on_his_orders() -> None:
    guest = mapping.orderer(wire.guest_order("Noah@example.com"), "shop", live=True)
    assert (guest.id, guest.email, guest.name, guest.created) == (
        "Noah@example.com",
        "Noah@example.com",
        "Noah Levi",
        None,
    )


# Subscriptions


@pytest.mark.parametrize(
    ("status", "word", "ending"),
    [
        ("pending", SubscriptionStatus.INCOMPLETE, False),
        ("active", SubscriptionStatus.ACTIVE, False),
        ("pending-cancel", SubscriptionStatus.ACTIVE, True),
        ("on-hold", SubscriptionStatus.PAUSED, False),
        ("cancelled", SubscriptionStatus.CANCELED, False),
        ("switched", SubscriptionStatus.CANCELED, False),
        ("expired", SubscriptionStatus.EXPIRED, False),
        ("like-a-plugins-own", SubscriptionStatus.UNKNOWN, False),
    ],
)
def test_a_subscriptions_state_is_told_in_billctls_words(
    status: str, word: SubscriptionStatus, ending: bool
) -> None:
    found = recurring.subscription(wire.subscription(status=status), "shop")
    assert (found.status, found.gateway_status, found.cancel_at_period_end) == (word, status, ending)


def test_one_that_is_set_to_end_runs_until_its_end() -> None:
    ending = wire.subscription(
        status="pending-cancel",
        next_payment_date_gmt="",
        end_date_gmt="2026-12-18T09:00:00",
        cancelled_date_gmt="2026-11-20T10:00:00",
    )
    found = recurring.subscription(ending, "shop")
    assert found.current_period_end == datetime(2026, 12, 18, 9, 0, tzinfo=UTC)
    assert found.canceled_at == datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "period", "shown"),
    [("1", "month", "month"), ("3", "month", "3 months"), (2, "week", "2 weeks")],
)
def test_a_subscriptions_interval_is_said_in_words(interval: object, period: str, shown: str) -> None:
    data = wire.subscription(billing_interval=interval, billing_period=period)
    assert recurring.subscription(data, "shop").interval == shown


@pytest.mark.parametrize(
    ("names", "plan"),
    [([], None), (["Pro"], "Pro"), (["Pro", "Seats", "Support"], "Pro and 2 more")],
)
def test_a_subscriptions_plan_is_what_it_sells(names: list[str], plan: str | None) -> None:
    data = wire.subscription(line_items=[{"name": name} for name in names])
    assert recurring.subscription(data, "shop").plan == plan
