"""What `billctl audit reconcile --movements` answers: what happened at the gateways without a record."""

from collections.abc import Sequence
from typing import Any

from billctl.cli.layout import Column, Grid, Line, View
from billctl.cli.output import Result
from billctl.cli.views import local_time
from billctl.errors import Findings
from billctl.movements import NOBODY, Movement, Movements
from billctl.session import Session

COLUMNS = ("kind", "ref", "of", "amount.amount", "amount.currency", "created", "stamp", "note")


def result(movements: Movements, session: Session) -> Result:
    """The movements, and the error that decides the exit code."""
    rows = [_row(movement) for movement in movements.found]
    return Result(
        data=rows,
        records=rows,
        columns=COLUMNS,
        view=_view(movements.found),
        warnings=list(movements.warnings),
        error=_unexplained(len(rows)) if rows else movements.error,
        errors=[*([_unexplained(len(rows))] if rows else []), *movements.failures]
        if movements.failures
        else [],
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
    )


def _unexplained(count: int) -> Findings:
    return Findings(
        "1 movement has no record here" if count == 1 else f"{count} movements have no record here",
        code="unexplained_movements",
        hint="Find out who made them: another machine, the gateway's own pages, a subscription that lapsed.",
    )


def _row(movement: Movement) -> dict[str, Any]:
    return {
        "type": "movement",
        "account": movement.account,
        "kind": movement.kind,
        "ref": movement.ref,
        "of": movement.of,
        "amount": movement.amount,
        "created": movement.created,
        "stamp": movement.stamp,
        "note": movement.note,
    }


def _view(found: Sequence[Movement]) -> View:
    if not found:
        return [Line(("every refund and cancellation has its record",))]
    titles = (
        Column("when"),
        Column("what"),
        Column("object"),
        Column("of"),
        Column("amount", right=True),
        Column(kept=True, whole=False),
    )
    # The line below the table says what they all have in common.
    cells = tuple(
        (
            local_time(movement.created),
            movement.kind,
            movement.ref,
            movement.of if movement.of != movement.ref else "",
            str(movement.amount or ""),
            movement.note if movement.note != NOBODY else "",
        )
        for movement in found
    )
    return [Grid(titles, cells)]
