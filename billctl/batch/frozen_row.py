"""A row's object as it is now, held against what the plan says of it."""

from collections.abc import Iterator
from typing import Any

from billctl.batch.model import PlannedRow
from billctl.errors import PolicyDenied
from billctl.models import data
from billctl.money import Money
from billctl.request import Request
from billctl.verbs.plan import Plan

NEW_PLAN = "Look at it, then make a new plan of it: the failures file can be planned again."
MINOR = "_minor"


class Frozen:
    """Answers for a row's plan (`request.Confirmation`): it must be to the letter what was planned."""

    def __init__(self, row: PlannedRow) -> None:
        self._row = row

    def ask(self, plan: Plan, request: Request) -> None:
        """Raise `PolicyDenied` (`drifted`), naming what changed."""
        del request
        check_facts(self._row, plan)

    def check(self, plan: Plan, request: Request) -> None:
        """As `ask`."""
        self.ask(plan, request)


def check_read(row: PlannedRow, plan: Plan) -> None:
    """Raise `PolicyDenied` (`drifted`) unless the object just read is as it was planned, and means the same
    operation."""
    changed = [*_state_changes(row, plan)]
    if plan.amount != row.amount:
        changed.insert(0, f"the amount was {row.amount or 'none'}, is {plan.amount or 'none'}")
    if plan.customer_id != row.customer:
        changed.append(f"the customer was {row.customer or 'none'}, is {plan.customer_id or 'none'}")
    if not changed and (plan.key, plan.object) != (row.key, row.object):
        changed.append("it is another operation")
    if changed:
        raise _drifted(row, changed)


def check_facts(row: PlannedRow, plan: Plan) -> None:
    """Raise `PolicyDenied` (`drifted`) unless what a person would confirm is what was reviewed."""
    if plan.facts == row.facts:
        return
    before, now = _by_label(row.facts), _by_label(plan.facts)
    labels = dict.fromkeys((*before, *now))
    raise _drifted(
        row,
        [
            f"{label} was {before.get(label, 'not said')}, is {now.get(label, 'not said')}"
            for label in labels
            if before.get(label) != now.get(label)
        ]
        or ["it is told in another order"],
    )


def _by_label(facts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for label, text in facts:
        found[label] = f"{found[label]}; {text}" if label in found else text
    return found


def _state_changes(row: PlannedRow, plan: Plan) -> Iterator[str]:
    now: dict[str, Any] = data(dict(plan.before))
    for name in dict.fromkeys((*row.before, *now)):
        if row.before.get(name) != now.get(name):
            yield f"{_label(name)} was {_said(name, row.before, row)}, is {_said(name, now, row)}"


def _label(name: str) -> str:
    return name.removesuffix(MINOR).replace("_", " ")


def _said(name: str, state: Any, row: PlannedRow) -> str:
    value = state.get(name)
    if name.endswith(MINOR) and row.amount and type(value) is int:
        return str(Money(value, row.amount.currency))
    return "not said" if value is None else str(value)


def _drifted(row: PlannedRow, changed: list[str]) -> PolicyDenied:
    return PolicyDenied(
        f"{row.ref} is not as it was planned: {', '.join(changed)}",
        code="drifted",
        hint=NEW_PLAN,
        account=row.account,
    )
