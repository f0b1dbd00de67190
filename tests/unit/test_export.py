"""An export proves itself: every change of a line is found, by `verify_lines`.

What a chain cannot show by itself is asserted too: it takes another head, kept elsewhere.
The recipe's own tests are in tests/cli/test_audit_recipe.py.
"""

import io
import json
from collections.abc import Iterator

import pytest

from billctl.audit.chain import digest, seal
from billctl.audit.lines import START, LinesVerdict, verify_lines
from billctl.store.interface import Head

RECORDS = 20
BITS = range(8)


def exported(records: int = RECORDS, *, reason: str = "charged twice", after: Head = START) -> list[bytes]:
    """The lines of an export: every other record has a private part."""
    lines = []
    prev = after.hash
    for seq in range(after.seq + 1, after.seq + records + 1):
        part = json.dumps({"salt": f"{seq:032x}", "reason": f"{reason} {seq}"}, separators=(",", ":"))
        entry = {"phase": "intent", "operation": f"op_{seq}", "key": f"{seq:032x}", "action": "refund"}
        body = seal(seq, prev, entry | ({"private": digest(part)} if seq % 2 else {}))
        prev = digest(body)
        lines += [body.encode() + b"\n", *([part.encode() + b"\n"] if seq % 2 else [])]
    return lines


LINES = exported()
WHOLE = verify_lines(LINES)


def record_lines(lines: list[bytes]) -> list[int]:
    return [index for index, line in enumerate(lines) if line.startswith(b'{"prev"')]


def test_an_export_as_it_was_written_is_proved_to_its_head() -> None:
    head = Head(seq=RECORDS, hash=digest(LINES[-1].decode().rstrip("\n")))
    assert LinesVerdict(records=RECORDS, first=1, head=head, private=RECORDS // 2, absent=0) == WHOLE
    assert verify_lines([*LINES[:-1], LINES[-1].rstrip(b"\n")]) == WHOLE
    assert verify_lines([]) == LinesVerdict(records=0, first=None, head=START, private=0, absent=0)


def test_without_its_private_parts_the_chain_is_proved_and_they_are_counted() -> None:
    verdict = verify_lines([LINES[index] for index in record_lines(LINES)])
    assert (verdict.ok, verdict.head) == (True, WHOLE.head)
    assert (verdict.private, verdict.absent) == (0, RECORDS // 2)


def test_a_range_is_proved_from_what_its_first_record_follows() -> None:
    start = verify_lines(LINES[: record_lines(LINES)[8]]).head
    rest = LINES[record_lines(LINES)[8] :]
    assert verify_lines(rest).broken == 1
    assert verify_lines(rest, after=start).head == WHOLE.head
    told = verify_lines(rest, after=None)
    assert (told.ok, told.first, told.records, told.head) == (True, 9, 12, WHOLE.head)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"salt":"1"}',
        LINES[0].replace(b'"seq":1,', b'"seq":2,'),
        LINES[2].replace(b":2,", b":1,"),
    ],
)
def test_a_range_does_not_begin_with_what_is_no_record(line: bytes) -> None:
    verdict = verify_lines([line], after=None)
    assert (verdict.ok, verdict.records) == (False, 0)


@pytest.mark.parametrize(
    ("damaged", "broken"),
    [
        (LINES[:3] + LINES[4:], 2),
        (LINES[:6] + LINES[7:], 4),
        ([LINES[0], LINES[1], LINES[3], LINES[2], *LINES[4:]], 2),
        ([*LINES[:4], LINES[2], *LINES[4:]], 4),
        ([*LINES[:2], LINES[1], *LINES[2:]], 1),
        ([*LINES[:3], LINES[1], *LINES[3:]], 2),
        ([LINES[1], *LINES], 1),
        ([LINES[0], LINES[4], *LINES[2:]], 1),
        ([*LINES[:5], exported(1)[0], *LINES[5:]], 4),
        ([*LINES, b"\n"], RECORDS + 1),
        ([*LINES[:2], LINES[2].replace(b"op_2", b"op_9"), *LINES[3:]], 3),
        ([LINES[0], LINES[1].replace(b"twice", b"thrice"), *LINES[2:]], 1),
    ],
    ids=[
        "a line taken out", "a record and its part taken apart", "two swapped", "a record twice",
        "a part twice", "a part elsewhere", "a part before all", "the part of another", "one put in",
        "an empty line", "a record changed", "a part changed",
    ],
)  # fmt: skip
def test_a_damaged_export_names_the_record_at_fault(damaged: list[bytes], broken: int) -> None:
    verdict = verify_lines(damaged)
    assert (verdict.ok, verdict.broken) == (False, broken)


def test_what_the_chain_alone_cannot_show_changes_the_head() -> None:
    last = [*LINES[:-1], LINES[-1].replace(b"op_20", b"op_21")]
    cut = LINES[: record_lines(LINES)[-1]]
    rewritten = exported(reason="asked for it")
    for lines in (last, cut, rewritten):
        verdict = verify_lines(lines)
        assert verdict.ok
        assert verdict.head != WHOLE.head


def flipped(data: bytearray) -> Iterator[None]:
    """Each bit of `data` turned over, one at a time."""
    for place in range(len(data)):
        for bit in BITS:
            data[place] ^= 1 << bit
            yield
            data[place] ^= 1 << bit


def unnoticed(data: bytes | bytearray, after: Head = START) -> bool:
    """Whether `data`, lines that follow `after`, passes for the export that was written."""
    verdict = verify_lines(io.BytesIO(data), after=after)
    return verdict.ok and verdict.head == WHOLE.head


def test_no_single_bit_of_an_export_changes_unnoticed() -> None:
    """Each bit of each line, proved from its record on: those before it are as they were."""
    starts = record_lines(LINES)
    flips = 0
    for index, start in enumerate(starts):
        after = verify_lines(LINES[:start]).head
        end = starts[index + 1] if index + 1 < len(starts) else len(LINES)
        own, rest = bytearray(b"".join(LINES[start:end])), b"".join(LINES[end:])
        for _ in flipped(own):
            assert not unnoticed(own + rest, after)
            flips += 1
        assert unnoticed(own + rest, after)
    assert flips == 8 * len(b"".join(LINES))


@pytest.mark.slow
def test_no_single_bit_of_an_export_changes_unnoticed_when_all_of_it_is_proved_each_time() -> None:
    data = bytearray(b"".join(LINES))
    assert not any(unnoticed(data) for _ in flipped(data))
    assert unnoticed(data)
