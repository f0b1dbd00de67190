"""Ending a subscription at Recurly, now or with its billing period, and letting one go on; and how each is
recognised later: by the subscription's state, as nothing at Recurly tells who changed it.

Every change carries its key as `Idempotency-Key`, as Recurly's Ruby library does with every POST, PUT and
DELETE; for how long a key is kept is not known. A subscription has no field for a key or a reason.

Under a used key Recurly gives the answer of the first request again. What can be undone may have been undone
since: so after such a change the subscription is read once more, and its answer alone is not believed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from billctl.errors import BillctlError, NotFound, OutcomeUnknown, Refused
from billctl.gateway import Stamp, When
from billctl.gateways.recurly import mapping
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.ids import checked
from billctl.gateways.recurly.objects import get_subscription
from billctl.gateways.recurly.refunding import keyed
from billctl.models import Subscription

FUTURE = "future"
ENDED = frozenset({"expired", "failed"})
"""What has not begun and is canceled becomes `failed` (OpenAPI `cancel_subscription`)."""
ENDING = "canceled"
"""It runs until its period ends, and can be reactivated until then."""

AT_ONCE = {"refund": "none", "charge": True}
"""`charge`: what was used in this period and is not billed yet is billed; Recurly's default, said aloud."""
AT_BILL_DATE = {"timeframe": "bill_date"}
"""When it would be billed next; Recurly's default is the end of its term, which may be many periods away."""

USAGE = "Usage of this period that is not billed yet is billed now, where the plan bills usage."
HAS_ENDED = "The subscription has ended."
NOT_BEGUN = "It has not begun: Recurly marks it failed, and it cannot be reactivated."
AT_NEXT_BILL = "It ends when it would be billed next, also within a longer term."
GOES_ON = "Until then it can be told to go on: `billctl recurly reactivate {id} --reason …`."


def preview(subscription: Subscription, *, when: When) -> tuple[str, ...]:
    """What to know before. Raises `Refused` (`no_period_end`) where it cannot end with its period."""
    state = subscription.gateway_status
    if when is When.NOW:
        return (NOT_BEGUN if state == FUTURE else USAGE,)
    if state != "active":
        raise Refused(
            f"subscription {subscription.id} is {state}: only an active one can end with its billing period",
            code="no_period_end",
            hint="To end it at once: --now.",
        )
    return (AT_NEXT_BILL, GOES_ON.format(id=subscription.id))


def cancel(client: Client, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
    """End it now without a refund, or when it would be billed next. Raises `Refused`, which says so where the
    subscription has ended all the same."""
    subscription_id = checked(subscription.id, "subscription")
    if when is When.NOW and subscription.gateway_status != FUTURE:
        try:
            return terminate(client, subscription, AT_ONCE, stamp=stamp)
        except Refused as refusal:
            with looking_into(refusal):
                if has_ended(client, subscription):
                    refusal.sent = HAS_ENDED
            raise
    made = client.change(
        lambda sdk: sdk.cancel_subscription(subscription_id, body=AT_BILL_DATE, headers=keyed(stamp))
    )
    return _confirmed(client, answered(client, made, subscription_id))


def terminate(
    client: Client, subscription: Subscription, params: dict[str, Any], *, stamp: Stamp
) -> Subscription:
    """End it now, with Recurly's `refund` and `charge` spelt out in `params`."""
    subscription_id = checked(subscription.id, "subscription")
    return answered(
        client,
        client.change(
            lambda sdk: sdk.terminate_subscription(subscription_id, params=params, headers=keyed(stamp))
        ),
        subscription_id,
    )


@contextmanager
def looking_into(refusal: Refused) -> Iterator[None]:
    """Whether a refused end took place all the same is asked within it; what cannot be read raises
    `OutcomeUnknown`.

    Somebody else may have been faster, or the payment of what the end bills may have been declined; whether
    Recurly ends the subscription then is not verified.
    """
    try:
        yield
    except BillctlError as error:
        raise OutcomeUnknown(
            f"Recurly refused: {refusal.message}; whether the subscription ended could not be read: "
            f"{error.message}",
            code=refusal.code,
            account=refusal.account,
        ) from error


def has_ended(client: Client, subscription: Subscription) -> Subscription | None:
    """The subscription if it has ended, by whomever; None where it runs, or there is none any more."""
    current = current_state(client, subscription)
    return current if current and current.gateway_status in ENDED else None


def reactivate(client: Client, subscription: Subscription, *, stamp: Stamp) -> Subscription:
    """Let a subscription go on that is set to end."""
    subscription_id = checked(subscription.id, "subscription")
    made = client.change(lambda sdk: sdk.reactivate_subscription(subscription_id, headers=keyed(stamp)))
    return _confirmed(client, answered(client, made, subscription_id))


def answered(client: Client, made: Any, subscription_id: str) -> Subscription:
    """The subscription that a change answered. Raises `OutcomeUnknown` for another one."""
    with reading_answer(client.account.name, change=True):
        current = mapping.subscription(made, client.account.name, now=client.now())
        if current.id != subscription_id:
            raise ValueError(f"it is of {current.id}, not of {subscription_id}")
        return current


def _confirmed(client: Client, told: Subscription) -> Subscription:
    """The subscription as it is by now. Raises `OutcomeUnknown` where that is not what an answer `told`, or
    cannot be read."""
    try:
        current = get_subscription(client, told.id)
    except BillctlError as error:
        raise OutcomeUnknown(
            f"Recurly answered that subscription {told.id} is {told.gateway_status}, and whether it is could "
            f"not be read: {error.message}",
            code=error.code,
            account=told.account,
        ) from error
    if current.gateway_status != told.gateway_status:
        raise OutcomeUnknown(
            f"Recurly answered that subscription {told.id} is {told.gateway_status}, and it is "
            f"{current.gateway_status}: the answer may be that of an earlier request",
            code="state_mismatch",
            account=told.account,
        )
    return current


def find_cancellation(client: Client, subscription: Subscription, *, when: When) -> Subscription | None:
    """The subscription if it has ended or, at the period's end, is set to."""
    current = current_state(client, subscription)
    if current is None:
        return None
    ending = when is When.PERIOD_END and current.gateway_status == ENDING
    return current if current.gateway_status in ENDED or ending else None


def find_reactivation(client: Client, subscription: Subscription) -> Subscription | None:
    """The subscription if it goes on."""
    current = current_state(client, subscription)
    stopped = current is None or current.gateway_status in {*ENDED, ENDING}
    return None if stopped else current


def current_state(client: Client, subscription: Subscription) -> Subscription | None:
    """The subscription as it is now; None where there is none any more."""
    try:
        return get_subscription(client, subscription.id)
    except NotFound:
        return None
