"""What fails while a batch is applied: answers that are lost, a gateway that dies, credentials, the disk.

Whatever it is, the rows of other accounts go on, what nobody knows is unknown, and the next run settles it by
asking and never by sending again.

`pytest -m slow` takes some of each, others every day; all of them, and mixtures of them:
`pytest -m full tests/safety/test_batch_faults.py`.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from billctl.sandbox import faults
from tests.gateway_shops import GATEWAYS
from tests.safety.aftermath import NOTHING, unsettled
from tests.safety.batches import (
    SETTLING,
    Batch,
    check_instant,
    check_whole,
    ended,
    finish,
    open_batch,
    planning,
    program,
)
from tests.safety.sampling import sampled
from tests.safety.test_disk_errors import alter, own_disk
from tests.safety.test_lost_answers import KINDS
from tests.safety.test_signals import until
from tests.shop import Ran

CHANGES = "P* */refund*"
"""The requests that refund, at each of the gateways."""
KEPT = {("stripe", "500-before"), ("recurly", "500-before")}
"""An answer that the gateway keeps under the operation's key, and gives to everyone who asks again."""
IMPATIENT = "[network]\nread_timeout = 0.4\n"
PATIENT = "[network]\nread_timeout = 5.0\n"
CLOSED = "http://127.0.0.1:9"
"""Nobody answers there."""


def applied(batch: Batch) -> Ran:
    """Carry it out; what it says of itself is held to what was done."""
    ran = batch.apply()
    assert "Traceback" not in ran.err, ran.err
    done = check_instant(batch)
    assert not (done and NOTHING in ran.err), ran.err
    return ran


def arm(batch: Batch, gateways: Iterable[str], kind: str, times: int, match: str = CHANGES) -> None:
    """Let so many requests meet a fault at each of the gateways."""
    for gateway in gateways:
        seconds = 30.0 if kind.startswith("hang") else None
        faults.arm(batch.books, gateway, kind, match=match, times=times, seconds=seconds)


def check_lost(folder: Path, kinds: dict[str, str], tries: int, rows: int = 3) -> None:
    """At each gateway so many requests meet a fault of the kind; the runs after it end it well."""
    with open_batch(folder, "refund", dict.fromkeys(kinds, rows)) as batch:
        batch.shop.street(more=IMPATIENT)
        for gateway, kind in kinds.items():
            arm(batch, [gateway], kind, tries)
        ran = applied(batch)
        assert ran.code in {0, 5, 6, 7, 11}, ran
        for gateway in kinds:
            left = faults.armed(batch.books, gateway)
            assert not left or left[0]["remaining"] < tries, f"the fault struck nothing at {gateway}"
            faults.clear(batch.books, gateway)
        finish(batch)
        check_whole(batch)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=sampled(number, of=4)) for number, kind in enumerate(KINDS)],
)
def test_each_kind_of_lost_answer_in_a_batch_is_settled_by_the_next_run(tmp_path: Path, kind: str) -> None:
    gateways = [gateway for gateway in GATEWAYS if (gateway, kind) not in KEPT]
    check_lost(tmp_path, dict.fromkeys(gateways, kind), 2)


@pytest.mark.full
@pytest.mark.parametrize("number", range(40))
def test_any_mixture_of_lost_answers_in_a_batch_is_settled_by_the_next_runs(
    tmp_path: Path, number: int
) -> None:
    random = Random(number)
    drawn = {gateway: random.choice(KINDS) for gateway in GATEWAYS}
    kinds = {gateway: kind for gateway, kind in drawn.items() if (gateway, kind) not in KEPT}
    check_lost(tmp_path, kinds, random.randint(1, 12), rows=10)


@pytest.mark.slow
def test_a_row_whose_500_stripe_keeps_is_done_by_a_plan_of_the_failures_with_the_next_ordinal(
    tmp_path: Path,
) -> None:
    with open_batch(tmp_path, "refund", {"stripe": 3}) as batch:
        arm(batch, ["stripe"], "500-before", 1)
        assert applied(batch).code == 6
        faults.clear(batch.books, "stripe")
        time.sleep(SETTLING)
        assert applied(batch).code == 6, "Stripe gives its old answer"
        assert len(batch.effects()) == len(batch.wanted) - 1
        time.sleep(SETTLING)
        again = tmp_path / "again.plan"
        planned = batch.shop.run(
            *("batch", "plan", "refund", str(batch.failures), "--again", "2", "--out", str(again))
        )
        assert planned.code == 0, planned
        assert batch.shop.run("batch", "apply", str(again), "--yes").code == 0
        assert {ref: len(made) for ref, made in batch.effects().items()} == dict.fromkeys(batch.wanted, 1)
        assert unsettled(batch.shop) == []


@pytest.mark.slow
def test_a_storm_of_429_is_waited_out_and_every_row_done_once(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", dict.fromkeys(GATEWAYS, 10)) as batch:
        arm(batch, GATEWAYS, "429", 8)
        assert applied(batch).code == 0
        check_whole(batch)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=sampled(number, of=2)) for number, kind in enumerate(("401", "403"))]
)
def test_credentials_that_are_revoked_in_the_middle_stop_their_account_alone(
    tmp_path: Path, kind: str
) -> None:
    with open_batch(tmp_path, "refund", dict.fromkeys(GATEWAYS, 8)) as batch:
        batch.options = ("--rate", "none", "--workers", "1")
        arm(batch, ["stripe"], "slow", 2, "GET /v1/charges/*")
        arm(batch, ["stripe"], kind, 999, "GET /v1/charges/*")
        ran = applied(batch)
        assert ran.code in {4, 7}, ran
        accounts = [ref.partition(":")[0] for ref in batch.effects()]
        others = [name for name in GATEWAYS if name != "stripe"]
        assert {name: accounts.count(name) for name in others} == dict.fromkeys(others, 8)
        faults.clear(batch.books, "stripe")
        finish(batch)
        check_whole(batch)


@pytest.mark.slow
def test_a_gateway_that_dies_in_the_middle_holds_up_no_other(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", dict.fromkeys(GATEWAYS, 30)) as batch:
        batch.shop.street(more=PATIENT, stripe=CLOSED)
        ran = applied(batch)
        assert ran.code in {7, 11}, ran
        accounts = [ref.partition(":")[0] for ref in batch.effects()]
        counts = {name: accounts.count(name) for name in GATEWAYS}
        assert counts == dict.fromkeys(GATEWAYS, 30) | {"stripe": 0}
        batch.shop.street(more=PATIENT)
        finish(batch)
        check_whole(batch)


# The disk


ROOM = 16_000
"""Kilobytes that are enough for a batch of this size, four thousand of them for the log's journal."""


@contextmanager
def on_own_disk(folder: Path, rows: int) -> Iterator[Batch]:
    """A batch whose log and locks are on a disk of their own; the plan and the gateways' books are not."""
    with (
        open_batch(folder, "refund", dict.fromkeys(GATEWAYS, rows), planned=False) as batch,
        own_disk(batch.shop, ROOM) as there,
    ):
        batch.shop.env |= there.env
        batch.log.state_dir = there.state_dir
        with program(batch.shop, *planning(batch)) as process:
            assert ended(process).code == 0
        yield batch


def fill(disk: Path, *, but: int) -> Path:
    """Fill a disk up but for about so many kilobytes, as far as others leave room."""
    found = os.statvfs(disk)
    filler = disk / "filler"
    with suppress(OSError):  # it became smaller meanwhile
        filler.write_bytes(bytes(max(0, found.f_bavail * found.f_frsize - but * 1024)))
    return filler


@pytest.mark.parametrize(
    "kilobytes",
    [pytest.param(room, marks=sampled(n, of=5)) for n, room in enumerate((0, 20, 60, 120, 250))],
)
def test_a_disk_that_is_full_in_the_middle_sends_nothing_without_its_record(
    tmp_path: Path, kilobytes: int
) -> None:
    with on_own_disk(tmp_path, 40) as batch:
        before = batch.progress()
        with batch.started() as process:
            until(lambda: batch.progress() > before + 10)
            filler = fill(batch.log.state_dir, but=kilobytes)
            ran = ended(process)
        assert "Traceback" not in ran.err
        assert ran.code in {0, 6, 7, 9}, ran
        check_instant(batch)
        filler.unlink()
        finish(batch)
        check_whole(batch)


@pytest.mark.slow
def test_a_disk_that_became_read_only_sends_nothing(tmp_path: Path) -> None:
    with on_own_disk(tmp_path, 4) as batch:
        alter(batch.log.state_dir, "ro")
        ran = batch.apply()
        assert ran.code == 9, ran
        assert NOTHING in ran.line
        assert check_instant(batch) == 0
        alter(batch.log.state_dir, "rw")
        finish(batch)
        check_whole(batch)


@pytest.mark.slow
def test_results_that_cannot_be_written_stop_no_row_and_are_told(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", dict.fromkeys(GATEWAYS, 4)) as batch:
        disk = tmp_path / "small"
        disk.mkdir()
        with own_disk(replace(batch.shop, state_dir=disk / "state"), 40) as there:
            place = there.state_dir / "b.plan"
            place.write_bytes(batch.plan.read_bytes())
            place.chmod(0o600)
            fill(there.state_dir, but=0)
            ran = batch.shop.run("batch", "apply", str(place), "--yes", *batch.options)
        assert ran.code == 0, ran
        assert "results" in ran.err
        assert check_instant(batch) == len(batch.wanted)
