"""A process killed anywhere: no effect without its intent on disk, and exactly once after a reconciliation.

strace kills the program at its Nth call of one kind. What is on disk is looked at as it was at the instant
of death, before any of billctl's code runs again. By default a refund dies before and after it is sent.
`pytest -m slow` adds every change of every gateway within two days, at the calls that matter most and a share
of the others; `pytest -m full` each call of each of them.
"""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.safety import programs
from tests.safety.acts import ACTS, REFUND, Act, opened
from tests.safety.aftermath import (
    acted_upon,
    check_instant,
    check_recovery,
    environment,
    program,
)
from tests.safety.moments import LOGS, PARTS, SHARE, moments
from tests.safety.sampling import sampled
from tests.safety.strace import Call, needs_strace, traced
from tests.shop import SECONDS, Shop

NEW_LOGS = ("refund part, Stripe", "refund part, PayPal", "refund part, Braintree")
"""Whose log is made in the run that dies: every call of making one is met."""
ROWS = [*((act, "used") for act in ACTS), *((act, "new") for act in NEW_LOGS), (REFUND, "old")]
KILLS = 3000
"""Without a loss in so many, a loss is rarer than one in a thousand (95 %; the rule of three)."""
KILLS_A_TEST = 20


def kill(act: Act, log: str, call: Call, folder: Path, *, name: str = programs.RIGHT) -> bool:
    """Kill it at that call and check what it left and what becomes of it; whether it died."""
    with opened(act, folder) as shop:
        LOGS[log](shop)
        with acted_upon(shop):
            ran = traced(
                program(act, name=name),
                environment(shop),
                folder / "trace",
                faults=[call.spoilt("signal=KILL")],
            )
        assert ran.code in {-signal.SIGKILL, 0}, ran
        try:
            check_instant(shop, act)
            check_recovery(shop, act, name=name)
        except BaseException as error:
            error.add_note(f"killed at {call.name} {call.number}: {call.text[:100]}")
            raise
    return ran.code != 0


@needs_strace
@pytest.mark.parametrize(
    ("act", "which"),
    [
        (REFUND, slice(1, 4, 2)),
        pytest.param(REFUND, slice(None), marks=pytest.mark.slow),
        pytest.param("cancel, PayPal", slice(-2, -1), marks=pytest.mark.slow),
        pytest.param("resend, PayPal", slice(-2, -1), marks=pytest.mark.slow),
        pytest.param("void, Braintree", slice(-2, -1), marks=pytest.mark.slow),
    ],
)
def test_a_kill_around_what_is_sent_loses_nothing_and_repeats_nothing(
    tmp_path: Path, act: str, which: slice
) -> None:
    """The refund dies before it is sent and where its answer is waited for, in the slow run at each of the
    decisive calls; the others where their answer is waited for."""
    for number, call in enumerate(moments(act, "used").decisive[which]):
        assert kill(ACTS[act], "used", call, tmp_path / str(number))


@needs_strace
@pytest.mark.parametrize(
    ("act", "log", "part"),
    [
        pytest.param(*row, part, marks=sampled(number, of=2) if part == SHARE else pytest.mark.full)
        for number, row in enumerate(ROWS)
        for part in range(PARTS)
    ],
)
def test_a_kill_at_every_single_call_loses_nothing_and_repeats_nothing(
    tmp_path: Path, act: str, log: str, part: int
) -> None:
    chosen = moments(act, log).parts()[part]
    died = sum(kill(ACTS[act], log, call, tmp_path / str(number)) for number, call in enumerate(chosen))
    # How many pages a commit writes varies by one or two; all other calls are the same in every run.
    assert died >= 0.9 * len(chosen)


def test_a_kill_while_the_answer_is_waited_for_is_found_by_reconcile(tmp_path: Path) -> None:
    """The program as it is, threads and all: the gateway has acted and the answer never came."""
    act = ACTS[REFUND]
    with opened(act, tmp_path) as shop:
        shop.arm("hang-after", act.request.strip(), seconds=30)
        with _started(shop, act) as process:
            deadline = time.monotonic() + SECONDS
            while not act.effects(shop):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.kill()
        assert check_instant(shop, act) == 1
        assert shop.operations() == [("refund", "open")]
        check_recovery(shop, act)


@contextmanager
def logged(shop: Shop, act: Act) -> Iterator[subprocess.Popen[bytes]]:
    """The program as it is, threads and all, from when its log is there, at a gateway that answers slowly."""
    shop.arm("slow", f"{act.request.strip()}*", seconds=0.2)
    log = shop.state_dir / "audit.sqlite"
    with _started(shop, act) as process:
        deadline = time.monotonic() + SECONDS
        while not log.exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield process


@cache
def lasting() -> float:
    """Seconds from a refund's log to its end, on this machine now."""
    act = ACTS[REFUND]
    with TemporaryDirectory() as folder, opened(act, Path(folder) / "shop") as shop:
        with logged(shop, act) as process:
            begun = time.monotonic()
            assert process.wait(SECONDS) == 0
        return time.monotonic() - begun


def kill_after(act: Act, share: float, folder: Path) -> None:
    """Kill the program after that share of the time that it takes from its log on."""
    seconds = share * lasting()
    with opened(act, folder) as shop:
        with acted_upon(shop), logged(shop, act) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            process.kill()
        try:
            check_instant(shop, act)
            check_recovery(shop, act)
        except BaseException as error:
            error.add_note(f"killed {seconds:.4f} s after its log was there")
            raise


def _started(shop: Shop, act: Act) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        shop.command(*act.words),
        env=shop.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(range(1), id="one", marks=pytest.mark.slow),
        *(
            pytest.param(
                range(start, start + KILLS_A_TEST),
                id=str(start),
                marks=sampled(start // KILLS_A_TEST, of=KILLS // KILLS_A_TEST),
            )
            for start in range(0, KILLS, KILLS_A_TEST)
        ),
    ],
)
def test_a_kill_at_any_moment_loses_nothing_and_repeats_nothing(tmp_path: Path, batch: range) -> None:
    names = list(ACTS)
    for number in batch:
        act = ACTS[names[number % len(names)]]
        kill_after(act, random.Random(number).uniform(0, 1), tmp_path / str(number))
