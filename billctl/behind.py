"""Asking the gateway behind a store: where a charge's money really is, and whether a refund moved it.

A store that took a payment through another gateway may not know what became of a refund that it asked that
gateway for. Where the profile has accounts at that gateway too, its own refunds of the charge tell.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from billctl.audit.entry import read
from billctl.errors import BillctlError, NotFound, OutcomeUnknown
from billctl.frozen import replace
from billctl.gateway import Behind, Gateway, Stamp
from billctl.models import (
    COUNTED_REFUNDS,
    Charge,
    ChargeStatus,
    Refund,
    RefundStatus,
    given_back,
    rfc3339,
)
from billctl.money import Money
from billctl.session import Session
from billctl.store.interface import RecordFilter, Store
from billctl.verbs.plan import Done, Plan
from billctl.verbs.refund import RefundCharge, outcome_of

SKEW = timedelta(minutes=10)
"""How far the clocks of this machine, of the store and of the gateway behind it may differ for a refund to be
certainly the one. That there is none must not hang on this machine's clock: one that is an hour fast would
take a refund that was just made for an old one, and have it sent once more."""


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
        known = frozenset(settled_behind(session.store, RecordFilter(object_id=charge.id)))
        refund = unaccounted(charge, paid, amount, stamp=stamp, known=known)
    except ValueError as unclear:
        raise _still(unknown, f"{paid.ref} shows {unclear}") from None
    if refund is None:
        return None, f"{paid.ref}, by which it was paid, shows no refund of it{_left_over(charge, stamp)}"
    return _done(refund), f"found at {paid.gateway}: {refund.ref}"


def _left_over(charge: Charge, stamp: Stamp) -> str:
    """What the operation left at a store that counts it as refunded money."""
    own = [refund.id for refund in charge.refunds if refund.operation == stamp.operation]
    return f"; delete the record of it, refund {', '.join(own)}, at {charge.account}" if own else ""


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


def settled_behind(store: Store, where: RecordFilter) -> Iterator[str]:
    """The references of the refunds at a gateway behind by which operations of these records were settled."""
    for record in store.records(replace(where, action=RefundCharge.name)):
        result = read(record).fields.get("result") or {}
        if ref := result.get("behind"):
            yield str(ref)


def unaccounted(
    charge: Charge, paid: Charge, amount: Money, *, stamp: Stamp, known: Collection[str] = ()
) -> Refund | None:
    """The refund of `paid` that is the asked one of `charge`; None where there is none.

    It is of that amount, made since it was asked, carries no billctl key, and belongs to no other refund that
    the store says it paid, nor to another operation (`known`, by reference). Raises `ValueError`, saying what
    is there, where that is not certain.
    """
    if paid.amount.currency != amount.currency:
        raise ValueError(f"{paid.amount.currency}, where {amount} was asked for")
    if paid.status is ChargeStatus.VOIDED:
        raise ValueError("that the whole payment was released instead of refunded")
    if given_back(paid.refunds, amount.currency) < paid.refunded:
        raise ValueError(f"{paid.refunded} given back, and not yet every refund of it")
    since = stamp.asked - SKEW
    theirs = [one for one in paid.refunds if one.operation_key is None and one.ref not in known]
    theirs = _without_partners(theirs, _others(charge, stamp, paid=True))
    left = [one for one in theirs if one.status in COUNTED_REFUNDS]
    new = [one for one in left if one.created >= since]
    if not new:
        _check_older(charge, left, amount, stamp)
        return None
    if len(new) > 1 or new[0].amount != amount:
        raise ValueError(f"refunds that may be it or not: {_listed(new)}")
    if doubtful := [refund for refund in charge.refunds if _may_mirror(refund, amount, stamp, since)]:
        raise ValueError(f"{_listed(new)}, which may be that of {_listed(doubtful)}")
    return new[0]


def _others(charge: Charge, stamp: Stamp, *, paid: bool) -> list[Refund]:
    """The refunds of a store's charge that are not the asked one: those that it says it paid, or the rest."""
    return [
        one
        for one in charge.refunds
        if one.operation != stamp.operation and (one.status is RefundStatus.SUCCEEDED) is paid
    ]


def _without_partners(
    refunds: Iterable[Refund], others: Iterable[Refund], *, apart: timedelta = timedelta.max
) -> list[Refund]:
    """Those of `refunds` that none of `others` explains: each explains the one of its amount that is nearest
    to it in time, and no further than `apart`, whatever became of that."""
    left = list(refunds)
    for own in others:
        same = [one for one in left if one.amount == own.amount and abs(one.created - own.created) <= apart]
        if same:
            left.remove(min(same, key=lambda one: abs(one.created - own.created)))
    return left


def _check_older(charge: Charge, left: Iterable[Refund], amount: Money, stamp: Stamp) -> None:
    """Raise `ValueError` for a refund of that amount which is older than the asked one by this machine's
    clock alone. One that the store recorded at the time, as it was told of it, is another."""
    same = [one for one in left if one.amount == amount]
    doubtful = _without_partners(same, _others(charge, stamp, paid=False), apart=SKEW)
    if doubtful:
        raise ValueError(f"{_dated(doubtful)}, which may be it if this machine's clock is fast")


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


def _dated(refunds: Iterable[Refund]) -> str:
    return ", ".join(f"{one.ref} ({one.amount}) of {rfc3339(one.created)}" for one in refunds)


def _still(unknown: OutcomeUnknown, seen: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{unknown.message}; {seen}", code=unknown.code, hint=unknown.hint, account=unknown.account
    )
