"""Refunds that change by themselves: pending ones succeed or fail, succeeded ones fail later.

Test cards decide it (docs.stripe.com/testing#refunds): the pending card's refund succeeds after a while;
the failing card's refund is `succeeded` at first and fails after a while. A failed refund's money is the
charge's again.
"""

from billctl.sandbox.database import Objects, Record


def settle(objects: Objects, now: int) -> None:
    """Bring every object whose time has come up to date. Call inside a write transaction."""
    for refund in objects.due(now):
        del refund["due"]
        finish(objects, refund, refund.pop("_then"))
        objects.save(refund)


def finish(objects: Objects, refund: Record, status: str) -> None:
    """Give a refund its last status; a failed or canceled one goes back to its charge."""
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status == "succeeded":
        return
    if status == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
    charge = objects.get(refund["charge"])
    if charge:
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        objects.save(charge)
