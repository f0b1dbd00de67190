"""One look through a plan before its first row: what is still to be done, and what stands against it."""

from collections import Counter
from collections.abc import Mapping

from billctl.batch.judging import PlanJudge
from billctl.batch.model import Pending, PlannedRow, RowState
from billctl.batch.plan_file import CHANGED_HINT, PlanFile
from billctl.batch.summing import Sums
from billctl.errors import UsageError
from billctl.frozen import frozen
from billctl.money import Money
from billctl.policy.budget import Day
from billctl.policy.rules import Objection
from billctl.store.interface import OperationState, Store


@frozen
class Scan:
    """What a plan comes to now.

    `ready` are the rows that it is for, by account, and `pending` those of them that are still to be done.
    `rows` and `totals` are all that the plan does, with what was done before it was made; `moving` is what
    the pending rows move. `objections` are the policies' against these rows together.
    """

    ready: Mapping[str, int]
    pending: Mapping[str, int]
    rows: int
    totals: tuple[Money, ...]
    moving: tuple[Money, ...]
    objections: tuple[Objection, ...]

    @property
    def left(self) -> int:
        """How many rows are still to be done."""
        return sum(self.pending.values())

    @property
    def to_do(self) -> Pending:
        """What is still to be done."""
        return Pending(rows=self.left, totals=self.moving)


def scan(plan: PlanFile, store: Store, judge: PlanJudge, day: Day) -> Scan:
    """Look through all rows of the plan. `day` is the operator's until now.

    Raises `UsageError` (`plan_changed`) where its header does not say what its rows sum up to.
    """
    sums = Sums()
    rows = 0
    totals: Counter[str] = Counter()
    moving: Counter[str] = Counter()
    ready: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    for number, row in enumerate(plan.checked_rows(), 1):
        if row.n != number:
            raise _untrue(plan)
        sums.add(row)
        if row.state is RowState.LEFT_OUT:
            continue
        rows += 1
        _add(totals, row)
        if row.state is not RowState.READY:
            continue
        ready[row.account] += 1
        if not is_done(store, row):
            pending[row.account] += 1
            _add(moving, row)
            judge.add(row)
    if not sums.are_of(plan.header):
        raise _untrue(plan)
    return Scan(
        ready=dict(ready),
        pending=dict(pending),
        rows=rows,
        totals=moneys(totals),
        moving=moneys(moving),
        objections=judge.objections(moving, day),
    )


def _untrue(plan: PlanFile) -> UsageError:
    return UsageError(
        f"{plan.path} says in its first line what its rows do not: it was changed since the plan was made",
        code="plan_changed",
        hint=CHANGED_HINT,
    )


def is_done(store: Store, row: PlannedRow) -> bool:
    """Whether the log says that the row's operation is done."""
    operation = store.find_operation(key=row.key)
    return operation is not None and operation.state is OperationState.DONE


def moneys(minor: Mapping[str, int]) -> tuple[Money, ...]:
    """Sums by currency as amounts, in the order of the currencies' codes."""
    return tuple(Money(amount, currency) for currency, amount in sorted(minor.items()))


def _add(sums: Counter[str], row: PlannedRow) -> None:
    if row.amount:
        sums[row.amount.currency] += row.amount.minor
