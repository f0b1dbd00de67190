"""One mode's objects, by kind and id.

Braintree's kinds have ids of their own each: a customer may be called what a transaction is called. The
database wants one id per object, so the kind is part of the stored one.
"""

from collections.abc import Iterable

from billctl.sandbox.database import Database, Objects, Record


class Store:
    """Reads and writes records through an open transaction."""

    def __init__(self, database: Database, *, live: bool) -> None:
        self._objects = Objects(database, live=live)
        self.live = live

    def get(self, kind: str, key: str | None) -> Record | None:
        """The record of this kind with this id."""
        found = self._objects.get(f"{kind}/{key}") if key else None
        return _bare(found) if found else None

    def add(self, record: Record) -> Record:
        """Store a new record."""
        self._objects.add(_stored(record))
        return record

    def save(self, record: Record) -> Record:
        """Replace a record's stored form."""
        self._objects.save(_stored(record))
        return record

    def all(self, kind: str, **links: str) -> list[Record]:
        """The records of a kind whose columns equal `links`, newest first."""
        return [_bare(record) for record in self._objects.select(kind, links)]

    def due(self, now: int) -> list[Record]:
        """Records whose time to change has come."""
        return [_bare(record) for record in self._objects.due(now)]

    def serial(self) -> int:
        """A number that was never used in this state."""
        return self._objects.serial()


def fill(database: Database, records: Iterable[Record], *, live: bool) -> None:
    """Store many new records, in order. Call inside a write transaction."""
    database.insert(live, map(_stored, records))


def _stored(record: Record) -> Record:
    return {**record, "id": f"{record['object']}/{record['id']}"}


def _bare(record: Record) -> Record:
    record["id"] = record["id"].partition("/")[2]
    return record
