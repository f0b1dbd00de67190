"""Killed in the middle, and eight at once, at every gateway but Stripe: one refund where one was meant."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    PAYPAL_CHARGE,
    RECURLY_CHARGE,
    RECURLY_INVOICE,
    WOO_ORDER,
    GatewayShop,
    open_gateway_shop,
)
from tests.safety.crowd import One, gathered
from tests.shop import SECONDS, WHY

OPERATORS = 8
CHARGES = {
    "paypal": PAYPAL_CHARGE,
    "braintree": BRAINTREE_CHARGE,
    "woocommerce": WOO_ORDER,
    "recurly": RECURLY_CHARGE,
}
LEFT = {"paypal": 2900, "braintree": 4900, "woocommerce": 4900, "recurly": 4900}
"""Minor units that are left to refund of each."""
REQUESTS = {
    "paypal": f"POST /v2/payments/captures/{PAYPAL_CHARGE}/refund",
    "braintree": f"POST /merchants/*/transactions/{BRAINTREE_CHARGE}/refund",
    "woocommerce": f"POST */orders/{WOO_ORDER}/refunds",
    "recurly": f"POST /invoices/{RECURLY_INVOICE}/refund",
}
DONE = {"paypal": "succeeded", "braintree": "pending", "woocommerce": "succeeded", "recurly": "succeeded"}
SILENT = {"woocommerce"}
"""Where the lack of a trace does not mean that nothing was done."""
EACH = pytest.mark.parametrize("gateway", CHARGES)


def fast(*gateways: str) -> pytest.MarkDecorator:
    """Every gateway, all but these slow."""
    return pytest.mark.parametrize(
        "gateway",
        [name if name in gateways else pytest.param(name, marks=pytest.mark.slow) for name in CHARGES],
    )


@pytest.fixture
def shop(tmp_path: Path, gateway: str) -> Iterator[GatewayShop]:
    with open_gateway_shop(tmp_path, gateway) as opened:
        yield opened


def words(gateway: str, *more: str, amount: str = "12.50") -> tuple[str, ...]:
    return (gateway, "refund", CHARGES[gateway], "--amount", amount, *WHY, *more)


def made(shop: GatewayShop) -> list[int]:
    return shop.refunds(CHARGES[shop.gateway])


def once(shop: GatewayShop) -> None:
    """However far it got: settled, and run again, the refund is there once."""
    effects = made(shop)
    assert len(effects) <= 1
    found = shop.run("audit", "reconcile", "-o", "json")
    if found.code == 6:
        shop.settle()
        found = shop.run("audit", "reconcile", "-o", "json")
        shop.use()
    if found.code == 6:
        assert shop.gateway in SILENT
        assert not effects
        (row,) = found.data
        told = ("--as", "not-done", "--reason", "looked it up", "--yes")
        assert shop.run("audit", "resolve", row["operation"], *told).code == 0
    else:
        assert found.code == 0
        assert [row["finding"] for row in found.data] in ([], ["done"], ["not_done"])
    assert made(shop) == effects
    again = shop.run(*words(shop.gateway, "-o", "json"))
    assert (again.code, again.data["outcome"]) == (0, "already_done" if effects else DONE[shop.gateway])
    assert made(shop) == [1250]
    assert shop.run("audit", "verify").code == 0


def killed(shop: GatewayShop, ready: Any) -> None:
    """Run the refund as a process and kill it once `ready` holds."""
    with subprocess.Popen(
        shop.command(*words(shop.gateway)),
        env=shop.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + SECONDS
        while not ready():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()


@fast("paypal")
def test_a_kill_after_the_gateway_acted_is_found_by_reconcile(shop: GatewayShop) -> None:
    shop.arm("hang-after", REQUESTS[shop.gateway], seconds=30)
    killed(shop, lambda: made(shop))
    assert shop.operations() == [("refund", "open")]
    once(shop)


@fast()
def test_a_kill_while_the_gateway_has_not_acted_leaves_nothing_behind(shop: GatewayShop) -> None:
    shop.arm("hang-before", REQUESTS[shop.gateway], seconds=30)
    killed(shop, lambda: not shop.armed())
    assert shop.operations() == [("refund", "open")]
    assert made(shop) == []
    once(shop)


@pytest.mark.slow
@EACH
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.3, 0.45, 0.6])
def test_a_kill_at_any_moment_loses_nothing_and_repeats_nothing(shop: GatewayShop, delay: float) -> None:
    shop.arm("slow", REQUESTS[shop.gateway], seconds=0.4)
    log = shop.state_dir / "audit.sqlite"
    until: list[float] = []

    def due() -> bool:
        if log.exists() and not until:
            until.append(time.monotonic() + delay)
        return bool(until) and time.monotonic() >= until[0]

    killed(shop, due)
    time.sleep(0.2)  # what was on its way when it died has arrived
    once(shop)


def together(shop: GatewayShop, amounts: list[str], *, hosts: bool = False) -> list[tuple[int, Any]]:
    """A process for each amount, all at once; the exit code and the document of each.

    With `hosts` each has a state directory, and so a log, of its own.
    """
    runs = []
    for number, amount in enumerate(amounts):
        own = {"BILLCTL_OPERATOR": f"operator-{number}"}
        if hosts:
            own["BILLCTL_STATE_DIR"] = str(shop.state_dir.parent / f"host-{number}")
        runs.append(One(words(shop.gateway, "-o", "json", amount=amount), own))
    with gathered(shop) as crowd:
        ended = crowd.together(runs)
    for ran in ended:
        assert "Traceback" not in ran.err
    return [(ran.code, ran.document) for ran in ended]


@fast()
def test_eight_operators_with_the_same_refund_make_one(shop: GatewayShop) -> None:
    ended = together(shop, ["12.50"] * OPERATORS)
    assert made(shop) == [1250]
    outcomes = Counter((code, document["data"].get("outcome")) for code, document in ended)
    assert outcomes[0, DONE[shop.gateway]] == 1
    assert set(outcomes) <= {(0, DONE[shop.gateway]), (0, "already_done"), (10, None)}
    assert shop.run("audit", "verify").code == 0
    assert shop.run(*words(shop.gateway, "-o", "json")).data["outcome"] == "already_done"


@pytest.mark.slow
@EACH
def test_different_amounts_never_exceed_what_is_left(shop: GatewayShop) -> None:
    ended = together(shop, [f"{10 + number}.00" for number in range(OPERATORS)])
    assert sum(made(shop)) <= LEFT[shop.gateway]
    done = [
        document["data"]["amount"]["minor"]
        for _, document in ended
        if document["data"].get("outcome") == DONE[shop.gateway]
    ]
    assert sorted(done) == sorted(made(shop))
    assert done
    assert {code for code, _ in ended} <= {0, 2, 5, 10}
    assert shop.run("audit", "reconcile", "-o", "json").data == []


@pytest.mark.slow
@EACH
def test_operators_without_a_shared_log_meet_at_the_gateway(shop: GatewayShop) -> None:
    ended = together(shop, ["12.50"] * 4, hosts=True)
    assert made(shop) == [1250]
    codes = {code for code, _ in ended}
    assert 0 in codes
    claimed = {10} if shop.gateway == "woocommerce" else set()  # a host that gives way to another's claim
    assert codes <= {0, 5, 6} | claimed
