"""What is shown of text from outside, and what is recognised as secret in it."""

import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billctl.text import csv_cell, find_secret, mask, never_show, safe_lines, safe_text, visible_length


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Layla Haddad", "Layla Haddad"),
        ("ليلى حداد", "ليلى حداد"),
        ("\x1b[31mred\x1b[0m", "^[[31mred^[[0m"),
        ("a\rb\nc\td\x00e\x7f", "a^Mb^Jc^Id^@e^?"),
        ("\x9b31m", "^[[31m"),
        ("user\u202egnp.exe", "user<U+202E>gnp.exe"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("line\u2028sep", "line<U+2028>sep"),
        ("\ud800", "\ufffd"),
        ("e\u0301", "é"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_what_could_drive_a_terminal_is_shown(raw: str, shown: str) -> None:
    assert safe_text(raw) == shown


@given(st.text(st.characters(), max_size=200))
def test_nothing_shown_controls_anything(raw: str) -> None:
    shown = safe_text(raw)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not [c for c in shown if unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF"}]
    assert not [c for c in shown if unicodedata.bidirectional(c) in {"LRI", "RLI", "FSI", "PDI"}]
    assert shown == safe_text(shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\u3164\u3164\u3164",
        "\u2800",
        "\u115f\u1160\uffa0",
        "\u0301\u0302",
        "\ufe0f\u034f",
        "\t\n",
        "\u200b\u200b\u200b",
        "\u00a0\u2003",
        "\u202e\u202c",
    ],
)
def test_blank_means_that_nobody_could_read_it(text: str) -> None:
    assert visible_length(text) == 0


@pytest.mark.parametrize("text", ["ok", "سبب", "!", "👍"])
def test_readable_text_is_not_blank(text: str) -> None:
    assert visible_length(text) > 0


@pytest.mark.parametrize(
    "text",
    [
        "card 4242424242424242",
        "4242 4242 4242 4242",
        "378282-246310-005",
        "4242_4242_4242_4242",
        "4242/4242/4242/4242",
        "order 12 then 4242 4242 4242 4242 ok",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
    ],
)
def test_card_numbers_are_found_and_masked(text: str) -> None:
    assert find_secret(text) == "a card number"
    assert find_secret(mask(text)) is None
    assert mask(text)[-1:] == text[-1:]


@pytest.mark.parametrize(
    "text",
    ["sk_live_" + "abcdefgh12345678", "rk_test_" + "51AbCdEfGh", "Authorization: Bearer abcdefghijklmnop"],
)
def test_keys_are_found_and_masked(text: str) -> None:
    assert find_secret(text) == "an API key"
    assert find_secret(mask(text)) is None
    assert text[-8:] not in mask(text)


@pytest.mark.parametrize(
    "text",
    ["charged twice, see ticket", "zendesk:35436", "2026-11-21 14:02:00", "+49 170 1234567", "49.00 USD",
     "order 1234567890123456"],
)  # fmt: skip
def test_ordinary_reasons_hold_no_secret(text: str) -> None:
    assert find_secret(text) is None
    assert mask(text) == text


@given(st.text(max_size=300))
def test_masking_leaves_nothing_to_find(text: str) -> None:
    assert find_secret(mask(text)) is None


TRIGGERS = "=+-@\t\r\0\uff1d\uff0b\uff0d\uff20"
"""What a spreadsheet takes for the beginning of a formula."""
BEFORE = st.text(st.sampled_from(" \t\r\n\u00a0\u2003\u3000\ufeff\u200b'"), max_size=3)


@given(BEFORE, st.sampled_from(TRIGGERS), st.text(st.characters(), max_size=20))
def test_no_cell_is_a_formula_whatever_blanks_stand_before_it(before: str, trigger: str, rest: str) -> None:
    text = f"{before}{trigger}{rest}"
    assume(not re.fullmatch(r"-[0-9]+(\.[0-9]+)?", text))  # a number, which stays one
    cell = csv_cell(text)
    assert not cell.lstrip(" \u00a0\u2003\u3000\ufeff\u200b\n").startswith(tuple(TRIGGERS))


@pytest.mark.parametrize(
    "text", ["-1+1", "-10.00-cmd", "--1", "-", "-.5", "-1.", "-1e5", "+5", " -10.00", "-١٢", "-1\n"]
)
def test_what_only_looks_like_a_number_below_zero_is_quoted(text: str) -> None:
    assert csv_cell(text) == f"'{safe_lines(text)}"


@given(st.text(st.characters(), max_size=40))
def test_a_cell_is_the_safe_text_with_nothing_but_a_quote_before_it(text: str) -> None:
    assert csv_cell(text) in {safe_lines(text), f"'{safe_lines(text)}"}


@pytest.mark.parametrize(
    "text", ["", "-10.00", "-3750", "49.00 USD", "stripe:ch_1", "a-b", "a=b", "layla@example.com", "'quoted"]
)
def test_a_cell_that_runs_nothing_stays_as_it_is(text: str) -> None:
    assert csv_cell(text) == text


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_secret_is_known_by_its_value_whatever_its_form(before: str, after: str) -> None:
    secret = "opensesame-opensesame"
    never_show(secret)
    assert find_secret(f"{before}{secret}{after}") == "an API key"
    assert secret not in mask(f"{before}{secret}{after}")


def test_what_is_too_short_for_a_secret_is_not_looked_for() -> None:
    never_show("paid")
    assert mask("paid") == "paid"
