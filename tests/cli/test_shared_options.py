"""What every command shares: options before or after it, environment, forms, and one document always."""

import io
import json
import sys
from typing import Any

import pytest

from billctl.cli.app import run
from billctl.cli.layout import Cell, Line
from billctl.cli.options import Choices
from billctl.cli.output import Result, print_result
from tests.shop import PAID, WHY, Ran, Shop

SHOW = ("stripe", "show", PAID)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "json", *SHOW),
        ("stripe", "-o", "json", "show", PAID),
        ("stripe", "show", "-o", "json", PAID),
        (*SHOW, "-o", "json"),
        (*SHOW, "--output", "json"),
        (*SHOW, "--output=json"),
        ("--output", "csv", *SHOW, "--output", "json"),
    ],
)
def test_an_option_stands_before_or_after_the_command_and_the_last_one_counts(
    shop: Shop, arguments: tuple[str, ...]
) -> None:
    ran = shop.run(*arguments)
    assert (ran.code, ran.data["id"]) == (0, PAID)


def test_an_option_outranks_the_environment(shop: Shop) -> None:
    shop.env["BILLCTL_OUTPUT"] = "csv"
    assert shop.run(*SHOW).out.startswith("ref,")
    assert shop.run(*SHOW, "-o", "json").data["id"] == PAID
    shop.env["BILLCTL_PROFILE"] = "nowhere"
    assert shop.run(*SHOW, "-p", "shop").code == 0
    assert shop.run(*SHOW).code == 12


def test_a_wrong_form_in_the_environment_is_a_usage_error(shop: Shop) -> None:
    shop.env["BILLCTL_OUTPUT"] = "xml"
    ran = shop.run(*SHOW)
    assert ran.code == 2
    assert "'xml' is not an output format" in ran.line


def test_without_a_profile_it_says_the_two_ways_on(shop: Shop) -> None:
    del shop.env["BILLCTL_PROFILE"]
    ran = shop.run("lookup", "layla@example.com")
    assert ran.code == 12
    assert "--profile sandbox" in ran.line
    assert "billctl profile create" in ran.line


ENDINGS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "ok": (SHOW, 0, "ok"),
    "usage by the program": (("stripe", "refund", PAID, "--amount", "0", *WHY), 2, "usage"),
    "usage by the parser": (("stripe", "refund", PAID, "--nope"), 2, "usage"),
    "missing argument": (("stripe", "refund"), 2, "usage"),
    "missing command": (("stripe",), 2, "usage"),
    "unknown command": (("stripe", "refnd"), 2, "usage"),
    "unknown gateway": (("stripes",), 2, "usage"),
    "option without value": (("stripe", "show", PAID, "--account"), 2, "usage"),
    "not found": (("stripe", "show", "ch_SbxNobody"), 3, "not_found"),
    "refused": (("stripe", "refund", "ch_SbxLayla0000003", "--amount", "10.00", *WHY), 5, "refused"),
    "policy": (("stripe", "refund", PAID, "--amount", "5", "--reason", "no yes"), 8, "policy"),
    "config": (("-p", "nowhere", *SHOW), 12, "config"),
}


@pytest.mark.parametrize(("arguments", "code", "word"), ENDINGS.values(), ids=list(ENDINGS))
@pytest.mark.parametrize("place", ["first", "last"])
def test_json_is_one_document_however_it_ends(
    shop: Shop, arguments: tuple[str, ...], code: int, word: str, place: str
) -> None:
    option = ("--output", "json")
    if arguments[-1] == "--account" and place == "last":
        pytest.skip("the option would be taken for the missing value")
    ran = shop.run(*option, *arguments) if place == "first" else shop.run(*arguments, *option)
    assert ran.code == code
    document = ran.document
    assert list(document) == ["billctl", "command", "profile", "mode", "exit", "data", "errors", "warnings"]
    assert document["billctl"] == 1
    assert document["exit"] == {"code": code, "class": word}
    assert [e["class"] for e in document["errors"]] == ([word] if code else [])
    if code:
        assert document["errors"][0]["message"] == ran.line.removeprefix("billctl: ").removeprefix("stripe: ")


@pytest.mark.parametrize(("arguments", "code", "word"), ENDINGS.values(), ids=list(ENDINGS))
def test_ndjson_says_an_error_in_a_line_of_its_own(
    shop: Shop, arguments: tuple[str, ...], code: int, word: str
) -> None:
    ran = shop.run("-o", "ndjson", *arguments)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert all("type" in line for line in lines)
    assert [line["class"] for line in lines if line["type"] == "error"] == ([word] if code else [])


@pytest.mark.parametrize("form", ["table", "tsv", "csv"])
def test_other_forms_keep_stdout_for_data(shop: Shop, form: str) -> None:
    ran = shop.run("stripe", "show", "ch_SbxNobody", "-o", form)
    assert (ran.code, ran.out) == (3, "")
    assert ran.line.startswith("billctl: ")


def test_a_pipe_gets_tsv(shop: Shop) -> None:
    assert shop.run(*SHOW).out == shop.run(*SHOW, "-o", "tsv").out
    assert shop.run(*SHOW).out.startswith(f"stripe:{PAID}\t")


def test_no_colour_is_in_a_pipe_unless_it_is_forced(shop: Shop) -> None:
    assert "\x1b" not in shop.run(*SHOW, "-o", "table").out
    shop.env["CLICOLOR_FORCE"] = "1"
    assert "\x1b[" in shop.run(*SHOW, "-o", "table").out
    assert "\x1b" not in shop.run(*SHOW, "-o", "table", "--no-color").out
    assert "\x1b" not in shop.run(*SHOW, "-o", "json").out


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("stripe", "charges", "--limt", "3"), "No such option: --limt. Did you mean --limit?"),
        (("lookup", "x", "--quite"), "No such option: --quite. Did you mean --quiet?"),
        (("--profil", "shop", *SHOW), "No such option: --profil. Did you mean --profile?"),
        (("stripe", "charges", "--zzz"), "No such option: --zzz. Nothing"),
    ],
)
def test_a_mistyped_option_is_asked_after(shop: Shop, arguments: tuple[str, ...], suggestion: str) -> None:
    ran = shop.run(*arguments)
    assert ran.code == 2
    assert suggestion in ran.line


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv", "tsv"])
def test_a_stream_that_has_no_letter_for_a_name_gets_its_number(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii", write_through=True))
    for name, value in shop.env.items():
        monkeypatch.setenv(name, value)
    assert run(["lookup", "mariam@example.org", "-v", "-o", form]) == 0
    assert "\\u0645\\u0631\\u064a\\u0645" in written.getvalue().decode("ascii")


@pytest.mark.slow
def test_a_process_whose_streams_have_no_letter_for_a_name_gives_its_number(shop: Shop) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ran = shop.program("lookup", "mariam@example.org", "-v", "-o", "table", env=ascii_only)
    assert ran.code == 0, ran
    assert "\\u0645\\u0631\\u064a\\u0645" in ran.out
    assert ran.out.isascii()


@pytest.mark.parametrize(("term", "coloured"), [("dumb", False), (None, False), ("xterm", True)])
def test_a_terminal_that_may_not_know_colour_gets_none(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, term: str | None, coloured: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name, value in {"TERM": term, "NO_COLOR": None, "CLICOLOR_FORCE": None, "PAGER": None}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    screen = Terminal()
    view = [Line((Cell("red", "red"),))]
    print_result(Result(data={}, view=view), Choices(), screen)
    assert ("\x1b[" in screen.getvalue()) is coloured


def test_quiet_leaves_data_and_errors(shop: Shop) -> None:
    ran = shop.run("stripe", "resend", "in_SbxLayla000001", *WHY, "-q")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("op_")
    assert shop.run("stripe", "show", "ch_SbxNobody", "-q").line.startswith("billctl: ")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("id", {"id": PAID}),
        ("id,amount.minor", {"id": PAID, "amount.minor": 4900}),
        ("payment_method.last4", {"payment_method.last4": "4242"}),
        ("refunds.0.id", {"refunds.0.id": None}),
    ],
)
def test_fields_choose_columns_and_parts(shop: Shop, fields: str, expected: dict[str, Any]) -> None:
    assert shop.run(*SHOW, "--fields", fields, "-o", "json").data == [expected]


def test_jq_filters_the_document_and_says_texts_plainly(shop: Shop) -> None:
    def asked(expression: str, *more: str) -> Ran:
        return shop.run(*SHOW, "--jq", expression, *more)

    assert asked(".data.id").out == f"{PAID}\n"
    assert asked(".data.amount").out == '{"amount":"49.00","minor":4900,"currency":"USD"}\n'
    assert asked(".data | .id, .status").out == f"{PAID}\npaid\n"
    assert asked("empty").out == ""
    assert asked(".id", "-o", "ndjson").out == f"{PAID}\n"


def test_help_is_on_stdout_and_exits_0(shop: Shop) -> None:
    for arguments in ((), ("--help",), ("-h",), ("stripe", "--help"), ("stripe", "refund", "--help")):
        ran = shop.run(*arguments)
        assert (ran.code, ran.err) == (0, "")
        assert "Usage: billctl" in ran.out
        assert "billctl" in ran.out[ran.out.index("Examples:") :]


def test_the_program_starts_as_a_process_and_answers_alike(shop: Shop) -> None:
    ran = shop.program(*SHOW, "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document == shop.run(*SHOW, "-o", "json").document


@pytest.mark.parametrize("asked", [("--jq", 'error("x")'), ("--fields", "nosuch")])
def test_a_change_whose_answer_cannot_be_shown_as_asked_is_never_said_to_be_unsent(
    shop: Shop, asked: tuple[str, str]
) -> None:
    ran = shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY, "-o", "json", *asked)
    assert shop.refunds(PAID) == [1250]
    assert ran.code == 1
    assert ran.data["outcome"] == "succeeded"
    assert f"{ran.data['operation']} was sent, but its answer cannot be shown as asked" in ran.line
    assert "Nothing was sent" not in ran.out + ran.err
