"""What came of a plan, in files beside it: a line for each row, and the failed rows to be planned again."""

import csv
import io
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO

from billctl.audit.new_file import drafts_of, new_file
from billctl.batch.model import RowResult
from billctl.errors import BillctlError
from billctl.frozen import frozen
from billctl.models import data
from billctl.text import csv_cell, mask, to_json

FAILURE_COLUMNS = (
    *("ref", "amount", "full", "currency", "reason_code", "reason", "ticket", "to"),
    *("outcome", "code", "error"),
)
"""The first eight are what `batch.rows` reads, the others what it ignores."""


@frozen
class Written:
    """The files of one run; None where there is none. `warnings` say which could not be written."""

    results: Path | None
    failures: Path | None
    warnings: tuple[str, ...] = ()


class Report:
    """The files of one run of the plan at `plan`, which replace those of an earlier run when it is finished.

    What was done is in the audit log, so a file that cannot be written ends no run: the run goes on without.
    """

    def __init__(self, plan: Path) -> None:
        stem = plan.name.removesuffix(".plan")
        self._results = _Draft(plan.with_name(f"{stem}.results.ndjson"))
        self._failures = _Draft(plan.with_name(f"{stem}.failures.csv"))
        self._failed = 0
        self._failures.write(_csv_line(FAILURE_COLUMNS))

    def add(self, result: RowResult) -> None:
        """Take one row's result."""
        self._results.write(to_json(result_data(result)).encode() + b"\n")
        if result.failed:
            self._failed += 1
            self._failures.write(_csv_line(_failure_cells(result)))

    def drop(self) -> None:
        """Leave no draft behind, and the files of an earlier run as they are."""
        self._results.drop()
        self._failures.drop()

    def finish(self) -> Written:
        """Put the files in their places; without failures, none of an earlier run stays."""
        results = self._results.keep()
        if self._failed:
            failures = self._failures.keep()
        else:
            self._failures.drop()
            self._failures.remove()
            failures = None
        faults = [fault for fault in (self._results.fault, self._failures.fault) if fault]
        return Written(results=results, failures=failures, warnings=tuple(faults))


class _Draft:
    """A new file that takes its place when it is whole; its first fault ends it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: str | None = None
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        self._attempt(self._open)

    def _open(self) -> None:
        for left in drafts_of(self.path):  # by runs that died: the plan's lock is held
            left.unlink(missing_ok=True)
        self._file = self._stack.enter_context(new_file(self.path, replace=True))

    def write(self, line: bytes) -> None:
        file = self._file
        if file:
            self._attempt(lambda: file.write(line))

    def keep(self) -> Path | None:
        """Put it in its place; None where there was a fault."""
        self._attempt(self._stack.close)
        return None if self.fault else self.path

    def drop(self) -> None:
        """Throw the draft away."""
        if self._file:
            self._file = None
            with suppress(OSError, BillctlError):  # what a full disk does not take is thrown away anyway
                self._stack.__exit__(_Dropped, _Dropped(), None)

    def remove(self) -> None:
        """Remove what an earlier run left in its place."""
        self._attempt(lambda: self.path.unlink(missing_ok=True))

    def _attempt(self, step: Callable[[], object]) -> None:
        if self.fault:
            return
        try:
            step()
        except (OSError, BillctlError) as error:
            why = error.message if isinstance(error, BillctlError) else error.strerror
            self.fault = f"{self.path} was not written, the audit log has it all: {why}"
            self.drop()


class _Dropped(Exception):
    """Ends a draft that is not wanted."""


def result_data(result: RowResult) -> dict[str, Any]:
    """A row's result as files and other programs get it."""
    row = result.row
    return {
        "type": "row",
        "n": row.n,
        "line": row.line,
        "ref": row.ref,
        "outcome": result.outcome,
        "amount": data(row.amount),
        "operation": result.operation,
        "result": result.result_id,
        "audit": {"intent": result.intent, "outcome": result.outcome_seq},
        "class": result.word,
        "code": result.code,
        "message": mask(result.message) if result.message else None,
        "notes": [mask(note) for note in result.notes],
    }


def _failure_cells(result: RowResult) -> tuple[str, ...]:
    row = result.row
    full = "full" in row.typed or "full" in row.params
    amount = "" if full else row.params.get("amount", "")
    currency = row.typed.get("currency") or (row.amount.currency if row.amount and amount else "")
    return (
        *(row.ref, amount, "true" if full else "", currency),
        *(row.reason_code or "", row.reason, row.ticket or "", row.params.get("to", "")),
        *(result.outcome, result.code or "", mask(result.message or "")),
    )


def _csv_line(cells: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([csv_cell(cell) for cell in cells])
    return text.getvalue().encode("utf-8", "backslashreplace")
