"""What ends a run of a plan before its last row, and what becomes of the rows on their way."""

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billctl.batch.model import RowResult, Stop
from billctl.batch.workers import IN_A_ROW
from billctl.errors import (
    AuthFailed,
    Interrupted,
    NetworkError,
    NoAnswer,
    OutcomeUnknown,
    Partial,
    PolicyDenied,
    Refused,
    StoreError,
    Terminated,
)
from billctl.gateway import Identity, Stamp
from billctl.models import Charge
from billctl.store.interface import RecordFilter
from billctl.store.sqlite import SqliteStore
from tests.unit.batches import Desk, Recorder, Till, desk, refunds

__all__ = ["desk"]

MANY = tuple(f"C{n}" for n in range(30))
FEW = MANY[:8]


def refuse(charge: Charge, stamp: Stamp) -> None:
    del stamp
    raise Refused(f"charge {charge.id} cannot be refunded", code="charge_disputed")


def raising(error: Callable[[], BaseException]) -> Callable[[], None]:
    def act() -> None:
        raise error()

    return act


# The canary


def live(desk: Desk, more: str = "") -> None:
    desk.profile(mode="live", more=f"allow_unattended = true\n{more}")


ATTENDED: dict[str, Any] = {"attended": True, "yes": False}


def test_in_live_mode_somebody_looks_after_three_rows_and_lets_it_go_on(desk: Desk) -> None:
    live(desk)
    plan = desk.plan(refunds(*FEW))
    watcher = Recorder()
    applied = desk.apply(plan, watcher, **ATTENDED)
    assert watcher.looked == [(3, 5)]
    assert (applied.counts, applied.stop) == ({"succeeded": 8}, None)


def test_whoever_does_not_go_on_ends_the_run_after_these_rows(desk: Desk) -> None:
    live(desk)
    plan = desk.plan(refunds(*FEW))
    applied = desk.apply(plan, Recorder(goes_on=False), **ATTENDED)
    assert (applied.counts, applied.not_reached, applied.stop) == ({"succeeded": 3}, 5, Stop.CANARY)
    assert isinstance(applied.error, Partial)
    assert len(Till.made) == 3
    again = Recorder()
    applied = desk.apply(plan, again, **ATTENDED)
    assert (applied.counts, again.looked) == ({"succeeded": 5, "already_done": 3}, [])


def test_without_a_terminal_a_canary_that_was_asked_for_ends_the_run(desk: Desk) -> None:
    plan = desk.plan(refunds(*FEW))
    watcher = Recorder()
    applied = desk.apply(plan, watcher, canary=2)
    assert (applied.not_reached, applied.stop, watcher.looked) == (6, Stop.CANARY, [])
    applied = desk.apply(plan, watcher, canary=2)
    assert (applied.not_reached, applied.stop) == (4, Stop.CANARY)


@pytest.mark.parametrize(
    ("more", "options", "looked"),
    [
        ("[policy]\ncanary = 5", {}, [(5, 3)]),
        ("[policy]\ncanary = 0", {}, []),
        ("[policy]\ncanary = 0", {"canary": 1}, [(1, 7)]),
        ("", {"canary": 0}, []),
        ("", {"canary": 8}, []),
        ("", {"yes": True}, []),
    ],
)
def test_who_looks_when(desk: Desk, more: str, options: dict[str, Any], looked: list[Any]) -> None:
    live(desk, more)
    watcher = Recorder()
    applied = desk.apply(desk.plan(refunds(*FEW)), watcher, **(ATTENDED | options))
    assert (watcher.looked, applied.counts) == (looked, {"succeeded": 8})


def test_in_test_mode_nobody_has_to_look(desk: Desk) -> None:
    watcher = Recorder()
    assert desk.apply(desk.plan(refunds(*FEW)), watcher, **ATTENDED).error is None
    assert watcher.looked == []


def test_a_canary_that_fails_is_looked_at_too(desk: Desk) -> None:
    Till.sending["*"] = refuse
    watcher = Recorder(goes_on=False)
    applied = desk.apply(desk.plan(refunds(*FEW)), watcher, attended=True, canary=3)
    assert (watcher.looked, applied.counts) == ([(3, 5)], {"refused": 3})
    assert isinstance(applied.error, Refused)


def test_whoever_gives_no_answer_says_no(desk: Desk) -> None:
    class Silent(Recorder):
        def look(self, *_: Any) -> bool:
            raise PolicyDenied("nobody answered", code="declined")

    applied = desk.apply(desk.plan(refunds(*FEW)), Silent(), attended=True, canary=3)
    assert (applied.counts, applied.stop) == ({"succeeded": 3}, Stop.CANARY)
    assert applied.results is not None


def test_a_watcher_that_breaks_ends_the_run_with_everything_on_record(desk: Desk) -> None:
    def broken(_result: object) -> None:
        raise BrokenPipeError("nobody reads any more")

    plan = desk.plan(refunds(*MANY))
    applied = desk.apply(plan, Recorder(at_row=broken), workers=1)
    assert applied.counts == {"succeeded": len(Till.made)}
    assert applied.not_reached == 30 - len(Till.made) > 20
    assert isinstance(applied.error, Partial)
    assert applied.error.message.endswith(
        "(the run could not go on: nobody can be told how it goes: BrokenPipeError: nobody reads any more)"
    )
    assert applied.warnings == ()
    assert applied.results is not None
    assert len(applied.results.read_text().splitlines()) == len(Till.made)
    assert desk.session().store.unsettled() == []
    assert desk.apply(plan).error is None


# Failures


@pytest.mark.parametrize("most", [0, 4])
def test_more_failures_than_allowed_end_the_run(desk: Desk, most: int) -> None:
    Till.sending["*"] = refuse
    applied = desk.apply(desk.plan(refunds(*FEW)), max_failures=most, workers=1)
    assert applied.counts == {"refused": most + 1}
    assert applied.stop is Stop.MAX_FAILURES
    assert applied.not_reached == 8 - applied.counts["refused"]


def test_credentials_that_are_refused_end_their_account_and_no_other(desk: Desk) -> None:
    plan = desk.plan(refunds(*MANY) + "".join(f"b:D{n},1.00\n" for n in range(10)))
    Till.reading["C3"] = raising(lambda: AuthFailed("the key was revoked", account="a"))
    applied = desk.apply(plan, workers=1)
    assert applied.counts["failed"] == 1
    assert applied.stop is Stop.ACCOUNT
    assert Till.refunded()["D9"] == 1
    assert 0 < applied.not_reached <= 26
    assert isinstance(applied.error, Partial)
    assert applied.error.message.endswith("not reached (a could not go on: the key was revoked)")
    assert applied.warnings == ()


def test_a_gateway_that_is_silent_for_some_rows_in_a_row_is_asked_no_more(desk: Desk) -> None:
    plan = desk.plan(refunds(*FEW) + refunds("D1", account="b").split("\n", 1)[1])
    charges = {f"C{n}" for n in range(8)}
    for charge in charges:
        Till.reading[charge] = raising(lambda: NoAnswer("no answer in time", code="timeout", account="a"))
    applied = desk.apply(plan, workers=1)
    assert applied.counts == {"failed": IN_A_ROW, "succeeded": 1}
    assert (applied.not_reached, applied.stop) == (8 - IN_A_ROW, Stop.ACCOUNT)


def test_single_silences_between_answers_end_nothing(desk: Desk) -> None:
    plan = desk.plan(refunds(*FEW))
    for n in range(0, 8, 2):
        Till.reading[f"C{n}"] = raising(lambda: NoAnswer("no answer in time", code="timeout"))
    applied = desk.apply(plan, workers=1)
    assert (applied.counts, applied.stop) == ({"failed": 4, "succeeded": 4}, None)


def test_an_account_that_cannot_be_opened_leaves_its_rows_for_the_next_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.plan(refunds("C1") + "b:D1,1.00\n")
    check = Till.check

    def closed(self: Till) -> Identity:
        if self.account.name == "b":
            raise NoAnswer("b does not answer", code="timeout")
        return check(self)

    with monkeypatch.context() as patch:
        patch.setattr(Till, "check", closed)
        applied = desk.apply(plan)
    assert (applied.counts, applied.not_reached) == ({"succeeded": 1}, 1)
    assert applied.stop is Stop.ACCOUNT
    assert desk.apply(plan).counts == {"succeeded": 1, "already_done": 1}


def test_where_no_account_can_be_opened_nothing_is_begun(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = desk.plan(refunds("C1"))

    def closed(_self: Till) -> Identity:
        raise NoAnswer("no answer", code="timeout")

    monkeypatch.setattr(Till, "check", closed)
    with pytest.raises(NetworkError):
        desk.apply(plan)
    (denied,) = desk.session().store.records(RecordFilter(outcome="not_sent"))
    assert '"batch refund"' in denied.body


def test_without_a_log_nothing_more_is_sent_at_any_account(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.plan(refunds(*FEW) + "".join(f"b:D{n},1.00\n" for n in range(8)))
    begin, begun = SqliteStore.begin, threading.Semaphore(5)

    def broken(self: SqliteStore, *args: Any, **more: Any) -> Any:
        if not begun.acquire(blocking=False):
            raise StoreError("the disk is full", code="disk_full")
        return begin(self, *args, **more)

    monkeypatch.setattr(SqliteStore, "begin", broken)
    applied = desk.apply(plan, workers=1)
    assert applied.counts["succeeded"] == 5
    assert len(Till.made) == 5
    assert applied.counts["failed"] <= 3
    assert applied.not_reached >= 16 - 5 - 3
    assert isinstance(applied.error, StoreError)
    assert applied.error.code == "disk_full"


def test_a_log_that_is_broken_in_the_middle_ends_the_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billctl.batch.run.LOOK_AFTER", 4)
    looks: list[int] = []
    looked = threading.Event()

    def look(_store: object) -> None:
        looks.append(len(Till.made))
        looked.set()
        raise StoreError("the audit log is broken at record 7", code="chain_broken")

    def not_far_ahead_of_the_look(*_: object) -> None:
        if len(Till.made) >= 5:
            assert looked.wait(30)

    monkeypatch.setitem(Till.sending, "*", not_far_ahead_of_the_look)
    plan = desk.plan(refunds(*FEW))
    monkeypatch.setattr("billctl.batch.run.check_tail", look)
    applied = desk.apply(plan, workers=1)
    assert len(looks) == 1
    assert applied.not_reached >= 8 - 4 - 2
    assert isinstance(applied.error, StoreError)


def test_where_the_outcome_cannot_be_written_the_run_ends_and_the_next_one_settles_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.plan(refunds(*FEW))

    def broken(*_: Any, **__: Any) -> Any:
        raise StoreError("the disk is full", code="disk_full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "finish", broken)
        applied = desk.apply(plan, workers=1)
    assert isinstance(applied.error, StoreError)
    assert applied.error.code == "outcome_not_recorded"
    assert 1 <= len(Till.made) <= 2
    applied = desk.apply(plan)
    assert applied.error is None
    assert set(Till.refunded().values()) == {1}
    assert len(Till.made) == 8


# Signals


def signalling(number: int) -> Recorder:
    sent: list[RowResult] = []

    def send(result: RowResult) -> None:
        sent.append(result)
        if len(sent) == 1:
            os.kill(os.getpid(), number)

    return Recorder(at_row=send)


@pytest.fixture
def handled() -> Any:
    """The program's own handlers, which raise."""

    def terminate(number: int, _frame: object) -> None:
        raise Terminated(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("handled")
def test_a_first_signal_lets_the_rows_on_their_way_end(desk: Desk, number: int) -> None:
    plan = desk.plan(refunds(*MANY))
    watcher = signalling(number)
    applied = desk.apply(plan, watcher, workers=2)
    assert watcher.stops == 1
    assert applied.stop is Stop.INTERRUPTED
    assert isinstance(applied.error, Interrupted)
    assert applied.error.exit_code == 128 + number
    assert applied.counts["succeeded"] == len(Till.made) == 30 - applied.not_reached
    assert applied.not_reached > 0
    assert desk.session().store.unsettled() == []
    assert desk.apply(plan).error is None
    assert set(Till.refunded().values()) == {1}


@pytest.mark.usefixtures("handled")
def test_a_second_signal_ends_it_at_once_and_the_next_run_finds_out(desk: Desk) -> None:
    plan = desk.plan(refunds(*FEW))
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(_charge: Charge, _stamp: Stamp) -> None:
        hangs.set()
        goes_on.wait(30)

    class Again(Recorder):
        def stopping(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    def first(_result: object) -> None:
        hangs.wait(30)
        os.kill(os.getpid(), signal.SIGTERM)

    Till.after["C5"] = hang
    with pytest.raises(Interrupted, match="with others on their way") as caught:
        desk.apply(plan, Again(at_row=first), workers=8)
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert not (desk.folder / "it.results.ndjson").exists()
    assert not list(desk.folder.glob(".*part"))
    goes_on.set()


@pytest.mark.usefixtures("handled")
def test_a_signal_while_somebody_looks_ends_the_run_in_good_order(desk: Desk) -> None:
    class Leaves(Recorder):
        def look(self, *_: Any) -> bool:
            raise KeyboardInterrupt

    applied = desk.apply(desk.plan(refunds(*FEW)), Leaves(), attended=True, canary=3)
    assert (applied.stop, applied.not_reached) == (Stop.INTERRUPTED, 5)
    assert isinstance(applied.error, Interrupted)
    assert applied.error.exit_code == 130


# Cooling off


def test_no_row_goes_before_its_time(desk: Desk) -> None:
    begun = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
    times = [begun + timedelta(seconds=0.5 * n) for n in range(1000)]
    clock = iter(times)
    watcher = Recorder()
    due = begun + timedelta(minutes=1)
    plan = desk.plan(refunds("C1"))
    applied = desk.apply(plan, watcher, session=desk.session(lambda: next(clock)), not_before=due)
    assert watcher.waited
    assert watcher.waited == sorted(watcher.waited, reverse=True)
    (intent,) = [r for r in desk.session().store.records(RecordFilter(action="refund")) if "intent" in r.body]
    assert applied.counts == {"succeeded": 1}
    assert intent.body.split('"time":"')[1][:19] >= due.isoformat()[:19]


def test_a_wait_that_is_interrupted_sends_nothing_and_is_recorded(desk: Desk) -> None:
    class Leaves(Recorder):
        def waiting(self, seconds: float) -> None:
            super().waiting(seconds)
            raise KeyboardInterrupt

    plan = desk.plan(refunds("C1"))
    with pytest.raises(KeyboardInterrupt):
        desk.apply(plan, Leaves(), not_before=datetime(2999, 1, 1, tzinfo=UTC))
    (denied,) = desk.session().store.records(RecordFilter(outcome="denied"))
    assert '"code":"interrupted"' in denied.body
    assert Till.made == []


def test_what_came_to_stand_against_it_while_it_waited_is_seen(desk: Desk) -> None:
    desk.profile(more='[policy]\ndaily_refund_total = { USD = "3.00" }\n')

    class Meanwhile(Recorder):
        def waiting(self, seconds: float) -> None:
            if not self.waited:
                desk.apply(desk.plan(refunds("D1", amount="2.50"), path=desk.folder / "other.plan"))
            super().waiting(seconds)

    begun, watcher = datetime.now(UTC), Meanwhile()
    session = desk.session(lambda: begun + timedelta(seconds=len(watcher.waited)))
    plan = desk.plan(refunds("C1"))
    with pytest.raises(PolicyDenied, match=r"refunded 3\.50 USD in 24 hours"):
        desk.apply(plan, watcher, session=session, not_before=begun + timedelta(seconds=2))
    assert Till.refunded() == {"D1": 1}


def test_a_limit_that_is_set_while_it_waits_stops_it(desk: Desk) -> None:
    class Tightened(Recorder):
        def waiting(self, seconds: float) -> None:
            desk.profile(more='[policy]\nmax_refund = { USD = "0.50" }\n')
            super().waiting(seconds)

    begun, watcher = datetime.now(UTC), Tightened()
    session = desk.session(lambda: begun + timedelta(seconds=len(watcher.waited)))
    plan = desk.plan(refunds("C1"))
    with pytest.raises(PolicyDenied, match="changed while the plan waited"):
        desk.apply(plan, watcher, session=session, not_before=begun + timedelta(seconds=2))
    assert Till.made == []


def test_unknown_rows_outweigh_what_else_failed(desk: Desk) -> None:
    def lose(_charge: Charge, _stamp: Stamp) -> None:
        raise OutcomeUnknown("no answer", code="timeout")

    Till.sending.update({"C1": lose, "C2": refuse})
    applied = desk.apply(desk.plan(refunds(*FEW)), max_failures=0)
    assert isinstance(applied.error, OutcomeUnknown)
    assert applied.error.hint.startswith("Apply the plan again")
