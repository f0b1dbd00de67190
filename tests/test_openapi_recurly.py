"""The checks against Recurly's description find what is wrong, and find nothing wrong in what is right."""

import copy
import json
from base64 import b64encode
from typing import Any

import pytest

from tests.openapi_recurly import RecurlySpec
from tests.openapi_recurly_schema import repaired

Json = dict[str, Any]
REFUND = "/invoices/laylain00001/refund"
SENT = {
    "Authorization": f"Basic {b64encode(b'key:').decode()}",
    "Accept": "application/vnd.recurly.v2021-02-25",
    "Content-Type": "application/json",
}
ANSWERED = {
    "Content-Type": "application/json; charset=utf-8",
    "X-Request-Id": "0123456789abcdef",
    "Recurly-Version": "recurly.v2021-02-25",
    "X-RateLimit-Limit": "2000",
    "X-RateLimit-Remaining": "1999",
    "X-RateLimit-Reset": "1790000000",
}
INVOICE: Json = {
    "id": "laylain00001",
    "object": "invoice",
    "type": "credit",
    "state": "closed",
    "number": "1001",
    "currency": "USD",
    "total": -20.5,
    "refundable_amount": None,
    "created_at": "2026-11-22T03:00:00Z",
    "account": {"id": "laylaac00001", "code": "layla", "email": "layla@example.com"},
    "transactions": [{"id": "laylatx00001", "amount": 20.5, "type": "refund", "status": "success"}],
}
ERROR: Json = {
    "error": {"type": "validation", "message": "amount is too large", "params": [{"param": "amount"}]}
}


@pytest.fixture(scope="module")
def spec() -> RecurlySpec:
    return RecurlySpec.load()


def changed(body: Json, *path: str | int, to: object) -> Json:
    """The body with one value replaced; `...` takes it out."""
    copied: Any = copy.deepcopy(body)
    place = copied
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    whole: Json = copied
    return whole


def asked(
    spec: RecurlySpec, line: str, body: object = None, headers: dict[str, str] | None = None
) -> list[str]:
    method, target = line.split(" ")
    path, _, query = target.partition("?")
    sent = b"" if body is None else json.dumps(body).encode()
    return spec.check_request(method, path, SENT | (headers or {}), query, sent)


def answered(
    spec: RecurlySpec,
    body: object,
    line: str = "GET /invoices/x",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> list[str]:
    method, path = line.split(" ")
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return spec.check_response(method, path, status, ANSWERED | (headers or {}), text)


@pytest.mark.parametrize(
    ("line", "body", "headers"),
    [
        (f"POST {REFUND}", {"type": "amount"}, {}),
        (f"POST {REFUND}", {"type": "amount", "amount": 10.5, "refund_method": "all_transaction"}, {}),
        (f"POST {REFUND}", {"type": "amount", "amount": 10}, {"Idempotency-Key": "a" * 32}),
        (f"POST {REFUND}", {"type": "line_items", "line_items": [{"id": "laylali00001", "quantity": 1}]}, {}),
        (
            f"POST {REFUND}",
            {
                "type": "amount",
                "external_refund": {"payment_method": "check", "refunded_at": "2026-11-22T03:00:00Z"},
            },
            {},
        ),
        ("GET /accounts?email=layla%40example.com&limit=200", None, {}),
        ("GET /accounts?past_due=true", None, {}),
        ("GET /accounts/code-layla%40example.com", None, {}),
        ("GET /accounts/x/billing_infos?cursor=a%3A1&limit=20&order=desc&sort=created_at", None, {}),
        ("GET /invoices?ids=laylain00001,laylain00002", None, {}),
        ("GET /invoices/number-1001.pdf", None, {}),
        ("HEAD /invoices?state=past_due", None, {}),
        ("DELETE /subscriptions/x?refund=partial&charge=false", None, {"Idempotency-Key": "k"}),
        ("PUT /subscriptions/x/cancel", None, {}),
        ("PUT /subscriptions/x/cancel", {"timeframe": "bill_date"}, {}),
    ],
)
def test_a_request_that_is_described_passes(
    spec: RecurlySpec, line: str, body: object, headers: dict[str, str]
) -> None:
    assert asked(spec, line, body, headers) == []


@pytest.mark.parametrize(
    ("line", "body", "headers"),
    [
        (f"POST {REFUND}", None, {}),
        (f"POST {REFUND}", {}, {}),
        (f"POST {REFUND}", [], {}),
        (f"POST {REFUND}", {"type": "amount", "amount": "10.00"}, {}),
        (f"POST {REFUND}", {"type": "amount", "amount": None}, {}),
        (f"POST {REFUND}", {"type": "percentage", "percentage": 50}, {}),
        (f"POST {REFUND}", {"type": "amount", "refund_method": "all_cash"}, {}),
        (f"POST {REFUND}", {"type": "amount", "reason": "duplicate"}, {}),
        (f"POST {REFUND}", {"type": "line_items", "line_items": [{"id": "x", "quantity": 1.0}]}, {}),
        (f"POST {REFUND}", {"type": "amount", "external_refund": {"description": "cash"}}, {}),
        (f"POST {REFUND}", {"type": "amount"}, {"Idempotency-Key": "a" * 256}),
        (f"POST {REFUND}", {"type": "amount"}, {"Content-Type": "text/plain"}),
        ("GET /accounts?mail=layla", None, {}),
        ("GET /accounts?limit=201", None, {}),
        ("GET /accounts?limit=many", None, {}),
        ("GET /accounts?past_due=false", None, {}),
        ("GET /accounts?limit=5&limit=6", None, {}),
        ("GET /invoices?state=open", None, {}),
        ("GET /accounts/x/billing_infos?limit=5", None, {}),
        ("GET /invoices/x/related_invoices?limit=5", None, {}),
        ("GET /invoices?begin_time=yesterday", None, {}),
        ("GET /invoices", {"type": "credit"}, {}),
        ("GET /invoices", None, {"Idempotency-Key": "k"}),
        ("GET /invoices", None, {"Accept": "application/json"}),
        ("GET /invoices", None, {"Accept": "application/vnd.recurly.v2019-10-10"}),
        ("GET /invoices", None, {"Authorization": "Bearer key"}),
        ("GET /invoices", None, {"Authorization": f"Basic {b64encode(b'key:word').decode()}"}),
        ("HEAD /invoices/x", None, {}),
        ("GET /refunds", None, {}),
        ("POST /invoices/x/void", None, {}),
        ("PUT /invoices/x/void", {}, {}),
        ("PUT /subscriptions/x/cancel", {"timeframe": "now"}, {}),
        ("DELETE /subscriptions/x?refund=some", None, {}),
        ("DELETE /subscriptions/x?charge=1", None, {}),
    ],
)
def test_a_request_that_is_not_described_is_a_problem(
    spec: RecurlySpec, line: str, body: object, headers: dict[str, str]
) -> None:
    assert asked(spec, line, body, headers)


def test_answers_that_are_described_pass(spec: RecurlySpec) -> None:
    assert answered(spec, INVOICE) == []
    assert answered(spec, INVOICE, f"POST {REFUND}", 201) == []
    assert answered(spec, ERROR, f"POST {REFUND}", 422) == []
    assert (
        answered(spec, b"%PDF-1.4", "GET /invoices/x.pdf", headers={"Content-Type": "application/pdf"}) == []
    )
    assert answered(spec, b"", "HEAD /invoices", headers={"Recurly-Total-Records": "64"}) == []
    page = {"object": "list", "has_more": False, "next": None, "data": [INVOICE]}
    assert answered(spec, page, "GET /invoices") == []


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("id",), 7),
        (("total",), "-20.50"),
        (("state",), "refunded"),
        (("refunds",), []),
        (("created_at",), "2026-11-22T03:00:00.123Z"),
        (("created_at",), 1_790_000_000),
        (("account", "id"), "x" * 14),
        (("account", "name"), "Layla"),
        (("account", "email"), "layla"),
        (("transactions", 0, "amount"), "20.50"),
        (("transactions", 0, "status"), "succeeded"),
        (("transactions", 0, "payment_method"), {"object": "card"}),
        (("transactions",), {}),
    ],
)
def test_an_answer_that_is_not_described_is_a_problem(
    spec: RecurlySpec, path: tuple[str | int, ...], to: object
) -> None:
    assert answered(spec, changed(INVOICE, *path, to=to))


@pytest.mark.parametrize(
    ("body", "line", "status", "headers"),
    [
        (INVOICE, f"POST {REFUND}", 200, {}),
        (INVOICE, "GET /invoices/x", 200, {"Content-Type": "text/html"}),
        (INVOICE, "GET /invoices/x", 200, {"X-Request-Id": ""}),
        (INVOICE, "GET /invoices/x", 200, {"Recurly-Version": ""}),
        (INVOICE, "GET /invoices/x", 200, {"X-RateLimit-Reset": "soon"}),
        (INVOICE, "GET /bills/x", 200, {}),
        (b"", "GET /invoices/x.pdf", 200, {"Content-Type": "application/pdf"}),
        (b'{"total": 1, "total": 2}', "GET /invoices/x", 200, {}),
        (b"", "HEAD /invoices", 200, {}),
        (b"{}", "HEAD /invoices", 200, {"Recurly-Total-Records": "64"}),
        ({"object": "list", "has_more": True, "next": None, "data": []}, "GET /invoices", 200, {}),
        ({"object": "list", "has_more": False, "next": "/x", "data": []}, "GET /invoices", 200, {}),
        (ERROR["error"], "GET /invoices/x", 422, {}),
        ({"error": {"type": "teapot", "message": "x"}}, "GET /invoices/x", 422, {}),
        ({"error": {"type": "validation"}}, "GET /invoices/x", 422, {}),
        ({"error": {"type": "validation", "message": "x", "code": 1}}, "GET /invoices/x", 422, {}),
    ],
)
def test_an_exchange_that_is_not_described_is_a_problem(
    spec: RecurlySpec, body: object, line: str, status: int, headers: dict[str, str]
) -> None:
    assert answered(spec, body, line, status, headers)


def test_patterns_lose_their_slashes_and_keep_their_flags() -> None:
    assert repaired("/^[a-z]+$/i") == "(?i)^[a-z]+$"
    assert repaired("/^[a-z]+$/") == "^[a-z]+$"
