"""New records, for endpoints and for the seeded shop alike."""

from typing import Any

from billctl.sandbox.database import Record

DAY = 86_400
DECLINES = {
    "card_declined": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "insufficient_funds": "Your card has insufficient funds.",
}
ANSWER_DAYS = 9
"""Days a merchant has for a dispute's evidence here."""


def charge_record(
    key: str, created: int, details: Record, card: dict[str, Any], *, capture: bool = True
) -> Record:
    """A charge that went through, captured or only authorised."""
    amount = details["amount"]
    return {
        "id": key,
        "object": "charge",
        "created": created,
        "amount_captured": amount if capture else 0,
        "amount_refunded": 0,
        "balance_transaction": f"txn_{key.removeprefix('ch_')}" if capture else None,
        "captured": capture,
        "paid": True,
        "status": "succeeded",
        **details,
        "_card": card,
    }


def dispute_record(key: str, created: int, charge: Record, status: str, reason: str) -> Record:
    """A dispute of a charge's whole amount.

    Whether a charge whose dispute was won can be refunded could not be verified; here it can.
    """
    return {
        "id": key,
        "object": "dispute",
        "created": created,
        "amount": charge["amount"],
        "charge": charge["id"],
        "currency": charge["currency"],
        "is_charge_refundable": status.startswith("warning") or status == "won",
        "payment_intent": charge.get("payment_intent"),
        "reason": reason,
        "status": status,
        "_brand": charge["_card"]["brand"],
        "_due_by": created + ANSWER_DAYS * DAY,
    }


def intent_record(key: str, created: int, **fields: Any) -> Record:
    """A payment intent without a payment method."""
    return {
        "id": key,
        "object": "payment_intent",
        "created": created,
        "status": "requires_payment_method",
        **fields,
    }


def failure(decline: tuple[str, str]) -> Record:
    """What makes a charge a failed one; `decline` is its code and decline code."""
    return {
        "status": "failed",
        "paid": False,
        "captured": False,
        "amount_captured": 0,
        "balance_transaction": None,
        "failure_code": decline[0],
        "failure_message": DECLINES.get(decline[1]) or DECLINES[decline[0]],
        "_decline": decline[1],
    }


def invoice_payment_record(
    key: str, created: int, invoice: Record, intent: str, amount: int, *, paid: bool
) -> Record:
    """The link between an invoice and the payment intent that pays it."""
    return {
        "id": key,
        "object": "invoice_payment",
        "created": created,
        "amount_paid": amount if paid else None,
        "amount_requested": amount,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "payment": {"payment_intent": intent, "type": "payment_intent"},
        "payment_intent": intent,
        "status": "paid" if paid else "open",
        "status_transitions": {"canceled_at": None, "paid_at": created if paid else None},
    }
