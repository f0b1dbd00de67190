"""Amounts: integers of ISO 4217 minor units here, JSON numbers on the wire.

Recurly bills in two decimals (support.recurly.com, article 44218774210324); what it does with currencies
that have none or three is not verified, so this sandbox takes none of them.
"""

import json
import re
from functools import lru_cache
from typing import Any

from billctl.money import Money
from billctl.sandbox.recurly.errors import invalid

CURRENCIES = ("USD", "EUR", "GBP", "SAR")
"""What the shop's sites accept."""

FORM = re.compile(r"([0-9]{1,12})(?:[.]([0-9]+))?")


class NumberText(str):
    """A JSON number that is not whole, as it was sent."""

    __slots__ = ()


@lru_cache(4096)
def number(minor: int, currency: str) -> Any:
    """The JSON number of an amount: 1050 cents are 10.5."""
    return json.loads(Money(minor, currency).decimal())


def read(given: "NumberText | int", param: str) -> int:
    """The hundredths of a number as sent. Raises 422 for one that is not an amount above zero.

    That Recurly refuses a third decimal instead of rounding it is not verified.
    """
    found = FORM.fullmatch(str(given))
    if not found:
        raise invalid(param, "must be greater than 0")
    whole, fraction = found[1], (found[2] or "").rstrip("0")
    if len(fraction) > 2:
        raise invalid(param, "must have at most two decimals")
    minor = int(whole + fraction.ljust(2, "0"))
    if not minor:
        raise invalid(param, "must be greater than 0")
    return minor


def share(total: int, part: int, whole: int) -> int:
    """`total` × `part` ÷ `whole`, halves up. How Recurly rounds a proration is not verified."""
    return (2 * total * part + whole) // (2 * whole)


def split(total: int, weights: list[int]) -> list[int]:
    """`total` in parts as large as `weights` allow, in their proportion; what is left over goes to the first.

    `total` is at most the sum of the weights, and no part is larger than its weight.
    """
    whole = sum(weights)
    parts = [total * weight // whole if whole else 0 for weight in weights]
    for index, weight in enumerate(weights):
        more = min(total - sum(parts), weight - parts[index])
        parts[index] += more
    return parts
