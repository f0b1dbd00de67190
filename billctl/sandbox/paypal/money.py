"""Amounts: integers here, decimal text on the wire.

An amount is kept in hundredths, and in whole units for the currencies that take no decimals at PayPal
(HUF, JPY, TWD: developer.paypal.com/reference/currency-codes).
"""

import re
from typing import Any

from billctl.sandbox.paypal.errors import refused

NO_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
CURRENCIES = NO_DECIMALS | {
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR", "NOK"),
    *("NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD"),
}
"""What PayPal takes, by the same page."""

VALUE = re.compile(r"(-?[0-9]+)|(-?([0-9]+)?[.][0-9]+)")
"""The pattern of `money.value` in the OpenAPI files."""

Wire = dict[str, Any]


def places(currency: str) -> int:
    """Decimals PayPal takes in this currency."""
    return 0 if currency in NO_DECIMALS else 2


def shown(amount: int, currency: str) -> str:
    """`1050` → `10.50`, and `1050` yen → `1050`."""
    if currency in NO_DECIMALS:
        return str(amount)
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02}"


def wire(amount: int, currency: str) -> Wire:
    """The money object of today's APIs."""
    return {"currency_code": currency, "value": shown(amount, currency)}


def old_wire(amount: int, currency: str) -> Wire:
    """The amount object of `/v1/payments`."""
    return {"currency": currency, "total": shown(amount, currency)}


def read(money: Wire, field: str = "/amount") -> tuple[int, str]:
    """Amount and currency of a checked money object. Raises 422 where PayPal cannot take it."""
    return amount_of(money["value"], money["currency_code"], field)


def amount_of(text: str, currency: str, field: str) -> tuple[int, str]:
    """The same from its two parts; `field` is the JSON pointer of the amount."""
    if currency not in CURRENCIES:
        raise refused("INVALID_CURRENCY_CODE", field=f"{field}/currency_code", value=currency)
    units, _, fraction = text.partition(".")
    if fraction and currency in NO_DECIMALS:
        raise refused("DECIMALS_NOT_SUPPORTED", field=f"{field}/value", value=text)
    if len(fraction) > places(currency):
        raise refused("DECIMAL_PRECISION", field=f"{field}/value", value=text)
    digits = int(f"{units or '0'}{fraction.ljust(places(currency), '0')}")
    if digits <= 0:
        raise refused("CANNOT_BE_ZERO_OR_NEGATIVE", field=f"{field}/value", value=text)
    return digits, currency
