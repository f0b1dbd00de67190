"""What the policies say of a plan as a whole, by what they and the log say now."""

from collections.abc import Mapping
from datetime import datetime

from billctl.audit.log import Subject
from billctl.batch.matter import Whole
from billctl.batch.model import Header, PlannedRow
from billctl.frozen import replace
from billctl.money import Money
from billctl.policy.budget import Day
from billctl.policy.rules import RULES, Case, Objection, Weight, objections
from billctl.policy.verdict import Judge

WEIGHTS = {rule.key: rule.weight for rule in RULES}
DAILY = frozenset(rule.key for rule in RULES if rule.daily)


class _Against:
    """One rule's objections to rows: the first of them, and how many rows."""

    def __init__(self, first: Objection) -> None:
        self.first = first
        self.rows = 0

    def as_one(self) -> Objection:
        more = self.rows - 1
        text = f"{self.first.text}, and {more:,} more {'row' if more == 1 else 'rows'}"
        return replace(self.first, text=text) if more else self.first


class PlanJudge:
    """Holds the policies against the rows that are still to be done, one after the other, then against all.

    A row that breaks a rule which nobody can lift is refused in its turn, and counts for nothing here.
    """

    def __init__(
        self, header: Header, subject: Subject, judge: Judge, *, attended: bool, now: datetime
    ) -> None:
        self._header = header
        self._judge = judge
        self._subject = replace(subject, action=header.verb)
        self._case = Case(plan=Whole(key="", facts=()), subject=self._subject, attended=attended, now=now)
        self._found: dict[str, _Against] = {}
        self._planned: set[str] = set()
        self._rows = 0
        self._hopeless: _Against | None = None

    def add(self, row: PlannedRow) -> None:
        """Judge one row but for the limits per day."""
        self._rows += 1
        self._planned.update(row.rules)
        if not self._judge.policies:
            return
        against = [each for each in self._objections_to(row) if each.rule not in DAILY]
        final = next((each for each in against if each.weight is Weight.FINAL), None)
        if final:
            self._hopeless = self._hopeless or _Against(final)
            self._hopeless.rows += 1
            return
        for each in against:
            self._found.setdefault(each.rule, _Against(each)).rows += 1

    def _objections_to(self, row: PlannedRow) -> list[Objection]:
        subject = replace(self._subject, amount=row.amount, ticket=row.ticket, reason_code=row.reason_code)
        case = replace(self._case, plan=Whole(key="", facts=(), amount=row.amount), subject=subject)
        return objections(self._judge.policies, case)

    def objections(self, moving: Mapping[str, int], day: Day) -> tuple[Objection, ...]:
        """Everything that stands against the rows together.

        `moving` is what they move, in minor units by currency; `day` the operator's until now.
        """
        if not self._rows:
            return ()
        if self._hopeless and self._hopeless.rows == self._rows:
            return (self._hopeless.as_one(),)
        found = [against.as_one() for against in self._found.values()]
        found += self._as_planned({each.rule for each in found})
        return (*found, *self._daily(moving, day))

    def _as_planned(self, known: set[str]) -> list[Objection]:
        """Rules that only the object tells of (a charge's age): as they stood when it was read."""
        missing = sorted(self._planned - known - DAILY)
        text = "; ".join(self._header.why)
        return [Objection(rule=rule, weight=WEIGHTS[rule], text=text) for rule in missing if rule in WEIGHTS]

    def _daily(self, moving: Mapping[str, int], day: Day) -> list[Objection]:
        """The limits per day against all rows at once: the last of them is the one that counts."""
        before = day.plus(self._header.verb, None, self._rows - 1)
        amounts: list[Money | None] = [Money(minor, currency) for currency, minor in sorted(moving.items())]
        found: dict[str, Objection] = {}
        for amount in amounts or [None]:
            case = replace(self._case, plan=Whole(key="", facts=(), amount=amount), day=before)
            for each in objections(self._judge.policies, case, daily_only=True):
                found.setdefault(each.text, each)
        return list(found.values())
