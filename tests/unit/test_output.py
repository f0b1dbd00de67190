"""What is printed: five forms of the same records, none of which can drive a terminal or a spreadsheet."""

import csv
import io
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.cli.layout import Column, Grid, Line, render
from billctl.cli.options import Choices
from billctl.cli.output import (
    Result,
    cell_text,
    envelope,
    fold,
    known_fields,
    look,
    print_result,
    with_account,
)
from billctl.errors import Refused, UsageError
from billctl.text import to_json

ANY_TEXT = st.text(st.characters(), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
DRIVING = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}


def printed(result: Result, output: str, **chosen: Any) -> str:
    stream = io.StringIO()
    print_result(result, Choices(output=output, **chosen), stream)
    return stream.getvalue()


def of(*records: dict[str, Any], columns: tuple[str, ...] = ("a", "b")) -> Result:
    return Result(data=list(records), records=records, columns=columns)


# JSON


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    assert json.loads(to_json(value)) == value
    assert json.loads(to_json(value, indent=2)) == value


@given(JSON)
def test_json_has_no_character_that_drives_a_terminal(value: Any) -> None:
    text = to_json(value)
    assert not [c for c in text if unicodedata.category(c) in DRIVING]
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ليلى حداد", '"ليلى حداد"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\x9b", '"\\u009b"'),
        ("\u202ex", '"\\u202ex"'),
        ("\u2028", '"\\u2028"'),
        ("\ud800", '"\\ud800"'),
        ("\U000e0041", '"\\udb40\\udc41"'),
        ("👍", '"👍"'),
    ],
)
def test_json_keeps_letters_and_escapes_what_is_not_seen(text: str, shown: str) -> None:
    assert to_json(text) == shown


def test_the_envelope_has_the_contracts_fields_in_its_order() -> None:
    error = Refused("stripe refused", code="charge_already_refunded", account="stripe")
    document = envelope(
        Result(data={"x": 1}, error=error, warnings=["w"], profile="shop", mode="test"),
        Choices(command="stripe refund"),
    )
    assert list(document) == ["billctl", "command", "profile", "mode", "exit", "data", "errors", "warnings"]
    assert document["exit"] == {"code": 5, "class": "refused"}
    assert document["errors"] == [
        {
            "class": "refused",
            "code": "charge_already_refunded",
            "message": "stripe refused (charge_already_refunded). Nothing changed.",
            "account": "stripe",
        }
    ]


def test_an_error_in_json_is_masked() -> None:
    error = Refused("key sk_live_abcdefgh12345678 and card 4242 4242 4242 4242")
    text = printed(Result(data={}, error=error), "json")
    assert "abcdefgh12345678" not in text
    assert "4242 4242 4242" not in text


# CSV and TSV


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\0"])
def test_a_cell_that_a_spreadsheet_would_run_is_prefixed(start: str) -> None:
    rows = list(csv.reader(io.StringIO(printed(of({"a": f"{start}cmd()", "b": "x"}), "csv"))))
    assert rows[1][0].startswith("'")
    assert rows[1][1] == "x"


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=5))
def test_csv_has_a_row_a_record_and_no_formula(cells: list[tuple[str, str]]) -> None:
    records = [{"a": a, "b": b} for a, b in cells]
    text = printed(of(*records), "csv")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["a", "b"]
    assert len(rows) == len(records) + 1
    for row in rows[1:]:
        assert len(row) == 2
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))]
    assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cs"} and c != "\n"]


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=5))
def test_tsv_has_a_line_a_record_whatever_is_in_it(cells: list[tuple[str, str]]) -> None:
    records = [{"a": a, "b": b} for a, b in cells]
    text = printed(of(*records), "tsv")
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(records)
    assert all(line.count("\t") == 1 for line in lines)
    assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cs"} and c not in "\t\n"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        ("x", "x"),
        ({"amount": "12.50", "minor": 1250, "currency": "USD"}, "12.50 USD"),
        ({"amount": "1", "currency": "USD", "more": 1}, '{"amount":"1","currency":"USD","more":1}'),
        ([1, "a"], '[1,"a"]'),
        ([], "[]"),
    ],
)
def test_a_cell_says_a_value_in_a_word(value: object, text: str) -> None:
    assert cell_text(value) == text


# NDJSON


def test_ndjson_is_a_record_a_line_and_then_what_failed() -> None:
    result = of({"type": "x", "a": 1}, {"type": "x", "a": 2})
    result.errors = [Refused("no", account="us")]
    lines = [json.loads(line) for line in printed(result, "ndjson").splitlines()]
    assert [line["type"] for line in lines] == ["x", "x", "error"]
    assert lines[-1]["account"] == "us"


# Fields and jq


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", {"b": [{"c": 1}]}),
        ("a.b", [{"c": 1}]),
        ("a.b.0.c", 1),
        ("a.b.1.c", None),
        ("x", None),
        ("a.b.c", None),
    ],
)
def test_a_dotted_path_finds_a_part_or_nothing(path: str, value: object) -> None:
    assert look({"a": {"b": [{"c": 1}]}}, path) == value


def test_fields_choose_in_every_form() -> None:
    result = of({"a": 1, "b": {"c": "x"}})
    fields = ("b.c", "a")
    assert printed(result, "tsv", fields=fields) == "x\t1\n"
    assert printed(result, "csv", fields=fields) == "b.c,a\nx,1\n"
    assert json.loads(printed(result, "ndjson", fields=fields)) == {"b.c": "x", "a": 1}
    assert json.loads(printed(result, "json", fields=fields))["data"] == [{"b.c": "x", "a": 1}]
    assert printed(result, "table", fields=fields).split() == ["b.c", "a", "x", "1"]


def test_an_unknown_field_is_a_usage_error_that_lists_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        known_fields([{"a": 1, "b": 2}], ["c"])
    assert (caught.value.code, caught.value.hint) == ("bad_field", "Fields: a, b.")
    known_fields([], ["c"])


def test_a_text_that_jq_finds_drives_nothing() -> None:
    result = of({"a": "Mal\x1b[31mice\u202e\nnext"})
    assert printed(result, "json", jq=".data[0].a") == "Mal^[[31mice<U+202E>\nnext\n"
    assert printed(result, "ndjson", jq=".a") == "Mal^[[31mice<U+202E>\nnext\n"


def test_a_quiet_success_prints_nothing_in_a_table_and_data_elsewhere() -> None:
    result = of({"a": 1, "b": 2})
    result.success_is_silent = True
    assert printed(result, "table", quiet=True) == ""
    assert printed(result, "tsv", quiet=True) == "1\t2\n"


# Errors


@pytest.mark.parametrize(
    ("message", "names_it"),
    [
        ("shop.example counts as a live store", False),
        ("https://my-shop.example answered HTML", False),
        ("the workshop is closed", False),
        ("no answer from shop within 5 s", True),
        ("Shop says: no", True),
        ("there is no key for shop.", True),
        ("shop:1042 is not found", True),
        ("'shop' is closed", True),
    ],
)
def test_an_error_is_told_after_its_account_unless_it_names_it(message: str, names_it: bool) -> None:
    told = with_account(Refused(message, code="no", account="shop"), message)
    assert told == (message if names_it else f"shop: {message}")


# Tables on a terminal


IDS = ("stripe:ch_3MmlLrLkdIwHu7ix0snN0B15", "stripe:ch_3MmlLrLkdIwHu7ix0snN0B16")
LIST = Grid(
    (
        *(Column("seq", right=True), Column("when"), Column("who", whole=False, kept=True)),
        *(Column("charge"), Column("amount", right=True), Column("status")),
        *(Column("brand", whole=False), Column("reason", whole=False, kept=True)),
    ),
    (
        ("12", "2026-11-21 14:02 +03:00", "amina", IDS[0], "49.00 USD", "paid", "visa", "wrong item"),
        ("1043", "2026-11-18 09:15 +03:00", "cron", IDS[1], "310.500 KWD", "unknown", "visa", "word " * 60),
    ),
)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("indent", [0, 4])
def test_ids_money_dates_and_statuses_are_whole_at_every_width(width: int, indent: int) -> None:
    shown = render([Grid(LIST.columns, LIST.rows, indent=indent)], colour=False, width=width)
    for row in LIST.rows:
        for cell, column in zip(row, LIST.columns, strict=True):
            assert isinstance(cell, str)
            if column.whole:
                assert cell in shown
    assert "wrong item" in shown
    # Below its row a text has what the line still holds, and no less than is readable.
    assert "word word word word w" in shown
    assert all(len(line) <= width for line in shown.splitlines())


def test_a_row_that_fits_stays_one_line_and_what_does_not_fit_goes_below_it() -> None:
    assert render([LIST], colour=False, width=200).count("\n") == 3
    grid = Grid(
        (
            Column("date"),
            Column("charge"),
            Column("amount", right=True),
            Column("status"),
            Column(whole=False),
        ),
        (
            ("2026-11-18", IDS[0], "49.00 USD", "paid", "a flexible text"),
            ("2026-11-18", IDS[1], "310.500 KWD", "20.00 back on 2026-11-21", "another"),
        ),
    )
    assert render([grid], colour=False, width=72).splitlines() == [
        "date        charge                                   amount  status",
        f"2026-11-18  {IDS[0]}    49.00 USD  paid",
        f"2026-11-18  {IDS[1]}  310.500 KWD",
        "  20.00 back on 2026-11-21  another",
    ]


def test_a_text_too_long_for_its_column_takes_what_its_own_row_leaves_free_before_it() -> None:
    grid = Grid(
        (Column("charge"), Column("status"), Column("paid with", whole=False)),
        (
            ("ch_1", "paid", "MasterCard 8990"),
            ("ch_2", "paid", "visa 4242"),
            ("ch_3", "20.00 back on 2026-11-21", "visa 4242"),
            ("ch_4", "paid", "a very long name of a method of payment 4242"),
        ),
    )
    assert render([grid], colour=False, width=40).splitlines() == [
        "charge  status                 paid with",
        "ch_1    paid             MasterCard 8990",
        "ch_2    paid                   visa 4242",
        "ch_3    20.00 back on 2026-11-21  v…4242",
        "ch_4    paid  a very long name of a…4242",
    ]


def test_what_is_cut_keeps_the_digits_at_its_end_and_without_room_for_them_its_beginning() -> None:
    texts = ("American Express 3456", "order 104212", "Direct bank transfer", "12345678901234567890")
    grid = Grid((Column(), Column(whole=False)), tuple(("i" * 28, text) for text in texts))
    assert [line[30:] for line in render([grid], colour=False, width=40).splitlines()] == [
        "Ameri…3456",
        "ord…104212",
        "Direct ba…",
        "123456789…",
    ]


def test_a_long_text_in_the_last_column_goes_on_below_itself_and_no_word_is_parted() -> None:
    text = "one two three " * 4
    grid = Grid((Column(), Column()), (("id", IDS[0]), ("reason", text), ("why", text), ("url", "x" * 50)))
    assert render([grid], colour=False, width=45).splitlines() == [
        f"id      {IDS[0]}",
        "reason  one two three one two three one two",
        "        three one two three",
        "why     one two three one two three one two",
        "        three one two three",
        "url",
        "  " + "x" * 50,
    ]


def test_a_command_in_a_text_that_goes_on_below_itself_is_never_parted() -> None:
    text = "Until then it can go on: `billctl recurly reactivate S1 --reason …`. No more."
    assert render([Grid((Column(), Column()), (("note", text),))], colour=False, width=60).splitlines() == [
        "note  Until then it can go on:",
        "      `billctl recurly reactivate S1 --reason …`. No more.",
    ]


@given(st.lists(st.text("abc123:_", min_size=1, max_size=60), min_size=1, max_size=6), st.integers(40, 130))
def test_words_are_whole_on_a_terminal_of_any_width(words: list[str], width: int) -> None:
    grid = Grid(tuple(Column() for _ in words), (tuple(words),))
    assert render([grid], colour=False, width=width).split() == words
    line = render([Line(tuple(words))], colour=False, width=width)
    assert line.split() == words
    assert all(len(part) <= max(width, *(len(w) + 2 for w in words), 0) for part in line.splitlines())


def test_a_line_for_a_person_is_folded_between_words_and_no_command_is_parted() -> None:
    line = "billctl: no answer; it may have happened. Do not send it again: run `billctl audit reconcile`."
    assert fold(line, None) == fold(line, 120) == line
    assert fold(line, 60).splitlines() == [
        "billctl: no answer; it may have happened. Do not send it",
        "  again: run `billctl audit reconcile`.",
    ]
    command = "`" + "word " * 20 + "`"
    assert fold(f"run {command}", 40) == f"run\n  {command}"


def test_in_a_pipe_nothing_is_cut_or_folded() -> None:
    shown = render([LIST], colour=False, width=None)
    assert shown.count("\n") == 3
    assert "…" not in shown


# Silence


@pytest.mark.parametrize("chosen", [{}, {"quiet": True}, {"verbose": True}])
def test_a_silent_answer_prints_nothing_where_nobody_asked(chosen: dict[str, Any]) -> None:
    result = of({"type": "row", "a": 1})
    result.silent_unless_asked = True
    stream = io.StringIO()
    print_result(result, Choices(**chosen), stream)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("chosen", [{"output": "tsv"}, {"fields": ("a",)}, {"jq": "."}])
def test_a_silent_answer_is_printed_where_a_format_was_asked_for(chosen: dict[str, Any]) -> None:
    result = of({"type": "row", "a": 1})
    result.silent_unless_asked = True
    stream = io.StringIO()
    print_result(result, Choices(**chosen), stream)
    assert "1" in stream.getvalue()


def test_a_silent_answer_is_printed_in_the_format_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLCTL_OUTPUT", "json")
    result = of({"type": "row", "a": 1})
    result.silent_unless_asked = True
    stream = io.StringIO()
    print_result(result, Choices(), stream)
    assert json.loads(stream.getvalue())["data"] == [{"type": "row", "a": 1}]
