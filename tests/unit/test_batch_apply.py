"""Applying a plan: exactly what it says, each row once, whatever an earlier run left behind."""

import csv
import itertools
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billctl.audit.log import AuditLog
from billctl.batch.model import PlannedRow, RowResult, RowState
from billctl.batch.plan_file import PlanFile
from billctl.batch.running import Applied
from billctl.batch.tally import Tally
from billctl.batch.workers import POSTPONED
from billctl.errors import (
    Busy,
    ConfigError,
    InternalError,
    NotSent,
    OutcomeUnknown,
    Partial,
    PolicyDenied,
    Refused,
    UsageError,
)
from billctl.gateway import Stamp
from billctl.models import Charge
from billctl.money import Money
from billctl.pace import Paces
from billctl.store.interface import RecordFilter
from tests.unit.batches import WHY, Desk, Recorder, Till, desk, refunds

__all__ = ["desk"]


def test_every_row_is_done_once_and_the_second_run_does_nothing(desk: Desk) -> None:
    plan = desk.plan(refunds("C1", "C2", "C3") + "b:C4,2.00\n")
    watcher = Recorder()
    applied = desk.apply(plan, watcher)
    assert applied.counts == {"succeeded": 4}
    assert (applied.error, applied.not_reached, applied.failures) == (None, 0, None)
    assert applied.moved == (Money(500, "USD"),)
    assert watcher.confirmed == [4]
    reads = Till.reads.copy()
    again = Recorder()
    applied = desk.apply(plan, again)
    assert applied.counts == {"already_done": 4}
    assert (applied.error, applied.moved, again.confirmed, Till.reads) == (None, (), [], reads)
    assert Till.refunded() == {"C1": 1, "C2": 1, "C3": 1, "C4": 1}


def test_the_results_file_has_every_row_with_its_records(desk: Desk) -> None:
    applied = desk.apply(desk.plan(refunds("C1", "C2")))
    assert applied.results is not None
    assert applied.results.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in applied.results.read_text().splitlines()]
    assert sorted((line["n"], line["line"], line["ref"], line["outcome"]) for line in lines) == [
        (1, 2, "a:C1", "succeeded"),
        (2, 3, "a:C2", "succeeded"),
    ]
    log = desk.session().store
    for line in lines:
        operation = log.get_operation(line["operation"])
        assert operation
        assert line["audit"] == {"intent": operation.intent, "outcome": operation.outcome}
        assert line["amount"] == {"amount": "1.00", "minor": 100, "currency": "USD"}
        assert line["result"].startswith("R")


def test_every_record_names_the_batch_and_the_plan(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    desk.apply(plan)
    records = [json.loads(record.body) for record in desk.session().store.records(RecordFilter())]
    assert [record["action"] for record in records] == [
        *("log created", "batch apply", "refund", "refund", "batch apply"),
    ]
    for record in records[1:]:
        assert (record["source"], record["batch"]) == ("batch", plan.header.id)
        assert record["plan_hash"] == plan.hash


def test_a_row_whose_object_has_drifted_is_skipped_and_named(desk: Desk) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    desk.apply(desk.plan(refunds("C2", amount="3.00"), path=desk.folder / "other.plan"))
    watcher = Recorder()
    applied = desk.apply(plan, watcher)
    assert applied.counts == {"succeeded": 1, "skipped": 1}
    assert isinstance(applied.error, Partial)
    (skipped,) = [row for row in watcher.rows if row.outcome == "skipped"]
    assert skipped.code == "drifted"
    assert skipped.message == (
        "a:C2 is not as it was planned: refunded was 0.00 USD, is 3.00 USD, "
        "refundable was 49.00 USD, is 46.00 USD"
    )
    assert Till.refunded()["C2"] == 1


def test_what_was_refunded_in_full_meanwhile_has_drifted_too(desk: Desk) -> None:
    plan = desk.plan("ref,full\na:C1,true\n")
    desk.apply(desk.plan(refunds("C1", amount="1.00"), path=desk.folder / "other.plan"))
    desk.apply(desk.plan(refunds("C1", amount="48.00"), path=desk.folder / "more.plan"))
    watcher = Recorder()
    desk.apply(plan, watcher)
    assert watcher.outcomes() == {"C1": "skipped drifted"}


def test_the_failures_file_can_be_planned_again(desk: Desk) -> None:
    rows = "ref,amount,full,currency,reason,ticket\na:C1,2.00,,USD,=1+1 is two,zendesk:1\na:C2,,true,,,\n"
    plan = desk.plan(rows)
    Till.sending["*"] = refuse
    applied = desk.apply(plan)
    assert applied.failures is not None
    with applied.failures.open(newline="") as file:
        found = {row["ref"]: row for row in csv.DictReader(file)}
    assert found["a:C1"]["outcome"] == "refused"
    assert (found["a:C2"]["amount"], found["a:C2"]["full"]) == ("", "true")
    Till.sending.clear()
    again = desk.plan(applied.failures.read_text(), path=desk.folder / "again.plan")
    assert [(row.ref, row.amount, row.reason, row.ticket) for row in again.rows()] == [
        (row.ref, row.amount, row.reason, row.ticket)
        for row in sorted(plan.rows(), key=lambda row: list(found).index(row.ref))
    ]
    applied = desk.apply(again)
    assert applied.counts == {"succeeded": 2}
    assert not applied.failures


def test_a_run_without_failures_takes_the_failures_of_the_last_one_away(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    Till.sending["*"] = refuse
    failures = desk.apply(plan).failures
    assert failures is not None
    Till.sending.clear()
    assert desk.apply(plan).failures is None
    assert not failures.exists()


def test_rows_that_the_plan_left_out_are_told_and_keep_the_run_from_ending_well(desk: Desk) -> None:
    plan = desk.plan(refunds("C1") + "a:C2,50.00\n")
    watcher = Recorder()
    applied = desk.apply(plan, watcher)
    assert watcher.outcomes() == {"C1": "succeeded", "C2": "skipped amount_too_large"}
    assert isinstance(applied.error, Partial)
    assert applied.not_reached == 0


# What went wrong with single rows


def refuse(charge: Charge, stamp: Stamp) -> None:
    del stamp
    raise Refused(f"charge {charge.id} cannot be refunded", code="charge_disputed")


def turn_away(charge: Charge, stamp: Stamp) -> None:
    del charge, stamp
    raise NotSent("too many at once", code="rate_limit")


def lose(charge: Charge, stamp: Stamp) -> None:
    del charge, stamp
    raise OutcomeUnknown("no answer", code="timeout")


def stumble(charge: Charge, stamp: Stamp) -> None:
    del charge, stamp
    raise ZeroDivisionError("in the adapter")


def test_rows_that_all_fail_alike_end_with_their_own_error(desk: Desk) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    Till.sending["*"] = refuse
    applied = desk.apply(plan)
    assert applied.counts == {"refused": 2}
    assert isinstance(applied.error, Refused)
    assert applied.error.code == "charge_disputed"


def test_one_refusal_hides_nothing_of_what_was_done(desk: Desk) -> None:
    Till.sending["C2"] = refuse
    applied = desk.apply(desk.plan(refunds("C1", "C2", "C3")))
    assert applied.counts == {"succeeded": 2, "refused": 1}
    assert isinstance(applied.error, Partial)
    assert applied.error.message == "1 refused, 2 done"


def test_a_bug_of_the_adapter_while_sending_is_unknown_and_while_reading_is_not(desk: Desk) -> None:
    plan = desk.plan(refunds("C1", "C2", "C3"))
    Till.sending["C1"] = stumble
    Till.reading["C2"] = stumble_reading
    watcher = Recorder()
    applied = desk.apply(plan, watcher)
    assert watcher.outcomes() == {
        "C1": "unknown unknown",
        "C2": "failed ZeroDivisionError",
        "C3": "succeeded",
    }
    assert isinstance(applied.error, OutcomeUnknown)


def stumble_reading() -> None:
    raise ZeroDivisionError


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock of which a second is over in an instant, with threads that look at it often."""
    monkeypatch.setattr("billctl.batch.workers.PATIENCE", 0.01)
    return lambda: time.monotonic() * 300


def test_a_row_that_is_turned_away_is_tried_again(desk: Desk, hurried: Callable[[], float]) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    tries: Counter[str] = Counter()

    def twice(charge: Charge, stamp: Stamp) -> None:
        tries[charge.id] += 1
        if tries[charge.id] <= 2:
            turn_away(charge, stamp)

    Till.sending["C1"] = twice
    watcher = Recorder()
    applied = desk.apply(plan, watcher, monotonic=hurried)
    assert (applied.counts, applied.error) == ({"succeeded": 2}, None)
    assert [result.row.object_id for result in watcher.rows] == ["C2", "C1"]
    assert (tries["C1"], Till.refunded()["C1"]) == (3, 1)


def test_a_row_that_is_always_turned_away_fails_and_was_not_sent(
    desk: Desk, hurried: Callable[[], float]
) -> None:
    plan = desk.plan(refunds("C1"))
    Till.sending["C1"] = turn_away
    watcher = Recorder()
    applied = desk.apply(plan, watcher, monotonic=hurried)
    assert watcher.outcomes() == {"C1": "failed rate_limit"}
    assert isinstance(applied.error, NotSent)
    records = [json.loads(record.body) for record in desk.session().store.records(RecordFilter())]
    assert [r["outcome"] for r in records if r["phase"] == "outcome"] == ["not_sent"] * (POSTPONED + 1)


def test_no_row_begins_and_no_intent_stands_while_the_gateway_wants_no_requests(
    desk: Desk, hurried: Callable[[], float]
) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    session = desk.session()
    session.pacing = Paces(session.state_dir, rate=math.inf).of
    pace = session.gateway("a").account.pace
    assert pace
    Till.reads.clear()

    def pause_once() -> None:
        if Till.reads["C1"] == 1:  # it is read, and not yet sent
            pace.turned_away("refunds", 1.2)

    Till.reading["C1"] = pause_once
    begun = time.monotonic()
    applied = desk.apply(plan, session=session, workers=1, monotonic=hurried)
    assert applied.counts == {"succeeded": 2}
    assert time.monotonic() - begun > 1.1
    assert Till.reads["C1"] == 2
    records = [json.loads(record.body) for record in desk.session().store.records(RecordFilter())]
    told = [(r["phase"], r["object_id"]) for r in records if r["action"] == "refund"]
    assert told[0] == ("denied", "C1")
    assert len(told) == 5


def test_a_pause_ends_at_once_when_the_run_is_to_end(desk: Desk) -> None:
    plan = desk.plan(refunds(*(f"C{n}" for n in range(4))))
    session = desk.session()
    session.pacing = Paces(session.state_dir, rate=math.inf).of
    pace = session.gateway("a").account.pace
    assert pace

    def pause(_result: object) -> None:
        pace.turned_away("refunds", 200)

    begun = time.monotonic()
    applied = desk.apply(plan, Recorder(at_row=pause), session=session, workers=1, max_failures=0, canary=1)
    assert applied.not_reached == 3
    assert time.monotonic() - begun < 10


def test_a_charge_that_somebody_else_has_in_hand_is_skipped(desk: Desk) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    (row,) = [row for row in plan.rows() if row.object_id == "C1"]
    session = desk.session()
    watcher = Recorder()
    with session.store.lock_object(row.object):
        desk.apply(plan, watcher)
    assert watcher.outcomes() == {"C1": "skipped object_locked", "C2": "succeeded"}


# What an earlier run left


class Died(BaseException):
    """Stands for the end of the process, at a place where it cannot be told."""


def die(*_: object, **__: object) -> None:
    raise Died


def run_and_die(desk: Desk, plan: PlanFile, monkeypatch: pytest.MonkeyPatch, *unsent: str) -> Applied:
    """Apply a plan of two rows with both on their way when the run dies; the charges in `unsent` did not get
    there."""
    together = threading.Barrier(2, timeout=30)

    def both(charge: Charge, stamp: Stamp) -> None:
        del stamp
        together.wait()
        if charge.id in unsent:
            raise Died

    with monkeypatch.context() as dying:
        dying.setattr(AuditLog, "outcome", die)
        Till.sending["*"] = both
        applied = desk.apply(plan, workers=2)
        Till.sending.clear()
    assert len(desk.session().store.unsettled()) == 2
    return applied


def test_a_row_that_was_sent_when_the_run_died_is_settled_and_not_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    assert isinstance(run_and_die(desk, plan, monkeypatch).error, InternalError)
    watcher = Recorder()
    applied = desk.apply(plan, watcher)
    assert (applied.counts, applied.error) == ({"already_done": 2}, None)
    assert Till.refunded() == {"C1": 1, "C2": 1}
    assert desk.session().store.unsettled() == []


def test_a_row_that_was_never_sent_when_the_run_died_waits_until_that_is_certain_and_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    run_and_die(desk, plan, monkeypatch, "C1")
    watcher, begun = Recorder(), datetime.now(UTC)

    def passed() -> float:
        """Seconds: a time-out's worth goes by once the other row is through."""
        return 60.0 if watcher.rows else 0.0

    applied = desk.apply(
        plan,
        watcher,
        session=desk.session(lambda: begun + timedelta(seconds=passed())),
        monotonic=lambda: time.monotonic() + passed(),
    )
    assert (applied.counts, applied.error) == ({"already_done": 1, "succeeded": 1}, None)
    assert [row.row.object_id for row in watcher.rows] == ["C2", "C1"]
    assert Till.refunded() == {"C1": 1, "C2": 1}


def test_what_nobody_can_tell_stays_unknown_and_is_never_sent_again(desk: Desk) -> None:
    desk.profile(a="cannot tell")
    plan = desk.plan(refunds("C1", "C2"))
    Till.after["C1"] = lose
    applied = desk.apply(plan)
    assert applied.counts == {"succeeded": 1, "unknown": 1}
    assert isinstance(applied.error, OutcomeUnknown)
    assert applied.error.exit_code == 6
    Till.after.clear()
    watcher = Recorder()
    applied = desk.apply(plan, watcher)
    assert watcher.outcomes() == {"C1": "unknown operation_unknown", "C2": "already_done"}
    assert Till.refunded() == {"C1": 1, "C2": 1}


def test_a_lost_answer_is_found_by_the_next_run(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    Till.after["C1"] = lose
    assert desk.apply(plan).counts == {"unknown": 1}
    assert desk.apply(plan).counts == {"already_done": 1}
    assert Till.refunded() == {"C1": 1}


def test_what_another_program_did_meanwhile_under_the_same_key_is_done(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    desk.apply(desk.plan(refunds("C1"), path=desk.folder / "same.plan"))
    applied = desk.apply(plan)
    assert (applied.counts, applied.error) == ({"already_done": 1}, None)
    assert Till.refunded() == {"C1": 1}


def test_two_runs_of_one_plan_at_once_are_one(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))

    def begin_again(_result: object) -> None:
        with pytest.raises(Busy, match="is being applied by another run right now"):
            desk.apply(plan)

    applied = desk.apply(plan, Recorder(at_row=begin_again))
    assert applied.counts == {"succeeded": 1}


# What must hold for the whole


def test_a_plan_of_another_profile_is_refused(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    desk.profile(mode="live", more="allow_unattended = true")
    with pytest.raises(ConfigError, match="made in test mode") as caught:
        desk.apply(plan)
    assert caught.value.code == "wrong_mode"


def test_a_plan_whose_account_answers_as_another_one_is_refused(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    desk.profile(a="nameless")
    with pytest.raises(ConfigError, match="was acme-1") as caught:
        desk.apply(plan)
    assert caught.value.code == "wrong_account"
    assert Till.refunded() == {}


def test_a_no_is_recorded_and_sends_nothing(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    with pytest.raises(PolicyDenied, match="you said no"):
        desk.apply(plan, Recorder(agrees=PolicyDenied("you said no", code="declined")))
    (record,) = desk.session().store.records(RecordFilter(outcome="denied"))
    body = json.loads(record.body)
    assert (body["action"], body["object_id"]) == ("batch refund", plan.header.id)
    assert Till.refunded() == {}


def test_without_a_terminal_it_needs_yes(desk: Desk) -> None:
    with pytest.raises(PolicyDenied) as caught:
        desk.apply(desk.plan(refunds("C1")), yes=False)
    assert caught.value.code == "not_confirmed"


@pytest.mark.parametrize(
    ("allowed", "live", "code"),
    [
        ("true", (), "no_live_account"),
        ("true", ("acme-2",), "wrong_live_account"),
        ("true", ("acme-1", "acme-2"), "wrong_live_account"),
        ("false", ("acme-1",), "unattended_not_allowed"),
        ("true", ("acme-1",), None),
    ],
)
def test_live_mode_without_a_terminal_needs_every_account_by_its_id(
    desk: Desk, allowed: str, live: tuple[str, ...], code: str | None
) -> None:
    desk.profile(mode="live", more=f"allow_unattended = {allowed}")
    plan = desk.plan(refunds("C1"))
    if code is None:
        assert desk.apply(plan, live=live).counts == {"succeeded": 1}
        return
    with pytest.raises(PolicyDenied) as caught:
        desk.apply(plan, live=live)
    assert (caught.value.code, Till.made) == (code, [])


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ({"expect_totals": (Money(300, "USD"),), "expect_rows": 2}, None),
        ({"expect_totals": (Money(301, "USD"),)}, "total_differs"),
        ({"expect_totals": ()}, "total_differs"),
        ({"expect_totals": (Money(300, "USD"), Money(1, "EUR"))}, "total_differs"),
        ({"expect_rows": 3}, "rows_differ"),
    ],
)
def test_what_was_expected_is_compared_before_the_first_row(
    desk: Desk, expected: dict[str, Any], code: str | None
) -> None:
    plan = desk.plan(refunds("C1") + "b:C2,2.00\n")
    if code is None:
        Till.sending["C2"] = refuse
        desk.apply(plan, **expected)
        Till.sending.clear()
        assert desk.apply(plan, **expected).counts == {"already_done": 1, "succeeded": 1}
        return
    with pytest.raises(PolicyDenied) as caught:
        desk.apply(plan, **expected)
    assert caught.value.code == code
    assert Till.refunded() == {}


def test_what_was_expected_is_compared_of_a_plan_that_is_all_done_too(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    desk.apply(plan)
    with pytest.raises(PolicyDenied) as caught:
        desk.apply(plan, expect_rows=2)
    assert caught.value.code == "rows_differ"


def test_a_list_that_failed_in_part_leaves_its_run_in_part_done(desk: Desk) -> None:
    listed = '{"type":"charge","ref":"a:C1"}\n{"type":"error","account":"b","message":"no answer"}\n'
    error = desk.apply(desk.plan(listed, full=True)).error
    assert isinstance(error, Partial)
    assert error.message == "1 done; the input is not whole: b: no answer"
    assert error.code == "input_incomplete"


def test_a_plan_that_was_edited_and_hashed_anew_is_not_the_one_that_was_made(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    edited = desk.edited(plan, lambda text: text.replace("1.00", "9.00").replace(":100", ":900"))
    with pytest.raises(UsageError) as caught:
        desk.apply(edited)
    assert caught.value.code == "plan_changed"
    assert Till.refunded() == {}


EDITS: dict[str, tuple[str, str]] = {
    "the total": ('"totals":[{"amount":"1.00","minor":100,', '"totals":[{"amount":"0.10","minor":10,'),
    "how many": ('"ready":1', '"ready":0'),
    "a row's number": ('"n":1,', '"n":2,'),
    "an account's name": ('"name":"a"', '"name":"b"'),
    "a row's reference": ('"ref":"a:C1"', '"ref":"a:C9"'),
    "an amount that says two things": ('{"amount":"1.00","minor":100,', '{"amount":"9.00","minor":100,'),
    "a second account": ('"n":1,', '"account":"b","n":1,'),
    "no account": ('"account":"a","ref"', '"account":"","ref"'),
    "a field of nobody": ('"n":1,', '"n":1,"colour":"red",'),
    "a reason that is no text": ('"reason":"charged twice","again"', '"reason":7,"again"'),
    "no reason": ('"reason":"charged twice","again"', '"reason":null,"again"'),
    "choices that are no table": ('"params":{"amount":"1.00"}', '"params":"1.00"'),
    "a choice of another verb": ('"params":{"amount":"1.00"}', '"params":{"to":"a@example.com"}'),
    "a number beyond all": ('"n":1,', f'"n":{10**30},'),
    "another verb": ('"verb":"refund"', '"verb":"capture"'),
    "an id that leads elsewhere": ('"id":"bat_', '"id":"../../bat_'),
}


@pytest.mark.parametrize("what", EDITS)
def test_a_plan_that_says_what_no_plan_of_ours_would_is_refused(desk: Desk, what: str) -> None:
    plan = desk.plan(refunds("C1"))
    for kept in desk.session().state_dir.glob("batches/*.json"):
        kept.unlink()  # as on another machine, where nothing is known of the plan
    old, new = EDITS[what]
    assert old in plan.path.read_text()
    with pytest.raises(UsageError) as caught:
        desk.apply(desk.edited(plan, lambda text: text.replace(old, new)))
    assert caught.value.code == "plan_changed"
    assert Till.made == []


def test_what_runs_that_died_left_beside_the_plan_is_cleared_away(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    for name in ("results.ndjson", "failures.csv"):
        (desk.folder / f".it.{name}.0a1b2c3d.part").write_text("a customer")
    (desk.folder / ".other.results.ndjson.0a1b2c3d.part").write_text("another plan's")
    desk.apply(plan)
    assert [path.name for path in desk.folder.glob(".*.part")] == [".other.results.ndjson.0a1b2c3d.part"]


def test_a_plan_that_is_edited_while_it_is_applied_is_applied_as_it_was(desk: Desk) -> None:
    plan = desk.plan(refunds(*(f"C{n}" for n in range(12))))

    def edit(_result: object) -> None:
        plan.path.write_text(plan.path.read_text().replace("1.00", "9.00").replace(":100,", ":900,"))

    applied = desk.apply(plan, Recorder(at_row=edit), workers=1)
    assert applied.counts == {"succeeded": 12}
    assert {refund.amount.minor for refund in Till.made} == {100}
    assert "was changed meanwhile" in applied.warnings[-1]


def test_a_dry_run_reads_and_sends_and_records_nothing(desk: Desk) -> None:
    plan = desk.plan(refunds("C1", "C2"))
    desk.apply(desk.plan(refunds("C2", amount="3.00"), path=desk.folder / "other.plan"))
    head = desk.session().store.head()
    watcher = Recorder()
    applied = desk.apply(plan, watcher, dry_run=True, yes=False)
    assert watcher.outcomes() == {"C1": "ready", "C2": "skipped drifted"}
    assert isinstance(applied.error, Partial)
    assert (applied.results, watcher.confirmed) == (None, [])
    assert desk.session().store.head() == head
    assert Till.refunded() == {"C2": 1}


def test_a_folder_that_takes_no_results_ends_no_run(desk: Desk) -> None:
    plan = desk.plan(refunds("C1"))
    (desk.folder / "it.results.ndjson").mkdir()
    applied = desk.apply(plan)
    assert (applied.counts, applied.results, applied.error) == ({"succeeded": 1}, None, None)
    assert "was not written, the audit log has it all" in applied.warnings[0]


def test_how_far_it_is_is_told_by_account(desk: Desk) -> None:
    plan = desk.plan(refunds(*(f"C{n}" for n in range(6))) + "b:C7,1.00\n")
    watcher = Recorder()
    clock = itertools.count()
    desk.apply(plan, watcher, monotonic=lambda: next(clock) / 10)
    progress = watcher.ticks[-1]
    assert [(each.name, each.done, each.rows) for each in progress.accounts] == [("a", 6, 6), ("b", 1, 1)]
    assert (progress.left, progress.stopping) == (0.0, False)


def test_the_rate_is_rows_a_second_and_the_slowest_account_tells_what_is_left() -> None:
    now = [0.0]
    tally = Tally({"a": 100, "b": 25}, monotonic=lambda: now[0])
    assert tally.progress(stopping=False).left is None
    for second in range(1, 6):
        now[0] = float(second)
        for account, rows in (("a", 5), ("b", 1)):
            for _ in range(rows):
                tally.add(result(account, "succeeded"))
    progress = tally.progress(stopping=True)
    a, b = progress.accounts
    assert (a.done, a.failed, b.done) == (25, 0, 5)
    assert (a.rate, b.rate) == (5.0, 1.0)
    assert progress.left == 20 / 1.0
    assert progress.stopping
    tally.add(result("a", "refused"))
    tally.add(result("b", "already_done"), known=True)
    a, b = tally.progress(stopping=False).accounts
    assert (a.failed, b.done, b.rate) == (1, 6, 1.0)
    assert tally.moved == (Money(3000, "USD"),)
    assert (tally.left, tally.tried) == (125 - 32, 31)


def result(account: str, outcome: str) -> RowResult:
    row = PlannedRow(
        n=1, line=2, account=account, object_id="C1", state=RowState.READY, params={}, reason=WHY,
        amount=Money(100, "USD"),
    )  # fmt: skip
    return RowResult(row=row, outcome=outcome)
