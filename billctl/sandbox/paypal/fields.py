"""What a body and a query may hold: small checks that tables are made of.

A body's field that the OpenAPI file does not list is refused (whether PayPal does is not verified: a
misspelt one must not pass a rehearsal). A query's parameter that is not listed is ignored, as PayPal does.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from billctl.sandbox.paypal import times
from billctl.sandbox.paypal.errors import ApiError, invalid
from billctl.sandbox.paypal.money import VALUE

Check = Callable[[Any, str], Any]
"""A value and its JSON pointer → what the endpoint gets. Raises PayPal's 400."""

QueryCheck = Callable[[str, str], Any]
"""A parameter's text and its name → what the endpoint gets. Raises PayPal's 400."""

SHOWN = 200
WRONG_VALUE = "INVALID_PARAMETER_VALUE"


def text(
    longest: int, shortest: int = 0, pattern: str = "(?s).*", *, long: str = "INVALID_STRING_MAX_LENGTH"
) -> Check:
    """A string of so many characters, all of it matching `pattern`; `long` is the issue of a longer one."""
    form = re.compile(pattern)

    def check(value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise _wrong("INVALID_PARAMETER_SYNTAX", value, where)
        if len(value) > longest:
            raise _wrong(long, value, where)
        if len(value) < shortest:
            raise _wrong("INVALID_STRING_LENGTH", value, where)
        if not form.fullmatch(value):
            raise _wrong("INVALID_PARAMETER_SYNTAX", value, where)
        return value

    return check


def flag(value: Any, where: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise _wrong("INVALID_PARAMETER_SYNTAX", value, where)
    return value


def choice(*words: str, issue: str = WRONG_VALUE) -> Check:
    """One of these strings; `issue` is what PayPal calls another one there."""

    def check(value: Any, where: str) -> str:
        if value not in words:
            raise _wrong(issue, value, where)
        return str(value)

    return check


def date(value: Any, where: str) -> str:
    """`2026-11-22`."""
    if not isinstance(value, str) or times.read_day(value) is None:
        raise _wrong("INVALID_PARAMETER_SYNTAX", value, where)
    return value


def instant(value: Any, where: str) -> int:
    """RFC 3339 with seconds → Unix seconds."""
    seconds = times.read(value) if isinstance(value, str) else None
    if seconds is None:
        raise _wrong("INVALID_PARAMETER_SYNTAX", value, where)
    return seconds


def many(item: Check, longest: int) -> Check:
    """An array of at most so many."""

    def check(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong("INVALID_PARAMETER_SYNTAX", value, where)
        if len(value) > longest:
            raise invalid("INVALID_ARRAY_MAX_ITEMS", field=where)
        return [item(each, f"{where}/{index}") for index, each in enumerate(value)]

    return check


def record(fields: Mapping[str, Check], required: str = "") -> Check:
    """An object with these fields and no others; `required` names those that must be there."""

    def check(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong("INVALID_PARAMETER_SYNTAX", value, where)
        for name in required.split():
            if name not in value:
                raise invalid("MISSING_REQUIRED_PARAMETER", field=f"{where}/{name}")
        for name in value:
            if name not in fields:
                raise _wrong("INVALID_PARAMETER_SYNTAX", value[name], f"{where}/{name}")
        return {name: fields[name](each, f"{where}/{name}") for name, each in value.items()}

    return check


def unmodelled(value: Any, where: str) -> Any:
    """A field that PayPal has and this sandbox does not."""
    raise _wrong(WRONG_VALUE, value, where)


MONEY = record({"currency_code": text(3, 3), "value": text(32, 0, VALUE.pattern)}, "currency_code value")


def whole(
    lowest: int, highest: int, default: int, *, low: str = WRONG_VALUE, high: str = WRONG_VALUE
) -> tuple[QueryCheck, int]:
    """A query's integer, and what it is when not given; `low` and `high` are the issues out of bounds."""

    def check(given: str, name: str) -> int:
        if not re.fullmatch("-?[0-9]{1,10}", given):
            raise invalid(WRONG_VALUE, field=name, value=given, location="query")
        if not lowest <= int(given) <= highest:
            issue = low if int(given) < lowest else high
            raise invalid(issue, field=name, value=given, location="query")
        return int(given)

    return check, default


def words(given: str, name: str) -> str:
    """A query's text, which must not be empty."""
    if not given:
        raise invalid(WRONG_VALUE, field=name, location="query")
    return given


def moment(given: str, name: str) -> int:
    """A query's instant → Unix seconds."""
    seconds = times.read(given)
    if seconds is None:
        raise invalid("INVALID_PARAMETER_SYNTAX", field=name, value=given, location="query")
    return seconds


def yes_or_no(given: str, name: str) -> bool:
    """A query's `true` or `false`."""
    if given.lower() not in ("true", "false"):
        raise invalid(WRONG_VALUE, field=name, value=given, location="query")
    return given.lower() == "true"


def _wrong(issue: str, value: Any, where: str) -> ApiError:
    return invalid(issue, field=where, value=str(value)[:SHOWN])
