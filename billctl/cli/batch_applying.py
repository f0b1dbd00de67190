"""From a plan and the options of a run to what came of it; `batch apply` and `batch run` share this."""

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from billctl.batch.apply import apply
from billctl.batch.plan_file import PlanFile
from billctl.batch.running import DEFAULT_MAX_FAILURES, DEFAULT_WORKERS, ApplyOptions
from billctl.cli.batch_apply_options import rate_of, totals_of
from billctl.cli.batch_result import result_of, run_data
from billctl.cli.batch_watcher import Watching
from billctl.cli.options import Choices
from billctl.cli.output import Result
from billctl.cli.run_log import CronRun
from billctl.cli.times import time_to_come
from billctl.errors import PolicyDenied
from billctl.frozen import frozen
from billctl.pace import AccountPace, Paces
from billctl.policy.live import check_unattended
from billctl.session import Session, utc_now

SENT = frozenset({"succeeded", "pending", "failed", "refused", "unknown"})
"""Outcomes of rows of which something may have been sent."""


@frozen
class Typed:
    """The options of a run as they were typed."""

    rate: str | None
    workers: int | None
    max_failures: int | None
    expect_total: list[str] | None
    expect_rows: int | None
    canary: int | None
    not_before: str | None


@frozen
class Manner:
    """How plans are applied in this run. `source` gives a person's answers, None where nobody is there."""

    options: ApplyOptions
    rate: float | None
    source: TextIO | None


def manner_of(typed: Typed, action: Mapping[str, Any], source: TextIO | None) -> Manner:
    """What the options mean; `action` are the action options.

    Raises `UsageError`, and `PolicyDenied` where nobody is there to ask and `--yes` is missing: that is known
    before anything is read.
    """
    if source is None and not action["dry_run"]:
        check_unattended(yes=action["yes"], live=False, asserted=None, allowed=False, profile="")
    options = ApplyOptions(
        workers=DEFAULT_WORKERS if typed.workers is None else typed.workers,
        max_failures=DEFAULT_MAX_FAILURES if typed.max_failures is None else typed.max_failures,
        canary=typed.canary,
        dry_run=action["dry_run"],
        yes=action["yes"],
        live=tuple(action["live"] or ()),
        request_approval=action["request_approval"],
        attended=source is not None,
        expect_totals=totals_of(typed.expect_total),
        expect_rows=typed.expect_rows,
        not_before=time_to_come(typed.not_before, "--not-before", now=utc_now()),
    )
    return Manner(options=options, rate=rate_of(typed.rate), source=source)


def expect_nothing(options: ApplyOptions) -> None:
    """Raise `PolicyDenied` where something was expected of an input that has no rows.

    What was to make them may have failed unheard: a shell goes on behind a pipe whose beginning died.
    """
    expected = [f"{options.expect_rows:,} rows"] if options.expect_rows else []
    expected += map(str, options.expect_totals or ())
    if expected:
        raise PolicyDenied(
            f"there are no rows, and {', '.join(expected)} were expected",
            code="rows_differ",
            hint="See whether what makes the rows failed.",
        )


def keep_pace(session: Session, manner: Manner) -> None:
    """Let the session's requests wait for their turn; before any account is opened."""
    session.pacing = Paces(session.state_dir, rate=manner.rate).of


def apply_plan(session: Session, plan: PlanFile, manner: Manner, chosen: Choices, run: CronRun) -> Result:
    """Apply an open plan. Raises what refuses it as a whole, before its first row."""
    header = plan.header
    run.log(
        "plan",
        id=header.id,
        plan_hash=plan.hash,
        verb=header.verb,
        profile=header.profile,
        mode=header.mode,
        rows=header.rows,
        ready=header.ready,
        totals=list(header.totals),
    )
    watcher = Watching(
        header,
        manner.options,
        chosen,
        run,
        manner.source,
        unattended=session.profile.allow_unattended,
        held=lambda account: _held(session, account),
    )
    summary_follows = False  # where it does not, the last frame says how far the run came
    try:
        applied = apply(session, plan, manner.options, watcher)
        summary_follows = sys.stdout.isatty()
    finally:
        watcher.end(erase=summary_follows)
    if SENT & applied.counts.keys():
        session.sending = header.id
    result = result_of(plan, applied, watcher, dry_run=manner.options.dry_run, profile=chosen.profile)
    return run.ends_with(result, **run_data(plan, applied))


def _held(session: Session, account: str) -> float:
    pace = session.gateway(account).account.pace
    return pace.held() if isinstance(pace, AccountPace) else 0.0
