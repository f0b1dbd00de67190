"""`api_request_key`: the same request twice is one transaction."""

import threading
import time
from contextlib import closing
from typing import Any

import pytest

from billctl.sandbox import faults, state
from billctl.sandbox.database import Database
from tests.sandbox.braintree.conftest import LIVE, Wire, braintree, codes

PAID, SUBMITTED, AUTHORIZED = "layla001", "layla004", "layla005"
KEY = {"api_request_key": "op-1"}
VISA = {"payment_method_nonce": "fake-valid-nonce"}


def refund(sdk: Any, amount: str = "4.00", **more: str) -> Any:
    return sdk.transaction.refund(PAID, {"amount": amount, **KEY, **more})


def test_the_same_refund_twice_is_one(sdk: Any) -> None:
    first, again = refund(sdk).transaction, refund(sdk).transaction
    assert first.id == again.id
    assert sdk.transaction.find(PAID).refund_ids == [first.id]


def test_the_second_answer_is_the_object_as_it_is_by_then(sdk: Any) -> None:
    first = refund(sdk).transaction
    sdk.transaction.void(first.id)
    again = refund(sdk).transaction
    assert (again.id, again.status) == (first.id, "voided")


@pytest.mark.parametrize(
    "act",
    [
        lambda sdk: sdk.transaction.sale({"amount": "10.00", **VISA, **KEY}),
        lambda sdk: sdk.transaction.credit({"amount": "10.00", **VISA, **KEY}),
        lambda sdk: sdk.transaction.void(SUBMITTED, KEY),
        lambda sdk: sdk.transaction.reverse(PAID, KEY),
        lambda sdk: sdk.transaction.submit_for_settlement(AUTHORIZED, None, KEY),
        lambda sdk: sdk.transaction.submit_for_partial_settlement(AUTHORIZED, "5.00", KEY),
    ],
)
def test_every_call_that_honours_a_key_acts_once(sdk: Any, act: Any) -> None:
    first, again = act(sdk), act(sdk)
    assert first.is_success
    assert first.transaction.id == again.transaction.id


def test_other_parameters_or_another_transaction_under_a_key_are_refused(sdk: Any) -> None:
    refund(sdk)
    assert codes(refund(sdk, "5.00")) == ["915232"]
    assert codes(refund(sdk, order_id="op_2")) == ["915232"]
    assert codes(sdk.transaction.refund("layla002", {"amount": "4.00", **KEY})) == ["915232"]


def test_a_refused_request_uses_its_key_up(sdk: Any) -> None:
    assert codes(refund(sdk, "500.00")) == ["91521"]
    assert codes(refund(sdk, "500.00")) == ["915234"]
    assert codes(refund(sdk)) == ["915232"]


def test_a_declined_sale_uses_its_key_up(sdk: Any) -> None:
    params = {"amount": "2000.00", **VISA, **KEY}
    assert codes(sdk.transaction.sale(dict(params))) == []
    assert codes(sdk.transaction.sale(dict(params))) == ["915234"]


def test_a_request_that_found_nothing_does_not(sdk: Any) -> None:
    for _ in range(2):
        with pytest.raises(braintree.exceptions.NotFoundError):
            sdk.transaction.refund("nothere", {"amount": "4.00", **KEY})
    assert refund(sdk).is_success


def test_a_key_has_at_most_255_characters(sdk: Any) -> None:
    assert codes(sdk.transaction.refund(PAID, {"api_request_key": "x" * 256})) == ["915230"]
    assert sdk.transaction.refund(PAID, {"api_request_key": "x" * 255}).is_success


def test_a_key_where_none_is_allowed_is_refused(wire: Wire) -> None:
    body = "<transaction><amount>5.00</amount><api_request_key>k</api_request_key></transaction>"
    assert wire.ask(f"PUT /transactions/{SUBMITTED}/update_details", body).codes == ["915231"]


def test_merchants_do_not_share_keys(wire: Wire, sdk: Any) -> None:
    assert refund(sdk).is_success
    assert refund(wire.sdk(LIVE)).is_success
    assert codes(refund(wire.sdk(LIVE), "5.00")) == ["915232"]


def test_a_key_in_flight_says_so(wire: Wire, sdk: Any) -> None:
    faults.arm(wire.state_dir, "braintree", "late", match="POST */refund", seconds=0.5)
    first = threading.Thread(target=refund, args=(wire.sdk(),))
    first.start()
    with closing(Database(state.path_of(wire.state_dir, "braintree"))) as database:
        while not database.execute("SELECT 1 FROM keys").fetchone():
            time.sleep(0.01)
    assert codes(refund(sdk)) == ["915233"]
    first.join(5)
    assert len(sdk.transaction.find(PAID).refund_ids) == 1


def test_a_hold_that_its_process_left_behind_is_taken_over(wire: Wire, sdk: Any) -> None:
    refund(sdk)
    with closing(Database(state.path_of(wire.state_dir, "braintree"))) as database:
        database.execute("UPDATE keys SET status=NULL, body=NULL, owner=?", (2**22 + 1,))
    assert refund(sdk).is_success


@pytest.mark.parametrize("kind", ["answer-lost", "500-after", "html-502-after", "cut-body"])
def test_an_answer_that_was_lost_is_found_under_its_key(wire: Wire, sdk: Any, kind: str) -> None:
    faults.arm(wire.state_dir, "braintree", kind, match="POST */refund")
    with pytest.raises(braintree.exceptions.braintree_error.BraintreeError):
        refund(sdk)
    again = refund(sdk).transaction
    assert sdk.transaction.find(PAID).refund_ids == [again.id]


def test_a_failure_before_acting_leaves_the_key_free(wire: Wire, sdk: Any) -> None:
    faults.arm(wire.state_dir, "braintree", "500-before", match="POST */refund")
    with pytest.raises(braintree.exceptions.ServerError):
        refund(sdk)
    assert sdk.transaction.find(PAID).refund_ids == []
    assert refund(sdk).is_success
