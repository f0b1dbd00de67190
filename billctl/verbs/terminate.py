"""Ending a subscription at once with money back, in one step at the gateway."""

from itertools import islice
from typing import ClassVar

from billctl.errors import Partial, Refused, UsageError
from billctl.frozen import frozen_value, replace
from billctl.gateway import Capability, Gateway, Payback, Selection, Stamp, Termination, When
from billctl.models import Charge, ChargeStatus, Refund, Subscription
from billctl.money import Money
from billctl.verbs.cancel import CancelSubscription, check_not_ended, ends, state_of, what_it_is
from billctl.verbs.plan import Done, KeyOf, Plan, Verb, need, not_as_asked, payment_words
from billctl.verbs.refund import CONTESTED, ON_ITS_WAY, outcome_of

PAID = frozenset(
    {ChargeStatus.PAID, ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.REFUNDED, ChargeStatus.DISPUTED}
)
LOOKED_AT = 100
"""Charges of the customer among which the subscription's last one is looked for."""

GIVES = {
    Payback.PRORATE: "up to {amount} back: what the time that is left is worth, as {gateway} counts it",
    Payback.FULL: "{amount} back: all of the last payment that is left",
}


@frozen_value
class TerminateSubscription(Verb):
    """End a subscription at once and give back of its last payment what `payback` says (not `none`).

    What is given back may be less than planned where it is prorated, never more; it changes with the time,
    so it is no part of the operation's key.
    """

    payback: Payback
    name: ClassVar[str] = CancelSubscription.name
    object_type: ClassVar[str] = CancelSubscription.object_type
    repeatable: ClassVar[bool] = False

    def signature(self) -> str:
        return f"{self.name}:{When.NOW}:{self.payback}"

    def keyed(self, amount: Money | None) -> Money | None:
        del amount
        return None

    def params(self) -> dict[str, str]:
        return {"when": str(When.NOW), "refund": str(self.payback)}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.CANCEL_NOW, "cancel now")
        need(
            gateway,
            Capability.CANCEL_REFUND,
            "refund while it cancels",
            instead="Cancel without it, then refund the charge itself.",
        )
        subscription = gateway.get_subscription(object_id)
        return Plan(
            verb=self.name,
            record=subscription,
            before=state_of(subscription),
        )

    def stamped(self, plan: Plan, key_of: KeyOf) -> Done | None:
        subscription = plan.record
        assert isinstance(subscription, Subscription)
        if subscription.operation_key != key_of(None) or not ends(subscription, When.NOW):
            return None
        return Done(outcome="succeeded", result=subscription.data())

    def holds(self, plan: Plan, key: str) -> bool:
        del key  # what matters is whether it has ended, not who ended it
        assert isinstance(plan.record, Subscription)
        return ends(plan.record, When.NOW)

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        subscription = plan.record
        assert isinstance(subscription, Subscription)
        check_not_ended(gateway, subscription)
        amount = gateway.price_payback(subscription, self.payback)
        if not amount:
            raise Refused(
                f"there is nothing to give back of subscription {subscription.id}",
                code="nothing_to_give_back",
                hint="To end it without: --now --refund none.",
            )
        paid = _paid(gateway, subscription)
        notes = gateway.preview_cancel(subscription, when=When.NOW)
        facts = (
            what_it_is(subscription),
            ("ends", "now"),
            ("money", GIVES[self.payback].format(amount=amount, gateway=gateway.account.gateway)),
            *_payment(paid),
            ("undo", "no"),
            *(("note", note) for note in notes),
        )
        return replace(plan, amount=amount, paid=paid, facts=facts)

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Subscription)
        made = gateway.terminate_subscription(plan.record, payback=self.payback, stamp=stamp)
        return _done(made, plan)

    def compare(self, plan: Plan, done: Done) -> None:
        if done.outcome == "failed":
            raise not_as_asked(plan, f"is {done.after['status']} after canceling")
        if done.shortfall:  # nothing was moved
            return
        assert plan.amount is not None
        assert done.moved is not None
        less = self.payback is Payback.PRORATE and done.moved.currency == plan.amount.currency
        if not (less and done.moved <= plan.amount):
            super().compare(plan, done)

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Subscription)
        found = gateway.find_termination(plan.record, payback=self.payback, stamp=stamp)
        return _done(found, plan) if found else None


def _paid(gateway: Gateway, subscription: Subscription) -> Charge | None:
    """The subscription's newest payment, where the gateway's lists tell; what policies look at."""
    if Capability.LIST_CHARGES not in gateway.capabilities or subscription.customer_id is None:
        return None
    selection = Selection(customer_id=subscription.customer_id, limit=LOOKED_AT)
    listed = islice(gateway.list_charges(selection), LOOKED_AT)
    own = (charge for charge in listed if charge.subscription_id == subscription.id)
    try:
        return next((charge for charge in own if charge.status in PAID), None)
    except UsageError:  # at its end, a list names what it had to leave out: it may be that
        return None


def _payment(paid: Charge | None) -> tuple[tuple[str, str], ...]:
    if paid is None:
        return ()
    dispute = (("dispute", CONTESTED),) if paid.disputed else ()
    return (("payment", f"{paid.id}, {paid.amount}{payment_words(paid)}"), *dispute)


def _done(made: Termination, plan: Plan) -> Done:
    subscription, refund = made.subscription, made.refund
    assert plan.amount is not None
    after: dict[str, object] = dict(state_of(subscription))
    if refund:
        after |= {"refund": refund.id, "refund_status": str(refund.status)}
    given = outcome_of(refund) if refund else "succeeded"
    failed = refund if given == "failed" else None
    return Done(
        outcome=_outcome(subscription, given),
        result=subscription.data() | {"refund": refund.data() if refund else None},
        after=after,
        notes=(ON_ITS_WAY,) if given == "pending" else (),
        operation=refund.operation if refund else None,
        moved=refund.amount if refund and not failed else Money.zero(plan.amount.currency),
        shortfall=_not_given(subscription, failed) if failed else None,
    )


def _outcome(subscription: Subscription, given: str) -> str:
    if not ends(subscription, When.NOW):
        return "failed"
    return "pending" if given == "pending" else "succeeded"


def _not_given(subscription: Subscription, refund: Refund) -> Partial:
    return Partial(
        f"subscription {subscription.id} has ended, and its refund of {refund.amount} failed",
        code="refund_failed",
        hint=f"Refund the charge itself: `billctl {subscription.gateway} refund {refund.charge_id} …`.",
        account=subscription.account,
    )
