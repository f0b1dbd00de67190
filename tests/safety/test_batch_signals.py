"""Signals in the middle of a batch: once, the rows in flight end and are recorded; twice, it ends at once.

Either way the exit code says which signal it was, and the next apply goes on.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from billctl.sandbox import faults
from tests.safety.batches import Batch, check_instant, check_whole, ended, finish, open_batch
from tests.safety.sampling import sampled
from tests.safety.test_signals import CODES, until

SOME = {"stripe": 6, "paypal": 6}


@contextmanager
def slow_batch(folder: Path, seconds: float, counts: dict[str, int]) -> Iterator[Batch]:
    """A batch at gateways that take so long for every refund, each of them one row at a time."""
    with open_batch(folder, "refund", counts) as batch:
        batch.options = ("--rate", "none", "--workers", "1")
        for gateway in counts:
            faults.arm(batch.books, gateway, "slow", match="P* */refund*", times=99, seconds=seconds)
        yield batch


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(n, marks=pytest.mark.full) for n in CODES if n != signal.SIGINT)],
)
def test_a_signal_lets_the_rows_in_flight_end_and_nothing_more_begins(
    tmp_path: Path, number: signal.Signals
) -> None:
    with slow_batch(tmp_path, 0.1, SOME) as batch:
        before = batch.progress()
        with batch.started() as process:
            until(lambda: batch.progress() > before + 2)
            process.send_signal(number)
            ran = ended(process)
        assert ran.code == CODES[number], ran
        assert len(ran.err.splitlines()) == 1, ran.err
        done = check_instant(batch)
        assert 2 < done < len(batch.wanted)
        assert batch.log.intents.keys() == batch.log.states.keys(), "a row was left open"
        for gateway in SOME:
            faults.clear(batch.books, gateway)
        assert finish(batch, 1).code == 0
        check_whole(batch)


@pytest.mark.parametrize(
    "number", [pytest.param(number, marks=sampled(n, of=len(CODES))) for n, number in enumerate(CODES)]
)
def test_a_second_signal_ends_it_at_once_and_the_next_apply_settles_what_was_open(
    tmp_path: Path, number: signal.Signals
) -> None:
    with open_batch(tmp_path, "refund", {"stripe": 4}) as batch:
        batch.shop.street(more="[network]\nread_timeout = 30\n")
        before = batch.progress()
        batch.shop.arm("hang-after", "POST /v1/refunds", seconds=30)
        with batch.started("--workers", "1") as process:
            until(lambda: batch.progress() > before)
            process.send_signal(number)
            time.sleep(0.3)
            assert process.poll() is None, "it waits for the row in flight"
            begun = time.monotonic()
            process.send_signal(number)
            ran = ended(process)
        assert time.monotonic() - begun < 5
        assert ran.code == CODES[number], ran
        assert "Nothing was sent" not in ran.err
        assert check_instant(batch) == 1
        batch.shop.street(more="[network]\nread_timeout = 1\n")
        finish(batch)
        check_whole(batch)
