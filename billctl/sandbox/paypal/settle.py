"""What changes by itself: a refund that waits for an eCheck is completed after a while."""

from billctl.sandbox.database import Objects


def settle(objects: Objects, now: int) -> None:
    """Bring every object whose time has come up to date. Call inside a write transaction."""
    for record in objects.due(now):
        del record["due"]
        record.pop("reason", None)
        objects.save(record | {"status": "COMPLETED", "updated": now})
