"""Voiding a charge: releasing what is held of the customer's money before it is settled."""

from typing import ClassVar

from billctl.errors import Refused
from billctl.frozen import frozen_value
from billctl.gateway import Capability, Gateway, Stamp
from billctl.models import Charge, ChargeStatus
from billctl.verbs.plan import Done, Plan, Verb, need, not_as_asked, payment_words

UNSETTLED = frozenset({ChargeStatus.AUTHORIZED, ChargeStatus.SUBMITTED})
"""A charge that can be voided, and cannot be refunded yet."""

TAKEN = frozenset({ChargeStatus.PAID, ChargeStatus.PARTIALLY_REFUNDED})


@frozen_value
class VoidCharge(Verb):
    """Release an unsettled charge, always the whole of it."""

    name: ClassVar[str] = "void"
    object_type: ClassVar[str] = "charge"
    repeatable: ClassVar[bool] = False

    def signature(self) -> str:
        return self.name

    def params(self) -> dict[str, str]:
        return {}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.VOID, "void a charge")
        charge = gateway.get_charge(object_id)
        return Plan(
            verb=self.name,
            record=charge,
            amount=charge.amount,
            facts=(
                ("void", f"all of {charge.amount}{payment_words(charge)}, {charge.status}"),
                ("left after", "nothing: a part of it cannot be kept"),
                ("undo", "no, only a new charge takes the money"),
            ),
            before=_state(charge),
        )

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        charge = plan.record
        assert isinstance(charge, Charge)
        if charge.status in UNSETTLED:
            return plan
        if charge.status in TAKEN:
            raise Refused(
                f"charge {charge.id} is settled: it can be refunded, not voided",
                code="charge_settled",
                hint=f"Refund it: `billctl {gateway.account.gateway} refund {charge.ref} --full --reason …`.",
            )
        raise Refused(
            f"charge {charge.id} is {charge.status}: there is nothing to void",
            code="charge_already_voided" if charge.status is ChargeStatus.VOIDED else "charge_not_voidable",
            hint=f"See `billctl {gateway.account.gateway} show {charge.id}`.",
        )

    def holds(self, plan: Plan, key: str) -> bool:
        del key  # what matters is whether it is released, not who released it
        assert isinstance(plan.record, Charge)
        return plan.record.status is ChargeStatus.VOIDED

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Charge)
        return _done(gateway.void_charge(plan.record, stamp=stamp))

    def compare(self, plan: Plan, done: Done) -> None:
        super().compare(plan, done)
        if done.outcome != "succeeded":
            raise not_as_asked(plan, f"is {done.after['status']} after voiding")

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Charge)
        found = gateway.find_void(plan.record, stamp=stamp)
        return _done(found) if found else None


def _state(charge: Charge) -> dict[str, str]:
    return {"status": str(charge.status), "gateway_status": charge.gateway_status}


def _done(charge: Charge) -> Done:
    voided = charge.status is ChargeStatus.VOIDED
    return Done(
        outcome="succeeded" if voided else "failed",
        result=charge.data(),
        after=_state(charge),
        moved=charge.amount,
    )
