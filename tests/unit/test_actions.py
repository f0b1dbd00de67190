"""The one path of every change, with gateways that do what no rehearsal can."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billctl.actions import operation_key, perform
from billctl.errors import (
    BillctlError,
    Busy,
    NoAnswer,
    OutcomeUnknown,
    PolicyDenied,
    Refused,
    StoreError,
    Unsupported,
)
from billctl.gateway import When
from billctl.money import Money
from billctl.reconcile import Finding, reconcile
from billctl.request import ActionResult, Request
from billctl.session import Session, open_session, utc_now
from billctl.store.interface import OperationState, RecordFilter
from billctl.verbs import CancelSubscription, RefundCharge, ResendInvoice, Verb
from billctl.verbs.plan import Plan
from tests.unit.acme import Acme, installed


@pytest.fixture
def opened(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Session]]:
    """Opens a session on a profile whose gateway says this or that."""
    installed(tmp_path_factory, monkeypatch)
    sessions: list[Session] = []

    def open_(gateway: str = "acme", mode: str = "test", **settings: str) -> Session:
        folder = tmp_path / "config" / "profiles"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
        account_id = 'account_id = "acme-1"\n' if mode == "live" else ""
        (folder / "shop.toml").write_text(
            f'mode = "{mode}"\n[accounts.a]\ngateway = "{gateway}"\n{account_id}{lines}'
        )
        session = open_session("shop", env=os.environ)
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()


class Agreement:
    """Says yes to everything, and counts how often it was asked."""

    def __init__(self, answer: PolicyDenied | None = None) -> None:
        self.answer = answer
        self.asked = 0

    def check(self, plan: Plan, request: Request) -> None:
        """Nothing stands against it."""

    def ask(self, plan: Plan, request: Request) -> None:
        """Give the answer."""
        del plan, request
        self.asked += 1
        if self.answer:
            raise self.answer


def later() -> datetime:
    """A clock that is long past every read timeout."""
    return utc_now() + timedelta(minutes=5)


def do(session: Session, verb: Verb, object_id: str, **more: Any) -> ActionResult:
    return perform(
        session, "a", verb, Request(object_id=object_id, reason="charged twice", **more), Agreement()
    )


def states(session: Session) -> list[OperationState]:
    operations = [session.store.get_operation(str(i)) for i in operation_ids(session)]
    return [operation.state for operation in operations if operation]


def operation_ids(session: Session) -> list[str]:
    from billctl.audit.entry import read

    entries = [read(record) for record in session.store.records(RecordFilter())]
    return [str(entry.operation) for entry in entries if entry.phase == "intent"]


def test_a_bug_in_an_adapter_while_sending_is_unknown(opened: Callable[..., Session]) -> None:
    session = opened(says="bug")
    done = do(session, RefundCharge("5"), "C1")
    assert done.outcome == "unknown"
    assert isinstance(done.error, OutcomeUnknown)
    assert done.error.line() == (
        "ZeroDivisionError while sending the refund of a:C1. It may have happened. "
        "Do not send it again: run `billctl audit reconcile`."
    )
    assert states(session) == [OperationState.UNKNOWN]


def test_a_look_that_failed_while_sending_is_told_as_unknown_as_it_is_recorded(
    opened: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object, **__: object) -> None:
        raise NoAnswer("acme answered HTTP 502", code="http_502", account="a")

    session = opened()
    monkeypatch.setattr(Acme, "refund", look)
    done = do(session, RefundCharge("5"), "C1")
    assert (done.outcome, states(session)) == ("unknown", [OperationState.UNKNOWN])
    assert done.error is not None
    assert (done.error.exit_code, done.error.code, done.error.account) == (6, "http_502", "a")
    assert done.error.line().startswith("acme answered HTTP 502. It may have happened. Do not send")


@pytest.mark.parametrize("error", [Busy("another host claims C1"), StoreError("no mark can be kept")])
def test_what_stops_an_adapter_before_it_sends_leaves_nothing_open_and_can_be_tried_again(
    opened: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, error: BillctlError
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise error

    session = opened()
    with monkeypatch.context() as patch:
        patch.setattr(Acme, "refund", stop)
        done = do(session, RefundCharge("5"), "C1")
    assert (done.outcome, done.error) == ("not_sent", error)
    assert states(session) == [OperationState.NOT_SENT]
    assert do(session, RefundCharge("5"), "C1").outcome == "succeeded"


def test_an_object_asked_for_by_another_of_its_names_is_the_same_operation(
    opened: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, get_charge = opened(), Acme.get_charge
    monkeypatch.setattr(Acme, "get_charge", lambda self, name: get_charge(self, name.removeprefix("uuid-")))
    assert do(session, RefundCharge("5"), "C1").outcome == "succeeded"
    assert do(session, RefundCharge("5"), "uuid-C1").outcome == "already_done"


def test_a_refund_that_the_gateway_failed_is_refused_and_may_be_tried_once_more(
    opened: Callable[..., Session],
) -> None:
    session = opened(says="fails")
    done = do(session, RefundCharge("5"), "C1")
    assert (done.outcome, done.result["status"]) == ("failed", "failed")
    assert isinstance(done.error, Refused)
    assert done.error.code == "refund_failed"
    assert states(session) == [OperationState.REFUSED]


def test_a_cancellation_that_changed_nothing_is_unknown_not_success(opened: Callable[..., Session]) -> None:
    session = opened()
    done = do(session, CancelSubscription(When.NOW), "S1")
    assert done.outcome == "unknown"
    assert done.error is not None
    assert done.error.code == "state_mismatch"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("authorized", "charge_not_settled"),
        ("submitted", "charge_not_settled"),
        ("failed", "charge_not_paid"),
        ("voided", "charge_not_paid"),
        ("pending", "charge_not_paid"),
    ],
)
def test_a_charge_that_took_no_money_is_refused_before_sending(
    opened: Callable[..., Session], status: str, code: str
) -> None:
    session = opened(status=status)
    with pytest.raises(Refused) as caught:
        do(session, RefundCharge("5"), "C1")
    assert caught.value.code == code
    assert Acme.made == []


@pytest.mark.parametrize(
    ("verb", "object_id", "said"),
    [
        (RefundCharge("5"), "C1", "plain cannot refund in part"),
        (CancelSubscription(When.NOW), "S1", "plain cannot cancel now"),
        (ResendInvoice("b@example.com"), "I1", "plain cannot send an invoice to another address"),
    ],
)
def test_what_a_gateway_cannot_do_is_said_and_not_tried(
    opened: Callable[..., Session], verb: Verb, object_id: str, said: str
) -> None:
    session = opened("plain")
    with pytest.raises(Unsupported, match=said):
        do(session, verb, object_id)


def test_a_gateway_without_partial_refunds_still_refunds_in_full(opened: Callable[..., Session]) -> None:
    assert do(opened("plain"), RefundCharge(None), "C1").outcome == "succeeded"


def test_what_the_gateway_cannot_tell_stays_unknown(opened: Callable[..., Session]) -> None:
    do(opened(says="bug"), RefundCharge("5"), "C1")
    (row,) = reconcile(opened(says="cannot tell"))
    assert (row.finding, row.is_open) == (Finding.UNKNOWN, True)
    assert row.note == "C1 has a refund of 5.00 USD that may be it. It may have happened. Look."


def test_what_never_happened_can_be_run_again_after_reconcile(opened: Callable[..., Session]) -> None:
    do(opened(says="bug"), RefundCharge("5"), "C1")
    session = opened()
    with pytest.raises(OutcomeUnknown, match="nobody knows yet what became of op_"):
        do(session, RefundCharge("5"), "C1")
    (early,) = reconcile(session)
    assert early.finding is Finding.UNKNOWN
    assert early.note is not None
    assert "a request may still be on its way: ask again in " in early.note
    session.clock = later
    (row,) = reconcile(session)
    assert row.finding is Finding.NOT_DONE
    assert row.note == (
        "the gateway shows no trace of it; run it again (--again 2 if it still gives its old answer)"
    )
    assert do(session, RefundCharge("5"), "C1").outcome == "succeeded"
    assert len(Acme.made) == 1


def test_no_intent_no_request(opened: Callable[..., Session], tmp_path: Path) -> None:
    session = opened()
    (tmp_path / "state").mkdir(mode=0o700, exist_ok=True)
    (tmp_path / "state" / "audit.sqlite").write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError):
        do(session, RefundCharge("5"), "C1")
    assert Acme.made == []


def test_a_denied_confirmation_is_recorded_and_sends_nothing(opened: Callable[..., Session]) -> None:
    session = opened()
    request = Request(object_id="C1", reason="charged twice")
    no = Agreement(PolicyDenied("you said no", code="declined"))
    with pytest.raises(PolicyDenied):
        perform(session, "a", RefundCharge("5"), request, no)
    assert Acme.made == []
    assert operation_ids(session) == []
    bodies = [record.body for record in session.store.records(RecordFilter(outcome="denied"))]
    assert len(bodies) == 1


def test_a_dry_run_asks_nobody_and_records_nothing(opened: Callable[..., Session]) -> None:
    session = opened()
    nobody = Agreement()
    request = Request(object_id="C1", reason="charged twice", dry_run=True)
    done = perform(session, "a", RefundCharge("5"), request, nobody)
    assert nobody.asked == 0
    assert done.outcome is None
    assert (done.plan.amount, done.plan.left) == (Money(500, "USD"), Money(4400, "USD"))
    assert session.store.head().seq == 0
    assert Acme.made == []


def test_live_mode_demands_that_the_credentials_say_who_they_are(opened: Callable[..., Session]) -> None:
    with pytest.raises(BillctlError) as caught:
        do(opened(mode="live", says="nameless"), RefundCharge("5"), "C1")
    assert caught.value.exit_code == 4
    assert Acme.made == []


KEY: dict[str, Any] = {
    "gateway": "stripe",
    "identity": "acct_1",
    "action": "refund",
    "object_id": "ch_1",
    "amount": Money(1250, "USD"),
    "again": 1,
}


def test_the_same_request_has_the_same_key_on_every_host_and_in_every_version() -> None:
    """The first 32 hex characters of SHA-256 over `stripe|acct_1|refund|ch_1|USD|1250|1`."""
    assert operation_key(**KEY) == "e8aac45973ea08c9b6027f1ec7c5c05c"


@pytest.mark.parametrize(
    "other",
    [
        {"gateway": "paypal"},
        {"identity": "acct_2"},
        {"action": "void"},
        {"object_id": "ch_2"},
        {"amount": Money(1251, "USD")},
        {"amount": Money(1250, "EUR")},
        {"amount": None},
        {"again": 2},
    ],
)
def test_whatever_differs_makes_another_key(other: dict[str, Any]) -> None:
    assert operation_key(**KEY) != operation_key(**(KEY | other))
