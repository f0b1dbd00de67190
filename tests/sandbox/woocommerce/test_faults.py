"""Every fault that can be armed: what reaches the client, and whether the store acted."""

import time
from pathlib import Path
from typing import Any

import pytest
import requests

from billctl.sandbox import WOOCOMMERCE_KEY, WOOCOMMERCE_SECRET, faults
from billctl.sandbox.limits import Load
from tests.rehearsal import rehearsed
from tests.sandbox.effects import EFFECTS, comes_to_be, patience, silence
from tests.sandbox.woocommerce.conftest import WOOCOMMERCE, Reply, Wire

MATCH = "POST */refunds"


def arm(wire: Wire, kind: str, match: str = MATCH, **more: Any) -> None:
    faults.arm(wire.state_dir, "woocommerce", kind, match=match, **more)


def refund(wire: Wire, *, timeout: float = 10.0) -> Reply:
    return wire.ask("POST orders/1041/refunds", {"amount": "1.00"}, timeout=timeout)


def seen_here(kind: str) -> tuple[bool, object]:
    """As everywhere, but that WooCommerce refuses with 500."""
    happens, seen = EFFECTS[kind]
    return happens, 500 if kind == "refuse" else seen


@pytest.mark.parametrize("kind", EFFECTS)
def test_a_fault_does_what_its_line_says_once(wire: Wire, kind: str) -> None:
    happens, seen = seen_here(kind)
    arm(wire, kind, seconds=min(silence(seen), 0.6))
    if isinstance(seen, type) and issubclass(seen, Exception):
        with pytest.raises(seen):
            refund(wire, timeout=patience(seen))
    else:
        assert refund(wire).status == seen
    assert comes_to_be(lambda: len(wire.moved()) == 1) if happens else wire.moved() == []
    assert faults.armed(wire.state_dir, "woocommerce") == []
    assert refund(wire).status == 201


@pytest.mark.parametrize("kind", ["409", "429"])
def test_what_the_store_does_not_say_itself_a_firewall_says_in_html(wire: Wire, kind: str) -> None:
    arm(wire, kind, retry_after=3)
    arm(wire, kind)
    first, second = refund(wire), refund(wire)
    assert first.headers["content-type"] == "text/html; charset=UTF-8"
    assert (first.headers["retry-after"], second.headers.get("retry-after")) == ("3", None)


def test_nobody_and_one_who_may_not_get_the_stores_own_words(wire: Wire) -> None:
    arm(wire, "401")
    arm(wire, "403")
    for status in (401, 403):
        assert refund(wire).error == (status, "woocommerce_rest_cannot_view", {"status": status})


@pytest.mark.parametrize("kind", ["500-before", "500-after"])
def test_a_dying_php_speaks_html_in_json(wire: Wire, kind: str) -> None:
    arm(wire, kind)
    reply = refund(wire)
    assert reply.error == (500, "internal_server_error", {"status": 500})
    assert "critical error" in reply.json["message"]


def test_a_refusal_has_the_code_and_the_status_it_was_given(wire: Wire) -> None:
    arm(wire, "refuse")
    for code in ("rest_invalid_param", "not_created"):
        arm(wire, "refuse", code=code, status=400)
    assert refund(wire).error == (500, "woocommerce_rest_cannot_create_order_refund", 500)
    assert refund(wire).error == (400, "rest_invalid_param", {"status": 400})
    assert refund(wire).error == (400, "not_created", {"status": 400})
    assert wire.moved() == []


def test_a_firewall_may_say_no_in_html(wire: Wire) -> None:
    arm(wire, "refuse", code="firewall")
    arm(wire, "refuse", code="firewall", status=503)
    first, second = refund(wire), refund(wire)
    assert (first.status, first.headers["content-type"]) == (403, "text/html; charset=UTF-8")
    assert second.status == 503


def test_a_redirection_makes_requests_read_what_it_was_to_write(wire: Wire) -> None:
    """What following a redirection looks like: success, and a list."""
    arm(wire, "refuse", code="redirect")
    url = f"http://{wire.netloc}/wp-json/wc/v3/orders/1041/refunds"
    keys = (WOOCOMMERCE_KEY, WOOCOMMERCE_SECRET)
    answer = requests.post(url, json={"amount": "1.00"}, auth=keys, timeout=10)
    assert (answer.status_code, answer.json()) == (200, [])
    assert wire.moved() == []


def test_a_lying_answer_lies_only_in_the_answer(wire: Wire) -> None:
    arm(wire, "wrong-amount")
    first = refund(wire).json
    assert first["amount"] == "1.01"
    assert wire.get(f"orders/1041/refunds/{first['id']}")["amount"] == "1.00"
    arm(wire, "wrong-currency", match="GET *")
    assert [wire.get("orders/1041")["currency"] for _ in range(2)] == ["EUR", "USD"]


def test_a_slow_answer_takes_its_time_and_is_whole(wire: Wire) -> None:
    arm(wire, "slow", seconds=0.4)
    started = time.monotonic()
    assert refund(wire).json["amount"] == "1.00"
    assert time.monotonic() - started > 0.3


def test_one_too_many_gets_a_firewalls_429(state_dir: Path) -> None:
    with rehearsed(state_dir, WOOCOMMERCE, loads={"woocommerce": Load(endpoint=1)}) as sandbox:
        wire = Wire(sandbox.url("woocommerce").removeprefix("http://"), state_dir)
        assert wire.ask("GET orders/1041").status == 200
        assert wire.ask("GET orders/1042").status == 429
        assert wire.ask("GET customers").status == 200
