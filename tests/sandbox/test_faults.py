"""Every fault that can be armed: what reaches the client, and whether the sandbox acted."""

import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from billctl.sandbox import faults
from tests.rehearsal import rehearsed
from tests.sandbox.conftest import Reply, Wire
from tests.sandbox.effects import EFFECTS as COMMON
from tests.sandbox.effects import Effect, comes_to_be, patience, silence

CHARGE = "ch_SbxLayla0000001"
REFUND = "POST /v1/refunds"
FORM = {"charge": CHARGE, "amount": "100"}


def arm(wire: Wire, kind: str, match: str = REFUND, **more: Any) -> None:
    faults.arm(wire.state_dir, "stripe", kind, match=match, **more)


def refund(wire: Wire, **more: Any) -> Reply:
    return wire.ask(REFUND, FORM, **more)


def acted(wire: Wire) -> bool:
    return bool(wire.get(f"/v1/charges/{CHARGE}")["amount_refunded"])


STATUSES = {"refuse": 400, "slow": 200, "wrong-amount": 200, "wrong-currency": 200}
"""Where Stripe's status is another one."""

EFFECTS: dict[str, Effect] = {
    kind: (happens, STATUSES.get(kind, seen)) for kind, (happens, seen) in COMMON.items()
}


def test_every_kind_is_documented_and_proved_here() -> None:
    assert set(EFFECTS) == set(faults.KINDS)


@pytest.mark.parametrize("kind", EFFECTS)
def test_a_fault_does_what_its_line_says_once(wire: Wire, kind: str) -> None:
    happens, seen = EFFECTS[kind]
    arm(wire, kind, seconds=silence(seen))
    if isinstance(seen, type) and issubclass(seen, Exception):
        with pytest.raises(seen):
            refund(wire, timeout=patience(seen))
    else:
        assert refund(wire).status == seen
    assert comes_to_be(lambda: acted(wire)) if happens else not acted(wire)
    assert faults.armed(wire.state_dir, "stripe") == []
    assert refund(wire).status == 200


def test_a_lost_answer_is_found_again_under_its_key(wire: Wire) -> None:
    arm(wire, "answer-lost")
    key = {"Idempotency-Key": "op-1"}
    with pytest.raises(http.client.RemoteDisconnected):
        refund(wire, headers=key)
    again = refund(wire, headers=key)
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert wire.get(f"/v1/charges/{CHARGE}")["amount_refunded"] == 100


def test_a_late_act_happens_though_the_client_has_left(wire: Wire) -> None:
    arm(wire, "late", seconds=0.6)
    with pytest.raises(TimeoutError):
        refund(wire, timeout=0.2)
    assert not acted(wire)
    deadline = time.monotonic() + 5
    while not acted(wire):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_silent_sandbox_lets_go_when_the_client_does(wire: Wire) -> None:
    arm(wire, "hang-before", match="*", seconds=None)
    with pytest.raises(TimeoutError):
        wire.ask("GET /v1/account", timeout=0.2)
    assert wire.get("/v1/account")


def test_a_rate_limit_may_say_when_to_come_back(wire: Wire) -> None:
    arm(wire, "429", retry_after=3)
    arm(wire, "429")
    assert refund(wire).headers["retry-after"] == "3"
    plain = refund(wire)
    assert "retry-after" not in plain.headers
    assert plain.error["type"] == "invalid_request_error"


def test_a_refusal_has_the_code_it_was_given(wire: Wire) -> None:
    arm(wire, "refuse", code="charge_disputed")
    arm(wire, "refuse", code="lock_timeout", status=429)
    assert refund(wire).error["code"] == "charge_disputed"
    assert refund(wire).status == 429


def test_html_is_not_from_stripe(wire: Wire) -> None:
    arm(wire, "html")
    reply = refund(wire)
    assert reply.headers["content-type"].startswith("text/html")
    assert "request-id" not in reply.headers
    with pytest.raises(json.JSONDecodeError):
        _ = reply.json


def test_a_lying_answer_lies_only_in_the_answer(wire: Wire) -> None:
    arm(wire, "wrong-amount")
    arm(wire, "wrong-currency")
    first = refund(wire, headers={"Idempotency-Key": "a"}).json
    second = refund(wire).json
    assert (first["amount"], second["currency"]) == (101, "eur")
    assert wire.get(f"/v1/refunds/{first['id']}")["amount"] == 100
    assert refund(wire, headers={"Idempotency-Key": "a"}).json["amount"] == 100


def test_a_slow_answer_takes_its_time_and_is_whole(wire: Wire) -> None:
    arm(wire, "slow", seconds=0.5)
    started = time.monotonic()
    assert refund(wire).json["amount"] == 100
    assert time.monotonic() - started > 0.4


def test_a_fault_strikes_as_often_as_told_and_only_what_it_matches(wire: Wire) -> None:
    arm(wire, "500-before", match="GET /v1/charges/*", times=2)
    assert refund(wire).status == 200
    assert [wire.ask(f"GET /v1/charges/{CHARGE}").status for _ in range(3)] == [500, 500, 200]
    arm(wire, "429", match="* /v1/balance")
    assert wire.ask("GET /v1/account").status == 200
    assert wire.ask("GET /v1/balance").status == 429


def test_faults_are_listed_and_cleared(state_dir: Path) -> None:
    armed = faults.arm(state_dir, "stripe", "429", times=3, retry_after=2)
    faults.arm(state_dir, "stripe", "html")
    assert faults.armed(state_dir, "stripe")[0] == armed
    assert (armed["kind"], armed["match"], armed["remaining"], armed["retry_after"]) == ("429", "*", 3, 2)
    assert faults.clear(state_dir, "stripe", "429") == 1
    assert [fault["kind"] for fault in faults.armed(state_dir, "stripe")] == ["html"]
    assert faults.clear(state_dir, "stripe") == 1
    assert faults.armed(state_dir, "stripe") == []


@pytest.mark.parametrize(
    ("gateway", "kind", "more", "words"),
    [
        ("stripe", "earthquake", {}, "no such fault: earthquake"),
        ("stripe", "429", {"times": 0}, "at least once"),
        ("stripe", "429", {"match": "/v1/refunds"}, "METHOD PATH"),
        ("abacus", "429", {}, "no sandbox for abacus"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    state_dir: Path, gateway: str, kind: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        faults.arm(state_dir, gateway, kind, **more)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("answer-lost", stripe.APIConnectionError),
        ("connection-dropped", stripe.APIConnectionError),
        ("cut-body", stripe.APIConnectionError),
        ("500-after", stripe.APIError),
        ("html-502", stripe.APIError),
        ("html", stripe.APIError),
        ("429", stripe.RateLimitError),
        ("401", stripe.AuthenticationError),
        ("403", stripe.PermissionError),
        ("refuse", stripe.InvalidRequestError),
    ],
)
def test_the_sdk_calls_each_fault_by_its_name(
    wire: Wire, client: stripe.StripeClient, kind: str, error: type[stripe.StripeError]
) -> None:
    arm(wire, kind)
    with pytest.raises(error):
        client.v1.refunds.create({"charge": CHARGE, "amount": 100})


def test_the_sdk_retries_a_lost_answer_into_one_refund(wire: Wire) -> None:
    arm(wire, "answer-lost")
    with requests.Session() as session:
        client = stripe.StripeClient(
            "sk_test_billctlSandboxNotARealKey",
            base_addresses={"api": f"http://{wire.netloc}"},
            max_network_retries=2,
            http_client=stripe.RequestsClient(timeout=5, session=session),
        )
        made = client.v1.refunds.create({"charge": CHARGE, "amount": 100})
    assert [one["id"] for one in wire.get("/v1/refunds", {"charge": CHARGE})["data"]] == [made.id]


def test_leaving_does_not_wait_for_those_who_hang(state_dir: Path) -> None:
    faults.arm(state_dir, "stripe", "hang-before", seconds=60)
    seen: list[type[Exception]] = []

    def wait(netloc: str) -> None:
        try:
            Wire(netloc, state_dir).ask("GET /v1/account", timeout=30)
        except (OSError, http.client.HTTPException) as error:
            seen.append(type(error))

    with rehearsed(state_dir) as sandbox:
        waiting = threading.Thread(target=wait, args=(sandbox.url("stripe").removeprefix("http://"),))
        waiting.start()
        while faults.armed(state_dir, "stripe"):
            time.sleep(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < 0.4
    waiting.join(5)
    assert seen == [http.client.RemoteDisconnected]
