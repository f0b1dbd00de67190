"""Whether PayPal accepts the credentials: by one read of Transaction Search, which lookups need most.

Where that alone is out of order, a read of invoices tells it too: no refund waits for a search. An app that
lacks the permission for either is accepted; a lookup says so.
"""

from collections.abc import Callable
from datetime import datetime

from billctl.errors import AuthFailed, NetworkError
from billctl.gateways.paypal import invoices, windows
from billctl.gateways.paypal.client import Client

UNHEARD = frozenset({"network", "timeout", "no_answer"})
"""Codes of failures in which PayPal said nothing at all: another question would not be heard either."""


def prove(client: Client, now: datetime) -> None:
    """Raise `AuthFailed` where the credentials are refused, and the errors of a read where none tells."""
    try:
        _ask(lambda: windows.probe(client, now))
    except NetworkError as error:
        if error.code in UNHEARD:
            raise
        _ask(lambda: invoices.probe(client))


def _ask(question: Callable[[], None]) -> None:
    try:
        question()
    except AuthFailed as error:
        if error.code != "permission":
            raise
