"""A rehearsal gateway that takes so many requests a second, and thinks about each."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from billctl.sandbox.limits import Load, Turnstile
from tests.openapi_paypal import PayPalSpec
from tests.rehearsal import rehearsed
from tests.sandbox.braintree.conftest import Wire as BraintreeWire
from tests.sandbox.conftest import Wire as StripeWire
from tests.sandbox.paypal.wire import Wire as PaypalWire


class Clock:
    """Seconds that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def admitted(turnstile: Turnstile, clock: Clock, *, rate: float, seconds: float, endpoint: str = "a") -> int:
    """How many of evenly spaced requests are let in."""
    count = 0
    for _ in range(round(rate * seconds)):
        clock.now += 1 / rate
        count += turnstile.admits(endpoint)
    return count


def test_all_that_keep_to_the_limit_are_let_in() -> None:
    clock = Clock()
    turnstile = Turnstile(Load(endpoint=25), now=clock)
    assert admitted(turnstile, clock, rate=25, seconds=8) == 200


def test_of_those_that_come_faster_the_limit_is_let_in_and_a_fifth_of_a_second_more() -> None:
    clock = Clock()
    turnstile = Turnstile(Load(endpoint=25), now=clock)
    assert admitted(turnstile, clock, rate=100, seconds=4) == pytest.approx(4 * 25 + 5, abs=1)


def test_a_pause_earns_no_more_than_that() -> None:
    clock = Clock()
    turnstile = Turnstile(Load(endpoint=25), now=clock)
    clock.now += 3600
    assert [turnstile.admits("a") for _ in range(7)] == [True] * 5 + [False] * 2


def test_each_endpoint_has_its_own_limit_below_that_of_all() -> None:
    clock = Clock()
    turnstile = Turnstile(Load(endpoint=5, in_all=10), now=clock)
    assert [turnstile.admits(endpoint) for endpoint in "aab"] == [True, False, True]
    assert turnstile.admits("c") is False
    clock.now += 0.1
    assert turnstile.admits("c") is True


def test_without_a_limit_everything_is_let_in() -> None:
    turnstile = Turnstile(Load(), now=Clock())
    assert all(turnstile.admits("a") for _ in range(1000))


def stripe(netloc: str, state: Path) -> Callable[[], tuple[int, str]]:
    wire = StripeWire(netloc, state)

    def ask() -> tuple[int, str]:
        reply = wire.ask("GET /v1/balance")
        return reply.status, reply.error["code"] if reply.status == 429 else ""

    return ask


def paypal(netloc: str, state: Path) -> Callable[[], tuple[int, str]]:
    wire = PaypalWire(netloc, state, PayPalSpec.find())
    wire.token()

    def ask() -> tuple[int, str]:
        reply = wire.ask("GET /v2/payments/captures/SBXLAYLAC00000001")
        return reply.status, reply.json["name"] if reply.status == 429 else ""

    return ask


def braintree(netloc: str, state: Path) -> Callable[[], tuple[int, str]]:
    wire = BraintreeWire(netloc, state)

    def ask() -> tuple[int, str]:
        reply = wire.ask("GET /transactions/layla001")
        return reply.status, reply.body.decode()

    return ask


@pytest.mark.parametrize(
    ("gateway", "asking", "said"),
    [
        ("stripe", stripe, "rate_limit"),
        ("paypal", paypal, "RATE_LIMIT_REACHED"),
        ("braintree", braintree, ""),
    ],
)
def test_one_too_many_gets_the_gateways_own_429(
    tmp_path: Path, gateway: str, asking: Callable[[str, Path], Callable[[], tuple[int, str]]], said: str
) -> None:
    with rehearsed(tmp_path, (gateway,), loads={gateway: Load(endpoint=1)}) as sandbox:
        ask = asking(sandbox.url(gateway).removeprefix("http://"), tmp_path)
        assert ask()[0] != 429
        assert ask() == (429, said)


def test_every_answer_takes_as_long_as_was_asked_for(tmp_path: Path) -> None:
    with rehearsed(tmp_path, loads={"stripe": Load(latency=0.1)}) as sandbox:
        wire = StripeWire(sandbox.url("stripe").removeprefix("http://"), tmp_path)
        started = time.monotonic()
        assert wire.get("/v1/balance")
        assert 0.1 <= time.monotonic() - started < 0.5
