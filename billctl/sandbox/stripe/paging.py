"""Stripe's cursor paging: newest first, `limit`, `starting_after`, `ending_before`, ranges of `created`."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.stripe.call import Call, Page
from billctl.sandbox.stripe.errors import invalid

OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}
LIMIT = 10


def in_span(value: int | None, span: dict[str, int] | None) -> bool:
    """Whether a time lies in a checked `span` parameter; no time lies in none but the empty one."""
    if not span:
        return True
    tests = {
        "gt": int.__gt__,
        "gte": int.__ge__,
        "lt": int.__lt__,
        "lte": int.__le__,
        "eq": int.__eq__,
    }
    return value is not None and all(tests[word](value, bound) for word, bound in span.items())


def page(call: Call, kind: str, where: dict[str, Any], *, also: str = "") -> Page:
    """One page of the objects of `kind` whose linked fields equal `where` (None: not asked).

    `also` is a further SQL condition, beginning with AND.
    """
    wanted = {name: value for name, value in where.items() if value is not None}
    conditions, values = _created(call.params.get("created"))
    cursor, backwards = _cursor(call, kind)
    if cursor:
        conditions += f" AND (created, seq) {'>' if backwards else '<'} (?, ?)"
        values += cursor
    limit = call.params.get("limit", LIMIT)
    found = call.objects.select(
        kind, wanted, conditions=conditions + also, values=values, oldest_first=backwards, limit=limit + 1
    )
    return _cut(found, limit, backwards=backwards)


def filtered(call: Call, kind: str, records: list[Record]) -> Page:
    """The page of `records` (all that match, newest first) that the cursors ask for."""
    cursor, backwards = _cursor(call, kind)
    limit = call.params.get("limit", LIMIT)
    span = call.params.get("created")
    found = [record for record in records if in_span(record["created"], span)]
    ids = [record["id"] for record in found]
    if cursor is None:
        return _cut(found[: limit + 1], limit, backwards=False)
    at = call.params["ending_before" if backwards else "starting_after"]
    place = ids.index(at) if at in ids else len(ids)
    rest = found[:place][::-1] if backwards else found[place + 1 :]
    return _cut(rest[: limit + 1], limit, backwards=backwards)


def _cut(found: list[Record], limit: int, *, backwards: bool) -> Page:
    shown = found[:limit]
    return Page(shown[::-1] if backwards else shown, len(found) > limit)


def _created(span: dict[str, int] | None) -> tuple[str, tuple[int, ...]]:
    bounds = span or {}
    conditions = "".join(f" AND created {OPERATORS[word]} ?" for word in bounds)
    return conditions, tuple(bounds.values())


def _cursor(call: Call, kind: str) -> tuple[tuple[int, int] | None, bool]:
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after and before:
        raise invalid(
            "You may specify only one of these parameters: starting_after, ending_before.",
            param="starting_after",
        )
    key = after or before
    if not key:
        return None, False
    call.find(kind, key, param="starting_after" if after else "ending_before", status=400)
    return call.objects.position(key, kind), bool(before)
