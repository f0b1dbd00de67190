"""The SDK's objects as billctl's records: what is exact, what is derived, what is refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.gateways.braintree import mapping, recurring, values
from billctl.gateways.braintree.client import sdk_module
from billctl.iso4217 import EXPONENTS
from billctl.models import (
    Charge,
    ChargeStatus,
    Dispute,
    DisputeStatus,
    PaymentMethod,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from billctl.money import Money
from tests.gateways import braintree_wire as wire

MADE = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def charge(*refunds: Refund, **fields: object) -> Charge:
    data = wire.as_sdk("transaction", wire.transaction(**fields))
    return mapping.charge(data, "bt", refunds=refunds)


def refund(**fields: object) -> Refund:
    return mapping.refund(wire.as_sdk("transaction", wire.credit(**fields)), "bt")


def dispute(**fields: object) -> Dispute:
    return mapping.dispute(wire.as_sdk("dispute", wire.dispute(**fields)), "bt")


def subscription(**fields: object) -> recurring.BilledSubscription:
    return recurring.subscription(wire.as_sdk("subscription", wire.subscription(**fields)), "bt")


def usd(text: str) -> Money:
    return Money(int(text.replace(".", "")), "USD")


# Amounts


@given(st.integers(0, 10**15), st.sampled_from(sorted(EXPONENTS)))
def test_an_amount_survives_the_way_to_braintree_and_back(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    assert values.money(Decimal(values.to_wire(amount)), currency) == amount


@given(st.integers(0, 10**15), st.sampled_from(sorted(EXPONENTS)), st.integers(0, 3))
def test_more_zeros_change_no_amount(minor: int, currency: str, zeros: int) -> None:
    amount = Money(minor, currency)
    text = values.to_wire(amount)
    longer = text + ("" if "." in text else ".0") + "0" * zeros
    assert values.money(Decimal(longer), currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (Decimal("1.005"), "USD"), (Decimal("0.5"), "JPY"), (Decimal("1.2345"), "KWD"),
        (Decimal("-1.00"), "USD"), (Decimal("NaN"), "USD"), (Decimal("Infinity"), "USD"),
        (Decimal("1e40"), "USD"), (Decimal("1.00"), "XXQ"), (Decimal("1.00"), None), ("1.00", "USD"),
        (12.5, "USD"), (12, "USD"), (None, "USD"),
    ],
)  # fmt: skip
def test_what_is_no_exact_amount_is_not_read(amount: object, currency: object) -> None:
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        values.money(amount, currency)


# Times


def test_times_are_utc_although_the_sdk_does_not_say_so() -> None:
    assert charge().created == MADE
    offset = timezone(timedelta(hours=3))
    assert values.instant(datetime(2026, 2, 3, 7, 5, 6, tzinfo=offset)) == MADE
    with pytest.raises(TypeError):
        values.instant("2026-02-03")


# Charges


def test_a_settled_sale_is_paid_and_refundable() -> None:
    paid = charge()
    assert (paid.status, paid.gateway_status) == (ChargeStatus.PAID, "settled")
    assert (paid.amount, paid.captured, paid.refundable) == (usd("50.00"),) * 3
    assert paid.customer_id == "layla"
    assert paid.description == "order R-17"
    assert paid.payment_method == PaymentMethod(brand="Visa", last4="1111")


def test_what_a_sale_became_is_told_in_order_of_time() -> None:
    def event(status: str, moment: datetime) -> tuple[str, dict[str, object]]:
        return "status-event", {"timestamp": moment, "status": status, "amount": "50.00", "user": "amina"}

    later = MADE + timedelta(hours=8)
    history = [event("settled", later.replace(tzinfo=None)), event("authorized", MADE.replace(tzinfo=None))]
    told = charge(**{"status-history": history}).status_history
    assert [(change.status, change.gateway_status, change.at) for change in told] == [
        (ChargeStatus.AUTHORIZED, "authorized", MADE),
        (ChargeStatus.PAID, "settled", later),
    ]
    assert "amina" not in str([change.data() for change in told])
    assert charge(**{"status-history": []}).status_history == ()


@pytest.mark.parametrize(
    ("status", "word", "captured", "refundable"),
    [
        ("authorizing", ChargeStatus.PENDING, "0.00", "0.00"),
        ("authorized", ChargeStatus.AUTHORIZED, "0.00", "0.00"),
        ("submitted_for_settlement", ChargeStatus.SUBMITTED, "50.00", "0.00"),
        ("settlement_pending", ChargeStatus.SUBMITTED, "50.00", "0.00"),
        ("settlement_confirmed", ChargeStatus.SUBMITTED, "50.00", "0.00"),
        ("settling", ChargeStatus.PAID, "50.00", "50.00"),
        ("settled", ChargeStatus.PAID, "50.00", "50.00"),
        ("voided", ChargeStatus.VOIDED, "0.00", "0.00"),
        ("authorization_expired", ChargeStatus.FAILED, "0.00", "0.00"),
        ("settlement_declined", ChargeStatus.FAILED, "0.00", "0.00"),
        ("settlement_failed", ChargeStatus.FAILED, "0.00", "0.00"),
        ("processor_declined", ChargeStatus.FAILED, "0.00", "0.00"),
        ("gateway_rejected", ChargeStatus.FAILED, "0.00", "0.00"),
        ("failed", ChargeStatus.FAILED, "0.00", "0.00"),
        ("something_new", ChargeStatus.UNKNOWN, "0.00", "0.00"),
    ],
)
def test_the_settlement_state_decides_what_can_be_refunded(
    status: str, word: ChargeStatus, captured: str, refundable: str
) -> None:
    found = charge(status=status)
    assert (found.status, found.gateway_status) == (word, status)
    assert (found.captured, found.refundable) == (usd(captured), usd(refundable))


def test_every_status_of_the_sdk_has_a_word() -> None:
    sdk = sdk_module()

    def named(kind: type) -> set[str]:
        return {value for name, value in vars(kind).items() if not name.startswith("_")}

    assert named(sdk.Transaction.Status) == set(mapping.CHARGE_STATUS) == set(mapping.REFUND_STATUS)
    assert named(sdk.Subscription.Status) == set(recurring.STATUS)
    assert named(sdk.Dispute.Status) == set(mapping.DISPUTE_STATUS)


def test_refunds_lower_what_is_left_unless_they_failed() -> None:
    half = charge(refund(), refund(id="credit2", status="submitted_for_settlement", amount="5.00"))
    assert (half.status, half.refunded, half.refundable) == (
        ChargeStatus.PARTIALLY_REFUNDED, usd("15.00"), usd("35.00"),
    )  # fmt: skip
    whole = charge(refund(amount="50.00"))
    assert (whole.status, whole.refundable) == (ChargeStatus.REFUNDED, usd("0.00"))
    declined = charge(refund(status="processor_declined"), refund(id="credit3", status="voided"))
    assert (declined.status, declined.refundable) == (ChargeStatus.PAID, usd("50.00"))


@pytest.mark.parametrize(
    ("status", "kind", "disputed", "left"),
    [
        ("open", "chargeback", True, "50.00"),
        ("lost", "chargeback", True, "10.00"),
        ("accepted", "chargeback", True, "10.00"),
        ("auto_accepted", "pre_arbitration", True, "10.00"),
        ("expired", "chargeback", True, "10.00"),
        ("won", "chargeback", False, "50.00"),
        ("open", "retrieval", False, "50.00"),
        ("expired", "retrieval", False, "50.00"),
    ],
)
def test_a_dispute_takes_what_was_lost(status: str, kind: str, disputed: bool, left: str) -> None:
    over = {"amount-disputed": "40.00", "status": status, "kind": kind}
    found = charge(disputes=[("dispute", wire.dispute(**over))])
    assert (found.disputed, found.refundable) == (disputed, usd(left))
    assert (found.status is ChargeStatus.DISPUTED) is disputed


def test_a_guests_sale_names_his_address() -> None:
    assert charge(customer={"id": None, "email": "guest@example.com"}).customer_id == "guest@example.com"
    assert charge(customer={"id": None, "email": None}).customer_id is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"payment-instrument-type": "paypal_account"}, PaymentMethod(brand="paypal_account", last4=None)),
        (
            {
                "payment-instrument-type": "apple_pay_card",
                "apple-pay": {"card-type": "Apple Pay - Visa", "last-4": "0002", "expired": False},
            },
            PaymentMethod(brand="Apple Pay - Visa", last4="0002"),
        ),
        ({"payment-instrument-type": None}, None),
    ],
)
def test_what_was_paid_with(fields: dict[str, object], expected: PaymentMethod | None) -> None:
    assert charge(**fields).payment_method == expected


def test_money_sent_to_a_customer_is_no_charge() -> None:
    data = wire.as_sdk("transaction", wire.credit())
    with pytest.raises(ValueError, match="no sale"):
        mapping.charge(data, "bt")


# Refunds


def test_a_refund_names_its_charge_and_the_operation_that_made_it() -> None:
    plain = refund()
    assert (plain.charge_id, plain.amount, plain.status) == ("sale01", usd("10.00"), RefundStatus.SUCCEEDED)
    assert plain.operation_key is None
    assert refund(**{"order-id": "billctl-abc"}).operation_key == "abc"
    assert refund(**{"order-id": "R-17"}).operation_key is None


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("submitted_for_settlement", RefundStatus.PENDING),
        ("settling", RefundStatus.PENDING),
        ("settled", RefundStatus.SUCCEEDED),
        ("voided", RefundStatus.CANCELED),
        ("processor_declined", RefundStatus.FAILED),
        ("settlement_declined", RefundStatus.FAILED),
        ("something_new", RefundStatus.UNKNOWN),
    ],
)
def test_a_refunds_status(status: str, word: RefundStatus) -> None:
    assert (refund(status=status).status, refund(status=status).gateway_status) == (word, status)


def test_a_soft_decline_is_a_refund_on_its_way_that_says_so() -> None:
    soft = refund(status="submitted_for_settlement", **{"additional-processor-response": "2046 : Declined"})
    assert soft.status is RefundStatus.PENDING
    assert soft.gateway_status == "submitted_for_settlement (2046 : Declined)"


def test_a_credit_of_nothing_is_no_refund() -> None:
    with pytest.raises(ValueError, match="refunded_transaction_id"):
        refund(**{"refunded-transaction-id": None})


# Disputes


def test_a_dispute_is_due_when_its_last_day_begins() -> None:
    found = dispute()
    assert found.evidence_due == datetime(2026, 2, 17, tzinfo=UTC)
    assert (found.charge_id, found.amount, found.reason) == ("sale01", usd("50.00"), "fraud")
    assert dispute(**{"reply-by-date": None}).evidence_due is None


def test_a_disputes_status() -> None:
    assert dispute().status is DisputeStatus.NEEDS_RESPONSE
    assert dispute(status="something_new").status is DisputeStatus.UNKNOWN
    assert dispute(kind="retrieval").status is DisputeStatus.INQUIRY
    assert dispute(kind="retrieval", status="won").status is DisputeStatus.CLOSED
    assert dispute(kind="retrieval", status="something_new").status is DisputeStatus.UNKNOWN


# Customers


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "Layla Haddad"),
        ({"last-name": None}, "Layla"),
        ({"first-name": None, "last-name": None, "company": "Haddad & Co"}, "Haddad & Co"),
        ({"first-name": None, "last-name": None}, None),
        ({"first-name": "ليلى", "last-name": "حدّاد"}, "ليلى حدّاد"),
    ],
)
def test_a_customers_name(fields: dict[str, object], name: str | None) -> None:
    data = wire.as_sdk("customer", wire.customer(**fields))
    assert mapping.customer(data, "bt", live=False).name == name


# Subscriptions


def test_a_subscription() -> None:
    found = subscription()
    assert (found.status, found.gateway_status) == (SubscriptionStatus.ACTIVE, "Active")
    assert (found.plan, found.amount, found.interval) == ("gold", usd("12.00"), "month")
    assert (found.customer_id, found.billing_cycle) == ("layla", 3)
    assert found.current_period_end == datetime(2026, 3, 3, tzinfo=UTC)
    assert not found.cancel_at_period_end
    assert isinstance(found, Subscription)


def test_what_no_transaction_tells_is_told_by_who_asks() -> None:
    data = wire.as_sdk("subscription", wire.subscription(transactions=[]))
    found = recurring.subscription(data, "bt", customer_id="noah", currency="KWD")
    assert (found.customer_id, found.amount) == ("noah", Money(12000, "KWD"))
    assert recurring.subscription(data, "bt").amount is None


@pytest.mark.parametrize(
    ("start", "end", "interval"),
    [
        (date(2026, 1, 15), date(2026, 2, 14), "month"),
        (date(2026, 1, 31), date(2026, 2, 27), "month"),
        (date(2026, 1, 15), date(2026, 4, 14), "3 months"),
        (date(2026, 1, 15), date(2027, 1, 14), "year"),
        (date(2026, 1, 15), date(2026, 1, 25), None),
        (date(2026, 1, 15), date(2026, 2, 20), None),
        (None, None, None),
    ],
)
def test_the_interval_is_read_off_the_billing_period(
    start: date | None, end: date | None, interval: str | None
) -> None:
    period = {"billing-period-start-date": start, "billing-period-end-date": end}
    assert subscription(**period).interval == interval


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "Pending", "current-billing-cycle": None}, SubscriptionStatus.INCOMPLETE),
        ({"trial-period": True, "current-billing-cycle": 0}, SubscriptionStatus.TRIALING),
        ({"trial-period": True}, SubscriptionStatus.ACTIVE),
        ({"status": "Past Due"}, SubscriptionStatus.PAST_DUE),
        ({"status": "Expired"}, SubscriptionStatus.EXPIRED),
        ({"status": "Paused"}, SubscriptionStatus.UNKNOWN),
    ],
)
def test_a_subscriptions_status(fields: dict[str, object], status: SubscriptionStatus) -> None:
    assert subscription(**fields).status is status


@pytest.mark.parametrize(
    ("cycles", "never", "status", "ends"),
    [
        (3, False, "Active", True),
        (2, False, "Active", True),
        (4, False, "Active", False),
        (3, True, "Active", False),
        (None, True, "Active", False),
        (3, False, "Expired", False),
    ],
)
def test_it_ends_with_its_period_when_this_is_its_last_cycle(
    cycles: int | None, never: bool, status: str, ends: bool
) -> None:
    found = subscription(**{"number-of-billing-cycles": cycles, "never-expires": never, "status": status})
    assert found.cancel_at_period_end is ends


def test_when_it_ended_is_in_its_history() -> None:
    later = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as Braintree writes it
    event = {"balance": "0.00", "price": "12.00", "status": "Canceled", "timestamp": later}
    history = [
        ("status-event", event),
        ("status-event", event | {"status": "Active", "timestamp": wire.MADE}),
    ]
    assert subscription(status="Canceled", **{"status-history": history}).canceled_at == later.replace(
        tzinfo=UTC
    )
    assert subscription(**{"status-history": history}).canceled_at is None


# What is of another shape


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "ten"}, {"amount": Decimal("NaN")}, {"currency_iso_code": None}, {"id": None},
        {"status": ""}, {"created_at": "yesterday"}, {"disputes": "none"}, {"type": None},
    ],
)  # fmt: skip
def test_a_transaction_of_another_shape_is_not_read(changes: dict[str, object]) -> None:
    data = wire.as_sdk("transaction", wire.transaction())
    with pytest.raises((TypeError, ValueError, AttributeError, ArithmeticError)):
        mapping.charge(SimpleNamespace(**(vars(data) | changes)), "bt")
