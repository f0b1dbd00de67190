"""The store in one SQLite file: WAL, `synchronous=FULL`, append-only by trigger.

A record is durable when `append`, `begin` or `finish` returns. In an open process that costs one
fdatasync, and threads that write at the same time share it (`billctl.store.group`). Python before 3.12
cannot switch off the checkpoint that SQLite makes when the last connection closes, so a short-lived process
pays about four more there; from 3.12 on the WAL file stays behind instead (about 4 MB) and belongs to the
log: copy both, or export.

Open a store after forking, never before (sqlite.org/howtocorrupt.html, 2.6).
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from billctl.errors import StoreError
from billctl.store import files, purging, queries, writing
from billctl.store.connection import OLDEST_SQLITE, connect, ready, snapshot, transaction, translated, version
from billctl.store.group import Group, Member
from billctl.store.interface import (
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

T = TypeVar("T")


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
        self._writers = Group(self._commit)
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

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in a transaction, with that of other threads which write now."""
        return self._writers.write(work)

    def _commit(self, members: Sequence[Member[Any]]) -> None:
        try:
            with self._open() as db:
                if self._readonly:
                    raise StoreError(
                        f"the audit log {self.path} is open for reading only", code="store_readonly"
                    )
                with transaction(db):
                    if len(members) == 1:
                        members[0].succeed(members[0].work(db))
                    else:
                        for member in members:
                            self._work_apart(db, member)
        except Exception as error:  # noqa: BLE001 - raised for every member
            for member in members:
                member.fail(error)

    def _work_apart(self, db: sqlite3.Connection, member: Member[Any]) -> None:
        """One member's work in the transaction of several: what is refused undoes no other's."""
        db.execute("SAVEPOINT member")
        try:
            with translated(self.path):
                member.succeed(member.work(db))
        except Exception as error:
            if not db.in_transaction:  # SQLite itself gave it up, as on a full disk: none of it is written
                raise
            db.execute("ROLLBACK TO member")
            member.fail(error)
        db.execute("RELEASE member")

    def append(self, seal: Seal, *, private: str | None = None) -> StoredRecord:
        """Append one record; durable when this returns."""
        return self._write(lambda db: writing.append(db, seal, private))

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
        return self._write(
            lambda db: writing.begin(
                db, seal, operation=operation, key=key, object=object, private=private, guard=guard
            )
        )

    def finish(
        self, seal: Seal, *, operation: str, state: OperationState, private: str | None = None
    ) -> StoredRecord:
        """Append an outcome and set its operation's state.

        Raises `StoreError` when there is no such operation or it is already settled, `ValueError` for
        the state `open`.
        """
        if state is OperationState.OPEN:
            raise ValueError("an outcome does not leave an operation open")
        return self._write(
            lambda db: writing.finish(db, seal, operation=operation, state=state, private=private)
        )

    def find_operation(self, *, key: str) -> Operation | None:
        """The unsettled or done operation with this key, if any."""
        with self._open() as db:
            return writing.find(db, f"key = ? AND {ACTIVE_SQL}", key)

    def unsettled_on(self, *, object: str) -> Operation | None:
        """The unsettled operation on this object, if any."""
        with self._open() as db:
            return writing.find(db, f"object = ? AND {UNSETTLED_SQL}", object)

    def unsettled(self) -> list[Operation]:
        """All unsettled operations, oldest first."""
        with self._open() as db:
            rows = db.execute(f"{writing.OPERATION} WHERE {UNSETTLED_SQL} ORDER BY intent_seq")
            return [writing.to_operation(row) for row in rows]

    def get_operation(self, operation: str) -> Operation | None:
        """The operation with this id, if any."""
        with self._open() as db:
            return writing.find(db, "id = ?", operation)

    def recent(self, since: datetime) -> Iterator[StoredRecord]:
        """The intents since then (aware UTC), newest first, whose operation is unsettled or done."""
        with self._open() as db:
            return iter(list(queries.recent(db, since)))

    def acted_on(self, action: str, since: datetime) -> frozenset[str]:
        """The objects of the operations of this action, begun since then (aware UTC), that are done."""
        with self._open() as db:
            return frozenset(queries.acted_on(db, action, since))

    def head(self) -> Head:
        """The last record's number and hash."""
        with self._open() as db:
            return writing.head(db)

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

        def work(db: sqlite3.Connection) -> StoredRecord:
            purging.check_nothing_open(db)
            record = writing.append(db, seal, private)
            purging.remove(db, ranges)
            return record

        return self._write(work)

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
