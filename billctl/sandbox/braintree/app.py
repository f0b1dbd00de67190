"""Braintree's HTTP surface: faults first, then the exchange, gzip last."""

import sqlite3

from billctl.sandbox.braintree import spoil
from billctl.sandbox.braintree.exchange import XML, Exchange
from billctl.sandbox.braintree.routes import RESOURCES, route
from billctl.sandbox.database import Clock, Database
from billctl.sandbox.fault_table import take
from billctl.sandbox.http import Answer, Pause, Request
from billctl.sandbox.limits import Turnstile

__all__ = ["RESOURCES", "App", "route"]


class App:
    """Braintree, as far as this sandbox goes."""

    def __init__(self, clock: Clock, turnstile: Turnstile) -> None:
        self._clock = clock
        self._turnstile = turnstile

    def answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        """Serve one request; every failure becomes Braintree's answer for it.

        State that cannot be used (locked for long, a full disk, read-only) is Braintree's 500.
        """
        try:
            answer = self._answer(request, database, pause)
        except sqlite3.OperationalError:
            return Answer(500, b"", {"Content-Type": XML})
        if answer.headers.get("Content-Type") == XML and answer.body and _takes_gzip(request):
            answer.body = _gzip(answer.body)
            answer.headers["Content-Encoding"] = "gzip"
        return answer

    def _answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        fault = take(database, request.method, request.path)
        exchange = Exchange(
            request, database, int(self._clock().timestamp()), fault, pause, turnstile=self._turnstile
        )
        if fault and fault.kind in spoil.BEFORE:
            return spoil.instead(fault, exchange.headers())
        return spoil.after(fault, exchange.run())


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _gzip(body: bytes) -> bytes:
    import zlib

    packer = zlib.compressobj(level=1, wbits=31)
    return packer.compress(body) + packer.flush()
