"""Making a refund at WooCommerce, from its claim to its end.

The refund itself is one POST that is never repeated. Before it comes the claim (`claims`), and whatever fails
until then proves that no refund was asked for. Its `reason`, which the store saves before it asks its payment
gateway, names the operation and nothing else: the customer reads it, in the e-mail and later on. The meta
data with the operation's key is saved after the money moved (observed on 10.0.2).
"""

import time
from collections.abc import Callable

from billctl.errors import (
    AuthFailed,
    BillctlError,
    ConfigError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from billctl.frozen import replace
from billctl.gateway import Stamp
from billctl.gateways.woocommerce import mapping, objections, objects
from billctl.gateways.woocommerce.claims import Claim, End, Turn, claim_of, claim_text, judge
from billctl.gateways.woocommerce.client import Client, Json
from billctl.gateways.woocommerce.errors import REFUND_FAILED, before, reading_answer
from billctl.gateways.woocommerce.mapping import StoreCharge
from billctl.gateways.woocommerce.marks import Marks
from billctl.gateways.woocommerce.notes import IN_THE_LOG, OrderNotes
from billctl.gateways.woocommerce.objections import is_paid, stamped
from billctl.gateways.woocommerce.refundable import written_amount
from billctl.models import Charge, Refund
from billctl.money import Money

PAUSES = (0.0, 0.2, 0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0)
"""Seconds before each look at those who claimed the order later; each gives way within two requests."""

PROVED = (Refused, AuthFailed, NotFound, NotSent, ConfigError)
"""Ends of the refund's own request that prove that nothing moved."""

NO_REFUND = "No refund was sent."

LATEST = 120.0
"""Seconds from an operation's start after which its refund is not sent any more. Of a run that was killed a
reconciliation knows the start only: what was sent later than this could still be under way when the gateway's
`patience` is over, and be taken for never sent. By the clock that goes on while a machine sleeps."""


def refund(
    client: Client,
    marks: Marks,
    charge: Charge,
    amount: Money,
    *,
    stamp: Stamp,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> Refund:
    """Refund exactly `amount` of an order through its payment gateway, and leave its stock as it is.

    Raises `Busy` where another operation claims the order, `Refused` where its refunds are not those of
    `charge` any more, `NotSent` for whatever fails before the refund is asked for, `StoreError` where no mark
    can be kept; then the errors of a change.
    """
    return _Refunding(client, marks, charge, amount, stamp=stamp, sleep=sleep, clock=clock).run()


class _Refunding:
    """One refund on its way; `_ended` are operations that have ended though no note may say so: their refund
    is there, or the audit log has their end."""

    def __init__(
        self,
        client: Client,
        marks: Marks,
        charge: Charge,
        amount: Money,
        *,
        stamp: Stamp,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._marks = marks
        self._charge = charge
        self._amount = amount
        self._stamp = stamp
        self._sleep = sleep
        self._clock = clock
        self._begun = clock()
        self._notes = OrderNotes(client, marks, charge.id)
        self._ended: set[str] = set()

    def run(self) -> Refund:
        """The refund, made now, or before by the same operation on another host."""
        with before(NO_REFUND):  # the order first: a refund that it shows has its claim in the notes by then
            current = self._current()
            found = self._notes.claims()
        if made := stamped(current.refunds, self._stamp, found):
            return made
        if claim_of(found, self._stamp.operation):
            raise objections.begun(self._charge)
        self._ended = {one.operation for one in current.refunds if one.operation and is_paid(one)}
        found = tuple(map(self._settled, found))
        objections.check_rivals(found, self._charge, self._stamp, ended=self._ended)
        objections.check_agreed(self._charge, current, self._amount)
        body = self._body(current)
        if not self._marks.begin(self._stamp.operation):
            raise objections.begun(self._charge)
        return self._claimed(current) or self._send(body)

    def _current(self) -> StoreCharge:
        return objects.get_charge(self._client, self._charge.id)

    def _settled(self, claim: Claim) -> Claim:
        """The claim, closed where it is open and the audit log of this host has the end of its operation."""
        done = self._stamp.ended(claim.operation) if claim.end is None else None
        if done is None:
            return claim
        end = End.DONE if done else End.REFUSED
        self._ended.add(claim.operation)
        self._notes.close(claim.operation, end, IN_THE_LOG)
        return replace(claim, end=end)

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

    def _claimed(self, seen: StoreCharge) -> Refund | None:
        """Claim the order; the refund if the same operation made it meanwhile, None when it is to be sent."""
        with before(NO_REFUND):
            self._claim()
        try:
            with before(NO_REFUND):
                claims = self._hold()
                current = self._current()
            made = stamped(current.refunds, self._stamp, claims)
            if made is None:
                objections.check_not_done(claims, self._charge, self._stamp)
                objections.check_unchanged(seen, current)
                self._check_time()
                self._marks.sending(self._stamp.operation)
        except BillctlError as error:
            self._close(End.ABANDONED)
            error.sent = NO_REFUND
            raise
        if made is not None:
            self._close(End.ABANDONED, f"{made.operation} made refund {made.id}")
        return made

    def _check_time(self) -> None:
        if self._clock() - self._begun > LATEST:
            raise objections.late(self._charge)

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

    def _hold(self) -> tuple[Claim, ...]:
        """The order's claims, once no other one is open. Raises `Busy` where one stays, `NotSent` where this
        one does not show or was closed by another hand."""
        rival = None
        for pause in PAUSES:
            self._sleep(pause)
            claims = self._notes.claims()
            found = judge(claims, self._stamp.operation, ended=self._ended)
            rival = found.rival
            if found.turn is Turn.GO:
                return claims
            if found.turn in {Turn.GIVE_WAY, Turn.LOST}:
                break
        raise objections.busy(rival, self._charge) if rival else objections.invisible(self._charge)

    def _send(self, body: Json) -> Refund:
        try:
            answer = self._client.post(f"orders/{self._charge.id}/refunds", body, patient=True)
            made = self._read(answer)
        except PROVED as refused:
            if (first := self._of_before(refused)) is None:
                self._close(End.REFUSED)
                raise
            made = first
        except OutcomeUnknown as unknown:
            made = self._after(unknown)
        self._close(End.DONE, f"refund {made.id} of {made.amount}")
        return made

    def _of_before(self, refused: BillctlError) -> Refund | None:
        """The refund that the store made all the same: what stands before a store may send a request twice,
        and the second one is refused as nothing is left. Raises `OutcomeUnknown` where it may not be paid,
        and where the store could not be read."""
        if refused.code != REFUND_FAILED:
            return None
        try:
            current = self._current()
        except BillctlError as error:
            raise objections.unseen(refused, error) from error
        made = next((one for one in current.refunds if one.operation == self._stamp.operation), None)
        if made is not None and not is_paid(made):
            raise objections.unpaid(made) from refused
        return made

    def _read(self, answer: Json) -> Refund:
        order = {"id": int(self._charge.id), "currency": self._charge.amount.currency}
        with reading_answer(self._client.account.name, change=True):
            made = mapping.refund(answer, order, self._client.account.name)
        if made.operation != self._stamp.operation:
            raise objections.foreign(made)
        if not is_paid(made):
            raise objections.unpaid(made)
        return made

    def _after(self, unknown: OutcomeUnknown) -> Refund:
        """The refund, where the store shows by now that it was made; else `unknown` is raised."""
        try:
            made = stamped(self._current().refunds, self._stamp, ())
        except BillctlError:
            raise unknown from None
        if made is None:
            raise unknown
        return made

    def _close(self, end: End, more: str = "") -> None:
        self._notes.close(self._stamp.operation, end, more)
