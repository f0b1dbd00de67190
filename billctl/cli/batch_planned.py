"""What `billctl batch plan` answers: the plan that was made, for machines and for a person."""

import weakref
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from billctl.batch.faults import RowFaults
from billctl.batch.model import PlannedRow
from billctl.batch.plan_file import PlanFile
from billctl.batch.planning import Made
from billctl.cli import progress
from billctl.cli.batch_effect import Facts, effect_of
from billctl.cli.batch_input import faults_result, plan_of
from billctl.cli.batch_options import Asked
from billctl.cli.batch_views import count, headline, mode_cell, totals_text
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.opening import session_of
from billctl.cli.options import Choices
from billctl.cli.output import Result
from billctl.errors import NOTHING_SENT, BillctlError, Partial
from billctl.models import data as plain
from billctl.pace import Paces
from billctl.session import Session

COLUMNS = (
    "n", "line", "ref", "state", "amount.amount", "amount.currency", "customer", "code", "message",
)  # fmt: skip


def planned(chosen: Choices, asked: Asked, out: str | None, *, rate: float | None, workers: int) -> Result:
    """Make the plan of what is asked for, at `out` or on the shelf, and say what is in it.

    `rate` is that of `billctl.pace.Paces`, `workers` are threads for each account.
    """
    with session_of(chosen) as session:
        session.pacing = Paces(session.state_dir, rate=rate).of
        try:
            made = plan_of(
                session,
                asked,
                chosen.action,
                path=Path(out) if out else None,
                dry_run=chosen.action["dry_run"],
                workers=workers,
                tick=progress.rows_done,
            )
        except RowFaults as faults:
            return faults_result(faults, session)
        return _nothing(session) if made is None else _result(made, session, chosen.profile)


def _nothing(session: Session) -> Result:
    return Result(
        data={"id": None, "path": None, "hash": None, "rows": 0},
        view=[Line((Cell("no rows: there is nothing to do", "dim"),))],
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
    )


def _result(made: Made, session: Session, named: str | None) -> Result:
    header = made.plan.header
    error = exit_error(made)
    return Result(
        data=plan_data(made),
        records=PlanRecords(made.plan),
        columns=COLUMNS,
        view=_view(made, effect_of(made.plan), named),
        warnings=list(header.warnings),
        error=error,
        errors=[*made.failed.values(), error] if error else [],
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
    )


def exit_error(made: Made) -> BillctlError | None:
    """The error that a plan ends with which does not hold all that was asked for."""
    header = made.plan.header
    if header.left_out:
        kept = "" if made.path is None else "; the plan has the rest" if header.ready else "; no row is ready"
        error = Partial(f"{header.left_out:,} of {count(header.rows, 'row')} left out{kept}")
    elif header.warnings:
        error = Partial("the input is not whole; what it has is planned")
    else:
        return None
    error.sent = NOTHING_SENT
    return error


def plan_data(made: Made) -> dict[str, Any]:
    """A plan as JSON has it, without its rows."""
    header = made.plan.header
    return {
        "id": header.id,
        "path": str(made.path.absolute()) if made.path else None,
        "hash": made.plan.hash if made.path else None,
        "verb": header.verb,
        "source": header.source,
        "rows": header.rows,
        "ready": header.ready,
        "already_done": header.already_done,
        "left_out": header.left_out,
        "totals": header.totals,
        "accounts": [
            {
                "account": each.name,
                "gateway": each.gateway,
                "account_id": each.account_id,
                "live": each.live,
                "rows": each.rows,
                "totals": plain(each.totals),
            }
            for each in header.accounts
        ],
        "rules": header.rules,
        "why": header.why,
    }


class PlanRecords(Collection[dict[str, Any]]):
    """The rows of a plan as records, read anew each time: memory does not grow with them.

    The plan is closed with the last use of this.
    """

    def __init__(self, plan: PlanFile) -> None:
        self._plan = plan
        weakref.finalize(self, plan.close)

    def __len__(self) -> int:
        return self._plan.header.rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(row_record, self._plan.rows())

    def __contains__(self, record: object) -> bool:
        return any(record == each for each in self)


def row_record(row: PlannedRow) -> dict[str, Any]:
    """A row of a plan as machines get it."""
    return {
        "type": "planned_row",
        "n": row.n,
        "line": row.line,
        "ref": row.ref,
        "state": row.state,
        "amount": row.amount,
        "customer": row.customer,
        "reason": row.reason,
        "reason_code": row.reason_code,
        "ticket": row.ticket,
        "to": row.params.get("to"),
        "again": row.again,
        "key": row.key or None,
        "facts": dict(row.facts),
        "rules": row.rules,
        "code": row.code,
        "message": row.message,
    }


# What a person sees


def _view(made: Made, effect: Facts, named: str | None) -> View:
    """`named` is what `--profile` chose, which the next command needs too."""
    header = made.plan.header
    facts = [(Cell(label, "dim"), text) for label, text in _facts(made, effect)]
    view: list[Line | Grid] = [
        Line((mode_cell(live=header.live), headline(header))),
        Grid((Column(), Column()), tuple(facts), indent=2),
    ]
    if made.left_out:
        view += [Line((Cell("left out", "yellow"),)), _left_out(made)]
        more = header.left_out - len(made.left_out)
        view += [Line((f"… and {more:,} more {'row' if more == 1 else 'rows'}",), indent=2)] if more else []
    if made.path is None:
        return [*view, Line(("dry run: no plan was written",))]
    profile = f"-p {named} " if named else ""
    look = f"Look at it, then: billctl {profile}batch apply {header.id}"
    return [*view, Line((look,))] if header.ready else view


def _facts(made: Made, effect: Facts) -> Iterator[tuple[str, str]]:
    header = made.plan.header
    for account in header.accounts:
        who = f" ({account.account_id})" if account.account_id else ""
        sums = f", {totals_text(account.totals)}" if account.totals else ""
        yield account.name + who, count(account.rows, "row") + sums
    if header.totals:
        yield "total", totals_text(header.totals)
    yield from effect
    if header.already_done:
        yield "already done", f"{count(header.already_done, 'row')}: nothing is sent for them"
    yield from (("policy", why) for why in header.why)
    if header.rules:
        yield "approval", "applying it takes a second person's yes to the whole plan"
    if made.path:
        yield "plan", str(made.path)
        yield "id", header.id
        yield "hash", f"{made.plan.hash[:8]}…{made.plan.hash[-4:]}"


def _left_out(made: Made) -> Grid:
    columns = (Column("line", right=True), Column("object"), Column("why"))
    rows = tuple((str(row.line), row.ref, row.message or row.code or "") for row in made.left_out)
    return Grid(columns, rows, indent=2)
