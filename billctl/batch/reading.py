"""Reading what one row would do, at its gateway, without doing it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock
from typing import Any

from billctl.actions import perform
from billctl.audit.log import Subject
from billctl.batch.model import Row
from billctl.errors import BillctlError, Busy, InternalError, NetworkError, OutcomeUnknown, StoreError
from billctl.frozen import frozen
from billctl.gateway import TURNED_AWAY, When
from billctl.policy.rules import Case
from billctl.policy.verdict import Verdict
from billctl.reconcile import reconcile_one
from billctl.request import ActionResult, Request, Unburdened
from billctl.session import Session
from billctl.store.interface import Guard
from billctl.verbs import CancelSubscription, RefundCharge, ResendInvoice, Verb, VoidCharge
from billctl.verbs.plan import Plan

IN_A_ROW = 5
"""So many rows of an account that could not be asked, one after the other, and it is asked no more."""

ABANDONED = frozenset({"operation_unknown", "object_unsettled"})
"""Codes of errors that end by a look at the gateway; see `billctl.standing`."""
LONGEST_WAIT = 90
"""Seconds to wait until a request that may still be on its way will have had its effect."""


@frozen
class Chosen:
    """What was chosen for every row: the verb, when a subscription ends, the ordinal of the operations.

    `again_after`: a row whose identical operation was done longer ago than that is another one.
    """

    verb: str
    when: When = When.PERIOD_END
    again: int = 1
    again_after: timedelta | None = None

    def of(self, row: Row) -> Verb:
        """The verb of a row."""
        match self.verb:
            case "refund":
                return RefundCharge(row.amount)
            case "cancel":
                return CancelSubscription(self.when)
            case "resend":
                return ResendInvoice(row.to)
            case _:
                return VoidCharge()


@frozen
class RowRead:
    """What a row came to: `done` where it could be read, else `error`. `case` is what the policies judge;
    None where they need not."""

    row: Row
    verb: Verb
    again: int
    done: ActionResult | None = None
    case: Case | None = None
    error: BillctlError | None = None


class RowReader:
    """Reads rows, from any number of threads. `failed` are the accounts that could not be opened.

    `settles`: the gateway is asked about what an earlier run left open on a row's object, and its answer
    recorded. `sleep` takes seconds.
    """

    def __init__(
        self,
        session: Session,
        chosen: Chosen,
        failed: Mapping[str, BillctlError],
        *,
        settles: bool,
        sleep: Callable[[float], object],
    ) -> None:
        self._session = session
        self._chosen = chosen
        self._settles = settles
        self._sleep = sleep
        self._lock = Lock()
        self._in_a_row: dict[str, int] = {}
        self.failed: dict[str, BillctlError] = dict(failed)
        """The accounts that are asked no more, and why."""

    def read(self, row: Row) -> RowRead:
        """What the row would do. Raises `StoreError` only: whatever else is wrong is the row's `error`."""
        verb = self._chosen.of(row)
        with self._lock:
            known = self.failed.get(row.account)
        if known:
            return RowRead(row=row, verb=verb, again=self._chosen.again, error=known)
        session, terms = self._session, _Planning(self._session)
        again = self._chosen.again
        try:
            again = self._ordinal(row, verb)
            request = Request(
                object_id=row.object_id,
                reason=row.reason,
                reason_code=row.reason_code,
                ticket=row.ticket,
                again=again,
                dry_run=True,
                attended=True,  # whether somebody is there is a matter of the run that applies the plan
            )
            done = self._performed(
                row, lambda: perform(session, row.account, verb, request, _Nobody(), terms=terms)
            )
        except StoreError:
            raise
        except BillctlError as error:
            self._count(row.account, error)
            return RowRead(row=row, verb=verb, again=again, error=error)
        except Exception as error:  # noqa: BLE001  # whatever a plugin raises is its row's failure
            adapter = f"the {self._session.gateway_of(row.account)} adapter"
            fault = InternalError(f"unexpected {type(error).__name__} in {adapter}")
            return RowRead(row=row, verb=verb, again=again, error=fault)
        self._count(row.account, None)
        return RowRead(row=row, verb=verb, again=again, done=done, case=terms.case)

    def _performed(self, row: Row, rehearse: Callable[[], ActionResult]) -> ActionResult:
        try:
            return rehearse()
        except (OutcomeUnknown, Busy) as standing:
            if standing.code not in ABANDONED or not self._settles or not self._settled(row):
                raise
            return rehearse()

    def _settled(self, row: Row) -> bool:
        """Whether it is known now what became of the operation that stands on the row's object."""
        name = self._session.open(row.account).object(row.object_id)
        for _ in range(2):
            operation = self._session.store.unsettled_on(object=name)
            if operation is None:
                return True
            found = reconcile_one(self._session, operation)
            if not (found.is_open and found.wait):
                return not found.is_open
            self._sleep(min(found.wait, LONGEST_WAIT))
        return False

    def _ordinal(self, row: Row, verb: Verb) -> int:
        after = self._chosen.again_after
        if after is None:
            return self._chosen.again
        from billctl.batch.repeats import next_ordinal

        return next_ordinal(self._session, row.account, verb, row.object_id, after=after)

    def _count(self, account: str, error: BillctlError | None) -> None:
        """Give an account up that cannot be asked any more."""
        silent = isinstance(error, NetworkError) and error.code != TURNED_AWAY
        with self._lock:
            self._in_a_row[account] = self._in_a_row.get(account, 0) + 1 if silent else 0
            if error is not None and self._in_a_row[account] >= IN_A_ROW:
                self.failed.setdefault(account, error)


class _Nobody:
    """The confirmation of what is not sent; see `request.Confirmation`."""

    def ask(self, plan: Plan, request: Request) -> None:
        """Nothing."""

    def check(self, plan: Plan, request: Request) -> None:
        """Nothing."""


class _Planning(Unburdened):
    """Terms that judge nothing, and keep what is to be judged once it is known what comes before it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.case: Case | None = None

    def permit(self, plan: Plan, subject: Subject, request: Request) -> "_Unjudged":
        """See `request.Terms`."""
        self.case = Case(plan=plan, subject=subject, attended=request.attended, now=self._session.clock())
        return _Unjudged(plan)


class _Unjudged:
    """A permit that nobody was asked for; see `request.Permit`."""

    verdict = Verdict(objections=())

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def objection(self) -> None:
        """None: the rules are held against the plan as a whole."""

    def obtain(self) -> Plan:
        """The plan as it is."""
        return self._plan

    def guard(self) -> Guard | None:
        """None."""
        return None

    def record(self) -> Mapping[str, Any] | None:
        """None."""
        return None

    def spend(self, operation: str | None, outcome: str | None) -> tuple[str, ...]:
        """Nothing."""
        del operation, outcome
        return ()
