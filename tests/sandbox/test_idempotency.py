"""Idempotency keys: one request is one act, however often it is sent."""

import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from billctl.sandbox import STRIPE_KEY, STRIPE_LIVE_KEY, faults
from billctl.sandbox.database import Database
from billctl.sandbox.server import Sandbox
from billctl.sandbox.state import path_of
from tests.sandbox.conftest import Json, Reply, Wire

CHARGE = "ch_SbxLayla0000001"
PART = {"charge": CHARGE, "amount": "100"}


def refund(wire: Wire, key: str, form: dict[str, str] | None = None, *, opens: str = STRIPE_KEY) -> Reply:
    return wire.ask("POST /v1/refunds", form or PART, key=opens, headers={"Idempotency-Key": key})


def refunded(wire: Wire) -> int:
    amount: int = wire.get(f"/v1/charges/{CHARGE}")["amount_refunded"]
    return amount


def test_the_same_request_again_gives_the_first_answer(wire: Wire) -> None:
    first, again = refund(wire, "k"), refund(wire, "k")
    assert first.text == again.text
    assert refunded(wire) == 100
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == "k"


def test_the_order_of_parameters_does_not_matter(wire: Wire) -> None:
    first = wire.ask("POST /v1/refunds", f"charge={CHARGE}&amount=100", headers={"Idempotency-Key": "k"})
    again = wire.ask("POST /v1/refunds", f"amount=100&charge={CHARGE}", headers={"Idempotency-Key": "k"})
    assert first.json["id"] == again.json["id"]


def test_other_parameters_under_the_key_are_refused(wire: Wire) -> None:
    refund(wire, "k")
    other = refund(wire, "k", PART | {"amount": "101"})
    assert (other.status, other.error["type"]) == (400, "idempotency_error")
    assert "same parameters" in other.error["message"]
    elsewhere = wire.ask("POST /v1/customers", PART, headers={"Idempotency-Key": "k"})
    assert elsewhere.error["type"] == "idempotency_error"
    assert "same endpoint" in elsewhere.error["message"]
    assert refunded(wire) == 100


def test_a_request_that_fails_validation_leaves_its_key_free(wire: Wire) -> None:
    assert refund(wire, "k", PART | {"amount": "five"}).status == 400
    assert refund(wire, "k").status == 200


def test_a_refusal_is_kept_like_a_success(wire: Wire) -> None:
    too_much = {"charge": CHARGE, "amount": "99999"}
    first, again = refund(wire, "k", too_much), refund(wire, "k", too_much)
    assert (first.status, first.text) == (again.status, again.text) == (400, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert refund(wire, "k").error["type"] == "idempotency_error"


def test_a_500_is_kept_whether_it_had_acted_or_not(wire: Wire) -> None:
    for number, (kind, moved) in enumerate((("500-before", 0), ("500-after", 100))):
        faults.arm(wire.state_dir, "stripe", kind, match="POST /v1/refunds")
        first, again = refund(wire, f"k{number}"), refund(wire, f"k{number}")
        assert (first.status, again.status) == (500, 500)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["stripe-should-retry"] == "false"
        assert refunded(wire) == moved


def test_a_key_whose_request_still_runs_is_in_use(wire: Wire) -> None:
    faults.arm(wire.state_dir, "stripe", "late", match="POST /v1/refunds", seconds=0.5)
    answers: list[Reply] = []
    slow = threading.Thread(target=lambda: answers.append(refund(wire, "k")))
    slow.start()
    with closing(Database(path_of(wire.state_dir, "stripe"))) as database:
        while not database.execute("SELECT 1 FROM keys").fetchone():
            time.sleep(0.01)
    meanwhile = refund(wire, "k")
    slow.join()
    assert (meanwhile.status, meanwhile.error["code"]) == (409, "idempotency_key_in_use")
    assert meanwhile.headers["stripe-should-retry"] == "true"
    assert answers[0].status == 200
    assert refund(wire, "k").json == answers[0].json
    assert refunded(wire) == 100


def test_two_modes_keep_their_keys_apart(wire: Wire) -> None:
    test, live = refund(wire, "k"), refund(wire, "k", opens=STRIPE_LIVE_KEY)
    assert (test.status, live.status) == (200, 200)
    assert "idempotent-replayed" not in live.headers


def test_a_key_is_forgotten_after_a_day(state_dir: Path) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)

    def during(moment: datetime) -> Json:
        with Sandbox(state_dir, gateways=("stripe",), clock=lambda: moment) as sandbox:
            wire = Wire(sandbox.url("stripe").removeprefix("http://"), state_dir)
            return refund(wire, "k").json

    first = during(now)
    assert during(now + timedelta(hours=23)) == first
    assert during(now + timedelta(hours=25))["id"] != first["id"]


def test_a_key_on_a_get_does_nothing(wire: Wire) -> None:
    reply = wire.ask("GET /v1/account", headers={"Idempotency-Key": "k"})
    assert reply.status == 200
    assert refund(wire, "k").status == 200


def test_a_key_that_is_too_long_is_refused(wire: Wire) -> None:
    assert refund(wire, "k" * 255).status == 200
    assert refund(wire, "k" * 256).status == 400
