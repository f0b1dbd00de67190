"""The lines of an input: UTF-8 text, bounded in length, with what cannot be read noted by its line."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from billctl.batch.faults import FaultList
from billctl.errors import UsageError

LONGEST_LINE = 1 << 20
"""Characters."""
UTF_16 = ("\udcff\udcfe", "\udcfe\udcff")
"""Its byte order marks, as `surrogateescape` decodes them."""
ZIP = "PK\x03\x04"
"""How a spreadsheet's own file begins (APPNOTE.TXT 4.3.7: a local file header)."""


class Unreadable(Exception):
    """What follows cannot be read either; the fault is noted."""


class Lines:
    """The lines of `stream` with their ends, as a CSV reader wants them; an iterator.

    `number` is that of the last line given, `spoilt` that of the last one with a fault of its own. Raises
    `Unreadable` where nothing more can be read.
    """

    def __init__(self, stream: BinaryIO, faults: FaultList) -> None:
        self._text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        self._faults = faults
        self._ahead: list[str] = []
        self.number = 0
        self.spoilt = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.pop() if self._ahead else self._next()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            self._stop(f"the line is longer than {LONGEST_LINE:,} characters", "line_too_long")
        return line if line.isascii() and "\0" not in line else self._checked(line)

    def first(self) -> str | None:
        """The first line that is not blank, to be given again; None where there is none."""
        for line in self:
            if line.strip():
                self._ahead.append(line)
                self.number -= 1
                return line
        return None

    def _next(self) -> str:
        try:
            return self._text.readline(LONGEST_LINE + 1)
        except OSError as error:
            raise UsageError(f"the rows cannot be read: {error.strerror}", code="unreadable") from error

    def close(self) -> None:
        """Leave the stream to its owner."""
        self._text.detach()

    def _checked(self, line: str) -> str:
        if self.number == 1 and line.startswith(UTF_16):
            self._stop("the text is UTF-16: save it as UTF-8", "not_utf8")
        if self.number == 1 and line.startswith(ZIP):
            self._stop("this is a spreadsheet's own file or a ZIP: save it as CSV (UTF-8)", "not_text")
        try:
            line.encode()
        except UnicodeEncodeError as error:
            self._spoil(f"not UTF-8 (byte {error.start + 1} of the line): save it as UTF-8", "not_utf8")
        if "\0" in line:
            self._spoil("a NUL byte stands in it: is this UTF-16 or no text?", "nul")
        return line

    def _spoil(self, what: str, code: str) -> None:
        if self.spoilt != self.number:
            self.spoilt = self.number
            self._faults.add(self.number, what, code=code)

    def _stop(self, what: str, code: str) -> None:
        self._faults.add(self.number, what, code=code)
        raise Unreadable
