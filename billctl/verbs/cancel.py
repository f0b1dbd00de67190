"""Canceling a subscription, now or at the end of the period that is paid for."""

from typing import ClassVar

from billctl.errors import Refused
from billctl.frozen import frozen_value, replace
from billctl.gateway import Capability, Gateway, Stamp, When
from billctl.models import Subscription, SubscriptionStatus, rfc3339
from billctl.verbs.plan import Done, KeyOf, Plan, Verb, need, not_as_asked

CAPABILITIES = {When.NOW: Capability.CANCEL_NOW, When.PERIOD_END: Capability.CANCEL_AT_PERIOD_END}
WORDS = {When.NOW: "now", When.PERIOD_END: "at the period's end"}
OTHER = {When.NOW: When.PERIOD_END, When.PERIOD_END: When.NOW}
OTHERWISE = {
    When.NOW: "To end it with the period that is paid for: --at-period-end.",
    When.PERIOD_END: "To end it at once: --now.",
}
"""What to do instead, where a gateway cannot end a subscription so but can the other way."""
ENDED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.EXPIRED})


@frozen_value
class CancelSubscription(Verb):
    """End a subscription."""

    when: When
    name: ClassVar[str] = "cancel"
    object_type: ClassVar[str] = "subscription"
    repeatable: ClassVar[bool] = False

    def signature(self) -> str:
        return f"cancel:{self.when}"

    def params(self) -> dict[str, str]:
        return {"when": str(self.when)}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        other = OTHERWISE[self.when] if CAPABILITIES[OTHER[self.when]] in gateway.capabilities else None
        need(gateway, CAPABILITIES[self.when], f"cancel {WORDS[self.when]}", instead=other)
        subscription = gateway.get_subscription(object_id)
        return Plan(
            verb=self.name,
            record=subscription,
            facts=self._facts(subscription),
            before=state_of(subscription),
        )

    def _facts(self, subscription: Subscription) -> tuple[tuple[str, str], ...]:
        what = what_it_is(subscription)
        if self.when is When.NOW:
            return (what, ("ends", "now"), ("money", "no refund of the time that is left"), ("undo", "no"))
        end = subscription.current_period_end
        ends = rfc3339(end) if end else WORDS[self.when]
        return (what, ("ends", ends), ("undo", "yes, at the gateway, until it ends"))

    def stamped(self, plan: Plan, key_of: KeyOf) -> Done | None:
        subscription = plan.record
        assert isinstance(subscription, Subscription)
        ours = subscription.operation_key == key_of(None)
        return _done(subscription, self.when) if ours and ends(subscription, self.when) else None

    def holds(self, plan: Plan, key: str) -> bool:
        del key  # what matters is whether it ends, not who ended it
        assert isinstance(plan.record, Subscription)
        return ends(plan.record, self.when)

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        subscription = plan.record
        assert isinstance(subscription, Subscription)
        check_not_ended(gateway, subscription)
        if self.when is When.PERIOD_END and subscription.cancel_at_period_end:
            raise Refused(
                f"subscription {subscription.id} is set to end at its period's end already",
                code="subscription_already_canceling",
                hint=OTHERWISE[When.PERIOD_END],
            )
        notes = gateway.preview_cancel(subscription, when=self.when)
        return replace(plan, facts=(*plan.facts, *(("note", note) for note in notes)))

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Subscription)
        return _done(gateway.cancel_subscription(plan.record, when=self.when, stamp=stamp), self.when)

    def compare(self, plan: Plan, done: Done) -> None:
        if done.outcome != "succeeded":
            raise not_as_asked(plan, f"is {done.after['status']} after canceling")

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Subscription)
        found = gateway.find_cancellation(plan.record, when=self.when, stamp=stamp)
        return _done(found, self.when) if found else None


def what_it_is(subscription: Subscription) -> tuple[str, str]:
    """The fact that names a subscription to a person."""
    price = f", {subscription.amount} every {subscription.interval}" if subscription.amount else ""
    return ("cancel", f"{subscription.plan or subscription.id}{price}, {subscription.status}")


def state_of(subscription: Subscription) -> dict[str, str | bool]:
    """What the audit log keeps of a subscription before and after a change."""
    return {
        "status": str(subscription.status),
        "cancel_at_period_end": subscription.cancel_at_period_end,
    }


def check_not_ended(gateway: Gateway, subscription: Subscription) -> None:
    """Raise `Refused` where the subscription has ended."""
    if subscription.status not in ENDED:
        return
    # a gateway's time of canceling is when it was told to, which may be long before the end
    told = f" (canceled at {rfc3339(subscription.canceled_at)})" if subscription.canceled_at else ""
    raise Refused(
        f"subscription {subscription.id} is {subscription.status} already{told}",
        code="subscription_already_canceled",
        hint=f"See `billctl {gateway.account.gateway} show {subscription.id}`.",
    )


def ends(subscription: Subscription, when: When) -> bool:
    """Whether the subscription is as a cancellation `when` leaves it."""
    at_period_end = when is When.PERIOD_END and subscription.cancel_at_period_end
    return subscription.status in ENDED or at_period_end


def _done(subscription: Subscription, when: When) -> Done:
    return Done(
        outcome="succeeded" if ends(subscription, when) else "failed",
        result=subscription.data(),
        after=state_of(subscription),
    )
