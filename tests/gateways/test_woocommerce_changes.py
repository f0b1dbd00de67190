"""Refunds at a WooCommerce store, in a rehearsal fresh for each test: what is sent, and what moved."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from billctl.errors import (
    AuthFailed,
    BillctlError,
    Busy,
    NotSent,
    OutcomeUnknown,
    Refused,
    StoreError,
    UsageError,
)
from billctl.frozen import replace
from billctl.gateway import Stamp
from billctl.gateways.woocommerce import WoocommerceGateway, refundable, refunding
from billctl.gateways.woocommerce.behind import behind
from billctl.gateways.woocommerce.claims import End, claim_text, end_text
from billctl.gateways.woocommerce.client import PATIENT
from billctl.models import ChargeStatus, RefundStatus
from billctl.money import Money
from billctl.sandbox import state
from tests.gateways.woocommerce_orders import (
    BY_STRIPE,
    NOTES,
    PAID,
    PARTLY,
    UNPAID,
    Machine,
    rehearsing,
    stamp,
    usd,
)
from tests.recording import RecordingProxy


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    """A machine at a fresh store."""
    with rehearsing(tmp_path) as machine:
        yield machine


def raised(kind: type[BillctlError], call: Callable[[], object]) -> BillctlError:
    with pytest.raises(BillctlError) as caught:
        call()
    assert isinstance(caught.value, kind), repr(caught.value)
    return caught.value


# What goes well


def test_an_order_can_be_refunded_in_parts_until_nothing_is_left(here: Machine) -> None:
    for number, minor in enumerate((1000, 1000, 2900), start=1):
        refund = here.refund(minor, by=stamp(number))
        assert (refund.amount, refund.status) == (usd(minor), RefundStatus.SUCCEEDED)
        assert (refund.operation, refund.operation_key) == (stamp(number).operation, stamp(number).key)
    charge = here.charge()
    assert (charge.status, charge.refundable) == (ChargeStatus.REFUNDED, usd(0))
    assert here.moved() == [1000, 1000, 2900]
    assert set(here.ends().values()) == {End.DONE}
    assert here.marked() == []


def test_one_request_moves_money_and_says_everything_outright(here: Machine) -> None:
    with RecordingProxy(here.url) as proxy:
        here.impatient(5.0, url=proxy.url).refund(1250)
    sent = [said for said in proxy.exchanges if said.method == "POST"]
    claim, refund, end = (json.loads(said.body) for said in sent)
    operation = stamp().operation
    assert refund == {
        "amount": "12.50",
        "reason": f"ref {operation}",
        "api_refund": True,
        "api_restock": False,
        "meta_data": [
            {"key": "_billctl_op", "value": operation},
            {"key": "_billctl_key", "value": stamp().key},
        ],
    }
    assert claim["note"] == f"[billctl:{operation} claim] refund 12.50 USD key {stamp().key}"
    assert end["note"].startswith(f"[billctl:{operation} done] refund ")
    assert (claim["customer_note"], end["customer_note"]) == (False, False)


def test_what_the_operator_gave_as_a_reason_code_is_not_sent_either(here: Machine) -> None:
    with RecordingProxy(here.url) as proxy:
        here.impatient(5.0, url=proxy.url).refund(1250)
    assert not [said for said in proxy.exchanges if b"goodwill" in said.body]


# What is refused before anything is asked for


def test_what_must_be_known_before_is_said(here: Machine) -> None:
    told = refundable.preview(here.client, here.charge(), usd(100))
    assert told[:2] == ("the store gives it back through WooPayments", "nothing is put back in stock")
    assert "reason there is only `ref op_…`" in told[2]


def test_a_record_of_money_that_may_not_have_moved_is_named_as_it_counts(here: Machine) -> None:
    here.refuse("gateway_fatal")
    raised(OutcomeUnknown, lambda: here.refund(500))
    (record,) = here.charge().refunds
    told = refundable.preview(here.client, here.charge(), usd(100))
    assert told[-1] == (
        f"refund {record.id} of 5.00 USD counts as given back, and the store does not say that it was paid"
    )


@pytest.mark.parametrize(
    ("fields", "code", "why"),
    [
        ({"date_paid": None}, "charge_not_paid", "was never paid"),
        ({"gateway_status": "on-hold"}, "order_status", "'on-hold': refunds are for orders that are"),
        ({"gateway_status": "shipped"}, "order_status", "'shipped'"),
        ({"payment_method_id": None}, "no_automatic_refund", "through no payment gateway"),
        ({"payment_method_id": "cod"}, "no_automatic_refund", "'cod', which cannot refund by itself"),
        ({"payment_method_id": "sold"}, "no_automatic_refund", "does not have any more"),
    ],
)
def test_an_order_that_the_store_cannot_give_back_by_itself_is_refused(
    here: Machine, fields: dict[str, object], code: str, why: str
) -> None:
    charge = replace(here.charge(), **fields)
    error = raised(Refused, lambda: refundable.preview(here.client, charge, usd(100)))
    assert error.code == code
    assert why in error.message


def test_an_unpaid_order_is_never_refunded_though_the_store_would(here: Machine) -> None:
    raised(Refused, lambda: here.refund(500, order=UNPAID))
    assert (here.moved(UNPAID), here.claims(UNPAID)) == ([], ())


@pytest.mark.parametrize(
    ("amount", "decimals", "why"),
    [
        (Money(1235, "KWD"), 2, "1.235 KWD is finer than a store of 2 decimals keeps"),
        (usd(4950), 0, "49.50 USD is finer"),
        (usd(0), 2, "0.00 USD is no amount"),
    ],
)
def test_an_amount_finer_than_the_stores_decimals_is_refused(
    here: Machine, amount: Money, decimals: int, why: str
) -> None:
    charge = replace(here.charge(), decimals=decimals)
    error = raised(UsageError, lambda: refundable.preview(here.client, charge, amount))
    assert why in error.message


@pytest.mark.parametrize(
    ("amount", "decimals", "wire"),
    [
        (Money(1230, "KWD"), 2, "1.23"),
        (Money(1235, "KWD"), 3, "1.235"),
        (Money(500, "JPY"), 2, "500.00"),
        (usd(4900), 0, "49"),
    ],
)
def test_an_amount_is_written_with_the_stores_decimals(
    here: Machine, amount: Money, decimals: int, wire: str
) -> None:
    assert refundable.written_amount(amount, replace(here.charge(), decimals=decimals)) == wire


def test_more_than_is_left_is_refused_by_the_store_and_the_claim_closed(here: Machine) -> None:
    error = raised(Refused, lambda: here.refund(2901, order=PARTLY))
    assert "Invalid refund amount" in error.message
    assert here.ends(PARTLY) == {stamp().operation: End.REFUSED}
    assert here.marked() == []


def given_by_hand(here: Machine, amount: str) -> None:
    """Somebody refunds in the store's admin."""
    here.client.post(f"orders/{PAID}/refunds", {"amount": amount, "api_refund": True})


def test_what_somebody_refunded_by_hand_since_the_order_was_read_stops_it(here: Machine) -> None:
    seen = here.charge()
    given_by_hand(here, "10.00")
    (other,) = here.charge().refunds
    error = raised(Refused, lambda: here.refund(1000, charge=seen))
    assert error.code == "changed_meanwhile"
    assert f"refund {other.id} of 10.00 USD" in error.message
    assert (here.moved(), here.claims()) == ([1000], ())


def test_what_another_operation_of_billctl_refunded_since_does_not(here: Machine) -> None:
    seen = here.charge()
    here.refund(1000, by=stamp(2))
    here.refund(1000, charge=seen)
    assert here.moved() == [1000, 1000]


# Claims of others


def test_an_open_claim_of_another_host_stops_it_and_says_whose_it_is(here: Machine) -> None:
    there = here.another("there")
    there.claim(stamp(2), minor=700)
    error = raised(Busy, lambda: here.refund(500))
    (claim,) = here.claims()
    assert f"{stamp(2).operation} claims order {PAID} for a refund of 7.00 USD" in error.message
    assert f"(note {claim.note})" in error.message
    assert "delete that note in the store" in error.hint
    assert (here.moved(), here.marked()) == ([], [])


@pytest.mark.parametrize("how", End)
def test_a_closed_claim_stops_nobody(here: Machine, how: End) -> None:
    there = here.another("there")
    there.claim(stamp(2))
    there.end(stamp(2), how)
    here.refund(500)
    assert here.moved() == [500]


def test_a_claim_without_an_end_whose_refund_is_there_stops_nobody(here: Machine) -> None:
    there = here.another("there")
    there.sleep = lambda _: there.arm("500-before", NOTES)
    there.refund(700, by=stamp(2))
    assert here.ends() == {stamp(2).operation: None}
    here.refund(500)
    assert here.moved() == [700, 500]


def left_open(here: Machine, by: Stamp) -> None:
    """A refund of 5.00 whose money moved, and of which the store has no record."""
    here.refuse("gateway_error_after")
    raised(OutcomeUnknown, lambda: here.refund(500, by=by))
    assert here.ends() == {by.operation: None}


@pytest.mark.parametrize(("done", "end"), [(True, End.DONE), (False, End.REFUSED)])
def test_what_the_audit_log_of_this_host_knows_closes_what_was_left_open(
    here: Machine, done: bool, end: End
) -> None:
    left_open(here, stamp(2))
    here.refund(700, by=stamp(log={stamp(2).operation: done}))
    assert here.ends() == {stamp(2).operation: end, stamp().operation: End.DONE}
    assert (here.moved(), here.marked()) == ([500, 700], [])


def test_what_no_log_knows_stays_open_and_stops_everybody_though_it_is_this_machines_own(
    here: Machine,
) -> None:
    left_open(here, stamp(2))
    raised(Busy, lambda: here.refund(500, by=stamp(3, key=2)))
    assert here.moved() == [500]


def test_what_was_done_stays_done_though_another_refund_closed_it(here: Machine) -> None:
    left_open(here, stamp(2, key=1))
    here.refund(700, by=stamp(3, log={stamp(2).operation: True}))
    error = raised(Busy, lambda: here.another("there").refund(500))
    assert (error.code, here.moved()) == ("operation_done", [500, 700])


def test_the_same_operation_done_on_another_host_is_its_own(here: Machine) -> None:
    seen = here.charge()
    other = here.another("there").refund(500, by=stamp(2, key=1))
    again = here.refund(500, charge=seen)
    assert (again.id, again.operation) == (other.id, stamp(2).operation)
    assert here.moved() == [500]


def test_the_same_operation_done_elsewhere_whose_refund_was_deleted_is_not_done_again(here: Machine) -> None:
    there = here.another("there")
    there.claim(stamp(2, key=1))
    there.end(stamp(2, key=1), End.DONE)
    error = raised(Busy, lambda: here.refund(500))
    assert (error.code, here.moved()) == ("operation_done", [])
    assert "--again" in error.hint


def test_the_same_operation_done_elsewhere_meanwhile_whose_refund_does_not_show_is_not_done_again(
    here: Machine,
) -> None:
    """A refund that was deleted again, or that a copy of the database does not have yet."""
    other = stamp(2, key=1)

    def elsewhere(_: float) -> None:
        here.claim(other)
        here.end(other, End.DONE)

    here.sleep = elsewhere
    error = raised(Busy, lambda: here.refund(500))
    assert (error.code, here.moved()) == ("operation_done", [])
    assert here.ends() == {stamp().operation: End.ABANDONED, other.operation: End.DONE}


def test_a_note_to_the_customer_neither_claims_an_order_nor_frees_it(here: Machine) -> None:
    path = f"orders/{PAID}/notes"
    here.client.post(path, {"note": claim_text(stamp(2), usd(500)), "customer_note": True})
    assert here.refund(500).operation == stamp().operation
    here.claim(stamp(3))
    here.client.post(path, {"note": end_text(stamp(3).operation, End.DONE), "customer_note": True})
    raised(Busy, lambda: here.refund(700, by=stamp(4)))
    assert here.moved() == [500]


def without_meta(here: Machine) -> None:
    """The store as it is between the payment and the meta data of its refund."""
    with state.opened(here.state_dir, "woocommerce") as database, database.transaction(write=True):
        for seq, body in list(database.execute("SELECT seq, body FROM objects WHERE kind='refund'")):
            bare = json.dumps(json.loads(body) | {"meta": []})
            database.execute("UPDATE objects SET body=? WHERE seq=?", (bare, seq))


def test_a_refund_that_carries_no_key_yet_is_known_by_the_claim_of_its_operation(here: Machine) -> None:
    seen = here.charge()
    there = here.another("there")
    there.sleep = lambda _: there.arm("500-before", NOTES)
    other = there.refund(500, by=stamp(2, key=1))
    without_meta(here)
    assert here.refund(500, charge=seen).id == other.id
    assert here.moved() == [500]


def become(here: Machine, status: str) -> None:
    """Somebody changes the order's status."""
    with state.opened(here.state_dir, "woocommerce") as database, database.transaction(write=True):
        ((seq, body),) = database.execute(
            "SELECT seq, body FROM objects WHERE live=0 AND id=?", (f"order/{PAID}",)
        ).fetchall()
        changed = json.dumps(json.loads(body) | {"status": status})
        database.execute("UPDATE objects SET body=?, status=? WHERE seq=?", (changed, status, seq))


@pytest.mark.parametrize("status", ["on-hold", "cancelled", "shipped", "trash"])
def test_an_order_that_is_not_what_it_was_any_more_is_not_refunded(here: Machine, status: str) -> None:
    seen = here.charge()
    become(here, status)
    error = raised(Refused, lambda: here.refund(500, charge=seen))
    assert (error.code, here.moved()) == ("order_status", [])


def test_more_than_another_operation_left_is_not_asked_for(here: Machine) -> None:
    seen = here.charge()
    here.refund(4000, by=stamp(2))
    error = raised(Refused, lambda: here.refund(1000, charge=seen))
    assert (error.code, here.moved()) == ("changed_meanwhile", [4000])
    assert len(here.claims()) == 1


def test_who_claims_it_a_moment_later_is_waited_for(here: Machine) -> None:
    pauses: list[float] = []

    def rival(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 1:
            here.claim(stamp(2))
        if len(pauses) == 3:
            here.end(stamp(2), End.ABANDONED)

    here.sleep = rival
    here.refund(500)
    assert (here.moved(), len(pauses)) == ([500], 3)


def test_who_claims_it_a_moment_later_and_stays_is_given_way(here: Machine) -> None:
    pauses: list[float] = []

    def rival(pause: float) -> None:
        if not pauses:
            here.claim(stamp(2))
        pauses.append(pause)

    here.sleep = rival
    raised(Busy, lambda: here.refund(500))
    assert 10 <= sum(pauses) <= 20
    assert (here.moved(), here.marked()) == ([], [])
    assert here.ends() == {stamp().operation: End.ABANDONED, stamp(2).operation: None}


def test_a_refund_that_came_between_claim_and_request_stops_it(here: Machine) -> None:
    def rival(_: float) -> None:
        here.sleep = lambda _: None
        given_by_hand(here, "3.00")

    here.sleep = rival
    error = raised(Refused, lambda: here.refund(500))
    assert error.code == "changed_meanwhile"
    assert here.moved() == [300]
    assert here.ends() == {stamp().operation: End.ABANDONED}


# What fails before the refund is asked for


@pytest.mark.parametrize("kind", ["answer-lost", "html-502-after", "500-after", "cut-body"])
def test_a_claim_whose_answer_was_lost_counts_where_it_stands(here: Machine, kind: str) -> None:
    here.arm(kind, NOTES)
    here.refund(500)
    assert (here.moved(), here.armed()) == ([500], 0)
    assert here.ends() == {stamp().operation: End.DONE}


@pytest.mark.parametrize("kind", ["connection-dropped", "html", "html-502", "500-before", "429"])
def test_a_claim_that_was_not_taken_proves_that_no_refund_was_sent(here: Machine, kind: str) -> None:
    here.arm(kind, NOTES)
    raised(NotSent, lambda: here.refund(500))
    assert here.moved() == []
    here.refund(500, by=stamp(2, key=1))
    assert (here.moved(), here.marked()) == ([500], [])


def test_a_key_that_may_not_write_is_told_before_anything_moves(here: Machine) -> None:
    here.arm("401", NOTES)
    raised(AuthFailed, lambda: here.refund(500))
    assert (here.moved(), here.marked()) == ([], [])


@pytest.mark.parametrize("match", ["GET */notes", "GET */refunds", "GET */orders/1041"])
def test_what_cannot_be_read_after_the_claim_proves_that_nothing_was_sent(here: Machine, match: str) -> None:
    def fail(_: float) -> None:
        here.arm("html-502", match, times=3)

    here.sleep = fail
    error = raised(NotSent, lambda: here.refund(500))
    assert "No refund was sent. Run it again." in error.line()
    assert (here.moved(), here.ends()) == ([], {stamp().operation: End.ABANDONED})


def test_where_no_mark_can_be_kept_nothing_is_sent(here: Machine) -> None:
    here.kept.write_text("in the way")
    raised(StoreError, lambda: here.refund(500))
    assert (here.moved(), here.claims()) == ([], ())


def test_where_the_mark_is_gone_before_the_request_nothing_is_sent(here: Machine) -> None:
    here.sleep = lambda _: here.marks.end(stamp().operation)
    raised(StoreError, lambda: here.refund(500))
    assert (here.moved(), here.ends()) == ([], {stamp().operation: End.ABANDONED})


@pytest.mark.parametrize(("seconds", "moved"), [(refunding.LATEST, [500]), (refunding.LATEST + 1, [])])
def test_a_refund_is_not_sent_so_late_that_a_reconciliation_may_take_it_for_never_sent(
    here: Machine, seconds: float, moved: list[int]
) -> None:
    """A reconciliation counts from the intent where the run that sent it was killed."""
    now = [1000.0]

    def slowly(_: float) -> None:
        now[0] += seconds

    def asked() -> None:
        charge = here.charge()
        refunding.refund(
            here.client, here.marks, charge, usd(500), stamp=stamp(), sleep=slowly, clock=lambda: now[0]
        )

    if moved:
        asked()
    else:
        error = raised(NotSent, asked)
        assert (error.code, error.sent) == ("too_slow", "No refund was sent.")
        assert here.ends() == {stamp().operation: End.ABANDONED}
    assert (here.moved(), here.marked()) == (moved, [])
    assert WoocommerceGateway.patience - refunding.LATEST >= PATIENT


def test_a_claim_that_somebody_closed_is_not_trusted(here: Machine) -> None:
    here.sleep = lambda _: here.end(stamp(), End.REFUSED)
    error = raised(NotSent, lambda: here.refund(500))
    assert (error.code, here.moved()) == ("no_claim", [])


def hide(here: Machine) -> None:
    """Let the store show no notes, as a copy of its database that lags."""
    with state.opened(here.state_dir, "woocommerce") as database, database.transaction(write=True):
        database.execute("UPDATE objects SET kind='hidden' WHERE kind='note'")


def show(here: Machine) -> None:
    with state.opened(here.state_dir, "woocommerce") as database, database.transaction(write=True):
        database.execute("UPDATE objects SET kind='note' WHERE kind='hidden'")


def test_a_claim_that_shows_late_is_waited_for(here: Machine) -> None:
    pauses: list[float] = []

    def lag(pause: float) -> None:
        pauses.append(pause)
        (hide if len(pauses) == 1 else show)(here)

    here.sleep = lag
    here.refund(500)
    assert (here.moved(), len(pauses)) == ([500], 2)


def test_a_claim_that_never_shows_is_not_trusted(here: Machine) -> None:
    here.sleep = lambda _: hide(here)
    error = raised(NotSent, lambda: here.refund(500))
    assert (error.code, here.moved()) == ("no_claim", [])


# What fails after it


@pytest.mark.parametrize("kind", ["answer-lost", "html-502-after", "500-after", "cut-body"])
def test_a_refund_whose_answer_was_lost_is_found_at_once(here: Machine, kind: str) -> None:
    here.arm(kind)
    refund = here.refund(500)
    assert (refund.operation, here.moved()) == (stamp().operation, [500])
    assert here.ends() == {stamp().operation: End.DONE}


@pytest.mark.parametrize("kind", ["connection-dropped", "html", "html-502", "500-before", "409"])
def test_a_refund_without_a_trace_stays_unknown_and_is_never_sent_again(here: Machine, kind: str) -> None:
    here.arm(kind)
    raised(OutcomeUnknown, lambda: here.refund(500))
    error = raised(OutcomeUnknown, here.find)
    assert "shows no refund of it, which proves nothing" in error.message
    raised(OutcomeUnknown, lambda: here.refund(500))
    assert (here.moved(), here.ends()) == ([], {stamp().operation: None})


@pytest.mark.parametrize(("kind", "error"), [("401", AuthFailed), ("403", AuthFailed), ("429", NotSent)])
def test_a_refund_that_was_turned_away_is_over(here: Machine, kind: str, error: type[BillctlError]) -> None:
    here.arm(kind)
    raised(error, lambda: here.refund(500))
    assert here.find() is None
    assert (here.moved(), here.marked()) == ([], [])
    assert here.ends() == {stamp().operation: End.REFUSED}


def test_money_that_moves_while_nobody_waits_any_more_is_found_later(here: Machine) -> None:
    here.configure(woo_gateway_ms=600)
    raised(OutcomeUnknown, lambda: here.impatient(0.3).refund(500))
    error = raised(OutcomeUnknown, here.find)
    assert "it is under way, or broke off" in error.message
    here.configure(woo_gateway_ms=0)
    until_moved(here)
    found = here.find()
    assert found is not None
    assert (found.operation, here.moved()) == (stamp().operation, [500])
    assert (here.ends(), here.marked()) == ({stamp().operation: End.DONE}, [])


def until_moved(here: Machine) -> None:
    """Wait until the store's record says that the money moved."""
    deadline = time.monotonic() + 30.0
    while here.charge().refunds[0].status is not RefundStatus.SUCCEEDED:
        assert time.monotonic() < deadline, "it never moved"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "code", ["gateway_error", "gateway_error_after", "gateway_fatal", "gateway_fatal_after"]
)
def test_a_gateway_that_fails_leaves_it_unknown_whether_the_money_moved(here: Machine, code: str) -> None:
    here.refuse(code)
    raised(OutcomeUnknown, lambda: here.refund(500))
    raised(OutcomeUnknown, here.find)
    assert here.moved() == ([500] if code.endswith("after") else [])


def test_a_redirect_is_no_refund(here: Machine) -> None:
    here.refuse("redirect")
    raised(OutcomeUnknown, lambda: here.refund(500))
    assert here.moved() == []


def test_an_answer_that_shows_another_refund_is_not_believed(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that gives an old answer out again: the refund of before, of the same amount."""
    old = here.refund(500, by=stamp(2))
    send, answers = here.client.post, here.client.get(f"orders/{PAID}/refunds/{old.id}")

    def replayed(path: str, body: dict[str, Any], **more: Any) -> Any:
        return answers if path.endswith("/refunds") else send(path, body, **more)

    monkeypatch.setattr(here.client, "post", replayed)
    error = raised(OutcomeUnknown, lambda: here.refund(500))
    assert f"answered with refund {old.id}, which is not the one that was asked for" in error.message
    assert (here.moved(), here.ends()[stamp().operation]) == ([500], None)


@pytest.mark.parametrize("unpaid", [False, True])
def test_a_refusal_of_what_a_proxy_sent_twice_is_not_taken_for_the_first_ones(
    here: Machine, monkeypatch: pytest.MonkeyPatch, unpaid: bool
) -> None:
    send, whole = here.client.post, here.charge().refundable

    def twice(path: str, body: dict[str, Any], **more: Any) -> Any:
        if path.endswith("/refunds"):
            send(path, body | {"api_refund": not unpaid}, **more)
        return send(path, body, **more)

    monkeypatch.setattr(here.client, "post", twice)
    if unpaid:
        raised(OutcomeUnknown, lambda: here.refund(whole.minor))
    else:
        assert here.refund(whole.minor).operation == stamp().operation
    assert here.moved() == ([] if unpaid else [whole.minor])
    assert here.ends() == {stamp().operation: None if unpaid else End.DONE}


def test_a_refusal_that_could_not_be_looked_into_proves_nothing(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, whole = here.client.post, here.charge().refundable

    def twice(path: str, body: dict[str, Any], **more: Any) -> Any:
        if path.endswith("/refunds"):
            send(path, body, **more)
            here.arm("html-502", f"GET */orders/{PAID}", times=3)
        return send(path, body, **more)

    monkeypatch.setattr(here.client, "post", twice)
    error = raised(OutcomeUnknown, lambda: here.refund(whole.minor))
    assert "whether it was made all the same could not be read" in error.message
    assert (here.moved(), here.armed(), here.ends()) == ([whole.minor], 0, {stamp().operation: None})
    found = here.find()
    assert found is not None
    assert (found.operation, here.ends()) == (stamp().operation, {stamp().operation: End.DONE})


def test_another_amount_in_the_answer_is_told_as_it_is(here: Machine) -> None:
    here.arm("wrong-amount")
    assert here.refund(500).amount == usd(501)


# What became of it


def test_what_was_never_begun_did_not_happen(here: Machine) -> None:
    assert here.find() is None


def test_a_run_that_was_killed_before_it_asked_for_the_refund_proves_it_and_its_claim_is_closed(
    here: Machine,
) -> None:
    here.marks.begin(stamp().operation)
    here.claim(stamp())
    assert here.find() is None
    assert (here.ends(), here.marked()) == ({stamp().operation: End.ABANDONED}, [])


def test_a_mark_of_before_that_a_backup_brought_back_does_not_deny_what_the_store_shows(
    here: Machine,
) -> None:
    here.refuse("gateway_fatal_after")
    raised(OutcomeUnknown, lambda: here.refund(500))
    here.marks.end(stamp().operation)
    here.marks.begin(stamp().operation)
    assert here.moved() == [500]
    error = raised(OutcomeUnknown, here.find)
    assert "is recorded, and the store does not say that it was paid" in error.message
    assert here.ends() == {stamp().operation: None}


def test_a_claim_that_came_late_is_closed_by_what_the_log_knows(here: Machine) -> None:
    here.marks.begin(stamp().operation)
    assert here.find() is None
    here.claim(stamp())
    here.refund(500, by=stamp(2, key=1, log={stamp().operation: False}))
    assert here.ends() == {stamp().operation: End.REFUSED, stamp(2).operation: End.DONE}
    assert here.marked() == []


def test_a_run_that_was_killed_after_it_may_have_asked_stays_unknown(here: Machine) -> None:
    here.marks.begin(stamp().operation)
    here.claim(stamp())
    here.marks.sending(stamp().operation)
    raised(OutcomeUnknown, here.find)


def test_the_same_without_a_mark_stays_unknown_too(here: Machine) -> None:
    here.claim(stamp())
    raised(OutcomeUnknown, here.find)


def test_what_was_sent_stays_unknown_though_somebody_deleted_its_claim(here: Machine) -> None:
    here.marks.begin(stamp().operation)
    here.marks.sending(stamp().operation)
    raised(OutcomeUnknown, here.find)


@pytest.mark.parametrize("how", [End.REFUSED, End.ABANDONED])
def test_a_claim_that_says_that_nothing_moved_is_believed(here: Machine, how: End) -> None:
    here.claim(stamp())
    here.end(stamp(), how)
    assert here.find() is None


def test_the_refund_of_another_operation_is_not_taken_for_its_own(here: Machine) -> None:
    here.refund(500, by=stamp(2))
    assert here.find() is None


def test_a_store_that_takes_no_note_any_more_is_no_failure_of_what_was_found(here: Machine) -> None:
    here.marks.begin(stamp().operation)
    here.claim(stamp())
    here.arm("500-before", NOTES)
    assert here.find() is None
    assert here.ends() == {stamp().operation: None}
    here.refund(500, by=stamp(2, key=1, log={stamp().operation: False}))
    assert here.ends()[stamp().operation] is End.REFUSED


def test_a_payment_through_stripe_says_where_its_money_is(here: Machine) -> None:
    found = behind(here.charge(BY_STRIPE))
    assert found is not None
    assert (found.gateway, found.charge_id) == ("stripe", "ch_SbxLayla0000001")


@pytest.mark.parametrize(
    ("method", "transaction", "gateway"),
    [
        ("stripe", "ch_1", "stripe"),
        ("stripe_sepa", "py_1", "stripe"),
        ("stripe", "pi_1", None),
        ("stripe", None, None),
        ("stripes", "ch_1", None),
        ("woocommerce_payments", "ch_1", None),
        ("ppcp-gateway", "2GG279541U471931P", "paypal"),
        ("ppcp-credit-card-gateway", "2GG279541U471931P", "paypal"),
        ("paypal", "2GG279541U471931P", None),
        ("braintree_credit_card", "k3x9f2", "braintree"),
        ("cod", None, None),
    ],
)
def test_only_gateways_whose_payments_billctl_can_look_up_are_asked(
    here: Machine, method: str, transaction: str | None, gateway: str | None
) -> None:
    charge = replace(here.charge(), payment_method_id=method, transaction_id=transaction)
    found = behind(charge)
    assert (found.gateway if found else None) == gateway
