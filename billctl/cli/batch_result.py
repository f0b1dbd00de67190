"""What a run of a batch answers: a summary for a person, a line a row for machines."""

import json
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from billctl.batch.model import Header, Stop
from billctl.batch.plan_file import PlanFile
from billctl.batch.running import Applied
from billctl.cli.batch_views import (
    OUTCOMES,
    STRESSED,
    Lazy,
    count,
    headline,
    mode_cell,
    money_text,
    result_grid,
    short_path,
    words,
)
from billctl.cli.batch_watcher import Seen, Watching
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.output import Result
from billctl.errors import NOTHING_SENT

COLUMNS = ("n", "ref", "outcome", "amount.amount", "amount.currency", "operation", "code", "message")
READY = "ready"

STOPPED = {
    Stop.CANARY: "stopped after the first rows, for a look at them",
    Stop.MAX_FAILURES: "stopped: too many rows failed",
    Stop.INTERRUPTED: "stopped by a signal",
    Stop.ACCOUNT: "stopped: nothing more can be done at the accounts that are left",
}
"""What a person is told of why a run ended early."""


def result_of(
    plan: PlanFile, applied: Applied, watched: Watching, *, dry_run: bool, profile: str | None
) -> Result:
    """What a run came to, and what was seen of it; `profile` is what `--profile` chose for it."""
    header = plan.header
    results = applied.results
    if applied.error and applied.failures:
        applied.error.hint = f"{applied.error.hint} Failed rows: {applied.failures.absolute()}".lstrip()
    if applied.error and dry_run:
        applied.error.sent = NOTHING_SENT
    rows = sum(applied.counts.values())
    return Result(
        data=run_data(plan, applied) | ({"dry_run": True} if dry_run else {}),
        records=Lazy(rows, lambda: _lines(results)) if results else watched.rehearsed or (),
        columns=COLUMNS,
        view=_view(plan, applied, watched.seen(), dry_run=dry_run, profile=profile),
        warnings=list(applied.warnings),
        error=applied.error,
        profile=header.profile,
        mode=header.mode,
        success_is_silent=True,
        silent_unless_asked=True,
    )


def run_data(plan: PlanFile, applied: Applied) -> dict[str, Any]:
    """A run as machines get it."""
    header = plan.header
    return {
        "id": header.id,
        "plan": os.fspath(plan.path.absolute()),
        "hash": plan.hash,
        "verb": header.verb,
        "rows": header.rows,
        "counts": dict(applied.counts),
        "moved": list(applied.moved),
        "not_reached": applied.not_reached,
        "stop": str(applied.stop) if applied.stop else None,
        "results": os.fspath(applied.results.absolute()) if applied.results else None,
        "failures": os.fspath(applied.failures.absolute()) if applied.failures else None,
    }


def _lines(results: Path) -> Iterator[dict[str, Any]]:
    """The rows of a results file; a line's own fields are its record's."""
    with results.open(encoding="utf-8") as lines:
        for line in lines:
            yield {"type": "row"} | json.loads(line)


def _view(plan: PlanFile, applied: Applied, seen: Seen, *, dry_run: bool, profile: str | None) -> View:
    header = plan.header
    said = "dry run: nothing was sent" if dry_run else ""
    view: list[Line | Grid] = [
        Line((mode_cell(live=header.live), headline(header), said)),
        _accounts(header, seen.counts),
    ]
    if seen.failed:
        more = applied.failed - len(seen.failed)
        view += [Line((Cell("not as asked for", "bold"),)), result_grid(seen.failed)]
        view += [Line((f"… and {count(more, 'more row')}",), indent=2)] if more else []
    facts = (
        ("moved", ", ".join(money_text(total) for total in applied.moved)),
        ("not reached", _not_reached(applied)),
        ("results", short_path(applied.results) if applied.results else ""),
        ("failures", short_path(applied.failures) if applied.failures else ""),
    )
    cells = tuple((Cell(label, "dim"), text) for label, text in facts if text)
    view += [Grid((Column(), Column()), cells, indent=2)] if cells else []
    command = _next(plan, applied, seen, profile)
    return [*view, Line((f"Next: {command}",))] if command else view


def _accounts(header: Header, counts: Mapping[tuple[str, str], int]) -> Grid:
    """Outcomes by account; only those that there are."""
    present = Counter(outcome for _, outcome in counts)
    shown = [outcome for outcome in (READY, *OUTCOMES) if present[outcome]]
    names = dict.fromkeys([*(account.name for account in header.accounts), *(name for name, _ in counts)])
    rows: tuple[tuple[Cell | str, ...], ...] = tuple(
        (name, *(_count_cell(outcome, counts.get((name, outcome), 0)) for outcome in shown)) for name in names
    )
    titles = (Column("account"), *(Column(words(outcome), right=True) for outcome in shown))
    return Grid(titles, rows, indent=2)


def _count_cell(outcome: str, number: int) -> Cell:
    return Cell(f"{number:,}" if number else "–", STRESSED.get(outcome, "") if number else "dim")


def _not_reached(applied: Applied) -> str:
    if not applied.not_reached:
        return ""
    why = f": {STOPPED[applied.stop]}" if applied.stop else ""
    return f"{count(applied.not_reached, 'row')}{why}"


def _next(plan: PlanFile, applied: Applied, seen: Seen, profile: str | None) -> str:
    """The command that goes on from here, if one does; `profile` is what `--profile` chose for this run.

    Failed rows that are the same operations only under different options are to be planned apart: by whom
    knows what he meant.
    """
    billctl = ["billctl", *(("-p", profile) if profile else ())]
    if applied.counts.get("unknown"):
        return shlex.join([*billctl, "audit", "reconcile"])
    if applied.not_reached:
        return shlex.join([*billctl, "batch", "apply", plan.header.id])
    if not applied.failures or len(seen.options) != 1:
        return ""
    (options,) = seen.options
    words = ["batch", "plan", plan.header.verb, short_path(applied.failures), *options]
    return shlex.join([*billctl, *words])
