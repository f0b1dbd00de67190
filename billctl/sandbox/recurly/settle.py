"""What changes by itself: a canceled subscription ends, a bank's refund arrives, a site's test shop ages.

Nothing renews here: an active subscription stays in the period in which it was seeded or made.
"""

from billctl.sandbox.database import Objects, Record


def settle(objects: Objects, now: int) -> None:
    """Bring every object whose time has come up to date. Call inside a write transaction."""
    for record in objects.due(now):
        when = record.pop("due")
        SETTLED[record["object"]](objects, record, when)


def _expired(objects: Objects, subscription: Record, when: int) -> None:
    change = {"status": "expired", "expires": when, "expiration_reason": "canceled", "updated": when}
    objects.save(subscription | change)


def _arrived(objects: Objects, transaction: Record, when: int) -> None:
    """A refund to a bank account, and the credit invoice that it settles."""
    objects.save(transaction | {"status": "success", "updated": when, "collected": when})
    invoice = objects.get(transaction["invoice"])
    if invoice and invoice["status"] == "processing":
        objects.save(invoice | {"status": "closed", "balance": 0, "closed": when, "updated": when})


SETTLED = {"subscription": _expired, "transaction": _arrived}
