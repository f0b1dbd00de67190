"""The store's HTTP surface: the fault that a request meets, then the exchange."""

import sqlite3

from billctl.sandbox.database import Clock, Database
from billctl.sandbox.fault_table import take
from billctl.sandbox.http import Answer, Pause, Request
from billctl.sandbox.limits import Turnstile
from billctl.sandbox.woocommerce.errors import fatal
from billctl.sandbox.woocommerce.exchange import Exchange, answered

__all__ = ["App"]


class App:
    """A WooCommerce store, as far as this sandbox goes."""

    def __init__(self, clock: Clock, turnstile: Turnstile) -> None:
        self._clock = clock
        self._turnstile = turnstile

    def answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        """Serve one request; every failure becomes the store's answer for it.

        State that cannot be used (locked for long, a full disk, read-only) is PHP dying.
        """
        try:
            fault = take(database, request.method, request.path)
            now = int(self._clock().timestamp())
            return Exchange(request, database, now, fault, pause, turnstile=self._turnstile).run()
        except sqlite3.OperationalError:
            error = fatal()
            return answered(error.body(), error.status)
