"""A sign of life on a terminal, and only there."""

import os
from pathlib import Path

import pexpect
import pytest

from billctl.sandbox import faults
from billctl.sandbox.registry import GATEWAYS
from tests.cli.program import PROGRAM, billctl, environment
from tests.rehearsal import furnish


@pytest.fixture
def slow_gateway() -> None:
    """Stripe's list of customers hangs for longer than patience lasts."""
    state = Path(os.environ["BILLCTL_STATE_DIR"])
    state.mkdir(mode=0o700)
    furnish(state, GATEWAYS)
    billctl("sandbox", "fault", "slow", "--on", "GET /v1/customers", "--seconds", "1.5")


def test_a_person_sees_that_a_slow_answer_is_waited_for(slow_gateway: None) -> None:
    child = pexpect.spawn(
        str(PROGRAM),
        ["--profile", "sandbox", "lookup", "layla@example.com"],
        env=environment(),
        encoding="utf-8",
        timeout=20,
        dimensions=(40, 120),
    )
    child.expect("waiting for an answer, 1 s")
    child.expect("Layla Haddad")
    child.expect(pexpect.EOF)
    assert "waiting" not in str(child.before)
    child.close()
    assert child.exitstatus == 0


def test_a_pipe_and_a_quiet_run_see_nothing(slow_gateway: None) -> None:
    answer = billctl("--profile", "sandbox", "lookup", "layla@example.com", "--account", "stripe")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "slow" in faults.KINDS
