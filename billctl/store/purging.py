"""Purging: which private parts may go, removing them, and leaving none of their bytes in the files."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from billctl.errors import Busy
from billctl.store.interface import Purgeable, Ranges
from billctl.store.queries import text

_OLDER = "FROM record LEFT JOIN private ON private.seq = record.seq WHERE record.time < :before"
_CHOSEN = (
    " AND (:customer IS NULL OR coalesce(private.customer, record.customer) = :customer)"
    " AND (:account IS NULL OR record.account = :account)"
)
_IS_UNSETTLED = "record.operation IN (SELECT id FROM operation WHERE state IN ('open', 'unknown'))"
_NAMED = "json_extract(record.body, '$.private') IS NOT NULL"

_NUMBERS = (
    f"SELECT record.seq {_OLDER}{_CHOSEN} AND private.seq IS NOT NULL"
    f" AND (record.operation IS NULL OR NOT {_IS_UNSETTLED}) ORDER BY record.seq"
)
_UNSETTLED = f"SELECT count(*) {_OLDER}{_CHOSEN} AND private.seq IS NOT NULL AND {_IS_UNSETTLED}"
_INSEPARABLE = f"SELECT count(*) {_OLDER}{_CHOSEN} AND private.seq IS NULL AND NOT {_NAMED}"
_COUNT = "SELECT count(*) FROM record"
_TAKEN = f"{_COUNT} WHERE seq BETWEEN ? AND ? AND {_IS_UNSETTLED}"


def purgeable(
    db: sqlite3.Connection, before: datetime, customer: str | None, account: str | None
) -> Purgeable:
    """See `Store.purgeable`."""
    values = {"before": text(before), "customer": text(customer), "account": text(account)}
    ranges = compact(seq for (seq,) in db.execute(_NUMBERS, values))
    return Purgeable(
        ranges=ranges,
        count=sum(last - first + 1 for first, last in ranges),
        unsettled=db.execute(_UNSETTLED, values).fetchone()[0],
        inseparable=db.execute(_INSEPARABLE, values).fetchone()[0],
    )


def compact(numbers: Iterable[int]) -> Ranges:
    """Ascending numbers as ranges."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)


def check_nothing_open(db: sqlite3.Connection) -> None:
    """Raise `Busy` while an operation is open: it may be at its gateway, and wait for the log after that."""
    found = db.execute("SELECT id FROM operation WHERE state = 'open' LIMIT 1").fetchone()
    if found:
        raise Busy(
            f"operation {found[0]} is open",
            code="operation_open",
            hint="Run again when it has ended, or `billctl audit reconcile` if its process is gone.",
        )


def remove(db: sqlite3.Connection, ranges: Ranges) -> None:
    """Delete the private parts of `ranges`, within the transaction that recorded it. Raises `Busy`."""
    for first, last in ranges:
        gone = db.execute("DELETE FROM private WHERE seq BETWEEN ? AND ?", (first, last)).rowcount
        (taken,) = db.execute(_TAKEN, (first, last)).fetchone()
        if gone != last - first + 1 or taken:
            raise Busy(
                "another run changed meanwhile what may be purged",
                code="purge_overtaken",
                hint="Run it again.",
            )


def scrub(db: sqlite3.Connection, path: Path) -> None:
    """Write the file anew without its free space, and empty the WAL, which both may hold purged bytes.

    Raises `Busy` while another process reads or writes. What a file system, a drive or a backup keeps
    of earlier contents is out of reach.
    """
    empty_wal(db, path)
    db.execute("VACUUM")
    empty_wal(db, path)


def empty_wal(db: sqlite3.Connection, path: Path) -> None:
    """Move the WAL's pages to the main file and cut it to nothing. Raises `Busy` while others read."""
    busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Busy(
            f"another process is reading the audit log {path}",
            code="store_busy",
            hint="Run again when it has ended.",
        )
