"""What every store must do. Subclass `StoreContract` with a `store` fixture to hold another one to it."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from billctl.audit.chain import digest, seal
from billctl.errors import BillctlError, Busy, PolicyDenied, StoreError, UsageError
from billctl.store.interface import (
    GENESIS,
    Head,
    OperationState,
    Purgeable,
    Ranges,
    Recent,
    RecordFilter,
    Seal,
    Store,
    StoredRecord,
)
from billctl.store.schema import instant
from billctl.store.sqlite import open_store

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FINAL = (OperationState.DONE, OperationState.REFUSED, OperationState.NOT_SENT)


def text(**fields: Any) -> Seal:
    """A seal of a record with these fields, at noon unless they say otherwise."""
    entry = {"time": instant(NOON), "phase": "note"} | fields
    return lambda seq, prev: seal(seq, prev, entry)


def naming(line: str, **fields: Any) -> Seal:
    """A seal of a record that names `line` as its private part."""
    return text(private=digest(line), **fields)


def begin(store: Store, operation: str, *, key: str | None = None, object: str = "stripe|acct|ch_1") -> int:
    """Open an operation; its key is its own unless given."""
    key = key or f"key of {operation}"
    entry = text(phase="intent", operation=operation, key=key, object=object)
    return store.begin(entry, operation=operation, key=key, object=object).seq


def _fill(store: Store) -> None:
    """Eight records a second apart; 3 and 6 are of an operation that stays unknown, 1 is of format 1."""
    at = (instant(NOON + timedelta(seconds=second)) for second in range(8))
    one, other = '{"salt":"00","customer":"cus_1"}', '{"salt":"00","customer":"cus_2"}'
    store.append(text(time=next(at), customer="cus_1"))
    store.append(naming(one, time=next(at), account="us"), private=one)
    entry = naming(other, time=next(at), phase="intent", operation="op_1", key="1", object="a")
    store.begin(entry, operation="op_1", key="1", object="a", private=other)
    entry = naming(other, time=next(at), phase="intent", operation="op_2", key="2", object="b")
    store.begin(entry, operation="op_2", key="2", object="b", private=other)
    bare = text(time=next(at), phase="outcome", operation="op_2", object="b", state="done", private="0" * 64)
    store.finish(bare, operation="op_2", state=OperationState.DONE)
    unknown = naming(one, time=next(at), phase="outcome", operation="op_1", object="a", state="unknown")
    store.finish(unknown, operation="op_1", state=OperationState.UNKNOWN, private=one)
    store.append(naming(one, time=next(at), account="eu"), private=one)
    store.append(naming(one, time=instant(NOON + timedelta(days=1))), private=one)


def _purge(ranges: Ranges, line: str) -> Seal:
    """The record of a purge of `ranges` that names `line` as its own private part."""
    return naming(line, action="audit purge", result={"ranges": ranges})


def finish(store: Store, operation: str, state: OperationState, **fields: Any) -> int:
    """Settle an operation, or leave it unknown."""
    found = store.get_operation(operation)
    name = found.object if found else "nothing"
    entry = text(phase="outcome", operation=operation, object=name, state=state.value, **fields)
    return store.finish(entry, operation=operation, state=state).seq


def numbers(records: Iterator[StoredRecord]) -> list[int]:
    """The records' numbers in the order in which they came."""
    return [record.seq for record in records]


class StoreContract:
    """The promises of `billctl.store.interface.Store`."""

    def test_a_new_store_is_empty(self, store: Store) -> None:
        assert store.head() == Head(seq=0, hash=GENESIS)
        assert store.record(1) is None
        assert list(store.records(RecordFilter())) == []
        assert store.unsettled() == []

    def test_records_are_numbered_and_chained_and_read_back_byte_for_byte(self, store: Store) -> None:
        first = store.append(text(reason="رد المبلغ 💶 \u202e\x00\ud800"))
        second = store.append(text(action="refund"))
        assert (first.seq, second.seq) == (1, 2)
        assert first.body.startswith(f'{{"prev":"{GENESIS}","seq":1,')
        assert second.body.startswith(f'{{"prev":"{first.hash}","seq":2,')
        assert [record.hash for record in (first, second)] == [digest(first.body), digest(second.body)]
        assert list(store.records(RecordFilter())) == [first, second]
        assert store.record(2) == second
        assert store.head() == Head(seq=2, hash=second.hash)

    def test_a_private_part_is_kept_beside_its_record_byte_for_byte(self, store: Store) -> None:
        line, other = '{"salt":"00","reason":"رد 💶"}', '{"salt":"01","customer":"cus_1"}'
        noted = store.append(naming(line), private=line)
        entry = naming(line, phase="intent", operation="op_1", key="k", object="o")
        begun = store.begin(entry, operation="op_1", key="k", object="o", private=line)
        settled = naming(other, phase="outcome", operation="op_1", object="o", state="done")
        done = store.finish(settled, operation="op_1", state=OperationState.DONE, private=other)
        assert [record.private for record in (noted, begun, done)] == [line, line, other]
        assert list(store.records(RecordFilter())) == [noted, begun, done]
        assert list(store.latest(RecordFilter())) == [done, noted]
        assert store.record(begun.seq) == begun

    def test_a_private_part_goes_in_with_its_record_or_not_at_all(self, store: Store) -> None:
        line = '{"salt":"00"}'
        with pytest.raises(StoreError):
            store.append(text(), private=line)  # the record does not name it
        with pytest.raises(StoreError):
            store.append(naming("no JSON"), private="no JSON")
        assert store.head().seq == 0
        begin(store, "op_1")
        with pytest.raises(Busy):
            store.begin(naming(line), operation="op_2", key="2", object="stripe|acct|ch_1", private=line)
        assert store.head().seq == 1
        assert store.append(text()).private is None

    def test_a_customer_is_found_in_records_and_in_private_parts(self, store: Store) -> None:
        line, other = '{"salt":"00","customer":"cus_1"}', '{"salt":"00","customer":"cus_2"}'
        store.append(text(customer="cus_1", account="eu"))
        store.append(naming(line, account="eu"), private=line)
        store.append(naming(other), private=other)
        store.append(naming(line, account="us"), private=line)
        assert numbers(store.records(RecordFilter(customer="cus_1"))) == [1, 2, 4]
        assert numbers(store.latest(RecordFilter(customer="cus_1"), limit=2)) == [4, 2]
        assert numbers(store.records(RecordFilter(customer="cus_1", account="eu"))) == [1, 2]

    def test_a_new_intent_is_judged_by_the_recent_ones_with_their_private_parts(self, store: Store) -> None:
        line = '{"salt":"00","params":{}}'
        entry = naming(line, phase="intent", operation="op_1", key="1", object="a")
        store.begin(entry, operation="op_1", key="1", object="a", private=line)
        seen: list[str | None] = []

        def guard(recent: Recent) -> None:
            seen.extend(record.private for record in recent(NOON))
            raise PolicyDenied("enough")

        with pytest.raises(PolicyDenied):
            store.begin(text(), operation="op_2", key="2", object="b", guard=guard)
        assert seen == [line]
        assert store.head().seq == 1

    def test_what_was_done_since_is_told_by_its_objects(self, store: Store) -> None:
        def act(number: int, state: OperationState | None, *, days: int = 0, action: str = "resend") -> None:
            operation = f"op_{number}"
            entry = text(time=instant(NOON + timedelta(days=days)), phase="intent", action=action)
            store.begin(entry, operation=operation, key=operation, object=f"object {number}")
            if state:
                store.finish(text(), operation=operation, state=state)

        act(1, OperationState.DONE, days=-1)
        act(2, OperationState.DONE)
        act(3, OperationState.UNKNOWN)
        act(4, OperationState.REFUSED)
        act(5, OperationState.NOT_SENT)
        act(6, OperationState.DONE, action="refund")
        act(7, None)
        act(8, OperationState.DONE, days=-2)
        act(9, OperationState.DONE)  # a clock that was behind hides nothing
        assert store.acted_on("resend", NOON) == {"object 2", "object 9"}
        assert store.acted_on("resend", NOON + timedelta(seconds=1)) == frozenset()
        assert store.acted_on("cancel", NOON) == frozenset()

    def test_what_a_purge_would_remove_is_what_is_old_settled_and_apart(self, store: Store) -> None:
        _fill(store)
        found = store.purgeable(before=NOON + timedelta(seconds=8))
        assert found == Purgeable(ranges=((2, 2), (4, 4), (7, 7)), count=3, unsettled=2, inseparable=1)
        about = store.purgeable(before=NOON + timedelta(seconds=8), customer="cus_1")
        assert about == Purgeable(ranges=((2, 2), (7, 7)), count=2, unsettled=1, inseparable=1)
        assert store.purgeable(before=NOON + timedelta(seconds=8), customer="cus_1", account="us").count == 1
        assert store.purgeable(before=NOON + timedelta(seconds=3)).ranges == ((2, 2),)
        assert store.purgeable(before=NOON).count == 0

    def test_a_purge_removes_private_parts_under_its_record_and_keeps_the_chain(self, store: Store) -> None:
        _fill(store)
        before = list(store.records(RecordFilter()))
        line = '{"salt":"00","reason":"yearly"}'
        ranges = ((2, 2), (4, 4), (7, 7))
        record = store.purge(_purge(ranges, line), private=line, ranges=ranges)
        after = list(store.records(RecordFilter()))
        assert after[-1] == record
        assert record.private == line
        assert [r.body for r in after[:-1]] == [r.body for r in before]
        kept = [r.seq for r in after if r.private is not None]
        assert kept == [3, 6, 8, 9]
        assert numbers(store.records(RecordFilter(customer="cus_1"))) == [1, 6, 8]
        store.scrub()
        assert list(store.records(RecordFilter())) == after
        assert store.append(text()).seq == 10

    @pytest.mark.parametrize("ranges", [((2, 3),), ((6, 7),), ((1, 2),), ((2, 2), (2, 2))])
    def test_a_purge_of_what_may_not_go_or_is_gone_changes_nothing(
        self, store: Store, ranges: Ranges
    ) -> None:
        _fill(store)
        before = list(store.records(RecordFilter()))
        with pytest.raises(Busy, match="meanwhile"):
            store.purge(_purge(ranges, '{"salt":"00"}'), private='{"salt":"00"}', ranges=ranges)
        assert list(store.records(RecordFilter())) == before

    def test_nothing_is_purged_that_its_record_does_not_name(self, store: Store) -> None:
        _fill(store)
        before = list(store.records(RecordFilter()))
        for seal_ in (_purge(((2, 2),), "x"), naming("x", result={"ranges": [[2, 4]]}), text()):
            with pytest.raises(StoreError):
                store.purge(seal_, private=None, ranges=((2, 2), (4, 4)))
        itself = ((4, 4), (9, 9))
        with pytest.raises(StoreError):
            store.purge(_purge(itself, '{"salt":"00"}'), private='{"salt":"00"}', ranges=itself)
        assert list(store.records(RecordFilter())) == before

    def test_nothing_is_purged_while_an_operation_is_open(self, store: Store) -> None:
        _fill(store)
        begin(store, "op_9", object="z")
        with pytest.raises(Busy, match="op_9 is open"):
            store.purge(_purge(((2, 2),), "x"), private=None, ranges=((2, 2),))
        assert store.head().seq == 9

    def test_a_seal_that_fails_appends_nothing_and_leaves_the_store_usable(self, store: Store) -> None:
        def broken(seq: int, prev: str) -> str:
            raise KeyError("reason")

        with pytest.raises(KeyError):
            store.append(broken)
        with pytest.raises(KeyError):
            store.begin(broken, operation="op_1", key="k", object="o")
        assert store.get_operation("op_1") is None
        assert store.append(text()).seq == 1

    def test_an_intent_opens_its_operation_with_it(self, store: Store) -> None:
        seq = begin(store, "op_1", key="k", object="stripe|acct|ch_1")
        found = store.get_operation("op_1")
        assert found
        assert (found.key, found.object, found.state) == ("k", "stripe|acct|ch_1", OperationState.OPEN)
        assert (found.intent, found.outcome) == (seq, None)
        assert store.find_operation(key="k") == found
        assert store.unsettled_on(object="stripe|acct|ch_1") == found
        assert store.unsettled() == [found]

    @pytest.mark.parametrize("state", [OperationState.OPEN, OperationState.UNKNOWN])
    def test_an_unsettled_operation_keeps_its_object(self, store: Store, state: OperationState) -> None:
        begin(store, "op_1")
        if state is OperationState.UNKNOWN:
            finish(store, "op_1", state)
        head = store.head()
        with pytest.raises(Busy, match="op_1") as caught:
            begin(store, "op_2")
        assert caught.value.code == "operation_open"
        assert store.head() == head
        assert store.get_operation("op_2") is None

    @pytest.mark.parametrize("state", FINAL)
    def test_a_settled_operation_frees_its_object(self, store: Store, state: OperationState) -> None:
        begin(store, "op_1")
        finish(store, "op_1", state)
        assert store.unsettled_on(object="stripe|acct|ch_1") is None
        begin(store, "op_2")

    def test_an_identical_operation_that_is_done_is_not_begun_again(self, store: Store) -> None:
        begin(store, "op_1", key="k")
        finish(store, "op_1", OperationState.DONE)
        with pytest.raises(Busy, match="op_1") as caught:
            begin(store, "op_2", key="k")
        assert caught.value.code == "operation_done"
        assert "--again" in caught.value.hint

    def test_an_identical_operation_that_is_open_elsewhere_is_not_begun(self, store: Store) -> None:
        begin(store, "op_1", key="k", object="one")
        with pytest.raises(Busy, match="op_1"):
            begin(store, "op_2", key="k", object="another")

    @pytest.mark.parametrize("state", [OperationState.REFUSED, OperationState.NOT_SENT])
    def test_what_certainly_did_not_happen_may_be_tried_again(
        self, store: Store, state: OperationState
    ) -> None:
        begin(store, "op_1", key="k")
        finish(store, "op_1", state)
        assert store.find_operation(key="k") is None
        begin(store, "op_2", key="k")

    def test_an_operation_id_serves_once(self, store: Store) -> None:
        begin(store, "op_1")
        finish(store, "op_1", OperationState.REFUSED)
        with pytest.raises(BillctlError, match="op_1"):
            begin(store, "op_1")
        assert store.head().seq == 2

    @pytest.mark.parametrize("state", FINAL)
    def test_an_unknown_outcome_can_be_settled_later_and_once(
        self, store: Store, state: OperationState
    ) -> None:
        begin(store, "op_1")
        finish(store, "op_1", OperationState.UNKNOWN)
        last = finish(store, "op_1", state)
        found = store.get_operation("op_1")
        assert found
        assert (found.state, found.outcome) == (state, last)
        with pytest.raises(StoreError, match="already settled"):
            finish(store, "op_1", OperationState.DONE)
        assert store.head().seq == last

    def test_an_outcome_needs_its_operation(self, store: Store) -> None:
        with pytest.raises(StoreError, match="no operation op_9"):
            finish(store, "op_9", OperationState.DONE)
        assert store.head().seq == 0

    def test_an_outcome_cannot_leave_an_operation_open(self, store: Store) -> None:
        begin(store, "op_1")
        with pytest.raises(ValueError, match="open"):
            finish(store, "op_1", OperationState.OPEN)

    def test_unsettled_operations_come_oldest_first(self, store: Store) -> None:
        for operation in ("op_3", "op_1", "op_2"):
            begin(store, operation, object=operation)
        finish(store, "op_1", OperationState.DONE)
        finish(store, "op_3", OperationState.UNKNOWN)
        assert [found.id for found in store.unsettled()] == ["op_3", "op_2"]

    FIELDS: tuple[dict[str, Any], ...] = (
        {"customer": "cus_1", "object_id": "ch_1", "action": "refund", "account": "eu", "outcome": "unknown"},
        {"customer": "cus_2", "object_id": "ch_1", "action": "cancel", "account": "eu", "outcome": "denied"},
        {"customer": "cus_1", "object_id": "ch_2", "action": "cancel", "account": "us", "outcome": "unknown"},
        {"actor": {"login": "layla"}, "action": "refund"},
        {"actor": {"login": "root", "claimed": "layla"}, "action": "refund", "operation": "op_7"},
        {"actor": {"login": "claimed"}, "customer": {"id": "cus_1"}},
    )

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (RecordFilter(customer="cus_1"), [1, 3]),
            (RecordFilter(object_id="ch_1"), [1, 2]),
            (RecordFilter(action="cancel"), [2, 3]),
            (RecordFilter(account="us"), [3]),
            (RecordFilter(outcome="unknown"), [1, 3]),
            (RecordFilter(operator="layla"), [4, 5]),
            (RecordFilter(operation="op_7"), [5]),
            (RecordFilter(customer="cus_1", action="refund"), [1]),
            (RecordFilter(outcome="unknown", account="us"), [3]),
            (RecordFilter(operator="layla", action="cancel"), []),
            (RecordFilter(customer="cus_9"), []),
            (RecordFilter(customer=""), []),
            (RecordFilter(first=4), [4, 5, 6]),
            (RecordFilter(first=2, last=4, account="eu"), [2]),
            (RecordFilter(last=0), []),
            (RecordFilter(since=NOON + timedelta(seconds=4)), [4, 5, 6]),
            (RecordFilter(until=NOON + timedelta(seconds=2)), [1]),
            (RecordFilter(customer="cus_1", since=NOON + timedelta(seconds=1, microseconds=1)), [3]),
            (RecordFilter(action="refund", until=NOON + timedelta(seconds=4, microseconds=1)), [1, 4]),
        ],
    )
    def test_filters_select_alone_and_together(
        self, store: Store, where: RecordFilter, expected: list[int]
    ) -> None:
        for second, fields in enumerate(self.FIELDS, start=1):
            store.append(text(time=instant(NOON + timedelta(seconds=second)), **fields))
        assert numbers(store.records(where)) == expected
        assert numbers(store.records(where, newest_first=True)) == expected[::-1]
        assert numbers(store.records(where, newest_first=True, limit=1)) == expected[::-1][:1]
        assert numbers(store.latest(where)) == expected[::-1]

    def test_a_fraction_of_a_second_does_not_disturb_the_order_of_times(self, store: Store) -> None:
        store.append(text(time=instant(NOON)))
        store.append(text(time=instant(NOON + timedelta(milliseconds=500))))
        later = RecordFilter(since=NOON + timedelta(microseconds=1))
        assert numbers(store.records(later)) == [2]

    def test_latest_shows_of_each_operation_only_its_last_record(self, store: Store) -> None:
        begin(store, "op_1", object="a")
        store.append(text(action="auth add"))
        begin(store, "op_2", object="b")
        finish(store, "op_1", OperationState.UNKNOWN, outcome="unknown")
        begin(store, "op_3", object="c")
        finish(store, "op_1", OperationState.DONE, outcome="succeeded")
        finish(store, "op_3", OperationState.UNKNOWN, outcome="unknown")
        assert numbers(store.latest(RecordFilter())) == [7, 6, 3, 2]
        assert numbers(store.latest(RecordFilter(), limit=2)) == [7, 6]
        assert numbers(store.latest(RecordFilter(outcome="unknown"))) == [7]
        assert numbers(store.latest(RecordFilter(operation="op_1"))) == [6]

    def test_a_reader_is_not_disturbed_by_what_is_appended_meanwhile(self, store: Store) -> None:
        for _ in range(3):
            store.append(text())
        reader = store.records(RecordFilter())
        assert next(reader).seq == 1
        store.append(text())
        assert numbers(reader) == [2, 3]

    def test_a_filter_that_is_no_valid_text_is_refused(self, store: Store) -> None:
        with pytest.raises(UsageError, match="not valid text"):
            store.records(RecordFilter(customer="cus_\udcff"))

    def test_a_time_without_zone_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="time zone"):
            store.records(RecordFilter(since=datetime(2026, 1, 1)))  # noqa: DTZ001

    def test_an_object_is_held_by_one_at_a_time(self, store: Store) -> None:
        with store.lock_object("stripe|acct|ch_1"):
            with store.lock_object("stripe|acct|ch_2"):
                pass
            with pytest.raises(Busy, match=r"stripe\|acct\|ch_1"), store.lock_object("stripe|acct|ch_1"):
                pytest.fail("two hold one object")
        with store.lock_object("stripe|acct|ch_1"):
            pass

    def test_a_lock_is_let_go_when_its_block_fails(self, store: Store) -> None:
        with pytest.raises(KeyError), store.lock_object("o"):
            raise KeyError
        with store.lock_object("o"):
            pass

    def test_threads_do_not_share_a_lock(self, store: Store) -> None:
        assert _in_thread(lambda: _is_busy(store)) is False
        with store.lock_object("o"):
            assert _in_thread(lambda: _is_busy(store)) is True
        assert _in_thread(lambda: _is_busy(store)) is False

    def test_threads_append_into_one_chain(self, store: Store) -> None:
        def work() -> None:
            for _ in range(20):
                store.append(text())

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = list(store.records(RecordFilter()))
        assert len(records) == 160
        for before, after in pairwise(records):
            assert after.body.startswith(f'{{"prev":"{before.hash}","seq":{before.seq + 1},')

    def test_a_closed_store_says_so(self, store: Store) -> None:
        store.close()
        store.close()
        for use in (
            store.head,
            lambda: store.append(text()),
            lambda: store.records(RecordFilter()),
            lambda: store.lock_object("o"),
        ):
            with pytest.raises(StoreError, match="closed"):
                use()


def _in_thread(question: Callable[[], bool]) -> bool:
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(question()))
    thread.start()
    thread.join()
    return answers[0]


def _is_busy(store: Store) -> bool:
    try:
        with store.lock_object("o"):
            return False
    except Busy:
        return True


class TestSqliteStore(StoreContract):
    """The default store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = open_store(tmp_path / "state" / "audit.db")
        yield store
        store.close()
