"""A rehearsal of any change asks, and changes nothing: not at the gateway, not in the log.

What reaches the gateway is kept by a proxy; what it holds is compared before and after.
"""

from pathlib import Path

import pytest

from tests.recording import Exchange
from tests.safety.acts import ACTS, opened
from tests.safety.aftermath import records
from tests.shop import recorded

QUESTIONS = ("/v1/oauth2/token", "/advanced_search_ids", "/advanced_search")
"""How the paths of what is asked with POST end: PayPal's token, Braintree's searches."""
OFTEN = ("refund part, Stripe", "refund part, PayPal", "refund part, Braintree")
EACH = pytest.mark.parametrize(
    "name", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in ACTS]
)


def is_question(said: Exchange) -> bool:
    """Whether a request changes nothing."""
    return said.method == "GET" or (said.method == "POST" and said.path.endswith(QUESTIONS))


@EACH
@pytest.mark.parametrize("output", ["json", pytest.param("table", marks=pytest.mark.slow)])
def test_a_rehearsal_changes_nothing(name: str, output: str, tmp_path: Path) -> None:
    act = ACTS[name]
    with opened(act, tmp_path / "shop") as shop:
        before = shop.fingerprint()
        with recorded(shop) as proxy:
            ran = shop.run(*act.words, "--dry-run", "-o", output)
            said = list(proxy.exchanges)
        assert ran.code == 0
        assert said
        assert [(one.method, one.path) for one in said if not is_question(one)] == []
        assert shop.fingerprint() == before
        assert act.effects(shop) == 0
        assert records(shop, "intent") == []


@pytest.mark.slow
@pytest.mark.parametrize("name", OFTEN)
def test_the_change_itself_is_seen_by_the_same_eyes(name: str, tmp_path: Path) -> None:
    act = ACTS[name]
    with opened(act, tmp_path / "shop") as shop:
        before = shop.fingerprint()
        with recorded(shop) as proxy:
            assert shop.run(*act.words).code == 0
            said = [one for one in proxy.exchanges if not is_question(one)]
        assert len(said) == 1
        assert shop.fingerprint() != before
