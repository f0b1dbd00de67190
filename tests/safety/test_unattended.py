"""Without a terminal every command ends, asks nobody, and says in its exit code how it went.

Under cron there is no terminal, standard input is closed or empty, and the environment holds next to
nothing.
"""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.cli import prompts
from tests.gateway_shops import Street, open_street
from tests.safety.sampling import sampled
from tests.safety.test_secrets import lines
from tests.shop import SECONDS, WHY

CLASSES = {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15}
"""The exit codes of the contract but `internal` and those of signals."""
ASSENTS = {*WHY[2:], "--stdin"}
"""Without these words a person would be asked."""
ASKING = [line for line in lines() if ASSENTS & {*line} and line[:2] != ("audit", "purge")]
"""Not the purge: no record here is that old, so that it has nothing to ask."""


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with open_street(tmp_path) as opened:
        yield opened


def bare(line: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in line if word not in ASSENTS)


def test_no_command_asks_where_nobody_can_answer(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(question: str) -> str:
        raise AssertionError(f"asked: {question}")

    monkeypatch.setattr(prompts, "ask", ask)
    monkeypatch.setattr(prompts, "ask_secret", ask)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for line in ASKING:
        ran = street.run(*bare(line))
        assert ran.code in CLASSES - {0}, (line, ran)
        assert "asked:" not in ran.err
    assert {outcome for _, outcome in street.operations()} == {"denied"}


@pytest.mark.parametrize(
    ("stdin", "line"),
    [
        pytest.param(stdin, line, marks=sampled(number + place, of=2), id=f"{stdin}-{' '.join(line[:2])}")
        for place, stdin in enumerate(("<&-", "</dev/null"))
        for number, line in enumerate(lines())
    ],
)
def test_every_command_ends_in_an_empty_environment(
    street: Street, line: tuple[str, ...], stdin: str
) -> None:
    """A session of its own has no terminal that could be opened instead of the streams."""
    program = [sys.executable, "-m", "billctl", *bare(line)]
    env = street.env | {"HOME": str(street.state_dir.parent)}
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {stdin}', "sh", *program],
        check=False,
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        start_new_session=True,
    )
    assert done.returncode in CLASSES, done
    assert "Traceback" not in done.stderr
    assert not any(mark in done.stderr for mark in ("[y/N]", "Type ", "to confirm:"))
    if line in ASKING:
        assert done.returncode
