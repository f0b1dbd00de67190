"""The suite's own rules hold: no network but loopback, no foreign environment, slow tests on request."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
CI = CONFTEST.parents[1] / ".ci" / "run"
INI = "[pytest]\nmarkers =\n    slow\n    full\n    benchmark\n    peer\n"


def run(folder: Path, *options: str, **bodies: str) -> str:
    """The output of pytest on a file `test_NAME.py` for each of `bodies`, under this suite's conftest."""
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "pytest.ini").write_text(INI)
    for name, body in bodies.items():
        (folder / f"test_{name}.py").write_text(body)
    env = dict(os.environ) | {"STRIPE_API_KEY": "sk_live_1", "HTTPS_PROXY": "http://192.0.2.1:1", "ELSE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(
        command, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=60
    ).stdout


LEAVING = """
import pytest, socket

@pytest.mark.parametrize("act", [
    lambda: socket.create_connection(("192.0.2.1", 80), 1),
    lambda: socket.create_connection(("example.com", 80), 1),
    lambda: socket.socket().connect_ex(("192.0.2.1", 80)),
    lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)),
])
def test_leaves(act):
    try:
        act()
    except OSError:
        pass
"""


STAYING = """
import socket

def test_stays():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(("localhost", server.getsockname()[1]), 5):
            pass
    try:
        socket.create_connection(("nowhere.invalid", 80), 5)
    except OSError:
        pass
"""


ENVIRONMENT = """
import os, keyring

def test_environment(tmp_path):
    assert not {"STRIPE_API_KEY", "HTTPS_PROXY", "ELSE"} & set(os.environ)
    for name in ("HOME", "BILLCTL_CONFIG_DIR", "BILLCTL_STATE_DIR"):
        assert os.environ[name].startswith(str(tmp_path))
    assert type(keyring.get_keyring()).__module__ == "keyring.backends.fail"
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one run says of these three, a line for each part of each test."""
    bodies = {"leaving": LEAVING, "staying": STAYING, "environment": ENVIRONMENT}
    return run(tmp_path_factory.mktemp("three"), "-rA", **bodies)


def told(output: str, word: str, name: str) -> int:
    """How many lines say `word` of a test in that file."""
    return len(re.findall(rf"^{word} test_{name}\.py", output, re.MULTILINE))


def test_a_test_that_leaves_this_machine_fails_even_when_it_swallows_the_error(output: str) -> None:
    assert (told(output, "PASSED", "leaving"), told(output, "ERROR", "leaving")) == (4, 4)
    for target in ("('192.0.2.1', 80)", "example.com", "('2001:db8::1', 80)"):
        assert f"the test tried to reach {target}" in output


def test_loopback_and_names_that_exist_nowhere_are_free(output: str) -> None:
    assert (told(output, "PASSED", "staying"), told(output, "ERROR", "staying")) == (1, 0)


def test_a_test_sees_nothing_of_the_callers_settings_and_secrets(output: str) -> None:
    assert (told(output, "PASSED", "environment"), told(output, "ERROR", "environment")) == (1, 0)


LEAVING_KEYS = """
from billctl.sandbox import BRAINTREE_PRIVATE_KEY as key

def test_leaves(tmp_path):
    (tmp_path / "audit.sqlite-wal").write_bytes(b"\\0" + key.encode())

def test_keeps(tmp_path):
    (tmp_path / "billctl.shop.braintree.private_key").write_text(key)
"""


def test_a_run_fails_whose_tests_left_a_key_of_the_sandbox_in_a_file(tmp_path: Path) -> None:
    output = run(tmp_path, keys=LEAVING_KEYS)
    assert "2 passed, 1 error" in output
    assert "a key of the sandbox stands in" in output
    assert "audit.sqlite-wal" in output


@pytest.mark.slow
def test_every_property_holds_for_many_more_examples() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "hypothesis"]
    done = subprocess.run(
        [*command, "--hypothesis-profile=thorough", str(CONFTEST.parent)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


MARKED = """
import pytest

def test_plain(): pass

@pytest.mark.slow
def test_slow(): pass

@pytest.mark.full
def test_full(): pass

@pytest.mark.benchmark
def test_benchmark(): pass

@pytest.mark.peer
def test_peer(): pass
"""


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        ((), "1 passed, 4 deselected"),
        pytest.param(("-m", "slow or benchmark"), "2 passed, 3 deselected", marks=pytest.mark.slow),
    ],
)
def test_slow_and_exhaustive_tests_peers_and_benchmarks_run_on_request_only(
    tmp_path: Path, options: tuple[str, ...], summary: str
) -> None:
    assert summary in run(tmp_path, *options, marked=MARKED)


def ci(call: str, typed: str = "") -> list[str]:
    """The lines that a function of `.ci/run` prints."""
    script = CI.read_text().replace(".venv/bin/pytest", f"'{sys.executable}' -m pytest")
    functions = re.findall(r"^\w+\(\) \{\n.*?^\}$", script, re.MULTILINE | re.DOTALL)
    command = ["bash", "-euo", "pipefail", "-c", "\n".join([*functions, call])]
    done = subprocess.run(
        command, check=True, cwd=CONFTEST.parents[1], input=typed, capture_output=True, text=True, timeout=60
    )
    return done.stdout.splitlines()


def test_within_three_days_ci_runs_every_file_of_slow_tests_once() -> None:
    files = [f"tests/test_{number}.py" for number in range(10)]
    for first in ("008", "364"):
        days = [f"{int(first) + number:03}" for number in range(3)]
        shares = [ci(f"day_third {day}", "\n".join(files)) for day in days]
        assert {len(share) for share in shares} == {3, 4}
        assert sorted(file for share in shares for file in share) == files


@pytest.mark.slow
def test_ci_finds_slow_tests_however_they_are_marked() -> None:
    by_a_decorator, by_a_table, without = (
        "tests/unit/test_pace.py",
        "tests/gateways/test_recurly_contract.py",
        "tests/unit/test_frozen.py",
    )
    assert ci(f"slow_files {by_a_decorator} {by_a_table} {without}") == [by_a_table, by_a_decorator]
