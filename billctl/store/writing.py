"""Writing records and operations: what happens in an open transaction, and what stands in its way."""

import hashlib
import sqlite3
from functools import partial

from billctl.errors import Busy, InternalError, StoreError
from billctl.store import queries
from billctl.store.interface import (
    GENESIS,
    UNSETTLED,
    Guard,
    Head,
    Operation,
    OperationState,
    Seal,
    StoredRecord,
)
from billctl.store.schema import ACTIVE_SQL, UNSETTLED_SQL

OPERATION = "SELECT id, key, object, state, intent_seq, outcome_seq FROM operation"


def begin(
    db: sqlite3.Connection,
    seal: Seal,
    *,
    operation: str,
    key: str,
    object: str,
    private: str | None,
    guard: Guard | None,
) -> StoredRecord:
    """Append an intent and open its operation; see `Store.begin`."""
    if found := find(db, f"object = ? AND {UNSETTLED_SQL}", object):
        raise _in_the_way(found, f"on {object}")
    if found := find(db, f"key = ? AND {ACTIVE_SQL}", key):
        raise _in_the_way(found, "identical to this one")
    if find(db, "id = ?", operation):
        raise InternalError(f"the operation id {operation} is already used")
    if guard:
        guard(partial(queries.recent, db))
    record = append(db, seal, private)
    db.execute(
        "INSERT INTO operation (id, key, object, state, intent_seq) VALUES (?, ?, ?, ?, ?)",
        (operation, key, object, OperationState.OPEN.value, record.seq),
    )
    return record


def finish(
    db: sqlite3.Connection, seal: Seal, *, operation: str, state: OperationState, private: str | None
) -> StoredRecord:
    """Append an outcome and set its operation's state; see `Store.finish`."""
    found = find(db, "id = ?", operation)
    if found is None:
        raise StoreError(f"there is no operation {operation}", code="operation_missing")
    if found.state not in UNSETTLED:
        raise StoreError(f"operation {operation} is already settled: {found.state}", code="operation_settled")
    record = append(db, seal, private)
    db.execute(
        "UPDATE operation SET state = ?, outcome_seq = ? WHERE id = ?", (state.value, record.seq, operation)
    )
    return record


def append(db: sqlite3.Connection, seal: Seal, private: str | None) -> StoredRecord:
    """Append one record, and its private part if it has one."""
    last = head(db)
    seq, body = last.seq + 1, seal(last.seq + 1, last.hash)
    digest = hashlib.sha256(body.encode("utf-8")).hexdigest()
    db.execute("INSERT INTO record (seq, hash, body) VALUES (?, ?, ?)", (seq, digest, body))
    if private is not None:
        db.execute("INSERT INTO private (seq, body) VALUES (?, ?)", (seq, private))
    return StoredRecord(seq=seq, hash=digest, body=body, private=private)


def head(db: sqlite3.Connection) -> Head:
    """The last record's number and hash."""
    row = db.execute("SELECT seq, hash FROM record ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(seq=row[0], hash=row[1]) if row else Head(seq=0, hash=GENESIS)


def find(db: sqlite3.Connection, condition: str, value: str) -> Operation | None:
    """The operation that fulfils `condition`, SQL with one mark for `value`."""
    row = db.execute(f"{OPERATION} WHERE {condition}", (queries.text(value),)).fetchone()
    return to_operation(row) if row else None


def to_operation(row: tuple[str, str, str, str, int, int | None]) -> Operation:
    """The operation in a row of `OPERATION`."""
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
