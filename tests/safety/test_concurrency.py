"""Many operators at once on one charge: one refund where one was meant, never more than was captured.

Eight by default, fifty with `-m slow`, twenty-five rounds of fifty with `-m full`.
"""

from collections import Counter
from collections.abc import Set

import pytest

from tests.matrix import often
from tests.safety import programs
from tests.safety.aftermath import unsettled
from tests.safety.crowd import Crowd, One, gathered
from tests.shop import WHY, Ran, Shop

Ended = tuple[int, str | None]
"""How a run ended: its exit code, and the outcome of its operation where it has one."""
HELD: Set[Ended] = {(10, None)}
"""Another run holds the charge."""
CAPTURED = 5000
LEAST = 400


def operators(charge: str, minors: list[int]) -> list[One]:
    """An operator for each amount."""
    return [
        One(
            ("stripe", "refund", charge, "--amount", f"{minor // 100}.{minor % 100:02}", *WHY, "-o", "json"),
            {"BILLCTL_OPERATOR": f"operator-{number}"},
        )
        for number, minor in enumerate(minors)
    ]


def ended(crowd: Crowd, runs: list[One]) -> list[Ran]:
    """What each did; no fault of billctl among it."""
    found = crowd.together(runs)
    for ran in found:
        assert "Traceback" not in ran.err
        assert ran.code != 1, ran
    return found


def check_whole(shop: Shop) -> None:
    """The log is whole, and nothing in it is left open."""
    assert shop.run("audit", "verify").code == 0
    assert unsettled(shop) == []


def check_same(shop: Shop, crowd: Crowd, count: int, waiting: Set[Ended] = HELD) -> None:
    """Of `count` operators who ask for the same refund one makes it, and the others hear of it."""
    charge = shop.charge_with("pm_card_visa", CAPTURED)
    runs = operators(charge, [1250] * count)
    outcomes = Counter((ran.code, ran.data.get("outcome")) for ran in ended(crowd, runs))
    assert shop.refunds(charge) == [1250]
    assert outcomes[0, "succeeded"] == 1
    assert set(outcomes) <= {(0, "succeeded"), (0, "already_done"), *waiting}
    check_whole(shop)
    assert shop.run(*runs[0].words).data["outcome"] == "already_done"
    assert shop.refunds(charge) == [1250]


def check_different(shop: Shop, crowd: Crowd, count: int) -> None:
    """Of `count` operators with amounts of their own none makes more than what is said of it."""
    charge = shop.charge_with("pm_card_visa", CAPTURED)
    found = ended(crowd, operators(charge, [LEAST + 11 * number for number in range(count)]))
    made = shop.refunds(charge)
    assert 0 < sum(made) <= CAPTURED
    succeeded = [ran.data["amount"]["minor"] for ran in found if ran.data.get("outcome") == "succeeded"]
    assert sorted(succeeded) == sorted(made)
    assert {ran.code for ran in found} <= {0, 2, 5, 10}
    check_whole(shop)


CHECKS = {"same": check_same, "different": check_different}


def check_rounds(shop: Shop, amounts: str, *, rounds: int, count: int, name: str = programs.RIGHT) -> None:
    with gathered(shop, name=name) as crowd:
        for _ in range(rounds):
            CHECKS[amounts](shop, crowd, count)


@pytest.mark.parametrize("amounts", often(CHECKS, "same"))
def test_eight_operators_on_one_charge_move_no_more_than_is_meant(shop: Shop, amounts: str) -> None:
    check_rounds(shop, amounts, rounds=1, count=8)


@pytest.mark.slow
def test_without_locks_the_store_itself_keeps_one_operation_on_a_charge(shop: Shop) -> None:
    """An operation that no lock covers looks like one that its process left behind: unknown, and not sent."""
    with gathered(shop, name=programs.UNLOCKED) as crowd:
        check_same(shop, crowd, 8, waiting={*HELD, (6, None)})


@pytest.mark.slow
@pytest.mark.parametrize("amounts", CHECKS)
def test_fifty_operators_on_one_charge_move_no_more_than_is_meant(shop: Shop, amounts: str) -> None:
    check_rounds(shop, amounts, rounds=1, count=50)


@pytest.mark.full
@pytest.mark.parametrize("amounts", CHECKS)
def test_fifty_operators_in_every_round_move_no_more_than_is_meant(shop: Shop, amounts: str) -> None:
    check_rounds(shop, amounts, rounds=25, count=50)
