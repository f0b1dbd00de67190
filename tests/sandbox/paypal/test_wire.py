"""Tokens, strictness, error bodies: what a client meets before anything happens."""

from datetime import UTC, datetime, timedelta

import pytest

from billctl.sandbox import PAYPAL_CLIENT_ID, PAYPAL_LIVE_CLIENT_SECRET, state
from billctl.sandbox.database import Database
from billctl.sandbox.paypal import tokens
from tests.sandbox.paypal.wire import CAPTURE, FORM, JSON, Json, Wire

READ = f"GET /v2/payments/captures/{CAPTURE}"
REFUND = f"POST /v2/payments/captures/{CAPTURE}/refund"
CANCEL = "POST /v1/billing/subscriptions/I-SBXLAYLA0001/cancel"


def test_a_token_lives_nine_hours(wire: Wire) -> None:
    body = wire.login().json
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 32_400)
    assert wire.login().json["access_token"] != body["access_token"]


@pytest.mark.parametrize(
    ("client", "secret"),
    [("nobody", "x"), (PAYPAL_CLIENT_ID, "wrong"), (PAYPAL_CLIENT_ID, PAYPAL_LIVE_CLIENT_SECRET)],
)
def test_a_wrong_client_is_refused_in_oauths_words(wire: Wire, client: str, secret: str) -> None:
    reply = wire.login(client, secret)
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


def test_another_grant_is_refused(wire: Wire) -> None:
    reply = wire.login(body="grant_type=password", wrong=True)
    assert (reply.status, reply.json["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("header", ["Bearer A21AAnothing", "Bearer", "Basic eDp5", ""])
def test_a_request_without_a_good_token_is_401(wire: Wire, header: str) -> None:
    wrong = header != "Bearer A21AAnothing"
    reply = wire.ask(READ, headers={"Authorization": header}, wrong=wrong)
    assert (reply.status, reply.json["name"]) == (401, "AUTHENTICATION_FAILURE")


def test_a_token_ends_with_its_life_with_a_reset_and_when_it_is_revoked(wire: Wire) -> None:
    assert wire.ask(READ).status == 200
    database = Database(state.path_of(wire.state_dir, "paypal"))
    assert tokens.revoke(database) == 1
    database.close()
    assert wire.ask(READ).status == 401
    wire.forget_token()
    assert wire.ask(READ).status == 200
    state.reset(wire.state_dir)
    assert wire.ask(READ).status == 401
    state.configure(wire.state_dir, "paypal", token_life=0)
    wire.forget_token()
    assert wire.ask(READ).status == 401


def test_every_answer_has_its_debug_id_and_an_error_repeats_it(wire: Wire) -> None:
    reply = wire.ask("GET /v2/payments/captures/NOTHING0000000000")
    assert reply.json["debug_id"] == reply.headers["paypal-debug-id"]
    assert wire.ask(READ).headers["paypal-debug-id"] != reply.headers["paypal-debug-id"]


@pytest.mark.parametrize(
    ("request_line", "body", "headers"),
    [
        (READ, "null", {}),
        (READ, "{}", {}),
        ("POST /v2/payments/authorizations/SBXLAYLAA00000001/void", "{}", {}),
        ("DELETE /v2/invoicing/invoices/INV2-SBXL-AYLA-0000-0001/payments/X", "{}", {}),
        (REFUND, "amount=1", {"Content-Type": FORM}),
    ],
)
def test_a_body_that_nothing_describes_is_415(
    wire: Wire, request_line: str, body: str, headers: Json
) -> None:
    reply = wire.ask(request_line, body, headers=headers, wrong=True)
    assert (reply.status, reply.json["name"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("request_line", "body", "issue", "field"),
    [
        (
            REFUND,
            {"amount": {"currency_code": "USD", "value": 10}},
            "INVALID_PARAMETER_SYNTAX",
            "/amount/value",
        ),
        (
            REFUND,
            {"amount": {"currency_code": "USD", "value": "ten"}},
            "INVALID_PARAMETER_SYNTAX",
            "/amount/value",
        ),
        (REFUND, {"amount": {"value": "10"}}, "MISSING_REQUIRED_PARAMETER", "/amount/currency_code"),
        (REFUND, {"note_to_payer": "x" * 256}, "INVALID_STRING_LENGTH", "/note_to_payer"),
        (REFUND, {"reason": "duplicate"}, "INVALID_PARAMETER_SYNTAX", "/reason"),
        (CANCEL, {}, "MISSING_REQUIRED_PARAMETER", "/reason"),
        (CANCEL, {"reason": "x" * 129}, "INVALID_STRING_MAX_LENGTH", "/reason"),
        (CANCEL, {"reason": ""}, "INVALID_STRING_LENGTH", "/reason"),
    ],
)
def test_a_body_that_departs_from_the_files_is_400_and_names_the_field(
    wire: Wire, request_line: str, body: Json, issue: str, field: str
) -> None:
    if request_line == CANCEL and issue != "INVALID_STRING_MAX_LENGTH":
        wire.spec = None  # the file lists no other issue for it
    reply = wire.ask(request_line, body, wrong=bool(wire.spec))
    detail = reply.json["details"][0]
    assert (reply.status, reply.json["name"]) == (400, "INVALID_REQUEST")
    assert (detail["issue"], detail["field"]) == (issue, field)


@pytest.mark.parametrize(
    "body", ["{", "[]", '"x"', '{"amount": NaN}', '{"note_to_payer": "a", "note_to_payer": "b"}']
)
def test_what_is_not_one_json_object_is_400(wire: Wire, body: str) -> None:
    wire.spec = None  # no file names an issue for it
    assert wire.ask(REFUND, body).status == 400
    assert wire.get(f"/v2/payments/captures/{CAPTURE}")["status"] == "COMPLETED"


def test_an_unknown_query_parameter_is_ignored(wire: Wire) -> None:
    path, window = "GET /v1/reporting/transactions", _window()
    more = {**window, "email_address": "layla@example.com"}
    filtered = wire.ask(path, query=more, wrong=bool(wire.spec)).json["total_items"]
    assert filtered == wire.ask(path, query=window).json["total_items"] > 10


def _window() -> Json:
    now = datetime.now(UTC)
    return {
        "start_date": f"{now - timedelta(days=31):%Y-%m-%dT%H:%M:%SZ}",
        "end_date": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/billing/subscriptions", {"page_size": 21}),
        ("/v1/billing/subscriptions", {"page": 0}),
        ("/v2/invoicing/invoices", {"page_size": 101}),
        ("/v1/customer/disputes", {"page_size": 51}),
        ("/v1/reporting/transactions", {"page_size": 501}),
        ("/v1/billing/plans", {"page_size": "ten"}),
    ],
)
def test_a_page_too_large_is_refused(wire: Wire, path: str, query: Json) -> None:
    window = _window() if "reporting" in path else {}
    reply = wire.ask(f"GET {path}", query=window | query, wrong=bool(wire.spec))
    assert (reply.status, reply.json["name"]) == (400, "INVALID_REQUEST")
    assert reply.json["details"][0]["field"] in query


@pytest.mark.parametrize(
    "line", ["GET /v2/nothing", "PUT /v2/payments/captures/X", "GET /", "GET /v2/payments/captures/"]
)
def test_a_path_that_is_not_there_is_404(wire: Wire, line: str) -> None:
    assert wire.ask(line, wrong=bool(wire.spec)).status == 404


def test_content_types_are_as_described(wire: Wire) -> None:
    assert wire.ask(READ).headers["content-type"] == JSON
    voided = wire.ask("POST /v2/payments/authorizations/SBXLAYLAA00000001/void")
    assert "content-type" not in voided.headers
    assert "content-length" not in voided.headers
