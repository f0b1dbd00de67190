"""`billctl approvals list`: what waits for a second person."""

from typing import Annotated, Any

import typer

from billctl.cli.approvals_options import Directory
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.views import local_time

OPEN = frozenset({"pending", "approved"})
"""What can still lead to something."""
TITLES = ("request", "status", "by", "action", "object", "amount", "expires", "reason")


def list_(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was denied or used, or has expired.")
    ] = False,
    directory: Directory = None,
) -> Result:
    """List what waits for a second person, newest first.

    \b
    Examples:
      billctl approvals list
      billctl approvals list --all -o json
      billctl approvals list --dir /var/lib/billctl/approvals

    What was approved and not used yet is there too. Exit codes: 0 also when nothing waits, 12 when the
    folder cannot be used.
    """
    from billctl.approvals.model import Unsound
    from billctl.cli.approvals_desk import answer, desk_of, request_data

    chosen = choices(context)
    found, warnings = [], []
    with desk_of(chosen, directory) as desk:
        for request_id, request in desk.folder.requests():
            if isinstance(request, Unsound):
                warnings.append(f"{request_id} is left out: its file {request}")
                continue
            verdict = desk.judge(request)
            if verdict.fault:
                warnings.append(f"{request_id} has a decision that does not count: it {verdict.fault}")
            if everything or verdict.status in OPEN:
                found.append((request, verdict))
    rows = [request_data(request, verdict) for request, verdict in found]
    view: View = [Line((Cell("nothing waits", "dim"),))]
    if found:
        columns = tuple(
            Column(t, right=t == "amount", whole=t != "reason", kept=t == "reason") for t in TITLES
        )
        cells = tuple(
            _row(row, local_time(request.expires)) for row, (request, _) in zip(rows, found, strict=True)
        )
        view = [Grid(columns, cells)]
    return answer(chosen, rows, view, data=rows, warnings=warnings)


def _row(row: dict[str, Any], expires: str) -> tuple[Cell | str, ...]:
    from billctl.cli.approvals_desk import status_cell

    return (
        row["id"],
        status_cell(row["status"]),
        row["requester"]["login"],
        row["action"],
        row["ref"],
        str(row["amount"] or ""),
        expires,
        row["reason"],
    )


app = single(list_)
