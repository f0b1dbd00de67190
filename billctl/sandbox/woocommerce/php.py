"""How PHP and WooCommerce read numbers: the reason why a careless amount moves other money than was meant.

PHP's floats are integers of `1 / ONE` here: exact to twelve decimals, which no amount at a store reaches.
"""

import re

PLACES = 12
ONE = 10**PLACES
DIGITS = 320
LARGEST: int = 10**DIGITS
"""PHP's numbers end at about 309 digits and are infinite from there."""

NUMERIC = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
LEADING = re.compile(r"\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?", re.ASCII)
DROPPED = re.compile(r"\.(?![^.]+$)|[^0-9.-]")
"""What `wc_format_decimal` removes where the store's decimal separator is a period: all points but the last,
and everything that is no digit, point or minus sign."""


def is_numeric(text: str) -> bool:
    """Whether PHP compares the text as a number."""
    return NUMERIC.fullmatch(text) is not None


def number(text: str) -> int:
    """What PHP calculates with, times `ONE`: the number that the text begins with, else 0."""
    found = LEADING.match(text)
    sign, whole, fraction, exponent = found.groups(default="") if found else ("", "", "", "")
    digits = (whole + fraction)[:DIGITS]
    shift = PLACES + len(whole) - len(digits) + max(-DIGITS, min(DIGITS, int(exponent[:5] or 0)))
    value = int(digits or 0)
    scaled: int = value * 10**shift if shift >= 0 else value // 10**-shift
    return -min(scaled, LARGEST) if sign == "-" else min(scaled, LARGEST)


def greater(left: str, right: str) -> bool:
    """`$left > $right` of two texts: as numbers where both are numeric, else by their bytes."""
    if is_numeric(left) and is_numeric(right):
        return number(left) > number(right)
    return left.encode() > right.encode()


def zero_is_greater(text: str) -> bool:
    """`0 > $text`: a text that is not numeric is compared with "0" byte by byte (PHP 8)."""
    return number(text) < 0 if is_numeric(text) else text.encode() < b"0"


def unformatted(text: str) -> str:
    """`wc_format_decimal` without decimals: `1,5` becomes 15, `1e1` becomes 11."""
    return DROPPED.sub("", text)


def formatted(amount: str | int, decimals: int) -> str:
    """`wc_format_decimal` with decimals, of a text or of a `number`: rounded half away from zero."""
    value = number(unformatted(amount)) if isinstance(amount, str) else amount
    kept = min(decimals, PLACES)
    unit = 10 ** (PLACES - kept)
    rounded = (abs(value) + unit // 2) // unit * 10 ** (decimals - kept)
    digits = str(rounded).rjust(decimals + 1, "0")
    point = len(digits) - decimals
    sign = "-" if value < 0 and rounded else ""
    return f"{sign}{digits[:point]}.{digits[point:]}" if decimals else sign + digits


def stripslashes(text: str) -> str:
    """The text as WordPress stores a comment: backslashes are lost."""
    return re.sub(r"\\(.?)", r"\1", text, flags=re.DOTALL)
