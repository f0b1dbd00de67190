"""Recurly's lists: newest first, 20 a page, a cursor in the path of the next page.

A cursor is `ID:TIME` of the last record shown. In the order of `updated_at` a record that changes between
two pages moves, as the OpenAPI description warns.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call, Page, Shape
from billctl.sandbox.recurly.errors import bad_request
from billctl.sandbox.recurly.fields import LIMIT

FIELDS = {"created_at": "created", "updated_at": "updated"}
FEW = frozenset({"invoice", "subscription"})
"""Links of which few records have the same."""

Keep = Callable[[Record], bool]


def listed(call: Call, kind: str, where: dict[str, Any], shape: Shape, keep: Keep | None = None) -> Page:
    """A page of the objects of `kind` whose links equal `where` and that `keep` lets through."""
    if "ids" in call.query:
        return _chosen(call, kind, where, shape, keep)
    if call.query.get("sort") == "updated_at" or keep or where.keys() & FEW:
        return paged(call, _all(call, kind, where, keep), shape)
    oldest_first = call.query.get("order") == "asc"
    conditions, values = _span(call)
    rest, after = conditions, values
    if cursor := call.query.get("cursor"):
        position = call.objects.position(cursor.partition(":")[0], kind)
        if position is None:
            raise bad_request("The cursor is not valid.", "cursor")
        rest += f" AND (created, seq) {'>' if oldest_first else '<'} (?, ?)"
        after = (*values, *position)
    limit = call.query.get("limit", LIMIT)
    found = call.objects.select(
        kind, where, conditions=rest, values=after, oldest_first=oldest_first, limit=limit + 1
    )

    def total() -> int:
        return len(call.objects.select(kind, where, conditions=conditions, values=values))

    return _page(call, found, limit, shape, total)


def paged(call: Call, records: list[Record], shape: Shape) -> Page:
    """A page of `records`, which are all that there are, in their order."""
    limit = call.query.get("limit", LIMIT)
    start = 0
    if cursor := call.query.get("cursor"):
        key = cursor.partition(":")[0]
        places = [index for index, record in enumerate(records) if record["id"] == key]
        if not places:
            raise bad_request("The cursor is not valid.", "cursor")
        start = places[0] + 1
    return _page(call, records[start : start + limit + 1], limit, shape, lambda: len(records))


def _all(call: Call, kind: str, where: dict[str, Any], keep: Keep | None) -> list[Record]:
    oldest_first = call.query.get("order") == "asc"
    field = FIELDS[call.query.get("sort", "created_at")]
    begin, end = call.query.get("begin_time"), call.query.get("end_time")
    found = [
        record
        for record in _linked(call, kind, where)
        if (begin is None or record[field] >= begin)
        and (end is None or record[field] <= end)
        and (keep is None or keep(record))
    ]
    found.sort(key=lambda record: int(record[field]))
    return found if oldest_first else found[::-1]


def _linked(call: Call, kind: str, where: dict[str, Any]) -> list[Record]:
    for link in where.keys() & FEW:
        return call.objects.linked(kind, link, where[link])
    return call.objects.select(kind, where, oldest_first=True)


def _span(call: Call) -> tuple[str, tuple[int, ...]]:
    bounds = [("begin_time", ">="), ("end_time", "<=")]
    given = [(sign, call.query[name]) for name, sign in bounds if name in call.query]
    return "".join(f" AND created {sign} ?" for sign, _ in given), tuple(value for _, value in given)


def _chosen(call: Call, kind: str, where: dict[str, Any], shape: Shape, keep: Keep | None) -> Page:
    """The records with these ids: the parameter excludes every other, and unknown ids are ignored."""
    if len(call.query) > 1:
        raise bad_request("The ids parameter cannot be used with any other.", "ids")
    found = [record for key in dict.fromkeys(call.query["ids"]) if (record := call.objects.get(key))]
    records = [
        record
        for record in found
        if record["object"] == kind
        and all(record.get(name) == value for name, value in where.items())
        and (keep is None or keep(record))
    ]
    return Page([shape(call, record) for record in records], None, lambda: len(records))


def _page(call: Call, found: list[Record], limit: int, shape: Shape, total: Callable[[], int]) -> Page:
    shown = found[:limit]
    following = _next(call, shown[-1]) if len(found) > limit else None
    return Page([shape(call, record) for record in shown], following, total)


def _next(call: Call, last: Record) -> str:
    defaults = {"limit": str(LIMIT), "order": "desc", "sort": "created_at"}
    given = {name: value for name, value in call.given_query.items() if name != "cursor"}
    cursor = {"cursor": f"{last['id']}:{last['created']}"}
    return f"{call.path}?{urlencode(cursor | defaults | given)}"
