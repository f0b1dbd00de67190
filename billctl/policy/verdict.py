"""The verdict of all policies on one plan, and the guard that holds the limits per day under concurrency."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from billctl.audit.actor import Actor
from billctl.errors import PolicyDenied
from billctl.frozen import frozen, replace
from billctl.policy.budget import Day, RunningDay, day_of
from billctl.policy.rules import Case, Objection, Weight, has_daily, objections
from billctl.profiles.policy import Policy
from billctl.store.interface import Guard, Recent, Store

ASK = "Ask for approval with --request-approval."
ASKED_FOR = "asked for with --request-approval"


class Word(StrEnum):
    """What a verdict says."""

    ALLOWED = "allowed"
    NEEDS_APPROVAL = "needs_approval"
    DENIED = "denied"


@frozen
class Verdict:
    """What the policies say of a plan. `asked`: approval was asked for, whether it is needed or not."""

    objections: tuple[Objection, ...]
    asked: bool = False

    @property
    def word(self) -> Word:
        """The verdict in a word."""
        if self._against():
            return Word.DENIED
        return Word.NEEDS_APPROVAL if self.asked or self.objections else Word.ALLOWED

    @property
    def why(self) -> tuple[str, ...]:
        """Why approval is needed, as sentences."""
        return tuple(objection.text for objection in self.objections) or (ASKED_FOR,) * self.asked

    @property
    def rules(self) -> frozenset[str]:
        """The keys of the rules that object."""
        return frozenset(objection.rule for objection in self.objections)

    def denial(self) -> PolicyDenied | None:
        """The error of a denial: the first objection against which there is no remedy, or none was used."""
        against = self._against()
        if against is None:
            return None
        hint = ASK if against.weight is Weight.LIMIT else against.hint
        return PolicyDenied(against.text, code=against.rule, hint=hint)

    def word_on(self, objection: Objection) -> Word:
        """What one objection alone comes to."""
        liftable = {Weight.APPROVAL, Weight.LIMIT} if self.asked else {Weight.APPROVAL}
        return Word.NEEDS_APPROVAL if objection.weight in liftable else Word.DENIED

    def _against(self) -> Objection | None:
        return next((o for o in self.objections if self.word_on(o) is Word.DENIED), None)

    def data(self) -> dict[str, Any]:
        """The form of every output."""
        rules = [{"rule": objection.rule, "text": objection.text} for objection in self.objections]
        return {"verdict": str(self.word), "rules": rules}


@frozen
class Judge:
    """The policies in force for one operator's actions; `mode` is the profile's."""

    policies: tuple[Policy, ...]
    actor: Actor
    mode: str

    def verdict(self, case: Case, store: Store, *, asked: bool) -> Verdict:
        """What the policies say of `case`, by what the log holds now; `asked`: for approval."""
        return self.against(case, self.day(store, case.now), asked=asked)

    def day(self, store: Store, now: datetime) -> Day:
        """The operator's day up to `now`, where any policy limits it; else an empty one."""
        return self._day(store.recent, now) if has_daily(self.policies) else Day()

    def against(self, case: Case, day: Day, *, asked: bool = False) -> Verdict:
        """What the policies say of `case` after such a `day`; `asked`: for approval."""
        return Verdict(objections=tuple(objections(self.policies, replace(case, day=day))), asked=asked)

    def running_day(self) -> RunningDay:
        """The operator's day for a run of many actions."""
        return RunningDay(actor=self.actor, mode=self.mode)

    def guard(
        self, case: Case, *, lifted: frozenset[str] = frozenset(), running: RunningDay | None = None
    ) -> Guard | None:
        """Holds the limits per day again within the intent's transaction, where no other run can add to them.

        It raises `PolicyDenied`. None where there is no such limit; `lifted` are the keys of rules against
        which a second person approved, `running` the day as a run of many actions has it.
        """
        if not has_daily(self.policies):
            return None

        def denial(day: Day) -> PolicyDenied | None:
            found = objections(self.policies, replace(case, day=day), daily_only=True)
            return Verdict(objections=tuple(each for each in found if each.rule not in lifted)).denial()

        def hold(recent: Recent) -> None:
            if running is not None and denial(running.day(recent, case.now)) is None:
                return
            day = running.anew(recent, case.now) if running else self._day(recent, case.now)
            if denied := denial(day):
                raise denied

        return hold

    def _day(self, recent: Recent, now: datetime) -> Day:
        return day_of(recent, actor=self.actor, mode=self.mode, now=now)
