"""What a body and a query may hold: small checks that tables are made of.

The OpenAPI description's 400 is "Invalid or unpermitted parameter": what an operation does not list is
refused, in bodies and in queries.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from billctl.sandbox.recurly import times
from billctl.sandbox.recurly.errors import bad_request, unpermitted
from billctl.sandbox.recurly.money import NumberText

Check = Callable[[Any, str], Any]
"""A value and its name → what the endpoint gets. Raises Recurly's 400."""

MAX_LIMIT = 200
LIMIT = 20


def text(longest: int = 65_536) -> Check:
    """A string of so many characters at most."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str) or isinstance(value, NumberText) or len(value) > longest:
            raise unpermitted(name)
        return value

    return check


def flag(value: Any, name: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise unpermitted(name)
    return value


def whole(value: Any, name: str) -> int:
    """An integer, not below zero."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise unpermitted(name)
    return value


def amount(value: Any, name: str) -> NumberText | int:
    """A JSON number, and not text that looks like one; `money.read` tells what it is worth."""
    if isinstance(value, NumberText) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise unpermitted(name)


def choice(*words: str) -> Check:
    """One of these strings."""

    def check(value: Any, name: str) -> str:
        if value not in words:
            raise unpermitted(name)
        return str(value)

    return check


def many(item: Check) -> Check:
    """An array."""

    def check(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise unpermitted(name)
        return [item(each, f"{name}[{index}]") for index, each in enumerate(value)]

    return check


def record(fields: Mapping[str, Check], required: str = "") -> Check:
    """An object with these fields and no others; `required` names those that must be there."""

    def check(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise unpermitted(name or "body")
        for wanted in required.split():
            if wanted not in value:
                raise bad_request(f"{_below(name, wanted)} is required", _below(name, wanted))
        for given in value:
            if given not in fields:
                raise unpermitted(_below(name, given))
        return {given: fields[given](each, _below(name, given)) for given, each in value.items()}

    return check


def _below(name: str, field: str) -> str:
    return f"{name}.{field}" if name else field


def instant(value: Any, name: str) -> int:
    """An ISO 8601 instant → Unix seconds."""
    seconds = times.read(value) if isinstance(value, str) else None
    if seconds is None:
        raise unpermitted(name)
    return seconds


def yes_or_no(value: Any, name: str) -> bool:
    """A query's `true` or `false`."""
    if value not in ("true", "false"):
        raise unpermitted(name)
    return bool(value == "true")


def only_true(value: Any, name: str) -> bool:
    """A query's `true`."""
    if value != "true":
        raise unpermitted(name)
    return True


def limit(value: Any, name: str) -> int:
    """A query's number of records, 1 to 200."""
    if not re.fullmatch("[0-9]{1,4}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise unpermitted(name)
    return int(value)


def ids(value: Any, name: str) -> list[str]:
    """A query's ids with commas between them, 200 at most."""
    found = [each for each in value.split(",") if each]
    if len(found) > MAX_LIMIT:
        raise unpermitted(name)
    return found


SORTED: Mapping[str, Check] = {
    "ids": ids,
    "limit": limit,
    "order": choice("asc", "desc"),
    "sort": choice("created_at", "updated_at"),
    "cursor": text(200),
}
"""What most lists take; `cursor` is in no description, only in the `next` of an answer."""

LISTED: Mapping[str, Check] = {**SORTED, "begin_time": instant, "end_time": instant}
"""The same with a range of time."""
