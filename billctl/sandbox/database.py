"""The rehearsal gateways' state: one SQLite file per gateway, shared by concurrent commands.

It holds the objects as compact JSON records, the idempotency keys, the armed faults and the settings.
Every request is one transaction, so a killed process leaves either all of it or nothing. Power loss is
not guarded against (`synchronous=OFF`): this is a rehearsal, and it can be reset.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Clock = Callable[[], datetime]

LINKS = ("customer", "charge", "payment_intent", "invoice", "subscription", "status", "email", "due")
"""Fields of a record that are columns, so that lists by them need no scan; `due` is when a record next
changes by itself (Unix seconds)."""

SETTINGS = {
    "search_lag": 0,
    "settle_after": 60,
    "reporting_lag": 10_800,
    "resultset_cap": 10_000,
    "token_life": 32_400,
    "woo_version": 100_002,
    "woo_subscriptions": 1,
    "woo_decimals": 2,
    "woo_https": 1,
    "woo_permalinks": 1,
    "woo_window_ms": 0,
    "woo_gateway_ms": 0,
    "woo_mail_down": 0,
}
BUSY_SECONDS = 30
VERSION = 3

SCHEMA = f"""
CREATE TABLE objects (
  seq INTEGER PRIMARY KEY, live INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
  created INTEGER NOT NULL, {", ".join(f"{name}" for name in LINKS)}, body TEXT NOT NULL);
CREATE UNIQUE INDEX objects_id ON objects(live, id);
CREATE INDEX objects_kind ON objects(live, kind, created, seq);
{"".join(f"CREATE INDEX objects_{n} ON objects({n}) WHERE {n} IS NOT NULL;" for n in LINKS if n != "status")}
CREATE TABLE keys (
  live INTEGER NOT NULL, key TEXT NOT NULL, endpoint TEXT NOT NULL, params TEXT NOT NULL,
  created INTEGER NOT NULL, owner INTEGER, request TEXT NOT NULL, status INTEGER, body TEXT,
  PRIMARY KEY (live, key));
CREATE TABLE faults (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, match TEXT NOT NULL, remaining INTEGER NOT NULL,
  seconds REAL, status INTEGER, code TEXT, retry_after INTEGER);
CREATE TABLE settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""

INSERT = (
    f"INSERT INTO objects(live, id, kind, created, {', '.join(LINKS)}, body) "
    f"VALUES({', '.join('?' * (5 + len(LINKS)))})"
)
UPDATE = f"UPDATE objects SET {', '.join(f'{n}=?' for n in LINKS)}, body=? WHERE live=? AND id=?"  # noqa: S608


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class Database:
    """One connection to a gateway's state. Not shared between threads."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)
        self.execute = self._connection.execute

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[None]:
        """All or nothing; other writers wait. An exception rolls back and passes on."""
        self.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def settings(self) -> dict[str, int]:
        """Every setting's value."""
        return SETTINGS | dict(self.execute("SELECT name, value FROM settings"))

    def insert(self, live: bool, records: Iterable[Record]) -> None:
        """Add records in order. Call inside a write transaction."""
        self._connection.executemany(
            INSERT, ((live, r["id"], r["object"], r["created"], *_links(r), _dump(r)) for r in records)
        )

    def close(self) -> None:
        """Release the file."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=256)
    try:
        connection.execute("PRAGMA synchronous=OFF")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _links(record: Record) -> Iterator[Any]:
    return map(record.get, LINKS)


def _dump(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


class Objects:
    """One mode's objects (`live` or test) seen through an open transaction."""

    def __init__(self, database: Database, *, live: bool) -> None:
        self._db = database
        self.live = live

    def get(self, key: str) -> Record | None:
        """The record with this id."""
        row = self._db.execute("SELECT body FROM objects WHERE live=? AND id=?", (self.live, key)).fetchone()
        return json.loads(row[0]) if row else None

    def in_other_mode(self, key: str) -> bool:
        """Whether the id belongs to the other mode."""
        query = "SELECT 1 FROM objects WHERE live=? AND id=?"
        return self._db.execute(query, (not self.live, key)).fetchone() is not None

    def add(self, record: Record) -> Record:
        """Store a new record."""
        self._db.insert(self.live, (record,))
        return record

    def save(self, record: Record) -> Record:
        """Replace a record's stored form."""
        self._db.execute(UPDATE, (*_links(record), _dump(record), self.live, record["id"]))
        return record

    def remove(self, key: str) -> None:
        """Forget the record with this id."""
        self._db.execute("DELETE FROM objects WHERE live=? AND id=?", (self.live, key))

    def new_id(self, prefix: str, length: int) -> str:
        """The next unused id: `prefix_Sbx…`, with `length` characters after the underscore."""
        return f"{prefix}_Sbx{self.serial():0{length - 3}}"

    def serial(self) -> int:
        """A number that no object of this state was named by. Call inside a write transaction."""
        row = self._db.execute(
            "INSERT INTO settings VALUES('serial', 1) ON CONFLICT DO UPDATE SET value=value+1 RETURNING value"
        ).fetchone()
        return int(row[0])

    def position(self, key: str, kind: str) -> tuple[int, int] | None:
        """Where a record stands in its kind's order: (created, sequence)."""
        query = "SELECT created, seq FROM objects WHERE live=? AND id=? AND kind=?"
        row = self._db.execute(query, (self.live, key, kind)).fetchone()
        return (row[0], row[1]) if row else None

    def select(
        self,
        kind: str,
        where: Mapping[str, Any],
        *,
        conditions: str = "",
        values: tuple[Any, ...] = (),
        oldest_first: bool = False,
        limit: int = -1,
    ) -> list[Record]:
        """Records of `kind` whose links equal `where`, newest first, `limit` of them (-1: all).

        `conditions` is SQL over `created` and `seq`, beginning with AND, with `values` for its marks.
        """
        links = "".join(f" AND {name}=?" for name in where)
        order = "ASC" if oldest_first else "DESC"
        query = (
            f"SELECT body FROM objects WHERE live=? AND kind=?{links}{conditions} "  # noqa: S608 names only
            f"ORDER BY created {order}, seq {order} LIMIT ?"
        )
        rows = self._db.execute(query, (self.live, kind, *where.values(), *values, limit))
        return [json.loads(body) for (body,) in rows]

    def linked(self, kind: str, link: str, key: str, *, status: str | None = None) -> list[Record]:
        """Records of `kind` whose `link` is `key`, oldest first, by the link's own index: few among many.

        `status` leaves out those that have another.
        """
        narrowed, values = ("", ()) if status is None else (" AND status=?", (status,))
        query = (
            f"SELECT body FROM objects INDEXED BY objects_{link} "  # noqa: S608 names only
            f"WHERE live=? AND kind=? AND {link}=?{narrowed} ORDER BY created, seq"
        )
        return [json.loads(body) for (body,) in self._db.execute(query, (self.live, kind, key, *values))]

    def due(self, now: int) -> list[Record]:
        """Records whose time to change has come."""
        rows = self._db.execute("SELECT body FROM objects WHERE due<=? AND live=?", (now, self.live))
        return [json.loads(body) for (body,) in rows]
