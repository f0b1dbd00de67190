"""A customer's history as a person reads it: one dated order, what can be done, who has the same address."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billctl.cli.history import customer_view, same_email_beside
from billctl.cli.layout import render
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Dispute,
    DisputeStatus,
    Invoice,
    InvoiceStatus,
    Match,
    PaymentMethod,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from billctl.money import Money

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OWN: dict[str, Any] = {"account": "shop", "gateway": "acme"}


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def charge(name: str, days: int, **more: Any) -> Charge:
    fields: dict[str, Any] = {
        "customer_id": "P1",
        "amount": Money(4900, "USD"),
        "captured": Money(4900, "USD"),
        "refunded": Money(0, "USD"),
        "refundable": Money(4900, "USD"),
        "status": ChargeStatus.PAID,
        "gateway_status": "x",
        "payment_method": PaymentMethod(brand="visa", last4="4242"),
    }
    return Charge(**OWN, id=name, created=ago(days), **(fields | more))


def refund(name: str, of: str, days: int) -> Refund:
    return Refund(
        **OWN, id=name, charge_id=of, amount=Money(2000, "USD"), status=RefundStatus.SUCCEEDED,
        gateway_status="x", created=ago(days),
    )  # fmt: skip


def invoice(name: str, days: int) -> Invoice:
    return Invoice(
        **OWN, id=name, number="PRO-0042", customer_id="P1", subscription_id=None, email=None,
        status=InvoiceStatus.PAST_DUE, gateway_status="open", total=Money(12000, "USD"),
        amount_due=Money(12000, "USD"), created=ago(days), due_date=ago(20), hosted_url=None, pdf_url=None,
    )  # fmt: skip


def dispute(name: str, of: str, days: int) -> Dispute:
    return Dispute(
        **OWN, id=name, charge_id=of, amount=Money(4900, "USD"), status=DisputeStatus.NEEDS_RESPONSE,
        gateway_status="x", reason="not_received", created=ago(days),
        evidence_due=NOW + timedelta(days=4, hours=1),
    )  # fmt: skip


def customer(name: str, email: str | None = None, **more: Any) -> Customer:
    return Customer(**OWN, id=name, email=email, name=name, created=ago(400), live=False, **more)


def shown(one: Customer, **more: bool) -> list[str]:
    return render(customer_view(one, now=NOW, **more), colour=False, width=None).splitlines()


def test_all_that_happened_is_one_order_newest_first_with_each_refund_and_dispute_at_its_own_date() -> None:
    part = charge(
        "C2", 40, status=ChargeStatus.PARTIALLY_REFUNDED, refunded=Money(2000, "USD"),
        refunds=(refund("R1", "C2", 31),),
    )  # fmt: skip
    hit = charge("C1", 25, status=ChargeStatus.DISPUTED, disputed=True)
    lines = shown(
        customer(
            "Layla", charges=(hit, part), invoices=(invoice("I1", 35),), disputes=(dispute("D1", "C1", 3),)
        )
    )
    assert lines[1] == "  history"
    rows = [line.split(None, 3) for line in lines[2:]]
    assert [(row[1], row[2]) for row in rows] == [
        ("dispute", "shop:D1"),
        ("charge", "shop:C1"),
        ("refund", "shop:R1"),
        ("invoice", "shop:I1"),
        ("charge", "shop:C2"),
    ]
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    told = [" ".join(row[3].split()) for row in rows]
    assert told == [
        "49.00 USD evidence due in 4 days of C1 not received",
        "49.00 USD disputed visa 4242",
        "20.00 USD succeeded of C2",
        "120.00 USD past due 20 days PRO-0042",
        "49.00 USD 20.00 back visa 4242",
    ]


def test_of_one_instant_what_follows_from_another_stands_above_it() -> None:
    whole = charge("C1", 5, refunds=(refund("R1", "C1", 5),), disputed=True)
    lines = shown(
        customer("L", charges=(whole,), invoices=(invoice("I1", 5),), disputes=(dispute("D1", "C1", 5),))
    )
    assert [line.split()[1] for line in lines[2:]] == ["dispute", "refund", "charge", "invoice"]


def test_a_bill_and_its_payment_that_are_one_object_are_one_event() -> None:
    waiting = charge("2", 4, status=ChargeStatus.PENDING, captured=Money(0, "USD"))
    lines = shown(
        customer("L", charges=(charge("1", 5), waiting), invoices=(invoice("1", 5), invoice("2", 4)))
    )
    assert [tuple(line.split()[1:3]) for line in lines[2:]] == [("invoice", "shop:2"), ("charge", "shop:1")]


@pytest.mark.parametrize(
    ("status", "word"),
    [(ChargeStatus.AUTHORIZED, "authorized"), (ChargeStatus.SUBMITTED, "submitted for settlement")],
)
def test_what_is_not_settled_says_what_can_be_done(status: ChargeStatus, word: str) -> None:
    one = customer("L", charges=(charge("C1", 1, status=status),))
    assert f"{word}: void, not refund" in shown(one, voids=True)[2]
    assert f"{word}: no refund yet" in shown(one)[2]


def test_customers_with_one_address_stand_together_and_nothing_else_of_them_is_mixed() -> None:
    people = [customer("A", "l@example.com"), customer("B", "x@example.com"), customer("C", "L@example.com")]
    assert [(p.id, same) for p, same in same_email_beside(people)] == [
        ("A", False),
        ("C", True),
        ("B", False),
    ]
    assert "same e-mail" in shown(people[2], same_email=True)[0]
    assert "same e-mail" not in shown(people[0])[0]


def test_customers_without_an_address_have_nothing_in_common() -> None:
    people = [customer("A"), customer("B")]
    assert list(same_email_beside(people)) == [(people[0], False), (people[1], False)]


def test_a_near_match_is_marked() -> None:
    assert "near match" in shown(customer("L", match=Match.PARTIAL))[0]
    assert "near match" not in shown(customer("L"))[0]


def test_a_customer_without_any_history_says_so() -> None:
    assert shown(customer("L"))[1:] == ["  no charges, subscriptions or invoices"]


def test_a_subscriptions_plan_is_whole_on_a_terminal_of_80_columns() -> None:
    subscription = Subscription(
        **OWN, id="sub_1MowQVLkdIwHu7ixeRlqHVzs", customer_id="P1", plan="pro monthly",
        status=SubscriptionStatus.ACTIVE, gateway_status="active", amount=Money(4900, "USD"),
        interval="month", created=NOW, current_period_end=ago(-19), cancel_at_period_end=False,
        canceled_at=None,
    )  # fmt: skip
    view = customer_view(customer("P1", subscriptions=(subscription,)), now=NOW)
    assert render(view, colour=False, width=80).splitlines()[-2:] == [
        "    shop:sub_1MowQVLkdIwHu7ixeRlqHVzs  49.00 USD  month  active until 2026-12-10",
        "      pro monthly",
    ]
