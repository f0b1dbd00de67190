"""Values of the SDK's objects, read exactly or not at all: amounts, times, texts. Pure functions.

What is not there, nil or empty is None; what is of another kind raises `TypeError` or `ValueError`.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billctl.iso4217 import EXPONENTS
from billctl.money import Money

LONGEST = 32
"""Digits, and places of the decimal point, beyond which no number is an amount of money."""


def money(amount: object, currency: object) -> Money:
    """An amount as the SDK gives it (`Decimal`, in major units) as money, exactly.

    Raises `TypeError` or `ValueError` for what is no amount of `currency`; nothing is rounded. Whether
    Braintree deviates from ISO 4217 for currencies without two decimals is not verified; its major units
    mean the same either way.
    """
    if not isinstance(currency, str) or currency not in EXPONENTS:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency")
    if not isinstance(amount, Decimal):
        raise TypeError(f"an amount is decimal, not {type(amount).__name__}")
    sign, digits, shift = amount.as_tuple()
    if not isinstance(shift, int) or sign or len(digits) > LONGEST or abs(shift) > LONGEST:
        raise ValueError(f"{amount} is no amount")
    places = EXPONENTS[currency] + shift
    whole = int("".join(map(str, digits)))
    if places >= 0:
        return Money(whole * 10**places, currency)
    minor, rest = divmod(whole, 10**-places)
    if rest:
        raise ValueError(f"{amount} {currency} has more decimals than the currency")
    return Money(minor, currency)


def to_wire(amount: Money) -> str:
    """`amount` as Braintree reads it: `12.50`, all the currency's decimals."""
    return amount.decimal()


def instant(moment: object) -> datetime:
    """A time as the SDK gives it, naive and meant as UTC, made aware."""
    if not isinstance(moment, datetime):
        raise TypeError(f"a time is expected, not {type(moment).__name__}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def midnight(day: object) -> datetime | None:
    """The beginning of a date, in UTC; Braintree does not say in which time zone it means dates."""
    if day is None:
        return None
    if not isinstance(day, date):
        raise TypeError(f"a date is expected, not {type(day).__name__}")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def text(data: object, name: str) -> str | None:
    """The text attribute `name` of an SDK object; None where it is missing, nil or empty."""
    value = getattr(data, name, None)
    return str(value) if value else None


def listed(data: object, name: str) -> list[Any]:
    """The list attribute `name` of an SDK object; empty where it is missing."""
    value = getattr(data, name, None) or []
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return value


def needed(data: object, name: str) -> str:
    """The text attribute `name`. Raises `ValueError` where there is none."""
    value = getattr(data, name, None)
    if not isinstance(value, str) or not value:
        raise ValueError(f"it has no {name}")
    return value
