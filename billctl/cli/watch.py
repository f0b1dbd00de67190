"""`billctl watch`: what somebody must look at, for a job that runs by itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli.action_options import AccountNames
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.run_log import LogFile, PingUrl, cron_run
from billctl.cli.times import age
from billctl.cli.views import days, local_time
from billctl.errors import BillctlError, Findings, UsageError
from billctl.session import Session

if TYPE_CHECKING:
    from billctl.watch import Watched
    from billctl.watch.model import Check, Finding

CHECKS = ("unknown", "refunds", "disputes", "invoices")
"""The words of `watch.model.Check`, which a completion need not import."""

COLUMNS = ("check", "ref", "amount.amount", "amount.currency", "time", "operation", "note")

ONE = {
    "unknown": "unknown outcome",
    "refunds": "refund that failed later",
    "disputes": "dispute due",
    "invoices": "invoice past due",
}
SEVERAL = {
    "unknown": "unknown outcomes",
    "refunds": "refunds that failed later",
    "disputes": "disputes due",
    "invoices": "invoices past due",
}
STRESSED = {"unknown": "red", "refunds": "red"}


def _checks(incomplete: str) -> list[str]:
    return [check for check in CHECKS if check.startswith(incomplete)]


def watch(
    context: typer.Context,
    account: AccountNames = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="WORD",
            help=f"Look only for {', '.join(CHECKS[:-1])} or {CHECKS[-1]} (repeatable).",
            autocompletion=_checks,
        ),
    ] = None,
    disputes_within: Annotated[
        str, typer.Option("--disputes-within", metavar="AGE", help="Disputes whose answer is due so soon.")
    ] = "7d",
    past_due: Annotated[
        str, typer.Option("--past-due", metavar="AGE", help="Invoices due for so long, and unpaid.")
    ] = "3d",
    follow: Annotated[
        str,
        typer.Option("--follow-up", metavar="AGE", help="Refunds this young may still fail; 0d: ask none."),
    ] = "7d",
    log_file: LogFile = None,
    ping_url: PingUrl = None,
) -> Result:
    """Find what somebody must look at, for cron: quiet when there is nothing.

    \b
    Examples:
      billctl watch
      billctl watch --only unknown --only refunds
      billctl watch --disputes-within 3d --past-due 14d -o json
      billctl watch --account stripe --log-file /var/log/billctl.ndjson

    Outcomes that nobody knows, refunds that the gateway failed days later, disputes whose answer is due,
    invoices past due. Nothing is sent; what a refund came to is recorded in the audit log.

    Exit codes: 0 there is nothing, 14 there is something (one line each), 7 there is nothing where it could
    be asked and some account could not be. What is wrong with an account is named in either case.
    """
    chosen = choices(context)
    _check_words(only or [])
    ages = [
        age(text, option) or timedelta()
        for option, text in (
            ("--follow-up", follow),
            ("--disputes-within", disputes_within),
            ("--past-due", past_due),
        )
    ]
    with cron_run(chosen, log_file=log_file, ping_url=ping_url) as run, session_of(chosen) as session:
        watched = _watched(session, account or [], only or [], ages)
        for finding in watched.findings:
            run.log("finding", **{name: value for name, value in _row(finding).items() if name != "type"})
        return run.ends_with(_result(watched, session), findings=len(watched.findings))


def _check_words(only: Sequence[str]) -> None:
    unknown = next((word for word in only if word not in CHECKS), None)
    if unknown is not None:
        raise UsageError(
            f"--only {unknown[:40]!r} is nothing to look for",
            code="bad_check",
            hint=f"Look for {', '.join(CHECKS[:-1])} or {CHECKS[-1]}.",
        )


def _watched(session: Session, accounts: list[str], only: list[str], ages: list[timedelta]) -> "Watched":
    from billctl.watch import watch as look
    from billctl.watch.model import Ages, Check

    refunds, disputes, invoices = ages
    return look(
        session,
        accounts=accounts,
        checks=[Check(word) for word in only] or tuple(Check),
        ages=Ages(refunds=refunds, disputes=disputes, invoices=invoices),
    )


def _result(watched: "Watched", session: Session) -> Result:
    rows = [_row(finding) for finding in watched.findings]
    found = _found(watched.findings)
    return Result(
        data={"findings": rows, "notes": list(watched.notes)},
        records=rows,
        columns=COLUMNS,
        view=_view(watched, session.clock()),
        error=found or watched.error,
        errors=[*([found] if found else []), *watched.failures] if watched.failures else [],
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
    )


def _row(finding: "Finding") -> dict[str, Any]:
    return {
        "type": "finding",
        "check": str(finding.check),
        "account": finding.account,
        "ref": finding.ref,
        "amount": finding.amount,
        "time": finding.time,
        "operation": finding.operation,
        "note": finding.note,
    }


def _found(findings: "Sequence[Finding]") -> BillctlError | None:
    """The error that findings end with, None where there are none."""
    counts = {check: sum(finding.check == check for finding in findings) for check in CHECKS}
    kinds = [f"{n:,} {(ONE if n == 1 else SEVERAL)[check]}" for check, n in counts.items() if n]
    return Findings(f"to look at: {', '.join(kinds)}", code="findings") if kinds else None


# A person's view

ADVICE = {"unknown": "ask the gateways: `billctl audit reconcile`"}
"""What to do about all findings of a kind, where it is the same for each."""


def _view(watched: "Watched", now: datetime) -> View:
    """The findings under the name of their kind."""
    view: list[Line | Grid] = []
    for check in CHECKS:
        found = [finding for finding in watched.findings if finding.check == check]
        if found:
            heading = (ONE if len(found) == 1 else SEVERAL)[check]
            todo = (Cell(ADVICE[check], "dim"),) if check in ADVICE else ()
            view += [Line((Cell(heading, STRESSED.get(check, "bold")), *todo)), _grid(found, now)]
    notes = [Line((Cell(note, "dim"),)) for note in watched.notes]
    return [*(view or [Line(("nothing to look at",))]), *notes]


def _grid(findings: "Sequence[Finding]", now: datetime) -> Grid:
    columns = (Column(), Column(right=True), Column(), Column(whole=False, kept=True))
    rows = tuple(
        (
            finding.ref,
            str(finding.amount or ""),
            _when(finding.check, finding.time, now),
            finding.operation or "" if finding.check in ADVICE else finding.note,
        )
        for finding in findings
    )
    return Grid(columns, rows, indent=2)


def _when(check: "Check", time: datetime | None, now: datetime) -> str:
    """When it is due, or was recorded, in a person's words."""
    if time is None:
        return "nobody says"
    left = (time - now).total_seconds()
    if check == "disputes":
        return f"due in {_length(left)}" if left > 0 else f"was due {_length(-left)} ago"
    return f"past due {_length(-left)}" if check == "invoices" else local_time(time)


def _length(seconds: float) -> str:
    """`20 days`; of less than two, `47 hours`."""
    hours = int(seconds // 3600)
    return days(seconds) if hours >= 48 else "1 hour" if hours == 1 else f"{hours} hours"


app = single(watch)
