"""Braintree's HTTP surface: faults first, then the exchange, gzip last."""

import sqlite3

from billctl.sandbox.braintree import spoil
from billctl.sandbox.braintree.exchange import XML, Exchange
from billctl.sandbox.braintree.routes import RESOURCES, route
from billctl.sandbox.http import Answer, Request
from billctl.sandbox.serving import Moment, Protocol

__all__ = ["RESOURCES", "App", "route"]


class App(Protocol):
    """Braintree, as far as this sandbox goes."""

    def serve(self, moment: Moment) -> Answer:
        """Braintree's answer, or what a fault makes of it."""
        exchange, fault = Exchange(moment), moment.fault
        if fault and fault.kind in spoil.BEFORE:
            answer = spoil.instead(fault, exchange.headers())
        else:
            answer = spoil.after(fault, exchange.run())
        if answer.headers.get("Content-Type") == XML and answer.body and _takes_gzip(moment.request):
            answer.body = _gzip(answer.body)
            answer.headers["Content-Encoding"] = "gzip"
        return answer

    def unusable(self, moment: Moment, error: sqlite3.OperationalError) -> Answer:
        """Braintree's 500."""
        del moment, error
        return Answer(500, b"", {"Content-Type": XML})


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _gzip(body: bytes) -> bytes:
    import zlib

    packer = zlib.compressobj(level=1, wbits=31)
    return packer.compress(body) + packer.flush()
