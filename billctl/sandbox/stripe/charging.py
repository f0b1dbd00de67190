"""Taking a payment: what a charge, a payment intent and an invoice have in common."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.stripe.call import Call
from billctl.sandbox.stripe.errors import ApiError
from billctl.sandbox.stripe.records import charge_record, dispute_record, failure


def take(call: Call, card: dict[str, Any], details: Record, *, capture: bool) -> Record:
    """Charge a test card and store the charge; a declined card stores a failed one.

    `details` are the charge's amount, currency, customer, payment intent and the like. Whether it
    failed is in `status`; `declined` makes the error.
    """
    charge = charge_record(call.new_id("ch"), call.now, details, card, capture=capture)
    decline = card.get("decline")
    if decline:
        charge |= failure(decline)
    call.objects.add(charge)
    call.event("charge.failed" if decline else "charge.succeeded", charge)
    if card.get("dispute") and not decline:
        open_dispute(call, charge, card["dispute"])
    return charge


def open_dispute(call: Call, charge: Record, status: str) -> Record:
    """Dispute a charge."""
    charge["disputed"] = True
    call.objects.save(charge)
    dispute = dispute_record(call.new_id("dp"), call.now, charge, status, "fraudulent")
    call.event("charge.dispute.created", dispute)
    return call.objects.add(dispute)


def declined(charge: Record, **more: Any) -> ApiError:
    """402 for a failed charge, which stays stored."""
    code = charge["failure_code"]
    return ApiError(
        402,
        charge["failure_message"],
        kind="card_error",
        code=code,
        charge=charge["id"],
        decline_code=charge["_decline"],
        acted=True,
        **more,
    )


def capture(call: Call, charge: Record, amount: int) -> Record:
    """Take `amount` of an authorised charge; what is left is released."""
    charge |= {
        "captured": True,
        "amount_captured": amount,
        "balance_transaction": f"txn_{charge['id'].removeprefix('ch_')}",
        "amount_refunded": charge["amount"] - amount,
    }
    call.event("charge.captured", charge)
    return call.objects.save(charge)
