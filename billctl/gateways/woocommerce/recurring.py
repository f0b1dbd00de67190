"""Subscriptions of the extension WooCommerce Subscriptions to billctl's records, and how they are read.

Field names and status words are those of the extension's source (`WC_REST_Subscriptions_Controller`, 9.1);
the paid extension itself was not run.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from billctl.errors import NoAnswer, Unsupported
from billctl.gateways.woocommerce.errors import NO_ROUTE
from billctl.gateways.woocommerce.mapping import GATEWAY, customer_id
from billctl.gateways.woocommerce.values import instant, money, needed, number, optional_instant, text
from billctl.models import Subscription, SubscriptionStatus

T = TypeVar("T")

FIELDS = (
    "id", "parent_id", "status", "currency", "total", "date_created_gmt", "customer_id", "billing.email",
    "billing_period", "billing_interval", "next_payment_date_gmt", "end_date_gmt", "cancelled_date_gmt",
    "line_items",
)  # fmt: skip

MISSING = "the WooCommerce Subscriptions extension is not installed at this store"
EXTENSION_MISSING = "extension_missing"

ENDING = "pending-cancel"
"""Cancelled, and paid for until its end."""

STATUS = {
    "pending": SubscriptionStatus.INCOMPLETE,
    "active": SubscriptionStatus.ACTIVE,
    ENDING: SubscriptionStatus.ACTIVE,
    "on-hold": SubscriptionStatus.PAUSED,
    "cancelled": SubscriptionStatus.CANCELED,
    "switched": SubscriptionStatus.CANCELED,
    "expired": SubscriptionStatus.EXPIRED,
}
"""On hold is one that was suspended, and one that waits for a payment that failed: the store does not say
which."""


def installed(call: Callable[[], T], account: str) -> T:
    """What `call` returns. Raises `Unsupported` (`extension_missing`) where a store has no subscriptions."""
    try:
        return call()
    except NoAnswer as error:
        if error.code != NO_ROUTE:
            raise
        raise Unsupported(
            MISSING,
            code=EXTENSION_MISSING,
            hint="It is a paid extension; without it a store has no subscriptions that billctl could see.",
            account=account,
        ) from error


def subscription(data: Mapping[str, Any], account: str) -> Subscription:
    """A subscription. Raises one of `causes.UNREADABLE`, or `Unsupported` for an amount that ISO 4217 cannot
    hold."""
    status = needed(data, "status")
    ends = optional_instant(data["end_date_gmt"])
    next_payment = optional_instant(data["next_payment_date_gmt"])
    return Subscription(
        account=account,
        gateway=GATEWAY,
        id=number(data["id"]),
        customer_id=customer_id(data),
        plan=_plan(data),
        status=STATUS.get(status, SubscriptionStatus.UNKNOWN),
        gateway_status=status,
        amount=money(data["total"], data["currency"]),
        interval=_interval(data),
        created=instant(data["date_created_gmt"]),
        current_period_end=ends if status == ENDING else next_payment,
        cancel_at_period_end=status == ENDING,
        canceled_at=optional_instant(data["cancelled_date_gmt"]),
    )


def parent_id(data: Mapping[str, Any]) -> str | None:
    """The order with which a subscription was bought."""
    parent = data["parent_id"]
    return None if parent == 0 else number(parent)


def _plan(data: Mapping[str, Any]) -> str | None:
    names = [name for line in data["line_items"] if (name := text(line, "name"))]
    rest = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return names[0] + rest if names else None


def _interval(data: Mapping[str, Any]) -> str:
    """`month`, `3 months`. The extension writes the count as text."""
    count, period = int(data["billing_interval"]), needed(data, "billing_period")
    return period if count == 1 else f"{count} {period}s"
