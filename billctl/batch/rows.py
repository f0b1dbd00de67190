"""The input of a batch: the whole of it checked, every fault with its line, before anything is read of it
at a gateway."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from billctl.batch.faults import FaultList, RowFaults
from billctl.batch.model import Row
from billctl.batch.rows_check import KindOf, RowCheck, RowDefaults
from billctl.batch.rows_columns import Found
from billctl.batch.rows_csv import read_csv
from billctl.batch.rows_ndjson import read_ndjson
from billctl.batch.rows_text import Lines, Unreadable
from billctl.batch.spool import Spool

__all__ = ["KindOf", "RowDefaults", "RowFaults", "read_rows"]


def read_rows(
    stream: BinaryIO,
    *,
    source: str,
    verb: str,
    accounts: Mapping[str, KindOf],
    defaults: RowDefaults,
    folder: Path,
) -> Spool:
    """The rows of `stream`, to be closed after use.

    CSV (`,` `;` or tab, found by the header) or NDJSON; `source` is its name, `folder` where the rows are
    kept meanwhile. Raises `RowFaults` with everything that is wrong with it, `StoreError` where the disk
    fails.
    """
    faults = FaultList(source)
    check = RowCheck(verb, accounts, defaults, faults)
    spool = Spool(folder)
    try:
        lines = Lines(stream, faults)
        try:
            spool.fill(_rows(_found(lines, faults, verb, spool), check))
        finally:
            lines.close()
        for line, first, ref, same in spool.twice():
            what = f"the same row as line {first}" if same else f"{ref} stands in line {first} already"
            faults.add(line, what, code="duplicate_row" if same else "same_object")
        faults.raise_any()
    except BaseException:
        spool.close()
        raise
    return spool


def _rows(found: Iterator[Found], check: RowCheck) -> Iterator[Row]:
    try:
        for each in found:
            row = check.row(each)
            if row:
                yield row
    except Unreadable:
        return  # its fault is noted


def _found(lines: Lines, faults: FaultList, verb: str, spool: Spool) -> Iterator[Found]:
    first = lines.first()
    if first is None:
        return
    if not first.lstrip().startswith(("{", "[")):
        yield from read_csv(lines, faults, verb)
        return
    warnings: list[str] = []
    yield from read_ndjson(lines, faults, verb, warnings)
    spool.warnings = tuple(warnings)
