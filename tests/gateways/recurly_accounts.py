"""Recurly accounts for tests, at whatever address a test wants them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from billctl.gateway import Account, Secret, Stamp, Timeouts
from billctl.gateways.recurly import RecurlyGateway
from billctl.gateways.recurly.client import Client
from billctl.sandbox import KEYS

KEY = "canaryrecurlykeynotreal"
STAMP = Stamp(
    key="0123456789abcdef0123456789abcdef",
    operation="op_00000000000000000000000001",
    asked=datetime.now(UTC),
)


def account(
    url: str | None,
    *,
    key: str = KEY,
    name: str = "recurly",
    live: bool = False,
    read: float = 5.0,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Account:
    """An account at `url` with `key`."""
    return Account(
        name=name,
        gateway="recurly",
        live=live,
        settings=settings,
        secrets={"api_key": Secret(key)},
        base_url=url,
        timeouts=Timeouts(connect=2.0, read=read),
    )


def client(url: str | None, *, read: float = 5.0) -> Client:
    """The client of such an account; it does not pause before a repeat."""
    return Client(account(url, read=read), sleep=lambda _seconds: None)


def gateway(url: str | None, *, key: str = KEY, live: bool = False, read: float = 5.0) -> RecurlyGateway:
    """The gateway of such an account."""
    return RecurlyGateway(account(url, key=key, live=live, read=read))


def rehearsing(url: str) -> RecurlyGateway:
    """The gateway of the account that the rehearsal shop at `url` knows."""
    return gateway(url, key=KEYS["recurly"]["api_key"])
