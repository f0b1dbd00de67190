"""Amounts as Braintree writes them: decimal texts of major units, in the merchant account's currency.

Inside the sandbox an amount is an integer of ISO 4217 minor units. How many decimals Braintree itself
gives currencies without cents, or with three decimals, is not verified: ISO's number is used.
"""

from typing import Any

from billctl.iso4217 import EXPONENTS
from billctl.money import Money
from billctl.sandbox.braintree.errors import Refused

MAX_DIGITS = 12


def shown(minor: int, currency: str) -> str:
    """`49.00`."""
    return Money(minor, currency).decimal()


def read(given: Any, currency: str, *, subject: str = "transaction", invalid: str = "81503") -> int:
    """The minor units of an amount as sent. Raises `Refused` with 81501, 81531 or `invalid`."""
    text = str(given)
    whole, point, fraction = text.removeprefix("-").partition(".")
    digits = whole + fraction
    fits = len(fraction) <= EXPONENTS[currency] and len(digits) <= MAX_DIGITS
    if not (whole and digits.isascii() and digits.isdecimal() and fits and bool(point) == bool(fraction)):
        raise Refused(subject, invalid)
    if text.startswith("-"):
        raise Refused(subject, "81501")
    minor = int(whole + fraction.ljust(EXPONENTS[currency], "0"))
    if minor == 0:
        raise Refused(subject, "81531")
    return minor


def loose(text: str) -> tuple[int, int] | None:
    """An amount of no known currency as (whole, ten-thousandths), for searches; None for no amount."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if not (whole and digits.isascii() and digits.isdecimal() and len(fraction) <= 4):
        return None
    return int(whole), int(fraction.ljust(4, "0"))
