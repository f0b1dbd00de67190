"""A resend decides by the invoice as it was just read; what was read earlier is read again."""

import json

import pytest

from billctl.gateways.stripe import StripeGateway, looks
from billctl.gateways.stripe.looks import FRESH, Looks
from billctl.models import Invoice
from billctl.testing.servers import LoopbackServer, Request, answer
from tests.gateways import stripe_wire as wire
from tests.gateways.stripe_accounts import STAMP, gateway

OPEN = wire.invoice()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_read_a_moment_ago_is_at_hand_as_far_as_it_was_expanded() -> None:
    clock = Clock()
    kept = Looks(clock)
    kept.keep({"id": "in_1"}, ("payments",))
    clock.now += FRESH
    assert kept.fresh("in_1") == kept.fresh("in_1", ("payments",)) == {"id": "in_1"}
    assert kept.fresh("in_1", ("customer",)) is None
    assert kept.fresh("in_2") is None
    clock.now += 0.001
    assert kept.fresh("in_1") is None


def test_what_is_no_longer_fresh_is_not_kept() -> None:
    clock = Clock()
    kept = Looks(clock)
    for number in range(1000):
        kept.keep({"id": f"in_{number}"})
        clock.now += FRESH / 10
    assert len(kept._kept) <= 11


def test_what_was_changed_is_read_again() -> None:
    kept = Looks(Clock())
    kept.keep({"id": "ch_1"})
    kept.forget("ch_1")
    assert kept.fresh("ch_1") is None


def sending(stripe: StripeGateway) -> Invoice:
    """A resend as `billctl.actions` makes it."""
    invoice = stripe.get_invoice("in_1")
    stripe.preview_resend(invoice, to=None)
    stripe.resend_invoice(invoice, to=None, stamp=STAMP)
    return invoice


def asked(requests: list[Request]) -> list[str]:
    return [f"{request.method} {request.target}" for request in requests]


def test_a_resend_at_once_is_one_read_and_one_change() -> None:
    with LoopbackServer(answer(200, json.dumps(OPEN))) as server:
        sending(gateway(server.url))
    assert asked(server.requests) == ["GET /v1/invoices/in_1", "POST /v1/invoices/in_1/send"]


def test_a_resend_after_somebody_was_asked_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "FRESH", -1.0)
    with LoopbackServer(answer(200, json.dumps(OPEN))) as server:
        sending(gateway(server.url))
    assert asked(server.requests) == [*["GET /v1/invoices/in_1"] * 3, "POST /v1/invoices/in_1/send"]
