"""Every fault that can be armed, at Recurly: what reaches the client, and whether the sandbox acted."""

import http.client
from email.utils import parsedate_to_datetime

import pytest

from billctl.sandbox import faults
from tests.sandbox.effects import EFFECTS, comes_to_be, patience, silence
from tests.sandbox.recurly.wire import BILL, SUBSCRIPTION, Reply, Wire

REFUND = f"POST /invoices/{BILL}/refund"
IN_PROGRESS = 422
"""Recurly has no 409: a simultaneous request is one of its 422s."""


def refund(wire: Wire, **more: float) -> Reply:
    return wire.refund(BILL, 1.0, **more)


def acted(wire: Wire) -> bool:
    return bool(wire.get(f"/invoices/{BILL}")["refundable_amount"] == 48.0)


def test_every_kind_is_proved_here() -> None:
    assert set(EFFECTS) == set(faults.KINDS)


@pytest.mark.parametrize("kind", EFFECTS)
def test_a_fault_does_what_its_line_says_once(wire: Wire, kind: str) -> None:
    happens, seen = EFFECTS[kind]
    wire.arm(kind, REFUND, seconds=silence(seen))
    if isinstance(seen, type) and issubclass(seen, Exception):
        with pytest.raises(seen):
            refund(wire, timeout=patience(seen))
    else:
        assert refund(wire).status == (IN_PROGRESS if seen == 409 else seen)
    assert comes_to_be(lambda: acted(wire)) if happens else not acted(wire)
    assert faults.armed(wire.state_dir, "recurly") == []
    assert refund(wire).status == 201


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("409", {}, (422, "simultaneous_request")),
        ("429", {"retry_after": 7}, (429, "rate_limited")),
        ("401", {}, (401, "unauthorized")),
        ("403", {}, (403, "invalid_permissions")),
        ("refuse", {}, (422, "transaction")),
        ("refuse", {"code": "validation"}, (422, "validation")),
        ("refuse", {"code": "service_not_available", "status": 503}, (503, "service_not_available")),
        ("500-before", {}, (500, "internal_server_error")),
    ],
)
def test_a_refusal_is_of_the_type_that_recurly_has_for_it(
    wire: Wire, kind: str, more: dict[str, str | int], said: tuple[int, str]
) -> None:
    wire.arm(kind, REFUND, **more)
    assert refund(wire).said == said


def test_a_429_says_until_when_by_its_own_clock(wire: Wire) -> None:
    wire.arm("429", REFUND, retry_after=7)
    wire.arm("429", REFUND)
    for seconds in (7, 1):
        headers = refund(wire).headers
        now = parsedate_to_datetime(headers["date"]).timestamp()
        assert int(headers["x-ratelimit-reset"]) - now == seconds
        assert headers["x-ratelimit-remaining"] == "0"
        assert headers.get("retry-after") == ("7" if seconds == 7 else None)
    assert int(refund(wire).headers["x-ratelimit-remaining"]) > 0


def test_a_declined_transaction_says_why(wire: Wire) -> None:
    wire.arm("refuse", REFUND)
    wire.arm("refuse", REFUND, code="transaction_already_refunded")
    codes = [refund(wire).error["transaction_error"]["code"] for _ in range(2)]
    assert codes == ["transaction_cannot_be_refunded", "transaction_already_refunded"]
    assert not acted(wire)


def test_a_refund_may_be_declined_with_its_credit_invoice_left_behind(wire: Wire) -> None:
    wire.arm("refuse", REFUND, code="declined_after")
    assert refund(wire).said == (422, "transaction")
    (left,) = wire.all(f"/invoices/{BILL}/related_invoices")
    assert (left["state"], left["balance"]) == ("open", -1.0)
    assert [one["status"] for one in left["transactions"]] == ["declined"]
    assert refund(wire).json["state"] == "closed"


def test_what_is_no_refund_is_refused_as_invalid(wire: Wire) -> None:
    line = f"PUT /subscriptions/{SUBSCRIPTION}/cancel"
    wire.arm("refuse", line)
    assert wire.ask(line).said == (422, "validation")
    assert wire.get(f"/subscriptions/{SUBSCRIPTION}")["state"] == "active"


def test_a_lying_answer_lies_only_in_the_answer(wire: Wire) -> None:
    wire.arm("wrong-amount", REFUND)
    wire.arm("wrong-currency", REFUND)
    first, second = refund(wire).json, refund(wire).json
    assert (first["total"], first["transactions"][0]["amount"]) == (-2.0, 2.0)
    assert (second["total"], second["currency"], second["transactions"][0]["currency"]) == (
        -1.0,
        "EUR",
        "EUR",
    )
    told = wire.get(f"/invoices/{first['id']}")
    assert (told["total"], told["currency"], told["transactions"][0]["amount"]) == (-1.0, "USD", 1.0)


def test_a_list_and_a_document_cannot_lie(wire: Wire) -> None:
    wire.arm("wrong-amount", "GET *", times=2)
    assert wire.get("/invoices", ids=BILL)["data"][0]["total"] == 49.0
    assert wire.ask(f"GET /invoices/{BILL}.pdf").status == 200


def test_reads_have_faults_too(wire: Wire) -> None:
    wire.arm("500-after", "GET /accounts*")
    wire.arm("html-502", "GET /accounts*")
    assert wire.ask("GET /accounts").said == (500, "internal_server_error")
    assert wire.ask("GET /accounts").headers["content-type"].startswith("text/html")
    assert wire.ask("GET /accounts").status == 200


@pytest.mark.parametrize("kind", ["answer-lost", "500-after"])
def test_a_subscription_that_ended_behind_a_lost_answer_has_ended(wire: Wire, kind: str) -> None:
    line = f"DELETE /subscriptions/{SUBSCRIPTION}"
    wire.arm(kind, line)
    if kind == "answer-lost":
        with pytest.raises(http.client.RemoteDisconnected):
            wire.ask(line, refund="full")
    else:
        assert wire.ask(line, refund="full").status == 500
    assert wire.get(f"/subscriptions/{SUBSCRIPTION}")["state"] == "expired"
    assert len(wire.all("/invoices/laylain00004/related_invoices")) == 1
