"""What `billctl audit reconcile` answers: what was open, and what refunds came to later."""

from collections.abc import Sequence
from typing import Any

from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.output import Result
from billctl.errors import BillctlError, Findings, OutcomeUnknown, Partial
from billctl.followup import Followup, Later
from billctl.reconcile import Reconciled
from billctl.session import Session

COLUMNS = ("operation", "action", "ref", "finding", "note")
NAMED = 5
"""Refunds that a line about several of them names."""


def result(settled: Sequence[Reconciled], later: Followup, session: Session) -> Result:
    """The rows of what was open and of what changed later, and the error that decides the exit code."""
    rows = [*map(_settled_row, settled), *map(_later_row, later.changes)]
    return Result(
        data=rows,
        records=rows,
        columns=COLUMNS,
        view=_view(rows),
        warnings=list(later.notes),
        error=_verdict(settled, later),
        errors=_errors(settled, later),
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
    )


def _settled_row(item: Reconciled) -> dict[str, Any]:
    return {
        "type": "reconciled",
        "operation": item.operation,
        "finding": str(item.finding),
        "note": item.note,
        "action": item.entry.action,
        "ref": item.entry.ref,
        "amount": item.entry.amount,
        "outcome_seq": item.outcome_seq,
    }


def _later_row(change: Later) -> dict[str, Any]:
    failed = change.outcome == "failed"
    again = f"the customer has no money from it; to send it once more: {change.once_more}"
    return {
        "type": "followed_up",
        "operation": change.entry.operation,
        "finding": f"{change.outcome}_later",
        "note": again if failed else f"it was {change.was}",
        "action": change.entry.action,
        "ref": change.entry.ref,
        "amount": change.refund.amount,
        "outcome_seq": change.seq,
    }


STRESSED = {"unknown": "red", "failed_later": "red", "failed": "yellow"}


def _view(rows: Sequence[dict[str, Any]]) -> View:
    if not rows:
        return [Line(("nothing is open",))]
    titles = (
        Column("operation"),
        Column("action"),
        Column("object"),
        Column("found"),
        Column(kept=True, whole=False),
    )
    cells = tuple(
        (
            row["operation"],
            row["action"] or "",
            row["ref"] or "",
            Cell(row["finding"].replace("_", " "), STRESSED.get(row["finding"], "")),
            row["note"] or "",
        )
        for row in rows
    )
    return [Grid(titles, cells)]


def _verdict(settled: Sequence[Reconciled], later: Followup) -> BillctlError | None:
    still = [item for item in settled if item.is_open]
    if still:
        return _still_open(len(still), len(settled))
    failed = [change for change in later.changes if change.outcome == "failed"]
    if failed:
        return _failed_later(failed)
    if later.failures:
        return Partial("some refunds could not be asked about; nothing is open", hint="Run this again later.")
    return None


def _still_open(still: int, asked: int) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{still} of {asked} open operations {'is' if still == 1 else 'are'} still unknown"
        if asked > 1
        else "the open operation is still unknown",
        hint="Run this again later; what no gateway can tell, a person says: `billctl audit resolve`.",
    )


def _failed_later(failed: Sequence[Later]) -> Findings:
    names = ", ".join(str(change.entry.ref) for change in failed[:NAMED])
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    what = "a refund" if len(failed) == 1 else f"{len(failed)} refunds"
    return Findings(
        f"{what} failed after the gateway had accepted it: {names}{more}",
        code="refund_failed_later",
        hint="The customer has no money from it: see `billctl audit list --outcome failed`.",
    )


def _errors(settled: Sequence[Reconciled], later: Followup) -> list[BillctlError]:
    verdict = _verdict(settled, later)
    return [*([verdict] if verdict else []), *map(_not_asked, later.failures)] if later.failures else []


def _not_asked(failure: BillctlError) -> BillctlError:
    """The failure without its words on sending, which nobody may take to be about the refunds."""
    failure.sent, failure.hint = "", "Its refunds were not followed up."
    return failure
