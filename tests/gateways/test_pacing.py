"""Every request of every gateway waits for its turn, and a 429 is told to the pace."""

import re
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from billctl.errors import NotSent
from billctl.frozen import replace
from billctl.gateway import Gateway
from billctl.gateways.braintree import BraintreeGateway
from billctl.gateways.braintree import wire as braintree_wire
from billctl.gateways.paypal import PaypalGateway
from billctl.gateways.paypal import client as paypal_client
from billctl.gateways.stripe import StripeGateway
from billctl.gateways.stripe import client as stripe_client
from billctl.testing.servers import LoopbackServer, answer, in_turn
from billctl.transport import bounded_session
from tests.gateways import braintree_accounts, paypal_accounts, stripe_accounts


class Noted:
    """A pace that lets everything through and notes what it was asked."""

    def __init__(self) -> None:
        self.waited: list[str] = []
        self.away: list[tuple[str, float | None]] = []

    def wait(self, endpoint: str) -> None:
        self.waited.append(endpoint)

    def turned_away(self, endpoint: str, seconds: float | None) -> None:
        self.away.append((endpoint, seconds))


STRIPE, PAYPAL, BRAINTREE = stripe_client.OBJECTS, paypal_client.OBJECTS, braintree_wire.OBJECTS


@pytest.mark.parametrize(
    ("objects", "path", "object_id"),
    [
        (STRIPE, "/v1/invoices/{}/send", "in_1Q1"),
        (STRIPE, "/v1/charges/{}", "ch_3Q1"),
        (STRIPE, "/proxy/v1/charges/{}", "ch_3Q1"),
        (STRIPE, "/v1/customers/search", ""),
        (STRIPE, "/v1/refunds", ""),
        (PAYPAL, "/v2/payments/captures/{}/refund", "2GG279541U471931P"),
        (PAYPAL, "/v1/billing/subscriptions/{}/cancel", "I-BW452GLLEP1G"),
        (PAYPAL, "/v2/invoicing/search-invoices", ""),
        (PAYPAL, "/v1/oauth2/token", ""),
        (BRAINTREE, "/merchants/m1/transactions/{}/refund", "k3x9f2"),
        (BRAINTREE, "/merchants/m1/customers/{}", "8842"),
        (BRAINTREE, "/merchants/m1/transactions/advanced_search_ids", ""),
    ],
)
def test_an_endpoint_is_the_path_without_its_object(
    objects: re.Pattern[str], path: str, object_id: str
) -> None:
    noted = Noted()
    with LoopbackServer(answer(200, "{}")) as server:
        session = bounded_session(5, connections=1, loopback=True, pace=noted, objects=objects)
        session.get(f"{server.url}{path.format(object_id)}?limit=3")
        session.close()
    assert noted.waited == [f"GET {path.format('*')}"]
    assert noted.away == []


def stripe(url: str, pace: Noted) -> Gateway:
    return StripeGateway(replace(stripe_accounts.account(url), pace=pace))


def paypal(url: str, pace: Noted) -> Gateway:
    return PaypalGateway(replace(paypal_accounts.account(url), pace=pace))


def braintree(url: str, pace: Noted) -> Gateway:
    return BraintreeGateway(replace(braintree_accounts.account(url), pace=pace))


TOKEN = answer(
    200, '{"access_token": "A21AAtoken", "token_type": "Bearer", "expires_in": 32400, "scope": ""}'
)
PAYPALS = answer(429, '{"name": "RATE_LIMIT_REACHED", "message": "Too many."}', headers={"Retry-After": "0"})
STRIPES = answer(429, '{"error": {"type": "rate_limit_error"}}', headers={"Retry-After": "0"})
MERCHANT = f"/merchants/{braintree_accounts.account(None).settings['merchant_id']}"


@pytest.mark.parametrize(
    ("opened", "behaviour", "charge", "endpoints"),
    [
        (stripe, STRIPES, "ch_1", ["GET /v1/charges/*"] * 3),
        (
            paypal,
            in_turn(TOKEN, PAYPALS),
            "2GG279541U471931P",
            ["POST /v1/oauth2/token", *["GET /v2/payments/captures/*"] * 3],
        ),
        (
            braintree,
            answer(429, "", headers={"Retry-After": "0"}),
            "k3x9f2",
            [f"GET {MERCHANT}/transactions/*"] * 3,
        ),
    ],
)
def test_a_read_that_is_turned_away_waits_for_its_turn_before_each_attempt(
    opened: Callable[[str, Noted], Gateway], behaviour: Any, charge: str, endpoints: list[str]
) -> None:
    noted = Noted()
    with LoopbackServer(behaviour) as server:
        gateway = opened(server.url, noted)
        with pytest.raises(NotSent) as raised:
            gateway.get_charge(charge)
        gateway.close()
    assert raised.value.code == "rate_limit"
    assert noted.waited == endpoints
    assert noted.away == [(endpoints[-1], 0)] * 3
    assert len(server.requests) == len(endpoints)


def test_waiting_for_ones_turn_is_no_part_of_a_calls_limit() -> None:
    class Slow(Noted):
        def wait(self, endpoint: str) -> None:
            super().wait(endpoint)
            time.sleep(0.3)

    with LoopbackServer(answer(200, "{}")) as server:
        session = bounded_session(0.2, connections=1, loopback=True, pace=Slow())
        assert session.get(server.url).status_code == 200
        session.close()


def test_what_waits_for_its_turn_holds_no_connection() -> None:
    turn = Event()

    class Holding(Noted):
        def wait(self, endpoint: str) -> None:
            if endpoint == "GET /later":
                turn.wait(10)

    with LoopbackServer(answer(200, "{}")) as server:
        session = bounded_session(5, connections=1, loopback=True, pace=Holding())
        waiting = Thread(target=session.get, args=(f"{server.url}/later",))
        waiting.start()
        assert session.get(f"{server.url}/now").status_code == 200
        turn.set()
        waiting.join()
        session.close()
