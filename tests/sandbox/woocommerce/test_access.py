"""Who is let in, and what the others are told."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import pytest

from billctl.sandbox import WOOCOMMERCE_KEY, WOOCOMMERCE_SECRET
from tests.sandbox.woocommerce.conftest import LIVE, READ, TEST, Keys, Wire

NOBODY = (401, "woocommerce_rest_cannot_view", {"status": 401})
IN_THE_QUERY: dict[str, Any] = {"consumer_key": WOOCOMMERCE_KEY, "consumer_secret": WOOCOMMERCE_SECRET}
WRONG: Keys = ("ck_somebodyelse", WOOCOMMERCE_SECRET)


def test_a_key_and_its_secret_open_the_store(shop: Wire) -> None:
    assert shop.ask("GET orders/1041").status == 200


def test_so_they_do_in_the_query(shop: Wire) -> None:
    assert shop.ask("GET orders/1041", keys=None, **IN_THE_QUERY).status == 200


@pytest.mark.parametrize("keys", [None, WRONG, ("", "")])
def test_a_key_that_the_store_does_not_know_is_nobody(shop: Wire, keys: Keys) -> None:
    assert shop.ask("GET orders", keys=keys).error == NOBODY
    assert shop.ask("GET orders/1041", keys=keys).error == NOBODY


def test_a_wrong_secret_is_told_as_such(shop: Wire) -> None:
    reply = shop.ask("GET orders/1041", keys=(WOOCOMMERCE_KEY, "cs_wrong"))
    assert reply.error == (401, "woocommerce_rest_authentication_error", {"status": 401})
    assert reply.json["message"] == "Consumer secret is invalid."
    assert reply.headers["www-authenticate"].startswith("Basic realm=")


def test_over_plain_http_a_right_key_is_nobody_too(wire: Wire) -> None:
    wire.configure(woo_https=0)
    assert wire.ask("GET orders").error == NOBODY
    assert wire.ask("GET orders", keys=None, **IN_THE_QUERY).error == NOBODY


def test_a_header_that_is_no_basic_authentication_is_nobodys(shop: Wire) -> None:
    for header in ("Bearer x", "Basic ???", "Basic /w==", f"Basic {b64encode(b'nocolon').decode()}"):
        assert shop.ask("GET orders", keys=None, headers={"Authorization": header}).error == NOBODY


def test_a_read_key_reads_and_is_told_that_it_may_not_write(wire: Wire) -> None:
    assert wire.ask("GET orders/1041", keys=READ).status == 200
    reply = wire.ask("POST orders/1041/refunds", {"amount": "1.00"}, keys=READ)
    assert reply.error == (401, "woocommerce_rest_authentication_error", {"status": 401})
    assert reply.json["message"] == "The API key provided does not have write permissions."
    assert wire.moved() == []


def test_without_pretty_permalinks_nobody_is_let_in(wire: Wire) -> None:
    assert wire.ask("GET //", rest_route="/wc/v3/orders").error == NOBODY
    assert wire.ask("GET //about").status == 404
    wire.configure(woo_permalinks=0)
    reply = wire.ask("GET orders/1041")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=UTF-8")


def test_the_play_money_key_opens_another_copy_of_the_store(wire: Wire) -> None:
    live = wire.ask("POST orders/1041/notes", {"note": "seen"}, keys=LIVE)
    assert live.status == 201
    assert wire.get("orders/1041/notes") == []
    assert len(wire.ask("GET orders/1041/notes", keys=LIVE).json) == 1


def test_everybody_may_read_the_index(wire: Wire) -> None:
    site = wire.ask("GET //wp-json/", keys=None).json
    assert (site["url"], site["timezone_string"], "wc/v3" in site["namespaces"]) == (
        "https://shop.example",
        "Asia/Riyadh",
        True,
    )
    routes = wire.ask("GET ", keys=None).json["routes"]
    assert routes["/wc/v3/orders/(?P<order_id>[\\d]+)/refunds"]["methods"] == ["GET", "POST"]
    assert "/wc/v3/subscriptions/(?P<id>[\\d]+)" in routes


@pytest.mark.parametrize(
    ("version", "present"),
    [(80_900, ""), (90_000, "refunds"), (90_500, "send_order_details"), (90_800, "send_email")],
)
def test_the_index_tells_what_a_version_has(wire: Wire, version: int, present: str) -> None:
    wire.configure(woo_version=version, woo_subscriptions=0)
    routes = json.dumps(list(wire.ask("GET ", keys=None).json["routes"]))
    later = ["/wc/v3/refunds", "send_order_details", "send_email"]
    have = [name for name in later if name in routes]
    assert have == later[: len(have)]
    assert (have[-1] if have else "").endswith(present)
    assert "subscriptions" not in routes


def test_what_the_store_does_not_have_has_no_route(wire: Wire) -> None:
    wire.configure(woo_version=80_900, woo_subscriptions=0)
    for request in (
        "GET refunds",
        "POST orders/1041/actions/send_order_details",
        "GET subscriptions",
        "GET x",
    ):
        assert wire.ask(request).error == (404, "rest_no_route", {"status": 404})


def test_a_header_makes_a_read_delete(wire: Wire) -> None:
    assert (
        wire.ask("GET orders/1041", headers={"X-HTTP-Method-Override": "DELETE"}, force="true").status == 200
    )
    assert wire.ask("GET orders/1041").status == 404


def test_the_limit_of_one_who_may_not_is_no_parameters_matter(shop: Wire) -> None:
    """A parameter that is wrong is told to nobody as well, before he is turned away."""
    assert shop.ask("GET orders", keys=None, per_page=101).error[1] == "rest_invalid_param"


def test_a_form_is_read_like_a_document(wire: Wire) -> None:
    form = urlencode({"note": "by form"})
    reply = wire.ask(f"POST orders/1041/notes?{form}", headers={"Content-Type": "text/plain"}, keys=TEST)
    assert reply.json["note"] == "by form"


def test_a_body_that_is_no_json_is_refused(wire: Wire) -> None:
    import http.client

    connection = http.client.HTTPConnection(wire.netloc, timeout=10)
    pair = b64encode(f"{WOOCOMMERCE_KEY}:{WOOCOMMERCE_SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
    connection.request("POST", "/wp-json/wc/v3/orders/1041/refunds", b"{", headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (400, "rest_invalid_json")
    connection.close()
    assert wire.moved() == []
