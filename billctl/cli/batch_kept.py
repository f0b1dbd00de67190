"""What `billctl batch list` answers: the plans on the shelf, how far each is."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from billctl.batch.shelf import Kept, Run, Shelf, State, state_of
from billctl.cli.audit_log import log_path, writing
from billctl.cli.batch_views import mode_cell, outcome_words, short_path, totals_text
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.options import Choices
from billctl.cli.output import Result
from billctl.cli.views import local_time
from billctl.models import rfc3339
from billctl.paths import state_dir

COLUMNS = ("id", "created", "verb", "profile", "mode", "rows", "ready", "state", "path")
STRESSED = {State.RUNNING: "green", State.STOPPED: "yellow", State.DONE_WITH_FAILURES: "yellow"}


def listed(chosen: Choices) -> Result:
    """What `batch list` answers."""
    kept = Shelf(state_dir(os.environ)).kept()
    states = states_of(kept)
    rows = [kept_data(each, state) for each, state in zip(kept, states, strict=True)]
    return Result(data=rows, records=rows, columns=COLUMNS, view=_view(kept, states), profile=chosen.profile)


def states_of(kept: Sequence[Kept]) -> list[State]:
    """How far each plan is; where nothing was ever recorded, none has begun."""
    if not kept or not log_path().exists():
        return [State.PLANNED] * len(kept)
    with ExitStack() as opened:
        store, _ = opened.enter_context(writing())
        return [state_of(each, store) for each in kept]


def kept_data(kept: Kept, state: State) -> dict[str, Any]:
    """A plan on the shelf as machines get it."""
    run = kept.run
    return {
        "type": "batch",
        "id": kept.id,
        "state": str(state),
        "created": rfc3339(kept.created),
        "verb": kept.verb,
        "profile": kept.profile,
        "mode": kept.mode,
        **{name: getattr(kept, name) for name in ("rows", "ready", "already_done", "left_out")},
        "totals": list(kept.totals),
        "hash": kept.hash,
        "path": os.fspath(kept.path),
        "run": run_data(run) if run else None,
    }


def run_data(run: Run) -> dict[str, Any]:
    """The last run of a plan as machines get it."""
    return {
        "started": rfc3339(run.started),
        "ended": rfc3339(run.ended) if run.ended else None,
        "counts": dict(run.counts),
        "not_reached": run.not_reached,
        "stop": run.stop,
        "results": run.results,
        "failures": run.failures,
    }


def _view(kept: Sequence[Kept], states: Sequence[State]) -> View:
    if not kept:
        return [Line((Cell("no plan was made here", "dim"),))]
    titles = ("batch", "when", "", "what", "rows", "total", "", "")
    columns = tuple(Column(t, right=t == "rows") for t in titles)
    return [Grid(columns, tuple(map(_cells, kept, states)))]


def _cells(kept: Kept, state: State) -> tuple[Cell | str, ...]:
    done = f": {outcome_words(kept.run.counts)}" if kept.run and kept.run.counts else ""
    return (
        kept.id,
        local_time(kept.created),
        mode_cell(live=kept.mode == "live"),
        kept.verb,
        f"{kept.rows:,}",
        totals_text(kept.totals),
        Cell(f"{state}{done}", STRESSED.get(state, "")),
        short_path(kept.path),
    )
