"""PayPal's amounts: decimal strings in major units, with its own currencies without decimals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import Unsupported
from billctl.gateways.paypal.amounts import THOUSANDTHS, WHOLE_ONLY, amount_step, from_wire, to_wire
from billctl.iso4217 import EXPONENTS
from billctl.money import Money

TAKEN = sorted(WHOLE_ONLY | THOUSANDTHS | {code for code, places in EXPONENTS.items() if places == 2})


@given(st.sampled_from(TAKEN), st.integers(min_value=0, max_value=10**12))
def test_an_amount_that_is_written_is_read_back(currency: str, steps: int) -> None:
    amount = Money(steps * amount_step(currency), currency)
    assert from_wire(to_wire(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        (Money(1250, "USD"), "12.50"),
        (Money(5, "EUR"), "0.05"),
        (Money(1250, "JPY"), "1250"),
        (Money(125_000, "HUF"), "1250"),
        (Money(30_000, "TWD"), "300"),
        (Money(1250, "TND"), "1.250"),
    ],
)
def test_amounts_are_written_in_paypals_form(amount: Money, value: str) -> None:
    assert to_wire(amount) == {"currency_code": amount.currency, "value": value}


@pytest.mark.parametrize(("currency", "minor"), [("HUF", 125_050), ("TWD", 1)])
def test_a_fraction_that_paypal_does_not_take_is_never_rounded(currency: str, minor: int) -> None:
    with pytest.raises(ValueError, match="finer than PayPal takes"):
        to_wire(Money(minor, currency))


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("10", "USD", 1000),
        ("10.5", "USD", 1050),
        (".5", "USD", 50),
        ("10.000", "USD", 1000),
        ("-7.25", "USD", -725),
        ("1250", "HUF", 125_000),
        ("1250.00", "HUF", 125_000),
        ("1250.00", "JPY", 1250),
    ],
)
def test_every_form_of_paypals_pattern_is_read(value: str, currency: str, minor: int) -> None:
    assert from_wire({"currency_code": currency, "value": value}) == Money(minor, currency)


def test_the_old_apis_amounts_are_read() -> None:
    assert from_wire({"currency": "USD", "total": "7.47"}) == Money(747, "USD")


@pytest.mark.parametrize("value", ["", ".", "-", "1,5", "1e3", "NaN", " 1", "1.234", "٥", "1" * 40])
def test_what_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"amount|fraction"):
        from_wire({"currency_code": "USD", "value": value})


@pytest.mark.parametrize("value", [10, 10.5, None, True])
def test_a_number_is_no_amount(value: object) -> None:
    with pytest.raises(TypeError, match="string"):
        from_wire({"currency_code": "USD", "value": value})


@pytest.mark.parametrize("currency", ["KWD", "KRW", "CLF", "XTS", "usd"])
def test_a_currency_of_uncertain_decimals_is_neither_read_nor_sent(currency: str) -> None:
    with pytest.raises(Unsupported, match="does not say how they are written"):
        amount_step(currency)
    with pytest.raises(Unsupported):
        from_wire({"currency_code": currency, "value": "10.00"})
