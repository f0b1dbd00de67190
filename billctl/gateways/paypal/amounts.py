"""PayPal's forms of money and time. Pure functions.

Amounts are decimal strings in major units with their currency: `{"currency_code", "value"}`, in the old
v1 payments `{"currency", "total"}`. A wire value of another shape raises `KeyError`, `TypeError` or
`ValueError`; a currency whose decimals at PayPal are not certain raises `Unsupported`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from billctl.errors import Unsupported
from billctl.iso4217 import EXPONENTS
from billctl.money import Money

Wire = Mapping[str, Any]

WHOLE_ONLY = frozenset({"HUF", "JPY", "TWD"})
"""Taken without decimals (422 `DECIMALS_NOT_SUPPORTED`); HUF and TWD have two in ISO 4217. PayPal's page of
currencies, at second hand; the issue is named in its API description."""

THOUSANDTHS = frozenset({"TND"})
"""The money schema of PayPal's API descriptions names TND as subdivided into thousandths."""

VALUE = re.compile(r"(-?)([0-9]{0,20})(?:\.([0-9]{1,20}))?", re.ASCII)


def amount_step(currency: str) -> int:
    """The smallest difference between two amounts PayPal takes, in ISO minor units of `currency`.

    Raises `Unsupported` for a currency whose decimals at PayPal are not certain: what has no two decimals
    in ISO 4217 and which PayPal does not name.
    """
    if currency in WHOLE_ONLY:
        return int(10 ** EXPONENTS[currency])
    if currency in THOUSANDTHS or EXPONENTS.get(currency) == 2:
        return 1
    raise Unsupported(
        f"amounts in {currency} are not read or sent at PayPal, which does not say how they are written",
        code="currency_not_certain",
        hint="Use PayPal's own pages for this object.",
    )


def to_wire(amount: Money) -> dict[str, str]:
    """`amount` as PayPal reads it. Raises `ValueError` for one finer than `amount_step`."""
    step = amount_step(amount.currency)
    if amount.minor % step:
        raise ValueError(f"{amount} is finer than PayPal takes {amount.currency}")
    whole = str(amount.minor // step) if amount.currency in WHOLE_ONLY else amount.decimal()
    return {"currency_code": amount.currency, "value": whole}


def from_wire(data: Wire) -> Money:
    """An amount that PayPal wrote, as money.

    Raises `TypeError` for a number where a string belongs, `ValueError` for what is no decimal number or
    finer than ISO 4217's minor units.
    """
    code = data.get("currency_code") or data["currency"]
    value = data["value"] if "value" in data else data["total"]
    if not isinstance(value, str) or not isinstance(code, str):
        raise TypeError(f"an amount is a string, not {type(value).__name__}")
    amount_step(code)
    match = VALUE.fullmatch(value)
    if match is None or not (match[2] or match[3]):
        raise ValueError(f"{value[:40]!r} is no amount")
    sign, whole, fraction = match[1], match[2] or "0", match[3] or ""
    places = EXPONENTS[code]
    if fraction[places:].strip("0"):
        raise ValueError(f"{value} {code} has a fraction that {code} does not have")
    minor = int(whole + fraction[:places].ljust(places, "0"))
    return Money(-minor if sign else minor, code)


def instant(text: object) -> datetime:
    """PayPal's date and time (RFC 3339, also with an offset like +0000) as an aware UTC instant."""
    if not isinstance(text, str):
        raise TypeError(f"a time is a string, not {type(text).__name__}")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text[:40]!r} does not say its time zone")
    return moment.astimezone(UTC)


def optional_instant(text: object) -> datetime | None:
    """As `instant`; None stays None."""
    return None if text is None else instant(text)


def day(text: object) -> datetime:
    """PayPal's date as the first instant of that day in UTC."""
    if not isinstance(text, str):
        raise TypeError(f"a date is a string, not {type(text).__name__}")
    found = date.fromisoformat(text[:10])
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def wire_time(moment: datetime) -> str:
    """An aware instant as PayPal's filters read it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
