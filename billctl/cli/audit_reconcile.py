"""`billctl audit reconcile`: settle unknown outcomes by asking the gateways."""

import typer

from billctl.cli.layout import Column, Grid, Line
from billctl.cli.lazy import single
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.errors import OutcomeUnknown


def reconcile(context: typer.Context) -> Result:
    """Settle unknown outcomes by asking the gateways.

    \b
    Examples:
      billctl audit reconcile
      billctl audit reconcile -o json --jq '.data[] | select(.finding == "unknown")'

    Nothing is ever sent again. Exit codes: 0 nothing is open any more, 6 something is still unknown.
    """
    from billctl.reconcile import reconcile as settle

    chosen = choices(context)
    with session_of(chosen) as session:
        settled = settle(session)
        rows = [
            {"type": "reconciled", "operation": s.operation, "finding": str(s.finding), "note": s.note}
            | {
                "action": s.entry.action,
                "ref": s.entry.ref,
                "amount": s.entry.amount,
                "outcome_seq": s.outcome_seq,
            }
            for s in settled
        ]
        still = [s for s in settled if s.is_open]
        error = OutcomeUnknown(
            f"{len(still)} of {len(settled)} open operations are still unknown",
            hint="Look at the object at the gateway, and run this again.",
        )
        grid = Grid(
            tuple(Column(t) for t in ("operation", "action", "object", "found", "")),
            tuple(
                (
                    s.operation,
                    s.entry.action or "",
                    s.entry.ref or "",
                    str(s.finding).replace("_", " "),
                    s.note or "",
                )
                for s in settled
            ),
        )
        return Result(
            data=rows,
            records=rows,
            columns=("operation", "action", "ref", "finding", "note"),
            view=[grid] if settled else [Line(("nothing is open",))],
            error=error if still else None,
            profile=session.profile.name,
            mode=str(session.profile.mode),
            success_is_silent=True,
        )


app = single(reconcile)
