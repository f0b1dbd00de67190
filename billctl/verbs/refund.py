"""Refunding a charge, in full or in part."""

from typing import ClassVar

from billctl.errors import Refused, UsageError
from billctl.frozen import frozen_value, replace
from billctl.gateway import Capability, Gateway, Stamp
from billctl.models import COUNTED_REFUNDS, Charge, ChargeStatus, Refund, RefundStatus
from billctl.money import Money, parse
from billctl.verbs.plan import Done, KeyOf, Plan, Verb, need, payment_words
from billctl.verbs.void import UNSETTLED

CONTESTED = "this charge is disputed: the gateway may refuse a refund, and a dispute that is lost pays twice"


@frozen_value
class RefundCharge(Verb):
    """Give money back on a charge. `amount` is as typed; None means all that is still refundable."""

    amount: str | None
    name: ClassVar[str] = "refund"
    object_type: ClassVar[str] = "charge"

    def signature(self) -> str:
        return self.name

    def params(self) -> dict[str, str]:
        return {"amount": self.amount} if self.amount else {"full": "true"}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.REFUND, "refund")
        charge = gateway.get_charge(object_id)
        amount = self._resolve(gateway, charge)
        return Plan(
            verb=self.name,
            record=charge,
            amount=amount,
            left=charge.refundable - amount,
            facts=(
                ("refund", f"{amount} of {charge.amount}{payment_words(charge)}"),
                ("left after", f"{charge.refundable - amount} refundable"),
                *((("dispute", CONTESTED),) if charge.disputed else ()),
                ("undo", "no, a refund cannot be taken back"),
            ),
            before={
                "status": str(charge.status),
                "captured_minor": charge.captured.minor,
                "refunded_minor": charge.refunded.minor,
                "refundable_minor": charge.refundable.minor,
            },
        )

    def _resolve(self, gateway: Gateway, charge: Charge) -> Money:
        currency = charge.amount.currency
        amount = charge.refundable if self.amount is None else parse(self.amount, currency)
        step = gateway.amount_step(currency)
        if amount.minor % step:
            raise UsageError(
                f"{amount} is finer than {gateway.account.gateway} takes: steps of {Money(step, currency)}",
                code="bad_amount",
            )
        return amount

    def stamped(self, plan: Plan, key_of: KeyOf) -> Done | None:
        charge = plan.record
        assert isinstance(charge, Charge)
        counted = [r for r in charge.refunds if r.operation_key and r.status in COUNTED_REFUNDS]
        own = [r for r in counted if r.operation_key == key_of(r.amount)]
        if self.amount is None:
            # What was "all that is left" then can be told only of the refund that left nothing.
            latest = max(charge.refunds, key=lambda r: r.created, default=None)
            own = [r for r in own if r is latest and not charge.refundable]
        else:
            own = [r for r in own if r.amount == plan.amount]
        return _done(own[0]) if own else None

    def holds(self, plan: Plan, key: str) -> bool:
        charge = plan.record
        assert isinstance(charge, Charge)
        return not any(
            refund.operation_key == key and refund.status not in COUNTED_REFUNDS for refund in charge.refunds
        )

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        charge, amount = plan.record, plan.amount
        assert isinstance(charge, Charge)
        assert amount is not None
        if charge.status in UNSETTLED:
            raise _not_settled(gateway, charge)
        if charge.status in {ChargeStatus.FAILED, ChargeStatus.VOIDED, ChargeStatus.PENDING}:
            raise Refused(
                f"charge {charge.id} is {charge.status}: no money was taken", code="charge_not_paid"
            )
        if not charge.refundable or charge.status is ChargeStatus.DISPUTED:
            raise _nothing_left(charge)
        if amount > charge.refundable:
            raise UsageError(
                f"{amount} is more than the {charge.refundable} still refundable of charge {charge.id}",
                code="amount_too_large",
                hint="Use --full for all that is left.",
            )
        if amount != charge.captured:
            need(gateway, Capability.PARTIAL_REFUND, "refund in part")
        notes = gateway.preview_refund(charge, amount)
        return replace(plan, facts=(*plan.facts, *(("note", note) for note in notes)))

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Charge)
        assert plan.amount is not None
        return _done(gateway.refund(plan.record, plan.amount, stamp=stamp))

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Charge)
        assert plan.amount is not None
        refund = gateway.find_refund(plan.record, plan.amount, stamp=stamp)
        return _done(refund) if refund else None


def _not_settled(gateway: Gateway, charge: Charge) -> Refused:
    name = gateway.account.gateway
    hint = f"Release it at {name} instead."
    if Capability.VOID in gateway.capabilities:
        hint = f"Release the whole of it instead: `billctl {name} void {charge.ref} --reason …`."
    return Refused(
        f"charge {charge.id} is not settled, so there is nothing to refund yet",
        code="charge_not_settled",
        hint=hint,
    )


def _nothing_left(charge: Charge) -> Refused:
    if charge.disputed and charge.refunded < charge.captured:
        return Refused(
            f"charge {charge.id} is disputed: nothing of it can be refunded",
            code="charge_disputed",
            hint="Answer or accept the dispute instead; a refund beside it pays twice.",
        )
    return Refused(
        f"charge {charge.id} has already been refunded in full",
        code="charge_already_refunded",
        hint=f"See `billctl {charge.gateway} show {charge.id}`.",
    )


OUTCOMES = {
    RefundStatus.SUCCEEDED: "succeeded",
    RefundStatus.PENDING: "pending",
    RefundStatus.UNKNOWN: "pending",
    RefundStatus.FAILED: "failed",
    RefundStatus.CANCELED: "failed",
}


def outcome_of(refund: Refund) -> str:
    """What a refund came to, in the words of an operation's outcome: succeeded, pending or failed."""
    return OUTCOMES[refund.status]


def _done(refund: Refund) -> Done:
    outcome = outcome_of(refund)
    notes = ("the gateway accepted it; the money is still on its way",) if outcome == "pending" else ()
    return Done(
        outcome=outcome,
        result=refund.data(),
        after={"refund": refund.id, "status": str(refund.status), "gateway_status": refund.gateway_status},
        notes=notes,
        operation=refund.operation,
        moved=refund.amount,
    )
