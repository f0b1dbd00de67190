"""Money as integer minor units with a currency, and the grammar of an amount an operator types.

Minor units are those of ISO 4217 (`billctl.iso4217`), whatever form a gateway speaks: an adapter
converts to and from its gateway's form in its `mapping.py`, and says through
`Gateway.amount_step` where the gateway is coarser than ISO. There is no float anywhere.
"""

from billctl.errors import UsageError
from billctl.frozen import frozen_value
from billctl.iso4217 import EXPONENTS

DIGIT_FAMILIES = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")
POINTS = ".٫"
MAX_DIGITS = 18
"""More digits than any gateway takes; bounds the work of reading a hostile amount."""


def exponent(currency: str) -> int:
    """Decimals of `currency` by ISO 4217. Raises `UsageError` for a code ISO does not list."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UsageError(f"{currency!r} is not an ISO 4217 currency", code="unknown_currency") from None


@frozen_value
class Money:
    """An exact amount: `minor` units (ISO 4217) of `currency` (upper case).

    Amounts of different currencies are never added or compared: that raises `ValueError`.
    Bool and float are refused with `TypeError`.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        if self.currency not in EXPONENTS:
            raise UsageError(f"{self.currency!r} is not an ISO 4217 currency", code="unknown_currency")

    def _minor_of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.minor

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._minor_of(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._minor_of(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._minor_of(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._minor_of(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._minor_of(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._minor_of(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def decimal(self) -> str:
        """`12.50`: all the currency's decimals, a point, no grouping, no symbol."""
        places = EXPONENTS[self.currency]
        sign = "-" if self.minor < 0 else ""
        digits = str(abs(self.minor)).rjust(places + 1, "0")
        return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else sign + digits

    def __str__(self) -> str:
        return f"{self.decimal()} {self.currency}"

    def data(self) -> dict[str, str | int]:
        """The form of every output: `{"amount": "12.50", "minor": 1250, "currency": "USD"}`."""
        return {"amount": self.decimal(), "minor": self.minor, "currency": self.currency}

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """No money, in `currency`."""
        return cls(0, currency)


def parse(text: str, currency: str, *, zero: bool = False) -> Money:
    """Read an amount an operator typed, in `currency`.

    The grammar: digits of one family (ASCII, Arabic-Indic, Persian), at most one point (`.` or `٫`)
    with digits on both sides, no sign, blank, separator, exponent or symbol, not zero unless `zero`
    (as a limit may be), no more decimals than ISO 4217 gives the currency. Anything else raises
    `UsageError` saying why; nothing is ever rounded.
    """
    plain = _ascii_digits(text)
    whole, point, fraction = plain.partition(".")
    if not whole or (point and not fraction):
        raise _bad(text, "write digits on both sides of the point, like 12.50")
    if len(whole) + len(fraction) > MAX_DIGITS:
        raise _bad(text, f"it has more than {MAX_DIGITS} digits")
    places = exponent(currency)
    if len(fraction) > places:
        limit = f"{places} decimals" if places else "no decimals"
        raise _bad(text, f"{currency} has {limit}")
    minor = int(whole + fraction.ljust(places, "0"))
    if minor == 0 and not zero:
        raise _bad(text, "it is zero")
    return Money(minor, currency)


def _ascii_digits(text: str) -> str:
    if not text:
        raise _bad(text, "it is empty")
    family = next((f for c in text for f in DIGIT_FAMILIES if c in f), None)
    plain: list[str] = []
    for character in text:
        if character in POINTS:
            if "." in plain:
                raise _bad(text, "it has two points")
            plain.append(".")
        elif family and character in family:
            plain.append(str(family.index(character)))
        else:
            raise _bad(text, _why_not(character, text))
    return "".join(plain)


def _why_not(character: str, text: str) -> str:
    if character in "+-−":
        return "an amount has no sign"
    if _names_a_currency(text):
        return "write the number alone, without a currency, like 12.50"
    if character in ",'_ \u00a0\u202f٬،":
        return "separators are ambiguous; write it like 1234.50"
    if character.isspace():
        return "it has a blank in it"
    if character in "eE" and text[0].isdigit():
        return "exponents are not read; write all the digits"
    if any(character in family for family in DIGIT_FAMILIES):
        return "it mixes two kinds of digits"
    return "write digits and at most one point, like 12.50"


def _names_a_currency(text: str) -> bool:
    """Whether letters or a sign like $ stand before or after a number."""
    from unicodedata import category

    beside = text.strip("".join(DIGIT_FAMILIES) + ".,٫٬'_ \u00a0\u202f")
    at_an_end = beside != text and (text.startswith(beside) or text.endswith(beside))
    return at_an_end and bool(beside) and all(c.isalpha() or category(c) == "Sc" for c in beside)


def _bad(text: str, why: str) -> UsageError:
    shown = text if len(text) <= 40 else text[:40] + "…"
    return UsageError(f"{shown!r} is not an amount: {why}", code="bad_amount")
