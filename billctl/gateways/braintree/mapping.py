"""The SDK's transactions, disputes and customers to billctl's records. Pure functions.

Attributes and status words are those of the SDK's source and of recorded exchanges with Braintree's
sandbox. An object of another shape raises one of `causes.UNREADABLE`. What the SDK calls a transaction is a
charge (`sale`) or a refund (`credit` with `refunded_transaction_id`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from billctl.gateways.braintree.values import instant, listed, midnight, money, needed, text
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Dispute,
    DisputeStatus,
    Match,
    PaymentMethod,
    Refund,
    RefundStatus,
    StatusChange,
    given_back,
    refundable,
)
from billctl.money import Money

T = TypeVar("T")

GATEWAY = "braintree"
STAMP = "billctl-"
"""Before the operation key in a refund's `order_id`: a field of the merchant's own, kept as sent (the SDK's
integration tests, `test_refund_with_options_params`)."""

CHARGE_STATUS = {
    "authorizing": ChargeStatus.PENDING,
    "authorized": ChargeStatus.AUTHORIZED,
    "submitted_for_settlement": ChargeStatus.SUBMITTED,
    "settlement_pending": ChargeStatus.SUBMITTED,
    "settlement_confirmed": ChargeStatus.SUBMITTED,
    "settling": ChargeStatus.PAID,
    "settled": ChargeStatus.PAID,
    "voided": ChargeStatus.VOIDED,
    "authorization_expired": ChargeStatus.FAILED,
    "settlement_declined": ChargeStatus.FAILED,
    "settlement_failed": ChargeStatus.FAILED,
    "processor_declined": ChargeStatus.FAILED,
    "gateway_rejected": ChargeStatus.FAILED,
    "failed": ChargeStatus.FAILED,
}
"""A refund works on `settled` and `settling` only; before that a void is what gives money back."""

TAKEN = frozenset({ChargeStatus.SUBMITTED, ChargeStatus.PAID})

REFUND_STATUS = {
    "authorizing": RefundStatus.PENDING,
    "authorized": RefundStatus.PENDING,
    "submitted_for_settlement": RefundStatus.PENDING,
    "settlement_pending": RefundStatus.PENDING,
    "settlement_confirmed": RefundStatus.PENDING,
    "settling": RefundStatus.PENDING,
    "settled": RefundStatus.SUCCEEDED,
    "voided": RefundStatus.CANCELED,
    "authorization_expired": RefundStatus.FAILED,
    "settlement_declined": RefundStatus.FAILED,
    "settlement_failed": RefundStatus.FAILED,
    "processor_declined": RefundStatus.FAILED,
    "gateway_rejected": RefundStatus.FAILED,
    "failed": RefundStatus.FAILED,
}

DISPUTE_STATUS = {
    "open": DisputeStatus.NEEDS_RESPONSE,
    "disputed": DisputeStatus.UNDER_REVIEW,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "accepted": DisputeStatus.LOST,
    "auto_accepted": DisputeStatus.LOST,
    "expired": DisputeStatus.LOST,
}
"""Accepted and expired (not answered in time) leave the money with the customer, as lost does."""

CONTESTED = frozenset(
    {
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
        DisputeStatus.LOST,
        DisputeStatus.UNKNOWN,
    }
)

INSTRUMENT_DETAILS = {
    "credit_card": "credit_card_details",
    "apple_pay_card": "apple_pay_details",
    "android_pay_card": "android_pay_card_details",
    "visa_checkout_card": "visa_checkout_card_details",
    "masterpass_card": "masterpass_card_details",
    "samsung_pay_card": "samsung_pay_card_details",
    "us_bank_account": "us_bank_account",
}
"""`payment_instrument_type` → where its last four digits are; others have none."""


def word(words: Mapping[str, T], status: str, unknown: T) -> T:
    """billctl's word for a status of Braintree's."""
    return words.get(status, unknown)


def name_of(data: object) -> str | None:
    """First and last name of a customer, else the company."""
    person = " ".join(filter(None, (text(data, "first_name"), text(data, "last_name"))))
    return person or text(data, "company")


def customer(data: Any, account: str, *, live: bool, match: Match = Match.EXACT) -> Customer:
    """A customer of the vault, without history."""
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


def owner_id(data: Any) -> str | None:
    """The customer of the vault who paid a transaction; None for a guest."""
    return text(getattr(data, "customer_details", None), "id")


def payer_email(data: Any) -> str | None:
    """The e-mail address a transaction was made with."""
    return text(getattr(data, "customer_details", None), "email")


def is_sale(data: Any) -> bool:
    """Whether a transaction is a charge, not money sent to a customer."""
    return needed(data, "type") == "sale"


def is_refund(data: Any) -> bool:
    """Whether a transaction gives a charge back; a credit of its own does not."""
    return not is_sale(data) and text(data, "refunded_transaction_id") is not None


def stamped(key: str) -> str:
    """The `order_id` of a refund made by the operation of this key."""
    return STAMP + key


def operation_key(data: Any) -> str | None:
    """The operation key in a refund's `order_id`, where billctl made it."""
    order = text(data, "order_id") or ""
    return order.removeprefix(STAMP) if order.startswith(STAMP) else None


def refund(data: Any, account: str) -> Refund:
    """A refund. A soft decline of the customer's bank does not fail it: Braintree goes on to settle it and
    says so in `additional_processor_response`, which stands beside the status here."""
    status = needed(data, "status")
    more = text(data, "additional_processor_response")
    return Refund(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        charge_id=needed(data, "refunded_transaction_id"),
        amount=money(data.amount, data.currency_iso_code),
        status=word(REFUND_STATUS, status, RefundStatus.UNKNOWN),
        gateway_status=f"{status} ({more})" if more else status,
        created=instant(data.created_at),
        operation_key=operation_key(data),
    )


def dispute(data: Any, account: str, *, charge_id: str | None = None) -> Dispute:
    """A dispute; `charge_id` where it came with its transaction.

    A retrieval asks for papers and moves no money. `evidence_due` is the beginning of the last day for a
    reply: none is lost by being early.
    """
    status = needed(data, "status")
    known = word(DISPUTE_STATUS, status, DisputeStatus.UNKNOWN)
    if text(data, "kind") == "retrieval" and known is not DisputeStatus.UNKNOWN:
        known = DisputeStatus.INQUIRY if status == "open" else DisputeStatus.CLOSED
    amount = getattr(data, "amount_disputed", None)
    amount = data.amount if amount is None else amount
    return Dispute(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        charge_id=charge_id or needed(data.transaction_details, "id"),
        amount=money(amount, data.currency_iso_code),
        status=known,
        gateway_status=status,
        reason=text(data, "reason"),
        created=instant(data.created_at),
        evidence_due=midnight(getattr(data, "reply_by_date", None)),
    )


def payment_method(data: Any) -> PaymentMethod | None:
    """Brand and last four digits; for what is no card, Braintree's word for the kind of instrument."""
    kind = text(data, "payment_instrument_type")
    if kind is None:
        return None
    details = getattr(data, INSTRUMENT_DETAILS.get(kind, ""), None)
    return PaymentMethod(brand=text(details, "card_type") or kind, last4=text(details, "last_4"))


def charge(data: Any, account: str, *, refunds: Sequence[Refund] = ()) -> Charge:
    """A sale with the refunds read for it; its disputes come with it.

    `refundable` follows from Braintree's rule: nothing before `settling`. Raises `ValueError` for a
    transaction that is no sale.
    """
    if not is_sale(data):
        raise ValueError(f"{needed(data, 'id')} is no sale")
    charge_id, status = needed(data, "id"), needed(data, "status")
    amount = money(data.amount, data.currency_iso_code)
    nothing = Money.zero(amount.currency)
    state = word(CHARGE_STATUS, status, ChargeStatus.UNKNOWN)
    captured = amount if state in TAKEN else nothing
    refunded = given_back(refunds, amount.currency)
    disputes = [dispute(found, account, charge_id=charge_id) for found in listed(data, "disputes")]
    disputed = any(found.status in CONTESTED for found in disputes)
    paid = state is ChargeStatus.PAID
    order = text(data, "order_id")
    return Charge(
        account=account,
        gateway=GATEWAY,
        id=charge_id,
        customer_id=owner_id(data) or payer_email(data),
        amount=amount,
        captured=captured,
        refunded=refunded,
        refundable=refundable(captured, refunded, disputes) if paid else nothing,
        status=_paid_status(captured, refunded, disputed=disputed) if paid else state,
        gateway_status=status,
        created=instant(data.created_at),
        description=f"order {order}" if order else None,
        payment_method=payment_method(data),
        disputed=disputed,
        subscription_id=text(data, "subscription_id"),
        refunds=tuple(refunds),
        status_history=status_history(data),
    )


def status_history(data: Any) -> tuple[StatusChange, ...]:
    """What the transaction became, in order of time. The merchant's user who did it is left out."""
    changes = [
        StatusChange(
            status=word(CHARGE_STATUS, event.status, ChargeStatus.UNKNOWN),
            gateway_status=str(event.status),
            at=instant(event.timestamp),
        )
        for event in listed(data, "status_history")
    ]
    return tuple(sorted(changes, key=lambda change: change.at))


def _paid_status(captured: Money, refunded: Money, *, disputed: bool) -> ChargeStatus:
    if disputed:
        return ChargeStatus.DISPUTED
    if not refunded:
        return ChargeStatus.PAID
    return ChargeStatus.PARTIALLY_REFUNDED if refunded < captured else ChargeStatus.REFUNDED
