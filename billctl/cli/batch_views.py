"""How batches look to a person: counts, totals, what became of rows."""

import json
import os
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from billctl.batch.model import Header, RowResult
from billctl.cli.layout import Cell, Column, Grid
from billctl.models import data
from billctl.money import Money
from billctl.text import mask

OBJECTS = {"refund": "refund", "void": "void", "cancel": "cancellation", "resend": "invoice"}
"""What a batch has many of, by its verb."""

OUTCOMES = ("succeeded", "pending", "already_done", "skipped", "refused", "failed", "unknown")
"""The outcomes of rows, from the one that needs no look to the one that needs it most."""
STRESSED = {"failed": "yellow", "refused": "yellow", "skipped": "yellow", "unknown": "red"}


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,412 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def totals_text(totals: Iterable[Money]) -> str:
    """`118,188.00 USD, 310.500 KWD`; empty where no money moves."""
    return ", ".join(money_text(total) for total in totals)


def money_text(amount: Money) -> str:
    """An amount with its thousands marked, for reading only."""
    whole, point, rest = amount.decimal().partition(".")
    return f"{int(whole):,}{point}{rest} {amount.currency}"


def mode_cell(*, live: bool) -> Cell:
    """Test or live, which is always told."""
    return Cell("LIVE", "red") if live else Cell("test")


def headline(header: Header) -> str:
    """`resend · 3,000 invoices · stripe 2,412 · paypal 588`."""
    accounts = [f"{account.name} {account.rows:,}" for account in header.accounts]
    many = accounts if len(accounts) > 1 else []
    return " · ".join((header.verb, count(header.ready, OBJECTS[header.verb]), *many))


def outcome_words(counts: Mapping[str, int]) -> str:
    """`2,411 succeeded, 1 refused`, in the order of `OUTCOMES`."""
    return ", ".join(f"{counts[name]:,} {words(name)}" for name in OUTCOMES if counts.get(name))


def short_path(path: Path) -> str:
    """A path as a person types it from here."""
    try:
        return os.fspath(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere; or here is nowhere any more
        return os.fspath(path)


def words(outcome: str) -> str:
    """An outcome as a person writes it."""
    return outcome.replace("_", " ")


def result_grid(results: Sequence[RowResult]) -> Grid:
    """What became of rows, a line each."""
    titles = ("row", "object", "amount", "outcome", "")
    columns = tuple(Column(t, right=t in {"row", "amount"}) for t in titles)
    return Grid(columns, tuple(_result_cells(result) for result in results), indent=2)


def _result_cells(result: RowResult) -> tuple[Cell | str, ...]:
    row = result.row
    return (
        str(row.n),
        row.ref,
        money_text(row.amount) if row.amount else "",
        Cell(words(result.outcome), STRESSED.get(result.outcome, "")),
        mask(result.message) if result.message else result.result_id or "",
    )


class Lazy(Collection[Mapping[str, Any]]):
    """`length` records that are made anew each time somebody goes through them; none is kept in memory."""

    def __init__(self, length: int, make: Callable[[], Iterator[Mapping[str, Any]]]) -> None:
        self._length = length
        self._make = make

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return self._make()

    def __contains__(self, record: object) -> bool:
        return any(each == record for each in self)


class Spooled(Collection[Mapping[str, Any]]):
    """Records that wait in an unnamed file until they are printed; memory does not grow with them."""

    def __init__(self) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  # closed when nobody needs it any more
        weakref.finalize(self, self._file.close)
        self._length = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Take one record, after those before it."""
        self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(data(record)).encode() + b"\n")
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        self._file.seek(0)
        return map(json.loads, self._file)

    def __contains__(self, record: object) -> bool:
        return any(each == record for each in self)
