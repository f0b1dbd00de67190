"""What a short command must not load: the modules of a real process are counted, not its seconds."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from billctl.registry import CACHE
from tests.cli.program import SECONDS

HEAVY = frozenset(
    {
        "rich",
        "pydantic",
        "requests",
        "urllib3",
        "http.client",
        "keyring",
        "asyncio",
        "importlib.metadata",
        "platformdirs",
        "stripe",
        "paypalrestsdk",
        "braintree",
        "recurly",
        "sqlite3",
        "typer.rich_utils",
    }
)

PROBE = """
import sys
from billctl.__main__ import main
sys.argv = ["billctl", *sys.argv[1:]]
code = main()
sys.stdout.flush()
print("\\nMODULES", code, *sys.modules, file=sys.stderr)
"""

COMMANDS: dict[str, tuple[tuple[str, ...], int]] = {
    "version": (("--version",), 0),
    "root help": (("--help",), 0),
    "root help without arguments": ((), 0),
    "group help": (("stripe", "--help"), 0),
    "group help of a gateway without an SDK": (("woocommerce", "--help"), 0),
    "command help": (("stripe", "refund", "--help"), 0),
    "command help of the last gateway": (("recurly", "refund", "--help"), 0),
    "help of our own group": (("sandbox", "--help"), 0),
    "help of our own command": (("lookup", "--help"), 0),
    "a topic": (("help", "exit-codes"), 0),
    "a script": (("completion", "zsh"), 0),
    "no argument where one is needed": (("stripe", "refund"), 2),
    "no command where one is needed": (("stripe",), 2),
    "an unknown option": (("stripe", "refund", "--nonsense"), 2),
    "an unknown command": (("strpe",), 2),
    "an error in JSON": (("stripe", "refund", "-o", "json"), 2),
    "completion of a command in bash": (("completion", "bash", "--complete", "billctl st"), 0),
    "completion of a command in zsh": (("completion", "zsh", "--complete", "billctl stripe re"), 0),
    "completion of an id in zsh": (
        ("completion", "zsh", "--complete", "billctl -p sandbox stripe refund "),
        0,
    ),
    "completion of a profile in fish": (("completion", "fish", "--complete", "billctl -p "), 0),
    "completion of an account in fish": (
        ("completion", "fish", "--complete", "billctl -p sandbox stripe charges --account "),
        0,
    ),
}


def loaded(arguments: tuple[str, ...], code: int) -> set[str]:
    """The modules of a process after it has run this command line."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE, *arguments],
        check=True,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    word, exit_code, *modules = done.stderr.splitlines()[-1].split()
    assert (word, int(exit_code)) == ("MODULES", code), done.stderr
    return set(modules)


@cache
def entry_points() -> bytes:
    """The table of what is installed, which a first command reads and keeps for all after it."""
    loaded(("gateways",), 0)
    return Path(os.environ["BILLCTL_STATE_DIR"], CACHE).read_bytes()


ALIKE = {
    "root help without arguments",
    "group help",
    "group help of a gateway without an SDK",
    "command help",
    "help of our own group",
    "a script",
    "no argument where one is needed",
    "no command where one is needed",
    "an unknown command",
    "command help of the last gateway",
    "help of our own command",
    "a topic",
    "an unknown option",
    "completion of a command in bash",
    "completion of a command in zsh",
    "completion of a profile in fish",
}
"""They come by what another command comes by too."""


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=pytest.mark.slow if what in ALIKE else ()) for what in COMMANDS]
)
def test_a_short_command_loads_nothing_heavy(what: str) -> None:
    arguments, code = COMMANDS[what]
    kept = entry_points()
    state = Path(os.environ["BILLCTL_STATE_DIR"])
    state.mkdir(mode=0o700, exist_ok=True)
    (state / CACHE).write_bytes(kept)
    assert loaded(arguments, code) & HEAVY == set()


def test_the_version_is_told_before_anything_is_loaded() -> None:
    assert not {"typer", "billctl.cli", "json", "re"} & loaded(("--version",), 0)


@pytest.mark.slow
def test_what_is_counted_would_be_noticed() -> None:
    assert {"rich", "sqlite3", "stripe"} <= loaded(
        ("--profile", "sandbox", "lookup", "layla@example.com", "-o", "table"), 0
    )
