"""`billctl audit list`: what was done, newest first."""

from typing import Annotated, Any

import typer

from billctl.audit.entry import Entry, read
from billctl.audit.log import OUTCOMES
from billctl.cli.audit_log import reading
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.opening import split_reference
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import span
from billctl.cli.views import local_time, now_utc
from billctl.errors import UsageError
from billctl.models import rfc3339
from billctl.store.interface import RecordFilter

MAX_LIMIT = 1_000_000
COLUMNS = (
    "seq", "time", "operator", "action", "ref", "outcome", "amount.amount", "amount.currency", "operation",
    "reason",
)  # fmt: skip
FILTERED_OUTCOMES = (*sorted(OUTCOMES), "open")
STRESSED = {"unknown": "red", "open": "red", "failed": "yellow", "denied": "yellow", "refused": "yellow"}


def list_(
    context: typer.Context,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help="About this customer (id or reference).")
    ] = None,
    object_id: Annotated[
        str | None,
        typer.Option(
            "--object", "--charge", metavar="ID", help="About this charge, subscription or invoice."
        ),
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="WORD", help="refund, void, cancel, resend, auth add, …")
    ] = None,
    operator: Annotated[
        str | None, typer.Option("--operator", metavar="NAME", help="By this login or claimed name.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="WORD", help="succeeded, refused, unknown, denied, …")
    ] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="At this account.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Then or later: 2026-01-31, 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Before then.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many, newest first.")] = 50,
) -> Result:
    """List what was done, newest first.

    \b
    Examples:
      billctl audit list --since 1d
      billctl audit list --customer cus_1Abc --outcome unknown
      billctl audit list --operator amina -o csv > amina.csv

    Each operation stands with what became of it; every denied attempt is there too.
    """
    chosen = choices(context)
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"--limit takes 1 to {MAX_LIMIT}", code="bad_limit")
    if outcome is not None and outcome not in FILTERED_OUTCOMES:
        raise UsageError(
            f"{outcome[:40]!r} is no outcome",
            code="bad_outcome",
            hint=f"Outcomes: {', '.join(FILTERED_OUTCOMES)}.",
        )
    begin, end = span(since, until, now=now_utc())
    accounts = {"--account": account}
    accounts["--customer"], customer = _named(customer)
    accounts["--object"], object_id = _named(object_id)
    where = RecordFilter(
        customer=customer,
        object_id=object_id,
        action=action,
        operator=operator,
        outcome=outcome,
        account=_one_account(accounts),
        since=begin,
        until=end,
    )
    with reading() as store:
        entries = [read(record) for record in store.latest(where, limit=limit)] if store else []
    rows = [entry_data(entry) for entry in entries]
    return Result(data=rows, records=rows, columns=COLUMNS, view=_list_view(entries), profile=chosen.profile)


def _named(reference: str | None) -> tuple[str | None, str | None]:
    return (None, None) if reference is None else split_reference(reference)


def _one_account(named: dict[str, str | None]) -> str | None:
    """The account that the options name. Raises `UsageError` where they name several."""
    names = {option: name for option, name in named.items() if name is not None}
    if len(set(names.values())) > 1:
        told = ", ".join(f"{option} {name[:40]!r}" for option, name in names.items())
        raise UsageError(f"the options name different accounts: {told}", code="bad_account")
    return next(iter(names.values()), None)


def entry_data(entry: Entry) -> dict[str, Any]:
    """A record as `audit list` gives it to machines."""
    return {
        "type": "audit",
        "seq": entry.seq,
        "time": rfc3339(entry.time),
        "phase": entry.phase,
        "operator": entry.operator,
        "login": entry.login,
        "action": entry.action,
        "ref": entry.ref,
        "account": entry.account,
        "object_id": entry.object_id,
        "customer": entry.customer,
        "amount": entry.amount,
        "outcome": entry.outcome or ("open" if entry.phase == "intent" else None),
        "operation": entry.operation,
        "reason": entry.reason,
        "reason_code": entry.reason_code,
        "ticket": entry.ticket,
        "profile": entry.fields.get("profile"),
        "mode": entry.fields.get("mode"),
        "error": entry.error,
    }


def _list_view(entries: list[Entry]) -> View:
    if not entries:
        return [Line((Cell("nothing recorded that matches", "dim"),))]
    titles = ("seq", "when", "who", "action", "object", "amount", "outcome", "reason")
    texts = {"who", "reason"}
    columns = tuple(
        Column(t, right=t in {"seq", "amount"}, whole=t not in texts, kept=t in texts) for t in titles
    )
    return [Grid(columns, tuple(_list_row(entry) for entry in entries))]


def _list_row(entry: Entry) -> tuple[Cell | str, ...]:
    data = entry_data(entry)
    outcome = str(data["outcome"] or "")
    mark = "  ← reconcile" if outcome in {"unknown", "open"} else ""
    return (
        str(entry.seq),
        local_time(entry.time),
        entry.operator or "",
        entry.action or "",
        entry.ref or entry.account or "",
        str(entry.amount) if entry.amount else "",
        Cell(outcome + mark, STRESSED.get(outcome, "")),
        entry.reason or (entry.error or {}).get("message", ""),
    )


app = single(list_)
