"""`billctl batch plan`: what a batch would do, row by row, as a file to review."""

from typing import Annotated

import typer

from billctl.cli.batch_apply_options import Rate, Workers, rate_of
from billctl.cli.batch_options import (
    OF_ROWS,
    AgainAfter,
    Asked,
    AtPeriodEnd,
    FileName,
    Full,
    Now,
    VerbName,
    batch_command,
)
from billctl.cli.options import choices
from billctl.cli.output import Result


def plan(
    context: typer.Context,
    verb: VerbName,
    file: FileName,
    out: Annotated[
        str | None, typer.Option("--out", metavar="PATH", help="Write the plan there, a new file.")
    ] = None,
    full: Full = False,
    at_period_end: AtPeriodEnd = False,
    now: Now = False,
    again_after: AgainAfter = None,
    rate: Rate = None,
    workers: Workers = None,
) -> Result:
    """Read every row's object, and write down what would be done to it.

    \b
    Examples:
      billctl batch plan refund refunds.csv --reason "double charge of 2026-11-20" --ticket zendesk:35436
      billctl charges --customer stripe:cus_1Abc -o csv | billctl batch plan refund - --full --reason goodwill
      billctl batch plan resend overdue.ndjson --reason "overdue" --out overdue.plan

    Columns: ref (or account and id), amount or full, currency, reason_code, reason, ticket, to. The whole
    file is checked first, and nothing is sent: `billctl batch apply` does what the plan says, once somebody
    has looked at it. Without --out the plan lies on the shelf: `billctl batch list`.
    Exit codes: 0 planned, 2 the file has faults, 7 some rows are left out and the rest is planned.
    """
    from billctl.batch.planning import WORKERS
    from billctl.cli.batch_planned import planned

    asked = Asked(
        verb=verb,
        file=file,
        full=full,
        at_period_end=at_period_end,
        now=now,
        again_after=again_after,
    )
    return planned(choices(context), asked, out, rate=rate_of(rate), workers=workers or WORKERS)


app = batch_command(plan, (*OF_ROWS, "dry_run", "live"))
