"""What a run of a plan is asked for, whom it tells how it goes, and what it comes to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from billctl.batch.model import Header, Pending, Progress, RowResult, Stop
from billctl.batch.plan_file import PlanFile
from billctl.errors import BillctlError
from billctl.frozen import frozen
from billctl.money import Money
from billctl.session import Opened

DEFAULT_WORKERS = 8
DEFAULT_MAX_FAILURES = 20
DEFAULT_CANARY = 3


@frozen
class ApplyOptions:
    """How a plan is applied.

    `workers` are rows at the same time at each account; more than `max_failures` failed rows end the run.
    `canary` are the rows after which somebody looks, 0 for none; None: by default (see `canary_of`). `live`
    are the ids of the live accounts that are meant. `attended`: a person at a terminal can be asked.
    `expect_totals` and `expect_rows` are what the plan must come to; None: nothing is expected. `not_before`
    (aware UTC) is when the first row may go.
    """

    workers: int = DEFAULT_WORKERS
    max_failures: int = DEFAULT_MAX_FAILURES
    canary: int | None = None
    dry_run: bool = False
    yes: bool = False
    live: tuple[str, ...] = ()
    request_approval: bool = False
    attended: bool = False
    expect_totals: tuple[Money, ...] | None = None
    expect_rows: int | None = None
    not_before: datetime | None = None


class Watcher(Protocol):
    """Who is told how a run goes; every call comes from the main thread."""

    def confirm(self, plan: PlanFile, opened: Mapping[str, Opened], pending: Pending) -> None:
        """Raise `PolicyDenied` unless a person means it; not called where nothing is to be done.

        `opened` are the accounts with rows to do, `pending` is what these rows come to. What can be said in
        options was checked before.
        """

    def row(self, result: RowResult) -> None:
        """One row is through, or was never to be done; in the order in which that happens."""

    def tick(self, progress: Progress) -> None:
        """About five times a second while rows run."""

    def look(self, results: Sequence[RowResult], left: int) -> bool:
        """The canary's rows are done, `left` are still to do: whether to go on. Asked of a person only."""

    def waiting(self, seconds: float) -> None:
        """About once a second while the run waits for its time."""

    def stopping(self) -> None:
        """A first signal came: no row is begun any more."""


@frozen
class Applied:
    """What a run came to.

    `counts` are all rows of the plan that were reached, by outcome (`RowResult.outcome`; in a dry run
    `ready` are those that would be sent). `moved` is what this run moved, one sum a currency. `not_reached`
    rows were not begun, for the reason `stop`. `results` and `failures` are the files, None where there is
    none. `error` decides the exit code.
    """

    header: Header
    counts: Mapping[str, int]
    moved: tuple[Money, ...] = ()
    not_reached: int = 0
    stop: Stop | None = None
    results: Path | None = None
    failures: Path | None = None
    error: BillctlError | None = None
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """The rows that are not as they were asked for."""
        return sum(count for outcome, count in self.counts.items() if outcome not in AS_ASKED)


READY = "ready"
"""The outcome of a row in a dry run that would be sent."""
AS_ASKED = frozenset({"succeeded", "pending", "already_done", READY})
