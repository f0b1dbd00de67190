"""Recurly's transactions, invoices, subscriptions and accounts as billctl's records."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billctl.gateways.recurly import mapping
from billctl.gateways.recurly.stamps import stamped
from billctl.models import (
    Charge,
    ChargeStatus,
    InvoiceStatus,
    PaymentMethod,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from billctl.money import Money
from tests.gateways import recurly_wire as wire

NOW = datetime(2026, 2, 10, tzinfo=UTC)
MADE = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def charge(*refunds: Refund, bill: dict[str, Any] | None = None, **fields: Any) -> Charge:
    data = wire.as_sdk(wire.transaction(**fields))
    return mapping.charge(data, "recurly", refunds=refunds, invoice=wire.as_sdk(bill) if bill else None)


def refund(**fields: Any) -> Refund:
    return mapping.refund(wire.as_sdk(wire.refund(**fields)), "recurly", key="k")


def subscription(**fields: Any) -> Subscription:
    return mapping.subscription(wire.as_sdk(wire.subscription(**fields)), "recurly", now=NOW)


# Charges


def test_a_payment_by_card_is_a_paid_charge() -> None:
    found = charge(bill=wire.invoice())
    assert found == Charge(
        account="recurly",
        gateway="recurly",
        id="payment00001",
        customer_id="accountlayla",
        amount=usd(5000),
        captured=usd(5000),
        refunded=usd(0),
        refundable=usd(5000),
        status=ChargeStatus.PAID,
        gateway_status="success",
        created=MADE,
        payment_method=PaymentMethod(brand="Visa", last4="1111"),
        invoice_id="invoice00001",
        subscription_id="subscription",
    )


@pytest.mark.parametrize(
    ("word", "status", "captured"),
    [
        ("success", ChargeStatus.PAID, 5000),
        ("pending", ChargeStatus.PENDING, 0),
        ("processing", ChargeStatus.PENDING, 0),
        ("scheduled", ChargeStatus.PENDING, 0),
        ("declined", ChargeStatus.FAILED, 0),
        ("error", ChargeStatus.FAILED, 0),
        ("void", ChargeStatus.VOIDED, 0),
        ("chargeback", ChargeStatus.DISPUTED, 5000),
        ("of_next_year", ChargeStatus.UNKNOWN, 0),
    ],
)
def test_only_money_that_was_taken_and_not_claimed_back_is_refundable(
    word: str, status: ChargeStatus, captured: int
) -> None:
    found = charge(bill=wire.invoice(), status=word)
    assert (found.status, found.gateway_status, found.captured) == (status, word, usd(captured))
    assert found.refundable == usd(5000 if status is ChargeStatus.PAID else 0)
    assert found.disputed is (status is ChargeStatus.DISPUTED)


def test_an_authorization_holds_money_and_takes_none() -> None:
    found = charge(bill=wire.invoice(), type="authorization")
    assert (found.status, found.captured, found.refundable) == (ChargeStatus.AUTHORIZED, usd(0), usd(0))
    assert found.gateway_status == "authorization success"
    assert charge(type="authorization", status="declined").status is ChargeStatus.FAILED
    assert charge(type="capture").status is ChargeStatus.PAID


@pytest.mark.parametrize("kind", ["refund", "verify", "of_next_year"])
def test_a_transaction_that_takes_no_money_is_no_charge(kind: str) -> None:
    with pytest.raises(ValueError, match="is no charge"):
        charge(type=kind)


@pytest.mark.parametrize(
    ("given", "on_invoice", "left"),
    [
        (0, 50.0, 5000),
        (1000, 40.0, 4000),
        (0, 40.0, 4000),
        (1000, 50.0, 4000),
        (0, 0.0, 0),
        (1000, None, 4000),
        (6000, 50.0, 0),
    ],
)
def test_what_is_refundable_is_left_of_the_payment_and_of_its_invoice(
    given: int, on_invoice: float | None, left: int
) -> None:
    refunds = [refund(amount=given / 100)] if given else []
    assert charge(*refunds, bill=wire.invoice(refundable_amount=on_invoice)).refundable == usd(left)


def test_refunds_that_failed_or_were_taken_back_do_not_count() -> None:
    lost = [refund(id=f"refund{word}", status=word) for word in ("declined", "error", "void")]
    found = charge(*lost, bill=wire.invoice())
    assert (found.refunded, found.status) == (usd(0), ChargeStatus.PAID)
    partly = charge(*lost, refund(status="pending"), refund(id="r2", status="of_next_year"))
    assert (partly.refunded, partly.status) == (usd(2000), ChargeStatus.PARTIALLY_REFUNDED)
    assert charge(refund(amount=50.0)).status is ChargeStatus.REFUNDED


def test_a_payment_voided_to_give_it_back_was_taken_and_is_given_back() -> None:
    given = refund(amount=50.0, id="credit000001")
    found = charge(given, status="void", bill=wire.invoice(refundable_amount=0.0))
    assert (found.status, found.captured, found.refunded) == (ChargeStatus.VOIDED, usd(5000), usd(5000))
    assert found.refundable == usd(0)


def test_a_payment_for_several_subscriptions_names_none() -> None:
    assert charge(subscription_ids=["one", "two"]).subscription_id is None
    assert charge(subscription_ids=[]).subscription_id is None
    assert charge(subscription_ids=None).subscription_id is None


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (None, None),
        ({"object": "paypal_billing_agreement"}, PaymentMethod(brand="paypal_billing_agreement")),
        (
            {"object": "bank_account_info", "last_four": "6789"},
            PaymentMethod(brand="bank_account_info", last4="6789"),
        ),
        (
            {
                "object": "credit_card",
                "card_type": "Visa",
                "first_six": "411111",
                "last_four": "4111111111111111",
            },
            PaymentMethod(brand="Visa", last4="1111"),
        ),
    ],
)
def test_of_a_means_of_payment_the_brand_and_the_last_four_digits_are_kept(
    method: dict[str, str] | None, expected: PaymentMethod | None
) -> None:
    assert charge(payment_method=method).payment_method == expected


def test_an_amount_that_the_currency_does_not_have_is_not_read() -> None:
    with pytest.raises(ValueError, match="more decimals"):
        charge(amount=10.5, currency="JPY")
    with pytest.raises(ValueError, match="do not mix"):
        charge(bill=wire.invoice(currency="EUR"))


# Refunds


def test_a_refund_names_its_payment_and_the_operation_that_made_it() -> None:
    found = refund()
    assert (found.id, found.charge_id, found.amount) == ("refund000001", "payment00001", usd(1000))
    assert (found.operation, found.operation_key, found.status) == (None, "k", RefundStatus.SUCCEEDED)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", RefundStatus.PENDING),
        ("processing", RefundStatus.PENDING),
        ("scheduled", RefundStatus.PENDING),
        ("declined", RefundStatus.FAILED),
        ("error", RefundStatus.FAILED),
        ("void", RefundStatus.CANCELED),
        ("chargeback", RefundStatus.UNKNOWN),
    ],
)
def test_a_refunds_word_becomes_ours(word: str, status: RefundStatus) -> None:
    assert (refund(status=word).status, refund(status=word).gateway_status) == (status, word)


def test_a_refund_of_nothing_known_is_not_read() -> None:
    with pytest.raises(ValueError, match="original_transaction_id"):
        refund(original_transaction_id=None)
    with pytest.raises(ValueError, match="is no refund"):
        refund(type="purchase")


# Invoices


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("open", InvoiceStatus.OPEN),
        ("pending", InvoiceStatus.OPEN),
        ("processing", InvoiceStatus.OPEN),
        ("past_due", InvoiceStatus.PAST_DUE),
        ("paid", InvoiceStatus.PAID),
        ("closed", InvoiceStatus.PAID),
        ("failed", InvoiceStatus.UNCOLLECTIBLE),
        ("voided", InvoiceStatus.VOID),
        ("of_next_year", InvoiceStatus.UNKNOWN),
    ],
)
def test_an_invoices_word_becomes_ours(word: str, status: InvoiceStatus) -> None:
    found = mapping.invoice(wire.as_sdk(wire.invoice(state=word)), "recurly")
    assert (found.status, found.gateway_status) == (status, word)


def test_an_invoice_names_whom_and_what_it_is_for() -> None:
    found = mapping.invoice(wire.as_sdk(wire.invoice(state="past_due", balance=50.0)), "recurly")
    assert (found.number, found.customer_id, found.email) == ("1001", "accountlayla", "layla@example.com")
    assert (found.subscription_id, found.total, found.amount_due) == ("subscription", usd(5000), usd(5000))
    assert (found.due_date, found.hosted_url, found.pdf_url) == (None, None, None)


def test_only_an_invoice_that_the_customer_pays_himself_is_due_on_a_day() -> None:
    assert mapping.invoice(wire.as_sdk(wire.invoice(collection_method="manual")), "recurly").due_date == MADE


def test_a_credit_invoice_keeps_its_sign() -> None:
    found = mapping.invoice(wire.as_sdk(wire.credit(customer_notes=stamped("0" * 32))), "recurly")
    assert (found.total, found.status) == (usd(-1000), InvoiceStatus.PAID)


# Subscriptions


@pytest.mark.parametrize(
    ("word", "status", "ends"),
    [
        ("active", SubscriptionStatus.ACTIVE, False),
        ("canceled", SubscriptionStatus.ACTIVE, True),
        ("expired", SubscriptionStatus.EXPIRED, False),
        ("failed", SubscriptionStatus.CANCELED, False),
        ("future", SubscriptionStatus.INCOMPLETE, False),
        ("paused", SubscriptionStatus.PAUSED, False),
        ("of_next_year", SubscriptionStatus.UNKNOWN, False),
    ],
)
def test_a_canceled_subscription_goes_on_until_its_period_ends(
    word: str, status: SubscriptionStatus, ends: bool
) -> None:
    found = subscription(state=word)
    assert (found.status, found.gateway_status, found.cancel_at_period_end) == (status, word, ends)


@pytest.mark.parametrize(
    ("state", "trial_end", "status", "interval"),
    [
        ("active", "2026-02-10T00:00:01Z", SubscriptionStatus.TRIALING, None),
        ("active", "2026-02-10T00:00:00Z", SubscriptionStatus.ACTIVE, "month"),
        ("canceled", "2026-02-11T00:00:00Z", SubscriptionStatus.TRIALING, None),
        ("expired", "2026-02-11T00:00:00Z", SubscriptionStatus.EXPIRED, None),
    ],
)
def test_a_trial_lasts_until_its_end(
    state: str, trial_end: str, status: SubscriptionStatus, interval: str | None
) -> None:
    found = subscription(state=state, trial_started_at=wire.MADE, trial_ends_at=trial_end)
    assert (found.status, found.interval) == (status, interval)


@pytest.mark.parametrize(
    ("start", "end", "interval"),
    [
        ("2026-02-03", "2026-03-03", "month"),
        ("2026-01-31", "2026-02-28", "month"),
        ("2026-01-31", "2026-04-30", "3 months"),
        ("2026-02-28", "2027-02-28", "year"),
        ("2024-02-29", "2025-02-28", "year"),
        ("2026-02-03", "2028-02-03", "24 months"),
        ("2026-02-03", "2026-02-04", "day"),
        ("2026-02-03", "2026-02-17", "14 days"),
        ("2026-02-03", "2026-02-03", None),
        ("2026-02-03", None, None),
    ],
)
def test_the_interval_is_read_off_the_period(start: str, end: str | None, interval: str | None) -> None:
    ends = f"{end}T00:00:00Z" if end else None
    found = subscription(current_period_started_at=f"{start}T00:00:00Z", current_period_ends_at=ends)
    assert found.interval == interval


def test_a_subscription_names_its_plan_and_its_next_total() -> None:
    found = subscription(canceled_at=wire.MADE, total=12.5)
    assert (found.plan, found.amount, found.canceled_at) == ("gold", usd(1250), MADE)
    assert (found.customer_id, found.current_period_end) == (
        "accountlayla",
        datetime(2026, 3, 3, 4, 5, 6, tzinfo=UTC),
    )
    assert subscription(total=None).amount is None


# Customers


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "Layla Haddad"),
        ({"last_name": None}, "Layla"),
        ({"first_name": None, "last_name": None, "company": "Haddad Ltd."}, "Haddad Ltd."),
        ({"first_name": "", "last_name": "", "company": ""}, None),
    ],
)
def test_a_customer_is_called_by_his_name_else_by_his_company(
    fields: dict[str, Any], name: str | None
) -> None:
    assert mapping.customer(wire.as_sdk(wire.account(**fields)), "recurly", live=False).name == name


def test_the_token_that_opens_his_page_is_no_part_of_a_customer() -> None:
    found = mapping.customer(wire.as_sdk(wire.account()), "recurly", live=True)
    assert wire.account()["hosted_login_token"] not in repr(found) + repr(found.data())
    assert (found.live, found.email, found.created) == (True, "layla@example.com", MADE)
