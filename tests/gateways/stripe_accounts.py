"""Stripe accounts for tests, at whatever address a test wants them."""

from datetime import UTC, datetime

from billctl.gateway import Account, Secret, Stamp, Timeouts
from billctl.gateways.stripe import StripeGateway

KEY = "sk_test_canary51NotARealKey"
STAMP = Stamp(
    key="0123456789abcdef0123456789abcdef",
    operation="op_00000000000000000000000001",
    asked=datetime.now(UTC),
)


def account(
    url: str | None, *, key: str = KEY, name: str = "stripe", live: bool = False, read: float = 5.0
) -> Account:
    """An account at `url` with `key`."""
    return Account(
        name=name,
        gateway="stripe",
        live=live,
        secrets={"api_key": Secret(key)},
        base_url=url,
        timeouts=Timeouts(connect=2.0, read=read),
    )


def gateway(url: str | None, *, key: str = KEY, live: bool = False, read: float = 5.0) -> StripeGateway:
    """The gateway of such an account."""
    return StripeGateway(account(url, key=key, live=live, read=read))
