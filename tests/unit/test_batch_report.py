"""What is kept of plans and their runs: the shelf, the files beside a plan, a plan's own copy."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.batch.model import Header, PlannedRow, RowResult, RowState
from billctl.batch.plan_file import PlanFile, PlanWriter, open_plan
from billctl.batch.report import FAILURE_COLUMNS, Report
from billctl.batch.shelf import Run, Shelf, State, lock_name, state_of
from billctl.errors import UsageError
from billctl.frozen import replace
from billctl.money import Money
from billctl.store.sqlite import open_store

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ID = "bat_01KAN5DKZY0000000000000ABC"


def header(batch_id: str = ID, **more: object) -> Header:
    found = Header(
        id=batch_id, verb="refund", profile="shop", mode="test", created=NOW, by={"login": "amina"},
        source="rows.csv", reason="charged twice", rows=1, ready=1, already_done=0, left_out=0,
        totals=(Money(1250, "USD"),), accounts=(),
    )  # fmt: skip
    return replace(found, **more)


def row(**more: object) -> PlannedRow:
    found = PlannedRow(
        n=1, line=2, account="stripe", object_id="ch_1", state=RowState.READY, params={"amount": "12.50"},
        reason="charged twice", amount=Money(1250, "USD"),
    )  # fmt: skip
    return replace(found, **more)


# The shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "state")


def test_a_plan_without_a_place_gets_one_by_its_verb_its_day_and_its_id(shelf: Shelf, tmp_path: Path) -> None:
    path = shelf.new_path(header())
    assert path == tmp_path / "state" / "batches" / "refund-2026-11-22-000abc.plan"
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_shelf_knows_every_plan_wherever_it_lies(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.kept() == []
    first = shelf.add(tmp_path / "it.plan", header(), "f" * 64)
    second = shelf.add(tmp_path / "new.plan", header(ID.replace("01KAN", "01KAP")), "e" * 64)
    assert shelf.kept() == [second, first]
    assert (first.path, first.totals, first.run) == (tmp_path / "it.plan", (Money(1250, "USD"),), None)
    assert shelf.get(ID) == first
    assert shelf.get("bat_0") is None
    file = tmp_path / "state" / "batches" / f"{ID}.json"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_broken_on_the_shelf_hides_nothing_else(shelf: Shelf, tmp_path: Path) -> None:
    kept = shelf.add(tmp_path / "it.plan", header(), "f" * 64)
    for name, text in (("bat_1", "{"), ("bat_2", "[]"), ("bat_3", '{"id": 1}'), ("note", "{}")):
        (shelf.folder() / f"{name}.json").write_text(text)
    assert shelf.kept() == [kept]


def written(shelf: Shelf, path: Path, batch_id: str = ID) -> None:
    """Write a plan and put it on the shelf."""
    with PlanWriter(shelf.folder()) as writer:
        writer.add(row())
        digest = writer.finish(path, header(batch_id), replace=True)
    shelf.add(path, header(batch_id), digest)


@pytest.mark.parametrize("word", [ID, ID[:12], ID.lower(), ID[:8]])
def test_a_plan_is_found_by_its_id_or_the_beginning_of_it(shelf: Shelf, tmp_path: Path, word: str) -> None:
    written(shelf, tmp_path / "it.plan")
    with shelf.open(word) as plan:
        assert (plan.path, plan.header.id) == (tmp_path / "it.plan", ID)


NEWER = ID.replace("01KAN", "01KAP")


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("bat_01K", "is too short a beginning"),
        ("bat_01KB0", "is no batch's id"),
        ("bat_01KA", "is the beginning of 2 batches' ids"),
        (ID, "holds another plan by now"),
    ],
)
def test_what_names_no_plan_or_several_is_said(shelf: Shelf, tmp_path: Path, word: str, why: str) -> None:
    written(shelf, tmp_path / "it.plan")
    written(shelf, tmp_path / "it.plan", NEWER)
    with pytest.raises(UsageError, match=why):
        shelf.open(word)
    with shelf.open(NEWER) as plan:
        assert plan.header.id == NEWER


def test_everything_else_is_a_path_or_a_name_on_the_shelf(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = shelf.new_path(header())
    written(shelf, path)
    with shelf.open(path.name) as plan:
        assert plan.path == path
    written(shelf, tmp_path / path.name, NEWER)
    with shelf.open(path.name) as plan:
        assert plan.header.id == NEWER
    for word in ("elsewhere/it.plan", "it.plan", "."):
        with pytest.raises(UsageError):
            shelf.open(word)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"type":"plan","format":1}', "{}", "", "\n", '{"type":"end"}\n']
)
def test_what_is_no_plan_is_said_to_be_none(shelf: Shelf, tmp_path: Path, text: str) -> None:
    (tmp_path / "no.plan").write_text(text)
    with pytest.raises(UsageError):
        shelf.open(str(tmp_path / "no.plan"))
    (shelf.folder() / f"{ID}.json").write_text(text)
    assert shelf.kept() == []


def test_how_far_a_plan_is(shelf: Shelf, tmp_path: Path) -> None:
    store = open_store(tmp_path / "audit.sqlite")
    kept = shelf.add(tmp_path / "it.plan", header(), "f" * 64)
    assert state_of(kept, store) is State.PLANNED
    kept = shelf.note(kept, Run(started=NOW))
    assert state_of(kept, store) is State.STOPPED
    with store.lock_object(lock_name(ID)):
        assert state_of(kept, store) is State.RUNNING
    ended = Run(started=NOW, ended=NOW + timedelta(minutes=1), counts={"succeeded": 1})
    for run, state in (
        (ended, State.DONE),
        (replace(ended, failed=1), State.DONE_WITH_FAILURES),
        (replace(ended, failed=1, not_reached=2), State.STOPPED),
        (replace(ended, stop="canary", not_reached=2), State.STOPPED),
    ):
        kept = shelf.note(kept, run)
        assert state_of(kept, store) is state
    assert shelf.get(ID) == kept
    store.close()


# The files beside a plan


def test_texts_of_others_drive_neither_a_terminal_nor_a_spreadsheet(tmp_path: Path) -> None:
    report = Report(tmp_path / "it.plan")
    hostile = '=cmd|"/c calc"!A1\x1b[2J\u202e'
    failed = RowResult(
        row=row(reason=hostile, ticket="+1"), outcome="refused", code="@x", word="refused", message=hostile
    )
    report.add(failed)
    written = report.finish()
    assert written.failures
    assert written.results
    with written.failures.open(newline="") as file:
        (found,) = list(csv.DictReader(file))
    assert found["reason"] == '\'=cmd|"/c calc"!A1^[[2J<U+202E>'
    assert (found["ticket"], found["code"]) == ("'+1", "'@x")
    assert "\x1b" not in written.results.read_text()


def test_card_numbers_of_a_gateways_words_are_masked(tmp_path: Path) -> None:
    report = Report(tmp_path / "it.plan")
    report.add(RowResult(row=row(), outcome="refused", code="x", message="card 4242424242424242 declined"))
    written = report.finish()
    for path in (written.results, written.failures):
        assert path
        assert "4242424242424242" not in path.read_text()


@pytest.mark.parametrize(
    ("planned", "cells"),
    [
        ({}, {"amount": "12.50", "full": "", "currency": "USD"}),
        ({"typed": {"full": "true"}}, {"amount": "", "full": "true", "currency": ""}),
        ({"typed": {"full": "true", "currency": "USD"}}, {"amount": "", "full": "true", "currency": "USD"}),
        ({"params": {"full": "true"}, "amount": None}, {"amount": "", "full": "true", "currency": ""}),
        (
            {"amount": None, "typed": {"currency": "EUR"}},
            {"amount": "12.50", "full": "", "currency": "EUR"},
        ),
        ({"params": {"to": "a@example.com"}, "amount": None}, {"amount": "", "to": "a@example.com"}),
    ],
)
def test_a_failed_row_is_written_as_it_was_typed(
    tmp_path: Path, planned: dict[str, object], cells: dict[str, str]
) -> None:
    report = Report(tmp_path / "it.plan")
    report.add(RowResult(row=row(**planned), outcome="skipped", code="drifted", message="it changed"))
    failures = report.finish().failures
    assert failures
    with failures.open(newline="") as file:
        (found,) = list(csv.DictReader(file))
    assert tuple(found) == FAILURE_COLUMNS
    assert found["ref"] == "stripe:ch_1"
    assert {name: found[name] for name in cells} == cells


def test_a_run_that_breaks_off_leaves_the_files_of_the_last_one(tmp_path: Path) -> None:
    report = Report(tmp_path / "it.plan")
    report.add(RowResult(row=row(), outcome="refused"))
    kept = report.finish()
    assert kept.failures
    before = kept.failures.read_bytes()
    report = Report(tmp_path / "it.plan")
    report.add(RowResult(row=row(), outcome="succeeded"))
    report.drop()
    assert kept.failures.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it.failures.csv", "it.results.ndjson"]


def test_a_result_is_one_line_with_everything_in_its_place(tmp_path: Path) -> None:
    report = Report(tmp_path / "it.plan")
    report.add(
        RowResult(row=row(), outcome="succeeded", operation="op_1", result_id="re_1", intent=7, outcome_seq=8)
    )
    results = report.finish().results
    assert results
    assert json.loads(results.read_text()) == {
        "type": "row", "n": 1, "line": 2, "ref": "stripe:ch_1", "outcome": "succeeded",
        "amount": {"amount": "12.50", "minor": 1250, "currency": "USD"}, "operation": "op_1",
        "result": "re_1", "audit": {"intent": 7, "outcome": 8}, "class": None, "code": None, "message": None,
        "notes": [],
    }  # fmt: skip


# A plan's own copy


@pytest.fixture
def plan(tmp_path: Path) -> PlanFile:
    with PlanWriter(tmp_path) as writer:
        writer.add(row())
        writer.finish(tmp_path / "it.plan", header())
    return open_plan(tmp_path / "it.plan")


def test_a_held_plan_stays_as_it_was_when_it_is_changed_or_taken_away(plan: PlanFile, tmp_path: Path) -> None:
    with plan, plan.held(tmp_path) as held:
        with plan.path.open("r+b") as file:
            file.write(b"#" * 400)
        assert [each.ref for each in held.rows()] == ["stripe:ch_1"]
        assert (held.hash, held.path) == (plan.hash, plan.path)
        plan.path.unlink()
        assert [each.n for each in held.rows("stripe")] == [1]
        with pytest.raises(UsageError):
            plan.unchanged()


def test_a_plan_that_was_changed_before_it_is_held_is_refused(plan: PlanFile, tmp_path: Path) -> None:
    plan.path.write_text(plan.path.read_text().replace("12.50", "99.50"))
    with plan, pytest.raises(UsageError) as caught:
        plan.held(tmp_path)
    assert caught.value.code == "plan_changed"
    assert [path.name for path in tmp_path.iterdir()] == ["it.plan"]
