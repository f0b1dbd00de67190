"""Recurly's HTTP surface: faults first, then the exchange."""

import sqlite3

from billctl.sandbox import spoil as connection
from billctl.sandbox.database import Clock, Database
from billctl.sandbox.fault_table import take
from billctl.sandbox.http import Answer, Pause, Request
from billctl.sandbox.limits import Turnstile
from billctl.sandbox.recurly import spoil
from billctl.sandbox.recurly.errors import server_error
from billctl.sandbox.recurly.exchange import Exchange
from billctl.sandbox.recurly.routes import RESOURCES, route

__all__ = ["RESOURCES", "App", "route"]


class App:
    """Recurly, as far as this sandbox goes."""

    def __init__(self, clock: Clock, turnstile: Turnstile) -> None:
        self._clock = clock
        self._turnstile = turnstile

    def answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        """Serve one request; every failure becomes Recurly's answer for it.

        State that cannot be used (locked for long, a full disk, read-only) is Recurly's 500.
        """
        try:
            return self._answer(request, database, pause)
        except sqlite3.OperationalError:
            exchange = Exchange(request, database, 0, None, pause, turnstile=self._turnstile)
            return exchange.refusal(server_error())

    def _answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        fault = take(database, request.method, request.path)
        exchange = Exchange(
            request, database, int(self._clock().timestamp()), fault, pause, turnstile=self._turnstile
        )
        if fault and fault.kind in spoil.BEFORE:
            return connection.instead(fault, lambda met: exchange.refusal(spoil.refusal(met)))
        return connection.after(fault, exchange.run(), spoil.LIES)
