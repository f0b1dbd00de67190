"""Every fault that can be armed: what reaches the client, and whether the sandbox acted."""

import time
from typing import Any

import pytest

from billctl.sandbox import faults
from tests.sandbox.braintree.conftest import Reply, Wire, braintree, codes
from tests.sandbox.effects import EFFECTS, comes_to_be, patience, silence

SALE = "layla001"
REFUND = f"POST /transactions/{SALE}/refund"
BODY = "<transaction><amount>1.00</amount></transaction>"
MATCH = "POST */refund"


def arm(wire: Wire, kind: str, match: str = MATCH, **more: Any) -> None:
    faults.arm(wire.state_dir, "braintree", kind, match=match, **more)


def refund(wire: Wire, **more: Any) -> Reply:
    return wire.ask(REFUND, BODY, **more)


def refunds(wire: Wire) -> int:
    return len(wire.ask(f"GET /transactions/{SALE}").root.findall("refund-ids/item"))


def test_every_kind_is_proved_here() -> None:
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
    assert comes_to_be(lambda: refunds(wire) == 1) if happens else refunds(wire) == 0
    assert faults.armed(wire.state_dir, "braintree") == []
    assert refund(wire).status == 201


@pytest.mark.parametrize("kind", ["401", "403", "429", "500-before", "500-after"])
def test_failures_have_no_body(wire: Wire, kind: str) -> None:
    arm(wire, kind)
    assert refund(wire).body == b""


def test_a_rate_limit_may_say_when_to_come_back(wire: Wire) -> None:
    arm(wire, "429", retry_after=3)
    arm(wire, "429")
    assert refund(wire).headers["retry-after"] == "3"
    assert "retry-after" not in refund(wire).headers


def test_a_refusal_has_the_code_or_the_status_it_was_given(wire: Wire) -> None:
    for more in ({}, {"code": "91512"}, {"status": 503}):
        arm(wire, "refuse", **more)
    assert refund(wire).codes == ["91506"]
    assert refund(wire).codes == ["91512"]
    assert (refund(wire).status, refunds(wire)) == (503, 0)


def test_a_lying_answer_lies_only_in_the_answer(wire: Wire) -> None:
    arm(wire, "wrong-amount")
    arm(wire, "wrong-currency")
    first, second = refund(wire), refund(wire)
    assert (first.text("amount"), second.text("currency-iso-code")) == ("1.01", "EUR")
    truth = wire.ask(f"GET /transactions/{first.text('id')}")
    assert (truth.text("amount"), truth.text("currency-iso-code")) == ("1.00", "USD")


def test_a_lie_has_nothing_to_change_in_an_error(wire: Wire) -> None:
    arm(wire, "wrong-amount", match="*")
    arm(wire, "wrong-currency", match="*")
    for _ in range(2):
        assert wire.ask("GET /plans/nothing").status == 404


def test_a_lie_reaches_a_client_that_asks_for_compression(wire: Wire) -> None:
    arm(wire, "wrong-amount")
    assert str(wire.sdk().transaction.refund(SALE, "1.00").transaction.amount) == "1.01"


def test_a_slow_answer_takes_its_time_and_is_whole(wire: Wire) -> None:
    arm(wire, "slow", seconds=0.4)
    started = time.monotonic()
    assert refund(wire).text("amount") == "1.00"
    assert time.monotonic() - started > 0.3


EXCEPTIONS = braintree.exceptions
ESCAPES: dict[str, type[BaseException]] = {
    "answer-lost": EXCEPTIONS.http.ConnectionError,
    "connection-dropped": EXCEPTIONS.http.ConnectionError,
    "cut-body": EXCEPTIONS.UnexpectedError,
    "500-after": EXCEPTIONS.ServerError,
    "html-502": EXCEPTIONS.UnexpectedError,
    "html": KeyError,
    "429": EXCEPTIONS.TooManyRequestsError,
    "401": EXCEPTIONS.AuthenticationError,
    "403": EXCEPTIONS.AuthorizationError,
}


@pytest.mark.parametrize("kind", ESCAPES)
def test_the_sdk_makes_of_a_read_that_fails(wire: Wire, kind: str) -> None:
    arm(wire, kind, match="GET *")
    with pytest.raises(ESCAPES[kind]):
        wire.sdk().transaction.find(SALE)


def test_the_sdk_returns_a_refusal(wire: Wire) -> None:
    arm(wire, "refuse")
    assert codes(wire.sdk().transaction.refund(SALE)) == ["91506"]
