"""Anchoring beside actions: when it is due, what is demanded before, and what is only a warning after."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from billctl import anchoring
from billctl.audit.anchors.base import AnchorUnreachable
from billctl.audit.anchors.compare import read_anchors
from billctl.audit.anchors.file import FileAnchor
from billctl.audit.anchors.spec import parse
from billctl.audit.checkpoint import Checkpoint
from billctl.audit.entry import Entry, read
from billctl.errors import StoreError
from billctl.profiles import Mode, Profile
from billctl.profiles.audit import AuditSettings
from billctl.session import Session
from billctl.store.interface import RecordFilter
from tests.anchored import NOON


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


Open = Callable[..., Session]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens a session whose profile has these audit settings."""
    sessions: list[Session] = []

    def open_(**settings: object) -> Session:
        profile = Profile(
            name="shop",
            path=tmp_path / "shop.toml",
            mode=Mode.TEST,
            accounts={},
            audit=AuditSettings(**settings),  # type: ignore[arg-type]
        )
        session = Session(profile, env={"BILLCTL_STATE_DIR": str(tmp_path / "state")}, clock=clock)
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()


def anchorings(session: Session) -> list[Entry]:
    return [read(record) for record in session.store.records(RecordFilter(action=anchoring.ACTION))]


def heads(folder: Path) -> list[int]:
    path = folder / "heads"
    return [a.checkpoint.size for a in FileAnchor(path).read(limit=1)] if path.exists() else []


def test_without_anchors_nothing_is_read_or_written(opened: Open, tmp_path: Path) -> None:
    session = opened()
    anchoring.demand(session)
    assert anchoring.renew(session) == ()
    assert not (tmp_path / "state").exists()


def test_an_action_renews_an_anchoring_that_is_too_old(opened: Open, clock: Clock, tmp_path: Path) -> None:
    session = opened(anchors=(f"file:{tmp_path}/heads",), anchor_hours=6)
    for hours in (0, 1, 5, 7, 8, 14):
        clock.now = NOON + timedelta(hours=hours)
        session.log.note("some action")
        assert anchoring.renew(session) == ()
    times = [entry.time - NOON for entry in anchorings(session)]
    assert times == [timedelta(hours=hours) for hours in (0, 7, 14)]
    assert len(heads(tmp_path)) == 3


def test_the_anchoring_is_a_record_that_says_what_and_where(opened: Open, tmp_path: Path) -> None:
    spec = f"file:{tmp_path}/heads"
    session = opened(anchors=(spec,))
    session.log.note("some action")
    head = session.store.head()
    anchoring.renew(session)
    (entry,) = anchorings(session)
    assert (entry.phase, entry.outcome) == ("note", "succeeded")
    assert entry.fields["result"] == {
        "size": head.seq,
        "head": Checkpoint(origin="", size=head.seq, hash=head.hash).hash64,
        "anchors": [{"spec": spec, "receipt": str(tmp_path / "heads")}],
    }


def test_an_anchor_that_fails_beside_an_action_is_a_warning_and_is_not_tried_at_every_action(
    opened: Open, clock: Clock, tmp_path: Path
) -> None:
    session = opened(anchors=(f"file:{tmp_path}/unmounted/heads",))
    session.log.note("some action")
    (warning,) = anchoring.renew(session)
    assert warning.startswith(
        f"the log was not anchored: the anchor {tmp_path}/unmounted/heads cannot be written"
    )
    clock.now += timedelta(minutes=9)
    assert anchoring.renew(session) == ()
    clock.now += timedelta(minutes=1)
    assert len(anchoring.renew(session)) == 1
    assert [entry.outcome for entry in anchorings(session)] == ["failed", "failed"]


def test_an_anchor_new_in_the_profile_is_due_at_once(opened: Open, clock: Clock, tmp_path: Path) -> None:
    first = f"file:{tmp_path}/first"
    session = opened(anchors=(first,))
    session.log.note("some action")
    anchoring.renew(session)
    clock.now += timedelta(hours=1)
    session = opened(anchors=(first, f"file:{tmp_path}/heads"))
    assert anchoring.renew(session) == ()
    assert heads(tmp_path) == [3]


def test_what_is_demanded_is_anchored_before_anything_is_sent_even_in_a_new_log(
    opened: Open, tmp_path: Path
) -> None:
    session = opened(anchors=(f"file:{tmp_path}/heads",), fail_closed=True)
    anchoring.demand(session)
    assert heads(tmp_path) == [2]
    anchoring.demand(session)
    assert heads(tmp_path) == [2]


def test_a_demand_that_cannot_be_met_stops_the_action(opened: Open, clock: Clock, tmp_path: Path) -> None:
    session = opened(anchors=(f"file:{tmp_path}/mount/heads",), fail_closed=True)
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            anchoring.demand(session)
        assert not isinstance(caught.value, AnchorUnreachable)
        assert caught.value.exit_code == 9
        assert caught.value.line() == (
            f"the anchor {tmp_path}/mount/heads cannot be written: No such file or directory, and the "
            "profile demands it. Nothing was sent. Repair it and run `billctl audit anchor`, or set "
            "fail_closed = false in the profile."
        )
    (tmp_path / "mount").mkdir()
    anchoring.demand(session)


def test_without_the_demand_nothing_is_anchored_before(opened: Open, tmp_path: Path) -> None:
    session = opened(anchors=(f"file:{tmp_path}/heads",))
    anchoring.demand(session)
    assert heads(tmp_path) == []


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, StoreError("the disk is full")])
def test_whatever_happens_after_an_action_is_a_warning(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupt: BaseException
) -> None:
    session = opened(anchors=(f"file:{tmp_path}/heads",))

    def fails(*_: object, **__: object) -> None:
        raise interrupt

    monkeypatch.setattr(anchoring, "check_tail", fails)
    (warning,) = anchoring.renew(session)
    assert warning.startswith("the log was not anchored: ")
    assert "interrupted" in warning or "the disk is full" in warning


def test_a_silent_anchor_holds_nobody_up_and_no_other_anchor(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened()
    put, released = FileAnchor.put, threading.Event()

    def hangs(anchor: FileAnchor, checkpoint: Checkpoint, *, time: datetime, limit: float) -> str:
        if anchor.path.name == "silent":
            released.wait(30)
        return put(anchor, checkpoint, time=time, limit=limit)

    monkeypatch.setattr(FileAnchor, "put", hangs)
    specs = [parse(f"file:{tmp_path}/{name}") for name in ("silent", "heads")]
    done = anchoring.anchor(
        session.store, session.log, specs, state_dir=session.state_dir, clock=session.clock, limit=0.2
    )
    released.set()
    assert [bool(placed.error) for placed in done.placed] == [True, False]
    assert "did not answer within" in str(done.failed[0].message)


def test_an_anchor_that_fails_as_nobody_thought_stops_nothing(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise IndexError("what others left there")

    monkeypatch.setattr(FileAnchor, "put", breaks)
    monkeypatch.setattr(FileAnchor, "read", breaks)
    session = opened(anchors=(f"file:{tmp_path}/heads",))
    (warning,) = anchoring.renew(session)
    assert f"the anchor file:{tmp_path}/heads failed: IndexError" in warning
    (reading,) = read_anchors([parse(f"file:{tmp_path}/heads")], state_dir=tmp_path, limit=5)
    assert "failed: IndexError" in str(reading.error and reading.error.message)


def test_a_broken_log_is_not_anchored(opened: Open, tmp_path: Path) -> None:
    session = opened(anchors=(f"file:{tmp_path}/heads",))
    session.log.note("some action")
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "state" / "audit.sqlite", isolation_level=None)) as database:
        database.execute("DROP TRIGGER record_update")
        database.execute("UPDATE record SET body = replace(body, 'some', 'same') WHERE seq = 2")
    (warning,) = anchoring.renew(session)
    assert "the audit log is broken at record 2" in warning
    assert heads(tmp_path) == []
