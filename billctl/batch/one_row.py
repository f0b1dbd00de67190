"""One row of a plan, done: what earlier runs left is settled first, then it goes the path of every change."""

from typing import Any

from billctl.actions import perform
from billctl.batch.frozen_row import Frozen
from billctl.batch.model import PlannedRow, RowResult
from billctl.batch.running import READY
from billctl.batch.terms import Licence, RowTerms, held
from billctl.errors import (
    BillctlError,
    Busy,
    InternalError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PolicyDenied,
    Refused,
    UsageError,
)
from billctl.frozen import frozen, replace
from billctl.gateway import TURNED_AWAY
from billctl.reconcile import Finding, Reconciled, reconcile_one
from billctl.request import ActionResult, Request
from billctl.session import Session
from billctl.store.interface import UNSETTLED, Operation, OperationState
from billctl.verbs import from_params

LEAST_PAUSE = 1.0
"""Seconds after which a row is tried again that the gateway turned away as one too many."""

SKIPPED: tuple[type[BillctlError], ...] = (PolicyDenied, Busy, UsageError, NotFound, Refused)
"""Errors before anything was sent which say that the row is not to be done as things stand."""

CONTRACT_OUTCOMES = {"not_sent": "failed"}
"""What the log tells apart and the command line's contract has one word for; the error's class tells why."""


@frozen
class Tried:
    """What a try of a row came to, and the error behind it.

    `wait`: it is to be tried again in so many seconds, when the gateway takes requests again, or when one of
    an earlier run that may still be on its way will have had its effect. `known`: an earlier run did it, and
    nobody was asked.
    """

    result: RowResult
    error: BillctlError | None = None
    wait: float = 0.0
    known: bool = False


class RowWork:
    """Does rows of one plan, in any number of threads."""

    def __init__(
        self,
        session: Session,
        verb: str,
        licence: Licence,
        *,
        dry_run: bool,
        attended: bool,
    ) -> None:
        self._session = session
        self._verb = verb
        self._licence = licence
        self._dry_run = dry_run
        self._attended = attended

    def done_before(self, row: PlannedRow) -> RowResult | None:
        """The row by the log alone, where an earlier run did it."""
        operation = self._session.store.find_operation(key=row.key)
        if operation is None or operation.state is not OperationState.DONE:
            return None
        return _of_operation(row, operation)

    def do(self, row: PlannedRow) -> Tried:
        """Do a row; raises nothing but what ends the program."""
        try:
            standing = self._session.store.find_operation(key=row.key)
            if standing and standing.state in UNSETTLED and not self._dry_run:
                settled = self._settled(row, standing)
                if settled is not None:
                    return settled
            return self._perform(row)
        except BillctlError as error:
            return Tried(result=_failed(row, error), error=error)
        except Exception as error:  # noqa: BLE001  # an adapter's fault with one row hides no other
            fault = InternalError(
                f"unexpected {type(error).__name__} with {row.ref}",
                code=type(error).__name__,
                account=row.account,
            )
            return Tried(result=_failed(row, fault), error=fault)

    def _settled(self, row: PlannedRow, standing: Operation) -> Tried | None:
        """What an earlier run of this very row left open; None where it proves not to have happened."""
        found = reconcile_one(self._session, standing)
        if found.finding is Finding.DONE:
            operation = self._session.store.get_operation(standing.id) or standing
            result = _of_operation(row, operation)
            return Tried(result=replace(result, notes=("an earlier run had sent it: the gateway has it",)))
        if found.is_open:
            return _still_open(row, found)
        return None

    def _perform(self, row: PlannedRow) -> Tried:
        error: BillctlError | None
        try:
            done = self._perform_once(row)
            error, result = done.error, _result_of(row, done)
        except NotSent as turned_away:
            error, result = turned_away, _failed(row, turned_away)
        if isinstance(error, NotSent) and error.code == TURNED_AWAY:
            return Tried(result=result, error=error, wait=max(self.held(row.account), LEAST_PAUSE))
        return Tried(result=result, error=error)

    def held(self, account: str) -> float:
        """The seconds for which the account's gateway wants no requests."""
        return held(self._session, account)

    def _perform_once(self, row: PlannedRow) -> ActionResult:
        request = Request(
            object_id=row.object_id,
            reason=row.reason,
            reason_code=row.reason_code,
            ticket=row.ticket,
            again=row.again,
            dry_run=self._dry_run,
            yes=True,
            attended=self._attended,
        )
        verb = from_params(self._verb, row.params)
        terms = RowTerms(self._session, row, self._licence)
        return perform(self._session, row.account, verb, request, Frozen(row), terms=terms)


def _of_operation(row: PlannedRow, operation: Operation) -> RowResult:
    return RowResult(
        row=row,
        outcome="already_done",
        operation=operation.id,
        intent=operation.intent,
        outcome_seq=operation.outcome,
    )


def _still_open(row: PlannedRow, found: Reconciled) -> Tried:
    busy = found.finding is Finding.BUSY
    message = f"nobody knows yet what became of {found.operation} on {row.ref}: {found.note}"
    kind = Busy if busy else OutcomeUnknown
    error = kind(message, code="operation_open" if busy else "operation_unknown", account=row.account)
    result = replace(_failed(row, error), operation=found.operation, intent=found.entry.seq)
    return Tried(result=result, error=error, wait=found.wait)


def _result_of(row: PlannedRow, done: ActionResult) -> RowResult:
    error = done.error
    outcome = CONTRACT_OUTCOMES.get(done.outcome or "", done.outcome)
    if outcome is None:
        outcome = "skipped" if error else READY
    return _explained(
        RowResult(
            row=row,
            outcome=outcome,
            operation=done.operation,
            result_id=_id_of(done.result),
            intent=done.intent,
            outcome_seq=done.outcome_seq,
            notes=done.notes,
        ),
        error,
    )


def _id_of(result: Any) -> str | None:
    found = result.get("id")
    return found if isinstance(found, str) else None


def _failed(row: PlannedRow, error: BillctlError) -> RowResult:
    """A row that ended before anything was sent, or whose earlier operation nobody can tell of."""
    outcome = "skipped" if isinstance(error, SKIPPED) else "failed"
    outcome = "unknown" if isinstance(error, OutcomeUnknown) else outcome
    return _explained(RowResult(row=row, outcome=outcome), error)


def _explained(result: RowResult, error: BillctlError | None) -> RowResult:
    if error is None:
        return result
    return replace(result, code=error.code, word=error.word, message=error.message, hint=error.hint or None)
