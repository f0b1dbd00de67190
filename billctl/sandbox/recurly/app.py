"""Recurly's HTTP surface: faults first, then the exchange."""

import sqlite3

from billctl.sandbox import spoil as connection
from billctl.sandbox.http import Answer
from billctl.sandbox.recurly import spoil
from billctl.sandbox.recurly.errors import server_error
from billctl.sandbox.recurly.exchange import Exchange
from billctl.sandbox.recurly.routes import RESOURCES, route
from billctl.sandbox.serving import Moment, Protocol

__all__ = ["RESOURCES", "App", "route"]


class App(Protocol):
    """Recurly, as far as this sandbox goes."""

    def serve(self, moment: Moment) -> Answer:
        """Recurly's answer, or what a fault makes of it."""
        exchange, fault = Exchange(moment), moment.fault
        if fault and fault.kind in spoil.BEFORE:
            return connection.instead(fault, lambda met: exchange.refusal(spoil.refusal(met)))
        return connection.after(fault, exchange.run(), spoil.LIES)

    def unusable(self, moment: Moment, error: sqlite3.OperationalError) -> Answer:
        """Recurly's 500."""
        del error
        return Exchange(moment).refusal(server_error())
