"""What `billctl batch show` answers: what a plan holds, and how far it is by the audit log."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from billctl.batch.model import PlannedRow, RowState
from billctl.batch.plan_file import PlanFile, open_plan
from billctl.batch.shelf import Kept, Shelf, State
from billctl.cli.audit_log import reading
from billctl.cli.batch_effect import Facts, effect_of
from billctl.cli.batch_kept import run_data, states_of
from billctl.cli.batch_planned import row_record
from billctl.cli.batch_views import Lazy, count, headline, mode_cell, outcome_words, short_path, totals_text
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.output import Result
from billctl.cli.views import local_time
from billctl.models import rfc3339
from billctl.paths import state_dir
from billctl.store.interface import Store

COLUMNS = ("n", "line", "ref", "state", "amount.amount", "amount.currency", "operation", "message")
LISTED = 20
"""Rows left out that a person is shown; the other formats have them all."""


def shown(plan: str) -> Result:
    """What `batch show` answers of the plan that a person named."""
    shelf = Shelf(state_dir(os.environ))
    with shelf.open(plan) as opened:
        header, path = opened.header, opened.path
        kept = shelf.get(header.id)
        states = Counter(row["state"] for row in _rows(opened))
        left_out = list(islice((r for r in opened.rows() if r.state is RowState.LEFT_OUT), LISTED))
        state = states_of([kept])[0] if kept else None
        view = _view(opened, kept, state, states, left_out, effect_of(opened))
        body = _header_data(opened, kept, state) | {"states": dict(states)}
    return Result(
        data=body,
        records=Lazy(header.rows, lambda: _records(path)),
        columns=COLUMNS,
        view=view,
        warnings=list(header.warnings),
        profile=header.profile,
        mode=header.mode,
    )


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with open_plan(path) as plan:
        yield from _rows(plan)


def _rows(plan: PlanFile) -> Iterator[dict[str, Any]]:
    """Every row of a plan with its state by the log."""
    with reading() as store:
        for row in plan.rows():
            yield _row_data(row, store)


def _row_data(row: PlannedRow, store: Store | None) -> dict[str, Any]:
    found = store.find_operation(key=row.key) if store and row.state is RowState.READY else None
    state = str(found.state if found else row.state)
    return row_record(row) | {"state": state, "operation": found.id if found else None}


def _header_data(plan: PlanFile, kept: Kept | None, state: State | None) -> dict[str, Any]:
    header = plan.header
    names = ("id", "verb", "profile", "mode", "source", "reason", "rows", "ready", "already_done", "left_out")
    run = kept.run if kept else None
    return {
        **{name: getattr(header, name) for name in names},
        "state": str(state) if state else None,
        "created": rfc3339(header.created),
        "by": dict(header.by),
        "path": os.fspath(plan.path.absolute()),
        "hash": plan.hash,
        "totals": list(header.totals),
        "accounts": [
            {
                "name": each.name,
                "gateway": each.gateway,
                "account_id": each.account_id,
                "live": each.live,
                "rows": each.rows,
                "totals": list(each.totals),
            }
            for each in header.accounts
        ],
        "rules": list(header.rules),
        "why": list(header.why),
        "run": run_data(run) if run else None,
    }


def _view(
    plan: PlanFile,
    kept: Kept | None,
    state: State | None,
    states: Mapping[str, int],
    left_out: Sequence[PlannedRow],
    effect: Facts,
) -> View:
    header = plan.header
    run = kept.run if kept else None
    facts = [
        ("state", _state_words(kept, state)),
        ("by the log", ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in states.items())),
        ("made", f"{local_time(header.created)} by {header.by.get('login', 'nobody known')}"),
        ("from", "standard input" if header.source == "-" else header.source),
        ("reason", header.reason or "each row has its own"),
        *(("policy", f"needs approval: {why}") for why in header.why),
        ("total", totals_text(header.totals)),
        *effect,
        ("plan", short_path(plan.path)),
        ("hash", plan.hash),
        ("results", (run and run.results) or ""),
        ("failures", (run and run.failures) or ""),
    ]
    view: list[Line | Grid] = [
        Line((mode_cell(live=header.live), headline(header), Cell(header.id, "dim"))),
        Grid((Column(),) * 2, tuple((Cell(label, "dim"), text) for label, text in facts if text), indent=2),
    ]
    if left_out:
        first = f", the first {LISTED}" if header.left_out > len(left_out) else ""
        cells = tuple((str(row.line), row.ref, row.message or row.code or "") for row in left_out)
        view += [
            Line((Cell("left out", "bold"), f"{count(header.left_out, 'row')}{first}")),
            Grid((Column("line", right=True), Column("object"), Column("why")), cells, indent=2),
        ]
    return view


def _state_words(kept: Kept | None, state: State | None) -> str:
    if kept is None or state is None:
        return "not made here, or forgotten"
    done = outcome_words(kept.run.counts) if kept.run else ""
    return f"{state}{f': {done}' if done else ''}"
