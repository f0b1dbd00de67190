"""The terms of one row of a batch: what is done once for all of them is not done again."""

from collections.abc import Mapping
from typing import Any

from billctl.approvals import Approval
from billctl.audit.log import Subject
from billctl.batch.frozen_row import check_read
from billctl.batch.model import PlannedRow
from billctl.errors import BillctlError, NotSent, PolicyDenied
from billctl.frozen import frozen
from billctl.gateway import TURNED_AWAY
from billctl.pace import AccountPace
from billctl.policy.budget import Day, RunningDay
from billctl.policy.rules import Case
from billctl.policy.verdict import Judge, Verdict, Word
from billctl.request import Permit, Request, Unburdened
from billctl.session import Session
from billctl.store.interface import Guard
from billctl.verbs.plan import Plan

SHORT = 1.0
"""Seconds of a pause that an intent may stand through."""
SINCE = "This came to stand against it after the plan was judged: make a new plan."


@frozen
class Licence:
    """What holds for all rows of a run: who judges them, and which rules a second person lifted."""

    judge: Judge
    running: RunningDay
    approval: Approval | None = None

    @property
    def lifted(self) -> frozenset[str]:
        """The keys of the rules that a second person lifted."""
        return self.approval.rules if self.approval else frozenset()


def held(session: Session, account: str) -> float:
    """The seconds for which the gateway of an account that is open wants no requests, as far as is known."""
    pace = session.gateway(account).account.pace
    return pace.held() if isinstance(pace, AccountPace) else 0.0


class RowTerms(Unburdened):
    """See `request.Terms`. The log was checked and anchored, and the plan confirmed, for all rows at once."""

    def __init__(self, session: Session, row: PlannedRow, licence: Licence) -> None:
        self._session = session
        self._row = row
        self._licence = licence

    def read(self, plan: Plan) -> None:
        """Raise `PolicyDenied` (`drifted`) where the object is not as it was planned."""
        check_read(self._row, plan)

    def before_sending(self) -> None:
        """Raise `NotSent` where the gateway has come to want no requests for a while: what was read would be
        old by then, and the intent would stand all that time."""
        if held(self._session, self._row.account) > SHORT:
            raise NotSent(
                f"{self._row.account} wants no requests for a while",
                code=TURNED_AWAY,
                account=self._row.account,
            )

    def permit(self, plan: Plan, subject: Subject, request: Request) -> Permit:
        """What the policies say of the row now."""
        case = Case(plan=plan, subject=subject, attended=request.attended, now=self._session.clock())
        return RowPermit(plan, case, self._licence)


class RowPermit:
    """See `request.Permit`. The limits per day were held against the whole plan; they are held again as the
    intent is recorded."""

    def __init__(self, plan: Plan, case: Case, licence: Licence) -> None:
        self._plan = plan
        self._case = case
        self._licence = licence
        said = licence.judge.against(case, Day())
        self.verdict = Verdict(objections=tuple(o for o in said.objections if o.rule not in licence.lifted))

    def objection(self) -> BillctlError | None:
        """What stands against the row, and was not lifted with the plan."""
        if self.verdict.word is Word.ALLOWED:
            return None
        against = self.verdict.objections[0]
        return PolicyDenied(against.text, code=against.rule, hint=against.hint or SINCE)

    def obtain(self) -> Plan:
        """The plan. Raises `PolicyDenied`."""
        if error := self.objection():
            raise error
        return self._plan

    def guard(self) -> Guard | None:
        """Holds the limits per day, but those that a second person lifted."""
        licence = self._licence
        return licence.judge.guard(self._case, lifted=licence.lifted, running=licence.running)

    def record(self) -> Mapping[str, Any] | None:
        """Who approved the plan."""
        return self._licence.approval.data() if self._licence.approval else None

    def spend(self, operation: str | None, outcome: str | None) -> tuple[str, ...]:
        """Nothing: the approval serves the whole plan."""
        del operation, outcome
        return ()
