"""Amounts at Stripe: integers on the wire, ISO 4217 minor units in billctl."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import Unsupported
from billctl.gateways.stripe.mapping import amount_step, from_wire, to_wire
from billctl.iso4217 import EXPONENTS
from billctl.money import Money, parse

NOT_CERTAIN = {"UGX", "IQD", "LYD", "CLF", "UYW", "UYI"}
CERTAIN = sorted(set(EXPONENTS) - NOT_CERTAIN)


@pytest.mark.parametrize(
    ("amount", "currency", "wire"),
    [
        ("12.50", "USD", 1250),
        ("500", "JPY", 500),
        ("500", "KRW", 500),
        ("5.120", "KWD", 5120),
        ("5.12", "BHD", 5120),
        ("7", "ISK", 700),
        ("3.00", "MGA", 3),
        ("12.34", "SAR", 1234),
        ("12.34", "HUF", 1234),
        ("12.34", "TWD", 1234),
        ("1000", "CLP", 1000),
        ("0.05", "MRU", 5),
    ],
)
def test_an_amount_goes_out_and_comes_back_as_stripes_page_of_currencies_says(
    amount: str, currency: str, wire: int
) -> None:
    money = parse(amount, currency)
    assert to_wire(money) == wire
    assert from_wire(wire, currency.lower()) == money


@given(currency=st.sampled_from(CERTAIN), steps=st.integers(-(10**12), 10**12))
def test_every_amount_of_whole_steps_survives_the_way_there_and_back(currency: str, steps: int) -> None:
    money = Money(steps * amount_step(currency), currency)
    assert from_wire(to_wire(money), currency.lower()) == money


@given(currency=st.sampled_from(CERTAIN), minor=st.integers(1, 10**9))
def test_what_is_finer_than_stripe_takes_is_never_rounded(currency: str, minor: int) -> None:
    step = amount_step(currency)
    if minor % step:
        with pytest.raises(ValueError, match="finer"):
            to_wire(Money(minor, currency))
    else:
        assert from_wire(to_wire(Money(minor, currency)), currency.lower()).minor == minor


@pytest.mark.parametrize(
    ("currency", "step"), [("USD", 1), ("JPY", 1), ("KWD", 10), ("MGA", 100), ("ISK", 1)]
)
def test_the_step_of_a_currency_is_the_smallest_difference_stripe_takes(currency: str, step: int) -> None:
    assert amount_step(currency) == step


@pytest.mark.parametrize("currency", sorted(NOT_CERTAIN))
def test_a_currency_whose_form_is_not_certain_is_unsupported_with_the_reason(currency: str) -> None:
    for call in (
        lambda: amount_step(currency),
        lambda: from_wire(500, currency.lower()),
        lambda: to_wire(Money(500, currency)),
    ):
        with pytest.raises(Unsupported, match=currency) as raised:
            call()
        assert raised.value.code == "currency_not_certain"


def test_ugx_is_refused_because_stripes_own_page_contradicts_itself() -> None:
    with pytest.raises(Unsupported, match="both no decimals and two"):
        amount_step("UGX")


def test_a_code_that_is_no_currency_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        from_wire(100, "xyz")


@pytest.mark.parametrize("wire", [12.5, "1250", True, None])
def test_an_amount_that_is_no_integer_is_not_read(wire: object) -> None:
    with pytest.raises(TypeError):
        from_wire(wire, "usd")


def test_a_fraction_of_a_krona_is_not_read() -> None:
    with pytest.raises(ValueError, match="fraction"):
        from_wire(750, "isk")


def test_a_last_digit_stripe_should_not_write_is_read_exactly_all_the_same() -> None:
    assert from_wire(5124, "kwd") == Money(5124, "KWD")
