"""A batch that is killed again and again: each row is done exactly once, and the log is complete.

Only billctl dies: the gateways live on in processes of their own and act upon what was sent. After each death
the log is looked at as it lies on disk, and the gateways as their books say. The seed of a run is its test's
name, so that it dies at moments of the same kind again.

By default it dies once, while answers are waited for; `-m slow` takes a share of the rest, others every day.
The proof by ten thousand rows and a hundred deaths: `pytest -m full tests/safety/test_batch_kills.py`.
"""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from billctl.audit.new_file import drafts_of
from billctl.batch.plan_file import open_plan
from tests.gateway_shops import GATEWAYS
from tests.safety.batch_goods import GOODS
from tests.safety.batches import (
    Batch,
    check_instant,
    check_nothing_left,
    check_whole,
    die_waiting,
    ended,
    finish,
    kill_many,
    open_batch,
    planning,
    program,
)
from tests.safety.sampling import sampled

ROWS = {"refund": 450, "cancel": 150, "resend": 150, "void": 150}
SILENT = [(verb, kind) for verb in GOODS for kind in ("hang-before", "hang-after")]
"""Deaths while answers are waited for that never come, of requests that were not acted upon, or were."""


def evenly(verb: str, rows: int) -> dict[str, int]:
    """So many rows, shared out over the gateways that know the verb."""
    gateways = list(GOODS[verb])
    return {
        name: rows // len(gateways) + (place < rows % len(gateways)) for place, name in enumerate(gateways)
    }


def check_killed(folder: Path, verb: str, rows: int, kills: int) -> None:
    """Plan so many rows, kill their apply so often, and carry it to its end."""
    begun = time.monotonic()
    with open_batch(folder, verb, evenly(verb, rows), apart=True) as batch:
        deaths = kill_many(batch, kills, f"{verb} {rows} {kills}")
        finish(batch)
        check_whole(batch)
        check_nothing_left(batch)
    print(f"{verb}: {rows} rows, {deaths} deaths, {time.monotonic() - begun:.0f} s")
    assert deaths >= 0.9 * kills


@pytest.mark.full
def test_a_batch_of_ten_thousand_rows_that_dies_a_hundred_times_does_each_row_once(tmp_path: Path) -> None:
    check_killed(tmp_path, "refund", 10_000, 100)


@pytest.mark.full
@pytest.mark.parametrize("verb", ["cancel", "resend", "void"])
def test_a_batch_of_another_verb_that_dies_twenty_five_times_does_each_row_once(
    tmp_path: Path, verb: str
) -> None:
    check_killed(tmp_path, verb, 2000, 25)


@pytest.mark.parametrize(
    "verb", [pytest.param(verb, marks=sampled(number, of=len(ROWS))) for number, verb in enumerate(ROWS)]
)
def test_a_batch_that_dies_a_few_times_does_each_row_once(tmp_path: Path, verb: str) -> None:
    check_killed(tmp_path, verb, ROWS[verb], 6 if verb == "refund" else 4)


def check_waiting(folder: Path, verb: str, kind: str, rows: int = 3) -> None:
    """Every gateway is silent when it dies, and had acted or not; the runs after it end it well."""
    with open_batch(folder, verb, dict.fromkeys(GOODS[verb], rows)) as batch:
        die_waiting(batch, kind)
        finish(batch)
        check_whole(batch)


def test_a_batch_that_dies_while_answers_are_waited_for_does_each_row_once(tmp_path: Path) -> None:
    check_waiting(tmp_path, "refund", "hang-after", rows=1)


@pytest.mark.parametrize(
    ("verb", "kind"),
    [pytest.param(*case, marks=sampled(number, of=4)) for number, case in enumerate(SILENT)],
)
def test_a_batch_of_any_verb_that_dies_while_answers_are_waited_for_does_each_row_once(
    tmp_path: Path, verb: str, kind: str
) -> None:
    check_waiting(tmp_path, verb, kind)


# Planning


def check_plan_killed(batch: Batch, seconds: float) -> bool:
    """Kill its planning after so long: there is a whole plan or none, and nothing was sent.

    A death while the plan itself is written, the last milliseconds, leaves a hidden draft of it.
    """
    with program(batch.shop, *planning(batch)) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        died = ended(process).code == -signal.SIGKILL
    found = {path.name for path in batch.plan.parent.iterdir()} - {"state", "config", "rows.csv"}
    for draft in drafts_of(batch.plan):
        found.remove(draft.name)
        draft.unlink()
    assert found <= {batch.plan.name}, found
    left = {path.name for path in (batch.log.state_dir / "batches").glob("**/*") if path.suffix != ".json"}
    assert not left
    if found:
        with open_plan(batch.plan) as plan:
            assert sum(1 for _ in plan.rows()) == len(batch.wanted)
        batch.plan.unlink()
    assert batch.effects() == {}
    batch.log.follow()
    assert not batch.log.intents
    return died


@pytest.mark.slow
def test_planning_that_is_killed_leaves_no_half_plan(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", dict.fromkeys(GATEWAYS, 10), planned=False) as batch:
        chance = random.Random("planning")
        deaths = [check_plan_killed(batch, chance.uniform(0, 2)) for _ in range(8)]
        assert sum(deaths) >= 4


# From a pipe


@contextmanager
def piped(folder: Path, rows: int) -> Iterator[Batch]:
    """So many rows at each gateway, which `batch run` gets through a pipe."""
    with open_batch(folder, "refund", dict.fromkeys(GATEWAYS, rows), planned=False) as batch:
        batch.piped = (folder / "rows.csv").read_bytes()
        yield batch


def check_run_again(batch: Batch) -> None:
    """The same line of cron again: what was done is done, what was open is settled, the rest follows."""
    finish(batch)
    again = batch.apply()
    assert (again.code, again.out, again.err) == (0, "", "")
    assert check_instant(batch) == len(batch.wanted)
    assert batch.log.states.keys() == batch.log.intents.keys()
    assert batch.shop.run("audit", "verify").code == 0


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=sampled(n, of=2)) for n, kind in enumerate(("hang-before", "hang-after"))],
)
def test_a_batch_run_from_a_pipe_that_dies_goes_on_when_it_is_run_again(tmp_path: Path, kind: str) -> None:
    with piped(tmp_path, 3) as batch:
        die_waiting(batch, kind)
        check_run_again(batch)


@pytest.mark.full
def test_a_batch_run_from_a_pipe_that_is_killed_at_random_does_each_row_once(tmp_path: Path) -> None:
    with piped(tmp_path, 100) as batch:
        assert kill_many(batch, 15, "piped") >= 12
        check_run_again(batch)
