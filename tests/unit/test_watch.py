"""What somebody must look at: found where it is, told until it is over, and nothing hides anything else."""

# ruff: noqa: ARG002 - a gateway may answer without looking at what it was given

import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.actions import perform
from billctl.audit.entry import read
from billctl.errors import AuthFailed, NetworkError, NoAnswer, NotFound, Partial, StoreError, Unsupported
from billctl.frozen import replace
from billctl.gateway import Capability, Identity, Selection
from billctl.models import Dispute, DisputeStatus, Invoice, InvoiceStatus, Refund, RefundStatus
from billctl.money import Money
from billctl.request import Request
from billctl.session import STORE, Session, open_session
from billctl.store.interface import RecordFilter
from billctl.verbs import RefundCharge, Verb
from billctl.watch import Watched, watch
from billctl.watch.model import Ages, Check
from tests.unit.acme import WHEN, Acme, installed
from tests.unit.biller import Yes

DAY = timedelta(days=1)


class Warden(Acme):
    """It has what its class variables say; `says` names how it answers today."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.LIST_DISPUTES, Capability.LIST_INVOICES, Capability.REFUND, Capability.PARTIAL_REFUND}
    )
    disputed: ClassVar[dict[str, tuple[DisputeStatus, timedelta | None]]] = {}
    billed: ClassVar[dict[str, tuple[InvoiceStatus, timedelta | None]]] = {}
    first: ClassVar[RefundStatus] = RefundStatus.SUCCEEDED
    """What a refund is when it is made; later it is `status`, unless it is one of the `better`."""
    status: ClassVar[RefundStatus] = RefundStatus.SUCCEEDED
    better: ClassVar[tuple[str, ...]] = ()

    def check(self) -> Identity:
        if self.says == "locked out":
            raise AuthFailed("the key was revoked")
        return super().check()

    def list_disputes(self, selection: Selection) -> Iterator[Dispute]:
        self._trouble()
        for name, (status, due) in self.disputed.items():
            yield Dispute(
                account=self.account.name, gateway="warden", id=name, charge_id="C1",
                amount=Money(4900, "USD"), status=status, gateway_status="x", reason="fraudulent",
                created=WHEN, evidence_due=None if due is None else WHEN + due,
            )  # fmt: skip

    def list_invoices(self, selection: Selection) -> Iterator[Invoice]:
        self._trouble()
        for name, (status, due) in self.billed.items():
            if status == selection.status:
                base = replace(self.get_invoice(name), account=self.account.name, status=status, number=name)
                yield replace(base, due_date=None if due is None else WHEN + due, created=WHEN - 5 * DAY)

    def get_refund(self, refund_id: str) -> Refund:
        if self.says == "forgets":
            raise NotFound(f"no such refund {refund_id}")
        if self.says == "too old":
            raise Unsupported("a store so old shows no refunds", code="too_old")
        made = next(refund for refund in self.made if refund.id == refund_id)
        return replace(made, status=RefundStatus.SUCCEEDED if refund_id in self.better else self.status)

    def refund(self, *args: object, **stamp: object) -> Refund:
        if self.says == "silent":
            raise ZeroDivisionError("after sending or before")
        made = super().refund(*args, **stamp)  # type: ignore[arg-type]
        return replace(made, status=self.first)

    def _trouble(self) -> None:
        match self.says:
            case "down":
                raise NoAnswer("no answer after 30 s")
            case "asleep":
                threading.Event().wait(30)


class Blind(Warden):
    """It lists disputes, and has no invoices to list."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.LIST_DISPUTES})


Opener = Callable[..., Session]


@pytest.fixture
def opened(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opener]:
    """Opens a session at some accounts, each `GATEWAY` or `GATEWAY:what it says`, called a0, a1 and so on."""
    installed(tmp_path_factory, monkeypatch, warden=f"{__name__}:Warden", blind=f"{__name__}:Blind")
    for name, value in (("disputed", {}), ("billed", {}), ("status", RefundStatus.SUCCEEDED)):
        monkeypatch.setattr(Warden, name, value)
    folder = tmp_path / "config" / "profiles"
    folder.mkdir(parents=True, mode=0o700)
    sessions: list[Session] = []

    def open_at(*accounts: str, now: datetime = WHEN, profile: str = "shop", deadline: float = 10) -> Session:
        tables = f"[network]\ndeadline = {deadline}\n"
        for number, account in enumerate(accounts):
            gateway, _, says = account.partition(":")
            tables += f'[accounts.a{number}]\ngateway = "{gateway}"\nsays = "{says or "hello"}"\n'
        (folder / f"{profile}.toml").write_text(f'mode = "test"\n{tables}')
        session = open_session(profile, env=os.environ)
        session.clock = lambda: now
        sessions.append(session)
        return session

    yield open_at
    for session in sessions:
        session.close()


def do(session: Session, verb: Verb, object_id: str, *, again: int = 1) -> None:
    perform(session, "a0", verb, Request(object_id=object_id, reason="charged twice", again=again), Yes())


def seen(
    session: Session, *checks: Check, accounts: tuple[str, ...] = (), ages: Ages | None = None
) -> Watched:
    return watch(session, ages=ages or Ages(), accounts=accounts, checks=checks or tuple(Check))


def told(watched: Watched) -> list[tuple[str, str]]:
    return [(str(finding.check), finding.ref) for finding in watched.findings]


def test_where_there_is_nothing_there_is_nothing_to_say(opened: Opener) -> None:
    assert seen(opened("warden", "warden")) == Watched(findings=())


def test_a_dispute_counts_when_its_answer_is_due_soon_or_was(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, asked = DisputeStatus.NEEDS_RESPONSE, DisputeStatus.INQUIRY
    cases = {
        "late": (waits, -DAY),
        "soon": (waits, 7 * DAY),
        "undated": (waits, None),
        "asked soon": (asked, DAY),
        "far": (waits, 7 * DAY + timedelta(seconds=1)),
        "asked late": (asked, -DAY),
        "asked undated": (asked, None),
        "answered": (DisputeStatus.UNDER_REVIEW, DAY),
        "lost": (DisputeStatus.LOST, DAY),
    }
    monkeypatch.setattr(Warden, "disputed", cases)
    found = seen(opened("warden"), Check.DISPUTES).findings
    assert [finding.ref for finding in found] == ["a0:undated", "a0:late", "a0:asked soon", "a0:soon"]
    assert (found[1].time, found[1].amount, found[1].note) == (WHEN - DAY, Money(4900, "USD"), "fraudulent")
    near = Ages(disputes=2 * DAY)
    assert ("disputes", "a0:soon") not in told(seen(opened("warden"), Check.DISPUTES, ages=near))


def test_an_invoice_counts_when_it_has_been_due_for_long_enough(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {
        "I1": (InvoiceStatus.PAST_DUE, -4 * DAY),
        "I2": (InvoiceStatus.PAST_DUE, -2 * DAY),
        "I3": (InvoiceStatus.OPEN, None),
        "I4": (InvoiceStatus.OPEN, DAY),
        "I5": (InvoiceStatus.PAID, -4 * DAY),
    }
    monkeypatch.setattr(Warden, "billed", cases)
    assert told(seen(opened("warden"))) == [("invoices", "a0:I3"), ("invoices", "a0:I1")]
    assert told(seen(opened("warden"), ages=Ages(invoices=DAY)))[-1] == ("invoices", "a0:I2")


def test_an_outcome_that_nobody_knows_is_told_until_it_is_settled(opened: Opener) -> None:
    session = opened("warden:silent")
    do(session, RefundCharge("5"), "C1")
    (finding,) = seen(session).findings
    assert (finding.check, finding.ref, finding.amount) == ("unknown", "a0:C1", Money(500, "USD"))
    assert finding.operation == session.store.unsettled()[0].id
    assert told(seen(opened("warden:silent", now=WHEN + 100 * DAY))) == [("unknown", "a0:C1")]


def test_what_another_run_is_doing_now_is_not_told(opened: Opener) -> None:
    session = opened("warden")
    name = session.open("a0").object("C1")
    session.store.begin(_intent(session, name), operation="op_1", key="k", object=name)
    with session.store.lock_object(name):
        assert told(seen(opened("warden"), Check.UNKNOWN)) == []
    assert told(seen(opened("warden"), Check.UNKNOWN)) == [("unknown", "a0:C1")]


def _intent(session: Session, name: str) -> Callable[[int, str], str]:
    from billctl.audit.chain import seal

    entry = {
        "time": "2026-11-21T14:02:00.000000Z", "phase": "intent", "action": "refund", "operation": "op_1",
        "profile": session.profile.name, "account": "a0", "object_id": "C1", "object": name,
    }  # fmt: skip
    return lambda seq, prev: seal(seq, prev, entry)


def test_each_profile_watches_its_own(opened: Opener) -> None:
    do(opened("warden:silent"), RefundCharge("5"), "C1")
    assert told(seen(opened("warden", profile="other"))) == []
    assert told(seen(opened("blind", profile="shop"), accounts=("a0",))) == [("unknown", "a0:C1")]
    renamed = opened("warden", "warden")
    assert told(seen(renamed, accounts=("a1",))) == []
    assert told(seen(renamed)) == [("unknown", "a0:C1")]


def test_a_refund_that_failed_later_is_told_for_as_long_as_it_is_news(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(opened("warden"), RefundCharge("5"), "C1")
    assert told(seen(opened("warden"))) == []
    monkeypatch.setattr(Warden, "status", RefundStatus.FAILED)
    (finding,) = seen(opened("warden", now=WHEN + DAY)).findings
    assert (finding.check, finding.ref, finding.time) == ("refunds", "a0:C1", WHEN + DAY)
    assert finding.note.endswith("once more: --again 2")
    last = WHEN + 8 * DAY
    assert told(seen(opened("warden", now=last))) == [("refunds", "a0:C1")]
    assert told(seen(opened("warden", now=last + timedelta(seconds=1)))) == []


def test_a_refund_that_was_made_once_more_is_told_no_more(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(opened("warden"), RefundCharge("5"), "C1")
    do(opened("warden"), RefundCharge("7"), "C2")
    monkeypatch.setattr(Warden, "status", RefundStatus.FAILED)
    assert sorted(told(seen(opened("warden")))) == [("refunds", "a0:C1"), ("refunds", "a0:C2")]
    monkeypatch.setattr(Warden, "status", RefundStatus.SUCCEEDED)
    do(opened("warden"), RefundCharge("5"), "C1", again=2)
    assert told(seen(opened("warden"))) == [("refunds", "a0:C2")]


def test_what_another_refund_of_the_charge_came_to_hides_no_failure(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Warden, "first", RefundStatus.PENDING)
    do(opened("warden"), RefundCharge("5"), "C1")
    do(opened("warden"), RefundCharge("6"), "C1")
    monkeypatch.setattr(Warden, "status", RefundStatus.FAILED)
    monkeypatch.setattr(Warden, "better", ("R0",))
    (finding,) = seen(opened("warden")).findings
    assert (finding.ref, finding.amount) == ("a0:C1", Money(600, "USD"))
    assert told(seen(opened("warden"))) == [("refunds", "a0:C1")]


def test_with_no_age_no_refund_is_asked_about(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    do(opened("warden"), RefundCharge("5"), "C1")
    monkeypatch.setattr(Warden, "status", RefundStatus.FAILED)
    session = opened("warden")
    assert told(seen(session, ages=Ages(refunds=timedelta()))) == []
    assert [read(r).phase for r in session.store.records(RecordFilter())][-1] == "outcome"


def test_only_what_is_asked_for_is_looked_at(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Warden, "disputed", {"D1": (DisputeStatus.NEEDS_RESPONSE, DAY)})
    monkeypatch.setattr(Warden, "billed", {"I1": (InvoiceStatus.PAST_DUE, -9 * DAY)})
    do(opened("warden:silent"), RefundCharge("5"), "C1")
    down = opened("warden:locked out")
    assert seen(down, Check.UNKNOWN) == replace(seen(down, Check.UNKNOWN), failures=(), error=None)
    assert told(seen(opened("warden"), Check.DISPUTES)) == [("disputes", "a0:D1")]
    assert [check for check, _ in told(seen(opened("warden")))] == ["unknown", "disputes", "invoices"]


def test_what_an_account_cannot_list_is_a_note_and_no_failure(opened: Opener) -> None:
    watched = seen(opened("blind", "warden"))
    assert (watched.failures, watched.error) == ((), None)
    assert watched.notes == ("a0: blind cannot list invoices",)


@pytest.mark.parametrize("says", ["down", "asleep", "locked out"])
def test_an_account_that_fails_is_named_once_and_hides_no_other(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setattr(Warden, "billed", {"I1": (InvoiceStatus.PAST_DUE, -9 * DAY)})
    watched = seen(opened("warden", f"warden:{says}", deadline=0.5 if says == "asleep" else 10))
    assert told(watched) == [("invoices", "a0:I1")]
    assert [failure.account for failure in watched.failures] == ["a1"]
    assert isinstance(watched.error, Partial)
    assert watched.error.message == "not everything could be asked at a1; the rest was"


def test_where_no_account_answers_the_failure_is_its_own(opened: Opener) -> None:
    watched = seen(opened("warden:down", "warden:locked out"))
    assert isinstance(watched.error, AuthFailed)
    assert isinstance(seen(opened("warden:down")).error, NetworkError)


def test_a_refund_that_its_gateway_does_not_know_any_more_is_a_failure_in_part(opened: Opener) -> None:
    do(opened("warden"), RefundCharge("5"), "C1")
    watched = seen(opened("warden:forgets"), Check.REFUNDS)
    assert isinstance(watched.error, Partial)
    assert [failure.account for failure in watched.failures] == ["a0"]


def test_refunds_that_cannot_be_followed_up_at_an_account_are_told_and_are_no_failure(
    opened: Opener,
) -> None:
    do(opened("warden"), RefundCharge("5"), "C1")
    watched = seen(opened("warden:too old"), Check.REFUNDS)
    assert (watched.error, watched.failures) == (None, ())
    assert "a0: its refunds are not followed up: a store so old shows no refunds" in watched.notes


def test_a_broken_log_ends_it(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700, exist_ok=True)
    path = tmp_path / "state" / STORE
    path.write_bytes(b"no log" * 1000)
    path.chmod(0o600)
    with pytest.raises(StoreError):
        seen(opened("warden"))
