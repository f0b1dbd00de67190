"""The Idempotency-Key at Recurly: the first answer under a key is every answer under it."""

import http.client
import threading
import time

import pytest

from billctl.sandbox import faults
from tests.sandbox.recurly.wire import BILL, SUBSCRIPTION, Reply, Wire

REFUND = f"POST /invoices/{BILL}/refund"
KEY = {"Idempotency-Key": "0123456789abcdef0123456789abcdef"}


def refund(wire: Wire, amount: float = 1.0) -> Reply:
    return wire.refund(BILL, amount, headers=KEY)


def left(wire: Wire) -> object:
    """What of the invoice can still be refunded."""
    return wire.get(f"/invoices/{BILL}")["refundable_amount"]


def test_the_same_key_is_one_refund(wire: Wire) -> None:
    first, again = refund(wire), refund(wire)
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert left(wire) == 48.0
    assert wire.refunded(BILL, 1.0)["id"] != first.json["id"]


def test_another_body_under_the_key_gets_the_first_answer(wire: Wire) -> None:
    """Not verified of Recurly: whoever relies on the key must compare what it answers."""
    first = refund(wire)
    assert refund(wire, 5.0).json == first.json
    assert left(wire) == 48.0


def test_a_key_counts_for_one_thing_at_one_site(wire: Wire) -> None:
    refund(wire)
    assert wire.refund("laylain00002", 1.0, headers=KEY).json["total"] == -1.0
    ended = wire.ask(f"DELETE /subscriptions/{SUBSCRIPTION}", headers=KEY)
    assert ended.json["object"] == "subscription"


@pytest.mark.parametrize("kind", ["answer-lost", "cut-body", "html-502-after"])
def test_a_lost_answer_is_had_again_under_its_key(wire: Wire, kind: str) -> None:
    wire.arm(kind, REFUND)
    if kind == "html-502-after":
        assert refund(wire).status == 502
    else:
        with pytest.raises(http.client.HTTPException):
            refund(wire)
    assert (refund(wire).status, left(wire)) == (201, 48.0)


@pytest.mark.parametrize(("kind", "rest"), [("500-before", 49.0), ("500-after", 48.0)])
def test_a_500_is_kept_under_the_key_whether_it_acted_or_not(wire: Wire, kind: str, rest: float) -> None:
    wire.arm(kind, REFUND)
    assert [refund(wire).status for _ in range(2)] == [500, 500]
    assert left(wire) == rest


def test_a_refusal_is_kept_under_the_key(wire: Wire) -> None:
    refused = refund(wire, 100.0)
    assert refused.said == (422, "validation")
    assert refund(wire, 1.0).said == (422, "validation")
    assert left(wire) == 49.0


@pytest.mark.parametrize("kind", ["429", "401", "409", "connection-dropped"])
def test_what_was_turned_away_at_the_door_leaves_the_key_free(wire: Wire, kind: str) -> None:
    wire.arm(kind, REFUND)
    if kind == "connection-dropped":
        with pytest.raises(http.client.RemoteDisconnected):
            refund(wire)
    else:
        assert refund(wire).status in (422, 429, 401)
    assert refund(wire).status == 201


def test_two_at_once_under_one_key_are_one_refund(wire: Wire) -> None:
    wire.arm("late", REFUND, seconds=0.4)
    replies: list[Reply] = []
    slow = threading.Thread(target=lambda: replies.append(refund(wire)))
    slow.start()
    while faults.armed(wire.state_dir, "recurly"):
        time.sleep(0.01)
    time.sleep(0.05)
    early = refund(wire)
    slow.join(5)
    assert early.said == (422, "simultaneous_request")
    assert refund(wire).json == replies[0].json
    assert left(wire) == 48.0


def test_a_key_too_long_is_refused(wire: Wire) -> None:
    reply = wire.refund(BILL, 1.0, headers={"Idempotency-Key": "x" * 256}, wrong=True)
    assert reply.said == (400, "bad_request")
    assert left(wire) == 49.0
