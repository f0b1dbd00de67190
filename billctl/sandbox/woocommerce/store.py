"""One mode's objects, by kind and id.

WordPress counts orders, refunds, products and subscriptions in one sequence, users and comments in others;
the database here wants one id per object, so the kind is part of the stored one. Numbers given to new objects
rise with the order of writing, as auto-increment does.
"""

from collections.abc import Iterable
from typing import Any

from billctl.sandbox.database import Database, Objects, Record

FIRST_NEW = 7000
"""Above every id of the rehearsal shop."""


class Store:
    """Reads and writes records through an open transaction."""

    def __init__(self, database: Database, *, live: bool) -> None:
        self._objects = Objects(database, live=live)
        self.live = live

    def get(self, kind: str, key: str) -> Record | None:
        """The record of this kind with this id."""
        found = self._objects.get(f"{kind}/{key}")
        return _bare(found) if found else None

    def add(self, record: Record) -> Record:
        """Store a new record."""
        self._objects.add(_stored(record))
        return record

    def save(self, record: Record) -> Record:
        """Replace a record's stored form."""
        self._objects.save(_stored(record))
        return record

    def remove(self, record: Record) -> None:
        """Forget a record."""
        self._objects.remove(_stored(record)["id"])

    def all(self, kind: str, **links: str) -> list[Record]:
        """The records of a kind whose columns equal `links`, newest first."""
        return [_bare(record) for record in self._objects.select(kind, links)]

    def new_id(self) -> str:
        """A number that no object has. Call inside a write transaction."""
        return str(FIRST_NEW + self._objects.serial())


def fill(database: Database, records: Iterable[Record], *, live: bool) -> None:
    """Store many new records, in order. Call inside a write transaction."""
    database.insert(live, map(_stored, records))


def _stored(record: Record) -> Record:
    return {**record, "id": f"{record['object']}/{record['id']}"}


def _bare(record: dict[str, Any]) -> Record:
    record["id"] = record["id"].partition("/")[2]
    return record
