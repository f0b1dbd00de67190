"""Stripe's HTTP surface: faults first, then the exchange."""

import json
import sqlite3

from billctl.sandbox.database import Clock, Database
from billctl.sandbox.fault_table import take
from billctl.sandbox.http import Answer, Pause, Request
from billctl.sandbox.limits import Turnstile
from billctl.sandbox.stripe import spoil
from billctl.sandbox.stripe.errors import server_error
from billctl.sandbox.stripe.exchange import Exchange
from billctl.sandbox.stripe.routes import RESOURCES, route

__all__ = ["RESOURCES", "App", "route"]


class App:
    """Stripe, as far as this sandbox goes."""

    def __init__(self, clock: Clock, turnstile: Turnstile) -> None:
        self._clock = clock
        self._turnstile = turnstile

    def answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        """Serve one request; every failure becomes Stripe's answer for it.

        State that cannot be used (locked for long, a full disk, read-only) is Stripe's 500.
        """
        try:
            return self._answer(request, database, pause)
        except sqlite3.OperationalError as error:
            failure = server_error(f"The sandbox cannot use its state: {error}.")
            return Answer(
                failure.status, json.dumps(failure.body).encode(), {"Content-Type": "application/json"}
            )

    def _answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        fault = take(database, request.method, request.path)
        exchange = Exchange(
            request, database, int(self._clock().timestamp()), fault, pause, turnstile=self._turnstile
        )
        if fault and fault.kind in spoil.BEFORE:
            return spoil.instead(fault, exchange.headers())
        return spoil.after(fault, exchange.run())
