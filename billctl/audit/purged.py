"""What the chain says was purged, read for the proof apart from the code that purges."""

import json
import sqlite3

from billctl.audit.proof import Fault
from billctl.store.interface import Ranges

_PURGES = (
    "SELECT seq, body FROM record INDEXED BY record_filter"
    " WHERE seq > 0 AND action = 'audit purge' ORDER BY seq"
)
_STILL_THERE = "SELECT min(seq) FROM private WHERE seq BETWEEN ? AND ?"


def purged_ranges(db: sqlite3.Connection) -> Ranges:
    """The records whose private parts were purged, joined where they touch.

    Raises `Fault` for a purge of records that are not before it, and for a private part that is there
    all the same.
    """
    found: list[tuple[int, int]] = []
    for seq, body in db.execute(_PURGES).fetchall():
        for first, last in _named(seq, body):
            (still,) = db.execute(_STILL_THERE, (first, last)).fetchone()
            if still is not None:
                raise Fault(f"the private part of record {still} was purged, and is there", still)
            found.append((first, last))
    return _joined(found)


def _named(seq: int, body: bytes) -> list[tuple[int, int]]:
    try:
        record = json.loads(body)
        ranges = (record.get("result") or {}).get("ranges") or []
        named = [(int(first), int(last)) for first, last in ranges]
    except (ValueError, TypeError, AttributeError):
        raise Fault(f"record {seq} says of a purge what cannot be read", seq) from None
    if any(not 0 < first <= last < seq for first, last in named):
        raise Fault(f"record {seq} says that records were purged which are not before it", seq)
    return named


def _joined(ranges: list[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def uncovered(missing: Ranges, purged: Ranges) -> int | None:
    """The first number of `missing` that is not in `purged` (joined), None where all are."""
    position = 0
    for first, last in missing:
        while position < len(purged) and purged[position][1] < first:
            position += 1
        if position == len(purged) or purged[position][0] > first:
            return first
        if purged[position][1] < last:
            return purged[position][1] + 1
    return None
