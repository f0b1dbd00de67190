"""PayPal's subscriptions, invoices and disputes (plain dicts) as billctl's records. Pure functions.

Field names and status words are those of PayPal's API descriptions (subscriptions v1, invoicing v2,
disputes v1). A wire object of another shape raises `KeyError`, `TypeError` or `ValueError`; a currency
whose decimals at PayPal are not certain raises `Unsupported`.
"""

from datetime import datetime, timedelta

from billctl.gateways.paypal.amounts import Wire, day, from_wire, instant, optional_instant
from billctl.gateways.paypal.mapping import GATEWAY, name_of, word
from billctl.models import (
    Dispute,
    DisputeStatus,
    Invoice,
    InvoiceStatus,
    Subscription,
    SubscriptionStatus,
)
from billctl.money import Money

SUBSCRIPTION_STATUS = {
    "APPROVAL_PENDING": SubscriptionStatus.INCOMPLETE,
    "APPROVED": SubscriptionStatus.INCOMPLETE,
    "ACTIVE": SubscriptionStatus.ACTIVE,
    "SUSPENDED": SubscriptionStatus.PAUSED,
    "CANCELLED": SubscriptionStatus.CANCELED,
    "EXPIRED": SubscriptionStatus.EXPIRED,
}
INVOICE_STATUS = {
    "DRAFT": InvoiceStatus.DRAFT,
    "SCHEDULED": InvoiceStatus.DRAFT,
    "SENT": InvoiceStatus.OPEN,
    "UNPAID": InvoiceStatus.OPEN,
    "PARTIALLY_PAID": InvoiceStatus.OPEN,
    "PAYMENT_PENDING": InvoiceStatus.OPEN,
    "PAID": InvoiceStatus.PAID,
    "MARKED_AS_PAID": InvoiceStatus.PAID,
    "REFUNDED": InvoiceStatus.PAID,
    "PARTIALLY_REFUNDED": InvoiceStatus.PAID,
    "MARKED_AS_REFUNDED": InvoiceStatus.PAID,
    "CANCELLED": InvoiceStatus.VOID,
}
"""A refunded invoice was paid; what was given back stands on its charge."""

DISPUTE_STATUS = {
    "OPEN": DisputeStatus.NEEDS_RESPONSE,
    "WAITING_FOR_SELLER_RESPONSE": DisputeStatus.NEEDS_RESPONSE,
    "WAITING_FOR_BUYER_RESPONSE": DisputeStatus.UNDER_REVIEW,
    "UNDER_REVIEW": DisputeStatus.UNDER_REVIEW,
}
DISPUTE_OUTCOME = {
    "RESOLVED_BUYER_FAVOUR": DisputeStatus.LOST,
    "ACCEPTED": DisputeStatus.LOST,
    "RESOLVED_SELLER_FAVOUR": DisputeStatus.WON,
    "DENIED": DisputeStatus.WON,
    "RESOLVED_WITH_PAYOUT": DisputeStatus.WON,
    "CANCELED_BY_BUYER": DisputeStatus.CLOSED,
    "NONE": DisputeStatus.CLOSED,
}
"""Of a resolved dispute. With a payout PayPal itself paid the buyer, and the merchant kept his money."""

NET_DAYS = {
    "DUE_ON_RECEIPT": 0,
    "NET_10": 10,
    "NET_15": 15,
    "NET_30": 30,
    "NET_45": 45,
    "NET_60": 60,
    "NET_90": 90,
}


def subscription(data: Wire, account: str) -> Subscription:
    """A subscription. Amount and interval are those of its plan's regular cycle, None where that is not
    one fixed price or the plan was not asked for."""
    billing = data.get("billing_info") or {}
    status = str(data["status"])
    subscriber = data.get("subscriber") or {}
    plan = data.get("plan") or {}
    regular = [cycle for cycle in plan.get("billing_cycles") or () if cycle.get("tenure_type") == "REGULAR"]
    return Subscription(
        account=account,
        gateway=GATEWAY,
        id=str(data["id"]),
        customer_id=subscriber.get("payer_id") or subscriber.get("email_address"),
        plan=plan.get("name") or data.get("plan_id"),
        status=_subscription_status(status, billing),
        gateway_status=status,
        amount=_price(regular[0], data) if len(regular) == 1 else None,
        interval=_interval(regular[0]) if len(regular) == 1 else None,
        created=instant(data.get("create_time") or data["start_time"]),
        current_period_end=optional_instant(billing.get("next_billing_time")),
        cancel_at_period_end=False,
        canceled_at=optional_instant(data.get("status_update_time")) if status == "CANCELLED" else None,
    )


def _subscription_status(status: str, billing: Wire) -> SubscriptionStatus:
    """PayPal's one word ACTIVE, told apart by what it says besides: a running trial, payments that failed."""
    if status == "ACTIVE":
        if any(_is_trial(cycle) for cycle in billing.get("cycle_executions") or ()):
            return SubscriptionStatus.TRIALING
        owed = billing.get("outstanding_balance")
        if billing.get("failed_payments_count") and owed and from_wire(owed).minor > 0:
            return SubscriptionStatus.PAST_DUE
    return SUBSCRIPTION_STATUS.get(status, SubscriptionStatus.UNKNOWN)


def _is_trial(cycle: Wire) -> bool:
    left = cycle.get("cycles_remaining")
    return cycle.get("tenure_type") == "TRIAL" and type(left) is int and left > 0


def _price(cycle: Wire, data: Wire) -> Money | None:
    price = (cycle.get("pricing_scheme") or {}).get("fixed_price")
    quantity = str(data.get("quantity") or "1")
    if not price or not quantity.isdigit():
        return None
    each = from_wire(price)
    return Money(each.minor * int(quantity), each.currency)


def _interval(cycle: Wire) -> str:
    frequency = cycle["frequency"]
    unit, count = str(frequency["interval_unit"]).lower(), frequency.get("interval_count", 1)
    return unit if count == 1 else f"{count} {unit}s"


def invoice(data: Wire, account: str, *, now: datetime) -> Invoice:
    """An invoice; sent, not paid and due before `now` is past due."""
    detail = data["detail"]
    meta = detail.get("metadata") or {}
    total = from_wire(data["amount"])
    due = _due(detail)
    status = word(INVOICE_STATUS, data.get("status"), InvoiceStatus.UNKNOWN)
    if status is InvoiceStatus.OPEN and due is not None and due < now:
        status = InvoiceStatus.PAST_DUE
    created = meta.get("create_time")
    return Invoice(
        account=account,
        gateway=GATEWAY,
        id=str(data["id"]),
        number=detail.get("invoice_number"),
        customer_id=recipient(data)[0],
        subscription_id=None,
        email=recipient(data)[0],
        status=status,
        gateway_status=str(data.get("status") or ""),
        total=total,
        amount_due=from_wire(data["due_amount"]) if data.get("due_amount") else _due_amount(status, total),
        created=instant(created) if created else day(detail["invoice_date"]),
        due_date=due,
        hosted_url=meta.get("recipient_view_url"),
        pdf_url=None,
    )


def _due_amount(status: InvoiceStatus, total: Money) -> Money:
    owed = status in {InvoiceStatus.OPEN, InvoiceStatus.PAST_DUE, InvoiceStatus.DRAFT}
    return total if owed else Money.zero(total.currency)


def _due(detail: Wire) -> datetime | None:
    """The end of the day an invoice is due on; None where it has no due date."""
    term = detail.get("payment_term") or {}
    if term.get("due_date"):
        return day(term["due_date"]) + timedelta(days=1, seconds=-1)
    days = NET_DAYS.get(str(term.get("term_type")))
    if days is None or not detail.get("invoice_date"):
        return None
    return day(detail["invoice_date"]) + timedelta(days=days + 1, seconds=-1)


def recipient(data: Wire) -> tuple[str | None, str | None]:
    """E-mail and name of an invoice's first recipient; of a business, its name."""
    for person in data.get("primary_recipients") or ():
        billing = person.get("billing_info") or {}
        name = name_of(billing.get("name")) or billing.get("business_name")
        if billing.get("email_address") or name:
            return billing.get("email_address"), name
    return None, None


def invoice_payments(data: Wire) -> list[str]:
    """The PayPal transactions that paid an invoice."""
    paid = (data.get("payments") or {}).get("transactions") or ()
    return [str(item["payment_id"]) for item in paid if item.get("payment_id")]


def dispute(data: Wire, account: str, *, charge_id: str | None = None) -> Dispute:
    """A dispute in full; the list's rows name neither transaction nor outcome. Of several transactions in
    it `charge_id` is named where it is one of them, else the first."""
    status = str(data.get("status") or "")
    charges = disputed_charges(data)
    return Dispute(
        account=account,
        gateway=GATEWAY,
        id=str(data["dispute_id"]),
        charge_id=charge_id if charge_id in charges else charges[0] if charges else "",
        amount=from_wire(data["dispute_amount"]),
        status=_dispute_status(status, data),
        gateway_status=status,
        reason=str(data["reason"]).lower() if data.get("reason") else None,
        created=instant(data["create_time"]),
        evidence_due=optional_instant(data.get("seller_response_due_date")),
    )


def disputed_charges(data: Wire) -> list[str]:
    """The transactions a dispute is about, by the ids the merchant knows them by."""
    found = (item.get("seller_transaction_id") for item in data.get("disputed_transactions") or ())
    return [str(item) for item in found if item]


def _dispute_status(status: str, data: Wire) -> DisputeStatus:
    if status == "RESOLVED":
        outcome = (data.get("dispute_outcome") or {}).get("outcome_code")
        return word(DISPUTE_OUTCOME, outcome, DisputeStatus.UNKNOWN)
    if data.get("dispute_life_cycle_stage") == "INQUIRY" and status in DISPUTE_STATUS:
        return DisputeStatus.INQUIRY
    return DISPUTE_STATUS.get(status, DisputeStatus.UNKNOWN)
