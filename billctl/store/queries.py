"""Reading records: from a filter to the statement that finds them, and from a row to a record."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from billctl.errors import UsageError
from billctl.frozen import fields
from billctl.store.interface import RecordFilter, StoredRecord
from billctl.store.schema import ACTIVE_SQL, instant

_COLUMNS = "record.seq, record.hash, record.body"
_PRIVATE = "(SELECT private.body FROM private WHERE private.seq = record.seq)"
_RECENT = " ".join(
    (
        *("SELECT", _COLUMNS, ",", _PRIVATE, ", record.time"),
        "FROM operation JOIN record ON record.seq = operation.intent_seq",
        *("WHERE", ACTIVE_SQL, "ORDER BY intent_seq DESC"),
    )
)
_OBJECTS = " ".join(
    (
        # All but the object stands in the index: no record's text is read.
        "SELECT operation.object, record.action, record.time",
        "FROM operation JOIN record INDEXED BY record_filter ON record.seq = operation.intent_seq",
        "WHERE operation.state = 'done' ORDER BY intent_seq DESC",
    )
)
MISDATED = 1000
"""How many intents a clock that was behind may have dated before those that follow them in time."""

_EQUAL = ("operation", "object_id", "action", "outcome", "account")
_SELECTIVE = ("operation", "customer", "object_id", "first", "last")
"""Filters by an index that finds few records, or a range of them; all others read `record_filter`."""

_CONDITIONS = {name: f"{name} = :{name}" for name in _EQUAL} | {
    "operator": "(login = :operator OR claimed = :operator)",
    "first": "seq >= :first",
    "last": "seq <= :last",
    "since": "time >= :since",
    "until": "time < :until",
}
_CUSTOMER_ANYWHERE = (
    "seq IN (SELECT seq FROM record WHERE customer = :customer"
    " UNION ALL SELECT seq FROM private WHERE customer = :customer)"
)
"""A record of format 1 says the customer itself, a later one in its private part."""

_LAST_OF_ITS_OPERATION = (
    "(operation IS NULL OR NOT EXISTS (SELECT 1 FROM record AS later"
    " WHERE later.operation = record.operation AND later.seq > record.seq))"
)


def query(
    where: RecordFilter,
    *,
    private: bool,
    newest_first: bool = False,
    limit: int | None = None,
    last_of_operation: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The statement and its values; which index it reads is decided here, not by guesses about the data.

    `private` says whether the store has private parts; one that an older billctl wrote has none.
    Raises `UsageError` for text that is not valid Unicode, `ValueError` for a time without zone.
    """
    values = {name: value for name, value in fields(where).items() if value is not None}
    conditions = [_CONDITIONS[name] for name in values if name != "customer"]
    if "customer" in values:
        conditions.append(_CUSTOMER_ANYWHERE if private else "customer = :customer")
    index = ""
    if conditions and not any(name in values for name in _SELECTIVE):
        # Without figures about the data SQLite would read whole records to find the few that match.
        index = "INDEXED BY record_filter"
        conditions.append("seq > 0")
    if last_of_operation:
        conditions.append(_LAST_OF_ITS_OPERATION)
    parts = ["SELECT", _COLUMNS, ",", _PRIVATE if private else "NULL", "FROM record", index]
    parts += ["WHERE", " AND ".join(conditions)] if conditions else []
    parts += ["ORDER BY seq", "DESC" if newest_first else "ASC", "LIMIT :limit"]
    values["limit"] = -1 if limit is None else limit
    return " ".join(parts), {name: text(value) for name, value in values.items()}


def to_record(row: tuple[int, str, str, str | None]) -> StoredRecord:
    """The record in a row of `query`."""
    return StoredRecord(seq=row[0], hash=row[1], body=row[2], private=row[3])


def recent(db: sqlite3.Connection, since: datetime) -> Iterator[StoredRecord]:
    """Intents since then whose operation is unsettled or done, newest first.

    Read from the newest operation back, to the last of `MISDATED` older ones in a row: a few that were
    recorded under a clock that was wrong hide none.
    """
    for seq, digest, body, private, _ in _since(db.execute(_RECENT), since):
        yield to_record((seq, digest, body, private))


def acted_on(db: sqlite3.Connection, action: str, since: datetime) -> Iterator[str]:
    """The objects of the operations of `action` that were begun since then and are done; see `recent`."""
    for name, acted, _ in _since(db.execute(_OBJECTS), since):
        if acted == action:
            yield name


def _since(rows: Iterable[tuple[Any, ...]], since: datetime) -> Iterator[tuple[Any, ...]]:
    """The rows whose last column is an instant since then, as far as `MISDATED` older ones in a row."""
    begin = instant(since)
    older = 0
    for row in rows:
        older = older + 1 if row[-1] < begin else 0
        if older == MISDATED:
            return
        if not older:
            yield row


def text(value: Any) -> Any:
    """`value` as SQLite can compare it. Raises `UsageError` for text that is not valid Unicode."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise UsageError(f"{value!r} is not valid text", code="bad_text") from None
    return value
