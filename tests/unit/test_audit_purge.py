"""Purging: not before its time, not without a record, not by halves; afterwards the bytes are gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.audit.actor import Actor, Origin
from billctl.audit.entry import read
from billctl.audit.log import AuditLog, Subject
from billctl.audit.purge import (
    NotPurged,
    NotScrubbed,
    Wanted,
    check_retention,
    check_whole,
    find,
    months_after,
    months_before,
    purge,
)
from billctl.audit.tail import check_tail
from billctl.audit.verify import verify
from billctl.errors import Busy, StoreError
from billctl.store import connection
from billctl.store.interface import OperationState, RecordFilter
from billctl.store.sqlite import SqliteStore, open_store
from tests.unit.test_audit_verify import tamper

OLD = datetime(2024, 2, 29, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
ACTOR = Actor(uid=1000, login="layla", host="billing-1", origin=Origin.PIPE)
SECRET = "Rana-moved-to-12-Main-Street"
CUSTOMER = "cus_Rana"
WANTED = Wanted(before=OLD + timedelta(days=1))


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


# How long records are kept.


@pytest.mark.parametrize(
    ("moment", "months", "before"),
    [
        (at(2026, 11, 22, 8), 12, at(2025, 11, 22, 8)),
        (at(2026, 1, 31), 12, at(2025, 1, 31)),
        (at(2026, 3, 31), 13, at(2025, 2, 28)),
        (at(2024, 2, 29), 12, at(2023, 2, 28)),
        (at(2025, 2, 28), 12, at(2024, 2, 28)),
        (at(2028, 2, 29), 48, at(2024, 2, 29)),
        (at(2026, 1, 15), 1, at(2025, 12, 15)),
    ],
)
def test_months_are_calendar_months(moment: datetime, months: int, before: datetime) -> None:
    assert months_before(moment, months) == before


@pytest.mark.parametrize(
    ("moment", "months", "after"),
    [
        (at(2024, 2, 29, 12), 12, at(2025, 3, 1)),
        (at(2025, 1, 31), 13, at(2026, 3, 1)),
        (at(2025, 1, 31), 12, at(2026, 1, 31)),
        (at(2025, 12, 31, 23), 12, at(2026, 12, 31, 23)),
    ],
)
def test_a_day_that_a_month_lacks_is_kept_until_the_next_month(
    moment: datetime, months: int, after: datetime
) -> None:
    assert months_after(moment, months) == after


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 bounds


@given(MOMENTS, st.integers(12, 120))
def test_the_date_that_is_promised_is_the_first_on_which_it_is_allowed(moment: datetime, months: int) -> None:
    possible = months_after(moment, months)
    check_retention(Wanted(before=moment), months=months, now=possible)
    with pytest.raises(NotPurged):
        check_retention(Wanted(before=moment), months=months, now=possible - timedelta(microseconds=1))


@pytest.mark.parametrize("months", [0, 11, 12])
def test_nothing_younger_than_twelve_months_is_ever_purged(months: int) -> None:
    check_retention(Wanted(before=months_before(NOW, 12)), months=months, now=NOW)
    with pytest.raises(NotPurged) as caught:
        check_retention(Wanted(before=at(2026, 2, 28)), months=months, now=NOW)
    line = caught.value.line()
    assert "kept for 12 months" in line
    assert "from 2027-02-28 00:00 UTC on" in line
    assert "--before 2025-11-22T00:00:00Z" in line
    assert "Nothing was purged." in line
    assert caught.value.exit_code == 8


def test_a_customers_wish_does_not_shorten_what_must_be_kept() -> None:
    with pytest.raises(NotPurged):
        check_retention(Wanted(before=NOW, customer=CUSTOMER), months=12, now=NOW)


# Purging.


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "state" / "audit.db")
    yield store
    store.close()


def log(store: SqliteStore, now: datetime) -> AuditLog:
    return AuditLog(
        store, actor=ACTOR, profile="shop", mode="test", clock=lambda: now, source="cli", argv=["x", SECRET]
    )


def refund(store: SqliteStore, charge: str, state: OperationState, *, now: datetime = OLD) -> None:
    """A refund with personal words wherever a record can hold them."""
    subject = Subject(
        action="refund",
        gateway="stripe",
        account="eu",
        object_type="charge",
        object_id=charge,
        object=f"stripe|acct|{charge}",
        customer=CUSTOMER,
        reason=SECRET,
        params={"to": SECRET},
    )
    audit = log(store, now)
    audit.intent(subject, operation=f"op_{charge}", key=charge, before={"name": SECRET})
    audit.outcome(
        subject,
        operation=f"op_{charge}",
        state=state,
        outcome="succeeded" if state is OperationState.DONE else "unknown",
        result={"name": SECRET},
        after={"name": SECRET},
        error=StoreError(SECRET),
    )


def kept(store: SqliteStore) -> list[int]:
    return [record.seq for record in store.records(RecordFilter()) if record.private is not None]


def files_with(store: SqliteStore, text: str) -> list[str]:
    return [path.name for path in store.path.parent.iterdir() if text.encode() in path.read_bytes()]


def test_a_purge_is_recorded_and_the_rest_of_the_log_stands(store: SqliteStore) -> None:
    refund(store, "ch_1", OperationState.DONE)
    refund(store, "ch_2", OperationState.UNKNOWN)
    refund(store, "ch_3", OperationState.DONE, now=NOW)
    found = find(store, WANTED)
    assert (found.ranges, found.unsettled) == (((1, 3),), 2)
    seq = purge(store, log(store, NOW), WANTED, found, reason="yearly")
    assert seq == 8
    assert kept(store) == [4, 5, 6, 7, 8]
    record = store.record(seq)
    assert record
    entry = read(record)
    assert (entry.action, entry.outcome, entry.reason, entry.login) == (
        "audit purge",
        "succeeded",
        "yearly",
        "layla",
    )
    assert entry.fields["result"] == {"ranges": [[1, 3]], "count": 3, "before": "2024-03-01T12:00:00.000000Z"}
    assert verify(store.path, integrity=True).records == 8
    check_tail(store)
    assert find(store, WANTED).count == 0
    gone = store.record(3)
    assert gone
    assert read(gone).purged
    assert (read(gone).ref, read(gone).login, read(gone).outcome) == ("eu:ch_1", "layla", "succeeded")


def test_what_was_purged_is_in_no_file_any_more(store: SqliteStore) -> None:
    """Not in free space either: customers in no order split the index's pages, whose halves keep copies.

    Some builds of SQLite zero what they free by themselves; here they do not.
    """
    store._db.execute("PRAGMA secure_delete = OFF")
    store._db.execute("PRAGMA synchronous = OFF")
    names = [f"{CUSTOMER}-{number * 7919 % 300:03d}-{'y' * 40}" for number in range(300)]
    for name in names:
        subject = Subject(
            action="refund",
            gateway="stripe",
            account="eu",
            object_type="charge",
            object_id="ch_1",
            reason=f"{SECRET} {name}",
            customer=name,
        )
        log(store, OLD if int(name[9:12]) % 2 else NOW).denied(subject, error=StoreError("no"))
    found = find(store, WANTED)
    assert found.count == 150
    purge(store, log(store, NOW), WANTED, found, reason="yearly")
    left = b"".join(path.read_bytes() for path in store.path.parent.iterdir())
    assert {name for name in names if name.encode() in left} == set(names[::2])
    assert verify(store.path, integrity=True).ok


def test_one_customers_records_go_and_the_others_stay(store: SqliteStore) -> None:
    refund(store, "ch_1", OperationState.DONE)
    log(store, OLD).note("lookup", result={"query": "someone else"})
    wanted = Wanted(before=WANTED.before, customer=CUSTOMER)
    purge(store, log(store, NOW), wanted, find(store, wanted), reason="erasure")
    assert kept(store) == [1, 4, 5]
    elsewhere = Wanted(before=WANTED.before, customer=CUSTOMER, account="us")
    assert find(store, elsewhere).count == 0
    assert verify(store.path).ok


def test_nothing_to_purge_leaves_no_record(store: SqliteStore) -> None:
    refund(store, "ch_1", OperationState.DONE, now=NOW)
    assert purge(store, log(store, NOW), WANTED, find(store, WANTED), reason="yearly") is None
    assert store.head().seq == 3


def test_a_purge_that_another_overtook_changes_nothing(store: SqliteStore) -> None:
    refund(store, "ch_1", OperationState.DONE)
    found = find(store, WANTED)
    purge(store, log(store, NOW), WANTED, found, reason="yearly")
    with pytest.raises(Busy, match="meanwhile"):
        purge(store, log(store, NOW), WANTED, found, reason="yearly")
    assert store.head().seq == 4


def test_while_another_reads_it_is_purged_but_said_not_to_be_scrubbed(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    refund(store, "ch_1", OperationState.DONE)
    with (
        closing(open_store(store.path)) as quick,
        closing(connection.connect(store.path, readonly=True)) as db,
    ):
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM record").fetchone()
        with pytest.raises(NotScrubbed, match="purged in record 4"):
            purge(quick, log(quick, NOW), WANTED, find(quick, WANTED), reason="yearly")
        assert kept(quick) == [4]
        db.execute("ROLLBACK")
        assert files_with(store, CUSTOMER)
    # The next purge ends it, though it finds nothing more.
    assert purge(store, log(store, NOW), WANTED, find(store, WANTED), reason="yearly") is None
    assert files_with(store, CUSTOMER) == []


def test_a_log_that_is_not_whole_is_not_purged(store: SqliteStore) -> None:
    refund(store, "ch_1", OperationState.DONE)
    check_whole(store.path)
    tamper(store.path, "UPDATE private SET body = replace(body, 'Rana', 'Lina') WHERE seq = 2")
    with pytest.raises(StoreError, match="broken at record 2: the private part of record 2 was changed"):
        check_whole(store.path)


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from tests.unit.test_audit_purge import NOW, WANTED, find, log, open_store, purge
store, when, seen = open_store(Path(sys.argv[1])), int(sys.argv[2]), 0
found = find(store, WANTED)
def count(statement):
    global seen
    seen += 1
    if seen == when:
        os.kill(os.getpid(), signal.SIGKILL)
store._db.set_trace_callback(count)
purge(store, log(store, NOW), WANTED, found, reason="yearly")
"""


@pytest.mark.slow
def test_a_purge_that_is_killed_anywhere_is_all_or_nothing(tmp_path: Path) -> None:
    """Killed before each of its SQL statements; a purge after that ends it."""
    ends: set[bool] = set()
    for when in range(1, 200):
        path = tmp_path / str(when) / "audit.db"
        with closing(open_store(path)) as store:
            refund(store, "ch_1", OperationState.DONE)
        env = os.environ | {"PYTHONPATH": str(Path.cwd())}
        done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(when)], check=False, env=env)
        with closing(open_store(path)) as store:
            assert verify(path, integrity=True).ok
            purged = store.head().seq == 4
            assert kept(store) == ([4] if purged else [1, 2, 3])
            ends.add(purged)
            purge(store, log(store, NOW), WANTED, find(store, WANTED), reason="yearly")
            assert files_with(store, CUSTOMER) == []
        if done.returncode == 0:
            break
        assert done.returncode == -9
    else:
        pytest.fail("it never came to its end")
    assert ends == {False, True}
