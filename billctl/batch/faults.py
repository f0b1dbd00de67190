"""What is wrong with the rows of a batch: every fault with its line, before anything is sent."""

from billctl.errors import NOTHING_SENT, UsageError
from billctl.frozen import frozen
from billctl.text import mask, safe_text

KEPT = 1_000
"""Faults that are told one by one; the rest is counted."""
LONGEST = 300
"""Characters of one fault."""


@frozen
class Fault:
    """One thing wrong with the input. `line` counts from 1; `more` rows have the same, if any."""

    line: int
    what: str
    code: str = "bad_row"
    more: int = 0

    def __str__(self) -> str:
        more = f" (and {self.more:,} more {'row' if self.more == 1 else 'rows'})" if self.more else ""
        return f"line {self.line}: {self.what}{more}"


class RowFaults(UsageError):
    """An input with faults. `faults` are the first of them in the order of their lines, `count` is all."""

    def __init__(self, source: str, faults: tuple[Fault, ...], count: int) -> None:
        many = f"{count:,} fault{'' if count == 1 else 's'}"
        name = "standard input" if source == "-" else source
        super().__init__(
            f"{name} has {many}, the first in {faults[0]}",
            code="bad_rows",
            hint="Correct the rows and run it again.",
        )
        self.faults = faults
        self.count = count
        self._name = name

    def lines(self) -> list[str]:
        """One line for each fault that was kept, and one that sums up."""
        many = f"{self.count:,} fault{'' if self.count == 1 else 's'}"
        told = f", of which the first {len(self.faults):,} are told" if self.count > len(self.faults) else ""
        last = f"{self._name} has {many}{told}. {NOTHING_SENT} {self.hint}"
        return [*map(str, self.faults), last]


class FaultList:
    """The faults found so far in an input called `source`."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: list[Fault] = []
        self._alike: dict[str, tuple[Fault, int]] = {}
        self.count = 0

    def add(self, line: int, what: str, *, code: str = "bad_row") -> None:
        """Note one fault in `line`; card numbers and keys in `what` are masked."""
        self.count += 1
        if len(self._found) < KEPT:
            self._found.append(Fault(line=line, what=_told(what), code=code))

    def add_once(self, line: int, what: str, *, code: str) -> None:
        """Note a fault that every row may have, by its `code`: the first is told, the others are counted."""
        first, count = self._alike.get(code, (None, 0))
        self._alike[code] = (first or Fault(line=line, what=_told(what), code=code), count + 1)

    def raise_any(self) -> None:
        """Raise `RowFaults` with all of them in the order of their lines."""
        alike = [
            Fault(line=fault.line, what=fault.what, code=fault.code, more=count - 1)
            for fault, count in self._alike.values()
        ]
        found = sorted([*self._found, *alike], key=lambda fault: fault.line)
        if found:
            raise RowFaults(self._source, tuple(found[:KEPT]), self.count + len(alike))


def _told(what: str) -> str:
    text = safe_text(mask(what))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
