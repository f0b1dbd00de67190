"""A request's body and query, read strictly: what a strict server would refuse, this one refuses.

Whether PayPal takes a body with GET or DELETE, or any with an operation that describes none, is not
verified: here it is 415.
"""

import json
from typing import Any
from urllib.parse import parse_qsl

from billctl.sandbox.http import Request
from billctl.sandbox.paypal.call import Endpoint
from billctl.sandbox.paypal.errors import ApiError, detail, invalid

JSON = "application/json"


def body_of(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """The JSON body as the endpoint takes it; no body is an empty object."""
    if endpoint.body is None:
        if request.body:
            raise ApiError(415)
        return {}
    if request.body and request.headers.get("content-type", "").partition(";")[0].strip() != JSON:
        raise ApiError(415)
    checked: dict[str, Any] = endpoint.body(_read(request.body) if request.body else {}, "")
    return checked


def _read(text: bytes) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ApiError(400, [detail("MALFORMED_REQUEST_JSON")]) from None


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a name is there twice")
    return whole


def _no_constant(word: str) -> None:
    raise ValueError(word)


def query_of(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """The known parameters, checked; those with a default are always there. Unknown ones are ignored."""
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    for name in endpoint.required.split():
        if name not in given:
            raise invalid("MISSING_REQUIRED_PARAMETER", field=name, location="query")
    found: dict[str, Any] = {}
    for name, known in endpoint.query.items():
        check, default = known if isinstance(known, tuple) else (known, None)
        if name in given:
            found[name] = check(given[name], name)
        elif isinstance(known, tuple):
            found[name] = default
    return found
