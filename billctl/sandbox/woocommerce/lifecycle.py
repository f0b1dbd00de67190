"""How a subscription comes from one status to another (WooCommerce Subscriptions' `update_status`).

Read in the extension's public source, and its state machine observed; the extension itself was not run.
"""

from collections.abc import Callable, Mapping

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce import notes
from billctl.sandbox.woocommerce.call import Call
from billctl.sandbox.woocommerce.errors import fatal
from billctl.sandbox.woocommerce.gateway import METHODS
from billctl.sandbox.woocommerce.statuses import named

ENDED = frozenset({"cancelled", "trash", "expired", "switched", "pending-cancel"})


def transition(call: Call, subscription: Record, status: str) -> None:
    """Bring a subscription into `status`, its dates included; into the one it has, nothing happens.

    Where it may not go there, it gets a note and PHP dies of the exception: raises `WpError` 500. Call
    inside a write transaction, which must keep that note.
    """
    if status == subscription["status"]:
        return
    if not _may(subscription, status):
        raise fatal()
    DATES.get(status, _nothing)(subscription, call.now)
    told = f"Status changed from {named(subscription['status'])} to {named(status)}."
    notes.write(call, subscription["id"], told)
    subscription |= {"status": status, "modified": call.now}


def _may(subscription: Record, status: str) -> bool:
    allowed = ALLOWED.get(status)
    return allowed is not None and allowed(subscription)


def _supports(subscription: Record, feature: str) -> bool:
    """A subscription renewed by hand can do everything; else its payment method decides."""
    method = METHODS.get(subscription["method"])
    return bool(subscription["manual"] or (method and feature in method.supports))


def _cancelled(subscription: Record) -> bool:
    open_still = subscription["status"] == "pending-cancel" or subscription["status"] not in ENDED
    return open_still and _supports(subscription, "subscription_cancellation")


def _pending_cancel(subscription: Record) -> bool:
    paid = subscription["status"] in ("cancelled", "on-hold") and not subscription["owes"]
    return (subscription["status"] == "active" or paid) and _supports(
        subscription, "subscription_cancellation"
    )


def _active(subscription: Record) -> bool:
    if subscription["status"] == "on-hold":
        return _supports(subscription, "subscription_reactivation")
    if subscription["status"] == "pending-cancel":
        return _supports(subscription, "subscription_date_changes")
    return bool(subscription["status"] == "pending")


def _on_hold(subscription: Record) -> bool:
    return subscription["status"] == "active" and _supports(subscription, "subscription_suspension")


ALLOWED: Mapping[str, Callable[[Record], bool]] = {
    "pending": lambda subscription: subscription["status"] == "on-hold",
    "active": _active,
    "on-hold": _on_hold,
    "cancelled": _cancelled,
    "pending-cancel": _pending_cancel,
    "expired": lambda subscription: subscription["status"] not in ("cancelled", "trash", "switched"),
}
"""Status → whether a subscription may come into it. Nothing comes into `switched` this way."""


def _nothing(subscription: Record, now: int) -> None:
    del subscription, now


def _end_of_term(subscription: Record, now: int) -> None:
    """Cancelled now, ends with what is paid."""
    term = subscription["next"] or subscription["end"]
    subscription["end_before"] = subscription["end"]
    end = term if term and term > now else now
    subscription |= {"trial_end": None, "next": None, "cancelled": now, "end": end}


def _end_now(subscription: Record, now: int) -> None:
    subscription |= {"trial_end": None, "next": None, "end": now}


def _cancel_now(subscription: Record, now: int) -> None:
    _end_now(subscription, now)
    subscription["cancelled"] = subscription["cancelled"] or now


def _resume(subscription: Record, now: int) -> None:
    del now
    if subscription["status"] == "pending-cancel":
        subscription |= {
            "next": subscription["end"],
            "end": subscription.pop("end_before", None),
            "cancelled": None,
        }


DATES: Mapping[str, Callable[[Record, int], None]] = {
    "active": _resume,
    "cancelled": _cancel_now,
    "pending-cancel": _end_of_term,
    "expired": _end_now,
}
"""Status → what coming into it does to the dates."""
