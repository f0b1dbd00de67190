"""Ending a subscription of the extension WooCommerce Subscriptions, and recognising that it has ended.

`transition_status` runs the extension's own state machine; `status` would only write the word and leave the
next payment standing. A transition that the machine forbids is an exception that nobody catches (HTTP 500,
HTML), so the state is read first. Rules: `WC_Subscription::can_be_updated_to` and `update_status`
(Automattic/woocommerce-subscriptions-core 7.6.0, run behind a controller of the documented form; the paid
extension itself was not run). It also forbids what the payment method does not support, unless renewals are
paid by hand, which the API does not tell: that is said before, and the answer is that 500, after which the
subscription is as it was.
"""

from billctl.errors import BillctlError, NotFound, OutcomeUnknown, Refused
from billctl.gateway import When
from billctl.gateways.woocommerce import objects, recurring
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.errors import before, reading_answer
from billctl.gateways.woocommerce.ids import checked
from billctl.gateways.woocommerce.methods import supported
from billctl.gateways.woocommerce.values import text
from billctl.models import Subscription, SubscriptionStatus

TRANSITIONS = {When.NOW: "cancelled", When.PERIOD_END: recurring.ENDING}
ENDED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.EXPIRED})

METHOD = ("id", "payment_method")

ENDING_FROM = frozenset({"active"})
"""From where a subscription can be let run to the end of what is paid."""

DIED = "internal_server_error"
"""WordPress's own word, said when PHP has died of a request: nothing of it is under way any more."""

CANCELLATION = "subscription_cancellation"
LETS_RUN = "the store takes no further payment, and ends it when what is paid for is over"
MAY_REFUSE = (
    "its payment method {name!r} does not let the store end subscriptions, unless they are paid by hand"
)


def preview(client: Client, subscription: Subscription, *, when: When) -> tuple[str, ...]:
    """What to know before. Raises `Refused` (`no_period_end`) for one that has no paid time to run out."""
    _check_can_end(client, subscription, when)
    doubt = _doubt(client, subscription)
    told = (LETS_RUN,) if when is When.PERIOD_END else ()
    return (*told, doubt) if doubt else told


def _check_can_end(client: Client, subscription: Subscription, when: When) -> None:
    if when is When.PERIOD_END and subscription.gateway_status not in ENDING_FROM:
        raise Refused(
            f"subscription {subscription.id} is {subscription.gateway_status!r}: only an active one can run "
            "to the end of what is paid",
            code="no_period_end",
            hint="To end it at once: --now.",
            account=client.account.name,
        )


def _doubt(client: Client, subscription: Subscription) -> str | None:
    """What stands against ending it at all, as far as the store tells."""
    found = client.get(f"subscriptions/{checked(subscription.id, 'subscription')}", {"_fields": METHOD})
    with reading_answer(client.account.name, change=False):
        name = text(found, "payment_method")
    if name is None:
        return None
    return None if CANCELLATION in supported(client, name) else MAY_REFUSE.format(name=name)


def cancel(client: Client, subscription: Subscription, *, when: When) -> Subscription:
    """End it now, or when its paid time is over: one request that carries no key.

    After an answer that was lost it is read again. Raises `Refused` where its state forbids it by now.
    """
    with before():
        current = objects.get_subscription(client, checked(subscription.id, "subscription"))
    if _has_ended(current, when):
        raise Refused(
            f"subscription {current.id} is {current.gateway_status!r} already",
            code="subscription_already_canceled",
            account=client.account.name,
        )
    _check_can_end(client, current, when)
    try:
        answer = client.post(f"subscriptions/{current.id}", {"transition_status": TRANSITIONS[when]})
        with reading_answer(client.account.name, change=True):
            ended = recurring.subscription(answer, client.account.name)
            if ended.id != current.id:
                raise ValueError(f"it names another subscription: {ended.id}")
    except OutcomeUnknown as unknown:
        return _after(client, current, when, unknown)
    if not _has_ended(ended, when):
        raise OutcomeUnknown(
            f"the store says that {ended.id} is {ended.gateway_status!r} after canceling",
            code="state_mismatch",
            account=client.account.name,
        )
    return ended


def find(client: Client, subscription: Subscription, *, when: When) -> Subscription | None:
    """The subscription if it has ended, or (at the period's end) is set to; nothing tells who did it."""
    try:
        current = objects.get_subscription(client, checked(subscription.id, "subscription"))
    except NotFound:
        return None
    return current if _has_ended(current, when) else None


def _has_ended(subscription: Subscription, when: When) -> bool:
    ending = when is When.PERIOD_END and subscription.cancel_at_period_end
    return subscription.status in ENDED or ending


def _after(client: Client, subscription: Subscription, when: When, unknown: OutcomeUnknown) -> Subscription:
    """What a look shows after a change that failed with `unknown`, which is raised where it shows nothing."""
    try:
        found = find(client, subscription, when=when)
    except BillctlError:
        raise unknown from None
    if found is not None:
        return found
    if unknown.code == DIED:
        status = subscription.gateway_status
        raise Refused(
            f"the store broke off, and subscription {subscription.id} is {status!r} as before",
            code=DIED,
            hint="Its payment method may not let the store end it: end it in the store's admin.",
            account=client.account.name,
        ) from None
    raise unknown
