"""Whether PayPal accepts the credentials: by one read of Transaction Search, which lookups need most.

Where that alone is out of order, a read of invoices tells it too: no refund waits for a search. An app that
lacks the permission for either is accepted; a check of the profile and a lookup say so.
"""

from collections.abc import Callable
from datetime import datetime

from billctl.errors import AuthFailed, NetworkError
from billctl.gateways.paypal import invoices, windows
from billctl.gateways.paypal.client import Client

UNHEARD = frozenset({"network", "timeout", "no_answer"})
"""Codes of failures in which PayPal said nothing at all: another question would not be heard either."""


NO_SEARCH = (
    "this app may not use Transaction Search, so payments are not found by e-mail or name nor listed; "
    "switch it on in PayPal's developer dashboard (it takes up to 9 hours)"
)


def prove(client: Client, now: datetime) -> tuple[str, ...]:
    """What the app lacks. Raises `AuthFailed` where the credentials are refused, and the errors of a read
    where none tells."""
    try:
        return () if _may(lambda: windows.probe(client, now)) else (NO_SEARCH,)
    except NetworkError as error:
        if error.code in UNHEARD:
            raise
        _may(lambda: invoices.probe(client))
        return ()


def _may(question: Callable[[], None]) -> bool:
    try:
        question()
    except AuthFailed as error:
        if error.code != "permission":
            raise
        return False
    return True
