"""Stripe's wire objects (plain dicts) to billctl's records, and amounts both ways. Pure functions.

Field names and status words are those of Stripe's OpenAPI description of 2026-05-27 ("dahlia").
A wire object of another shape raises `KeyError`, `TypeError` or `ValueError`; a currency whose form at
Stripe is not certain raises `Unsupported`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from billctl.errors import Unsupported
from billctl.iso4217 import EXPONENTS
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
    given_back,
    refundable,
)
from billctl.money import Money

Wire = Mapping[str, Any]
T = TypeVar("T")

GATEWAY = "stripe"
KEY, REASON_CODE = "billctl_key", "billctl_reason_code"
"""Metadata of what billctl changed: metadata is for the merchant only (docs.stripe.com/api/metadata)."""

ZERO_DECIMAL = frozenset(
    {
        "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA",
        "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
    }
)  # fmt: skip
"""Sent as whole units (docs.stripe.com/currencies, zero-decimal). MGA has two decimals in ISO 4217."""

THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Sent with three decimals of which the last must be 0 (docs.stripe.com/currencies, three-decimal)."""

HUNDREDTHS_OF_WHOLE = frozenset({"ISK"})
"""No decimals in ISO 4217, sent with two that are always 00 (docs.stripe.com/currencies, special cases)."""

CONTRADICTORY = {
    "UGX": "Stripe's own page (docs.stripe.com/currencies) gives it both no decimals and two",
}

REFUND_STATUS = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.CANCELED,
}
SUBSCRIPTION_STATUS = {
    "incomplete": SubscriptionStatus.INCOMPLETE,
    "incomplete_expired": SubscriptionStatus.EXPIRED,
    "trialing": SubscriptionStatus.TRIALING,
    "active": SubscriptionStatus.ACTIVE,
    "past_due": SubscriptionStatus.PAST_DUE,
    "canceled": SubscriptionStatus.CANCELED,
    "unpaid": SubscriptionStatus.UNPAID,
    "paused": SubscriptionStatus.PAUSED,
}
INVOICE_STATUS = {
    "draft": InvoiceStatus.DRAFT,
    "open": InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "uncollectible": InvoiceStatus.UNCOLLECTIBLE,
    "void": InvoiceStatus.VOID,
}
DISPUTE_STATUS = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.CLOSED,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "prevented": DisputeStatus.PREVENTED,
}


def wire_exponent(currency: str) -> int:
    """Decimals of `currency` in an amount that Stripe reads or writes.

    Raises `Unsupported` where that is not certain: UGX, a code ISO 4217 does not list, and currencies
    whose ISO decimals are not two and which Stripe's page does not name (IQD, LYD, CLF …).
    """
    if currency in ZERO_DECIMAL:
        return 0
    if currency in THREE_DECIMAL:
        return 3
    if currency in HUNDREDTHS_OF_WHOLE:
        return 2
    if EXPONENTS.get(currency) == 2:
        return 2
    why = CONTRADICTORY.get(currency, "Stripe does not document how its amounts are written")
    raise Unsupported(
        f"amounts in {currency} are not read or sent at Stripe: {why}",
        code="currency_not_certain",
        hint="Use Stripe's dashboard for this object.",
    )


def amount_step(currency: str) -> int:
    """The smallest difference between two amounts Stripe takes, in ISO minor units of `currency`."""
    if currency in THREE_DECIMAL:
        return 10
    return int(10 ** max(EXPONENTS[currency] - wire_exponent(currency), 0))


def to_wire(amount: Money) -> int:
    """`amount` as the integer Stripe reads. Raises `ValueError` for one finer than `amount_step`."""
    if amount.minor % amount_step(amount.currency):
        raise ValueError(f"{amount} is finer than Stripe takes {amount.currency}")
    shift = wire_exponent(amount.currency) - EXPONENTS[amount.currency]
    return int(amount.minor * 10**shift if shift >= 0 else amount.minor // 10**-shift)


def from_wire(amount: object, currency: str) -> Money:
    """The integer Stripe wrote, in `currency` (Stripe's lower case), as money.

    Raises `TypeError` for anything but an int, `ValueError` for one that ISO's minor units cannot hold.
    """
    if type(amount) is not int:
        raise TypeError(f"an amount is an integer, not {type(amount).__name__}")
    code = currency.upper()
    shift = EXPONENTS.get(code, 0) - wire_exponent(code)
    if shift >= 0:
        return Money(amount * 10**shift, code)
    minor, rest = divmod(amount, 10**-shift)
    if rest:
        raise ValueError(f"{amount} {code} has a fraction that {code} does not have")
    return Money(minor, code)


def instant(seconds: object) -> datetime:
    """Stripe's seconds since 1970 as an aware UTC instant."""
    if type(seconds) is not int:
        raise TypeError(f"a time is an integer, not {type(seconds).__name__}")
    return datetime.fromtimestamp(seconds, UTC)


def optional_instant(seconds: object) -> datetime | None:
    """As `instant`; None stays None."""
    return None if seconds is None else instant(seconds)


def id_of(value: object) -> str | None:
    """The id of a field that is an id, an expanded object, or null."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, Mapping):
        return str(value["id"])
    raise TypeError(f"a reference is an id or an object, not {type(value).__name__}")


def _word(words: Mapping[str, T], word: object, unknown: T) -> T:
    return words.get(word, unknown) if isinstance(word, str) else unknown


def customer(data: Wire, account: str, *, live: bool, match: Match = Match.EXACT) -> Customer:
    """A customer, or what is left of a deleted one (`deleted: true`, only an id)."""
    return Customer(
        account=account,
        gateway=GATEWAY,
        id=data["id"],
        email=data.get("email"),
        name=data.get("name"),
        created=optional_instant(data.get("created")),
        live=bool(data.get("livemode", live)),
        match=match,
    )


def refund(data: Wire, account: str) -> Refund:
    """A refund. `charge_id` falls back to the payment intent, which every newer refund names.

    `operation` stays None: only the operation's key is stamped, see `changes.stamped`.
    """
    stamp = data.get("metadata") or {}
    return Refund(
        account=account,
        gateway=GATEWAY,
        id=data["id"],
        charge_id=id_of(data.get("charge")) or id_of(data.get("payment_intent")) or "",
        amount=from_wire(data["amount"], data["currency"]),
        status=_word(REFUND_STATUS, data.get("status"), RefundStatus.UNKNOWN),
        gateway_status=data.get("status") or "",
        created=instant(data["created"]),
        reason_code=stamp.get(REASON_CODE) or data.get("reason"),
        operation_key=stamp.get(KEY),
    )


def dispute(data: Wire, account: str) -> Dispute:
    """A dispute."""
    return Dispute(
        account=account,
        gateway=GATEWAY,
        id=data["id"],
        charge_id=id_of(data["charge"]) or "",
        amount=from_wire(data["amount"], data["currency"]),
        status=_word(DISPUTE_STATUS, data["status"], DisputeStatus.UNKNOWN),
        gateway_status=data["status"],
        reason=data.get("reason"),
        created=instant(data["created"]),
        evidence_due=optional_instant((data.get("evidence_details") or {}).get("due_by")),
    )


def charge_status(data: Wire) -> ChargeStatus:
    """The one word that says most of a charge: Stripe spreads it over `status` and four flags."""
    if data["status"] != "succeeded":
        simple = {"pending": ChargeStatus.PENDING, "failed": ChargeStatus.FAILED}
        return _word(simple, data["status"], ChargeStatus.UNKNOWN)
    if not data["captured"]:
        return ChargeStatus.VOIDED if data["refunded"] else ChargeStatus.AUTHORIZED
    if data["disputed"]:
        return ChargeStatus.DISPUTED
    if data["refunded"]:
        return ChargeStatus.REFUNDED
    return ChargeStatus.PARTIALLY_REFUNDED if data["amount_refunded"] else ChargeStatus.PAID


def payment_method(data: Wire) -> PaymentMethod | None:
    """Brand and last four digits; for what is no card, the kind of payment and Stripe's `last4` if any."""
    details = data.get("payment_method_details")
    if not details:
        return None
    kind = details.get("type")
    part = details.get(kind) or {}
    return PaymentMethod(brand=part.get("brand") or kind, last4=part.get("last4"))


def charge(
    data: Wire,
    account: str,
    *,
    refunds: Sequence[Refund] = (),
    disputes: Sequence[Dispute] = (),
    invoice_id: str | None = None,
    subscription_id: str | None = None,
) -> Charge:
    """A charge with the refunds and disputes read for it.

    `refunded` is the larger of Stripe's `amount_refunded` and the refunds' own sum: whether the former
    counts pending refunds is not documented. `refundable` follows from it and the lost disputes.
    """
    currency = data["currency"]
    captured = from_wire(data["amount_captured"], currency)
    refunded = max(from_wire(data["amount_refunded"], currency), given_back(refunds, captured.currency))
    return Charge(
        account=account,
        gateway=GATEWAY,
        id=data["id"],
        customer_id=id_of(data.get("customer")),
        amount=from_wire(data["amount"], currency),
        captured=captured,
        refunded=refunded,
        refundable=refundable(captured, refunded, disputes),
        status=charge_status(data),
        gateway_status=data["status"],
        created=instant(data["created"]),
        description=data.get("description"),
        payment_method=payment_method(data),
        disputed=bool(data["disputed"]),
        invoice_id=invoice_id,
        subscription_id=subscription_id,
        refunds=tuple(refunds),
    )


def subscription(data: Wire, account: str) -> Subscription:
    """A subscription. Amount and interval are None where its items do not make one fixed price."""
    items = data["items"]["data"]
    ends = [item["current_period_end"] for item in items if item.get("current_period_end")]
    whole = not data["items"].get("has_more")
    return Subscription(
        account=account,
        gateway=GATEWAY,
        id=data["id"],
        customer_id=id_of(data["customer"]),
        plan=", ".join(_plan(item["price"]) for item in items) or None,
        status=_word(SUBSCRIPTION_STATUS, data["status"], SubscriptionStatus.UNKNOWN),
        gateway_status=data["status"],
        amount=_recurring_amount(items, data["currency"]) if whole else None,
        interval=_interval(items),
        created=instant(data["created"]),
        current_period_end=instant(min(ends)) if ends else None,
        cancel_at_period_end=bool(data["cancel_at_period_end"]),
        canceled_at=optional_instant(data.get("canceled_at")),
        operation_key=(data.get("metadata") or {}).get(KEY),
    )


def _plan(price: Wire) -> str:
    return str(price.get("nickname") or price.get("lookup_key") or price["id"])


def _recurring_amount(items: Sequence[Wire], currency: str) -> Money | None:
    total = 0
    for item in items:
        unit, quantity = item["price"].get("unit_amount"), item.get("quantity")
        if type(unit) is not int or type(quantity) is not int:
            return None  # tiered, metered, or priced in fractions of a minor unit
        total += unit * quantity
    return from_wire(total, currency) if items and _interval(items) else None


def _interval(items: Sequence[Wire]) -> str | None:
    every = {
        (rule["interval_count"], rule["interval"])
        for item in items
        if (rule := item["price"].get("recurring"))
    }
    if len(every) != 1:
        return None
    count, unit = every.pop()
    return str(unit) if count == 1 else f"{count} {unit}s"


def invoice(data: Wire, account: str, *, now: datetime) -> Invoice:
    """An invoice; open and due before `now` is past due."""
    due = optional_instant(data.get("due_date"))
    status = _word(INVOICE_STATUS, data.get("status"), InvoiceStatus.UNKNOWN)
    if status is InvoiceStatus.OPEN and due is not None and due < now:
        status = InvoiceStatus.PAST_DUE
    return Invoice(
        account=account,
        gateway=GATEWAY,
        id=data["id"],
        number=data.get("number"),
        customer_id=id_of(data.get("customer")),
        subscription_id=invoice_subscription(data),
        email=data.get("customer_email"),
        status=status,
        gateway_status=data.get("status") or "",
        total=from_wire(data["total"], data["currency"]),
        amount_due=from_wire(data["amount_due"], data["currency"]),
        created=instant(data["created"]),
        due_date=due,
        hosted_url=data.get("hosted_invoice_url"),
        pdf_url=data.get("invoice_pdf"),
    )


def invoice_subscription(data: Wire) -> str | None:
    """The subscription that made an invoice; since "basil" it is named under `parent`."""
    details = (data.get("parent") or {}).get("subscription_details") or {}
    return id_of(details.get("subscription"))


def invoice_payments(data: Wire) -> list[str]:
    """The payment intents and charges that pay an invoice, when `payments` was expanded."""
    paid: list[str] = []
    for payment in (data.get("payments") or {}).get("data", ()):
        by = payment["payment"]
        paid += [found for field in ("payment_intent", "charge") if (found := id_of(by.get(field)))]
    return paid


def account_name(data: Wire) -> str | None:
    """An account's name: that of the business, else of the dashboard, else an e-mail."""
    profile = data.get("business_profile") or {}
    dashboard = (data.get("settings") or {}).get("dashboard") or {}
    return profile.get("name") or dashboard.get("display_name") or data.get("email")
