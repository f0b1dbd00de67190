"""A batch over all gateways that is killed at one of its system calls, or whose disk fails there.

strace kills billctl, in one thread, at its Nth call of one kind. By default only the order of the calls is
looked at; `pytest -m slow` takes a share of all calls of an apply, others every day, and each is met by
`pytest -m full tests/safety/test_batch_everywhere.py`.
"""

import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway_shops import GATEWAYS, open_street
from tests.safety import programs
from tests.safety.aftermath import NOTHING, environment, later
from tests.safety.batch_log import FollowedLog
from tests.safety.batches import Batch, check_instant, check_whole, open_batch, tell_what_a_person_knows
from tests.safety.sampling import sampled
from tests.safety.served import serving, settle
from tests.safety.strace import DISK_CALLS, WHOLE, Call, calls, needs_strace, traced
from tests.shop import Ran

PARTS = 16
FAILING = [
    (part, error, for_ever) for error in ("EIO", "ENOSPC") for for_ever in (0, 1) for part in range(PARTS)
]
ROWS = dict.fromkeys(GATEWAYS, 1)
pytestmark = needs_strace


@dataclass(frozen=True)
class Planned:
    """A shop with a plan in `folder`, to be copied, and every call of an apply of it."""

    folder: Path
    wanted: dict[str, int]
    calls: Sequence[Call]


MADE: list[Planned] = []


@pytest.fixture
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """The plan and its calls, made by the first test that asks and kept for the others."""
    if not MADE:
        folder = tmp_path_factory.mktemp("planned") / "shop"
        with open_batch(folder, "refund", ROWS) as batch:
            wanted = dict(batch.wanted)
        whole = tmp_path_factory.mktemp("traced")
        with copied(Planned(folder, wanted, ()), whole / "shop") as batch:
            ran = apply_traced(batch, whole / "trace", shown=WHOLE)
            assert ran.code == 0, ran
        MADE.append(Planned(folder, wanted, calls(whole / "trace")))
    return MADE[0]


@contextmanager
def copied(planned: Planned, folder: Path) -> Iterator[Batch]:
    """The batch in a shop of its own."""
    shutil.copytree(planned.folder, folder)
    with open_street(folder) as shop:
        listeners = serving()
        yield Batch(
            shop,
            "refund",
            planned.wanted,
            folder / "b.plan",
            FollowedLog(shop.state_dir),
            shop.state_dir,
            lambda: settle(shop.urls, listeners),
            options=("--rate", "none", "--workers", "4"),
        )


def apply_traced(batch: Batch, trace: Path, *, faults: Sequence[str] = (), shown: int = 0) -> Ran:
    """Apply it in one thread under strace."""
    command = [sys.executable, "-m", "tests.safety.programs", programs.RIGHT, *batch.applying]
    return traced(command, environment(batch.shop), trace, faults=faults, shown=shown)


def check_recovery(batch: Batch) -> None:
    """The next apply, when no request can be under way any more, ends it well; the one after it, where a
    person had to say what no gateway can."""
    with later():
        ran = batch.shop.run(*batch.applying)
        if ran.code == 6 and tell_what_a_person_knows(batch):
            ran = batch.shop.run(*batch.applying)
    assert ran.code == 0, ran
    check_whole(batch)


def kill(planned: Planned, call: Call, folder: Path) -> bool:
    """Kill it at a call, look at what that left, and go on; whether it died."""
    with copied(planned, folder / "shop") as batch:
        ran = apply_traced(batch, folder / "trace", faults=[call.spoilt("signal=KILL")])
        assert ran.code in {-signal.SIGKILL, 0}, ran
        try:
            check_instant(batch)
            check_recovery(batch)
        except BaseException as error:
            error.add_note(f"killed at {call.name} {call.number}: {call.text[:100]}")
            raise
    return ran.code != 0


def fail(planned: Planned, call: Call, error: str, folder: Path, *, for_ever: bool) -> int:
    """Let the disk fail at a call, look at what that left, and go on; its exit code."""
    rest = planned.calls[planned.calls.index(call) :]
    first = {later.name: later for later in reversed(rest) if later.name in DISK_CALLS}
    struck = list(first.values()) if for_ever else [call]
    faults = [one.spoilt(f"error={error}", for_ever=for_ever) for one in struck]
    with copied(planned, folder / "shop") as batch:
        ran = apply_traced(batch, folder / "trace", faults=faults)
        try:
            assert ran.code in {0, 6, 7, 9}, ran
            assert "Traceback" not in ran.err
            done = check_instant(batch)
            assert not (done and NOTHING in ran.err), ran.err
            check_recovery(batch)
        except BaseException as failure:
            failure.add_note(f"under {', '.join(faults)}: {ran.err}")
            raise
    return ran.code


@pytest.mark.parametrize("part", [pytest.param(part, marks=sampled(part, of=PARTS)) for part in range(PARTS)])
def test_a_kill_at_every_call_of_a_batch_does_each_row_once(
    planned: Planned, tmp_path: Path, part: int
) -> None:
    chosen = planned.calls[part::PARTS]
    died = sum(kill(planned, call, tmp_path / str(number)) for number, call in enumerate(chosen))
    # How many pages a commit writes varies by one or two; all other calls are the same in every run.
    assert died >= 0.8 * len(chosen)


@pytest.mark.parametrize(
    ("part", "error", "for_ever"),
    [pytest.param(*case, marks=sampled(number, of=len(FAILING))) for number, case in enumerate(FAILING)],
)
def test_a_disk_that_fails_at_any_call_of_a_batch_sends_nothing_unrecorded(
    planned: Planned, tmp_path: Path, part: int, error: str, for_ever: int
) -> None:
    on_disk = [call for call in planned.calls if call.name in DISK_CALLS]
    for number, call in enumerate(on_disk[part::PARTS]):
        fail(planned, call, error, tmp_path / str(number), for_ever=bool(for_ever))


def test_every_row_of_a_batch_is_recorded_before_it_is_sent(planned: Planned) -> None:
    """In the order of the calls: each refund leaves after an intent of its own has reached the disk."""
    sent = intents = 0
    for place, call in enumerate(planned.calls):
        if call.name == "pwrite64":
            written = call.text.count(r"\"phase\":\"intent\"")
            file = call.file
            reached = any(
                later.name == "fdatasync" and later.file == file and later.result == 0
                for later in planned.calls[place : _next_refund(planned.calls, place)]
            )
            intents += written if reached else 0
        elif call.name == "sendto" and _refunds(call):
            sent += 1
            assert sent <= intents, f"refund {sent} left, and {intents} intents were on disk"
    assert sent == len(planned.wanted)


def _refunds(call: Call) -> bool:
    return "POST " in call.text and "/refund" in call.text


def _next_refund(made: Sequence[Call], place: int) -> int:
    following = range(place, len(made))
    return next((n for n in following if made[n].name == "sendto" and _refunds(made[n])), len(made))
