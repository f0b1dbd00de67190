"""PayPal's HTTP surface: faults first, then the exchange."""

import sqlite3

from billctl.sandbox import spoil as connection
from billctl.sandbox.http import Answer
from billctl.sandbox.paypal import spoil
from billctl.sandbox.paypal.errors import ApiError
from billctl.sandbox.paypal.exchange import Exchange
from billctl.sandbox.paypal.routes import RESOURCES, route
from billctl.sandbox.serving import Moment, Protocol

__all__ = ["RESOURCES", "App", "route"]


class App(Protocol):
    """PayPal, as far as this sandbox goes."""

    def serve(self, moment: Moment) -> Answer:
        """PayPal's answer, or what a fault makes of it."""
        exchange, fault, path = Exchange(moment), moment.fault, moment.request.path
        if fault and fault.kind in spoil.BEFORE:
            return connection.instead(fault, lambda met: exchange.refusal(spoil.refusal(met, path)))
        return connection.after(fault, exchange.run(), spoil.LIES)

    def unusable(self, moment: Moment, error: sqlite3.OperationalError) -> Answer:
        """PayPal's 500."""
        del error
        return Exchange(moment).refusal(ApiError(500))
