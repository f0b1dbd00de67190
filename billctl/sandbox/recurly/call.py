"""What an endpoint gets and gives: one request inside its transaction."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from billctl.sandbox.database import Objects, Record
from billctl.sandbox.recurly.errors import missing
from billctl.sandbox.recurly.fields import Check

Wire = dict[str, Any]

NAMES = {"account": "code", "invoice": "number"}
"""Kind → what the merchant names it by, besides its id."""

UUIDS = frozenset({"transaction", "subscription", "credit_payment"})
"""Kinds that a path may name by their uuid."""


class Reply(NamedTuple):
    """An answer: JSON, or (`body` is bytes) a document."""

    status: int
    body: Wire | bytes


class Page(NamedTuple):
    """A list's answer: one page, the path of the next (None: this is the last), and how many there are."""

    data: list[Wire]
    next: str | None
    total: Callable[[], int]


class Call:
    """One request: the objects of its site, its checked body and query, the time in Unix seconds."""

    def __init__(
        self,
        objects: Objects,
        now: int,
        *,
        body: Wire,
        query: Wire,
        given_query: Mapping[str, str],
        settings: Mapping[str, int],
        path: str,
        ids: tuple[str, ...],
    ) -> None:
        self.objects = objects
        self.now = now
        self.body = body
        self.query = query
        self.given_query = given_query
        """The query as sent, for the path of the next page."""
        self.settings = settings
        self.path = path
        self.ids = ids
        self._owners: dict[str, Record] = {}

    @property
    def id(self) -> str:
        """The first id in the path."""
        return self.ids[0]

    def find(self, kind: str, key: str | None = None) -> Record:
        """The object of this kind that the path names, by whatever it may be named, or Recurly's 404."""
        named = self.id if key is None else key
        field, found = "id", self.objects.get(named)
        if kind in NAMES and named.startswith(f"{NAMES[kind]}-"):
            field = NAMES[kind]
            found = self.objects.get(found["of"]) if found else None
        elif kind in UUIDS and named.startswith("uuid-"):
            field, found = "uuid", self.objects.get(id_of(named.removeprefix("uuid-")))
        if found is None or found["object"] != kind:
            raise missing(kind.replace("_", " ").title(), field, named.removeprefix(f"{field}-"))
        return found

    def owner(self, key: str) -> Record:
        """The account that an object belongs to, read once in a request: nothing here changes an account."""
        if key not in self._owners:
            self._owners[key] = self.objects.get(key) or {"id": key}
        return self._owners[key]

    def new_id(self, letters: str) -> str:
        """An id of 12 lower-case letters and digits that was never used in this state."""
        return f"sbx{letters}{self.objects.serial():0{9 - len(letters)}}"

    def add(self, kind: str, letters: str, **fields: Any) -> Record:
        """Store a new object, made now."""
        return self.objects.add(
            {
                "id": self.new_id(letters),
                "object": kind,
                "created": self.now,
                "updated": self.now,
                **fields,
            }
        )

    def save(self, record: Record, **changes: Any) -> Record:
        """Change a record and store it."""
        record |= {**changes, "updated": self.now}
        return self.objects.save(record)


def uuid_of(key: str) -> str:
    """The uuid of the object with this id: 32 hexadecimal digits from which the id can be read again."""
    return key.encode().hex().ljust(32, "0")


def id_of(uuid: str) -> str:
    """The id of the object with this uuid; empty where it is none of ours."""
    try:
        return bytes.fromhex(uuid).rstrip(b"\0").decode()
    except ValueError:
        return ""


def alias(kind: str, name: str, record: Record) -> Record:
    """The entry under which an object is found by its code or number."""
    return {
        "id": f"{NAMES[kind]}-{name}",
        "object": "alias",
        "created": record["created"],
        "of": record["id"],
    }


NO_QUERY: Mapping[str, Check] = {}


class Endpoint(NamedTuple):
    """A row of a resource's table: `path` has `{…}` where an id stands, `body` is None where it has none."""

    method: str
    path: str
    run: Callable[[Call], Reply | Page]
    body: Check | None = None
    query: Mapping[str, Check] = NO_QUERY


Shape = Callable[[Call, Record], Wire]


def retrieve(kind: str, shape: Shape) -> Callable[[Call], Reply]:
    """The endpoint that gives the object the path names."""
    return lambda call: Reply(200, shape(call, call.find(kind)))
