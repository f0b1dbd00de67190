"""Acme's JSON as billctl's records: pure functions. An unknown status is `unknown`, never a guess."""

from datetime import UTC, datetime
from typing import Any

from billctl.gateway import Account
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoiceStatus,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
    given_back,
    refundable,
)
from billctl.money import Money

Json = dict[str, Any]

HELD = {"held": ChargeStatus.AUTHORIZED, "released": ChargeStatus.VOIDED}
SUBSCRIPTION = {"running": SubscriptionStatus.ACTIVE, "ended": SubscriptionStatus.CANCELED}
INVOICE = {"open": InvoiceStatus.OPEN, "paid": InvoiceStatus.PAID}
REFUND = {"done": RefundStatus.SUCCEEDED, "waiting": RefundStatus.PENDING}


def money(data: Json) -> Money:
    """Acme counts in ISO 4217 minor units, as billctl does. One with decimals converts here, exactly."""
    return Money(data["minor"], data["currency"])


def moment(seconds: int) -> datetime:
    """Acme counts seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def customer(data: Json, account: Account) -> Customer:
    """One customer, without history."""
    return Customer(
        account=account.name,
        gateway=account.gateway,
        id=data["id"],
        email=data["email"],
        name=data["name"],
        created=moment(data["created"]),
        live=account.live,
    )


def charge(data: Json, account: Account) -> Charge:
    """One charge with its refunds."""
    amount = money(data)
    refunds = tuple(refund(each, account) for each in data["refunds"])
    given = given_back(refunds, amount.currency)
    captured = Money.zero(amount.currency) if data["status"] in HELD else amount
    return Charge(
        account=account.name,
        gateway=account.gateway,
        id=data["id"],
        customer_id=data["customer"],
        amount=amount,
        captured=captured,
        refunded=given,
        refundable=refundable(captured, given, ()),
        status=_charge_status(data["status"], captured, given),
        gateway_status=data["status"],
        created=moment(data["created"]),
        refunds=refunds,
    )


def _charge_status(word: str, captured: Money, given: Money) -> ChargeStatus:
    if word != "paid":
        return HELD.get(word, ChargeStatus.UNKNOWN)
    if not given:
        return ChargeStatus.PAID
    return ChargeStatus.REFUNDED if given == captured else ChargeStatus.PARTIALLY_REFUNDED


def refund(data: Json, account: Account) -> Refund:
    """One refund; Acme keeps the key it was made under."""
    return Refund(
        account=account.name,
        gateway=account.gateway,
        id=data["id"],
        charge_id=data["charge"],
        amount=money(data),
        status=REFUND.get(data["status"], RefundStatus.UNKNOWN),
        gateway_status=data["status"],
        created=moment(data["created"]),
        reason_code=data["reason"],
        operation_key=data["key"],
    )


def subscription(data: Json, account: Account) -> Subscription:
    """One subscription."""
    return Subscription(
        account=account.name,
        gateway=account.gateway,
        id=data["id"],
        customer_id=data["customer"],
        plan=data["plan"],
        status=SUBSCRIPTION.get(data["status"], SubscriptionStatus.UNKNOWN),
        gateway_status=data["status"],
        amount=money(data),
        interval="month",
        created=moment(data["created"]),
        current_period_end=moment(data["period_end"]),
        cancel_at_period_end=data["ends_with_period"],
        canceled_at=None,
    )


def invoice(data: Json, account: Account) -> Invoice:
    """One invoice."""
    total = money(data)
    return Invoice(
        account=account.name,
        gateway=account.gateway,
        id=data["id"],
        number=data["id"],
        customer_id=data["customer"],
        subscription_id=None,
        email=data["email"],
        status=INVOICE.get(data["status"], InvoiceStatus.UNKNOWN),
        gateway_status=data["status"],
        total=total,
        amount_due=total if data["status"] == "open" else Money.zero(total.currency),
        created=moment(data["created"]),
        due_date=None,
        hosted_url=None,
        pdf_url=None,
    )
