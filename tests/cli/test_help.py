"""`billctl help`: topics that are true, and commands' own help."""

import importlib
import os
import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pexpect
import pytest
import typer

from billctl import errors
from billctl.cli.help import MEANINGS, TOPICS, exit_codes
from billctl.errors import BillctlError
from tests.cli.program import PROGRAM, billctl, document, environment

ROOT = Path(__file__).resolve().parents[2]


PROGRAM_IN_A_TOPIC = re.compile(r"^# verify.py$.*^# end$", re.MULTILINE | re.DOTALL)
"""Lines that are for Python to read, and as long as they are."""


def test_without_a_topic_all_are_listed() -> None:
    listed = billctl("help").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == list(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_a_text_that_fits_a_terminal(topic: str) -> None:
    done = billctl("help", topic)
    assert done.returncode == 0
    assert len(done.stdout) > 200
    text = PROGRAM_IN_A_TOPIC.sub("", done.stdout)
    if topic != "exit-codes":  # a table: as wide as its cells in a pipe, folded on a terminal
        assert [line for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic != "exit-codes"])
def test_examples_come_first(topic: str) -> None:
    lines = billctl("help", topic).stdout.splitlines()
    assert lines[2] == "Examples:"
    assert lines[3].startswith("  ")


def test_every_text_belongs_to_a_topic() -> None:
    files = {path.stem for path in (ROOT / "billctl" / "cli" / "topics").iterdir()}
    assert files | {"exit-codes"} == set(TOPICS)


COMMAND = re.compile(r"^ +billctl ([a-z]+(?: [a-z]+)?)", re.MULTILINE)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_commands_in_a_topics_examples_exist(topic: str) -> None:
    named = set(COMMAND.findall(billctl("help", topic).stdout))
    for words in sorted(named):
        command = words.split()
        if command[0] in {"acme", "lookup", "gateways"}:
            command = command[:1]
        if command != ["acme"]:
            assert billctl(*command, "--help").returncode == 0, command


# What a gateway's commands say of themselves

OWN = ("refund", "void", "cancel", "resend", "show", "charges", "invoices")


NEVER = {("braintree", "resend"), ("braintree", "invoices"), ("woocommerce", "void"), ("recurly", "void")} | {
    ("recurly", "resend")
}
"""What a gateway cannot do at all: of that there is no example."""


@pytest.mark.parametrize("gateway", ["stripe", "paypal", "braintree", "woocommerce", "recurly"])
@pytest.mark.parametrize("command", OWN)
def test_the_examples_of_a_gateways_command_are_that_gateways(gateway: str, command: str) -> None:
    shown = billctl("help", gateway, command).stdout
    examples = re.findall(r"^    billctl (.*)$", shown, re.MULTILINE)
    assert bool(examples) is ((gateway, command) not in NEVER)
    assert all(example.startswith(f"{gateway} {command}") for example in examples)


def test_the_help_of_what_a_gateway_cannot_do_says_so_and_what_instead() -> None:
    words = " ".join(billctl("help", "braintree", "resend").stdout.split())
    assert "braintree cannot resend an invoice. Braintree has no invoices" in words
    assert "another address (--to)" not in words
    assert "paypal cannot list subscriptions" in " ".join(
        billctl("help", "paypal", "subscriptions").stdout.split()
    )
    assert "cannot" not in billctl("help", "stripe", "cancel").stdout


@pytest.mark.parametrize(
    ("gateway", "verbs", "never"),
    [
        ("stripe", "Show, list, refund, void, cancel and resend at stripe.", []),
        ("paypal", "Show, list, refund, void, cancel and resend at paypal.", ["customers", "subscriptions"]),
        ("braintree", "Show, list, refund, void and cancel at braintree.", ["resend", "invoices"]),
        ("woocommerce", "Show, list, refund, cancel and resend at woocommerce.", ["void", "disputes"]),
        ("recurly", "Show, list, refund and cancel at recurly.", ["void", "resend", "disputes"]),
    ],
)
def test_a_gateways_help_promises_what_it_can_and_says_what_it_cannot(
    gateway: str, verbs: str, never: list[str]
) -> None:
    shown = billctl("help", gateway).stdout
    assert verbs in shown
    assert re.findall(rf"^  (\S+) +Not at {gateway}\.$", shown, re.MULTILINE) == never


@pytest.mark.parametrize("words", [("paypal",), ("paypal", "cancel")])
def test_no_example_asks_a_gateway_for_what_it_cannot_do(words: tuple[str, ...]) -> None:
    shown = billctl("help", *words).stdout
    assert re.search(r"^    billctl paypal cancel SUBSCRIPTION --now", shown, re.MULTILINE)
    assert not re.search(r"^    billctl .* --at-period-end", shown, re.MULTILINE)
    assert "--at-period-end" in billctl("help", "braintree", "cancel").stdout


# Exit codes


def error_classes() -> list[type[BillctlError]]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    # The signal decides the code of an interruption.
    return [kind for kind in kinds if issubclass(kind, BillctlError) and kind is not errors.Interrupted]


def test_the_exit_codes_are_those_of_the_error_classes_and_each_is_explained() -> None:
    shown = {row.code: row.word for row in exit_codes() if row.word != "interrupted"}
    assert shown == {0: "ok", 13: "note_pending"} | {kind.exit_code: kind.word for kind in error_classes()}
    assert set(MEANINGS) == {row.word for row in exit_codes()}


def contract() -> Path:
    path = (
        Path(os.environ.get("BILLCTL_SPECS") or ROOT.parent / "shared" / "specs").parent / "design" / "CLI.md"
    )
    if not path.is_file():
        pytest.skip("the command-line contract is not beside this checkout")
    return path


ROW = re.compile(r"^\| ([\d, ]+) \| (\S+) \| (.*) \| (.*) \|$", re.MULTILINE)


def test_the_exit_codes_are_those_of_the_contract() -> None:
    table = ROW.findall(contract().read_text())
    promised = [
        (int(code), "interrupted" if word == "–" else word, again.replace("`", ""))
        for codes, word, _, again in table
        for code in codes.split(",")
    ]
    assert len(promised) >= 19
    assert [(row.code, row.word, row.again) for row in exit_codes()] == promised


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13])
def test_what_an_exit_code_means_is_said_as_in_the_contract(code: int) -> None:
    meant = {codes: meaning for codes, _, meaning, _ in ROW.findall(contract().read_text())}
    assert next(row.meaning for row in exit_codes() if row.code == code) == meant[str(code)]


def test_no_meaning_is_cut_on_a_narrow_terminal() -> None:
    child = pexpect.spawn(
        str(PROGRAM), ["help", "exit-codes"], env=environment(), encoding="utf-8", dimensions=(99, 80)
    )
    shown = child.read()
    child.close()
    assert "…" not in shown
    words = " ".join(shown.split())
    assert "another run holds it, or an identical operation is open or already done" in words


def test_exit_codes_in_a_pipe_are_rows() -> None:
    rows = [line.split("\t") for line in billctl("help", "exit-codes").stdout.splitlines()]
    assert rows[6] == ["6", "unknown", "it may have happened: `billctl audit reconcile`", "never blindly"]


# Truth


def test_the_policy_topics_example_is_a_policy_and_has_every_key() -> None:
    from billctl.profiles.policy_table import EXAMPLES

    topic = billctl("help", "policy").stdout
    example = topic[topic.index("  [policy]\n") : topic.index("\nAmounts are")]
    assert sorted(tomllib.loads(example)["policy"]) == sorted(EXAMPLES)
    folder = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles"
    folder.mkdir(mode=0o700, parents=True)
    text = f'mode = "test"\n[accounts.stripe]\ngateway = "stripe"\n{example}'
    (folder / "shop.toml").write_text(text)
    checked = billctl("--profile", "shop", "profile", "show", "-o", "json")
    assert checked.returncode == 0, checked.stderr


def test_the_output_topic_names_every_shared_option() -> None:
    from billctl.cli.options import FORMATS, shared_options

    topic = billctl("help", "output").stdout
    names = chain.from_iterable(option.opts for option in shared_options())
    assert [name for name in names if name not in topic] == []
    assert [name for name in FORMATS if name not in topic] == []


# Commands

MINE = ("sandbox", "auth", "profile")
"""Groups whose members' lines are held to a length that no terminal of 80 columns cuts."""


@pytest.mark.parametrize("group", MINE)
def test_the_first_line_of_every_members_help_fits_beside_its_name(group: str) -> None:
    members: Any = app_of(group).commands
    assert len(members) >= 3
    for command in members.values():
        first = command.help.splitlines()[0]
        assert len(first) <= 55, first
        assert first.endswith("."), first
    assert "..." not in billctl(group, "--help").stdout.partition("Commands:")[2]


def app_of(group: str) -> Any:
    return typer.main.get_command(importlib.import_module(f"billctl.cli.{group}").app)


@pytest.mark.parametrize(
    "command",
    [*(f"{group} {name}" for group in MINE for name in app_of(group).commands), "completion", "doctor"],
)
def test_what_stands_for_a_value_is_in_capitals(command: str) -> None:
    usage, *lines = billctl(*command.split(), "--help").stdout.splitlines()
    text = "\n".join(lines)
    assert "<str>" not in text
    assert not re.search(r"^  (?:-\S+ )*--\S+ [a-z]+(?:  |$)", text, re.MULTILINE)
    assert not re.search(r"\s\[?[a-z]+\]?$", usage.removeprefix(f"Usage: billctl {command}"))


@pytest.mark.parametrize("command", [("stripe", "refund"), ("sandbox",), ("sandbox", "fault"), ("lookup",)])
def test_help_of_a_command_is_the_commands_own(command: tuple[str, ...]) -> None:
    asked = billctl("help", *command)
    assert asked.returncode == 0
    assert asked.stdout == billctl(*command, "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("exitcodes",), "Did you mean exit-codes?"),
        (("lokup",), "Did you mean lookup?"),
        (("stripe", "refnd"), "Did you mean refund or refunds?"),
        (("lookup", "more"), "See `billctl lookup --help`."),
        (("zzzz",), "See `billctl help`."),
    ],
)
def test_what_does_not_exist_is_refused_with_a_suggestion(words: tuple[str, ...], said: str) -> None:
    done = billctl("help", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_topic_is_one_document_in_json() -> None:
    data = document("help", "secrets")["data"]
    assert data["about"] == "secrets"
    assert data["text"].startswith("Secrets:")
