"""`billctl batch show`: what a plan holds, and how far it is by the audit log."""

import typer

from billctl.cli.batch_options import PlanName
from billctl.cli.lazy import single
from billctl.cli.output import Result


def show(
    context: typer.Context,
    plan: PlanName,
) -> Result:
    """Show what a plan holds, and how far it is by the audit log.

    \b
    Examples:
      billctl batch show bat_01KAMZ5Z
      billctl batch show resend-2026-11-21-r4w7c0.plan
      billctl batch show bat_01KAMZ5Z -o ndjson --jq 'select(.state == "unknown") | .ref'

    No gateway is asked. A row is ready, already_done or left_out as the plan says; what a run began of it is
    done, unknown or open. Exit codes: 0, 2 when there is no such plan or it was changed.
    """
    from billctl.cli.batch_shown import shown

    del context
    return shown(plan)


app = single(show)
