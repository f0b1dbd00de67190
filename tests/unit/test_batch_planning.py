"""From rows to a plan: what is frozen of each, what is left out, what the policies say of all of them."""

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from billctl.actions import operation_key, perform
from billctl.batch.in_order import in_order
from billctl.batch.model import PlannedRow, RowState
from billctl.batch.planning import WORKERS, BatchRequest, Made, make_plan
from billctl.batch.reading import IN_A_ROW, Chosen
from billctl.batch.rows import RowDefaults, read_rows
from billctl.batch.shelf import Shelf
from billctl.batch.summing import KEPT_LEFT_OUT
from billctl.errors import AuthFailed, BillctlError, NoAnswer, PolicyDenied, StoreError, UsageError
from billctl.frozen import replace
from billctl.gateway import Identity, When
from billctl.models import Charge, Refund
from billctl.money import Money
from billctl.request import Request
from billctl.session import Session, open_session, utc_now
from billctl.verbs import RefundCharge, ResendInvoice
from billctl.verbs.plan import Plan
from tests.unit.acme import Acme, installed


class Odd(Acme):
    """A gateway whose charges' ids say what happens when they are read."""

    asked: ClassVar[list[str]] = []
    killed: ClassVar[bool] = False

    def check(self) -> Identity:
        if self.says == "locked out":
            raise AuthFailed("the key is revoked", account=self.account.name)
        return Identity(id="odd-1", name="Odd", live=self.account.live)

    def get_charge(self, charge_id: str) -> Charge:
        self.asked.append(charge_id)
        if charge_id.startswith("C_bug"):
            raise ZeroDivisionError("in the adapter")
        if charge_id.startswith("C_silent"):
            raise NoAnswer("no answer within 30 s", account=self.account.name)
        charge = super().get_charge(charge_id)
        return replace(charge, id=charge_id.upper()) if charge_id.startswith("c_") else charge

    def kind_of(self, object_id: str) -> str | None:
        return super().kind_of(object_id.upper())

    def refund(self, charge: Charge, amount: Money, **more: Any) -> Refund:
        done = super().refund(charge, amount, **more)
        if Odd.killed:
            raise SystemExit
        return done


Opens = Callable[..., Session]


@pytest.fixture
def opens(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opens]:
    """Opens a session on a profile of two accounts, `a` and `b`; `more` stands before them."""
    installed(tmp_path_factory, monkeypatch, odd=f"{__name__}:Odd")
    monkeypatch.setattr(Odd, "asked", [])
    monkeypatch.setattr(Odd, "killed", False)
    sessions: list[Session] = []

    def open_(more: str = "", **says: str) -> Session:
        folder = tmp_path / "config" / "profiles"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        accounts = "".join(
            f'[accounts.{name}]\ngateway = "odd"\nsays = "{says.get(name, "nothing")}"\n'
            for name in ("a", "b")
        )
        (folder / "shop.toml").write_text(f'mode = "test"\n{more}\n{accounts}')
        session = open_session("shop", env=os.environ)
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()


def planned(session: Session, text: str, verb: str = "refund", *, live: Any = (), **more: Any) -> Made:
    """The plan of the rows of a CSV text."""
    kinds = {name: session.gateway(name).kind_of for name in session.profile.accounts}
    settings = {name: more.pop(name) for name in ("path", "dry_run", "sleep", "tick") if name in more}
    with read_rows(
        io.BytesIO(text.encode()),
        source="rows.csv",
        verb=verb,
        accounts=kinds,
        defaults=RowDefaults(reason="charged twice"),
        folder=Shelf(session.state_dir).folder(),
    ) as spool:
        request = BatchRequest(
            chosen=Chosen(verb=verb, **more), source="rows.csv", reason="charged twice", live=live
        )
        return make_plan(session, spool, request, **settings)


def rows_of(made: Made) -> list[PlannedRow]:
    with made.plan as plan:
        return list(plan.rows())


def words(made: Made) -> list[tuple[str, str | None]]:
    """State and code of each row."""
    return [(str(row.state), row.code) for row in rows_of(made)]


def test_what_would_be_done_is_frozen_row_by_row_and_summed_up(opens: Opens) -> None:
    session = opens()
    made = planned(session, "ref,amount,full\na:C1,12.5,\nb:C2,,true\na:C3,1,\n")
    first, second, third = rows_of(made)
    assert (first.n, first.line, first.ref, first.state) == (1, 2, "a:C1", RowState.READY)
    assert (first.params, first.amount) == ({"amount": "12.50"}, Money(1250, "USD"))
    assert (first.customer, first.before["refundable_minor"]) == ("P1", 4900)
    assert first.facts[0] == ("refund", "12.50 USD of 49.00 USD")
    place = session.open("a").place
    assert first.key == operation_key(
        gateway="odd", identity=place, action="refund", object_id="C1", amount=first.amount, again=1
    )
    assert first.object == f"odd|{place}|C1"
    assert (second.params, second.typed) == ({"amount": "49.00"}, {"full": "true"})
    assert third.n == 3
    header = made.plan.header
    assert (header.rows, header.ready, header.totals) == (3, 3, (Money(6250, "USD"),))
    assert [(each.name, each.account_id, each.rows, str(each.totals[0])) for each in header.accounts] == [
        ("a", "odd-1", 2, "13.50 USD"),
        ("b", "odd-1", 1, "49.00 USD"),
    ]
    assert header.id.startswith("bat_")
    assert len(header.id) == len("bat_") + 26
    assert (header.source, header.reason, header.profile, header.mode) == (
        "rows.csv", "charged twice", "shop", "test"
    )  # fmt: skip


def test_whoever_waits_is_told_how_many_of_all_rows_are_planned(opens: Opens) -> None:
    told: list[tuple[int, int]] = []
    rows_of(planned(opens(), "ref,amount\na:C1,1\na:C2,1\n", tick=lambda *so_far: told.append(so_far)))
    assert told == [(1, 2), (2, 2)]


def test_a_plan_without_a_place_lies_on_the_shelf_for_its_owner_alone(opens: Opens) -> None:
    session = opens()
    made = planned(session, "ref,amount\na:C1,1\n")
    made.plan.close()
    assert made.path
    assert made.path.parent == session.state_dir / "batches"
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.path.name.startswith(f"refund-{made.plan.header.created.date()}-")
    (kept,) = Shelf(session.state_dir).kept()
    assert (kept.id, kept.path, kept.hash) == (made.plan.header.id, made.path, made.plan.hash)


def test_a_plan_is_written_where_it_is_wanted_and_never_over_another_file(
    opens: Opens, tmp_path: Path
) -> None:
    session, place = opens(), tmp_path / "mine.plan"
    planned(session, "ref,amount\na:C1,1\n", path=place).plan.close()
    assert Shelf(session.state_dir).kept()[0].path == place
    before, Odd.asked[:] = place.read_bytes(), []
    with pytest.raises(UsageError, match="is there already") as caught:
        planned(session, "ref,amount\na:C2,1\n", path=place)
    assert "--force" not in caught.value.line()
    with pytest.raises(UsageError, match="there is no folder"):
        planned(session, "ref,amount\na:C2,1\n", path=tmp_path / "nowhere" / "x.plan")
    assert (place.read_bytes(), Odd.asked) == (before, [])


def test_a_dry_run_leaves_no_file(opens: Opens) -> None:
    session = opens()
    made = planned(session, "ref,amount\na:C1,1\n", dry_run=True)
    assert (made.path, [row.ref for row in rows_of(made)]) == (None, ["a:C1"])
    assert list((session.state_dir / "batches").iterdir()) == []


def test_what_cannot_be_done_is_left_out_and_the_rest_is_planned(opens: Opens) -> None:
    session = opens()
    text = "ref,amount,currency\na:C1,50,\na:C_bug,1,\nb:C3,1,\nb:C4,1,EUR\na:C5,1.234,\n"
    made = planned(session, text)
    assert words(made) == [
        ("left_out", "amount_too_large"),
        ("left_out", "internal"),
        ("ready", None),
        ("left_out", "wrong_currency"),
        ("left_out", "bad_amount"),
    ]
    assert [row.line for row in made.left_out] == [2, 3, 5, 6]
    assert made.left_out[0].message == "50.00 USD is more than the 49.00 USD still refundable of charge C1"
    assert made.left_out[1].message == "unexpected ZeroDivisionError in the odd adapter"
    assert made.left_out[2].message == "the row says EUR, b:C4 is in USD"
    header = made.plan.header
    assert (header.ready, header.left_out, header.totals) == (1, 4, (Money(100, "USD"),))


def test_of_many_rows_left_out_the_first_are_at_hand(opens: Opens) -> None:
    text = "ref,amount\n" + "".join(f"a:C{n},50\n" for n in range(KEPT_LEFT_OUT + 5))
    made = planned(opens(), text)
    made.plan.close()
    assert [row.n for row in made.left_out] == list(range(1, KEPT_LEFT_OUT + 1))
    assert made.plan.header.left_out == KEPT_LEFT_OUT + 5


def test_two_ids_of_one_object_are_one_object(opens: Opens) -> None:
    made = planned(opens(), "ref,amount\na:c_1,1\na:C_1,1\na:c_2,1\n")
    first, second, third = rows_of(made)
    assert (first.state, first.code, first.message) == (
        "left_out",
        "same_object",
        "a:C_1 is the object of line 3 too",
    )
    assert [(row.state, row.object.rpartition("|")[2]) for row in (second, third)] == [
        ("ready", "C_1"),
        ("ready", "C_2"),
    ]


def test_two_accounts_with_the_same_credentials_have_the_same_objects(opens: Opens) -> None:
    made = planned(opens(), "ref,amount\nb:C1,1\na:C1,2\na:C2,1\nb:c_3,1\na:C_3,1\na:c_4,1\nb:C_4,1\n")
    assert [(row.ref, row.state) for row in rows_of(made)] == [
        ("b:C1", "ready"), ("a:C1", "left_out"), ("a:C2", "ready"), ("b:c_3", "left_out"), ("a:C_3", "ready"),
        ("a:c_4", "left_out"), ("b:C_4", "ready"),
    ]  # fmt: skip
    assert made.left_out[0].message == "a:C1 is the object of line 2 too"
    assert made.plan.header.totals == (Money(400, "USD"),)


class Yes:
    """Confirms everything."""

    def ask(self, plan: Plan, request: Request) -> None:
        """Yes."""

    def check(self, plan: Plan, request: Request) -> None:
        """Yes."""


def do(session: Session, verb: Any, object_id: str, **more: Any) -> None:
    request = Request(object_id=object_id, reason="charged twice", **more)
    perform(session, "a", verb, request, Yes())


def test_what_this_very_operation_did_is_done_already(opens: Opens) -> None:
    session = opens()
    do(session, RefundCharge("12.50"), "C1")
    do(session, RefundCharge(None), "C2")
    made = planned(session, "ref,amount,full\na:C1,12.50,\na:C2,,true\na:C3,1,\n")
    first, second, third = rows_of(made)
    assert [row.state for row in (first, second, third)] == ["already_done", "already_done", "ready"]
    assert (second.amount, second.params) == (Money(4900, "USD"), {"amount": "49.00"})
    header = made.plan.header
    assert (header.ready, header.already_done, header.totals) == (1, 2, (Money(100, "USD"),))


def test_the_ordinal_of_a_repeat_is_frozen_too(opens: Opens) -> None:
    session = opens()
    do(session, RefundCharge("1"), "C1")
    (row,) = rows_of(planned(session, "ref,amount\na:C1,1\n", again=2))
    assert (row.state, row.again) == ("ready", 2)


def test_what_was_sent_long_enough_ago_is_sent_again_and_once(opens: Opens) -> None:
    week = timedelta(days=7)
    for expected in (1, 2, 3):
        session = opens()
        session.clock = later(8 * expected)
        for state in ("ready", "already_done"):
            (row,) = rows_of(planned(session, "ref\na:I1\n", "resend", again_after=week))
            assert (row.state, row.again) == (state, expected)
            if state == "ready":
                do(session, ResendInvoice(None), "I1", again=row.again)


def later(days: float) -> Callable[[], datetime]:
    """A clock that is so many days ahead."""
    return lambda: utc_now() + timedelta(days=days)


def test_each_verb_freezes_what_was_chosen_for_it(opens: Opens) -> None:
    session = opens()
    cancels = rows_of(planned(session, "ref\na:S1\n", "cancel", when=When.NOW))
    resends = rows_of(planned(session, "ref,to\na:I1,x@example.com\n", "resend"))
    assert [row.params for row in (*cancels, *resends)] == [{"when": "now"}, {"to": "x@example.com"}]
    made = planned(session, "ref\na:C1\n", "void")
    assert words(made) == [("left_out", "unsupported")]


# What an earlier run left open


def left_open(session: Session) -> None:
    """Let a run die after its refund of C1 was sent."""
    Odd.killed = True
    with pytest.raises(SystemExit):
        do(session, RefundCharge(None), "C1")
    Odd.killed = False


def test_what_an_earlier_run_left_open_is_settled_by_asking(opens: Opens) -> None:
    session = opens()
    left_open(session)
    naps: list[float] = []
    made = planned(session, "ref,full\na:C1,true\n", sleep=naps.append)
    assert (words(made), naps, len(Acme.made)) == ([("already_done", None)], [], 1)
    assert session.store.unsettled() == []


def test_what_may_still_be_on_its_way_is_waited_for(opens: Opens) -> None:
    session = opens()
    left_open(session)
    Acme.made.clear()  # nothing came of it
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        session.clock = later(1)

    made = planned(session, "ref,full\na:C1,true\n", sleep=nap)
    assert words(made) == [("ready", None)]
    assert len(naps) == 1
    assert 0 < naps[0] <= 90


def test_a_dry_run_settles_nothing(opens: Opens) -> None:
    session = opens()
    left_open(session)
    head = session.store.head()
    made = planned(session, "ref,full\na:C1,true\n", dry_run=True)
    assert words(made) == [("left_out", "object_unsettled")]
    assert session.store.head() == head


# Policies


def test_what_no_second_person_can_lift_is_left_out(opens: Opens) -> None:
    session = opens('[policy]\nrequire_ticket = "^zendesk:.+$"')
    made = planned(session, "ref,amount,ticket\na:C1,1,\na:C2,1,zendesk:1\n")
    first, second = rows_of(made)
    assert (first.state, first.code, first.word) == ("left_out", "require_ticket", "policy")
    assert (second.state, second.rules) == ("ready", ())


def test_what_a_second_person_can_lift_is_collected_for_the_whole_plan(opens: Opens) -> None:
    session = opens('[policy]\nmax_refund = { USD = "5.00" }\napprove_above = { USD = "8.00" }')
    made = planned(session, "ref,amount\na:C1,1\na:C2,6\na:C3,9\n")
    assert [row.rules for row in rows_of(made)] == [(), ("max_refund",), ("max_refund", "approve_above")]
    header = made.plan.header
    assert (header.ready, header.rules) == (3, ("max_refund", "approve_above"))
    assert header.why == (
        "9.00 USD is above your limit of 5.00 USD for one refund (policy shop), and 1 more row",
        "9.00 USD is above 8.00 USD, from where a second person approves (policy shop)",
    )


def test_limits_per_day_count_what_was_done_and_the_rows_before(opens: Opens) -> None:
    session = opens('[policy]\ndaily_refund_total = { USD = "20.00" }\n[policy.daily_actions]\nrefund = 4')
    do(session, RefundCharge("5"), "C9")
    made = planned(session, "ref,amount\na:C1,10\nb:C2,50\nb:C3,6\na:C4,1\na:C5,1\n")
    assert [(row.state, row.rules) for row in rows_of(made)] == [
        ("ready", ()),
        ("left_out", ()),
        ("ready", ("daily_refund_total",)),
        ("ready", ("daily_refund_total",)),
        ("ready", ("daily_refund_total", "daily_actions")),
    ]
    assert made.plan.header.why[0].startswith("with 1.00 USD you would have refunded 23.00 USD in 24 hours")


def test_whether_somebody_is_there_is_a_matter_of_the_run_that_applies_it(opens: Opens) -> None:
    session = opens('[policy]\nunattended = ["resend"]')
    assert words(planned(session, "ref,amount\na:C1,1\n")) == [("ready", None)]


# Accounts


def test_an_account_that_cannot_be_opened_leaves_its_rows_out(opens: Opens) -> None:
    session = opens(b="locked out")
    made = planned(session, "ref,amount\na:C1,1\nb:C2,1\nb:C3,1\n")
    assert words(made) == [("ready", None), ("left_out", "auth"), ("left_out", "auth")]
    assert ([*made.failed], Odd.asked) == (["b"], ["C1"])


def test_where_no_account_can_be_opened_there_is_no_plan(opens: Opens) -> None:
    session = opens(a="locked out")
    with pytest.raises(AuthFailed, match="the key is revoked"):
        planned(session, "ref,amount\na:C1,1\na:C2,1\n")
    assert list((session.state_dir / "batches").iterdir()) == []


def test_an_account_that_does_not_answer_is_not_asked_for_every_row(opens: Opens) -> None:
    session = opens()
    text = "ref,amount\na:C1,1\n" + "".join(f"b:C_silent{n},1\n" for n in range(200))
    made = planned(session, text)
    assert made.plan.header.ready == 1
    made.plan.close()
    assert ([*made.failed], made.plan.header.left_out) == (["b"], 200)
    assert len(Odd.asked) <= 1 + IN_A_ROW + WORKERS


def test_where_no_account_answers_there_is_no_plan(opens: Opens) -> None:
    text = "ref,amount\n" + "".join(f"b:C_silent{n},1\n" for n in range(50))
    with pytest.raises(NoAnswer):
        planned(opens(), text)


def test_the_accounts_that_it_is_meant_for_must_be_those_that_answer(opens: Opens) -> None:
    planned(opens(), "ref,amount\na:C1,1\n", live=("odd-1",)).plan.close()
    with pytest.raises(PolicyDenied, match="--live names 'acct_2', but the credentials answer to odd-1"):
        planned(opens(), "ref,amount\na:C1,1\n", live=("odd-1", "acct_2"))


def test_a_log_that_cannot_be_trusted_stops_everything(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opens()

    def broken(_store: object) -> None:
        raise StoreError("the chain is broken")

    monkeypatch.setattr("billctl.batch.planning.check_tail", broken)
    with pytest.raises(StoreError):
        planned(session, "ref,amount\na:C1,1\n")
    assert Odd.asked == []


# In order


def test_results_come_in_the_items_order_whatever_takes_longer() -> None:
    def work(number: int) -> int:
        time.sleep(0.003 * (number % 3))
        return number * number

    found = in_order(range(60), work, lane=lambda n: "ab"[n % 2], workers=4, ahead=10)
    assert list(found) == [number * number for number in range(60)]


def test_no_more_is_begun_than_asked_for() -> None:
    begun: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            begun.append(number)
            yield number

    found = in_order(items(), lambda number: number, lane=lambda _n: "", workers=2, ahead=5)
    for given, number in enumerate(found):
        assert number == given
        assert len(begun) <= given + 6


def test_a_slow_lane_does_not_hold_up_another() -> None:
    held, fast_done = threading.Event(), threading.Event()
    done: list[str] = []

    def work(item: tuple[str, int]) -> tuple[str, int]:
        if item[0] == "slow":
            assert held.wait(10)
        else:
            done.append(item[0])
            if len(done) == 20:
                fast_done.set()
        return item

    items = [("slow", 0), *(("fast", n) for n in range(20))]
    found: list[Any] = []
    collecting = threading.Thread(
        target=lambda: found.extend(in_order(items, work, lane=lambda i: i[0], workers=2, ahead=50))
    )
    collecting.start()
    assert fast_done.wait(10)
    held.set()
    collecting.join(10)
    assert found == items


def test_what_a_call_raises_is_raised_in_its_turn() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise BillctlError("the third")
        return number

    found = in_order(range(10), work, lane=lambda _n: "", workers=3, ahead=10)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(BillctlError, match="the third"):
        next(found)
