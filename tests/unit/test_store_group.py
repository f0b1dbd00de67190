"""Threads that write at the same time commit together, and nobody suffers for another."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billctl.audit.verify import verify
from billctl.errors import BillctlError, Busy, StoreError
from billctl.store.group import Group, Member
from billctl.store.interface import OperationState, RecordFilter
from billctl.store.sqlite import SqliteStore, open_store
from tests.unit.test_store_contract import text

SECONDS = 20
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Writers:
    """Writes in threads of their own; `results` are what each returned or raised, by number."""

    def __init__(self) -> None:
        self.results: dict[int, object] = {}
        self._threads: list[threading.Thread] = []

    def start(self, number: int, write: Callable[[], object]) -> None:
        def run() -> None:
            try:
                self.results[number] = write()
            except BaseException as error:  # noqa: BLE001 - it is a result
                self.results[number] = error

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), "somebody waits for ever"


def until(true: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(SECONDS * 1000):
        if true():
            return
        turn.wait(0.001)
    pytest.fail("it never came to be")


class Commits:
    """A commit that holds its first group until it is let go, and notes what each group was."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []
        self.go = threading.Event()
        self.interrupts: list[BaseException] = []

    def __call__(self, members: Sequence[Member[Any]]) -> None:
        self.groups.append([member.work(None) for member in members])
        if len(self.groups) == 1:
            self.go.wait(SECONDS)
        if self.interrupts:
            raise self.interrupts.pop()
        for member in members:
            member.succeed(member.work(None))


def queued(group: Group, writers: Writers, numbers: Sequence[int]) -> None:
    """Let `numbers` come one after the other while somebody writes."""

    def come(number: int) -> None:
        writers.start(number, lambda: group.write(lambda _: number))

    for place, number in enumerate(numbers, start=1):
        come(number)
        until_waiting(group, place)


def until_waiting(group: Group, count: int) -> None:
    until(lambda: len(group._waiting) == count)


def test_whoever_is_alone_commits_alone() -> None:
    commits = Commits()
    commits.go.set()
    group = Group(commits)
    assert (group.write(lambda _: "one"), group.write(lambda _: "two")) == ("one", "two")
    assert commits.groups == [["one"], ["two"]]


def test_all_that_come_while_one_writes_commit_together_in_their_order() -> None:
    commits, writers = Commits(), Writers()
    group = Group(commits)
    writers.start(0, lambda: group.write(lambda _: 0))
    until(lambda: bool(commits.groups))
    queued(group, writers, [5, 3, 4, 1, 2])
    commits.go.set()
    writers.join()
    assert commits.groups == [[0], [5, 3, 4, 1, 2]]
    assert writers.results == {number: number for number in range(6)}


def test_an_interrupted_leader_leaves_the_others_to_the_next() -> None:
    commits, writers = Commits(), Writers()
    group = Group(commits)
    writers.start(0, lambda: group.write(lambda _: 0))
    until(lambda: bool(commits.groups))
    queued(group, writers, [1, 2, 3])
    commits.interrupts = [KeyboardInterrupt()]  # the first group is told; its leader is alone in it
    commits.go.set()
    writers.join()
    assert isinstance(writers.results.pop(0), KeyboardInterrupt)
    assert writers.results == {1: 1, 2: 2, 3: 3}


def test_an_interrupted_leader_of_several_undoes_none_of_theirs_for_good() -> None:
    commits, writers = Commits(), Writers()
    group = Group(commits)
    writers.start(0, lambda: group.write(lambda _: 0))
    until(lambda: bool(commits.groups))
    queued(group, writers, [1, 2, 3])

    def interrupted(members: Sequence[Member[Any]]) -> None:
        for member in members:
            member.fail(ValueError("undone with its transaction"))
        group._commit = commits
        raise KeyboardInterrupt

    group._commit = interrupted
    commits.go.set()
    writers.join()
    assert isinstance(writers.results.pop(1), KeyboardInterrupt)
    assert writers.results == {0: 0, 2: 2, 3: 3}
    assert commits.groups[-1] == [2, 3]


def test_who_is_interrupted_while_he_waits_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    commits, writers = Commits(), Writers()
    group = Group(commits)
    writers.start(0, lambda: group.write(lambda _: 0))
    until(lambda: bool(commits.groups))
    queued(group, writers, [1, 2])
    with monkeypatch.context() as patched:
        patched.setattr(Member, "wait", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            group.write(lambda _: 9)
    commits.go.set()
    writers.join()
    assert commits.groups == [[0], [1, 2]]
    assert group.write(lambda _: 4) == 4


# The store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "state" / "audit.sqlite")
    yield store
    store.close()


class Together:
    """Lets writes of a store come together: a first one holds the store until all others wait."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.writers = Writers()
        self.commits = 0
        self._go = threading.Event()
        store._db.set_trace_callback(self._count)
        self.writers.start(-1, self._first)
        until(lambda: self.store._writers._leader is not None and not self.store._writers._waiting)

    def _count(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    def _first(self) -> None:
        def hold(_: object) -> None:
            self._go.wait(SECONDS)

        begin(self.store, "op_first", guard=hold)

    def run(self, *writes: Callable[[], object]) -> list[object]:
        """What each of `writes`, waiting in this order, came to."""
        for number, write in enumerate(writes):
            self.writers.start(number, write)
            until_waiting(self.store._writers, number + 1)
        self._go.set()
        self.writers.join()
        return [self.writers.results[number] for number in range(len(writes))]


def begin(store: SqliteStore, operation: str, *, object: str | None = None, **more: Any) -> int:
    named = object or f"stripe|acct|{operation}"
    entry = text(phase="intent", operation=operation, key=operation, object=named)
    return store.begin(entry, operation=operation, key=operation, object=named, **more).seq


def row(store: SqliteStore, number: int) -> Callable[[], object]:
    """Appends a record that says which row it is."""
    return lambda: store.append(text(reason=f"row {number}")).seq


def giving_up(db: sqlite3.Connection) -> None:
    """What SQLite does by itself after some errors (sqlite.org/lang_transaction.html, 3)."""
    db.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


def bodies(store: SqliteStore) -> list[str]:
    return [record.body for record in store.records(RecordFilter())]


def test_parallel_records_are_one_commit_and_one_chain(store: SqliteStore) -> None:
    together = Together(store)
    came = together.run(*(row(store, number) for number in range(7)))
    assert came == [2, 3, 4, 5, 6, 7, 8]
    assert together.commits == 2
    assert [f"row {n}" in body for n, body in enumerate(bodies(store)[1:])] == [True] * 7
    assert verify(store.path, integrity=True).ok


def test_what_one_is_refused_is_no_matter_to_the_others(store: SqliteStore) -> None:
    def over_the_limit(_: object) -> None:
        raise BillctlError("more than a day may have")

    together = Together(store)
    one, same, denied, missing, last = together.run(
        lambda: begin(store, "op_1", object="o"),
        lambda: begin(store, "op_2", object="o"),
        lambda: begin(store, "op_3", guard=over_the_limit),
        lambda: store.finish(text(), operation="op_none", state=OperationState.DONE),
        lambda: begin(store, "op_4"),
    )
    assert (one, last) == (2, 3)
    assert isinstance(same, Busy)
    assert same.code == "operation_open"
    assert str(denied) == "more than a day may have"
    assert isinstance(missing, StoreError)
    assert [operation.id for operation in store.unsettled()] == ["op_first", "op_1", "op_4"]
    assert together.commits == 2
    assert verify(store.path, integrity=True).ok


def test_a_guard_sees_what_the_others_of_its_group_have_begun(store: SqliteStore) -> None:
    seen: list[int] = []
    together = Together(store)
    together.run(
        lambda: begin(store, "op_1", guard=lambda recent: seen.append(len(list(recent(LONG_AGO))))),
        lambda: begin(store, "op_2", guard=lambda recent: seen.append(len(list(recent(LONG_AGO))))),
    )
    assert seen == [1, 2]


def test_a_record_that_has_no_room_fails_alone(store: SqliteStore) -> None:
    together = Together(store)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 3}")
    one, full, other = together.run(
        row(store, 1), lambda: store.append(text(reason="much" * 20_000)), row(store, 2)
    )
    assert (one, other) == (2, 3)
    assert isinstance(full, StoreError)
    assert full.code == "sqlite_full"
    assert verify(store.path, integrity=True).ok


def test_a_transaction_that_sqlite_gives_up_is_undone_for_all(store: SqliteStore) -> None:
    together = Together(store)
    came = together.run(row(store, 1), lambda: store._write(giving_up), row(store, 2))
    assert [type(error) for error in came] == [StoreError] * 3
    assert len(bodies(store)) == 1
    assert store.append(text()).seq == 2
    assert verify(store.path, integrity=True).ok


class FailingCommit:
    """The store's connection, whose commits of several records fail."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._apart = False

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        self._apart = self._apart or statement.startswith("SAVEPOINT")
        if statement == "COMMIT" and self._apart:
            self._apart = False
            raise sqlite3.OperationalError("disk I/O error")
        return self._db.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


def test_a_commit_that_fails_fails_for_all(store: SqliteStore) -> None:
    together = Together(store)
    store._db = FailingCommit(store._db)  # type: ignore[assignment]
    came = together.run(*(row(store, number) for number in range(3)))
    assert all(isinstance(error, StoreError) for error in came)
    assert len(bodies(store)) == 1
    assert store.append(text()).seq == 2


def test_writers_of_a_closed_store_are_all_told(store: SqliteStore) -> None:
    together = Together(store)

    def close() -> str:
        store.close()
        return "closed"

    closing = threading.Thread(target=close, daemon=True)
    closing.start()  # waits for the one who writes
    came = together.run(*(row(store, number) for number in range(3)))
    closing.join(SECONDS)
    assert {getattr(each, "code", "written") for each in came} <= {"store_closed", "written"}
    assert not closing.is_alive()
