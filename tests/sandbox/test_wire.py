"""Stripe's wire: keys, parameters, errors and headers, below what the SDK shows."""

import base64
import http.client
import json
import socket
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from billctl.sandbox import ACCOUNT_ID, STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY
from billctl.sandbox.stripe.params import decode
from tests.sandbox.conftest import Wire

CHARGE = "ch_SbxLayla0000001"


def test_a_request_without_a_key_is_asked_for_one(shop: Wire) -> None:
    reply = shop.ask("GET /v1/account", headers={"Authorization": ""})
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == 'Basic realm="Stripe"'
    assert reply.error["type"] == "invalid_request_error"
    assert reply.error["message"].startswith("You did not provide an API key.")


@pytest.mark.parametrize("key", ["sk_test_somebodyElsesKey", "sk_live_somebodyElsesKey", "x", "rk_test_ü"])
def test_an_unknown_key_is_refused_and_not_repeated(shop: Wire, key: str) -> None:
    reply = shop.ask("GET /v1/account", headers={"Authorization": f"Bearer {key}".encode().decode("latin-1")})
    assert reply.status == 401
    assert reply.error["message"].startswith("Invalid API Key provided: ")
    assert key not in reply.text


def test_the_key_may_come_as_a_user_name(shop: Wire) -> None:
    basic = base64.b64encode(f"{STRIPE_KEY}:".encode()).decode()
    assert shop.ask("GET /v1/account", headers={"Authorization": f"Basic {basic}"}).json["id"] == ACCOUNT_ID
    assert shop.ask("GET /v1/account", headers={"Authorization": "Basic !!"}).status == 401


def test_a_restricted_key_reads_and_changes_nothing(shop: Wire) -> None:
    assert shop.get("/v1/customers", key=STRIPE_RESTRICTED_KEY)["data"]
    for change in (
        "POST /v1/refunds",
        "DELETE /v1/subscriptions/sub_SbxLayla000001",
        f"POST /v1/charges/{CHARGE}",
    ):
        reply = shop.ask(change, key=STRIPE_RESTRICTED_KEY)
        assert reply.status == 403
        assert "does not have the required permissions" in reply.error["message"]
        assert STRIPE_RESTRICTED_KEY not in reply.text


def test_another_account_is_closed(shop: Wire) -> None:
    mine = shop.ask("GET /v1/account", headers={"Stripe-Account": ACCOUNT_ID})
    other = shop.ask("GET /v1/account", headers={"Stripe-Account": "acct_1Other"})
    assert (mine.status, other.status) == (200, 403)
    assert other.error["code"] == "account_invalid"


@pytest.mark.parametrize(
    ("request_line", "form", "code", "param", "words"),
    [
        (
            "POST /v1/refunds",
            "charge=ch_x&because=1",
            "parameter_unknown",
            "because",
            "Received unknown parameter",
        ),
        (
            "POST /v1/subscriptions",
            "customer=cus_x&items[0][prise]=1",
            "parameter_unknown",
            "items[0][prise]",
            "items[0][prise]",
        ),
        (
            "POST /v1/subscriptions",
            "customer=cus_x&items[0][price]=p&coupon=c",
            "parameter_unknown",
            "coupon",
            "coupon",
        ),
        ("GET /v1/refunds", "customer=cus_x", "parameter_unknown", "customer", "customer"),
        ("GET /v1/disputes", "customer=cus_x", "parameter_unknown", "customer", "customer"),
        ("POST /v1/charges", "currency=usd", "parameter_missing", "amount", "Missing required param: amount"),
        ("GET /v1/charges/search", "", "parameter_missing", "query", "query"),
        ("POST /v1/refunds", f"charge={CHARGE}&amount=5.00", "parameter_invalid_integer", "amount", "5.00"),
        ("POST /v1/refunds", f"charge={CHARGE}&amount=-5", "parameter_invalid_integer", "amount", "greater"),
        ("POST /v1/refunds", f"charge={CHARGE}&amount=0", "parameter_invalid_integer", "amount", "greater"),
        ("POST /v1/refunds", "charge=", "parameter_invalid_empty", "charge", "empty string"),
        ("POST /v1/refunds", f"charge={CHARGE}&reason=bored", None, "reason", "must be one of duplicate"),
        ("POST /v1/refunds", f"charge={CHARGE}&metadata[a]={'x' * 501}", None, "metadata[a]", "500"),
        ("GET /v1/charges", "limit=0", "parameter_invalid_integer", "limit", "greater"),
        ("GET /v1/charges", "limit=101", "parameter_invalid_integer", "limit", "less"),
        ("GET /v1/charges", "created[since]=1", "parameter_unknown", "created[since]", "since"),
        ("GET /v1/charges", "expand=customer", None, "expand", "Invalid array"),
        ("GET /v1/charges", "starting_after=ch_x", "resource_missing", "starting_after", "No such charge"),
        ("GET /v1/invoices", "status=late", None, "status", "must be one of draft"),
        ("DELETE /v1/subscriptions/sub_SbxLayla000001", "prorate=maybe", None, "prorate", "Invalid boolean"),
    ],
)
def test_a_wrong_parameter_is_named(
    shop: Wire, *, request_line: str, form: str, code: str | None, param: str, words: str
) -> None:
    reply = shop.ask(request_line, form)
    assert reply.status == 400
    assert (reply.error["type"], reply.error.get("code")) == ("invalid_request_error", code)
    assert reply.error["param"] == param
    assert words in reply.error["message"]


def test_fifty_metadata_keys_are_taken_and_one_more_is_not(wire: Wire) -> None:
    def form(count: int) -> dict[str, str]:
        return {"charge": CHARGE, "amount": "1"} | {f"metadata[k{n}]": "v" for n in range(count)}

    assert len(wire.post("/v1/refunds", form(50))["metadata"]) == 50
    assert "50 keys" in wire.ask("POST /v1/refunds", form(51)).error["message"]


def test_what_stripe_knows_and_the_sandbox_does_not_is_refused_by_name(shop: Wire) -> None:
    error = shop.ask("POST /v1/refunds", f"charge={CHARGE}&reverse_transfer=true").error
    assert error["param"] == "reverse_transfer"
    assert "does not model" in error["message"]


@pytest.mark.parametrize(
    ("path", "noun", "param"),
    [
        ("/v1/charges/ch_no", "charge", "id"),
        ("/v1/customers/cus_no", "customer", "id"),
        ("/v1/invoices/in_no", "invoice", "invoice"),
        ("/v1/payment_intents/pi_no", "payment_intent", "intent"),
        ("/v1/subscriptions/sub_no", "subscription", "id"),
        ("/v1/charges/cus_SbxLayla000001", "charge", "id"),
    ],
)
def test_an_absent_object_is_a_404_that_names_it(shop: Wire, path: str, noun: str, param: str) -> None:
    reply = shop.ask(f"GET {path}")
    key = path.rpartition("/")[2]
    assert (reply.status, reply.error["code"]) == (404, "resource_missing")
    assert reply.error["message"] == f"No such {noun}: '{key}'"
    assert reply.error["param"] == param


@pytest.mark.parametrize("line", ["GET /v1/nothing", "GET /", "PUT /v1/charges", "DELETE /v1/charges/ch_1"])
def test_an_unknown_address_is_a_404_of_another_kind(shop: Wire, line: str) -> None:
    reply = shop.ask(line)
    assert reply.status == 404
    assert reply.error["message"].startswith(f"Unrecognized request URL ({line.replace(' ', ': ')})")
    assert "code" not in reply.error


def test_every_answer_carries_stripes_headers(shop: Wire) -> None:
    for line in ("GET /v1/account", "GET /v1/nothing"):
        reply = shop.ask(line, headers={"Stripe-Version": "2026-10-28.endive"})
        assert reply.headers["request-id"].startswith("req_")
        assert reply.headers["stripe-version"] == "2026-10-28.endive"
        assert reply.headers["content-type"] == "application/json"


def test_an_object_of_the_other_mode_is_said_to_be_there(shop: Wire) -> None:
    made = shop.post("/v1/customers", {"name": "Test only"})
    message = shop.ask(f"GET /v1/customers/{made['id']}", key=STRIPE_LIVE_KEY).error["message"]
    assert "a similar object exists in test mode, but a live mode key was used" in message


def test_one_connection_serves_request_after_request(shop: Wire) -> None:
    connection = http.client.HTTPConnection(shop.netloc, timeout=5)
    try:
        ports = set()
        for _ in range(3):
            connection.request("GET", "/v1/account", headers={"Authorization": f"Bearer {STRIPE_KEY}"})
            assert connection.getresponse().read()
            ports.add(connection.sock.getsockname())
        assert len(ports) == 1
    finally:
        connection.close()


def test_a_chunked_body_is_read(wire: Wire) -> None:
    connection = http.client.HTTPConnection(wire.netloc, timeout=5)
    try:
        form = urlencode({"charge": CHARGE, "amount": "7"}).encode()
        head = {"Authorization": f"Bearer {STRIPE_KEY}", "Transfer-Encoding": "chunked"}
        connection.request("POST", "/v1/refunds", iter([form[:5], form[5:]]), head, encode_chunked=True)
        assert json.loads(connection.getresponse().read())["amount"] == 7
    finally:
        connection.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(shop: Wire, sent: bytes) -> None:
    host, port = shop.netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(sent)
        answer = raw.makefile("rb").readline()
    assert answer.split()[1] in (b"400", b"413")
    assert shop.get("/v1/account")


def test_a_client_that_waits_for_100_continue_gets_it(shop: Wire) -> None:
    host, port = shop.netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(
            b"POST /v1/refunds HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
            b"Authorization: Bearer " + STRIPE_KEY.encode() + b"\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 100 ")
        raw.sendall(b"a=b")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_idle_clients_do_not_hold_up_others(shop: Wire) -> None:
    host, port = shop.netloc.split(":")
    idle = [socket.create_connection((host, int(port)), timeout=5) for _ in range(40)]
    try:
        started = time.monotonic()
        assert shop.get("/v1/account")["id"] == ACCOUNT_ID
        assert time.monotonic() - started < 3
    finally:
        for connection in idle:
            connection.close()


NAMES = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.text(max_size=20),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


# Making the inputs takes most of the time; on a busy machine that says nothing about what is tested.
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_what_the_sdk_encodes_is_decoded_as_it_was(params: dict[str, Any]) -> None:
    assert decode(urlencode(list(_api_encode(params)))) == params


@pytest.mark.parametrize(
    ("form", "params"),
    [
        ("expand[]=a&expand[]=b", {"expand": ["a", "b"]}),
        ("items[][price]=a&items[][quantity]=1", {"items": [{"price": "a", "quantity": "1"}]}),
        ("items[][price]=a&items[][price]=b", {"items": [{"price": "a"}, {"price": "b"}]}),
        ("a[10]=y&a[2]=x", {"a": ["x", "y"]}),
        ("a=1&a=2", {"a": "2"}),
        ("a[b=1", {"a[b": "1"}),
        ("name=%D9%86%D9%88%D8%B1%D8%A9+x", {"name": "نورة x"}),
        ("a", {"a": ""}),
        ("&&", {}),
    ],
)
def test_forms_as_others_write_them(form: str, params: dict[str, Any]) -> None:
    assert decode(form) == params


@given(st.text(max_size=60))
def test_any_text_is_decoded_without_failing(form: str) -> None:
    assert isinstance(decode(form), dict)
