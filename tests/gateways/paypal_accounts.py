"""PayPal accounts for tests, at whatever address a test wants them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from billctl.gateway import Account, Secret, Stamp, Timeouts
from billctl.gateways.paypal import PaypalGateway, utc_now

CLIENT_ID = "canaryClientId"
CLIENT_SECRET = "canaryClientSecretNotReal"
STAMP = Stamp(
    key="0123456789abcdef0123456789abcdef",
    operation="op_00000000000000000000000001",
    asked=datetime.now(UTC),
    reason_code="goodwill",
)


def account(
    url: str | None,
    *,
    name: str = "paypal",
    client_id: str = CLIENT_ID,
    secret: str = CLIENT_SECRET,
    live: bool = False,
    connect: float = 2.0,
    read: float = 5.0,
    state_dir: Path | None = None,
) -> Account:
    """An account at `url`."""
    return Account(
        name=name,
        gateway="paypal",
        live=live,
        settings={"client_id": client_id},
        secrets={"client_secret": Secret(secret)},
        base_url=url,
        timeouts=Timeouts(connect=connect, read=read),
        state_dir=state_dir,
    )


def gateway(
    url: str | None,
    *,
    read: float = 5.0,
    state_dir: Path | None = None,
    now: Callable[[], datetime] = utc_now,
) -> PaypalGateway:
    """The gateway of such an account."""
    return PaypalGateway(account(url, read=read, state_dir=state_dir), now=now)
