"""The SDK's transactions, invoices, subscriptions and accounts to billctl's records. Pure functions.

Attributes and words are those of Recurly's API description and of the SDK's source. An object of another
shape raises one of `causes.UNREADABLE`. A transaction that takes money is a charge (`purchase`, `capture`,
`authorization`), one that returns it a refund; `verify` ($0 or $1 to try a card, voided at once) is neither.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from billctl.gateways.recurly.values import instant, instant_or_none, listed, money, needed, text
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoiceStatus,
    Match,
    PaymentMethod,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
    given_back,
)
from billctl.money import Money

T = TypeVar("T")

GATEWAY = "recurly"

CHARGES = frozenset({"purchase", "capture", "authorization"})
REFUND = "refund"

CHARGE_STATUS = {
    "success": ChargeStatus.PAID,
    "pending": ChargeStatus.PENDING,
    "processing": ChargeStatus.PENDING,
    "scheduled": ChargeStatus.PENDING,
    "declined": ChargeStatus.FAILED,
    "error": ChargeStatus.FAILED,
    "void": ChargeStatus.VOIDED,
    "chargeback": ChargeStatus.DISPUTED,
}

REFUND_STATUS = {
    "success": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "processing": RefundStatus.PENDING,
    "scheduled": RefundStatus.PENDING,
    "declined": RefundStatus.FAILED,
    "error": RefundStatus.FAILED,
    "void": RefundStatus.CANCELED,
}

INVOICE_STATUS = {
    "open": InvoiceStatus.OPEN,
    "pending": InvoiceStatus.OPEN,
    "processing": InvoiceStatus.OPEN,
    "past_due": InvoiceStatus.PAST_DUE,
    "paid": InvoiceStatus.PAID,
    "closed": InvoiceStatus.PAID,
    "failed": InvoiceStatus.UNCOLLECTIBLE,
    "voided": InvoiceStatus.VOID,
}
"""`closed` is a credit invoice that is used up."""

SUBSCRIPTION_STATUS = {
    "active": SubscriptionStatus.ACTIVE,
    "canceled": SubscriptionStatus.ACTIVE,
    "expired": SubscriptionStatus.EXPIRED,
    "failed": SubscriptionStatus.CANCELED,
    "future": SubscriptionStatus.INCOMPLETE,
    "paused": SubscriptionStatus.PAUSED,
}
"""`canceled` runs on until its period ends, and then becomes `expired`. `future` has not begun, and `failed`
never will: it was canceled before (the API description, on canceling one)."""

MANUAL = "manual"


def word(words: Mapping[str, T], status: str, unknown: T) -> T:
    """billctl's word for a status of Recurly's."""
    return words.get(status, unknown)


def customer(data: Any, account: str, *, live: bool, match: Match = Match.EXACT) -> Customer:
    """An account at Recurly, without history."""
    return Customer(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        email=text(data, "email"),
        name=name_of(data),
        created=instant(data.created_at),
        live=live,
        match=match,
    )


def name_of(data: object) -> str | None:
    """First and last name of an account, else the company."""
    person = " ".join(filter(None, (text(data, "first_name"), text(data, "last_name"))))
    return person or text(data, "company")


def owner_id(data: Any) -> str | None:
    """The id of the account that a transaction, an invoice or a subscription belongs to."""
    return text(getattr(data, "account", None), "id")


def invoice_id(data: Any) -> str | None:
    """The id of the invoice that a transaction stands on."""
    return text(getattr(data, "invoice", None), "id")


def is_charge(data: Any) -> bool:
    """Whether a transaction takes money."""
    return needed(data, "type") in CHARGES


def is_refund(data: Any) -> bool:
    """Whether a transaction returns money."""
    return needed(data, "type") == REFUND


def only(values: Sequence[Any]) -> str | None:
    """The one text of a list of one."""
    return str(values[0]) if len(values) == 1 else None


def refund_status(data: Any) -> RefundStatus:
    """What a refund transaction came to."""
    return word(REFUND_STATUS, needed(data, "status"), RefundStatus.UNKNOWN)


def refund(data: Any, account: str, key: str | None = None) -> Refund:
    """A refund; `key` is the operation's that the notes of its credit invoice name."""
    if not is_refund(data):
        raise ValueError(f"{needed(data, 'id')} is no refund")
    return Refund(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        charge_id=needed(data, "original_transaction_id"),
        amount=money(data.amount, data.currency),
        status=refund_status(data),
        gateway_status=needed(data, "status"),
        created=instant(data.created_at),
        operation_key=key,
    )


def payment_method(data: Any) -> PaymentMethod | None:
    """Brand and last four digits; for what is no card, Recurly's word for the kind of payment."""
    method = getattr(data, "payment_method", None)
    kind = text(method, "object")
    if kind is None:
        return None
    return PaymentMethod(brand=text(method, "card_type") or kind, last4=text(method, "last_four"))


def charge(data: Any, account: str, *, refunds: Sequence[Refund] = (), invoice: Any = None) -> Charge:
    """A transaction that takes money, with the refunds read for it.

    What can still be refunded is what is left of it, and never more than what its `invoice` (the SDK's) has
    left, where that is at hand: of that, credit given back counts too. Raises `ValueError` for a transaction
    that takes none.
    """
    if not is_charge(data):
        raise ValueError(f"{needed(data, 'id')} is no charge")
    status, kind = needed(data, "status"), needed(data, "type")
    amount = money(data.amount, data.currency)
    nothing = Money.zero(amount.currency)
    state = word(CHARGE_STATUS, status, ChargeStatus.UNKNOWN)
    if kind == "authorization" and state is ChargeStatus.PAID:
        state = ChargeStatus.AUTHORIZED
    given_up = state is ChargeStatus.VOIDED and bool(refunds)  # it was taken, and voided to give it back
    taken = given_up or state in {ChargeStatus.PAID, ChargeStatus.DISPUTED}
    captured = amount if taken else nothing
    refunded = given_back(refunds, amount.currency) if taken else nothing
    paid = state is ChargeStatus.PAID
    left = min(captured - refunded, _left_on(invoice, captured)) if paid else nothing
    return Charge(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        customer_id=owner_id(data),
        amount=amount,
        captured=captured,
        refunded=refunded,
        refundable=max(left, nothing),
        status=_paid_status(captured, refunded) if paid else state,
        gateway_status=status if kind != "authorization" else f"{kind} {status}",
        created=instant(data.created_at),
        description=text(data, "description"),
        payment_method=payment_method(data),
        disputed=state is ChargeStatus.DISPUTED,
        invoice_id=invoice_id(data),
        subscription_id=only(listed(data, "subscription_ids")),
        refunds=tuple(refunds),
    )


def _left_on(invoice: Any, unknown: Money) -> Money:
    """What an invoice has left to refund; `unknown` where it does not tell."""
    amount = getattr(invoice, "refundable_amount", None)
    return unknown if amount is None else money(amount, invoice.currency)


def _paid_status(captured: Money, refunded: Money) -> ChargeStatus:
    if not refunded:
        return ChargeStatus.PAID
    return ChargeStatus.PARTIALLY_REFUNDED if refunded < captured else ChargeStatus.REFUNDED


def invoice(data: Any, account: str) -> Invoice:
    """An invoice; a credit invoice's amounts are negative.

    It has no address of its own: the page that shows it opens to whoever has its secret link. One that is
    collected automatically has no due date.
    """
    state = needed(data, "state")
    due = instant_or_none(data, "due_at") if text(data, "collection_method") == MANUAL else None
    return Invoice(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        number=text(data, "number"),
        customer_id=owner_id(data),
        subscription_id=only(listed(data, "subscription_ids")),
        email=text(getattr(data, "account", None), "email"),
        status=word(INVOICE_STATUS, state, InvoiceStatus.UNKNOWN),
        gateway_status=state,
        total=money(data.total, data.currency),
        amount_due=money(data.balance, data.currency),
        created=instant(data.created_at),
        due_date=due,
        hosted_url=None,
        pdf_url=None,
    )


def subscription(data: Any, account: str, *, now: datetime) -> Subscription:
    """A subscription as it is at `now`, which decides whether a trial goes on. `amount` is Recurly's own
    estimate of the next total."""
    state = needed(data, "state")
    status = word(SUBSCRIPTION_STATUS, state, SubscriptionStatus.UNKNOWN)
    trial_end = instant_or_none(data, "trial_ends_at")
    in_trial = trial_end is not None and now < trial_end
    if status is SubscriptionStatus.ACTIVE and in_trial:
        status = SubscriptionStatus.TRIALING
    total = getattr(data, "total", None)
    return Subscription(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        customer_id=owner_id(data),
        plan=text(getattr(data, "plan", None), "code"),
        status=status,
        gateway_status=state,
        amount=None if total is None else money(total, data.currency),
        interval=None if in_trial else _interval(data),
        created=instant(data.created_at),
        current_period_end=instant_or_none(data, "current_period_ends_at"),
        cancel_at_period_end=state == "canceled",
        canceled_at=instant_or_none(data, "canceled_at"),
    )


def _interval(data: Any) -> str | None:
    """Whole months or days from the period's start to its end: a subscription does not name its interval."""
    start = instant_or_none(data, "current_period_started_at")
    end = instant_or_none(data, "current_period_ends_at")
    if start is None or end is None or end <= start:
        return None
    months = (end.year - start.year) * 12 + end.month - start.month
    if months >= 1 and (end.day == start.day or _is_short_month(start, end)):
        return {1: "month", 12: "year"}.get(months, f"{months} months")
    days = (end - start).days
    return "day" if days == 1 else f"{days} days" if days > 1 else None


def _is_short_month(start: datetime, end: datetime) -> bool:
    """Whether `end` is the last day of a month that has no day like `start`'s."""
    return end.day < start.day and (end + timedelta(days=1)).day == 1
