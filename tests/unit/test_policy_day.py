"""An operator's day as a run of many actions counts it: the same as counted anew, and read only once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from billctl.audit.actor import Actor, Origin
from billctl.audit.log import AuditLog, Subject
from billctl.batch.matter import Whole
from billctl.errors import PolicyDenied
from billctl.money import Money
from billctl.policy.budget import Day, RunningDay, day_of
from billctl.policy.rules import Case
from billctl.policy.verdict import Judge
from billctl.profiles.policy import Policy
from billctl.store.interface import OperationState, Store, StoredRecord
from billctl.store.sqlite import open_store

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
AMINA = Actor(login="amina", uid=1001, host="vm", origin=Origin.CRON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "audit.sqlite")
    yield opened
    opened.close()


def subject(number: int, minor: int, action: str = "refund") -> Subject:
    return Subject(
        action=action, gateway="stripe", account="stripe", object_type="charge", object_id=f"ch_{number}",
        reason="charged twice", object=f"stripe|acct|ch_{number}", amount=Money(minor, "USD"),
    )  # fmt: skip


class Till:
    """Begins and ends refunds in the log, each of 1.00 USD."""

    def __init__(self, store: Store, actor: Actor = AMINA) -> None:
        self.store = store
        self.log = AuditLog(
            store, actor=actor, profile="shop", mode="test", clock=lambda: NOW, source="cli", argv=()
        )
        self.count = 0

    def begin(self, minor: int = 100) -> int:
        self.count += 1
        number = self.count
        self.log.intent(subject(number, minor), operation=f"op_{number}", key=f"key_{number}")
        return number

    def end(self, number: int, state: OperationState) -> None:
        self.log.outcome(subject(number, 100), operation=f"op_{number}", state=state, outcome="unknown")


class Counting:
    """`store.recent`, counting the records that are taken from it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.read = 0

    def __call__(self, since: datetime) -> Iterator[StoredRecord]:
        for record in self.store.recent(since):
            self.read += 1
            yield record


def running() -> RunningDay:
    return RunningDay(actor=AMINA, mode="test")


anew = partial(day_of, actor=AMINA, mode="test", now=NOW)


def test_it_is_the_day_as_counted_anew_while_refunds_are_added(store: Store) -> None:
    till, day = Till(store), running()
    assert day.day(store.recent, NOW) == Day()
    for minor in (100, 250, 75):
        till.begin(minor)
        assert day.day(store.recent, NOW) == anew(store.recent)
    assert anew(store.recent).refunded == {"USD": 425}


def test_of_what_it_knows_it_reads_nothing_again(store: Store) -> None:
    till, day = Till(store), running()
    for _ in range(50):
        till.begin()
    counting = Counting(store)
    day.day(counting, NOW)
    assert counting.read == 50
    for _ in range(20):
        till.begin()
        day.day(counting, NOW)
    assert counting.read == 50 + 20 * 2


def test_what_came_to_nothing_counts_until_somebody_asks_anew(store: Store) -> None:
    till, day = Till(store), running()
    till.end(till.begin(), OperationState.DONE)
    lost = till.begin()
    assert day.day(store.recent, NOW).refunded == {"USD": 200}
    till.end(lost, OperationState.REFUSED)
    assert day.day(store.recent, NOW).refunded == {"USD": 200}
    assert day.anew(store.recent, NOW).refunded == {"USD": 100}
    till.begin()
    assert day.day(store.recent, NOW).refunded == {"USD": 200}


def test_asked_anew_by_every_row_it_does_not_read_everything_for_each(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billctl.policy.budget.PATIENCE", 5)
    till, day = Till(store), running()
    rows = 40
    for _ in range(rows):
        till.begin()
    counting = Counting(store)
    for _ in range(rows):
        day.day(counting, NOW)
        day.anew(counting, NOW)
    assert counting.read <= rows * (5 + 3) < rows * rows / 2


def test_a_small_day_is_read_for_each_who_asks_anew(store: Store) -> None:
    till, day = Till(store), running()
    for _ in range(3):
        number = till.begin()
        assert day.anew(store.recent, NOW) == anew(store.recent)
        till.end(number, OperationState.NOT_SENT)
        assert day.anew(store.recent, NOW) == Day()


def test_records_of_a_transaction_that_did_not_hold_are_not_remembered(store: Store, tmp_path: Path) -> None:
    """What a guard saw in a transaction that was rolled back has numbers that others get afterwards."""
    till, day = Till(store), running()
    till.begin(100)
    other = open_store(tmp_path / "other.sqlite")
    elsewhere = Till(other)
    elsewhere.begin(100)
    elsewhere.begin(900)
    assert day.day(other.recent, NOW).refunded == {"USD": 1000}
    other.close()
    till.begin(300)
    assert day.day(store.recent, NOW).refunded == {"USD": 400}


def test_another_operator_and_another_mode_count_for_themselves(store: Store) -> None:
    Till(store, Actor(login="omar", uid=1002, host="vm", origin=Origin.CRON)).begin()
    assert running().day(store.recent, NOW) == Day()
    assert RunningDay(actor=AMINA, mode="live").day(store.recent, NOW) == Day()


def case(minor: int) -> Case:
    amount = Money(minor, "USD")
    return Case(
        plan=Whole(key="", facts=(), amount=amount), subject=subject(0, minor), attended=True, now=NOW
    )


def test_a_guard_denies_only_what_the_day_counted_anew_denies(store: Store) -> None:
    judge = Judge(
        policies=(Policy(source="policy shop", daily_refund_total={"USD": 300}),), actor=AMINA, mode="test"
    )
    till, day = Till(store), judge.running_day()
    hold = judge.guard(case(200), running=day)
    assert hold
    lost = till.begin(200)
    with pytest.raises(PolicyDenied, match=r"4\.00 USD in 24 hours"):
        hold(store.recent)
    till.end(lost, OperationState.NOT_SENT)
    hold(store.recent)


def test_yesterday_is_left_behind(store: Store) -> None:
    till, day = Till(store), running()
    till.begin()
    assert day.day(store.recent, NOW).refunded == {"USD": 100}
    tomorrow = NOW + timedelta(days=1, seconds=1)
    assert day.anew(store.recent, tomorrow) == Day()
