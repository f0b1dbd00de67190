"""Amounts at Recurly: JSON numbers on the wire, floats in the SDK, ISO 4217 minor units in billctl."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import UsageError
from billctl.gateways.recurly.values import TOO_LARGE, money, to_wire
from billctl.iso4217 import EXPONENTS
from billctl.money import Money, parse

PARTS = 10
LARGEST = 10_000_000
"""100,000.00 in minor units."""


@pytest.mark.parametrize(
    ("amount", "currency", "wire"),
    [
        ("12.50", "USD", "12.5"),
        ("20.00", "SAR", "20.0"),
        ("0.01", "EUR", "0.01"),
        ("0.29", "USD", "0.29"),
        ("1.15", "USD", "1.15"),
        ("500", "JPY", "500.0"),
        ("5.123", "KWD", "5.123"),
        ("0.0001", "CLF", "0.0001"),
        ("9999999999999.99", "USD", "9999999999999.99"),
    ],
)
def test_an_amount_goes_out_and_comes_back_as_the_number_it_is(amount: str, currency: str, wire: str) -> None:
    told = json.dumps(to_wire(parse(amount, currency)))
    assert told == wire
    assert money(float(json.loads(told)), currency) == parse(amount, currency)


@given(currency=st.sampled_from(sorted(EXPONENTS)), minor=st.integers(1 - TOO_LARGE, TOO_LARGE - 1))
def test_every_amount_below_ten_to_the_fifteenth_survives_the_way_there_and_back(
    currency: str, minor: int
) -> None:
    amount = Money(minor, currency)
    told = json.dumps(to_wire(amount))
    assert Decimal(told) == Decimal(amount.decimal())
    assert money(float(json.loads(told)), currency) == amount


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_amount_of_two_decimals_up_to_a_hundred_thousand_survives_the_way_there_and_back(
    part: int,
) -> None:
    """The numbers on the wire are compared with digits made of integers, not with what made them."""
    for start in range(part * LARGEST // PARTS, (part + 1) * LARGEST // PARTS, 1000):
        minors = range(start + 1, start + 1001)
        told = json.dumps([to_wire(Money(minor, "USD")) for minor in minors])
        assert told == f"[{', '.join(map(shortest, minors))}]"
        assert [money(number, "USD").minor for number in json.loads(told)] == list(minors)


def shortest(minor: int) -> str:
    """`12.5` for 1250: the digits, without a zero at the end but for the first after the point."""
    whole, cents = divmod(minor, 100)
    return f"{whole}.{cents // 10}" if cents % 10 == 0 else f"{whole}.{cents:02d}"


@given(minor=st.integers(TOO_LARGE, 10**30), sign=st.sampled_from([1, -1]))
def test_an_amount_that_a_double_may_not_hold_is_refused_before_it_is_sent(minor: int, sign: int) -> None:
    with pytest.raises(UsageError, match="too large") as raised:
        to_wire(Money(sign * minor, "USD"))
    assert raised.value.code == "bad_amount"


@pytest.mark.parametrize(
    ("wire", "currency", "why"),
    [
        (10.005, "USD", "more decimals"),
        (0.5, "JPY", "more decimals"),
        (0.0001, "KWD", "more decimals"),
        (1e-7, "USD", "no amount"),
        (1e13, "USD", "too large"),
        (10**13, "USD", "too large"),
        (1e300, "USD", "no amount"),
        (float("nan"), "USD", "no amount"),
        (float("inf"), "USD", "no amount"),
        (10.0, "usd", "not an ISO 4217 currency"),
        (10.0, "XYZ", "not an ISO 4217 currency"),
        (10.0, None, "not an ISO 4217 currency"),
    ],
)
def test_a_number_that_is_no_amount_of_the_currency_is_not_read(
    wire: float, currency: str | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        money(wire, currency)


@pytest.mark.parametrize("wire", ["10.00", True, None, [], Decimal(10)])
def test_what_is_no_number_is_not_read(wire: object) -> None:
    with pytest.raises(TypeError):
        money(wire, "USD")


def test_a_credits_amount_is_negative() -> None:
    assert money(-20.0, "USD") == Money(-2000, "USD")
