"""What an endpoint gets and gives: one request inside its transaction."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from billctl.sandbox.braintree.errors import Status
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.database import Record


class Tree(NamedTuple):
    """An answer that is no stored object: its root and what is in it."""

    tag: str
    value: Any


class Nothing(NamedTuple):
    """An answer without a body."""


Result = Record | Tree | Nothing
"""A record is rendered by its kind."""


class Call:
    """One request: the objects of its mode, what was sent, the time in Unix seconds, the settings."""

    def __init__(
        self,
        store: Store,
        now: int,
        document: Mapping[str, Any],
        settings: Mapping[str, int],
        *,
        ids: tuple[str, ...],
        query: str,
        user: str,
    ) -> None:
        self.store = store
        self.now = now
        self.document = document
        self.settings = settings
        self.ids = ids
        self.query = query
        self.user = user

    def given(self, root: str) -> dict[str, Any]:
        """The elements sent under `root`; without such a root, none."""
        return part(self.document, root)

    def find(self, kind: str, key: str | None = None) -> Record:
        """The object the path (or `key`) names. Raises Braintree's 404."""
        record = self.store.get(kind, key or self.ids[0])
        if record is None:
            raise Status(404)
        return record

    def page(self) -> int:
        """The number in `?page=`; 1 without one. Raises 404 for what is no page number."""
        text = self.query.removeprefix("page=") or "1"
        if not text.isdecimal() or int(text) < 1:
            raise Status(404)
        return int(text)

    def new_id(self, letter: str, length: int) -> str:
        """An id that was never used in this state: `letter`, then a number."""
        return f"{letter}{self.store.serial():0{length - len(letter)}}"


def part(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The elements sent under `name`; none where it is missing or is no structure."""
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def texts(given: Mapping[str, Any], names: Iterable[str] | None = None) -> dict[str, str | None]:
    """The texts among what was sent, of those `names` (None: all); what is no text counts as empty."""
    return {
        name: str(given[name]) if isinstance(given[name], (str, int)) else None
        for name in (given if names is None else names)
        if name in given
    }


def true(value: Any) -> bool:
    """Whether a value sent means yes: typed as a boolean, or as text."""
    return value in (True, "true")


class Endpoint(NamedTuple):
    """A row of a resource's table. `path` has `*` where an id stands.

    `changes` is false for what only reads; `keyed` where `api_request_key` is honoured; `rehearsal` for
    the calls that exist in Braintree's sandbox alone.
    """

    method: str
    path: str
    run: Callable[[Call], Result]
    changes: bool = True
    keyed: bool = False
    rehearsal: bool = False


def retrieve(kind: str) -> Callable[[Call], Record]:
    """The endpoint that gives the object the path names."""
    return lambda call: call.find(kind)
