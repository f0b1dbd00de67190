"""PayPal's wire objects as billctl's records, beside the forms no sandbox shows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billctl.errors import UsageError
from billctl.gateways.paypal import bills, mapping, objects, people, rows
from billctl.gateways.paypal.amounts import day, instant
from billctl.gateways.paypal.ids import EXAMPLES, checked, kind_of
from billctl.models import (
    ChargeStatus,
    DisputeStatus,
    InvoiceStatus,
    PaymentMethod,
    RefundStatus,
    SubscriptionStatus,
)
from billctl.money import Money
from tests.gateways import paypal_wire as wire

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.mark.parametrize(
    ("word", "status", "captured", "refundable"),
    [
        ("COMPLETED", ChargeStatus.PAID, 5000, 5000),
        ("PENDING", ChargeStatus.PENDING, 0, 0),
        ("DECLINED", ChargeStatus.FAILED, 0, 0),
        ("FAILED", ChargeStatus.FAILED, 0, 0),
        ("REFUNDED", ChargeStatus.REFUNDED, 5000, 0),
        ("SOMETHING_NEW", ChargeStatus.UNKNOWN, 0, 0),
    ],
)
def test_a_capture_says_what_was_taken_and_can_be_given_back(
    word: str, status: ChargeStatus, captured: int, refundable: int
) -> None:
    charge = mapping.charge(wire.capture(status=word), "paypal")
    assert (charge.status, charge.gateway_status) == (status, word)
    assert (charge.captured, charge.refundable) == (usd(captured), usd(refundable))


def test_what_can_be_given_back_follows_from_the_orders_refunds() -> None:
    given = [
        wire.refund(),
        wire.refund(id="2JU08902781691411", status="PENDING", amount=wire.money("5.00")),
        wire.refund(id="3JU08902781691411", status="FAILED", amount=wire.money("20.00")),
    ]
    refunds = objects.refunds_in(wire.order(*given), wire.CHARGE, "paypal")
    charge = mapping.charge(wire.capture(status="PARTIALLY_REFUNDED"), "paypal", refunds=refunds)
    assert (charge.refunded, charge.refundable) == (usd(1500), usd(3500))


def test_a_pending_refund_counts_before_paypals_own_word_does() -> None:
    pending = mapping.refund(wire.refund(status="PENDING"), "paypal")
    charge = mapping.charge(wire.capture(), "paypal", refunds=[pending])
    assert charge.status is ChargeStatus.PARTIALLY_REFUNDED
    assert charge.refundable == usd(4000)


def test_refunds_of_another_capture_of_the_order_are_not_this_ones() -> None:
    other = wire.refund(links=[{"rel": "up", "href": "https://x/v2/payments/captures/9GG279541U471931P"}])
    two = (wire.capture(), wire.capture(id="9GG279541U471931P"))
    assert objects.refunds_in(wire.order(other, captures=two), wire.CHARGE, "paypal") == []


def test_a_refund_that_may_be_of_either_capture_is_not_guessed() -> None:
    two = (wire.capture(), wire.capture(id="9GG279541U471931P"))
    with pytest.raises(ValueError, match="does not say of which capture"):
        objects.refunds_in(wire.order(wire.refund(links=[]), captures=two), wire.CHARGE, "paypal")


def test_a_refund_shows_the_operation_stamped_on_it() -> None:
    refund = mapping.refund(wire.refund(custom_id=f"billctl-{KEY}.goodwill"), "paypal")
    assert (refund.operation_key, refund.reason_code, refund.charge_id) == (KEY, "goodwill", wire.CHARGE)


@pytest.mark.parametrize("custom", [None, "", "order 12", KEY, f"billctl-{KEY}x", f"billctl-{KEY[:-1]}"])
def test_a_custom_id_of_the_merchants_own_is_no_stamp(custom: str | None) -> None:
    assert mapping.refund(wire.refund(custom_id=custom), "paypal").operation_key is None


def test_a_standing_dispute_marks_the_charge_and_an_inquiry_leaves_it_to_the_merchant() -> None:
    standing = bills.dispute(wire.dispute(), "paypal")
    inquiry = bills.dispute(wire.dispute(dispute_life_cycle_stage="INQUIRY"), "paypal")
    disputed = mapping.charge(wire.capture(), "paypal", disputes=[standing])
    asked = mapping.charge(wire.capture(), "paypal", disputes=[inquiry])
    assert (disputed.status, disputed.disputed) == (ChargeStatus.DISPUTED, True)
    assert (asked.status, asked.disputed, inquiry.status) == (ChargeStatus.PAID, True, DisputeStatus.INQUIRY)


def test_a_lost_dispute_takes_what_it_took_from_what_can_be_given_back() -> None:
    lost = wire.dispute(status="RESOLVED", dispute_outcome={"outcome_code": "RESOLVED_BUYER_FAVOUR"})
    charge = mapping.charge(wire.capture(), "paypal", disputes=[bills.dispute(lost, "paypal")])
    assert not charge.refundable


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("RESOLVED_SELLER_FAVOUR", DisputeStatus.WON),
        ("RESOLVED_WITH_PAYOUT", DisputeStatus.WON),
        ("ACCEPTED", DisputeStatus.LOST),
        ("CANCELED_BY_BUYER", DisputeStatus.CLOSED),
        ("SOMETHING_NEW", DisputeStatus.UNKNOWN),
        (None, DisputeStatus.UNKNOWN),
    ],
)
def test_a_resolved_dispute_says_who_won(outcome: str | None, status: DisputeStatus) -> None:
    data = wire.dispute(status="RESOLVED", dispute_outcome={"outcome_code": outcome})
    assert bills.dispute(data, "paypal").status is status


def test_an_authorization_holds_money_of_which_nothing_can_be_refunded() -> None:
    charge = mapping.authorization(wire.capture(status="CREATED"), "paypal")
    assert (charge.status, charge.captured, charge.refundable) == (
        ChargeStatus.AUTHORIZED,
        usd(0),
        usd(0),
    )


@pytest.mark.parametrize(
    ("source", "method"),
    [
        ({"paypal": {"email_address": "l@example.com"}}, PaymentMethod(brand="paypal")),
        ({"card": {"brand": "VISA", "last_digits": "1234"}}, PaymentMethod(brand="visa", last4="1234")),
        ({}, None),
    ],
)
def test_an_order_says_what_it_was_paid_with(source: dict[str, Any], method: PaymentMethod | None) -> None:
    assert mapping.method_of(wire.order(payment_source=source)) == method


def test_a_sale_of_the_old_api_reads_like_a_capture() -> None:
    sale = {"id": wire.CHARGE, "state": "denied", "amount": {"currency": "USD", "total": "5.00"}}
    charge = mapping.charge(mapping.sale_as_capture(sale | {"create_time": wire.CREATED}), "paypal")
    assert (charge.status, charge.amount) == (ChargeStatus.FAILED, usd(500))


def billing(**fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = wire.subscription()["billing_info"]
    return known | fields


@pytest.mark.parametrize(
    ("word", "more", "status"),
    [
        ("ACTIVE", {}, SubscriptionStatus.ACTIVE),
        ("APPROVAL_PENDING", {}, SubscriptionStatus.INCOMPLETE),
        ("SUSPENDED", {}, SubscriptionStatus.PAUSED),
        ("CANCELLED", {}, SubscriptionStatus.CANCELED),
        ("EXPIRED", {}, SubscriptionStatus.EXPIRED),
        ("NEW_WORD", {}, SubscriptionStatus.UNKNOWN),
        (
            "ACTIVE",
            {"failed_payments_count": 1, "outstanding_balance": wire.money("12.00")},
            SubscriptionStatus.PAST_DUE,
        ),
        (
            "ACTIVE",
            {"cycle_executions": [{"tenure_type": "TRIAL", "sequence": 1, "cycles_remaining": 1}]},
            SubscriptionStatus.TRIALING,
        ),
    ],
)
def test_a_subscriptions_status_is_told_apart_where_paypal_says_active_to_all(
    word: str, more: dict[str, Any], status: SubscriptionStatus
) -> None:
    found = bills.subscription(wire.subscription(status=word, billing_info=billing(**more)), "paypal")
    assert (found.status, found.gateway_status) == (status, word)


def test_a_subscriptions_price_is_its_plans_times_its_quantity() -> None:
    found = bills.subscription(wire.subscription(quantity="3"), "paypal")
    assert (found.amount, found.interval, found.plan) == (usd(3600), "month", "Gold")
    assert found.customer_id == wire.PAYER


def test_a_subscription_without_its_plan_has_no_price_and_is_read() -> None:
    data = wire.subscription()
    del data["plan"], data["billing_info"]
    found = bills.subscription(data, "paypal")
    assert (found.amount, found.interval, found.plan, found.current_period_end) == (None, None, "P-1", None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("SENT", InvoiceStatus.PAST_DUE),
        ("DRAFT", InvoiceStatus.DRAFT),
        ("SCHEDULED", InvoiceStatus.DRAFT),
        ("PAID", InvoiceStatus.PAID),
        ("MARKED_AS_PAID", InvoiceStatus.PAID),
        ("REFUNDED", InvoiceStatus.PAID),
        ("CANCELLED", InvoiceStatus.VOID),
        ("NEW_WORD", InvoiceStatus.UNKNOWN),
    ],
)
def test_an_invoice_is_past_due_only_while_it_is_open(word: str, status: InvoiceStatus) -> None:
    assert bills.invoice(wire.invoice(status=word), "paypal", now=NOW).status is status


@pytest.mark.parametrize(
    ("term", "due"),
    [
        ({"term_type": "NET_30"}, "2026-10-31"),
        ({"due_date": "2026-12-24"}, "2026-12-24"),
        ({"term_type": "DUE_ON_RECEIPT"}, "2026-10-01"),
        ({"term_type": "NO_DUE_DATE"}, None),
        ({}, None),
    ],
)
def test_an_invoice_is_due_until_the_end_of_its_day(term: dict[str, str], due: str | None) -> None:
    data = wire.invoice()
    data["detail"]["payment_term"] = term
    found = bills.invoice(data, "paypal", now=NOW).due_date
    assert found == (datetime.fromisoformat(f"{due}T23:59:59+00:00") if due else None)


def test_an_invoice_names_its_first_recipient_and_the_payments_it_got() -> None:
    paid = {"transactions": [{"type": "PAYPAL", "payment_id": wire.CHARGE}, {"type": "EXTERNAL"}]}
    data = wire.invoice(payments=paid)
    assert bills.recipient(data) == ("layla@example.com", "Layla Haddad")
    assert bills.invoice_payments(data) == [wire.CHARGE]
    business = {"billing_info": {"business_name": "Haddad GmbH"}}
    assert bills.recipient(wire.invoice(primary_recipients=[business])) == (None, "Haddad GmbH")


def found(code: str = "T0006", value: str = "50.00", **fields: Any) -> rows.Row:
    return rows.row(wire.row(code, value, **fields))


@pytest.mark.parametrize(
    ("row", "payment", "refund"),
    [
        (found(), True, False),
        (found("T0002", paypal_reference_id_type="SUB", paypal_reference_id="I-1"), True, False),
        (found("T1300", transaction_status="P"), True, False),
        (found("T1300", transaction_status="S"), False, False),
        (found("T1107", "-10.00", paypal_reference_id_type="TXN", paypal_reference_id="X"), False, True),
        (found("T0006", "-50.00"), False, False),
        (found("T0001"), False, False),
        (found("T0400", "-900.00"), False, False),
        (found("T1107", "-10.00"), False, False),
    ],
)
def test_a_row_is_a_payment_received_or_a_refund_of_one(row: rows.Row, payment: bool, refund: bool) -> None:
    assert (row.is_payment, row.is_refund) == (payment, refund)


@pytest.mark.parametrize("reference", ["I-BW452GLLEP1G", "IBW452GLLEP1G"])
def test_a_subscription_is_recognised_with_and_without_the_dash_that_paypals_pattern_forbids(
    reference: str,
) -> None:
    row = found("T0002", paypal_reference_id_type="SUB", paypal_reference_id=reference)
    assert row.subscription_id == "I-BW452GLLEP1G"


def test_a_rows_charge_counts_the_refunds_that_name_it() -> None:
    back = found("T1107", "-10.00", transaction_id=wire.REFUND, paypal_reference_id_type="TXN",
                 paypal_reference_id=wire.CHARGE)  # fmt: skip
    charge = rows.charge(found(), "paypal", refunds=[rows.refund(back, "paypal")])
    assert (charge.status, charge.refundable) == (ChargeStatus.PARTIALLY_REFUNDED, usd(4000))
    assert charge.refunds[0].status is RefundStatus.SUCCEEDED
    assert charge.created == datetime(2026, 10, 1, 10, tzinfo=UTC)


def test_a_reversed_payment_has_nothing_left_even_where_its_refunds_are_not_in_sight() -> None:
    assert not rows.charge(found(transaction_status="V"), "paypal", refunds=[]).refundable


@pytest.mark.parametrize("text", ["2026-10-01T10:00:00", "yesterday", "2026-13-01T00:00:00Z"])
def test_a_time_without_zone_or_sense_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|isoformat|month"):
        instant(text)


@pytest.mark.parametrize("read", [instant, day])
def test_a_time_that_is_no_text_is_not_read(read: Any) -> None:
    with pytest.raises(TypeError):
        read(1_700_000_000)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_kinds_example_passes_its_own_grammar(kind: str) -> None:
    assert checked(EXAMPLES[kind], kind) == EXAMPLES[kind]


@pytest.mark.parametrize(
    "text", ["", "..", "S1/../x", "S1?x=1", "a b", "2gg279541u471931p", "I-", "PP-", "é" * 17]
)
def test_what_has_no_form_of_paypals_names_nothing(text: str) -> None:
    assert kind_of(text) is None
    with pytest.raises(UsageError, match="is not a PayPal charge id"):
        checked(text, "charge")


def test_an_id_of_another_kind_is_called_by_its_name() -> None:
    with pytest.raises(UsageError, match="is a subscription, not an invoice"):
        checked(wire.SUBSCRIPTION, "invoice")


@pytest.mark.parametrize(
    ("name", "wanted", "match"),
    [
        ("Layla Haddad", "layla  HADDAD", "exact"),
        ("Layla Haddad", "layla", "partial"),
        ("Layla Haddad", "omar", None),
        (None, "layla", None),
    ],
)
def test_a_name_matches_whole_or_in_part(name: str | None, wanted: str, match: str | None) -> None:
    assert people.name_match(name, wanted) == match
