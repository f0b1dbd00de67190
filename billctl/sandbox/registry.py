"""Which gateways can be rehearsed, and where their protocol and their shop are.

Modules load when a gateway is first asked: help and completion must not pay for them.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from billctl.sandbox.http import Answer, Pause, Request
from billctl.sandbox.state import Clock, Database

GATEWAYS = ("stripe",)


class App(Protocol):
    """A gateway's protocol: one request in, one answer out, the state in between."""

    def answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        """Serve one request. Never raises for what a client can send."""


def app(gateway: str, clock: Clock) -> App:
    """The protocol of `gateway`. Raises `KeyError` for a gateway without a sandbox."""
    if gateway != "stripe":
        raise KeyError(gateway)
    from billctl.sandbox.stripe.app import StripeApp

    return StripeApp(clock)


def records(gateway: str, now: int) -> Iterable[dict[str, Any]]:
    """The seeded shop of `gateway` as it looks at `now` (Unix seconds), oldest first."""
    if gateway != "stripe":
        raise KeyError(gateway)
    from billctl.sandbox.stripe.seed import shop

    return shop(now)
