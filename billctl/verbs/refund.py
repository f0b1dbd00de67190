"""Refunding a charge: an amount, or all that is left."""

from typing import ClassVar

from billctl.errors import Refused, UsageError
from billctl.frozen import frozen_value, replace
from billctl.gateway import Capability, Gateway, Stamp
from billctl.models import COUNTED_REFUNDS, Charge, ChargeStatus, Refund, RefundStatus
from billctl.money import Money, parse
from billctl.verbs.plan import Done, KeyOf, Plan, Verb, need, payment_words
from billctl.verbs.void import UNSETTLED

CONTESTED = "this charge is disputed: the gateway may refuse a refund, and a dispute that is lost pays twice"


class Refunding(Verb):
    """What all refunds have, whatever says how much."""

    name: ClassVar[str] = "refund"
    object_type: ClassVar[str] = "charge"

    def signature(self) -> str:
        return self.name

    def holds(self, plan: Plan, key: str) -> bool:
        charge = plan.record
        assert isinstance(charge, Charge)
        own = [refund for refund in charge.refunds if refund.operation_key == key]
        return not own or any(refund.status in COUNTED_REFUNDS for refund in own)

    def recalled(self, gateway: Gateway, object_id: str, amount: Money | None) -> Plan:
        # How much was asked for is known: what is left by now would resolve to something else.
        return Plan(verb=self.name, record=gateway.get_charge(object_id), amount=amount)

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Charge)
        assert plan.amount is not None
        refund = gateway.find_refund(plan.record, plan.amount, stamp=stamp)
        return done_of(refund) if refund else None


@frozen_value
class RefundCharge(Refunding):
    """Give money back on a charge. `amount` is as typed; None means all that is still refundable."""

    amount: str | None

    def params(self) -> dict[str, str]:
        return {"amount": self.amount} if self.amount else {"full": "true"}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.REFUND, "refund")
        charge = gateway.get_charge(object_id)
        return planned(charge, self._resolve(gateway, charge))

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
        own = own_refunds(charge, key_of)
        same = [r for r in own if r.amount == plan.amount]
        if self.amount is None:
            # What was "all that is left" then can be told only of the refund that left nothing.
            latest = max(charge.refunds, key=lambda r: r.created, default=None)
            same += [r for r in own if r is latest and not charge.refundable]
        return done_of(same[0]) if same else None

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        charge, amount = plan.record, plan.amount
        assert isinstance(charge, Charge)
        assert amount is not None
        check_refundable(gateway, charge)
        check_amount(charge, amount)
        if amount != charge.captured:
            need(gateway, Capability.PARTIAL_REFUND, "refund in part")
        return noted(gateway, plan, charge, amount)

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Charge)
        assert plan.amount is not None
        made = gateway.refund(plan.record, plan.amount, stamp=stamp)
        return done_of(made_now(gateway, plan.record, made))


def planned(charge: Charge, amount: Money, *more: tuple[str, str]) -> Plan:
    """The plan of refunding `amount`; `more` are facts that stand below it."""
    return Plan(
        verb=Refunding.name,
        record=charge,
        amount=amount,
        left=charge.refundable - amount,
        facts=(
            ("refund", f"{amount} of {charge.amount}{payment_words(charge)}"),
            *more,
            ("left after", f"{charge.refundable - amount} refundable"),
            *((("dispute", CONTESTED),) if charge.disputed else ()),
            ("undo", "no, a refund cannot be taken back"),
        ),
        before=state_of(charge),
    )


def state_of(charge: Charge) -> dict[str, str | int]:
    """What the audit log keeps of a charge before a refund."""
    return {
        "status": str(charge.status),
        "captured_minor": charge.captured.minor,
        "refunded_minor": charge.refunded.minor,
        "refundable_minor": charge.refundable.minor,
    }


def own_refunds(charge: Charge, key_of: KeyOf) -> list[Refund]:
    """The refunds that carry the key which this request has for their amount."""
    counted = [r for r in charge.refunds if r.operation_key and r.status in COUNTED_REFUNDS]
    return [r for r in counted if r.operation_key == key_of(r.amount)]


def made_now(gateway: Gateway, charge: Charge, refund: Refund) -> Refund:
    """What `gateway` answered to a refund of `charge`.

    Raises `Refused` (`old_answer`) for one that was there before it was asked for: under a used key a gateway
    gives its first answer again, and moves no money. One that carries its key and counts is known before
    anything is sent (`stamped`); this one came to nothing, or has lost the key. A gateway that honours no key
    answers nothing again: what its adapter gives back is this same operation's, of another host.
    """
    old = next((known for known in charge.refunds if known.id == refund.id), None)
    if old and (old.status not in COUNTED_REFUNDS or Capability.IDEMPOTENCY in gateway.capabilities):
        more = "A deliberate second one" if old.status in COUNTED_REFUNDS else "To try once more"
        raise Refused(
            f"{charge.account} gave the answer of an earlier request again: refund {old.id} was made before "
            f"and is {old.status}",
            code="old_answer",
            hint=f"{more}: --again with the next number.",
            account=charge.account,
        )
    return refund


def check_refundable(gateway: Gateway, charge: Charge) -> None:
    """Raise `Refused` where nothing of the charge can be given back."""
    if charge.status in UNSETTLED:
        raise _not_settled(gateway, charge)
    if charge.status in {ChargeStatus.FAILED, ChargeStatus.VOIDED, ChargeStatus.PENDING}:
        raise Refused(f"charge {charge.id} is {charge.status}: no money was taken", code="charge_not_paid")
    if not charge.refundable or charge.status is ChargeStatus.DISPUTED:
        raise _nothing_left(charge)


def check_amount(charge: Charge, amount: Money) -> None:
    """Raise `UsageError` where less than `amount` is left."""
    if amount > charge.refundable:
        raise UsageError(
            f"{amount} is more than the {charge.refundable} still refundable of charge {charge.id}",
            code="amount_too_large",
            hint="Use --full for all that is left.",
        )


def noted(gateway: Gateway, plan: Plan, charge: Charge, amount: Money) -> Plan:
    """The plan with what the gateway says of it; raises what `preview_refund` raises."""
    notes = gateway.preview_refund(charge, amount)
    return replace(plan, facts=(*plan.facts, *(("note", note) for note in notes)))


def _not_settled(gateway: Gateway, charge: Charge) -> Refused:
    name = gateway.account.gateway
    hint = f"Release it at {name} instead."  # what stands in a void's place may be this very refund
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
    if charge.refunded < charge.captured:
        return Refused(
            f"nothing of charge {charge.id} can be refunded while it is {charge.gateway_status!r}",
            code="charge_not_refundable",
            hint=f"See `billctl {charge.gateway} show {charge.id}`.",
        )
    doubtful = [refund for refund in charge.refunds if refund.status is RefundStatus.UNKNOWN]
    if doubtful:
        named = ", ".join(f"{refund.id} of {refund.amount}" for refund in doubtful)
        return Refused(
            f"nothing is left to refund of charge {charge.id}, but {charge.gateway} does not say that the "
            f"money of refund {named} came back",
            code="refund_not_confirmed",
            hint=f"See `billctl {charge.gateway} show {charge.id}`. A record that moved no money has to be "
            f"deleted at {charge.gateway} before it can be refunded.",
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
ON_ITS_WAY = "the gateway accepted it; the money is still on its way"


def outcome_of(refund: Refund) -> str:
    """What a refund came to, in the words of an operation's outcome: succeeded, pending or failed."""
    return OUTCOMES[refund.status]


def done_of(refund: Refund) -> Done:
    """A refund as the answer to an operation."""
    outcome = outcome_of(refund)
    return Done(
        outcome=outcome,
        result=refund.data(),
        after={"refund": refund.id, "status": str(refund.status), "gateway_status": refund.gateway_status},
        notes=(ON_ITS_WAY,) if outcome == "pending" else (),
        operation=refund.operation,
        moved=refund.amount,
    )
