"""`billctl audit resolve`: a person's word on what no gateway can tell, and only on that."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from billctl.audit.actor import Actor, Origin
from billctl.audit.log import AuditLog, Subject
from billctl.errors import NotSent, OutcomeUnknown
from billctl.money import Money
from billctl.store.interface import OperationState
from billctl.store.sqlite import SqliteStore, open_store
from tests.gateway_shops import PAYPAL_INVOICE, GatewayShop, open_gateway_shop
from tests.shop import WHY, Shop

ID = "op_01KAMZ5Z2Q9X1V6H0N3T8R4W7C"
OBJECT = "paypal|SHOP/test|INV2-1"
WHY_SO = ("--reason", "he showed it to us")
CANNOT_TELL = OutcomeUnknown("PayPal keeps no trace of a reminder of INV2-1", code="no_trace")
NO_ANSWER = NotSent("connection refused", code="unreachable")

Ran = Any
Leave = Callable[..., str]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A machine whose log is all that there is: no gateway, no profile."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return Shop(state, tmp_path / "config", url="")


@pytest.fixture
def store(shop: Shop) -> Iterator[SqliteStore]:
    """Its store, beside the program's own hand on it."""
    with closing(open_store(shop.state_dir / "audit.sqlite")) as opened:
        yield opened


@pytest.fixture
def leave(store: SqliteStore) -> Leave:
    """Leaves an operation of Amina's whose outcome nobody knows, `age` old."""

    def leave_(
        said: str | None = "cannot_tell",
        *,
        error: Exception = CANNOT_TELL,
        live: bool = False,
        age: timedelta = timedelta(minutes=5),
        amount: Money | None = None,
    ) -> str:
        amina = Actor(uid=1001, login="amina", host="desk", origin=Origin.TERMINAL)
        then = datetime.now(UTC) - age
        log = AuditLog(
            store, actor=amina, profile="shop", mode="live" if live else "test", clock=lambda: then,
            source="cli", argv=(),
        )  # fmt: skip
        about = Subject(
            action="resend", gateway="paypal", account="paypal", object_type="invoice", object_id="INV2-1",
            reason="overdue", live=live, object=OBJECT, amount=amount,
        )  # fmt: skip
        log.intent(about, operation=ID, key="k" * 32)
        told = {"as": said} if said else None
        log.outcome(
            about, operation=ID, state=OperationState.UNKNOWN, outcome="unknown", error=error, resolution=told
        )
        return ID

    return leave_


def state(store: SqliteStore) -> OperationState:
    operation = store.get_operation(ID)
    assert operation is not None
    return operation.state


def test_a_persons_word_settles_it_and_both_names_stay(shop: Shop, store: SqliteStore, leave: Leave) -> None:
    operation = leave()
    ran = shop.run(
        "audit", "resolve", operation, "--as", "done", *WHY_SO, "--ticket", "zd:1", "--yes", "-o", "json"
    )
    assert (ran.code, state(store)) == (0, OperationState.DONE)
    assert (ran.data["as"], ran.data["asked_by"], ran.data["ref"]) == ("done", "amina", "paypal:INV2-1")
    intent, _, settled = shop.run("audit", "show", operation, "-o", "json").data
    assert settled["resolution"] == {"as": "done", "reason": "he showed it to us", "ticket": "zd:1"}
    assert (settled["outcome"], settled["reason"], settled["profile"]) == ("succeeded", "overdue", "shop")
    assert intent["actor"]["login"] == "amina"
    assert settled["actor"]["login"] != "amina"


def test_not_done_frees_the_object(shop: Shop, store: SqliteStore, leave: Leave) -> None:
    assert shop.run("audit", "resolve", leave(), "--as", "not-done", *WHY_SO, "--yes").code == 0
    assert state(store) is OperationState.NOT_SENT
    assert store.unsettled_on(object=OBJECT) is None


def test_only_what_is_unsettled_can_be_resolved(shop: Shop, leave: Leave) -> None:
    words = ("audit", "resolve", leave(), "--as", "done", *WHY_SO, "--yes")
    assert shop.run(*words).code == 0
    again = shop.run(*words)
    assert (again.code, "is settled already: done" in again.line) == (5, True)


@pytest.mark.parametrize(
    ("said", "age", "why"),
    [
        (None, timedelta(days=3), ("ask_first", "nobody asked yet what became of")),
        ("not_asked", timedelta(hours=22, minutes=30), ("ask_again", "a person's word counts in 2 h")),
    ],
)
def test_a_gateway_that_was_not_asked_comes_first(
    shop: Shop, leave: Leave, said: str | None, age: timedelta, why: tuple[str, str]
) -> None:
    operation = leave(said, error=NO_ANSWER, age=age)
    ran = shop.run("audit", "resolve", operation, "--as", "not-done", *WHY_SO, "--yes", "-o", "json")
    (error,) = ran.document["errors"]
    assert (ran.code, error["code"]) == (8, why[0])
    assert why[1] in error["message"]
    assert "billctl audit reconcile" in error["message"]
    assert shop.audit("--object", "INV2-1")[0]["outcome"] == "unknown"
    (row,) = shop.audit("--action", "audit resolve")
    assert (row["outcome"], row["object_id"], row["reason"]) == ("denied", operation, "he showed it to us")


def test_a_gateway_that_could_not_be_asked_for_a_day_is_gone(
    shop: Shop, store: SqliteStore, leave: Leave
) -> None:
    operation = leave("not_asked", error=NO_ANSWER, age=timedelta(hours=25))
    assert shop.run("audit", "resolve", operation, "--as", "not-done", *WHY_SO, "--yes").code == 0
    assert state(store) is OperationState.NOT_SENT


def test_what_is_still_being_done_is_left_alone(shop: Shop, store: SqliteStore, leave: Leave) -> None:
    operation = leave()
    with store.lock_object(OBJECT):
        ran = shop.run("audit", "resolve", operation, "--as", "done", *WHY_SO, "--yes")
    assert (ran.code, state(store)) == (10, OperationState.UNKNOWN)


def test_what_was_settled_while_the_person_thought_stays_as_it_is(
    shop: Shop, store: SqliteStore, leave: Leave
) -> None:
    operation = leave()

    def meanwhile(*_: object, **__: object) -> None:
        confirm.side_effect = None
        assert shop.run("audit", "resolve", operation, "--as", "not-done", *WHY_SO, "--yes").code == 0

    with mock.patch("billctl.cli.audit_resolve._confirm", side_effect=meanwhile) as confirm:
        ran = shop.run("audit", "resolve", operation, "--as", "done", *WHY_SO)
    assert (ran.code, state(store)) == (5, OperationState.NOT_SENT)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*WHY_SO, "--yes"), "--as is missing"),
        (("--as", "maybe", *WHY_SO, "--yes"), "--as 'maybe' is no verdict"),
        (("--as", "done", "--yes"), "--reason is missing"),
        (("--as", "done", "--reason", "  x ", "--yes"), "--reason needs 3"),
        (("--as", "done", "--reason", "card 4242424242424242", "--yes"), "--reason seems to hold a card"),
        (("--as", "done", *WHY_SO, "--ticket", "two words", "--yes"), "--ticket 'two words'"),
    ],
)
def test_a_wrong_call_says_what_is_missing(
    shop: Shop, store: SqliteStore, leave: Leave, words: tuple[str, ...], said: str
) -> None:
    ran = shop.run("audit", "resolve", leave(), *words)
    assert (ran.code, said in ran.line, state(store)) == (2, True, OperationState.UNKNOWN)


def test_an_operation_that_is_not_there_is_not_found(shop: Shop) -> None:
    ran = shop.run("audit", "resolve", ID, "--as", "done", *WHY_SO, "--yes")
    assert (ran.code, f"the audit log has no operation '{ID}'" in ran.line) == (3, True)


def test_nobody_at_a_terminal_must_say_yes_beforehand(shop: Shop, store: SqliteStore, leave: Leave) -> None:
    ran = shop.run("audit", "resolve", leave(), "--as", "done", *WHY_SO)
    assert (ran.code, "--yes is not given" in ran.line, state(store)) == (8, True, OperationState.UNKNOWN)


def test_on_a_terminal_it_is_shown_and_asked(shop: Shop, store: SqliteStore, leave: Leave) -> None:
    operation = leave(amount=Money(1250, "USD"))
    words = ("audit", "resolve", operation, "--as", "not-done", *WHY_SO)
    code, shown = shop.typed("n\n", *words)
    assert (code, state(store)) == (8, OperationState.UNKNOWN)
    for fact in (operation, "12.50 USD paypal:INV2-1", "amina", "overdue", "PayPal keeps no trace"):
        assert fact in shown
    assert "the same command will send it" in shown
    assert shop.typed("y\n", *words)[0] == 0
    assert state(store) is OperationState.NOT_SENT


@pytest.mark.parametrize(("typed", "code"), [("4w7c", 8), ("y", 8), ("8R4W7C", 0), ("8r4w7c", 0)])
def test_in_live_mode_the_end_of_its_id_is_typed(
    shop: Shop, store: SqliteStore, leave: Leave, typed: str, code: int
) -> None:
    words = ("audit", "resolve", leave(live=True), "--as", "done", *WHY_SO, "--yes")
    done, shown = shop.typed(f"{typed}\n", *words)
    assert (done, state(store) is OperationState.DONE) == (code, code == 0)
    assert "Type 8R4W7C to record it as done:" in shown


@pytest.mark.parametrize(
    ("verdict", "then", "sent"), [("done", "already_done", 1), ("not-done", "succeeded", 2)]
)
def test_a_lost_answer_to_paypals_reminder_ends(tmp_path: Path, verdict: str, then: str, sent: int) -> None:
    with open_gateway_shop(tmp_path, "paypal") as shop:
        lost = reminder_lost(shop)
        words = ("audit", "resolve", lost, "--as", verdict, *WHY_SO, "--yes")
        assert (shop.run(*words).code, reminders(shop)) == (8, 1)
        assert shop.run("audit", "reconcile").code == 6
        assert shop.run(*words).code == 8  # the request may still have been on its way
        shop.settle()
        assert shop.run("audit", "reconcile").code == 6
        assert shop.run(*words).code == 0
        assert shop.run("audit", "reconcile", "-o", "json").data == []
        again = remind(shop)
        assert (again.code, again.data["outcome"], reminders(shop)) == (0, then, sent)


def reminders(shop: GatewayShop) -> int:
    return len(shop.book(PAYPAL_INVOICE)["reminders"])


def reminder_lost(shop: GatewayShop) -> str:
    shop.arm("answer-lost", f"POST /v2/invoicing/invoices/{PAYPAL_INVOICE}/remind", times=10)
    ran = remind(shop)
    shop.disarm()
    assert ran.code == 6
    return str(ran.data["operation"])


def remind(shop: GatewayShop) -> Ran:
    return shop.run("paypal", "resend", PAYPAL_INVOICE, *WHY, "-o", "json")
