"""Braintree accounts for tests, at whatever address a test wants them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from billctl.gateway import Account, Secret, Stamp, Timeouts
from billctl.gateways.braintree import BraintreeGateway
from billctl.sandbox import KEYS, SETTINGS

KEY = "canaryprivatekeynotreal"
STAMP = Stamp(
    key="0123456789abcdef0123456789abcdef",
    operation="op_00000000000000000000000001",
    asked=datetime.now(UTC),
)


def account(
    url: str | None,
    *,
    key: str = KEY,
    name: str = "braintree",
    live: bool = False,
    read: float = 5.0,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Account:
    """An account at `url` with `key`; `settings` beside or instead of the sandbox's own."""
    return Account(
        name=name,
        gateway="braintree",
        live=live,
        settings={**SETTINGS["braintree"], **settings},
        secrets={"private_key": Secret(key)},
        base_url=url,
        timeouts=Timeouts(connect=2.0, read=read),
    )


def gateway(url: str | None, *, key: str = KEY, live: bool = False, read: float = 5.0) -> BraintreeGateway:
    """The gateway of such an account."""
    return BraintreeGateway(account(url, key=key, live=live, read=read))


def rehearsing(url: str) -> BraintreeGateway:
    """The gateway of the account that the rehearsal shop at `url` knows."""
    return gateway(url, key=KEYS["braintree"]["private_key"])
