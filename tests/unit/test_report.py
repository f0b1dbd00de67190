"""What a report counts, when, under whom; what it finds; and that two currencies are never added."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.audit.export import FORMS, export, in_range
from billctl.audit.report import GROUPS, MOST_FINDINGS, Report, report
from billctl.errors import StoreError
from billctl.money import Money
from billctl.store.sqlite import open_store
from tests.benchmarks.make_log import make_log
from tests.sample_log import NOON, USD, SampleLog, refund, sample_log

EUR = Money(990, "EUR")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SampleLog]:
    with sample_log(tmp_path / "state" / "audit.sqlite") as opened:
        yield opened


def rows(log: SampleLog, *by: str, since: datetime | None = None, until: datetime | None = None) -> set[str]:
    """The totals, each as a line."""
    found = report(log.store, by=by, since=since, until=until).totals
    return {f"{t.group} {t.action} {t.outcome} {t.count} {t.amount or ''}".strip() for t in found}


def found(
    log: SampleLog, since: datetime | None = None, until: datetime | None = None
) -> set[tuple[str, str]]:
    return {(f.finding, f.operation) for f in report(log.store, since=since, until=until).findings}


def test_each_currency_has_a_total_of_its_own(log: SampleLog) -> None:
    log.done(refund(1))
    log.done(refund(2))
    log.done(refund(3, EUR))
    assert rows(log, "action") == {
        "refund refund succeeded 2 25.00 USD",
        "refund refund succeeded 1 9.90 EUR",
    }


def test_test_mode_is_never_added_to_live(log: SampleLog) -> None:
    log.done(refund(1))
    log.by("layla", mode="test").intent(refund(2), operation="op_test", key="t")
    log.close(refund(2), "op_test", "succeeded")
    totals = report(log.store, by=("action",), since=None, until=None).totals
    assert [(t.mode, t.count, t.amount) for t in totals] == [("live", 1, USD), ("test", 1, USD)]


def test_what_came_of_refunds_is_told_apart(log: SampleLog) -> None:
    outcomes = ("succeeded", "pending", "failed", "unknown", "refused", "not_sent")
    for number, outcome in enumerate(outcomes):
        log.done(refund(number), outcome)
    log.ask(refund(10))
    log.denied(refund(11))
    assert rows(log, "action") == {
        f"refund refund {outcome} 1 12.50 USD" for outcome in (*outcomes, "open", "denied")
    }


def test_actions_without_an_amount_are_counted_without_one(log: SampleLog) -> None:
    for number, action in enumerate(("cancel", "resend", "cancel")):
        log.done(refund(number, None, action=action))
    log.done(refund(9, action="void"))
    assert rows(log, "action") == {
        "cancel cancel succeeded 2",
        "resend resend succeeded 1",
        "void void succeeded 1 12.50 USD",
    }


def test_notes_are_no_action(log: SampleLog) -> None:
    log.by("layla").note("auth add", account="stripe")
    assert report(log.store, since=None, until=None) == Report(totals=(), findings=(), found={})


def test_every_group_adds_up_to_the_same(log: SampleLog) -> None:
    log.done(refund(1))
    log.done(refund(2, EUR, gateway="paypal", reason_code=None), login="amir")
    log.done(refund(3), login="amir")
    totals = report(log.store, since=None, until=None).totals
    assert list(dict.fromkeys(t.by for t in totals)) == list(GROUPS)
    for by in GROUPS:
        mine = [t for t in totals if t.by == by]
        assert sum(t.count for t in mine) == 3
        assert sum(t.amount.minor for t in mine if t.amount and t.amount.currency == "USD") == 2500
    assert {t.group for t in totals if t.by == "gateway"} == {"stripe", "paypal"}
    assert {t.group for t in totals if t.by == "reason"} == {"duplicate", ""}


def test_a_claimed_name_stands_before_the_login(log: SampleLog) -> None:
    log.by("cron", "amina").intent(refund(), operation="op_1", key="1")
    assert rows(log, "operator") == {"amina refund open 1 12.50 USD"}


def test_an_operation_is_its_askers_whoever_settled_it(log: SampleLog) -> None:
    operation = log.done(refund(), "unknown", login="layla")
    log.later(days=12)
    log.close(refund(), operation, "succeeded", login="cron")
    assert rows(log, "operator") == {"layla refund succeeded 1 12.50 USD"}
    assert rows(log, "month") == {"2026-11 refund succeeded 1 12.50 USD"}


def test_what_an_operation_came_to_counts_also_when_it_was_found_after_the_time(log: SampleLog) -> None:
    operation = log.done(refund(), "pending")
    log.later(days=3)
    log.followed(refund(), operation, "succeeded")
    until = NOON + timedelta(days=1)
    assert rows(log, "action", until=until) == {"refund refund succeeded 1 12.50 USD"}


def test_a_refund_that_failed_later_is_no_refund_and_is_found_when_asked_and_when_it_failed(
    log: SampleLog,
) -> None:
    operation = log.done(refund())
    log.later(days=3)
    log.followed(refund(), operation, "failed")
    assert rows(log, "action") == {"refund refund failed 1 12.50 USD"}
    finding = {("failed_later", operation)}
    first_day, third_day = NOON + timedelta(days=1), NOON + timedelta(days=2)
    assert found(log, until=first_day) == finding
    assert rows(log, "action", since=third_day) == set()
    assert found(log, since=third_day) == finding
    assert found(log, since=first_day, until=third_day) == set()


def test_what_is_open_or_unknown_is_found_with_who_asked_and_when(log: SampleLog) -> None:
    log.done(refund(1))
    unknown = log.done(refund(2), "unknown", login="amir")
    log.later(hours=1)
    unsettled = log.ask(refund(3, EUR))
    newest, older = report(log.store, since=None, until=None).findings
    assert (newest.finding, newest.operation, newest.amount) == ("open", unsettled, EUR)
    assert (older.finding, older.operation, older.operator) == ("unknown", unknown, "amir")
    assert (older.time, older.action, older.ref) == (NOON, "refund", "stripe:ch_2")


def test_the_time_reported_begins_with_its_first_instant_and_ends_before_its_last(log: SampleLog) -> None:
    for number in range(3):
        log.done(refund(number, Money(number + 1, "USD")))
        log.later(hours=1)
    hour = timedelta(hours=1)
    assert rows(log, "action", since=NOON + hour, until=NOON + 2 * hour) == {
        "refund refund succeeded 1 0.02 USD"
    }
    assert rows(log, "action", since=NOON + timedelta(days=1)) == set()


def test_findings_beyond_the_most_are_counted(log: SampleLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billctl.audit.report.MOST_FINDINGS", 2)
    operations = [log.ask(refund(number)) for number in range(3)]
    told = report(log.store, since=None, until=None)
    assert [f.operation for f in told.findings] == operations[:0:-1]
    assert told.found == {"open": 3}
    assert MOST_FINDINGS == 1000


def test_a_month_is_utc(log: SampleLog) -> None:
    log.now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    log.done(refund(1))
    log.later(minutes=1)
    log.done(refund(2))
    assert {line.split()[0] for line in rows(log, "month")} == {"2026-11", "2026-12"}


def test_an_operation_that_the_log_does_not_know_is_an_error(log: SampleLog) -> None:
    log.followed(refund(), "op_nobody", "failed")
    with pytest.raises(StoreError, match="does not know"):
        report(log.store, since=None, until=None)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """The peak of a report and of both exports of 6,000 records, against that of 1,500."""
    peaks = []
    for records in (1_500, 6_000):
        path = tmp_path / f"{records}" / "audit.sqlite"
        make_log(path, records)
        store = open_store(path, readonly=True)
        tracemalloc.start()
        report(store, since=None, until=None)
        for form in FORMS.values():
            verdict = export(in_range(store, None, None), len, form, private=True)
            assert verdict.records == records
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        store.close()
    assert peaks[1] < 1.5 * peaks[0] + 500_000
