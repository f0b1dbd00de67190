"""The store in one SQLite file: WAL, `synchronous=FULL`, append-only by trigger.

A record is durable when `append`, `begin` or `finish` returns. In an open process that costs one
fdatasync. Python before 3.12 cannot switch off the checkpoint that SQLite makes when the last
connection closes, so a short-lived process pays about four more there; from 3.12 on the WAL file
stays behind instead (about 4 MB) and belongs to the log: copy both, or export.

Open a store after forking, never before (sqlite.org/howtocorrupt.html, 2.6).
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from billctl.errors import Busy, InternalError, StoreError
from billctl.store import files, purging, queries
from billctl.store.connection import OLDEST_SQLITE, connect, ready, snapshot, transaction, translated, version
from billctl.store.interface import (
    GENESIS,
    UNSETTLED,
    Guard,
    Head,
    Operation,
    OperationState,
    Purgeable,
    Ranges,
    RecordFilter,
    Seal,
    StoredRecord,
)
from billctl.store.locks import ObjectLocks
from billctl.store.schema import ACTIVE_SQL, PRIVATE_SINCE, UNSETTLED_SQL

_OPERATION = "SELECT id, key, object, state, intent_seq, outcome_seq FROM operation"


def open_store(path: Path, *, readonly: bool = False) -> "SqliteStore":
    """Open the store in the file `path`, which is created with its directory if missing.

    `readonly` opens what is there and changes nothing. Raises `StoreError` saying what is wrong with
    the file and what to do (code `store_missing` when `readonly` finds none), `Busy` when another
    process keeps it locked for five seconds.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old for the audit log",
            code="sqlite_too_old",
            hint="Use a Python with SQLite 3.37 or newer.",
        )
    if readonly:
        files.check_existing(path)
    else:
        files.prepare(path)
    with translated(path):
        db = connect(path, readonly=readonly)
        try:
            ready(db, path, readonly=readonly)
        except BaseException:
            db.close()
            raise
    try:
        return SqliteStore(db, path, readonly=readonly)
    except BaseException:
        db.close()
        raise


class SqliteStore:
    """An open store; see `billctl.store.interface.Store` for what each method promises."""

    def __init__(self, db: sqlite3.Connection, path: Path, *, readonly: bool) -> None:
        self.path = path
        self._db = db
        self._readonly = readonly
        self._closed = False
        self._mutex = threading.RLock()
        self._has_private = False
        self._locks = None if readonly else ObjectLocks(path.with_name(path.name + ".locks"))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone while the block runs."""
        with self._mutex, translated(self.path):
            self._check_open()
            yield self._db

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the audit log {self.path} is closed", code="store_closed")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as db:
            if self._readonly:
                raise StoreError(f"the audit log {self.path} is open for reading only", code="store_readonly")
            with transaction(db):
                yield db

    def append(self, seal: Seal, *, private: str | None = None) -> StoredRecord:
        """Append one record; durable when this returns."""
        with self._writing() as db:
            return _append(db, seal, private)

    def begin(
        self,
        seal: Seal,
        *,
        operation: str,
        key: str,
        object: str,
        private: str | None = None,
        guard: Guard | None = None,
    ) -> StoredRecord:
        """Append an intent and open its operation; `Busy` names the operation that stands in the way."""
        with self._writing() as db:
            if found := _operation(db, f"object = ? AND {UNSETTLED_SQL}", object):
                raise _in_the_way(found, f"on {object}")
            if found := _operation(db, f"key = ? AND {ACTIVE_SQL}", key):
                raise _in_the_way(found, "identical to this one")
            if _operation(db, "id = ?", operation):
                raise InternalError(f"the operation id {operation} is already used")
            if guard:
                guard(partial(queries.recent, db))
            record = _append(db, seal, private)
            db.execute(
                "INSERT INTO operation (id, key, object, state, intent_seq) VALUES (?, ?, ?, ?, ?)",
                (operation, key, object, OperationState.OPEN.value, record.seq),
            )
            return record

    def finish(
        self, seal: Seal, *, operation: str, state: OperationState, private: str | None = None
    ) -> StoredRecord:
        """Append an outcome and set its operation's state.

        Raises `StoreError` when there is no such operation or it is already settled, `ValueError` for
        the state `open`.
        """
        if state is OperationState.OPEN:
            raise ValueError("an outcome does not leave an operation open")
        with self._writing() as db:
            found = _operation(db, "id = ?", operation)
            if found is None:
                raise StoreError(f"there is no operation {operation}", code="operation_missing")
            if found.state not in UNSETTLED:
                raise StoreError(
                    f"operation {operation} is already settled: {found.state}", code="operation_settled"
                )
            record = _append(db, seal, private)
            db.execute(
                "UPDATE operation SET state = ?, outcome_seq = ? WHERE id = ?",
                (state.value, record.seq, operation),
            )
            return record

    def find_operation(self, *, key: str) -> Operation | None:
        """The unsettled or done operation with this key, if any."""
        with self._open() as db:
            return _operation(db, f"key = ? AND {ACTIVE_SQL}", key)

    def unsettled_on(self, *, object: str) -> Operation | None:
        """The unsettled operation on this object, if any."""
        with self._open() as db:
            return _operation(db, f"object = ? AND {UNSETTLED_SQL}", object)

    def unsettled(self) -> list[Operation]:
        """All unsettled operations, oldest first."""
        with self._open() as db:
            rows = db.execute(f"{_OPERATION} WHERE {UNSETTLED_SQL} ORDER BY intent_seq")
            return [_to_operation(row) for row in rows]

    def get_operation(self, operation: str) -> Operation | None:
        """The operation with this id, if any."""
        with self._open() as db:
            return _operation(db, "id = ?", operation)

    def recent(self, since: datetime) -> Iterator[StoredRecord]:
        """The intents since then (aware UTC), newest first, whose operation is unsettled or done."""
        with self._open() as db:
            return iter(list(queries.recent(db, since)))

    def acted_on(self, action: str, since: datetime) -> frozenset[str]:
        """The objects of the operations of this action, begun since then, that are unsettled or done."""
        with self._open() as db:
            return frozenset(queries.acted_on(db, action, since))

    def head(self) -> Head:
        """The last record's number and hash."""
        with self._open() as db:
            return _head(db)

    def record(self, seq: int) -> StoredRecord | None:
        """One record, if there is one with this number."""
        one = queries.query(RecordFilter(first=seq, last=seq), private=self._parted())
        with self._open() as db:
            row = db.execute(*one).fetchone()
            return queries.to_record(row) if row else None

    def records(
        self, where: RecordFilter, *, newest_first: bool = False, limit: int | None = None
    ) -> Iterator[StoredRecord]:
        """Records that pass the filter, streamed from one snapshot."""
        return self._stream(where, newest_first=newest_first, limit=limit)

    def latest(self, where: RecordFilter, *, limit: int | None = None) -> Iterator[StoredRecord]:
        """Newest first, of each operation only its last record, where that record passes the filter."""
        return self._stream(where, newest_first=True, limit=limit, last_of_operation=True)

    def _stream(self, where: RecordFilter, **how: Any) -> Iterator[StoredRecord]:
        self._check_open()
        return self._rows(*queries.query(where, private=self._parted(), **how))

    def _rows(self, sql: str, values: dict[str, Any]) -> Iterator[StoredRecord]:
        # Its own connection: a reader that stops half-way must not hold up the writer or other threads.
        with translated(self.path):
            db = connect(self.path, readonly=True)
            try:
                for row in db.execute(sql, values):
                    yield queries.to_record(row)
            finally:
                db.close()

    def purgeable(
        self, *, before: datetime, customer: str | None = None, account: str | None = None
    ) -> Purgeable:
        """What a purge would remove, and what it would leave."""
        with self._open() as db, snapshot(db):
            return purging.purgeable(db, before, customer, account)

    def purge(self, seal: Seal, *, private: str | None, ranges: Ranges) -> StoredRecord:
        """Append the record of a purge and remove the private parts of `ranges`, in one transaction."""
        with self._open() as db:
            db.execute("PRAGMA secure_delete = ON")
        with self._writing() as db:
            purging.check_nothing_open(db)
            record = _append(db, seal, private)
            purging.remove(db, ranges)
            return record

    def scrub(self) -> None:
        """Let no byte of what was purged remain in the store's files; see `billctl.store.purging`."""
        with self._open() as db:
            purging.scrub(db, self.path)

    def _parted(self) -> bool:
        """Whether there are private parts: not in an older log, until some process brings it up to date."""
        if not self._has_private:
            with self._open() as db:
                self._has_private = version(db) >= PRIVATE_SINCE
        return self._has_private

    def lock_object(self, object: str) -> AbstractContextManager[None]:
        """Hold `object` while the block runs; see `billctl.store.locks`."""
        self._check_open()
        if self._locks is None:
            raise StoreError(f"the audit log {self.path} is open for reading only", code="store_readonly")
        return self._locks.hold(object)

    def close(self) -> None:
        """Close it; closing twice is harmless."""
        with self._mutex, translated(self.path):
            if self._closed:
                return
            self._closed = True
            self._db.close()
            if self._locks:
                self._locks.close()


def _append(db: sqlite3.Connection, seal: Seal, private: str | None) -> StoredRecord:
    head = _head(db)
    seq, body = head.seq + 1, seal(head.seq + 1, head.hash)
    digest = hashlib.sha256(body.encode("utf-8")).hexdigest()
    db.execute("INSERT INTO record (seq, hash, body) VALUES (?, ?, ?)", (seq, digest, body))
    if private is not None:
        db.execute("INSERT INTO private (seq, body) VALUES (?, ?)", (seq, private))
    return StoredRecord(seq=seq, hash=digest, body=body, private=private)


def _head(db: sqlite3.Connection) -> Head:
    row = db.execute("SELECT seq, hash FROM record ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(seq=row[0], hash=row[1]) if row else Head(seq=0, hash=GENESIS)


def _operation(db: sqlite3.Connection, condition: str, value: str) -> Operation | None:
    row = db.execute(f"{_OPERATION} WHERE {condition}", (queries.text(value),)).fetchone()
    return _to_operation(row) if row else None


def _to_operation(row: tuple[str, str, str, str, int, int | None]) -> Operation:
    return Operation(
        id=row[0], key=row[1], object=row[2], state=OperationState(row[3]), intent=row[4], outcome=row[5]
    )


def _in_the_way(found: Operation, what: str) -> Busy:
    if found.state is OperationState.DONE:
        return Busy(
            f"operation {found.id}, {what}, is already done",
            code="operation_done",
            hint=f"See `billctl audit show {found.id}`; a deliberate repeat needs --again.",
        )
    return Busy(
        f"operation {found.id} {what} is not settled ({found.state})",
        code="operation_open",
        hint="Run `billctl audit reconcile`.",
    )
