"""The harness of batches goes red: billctl made wrong in one place is found out by what it passes as it is.

Each wrong program is in tests/safety/batch_programs.py.
"""

import json
from pathlib import Path

import pytest

from tests.safety.batches import Batch, check_whole, die_waiting, finish, open_batch

ROWS = {"paypal": 2}


@pytest.mark.slow
def test_forgetting_what_was_open_is_found_to_do_a_row_twice(tmp_path: Path) -> None:
    with open_batch(tmp_path, "resend", ROWS) as batch:
        die_waiting(batch, "hang-after")
        batch.name = "forgets what was open"
        with pytest.raises(AssertionError, match="was done 2 times"):
            finish(batch)


@pytest.mark.slow
def test_taking_what_was_begun_for_done_is_found_to_leave_a_row_out(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", ROWS) as batch:
        die_waiting(batch, "hang-before")
        batch.name = "takes what was begun for done"
        finish(batch)
        with pytest.raises(AssertionError, match=r"[01] of 2 rows were done"):
            check_whole(batch)


@pytest.mark.slow
def test_trusting_the_results_file_is_found_to_leave_rows_out(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", ROWS) as batch:
        _lie(batch)
        batch.name = "trusts the results file"
        finish(batch)
        with pytest.raises(AssertionError, match="0 of 2 rows were done"):
            check_whole(batch)


@pytest.mark.slow
def test_a_results_file_that_lies_is_not_believed(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", ROWS) as batch:
        _lie(batch)
        finish(batch)
        check_whole(batch)


def _lie(batch: Batch) -> None:
    """The results of a run that was never made."""
    lines = [
        {"n": n, "ref": ref, "outcome": "succeeded"} for n, ref in enumerate(sorted(batch.wanted), start=1)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    batch.plan.with_suffix(".results.ndjson").write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_recording_after_sending_is_found_at_the_instant_of_death(tmp_path: Path) -> None:
    with open_batch(tmp_path, "refund", ROWS) as batch:
        batch.name = "records after sending"
        with pytest.raises(AssertionError, match="no intent is on disk"):
            die_waiting(batch, "hang-after")
