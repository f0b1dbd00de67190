"""A request's body and query, read strictly: what the OpenAPI description does not have is refused."""

import json
from typing import Any
from urllib.parse import parse_qsl

from billctl.sandbox.http import Request
from billctl.sandbox.recurly.call import Endpoint
from billctl.sandbox.recurly.errors import ApiError, bad_request, unpermitted
from billctl.sandbox.recurly.money import NumberText

JSON = "application/json"


def body_of(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """The JSON body as the endpoint takes it; no body is an empty object.

    The SDK names JSON as the content type of requests without a body too.
    """
    if not request.body:
        given: Any = {}
    elif request.headers.get("content-type", "").partition(";")[0].strip() != JSON:
        raise ApiError(400, "invalid_content_type", f"The content type must be {JSON}.")
    else:
        given = _read(request.body)
    if endpoint.body is None:
        if given != {}:
            raise bad_request("This request takes no body.")
        return {}
    checked: dict[str, Any] = endpoint.body(given, "")
    return checked


def _read(text: bytes) -> Any:
    try:
        return json.loads(
            text, parse_float=NumberText, parse_constant=_no_constant, object_pairs_hook=_no_doubles
        )
    except (ValueError, RecursionError):
        raise bad_request("The request's body is not valid JSON.") from None


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a name is there twice")
    return whole


def _no_constant(word: str) -> None:
    raise ValueError(word)


def query_of(request: Request, endpoint: Endpoint) -> tuple[dict[str, Any], dict[str, str]]:
    """The query's parameters, checked, and as they were sent."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) != len(pairs):
        raise bad_request("A parameter is given twice.")
    for name in given:
        if name not in endpoint.query:
            raise unpermitted(name)
    return {name: endpoint.query[name](value, name) for name, value in given.items()}, given
