"""The harness goes red: billctl made wrong in one place is found out by the checks that it passes as it is.

A harness that cannot find a fault proves nothing by finding none. Each wrong program is in
tests/safety/programs.py.
"""

from pathlib import Path

import pytest

from tests.safety.acts import ACTS, REFUND
from tests.safety.moments import moments
from tests.safety.strace import needs_strace
from tests.safety.test_disk_errors import fail, from_then_on
from tests.safety.test_kill_everywhere import kill
from tests.safety.test_order import check_order

pytestmark = needs_strace


def die_waiting(name: str, act: str, folder: Path) -> None:
    """Kill a wrong program where the answer is waited for: the gateway has acted, nobody knows it."""
    traced = moments(act, "used", name=name)
    kill(ACTS[act], "used", traced.calls[traced.answered], folder, name=name)


@pytest.mark.slow
def test_a_new_key_every_time_is_found_to_refund_twice(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="done 2 times"):
        die_waiting("a new key every time", REFUND, tmp_path)


def test_sending_before_recording_is_found_at_the_instant_of_death(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="1 effects, 0 intents on disk"):
        die_waiting("sends before it records", REFUND, tmp_path)


@pytest.mark.slow
def test_sending_before_recording_is_found_in_the_order_of_calls() -> None:
    traced = moments(REFUND, "used", name="sends before it records")
    with pytest.raises(AssertionError):
        check_order(traced)
    assert traced.sent < traced.written


@pytest.mark.slow
def test_taking_no_trace_for_not_done_is_found_to_remind_twice(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="done 2 times"):
        die_waiting("takes no trace for not done", "resend, PayPal", tmp_path)


@pytest.mark.slow
def test_sending_what_could_not_be_recorded_is_found_on_a_failing_disk(tmp_path: Path) -> None:
    name = "sends what it could not record"
    traced = moments(REFUND, "used")
    faults = from_then_on(traced.calls, traced.calls[traced.written], "EIO")
    with pytest.raises(AssertionError, match="1 effects, 0 intents on disk"):
        fail(ACTS[REFUND], "used", faults, tmp_path, name=name)
