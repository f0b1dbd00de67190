"""Stripe's paths answered with given objects: for what no sandbox can be brought to say."""

import json
import socket
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from billctl.testing.servers import Behaviour, Request, answer

Parameters = dict[str, str]
EMPTY = {"object": "list", "data": [], "has_more": False, "url": "/v1/x"}
NO_SUCH = {
    "error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such object"}
}


def parameters(request: Request) -> Parameters:
    """The query of a request; of a repeated name the last."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(request.target).query).items()}


def routes(table: Mapping[str, dict[str, Any] | Callable[[Parameters], dict[str, Any]]]) -> Behaviour:
    """Answer `METHOD PATH` from `table`: an object, or a function of the query's parameters. An unnamed
    list is empty; an unnamed object is missing. An `error` in the answer makes it a 400."""

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        path = urlsplit(request.target).path
        found = table.get(f"{request.method} {path}")
        if found is None:
            found = EMPTY if path.count("/") == 2 or path.endswith("/search") else NO_SUCH
        body = found(parameters(request)) if callable(found) else found
        status = 200 if "error" not in body else 404 if body is NO_SUCH else 400
        return answer(status, json.dumps(body))(connection, request, closing)

    return behave
