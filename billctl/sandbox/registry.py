"""Which gateways can be rehearsed, and where their protocol and their shop are.

Modules load when a gateway is first asked: help and completion must not pay for them.
"""

from typing import Protocol

from billctl.sandbox.database import Clock, Database
from billctl.sandbox.http import Answer, Pause, Request

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


def seed(gateway: str, database: Database, *, live: bool, now: int) -> None:
    """Write one mode's shop as it looks at `now` (Unix seconds). Call inside a write transaction."""
    if gateway != "stripe":
        raise KeyError(gateway)
    from billctl.sandbox.stripe.seed import seed as seed_stripe

    seed_stripe(database, live=live, now=now)
