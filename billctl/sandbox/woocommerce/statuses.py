"""The statuses of orders and subscriptions, and the note that a change of one leaves."""

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce import notes
from billctl.sandbox.woocommerce.call import Call

ORDER = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)
SUBSCRIPTION = ("pending", "active", "on-hold", "cancelled", "switched", "expired", "pending-cancel")

NAMES = {"pending": "Pending payment", "pending-cancel": "Pending Cancellation", "checkout-draft": "Draft"}


def named(status: str) -> str:
    """As the shop's people read it: `On hold`."""
    return NAMES.get(status, status.capitalize().replace("-", " "))


def set_status(call: Call, order: Record, status: str) -> None:
    """Give an order another status. Call inside a write transaction."""
    notes.write(call, order["id"], f"Order status changed from {named(order['status'])} to {named(status)}.")
    order |= {"status": status, "modified": call.now}
    call.store.save(order)
