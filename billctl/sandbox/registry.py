"""Which gateways can be rehearsed, and where their protocol and their shop are.

Modules load when a gateway is first asked: help and completion must not pay for them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billctl.sandbox.database import Clock, Database
    from billctl.sandbox.limits import Turnstile
    from billctl.sandbox.serving import Protocol

GATEWAYS = ("stripe", "paypal", "braintree", "woocommerce", "recurly")
"""Their names. `billctl.sandbox.NAME.app.App` is a gateway's protocol, built from a clock and a turnstile,
and `billctl.sandbox.NAME.seed.seed` fills its shop."""


def app(gateway: str, clock: "Clock", turnstile: "Turnstile") -> "Protocol":
    """The protocol of `gateway`. Raises `KeyError` for a gateway without a sandbox."""
    protocol: Protocol = _module(gateway, "app").App(clock, turnstile)
    return protocol


def seed(gateway: str, database: "Database", *, live: bool, now: int) -> None:
    """Write one mode's shop as it looks at `now` (Unix seconds). Call inside a write transaction."""
    _module(gateway, "seed").seed(database, live=live, now=now)


def _module(gateway: str, part: str) -> Any:
    if gateway not in GATEWAYS:
        raise KeyError(gateway)
    from importlib import import_module

    return import_module(f"billctl.sandbox.{gateway}.{part}")
