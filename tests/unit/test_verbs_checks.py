"""What a verb checks before anything is sent: what can be voided, what a gateway says of an end."""

# ruff: noqa: ARG002 - a gateway may answer without looking at what it was given

from typing import ClassVar

import pytest

from billctl.errors import BillctlError, OutcomeUnknown, Refused, Unsupported
from billctl.frozen import replace
from billctl.gateway import Account, Capability, Gateway, Stamp, When
from billctl.models import Charge, ChargeStatus, Refund, RefundStatus, Subscription
from billctl.money import Money
from billctl.verbs import CancelSubscription, RefundCharge, Verb, VoidCharge, from_params
from tests.unit.acme import WHEN, Acme, Plain


class Voider(Acme):
    """It voids what its profile's `status` says; `says` names what it answers instead."""

    capabilities: ClassVar[frozenset[Capability]] = Acme.capabilities | {Capability.VOID}

    def void_charge(self, charge: Charge, *, stamp: Stamp) -> Charge:
        match self.says:
            case "nothing":
                return charge
            case "another amount":
                return replace(charge, status=ChargeStatus.VOIDED, amount=Money(1, "USD"))
        return replace(charge, status=ChargeStatus.VOIDED)

    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        if self.says == "nothing":
            raise Refused(f"{subscription.id} cannot end so", code="no_cycles", hint="Use --now.")
        return ("it ends on a Friday", "nothing is refunded")


def account(kind: type[Gateway], *, status: str = "paid", says: str = "") -> Gateway:
    return kind(Account(name="books", gateway="acme", live=False, settings={"status": status, "says": says}))


def refused(verb: Verb, gateway: Gateway, object_id: str = "C1") -> BillctlError:
    with pytest.raises(BillctlError) as caught:
        verb.check(gateway, verb.plan(gateway, object_id))
    return caught.value


@pytest.mark.parametrize("status", ["authorized", "submitted"])
def test_an_unsettled_charge_can_be_voided_and_not_refunded(status: str) -> None:
    gateway = account(Voider, status=status)
    plan = VoidCharge().plan(gateway, "C1")
    assert VoidCharge().check(gateway, plan) is plan
    assert plan.amount == Money(4900, "USD")
    error = refused(RefundCharge("1"), gateway)
    assert (error.code, error.hint) == (
        "charge_not_settled",
        "Release the whole of it instead: `billctl acme void books:C1 --reason …`.",
    )


def test_a_gateway_that_cannot_void_leaves_it_to_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that refunds in a void's place: this was the refund."""
    for instead in ({}, {Capability.VOID: "Refund all of it."}):
        monkeypatch.setattr(Plain, "instead", instead)
        error = refused(RefundCharge(None), account(Plain, status="submitted"))
        assert error.hint == "Release it at acme instead."
    assert isinstance(refused(VoidCharge(), account(Plain, status="submitted")), Unsupported)


def test_a_paid_charge_that_its_gateway_holds_back_is_not_said_to_be_refunded() -> None:
    gateway = account(Acme)
    held = replace(gateway.get_charge("C1"), refundable=Money(0, "USD"), gateway_status="on-hold")
    plan = replace(RefundCharge("1").plan(gateway, "C1"), record=held)
    with pytest.raises(Refused, match="nothing of charge C1 can be refunded while it is 'on-hold'") as caught:
        RefundCharge("1").check(gateway, plan)
    assert caught.value.code == "charge_not_refundable"


def test_a_refund_that_may_have_moved_nothing_is_not_said_to_have_given_all_back() -> None:
    gateway = account(Acme)
    charge = gateway.get_charge("C1")
    made = Refund(
        account="books", gateway="acme", id="R7", charge_id="C1", amount=charge.amount,
        status=RefundStatus.UNKNOWN, gateway_status="recorded", created=WHEN,
    )  # fmt: skip
    spent = replace(charge, refundable=Money(0, "USD"), refunded=charge.captured, refunds=(made,))
    plan = replace(RefundCharge("1").plan(gateway, "C1"), record=spent)
    with pytest.raises(Refused) as caught:
        RefundCharge("1").check(gateway, plan)
    assert caught.value.code == "refund_not_confirmed"
    assert "acme does not say that the money of refund R7 of 49.00 USD came back" in caught.value.message
    assert "has to be deleted at acme" in caught.value.hint


@pytest.mark.parametrize("status", sorted(set(ChargeStatus) - {"authorized", "submitted"}))
def test_nothing_else_can_be_voided(status: str) -> None:
    error = refused(VoidCharge(), account(Voider, status=status))
    assert isinstance(error, Refused)
    assert ("refund books:C1 --full" in error.hint) is (status in {"paid", "partially_refunded"})


@pytest.mark.parametrize(
    ("says", "code"), [("nothing", "state_mismatch"), ("another amount", "amount_mismatch")]
)
def test_an_answer_that_is_not_what_was_asked_for_is_unknown(says: str, code: str) -> None:
    gateway = account(Voider, status="authorized", says=says)
    plan = VoidCharge().plan(gateway, "C1")
    done = VoidCharge().send(gateway, plan, Stamp(key="k" * 32, operation="op_1", asked=WHEN))
    with pytest.raises(OutcomeUnknown) as caught:
        VoidCharge().compare(plan, done)
    assert caught.value.code == code


def test_a_void_is_rebuilt_from_the_log() -> None:
    assert from_params("void", VoidCharge().params()) == VoidCharge()


def test_what_a_gateway_says_of_an_end_is_shown_before_it_is_confirmed() -> None:
    gateway = account(Voider)
    verb = CancelSubscription(When.PERIOD_END)
    facts = verb.check(gateway, verb.plan(gateway, "S1")).facts
    assert facts[-2:] == (("note", "it ends on a Friday"), ("note", "nothing is refunded"))


def test_what_a_gateway_refuses_to_end_so_is_refused_before_anything_is_sent() -> None:
    assert (
        refused(CancelSubscription(When.PERIOD_END), account(Voider, says="nothing"), "S1").code
        == "no_cycles"
    )


def test_a_gateway_that_ends_subscriptions_only_the_other_way_says_which() -> None:
    error = refused(CancelSubscription(When.NOW), account(Plain), "S1")
    assert isinstance(error, Unsupported)
    assert error.hint == "To end it with the period that is paid for: --at-period-end."
