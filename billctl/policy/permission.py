"""Whether one plan may be carried out: by the policies, and by a second person where they demand one."""

from collections.abc import Mapping
from typing import Any

from billctl.approvals import Approval, settle, standing, used
from billctl.audit.log import Subject
from billctl.errors import ApprovalRequired, BillctlError, Terminated
from billctl.frozen import replace
from billctl.policy.rules import Case
from billctl.policy.verdict import Judge, Verdict, Word
from billctl.session import Session
from billctl.store.interface import Guard
from billctl.verbs.plan import Plan

SPENT = frozenset({"succeeded", "pending", "unknown"})
"""Outcomes after which an approval is good for nothing more."""


class Permission:
    """The permission for a plan that is resolved and checked; nothing is asked of anybody before `obtain`.

    `asked`: approval was asked for, needed or not. `attended`: a person at a terminal can be asked.
    Raises `ConfigError` where the central policy cannot be used.
    """

    def __init__(
        self, session: Session, plan: Plan, subject: Subject, *, asked: bool, attended: bool
    ) -> None:
        self._session = session
        self._plan = plan
        self._subject = subject
        self._judge = Judge(policies=session.policies, actor=session.actor, mode=str(session.profile.mode))
        self._case = Case(plan=plan, subject=subject, attended=attended, now=session.clock())
        self._approval: Approval | None = None
        self.verdict: Verdict = self._judge.verdict(self._case, session.store, asked=asked)

    def objection(self) -> BillctlError | None:
        """The error that `obtain` would end with as things stand, found without asking a second person."""
        if denial := self.verdict.denial():
            return denial
        if self.verdict.word is not Word.NEEDS_APPROVAL:
            return None
        if standing(self._session, self._plan, self._subject, rules=self.verdict.rules):
            return None
        return ApprovalRequired(
            f"a second person would have to approve this: {'; '.join(self.verdict.why)}",
            hint="Without --dry-run this asks for approval, if nobody was asked yet.",
        )

    def obtain(self) -> Plan:
        """The plan, with who approved it. Raises `PolicyDenied`, or `ApprovalRequired` while that waits."""
        if denial := self.verdict.denial():
            raise denial
        if self.verdict.word is not Word.NEEDS_APPROVAL:
            return self._plan
        self._approval = settle(
            self._session, self._plan, self._subject, rules=self.verdict.rules, why=self.verdict.why
        )
        approved = f"by {self._approval.approver}: {self._approval.reason}"
        return replace(self._plan, facts=(*self._plan.facts, ("approved", approved)))

    def guard(self) -> Guard | None:
        """What holds the limits per day as the intent is recorded, but those that a second person lifted."""
        lifted = self._approval.rules if self._approval else frozenset()
        return self._judge.guard(self._case, lifted=lifted)

    def record(self) -> Mapping[str, Any] | None:
        """What the intent's record keeps of the approval."""
        return self._approval.data() if self._approval else None

    def spend(self, operation: str | None, outcome: str | None) -> tuple[str, ...]:
        """Use the approval up where the operation may have had an effect; returns warnings.

        Nothing is raised, not for a signal either: what was sent is recorded, and is to be shown.
        """
        if not (self._approval and operation and outcome in SPENT):
            return ()
        try:
            warning = used(self._session, self._approval, operation)
        except (KeyboardInterrupt, Terminated):
            warning = f"{self._approval.id} was not marked as used: interrupted"
        return (warning,) if warning else ()
