"""`billctl batch apply`: do what a plan says, each row once."""

import typer

from billctl.cli.batch_apply_options import (
    Canary,
    ExpectRows,
    ExpectTotal,
    MaxFailures,
    NotBefore,
    Rate,
    Workers,
)
from billctl.cli.batch_options import OF_A_RUN, PlanName, batch_command
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.run_log import LogFile, PingUrl


def apply(
    context: typer.Context,
    plan: PlanName,
    rate: Rate = None,
    workers: Workers = None,
    max_failures: MaxFailures = None,
    expect_total: ExpectTotal = None,
    expect_rows: ExpectRows = None,
    canary: Canary = None,
    not_before: NotBefore = None,
    log_file: LogFile = None,
    ping_url: PingUrl = None,
) -> Result:
    """Do what a plan says, each row once, however often it takes to get through.

    \b
    Examples:
      billctl batch apply refund-2026-11-21-3xk9f2.plan
      billctl batch apply bat_01KAMZ5Z --yes --expect-total "1250.00 USD"
      billctl batch apply refunds.plan --not-before 70m --canary 5

    A row whose object is no longer as it was planned is skipped and named. Run it again after any stop: what
    is done is not done twice. Results, and a file of the failed rows that `batch plan` takes, lie beside the
    plan. Without a terminal it prints nothing on success, unless -o asks for it.
    Exit codes: 0 all rows are as asked for, 6 some are unknown, 7 some failed or were not reached,
    8, 10, 12 or 15 refused before the first row.
    """
    from billctl.batch.shelf import Shelf
    from billctl.cli import prompts
    from billctl.cli.batch_applying import Typed, apply_plan, keep_pace, manner_of
    from billctl.cli.opening import session_of
    from billctl.cli.run_log import cron_run

    chosen = choices(context)
    typed = Typed(
        rate=rate,
        workers=workers,
        max_failures=max_failures,
        expect_total=expect_total,
        expect_rows=expect_rows,
        canary=canary,
        not_before=not_before,
    )
    with (
        cron_run(chosen, log_file=log_file, ping_url=ping_url) as run,
        prompts.answers(stdin_is_data=False) as source,
    ):
        manner = manner_of(typed, chosen.action, source)
        with session_of(chosen) as session, Shelf(session.state_dir).open(plan) as opened:
            keep_pace(session, manner)
            return apply_plan(session, opened, manner, chosen, run)


app = batch_command(apply, OF_A_RUN)
