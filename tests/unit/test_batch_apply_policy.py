"""A plan before the policies and a second person: as one thing, and each row once more."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billctl.approvals.decide import Desk as ApprovalDesk
from billctl.approvals.folder import Folder
from billctl.approvals.model import ApprovalRequest, Person, Status
from billctl.audit.entry import Entry, read
from billctl.batch.matter import whole
from billctl.batch.model import Header, PlannedRow, RowState
from billctl.batch.plan_file import PlanWriter, open_plan
from billctl.errors import ApprovalRequired, PolicyDenied
from billctl.money import Money
from billctl.session import Session
from billctl.store.interface import RecordFilter, StoredRecord
from tests.unit.batches import WHY, Desk, Recorder, Till, desk, refunds

__all__ = ["desk"]

OTHER = 64_123
"""The second person's user id."""
LIMIT = '[policy]\nmax_refund = {{ USD = "1.50" }}\napprovals_dir = "{folder}"\n'
ASKS = '[policy]\napprove_above = {{ USD = "1.50" }}\napprovals_dir = "{folder}"\n'


class Office:
    """The folder of requests, and the second person before it; both are whoever runs the tests."""

    def __init__(self, desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = Folder(folder, private=False)
        self.desk = desk
        others: set[int] = set()
        self._others = others
        self._patch = monkeypatch
        monkeypatch.setattr(
            Folder, "owner_of", staticmethod(lambda s: OTHER if s.st_ino in others else s.st_uid)
        )

    def use(self, policy: str) -> None:
        self.desk.profile(more=policy.format(folder=self.folder.path))

    def requests(self) -> list[ApprovalRequest]:
        return [request for _, request in self.folder.requests() if isinstance(request, ApprovalRequest)]

    def status(self, request: ApprovalRequest) -> Status:
        return self._approvals(self.desk.session()).judge(request).status

    def decide(self, request: ApprovalRequest, *, approved: bool = True) -> None:
        session = self.desk.session()
        before = {entry.inode() for entry in os.scandir(self.folder.path)}
        with self._patch.context() as patch:
            patch.setattr("billctl.approvals.model.own_uid", lambda: OTHER)
            self._approvals(session).decide(
                request.id, approved=approved, reason="looked at it", confirm=lambda _request: None
            )
        self._others |= {entry.inode() for entry in os.scandir(self.folder.path)} - before

    def _approvals(self, session: Session) -> ApprovalDesk:
        person = Person(uid=OTHER, login="omar", host="h")
        return ApprovalDesk(
            folder=self.folder,
            policies=session.policies,
            person=person,
            open_log=lambda: session.log,
            clock=session.clock,
        )


@pytest.fixture
def office(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    folder = tmp_path / "approvals"
    folder.mkdir(mode=0o700)
    return Office(desk, folder, monkeypatch)


ROWS = refunds("C1", "C2", amount="1.00") + "b:C3,2.00\n"


def test_a_limit_refuses_the_whole_plan_and_names_the_way_on(desk: Desk, office: Office) -> None:
    office.use(LIMIT)
    with pytest.raises(PolicyDenied, match=r"2\.00 USD is above your limit of 1\.50 USD") as caught:
        desk.apply(desk.plan(ROWS))
    assert (caught.value.code, caught.value.hint) == (
        "max_refund",
        "Ask for approval with --request-approval.",
    )
    assert Till.made == []
    assert office.requests() == []


@pytest.mark.parametrize(("policy", "options"), [(LIMIT, {"request_approval": True}), (ASKS, {})])
def test_a_plan_is_approved_as_one_thing_by_another_person_and_used_up(
    desk: Desk, office: Office, policy: str, options: dict[str, Any]
) -> None:
    office.use(policy)
    plan = desk.plan(ROWS)
    with pytest.raises(ApprovalRequired) as caught:
        desk.apply(plan, **options)
    (request,) = office.requests()
    assert request.id in caught.value.message
    assert request.plan["key"] == plan.hash
    assert (request.ref, str(request.amount)) == (f"batch:{plan.header.id}", "4.00 USD")
    facts = dict(request.plan["facts"])
    assert facts["batch refund"] == "3 rows, 4.00 USD"
    assert facts["account b"] == "till acme-1, test: 1 row, 2.00 USD"
    assert facts["row 3"] == "b:C3, 2.00 USD, P1"
    assert facts["reason 1"] == "3 rows: charged twice"
    with pytest.raises(ApprovalRequired, match="still waits"):
        desk.apply(plan, **options)
    office.decide(request)
    applied = desk.apply(plan, **options)
    assert (applied.counts, applied.error) == ({"succeeded": 3}, None)
    assert office.status(request) is Status.USED
    intents = [
        r.body for r in desk.session().store.records(RecordFilter(action="refund")) if "intent" in r.body
    ]
    assert len(intents) == 3
    assert all(request.id in body for body in intents)


def test_an_approver_sees_the_largest_rows_of_each_currency_and_what_was_chosen(tmp_path: Path) -> None:
    rows = [planned(n, Money(1_000_000 + n, "JPY")) for n in range(1, 31)]
    rows.append(planned(31, Money(900_000, "USD")))
    shown = [text for label, text in facts_of(tmp_path, "refund", rows) if label.startswith("row ")]
    assert len(shown) == 20
    assert shown[:2] == ["a:C30, 1000030 JPY, P1", "a:C31, 9000.00 USD, P1"]
    cancels = [planned(n, when="now" if n < 3 else "period_end") for n in range(1, 4)]
    facts = facts_of(tmp_path, "cancel", cancels)
    assert ("ends now", "2 rows") in facts
    assert ("ends with its period", "1 row") in facts
    assert ("row 1", "a:C1, ends now, P1") in facts
    facts = facts_of(tmp_path, "resend", [planned(1, to="x@example.com"), planned(2)])
    assert ("to another address", "1 row") in facts
    assert ("row 1", "a:C1, to x@example.com, P1") in facts


def planned(n: int, amount: Money | None = None, **params: str) -> PlannedRow:
    return PlannedRow(
        n=n, line=n + 1, account="a", object_id=f"C{n}", state=RowState.READY, params=params, reason=WHY,
        amount=amount, customer="P1",
    )  # fmt: skip


def facts_of(folder: Path, verb: str, rows: list[PlannedRow]) -> tuple[tuple[str, str], ...]:
    header = Header(
        id="bat_01KAN5DKZY0000000000000ABC", verb=verb, profile="shop", mode="test",
        created=datetime(2026, 11, 22, tzinfo=UTC), by={}, source="-", reason=WHY, rows=len(rows),
        ready=len(rows), already_done=0, left_out=0, totals=(), accounts=(),
    )  # fmt: skip
    with PlanWriter(folder) as writer:
        for row in rows:
            writer.add(row)
        writer.finish(folder / "its.plan", header, replace=True)
    with open_plan(folder / "its.plan") as plan:
        return whole(plan).facts


def test_a_plan_that_was_edited_is_another_one_and_not_approved(desk: Desk, office: Office) -> None:
    office.use(ASKS)
    plan = desk.plan(refunds("C1", "C2") + "b:C3,2.50\n")
    with pytest.raises(ApprovalRequired):
        desk.apply(plan)
    (request,) = office.requests()
    office.decide(request)
    for path in desk.session().state_dir.glob("batches/*.json"):
        path.unlink()  # as on another machine, where nothing is known of the plan
    edited = desk.edited(plan, raised)
    with pytest.raises(ApprovalRequired, match="asks for approval"):
        desk.apply(edited)
    assert len(office.requests()) == 2
    assert Till.made == []


def raised(text: str) -> str:
    """A plan of which one row, and every sum of it, is 1.00 USD more."""
    for old, new in (('"2.50"', '"3.50"'), (":250,", ":350,"), ('"4.50"', '"5.50"'), (":450,", ":550,")):
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_denial_stands(desk: Desk, office: Office) -> None:
    office.use(ASKS)
    plan = desk.plan(ROWS)
    with pytest.raises(ApprovalRequired):
        desk.apply(plan)
    office.decide(office.requests()[0], approved=False)
    with pytest.raises(PolicyDenied) as caught:
        desk.apply(plan)
    assert caught.value.code == "approval_denied"


def test_an_approval_serves_until_the_plan_is_through(desk: Desk, office: Office) -> None:
    office.use(ASKS)
    plan = desk.plan(ROWS)
    with pytest.raises(ApprovalRequired):
        desk.apply(plan)
    (request,) = office.requests()
    office.decide(request)
    applied = desk.apply(plan, canary=1, workers=1)
    assert applied.counts["succeeded"] == 1
    assert office.status(request) is Status.APPROVED
    assert desk.apply(plan).counts == {"succeeded": 2, "already_done": 1}
    assert office.status(request) is Status.USED


def test_a_rule_that_came_since_the_plan_was_made_stands_against_it(desk: Desk, office: Office) -> None:
    plan = desk.plan(ROWS)
    assert plan.header.rules == ()
    office.use(LIMIT)
    with pytest.raises(PolicyDenied) as caught:
        desk.apply(plan)
    assert caught.value.code == "max_refund"


def test_a_rule_that_nobody_can_lift_refuses_its_rows_and_no_others(desk: Desk) -> None:
    plan = desk.plan("ref,amount,ticket\na:C1,1.00,zendesk:1\na:C2,1.00,\n")
    desk.profile(more="[policy]\nrequire_ticket = '(zendesk):.+'\n")
    watcher = Recorder()
    desk.apply(plan, watcher)
    assert watcher.outcomes() == {"C1": "succeeded", "C2": "skipped require_ticket"}


def test_a_rule_that_refuses_every_row_refuses_the_plan(desk: Desk) -> None:
    plan = desk.plan(ROWS)
    desk.profile(more='[policy]\nunattended = ["resend"]\n')
    with pytest.raises(PolicyDenied) as caught:
        desk.apply(plan)
    assert caught.value.code == "unattended"
    assert desk.apply(plan, attended=True).counts == {"succeeded": 3}


DAILY = '[policy]\ndaily_refund_total = { USD = "5.00" }\n'


def test_the_limit_of_a_day_holds_for_the_whole_plan(desk: Desk) -> None:
    desk.profile(more=DAILY)
    desk.apply(desk.plan(refunds("D1", amount="2.00"), path=desk.folder / "other.plan"))
    with pytest.raises(PolicyDenied, match=r"refunded 6\.00 USD in 24 hours, above your limit of 5\.00 USD"):
        desk.apply(desk.plan(ROWS))
    assert len(Till.made) == 1


def test_how_many_actions_a_day_holds_for_the_whole_plan(desk: Desk) -> None:
    desk.profile(more="[policy]\ndaily_actions = { refund = 2 }\n")
    with pytest.raises(PolicyDenied, match="your refund number 3 in 24 hours, above your limit of 2"):
        desk.apply(desk.plan(ROWS))
    assert Till.made == []


def test_what_is_done_beside_a_plan_counts_while_it_is_applied(desk: Desk) -> None:
    desk.profile(more=DAILY)
    plan = desk.plan(ROWS)
    begun: list[object] = []

    def beside(result: object) -> None:
        if not begun:
            begun.append(result)
            desk.apply(desk.plan(refunds("D1", amount="3.00"), path=desk.folder / "other.plan"))

    watcher = Recorder(at_row=beside)
    Till.reading["C3"] = lambda: wait_for(lambda: any(r.charge_id == "D1" for r in Till.made))
    desk.apply(plan, watcher)
    assert watcher.outcomes()["C3"] == "skipped daily_refund_total"
    assert sum(refund.amount.minor for refund in Till.made) <= 500


def wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds() and time.monotonic() < until:
        time.sleep(0.005)


def test_ten_times_the_rows_read_ten_times_the_records(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.profile(more='[policy]\ndaily_refund_total = { USD = "5000.00" }\n')
    counted: list[int] = []

    def count(record: StoredRecord) -> Entry:
        counted.append(record.seq)
        return read(record)

    monkeypatch.setattr("billctl.policy.budget.read", count)
    reads = []
    for rows in (5, 50):
        plan = desk.plan(refunds(*(f"D{rows}x{n}" for n in range(rows))), path=desk.folder / f"{rows}.plan")
        counted.clear()
        applied = desk.apply(plan)
        assert applied.counts == {"succeeded": rows}
        reads.append(len(counted))
    assert reads[0] <= 5 * 2 + 5
    assert reads[1] <= 50 * 2 + 5 * 3


def test_yesterdays_refunds_do_not_count(desk: Desk) -> None:
    desk.profile(more=DAILY)
    plan = desk.plan(ROWS)
    yesterday = datetime.now(UTC) - timedelta(days=1, minutes=1)
    other = desk.plan(refunds("D1", amount="4.00"), path=desk.folder / "other.plan")
    desk.apply(other, session=desk.session(lambda: yesterday))
    assert desk.apply(plan).counts == {"succeeded": 3}
