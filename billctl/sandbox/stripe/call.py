"""What an endpoint gets and gives: one request inside its transaction."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from billctl.sandbox.database import Objects, Record
from billctl.sandbox.stripe.errors import ApiError
from billctl.sandbox.stripe.params import EXPAND, Check

NOUNS = {
    "payment_method": "PaymentMethod",
    "invoice_payment": "invoice_payment",
}
"""Stripe's word for a kind in `No such …`, where it is not the kind itself."""

SHORT = frozenset({"cus", "prod", "si"})
"""Prefixes of ids with 14 characters; the others have 24."""


class Page(NamedTuple):
    """A list's answer: `records` of this page, in order; `next_page` is only for Search."""

    records: list[Record]
    has_more: bool
    next_page: str | None = None
    search: bool = False


Result = Record | Page


class Call:
    """One request: the objects of its mode, its checked parameters, the time in Unix seconds, and the
    events it makes."""

    def __init__(
        self,
        objects: Objects,
        now: int,
        params: dict[str, Any],
        settings: Mapping[str, int],
        *,
        path: str,
        path_id: str,
    ) -> None:
        self.objects = objects
        self.now = now
        self.params = params
        self.settings = settings
        self.path = path
        self.path_id = path_id
        self.events: list[tuple[str, str, dict[str, Any] | None]] = []

    def find(self, kind: str, key: str, *, param: str = "id", status: int = 404) -> Record:
        """The object of this kind, or Stripe's `resource_missing`.

        404 for an object that the path or a refund names, 400 for one named by another parameter
        (recorded for lists' cursors and for customers of new objects; the rest is not verified).
        """
        record = self.objects.get(key)
        if record is not None and record["object"] == kind:
            return record
        raise self.missing(kind, key, param=param, status=status)

    def missing(self, kind: str, key: str, *, param: str = "id", status: int = 404) -> ApiError:
        """Stripe's `resource_missing`."""
        message = f"No such {NOUNS.get(kind, kind)}: '{key}'"
        if self.objects.in_other_mode(key):
            mine, other = ("live", "test") if self.objects.live else ("test", "live")
            message += (
                f"; a similar object exists in {other} mode, but a {mine} mode key was used to make this"
            )
            message += " request."
        return ApiError(status, message, param=param, code="resource_missing")

    def customer(self, *, param: str = "customer", required: bool = False) -> Record | None:
        """The customer a parameter names, which must not be deleted."""
        key = self.params.get("customer")
        if key is None and not required:
            return None
        record = self.find("customer", key or "", param=param, status=400)
        if record.get("deleted"):
            raise self.missing("customer", record["id"], param=param, status=400)
        return record

    def new_id(self, prefix: str) -> str:
        """An id that was never used in this state."""
        return self.objects.new_id(prefix, 14 if prefix in SHORT else 24)

    def event(self, kind: str, record: Record, previous: dict[str, Any] | None = None) -> None:
        """Note that something happened; the event shows the object as it is when the request ends."""
        self.events.append((kind, record["id"], previous))


class Endpoint(NamedTuple):
    """A row of a resource's table. `path` has `{id}` where an id stands."""

    method: str
    path: str
    run: Callable[[Call], Result]
    params: Mapping[str, Check] = EXPAND
    required: str = ""


def retrieve(kind: str, param: str = "id") -> Callable[[Call], Record]:
    """The endpoint that gives the object the path names."""
    return lambda call: call.find(kind, call.path_id, param=param)
