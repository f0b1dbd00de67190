"""A disk that fails, is full or read-only, once or from then on: nothing is sent without its record.

By default a refund's disk fails at its intent and at its outcome. `pytest -m slow` adds an eighth of all disk
calls of a refund, with a new log or a used one, others every day; disks that are too small and one that
became read-only. `pytest -m full` adds all disk calls of a refund, and an eighth of those of every other
change: all of them write to one store in one way.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.safety import programs
from tests.safety.acts import ACTS, REFUND, Act, opened
from tests.safety.aftermath import (
    NOTHING,
    acted_upon,
    check_instant,
    check_recovery,
    check_words,
    environment,
    program,
)
from tests.safety.moments import LOGS, PARTS, SHARE, moments
from tests.safety.sampling import SAMPLE
from tests.safety.strace import DISK_CALLS, Call, needs_strace, traced
from tests.shop import Shop

TOO_SMALL = 100
"""Kilobytes in which a new log with one refund has no room."""
ERRORS = ("EIO", "ENOSPC", "EROFS")


def from_then_on(all_calls: Sequence[Call], call: Call, error: str) -> list[str]:
    """The faults under which that call and every later one that changes the disk fail."""
    rest = all_calls[all_calls.index(call) :]
    first = {later.name: later for later in reversed(rest) if later.name in DISK_CALLS}
    return [later.spoilt(f"error={error}", for_ever=True) for later in first.values()]


def fail(act: Act, log: str, faults: Sequence[str], folder: Path, *, name: str = programs.RIGHT) -> int:
    """Let the disk fail so and check what was left and what becomes of it; its exit code."""
    with opened(act, folder) as shop:
        LOGS[log](shop)
        with acted_upon(shop):
            ran = traced(program(act, name=name), environment(shop), folder / "trace", faults=faults)
        try:
            assert ran.code in {0, 9}, ran
            check_words(ran, check_instant(shop, act))
            check_recovery(shop, act, name=name)
        except BaseException as error:
            error.add_note(f"under {', '.join(faults)}: {ran.err}")
            raise
    return ran.code


def fail_at(act: str, log: str, chosen: Sequence[Call], error: str, folder: Path) -> list[int]:
    """Let the disk fail at each of these calls, once and from then on; the exit codes."""
    whole = moments(act, log).calls
    codes: list[int] = []
    for call in chosen:
        for faults in ([call.spoilt(f"error={error}")], from_then_on(whole, call, error)):
            codes.append(fail(ACTS[act], log, faults, folder / str(len(codes))))
    return codes


def on_disk(chosen: Sequence[Call]) -> list[Call]:
    """Those of the calls that change the disk."""
    return [call for call in chosen if call.name in DISK_CALLS]


@needs_strace
def test_a_disk_that_fails_at_the_intent_or_the_outcome_sends_nothing_unrecorded(tmp_path: Path) -> None:
    decisive = on_disk(moments(REFUND, "used").decisive)
    assert fail_at(REFUND, "used", (decisive[0], decisive[-1]), "EIO", tmp_path) == [9] * 4


@contextmanager
def own_disk(shop: Shop, kilobytes: int) -> Iterator[Shop]:
    """The shop with its log on a disk of its own of that size; the gateway's files stay where they are."""
    disk = shop.state_dir.parent / "disk"
    disk.mkdir(mode=0o700)
    _mount("-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0700", "none", disk)
    try:
        yield replace(shop, state_dir=disk, env={**shop.env, "BILLCTL_STATE_DIR": str(disk)})
    finally:
        subprocess.run(["umount", "-l", disk], check=True)  # what is still open there is let go


def _mount(*words: str | Path) -> None:
    if subprocess.run(["mount", *words], capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")


def alter(disk: Path, how: str) -> None:
    """Mount it anew: `rw`, `ro`, or with another size."""
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", range(20, 300, 20))
def test_a_refund_on_a_disk_that_is_too_small_sends_nothing_unrecorded(
    tmp_path: Path, kilobytes: int
) -> None:
    act = ACTS[REFUND]
    with opened(act, tmp_path) as shop, own_disk(shop, kilobytes) as there:
        ran = there.program(*act.words)
        assert ran.code in ({0, 9} if kilobytes > TOO_SMALL else {9}), ran
        check_words(ran, check_instant(there, act))
        alter(there.state_dir, "size=8m")
        check_recovery(there, act)


@pytest.mark.slow
def test_a_refund_on_a_disk_that_became_read_only_sends_nothing(tmp_path: Path) -> None:
    act = ACTS[REFUND]
    with opened(act, tmp_path) as shop, own_disk(shop, 8000) as there:
        LOGS["used"](there)
        alter(there.state_dir, "ro")
        ran = there.program(*act.words)
        assert ran.code == 9
        assert NOTHING in ran.err
        assert check_instant(there, act) == 0
        alter(there.state_dir, "rw")
        check_recovery(there, act)


SHARES = [
    *((REFUND, log, part) for log in ("used", "new") for part in range(PARTS)),
    *((act, "used", SHARE) for act in ACTS if act != REFUND),
]
TODAY = (REFUND, ("used", "new")[SAMPLE % 2], SHARE)


@needs_strace
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    ("act", "log", "part"),
    [
        pytest.param(*share, marks=[pytest.mark.full, *([pytest.mark.slow] if share == TODAY else [])])
        for share in SHARES
    ],
)
def test_a_disk_that_fails_at_any_call_sends_nothing_unrecorded(
    tmp_path: Path, act: str, log: str, part: int, error: str
) -> None:
    chosen = on_disk(moments(act, log).parts()[part])
    codes = fail_at(act, log, chosen, error, tmp_path)
    assert set(codes) <= {0, 9}
    assert 9 in codes
