"""Completion: which words, from where, in which shells; the scripts are those in `completions/`."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import typer

from billctl.cli.app import app
from billctl.cli.completion import KEPT, remember
from billctl.cli.completion_scripts import FILES
from billctl.cli.completion_words import complete, split_line
from billctl.models import Record
from tests.cli.program import billctl, document, environment
from tests.matrix import often

COMPLETIONS = Path(__file__).resolve().parents[2] / "completions"


def words(line: str) -> list[str]:
    """What completion offers for `line`, in this process."""
    return [word.value for word in complete(typer.main.get_command(app), line)]


def write_profile(name: str, text: str) -> None:
    folder = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text)


KINDS: dict[str, type[Record]] = {
    kind: type(kind, (Record,), {"TYPE": kind, "OUTPUT": ()})
    for kind in ("customer", "charge", "subscription", "invoice")
}


def shown(kind: str, object_id: str, *, gateway: str = "stripe") -> Record:
    """A record as a command has just shown it."""
    return KINDS[kind](account=gateway, gateway=gateway, id=object_id)


# The scripts


@pytest.mark.parametrize("shell", FILES)
def test_the_shipped_script_is_the_one_that_the_program_prints(shell: str) -> None:
    assert billctl("completion", shell).stdout == (COMPLETIONS / FILES[shell]).read_text()


def test_every_shipped_script_has_its_shell() -> None:
    assert sorted(path.name for path in COMPLETIONS.iterdir()) == sorted(FILES.values())


def test_a_script_is_printed_as_it_is_whatever_the_environment_says_of_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = (COMPLETIONS / "billctl.bash").read_text()
    monkeypatch.setenv("BILLCTL_OUTPUT", "json")
    assert billctl("completion", "bash").stdout == script
    assert document("completion", "bash")["data"] == {"shell": "bash", "script": script}


def test_a_mistyped_shell_is_recognised() -> None:
    done = billctl("completion", "fihs")
    assert done.returncode == 2
    assert "Did you mean fish?" in done.stderr


# Words of the command tree


def test_commands_and_installed_gateways_are_offered() -> None:
    assert {"lookup", "stripe", "audit", "profile", "sandbox", "help"} <= set(words("billctl "))
    assert words("billctl st") == ["stripe"]
    assert words("billctl stripe re") == ["refund", "resend", "refunds"]
    assert words("/usr/bin/billctl sandbox re") == ["reset"]


def test_options_are_offered_once_a_dash_is_typed() -> None:
    assert words("billctl sandbox fault --se") == ["--seconds"]
    assert "--amount" not in words("billctl stripe refund ")
    assert "--amount" in words("billctl stripe refund --")


def test_an_option_that_was_given_is_not_offered_again() -> None:
    assert "--on" not in words('billctl sandbox fault --on "POST /v1/refunds" --')


def test_values_of_an_option_follow_it_with_a_blank_or_an_equals_sign() -> None:
    assert words("billctl -o js") == ["json"]
    assert words("billctl lookup --output=js") == ["--output=json"]


@pytest.mark.parametrize(
    "line", ["billctl --version ", "billctl stripe --help ", "billctl nonsense ", "billctl stripe nonsense r"]
)
def test_where_nothing_can_follow_nothing_is_offered(line: str) -> None:
    assert words(line) == []


@pytest.mark.parametrize(
    ("line", "split"),
    [
        ("", ([], "")),
        ("billctl", ([], "billctl")),
        ("billctl ", (["billctl"], "")),
        ('billctl lookup "Layla Ha', (["billctl", "lookup"], "Layla Ha")),
        ('billctl refund --reason "a b" --t', (["billctl", "refund", "--reason", "a b"], "--t")),
        ("billctl lookup ليلى", (["billctl", "lookup"], "ليلى")),
        ("billctl a#b ", (["billctl", "a#b"], "")),
    ],
)
def test_a_line_is_split_as_a_shell_splits_it(line: str, split: tuple[list[str], str]) -> None:
    assert split_line(line) == split


# Profiles and accounts


def test_profiles_are_the_users_own_and_the_shipped_ones() -> None:
    write_profile("shop", "")
    assert words("billctl -p ") == ["shop", "sandbox"]
    assert words("billctl stripe refund --profile=sh") == ["--profile=shop"]


TWO = """
[accounts.eu]
gateway = "stripe"
[accounts.us]
gateway = "stripe"
[accounts.old]
gateway = "elsewhere"
"""


def test_accounts_are_those_of_the_profile_chosen_on_the_line() -> None:
    write_profile("two", TWO)
    assert words("billctl -p two lookup --account ") == ["eu", "us", "old"]
    shipped = tomllib.loads((COMPLETIONS.parent / "profiles" / "sandbox.toml").read_text())
    assert words("billctl lookup -p sandbox --account ") == list(shipped["accounts"])
    assert words("billctl lookup --account ") == []


def test_accounts_in_a_gateways_group_are_those_of_that_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    write_profile("two", TWO)
    monkeypatch.setenv("BILLCTL_PROFILE", "two")
    assert words("billctl stripe charges --account ") == ["eu", "us"]
    assert words("billctl stripe refund ch_1 --account ") == ["eu", "us"]


@pytest.mark.parametrize("text", ["not toml [", "accounts = 3", "[accounts]\neu = 1"])
def test_a_profile_with_faults_offers_no_accounts_and_no_error(text: str) -> None:
    write_profile("bad", text)
    done = billctl("completion", "bash", "--complete", "billctl -p bad lookup --account ")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


# Ids seen lately


def test_ids_shown_lately_are_offered_latest_first_by_kind() -> None:
    remember("sandbox", [shown("charge", "ch_1"), shown("invoice", "in_1")])
    remember("sandbox", [shown("charge", "ch_2"), shown("subscription", "sub_1")])
    assert words("billctl -p sandbox stripe refund ") == ["ch_2", "ch_1"]
    assert words("billctl -p sandbox stripe cancel ") == ["sub_1"]
    assert words("billctl -p sandbox stripe resend ") == ["in_1"]
    assert words("billctl -p sandbox stripe show ") == ["ch_2", "sub_1", "ch_1", "in_1"]


def test_a_reference_that_is_pasted_in_part_is_completed_like_the_id_in_it() -> None:
    remember("sandbox", [shown("charge", "ch_1"), shown("charge", "ch_2"), shown("invoice", "in_1")])
    assert words("billctl -p sandbox stripe refund stripe:") == ["stripe:ch_1", "stripe:ch_2"]
    assert words("billctl -p sandbox stripe refund stripe:ch_2") == ["stripe:ch_2"]
    assert words("billctl -p sandbox stripe resend str") == ["stripe:in_1"]
    assert words("billctl -p sandbox stripe refund ch_2") == ["ch_2"]
    assert words("billctl -p sandbox stripe refund other:") == []


def test_ids_are_offered_only_under_their_profile_and_their_gateway() -> None:
    remember("sandbox", [shown("charge", "ch_1"), shown("charge", "TX9", gateway="paypal")])
    assert words("billctl -p sandbox stripe refund ") == ["ch_1"]
    assert words("billctl -p shop stripe refund ") == []
    assert words("billctl stripe refund ") == []


def recent_file(profile: str = "sandbox") -> Path:
    return Path(os.environ["BILLCTL_STATE_DIR"]) / "recent" / f"{profile}.tsv"


def test_only_kind_gateway_account_and_id_are_kept_for_the_user_alone() -> None:
    remember("sandbox", [shown("charge", "ch_1")])
    assert recent_file().read_text() == "charge\tstripe\tstripe\tch_1\n"
    assert recent_file().stat().st_mode & 0o777 == 0o600
    assert recent_file().parent.stat().st_mode & 0o777 == 0o700


def test_the_oldest_ids_are_forgotten() -> None:
    for number in range(KEPT + 5):
        remember("sandbox", [shown("charge", f"ch_{number}")])
    offered = words("billctl -p sandbox stripe refund ")
    assert len(offered) == KEPT
    assert (offered[0], offered[-1]) == (f"ch_{KEPT + 4}", "ch_5")


@pytest.mark.parametrize(
    "hostile", ["$(reboot)", "a;b", "a b", "a\tb", "a\nb", "`x`", "", "\u202eabc", "x" * 300, "&", "~root"]
)
def test_an_id_that_a_shell_would_act_on_is_neither_kept_nor_offered(hostile: str) -> None:
    remember("sandbox", [shown("charge", hostile), shown("charge", "ch_1")])
    assert recent_file().read_text() == "charge\tstripe\tstripe\tch_1\n"
    if hostile.isascii() and hostile.isprintable() and hostile:
        recent_file().write_text(f"charge\tstripe\tstripe\t{hostile}\n")
        assert words("billctl -p sandbox stripe refund ") == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"one\ttwo\n", b"\0" * 100])
def test_a_damaged_file_of_ids_is_no_obstacle(content: bytes) -> None:
    recent_file().parent.mkdir(parents=True)
    recent_file().write_bytes(content)
    assert words("billctl -p sandbox stripe refund ") == []
    remember("sandbox", [shown("charge", "ch_1")])
    assert words("billctl -p sandbox stripe refund ") == ["ch_1"]


def test_ids_that_cannot_be_kept_stop_nobody() -> None:
    Path(os.environ["BILLCTL_STATE_DIR"]).write_text("a file where the directory should be")
    remember("sandbox", [shown("charge", "ch_1")])
    assert words("billctl -p sandbox stripe refund ") == []


def test_a_real_lookup_leaves_its_ids_behind() -> None:
    found = document("--profile", "sandbox", "lookup", "layla@example.com")
    charges = [charge["id"] for charge in found["data"]["customers"][0]["charges"]]
    assert charges
    assert words("billctl -p sandbox stripe refund ") == charges
    assert "example.com" not in recent_file().read_text()


# In real shells


def test_bash_is_given_only_what_stands_after_its_last_break() -> None:
    script = """
    source "$SCRIPT"
    COMP_LINE='billctl --output=js' COMP_POINT=19
    _billctl billctl
    printf '%s\\n' "${COMPREPLY[@]}"
    COMP_WORDBREAKS=' '
    _billctl billctl
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    assert shell_output("bash", "--norc", "-c", script) == ["json", "--output=json"]


def test_fish_offers_words_with_their_help() -> None:
    script = 'source $SCRIPT; complete -C "billctl stripe resen"; complete -C "billctl -o js"'
    resend, output = shell_output("fish", "--no-config", "-c", script)
    assert resend.startswith("resend\t")
    assert output == "json"


@pytest.mark.slow
def test_fish_offers_files_where_one_is_wanted_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    script = 'source $SCRIPT; for word in "audit show" lookup "auth add x --from-file"; echo at $word; '
    script += 'complete -C "billctl $word note"; end'
    lines = shell_output("fish", "--no-config", "-c", script)
    assert [line.split("\t")[0] for line in lines] == [
        "at audit show",
        "at lookup",
        "at auth add x --from-file",
        "notes.txt",
    ]


def shell_output(shell: str, *arguments: str) -> list[str]:
    env = environment(SCRIPT=str(COMPLETIONS / FILES[shell]))
    command = [shell_program(shell), *arguments]
    done = subprocess.run(command, check=True, env=env, capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()


def shell_program(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed: install it with the system's package manager")
    return found


STARTED: dict[str, tuple[list[str], str]] = {
    "bash": (["--norc", "--noprofile", "-i"], 'source "$SCRIPT"'),
    "zsh": (["-f", "-i"], 'autoload -U compinit; compinit -u -D; source "$SCRIPT"'),
}


COMPLETED = {
    "billctl comp": "billctl completion",
    "billctl --output=js": "billctl --output=json",
    "billctl -p sandbox stripe refund stripe:ch_on": "billctl -p sandbox stripe refund stripe:ch_only",
    "billctl audit show note": "billctl audit show note",
    "billctl auth add x --from-file note": "billctl auth add x --from-file notes.txt",
    "billctl auth add x --from-file=note": "billctl auth add x --from-file=notes.txt",
}
"""What is typed before Tab, and what stands there after it."""
COMPLETED_ALIKE = {
    "billctl stripe resen": "billctl stripe resend",
    "billctl -o ndj": "billctl -o ndjson",
    "billctl help exit": "billctl help exit-codes",
    "billctl -p sandbox stripe refund ch_on": "billctl -p sandbox stripe refund ch_only",
    "billctl lookup note": "billctl lookup note",
    "billctl audit list --customer note": "billctl audit list --customer note",
    "billctl stripe refund ch_1 --reason-code note": "billctl stripe refund ch_1 --reason-code note",
}
"""More of what no shell does in a way of its own: what is offered is tested above, without one."""


@pytest.mark.parametrize("lines", [COMPLETED, pytest.param(COMPLETED_ALIKE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shell", often(STARTED, "bash"))
def test_tab_completes_on_a_terminal_and_offers_files_where_one_is_wanted_only(
    shell: str, lines: dict[str, str], tmp_path: Path
) -> None:
    remember("sandbox", [shown("charge", "ch_only")])
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "notes.txt").write_text("")
    assert on_terminal(shell, lines, folder) == lines


def on_terminal(shell: str, lines: Iterable[str], folder: Path) -> dict[str, str]:
    """What Tab makes of each of `lines` in `folder`: the shell itself is then told to print its line."""
    arguments, setup = STARTED[shell]
    env = environment(SCRIPT=str(COMPLETIONS / FILES[shell]), PS1="$ ", TERM="xterm")
    master, slave = pty.openpty()
    with subprocess.Popen(
        [shell_program(shell), *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=env,
        cwd=folder,
        process_group=0,
    ) as process:
        try:
            os.close(slave)
            os.write(master, f"{setup}; echo READY$((1+1))\n".encode())
            read_until(master, rb"READY2")
            return {typed: tabbed(master, typed) for typed in lines}
        finally:
            process.kill()
            os.close(master)


def tabbed(terminal: int, typed: str) -> str:
    os.write(terminal, f"{typed}\t\x01echo LINE: \n".encode())
    return read_until(terminal, rb"[\r\n]LINE: ([^\r\n]*)[\r\n]").strip()


def read_until(terminal: int, pattern: bytes) -> str:
    """The last group of `pattern`, once the terminal has shown it."""
    output, deadline = b"", time.monotonic() + 30
    while not (found := re.search(pattern, output)):
        assert time.monotonic() < deadline, output
        if select.select([terminal], [], [], 0.1)[0]:
            output += os.read(terminal, 65_536)
    return found[found.re.groups].decode()


def test_the_words_are_one_document_where_json_is_asked_for() -> None:
    done = billctl("completion", "zsh", "--complete", "billctl st", "-o", "json")
    data: Any = json.loads(done.stdout)["data"]
    assert [word["value"] for word in data["words"]] == ["stripe"]


def test_a_plan_is_offered_by_its_name_here_or_its_id_and_rows_by_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Path(os.environ["BILLCTL_STATE_DIR"]) / "batches"
    shelf.mkdir(parents=True)
    for name in ("bat_01A", "bat_01B"):
        (shelf / f"{name}.json").touch()
    for name in ("refund.plan", "rows.csv", "rows.ndjson", "a b.csv", "notes.md"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert words("billctl batch apply ") == ["refund.plan", "bat_01B", "bat_01A"]
    assert words("billctl batch show bat_01A") == ["bat_01A"]
    assert words("billctl batch run resend r") == ["rows.csv", "rows.ndjson"]
