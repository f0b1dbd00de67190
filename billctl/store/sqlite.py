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

from billctl.errors import Busy, InternalError, StoreError, UsageError
from billctl.store import files
from billctl.store.connection import OLDEST_SQLITE, connect, ready, transaction, translated
from billctl.store.interface import (
    GENESIS,
    UNSETTLED,
    Guard,
    Head,
    Operation,
    OperationState,
    RecordFilter,
    Seal,
    StoredRecord,
)
from billctl.store.locks import ObjectLocks
from billctl.store.schema import ACTIVE_SQL, UNSETTLED_SQL, instant

_RECORD = "SELECT seq, hash, body FROM record"
_OPERATION = "SELECT id, key, object, state, intent_seq, outcome_seq FROM operation"
_INTENTS = (
    "SELECT record.seq, record.hash, record.body, record.time FROM operation"
    " JOIN record ON record.seq = operation.intent_seq"
)
_SELECTIVE = ("operation", "customer", "object_id")
_COLUMNS = (*_SELECTIVE, "action", "outcome", "account")
_LAST_OF_ITS_OPERATION = (
    "(operation IS NULL OR NOT EXISTS (SELECT 1 FROM record AS later"
    " WHERE later.operation = record.operation AND later.seq > record.seq))"
)


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
        del private
        with self._writing() as db:
            return _append(db, seal)

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
        del private
        with self._writing() as db:
            if found := _operation(db, f"object = ? AND {UNSETTLED_SQL}", object):
                raise _in_the_way(found, f"on {object}")
            if found := _operation(db, f"key = ? AND {ACTIVE_SQL}", key):
                raise _in_the_way(found, "identical to this one")
            if _operation(db, "id = ?", operation):
                raise InternalError(f"the operation id {operation} is already used")
            if guard:
                guard(partial(_recent, db))
            record = _append(db, seal)
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
        del private
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
            record = _append(db, seal)
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

    def head(self) -> Head:
        """The last record's number and hash."""
        with self._open() as db:
            return _head(db)

    def record(self, seq: int) -> StoredRecord | None:
        """One record, if there is one with this number."""
        with self._open() as db:
            row = db.execute(f"{_RECORD} WHERE seq = ?", (seq,)).fetchone()
            return _to_record(row) if row else None

    def records(
        self, where: RecordFilter, *, newest_first: bool = False, limit: int | None = None
    ) -> Iterator[StoredRecord]:
        """Records that pass the filter, streamed from one snapshot."""
        return self._stream(*_query(where, newest_first=newest_first, limit=limit))

    def latest(self, where: RecordFilter, *, limit: int | None = None) -> Iterator[StoredRecord]:
        """Newest first, of each operation only its last record, where that record passes the filter."""
        return self._stream(*_query(where, newest_first=True, limit=limit, extra=_LAST_OF_ITS_OPERATION))

    def _stream(self, sql: str, values: dict[str, Any]) -> Iterator[StoredRecord]:
        self._check_open()
        return self._rows(sql, values)

    def _rows(self, sql: str, values: dict[str, Any]) -> Iterator[StoredRecord]:
        # Its own connection: a reader that stops half-way must not hold up the writer or other threads.
        with translated(self.path):
            db = connect(self.path, readonly=True)
            try:
                for row in db.execute(sql, values):
                    yield _to_record(row)
            finally:
                db.close()

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


def _append(db: sqlite3.Connection, seal: Seal) -> StoredRecord:
    head = _head(db)
    body = seal(head.seq + 1, head.hash)
    record = StoredRecord(seq=head.seq + 1, hash=hashlib.sha256(body.encode("utf-8")).hexdigest(), body=body)
    db.execute("INSERT INTO record (seq, hash, body) VALUES (?, ?, ?)", (record.seq, record.hash, body))
    return record


def _head(db: sqlite3.Connection) -> Head:
    row = db.execute("SELECT seq, hash FROM record ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(seq=row[0], hash=row[1]) if row else Head(seq=0, hash=GENESIS)


def _recent(db: sqlite3.Connection, since: datetime) -> Iterator[StoredRecord]:
    """Intents since then whose operation is unsettled or done, newest first.

    Read from the newest operation back: it ends at the first intent that is older.
    """
    begin = instant(since)
    rows = db.execute(f"{_INTENTS} WHERE {ACTIVE_SQL} ORDER BY intent_seq DESC")
    for seq, digest, body, time in rows:
        if time < begin:
            return
        yield StoredRecord(seq=seq, hash=digest, body=body)


def _operation(db: sqlite3.Connection, condition: str, value: str) -> Operation | None:
    row = db.execute(f"{_OPERATION} WHERE {condition}", (_text(value),)).fetchone()
    return _to_operation(row) if row else None


def _to_operation(row: tuple[str, str, str, str, int, int | None]) -> Operation:
    return Operation(
        id=row[0], key=row[1], object=row[2], state=OperationState(row[3]), intent=row[4], outcome=row[5]
    )


def _to_record(row: tuple[int, str, str]) -> StoredRecord:
    return StoredRecord(seq=row[0], hash=row[1], body=row[2])


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


def _query(
    where: RecordFilter, *, newest_first: bool, limit: int | None, extra: str | None = None
) -> tuple[str, dict[str, Any]]:
    """The statement and its values; which index it reads is decided here, not by guesses about the data."""
    values: dict[str, Any] = {name: getattr(where, name) for name in _COLUMNS}
    values["operator"] = where.operator
    conditions = [f"{name} = :{name}" for name in _COLUMNS if values[name] is not None]
    if where.operator is not None:
        conditions.append("(login = :operator OR claimed = :operator)")
    for name, sign, moment in (("since", ">=", where.since), ("until", "<", where.until)):
        if moment is not None:
            conditions.append(f"time {sign} :{name}")
            values[name] = instant(moment)
    index = ""
    if conditions and all(values[name] is None for name in _SELECTIVE):
        # Without figures about the data SQLite would read whole records to find the few that match.
        index = " INDEXED BY record_filter"
        conditions.append("seq > 0")
    conditions += [extra] if extra else []
    sql = f"{_RECORD}{index}"
    if conditions:
        sql += " WHERE " + " AND ".join(conditions)
    sql += f" ORDER BY seq {'DESC' if newest_first else 'ASC'} LIMIT :limit"
    values["limit"] = -1 if limit is None else limit
    return sql, {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> Any:
    """`value` as SQLite can compare it. Raises `UsageError` for text that is not valid Unicode."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise UsageError(f"{value!r} is not valid text", code="bad_text") from None
    return value
