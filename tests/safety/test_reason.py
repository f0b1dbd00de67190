"""The operator's reason stays in the audit log: no gateway is told it, and so no customer."""

from pathlib import Path

import pytest

from tests.recording import RecordingProxy
from tests.safety.acts import ACTS, opened
from tests.safety.aftermath import records
from tests.shop import WHY, recorded

REASON = WHY[1]
OFTEN = ("refund part, WooCommerce",)
"""The others are as true, and slow together."""


def said(proxy: RecordingProxy) -> str:
    """All that was sent to the gateway."""
    return repr([(one.path, one.query, one.headers, one.body) for one in proxy.exchanges])


@pytest.mark.parametrize(
    "name", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in ACTS]
)
def test_a_reason_reaches_no_gateway(name: str, tmp_path: Path) -> None:
    act = ACTS[name]
    with opened(act, tmp_path / "shop") as shop:
        with recorded(shop) as proxy:
            assert shop.run(*act.words).code == 0
            told = said(proxy)
        assert act.target[0] in told
        assert REASON not in told
        assert REASON.replace(" ", "+") not in told
        assert [intent.reason for intent in records(shop, "intent")] == [REASON]
