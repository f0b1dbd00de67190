"""Making a refund at WooCommerce, from its claim to its end.

The refund itself is one POST that is never repeated. Before it comes the claim (`claims`), and whatever fails
until then proves that no refund was asked for. Its `reason`, which the store saves before it asks its payment
gateway, names the operation and nothing else: the customer reads it, in the e-mail and later on. The meta
data with the operation's key is saved after the money moved (observed on 10.0.2).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from billctl.errors import (
    AuthFailed,
    BillctlError,
    Busy,
    ConfigError,
    NetworkError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from billctl.gateway import Stamp
from billctl.gateways.woocommerce import mapping, objects
from billctl.gateways.woocommerce.claims import Claim, End, Turn, claim_of, claim_text, judge, open_claims
from billctl.gateways.woocommerce.client import Client, Json
from billctl.gateways.woocommerce.errors import reading_answer
from billctl.gateways.woocommerce.mapping import StoreCharge
from billctl.gateways.woocommerce.marks import Marks
from billctl.gateways.woocommerce.notes import IN_THE_LOG, OrderNotes
from billctl.gateways.woocommerce.refundable import check_paid, written_amount
from billctl.models import Charge, Refund, RefundStatus, rfc3339
from billctl.money import Money
from billctl.parallel import Job

PAUSES = (0.0, 0.2, 0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0)
"""Seconds before each look at those who claimed the order later; each gives way within two requests."""

PROVED = (Refused, AuthFailed, NotFound, NotSent, ConfigError)
"""Ends of the refund's own request that prove that nothing moved."""

NO_REFUND = "No refund was sent."

MANY = 3
"""Refunds that a sentence about them names."""


def refund(
    client: Client,
    marks: Marks,
    charge: Charge,
    amount: Money,
    *,
    stamp: Stamp,
    sleep: Callable[[float], None] = time.sleep,
) -> Refund:
    """Refund exactly `amount` of an order through its payment gateway, and leave its stock as it is.

    The caller has nothing open on the order in its own audit log. Raises `Busy` where another operation
    claims the order, `Refused` where its refunds are not those of `charge` any more, `NotSent` for whatever
    fails before the refund is asked for, `StoreError` where no mark can be kept; then the errors of a change.
    """
    return _Refunding(client, marks, charge, amount, stamp=stamp, sleep=sleep).run()


def stamped(refunds: tuple[Refund, ...], stamp: Stamp) -> Refund | None:
    """The refund that carries the operation or its key and of which the store says that it was paid."""
    return next((one for one in refunds if is_stamped(one, stamp) and is_paid(one)), None)


def is_stamped(refund: Refund, stamp: Stamp) -> bool:
    """Whether it was made by this operation, or by the same one on another host."""
    return refund.operation == stamp.operation or refund.operation_key == stamp.key


def is_paid(refund: Refund) -> bool:
    """Whether the payment gateway gave the money back, by what the store says."""
    return refund.status is RefundStatus.SUCCEEDED


class _Refunding:
    """One refund on its way; `_ended` are operations without an end in the notes that have ended all the
    same: their refund is there, or this machine's audit log has settled them."""

    def __init__(
        self,
        client: Client,
        marks: Marks,
        charge: Charge,
        amount: Money,
        *,
        stamp: Stamp,
        sleep: Callable[[float], None],
    ) -> None:
        self._client = client
        self._marks = marks
        self._charge = charge
        self._amount = amount
        self._stamp = stamp
        self._sleep = sleep
        self._notes = OrderNotes(client, marks, charge.id)
        self._ended: set[str] = set()

    def run(self) -> Refund:
        """The refund, made now, or before by the same operation on another host."""
        with _nothing_sent():
            claims = Job(self._notes.claims)
            current = self._current()
            found = claims.result()
        if made := stamped(current.refunds, self._stamp):
            return made
        if claim_of(found, self._stamp.operation):
            raise self._unknown("it has begun before")
        self._ended = {one.operation for one in current.refunds if one.operation and is_paid(one)}
        self._settle(found)
        self._check_rivals(found)
        self._check_agreed(current)
        body = self._body(current)
        if not self._marks.begin(self._stamp.operation):
            raise self._unknown("it has begun before")
        return self._claimed(current) or self._send(body)

    def _current(self) -> StoreCharge:
        return objects.get_charge(self._client, self._charge.id)

    def _settle(self, claims: tuple[Claim, ...]) -> None:
        """Close what this machine left open on the order: its audit log has settled that since."""
        for claim in open_claims(claims, ended=self._ended):
            if self._marks.of(claim.operation) is not None:
                self._ended.add(claim.operation)
                self._notes.close(claim.operation, End.SETTLED, IN_THE_LOG)

    def _check_rivals(self, claims: tuple[Claim, ...]) -> None:
        for claim in open_claims(claims, ended=self._ended):
            raise self._busy(claim)
        for claim in claims:
            if claim.key == self._stamp.key and claim.end is End.DONE:
                raise Busy(
                    f"{claim.operation} has done this already, by note {claim.note} of order "
                    f"{self._charge.id}, and the store does not show its refund any more",
                    code="operation_done",
                    hint="To do it once more: --again with the next number.",
                    account=self._client.account.name,
                )

    def _check_agreed(self, current: StoreCharge) -> None:
        """Raise `Refused` where the order is not paid, or is not the one that was agreed to: somebody changed
        it, or refunded some of it without billctl."""
        check_paid(current)
        known = {one.id for one in self._charge.refunds}
        new = [one for one in current.refunds if one.id not in known and not one.operation]
        if new or current.amount != self._charge.amount:
            raise self._changed(current, new)

    def _check_unchanged(self, before: StoreCharge, current: StoreCharge) -> None:
        """Raise `Refused` where anything was refunded since the look before the claim, by whomever."""
        known = {one.id for one in before.refunds}
        new = [one for one in current.refunds if one.id not in known]
        if new or (current.refunded, current.gateway_status) != (before.refunded, before.gateway_status):
            raise self._changed(current, new)

    def _changed(self, current: StoreCharge, new: list[Refund]) -> Refused:
        told = "; ".join(map(_described, new[:MANY])) or f"{current.refunded} of {current.amount} refunded"
        return Refused(
            f"order {current.id} has changed since it was read: {told}, {current.gateway_status}",
            code="changed_meanwhile",
            hint=f"Look at it with `billctl {mapping.GATEWAY} show {current.id}`, then decide again.",
            account=self._client.account.name,
        )

    def _body(self, current: StoreCharge) -> Json:
        operation, key = self._stamp.operation, self._stamp.key
        return {
            "amount": written_amount(self._amount, current),
            "reason": f"ref {operation}",
            "api_refund": True,
            "api_restock": False,
            "meta_data": [
                {"key": mapping.OPERATION, "value": operation},
                {"key": mapping.OPERATION_KEY, "value": key},
            ],
        }

    def _claimed(self, before: StoreCharge) -> Refund | None:
        """Claim the order; the refund if the same operation made it meanwhile, None when it is to be sent."""
        with _nothing_sent():
            self._claim()
        try:
            with _nothing_sent():
                self._hold()
                current = self._current()
            made = stamped(current.refunds, self._stamp)
            if made is None:
                self._check_unchanged(before, current)
                self._marks.sending(self._stamp.operation)
        except BillctlError as error:
            self._close(End.ABANDONED)
            error.sent = NO_REFUND
            raise
        if made is not None:
            self._close(End.ABANDONED, f"{made.operation} made refund {made.id}")
        return made

    def _claim(self) -> None:
        """Write the claim. One whose answer was lost counts where it stands among the notes."""
        try:
            self._notes.write(claim_text(self._stamp, self._amount))
        except OutcomeUnknown:
            if not self._is_claimed():
                self._close(End.ABANDONED)
                raise
        except BillctlError:
            self._marks.end(self._stamp.operation)
            raise

    def _is_claimed(self) -> bool:
        try:
            return claim_of(self._notes.claims(), self._stamp.operation) is not None
        except BillctlError:  # what was lost is told by the caller
            return False

    def _hold(self) -> None:
        """Return when no other claim is open. Raises `Busy` where one stays."""
        for pause in PAUSES:
            self._sleep(pause)
            found = judge(self._notes.claims(), self._stamp.operation, ended=self._ended)
            rival = found.rival
            if found.turn is Turn.GO:
                return
            if rival is None:
                raise self._invisible()
            if found.turn is Turn.GIVE_WAY:
                raise self._busy(rival)
        assert rival is not None, "it was waited for"
        raise self._busy(rival)

    def _send(self, body: Json) -> Refund:
        try:
            answer = self._client.post(f"orders/{self._charge.id}/refunds", body, patient=True)
            made = self._read(answer)
        except PROVED:
            self._close(End.REFUSED)
            raise
        except OutcomeUnknown as unknown:
            made = self._after(unknown)
        self._close(End.DONE, f"refund {made.id} of {made.amount}")
        return made

    def _read(self, answer: Json) -> Refund:
        order = {"id": int(self._charge.id), "currency": self._charge.amount.currency}
        with reading_answer(self._client.account.name, change=True):
            made = mapping.refund(answer, order, self._client.account.name)
        if not is_paid(made):
            raise self._unknown(f"the store recorded refund {made.id}, and does not say that it was paid")
        return made

    def _after(self, unknown: OutcomeUnknown) -> Refund:
        """The refund, where the store shows by now that it was made; else `unknown` is raised."""
        try:
            made = stamped(self._current().refunds, self._stamp)
        except BillctlError:
            raise unknown from None
        if made is None:
            raise unknown
        return made

    def _close(self, end: End, more: str = "") -> None:
        self._notes.close(self._stamp.operation, end, more)

    def _busy(self, rival: Claim) -> Busy:
        return Busy(
            f"{rival.operation} claims order {self._charge.id} for a refund of {rival.amount} "
            f"(note {rival.note}), and no note says how it ended",
            code="claimed",
            hint="Run `billctl audit reconcile` where that was run. A claim that nobody owns: look at the "
            "payment gateway whether it refunded, then delete that note in the store.",
            account=self._client.account.name,
        )

    def _invisible(self) -> NotSent:
        return NotSent(
            f"the store does not show the claim that it took on order {self._charge.id}",
            code="no_claim",
            hint="Run it again; if it stays so, the store reads from a copy that lags, or notes are removed.",
            account=self._client.account.name,
        )

    def _unknown(self, why: str) -> OutcomeUnknown:
        message = f"the refund of {self._amount} on order {self._charge.id} is unknown: {why}"
        return OutcomeUnknown(message, code="no_trace", account=self._client.account.name)


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Within it no refund is sent, so a failure of the network proves that none was."""
    try:
        yield
    except NotSent:
        raise
    except (NetworkError, OutcomeUnknown) as error:
        proved = NotSent(error.message, code=error.code, hint="Run it again.", account=error.account)
        proved.sent = NO_REFUND
        raise proved from error


def _described(refund: Refund) -> str:
    whose = f" ({refund.operation})" if refund.operation else ""
    return f"refund {refund.id} of {refund.amount}, {rfc3339(refund.created)}{whose}"
