"""A plan that is not what was planned, or not what was approved, is refused before its first row."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billctl.sandbox import faults
from tests.safety.batch_goods import GOODS, effects, stock
from tests.safety.batches import Batch, check_whole, ended, finish, open_batch
from tests.safety.test_approvals import opened
from tests.safety.test_signals import until

Lines = list[bytes]
"""A plan's lines: its header, its rows, its end."""


def _a_digit_of_an_amount(lines: Lines) -> None:
    assert b'"minor":10' in lines[1]
    lines[1] = lines[1].replace(b'"minor":10', b'"minor":90').replace(b'"amount":"1.0', b'"amount":"9.0')


def _another_object(lines: Lines) -> None:
    lines[1] = lines[1].replace(b"0000001", b"0000002")


def _another_reason(lines: Lines) -> None:
    lines[1] = lines[1].replace(b"October", b"January")


def _a_row_less(lines: Lines) -> None:
    del lines[2]


def _a_row_twice(lines: Lines) -> None:
    lines.insert(2, lines[1])


def _two_rows_swapped(lines: Lines) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def _other_totals(lines: Lines) -> None:
    header = json.loads(lines[0])
    header["totals"][0] |= {"minor": 1, "amount": "0.01"}
    lines[0] = json.dumps(header).encode() + b"\n"


def _another_blank(lines: Lines) -> None:
    lines[1] = lines[1].replace(b",", b", ", 1)


def _no_end(lines: Lines) -> None:
    del lines[-1]


def _cut_in_a_row(lines: Lines) -> None:
    lines[-2:] = [lines[-2][:40]]


def _more_after_the_end(lines: Lines) -> None:
    lines.append(b"\n")


EDITS = (
    _a_digit_of_an_amount,
    _another_object,
    _another_reason,
    _a_row_less,
    _a_row_twice,
    _two_rows_swapped,
    _other_totals,
    _another_blank,
    _no_end,
    _cut_in_a_row,
    _more_after_the_end,
)


def edited(plan: bytes, edit: Callable[[Lines], None]) -> bytes:
    """The plan with an edit, its hash left as it was."""
    lines = plan.splitlines(keepends=True)
    edit(lines)
    changed = b"".join(lines)
    assert changed != plan
    return changed


def rehashed(plan: bytes) -> bytes:
    """The plan with a hash that fits, as somebody makes it who knows how."""
    body = b"".join(plan.splitlines(keepends=True)[:-1])
    end = {"type": "end", "sha256": hashlib.sha256(body).hexdigest()}
    return body + json.dumps(end, separators=(",", ":")).encode() + b"\n"


def check_refused(batch: Batch, plan: bytes, *codes: int) -> None:
    """Such a plan is refused in one line, and nothing is sent or opened for it."""
    batch.plan.write_bytes(plan)
    ran = batch.shop.run(*batch.applying)
    assert ran.code in codes, ran
    assert "Traceback" not in ran.err
    assert batch.effects() == {}
    batch.log.follow()
    assert not batch.log.intents


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    """Four refunds at one gateway."""
    with open_batch(tmp_path, "refund", {"stripe": 4}) as found:
        yield found


def test_a_plan_that_was_edited_is_refused_before_its_first_row(batch: Batch) -> None:
    whole = batch.plan.read_bytes()
    for edit in EDITS:
        check_refused(batch, edited(whole, edit), 2)
    batch.plan.write_bytes(whole)
    finish(batch, 1)
    check_whole(batch)


# Edited by somebody who recomputes the hash


def forget(state_dir: Path) -> None:
    """Remove what the shelf knows of every plan, its hash too."""
    for kept in (state_dir / "batches").glob("bat_*.json"):
        kept.unlink()


def test_a_plan_of_another_hash_than_it_was_made_with_is_refused(batch: Batch) -> None:
    whole = batch.plan.read_bytes()
    for edit in (_another_reason, _more_money_everywhere, _two_rows_swapped):
        check_refused(batch, rehashed(edited(whole, edit)), 2)


LIES = (_a_digit_of_an_amount, _a_row_less, _a_row_twice, _other_totals)
"""What a header that sums the rows up finds out."""


def test_a_plan_whose_header_says_something_else_than_its_rows_is_refused(batch: Batch) -> None:
    forget(batch.books)
    whole = batch.plan.read_bytes()
    for lie in LIES:
        check_refused(batch, rehashed(edited(whole, lie)), 2)


def test_a_row_whose_amount_and_totals_were_changed_is_not_done(batch: Batch) -> None:
    """All sums fit, and the row's key, which its amount is part of, does not."""
    forget(batch.books)
    batch.plan.write_bytes(rehashed(edited(batch.plan.read_bytes(), _more_money_everywhere)))
    ran = batch.shop.run(*batch.applying)
    assert ran.code == 7, ran
    assert "stripe:ch_SbxBatch0000001" not in batch.effects()
    assert len(batch.effects()) == len(batch.wanted) - 1
    (failed,) = [result for result in batch.results if result["outcome"] == "skipped"]
    assert (failed["n"], failed["code"]) == (1, "drifted")


def _more_money_everywhere(lines: Lines) -> None:
    """The first row's 1.01 becomes 9.01, and every sum with it."""
    _a_digit_of_an_amount(lines)
    lines[1] = lines[1].replace(b'"amount":"1.01"', b'"amount":"9.01"')
    header = json.loads(lines[0])
    for sums in (header, *header["accounts"]):
        for total in sums["totals"]:
            total["minor"] += 800
            total["amount"] = f"{total['minor'] // 100}.{total['minor'] % 100:02}"
    lines[0] = json.dumps(header, separators=(",", ":")).encode() + b"\n"


@pytest.mark.slow
def test_an_approved_plan_that_is_edited_is_not_approved_any_more(tmp_path: Path) -> None:
    """Two users of this machine: he approves her plan, she changes it and makes its hash fit."""
    with opened(tmp_path) as house:
        stock(house.shop.state_dir, "refund", {"stripe": 3})
        plan = house.amina.home / "b.plan"
        rows = house.amina.home / "rows.csv"
        ids = [GOODS["refund"]["stripe"].id_of(number) for number in (1, 2, 3)]
        house.amina.write(rows, "ref,amount\n" + "".join(f"stripe:{found},12.50\n" for found in ids))
        why = ("--reason", "charged twice in October")
        planned = house.amina.run("batch", "plan", "refund", str(rows), *why, "--out", str(plan))
        assert planned.code == 0, planned
        applying = ("batch", "apply", str(plan), "--yes", "--rate", "none")
        house.approve(house.ask(*applying))
        whole = plan.read_bytes()
        plan.write_bytes(rehashed(edited(whole, _another_reason)))
        assert house.amina.run(*applying).code == 2
        forget(house.amina.home / "state")
        again = house.amina.run(*applying)
        assert again.code == 15, again
        assert effects(house.shop.state_dir, "refund", "stripe") == {}
        plan.write_bytes(whole)
        assert house.amina.run(*applying).code == 0
        made = effects(house.shop.state_dir, "refund", "stripe")
        assert {found: [minor for _, minor in times] for found, times in made.items()} == {
            found: [1250] for found in ids
        }


@pytest.mark.slow
def test_a_plan_that_is_edited_while_it_is_applied_is_carried_out_as_it_was(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", {"stripe": 8}) as batch:
        batch.options = ("--rate", "none", "--workers", "1")
        faults.arm(batch.books, "stripe", "slow", match="POST /v1/refunds", times=99, seconds=0.1)
        before = batch.progress()
        whole = batch.plan.read_bytes()
        with batch.started() as process:
            until(lambda: batch.progress() > before)
            batch.plan.write_bytes(rehashed(edited(whole, _a_row_less)))
            ran = ended(process)
        assert ran.code == 0, ran
        assert "changed" in ran.err
        batch.plan.write_bytes(whole)
        check_whole(batch)
