"""WooCommerce accounts for tests, at whatever address a test wants them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from billctl.gateway import Account, Secret, Stamp, Timeouts
from billctl.gateways.woocommerce import WoocommerceGateway
from billctl.sandbox import KEYS, SETTINGS

KEY = "ck_canarykeynotreal00000000000000000000000001"
SECRET = "cs_canarysecretnotreal000000000000000000001"
STAMP = Stamp(
    key="0123456789abcdef0123456789abcdef",
    operation="op_00000000000000000000000001",
    asked=datetime.now(UTC),
)


def account(
    url: str | None,
    *,
    keys: tuple[str, str] = (KEY, SECRET),
    name: str = "shop",
    live: bool = False,
    read: float = 5.0,
    settings: Mapping[str, str] = MappingProxyType({}),
    state_dir: Path | None = None,
) -> Account:
    """An account at `url` with `keys`; `settings` beside or instead of the sandbox's own."""
    return Account(
        name=name,
        gateway="woocommerce",
        live=live,
        settings={**SETTINGS["woocommerce"], **settings},
        secrets={"consumer_key": Secret(keys[0]), "consumer_secret": Secret(keys[1])},
        base_url=url,
        timeouts=Timeouts(connect=2.0, read=read),
        state_dir=state_dir,
    )


def gateway(url: str | None, *, live: bool = False, read: float = 5.0) -> WoocommerceGateway:
    """The gateway of such an account."""
    return WoocommerceGateway(account(url, live=live, read=read))


def sandbox_keys() -> tuple[str, str]:
    """What opens the rehearsal store."""
    keys = KEYS["woocommerce"]
    return keys["consumer_key"], keys["consumer_secret"]


def rehearsing(url: str, *, state_dir: Path | None = None) -> WoocommerceGateway:
    """The gateway of the account that the rehearsal store at `url` knows."""
    return WoocommerceGateway(account(url, keys=sandbox_keys(), state_dir=state_dir))
