"""Applying a plan: exactly what it says, each row once, and what ends a run."""

import json

from tests.unit.batches import Desk, Recorder, Till, desk, refunds

__all__ = ["desk"]


def test_every_row_is_done_once_and_the_second_run_does_nothing(desk: Desk) -> None:
    plan = desk.plan(refunds("C1", "C2", "C3") + "b:C4,2.00\n")
    watcher = Recorder()
    applied = desk.apply(plan, watcher)
    assert applied.counts == {"succeeded": 4}
    assert (applied.error, applied.not_reached, applied.failures) == (None, 0, None)
    assert str(applied.moved[0]) == "5.00 USD"
    assert watcher.confirmed == [4]
    assert Till.refunded() == {"C1": 1, "C2": 1, "C3": 1, "C4": 1}
    reads = Till.reads.copy()
    again = Recorder()
    applied = desk.apply(plan, again)
    assert applied.counts == {"already_done": 4}
    assert (applied.error, again.confirmed, Till.reads) == (None, [], reads)
    assert applied.results is not None
    lines = [json.loads(line) for line in applied.results.read_text().splitlines()]
    assert {line["outcome"] for line in lines} == {"already_done"}
