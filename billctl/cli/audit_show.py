"""`billctl audit show`: one operation or one record in full."""

import shlex
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from billctl.audit.entry import read
from billctl.cli.audit_log import reading
from billctl.cli.layout import Cell, Column, Grid, Line
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.views import local_time
from billctl.errors import NotFound, UsageError
from billctl.store.interface import RecordFilter, Store, StoredRecord

OPERATION_PREFIX = "op_"


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
    with reading() as store:
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
            # A command line as one could type it again.
            join = shlex.join if name == "argv" else " ".join
            yield prefix + name, join(map(str, value))
        elif isinstance(value, bool):
            yield prefix + name, "yes" if value else "no"
        elif value is not None:
            yield prefix + name, str(value)


app = single(show)
