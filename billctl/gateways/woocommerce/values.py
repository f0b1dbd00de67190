"""A store's forms of money, time and text. Pure functions.

Amounts are decimal strings in major units, with the decimals that the store's settings say; they are written
so, too. Of times only the fields `*_gmt` are read, UTC without a `Z`: the others are the site's local time
and say no zone. A value of another shape raises `KeyError`, `TypeError` or `ValueError`; an amount that ISO
4217 cannot hold raises `Unsupported`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billctl.errors import Unsupported
from billctl.iso4217 import EXPONENTS
from billctl.money import Money

AMOUNT = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)


def money(value: object, currency: object) -> Money:
    """An amount that the store wrote. Raises `Unsupported` for a currency that ISO 4217 does not list, and
    for a fraction finer than its minor unit: a store may keep more decimals than a currency has."""
    sign, whole, fraction = _parts(value)
    if not isinstance(currency, str):
        raise TypeError(f"a currency is a string, not {type(currency).__name__}")
    if currency not in EXPONENTS:
        raise Unsupported(f"{currency[:20]!r} is no currency of ISO 4217", code="unknown_currency")
    places = EXPONENTS[currency]
    if fraction[places:].strip("0"):
        raise Unsupported(
            f"{value} {currency} is finer than the smallest unit of {currency}", code="amount_too_fine"
        )
    minor = int(whole + fraction[:places].ljust(places, "0"))
    return Money(-minor if sign else minor, currency)


def decimals_of(value: object) -> int:
    """How many decimals the store writes: those of an amount as it came."""
    return len(_parts(value)[2])


def written(amount: Money, decimals: int) -> str:
    """`amount` as a store with so many decimals writes it. Raises `ValueError` for one that is finer: the
    store would round what it records, and ask its payment gateway for the rest all the same."""
    whole, _, fraction = amount.decimal().partition(".")
    if fraction[decimals:].strip("0"):
        raise ValueError(f"{amount} is finer than a store of {decimals} decimals keeps")
    kept = fraction[:decimals].ljust(decimals, "0")
    return f"{whole}.{kept}" if kept else whole


def _parts(value: object) -> tuple[str, str, str]:
    if not isinstance(value, str):
        raise TypeError(f"an amount is a string, not {type(value).__name__}")
    match = AMOUNT.fullmatch(value)
    if match is None:
        raise ValueError(f"{value[:40]!r} is no amount")
    return match[1], match[2], match[3] or ""


def instant(value: object) -> datetime:
    """A time of a field `*_gmt` as an aware UTC instant."""
    if not isinstance(value, str):
        raise TypeError(f"a time is a string, not {type(value).__name__}")
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def optional_instant(value: object) -> datetime | None:
    """As `instant`; None where there is none (null, or an empty string)."""
    return None if value in {None, ""} else instant(value)


def number(value: object) -> str:
    """An id as billctl writes it. Raises `TypeError` for what is no whole number above 0."""
    if type(value) is not int or value <= 0:
        raise TypeError(f"an id is a whole number, not {value!r:.40}")
    return str(value)


def text(data: Mapping[str, Any], name: str) -> str | None:
    """A field's text; None where it is empty or missing. Raises `TypeError` for what is no text."""
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is text, not {type(value).__name__}")
    return (value or "").strip() or None


def needed(data: Mapping[str, Any], name: str) -> str:
    """A field's text, which must be there."""
    found = text(data, name)
    if found is None:
        raise ValueError(f"{name} is empty")
    return found
