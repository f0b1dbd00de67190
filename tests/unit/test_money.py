"""Amounts: the grammar of what an operator types, exact arithmetic, ISO 4217 exponents."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import UsageError
from billctl.iso4217 import EXPONENTS
from billctl.money import DIGIT_FAMILIES, MAX_DIGITS, Money, exponent, parse
from tests.sources import nodes

CURRENCIES = sorted(EXPONENTS)


def in_family(text: str, family: str) -> str:
    """`text` with its ASCII digits written in another family, and that family's point."""
    return text.translate(
        {ord(c): family[i] for i, c in enumerate("0123456789")}
        | ({ord("."): "٫"} if family[0] != "0" else {})
    )


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("12.50", "USD", 1250),
        ("12.5", "USD", 1250),
        ("12", "USD", 1200),
        ("0.01", "USD", 1),
        ("007.5", "USD", 750),
        ("5", "JPY", 5),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("0.0001", "CLF", 1),
        ("١٢٫٥٠", "USD", 1250),
        ("١٢.٥٠", "USD", 1250),
        ("۱۲٫۵", "IRR", 1250),
        ("٣١٠٫٥٠٠", "KWD", 310500),
        ("12٫50", "USD", 1250),
        ("9" * 16 + ".99", "USD", int("9" * 18)),
    ],
)
def test_an_amount_is_read_exactly(typed: str, currency: str, minor: int) -> None:
    assert parse(typed, currency) == Money(minor, currency)


REFUSED = [
    ("", "it is empty"),
    ("0", "it is zero"),
    ("0.00", "it is zero"),
    ("000", "it is zero"),
    ("-5", "an amount has no sign"),
    ("+5", "an amount has no sign"),
    ("−5", "an amount has no sign"),
    ("10.001", "USD has 2 decimals"),
    ("1e3", "exponents are not read; write all the digits"),
    ("1E3", "exponents are not read; write all the digits"),
    ("1,234.50", "separators are ambiguous; write it like 1234.50"),
    ("1,5", "separators are ambiguous; write it like 1234.50"),
    ("1_000", "separators are ambiguous; write it like 1234.50"),
    ("1'000", "separators are ambiguous; write it like 1234.50"),
    ("1 000", "separators are ambiguous; write it like 1234.50"),
    (" 5", "separators are ambiguous; write it like 1234.50"),
    ("5 ", "separators are ambiguous; write it like 1234.50"),
    ("1\u00a0000", "separators are ambiguous; write it like 1234.50"),
    ("1\u202f000", "separators are ambiguous; write it like 1234.50"),
    ("5\t", "it has a blank in it"),
    ("5\n", "it has a blank in it"),
    (".5", "write digits on both sides of the point, like 12.50"),
    ("5.", "write digits on both sides of the point, like 12.50"),
    (".", "write digits on both sides of the point, like 12.50"),
    ("1.2.3", "it has two points"),
    ("1..2", "it has two points"),
    ("NaN", "write digits and at most one point, like 12.50"),
    ("Infinity", "write digits and at most one point, like 12.50"),
    ("inf", "write digits and at most one point, like 12.50"),
    *(
        (typed, "write the number alone, without a currency, like 12.50")
        for typed in ("$5", "5USD", "5 USD", "USD 5", "1,234.50 €", "١٢ ريال", "E5")
    ),
    ("5 \u202eUSD", "separators are ambiguous; write it like 1234.50"),
    ("0x10", "write digits and at most one point, like 12.50"),
    ("５", "write digits and at most one point, like 12.50"),
    ("५", "write digits and at most one point, like 12.50"),
    ("½", "write digits and at most one point, like 12.50"),
    ("5\u202e", "write digits and at most one point, like 12.50"),
    ("5\u200b", "write digits and at most one point, like 12.50"),
    ("1" * 17 + ".00", "it has more than 18 digits"),
    ("٠", "it is zero"),
    ("٠٫٠٠", "it is zero"),
    ("-٥", "an amount has no sign"),
    ("١٠٫٠٠١", "USD has 2 decimals"),
    ("١e٣", "exponents are not read; write all the digits"),
    ("١٬٢٣٤٫٥٠", "separators are ambiguous; write it like 1234.50"),
    ("١،٥", "separators are ambiguous; write it like 1234.50"),
    ("١٢۵", "it mixes two kinds of digits"),
    ("1٢", "it mixes two kinds of digits"),
    ("١٫٢٫٣", "it has two points"),
    ("١.٢٫٣", "it has two points"),
    ("٫٥", "write digits on both sides of the point, like 12.50"),
    ("٥٫", "write digits on both sides of the point, like 12.50"),
]


@pytest.mark.parametrize(("typed", "why"), REFUSED)
def test_anything_else_is_refused_with_the_reason(typed: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(typed, "USD")
    assert caught.value.code == "bad_amount"
    assert caught.value.line() == f"{typed!r} is not an amount: {why}. Nothing was sent."


@pytest.mark.parametrize(
    ("typed", "currency", "why"),
    [
        ("5.0", "JPY", "JPY has no decimals"),
        ("1.2345", "KWD", "KWD has 3 decimals"),
        ("1.00001", "CLF", "CLF has 4 decimals"),
        ("٥٫٠", "JPY", "JPY has no decimals"),
        ("١٫٢٣٤٥", "KWD", "KWD has 3 decimals"),
    ],
)
def test_more_decimals_than_the_currency_has_are_refused_never_rounded(
    typed: str, currency: str, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        parse(typed, currency)


def test_a_hostile_amount_is_shown_cut() -> None:
    with pytest.raises(UsageError) as caught:
        parse("9" * 10_000, "USD")
    assert len(caught.value.line()) < 150


@pytest.mark.parametrize("code", ["usd", "USDT", "", "XAU", "UsD"])
def test_a_currency_that_iso_does_not_list_is_refused(code: str) -> None:
    for use in (lambda: exponent(code), lambda: parse("1", code), lambda: Money(1, code)):
        with pytest.raises(UsageError) as caught:
            use()
        assert caught.value.code == "unknown_currency"


@pytest.mark.parametrize(
    ("expected", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
        (2, "MGA MRU IRR RSD HUF TWD IDR COP CRC EGP SAR AED USD EUR GBP"),
    ],
)
def test_exponents_are_those_of_iso_4217(expected: int, codes: str) -> None:
    assert {code: exponent(code) for code in codes.split()} == dict.fromkeys(codes.split(), expected)


def test_no_currency_has_another_number_of_decimals_than_the_table_above() -> None:
    unusual = {code for code, places in EXPONENTS.items() if places != 2}
    assert len(unusual) == 17 + 7 + 2


@given(st.sampled_from(CURRENCIES), st.integers(1, 10**MAX_DIGITS - 1), st.sampled_from(DIGIT_FAMILIES))
def test_every_amount_of_every_currency_comes_back_as_typed(currency: str, minor: int, family: str) -> None:
    money = Money(minor, currency)
    assert parse(in_family(money.decimal(), family), currency) == money
    assert money.data() == {"amount": money.decimal(), "minor": minor, "currency": currency}


@given(st.sampled_from(CURRENCIES), st.text(max_size=30))
def test_whatever_is_typed_is_an_exact_amount_or_a_usage_error(currency: str, typed: str) -> None:
    try:
        money = parse(typed, currency)
    except UsageError:
        return
    assert money.minor > 0
    assert parse(money.decimal(), currency) == money


@given(st.sampled_from(CURRENCIES), st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_sums_and_differences_are_exact(currency: str, left: int, right: int) -> None:
    a, b = Money(left, currency), Money(right, currency)
    assert (a + b).minor == left + right
    assert (a - b).minor == left - right
    assert (a < b, a <= b, a > b, a >= b) == (left < right, left <= right, left > right, left >= right)
    assert bool(a) == (left != 0)


@pytest.mark.parametrize("operator", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_currencies_never_mix(operator: str) -> None:
    with pytest.raises(ValueError, match="USD and EUR do not mix"):
        getattr(Money(1, "USD"), operator)(Money(1, "EUR"))
    assert Money(1, "USD") != Money(1, "EUR")


@pytest.mark.parametrize("minor", [1.0, True, "1", None])
def test_minor_units_are_integers_and_nothing_else(minor: object) -> None:
    with pytest.raises(TypeError, match="minor units are an int"):
        Money(minor, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (1250, "USD", "12.50 USD"),
        (5, "USD", "0.05 USD"),
        (-5, "USD", "-0.05 USD"),
        (-1250, "USD", "-12.50 USD"),
        (0, "USD", "0.00 USD"),
        (0, "JPY", "0 JPY"),
        (1234, "JPY", "1234 JPY"),
        (5, "KWD", "0.005 KWD"),
        (310500, "KWD", "310.500 KWD"),
        (1, "CLF", "0.0001 CLF"),
    ],
)
def test_money_is_shown_with_all_its_decimals(minor: int, currency: str, shown: str) -> None:
    assert str(Money(minor, currency)) == shown


def test_no_float_and_no_division_of_money_anywhere() -> None:
    """`float(` and `/ 100` on the way of money are how other programs lose cents (facts on money, 8)."""
    found = [
        f"{path.name}:{node.lineno}"
        for path, found_in in nodes().items()
        for node in found_in
        if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _is_power_of_ten(node.right))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Decimal")
    ]
    assert found == []


def _is_power_of_ten(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in {10, 100, 1000, 10_000}
