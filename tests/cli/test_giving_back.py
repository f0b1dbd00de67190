"""Shares, lines, ends with money back, reactivations, credits, PDFs and links on the command line."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from billctl.cli.app import run
from tests.cli.program import billctl
from tests.terminal import on_terminal
from tests.unit.acme import Acme
from tests.unit.generous import Generous, Opener, opened

__all__ = ["opened"]

WHY = ("--reason", "as agreed", "--yes")


@pytest.fixture
def shop(opened: Opener, tmp_path: Path) -> Callable[..., None]:
    """A profile `shop` at the generous gateway; called, it becomes what its keywords say."""
    opened()
    path = tmp_path / "config" / "profiles" / "shop.toml"

    def become(*, live: bool = False, gateway: str = "generous", says: str = "nothing") -> None:
        mode, more = ("live", 'account_id = "acme-1"\n') if live else ("test", "")
        path.write_text(f'mode = "{mode}"\n[accounts.a]\ngateway = "{gateway}"\nsays = "{says}"\n{more}')

    become()
    return become


def data(*arguments: str, code: int = 0) -> Any:
    """The data of a command's document."""
    ran = billctl("-p", "shop", "generous", *arguments, "-o", "json")
    assert ran.returncode == code, ran.stdout + ran.stderr
    return json.loads(ran.stdout)["data"]


def told(*arguments: str) -> tuple[int, str]:
    """The code and the talk of a command."""
    ran = billctl("-p", "shop", "generous", *arguments)
    return ran.returncode, ran.stderr


pytestmark = pytest.mark.usefixtures("shop")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("refund", "C1", "--percent", "25", "--full"),
            "say how much: --amount AMOUNT, --full, --percent P or",
        ),
        (("refund", "C1", "--line", "L1", "--amount", "1"), "one of them"),
        (("refund", "C1", "--percent", "200"), "'200' is not a percentage above 0 and up to 100"),
        (
            ("refund", "C1", "--percent", "0.01"),
            "0.01 % of 49.00 USD is no exact amount: it lies between 0.00 USD and 0.01 USD",
        ),
        (("refund", "C1", "--line", "a|b"), "'a|b' is no line of an invoice"),
        (("cancel", "S1", "--refund", "full"), "--refund goes with --now"),
        (("cancel", "S1", "--at-period-end", "--refund", "none"), "--refund goes with --now"),
        (("cancel", "S1", "--now", "--refund", "half"), "--refund 'half' is none of none, prorate, full"),
    ],
)
def test_a_wrong_call_is_a_usage_error_before_anything_is_asked(
    arguments: tuple[str, ...], said: str
) -> None:
    code, talk = told(*arguments, *WHY)
    assert code == 2
    assert said in talk
    assert "Nothing was sent." in talk
    assert Acme.made == []


def test_a_share_is_named_in_the_answer_and_its_plan() -> None:
    rehearsed = data("refund", "C1", "--percent", "25", "--reason", "late", "--dry-run")
    assert rehearsed["options"] == {"percent": "25"}
    assert rehearsed["plan"]["percent"] == "25 % of 49.00 USD"
    done = data("refund", "C1", "--percent", "25", *WHY)
    assert (done["options"], done["amount"]["amount"]) == ({"percent": "25"}, "12.25")


def test_lines_are_named_in_the_answer_its_plan_and_the_log() -> None:
    lines = ("--line", "L2", "--line", "L1:1")
    rehearsed = data("refund", "C1", *lines, "--reason", "broken", "--dry-run")
    assert rehearsed["plan"]["lines"] == "L1, 1 of it; L2, all that is left of it"
    done = data("refund", "C1", *lines, *WHY)
    assert (done["options"], done["amount"]["amount"]) == ({"line": "L1:1 L2"}, "15.00")
    (record,) = json.loads(billctl("audit", "show", str(done["audit"]["intent"]), "-o", "json").stdout)[
        "data"
    ]
    assert record["params"] == {"line": "L1:1 L2"}


def test_an_end_answers_with_what_was_given_back() -> None:
    done = data("cancel", "S1", "--now", "--refund", "prorate", *WHY)
    assert (done["action"], done["options"]) == ("cancel", {"refund": "prorate"})
    assert (done["amount"]["amount"], done["result"]["refund"]["id"]) == ("16.33", "R0")
    row = billctl("-p", "shop", "generous", "cancel", "S1", "--now", "--refund", "prorate", *WHY).stdout
    assert row.rstrip("\n").split("\t")[1:] == ["cancel", "a:S1", "already_done", "16.33", "USD", "S1"]


def test_an_end_without_a_refund_is_the_plain_end() -> None:
    first = data("cancel", "S1", "--now", *WHY)
    again = data("cancel", "S1", "--now", "--refund", "none", *WHY)
    assert (again["outcome"], again["operation"]) == ("already_done", first["operation"])
    assert Acme.made == []


def test_an_end_whose_refund_failed_ends_with_partial(shop: Callable[..., None]) -> None:
    shop(says="fails")
    done = data("cancel", "S1", "--now", "--refund", "full", *WHY, code=7)
    assert (done["outcome"], done["result"]["refund"]["status"]) == ("succeeded", "failed")
    again = billctl(
        *("-p", "shop", "generous", "cancel", "S1", "--now", "--refund", "full", *WHY, "-o", "table")
    )
    assert (again.returncode, again.stdout.splitlines()[0]) == (7, "Already done  a:S1, refund R0")
    assert "subscription S1 has ended, and its refund of 49.00 USD failed" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("cancel", "S1", "--now", "--refund", "full"), "Canceled  49.00 USD back  a:S1, refund R0"),
        (("reactivate", "S2"), "Reactivated  S2"),
        (("void-credit", "I1"), "Voided  I1"),
    ],
)
def test_on_a_terminal_a_line_says_what_was_done(arguments: tuple[str, ...], line: str) -> None:
    Generous.state["S2"] = "ending"
    ran = billctl("-p", "shop", "generous", *arguments, *WHY, "-o", "table")
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, line)


def test_live_money_back_is_confirmed_by_the_most_that_it_may_be(shop: Callable[..., None]) -> None:
    shop(live=True)
    words = (
        "-p",
        "shop",
        "generous",
        "cancel",
        "S1",
        "--now",
        "--refund",
        "prorate",
        "--reason",
        "as agreed",
    )
    code, shown = on_terminal("16.33\n", lambda: run(words))
    assert code == 8
    assert "up to 49.00 USD back" in shown
    assert "the amount typed is not the amount planned" in shown
    assert Generous.state == {}
    code, shown = on_terminal("49.00\n", lambda: run(words))
    assert code == 0
    assert "16.33 USD back  a:S1, refund R0" in shown


@pytest.mark.parametrize(
    ("arguments", "asked"), [(("reactivate", "S1"), "Reactivate?"), (("void-credit", "I1"), "Void credit?")]
)
def test_what_moves_no_money_is_asked_for_too(arguments: tuple[str, ...], asked: str) -> None:
    Generous.state["S1"] = "ending"
    code, shown = on_terminal(
        "n\n", lambda: run(("-p", "shop", "generous", *arguments, "--reason", "as agreed"))
    )
    assert code == 8
    assert f"{asked} [y/N]" in shown
    assert Generous.state == {"S1": "ending"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("refund", "C1", "--line", "L1", *WHY),
        ("cancel", "S1", "--now", "--refund", "full", *WHY),
        ("reactivate", "S1", *WHY),
        ("void-credit", "I1", *WHY),
        ("pdf", "I1", "--out", "i.pdf"),
        ("link", "I1"),
    ],
)
def test_a_gateway_that_cannot_says_so(
    shop: Callable[..., None], arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shop(gateway="acme")
    ran = billctl("-p", "shop", "acme", *arguments)
    assert ran.returncode == 2
    assert "acme cannot " in ran.stderr
    assert not (tmp_path / "i.pdf").exists()


# Help


def test_help_names_only_what_the_gateway_can() -> None:
    full, plain = (billctl(name, "--help").stdout for name in ("generous", "acme"))
    for command in ("reactivate", "void-credit", "pdf", "link"):
        assert f"\n  {command} " in full
        assert f"\n  {command} " not in plain
    for command, option in (("refund", "--line"), ("cancel", "--refund")):
        assert option in billctl("generous", command, "--help").stdout
        assert option not in billctl("acme", command, "--help").stdout


def test_the_table_of_gateways_names_below_what_few_have() -> None:
    table = billctl("gateways", "-o", "table").stdout.splitlines()
    also = "refund --line, cancel --refund, reactivate, void-credit, pdf, link"
    assert f"generous also has {also}" in table
    assert not [line for line in table if line.startswith("acme also")]
    rows = json.loads(billctl("gateways", "-o", "json").stdout)["data"]["gateways"]
    assert "void_credit" in next(row for row in rows if row["name"] == "generous")["capabilities"]
    assert f"{also.split(', ')}".replace("'", '"') in billctl("gateways", "-o", "ndjson").stdout.replace(
        '","', '", "'
    )


def test_an_invoice_is_shown_with_the_lines_that_can_be_refunded() -> None:
    shown = billctl("-p", "shop", "generous", "show", "I2", "-o", "table").stdout
    assert shown.endswith(
        "lines\n"
        "  id     amount  units left  what\n"
        "  L1  20.00 USD      1 of 2  Seats\n"
        "  L2                 ? of ?\n"
    )
    assert [line["id"] for line in data("show", "I2")["lines"]] == ["L1", "L2"]
    assert "lines" not in data("show", "I1")


# PDF and link


def test_a_pdf_goes_to_a_private_file_that_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    done = data("pdf", "a:I2", "--out", str(path))
    assert done == {"ref": "a:I2", "number": None, "file": str(path), "bytes": path.stat().st_size}
    assert path.read_bytes() == b"%PDF-1.4\r\n\x00\xff of I2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("mine")
    assert told("pdf", "I2", "--out", str(path))[0] == 2
    assert path.read_text() == "mine"
    assert told("pdf", "I2", "--out", str(path), "--force")[0] == 0
    assert path.read_bytes().startswith(b"%PDF")


def test_a_pdf_goes_into_a_pipe_as_it_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for more in ((), ("--out", "-")):
        assert run(("-p", "shop", "generous", "pdf", "I2", *more)) == 0
        assert capfdbinary.readouterr() == (b"%PDF-1.4\r\n\x00\xff of I2", b"")


@pytest.mark.parametrize("more", [("-o", "json"), ("--fields", "ref"), ("--jq", ".")])
def test_a_pdf_in_a_pipe_goes_with_no_other_output(more: tuple[str, ...]) -> None:
    code, talk = told("pdf", "I2", *more)
    assert code == 2
    assert "the PDF itself is the output" in talk


def test_a_pdf_is_not_written_to_a_terminal() -> None:
    code, shown = on_terminal("", lambda: run(("-p", "shop", "generous", "pdf", "I2")))
    assert code == 2
    assert "Name a file: --out invoice.pdf." in shown
    assert "%PDF" not in shown


def test_a_link_is_printed_alone_and_recorded_without_itself() -> None:
    ran = billctl("-p", "shop", "generous", "link", "I2")
    assert (ran.returncode, ran.stdout) == (0, "https://generous.example/account/token-of-P1\n")
    assert ran.stderr == (
        "billctl: whoever has this link opens the customer's page: give it to nobody else\n"
    )
    records = billctl("audit", "list", "-o", "json").stdout
    assert '"link"' in records
    assert "a:I2" in records
    assert "token-of" not in records
    assert "token-of" not in billctl("audit", "export", "-", "--format", "csv").stdout
