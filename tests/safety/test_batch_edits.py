"""A plan that is not what was planned, or not what was approved, is refused before its first row."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.safety.batches import Batch, check_whole, finish, open_batch

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


EDITS: Mapping[str, Callable[[Lines], None]] = {
    "a digit of an amount": _a_digit_of_an_amount,
    "another object": _another_object,
    "another reason": _another_reason,
    "a row less": _a_row_less,
    "a row twice": _a_row_twice,
    "two rows swapped": _two_rows_swapped,
    "other totals": _other_totals,
    "another blank": _another_blank,
    "no end": _no_end,
    "cut in a row": _cut_in_a_row,
    "more after the end": _more_after_the_end,
}


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


def test_a_plan_that_was_edited_is_refused_before_its_first_row(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", {"stripe": 4}) as batch:
        whole = batch.plan.read_bytes()
        for edit in EDITS.values():
            check_refused(batch, edited(whole, edit), 2)
        batch.plan.write_bytes(whole)
        finish(batch, 1)
        check_whole(batch)
