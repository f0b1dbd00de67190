"""What starting costs, as a multiple of the CPU that `python -c pass` takes in the same run.

Both are run in turns, so that a busy machine slows both; the medians are compared. The interpreter is
the one that runs the tests, never a shim, and the bytecode is written before anything is measured.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.program import PROGRAM, environment

RUNS = 15

LIMITS: dict[str, tuple[tuple[str, ...], float]] = {
    "version": (("--version",), 2.0),
    "root help": (("--help",), 8.0),
    "group help": (("stripe", "--help"), 8.5),
    "command help": (("stripe", "refund", "--help"), 8.5),
    "argument error": (("stripe", "refund"), 8.5),
    "unknown option": (("stripe", "refund", "--nonsense"), 8.5),
    "completion, bash": (("completion", "-o", "tsv", "bash", "--complete", "billctl stripe re"), 8.5),
    "completion, zsh": (("completion", "-o", "tsv", "zsh", "--complete", "billctl st"), 8.5),
    "completion, fish": (("completion", "-o", "tsv", "fish", "--complete", "billctl stripe refund --"), 8.5),
    "completion of an id": (
        ("completion", "-o", "tsv", "zsh", "--complete", "billctl -p sandbox stripe refund "),
        8.5,
    ),
}
"""Command line, and at how many bare interpreters it may cost."""


def cpu_seconds(command: Sequence[str | Path], env: Mapping[str, str]) -> float:
    """User and system time of one process and of all it waited for."""
    with subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def ratio(command: Sequence[str | Path], *, runs: int = RUNS) -> float:
    """The median CPU of `command` over that of a bare interpreter, run in turns."""
    env = {name: value for name, value in environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    bare = [sys.executable, "-c", "pass"]
    for warm in (command, command, bare):
        cpu_seconds(warm, env)
    pairs = [(cpu_seconds(bare, env), cpu_seconds(command, env)) for _ in range(runs)]
    return statistics.median(pair[1] for pair in pairs) / statistics.median(pair[0] for pair in pairs)


@pytest.mark.benchmark
@pytest.mark.parametrize("what", LIMITS)
def test_a_start_costs_no_more_than_so_many_bare_interpreters(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, limit = LIMITS[what]
    measured = ratio([PROGRAM, *arguments])
    with capsys.disabled():
        print(f"\n{what:22} {measured:5.2f} of at most {limit} bare interpreters")
    assert measured <= limit


@pytest.mark.benchmark
@pytest.mark.peer
def test_the_official_stripe_cli_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    peers = Path(os.environ.get("BILLCTL_PEERS") or Path(__file__).resolve().parents[2] / ".peers")
    if not (peers / "stripe").exists():
        pytest.skip("the Stripe CLI is not installed: run tests/peers/install")
    theirs = ratio([peers / "stripe", "--version"])
    ours = ratio([PROGRAM, "--version"])
    with capsys.disabled():
        print(f"\nStripe CLI --version   {theirs:5.2f} bare interpreters, billctl's {ours:.2f}")
    assert ours < theirs
