"""Instants on the wire: RFC 3339 in UTC, to the second."""

import re
from datetime import UTC, date, datetime

INSTANT = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])[T,t]([0-1][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    r"([.][0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
"""The OpenAPI files' pattern, with the offset also as `+0000`: clients of the reporting API send that."""

DAY = 86_400


def wire(seconds: int) -> str:
    """Unix seconds as PayPal writes them."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def day(seconds: int) -> str:
    """The date alone, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def read(text: str) -> int | None:
    """Unix seconds of an instant; None for what is not one."""
    if not INSTANT.fullmatch(text):
        return None
    try:
        return int(datetime.fromisoformat(text.upper().replace(",", "T")).timestamp())
    except ValueError:
        return None  # the thirtieth of February has the right form


def read_day(text: str) -> int | None:
    """Unix seconds of a date's beginning in UTC; None for what is not one."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp())
