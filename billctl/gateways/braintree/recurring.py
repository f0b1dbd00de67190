"""The SDK's subscriptions to billctl's, and whether one can end with its period. Pure functions.

A subscription at Braintree names neither its currency nor its customer nor its interval: the first two are
read off its transactions (or told by whoever knows), the last off its billing period.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from billctl.errors import Refused
from billctl.frozen import frozen
from billctl.gateways.braintree.mapping import GATEWAY, owner_id, word
from billctl.gateways.braintree.values import instant, listed, midnight, money, needed, text
from billctl.models import Subscription, SubscriptionStatus

STATUS = {
    "Pending": SubscriptionStatus.INCOMPLETE,
    "Active": SubscriptionStatus.ACTIVE,
    "Past Due": SubscriptionStatus.PAST_DUE,
    "Canceled": SubscriptionStatus.CANCELED,
    "Expired": SubscriptionStatus.EXPIRED,
}
"""`Pending` has not begun."""

ENDED = frozenset({"Canceled", "Expired"})


@frozen
class BilledSubscription(Subscription):
    """A subscription with the number of the billing cycle it is in; 0 in a trial and before it begins."""

    billing_cycle: int


def subscription(
    data: Any, account: str, *, customer_id: str | None = None, currency: str | None = None
) -> BilledSubscription:
    """A subscription. `customer_id` and `currency` are for one that has no transaction to tell them; without
    a currency it has no amount.

    It ends with its period when its cycles are numbered and this is the last: that is how a cancellation at
    the period's end looks at Braintree, and also a term agreed from the beginning.
    """
    status = needed(data, "status")
    cycle = _number(data, "current_billing_cycle") or 0
    state = word(STATUS, status, SubscriptionStatus.UNKNOWN)
    if state is SubscriptionStatus.ACTIVE and cycle == 0 and getattr(data, "trial_period", None) is True:
        state = SubscriptionStatus.TRIALING
    transactions = listed(data, "transactions")
    newest = transactions[0] if transactions else None
    told = text(newest, "currency_iso_code") or currency
    return BilledSubscription(
        account=account,
        gateway=GATEWAY,
        id=needed(data, "id"),
        customer_id=customer_id or (owner_id(newest) if newest is not None else None),
        plan=text(data, "plan_id"),
        status=state,
        gateway_status=status,
        amount=money(data.price, told) if told else None,
        interval=_interval(data),
        created=instant(data.created_at),
        current_period_end=_period_end(data),
        cancel_at_period_end=status not in ENDED and _is_last_cycle(data, cycle),
        canceled_at=_ended_at(data) if status in ENDED else None,
        billing_cycle=cycle,
    )


def _number(data: Any, name: str) -> int | None:
    value = getattr(data, name, None)
    if value is not None and type(value) is not int:
        raise TypeError(f"{name} is a number, not {type(value).__name__}")
    return value


def _is_last_cycle(data: Any, cycle: int) -> bool:
    cycles = _number(data, "number_of_billing_cycles")
    never = getattr(data, "never_expires", None) is True
    return cycles is not None and not never and 0 < cycles <= cycle


def _day(data: Any, name: str) -> date | None:
    value = getattr(data, name, None)
    if value is not None and not isinstance(value, date):
        raise TypeError(f"{name} is a date, not {type(value).__name__}")
    return value


def _period_end(data: Any) -> datetime | None:
    """The end of the last day that is paid for."""
    last = _day(data, "billing_period_end_date")
    return midnight(last + timedelta(days=1)) if last else None


def _interval(data: Any) -> str | None:
    """Whole months from the period's first day to the day after its last; plans at Braintree bill in months
    (`Plan.billing_frequency`)."""
    start, last = _day(data, "billing_period_start_date"), _day(data, "billing_period_end_date")
    if start is None or last is None:
        return None
    following = last + timedelta(days=1)
    months = (following.year - start.year) * 12 + following.month - start.month
    same_day = following.day == start.day or (
        following.day < start.day and (following + timedelta(days=1)).day == 1
    )
    if months < 1 or not same_day:
        return None
    return {1: "month", 12: "year"}.get(months, f"{months} months")


def _ended_at(data: Any) -> datetime | None:
    times = [
        instant(event.timestamp) for event in listed(data, "status_history") if text(event, "status") in ENDED
    ]
    return min(times, default=None)


LAST_CYCLE: Mapping[SubscriptionStatus, tuple[str, str]] = {
    SubscriptionStatus.TRIALING: ("is in its trial", "To end it at once, before it charges anything: --now."),
    SubscriptionStatus.INCOMPLETE: ("has not begun", "To end it before it begins: --now."),
    SubscriptionStatus.PAST_DUE: ("is past due", "To end it at once: --now."),
}


def last_cycle(subscription: BilledSubscription) -> int:
    """The number of billing cycles that lets `subscription` end with the period it is in.

    Braintree has no flag for that: the number of cycles is set to the current one, which must be above 0
    (91907). Raises `Refused` (`no_period_end`) where that cannot be done.
    """
    if subscription.status is SubscriptionStatus.ACTIVE and subscription.billing_cycle > 0:
        return subscription.billing_cycle
    why, hint = LAST_CYCLE.get(
        subscription.status, (f"is {subscription.status}, in no billing cycle", "To end it at once: --now.")
    )
    raise Refused(
        f"subscription {subscription.id} {why}: Braintree can end one with its period only while that is "
        "active and paid for",
        code="no_period_end",
        hint=hint,
        account=subscription.account,
    )
