"""Approval by a second person: what fits which plan, whose decision counts, and which files are believed.

Whose a file is, these tests say themselves; that the operating system's word is taken for it is the
subject of tests/safety/test_approvals.py.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from billctl import approvals
from billctl.approvals import Approval
from billctl.approvals.decide import Desk
from billctl.approvals.folder import SIZE_LIMIT, Folder
from billctl.approvals.model import Person, Unsound, decision_text, read_decision, request_text, sha256
from billctl.approvals.rules import People, folder_of
from billctl.approvals.settle import SAID
from billctl.audit.chain import canonical
from billctl.audit.log import AuditLog, Subject
from billctl.errors import (
    ApprovalRequired,
    BillctlError,
    Busy,
    ConfigError,
    NotFound,
    PolicyDenied,
    StoreError,
)
from billctl.frozen import replace
from billctl.models import Charge, ChargeStatus
from billctl.money import Money
from billctl.profiles.policy import Policy
from billctl.session import Session
from billctl.verbs.plan import Plan

AMINA, OMAR, NORA = 1001, 1002, 1003
LOGINS = {AMINA: "amina", OMAR: "omar", NORA: "nora"}
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RULES = frozenset({"approve_above"})
WHY = ("800.00 USD is above 500.00 USD",)
AMOUNT = Money(80_000, "USD")

CHARGE = Charge(
    account="stripe",
    gateway="stripe",
    id="ch_1",
    customer_id="cus_1",
    amount=AMOUNT,
    captured=AMOUNT,
    refunded=Money(0, "USD"),
    refundable=AMOUNT,
    status=ChargeStatus.PAID,
    gateway_status="succeeded",
    created=START,
)
PLAN = Plan(
    verb="refund",
    record=CHARGE,
    amount=AMOUNT,
    facts=(("refund", "800.00 USD of 800.00 USD"), ("undo", "no")),
    before={"status": "paid", "refunded_minor": 0},
    live=True,
    object="stripe|acct_1|ch_1",
    key="k" * 32,
)
SUBJECT = Subject(
    action="refund",
    gateway="stripe",
    account="stripe",
    account_id="acct_1",
    live=True,
    object_type="charge",
    object_id="ch_1",
    object=PLAN.object,
    params={"full": "true"},
    customer="cus_1",
    amount=AMOUNT,
    reason="order lost",
    reason_code="goodwill",
    ticket="zendesk:1",
    again=1,
)


class Notes:
    """Stands for the second person's audit log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[dict[str, Any]] = []

    def note(self, action: str, **more: Any) -> int:
        """Keep a note, and whether there was a decision when it was made."""
        decided = any(path.suffix == ".decision" for path in self.folder.iterdir())
        self.kept.append({"action": action, "decided": decided} | more)
        return len(self.kept)


class Office:
    """A folder that several people share; a file belongs to the one who was there when it was made."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path.mkdir()
        self.path = path
        self.folder = Folder(path, private=False)
        self.policies: tuple[Policy, ...] = (Policy(source="policy shop", approvals_dir=str(path)),)
        self.now = START
        self.uid = AMINA
        self.owners: dict[int, int] = {}
        self.notes = Notes(path)
        self._ids = 0
        monkeypatch.setattr(Folder, "owner_of", staticmethod(lambda s: self.owners.get(s.st_ino, AMINA)))
        monkeypatch.setattr(People, "login", lambda _self, uid: LOGINS.get(uid, f"#{uid}"))
        monkeypatch.setattr(People, "is_in", lambda _self, uid, group: (uid, group) == (NORA, "finance"))
        monkeypatch.setattr("billctl.approvals.model.own_uid", lambda: self.uid)

    @contextmanager
    def present(self, uid: int) -> Iterator[None]:
        """While `uid` is there; what is new afterwards is his."""
        before = {entry.inode() for entry in os.scandir(self.path)}
        self.owners = {inode: owner for inode, owner in self.owners.items() if inode in before}
        previous, self.uid = self.uid, uid
        try:
            yield
        finally:
            self.uid = previous
            new = {entry.inode() for entry in os.scandir(self.path)} - before
            self.owners = dict.fromkeys(new, uid) | self.owners

    def _session(self) -> Session:
        """What the requester's side needs of one."""
        self._ids += 1
        number = str(self._ids)
        actor = SimpleNamespace(login=LOGINS[self.uid], host="vm", claimed=None, sudo_uid=None)
        session = SimpleNamespace(
            policies=self.policies,
            state_dir=self.path / "state",
            clock=lambda: self.now,
            actor=actor,
            profile=SimpleNamespace(name="shop", mode="live"),
            new_operation_id=lambda: f"op_{number:0>26}",
        )
        return cast(Session, session)

    def settle(
        self,
        plan: Plan = PLAN,
        subject: Subject = SUBJECT,
        *,
        uid: int = AMINA,
        rules: frozenset[str] = RULES,
    ) -> Approval:
        """The requester runs his command as far as the approval."""
        with self.present(uid):
            return approvals.settle(self._session(), plan, subject, rules=rules, why=WHY)

    def standing(self) -> Approval | None:
        """The requester rehearses his command."""
        return approvals.standing(self._session(), PLAN, SUBJECT, rules=RULES)

    def used(self, approval: Approval) -> str | None:
        """The requester's command was sent."""
        return approvals.used(self._session(), approval, "op_1")

    def ask(self, *, uid: int = AMINA) -> str:
        """The id of the request that the requester's command leads to."""
        with pytest.raises(ApprovalRequired) as raised:
            self.settle(uid=uid)
        assert raised.value.approval is not None
        return str(raised.value.approval["id"])

    def desk(self, uid: int, *, sudo_uid: int | None = None) -> Desk:
        """Where `uid` decides."""
        return Desk(
            folder=self.folder,
            policies=self.policies,
            person=Person(uid=uid, login=LOGINS[uid], host="vm", sudo_uid=sudo_uid),
            open_log=lambda: cast(AuditLog, self.notes),
            clock=lambda: self.now,
        )

    def decide(self, request: str, uid: int, *, approved: bool = True, sudo_uid: int | None = None) -> None:
        """`uid` approves or denies a request."""
        with self.present(uid):
            desk = self.desk(uid, sudo_uid=sudo_uid)
            desk.decide(request, approved=approved, reason="looked at it", confirm=lambda _: None)

    def file(self, name: str) -> Path:
        """A file in the folder."""
        return self.path / name

    def denied(self, code: str) -> str:
        """The line of the requester's command, which is refused with this code."""
        with pytest.raises(PolicyDenied) as raised:
            self.settle()
        assert raised.value.code == code
        return raised.value.line()


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(tmp_path / "approvals", monkeypatch)


# The way through


def test_a_request_waits_until_another_person_approves_it(office: Office) -> None:
    with pytest.raises(ApprovalRequired) as raised:
        office.settle()
    assert "800.00 USD is above 500.00 USD" in raised.value.line()
    request = office.ask()
    assert request in raised.value.line()
    assert [path.name for path in office.path.iterdir()] == [f"{request}.json"]
    office.decide(request, OMAR)
    approval = office.settle()
    assert approval.data() == {
        "id": request,
        "requester": "amina",
        "approver": "omar",
        "approver_uid": OMAR,
        "reason": "looked at it",
        "decided": "2026-11-22T09:00:00Z",
    }


def test_a_rehearsal_asks_nobody_and_sees_what_stands(office: Office) -> None:
    assert office.standing() is None
    assert list(office.path.iterdir()) == []
    request = office.ask()
    assert office.standing() is None
    office.decide(request, OMAR)
    approval = office.standing()
    assert approval is not None
    assert approval.id == request


def test_who_was_denied_is_told_by_whom_and_why_and_may_ask_anew_when_that_has_expired(
    office: Office,
) -> None:
    request = office.ask()
    office.decide(request, OMAR, approved=False)
    assert f"omar denied {request}: looked at it" in office.denied("approval_denied")
    office.now += timedelta(hours=24)
    assert office.ask() != request


def test_an_approval_serves_once(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    assert office.used(office.settle()) is None
    with pytest.raises(ApprovalRequired, match=f"{request} was used already") as raised:
        office.settle()
    second = str((raised.value.approval or {})["id"])
    assert office.ask() == second != request
    office.decide(second, OMAR)
    assert office.settle().id == second


def test_a_mark_that_cannot_be_made_is_told_and_fails_nothing(office: Office) -> None:
    office.decide(office.ask(), OMAR)
    approval = office.settle()
    office.file(f"{approval.id}.json").unlink()
    office.file(f"{approval.id}.decision").unlink()
    office.path.rmdir()
    assert "could not be marked as used" in (office.used(approval) or "")


# What an approval fits


CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "amount": ({"amount": Money(80_001, "USD")}, {"amount": Money(80_001, "USD")}),
    "key": ({"key": "x" * 32}, {}),
    "before": ({"before": {"status": "paid", "refunded_minor": 100}}, {}),
    "facts": ({"facts": (("refund", "1.00 USD"),)}, {}),
    "action": ({}, {"action": "void"}),
    "account": ({}, {"account": "other"}),
    "account_id": ({}, {"account_id": "acct_2"}),
    "live": ({}, {"live": False}),
    "object": ({}, {"object": "stripe|acct_1|ch_2"}),
    "object_id": ({}, {"object_id": "ch_2"}),
    "customer": ({}, {"customer": "cus_2"}),
    "params": ({}, {"params": {"to": "other@example.com"}}),
    "reason": ({}, {"reason": "order lost."}),
    "reason_code": ({}, {"reason_code": "other"}),
    "ticket": ({}, {"ticket": None}),
    "again": ({}, {"again": 2}),
}


@pytest.mark.parametrize("changed", CHANGED)
def test_an_approval_does_not_fit_a_plan_in_which_anything_is_different(office: Office, changed: str) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    plan, subject = CHANGED[changed]
    with pytest.raises(ApprovalRequired) as raised:
        office.settle(replace(PLAN, **plan), replace(SUBJECT, **subject))
    assert request not in (raised.value.approval or {})["id"]
    if changed != "key":
        said = SAID.get(changed, changed.replace("_", " "))
        assert f"{request} does not fit any more ({said} changed)" in raised.value.line()
    assert office.settle().id == request


def test_an_approval_lifts_the_rules_that_it_was_asked_for_and_no_other(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    assert office.settle(rules=frozenset()).rules == RULES
    with pytest.raises(ApprovalRequired, match=f"{request} was asked before max_refund stood against it"):
        office.settle(rules=RULES | {"max_refund"})


def test_a_denial_is_not_passed_by_with_more_rules(office: Office) -> None:
    office.decide(office.ask(), OMAR, approved=False)
    with pytest.raises(PolicyDenied, match="denied"):
        office.settle(rules=RULES | {"max_refund"})


def test_an_approval_is_the_requesters_alone(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    assert office.ask(uid=NORA) != request


def test_a_request_that_shows_less_than_is_meant_fits_nothing(office: Office) -> None:
    """Somebody writes his request by hand, with a small amount and the large plan's key."""
    request = office.ask()
    path = office.file(f"{request}.json")
    document = json.loads(path.read_text())
    document["plan"]["amount"]["minor"] = 100
    path.write_text(canonical(document))
    with pytest.raises(PolicyDenied, match="does not have the hash it names"):
        office.decide(request, OMAR)
    document["plan_hash"] = sha256(canonical(document["plan"]))
    path.write_text(canonical(document))
    office.decide(request, OMAR)
    assert office.ask() != request


def test_a_request_that_was_changed_after_its_approval_is_not_approved(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    path = office.file(f"{request}.json")
    document = json.loads(path.read_text())
    document["expires"] = "2026-11-22T23:00:00Z"
    path.write_text(canonical(document))
    assert "is of a request that was changed since" in office.denied("approval_unsound")


def test_a_decision_on_one_request_does_not_serve_for_another(office: Office) -> None:
    """A file of the approver is renamed, or copied by him, to another request of his."""
    first = office.ask()
    office.decide(first, OMAR)
    office.file(f"{first}.json").unlink()
    second = office.ask()
    office.file(f"{first}.decision").rename(office.file(f"{second}.decision"))
    assert "is of another plan" in office.denied("approval_unsound")


# Who may


def test_nobody_decides_his_own_request(office: Office) -> None:
    request = office.ask()
    for approved in (True, False):
        with pytest.raises(PolicyDenied) as raised:
            office.decide(request, AMINA, approved=approved)
        assert raised.value.code == "own_request"
    assert [note["outcome"] for note in office.notes.kept] == ["denied", "denied"]
    assert office.ask() == request


def test_nobody_decides_his_own_request_through_sudo(office: Office) -> None:
    request = office.ask()
    with pytest.raises(PolicyDenied, match="amina, who runs this through sudo"):
        office.decide(request, OMAR, sudo_uid=AMINA)
    assert office.ask() == request


def forged(office: Office, request: str, /, *, author: int, **changes: Any) -> Path:
    """A decision that somebody writes without billctl, as billctl would have written omar's."""
    office.decide(request, OMAR)
    path = office.file(f"{request}.decision")
    right = read_decision(path.read_bytes())
    path.unlink()
    with office.present(author):
        path.write_text(decision_text(replace(right, **changes)))
        path.chmod(0o640)
    return path


def test_a_decision_that_the_requester_made_himself_does_not_count(office: Office) -> None:
    request = office.ask()
    forged(office, request, author=AMINA)
    assert f"was made by uid {AMINA} and says uid {OMAR}" in office.denied("approval_unsound")
    forged_as = Person(uid=AMINA, login="amina", host="vm")
    office.file(f"{request}.decision").unlink()
    forged(office, request, author=AMINA, approver=forged_as)
    assert "was made by amina, who made the request" in office.denied("approval_unsound")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"plan_hash": "0" * 64}, "is of another plan"),
        ({"request": "apr_" + "0" * 26}, "is of another plan"),
        ({"request_hash": "0" * 64}, "is of a request that was changed since"),
        ({"approver": Person(uid=OMAR, login="omar", host="vm", sudo_uid=AMINA)}, "through sudo by amina"),
        ({"decided": START + timedelta(days=2)}, "was not made while the request stood"),
        ({"decided": START - timedelta(days=2)}, "was not made while the request stood"),
    ],
)
def test_a_second_persons_file_counts_for_what_it_says_only(
    office: Office, changes: dict[str, Any], why: str
) -> None:
    forged(office, office.ask(), author=OMAR, **changes)
    assert why in office.denied("approval_unsound")


@pytest.mark.parametrize(("approvers", "uid"), [(("omar",), OMAR), (("group:finance", "x"), NORA)])
def test_who_is_on_the_list_may_approve(office: Office, approvers: tuple[str, ...], uid: int) -> None:
    office.policies = (*office.policies, Policy(source="central", approvers=approvers))
    request = office.ask()
    office.decide(request, uid)
    assert office.settle().approver_uid == uid


@pytest.mark.parametrize("approvers", [("nora",), ("group:finance",), ("group:nobody-has-this",), ()])
def test_who_is_not_on_every_list_may_not(office: Office, approvers: tuple[str, ...]) -> None:
    everybody = Policy(source="policy shop", approvers=("omar", "nora"), approvals_dir=str(office.path))
    office.policies = (everybody, Policy(source="central", approvers=approvers))
    request = office.ask()
    with pytest.raises(PolicyDenied, match="omar is not among the approvers of central") as raised:
        office.decide(request, OMAR)
    assert raised.value.code == "not_an_approver"


def test_who_has_left_the_list_before_it_is_used_does_not_count(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    office.policies = (replace(office.policies[0], approvers=("nora",)),)
    assert "was made by omar, whom policy shop does not let approve" in office.denied("approval_unsound")


# When


def test_an_approval_that_has_expired_is_asked_for_anew(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    office.now = START + timedelta(hours=24) - timedelta(seconds=1)
    assert office.settle().id == request
    office.now = START + timedelta(hours=24)
    assert office.ask() != request


def test_the_shortest_time_of_the_policies_in_force_binds_when_it_is_used(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    office.policies = (*office.policies, Policy(source="central", approval_hours=2))
    office.now += timedelta(hours=2)
    assert office.ask() != request


def test_a_request_from_the_future_has_no_time_left(office: Office) -> None:
    request = office.ask()
    office.now -= timedelta(hours=1)
    assert office.ask() != request


def test_an_expired_request_is_not_decided(office: Office) -> None:
    request = office.ask()
    office.now += timedelta(hours=24)
    with pytest.raises(PolicyDenied) as raised:
        office.decide(request, OMAR)
    assert raised.value.code == "approval_expired"


def test_what_expires_while_a_person_looks_at_it_is_not_approved(office: Office) -> None:
    request = office.ask()

    def look(_: object) -> None:
        office.now += timedelta(hours=24)

    with pytest.raises(PolicyDenied) as raised:
        office.desk(OMAR).decide(request, approved=True, reason="looked at it", confirm=look)
    assert raised.value.code == "approval_expired"
    assert office.folder.decision(request) is None


# Deciding is on the record, and once


def test_a_decision_is_recorded_before_it_counts(office: Office) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    (note,) = office.notes.kept
    assert (note["action"], note["outcome"], note["decided"]) == ("approve", "succeeded", False)
    assert (note["account"], note["object_id"], note["reason"]) == ("stripe", "ch_1", "looked at it")
    assert note["result"].items() >= {"request_id": request, "requester": "amina", "amount": AMOUNT}.items()


@pytest.mark.parametrize("first", [True, False])
def test_the_first_decision_stands(office: Office, first: bool) -> None:
    request = office.ask()
    office.decide(request, OMAR, approved=first)
    with pytest.raises(Busy, match="already") as raised:
        office.decide(request, NORA, approved=not first)
    assert raised.value.code == "approval_decided"
    assert office.notes.kept[-1]["outcome"] == "denied"


def test_of_two_decisions_in_the_same_moment_one_stands_and_the_other_is_told(office: Office) -> None:
    request = office.ask()
    rival = office.desk(NORA)

    class Late(Notes):
        def note(self, action: str, **more: Any) -> int:
            if more["outcome"] == "succeeded" and not self.kept:
                with office.present(NORA):
                    rival.decide(request, approved=False, reason="no, no", confirm=lambda _: None)
            return super().note(action, **more)

    late = Late(office.path)
    with pytest.raises(Busy, match="was decided meanwhile"), office.present(OMAR):
        replace(office.desk(OMAR), open_log=lambda: cast(AuditLog, late)).decide(
            request, approved=True, reason="yes, yes", confirm=lambda _: None
        )
    assert [note["outcome"] for note in late.kept] == ["succeeded", "denied"]
    assert "nora denied" in office.denied("approval_denied")


def test_no_record_no_decision(office: Office) -> None:
    request = office.ask()

    def broken() -> AuditLog:
        raise StoreError("the audit log is broken")

    with pytest.raises(StoreError):
        replace(office.desk(OMAR), open_log=broken).decide(
            request, approved=True, reason="looked at it", confirm=lambda _: None
        )
    assert office.ask() == request


def test_a_request_that_nobody_made_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        office.decide("apr_" + "0" * 26, OMAR)
    assert office.notes.kept[-1]["outcome"] == "failed"


# Files that are not what they seem


def other_file(office: Office, path: Path) -> Path:
    """The decision under a name outside of the folder."""
    elsewhere = office.path.parent / "elsewhere"
    path.rename(elsewhere)
    return elsewhere


def _symlink(office: Office, path: Path) -> None:
    path.symlink_to(other_file(office, path))


def _hard_link(office: Office, path: Path) -> None:
    path.hardlink_to(other_file(office, path))


def _fifo(_office: Office, path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(_office: Office, path: Path) -> None:
    path.unlink()
    path.mkdir()


def _padded(_office: Office, path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" " * SIZE_LIMIT)


def _holding(raw: bytes) -> Callable[[Office, Path], None]:
    def spoil(_office: Office, path: Path) -> None:
        path.write_bytes(raw)

    return spoil


WRONG: dict[str, tuple[Callable[[Office, Path], None], str]] = {
    "symbolic link": (_symlink, "is a symbolic link"),
    "hard link": (_hard_link, "has a second name"),
    "fifo": (_fifo, "is no regular file"),
    "folder": (_folder, "is no regular file"),
    "writable by the group": (lambda _, path: path.chmod(0o660), "can be written by others"),
    "writable by everybody": (lambda _, path: path.chmod(0o646), "can be written by others"),
    "too large": (_padded, "is larger than any of billctl's"),
    "empty": (_holding(b""), "is not JSON"),
    "binary": (_holding(b"\xff\xfe\0"), "is not JSON"),
    "deep": (_holding(b"[" * 60_000), "is not JSON"),
    "other JSON": (_holding(b'{"billctl":1}'), "is no approval decision"),
    "no fields": (_holding(b'{"billctl":"approval decision","format":1}'), "is no decision of this version"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_decision_in_a_file_that_another_may_have_written_does_not_count(office: Office, kind: str) -> None:
    request = office.ask()
    office.decide(request, OMAR)
    spoil, why = WRONG[kind]
    with office.present(OMAR):
        spoil(office, office.file(f"{request}.decision"))
    assert why in office.denied("approval_unsound")
    with pytest.raises(Busy, match=why):
        office.decide(request, NORA)


@pytest.mark.parametrize(
    "change",
    [
        {"created": "yesterday"},
        {"created": "2026-11-22T09:00:00"},
        {"created": "9999-12-31T23:59:59Z"},
        {"requester": {"uid": True, "login": "a", "host": "b"}},
        {"requester": {"uid": OMAR, "login": "omar", "host": "b"}},
        {"requester": []},
        {"plan": None},
        {"plan": {}},
        {"why": [1]},
        {"why": None},
        {"id": "apr_" + "Z" * 26},
        {"format": 2},
        {"plan_hash": "0" * 64},
    ],
)
def test_garbage_in_the_folder_is_told_and_stops_nobody(office: Office, change: dict[str, Any]) -> None:
    request = office.ask()
    path = office.file(f"{request}.json")
    document = json.loads(path.read_text()) | change
    bad = office.file("apr_" + "9" * 26 + ".json")
    if "id" not in change:
        document["id"] = bad.stem
    bad.write_text(json.dumps(document))
    bad.chmod(0o640)
    found = dict(office.folder.requests())
    assert isinstance(found[bad.stem], Unsound)
    assert not isinstance(found[request], Unsound)
    assert office.ask() == request
    with pytest.raises(PolicyDenied, match="cannot be decided: its file"):
        office.decide(bad.stem, OMAR)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", {"minor": 1.5, "currency": "USD"}),
        ("amount", {"minor": 1, "currency": "?"}),
        ("amount", {"minor": 1}),
        ("live", "yes"),
        ("object_id", 1),
        ("facts", ["text"]),
        ("facts", [["label", 1]]),
        ("params", []),
        ("again", True),
        ("more", "than billctl writes"),
    ],
)
def test_a_plan_of_another_form_is_no_request(office: Office, field: str, value: Any) -> None:
    request = office.ask()
    path = office.file(f"{request}.json")
    document = json.loads(path.read_text())
    document["plan"][field] = value
    document["plan_hash"] = sha256(json.dumps(document["plan"], sort_keys=True, separators=(",", ":")))
    path.write_text(json.dumps(document))
    ((_, found),) = office.folder.requests()
    assert isinstance(found, Unsound)
    assert "is no request of this version" in str(found)


def test_a_folder_with_too_much_in_it_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    request = office.ask()
    monkeypatch.setattr("billctl.approvals.folder.LISTED_LIMIT", 1)
    assert office.ask() == request
    office.file("another").touch()
    with pytest.raises(ConfigError, match="holds more than 1 files"):
        office.settle()


# The folder


def test_the_folder_is_the_central_policys_else_the_profiles_else_a_private_one(tmp_path: Path) -> None:
    own, central = Policy(source="own", approvals_dir="/own"), Policy(source="c", approvals_dir="/central")
    silent = Policy(source="c")
    assert folder_of((own, central), tmp_path).path == Path("/central")
    assert folder_of((own, silent), tmp_path).path == Path("/own")
    private = folder_of((silent,), tmp_path)
    assert (private.path, private.private) == (tmp_path / "approvals", True)


def test_a_private_folder_is_made_when_something_is_asked_and_says_who_could_decide(
    office: Office, tmp_path: Path
) -> None:
    office.policies = ()
    with pytest.raises(ApprovalRequired) as raised:
        office.settle()
    assert "only root could decide" in raised.value.line()
    assert "install -d -m 3770" in raised.value.line()
    assert (office.path / "state" / "approvals").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        (0o1777, "can be written by everyone"),
        (0o770, "no sticky bit"),
        (None, "cannot be used: No such file or directory"),
        (0, "is not a directory"),
    ],
)
def test_a_shared_folder_that_cannot_be_trusted_stops_both_sides(
    office: Office, mode: int | None, why: str
) -> None:
    office.path.rmdir()
    if mode == 0:
        office.path.write_text("")
    elif mode is not None:
        office.path.mkdir()
        office.path.chmod(mode)
    with pytest.raises(ConfigError, match=why):
        approvals.settle(office._session(), PLAN, SUBJECT, rules=RULES, why=WHY)
    with pytest.raises(ConfigError, match=why):
        office.desk(OMAR).find("apr_" + "0" * 26)


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_disk_that_fails_leaves_no_half_request(
    office: Office, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if call == "write":
        monkeypatch.setattr(os, "fchmod", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(BillctlError, match="No space left on device") as raised:
        approvals.settle(office._session(), PLAN, SUBJECT, rules=RULES, why=WHY)
    assert raised.value.exit_code == StoreError.exit_code
    assert list(office.path.iterdir()) == []


def test_a_request_reads_as_it_was_written() -> None:
    person = Person(uid=AMINA, login="amina", host="vm", claimed="Amina \x1b[31m", sudo_uid=0)
    assert Person(**person.data()) == person
    text = request_text(
        request_id="apr_" + "0" * 26,
        created=START,
        expires=START,
        requester=person,
        plan={"b": 1, "a": "\ud800"},
        rules=(),
        why=(),
    )
    assert text == canonical(json.loads(text))
