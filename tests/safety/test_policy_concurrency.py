"""A day's limit holds when many run at once: each a process of its own, each on a charge of its own."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from billctl.policy.permission import Permission
from billctl.verbs.plan import Plan
from tests.safety.crowd import One, gathered
from tests.shop import WHY, Ran, Shop

OPERATORS = 8


def together(shop: Shop, charges: list[str]) -> list[tuple[int, str | None]]:
    """A refund of 12.50 USD of each charge, all at once: exit code, and the code of the error."""
    runs = [
        One(
            ("stripe", "refund", charge, "--amount", "12.50", *WHY, "-o", "json"),
            {"BILLCTL_OPERATOR": f"operator-{number}"},
        )
        for number, charge in enumerate(charges)
    ]
    with gathered(shop) as crowd:
        ended = crowd.together(runs)
    for ran in ended:
        assert "Traceback" not in ran.err
    codes = [ran.document["errors"][0]["code"] if ran.document["errors"] else None for ran in ended]
    return [(ran.code, code) for ran, code in zip(ended, codes, strict=True)]


RULES = {
    "daily_refund_total": 'daily_refund_total = { USD = "45.00" }',
    "daily_actions": "daily_actions = { refund = 3 }",
}


@pytest.mark.parametrize(
    "rule", ["daily_refund_total", pytest.param("daily_actions", marks=pytest.mark.slow)]
)
def test_runs_at_once_never_exceed_a_days_limit_and_use_it_fully(shop: Shop, rule: str) -> None:
    charges = [shop.charge_with("pm_card_visa", 5000) for _ in range(OPERATORS)]
    shop.use(more=f"[policy]\n{RULES[rule]}\n")
    ended = Counter(together(shop, charges))
    assert ended == {(0, None): 3, (8, rule): OPERATORS - 3}
    assert sum(sum(shop.refunds(charge)) for charge in charges) == 3 * 1250
    outcomes = Counter(outcome for _, outcome in shop.operations())
    assert outcomes == {"succeeded": 3, "denied": OPERATORS - 3}
    assert shop.run("audit", "verify").code == 0


@contextmanager
def meanwhile(shop: Shop, other: str, *, guarded: bool) -> Iterator[None]:
    """Between the verdict on a refund and its record another run refunds `other`."""
    obtain = Permission.obtain
    left = [other]

    def act_between(self: Permission) -> Plan:
        if left:
            assert refund(shop, left.pop()).code == 0
        return obtain(self)

    with mock.patch.object(Permission, "obtain", act_between):
        if guarded:
            yield
        else:
            with mock.patch.object(Permission, "guard", return_value=None):
                yield


def refund(shop: Shop, charge: str) -> Ran:
    return shop.run("stripe", "refund", charge, "--amount", "12.50", *WHY, "-o", "json")


@pytest.mark.parametrize("guarded", [True, False])
def test_what_others_did_since_the_verdict_counts_and_only_the_guard_sees_it(
    shop: Shop, guarded: bool
) -> None:
    charges = [shop.charge_with("pm_card_visa", 5000) for _ in range(2)]
    shop.use(more='[policy]\ndaily_refund_total = { USD = "20.00" }\n')
    with meanwhile(shop, charges[0], guarded=guarded):
        ran = refund(shop, charges[1])
    assert ran.code == (8 if guarded else 0)
    assert [shop.refunds(charge) for charge in charges] == [[1250], [] if guarded else [1250]]
