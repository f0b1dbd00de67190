"""`billctl audit export`: the log, or a range of it, as a file that can be proved without billctl."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli.audit_log import log_path, writing
from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.options import Choices, choices
from billctl.cli.output import Result, talk
from billctl.cli.times import span
from billctl.cli.views import now_utc
from billctl.errors import UsageError
from billctl.models import rfc3339

if TYPE_CHECKING:
    from billctl.audit.lines import LinesVerdict

ACTION = "audit export"
STDOUT = "-"
FORMS = ("ndjson", "csv")
COLUMNS = ("file", "format", "records", "first", "last", "private", "head.hash")

Write = Callable[[bytes], object]


def export(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A new file, or - for standard output.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="ndjson (can be proved) or csv (for a spreadsheet).",
            autocompletion=lambda incomplete: [form for form in FORMS if form.startswith(incomplete)],
        ),
    ] = "ndjson",
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Then or later: 2026-01-31, 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Before then.")] = None,
    without_private: Annotated[
        bool,
        typer.Option("--without-private", help="Leave out reasons, customers and all else that is personal."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
) -> Result:
    """Export the log as a file that can be proved without billctl.

    \b
    Examples:
      billctl audit export audit-2026-11.ndjson --since 2026-11-01 --until 2026-12-01
      billctl audit export - --without-private | gpg --encrypt -r auditor > audit.gpg
      billctl audit export refunds.csv --format csv --since 30d

    NDJSON holds the stored bytes, one record a line; `billctl help audit` has ten lines of Python that
    prove them. The file is whole or not there at all, and the chain is proved while it is written. Each
    export is itself a record, made before it.
    Exit codes: 0 exported, 2 FILE cannot be made, 9 the log is broken or the file cannot be written.
    """
    chosen = choices(context)
    if form not in FORMS:
        raise UsageError(
            f"{form[:40]!r} is no form of an export", code="bad_format", hint=f"Use {' or '.join(FORMS)}."
        )
    begin, end = span(since, until, now=now_utc())
    with _target(file, chosen, replace=force) as write:
        verdict = _export(write, file, form, begin, end, private=not without_private)
    if file == STDOUT:
        return _told(verdict, chosen)
    return _result(verdict, file, form, chosen.profile)


@contextmanager
def _target(file: str, chosen: Choices, *, replace: bool) -> Iterator[Write]:
    from billctl.audit.new_file import new_file

    if file == STDOUT:
        if chosen.output or chosen.fields or chosen.jq:
            raise UsageError(
                "with - the export itself is the output: -o, --fields and --jq do not go with it",
                code="bad_output",
                hint="Its form is --format ndjson or csv.",
            )
        chosen.output = "tsv"  # whatever $BILLCTL_OUTPUT says: no other document may follow the export
        yield sys.stdout.buffer.write
        sys.stdout.flush()
        return
    path, log = Path(file), log_path()
    if path.name.startswith(log.name) and path.parent.resolve() == log.parent.resolve():
        raise UsageError(
            f"{path} belongs to the audit log itself", code="bad_file", hint="Name another file."
        )
    with new_file(path, replace=replace) as target:
        yield target.write


def _export(
    write: Write, file: str, form: str, since: datetime | None, until: datetime | None, *, private: bool
) -> "LinesVerdict":
    """Record that the log is exported, then export it: the record is part of what is written."""
    from billctl.audit.export import FORMS as WRITERS
    from billctl.audit.export import export as write_all
    from billctl.audit.export import in_range

    with writing() as (store, log):
        looked_at: dict[str, Any] = {"file": file, "format": form, "with_private": private}
        looked_at |= {"since": rfc3339(since)} if since else {}
        looked_at |= {"until": rfc3339(until)} if until else {}
        log.note(ACTION, result=looked_at)
        return write_all(in_range(store, since, until), write, WRITERS[form], private=private)


def _told(verdict: "LinesVerdict", chosen: Choices) -> Result:
    if not chosen.quiet:
        talk(_summary(verdict))
    return Result(data={}, profile=chosen.profile)


def _result(verdict: "LinesVerdict", file: str, form: str, profile: str | None) -> Result:
    data = {
        "file": file,
        "format": form,
        "records": verdict.records,
        "first": verdict.first,
        "last": verdict.head.seq if verdict.records else None,
        "private": verdict.private,
        "private_absent": verdict.absent,
        "head": {"seq": verdict.head.seq, "hash": verdict.head.hash} if verdict.records else None,
    }
    return Result(
        data=data,
        records=[{"type": "export"} | data],
        columns=COLUMNS,
        view=[Line((f"{_summary(verdict)}, written to {file}",))],
        profile=profile,
        success_is_silent=True,
    )


def _summary(verdict: "LinesVerdict") -> str:
    if not verdict.records:
        return "no records in that time"
    digest, count = verdict.head.hash, verdict.records
    many = f"{count:,} record{'' if count == 1 else 's'} ({verdict.first:,} to {verdict.head.seq:,})"
    return f"{many}, chain whole, head {digest[:8]}…{digest[-4:]}"


app = single(export)
