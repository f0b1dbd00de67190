"""`--jq` is jq, and no program given to it can run for ever, grow without end, or read a key."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from billctl.cli import jq_filter
from billctl.cli.jq_filter import run_jq
from billctl.errors import UsageError

DOCUMENT = {"data": [{"n": 1}, {"n": 3}]}


def refusal(expression: str, document: object = None) -> str:
    """The one line in which an expression is refused."""
    with pytest.raises(UsageError) as caught:
        run_jq(expression, [document])
    assert caught.value.code == "bad_jq"
    line = caught.value.line()
    assert "\n" not in line
    return line


def test_jq_is_jq() -> None:
    assert run_jq(".data | map(.n) | add", [DOCUMENT]) == [4]
    assert run_jq('.data[].n, "é"', [DOCUMENT, {"data": []}]) == [1, 3, "é", "é"]
    assert run_jq("empty", [DOCUMENT]) == []
    assert run_jq(".", []) == []


@pytest.mark.parametrize("expression", [".data[", "error", "error(null)", "error({a: 1})", "input", ""])
def test_a_wrong_expression_is_a_usage_error_of_one_line(expression: str) -> None:
    assert refusal(expression, DOCUMENT).startswith("--jq: ")


def test_an_expression_sees_no_environment_and_no_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BILLCTL_STRIPE_API_KEY", "sk_test_canary0123456789")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".jq").write_text('def planted: "read";')
    seen = json.dumps(run_jq("$ENV, env, ([limit(9; repeat(env))])", [None]))
    assert "canary" not in seen
    assert "HOME" not in seen
    assert "planted" in refusal("planted")


def test_what_jq_would_write_to_stderr_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_jq('"\\u001b[31m" | stderr, debug', [None]) == ["\x1b[31m"] * 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "expression",
    [
        "def f: f; f",
        pytest.param("last(range(1e15))", marks=pytest.mark.slow),
        pytest.param('("a" * 40) | test("^(a+)+b$")', marks=pytest.mark.slow),
    ],
)
def test_an_endless_program_is_ended(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jq_filter, "SECONDS", 1)
    started = time.monotonic()
    refusal(expression)
    assert time.monotonic() - started < 8


def test_output_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jq_filter, "OUTPUT", 10_000)
    assert "longer than 10,000 characters" in refusal("range(1e15)")


@pytest.mark.parametrize(
    "expression", ["def f: 1 + f; f", 'reduce range(99) as $i ("a"; . + .)', '"a" * 2e9']
)
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS keeps no limit of memory")
def test_growth_without_end_is_ended(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jq_filter, "MEMORY", 128 * 2**20)
    assert refusal(expression).startswith("--jq: ")


def test_output_nested_without_end_is_ended() -> None:
    assert refusal("reduce range(9000) as $i (1; [.])").startswith("--jq: ")


def test_ctrl_c_ends_a_program_at_once() -> None:
    """Typed on a terminal it reaches both processes; here only the one that was started."""
    line = "from billctl.cli.jq_filter import run_jq; print('on', flush=True); run_jq('def f: f; f', [None])"
    process = subprocess.Popen(
        [sys.executable, "-c", line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=9)
    assert time.monotonic() - started < 5
    while _anything_runs(process.pid) and time.monotonic() - started < 9:
        time.sleep(0.02)  # an orphan that has ended is there until init has taken note of it
    assert not _anything_runs(process.pid)


def _anything_runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
