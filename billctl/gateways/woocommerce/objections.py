"""What stands against a refund that is about to be sent: other claims, and an order that is not as it was."""

from collections.abc import Collection, Iterable

from billctl.errors import BillctlError, Busy, NotSent, OutcomeUnknown, Refused
from billctl.gateway import Stamp
from billctl.gateways.woocommerce import mapping
from billctl.gateways.woocommerce.claims import Claim, End, open_claims, same
from billctl.gateways.woocommerce.mapping import StoreCharge
from billctl.gateways.woocommerce.refundable import check_paid
from billctl.models import Charge, Refund, RefundStatus, rfc3339
from billctl.money import Money

MANY = 3
"""Refunds that a sentence about them names."""


def stamped(refunds: Iterable[Refund], stamp: Stamp, claims: Iterable[Claim]) -> Refund | None:
    """The refund of this operation, or of the same one on another host, of which the store says that it was
    paid. A refund that is just paid carries no key yet: the claim of its operation does."""
    own = same(claims, stamp)
    return next(
        (one for one in refunds if is_paid(one) and (one.operation in own or one.operation_key == stamp.key)),
        None,
    )


def is_paid(refund: Refund) -> bool:
    """Whether the payment gateway gave the money back, by what the store says."""
    return refund.status is RefundStatus.SUCCEEDED


def check_rivals(claims: Collection[Claim], charge: Charge, stamp: Stamp, *, ended: Collection[str]) -> None:
    """Raise `Busy` where another operation claims the order, or the same one was done. `ended` are operations
    that stand in nobody's way."""
    for claim in open_claims(claims, ended=ended):
        raise busy(claim, charge)
    check_not_done(claims, charge, stamp)


def check_not_done(claims: Iterable[Claim], charge: Charge, stamp: Stamp) -> None:
    """Raise `Busy` where a note says that the same operation was done; called where its refund is not
    there."""
    for claim in claims:
        if claim.key == stamp.key and claim.end is End.DONE:
            raise Busy(
                f"{claim.operation} has done this already, by note {claim.note} of order {charge.id}, and "
                "the store shows no refund of it",
                code="operation_done",
                hint="To do it once more: --again with the next number.",
                account=charge.account,
            )


def check_agreed(agreed: Charge, current: StoreCharge, amount: Money) -> None:
    """Raise `Refused` where the order is not paid, or is not the one that was agreed to: somebody changed it
    or refunded some of it without billctl, or less is left by now than `amount`."""
    check_paid(current)
    new = _new(agreed, current)
    by_hand = [one for one in new if not one.operation]
    if by_hand or current.amount != agreed.amount or (new and amount > current.refundable):
        raise _changed(current, new)


def check_unchanged(before: StoreCharge, current: StoreCharge) -> None:
    """Raise `Refused` where anything was refunded since the look `before` the claim, by whomever."""
    new = _new(before, current)
    if new or (current.refunded, current.gateway_status) != (before.refunded, before.gateway_status):
        raise _changed(current, new)


def _new(before: Charge, current: StoreCharge) -> list[Refund]:
    known = {one.id for one in before.refunds}
    return [one for one in current.refunds if one.id not in known]


def _changed(current: StoreCharge, new: list[Refund]) -> Refused:
    told = "; ".join(map(_described, new[:MANY])) or f"{current.refunded} of {current.amount} refunded"
    return Refused(
        f"order {current.id} has changed since it was read: {told}, {current.gateway_status}",
        code="changed_meanwhile",
        hint=f"Look at it with `billctl {mapping.GATEWAY} show {current.id}`, then decide again.",
        account=current.account,
    )


def _described(refund: Refund) -> str:
    whose = f" ({refund.operation})" if refund.operation else ""
    return f"refund {refund.id} of {refund.amount}, {rfc3339(refund.created)}{whose}"


def busy(rival: Claim, charge: Charge) -> Busy:
    """The error for an order that another operation claims."""
    return Busy(
        f"{rival.operation} claims order {charge.id} for a refund of {rival.amount} (note {rival.note}), and "
        "no note says how it ended",
        code="claimed",
        hint=f"Run `billctl audit reconcile --operation {rival.operation}` where that was run. A claim that "
        "nobody owns: look at the payment gateway whether it refunded, then delete that note in the store.",
        account=charge.account,
    )


def invisible(charge: Charge) -> NotSent:
    """The error for a claim that the store took and does not show."""
    return NotSent(
        f"the store does not show the claim that it took on order {charge.id}",
        code="no_claim",
        hint="Run it again; if it stays so, the store reads from a copy that lags, or its notes are removed.",
        account=charge.account,
    )


def late(charge: Charge) -> NotSent:
    """The error for a refund whose preparation took too long for it to be sent still."""
    return NotSent(
        f"the store took too long to let order {charge.id} be claimed",
        code="too_slow",
        hint="Run it again when the store answers faster.",
        account=charge.account,
    )


def begun(charge: Charge) -> OutcomeUnknown:
    """The error for an operation that is begun a second time: the first time may have moved money."""
    return OutcomeUnknown(
        f"the refund of order {charge.id} has begun before", code="begun", account=charge.account
    )


def foreign(refund: Refund) -> OutcomeUnknown:
    """The error for an answer that shows a refund without this operation's name."""
    return OutcomeUnknown(
        f"the store answered with refund {refund.id}, which is not the one that was asked for",
        code="bad_answer",
        account=refund.account,
    )


def unseen(refused: BillctlError, error: BillctlError) -> OutcomeUnknown:
    """The error for a refusal of what may have been made all the same, where the order cannot be read."""
    return OutcomeUnknown(
        f"{refused.message}; whether it was made all the same could not be read: {error.message}",
        code=refused.code,
        account=refused.account,
    )


def unpaid(refund: Refund) -> OutcomeUnknown:
    """The error for a refund that the store made and does not call paid."""
    return OutcomeUnknown(
        f"the store recorded refund {refund.id} of order {refund.charge_id}, and does not say that "
        "it was paid",
        code="not_paid",
        account=refund.account,
    )
