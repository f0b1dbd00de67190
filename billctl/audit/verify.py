"""Proving the log from its bytes: a second reading of the format, apart from the code that writes it.

Everything is derived anew: the numbers without a gap, each record's SHA-256 over its stored bytes, the
predecessor's hash and the number at their fixed places in the text, each private part against the hash
that its record names, what the operation table says against the records, tables and triggers against the
migrations. A private part that is gone must have been purged, by a record of the chain that names it.
Long logs are proved in ranges by several processes; memory does not grow with the log.

What a bare chain cannot show: records cut off at the end, or a log rewritten from some record on with
new hashes. Both need a head (number and hash) kept elsewhere to compare with `Verdict.head`.
"""

import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from billctl.audit.proof import Fault, Proof
from billctl.audit.purged import purged_ranges, uncovered
from billctl.frozen import frozen, replace
from billctl.store.connection import check_version, connect, translated
from billctl.store.files import check_existing
from billctl.store.interface import GENESIS, Head, Ranges
from billctl.store.schema import MIGRATIONS, PRIVATE_SINCE

WORTH_A_PROCESS = 50_000
"""Records below which another process costs more than it saves."""

MOST_PROCESSES = 4
EMPTY = Head(seq=0, hash=GENESIS)


@frozen
class Verdict:
    """What a verification found.

    `records` counts those proved before the first fault, `head` is the last of them. `broken` is the
    number of the first record that is wrong, None when the fault is in no record; `why` says what is
    wrong, None when nothing is.
    """

    records: int
    head: Head
    broken: int | None = None
    why: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything was proved."""
        return self.why is None


@frozen
class _Part:
    """What was found in one range of records."""

    head: Head
    opened: int = 0
    closed: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    broken: int | None = None
    why: str | None = None


def verify(log: Path | sqlite3.Connection, *, integrity: bool = False) -> Verdict:
    """Prove the log in the file `log`, or behind an open connection to one that has no transaction.

    `integrity` also lets SQLite check its own pages and indexes (slower). A log that is wrong gives a
    `Verdict` saying where; `StoreError` is for what cannot be read as a log at all.
    """
    if isinstance(log, sqlite3.Connection):
        return _verify(log, None, integrity=integrity)
    check_existing(log)
    with translated(log), contextlib.closing(connect(log, readonly=True)) as db:
        check_version(db, log)
        return _verify(db, log, integrity=integrity)


def _verify(db: sqlite3.Connection, path: Path | None, *, integrity: bool) -> Verdict:
    text_factory = db.text_factory
    db.text_factory = bytes
    db.execute("BEGIN")  # one snapshot, whatever is appended meanwhile
    try:
        unguarded = _check_schema(db)
        first, last = db.execute("SELECT min(seq), max(seq) FROM record NOT INDEXED").fetchone()
        if first is not None and first < 1:
            raise Fault("a record stands before the first", first)
        counted = db.execute("SELECT count(*), count(outcome_seq) FROM operation NOT INDEXED").fetchone()
        _check_strays(db, last or 0)
        parts = _parts(db, path, last or 0)
        verdict = _judge(db, parts, counted)
        if not verdict.ok and len(parts) > 1 and any(part.missing for part in parts):
            # Other processes see what was purged after this one looked: one look at everything decides.
            verdict = _judge(db, _parts(db, None, last or 0), counted)
        if integrity and verdict.ok:
            _check_integrity(db)
        return replace(verdict, why=unguarded) if verdict.ok and unguarded else verdict
    except Fault as fault:
        return Verdict(records=0, head=EMPTY, broken=fault.seq, why=fault.why)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_CORRUPT"):
            return Verdict(records=0, head=EMPTY, why="the file's pages are damaged")
        raise
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
        db.text_factory = text_factory


def _judge(db: sqlite3.Connection, parts: Iterable[_Part], counted: tuple[int, int]) -> Verdict:
    """The first fault of the parts in their order, else whether they account for all that there is."""
    head, opened, closed = EMPTY, 0, 0
    missing: Ranges = ()
    for part in parts:
        head = part.head
        if part.why:
            return Verdict(records=head.seq, head=head, broken=part.broken, why=part.why)
        missing += part.missing
        opened += part.opened
        closed += part.closed
    if (opened, closed) != counted:
        why = "the operation table names records that are not there"
        return Verdict(records=head.seq, head=head, why=why)
    try:
        _check_missing(db, missing)
    except Fault as fault:
        return Verdict(records=head.seq, head=head, broken=fault.seq, why=fault.why)
    return Verdict(records=head.seq, head=head)


def _check_missing(db: sqlite3.Connection, missing: Ranges) -> None:
    purged = purged_ranges(db) if _has_private(db) else ()
    if lost := uncovered(missing, purged):
        raise Fault(f"the private part of record {lost} is missing, and no purge says so", lost)


def _parts(db: sqlite3.Connection, path: Path | None, last: int) -> list[_Part]:
    """The log in ranges, proved at the same time where that pays."""
    processes = min(MOST_PROCESSES, os.cpu_count() or 1, last // WORTH_A_PROCESS)
    if path is None or processes < 2:
        return [_prove(db, EMPTY, last)]
    bounds = [last * number // processes for number in range(1, processes)]
    rows = [db.execute("SELECT seq, hash FROM record WHERE seq = ?", (seq,)).fetchone() for seq in bounds]
    if not all(rows):  # a gap: one pass finds it
        return [_prove(db, EMPTY, last)]
    # What a range starts from is the stored hash that the range before it proves.
    starts = [EMPTY, *(Head(seq=seq, hash=hashed.decode(errors="replace")) for seq, hashed in rows)]
    ends = [*(start.seq for start in starts[1:]), last]
    return _prove_together(path, starts, ends)


def _prove_together(path: Path, starts: list[Head], ends: list[int]) -> list[_Part]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Spawned, not forked: a SQLite connection must not be carried into a child.
    with ProcessPoolExecutor(
        len(starts) - 1, mp_context=get_context("spawn"), initializer=_leave_interrupts_to_the_parent
    ) as pool:
        others = [pool.submit(_prove_file, path, *pair) for pair in zip(starts[1:], ends[1:], strict=True)]
        first = _prove_file(path, starts[0], ends[0])
        return [first, *(other.result() for other in others)]


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _prove_file(path: Path, start: Head, last: int) -> _Part:
    with contextlib.closing(connect(path, readonly=True)) as db:
        db.text_factory = bytes
        db.execute("BEGIN")
        return _prove(db, start, last)


def _prove(db: sqlite3.Connection, start: Head, last: int) -> _Part:
    proof = Proof(db, start)
    broken: int | None = None
    why: str | None = None
    try:
        proof.run(last)
    except Fault as fault:
        broken, why = fault.seq, fault.why
    except sqlite3.DatabaseError as error:
        if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_CORRUPT"):
            raise
        why = "the file's pages are damaged"
    return _Part(
        head=proof.head,
        opened=proof.opened,
        closed=proof.closed,
        missing=tuple(proof.missing),
        broken=broken,
        why=why,
    )


_SCHEMA = "SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name"


def _check_schema(db: sqlite3.Connection) -> str | None:
    """What is wrong with the triggers that guard the records, which can be proved without them; None where
    nothing is. Raises `Fault` for tables and indexes that are not as they were made."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    wrong = sorted(_expected_schema(version) ^ set(db.execute(_SCHEMA).fetchall()))
    if not wrong:
        return None
    kind, name, _ = wrong[0]
    why = f"the {kind.decode()} {name.decode(errors='replace')} is not as billctl made it"
    if kind != b"trigger":  # which stand behind tables and indexes in the alphabet
        raise Fault(why)
    return why


@cache
def _expected_schema(version: int) -> frozenset[tuple[bytes, bytes, bytes]]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        model.text_factory = bytes
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                model.execute(statement)
        return frozenset(model.execute(_SCHEMA).fetchall())


def _has_private(db: sqlite3.Connection) -> bool:
    return bool(db.execute("PRAGMA user_version").fetchone()[0] >= PRIVATE_SINCE)


def _check_strays(db: sqlite3.Connection, last: int) -> None:
    if not _has_private(db):
        return
    first_private, last_private = db.execute("SELECT min(seq), max(seq) FROM private").fetchone()
    if first_private is not None and (first_private < 1 or last_private > last):
        raise Fault("a private part stands there without its record")


def _check_integrity(db: sqlite3.Connection) -> None:
    (answer,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if answer != b"ok":
        raise Fault(f"SQLite finds the file damaged: {answer.decode(errors='replace')}")
