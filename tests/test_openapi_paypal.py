"""The checks against PayPal's OpenAPI files find what is wrong, and find nothing wrong in what is right."""

import copy
import json
from typing import Any

import pytest

from tests.openapi_paypal import PayPalSpec
from tests.openapi_paypal_schema import repaired

Json = dict[str, Any]
REFUND = "/v2/payments/captures/SBXLAYLA000000001/refund"
SENT = {"Authorization": "Bearer x", "Content-Type": "application/json"}
ANSWERED = {"Content-Type": "application/json", "Paypal-Debug-Id": "0123456789abc"}
MONEY = {"currency_code": "USD", "value": "10.00"}
CAPTURE: Json = {
    "id": "SBXLAYLA000000001",
    "status": "COMPLETED",
    "amount": MONEY,
    "seller_receivable_breakdown": {"gross_amount": MONEY},
    "payee": {"email_address": "shop@example.com", "merchant_id": "SBXMERCHANT22"},
    "create_time": "2026-11-22T03:00:00Z",
}
ERROR: Json = {
    "name": "UNPROCESSABLE_ENTITY",
    "message": (
        "The requested action could not be performed, semantically incorrect, or failed business validation."
    ),
    "debug_id": "0123456789abc",
    "details": [{"issue": "CAPTURE_FULLY_REFUNDED", "field": "/amount"}],
}


@pytest.fixture(scope="module")
def spec() -> PayPalSpec:
    return PayPalSpec.load()


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
    spec: PayPalSpec,
    line: str,
    body: object = None,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> list[str]:
    method, path = line.split(" ")
    sent = b"" if body is None else json.dumps(body).encode()
    return spec.check_request(method, path, {**SENT, **(headers or {})}, query, sent)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"amount": MONEY},
        {
            "amount": {"currency_code": "JPY", "value": "1000"},
            "note_to_payer": "Sorry",
            "invoice_id": "INV-1",
        },
    ],
)
def test_a_refund_that_is_described_passes(spec: PayPalSpec, body: Json) -> None:
    assert asked(spec, f"POST {REFUND}", body, headers={"PayPal-Request-Id": "a" * 32}) == []


@pytest.mark.parametrize(
    "body",
    [
        {"amount": {"currency_code": "USD", "value": 10.00}},
        {"amount": {"currency_code": "USD", "value": 10}},
        {"amount": {"currency_code": "USD", "value": "10,00"}},
        {"amount": {"currency_code": "USD", "value": "1" * 33}},
        {"amount": {"currency_code": "usd", "value": "10.00"}},
        {"amount": {"currency_code": "DOLLAR", "value": "10.00"}},
        {"amount": {"value": "10.00"}},
        {"amount": {"currency": "USD", "total": "10.00"}},
        {"amount": {**MONEY, "more": "x"}},
        {"amount": None},
        {"note_to_payer": "x" * 256},
        {"invoice_id": ""},
        {"reason": "duplicate"},
        {"payment_instruction": {"platform_fees": [{"amount": MONEY, "payee": {"email_address": "nobody"}}]}},
        [],
        None,
    ],
)
def test_a_refund_that_is_not_described_is_a_problem(spec: PayPalSpec, body: object) -> None:
    """The long e-mail pattern, which makes some validators skip the whole body, skips nothing here."""
    sent = b"null" if body is None else json.dumps(body).encode()
    assert spec.check_request("POST", REFUND, SENT, "", sent)


@pytest.mark.parametrize(
    ("line", "body", "query", "headers"),
    [
        ("GET /v2/payments/captures/SBXLAYLA000000001", None, "", {"Authorization": "Basic x"}),
        ("GET /v2/payments/captures/SBXLAYLA000000001", None, "", {"PayPal-Request-Id": "a"}),
        ("GET /v2/payments/captures/SBXLAYLA000000001", {}, "", {}),
        ("GET /v2/payments/captures/SBXLAYLA000000001", None, "page=1", {}),
        ("GET /v2/payments/captures", None, "", {}),
        ("PUT /v2/payments/captures/SBXLAYLA000000001", {}, "", {}),
        ("POST /v2/payments/authorizations/SBXLAYLAA00000001/void", {}, "", {}),
        (f"POST {REFUND}", {}, "", {"Content-Type": "text/plain"}),
        (f"POST {REFUND}", {}, "", {"PayPal-Request-Id": "a" * 79}),
        ("POST /v1/billing/subscriptions/I-SBXLAYLA0001/cancel", {}, "", {}),
        ("POST /v1/billing/subscriptions/I-SBXLAYLA0001/cancel", {"reason": "x" * 129}, "", {}),
        (
            "POST /v1/billing/subscriptions/I-SBXLAYLA0001/cancel",
            {"reason": "x"},
            "",
            {"PayPal-Request-Id": "a"},
        ),
        ("GET /v1/billing/subscriptions", None, "page_size=21", {}),
        ("GET /v1/billing/subscriptions", None, "email=x", {}),
        ("POST /v2/invoicing/invoices/INV2-A/cancel", None, "", {}),
        ("POST /v2/invoicing/invoices/INV2-A/remind", {"note_to_payer": "x"}, "", {}),
        ("POST /v2/invoicing/search-invoices", {"email": "x"}, "", {}),
        ("POST /v2/invoicing/search-invoices", {}, "page_size=101", {}),
        ("GET /v2/invoicing/invoices", None, "fields=some", {}),
        ("GET /v1/reporting/transactions", None, "", {}),
        ("GET /v1/reporting/transactions", None, "start_date=2026-11-01&end_date=2026-11-02", {}),
        ("GET /v1/customer/disputes", None, "page_size=51", {}),
        ("GET /v1/customer/disputes", None, "page_size=5&page_size=6", {}),
    ],
)
def test_a_request_that_is_not_described_is_a_problem(
    spec: PayPalSpec, line: str, body: object, query: str, headers: dict[str, str]
) -> None:
    assert asked(spec, line, body, query, headers)


@pytest.mark.parametrize(
    ("line", "body", "query", "headers"),
    [
        ("GET /v2/payments/captures/SBXLAYLA000000001", None, "", {}),
        ("POST /v2/payments/authorizations/SBXLAYLAA00000001/void", None, "", {"PayPal-Request-Id": "a"}),
        ("POST /v1/billing/subscriptions/I-SBXLAYLA0001/cancel", {"reason": "x" * 128}, "", {}),
        ("GET /v1/billing/subscriptions", None, "page_size=20&statuses=ACTIVE", {}),
        (
            "POST /v2/invoicing/search-invoices",
            {"recipient_email": "a@b.c", "fields": ["items"]},
            "page=1",
            {},
        ),
        ("GET /v2/invoicing/invoices", None, "fields=ALL&total_required=true", {}),
        (
            "GET /v1/reporting/transactions",
            None,
            "start_date=2026-11-01T00:00:00Z&end_date=2026-11-02T00:00:00%2B02:00&fields=all&page_size=500",
            {},
        ),
    ],
)
def test_a_request_that_is_described_passes(
    spec: PayPalSpec, line: str, body: object, query: str, headers: dict[str, str]
) -> None:
    assert asked(spec, line, body, query, headers) == []


def said(spec: PayPalSpec, status: int, body: object, path: str = REFUND, method: str = "POST") -> list[str]:
    return spec.check_response(method, path, status, ANSWERED, json.dumps(body).encode())


def test_an_answer_that_is_described_passes(spec: PayPalSpec) -> None:
    capture = REFUND.removesuffix("/refund")
    assert said(spec, 200, CAPTURE, capture, "GET") == []
    assert said(spec, 422, ERROR) == []
    assert spec.check_response("POST", f"{capture}/refund", 500, ANSWERED, b'{"name": "x"}')


@pytest.mark.parametrize(
    "body",
    [
        changed(CAPTURE, "status", to="SETTLED"),
        changed(CAPTURE, "amount", "value", to=10.0),
        changed(CAPTURE, "amount", "currency_code", to="usd"),
        changed(CAPTURE, "payer", to={"email_address": "layla@example.com"}),
        changed(CAPTURE, "payee", "merchant_id", to="SHOP00000000I"),
        changed(CAPTURE, "payee", "email_address", to="nobody"),
        changed(CAPTURE, "create_time", to="2026-11-22"),
        changed(CAPTURE, "create_time", to=1_790_000_000),
        changed(CAPTURE, "seller_receivable_breakdown", "gross_amount", to=...),
        changed(CAPTURE, "seller_receivable_breakdown", "more", to="x"),
        [CAPTURE],
    ],
)
def test_an_answer_that_is_not_described_is_a_problem(spec: PayPalSpec, body: object) -> None:
    assert said(spec, 200, body, REFUND.removesuffix("/refund"), "GET")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, changed(ERROR, "name", to="INVALID_REQUEST")),
        (422, changed(ERROR, "message", to="No.")),
        (422, changed(ERROR, "debug_id", to=...)),
        (422, changed(ERROR, "details", 0, "issue", to="CHARGE_ALREADY_REFUNDED")),
        (422, changed(ERROR, "details", 0, "description", to="Gone already")),
        (404, ERROR),
        (200, {"id": "x"}),
        (429, changed(ERROR, "name", to="SLOW_DOWN")),
    ],
)
def test_a_refusal_in_other_words_is_a_problem(spec: PayPalSpec, status: int, body: Json) -> None:
    assert said(spec, status, body)


def test_an_answer_without_a_debug_id_or_of_another_type_is_a_problem(spec: PayPalSpec) -> None:
    text = json.dumps(ERROR).encode()
    assert spec.check_response("POST", REFUND, 422, {"Content-Type": "application/json"}, text)
    assert spec.check_response("POST", REFUND, 422, {**ANSWERED, "Content-Type": "text/html"}, text)
    assert spec.check_response("POST", REFUND, 422, ANSWERED, b'{"name": "A", "name": "B"}')
    cancelled = "/v1/billing/subscriptions/I-SBXLAYLA0001/cancel"
    assert spec.check_response("POST", cancelled, 204, ANSWERED, b"") == []
    assert spec.check_response("POST", cancelled, 204, ANSWERED, b"{}")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("grant_type=password", {}),
        ("grant_type=client_credentials&scope=x", {}),
        ("grant_type=client_credentials", {"PayPal-Request-Id": "a"}),
        ("grant_type=client_credentials", {"Authorization": "Bearer x"}),
        ("grant_type=client_credentials", {"Content-Type": "application/json"}),
    ],
)
def test_a_token_call_that_says_too_much_is_a_problem(
    spec: PayPalSpec, body: str, headers: dict[str, str]
) -> None:
    right = {"Authorization": "Basic eDp5", "Content-Type": "application/x-www-form-urlencoded"}
    assert spec.check_request("POST", "/v1/oauth2/token", right, "", b"grant_type=client_credentials") == []
    assert spec.check_request("POST", "/v1/oauth2/token", right | headers, "", body.encode())


def test_every_pattern_of_the_files_is_one_that_the_checks_can_use(spec: PayPalSpec) -> None:
    patterns = set(_patterns(spec.documents.sources))
    assert len(patterns) > 50
    changed = {pattern for pattern in patterns if repaired(pattern) != pattern}
    assert len(changed) == 3


def _patterns(thing: Any) -> list[str]:
    if isinstance(thing, dict):
        own = [thing["pattern"]] if isinstance(thing.get("pattern"), str) else []
        return own + [pattern for below in thing.values() for pattern in _patterns(below)]
    return [pattern for below in thing for pattern in _patterns(below)] if isinstance(thing, list) else []
