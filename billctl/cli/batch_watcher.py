"""Who watches a batch for the person who started it: asks, draws, counts and logs."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from billctl.batch.model import AccountProgress, Header, Pending, PlannedRow, Progress, RowResult
from billctl.batch.plan_file import PlanFile
from billctl.batch.report import result_data
from billctl.batch.running import READY, ApplyOptions
from billctl.cli.batch_confirm import confirm, confirmed_by_options, go_on
from billctl.cli.batch_progress import Display, display_for
from billctl.cli.batch_views import Spooled, headline
from billctl.cli.options import Choices
from billctl.cli.run_log import CronRun
from billctl.frozen import frozen, replace
from billctl.gateway import When
from billctl.session import Opened

LISTED = 10
"""Failed rows that a person is shown at the end; the failures file has them all."""


@frozen
class Seen:
    """What was seen of a run: its rows by account and outcome, the first of those that are not as they were
    asked for, and the options, one set of words each, with which these are the same operations when they are
    planned again."""

    counts: Mapping[tuple[str, str], int]
    failed: tuple[RowResult, ...]
    options: frozenset[tuple[str, ...]]


class Watching:
    """See `batch.running.Watcher`. `source` gives a person's answers, None where nobody can be asked.

    `held` says for how many seconds nobody may ask an account's gateway, because it turned a request away.
    `unattended`: the profile allows live changes that nobody looks at. `rehearsed` are all rows of a dry run,
    which leaves no results file, where they are to be printed.
    """

    def __init__(
        self,
        header: Header,
        options: ApplyOptions,
        chosen: Choices,
        run: CronRun,
        source: TextIO | None,
        *,
        unattended: bool,
        held: Callable[[str], float],
    ) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._failed: list[RowResult] = []
        self._options_again: set[tuple[str, ...]] = set()
        self.rehearsed = Spooled() if options.dry_run and chosen.asks_for_output() else None
        self._header = header
        self._places = {account.name: place for place, account in enumerate(header.accounts)}
        self._options = options
        self._chosen = chosen
        self._run = run
        self._source = source
        self._unattended = unattended
        self._held = held
        self._display: Display | None = None
        self._stopping = False
        self._paused: set[str] = set()

    def seen(self) -> Seen:
        """What was seen so far."""
        return Seen(
            counts=dict(self._counts), failed=tuple(self._failed), options=frozenset(self._options_again)
        )

    def confirm(self, plan: PlanFile, opened: Mapping[str, Opened], pending: Pending) -> None:
        """Ask, unless the options have said it all."""
        options = self._options
        if self._source is None or confirmed_by_options(
            opened, yes=options.yes, live=options.live, unattended=self._unattended
        ):
            return
        confirm(plan, opened, pending, self._source)

    def row(self, result: RowResult) -> None:
        """Count it; log it where it failed, or all of them with `--verbose`."""
        self._counts[result.row.account, result.outcome] += 1
        failed = result.failed and result.outcome != READY
        if failed:
            self._options_again.add(_options_of(result.row))
            if len(self._failed) < LISTED:
                self._failed.append(result)
        if self.rehearsed is not None:
            self.rehearsed.add(result_data(result))
        if failed or self._chosen.verbose:
            self._run.log(
                "row",
                ref=result.row.ref,
                line=result.row.line,
                outcome=result.outcome,
                amount=result.row.amount,
                operation=result.operation,
                code=result.code,
                message=result.message,
            )

    def tick(self, progress: Progress) -> None:
        """Draw it; log the beginning of each pause that a gateway asked for."""
        in_order = sorted(progress.accounts, key=lambda account: self._places.get(account.name, 0))
        accounts = tuple(self._paced(account) for account in in_order)
        stopping = progress.stopping or self._stopping
        self._shown().show(replace(progress, accounts=accounts, stopping=stopping))

    def _paced(self, account: AccountProgress) -> AccountProgress:
        """With the pause that it makes; its beginning is logged."""
        seconds = self._held(account.name)
        if not seconds:
            self._paused.discard(account.name)
            return account
        if account.name not in self._paused:
            self._paused.add(account.name)
            self._run.log("pause", account=account.name, seconds=round(seconds, 1))
        return replace(account, paused_until=time.monotonic() + seconds)

    def look(self, results: Sequence[RowResult], left: int) -> bool:
        """Show the first rows' results and ask whether to go on."""
        self.end(erase=True)
        return self._source is not None and go_on(self._header.verb, results, left, self._source)

    def waiting(self, seconds: float) -> None:
        """Draw how long it will be."""
        self._shown().wait(seconds)

    def stopping(self) -> None:
        """From now on the view says that it stops."""
        self._stopping = True
        self._run.log("stopping")

    def end(self, *, erase: bool) -> None:
        """Stop drawing; `erase`: what comes next takes the place of the last frame."""
        if self._display:
            self._display.end(erase=erase)

    def _shown(self) -> Display:
        if self._display is None:
            self._display = display_for(quiet=self._chosen.quiet, no_color=self._chosen.no_color)
            self._display.begin(headline(self._header), live=self._header.live)
        return self._display


def _options_of(row: PlannedRow) -> tuple[str, ...]:
    """What `batch plan` must be told besides the failures file, for a row to be the same operation again."""
    now = ("--now",) if row.params.get("when") == When.NOW else ()
    return (*now, *(("--again", str(row.again)) if row.again > 1 else ()))
