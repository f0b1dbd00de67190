"""The validator of exchanges goes red on what departs from Stripe's description, and only on that."""

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.openapi import StripeSpec, specs_folder
from tests.recording import RecordingProxy

AUTH = {"Authorization": "Bearer sk_test_1"}
JSON = {"Content-Type": "application/json; charset=utf-8"}

USED = {
    "account": [
        "account/settings/payments: unknown property 'statement_descriptor_prefix_kana'",
        "account/settings/payments: unknown property 'statement_descriptor_prefix_kanji'",
    ],
    "charge": ["charge: unknown property 'source'"],
    "customer": [],
    "deleted_customer": [],
    "dispute": [],
    "invoice": ["invoice: unknown property 'subscription'"],
    "invoice_payment": [],
    "payment_intent": ["payment_intent: unknown property 'source'"],
    "payment_method": [],
    "refund": [],
    "subscription": [
        "subscription/items/data/0/price/recurring: unknown property 'trial_period_days'",
        "subscription/items/data/0: unknown property 'plan'",
    ],
}
"""Stripe's own examples of what billctl uses, with all that their schemas of the same date do not list."""


@pytest.fixture
def spec() -> StripeSpec:
    return StripeSpec.load()


@pytest.fixture
def examples(spec: StripeSpec) -> dict[str, Any]:
    path = next(specs_folder().glob("stripe/fixtures-*.json"))
    resources: dict[str, Any] = json.loads(path.read_bytes())["resources"]
    return resources


@pytest.fixture
def charge(examples: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in examples["charge"].items() if name != "source"}


def answer(spec: StripeSpec, value: object, path: str = "/v1/charges/ch_1", status: int = 200) -> list[str]:
    return spec.check_response("GET", path, status, JSON, json.dumps(value).encode())


def envelope(url: str, *items: object) -> dict[str, Any]:
    return {"object": "list", "data": list(items), "has_more": False, "url": url}


@pytest.mark.parametrize("resource", USED)
def test_stripes_own_examples_have_no_problem_but_the_named_ones(
    spec: StripeSpec, examples: dict[str, Any], resource: str
) -> None:
    assert spec.check_object(resource, examples[resource]) == USED[resource]


@pytest.mark.parametrize("resource", ["charge", "customer", "refund", "dispute"])
def test_a_list_of_stripes_examples_is_right(
    spec: StripeSpec, examples: dict[str, Any], charge: dict[str, Any], resource: str
) -> None:
    path = f"/v1/{resource}s"
    item = charge if resource == "charge" else examples[resource]
    assert answer(spec, envelope(path, item), path) == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", "/v1/refunds", "", "charge=ch_1&amount=1250&reason=duplicate&metadata[a]=b&expand[]=charge"),
        ("POST", "/v1/refunds", "", "charge=ch_1&metadata%5Bname%5D=%D9%84%D9%8A%D9%84%D9%89"),
        ("GET", "/v1/charges", "limit=3&created[gte]=12&expand[0]=data.refunds&expand[1]=data.customer", ""),
        ("GET", "/v1/charges", "created=1700000000", ""),
        ("GET", "/v1/charges/search", "query=customer%3A%22cus_1%22&limit=100", ""),
        ("DELETE", "/v1/subscriptions/sub_1", "prorate=true", ""),
        ("DELETE", "/v1/subscriptions/sub_1", "", "cancellation_details[comment]=x&invoice_now=false"),
        ("POST", "/v1/invoices/in_1/send", "", ""),
        ("POST", "/v1/subscriptions", "", "customer=cus_1&items[0][price]=price_1&items[0][quantity]=2"),
    ],
)
def test_a_right_request_has_no_problem(
    spec: StripeSpec, method: str, path: str, query: str, body: str
) -> None:
    assert spec.check_request(method, path, AUTH, query, body.encode()) == []


@pytest.mark.parametrize(
    ("request_line", "body", "problem"),
    [
        ("GET /v1/nothing", "", "unknown path /v1/nothing"),
        ("PUT /v1/charges", "", "/v1/charges has no PUT"),
        ("GET /v1/charges/", "", "path parameter 'charge' is empty"),
        ("POST /v1/invoices//send", "", "path parameter 'invoice' is empty"),
        ("POST /v1/refunds", "charge=c&amount=12.5", 'body/amount: "12.5" is not of type'),
        ("POST /v1/refunds", "charge=c&amount=1250.0", 'body/amount: "1250.0" is not of type'),
        ("POST /v1/refunds", "charge=c&amount=%D9%A1", "body/amount: "),
        ("POST /v1/refunds", "charge=c&reason=because", 'body/reason: "because" is not one of'),
        ("POST /v1/refunds", "charge=c&at=1", "body: unknown property 'at'"),
        ("POST /v1/refunds", "charge=c&charge=d", "body: 'charge' is given twice"),
        ("POST /v1/refunds", "charge[=c", "body: ill-formed parameter name 'charge['"),
        ("POST /v1/refunds", "charge", "body: not a form"),
        ("POST /v1/refunds", "charge=c&metadata=x", "body/metadata: "),
        ("POST /v1/refunds?charge=c", "", "query: unknown property 'charge'"),
        ("GET /v1/charges?limit=ten", "", 'query/limit: "ten" is not of type'),
        ("GET /v1/charges?created[after]=1", "", "query/created: unknown property 'after'"),
        ("GET /v1/charges?expand[1]=data", "", "query/expand: "),
        ("GET /v1/charges?expand[][x]=data", "", "[] is read here only at the end"),
        ("GET /v1/charges?a[b]=1&a=2", "", "query: 'a' is given twice"),
        ("GET /v1/charges?a=1&a[b]=2", "", "given both as a value and as an object"),
        ("GET /v1/charges", "limit=1", "body: unknown property 'limit'"),
        ("GET /v1/charges/search?limit=3", "", 'query: "query" is a required property'),
        ("DELETE /v1/subscriptions/s?prorate=1", "", 'body/prorate: "1" is not of type "boolean"'),
        ("DELETE /v1/subscriptions/s?at_period_end=true", "", "unknown property 'at_period_end'"),
        ("POST /v1/subscriptions", "customer=c&items[0][prize]=p", "unknown property 'prize'"),
        ("POST /v1/refunds", "metadata[a]=ليلى", "a form is ASCII"),
    ],
)
def test_a_wrong_request_has_its_problem_named(
    spec: StripeSpec, request_line: str, body: str, problem: str
) -> None:
    method, _, target = request_line.partition(" ")
    path, _, query = target.partition("?")
    found = spec.check_request(method, path, AUTH, query, body.encode())
    assert [line for line in found if problem in line], found


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({}, "Authorization"),
        ({"Authorization": "Bearer "}, "Authorization"),
        (AUTH | {"Content-Type": "application/json"}, "Content-Type 'application/json'"),
        (AUTH | {"Idempotency-Key": "k" * 256}, "Idempotency-Key is longer than 255"),
    ],
)
def test_wrong_headers_of_a_request_are_problems(
    spec: StripeSpec, headers: dict[str, str], problem: str
) -> None:
    (found,) = spec.check_request("POST", "/v1/refunds", headers, "", b"charge=ch_1")
    assert problem in found


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"amount": 12.5}, 'body/amount: 12.5 is not of type "integer"'),
        ({"amount": 1250.0}, 'body/amount: 1250.0 is not of type "integer"'),
        ({"amount": None}, 'body/amount: null is not of type "integer"'),
        ({"currency": "USD"}, 'body/currency: "USD" is not a "currency"'),
        ({"created": 1_700_000_000_000}, "body/created: 1700000000000 is greater than the maximum"),
        ({"status": "refunded"}, 'body/status: "refunded" is not one of'),
        ({"invoice": "in_1"}, "body: unknown property 'invoice'"),
        ({"customer": {"object": "customer", "id": 3}}, 'body/customer/id: 3 is not of type "string"'),
        ({"customer": 3}, "body/customer: 3 is not valid under any"),
        ({"refunds": envelope("/v1/charges/c/refunds", {"id": "re_1"})}, 'body/refunds/data/0: "amount" is'),
        ({"billing_details": {"address": {"city": 3}}}, "body/billing_details/address/city: 3 is not of"),
        ({"metadata": {"key": 1}}, 'body/metadata/key: 1 is not of type "string"'),
    ],
)
def test_a_wrong_field_of_an_answer_is_named(
    spec: StripeSpec, charge: dict[str, Any], change: dict[str, Any], problem: str
) -> None:
    assert answer(spec, charge) == []
    found = answer(spec, charge | change)
    assert [line for line in found if problem in line], found


def test_every_required_field_is_missed_when_it_is_not_there(
    spec: StripeSpec, charge: dict[str, Any]
) -> None:
    needed = {name for name in charge if answer(spec, {n: v for n, v in charge.items() if n != name})}
    assert {"id", "object", "amount", "amount_refunded", "currency", "created", "livemode"} <= needed


def test_an_expanded_object_is_checked_as_deep_as_it_goes(
    spec: StripeSpec, examples: dict[str, Any], charge: dict[str, Any]
) -> None:
    good = charge | {"customer": examples["customer"]}
    bad = charge | {"customer": examples["customer"] | {"tax_exempt": "sometimes"}}
    assert answer(spec, good) == []
    assert answer(spec, bad) == [
        'body/customer/tax_exempt: "sometimes" is not one of "exempt", "none" or 2 other candidates'
    ]


@pytest.mark.parametrize(
    ("status", "error", "problem"),
    [
        (404, {"error": {"type": "invalid_request_error", "code": "resource_missing"}}, None),
        (404, {"error": {"type": "not_found"}}, 'body/error/type: "not_found" is not one of'),
        (404, {"error": {"message": "No such charge"}}, 'body/error: "type" is a required property'),
        (404, {"error": {"type": "api_error", "status": 404}}, "body/error: unknown property 'status'"),
        (404, {"message": "No such charge"}, 'body: "error" is a required property'),
        (404, [], 'body: [] is not of type "object"'),
        (302, {"error": {"type": "api_error"}}, "302 is not a status that Stripe answers with"),
        (200, {"error": {"type": "api_error"}}, "body: unknown property 'error'"),
    ],
)
def test_an_error_has_stripes_error_body(
    spec: StripeSpec, status: int, error: object, problem: str | None
) -> None:
    found = answer(spec, error, status=status)
    assert [line for line in found if problem in line] if problem else found == []


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff"])
def test_a_body_that_is_no_json_is_a_problem(spec: StripeSpec, body: bytes) -> None:
    (found,) = spec.check_response("GET", "/v1/charges/ch_1", 200, JSON, body)
    assert found.startswith("body is not JSON")


def test_another_media_type_than_the_declared_is_a_problem(spec: StripeSpec) -> None:
    (found,) = spec.check_response("GET", "/v1/charges/ch_1", 200, {"Content-Type": "text/html"}, b"{}")
    assert found == "Content-Type 'text/html' where application/json is declared"


def test_an_unknown_path_may_only_answer_with_an_error(spec: StripeSpec) -> None:
    error = {"error": {"type": "invalid_request_error", "message": "Unrecognized request URL"}}
    assert answer(spec, error, "/v1/nothing", 404) == []
    assert answer(spec, {}, "/v1/nothing", 200) == ["200 for GET /v1/nothing, which does not exist"]


class Upstream(BaseHTTPRequestHandler):
    """Says one right and one wrong thing, and hangs up on the third."""

    answers: ClassVar = {
        "/v1/refunds/re_1": (404, {"error": {"type": "api_error"}}),
        "/v1/balance": (200, {"x": 1}),
    }

    def do_GET(self) -> None:
        if self.path not in self.answers:
            self.close_connection = True
            return
        status, value = self.answers[self.path]
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Request-Id", "req_1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(base: str, path: str, headers: dict[str, str]) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.getheader("Request-Id"), response.read()
    finally:
        connection.close()


def test_the_proxy_passes_everything_on_and_names_what_was_wrong(spec: StripeSpec, upstream: str) -> None:
    with RecordingProxy(upstream) as proxy:
        right = get(proxy.url, "/v1/refunds/re_1", AUTH)
        assert proxy.problems() == []
        wrong = get(proxy.url, "/v1/balance", AUTH)
        problems = proxy.problems()
    assert right == (404, "req_1", b'{"error": {"type": "api_error"}}')
    assert wrong == (200, "req_1", b'{"x": 1}')
    assert "GET /v1/balance -> 200: body: unknown property 'x'" in problems
    assert [exchange.path for exchange in proxy.exchanges] == ["/v1/refunds/re_1", "/v1/balance"]


def test_the_proxy_names_a_wrong_request(spec: StripeSpec, upstream: str) -> None:
    with RecordingProxy(upstream) as proxy:
        get(proxy.url, "/v1/refunds/re_1", {})
    assert proxy.problems() == ["GET /v1/refunds/re_1: Authorization is neither Bearer nor Basic"]


def test_the_proxy_records_an_upstream_that_hangs_up(spec: StripeSpec, upstream: str) -> None:
    with RecordingProxy(upstream) as proxy, pytest.raises(http.client.RemoteDisconnected):
        get(proxy.url, "/v1/charges", AUTH)
    (problem,) = proxy.problems()
    assert problem.startswith("GET /v1/charges -> 0: no answer: RemoteDisconnected")
