"""`billctl audit`: who did what, why, and what became of it; and whether the record is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.audit.entry import Entry, read
from billctl.audit.log import OUTCOMES
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import Command, new_app
from billctl.cli.opening import session_of, split_reference
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import span
from billctl.cli.views import local_time, now_utc
from billctl.errors import NotFound, OutcomeUnknown, StoreError, UsageError
from billctl.models import rfc3339
from billctl.paths import state_dir
from billctl.session import STORE
from billctl.store.interface import Head, RecordFilter, Store, StoredRecord

if TYPE_CHECKING:
    from billctl.audit.verify import Verdict

MAX_LIMIT = 1_000_000
OPERATION_PREFIX = "op_"
COLUMNS = (
    "seq", "time", "operator", "action", "ref", "outcome", "amount.amount", "amount.currency", "operation",
    "reason",
)  # fmt: skip
FILTERED_OUTCOMES = (*sorted(OUTCOMES), "open")
VERDICT_COLUMNS = ("records", "whole", "head.hash")
STRESSED = {"unknown": "red", "open": "red", "failed": "yellow", "denied": "yellow", "refused": "yellow"}

app = new_app("""Who did what, why, and what became of it.

    \b
    Examples:
      billctl audit list --since 1d
      billctl audit show op_01KAMZ5Z2Q9X1V6H0N3T8R4W7C
      billctl audit verify
    """)


def _path() -> Path:
    return state_dir(os.environ) / STORE


@contextmanager
def _reading() -> Iterator[Store | None]:
    """The store, open for reading; None where nothing has ever been recorded."""
    from billctl.store.sqlite import open_store

    try:
        store = open_store(_path(), readonly=True)
    except StoreError as error:
        if error.code != "store_missing":
            raise
        yield None
        return
    try:
        yield store
    finally:
        store.close()


@app.command("list", cls=Command)
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
        str | None, typer.Option("--action", metavar="WORD", help="refund, cancel, resend, auth add, …")
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
    with _reading() as store:
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


@app.command(cls=Command)
def show(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="OPERATION|SEQ", help="An operation's id, or a record's number.")
    ],
) -> Result:
    """Show one operation or one record in full.

    \b
    Examples:
      billctl audit show op_01KAMZ5Z2Q9X1V6H0N3T8R4W7C
      billctl audit show 1042 -o json
    """
    chosen = choices(context)
    with _reading() as store:
        found = _records(store, what)
    if not found:
        raise NotFound(f"the audit log has no record {what[:60]!r}", hint="See `billctl audit list`.")
    rows = [{"type": "record", "hash": record.hash} | read(record).fields for record in found]
    return Result(
        data=rows,
        records=rows,
        columns=("seq", "time", "phase", "action", "outcome", "hash"),
        view=[block for record in found for block in _record_view(record)],
        profile=chosen.profile,
    )


def _records(store: Store | None, what: str) -> list[StoredRecord]:
    is_number = what.isascii() and what.isdigit() and len(what) < 19
    if not is_number and not what.startswith(OPERATION_PREFIX):
        raise UsageError(
            f"{what[:60]!r} is neither a record's number nor an operation's id",
            code="bad_id",
            hint="Like 1042 or op_….",
        )
    if store is None:
        return []
    if is_number:
        record = store.record(int(what))
        return [record] if record else []
    return list(store.records(RecordFilter(operation=what)))


def _record_view(record: StoredRecord) -> list[Line | Grid]:
    entry = read(record)
    head = Line(
        (
            Cell(str(record.seq), "bold"),
            entry.phase,
            local_time(entry.time),
            Cell(record.hash[:16] + "…", "dim"),
        )
    )
    rows = tuple((Cell(name, "dim"), text) for name, text in _flat(entry.fields) if text)
    return [head, Grid((Column(), Column()), rows, indent=2)]


def _flat(fields: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield prefix + name, " ".join(map(str, value))
        elif value is not None:
            yield prefix + name, str(value)


@app.command(cls=Command)
def verify(
    context: typer.Context,
    integrity: Annotated[
        bool, typer.Option("--integrity", help="Also check the database's own pages and indexes (slower).")
    ] = False,
) -> Result:
    """Prove the log from its bytes.

    \b
    Examples:
      billctl audit verify
      billctl audit verify -o json --jq .data.head.hash

    Every number, hash, link and operation is checked. A chain by itself cannot show that records were
    cut off at the end, or that everything was written anew with new hashes: keep the head that this
    prints somewhere else, and compare.
    Exit codes: 0 whole, 9 broken.
    """
    from billctl.audit.verify import verify as prove

    chosen = choices(context)
    try:
        verdict = prove(_path(), integrity=integrity)
    except StoreError as error:
        if error.code != "store_missing":
            raise
        return _verified(0, None, chosen.profile)
    if verdict.ok:
        return _verified(verdict.records, verdict.head, chosen.profile)
    return _broken(verdict, chosen.profile)


def _broken(verdict: "Verdict", profile: str | None) -> Result:
    where = f" at record {verdict.broken}" if verdict.broken else ""
    data = _verdict_data(verdict.records, verdict.head, whole=False)
    data |= {"broken": verdict.broken, "why": verdict.why}
    error = StoreError(
        f"the audit log is broken{where}: {verdict.why}",
        code="chain_broken",
        hint=f"{verdict.records} records before it are whole. Keep the file as it is; find who changed it.",
    )
    return Result(
        data=data,
        records=[{"type": "verdict"} | data],
        columns=(*VERDICT_COLUMNS, "broken", "why"),
        error=error,
        profile=profile,
    )


def _verified(records: int, head: Head | None, profile: str | None) -> Result:
    data = _verdict_data(records, head, whole=True)
    digest = data["head"]["hash"]
    text = f"{records:,} record{'' if records == 1 else 's'}, chain whole"
    told = f"{text}, head {digest[:8]}…{digest[-4:]}" if digest and records else "nothing recorded yet"
    return Result(
        data=data,
        records=[{"type": "verdict"} | data],
        columns=VERDICT_COLUMNS,
        view=[Line((told,))],
        profile=profile,
        success_is_silent=True,
    )


def _verdict_data(records: int, head: Head | None, *, whole: bool) -> dict[str, Any]:
    return {
        "whole": whole,
        "records": records,
        "head": {"seq": records, "hash": head.hash if head else None},
    }


@app.command(cls=Command)
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
