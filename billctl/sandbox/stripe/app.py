"""Stripe's HTTP surface: faults first, then the exchange."""

import json
import sqlite3

from billctl.sandbox.http import Answer
from billctl.sandbox.serving import Moment, Protocol
from billctl.sandbox.stripe import spoil
from billctl.sandbox.stripe.errors import server_error
from billctl.sandbox.stripe.exchange import Exchange
from billctl.sandbox.stripe.routes import RESOURCES, route

__all__ = ["RESOURCES", "App", "route"]


class App(Protocol):
    """Stripe, as far as this sandbox goes."""

    def serve(self, moment: Moment) -> Answer:
        """Stripe's answer, or what a fault makes of it."""
        exchange, fault = Exchange(moment), moment.fault
        if fault and fault.kind in spoil.BEFORE:
            return spoil.instead(fault, exchange.headers())
        return spoil.after(fault, exchange.run())

    def unusable(self, moment: Moment, error: sqlite3.OperationalError) -> Answer:
        """Stripe's 500."""
        del moment
        failure = server_error(f"The sandbox cannot use its state: {error}.")
        return Answer(failure.status, json.dumps(failure.body).encode(), {"Content-Type": "application/json"})
