"""Values of the SDK's objects, read exactly or not at all: amounts, times, texts. Pure functions.

Recurly's amounts are JSON numbers of major units, which the SDK makes `float` and takes as `float` (a string
is refused by Recurly's description, a `Decimal` by the SDK's JSON). A decimal number of up to 15 significant
digits comes out of a double as it went in (IEEE 754 binary64, C's DBL_DIG): such amounts only are taken.

What is not there, null or empty is None; what is of another kind raises `TypeError` or `ValueError`.
"""

import re
from datetime import UTC, datetime
from typing import Any

from billctl.errors import UsageError
from billctl.iso4217 import EXPONENTS
from billctl.money import Money

TOO_LARGE = 10**15
"""In minor units: from here on an amount may have more digits than a double keeps."""

NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)
"""A number in its shortest digits. Python writes with an exponent what is below 0.0001 or has more than
16 digits before the point: neither is an amount."""


def money(amount: object, currency: object) -> Money:
    """An amount as the SDK gives it (a number, in major units) as money, exactly; a credit's is negative.

    Raises `TypeError` or `ValueError` for what is no amount of `currency`; nothing is rounded. Whether
    Recurly deviates from ISO 4217 for currencies without two decimals is not verified; its major units mean
    the same either way.
    """
    if not isinstance(currency, str) or currency not in EXPONENTS:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency")
    if isinstance(amount, bool) or not isinstance(amount, float | int):
        raise TypeError(f"an amount is a number, not {type(amount).__name__}")
    found = NUMBER.fullmatch(repr(amount))
    if found is None:
        raise ValueError(f"{amount} is no amount")
    sign, whole, fraction = found.groups(default="")
    places, decimals = EXPONENTS[currency], fraction.rstrip("0")
    if len(decimals) > places:
        raise ValueError(f"{amount} {currency} has more decimals than the currency")
    minor = int(whole + decimals.ljust(places, "0"))
    if minor >= TOO_LARGE:
        raise ValueError(f"{amount} {currency} is too large to be exact")
    return Money(-minor if sign else minor, currency)


def to_wire(amount: Money) -> float:
    """`amount` as the SDK takes it, and writes it as JSON. Raises `UsageError` (`bad_amount`) where no double
    holds it exactly."""
    number = float(amount.decimal())
    if abs(amount.minor) >= TOO_LARGE or money(number, amount.currency) != amount:
        raise UsageError(f"{amount} cannot be told to Recurly exactly: it is too large", code="bad_amount")
    return number


def instant(moment: object) -> datetime:
    """A time as the SDK gives it, aware, in UTC."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise TypeError(f"a time with its zone is expected, not {type(moment).__name__}")
    return moment.astimezone(UTC)


def instant_or_none(data: object, name: str) -> datetime | None:
    """The time attribute `name` of an SDK object; None where it is missing or null."""
    value = getattr(data, name, None)
    return None if value is None else instant(value)


def text(data: object, name: str) -> str | None:
    """The text attribute `name` of an SDK object; None where it is missing, null or empty."""
    value = getattr(data, name, None)
    return str(value) if value else None


def needed(data: object, name: str) -> str:
    """The text attribute `name`. Raises `ValueError` where there is none."""
    value = getattr(data, name, None)
    if not isinstance(value, str) or not value:
        raise ValueError(f"it has no {name}")
    return value


def listed(data: object, name: str) -> list[Any]:
    """The list attribute `name` of an SDK object; empty where it is missing."""
    value = getattr(data, name, None) or []
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return value
