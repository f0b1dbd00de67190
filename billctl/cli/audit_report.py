"""`billctl audit report`: what was done in a time, counted, with totals per currency."""

from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli.audit_log import writing
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import span
from billctl.cli.views import local_time, now_utc
from billctl.errors import Findings, UsageError
from billctl.models import rfc3339

if TYPE_CHECKING:
    from billctl.audit.report import Finding, Report, Total

ACTION = "audit report"
BY = ("operator", "reason", "gateway", "month", "action")
COLUMNS = (
    "type", "by", "group", "mode", "action", "outcome", "count", "amount.amount", "amount.currency",
    "finding", "operation", "ref", "time", "operator",
)  # fmt: skip
FOUND = {
    "open": "no outcome recorded",
    "unknown": "outcome unknown",
    "failed_later": "accepted, failed later",
}
"""A finding's word and what a person reads."""

ASK = "`billctl audit reconcile` asks the gateways what became of the open and unknown ones."
SHOW = "`billctl audit show OPERATION` shows how one failed."


def report(
    context: typer.Context,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="GROUP",
            help="operator, reason (its code), gateway, month or action; repeatable. Default: all.",
            autocompletion=lambda incomplete: [name for name in BY if name.startswith(incomplete)],
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Asked for then or later: 2026-01-31, 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Before then.")] = None,
) -> Result:
    """Count what was done: refunds, voids, cancellations, resends and denied attempts.

    \b
    Examples:
      billctl audit report --since 2026-11-01 --until 2026-12-01
      billctl audit report --by operator --by reason --since 30d
      billctl audit report --by month -o csv > months.csv

    An operation counts where it was asked for, as what it has come to by now: a refund that failed later
    is no refund. Totals are per currency, test and live apart; months are UTC. Each report is a record.
    Exit codes: 0 nothing to look at, 14 operations without a known outcome or refunds that failed later.
    """
    from billctl.audit.report import report as count

    chosen = choices(context)
    groups = tuple(dict.fromkeys(by or BY))
    if unknown := [name for name in groups if name not in BY]:
        raise UsageError(
            f"a report cannot go by {unknown[0][:40]!r}", code="bad_group", hint=f"Use {', '.join(BY)}."
        )
    begin, end = span(since, until, now=now_utc())
    period = {"since": rfc3339(begin) if begin else None, "until": rfc3339(end) if end else None}
    with writing() as (store, log):
        looked_at = {name: moment for name, moment in period.items() if moment}
        log.note(ACTION, result={"by": list(groups), **looked_at})
        counted = count(store, by=groups, since=begin, until=end)
    return _result(counted, {"by": list(groups), **period}, chosen.profile)


def _result(counted: "Report", asked: dict[str, Any], profile: str | None) -> Result:
    totals = [_total_data(total) for total in counted.totals]
    findings = [_finding_data(finding) for finding in counted.findings]
    return Result(
        data=asked | {"totals": totals, "findings": findings, "found": counted.found},
        records=[*totals, *findings],
        columns=COLUMNS,
        view=_view(counted),
        error=_to_look_at(counted),
        profile=profile,
    )


def _total_data(total: "Total") -> dict[str, Any]:
    return {
        "type": "total",
        "by": total.by,
        "group": total.group or None,
        "mode": total.mode,
        "action": total.action,
        "outcome": total.outcome,
        "count": total.count,
        "amount": total.amount,
    }


def _finding_data(finding: "Finding") -> dict[str, Any]:
    return {
        "type": "finding",
        "finding": finding.finding,
        "operation": finding.operation,
        "time": rfc3339(finding.time),
        "operator": finding.operator,
        "mode": finding.mode,
        "action": finding.action,
        "ref": finding.ref,
        "amount": finding.amount,
    }


def _to_look_at(counted: "Report") -> Findings | None:
    if not counted.found:
        return None
    count = sum(counted.found.values())
    kinds = ", ".join(f"{many:,} {kind.replace('_', ' ')}" for kind, many in sorted(counted.found.items()))
    left = count - len(counted.findings)
    return Findings(
        f"{'1 operation needs' if count == 1 else f'{count:,} operations need'} a look: {kinds}"
        + (f"; the {left:,} that changed longest ago are not listed" if left else ""),
        code="report_findings",
        hint=SHOW if counted.found.keys() == {"failed_later"} else ASK,
    )


def _view(counted: "Report") -> View:
    if not counted.totals and not counted.findings:
        return [Line((Cell("nothing was asked for in that time", "dim"),))]
    view: list[Line | Grid] = []
    for name, totals in groupby(counted.totals, key=lambda total: total.by):
        view += [Line((Cell(f"by {name}", "bold"),)), _totals_grid(list(totals)), Line()]
    if counted.findings:
        view += [Line((Cell("to look at", "bold"),)), _findings_grid(counted.findings), Line()]
    return view[:-1]


def _totals_grid(totals: list["Total"]) -> Grid:
    columns = (Column(), Column(), Column(), Column(), Column(right=True), Column(right=True))
    rows = []
    for group, members in groupby(totals, key=lambda total: total.group):
        for place, total in enumerate(members):
            shown = "" if place else group or "(none)"
            amount = str(total.amount) if total.amount else ""
            action = "" if total.by == "action" else total.action
            rows.append((shown, total.mode, action, total.outcome, f"{total.count:,}", amount))
    return Grid(columns, tuple(rows), indent=2)


def _findings_grid(findings: tuple["Finding", ...]) -> Grid:
    titles = ("when", "who", "mode", "action", "object", "amount", "what", "operation")
    columns = tuple(Column(title, right=title == "amount", whole=title != "who") for title in titles)
    return Grid(
        columns,
        tuple(
            (
                local_time(finding.time),
                finding.operator,
                finding.mode,
                finding.action,
                finding.ref,
                str(finding.amount) if finding.amount else "",
                Cell(FOUND[finding.finding], "yellow"),
                finding.operation,
            )
            for finding in findings
        ),
        indent=2,
    )


app = single(report)
