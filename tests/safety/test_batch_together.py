"""Several batches at once, and single commands beside them: one of two is busy, and each row is done once."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from billctl.sandbox import faults
from tests.safety.batches import (
    WHY,
    Batch,
    check_whole,
    ended,
    open_batch,
    plan,
    program,
    write_rows,
)
from tests.safety.test_signals import until
from tests.shop import Ran


def slowly(batch: Batch, seconds: float) -> None:
    """Let every refund take so long at its gateway."""
    for gateway in batch.accounts:
        faults.arm(batch.books, gateway, "slow", match="P* */refund*", times=999, seconds=seconds)


def at_once(batch: Batch, *commands: Sequence[str]) -> list[Ran]:
    """All of these command lines at the same time."""
    with ExitStack() as stack:
        running = [stack.enter_context(program(batch.shop, *words)) for words in commands]
        return [ended(process) for process in running]


def beside(batch: Batch, wanted: dict[str, int], name: str) -> Batch:
    """A second plan in the same shop."""
    other = replace(batch, wanted=wanted, plan=batch.plan.with_name(f"{name}.plan"))
    write_rows(batch.plan.with_name("rows.csv"), batch.verb, wanted)
    plan(other)
    return other


def test_of_two_applies_of_one_plan_one_is_busy(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", {"stripe": 5, "paypal": 5}) as batch:
        batch.options = ("--rate", "none", "--workers", "1")
        slowly(batch, 0.2)
        before = batch.progress()
        with batch.started() as process:
            until(lambda: batch.progress() > before)
            second = batch.shop.run(*batch.applying)
            assert (second.code, process.poll()) == (10, None), second
            assert "another run" in second.line
            first = ended(process)
        assert first.code == 0, first
        check_whole(batch)


@pytest.mark.slow
def test_of_four_applies_that_start_at_once_one_does_it_all(tmp_path: Path) -> None:
    for number in range(3):
        with open_batch(tmp_path / str(number), "refund", {"stripe": 8, "braintree": 8}) as batch:
            ran = at_once(batch, *[batch.applying] * 4)
            assert sorted({one.code for one in ran} | {10}) == [0, 10], ran
            check_whole(batch)


@pytest.mark.slow
def test_two_plans_that_share_rows_do_each_of_them_once(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", {"stripe": 12, "paypal": 12}) as batch:
        rows = list(batch.wanted.items())
        other = beside(batch, dict(rows[8:]), "other")
        ran = at_once(batch, batch.applying, other.applying)
        assert {one.code for one in ran} <= {0, 7}, ran
        for plan in (batch, other):
            assert batch.shop.run(*plan.applying).code == 0
        assert {len(made) for made in batch.effects().values()} == {1}
        batch.log.follow()
        assert sorted(batch.log.states.values()) == ["done"] * len(batch.wanted)
        assert batch.shop.run("audit", "verify").code == 0


@pytest.mark.slow
def test_single_commands_on_a_batchs_charges_do_each_row_once(tmp_path: Path) -> None:
    """Those that ask for the same refund as a row, while the batch is applied."""
    with open_batch(tmp_path, "refund", {"stripe": 8, "paypal": 4}) as batch:
        some = list(batch.wanted.items())[::-3]
        commands = [
            (account, "refund", object_id, "--amount", f"{minor // 100}.{minor % 100:02}", *WHY, "--yes")
            for ref, minor in some
            for account, _, object_id in [ref.partition(":")]
        ]
        ran = at_once(batch, batch.applying, *commands)
        assert ran[0].code in {0, 7}, ran[0]
        assert {one.code for one in ran[1:]} <= {0, 10}, ran
        assert batch.shop.run(*batch.applying).code == 0
        made = batch.effects()
        assert made.keys() == batch.wanted.keys()
        assert {len(times) for times in made.values()} == {1}
        assert batch.shop.run("audit", "verify").code == 0


@pytest.mark.slow
def test_a_refund_of_another_amount_beside_a_batch_leaves_its_row_undone_and_named(tmp_path: Path) -> None:
    """What is left of the charge is not what was reviewed."""
    with open_batch(tmp_path, "refund", {"stripe": 3, "braintree": 3}) as batch:
        for ref in ("stripe:ch_SbxBatch0000002", "braintree:b0000003"):
            account, _, object_id = ref.partition(":")
            single = batch.shop.run(account, "refund", object_id, "--amount", "0.50", *WHY, "--yes")
            assert single.code == 0, single
        ran = batch.shop.run(*batch.applying)
        assert ran.code == 7, ran
        skipped = {
            result["ref"]: result["code"] for result in batch.results if result["outcome"] == "skipped"
        }
        assert skipped == {"stripe:ch_SbxBatch0000002": "drifted", "braintree:b0000003": "drifted"}
        made = {ref: [minor for _, minor in times] for ref, times in batch.effects().items()}
        assert made == {ref: [50 if ref in skipped else minor] for ref, minor in batch.wanted.items()}


@pytest.mark.slow
def test_of_two_batch_runs_of_one_verb_that_overlap_one_is_busy_before_it_asks_anybody(
    tmp_path: Path,
) -> None:
    with open_batch(tmp_path, "refund", {"stripe": 6}, planned=False) as batch:
        batch.piped = (tmp_path / "rows.csv").read_bytes()
        batch.options = ("--rate", "none", "--workers", "1")
        slowly(batch, 0.3)
        before = batch.progress()
        with batch.started() as process:
            until(lambda: batch.progress() > before)
            second = batch.apply()
            assert (second.code, process.poll()) == (10, None), second
            first = ended(process)
        assert first.code == 0, first
        made = batch.effects()
        assert (made.keys(), {len(times) for times in made.values()}) == (batch.wanted.keys(), {1})


@pytest.mark.slow
def test_three_processes_share_one_pace(tmp_path: Path) -> None:
    """Thirty rows in three plans, ten requests a second and endpoint in all: it takes what that takes."""
    rate, rows = 10, 10
    with open_batch(tmp_path, "refund", {"stripe": 3 * rows}) as batch:
        wanted = list(batch.wanted.items())
        plans = [beside(batch, dict(wanted[part::3]), f"part{part}") for part in range(3)]
        begun = time.monotonic()
        ran = at_once(
            batch, *[("batch", "apply", str(one.plan), "--yes", "--rate", str(rate)) for one in plans]
        )
        took = time.monotonic() - begun
        assert [one.code for one in ran] == [0, 0, 0], ran
        assert took >= 0.9 * 3 * rows / rate, f"{3 * rows} refunds in {took:.1f} s at {rate} a second"
        assert len(batch.effects()) == 3 * rows
