"""Asking the gateway behind a store: where a charge's money really is, and whether a refund moved it.

A store that took a payment through another gateway may not know what became of a refund that it asked that
gateway for. Where the profile has accounts at that gateway too, its own refunds of the charge tell.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from billctl.errors import BillctlError, NotFound, OutcomeUnknown
from billctl.gateway import Behind, Gateway, Stamp
from billctl.models import COUNTED_REFUNDS, Charge, Refund, RefundStatus, given_back
from billctl.money import Money
from billctl.session import Session
from billctl.verbs.plan import Done, Plan
from billctl.verbs.refund import RefundCharge, outcome_of

SKEW = timedelta(minutes=10)
"""How far the clocks of this machine, of the store and of the gateway behind it may differ."""


Seen = tuple[Done | None, str]
"""What the gateway behind shows: the refund as the operation's end, None where it never came there; and that
in a short sentence without a final period."""


def ask_behind(
    session: Session, gateway: Gateway, plan: Plan, *, stamp: Stamp, unknown: OutcomeUnknown
) -> Seen:
    """What became of the refund planned, of which `gateway` cannot tell (`unknown`).

    Raises `unknown`, with what was seen in its message, where nothing behind the gateway can be asked, or
    what it shows is not certain to be this refund.
    """
    charge, amount = plan.record, plan.amount
    where = gateway.behind(charge) if isinstance(charge, Charge) and plan.verb == RefundCharge.name else None
    if where is None or amount is None or not isinstance(charge, Charge):
        raise unknown
    paid = _charge_behind(session, where, unknown)
    try:
        refund = unaccounted(charge, paid, amount, stamp=stamp)
    except ValueError as unclear:
        raise _still(unknown, f"{paid.ref} shows {unclear}") from None
    if refund is None:
        return None, f"{paid.ref}, by which it was paid, shows no refund of it"
    return _done(refund), f"found at {paid.gateway}: {refund.ref}"


def _charge_behind(session: Session, where: Behind, unknown: OutcomeUnknown) -> Charge:
    """The charge as the first account that has it shows it."""
    seen = [f"its payment is {where.charge_id} at {where.gateway}"]
    accounts = [name for name in session.profile.accounts if session.gateway_of(name) == where.gateway]
    for name in accounts:
        try:
            return session.open(name).gateway.get_charge(where.charge_id)
        except NotFound:
            seen.append(f"{name} has no such charge")
        except BillctlError as error:
            seen.append(f"{name} could not be asked: {error.message}")
    if not accounts:
        seen.append(f"profile {session.profile.name} has no account there")
    raise _still(unknown, "; ".join(seen))


def unaccounted(charge: Charge, paid: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
    """The refund of `paid` that is the asked one of `charge`; None where there is none.

    It is of that amount, made since it was asked, carries no billctl key, and belongs to no other refund that
    the store says it paid. Raises `ValueError`, saying what is there, where that is not certain.
    """
    if paid.amount.currency != amount.currency:
        raise ValueError(f"{paid.amount.currency}, where {amount} was asked for")
    if given_back(paid.refunds, amount.currency) < paid.refunded:
        raise ValueError(f"{paid.refunded} given back, and not yet every refund of it")
    since = stamp.asked - SKEW
    left = [refund for refund in _without_partners(charge, paid, stamp) if _counts(refund, since)]
    if not left:
        return None
    if len(left) > 1 or left[0].amount != amount:
        raise ValueError(f"refunds that may be it or not: {_listed(left)}")
    if doubtful := [refund for refund in charge.refunds if _may_mirror(refund, amount, stamp, since)]:
        raise ValueError(f"{_listed(left)}, which may be that of {_listed(doubtful)}")
    return left[0]


def _without_partners(charge: Charge, paid: Charge, stamp: Stamp) -> list[Refund]:
    """The refunds of `paid` that nobody else's refund of `charge` explains: each explains the one of its
    amount that is nearest to it in time, whatever became of that."""
    left = [refund for refund in paid.refunds if refund.operation_key is None]
    for own in charge.refunds:
        if own.operation == stamp.operation or own.status is not RefundStatus.SUCCEEDED:
            continue
        same = [refund for refund in left if refund.amount == own.amount]
        if same:
            left.remove(min(same, key=lambda refund: abs(refund.created - own.created)))
    return left


def _counts(refund: Refund, since: datetime) -> bool:
    return refund.status in COUNTED_REFUNDS and refund.created >= since


def _may_mirror(refund: Refund, amount: Money, stamp: Stamp, since: datetime) -> bool:
    """Whether the store has another refund of which it does not know whether it was paid: one that was made
    at the gateway itself and told to the store, for instance."""
    other = refund.operation != stamp.operation and refund.status is not RefundStatus.SUCCEEDED
    return other and refund.amount == amount and refund.created >= since


def _done(seen: Refund) -> Done:
    """The operation's outcome, by the refund at the gateway behind; its id is not one of the store's."""
    after = {"behind": seen.ref, "status": str(seen.status), "gateway_status": seen.gateway_status}
    return Done(
        outcome=outcome_of(seen),
        result={"type": "refund", "amount": seen.amount.data(), **after},
        after=after,
        moved=seen.amount,
    )


def _listed(refunds: Iterable[Refund]) -> str:
    return ", ".join(f"{refund.ref} ({refund.amount})" for refund in refunds)


def _still(unknown: OutcomeUnknown, seen: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{unknown.message}; {seen}", code=unknown.code, hint=unknown.hint, account=unknown.account
    )
