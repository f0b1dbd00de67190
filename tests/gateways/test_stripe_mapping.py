"""Stripe's wire objects become billctl's records."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from billctl.gateways.stripe import mapping
from billctl.models import (
    ChargeStatus,
    DisputeStatus,
    InvoiceStatus,
    PaymentMethod,
    RefundStatus,
    SubscriptionStatus,
)
from billctl.money import Money
from tests.gateways import stripe_wire as wire
from tests.openapi import specs_folder

MADE = datetime.fromtimestamp(wire.CREATED, UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, ChargeStatus.PAID),
        ({"status": "pending"}, ChargeStatus.PENDING),
        ({"status": "failed"}, ChargeStatus.FAILED),
        ({"status": "something_new"}, ChargeStatus.UNKNOWN),
        ({"captured": False, "amount_captured": 0}, ChargeStatus.AUTHORIZED),
        ({"captured": False, "amount_captured": 0, "refunded": True}, ChargeStatus.VOIDED),
        ({"amount_refunded": 100}, ChargeStatus.PARTIALLY_REFUNDED),
        ({"amount_refunded": 5000, "refunded": True}, ChargeStatus.REFUNDED),
        ({"disputed": True}, ChargeStatus.DISPUTED),
        ({"disputed": True, "amount_refunded": 100}, ChargeStatus.DISPUTED),
    ],
)
def test_a_charges_status_is_the_word_that_says_most(fields: dict[str, Any], status: ChargeStatus) -> None:
    read = mapping.charge(wire.charge(**fields), "stripe")
    assert read.status is status
    assert read.gateway_status == fields.get("status", "succeeded")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", RefundStatus.PENDING),
        ("requires_action", RefundStatus.PENDING),
        ("succeeded", RefundStatus.SUCCEEDED),
        ("failed", RefundStatus.FAILED),
        ("canceled", RefundStatus.CANCELED),
        ("something_new", RefundStatus.UNKNOWN),
    ],
)
def test_every_refund_status_has_its_word(word: str, status: RefundStatus) -> None:
    assert mapping.refund(wire.refund(status=word), "stripe").status is status


def test_a_refund_without_a_status_is_unknown() -> None:
    assert mapping.refund(wire.refund(status=None), "stripe").status is RefundStatus.UNKNOWN


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("incomplete", SubscriptionStatus.INCOMPLETE),
        ("incomplete_expired", SubscriptionStatus.EXPIRED),
        ("trialing", SubscriptionStatus.TRIALING),
        ("active", SubscriptionStatus.ACTIVE),
        ("past_due", SubscriptionStatus.PAST_DUE),
        ("canceled", SubscriptionStatus.CANCELED),
        ("unpaid", SubscriptionStatus.UNPAID),
        ("paused", SubscriptionStatus.PAUSED),
        ("something_new", SubscriptionStatus.UNKNOWN),
    ],
)
def test_every_subscription_status_has_its_word(word: str, status: SubscriptionStatus) -> None:
    assert mapping.subscription(wire.subscription(status=word), "stripe").status is status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("warning_needs_response", DisputeStatus.INQUIRY),
        ("warning_under_review", DisputeStatus.INQUIRY),
        ("warning_closed", DisputeStatus.CLOSED),
        ("needs_response", DisputeStatus.NEEDS_RESPONSE),
        ("under_review", DisputeStatus.UNDER_REVIEW),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
        ("prevented", DisputeStatus.PREVENTED),
        ("something_new", DisputeStatus.UNKNOWN),
    ],
)
def test_every_dispute_status_has_its_word(word: str, status: DisputeStatus) -> None:
    assert mapping.dispute(wire.dispute(status=word), "stripe").status is status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("draft", InvoiceStatus.DRAFT),
        ("open", InvoiceStatus.OPEN),
        ("paid", InvoiceStatus.PAID),
        ("uncollectible", InvoiceStatus.UNCOLLECTIBLE),
        ("void", InvoiceStatus.VOID),
        ("something_new", InvoiceStatus.UNKNOWN),
    ],
)
def test_every_invoice_status_has_its_word(word: str, status: InvoiceStatus) -> None:
    assert mapping.invoice(wire.invoice(status=word), "stripe", now=MADE).status is status


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("subscription", set(mapping.SUBSCRIPTION_STATUS)),
        ("invoice", set(mapping.INVOICE_STATUS)),
        ("dispute", set(mapping.DISPUTE_STATUS)),
        ("charge", {"succeeded", "pending", "failed"}),
    ],
)
def test_no_status_of_stripes_description_is_missing(schema: str, words: set[str]) -> None:
    status = described_schemas()[schema]["properties"]["status"]
    assert set(status["enum"]) == words


@cache
def described_schemas() -> dict[str, Any]:
    found = sorted((specs_folder() / "stripe").glob("openapi-*.json"))
    if not found:
        pytest.skip("Stripe's OpenAPI description is not here: set BILLCTL_SPECS")
    schemas: dict[str, Any] = json.loads(found[-1].read_text())["components"]["schemas"]
    return schemas


def test_an_open_invoice_is_past_due_from_the_moment_after_its_due_date() -> None:
    due = MADE + timedelta(days=7)
    assert mapping.invoice(wire.invoice(), "stripe", now=due).status is InvoiceStatus.OPEN
    late = mapping.invoice(wire.invoice(), "stripe", now=due + timedelta(seconds=1))
    assert late.status is InvoiceStatus.PAST_DUE
    assert late.gateway_status == "open"


def test_a_paid_invoice_is_never_past_due() -> None:
    later = MADE + timedelta(days=70)
    assert mapping.invoice(wire.invoice(status="paid"), "stripe", now=later).status is InvoiceStatus.PAID


def test_pending_refunds_count_even_where_the_charge_does_not_count_them() -> None:
    pending = mapping.refund(wire.refund(status="pending", amount=2000), "stripe")
    read = mapping.charge(wire.charge(amount_refunded=0), "stripe", refunds=[pending])
    assert read.refunded == usd(2000)
    assert read.refundable == usd(3000)


def test_failed_refunds_do_not_count() -> None:
    failed = mapping.refund(wire.refund(status="failed", amount=2000), "stripe")
    assert mapping.charge(wire.charge(), "stripe", refunds=[failed]).refundable == usd(5000)


def test_what_the_charge_says_was_refunded_counts_where_the_list_of_refunds_says_less() -> None:
    read = mapping.charge(wire.charge(amount_refunded=4000), "stripe", refunds=[])
    assert read.refundable == usd(1000)


def test_only_what_was_captured_is_refundable() -> None:
    assert mapping.charge(wire.charge(amount_captured=3000), "stripe").refundable == usd(3000)


@pytest.mark.parametrize(("status", "left"), [("lost", 0), ("won", 5000), ("needs_response", 5000)])
def test_a_lost_dispute_leaves_nothing_to_refund(status: str, left: int) -> None:
    lost = mapping.dispute(wire.dispute(status=status), "stripe")
    assert mapping.charge(wire.charge(disputed=True), "stripe", disputes=[lost]).refundable == usd(left)


def test_a_refund_carries_the_key_stamped_on_it_and_no_operation() -> None:
    metadata = {"billctl_key": "k" * 32, "billctl_reason_code": "goodwill"}
    read = mapping.refund(wire.refund(metadata=metadata, reason="duplicate"), "stripe")
    assert (read.operation, read.operation_key, read.reason_code) == (None, "k" * 32, "goodwill")


def test_a_refund_that_names_no_charge_names_its_payment_intent() -> None:
    assert mapping.refund(wire.refund(charge=None), "stripe").charge_id == "pi_1"


def test_references_are_read_expanded_or_not() -> None:
    expanded = wire.charge(customer=wire.customer())
    assert mapping.charge(expanded, "stripe").customer_id == "cus_1"
    assert mapping.charge(wire.charge(), "stripe").customer_id == "cus_1"
    assert mapping.charge(wire.charge(customer=None), "stripe").customer_id is None


@pytest.mark.parametrize(
    ("details", "method"),
    [
        (
            {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
            PaymentMethod(brand="visa", last4="4242"),
        ),
        (
            {"type": "sepa_debit", "sepa_debit": {"last4": "3000"}},
            PaymentMethod(brand="sepa_debit", last4="3000"),
        ),
        ({"type": "paypal", "paypal": {}}, PaymentMethod(brand="paypal", last4=None)),
        (None, None),
    ],
)
def test_of_a_payment_method_brand_and_last_four_are_read(
    details: dict[str, Any] | None, method: PaymentMethod | None
) -> None:
    assert mapping.charge(wire.charge(payment_method_details=details), "stripe").payment_method == method


def test_a_subscriptions_price_is_the_sum_of_its_items() -> None:
    second = wire.item(id="price_2", nickname=None, unit_amount=300) | {"quantity": 2}
    read = mapping.subscription(wire.subscription(wire.item(), second), "stripe")
    assert read.amount == usd(1800)
    assert read.interval == "month"
    assert read.plan == "Gold, price_2"


def test_an_interval_of_several_months_says_so() -> None:
    quarterly = wire.item(recurring={"interval": "month", "interval_count": 3})
    assert mapping.subscription(wire.subscription(quarterly), "stripe").interval == "3 months"


@pytest.mark.parametrize(
    "items",
    [
        [wire.item(unit_amount=None)],
        [{**wire.item(), "quantity": None}],
        [wire.item(), wire.item(recurring={"interval": "year", "interval_count": 1})],
    ],
    ids=["tiered", "metered", "mixed intervals"],
)
def test_a_subscription_without_one_fixed_price_has_no_amount(items: list[dict[str, Any]]) -> None:
    assert mapping.subscription(wire.subscription(*items), "stripe").amount is None


def test_a_subscription_with_more_items_than_shown_has_no_amount() -> None:
    many = wire.subscription(items={"data": [wire.item()], "has_more": True})
    assert mapping.subscription(many, "stripe").amount is None


def test_a_period_ends_when_its_first_item_does() -> None:
    later = {**wire.item(), "current_period_end": wire.CREATED + 9_000_000}
    read = mapping.subscription(wire.subscription(later, wire.item()), "stripe")
    assert read.current_period_end == MADE + timedelta(seconds=2_592_000)


def test_an_invoice_knows_its_subscription_and_where_it_would_be_sent() -> None:
    read = mapping.invoice(wire.invoice(), "stripe", now=MADE)
    assert (read.subscription_id, read.email, read.number) == ("sub_1", "layla@example.com", "ABC-0001")
    assert mapping.invoice(wire.invoice(parent=None), "stripe", now=MADE).subscription_id is None


def test_what_pays_an_invoice_is_a_payment_intent_or_a_charge() -> None:
    payments = {
        "data": [
            {"payment": {"type": "payment_intent", "payment_intent": {"id": "pi_1"}}},
            {"payment": {"type": "charge", "charge": "ch_2"}},
            {"payment": {"type": "payment_record", "payment_record": "pr_3"}},
        ]
    }
    assert mapping.invoice_payments(wire.invoice(payments=payments)) == ["pi_1", "ch_2"]
    assert mapping.invoice_payments(wire.invoice()) == []


def test_of_a_deleted_customer_the_id_is_left() -> None:
    read = mapping.customer({"id": "cus_1", "object": "customer", "deleted": True}, "stripe", live=True)
    assert (read.id, read.email, read.created, read.live) == ("cus_1", None, None, True)


def test_an_accounts_name_is_its_business_or_its_dashboards() -> None:
    assert mapping.account_name({"business_profile": {"name": "Shop"}}) == "Shop"
    assert mapping.account_name({"settings": {"dashboard": {"display_name": "D"}}}) == "D"
    assert mapping.account_name({"email": "a@example.com"}) == "a@example.com"
    assert mapping.account_name({}) is None


@pytest.mark.parametrize("missing", ["id", "amount", "currency", "created", "status"])
def test_a_charge_without_what_every_charge_has_is_not_read(missing: str) -> None:
    broken = wire.charge()
    del broken[missing]
    with pytest.raises(KeyError):
        mapping.charge(broken, "stripe")
