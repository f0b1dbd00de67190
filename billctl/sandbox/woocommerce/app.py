"""The store's HTTP surface: the fault that a request meets, then the exchange."""

import sqlite3

from billctl.sandbox.http import Answer
from billctl.sandbox.serving import Moment, Protocol
from billctl.sandbox.woocommerce.errors import fatal
from billctl.sandbox.woocommerce.exchange import Exchange, answered

__all__ = ["App"]


class App(Protocol):
    """A WooCommerce store, as far as this sandbox goes."""

    def serve(self, moment: Moment) -> Answer:
        """The store's answer; the exchange knows where a fault strikes."""
        return Exchange(moment).run()

    def unusable(self, moment: Moment, error: sqlite3.OperationalError) -> Answer:
        """PHP dying."""
        del moment, error
        died = fatal()
        return answered(died.body(), died.status)
