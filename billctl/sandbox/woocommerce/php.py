"""How PHP and WooCommerce read numbers: the reason why a careless amount moves other money than was meant."""

import re
from decimal import ROUND_HALF_UP, Decimal

NUMERIC = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
LEADING = re.compile(r"\s*([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)", re.ASCII)
DROPPED = re.compile(r"\.(?![^.]+$)|[^0-9.-]")
"""What `wc_format_decimal` removes where the store's decimal separator is a period: all points but the last,
and everything that is no digit, point or minus sign."""


def is_numeric(text: str) -> bool:
    """Whether PHP compares the text as a number."""
    return NUMERIC.fullmatch(text) is not None


def number(text: str) -> Decimal:
    """What PHP calculates with: the number that the text begins with, else 0."""
    found = LEADING.match(text)
    return Decimal(found[1]) if found else Decimal(0)


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


def formatted(amount: str | Decimal, decimals: int) -> str:
    """`wc_format_decimal` with decimals: rounded half up, and nothing or `-` is 0."""
    value = amount if isinstance(amount, Decimal) else number(unformatted(amount))
    return f"{value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"


def stripslashes(text: str) -> str:
    """The text as WordPress stores a comment: backslashes are lost."""
    return re.sub(r"\\(.?)", r"\1", text, flags=re.DOTALL)
