"""The plan file: NDJSON that a person reads in a review and `apply` carries out to the letter.

Its first line says what the plan is and what it sums up to, then comes one line a row, and the last line
names the SHA-256 (lower hex) of every byte before it, which is the plan's hash:
`head -n -1 PLAN | sha256sum`. A plan names customers, so it is its owner's alone (0600).
"""

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from billctl.audit.new_file import new_file
from billctl.batch import plan_form as form
from billctl.batch.model import Header, PlannedRow
from billctl.errors import StoreError, UsageError

LONGEST_LINE = 1 << 20
"""Bytes; a row has about one thousand."""
CHANGED_HINT = "Make a new plan: `billctl batch plan`."


class PlanWriter:
    """Rows that wait for their header; a context manager. Memory does not grow with them.

    They wait in an unnamed file in `folder`, which is gone whatever happens. Raises `StoreError` where the
    disk does not take them.
    """

    def __init__(self, folder: Path) -> None:
        with _kept():
            self._rows: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed with this

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a disk that is full does not take the rest either: that was told
            self._rows.close()

    def add(self, row: PlannedRow) -> None:
        """Take one row, after those before it."""
        with _kept():
            self._rows.write(form.row_line(row))

    def finish(self, path: Path, header: Header, *, replace: bool = False) -> str:
        """Write the plan to `path`, whole or not at all; returns its hash. Raises as `new_file` does."""
        digest = hashlib.sha256()
        with new_file(path, replace=replace) as out:
            hashing = _Hashing(out, digest)
            hashing.write(form.header_line(header))
            self._rows.seek(0)
            shutil.copyfileobj(self._rows, hashing, 1 << 16)
            out.write(form.line_of({"type": "end", "sha256": digest.hexdigest()}))
        return digest.hexdigest()


@contextmanager
def _kept() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the plan cannot be kept on disk while it is made: {error.strerror}",
            code="plan_unwritable",
            hint="Check the disk, then run it again.",
        ) from error


class _Hashing:
    """Writes to a file and hashes what it writes."""

    def __init__(self, out: BinaryIO, digest: "hashlib._Hash") -> None:
        self._out = out
        self._digest = digest

    def write(self, chunk: bytes) -> int:
        self._digest.update(chunk)
        return self._out.write(chunk)


class PlanFile:
    """An open plan whose bytes are those that were hashed when it was made. Close it after use.

    `header` is its first line, `hash` the plan's hash.
    """

    def __init__(self, path: Path, file: BinaryIO, header: Header, digest: str, end: int) -> None:
        self.path = path
        self.header = header
        self.hash = digest
        self._file = file
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def rows(self, account: str | None = None) -> Iterator[PlannedRow]:
        """The rows in their order, streamed, of one account or of all; from any number of threads at once."""
        mark = form.row_lead(account) if account else b'{"type":"row",'
        for line in self._lines():
            if line.startswith(mark):
                yield self._row(line)

    def checked_rows(self) -> Iterator[PlannedRow]:
        """All rows. Raises `UsageError` where a line is not as billctl would write what was read of it, so
        that whoever reads the file reads what is done."""
        lines = self._lines()
        next(lines)
        for line in lines:
            row = self._row(line)
            if not form.is_canonical(row, line):
                raise _changed(self.path)
            yield row

    def _row(self, line: bytes) -> PlannedRow:
        try:
            return form.row_of(line, self.header.verb)
        except form.BROKEN as error:
            raise _changed(self.path) from error

    def held(self, folder: Path) -> "PlanFile":
        """The same plan from a copy of its own, which nobody can change or take away any more.

        The copy is an unnamed file in `folder` (`OSError` where there is no room). Raises `UsageError` where
        the plan's bytes are not those that `open_plan` saw.
        """
        copy: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed with the plan
        try:
            shutil.copyfileobj(_view(self._file), copy, 1 << 16)
            copy.flush()
            if _hash_of(self.path, copy, self._end) != self.hash:
                raise _changed(self.path)
        except BaseException:
            copy.close()
            raise
        return PlanFile(self.path, copy, self.header, self.hash, self._end)

    def unchanged(self) -> None:
        """Raise `UsageError` where the file's bytes are not those that `open_plan` saw any more."""
        if _hash_of(self.path, self._file, self._end) != self.hash:
            raise _changed(self.path)

    def _lines(self) -> Iterator[bytes]:
        view, left = _view(self._file), self._end
        while left:
            line = view.readline(min(LONGEST_LINE, left))
            if not line:
                raise _changed(self.path)
            left -= len(line)
            yield line


def open_plan(path: Path) -> PlanFile:
    """Open the plan in the file `path`.

    Raises `UsageError` where there is none (`plan_missing`), it is not whole or was changed since it was made
    (`plan_changed`), or is of another version (`plan_version`); `StoreError` where it cannot be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UsageError(
            f"there is no plan {path}", code="plan_missing", hint="See `billctl batch list`."
        ) from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder, no plan", code="plan_missing") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}", code="plan_unreadable") from error
    try:
        return _opened(path, file)
    except BaseException:
        file.close()
        raise


def _opened(path: Path, file: BinaryIO) -> PlanFile:
    header = _header(path, file.readline(LONGEST_LINE))
    named, end = _end_of(path, file)
    if _hash_of(path, file, end) != named:
        raise _changed(path)
    return PlanFile(path, file, header, named, end)


def _end_of(path: Path, file: BinaryIO) -> tuple[str, int]:
    """The hash that the last line names, and where that line begins."""
    size = file.seek(0, os.SEEK_END)
    begin = max(0, size - 200)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"\n", 0, len(tail) - 1) + 1
    try:
        found = json.loads(tail[at:])
        if not tail.endswith(b"\n") or found["type"] != "end":
            raise ValueError("no end")
        return str(found["sha256"]), begin + at
    except form.BROKEN as error:
        raise UsageError(f"{path} is not a whole plan", code="plan_changed", hint=CHANGED_HINT) from error


def _hash_of(path: Path, file: BinaryIO, end: int) -> str:
    digest = hashlib.sha256()
    left = end
    try:
        view = _view(file)
        while left and (chunk := view.read(min(1 << 16, left))):
            digest.update(chunk)
            left -= len(chunk)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}", code="plan_unreadable") from error
    return digest.hexdigest()


class _Positioned(io.RawIOBase):
    """Reads a descriptor that others read too, by a position of its own (pread(2))."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._next = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = os.pread(self._descriptor, len(buffer), self._next)
        buffer[: len(chunk)] = chunk
        self._next += len(chunk)
        return len(chunk)


def _view(file: BinaryIO) -> io.BufferedReader:
    """The same file from its beginning, whatever its name leads to by now."""
    return io.BufferedReader(_Positioned(file.fileno()), 1 << 16)


def _changed(path: Path) -> UsageError:
    return UsageError(f"{path} was changed since the plan was made", code="plan_changed", hint=CHANGED_HINT)


def _header(path: Path, line: bytes) -> Header:
    try:
        found, version = form.format_of(line)
    except form.BROKEN as error:
        raise UsageError(
            f"{path} is not a plan of billctl", code="plan_changed", hint=CHANGED_HINT
        ) from error
    if version != form.FORMAT:
        raise UsageError(
            f"{path} is a plan of format {version!r}; this billctl knows {form.FORMAT}", code="plan_version"
        )
    try:
        return form.header_of(found, line)
    except form.BROKEN as error:
        raise _changed(path) from error
