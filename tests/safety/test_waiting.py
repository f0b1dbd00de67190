"""A gateway that never answers: the program ends at its deadline, and at once when it is told to."""

import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from billctl.sandbox import STRIPE_KEY
from billctl.testing import servers
from tests.shop import Shop

DEADLINE = 4.0
"""Seconds; the account that answers must have answered by then, on a busy machine too."""
PATIENCE = 12.0
"""Seconds in which a program that waits for nobody has ended on any machine; a silent gateway's read timeout
is 30."""

GRACE = 0.5
"""Seconds that the end may take after the deadline or the signal, besides what the program itself takes,
on a machine that has nothing else to do."""

READS = {
    "lookup": ("lookup", "layla@example.com"),
    "list": ("charges", "--limit", "3"),
}


@pytest.fixture
def quiet() -> Iterator[servers.LoopbackServer]:
    with servers.LoopbackServer(servers.silent) as server:
        yield server


@pytest.fixture
def waiting(shop: Shop, quiet: servers.LoopbackServer) -> Iterator[Shop]:
    """A shop with an account that answers, one that is silent and one that trickles for ever; profile
    `patient` waits a minute for them."""
    with servers.LoopbackServer(servers.trickling) as slow:
        urls = {"eu": shop.url, "us": quiet.url, "jp": slow.url}
        shop.env |= {f"BILLCTL_{name.upper()}_API_KEY": STRIPE_KEY for name in urls}
        tables = "".join(
            f'[accounts.{name}]\ngateway = "stripe"\nbase_url = "{url}"\n' for name, url in urls.items()
        )
        for profile, deadline in (("shop", DEADLINE), ("patient", 60)):
            limits = f"[network]\nread_timeout = 30\ndeadline = {deadline}\n"
            shop.profile(profile, f'mode = "test"\n{limits}{tables}')
        yield shop


def seconds(shop: Shop, *words: str) -> tuple[float, int, str]:
    began = time.monotonic()
    ran = shop.program(*words)
    return time.monotonic() - began, ran.code, ran.err


@pytest.mark.parametrize("what", ["lookup", pytest.param("list", marks=pytest.mark.slow)])
def test_the_program_ends_at_the_deadline_with_what_the_others_said(waiting: Shop, what: str) -> None:
    took, code, told = seconds(waiting, *READS[what])
    assert code == 7
    late = [line.split(":")[1].strip() for line in told.splitlines() if "no answer within" in line]
    assert {"us", "jp"} <= set(late)
    assert DEADLINE <= took < PATIENCE


@pytest.mark.slow
@pytest.mark.parametrize("what", READS)
def test_the_end_is_not_half_a_second_later_than_the_deadline(waiting: Shop, what: str) -> None:
    waiting.program(*READS[what], "--account", "eu")  # compiles what a first start compiles
    alone = min(seconds(waiting, *READS[what], "--account", "eu")[0] for _ in range(3))
    assert min(seconds(waiting, *READS[what])[0] for _ in range(3)) < alone + DEADLINE + GRACE


@pytest.mark.slow
def test_one_gateways_list_ends_at_the_deadline_too(waiting: Shop) -> None:
    took, code, told = seconds(waiting, "stripe", "charges", "--account", "us")
    assert code == 11
    assert f"us: no answer within {DEADLINE:g} s" in told
    assert took < PATIENCE


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_lookup_that_waits_at_once(
    waiting: Shop, quiet: servers.LoopbackServer, number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        waiting.command("-p", "patient", *READS["lookup"]),
        env=waiting.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until = time.monotonic() + 30
        while not quiet.requests and time.monotonic() < until:
            time.sleep(0.02)
        assert quiet.requests
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        took = time.monotonic() - began
    assert (process.returncode, out) == (code, "")
    assert err == "billctl: interrupted. Nothing was sent.\n"
    assert took < PATIENCE
