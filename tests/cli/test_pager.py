"""Long tables on a terminal go through `$PAGER`; nothing else does."""

import os
from pathlib import Path
from unittest import mock

import pexpect
import pytest

from billctl.cli.app import run
from billctl.sandbox.registry import GATEWAYS
from tests import terminal
from tests.cli.program import PROGRAM, billctl, document, environment
from tests.rehearsal import furnish

LIST = ["--profile", "sandbox", "stripe", "customers"]


@pytest.fixture(autouse=True)
def _shop() -> None:
    state = Path(os.environ["BILLCTL_STATE_DIR"])
    state.mkdir(mode=0o700)
    furnish(state, GATEWAYS)


def on_terminal(lines: int, command: list[str] = LIST, width: int = 120, **env: str) -> str:
    child = pexpect.spawn(
        str(PROGRAM), command, env=environment(**env), encoding="utf-8", timeout=20, dimensions=(lines, width)
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return str(child.before)


@pytest.mark.parametrize(("lines", "paged"), [(10, True), pytest.param(400, False, marks=pytest.mark.slow)])
def test_what_is_longer_than_the_terminal_is_paged(lines: int, paged: bool) -> None:
    shown = on_terminal(lines, PAGER="sed s/^/paged:/")
    assert ("paged:" in shown) is paged
    assert "cus_SbxLayla000001" in shown


@pytest.mark.slow
def test_a_pager_that_does_not_exist_hides_nothing() -> None:
    assert "cus_SbxLayla000001" in on_terminal(10, PAGER="/nonexistent/pager")


def test_a_pipe_is_never_paged() -> None:
    shown = billctl(*LIST, env={"PAGER": "sed s/^/paged:/"}).stdout
    assert "paged:" not in shown
    assert "cus_SbxLayla000001" in shown


def unpaged(command: list[str], width: int) -> str:
    """What a command shows on a terminal of that width, without a pager."""
    with mock.patch.dict(os.environ, PAGER=""):
        code, shown = terminal.on_terminal("", lambda: run(command), columns=width)
    assert code == 0
    return shown


@pytest.mark.parametrize(
    "width", [40, pytest.param(80, marks=pytest.mark.slow), pytest.param(120, marks=pytest.mark.slow)]
)
def test_what_is_pasted_is_whole_on_a_terminal_of_any_width(width: int) -> None:
    shown = unpaged([*LIST[:-1], "charges", "--limit", "3"], width)
    records = document(*LIST[:-1], "charges", "--limit", "3")["data"]
    for record in records:
        assert record["ref"] in shown
        assert f"{record['amount']['amount']} {record['amount']['currency']}" in shown
    declared = unpaged(["gateways"], width)
    assert "find by" in declared
    assert "subscription" in declared
