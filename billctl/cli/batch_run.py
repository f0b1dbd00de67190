"""`billctl batch run`: plan and apply in one, for small or trusted files and for cron."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

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
from billctl.cli.batch_options import (
    AgainAfter,
    Asked,
    AtPeriodEnd,
    FileName,
    Full,
    Now,
    VerbName,
    batch_command,
)
from billctl.cli.layout import Cell, Line
from billctl.cli.options import Choices, choices
from billctl.cli.output import Result
from billctl.cli.run_log import CronRun, LogFile, PingUrl
from billctl.errors import Busy

if TYPE_CHECKING:
    from billctl.cli.batch_applying import Manner
    from billctl.session import Session

STDIN = "-"


def run(
    context: typer.Context,
    verb: VerbName,
    file: FileName,
    full: Full = False,
    at_period_end: AtPeriodEnd = False,
    now: Now = False,
    again_after: AgainAfter = None,
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
    """Plan and apply in one, for small or trusted files and for cron.

    \b
    Examples:
      billctl batch run resend overdue.csv --reason "overdue" --yes
      billctl invoices --status past_due -o ndjson | billctl batch run resend - --reason "overdue" --yes
      billctl batch run refund refunds.csv --reason "outage of 2026-11-20" --expect-rows 120 --canary 3

    The plan lies on the shelf: `billctl batch list`. Of one profile and verb only one run goes on at a time.
    Without a terminal it prints nothing on success, unless -o asks for it, nor where there are no rows.
    Exit codes: 0 all rows are as asked for, 2 the file has faults, 6 some are unknown, 7 some failed or were
    left out or not reached, 8, 12 or 15 refused before the first row, 10 another run goes on.
    """
    from billctl.cli import prompts
    from billctl.cli.batch_applying import Typed, keep_pace, manner_of
    from billctl.cli.batch_input import check_asked
    from billctl.cli.opening import session_of
    from billctl.cli.run_log import cron_run

    chosen = choices(context)
    asked = Asked(
        verb=verb, file=file, full=full, at_period_end=at_period_end, now=now, again_after=again_after
    )
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
        cron_run(chosen, log_file=log_file, ping_url=ping_url) as cron,
        prompts.answers(stdin_is_data=file == STDIN) as source,
    ):
        check_asked(asked)
        manner = manner_of(typed, chosen.action, source)
        with session_of(chosen) as session:
            keep_pace(session, manner)
            with _alone(session, verb):
                return _run(session, asked, manner, chosen, cron)


@contextmanager
def _alone(session: "Session", verb: str) -> Iterator[None]:
    """Hold the job, from before its input is read. Raises `Busy` where another run of it goes on."""
    profile = session.profile.name
    with ExitStack() as stack:
        try:
            stack.enter_context(session.store.lock_object(f"batch run|{profile}|{verb}"))
        except Busy:
            raise Busy(
                f"another `batch run {verb}` of profile {profile} goes on right now", code="job_running"
            ) from None
        yield


def _run(session: "Session", asked: Asked, manner: "Manner", chosen: Choices, cron: CronRun) -> Result:
    from billctl.batch.faults import RowFaults
    from billctl.cli import progress
    from billctl.cli.batch_applying import apply_plan, expect_nothing
    from billctl.cli.batch_input import faults_result, plan_of

    try:
        made = plan_of(
            session,
            asked,
            chosen.action,
            dry_run=manner.options.dry_run,
            workers=manner.options.workers,
            tick=progress.rows_done,
        )
    except RowFaults as faults:
        for fault in faults.faults:
            cron.log("fault", line=fault.line, code=fault.code, message=fault.what)
        return cron.ends_with(faults_result(faults, session))
    if made is None:
        expect_nothing(manner.options)
        return cron.ends_with(_nothing(session), rows=0)
    with made.plan as plan:
        result = apply_plan(session, plan, manner, chosen, cron)
    if made.failed:
        result.errors = [*made.failed.values(), *result.failures()]
    return result


def _nothing(session: "Session") -> Result:
    return Result(
        data={"id": None, "rows": 0, "counts": {}, "moved": [], "not_reached": 0},
        view=[Line((Cell("no rows: there is nothing to do", "dim"),))],
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
        silent_unless_asked=True,
    )


app = batch_command(run)
