"""Live money needs all to agree: the profile's mode, the key's, `--live`, and a person or a permission.

Every combination is tried through a proxy that keeps what is said to the gateway: where the guard refuses,
nothing that changes anything reaches it.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from billctl.sandbox import (
    ACCOUNT_ID,
    BRAINTREE_LIVE_MERCHANT_ID,
    PAYPAL_LIVE_CLIENT_ID,
    RECURLY_LIVE_SITE,
    STRIPE_KEY,
    STRIPE_LIVE_KEY,
)
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    PAYPAL_CHARGE,
    RECURLY_CHARGE,
    WOO_ORDER,
    open_gateway_shop,
)
from tests.shop import PAID, WHY, Shop, changes, recorded

REFUND = ("stripe", "refund", PAID, "--amount", "12.50")
KEYS = {"test": STRIPE_KEY, "live": STRIPE_LIVE_KEY}
ANSWERS = {"test": "y", "live": "12.50"}
"""What a person types who agrees."""
QUESTIONS = ("Refund? [y/N]", "Type the amount to confirm:")
LIVE = {"none": (), "right": ("--live", ACCOUNT_ID), "wrong": ("--live", "acct_another")}


@dataclass(frozen=True)
class Case:
    """One combination: the profile's mode, the key's, and what is said to the run."""

    mode: str
    key: str
    live: str
    terminal: bool
    yes: bool
    unattended: bool

    @property
    def words(self) -> tuple[str, ...]:
        """Its command line."""
        yes = ("--yes",) if self.yes else ()
        return (*REFUND, "--reason", "charged twice", *LIVE[self.live], *yes)

    @property
    def refusal(self) -> tuple[int, str] | None:
        """The exit code and what is said where it must not be sent; None where it is."""
        if self.mode != self.key:
            return 12, f"is for {self.mode}, stripe's credentials are {self.key} ones"
        if self.live == "wrong":
            return 8, "--live names 'acct_another'"
        if self.terminal:
            return None
        if not self.yes:
            return 8, "--yes is not given"
        if self.mode == "live" and self.live == "none":
            return 8, "live mode needs --live"
        if self.mode == "live" and not self.unattended:
            return 8, "does not allow live changes without a terminal"
        return None

    @property
    def asks(self) -> bool:
        """Whether a person at a terminal is asked before it is sent."""
        permitted = self.mode == "test" or (self.live == "right" and self.unattended)
        return self.terminal and not self.refusal and not (self.yes and permitted)


EVERY = [
    Case(mode, key, live, terminal, yes, unattended)
    for mode, key, live, terminal, yes, unattended in product(
        KEYS, KEYS, LIVE, (False, True), (False, True), (False, True)
    )
]
OFTEN = [
    Case("live", "test", "right", terminal=False, yes=True, unattended=True),
    Case("test", "live", "none", terminal=False, yes=True, unattended=True),
    Case("live", "live", "none", terminal=False, yes=True, unattended=True),
    Case("live", "live", "wrong", terminal=True, yes=True, unattended=True),
    Case("live", "live", "right", terminal=False, yes=True, unattended=True),
]


def check(case: Case, shop: Shop) -> None:
    more = f"allow_unattended = {str(case.unattended).lower()}\n"
    with recorded(shop, mode=case.mode, key=KEYS[case.key], more=more) as proxy:
        if case.terminal:
            typed = f"{ANSWERS[case.mode]}\n" if case.asks else ""
            code, shown = shop.typed(typed, *case.words)
        else:
            ran = shop.run(*case.words)
            code, shown = ran.code, ran.err
        sent = changes(proxy)
    assert any(question in shown for question in QUESTIONS) is case.asks, shown
    if case.refusal:
        assert (code, sent) == (case.refusal[0], [])
        told = " ".join(shown.split())
        assert case.refusal[1] in told
        assert "Nothing was sent." in told
    else:
        assert (code, sent) == (0, [("POST", "/v1/refunds")])
    made = [shop.refunds(key=key) for key in KEYS.values()]
    assert made == [[1250] if name == case.key and not case.refusal else [] for name in KEYS]


@pytest.mark.parametrize("case", OFTEN, ids=str)
def test_a_refund_is_sent_only_where_all_agree(case: Case, shop: Shop) -> None:
    check(case, shop)


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY, ids=str)
def test_in_every_combination_a_refund_is_sent_only_where_all_agree(case: Case, shop: Shop) -> None:
    check(case, shop)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        *(
            pytest.param(text, marks=pytest.mark.slow)
            for text in ("12.49", "١٢٫٤٩", "12,50", "12.500", "1250", "y", PAID, ACCOUNT_ID)
        ),
    ],
)
def test_what_is_not_the_amount_confirms_nothing(typed: str, shop: Shop) -> None:
    with recorded(shop, mode="live", key=STRIPE_LIVE_KEY) as proxy:
        code, shown = shop.typed(f"{typed}\n", *REFUND, "--reason", "charged twice")
        assert changes(proxy) == []
    assert code == 8
    assert "the amount typed is not the amount planned. Nothing was sent." in shown


OTHERS = {
    "paypal": (PAYPAL_CHARGE, PAYPAL_LIVE_CLIENT_ID, "refund"),
    "braintree": (BRAINTREE_CHARGE, BRAINTREE_LIVE_MERCHANT_ID, "transaction"),
    "woocommerce": (WOO_ORDER, "shop.example", "movement"),
    "recurly": (RECURLY_CHARGE, RECURLY_LIVE_SITE, "transaction"),
}
"""Gateway → a charge, whom the live secrets open, and what its books call a refund."""


@pytest.mark.parametrize(
    "gateway",
    [name if name == "woocommerce" else pytest.param(name, marks=pytest.mark.slow) for name in OTHERS],
)
def test_at_every_gateway_only_the_account_that_is_named_is_refunded_live(
    gateway: str, tmp_path: Path
) -> None:
    charge, account_id, kind = OTHERS[gateway]
    words = (gateway, "refund", charge, "--amount", "12.50", *WHY)
    with open_gateway_shop(tmp_path, gateway) as shop:
        shop.use(mode="live", more="allow_unattended = true\n")
        assert shop.run(gateway, "show", charge, "--type", "charge").code == 0  # now the live shop is there
        before = shop.fingerprint()
        for live, said in (((), "live mode needs --live"), (("--live", "another"), "--live names 'another'")):
            ran = shop.run(*words, *live)
            assert (ran.code, said in ran.line, "Nothing was sent." in ran.line) == (8, True, True), ran
        assert shop.fingerprint() == before
        there = len(shop.books(kind, live=True))
        assert shop.run(*words, "--live", account_id).code == 0
        assert len(shop.books(kind, live=True)) == there + 1
        assert shop.refunds(charge) == []


@pytest.mark.parametrize("url", ["https://api.example.invalid", "http://192.0.2.1:12111"])
def test_a_live_key_is_never_taken_to_another_address(url: str, shop: Shop) -> None:
    shop.use(mode="live", key=STRIPE_LIVE_KEY, url=url, more="allow_unattended = true\n")
    ran = shop.run(*REFUND, *WHY, "--live", ACCOUNT_ID)
    assert ran.code == 12
    assert "a live account's requests go only to its gateway. Nothing was sent." in ran.line
