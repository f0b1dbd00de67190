"""Ending what is unknown, with gateways that do what no rehearsal can, and a clock that is moved."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from billctl.actions import perform
from billctl.audit.entry import read
from billctl.errors import NotSent, PolicyDenied, Refused, StoreError
from billctl.gateway import Identity
from billctl.models import Charge
from billctl.reconcile import CANNOT_TELL, NOT_ASKED, Finding, asked, reconcile
from billctl.request import Request
from billctl.resolve import Unresolved, Verdict, resolve, unresolved
from billctl.session import Session, open_session, utc_now
from billctl.store.interface import OperationState, RecordFilter
from billctl.verbs import RefundCharge
from billctl.verbs.plan import Plan
from tests.unit.acme import Acme, installed

Open = Callable[..., Session]

LATER = timedelta(minutes=5)


class Yes:
    """Says yes to everything."""

    def check(self, plan: Plan, request: Request) -> None:
        """Nothing stands against it."""

    def ask(self, plan: Plan, request: Request) -> None:
        """Yes."""


@pytest.fixture
def opened(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """Opens a session on a profile whose gateway says this or that."""
    installed(tmp_path_factory, monkeypatch)
    sessions: list[Session] = []

    def open_(
        gateway: str = "acme", *, later: timedelta = timedelta(), network: str = "", says: str = ""
    ) -> Session:
        folder = tmp_path / "config" / "profiles"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        told = f'says = "{says}"\n' if says else ""
        (folder / "shop.toml").write_text(
            f'mode = "test"\n{network}[accounts.a]\ngateway = "{gateway}"\n{told}'
        )
        session = open_session("shop", env=os.environ)
        session.clock = lambda: utc_now() + later
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()


def leave_unknown(session: Session, charge: str = "C1") -> str:
    """A refund that nobody knows of: the adapter fell over while it was sent."""
    request = Request(object_id=charge, reason="charged twice")
    done = perform(session, "a", RefundCharge("5"), request, Yes())
    assert done.outcome == "unknown"
    return str(done.operation)


def records(session: Session, operation: str) -> list[str | None]:
    """What reconciliations recorded of an operation; None for the records of the run that sent it."""
    found = session.store.records(RecordFilter(operation=operation))
    return [asked(read(record)) for record in found]


def test_other_credentials_are_never_asked_about_what_they_did_not_send(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = leave_unknown(opened(says="bug"))
    session = opened(later=LATER)
    monkeypatch.setattr(Acme, "check", lambda _: Identity(id="acme-2", name="Other", live=False))
    (row,) = reconcile(session)
    assert row.finding is Finding.UNKNOWN
    assert "it was sent as acme-1; these credentials are acme-2" in str(row.note)
    assert records(session, operation) == [None, None, NOT_ASKED]


def test_another_gateway_under_the_same_name_is_not_asked(opened: Open) -> None:
    leave_unknown(opened(says="bug"))
    (row,) = reconcile(opened("plain", later=LATER))
    assert "it was sent to acme; a is an account of plain now" in str(row.note)


def test_a_key_that_does_not_say_whose_it_is_is_not_believed(opened: Open) -> None:
    leave_unknown(opened(says="bug"))
    (row,) = reconcile(opened(says="nameless", later=LATER))
    assert "these credentials do not say whose they are" in str(row.note)


def test_an_adapter_that_falls_over_one_operation_hides_no_other(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for charge in ("C1", "C2"):
        leave_unknown(opened(says="bug"), charge)
    session = opened(later=LATER)

    def find(_: Acme, charge: Charge, *__: object, **___: object) -> None:
        if charge.id == "C1":
            raise ZeroDivisionError("in the adapter")

    monkeypatch.setattr(Acme, "find_refund", find)
    first, second = reconcile(session)
    assert (first.finding, second.finding) == (Finding.UNKNOWN, Finding.NOT_DONE)
    assert "unexpected ZeroDivisionError in the acme adapter" in str(first.note)


def test_an_impatient_profile_does_not_take_a_request_on_its_way_for_one_that_is_not(opened: Open) -> None:
    impatient = "[network]\nread_timeout = 0.05\n"
    leave_unknown(opened(says="bug"))
    (row,) = reconcile(opened(network=impatient, later=timedelta(seconds=20)))
    assert row.finding is Finding.UNKNOWN
    assert "a request may still be on its way" in str(row.note)
    (row,) = reconcile(opened(network=impatient, later=LATER))
    assert row.finding is Finding.NOT_DONE


def test_what_cannot_be_told_is_recorded_once_and_not_before_its_time(opened: Open) -> None:
    operation = leave_unknown(opened(says="bug"))
    reconcile(opened(says="cannot tell"))
    session = opened(says="cannot tell", later=LATER)
    assert records(session, operation) == [None, None]
    for _ in range(2):
        reconcile(session)
        assert records(session, operation) == [None, None, CANNOT_TELL]


def test_an_account_that_never_answers_ends_with_the_deadline(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    leave_unknown(opened(says="bug"))
    session = opened(network="[network]\ndeadline = 0.2\n", later=LATER)
    monkeypatch.setattr(Acme, "find_refund", lambda *_, **__: Event().wait(5))
    (row,) = reconcile(session)
    assert (row.finding, "no answer within 0.2 s" in str(row.note)) == (Finding.UNKNOWN, True)


def test_a_note_never_says_of_the_question_what_might_be_read_of_the_operation(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: Acme) -> Identity:
        raise NotSent("acme cannot be reached", hint="Run it again when acme can be reached.")

    leave_unknown(opened(says="bug"))
    session = opened(later=LATER)
    monkeypatch.setattr(Acme, "check", down)
    (row,) = reconcile(session)
    assert row.note == "it could not be asked: acme cannot be reached"


def test_a_broken_log_stops_it_before_anybody_is_asked(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_unknown(opened(says="bug"))
    session = opened(later=LATER)

    def broken(_store: object) -> None:
        raise StoreError("the audit log is broken at record 2", code="chain_broken")

    monkeypatch.setattr("billctl.reconcile.check_tail", broken)
    monkeypatch.setattr(Acme, "check", lambda _: pytest.fail("the gateway was asked"))
    with pytest.raises(StoreError, match="broken at record 2"):
        reconcile(session)


def test_an_end_that_cannot_be_recorded_is_an_error_of_the_log(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unknown(opened(says="bug"))
    session = opened(later=LATER)

    def full(*_: object, **__: object) -> None:
        raise StoreError("no space left", code="full")

    monkeypatch.setattr(session.store, "finish", full)
    with pytest.raises(StoreError, match="could not be recorded: no space left"):
        reconcile(session)


def word(session: Session, item: Unresolved, verdict: Verdict) -> int:
    now = session.clock()
    return resolve(
        session.store, session.log, item, verdict=verdict, reason="he said so", ticket=None, now=now
    )


@pytest.mark.parametrize(
    ("verdict", "state"), [(Verdict.DONE, OperationState.DONE), (Verdict.NOT_DONE, OperationState.NOT_SENT)]
)
def test_a_persons_word_counts_once(opened: Open, verdict: Verdict, state: OperationState) -> None:
    operation = leave_unknown(opened(says="bug"))
    session = opened(says="cannot tell", later=LATER)
    with pytest.raises(PolicyDenied, match="nobody asked yet"):
        unresolved(session.store, operation, now=session.clock())
    reconcile(session)
    item = unresolved(session.store, operation, now=session.clock())
    word(session, item, verdict)
    found = session.store.get_operation(operation)
    assert found is not None
    assert found.state is state
    with pytest.raises(Refused, match="settled already"):
        word(session, item, verdict)


def test_what_another_run_is_doing_right_now_is_busy_and_not_judged(opened: Open) -> None:
    operation = leave_unknown(opened(says="bug"))
    session = opened(later=LATER)
    found = session.store.get_operation(operation)
    assert found is not None
    with session.store.lock_object(found.object):
        (row,) = reconcile(session)
    assert (row.finding, row.is_open, row.note) == (Finding.BUSY, True, "another run is doing it right now")
    assert [row.finding for row in reconcile(session)] == [Finding.NOT_DONE]
