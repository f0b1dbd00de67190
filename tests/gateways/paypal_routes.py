"""PayPal's paths answered with given objects: for what no sandbox can be brought to say."""

import json
import socket
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from billctl.testing.servers import Behaviour, LoopbackServer, Request, answer
from tests.gateways.paypal_wire import Wire, error, report

Answering = Wire | Behaviour


TOKEN = {"access_token": "A21AAcanaryToken1", "token_type": "Bearer", "expires_in": 32400}
NONE: Mapping[str, Answering] = {
    "POST /v1/oauth2/token": TOKEN,
    "GET /v1/reporting/transactions": report(),
    "POST /v2/invoicing/search-invoices": {"total_items": 0, "total_pages": 0},
    "GET /v1/customer/disputes": {"links": []},
}
"""What an account answers in which nothing happened."""

STATUS = {"RESOURCE_NOT_FOUND": 404, "NOT_AUTHORIZED": 403, "UNPROCESSABLE_ENTITY": 422}
MISSING = error("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")


def told(status: int, name: str, issue: str | None = None, **headers: str) -> Behaviour:
    """An error as PayPal tells it."""
    return answer(status, json.dumps(error(name, issue)), headers=headers)


def said(status: int, data: Any) -> Behaviour:
    """A JSON answer."""
    return answer(status, json.dumps(data))


def parameters(request: Request) -> dict[str, str]:
    """The query of a request."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(request.target).query).items()}


def by_query(choose: Callable[[dict[str, str]], Wire]) -> Behaviour:
    """An answer that depends on the query's parameters."""

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        return _say(choose(parameters(request)))(connection, request, closing)

    return behave


def _say(data: Wire) -> Behaviour:
    name = data.get("name")
    return said(STATUS.get(str(name), 400) if "debug_id" in data else 200, data)


def routes(table: Mapping[str, Answering]) -> Behaviour:
    """Answer `METHOD PATH` from `table`, else as an account in which nothing happened: with an object or by
    a behaviour. An object that is not there is missing."""

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        name = f"{request.method} {urlsplit(request.target).path}"
        found = table.get(name, NONE.get(name, MISSING))
        behaviour = _say(found) if isinstance(found, dict) else found
        return behaviour(connection, request, closing)

    return behave


def asked(server: LoopbackServer) -> list[str]:
    """`METHOD PATH` of every request but those for a token, sorted: the reads come in no fixed order."""
    names = [f"{request.method} {urlsplit(request.target).path}" for request in server.requests]
    return sorted(name for name in names if name != "POST /v1/oauth2/token")


def tokens_asked(server: LoopbackServer) -> int:
    """How many times a token was asked for."""
    return len([request for request in server.requests if request.target == "/v1/oauth2/token"])
