"""One gateway down, slow or lying while the others answer: its part failed, and nothing else."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from billctl.testing import servers
from billctl.testing.servers import Behaviour, LoopbackServer, Request
from tests.gateway_shops import GATEWAYS, HOUSES, LAYLA, Street, open_street
from tests.shop import SECONDS, Ran

DOWN = "http://127.0.0.1:1"
LIMITS = "[network]\nread_timeout = 3\n"
HTML = {"Content-Type": "text/html"}
XML = {"Content-Type": "application/xml; charset=utf-8"}

LIES: dict[str, Behaviour] = {
    "html": servers.answer(200, "<html>Sign in</html>", headers=HTML),
    "null": servers.answer(200, "null"),
    "object": servers.answer(200, "{}"),
    "list": servers.answer(200, "[]"),
    "empty": servers.answer(200, ""),
    "no content": servers.answer(204, ""),
    "number": servers.answer(200, "1e400"),
    "bytes": servers.answer(200, b"\xff\xfe\x00"),
    "other xml": servers.answer(200, "<html><body/></html>", headers=XML),
    "cut xml": servers.answer(200, '<?xml version="1.0"?><customer><id>lay', headers=XML),
    "empty xml": servers.answer(200, "<customer/>", headers=XML),
    "garbage": servers.garbage,
    "cut": servers.cutting,
    "dropped": servers.dropping,
    "html 502": servers.answer(502, "<html>Bad Gateway</html>", headers=HTML),
    "html 401": servers.answer(401, "<html>Sign in</html>", headers=HTML),
    "html 404": servers.answer(404, "<html>Not here</html>", headers=HTML),
    "html 403": servers.answer(403, "<html>Blocked</html>", headers=HTML),
    "empty 404": servers.answer(404, ""),
    "empty 401": servers.answer(401, ""),
    "empty 429": servers.answer(429, ""),
    "empty 422": servers.answer(422, ""),
    "named 404": servers.answer(404, '{"name": "RESOURCE_NOT_FOUND", "message": "none"}'),
    "another's 404": servers.answer(404, '{"error": {"type": "invalid_request", "message": "No such"}}'),
    "xml 404": servers.answer(404, "", headers=XML),
    "xml 422": servers.answer(422, "<api-error-response><errors/></api-error-response>", headers=XML),
    "redirect": servers.answer(302, "", headers={"Location": "http://127.0.0.1:1/elsewhere"}),
}
FAST = {"html", "null", "cut xml", "named 404", "empty 404"}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """The three gateways; nothing here changes them."""
    with open_street(tmp_path_factory.mktemp("street")) as opened:
        yield opened


@pytest.fixture(scope="module")
def well(street: Street) -> dict[str, Any]:
    """What a lookup shows when all is well."""
    street.street()
    ran = street.run("lookup", LAYLA, "-o", "json")
    assert ran.code == 0
    data: dict[str, Any] = ran.data
    return data


def is_token(request: Request) -> bool:
    return request.target == "/v1/oauth2/token"


@contextmanager
def lying(street: Street, gateway: str, behaviour: Behaviour) -> Iterator[LoopbackServer]:
    """Let `gateway` answer everything so; PayPal still gives tokens, so that its answers themselves are met."""
    true = servers.Upstream(street.urls[gateway]).pass_on
    with LoopbackServer(servers.only(is_token, true, behaviour)) as server:
        street.street(more=LIMITS, **{gateway: server.url})
        yield server


def rest_of(data: Any, gateway: str) -> list[Any]:
    """The customers of the others."""
    return [customer for customer in data["customers"] if customer["account"] != gateway]


def check_lookup(ran: Ran, gateway: str, well: dict[str, Any]) -> None:
    """The account `gateway` failed with one line, and the others' parts are as ever."""
    assert ran.code == 7, ran
    parts = {part["account"]: part["status"] for part in ran.data["accounts"]}
    assert list(parts) == list(GATEWAYS)
    assert parts == {name: "failed" if name == gateway else "found" for name in GATEWAYS}
    assert rest_of(ran.data, gateway) == rest_of(well, gateway)
    assert len(ran.data["customers"]) == len(rest_of(well, gateway))
    (error,) = ran.document["errors"]
    assert error["account"] == gateway
    assert "Traceback" not in ran.err


def cases(fast: set[str]) -> list[Any]:
    """Every lie of every gateway; those of PayPal and Braintree that are `fast` run by default."""
    return [
        pytest.param(gateway, kind, marks=() if kind in fast and gateway != "stripe" else pytest.mark.slow)
        for gateway in GATEWAYS
        for kind in LIES
    ]


@pytest.mark.parametrize(("gateway", "kind"), cases(FAST))
def test_a_gateway_that_lies_fails_alone(
    street: Street, well: dict[str, Any], gateway: str, kind: str
) -> None:
    with lying(street, gateway, LIES[kind]):
        ran = street.run("lookup", LAYLA, "-o", "json")
        check_lookup(ran, gateway, well)
        failed = street.run("lookup", LAYLA, "--all-or-fail", "-o", "json")
    (error,) = ran.document["errors"]
    assert failed.document["exit"]["class"] == error["class"]
    assert failed.code in {4, 5, 11}
