"""Several hosts without a shared log, one charge, one instant: one refund, at every gateway.

Each host is a process with a state directory of its own. The long form, sixty rounds at each gateway:
`pytest -m full tests/safety/test_hosts.py`.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    PAYPAL_CHARGE,
    RECURLY_CHARGE,
    WOO_ORDER,
    open_gateway_shop,
)
from tests.safety import asked, programs
from tests.safety.aftermath import later
from tests.safety.crowd import Crowd, One, gathered
from tests.shop import PAID, WHY, Ran, Shop, open_shop

HOSTS = 6
SMALL = 400
"""Minor units: six refunds of it are less than any of the charges, so that no gateway prevents them."""
CHARGES = {
    "stripe": PAID,
    "paypal": PAYPAL_CHARGE,
    "braintree": BRAINTREE_CHARGE,
    "woocommerce": WOO_ORDER,
    "recurly": RECURLY_CHARGE,
}
NO_MATTER = {0, 6, 10, 11}
"""How a host may end: done, not known, certainly not sent; never "refused", for it was done, nor a fault."""


def opened(gateway: str, folder: Path) -> AbstractContextManager[Shop]:
    folder.mkdir(mode=0o700)
    return open_shop(folder) if gateway == "stripe" else open_gateway_shop(folder, gateway)


def hosts(shop: Shop, gateway: str) -> list[One]:
    """A run for each host."""
    words = (gateway, "refund", CHARGES[gateway], "--amount", "4", *WHY, "-o", "json")
    places = [shop.state_dir.parent / f"host-{number}" for number in range(HOSTS)]
    elsewhere = {"BILLCTL_CONFIG_DIR": str(shop.config_dir)}
    return [One(words, elsewhere | {"BILLCTL_STATE_DIR": str(place)}) for place in places]


def check_round(shop: Shop, gateway: str, crowd: Crowd) -> None:
    """One refund, whatever each host knows of it; and when each has asked, all of them know."""
    runs = hosts(shop, gateway)
    check_answers(crowd.together(runs))
    assert asked.refunds(shop, CHARGES[gateway]) == [SMALL]
    for host in runs:
        shop.env |= host.env
        with later():
            found = shop.run("audit", "reconcile", "-o", "json")
            assert found.code == 0, found.out
            assert {row["finding"] for row in found.data} <= {"done"}
            again = shop.run(*host.words)
        assert (again.code, again.data["outcome"]) == (0, "already_done")
        assert shop.run("audit", "verify").code == 0
    assert asked.refunds(shop, CHARGES[gateway]) == [SMALL]


def check_answers(ended: Sequence[Ran]) -> None:
    """At least one host saw it done, and no host says what is not so."""
    for ran in ended:
        assert "Traceback" not in ran.err
        assert ran.code in NO_MATTER, ran
        assert ran.code == 0 or ran.line.startswith("billctl: ")
    assert 0 in {ran.code for ran in ended}


def check_rounds(gateway: str, folder: Path, rounds: int) -> None:
    for number in range(rounds):
        with opened(gateway, folder / str(number)) as shop, gathered(shop) as crowd:
            check_round(shop, gateway, crowd)


def test_six_hosts_at_one_instant_refund_once(tmp_path: Path) -> None:
    check_rounds("stripe", tmp_path, 1)


@pytest.mark.slow
@pytest.mark.parametrize("gateway", CHARGES)
def test_six_hosts_at_one_instant_refund_once_in_three_rounds(gateway: str, tmp_path: Path) -> None:
    check_rounds(gateway, tmp_path, 3)


@pytest.mark.full
@pytest.mark.parametrize("gateway", CHARGES)
def test_six_hosts_at_one_instant_refund_once_in_sixty_rounds(gateway: str, tmp_path: Path) -> None:
    check_rounds(gateway, tmp_path, 60)


def one_after_the_other(folder: Path, *, name: str) -> list[int]:
    """The refunds at Stripe after two hosts asked for the same one, the second when the first had ended."""
    with opened("stripe", folder) as shop, programs.PROGRAMS[name]():
        for host in hosts(shop, "stripe")[:2]:
            shop.env |= host.env
            assert shop.run(*host.words).code == 0
        return asked.refunds(shop, PAID)


def test_a_host_that_comes_later_sees_that_it_was_done(tmp_path: Path) -> None:
    assert one_after_the_other(tmp_path / "right", name=programs.RIGHT) == [SMALL]


def test_with_a_key_that_counts_what_was_refunded_a_later_host_refunds_again(tmp_path: Path) -> None:
    wrong = "a key that counts what it sees"
    assert one_after_the_other(tmp_path / "wrong", name=wrong) == [SMALL, SMALL]


@pytest.mark.slow
@pytest.mark.parametrize("gateway", ["stripe", "braintree"])
def test_with_a_new_key_every_time_all_six_refund_and_it_is_seen(gateway: str, tmp_path: Path) -> None:
    wrong = "a new key every time"
    assert wrong in programs.WRONG
    with opened(gateway, tmp_path / "shop") as shop, gathered(shop, name=wrong) as crowd:
        with pytest.raises(AssertionError, match=f"{SMALL}, {SMALL}"):
            check_round(shop, gateway, crowd)
        assert asked.refunds(shop, CHARGES[gateway]) == [SMALL] * HOSTS
