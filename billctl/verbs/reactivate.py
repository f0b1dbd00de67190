"""Letting a subscription go on that is set to end with its period."""

from typing import ClassVar

from billctl.errors import Refused
from billctl.frozen import frozen_value
from billctl.gateway import Capability, Gateway, Stamp
from billctl.models import Subscription, rfc3339
from billctl.verbs.cancel import ENDED, check_not_ended, state_of, what_it_is
from billctl.verbs.plan import Done, KeyOf, Plan, Verb, need, not_as_asked


@frozen_value
class ReactivateSubscription(Verb):
    """Take back that a subscription ends with its period."""

    name: ClassVar[str] = "reactivate"
    object_type: ClassVar[str] = "subscription"
    repeatable: ClassVar[bool] = False

    def signature(self) -> str:
        return self.name

    def params(self) -> dict[str, str]:
        return {}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.REACTIVATE, "reactivate a subscription")
        subscription = gateway.get_subscription(object_id)
        end = subscription.current_period_end
        return Plan(
            verb=self.name,
            record=subscription,
            facts=(
                (self.name, what_it_is(subscription)[1]),
                ("goes on", f"and is charged again at {rfc3339(end)}" if end else "and is charged again"),
                ("undo", "yes: cancel it again before then"),
            ),
            before=state_of(subscription),
        )

    def stamped(self, plan: Plan, key_of: KeyOf) -> Done | None:
        subscription = plan.record
        assert isinstance(subscription, Subscription)
        ours = subscription.operation_key == key_of(None)
        return _done(subscription) if ours and _goes_on(subscription) else None

    def holds(self, plan: Plan, key: str) -> bool:
        del key  # what matters is whether it goes on, not who let it
        assert isinstance(plan.record, Subscription)
        return _goes_on(plan.record)

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        subscription = plan.record
        assert isinstance(subscription, Subscription)
        check_not_ended(gateway, subscription)
        if not subscription.cancel_at_period_end:
            raise Refused(
                f"subscription {subscription.id} is not set to end: it is {subscription.status}",
                code="subscription_not_canceling",
                hint=f"See `billctl {gateway.account.gateway} show {subscription.id}`.",
            )
        return plan

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Subscription)
        return _done(gateway.reactivate_subscription(plan.record, stamp=stamp))

    def compare(self, plan: Plan, done: Done) -> None:
        if done.outcome != "succeeded":
            raise not_as_asked(plan, "still ends after reactivating")

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Subscription)
        found = gateway.find_reactivation(plan.record, stamp=stamp)
        return _done(found) if found else None


def _goes_on(subscription: Subscription) -> bool:
    return subscription.status not in ENDED and not subscription.cancel_at_period_end


def _done(subscription: Subscription) -> Done:
    return Done(
        outcome="succeeded" if _goes_on(subscription) else "failed",
        result=subscription.data(),
        after=state_of(subscription),
    )
