"""Every fault that can be armed, at PayPal: what reaches the client, and whether the sandbox acted."""

import http.client
import threading
import time
from typing import Any

import pytest

from billctl.sandbox import faults
from tests.sandbox.effects import EFFECTS, comes_to_be, patience, silence
from tests.sandbox.paypal.wire import CAPTURE, Reply, Wire

REFUND = f"POST /v2/payments/captures/{CAPTURE}/refund"
KEY = {"PayPal-Request-Id": "op-1"}


def refund(wire: Wire, **more: Any) -> Reply:
    return wire.refund(CAPTURE, "1.00", **more)


def acted(wire: Wire) -> bool:
    return bool(wire.get(f"/v2/payments/captures/{CAPTURE}")["status"] == "PARTIALLY_REFUNDED")


def test_every_kind_is_proved_here() -> None:
    assert set(EFFECTS) == set(faults.KINDS)


@pytest.mark.parametrize("kind", EFFECTS)
def test_a_fault_does_what_its_line_says_once(wire: Wire, kind: str) -> None:
    happens, seen = EFFECTS[kind]
    wire.token()
    wire.arm(kind, REFUND, seconds=silence(seen))
    if isinstance(seen, type) and issubclass(seen, Exception):
        with pytest.raises(seen):
            refund(wire, timeout=patience(seen))
    else:
        assert refund(wire).status == seen
    assert comes_to_be(lambda: acted(wire)) if happens else not acted(wire)
    assert faults.armed(wire.state_dir, "paypal") == []
    assert refund(wire).status == 201


@pytest.mark.parametrize("kind", ["answer-lost", "500-after", "html-502-after", "cut-body"])
def test_a_lost_answer_is_found_again_under_its_request_id(wire: Wire, kind: str) -> None:
    wire.token()
    wire.arm(kind, REFUND)
    if kind in ("answer-lost", "cut-body"):
        with pytest.raises(http.client.HTTPException):
            refund(wire, headers=KEY)
    else:
        assert refund(wire, headers=KEY).status >= 500
    again = refund(wire, headers=KEY)
    assert (again.status, again.json["seller_payable_breakdown"]["total_refunded_amount"]["value"]) == (
        201,
        "1.00",
    )


def test_a_500_before_the_act_leaves_the_request_id_free(wire: Wire) -> None:
    wire.arm("500-before", REFUND)
    assert refund(wire, headers=KEY).status == 500
    assert not acted(wire)
    assert refund(wire, headers=KEY).status == 201


def test_a_lying_answer_lies_only_in_the_answer(wire: Wire) -> None:
    wire.arm("wrong-amount", REFUND)
    wire.arm("wrong-currency", REFUND)
    first, second = refund(wire).json, refund(wire).json
    assert (first["amount"]["value"], second["amount"]["currency_code"]) == ("11.00", "EUR")
    told = wire.get(f"/v2/payments/refunds/{first['id']}")["amount"]
    assert told == {"currency_code": "USD", "value": "1.00"}


def test_the_token_call_has_faults_of_its_own(wire: Wire) -> None:
    wire.arm("401", "POST /v1/oauth2/token")
    reply = wire.login()
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    wire.arm("429", "POST /v1/oauth2/token", retry_after=7)
    assert wire.login().headers["retry-after"] == "7"
    wire.arm("html", "POST /v1/oauth2/token")
    assert wire.login().headers["content-type"].startswith("text/html")
    assert wire.login().status == 200


def test_a_missing_permission_is_403(wire: Wire) -> None:
    wire.arm("403", "GET /v1/reporting/*")
    reply = wire.report()
    assert (reply.status, reply.json["name"], reply.issue) == (403, "NOT_AUTHORIZED", "PERMISSION_DENIED")
    assert wire.report().status == 200


def test_a_refusal_has_the_issue_and_the_status_it_was_given(wire: Wire) -> None:
    wire.arm("refuse", REFUND, code="PAYEE_ACCOUNT_RESTRICTED")
    wire.arm("refuse", REFUND, code="PREVIOUS_REQUEST_IN_PROGRESS", status=409)
    assert refund(wire).issue == "PAYEE_ACCOUNT_RESTRICTED"
    assert refund(wire).status == 409
    assert not acted(wire)


def test_the_same_request_id_is_one_refund_and_shows_what_became_of_it(wire: Wire) -> None:
    first = refund(wire, headers=KEY).json
    again = refund(wire, headers=KEY)
    assert (again.status, again.json) == (201, first)
    assert refund(wire, headers={"PayPal-Request-Id": "op-2"}).json["id"] != first["id"]
    assert refund(wire).json["id"] != first["id"]
    other = wire.refund("SBXLAYLA000000005", "1.00", headers=KEY)
    assert other.json["id"] != first["id"]


def test_a_refused_request_leaves_its_id_free(wire: Wire) -> None:
    assert wire.refund(CAPTURE, "100.00", headers=KEY).issue == "REFUND_AMOUNT_EXCEEDED"
    assert refund(wire, headers=KEY).status == 201


def test_the_same_void_may_be_sent_again(wire: Wire) -> None:
    line = "POST /v2/payments/authorizations/SBXLAYLAA00000001/void"
    assert [wire.ask(line, headers=KEY).status for _ in range(2)] == [204, 204]
    assert wire.ask(line).status == 422


def test_two_at_once_under_one_id_are_one_refund(wire: Wire) -> None:
    wire.token()
    wire.arm("late", REFUND, seconds=0.4)
    replies: list[Reply] = []
    slow = threading.Thread(target=lambda: replies.append(refund(wire, headers=KEY)))
    slow.start()
    while faults.armed(wire.state_dir, "paypal"):
        time.sleep(0.01)
    time.sleep(0.05)
    early = refund(wire, headers=KEY)
    slow.join(5)
    assert (early.status, early.issue) == (409, "PREVIOUS_REQUEST_IN_PROGRESS")
    assert refund(wire, headers=KEY).json["id"] == replies[0].json["id"]


def test_a_request_id_too_long_is_refused(wire: Wire) -> None:
    wire.spec = None  # the file lists no issue for a header
    assert refund(wire, headers={"PayPal-Request-Id": "x" * 109}).status == 400
    assert not acted(wire)
