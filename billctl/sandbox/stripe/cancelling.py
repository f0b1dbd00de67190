"""Ending a subscription."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.stripe.call import Call


def cancel_now(call: Call, subscription: Record, details: dict[str, Any] | None = None) -> Record:
    """End a subscription at once and stop the automatic collection of its open invoices."""
    subscription |= {
        "status": "canceled",
        "canceled_at": call.now,
        "ended_at": call.now,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "cancellation_details": {
            "comment": None,
            "feedback": None,
            **(details or {}),
            "reason": "cancellation_requested",
        },
    }
    for invoice in call.objects.select("invoice", {"subscription": subscription["id"], "status": "open"}):
        invoice |= {"auto_advance": False, "next_payment_attempt": None}
        call.objects.save(invoice)
    call.event("customer.subscription.deleted", subscription)
    return call.objects.save(subscription)
