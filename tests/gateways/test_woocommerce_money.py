"""A store's amounts: read as they are written, written as the store keeps them, never rounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import Unsupported
from billctl.gateways.woocommerce.values import decimals_of, money, written
from billctl.iso4217 import EXPONENTS
from billctl.money import Money

amounts = st.builds(Money, st.integers(0, 10**15), st.sampled_from(sorted(EXPONENTS)))
decimals = st.integers(0, 6)


@given(amounts, decimals)
def test_what_a_store_keeps_comes_back_as_it_was(amount: Money, places: int) -> None:
    try:
        text = written(amount, places)
    except ValueError:
        assert amount.minor % 10 ** max(EXPONENTS[amount.currency] - places, 0)  # it really is finer
        return
    assert money(text, amount.currency) == amount
    assert decimals_of(text) == places


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("49.00", "USD", 4900),
        ("0.00", "USD", 0),
        ("-20.00", "USD", -2000),
        ("12.35", "KWD", 12_350),
        ("12.345", "KWD", 12_345),
        ("100.00", "JPY", 100),
        ("100", "JPY", 100),
        ("49.0000", "USD", 4900),
        ("49", "USD", 4900),
    ],
)
def test_an_amount_is_read_by_its_currency_whatever_decimals_the_store_writes(
    text: str, currency: str, minor: int
) -> None:
    assert money(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "places", "text"),
    [
        (Money(2000, "USD"), 2, "20.00"),
        (Money(2000, "USD"), 0, "20"),
        (Money(2000, "USD"), 3, "20.000"),
        (Money(12_350, "KWD"), 2, "12.35"),
        (Money(12_345, "KWD"), 3, "12.345"),
        (Money(100, "JPY"), 2, "100.00"),
    ],
)
def test_an_amount_is_written_with_the_stores_decimals(amount: Money, places: int, text: str) -> None:
    assert written(amount, places) == text


@pytest.mark.parametrize(
    ("amount", "places"), [(Money(2050, "USD"), 0), (Money(12_345, "KWD"), 2), (Money(2001, "USD"), 1)]
)
def test_an_amount_that_the_store_would_round_is_not_written(amount: Money, places: int) -> None:
    with pytest.raises(ValueError, match="finer"):
        written(amount, places)


@pytest.mark.parametrize("text", ["", " ", "1,5", "1e1", "1.", ".5", "+1", "١", "NaN", "1 000", "1\n", "0x1"])
def test_what_is_no_amount_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        money(text, "USD")


@pytest.mark.parametrize("value", [49, 49.0, None, True])
def test_a_number_is_no_amount(value: object) -> None:
    with pytest.raises(TypeError):
        money(value, "USD")


@pytest.mark.parametrize(("text", "currency"), [("100.5", "JPY"), ("1.2345", "KWD"), ("0.001", "USD")])
def test_a_fraction_that_the_currency_does_not_have_is_refused(text: str, currency: str) -> None:
    with pytest.raises(Unsupported, match="finer"):
        money(text, currency)
