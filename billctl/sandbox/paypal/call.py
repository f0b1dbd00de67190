"""What an endpoint gets and gives: one request inside its transaction."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from billctl.sandbox.database import Objects, Record
from billctl.sandbox.paypal.errors import missing
from billctl.sandbox.paypal.fields import Check, QueryCheck

Wire = dict[str, Any]

DAYS_45 = 45 * 86_400
DAYS_30 = 30 * 86_400
HOURS_72 = 72 * 3600
"""For how long PayPal-Request-Id is kept, by the descriptions of the header in the OpenAPI files."""


T = TypeVar("T")


class Reply(NamedTuple):
    """An answer: its status, its body (None: empty), and the id of what was made."""

    status: int
    body: Wire | None = None
    made: str = ""


class Call:
    """One request: the objects of its mode, its checked body and query, the time in Unix seconds."""

    def __init__(
        self,
        objects: Objects,
        now: int,
        *,
        body: Wire,
        query: Wire,
        settings: Mapping[str, int],
        ids: tuple[str, ...],
        base: str,
        whole: bool,
    ) -> None:
        self.objects = objects
        self.now = now
        self.body = body
        self.query = query
        self.settings = settings
        self.ids = ids
        self.base = base
        self.whole = whole
        """Whether the client asked for `return=representation`."""

    @property
    def id(self) -> str:
        """The first id in the path."""
        return self.ids[0]

    def find(self, kind: str, field: str, key: str | None = None) -> Record:
        """The object of this kind that the path names as `field`, or PayPal's 404."""
        record = self.objects.get(key or self.id)
        if record is None or record["object"] != kind:
            raise missing(field, key or self.id)
        return record

    def new_id(self, letter: str) -> str:
        """A 17-character id that was never used in this state."""
        return f"SBX{letter}{self.objects.serial():013}"

    def save(self, record: Record, **changes: Any) -> Record:
        """Change a record and store it."""
        record |= {**changes, "updated": self.now}
        return self.objects.save(record)

    def link(self, path: str, rel: str = "self", method: str = "GET") -> Wire:
        """A link as PayPal's answers carry them; here it leads back to the sandbox."""
        return {"href": f"{self.base}{quote(path, safe='/?&=')}", "rel": rel, "method": method}


Query = Mapping[str, QueryCheck | tuple[QueryCheck, Any]]
NO_QUERY: Query = {}


class Endpoint(NamedTuple):
    """A row of an API's table. `path` has `{…}` where an id stands.

    `body` is None where the operation takes none. `query` maps a parameter to its check, and to its
    default where it has one. `kept` is for how many seconds a PayPal-Request-Id is remembered (0: the
    operation ignores it); `again` then answers a repetition from the id of what was made.
    """

    method: str
    path: str
    run: Callable[[Call], Reply]
    body: Check | None = None
    query: Query = NO_QUERY
    required: str = ""
    kept: int = 0
    again: Callable[[Call, str], Reply] | None = None


Shape = Callable[[Call, Record], Wire]


def retrieve(kind: str, field: str, shape: Shape) -> Callable[[Call], Reply]:
    """The endpoint that gives the object the path names."""
    return lambda call: Reply(200, shape(call, call.find(kind, field)))


def made(call: Call, record: Record, shape: Shape, status: int = 201) -> Reply:
    """The answer to a change: all of the object when asked for, else its id, status and links."""
    full = shape(call, record)
    body = full if call.whole else {name: full[name] for name in ("id", "status", "links")}
    return Reply(status, body, record["id"])


def paged(call: Call, records: list[T]) -> list[T]:
    """One page, by `page` (from 1) and `page_size`."""
    size = call.query["page_size"]
    start = (call.query["page"] - 1) * size
    return records[start : start + size]


def pages(call: Call, total: int) -> int:
    """How many pages so many items fill."""
    size: int = call.query["page_size"]
    return -(-total // size)
