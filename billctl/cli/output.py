"""What a command answers, and the one place that prints it: table, JSON, NDJSON, CSV or TSV.

stdout is data, stderr is talk. Commands return a `Result`; nothing else prints. Rich is imported
only here, and only when a table goes to a terminal.
"""

import io
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TextIO

from billctl.cli.layout import COMMAND, Column, Grid, View, render
from billctl.cli.options import Choices
from billctl.errors import BillctlError, InternalError, UsageError
from billctl.models import data as plain
from billctl.text import csv_cell, mask, safe_lines, safe_text, to_json

ENVELOPE = 1
"""The version of the JSON envelope."""

Row = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Result:
    """What a command found or did.

    `data` is the JSON envelope's data; `records` the same as flat records, each with its `type`, for
    NDJSON and for CSV and TSV (whose default columns are `columns`, dotted paths into a record);
    `view` is what a person sees in a table. `error` decides the exit code where the command ended in
    other than success although it has something to show; `errors` names every part that failed.
    """

    data: Any
    records: Collection[Row] = ()
    columns: tuple[str, ...] = ()
    view: View = ()
    warnings: list[str] = field(default_factory=list)
    error: BillctlError | None = None
    errors: list[BillctlError] = field(default_factory=list)
    profile: str | None = None
    mode: str | None = None
    success_is_silent: bool = False
    """With `--quiet`, a success prints nothing in a table."""
    silent_unless_asked: bool = False
    """Nothing is printed where standard output is no terminal and no format was chosen."""

    def failures(self) -> list[BillctlError]:
        """Everything that failed: the parts, or the one error that ended the command."""
        return self.errors or ([self.error] if self.error else [])


def print_result(result: Result, chosen: Choices, stdout: TextIO) -> None:
    """Print `result` to `stdout` in the chosen format."""
    output_format = chosen.format(terminal=stdout.isatty())
    if result.silent_unless_asked and not (stdout.isatty() or chosen.asks_for_output()):
        return
    if chosen.fields and output_format == "json":
        known_fields(result.records, chosen.fields)
    writers = {"json": _json, "ndjson": _ndjson, "csv": _csv, "tsv": _tsv, "table": _table}
    accept_all_text(stdout)
    writers[output_format](result, chosen, stdout)
    stdout.flush()


def accept_all_text(stream: TextIO | None) -> None:
    """Let `stream` escape what its encoding has no character for: an answer never fails on a name."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="backslashreplace")


def talk(text: str, *, stderr: TextIO | None = None) -> None:
    """One line for a person, on standard error, with nothing secret and nothing that drives a terminal.

    On a terminal that it is too long for it is folded between words. Where standard error is gone, as with
    its terminal, nobody is there to be told.
    """
    stream = stderr or sys.stderr
    if stream is not None:
        accept_all_text(stream)
        with suppress(OSError):
            stream.write(fold(f"billctl: {safe_text(mask(text))}", terminal_width(stream)) + "\n")
            stream.flush()


def fold(text: str, width: int | None) -> str:
    """`text` in lines of `width` characters, parted between words; a command in backticks is never parted,
    so that it can be copied whole. `width` None leaves it as it is."""
    if width is None or len(text) <= width:
        return text
    import textwrap

    kept = COMMAND.sub(lambda command: command.group().replace(" ", "\0"), text)
    lines = textwrap.wrap(kept, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


def talk_error(error: BillctlError) -> None:
    """An error's line, with the account it concerns where the message does not name it."""
    for line in error.lines():
        talk(with_account(error, line))


def with_account(error: BillctlError, text: str) -> str:
    """`text` of an error after the account it concerns, unless the error's message names that: as a word,
    not as a part of a host's name (`shop` of `shop.example`)."""
    account = error.account
    word = rf"(?<![\w.-]){re.escape(account or '')}(?![\w-]|\.\w)"
    if account is None or re.search(word, error.message, re.IGNORECASE):
        return text
    return f"{account}: {text}"


def envelope(result: Result, chosen: Choices) -> dict[str, Any]:
    """The one JSON document of a command, in the form of the command-line contract."""
    error = result.error
    body = result.data
    if chosen.fields:
        body = [pick(record, chosen.fields) for record in map(plain, result.records)]
    return {
        "billctl": ENVELOPE,
        "command": chosen.command,
        "profile": result.profile,
        "mode": result.mode,
        "exit": {"code": error.exit_code if error else 0, "class": error.word if error else "ok"},
        "data": plain(body),
        "errors": [error_data(e) for e in result.failures()],
        "warnings": result.warnings,
    }


def error_data(error: BillctlError) -> dict[str, Any]:
    """An error as the contract's JSON has it, its text masked."""
    return {
        "class": error.word,
        "code": error.code,
        "message": mask(error.line()),
        "account": error.account,
    }


# Machine-readable formats


def _json(result: Result, chosen: Choices, stdout: TextIO) -> None:
    document = envelope(result, chosen)
    if chosen.jq is not None:
        _write_jq(chosen.jq, [document], stdout)
    else:
        stdout.write(to_json(document, indent=2 if stdout.isatty() else None) + "\n")


def _ndjson(result: Result, chosen: Choices, stdout: TextIO) -> None:
    records: Iterable[Any] = map(plain, result.records)
    if chosen.fields:
        known_fields(result.records, chosen.fields)
        records = (pick(record, chosen.fields) for record in records)
    lines = chain(records, ({"type": "error"} | error_data(e) for e in result.failures()))
    if chosen.jq is not None:
        _write_jq(chosen.jq, list(lines), stdout)
        return
    for record in lines:
        stdout.write(to_json(record) + "\n")


def _write_jq(expression: str, documents: Sequence[object], stdout: TextIO) -> None:
    from billctl.cli.jq_filter import run_jq

    for value in run_jq(expression, documents):
        stdout.write((safe_lines(value) if isinstance(value, str) else to_json(value)) + "\n")


def _csv(result: Result, chosen: Choices, stdout: TextIO) -> None:
    import csv

    columns = chosen.fields or result.columns
    known_fields(result.records, chosen.fields)
    writer = csv.writer(stdout, lineterminator="\n")
    if columns:
        writer.writerow(columns)
    for record in map(plain, result.records):
        writer.writerow([csv_cell(cell_text(look(record, column))) for column in columns])


def _tsv(result: Result, chosen: Choices, stdout: TextIO) -> None:
    columns = chosen.fields or result.columns
    known_fields(result.records, chosen.fields)
    for record in map(plain, result.records):
        cells = (safe_text(cell_text(look(record, column))) for column in columns)
        stdout.write("\t".join(cells) + "\n")


def look(record: Any, path: str) -> Any:
    """The value at a dotted path into a record, None where there is none."""
    for part in path.split("."):
        if isinstance(record, list) and part.isdigit() and int(part) < len(record):
            record = record[int(part)]
        elif isinstance(record, dict):
            record = record.get(part)
        else:
            return None
    return record


def cell_text(value: object) -> str:
    """A JSON value as one cell's text: nothing for null, `12.50 USD` for money, JSON for the rest."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case {"amount": str(amount), "currency": str(currency), **rest} if set(rest) <= {"minor"}:
            return f"{amount} {currency}"
        case int():
            return str(value)
        case _:
            return to_json(value)


def pick(record: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Only these fields of a record, under their dotted names."""
    return {name: look(record, name) for name in fields}


def known_fields(records: Collection[Row], fields: Sequence[str]) -> None:
    """Raise `UsageError` when a field that was asked for begins with a name that no record has."""
    if not fields:
        return
    names = {name for record in records for name in record}
    missing = [name for name in fields if name.split(".")[0] not in names]
    if records and missing:
        raise UsageError(
            f"there is no field {missing[0]!r}", code="bad_field", hint=f"Fields: {', '.join(sorted(names))}."
        )


# A person's view


def _table(result: Result, chosen: Choices, stdout: TextIO) -> None:
    if chosen.quiet and result.success_is_silent and result.error is None:
        return
    view = _fields_view(result, chosen) if chosen.fields else result.view
    asked_for_none = chosen.no_color or bool(os.environ.get("NO_COLOR"))
    colour = stdout.isatty() and _knows_colour() and not asked_for_none
    colour = colour or bool(os.environ.get("CLICOLOR_FORCE") and not chosen.no_color)
    text = render(view, colour=colour, width=terminal_width(stdout))
    if not (stdout.isatty() and _paged(text)):
        stdout.write(text)


def _knows_colour() -> bool:
    """Whether the terminal may know colour: one that is `dumb` or has no name does not (Windows has none)."""
    return os.name == "nt" or os.environ.get("TERM", "dumb") != "dumb"


def _paged(text: str) -> bool:
    """Whether `$PAGER` took a text that is longer than the terminal."""
    import shlex
    import shutil
    import subprocess

    command = shlex.split(os.environ.get("PAGER", ""))
    if not command or text.count("\n") < shutil.get_terminal_size().lines:
        return False
    # less: leave at once what fits, keep colours, do not clear the screen; as git and gh run it.
    env = {"LESS": "FRX"} | dict(os.environ)
    try:
        subprocess.run(command, input=text, errors="backslashreplace", check=False, env=env)  # noqa: S603  # the user's own choice
    except OSError:
        return False
    return True


def terminal_width(stream: TextIO) -> int | None:
    """How many characters a line of `stream` has; None where that is no terminal."""
    if not stream.isatty():
        return None
    import shutil

    return max(40, shutil.get_terminal_size().columns)


def _fields_view(result: Result, chosen: Choices) -> View:
    known_fields(result.records, chosen.fields)
    rows = tuple(
        tuple(cell_text(look(record, name)) for name in chosen.fields)
        for record in map(plain, result.records)
    )
    return [Grid(tuple(Column(name) for name in chosen.fields), rows)]


def print_error(error: BillctlError, result: Result, chosen: Choices, stdout: TextIO) -> None:
    """An error that leaves nothing to show: a line on stderr, and the document where JSON was asked for."""
    talk_error(error)
    try:
        output_format = chosen.format(terminal=stdout.isatty())
    except UsageError:
        return
    if output_format in {"json", "ndjson"}:
        bare = Choices(command=chosen.command, output=output_format)
        print_result(result, bare, stdout)


def internal(error: BaseException) -> InternalError:
    """An unexpected exception as an error of the family, with its type and masked text."""
    return InternalError(f"unexpected {type(error).__name__}: {mask(str(error))[:300]}")
