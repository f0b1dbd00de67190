"""Refunds, authorizations and the old API: what moves, what is refused, and with which issue."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.sandbox import state
from billctl.sandbox.server import Sandbox
from tests.openapi_paypal import PayPalSpec
from tests.sandbox.paypal.wire import (
    AUTHORIZATION,
    CAPTURE,
    DISPUTED,
    PARTLY,
    WHOLE,
    Json,
    Wire,
)

HELD = f"/v2/payments/authorizations/{AUTHORIZATION}"


def usd(value: str) -> Json:
    return {"amount": {"currency_code": "USD", "value": value}}


def status(wire: Wire, capture: str = CAPTURE) -> str:
    return str(wire.get(f"/v2/payments/captures/{capture}")["status"])


def test_a_refund_without_an_amount_gives_back_all_that_is_left(wire: Wire) -> None:
    refund = wire.refund(PARTLY).json
    assert refund["amount"] == {"currency_code": "USD", "value": "29.00"}
    assert refund["seller_payable_breakdown"]["total_refunded_amount"]["value"] == "49.00"
    assert status(wire, PARTLY) == "REFUNDED"
    assert wire.refund(PARTLY).issue == "CAPTURE_FULLY_REFUNDED"


def test_parts_come_to_the_whole(wire: Wire) -> None:
    assert wire.refund(CAPTURE, "40.00").status == 201
    assert status(wire) == "PARTIALLY_REFUNDED"
    assert wire.refund(CAPTURE, "9.01").issue == "REFUND_AMOUNT_EXCEEDED"
    assert wire.refund(CAPTURE, "9").json["amount"]["value"] == "9.00"
    assert status(wire) == "REFUNDED"


def test_without_asking_for_it_the_answer_is_minimal(wire: Wire) -> None:
    body = wire.ask(f"POST /v2/payments/captures/{CAPTURE}/refund", usd("1.00")).json
    assert sorted(body) == ["id", "links", "status"]
    assert wire.get(f"/v2/payments/refunds/{body['id']}")["amount"]["value"] == "1.00"


def test_what_is_said_with_a_refund_is_kept(wire: Wire) -> None:
    fields = {"invoice_id": "OP-7", "custom_id": "op_7", "note_to_payer": "Sorry"}
    refund = wire.refund(CAPTURE, "1.00", fields=fields).json
    assert {name: refund[name] for name in fields} == fields
    again = wire.refund(CAPTURE, "1.00", fields={"invoice_id": "OP-7"})
    assert (again.status, again.issue) == (422, "DUPLICATE_INVOICE_ID")


@pytest.mark.parametrize(
    ("capture", "value", "currency", "issue"),
    [
        (CAPTURE, "49.01", "USD", "REFUND_AMOUNT_EXCEEDED"),
        (CAPTURE, "1.00", "EUR", "REFUND_CAPTURE_CURRENCY_MISMATCH"),
        (CAPTURE, "1.005", "USD", "DECIMAL_PRECISION"),
        (CAPTURE, "0.00", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (CAPTURE, "-1.00", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (CAPTURE, "1.00", "KWD", "INVALID_CURRENCY_CODE"),
        ("SBXYUKI0000000001", "100.00", "JPY", "DECIMALS_NOT_SUPPORTED"),
        ("SBXWEI00000000001", "10.5", "TWD", "DECIMALS_NOT_SUPPORTED"),
        ("SBXBENCE000000002", "10.00", "HUF", "DECIMALS_NOT_SUPPORTED"),
        (DISPUTED, "1.00", "USD", "TRANSACTION_DISPUTED"),
        ("SBXAYA00000000003", "1.00", "USD", "PENDING_CAPTURE"),
        ("SBXBENCE000000001", "100", "HUF", "CAPTURE_FULLY_REFUNDED"),
    ],
)
def test_a_refund_that_cannot_be_made_says_why(
    wire: Wire, capture: str, value: str, currency: str, issue: str
) -> None:
    reply = wire.refund(capture, value, currency)
    assert (reply.status, reply.issue) == (422, issue)


def test_currencies_without_decimals_are_whole_numbers(wire: Wire) -> None:
    assert wire.refund("SBXYUKI0000000001", "100", "JPY").json["amount"]["value"] == "100"
    assert wire.refund("SBXWEI00000000001", "10", "TWD").json["amount"]["value"] == "10"


def test_a_chargeback_forbids_every_refund_and_a_case_only_a_part(wire: Wire) -> None:
    (case,) = (
        one
        for one in wire.get("/v1/customer/disputes", {"page_size": 50})["items"]
        if one["dispute_channel"] == "EXTERNAL"
    )
    (paid,) = wire.get(f"/v1/customer/disputes/{case['dispute_id']}")["disputed_transactions"]
    reply = wire.refund(paid["seller_transaction_id"])
    assert reply.issue == "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"
    assert wire.refund(DISPUTED).status == 201


def test_a_refund_comes_too_late_after_half_a_year(tmp_path: Path) -> None:
    state_dir = tmp_path / "old"
    state.prepare(state_dir, "paypal")
    with Sandbox(
        state_dir, gateways=("paypal",), clock=lambda: datetime.now(UTC) + timedelta(days=170)
    ) as later:
        wire = Wire(later.url("paypal").removeprefix("http://"), state_dir, PayPalSpec.find())
        assert wire.refund(CAPTURE, "1.00").issue == "REFUND_TIME_LIMIT_EXCEEDED"


def test_ten_refunds_are_enough(wire: Wire) -> None:
    for _ in range(10):
        assert wire.refund(CAPTURE, "0.50").status == 201
    assert wire.refund(CAPTURE, "0.50").issue == "MAX_NUMBER_OF_REFUNDS_EXCEEDED"


def test_an_echecks_refund_is_pending_and_settles_later(wire: Wire) -> None:
    state.configure(wire.state_dir, "paypal", settle_after=1)
    refund = wire.refund("SBXLIAM0000000003", "1.00", "EUR").json
    assert (refund["status"], refund["status_details"]) == ("PENDING", {"reason": "ECHECK"})
    deadline = time.monotonic() + 5
    path = f"/v2/payments/refunds/{refund['id']}"
    while wire.get(path)["status"] == "PENDING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    settled = wire.get(path)
    assert settled["status"] == "COMPLETED"
    assert "status_details" not in settled


def test_an_authorization_is_taken_in_part_and_then_the_rest(wire: Wire) -> None:
    first = wire.ask(f"POST {HELD}/capture", usd("20.00"), headers=WHOLE).json
    assert (first["amount"]["value"], first["final_capture"]) == ("20.00", False)
    assert wire.get(HELD)["status"] == "PARTIALLY_CAPTURED"
    rest = wire.ask(f"POST {HELD}/capture", {}, headers=WHOLE).json
    assert (rest["amount"]["value"], rest["final_capture"]) == ("40.00", True)
    assert wire.ask(f"POST {HELD}/capture", {}).issue == "AUTHORIZATION_ALREADY_CAPTURED"
    assert wire.ask(f"POST {HELD}/void").issue == "PREVIOUSLY_CAPTURED"
    assert wire.refund(rest["id"]).json["amount"]["value"] == "40.00"


def test_an_authorization_gives_a_little_more_and_not_much(wire: Wire) -> None:
    assert wire.ask(f"POST {HELD}/capture", usd("69.01")).issue == "MAX_CAPTURE_AMOUNT_EXCEEDED"
    assert wire.ask(f"POST {HELD}/capture", usd("69.00")).status == 201


@pytest.mark.parametrize(("headers", "answered"), [({}, 204), (WHOLE, 200)])
def test_a_void_is_empty_unless_asked_for_more(wire: Wire, headers: Json, answered: int) -> None:
    reply = wire.ask(f"POST {HELD}/void", headers=headers)
    assert (reply.status, bool(reply.text)) == (answered, answered == 200)
    assert wire.get(HELD)["status"] == "VOIDED"
    assert wire.ask(f"POST {HELD}/void").issue == "PREVIOUSLY_VOIDED"
    assert wire.ask(f"POST {HELD}/capture", {}).issue == "AUTHORIZATION_VOIDED"


def test_an_authorization_is_renewed_after_its_honor_period_only(wire: Wire) -> None:
    assert wire.ask(f"POST {HELD}/reauthorize", {}).issue == "REAUTHORIZATION_NOT_SUPPORTED"
    old = "SBXVICTORA0000002"  # eight days old
    path = f"/v2/payments/authorizations/{old}"
    renewed = wire.ask(f"POST {path}/reauthorize", {}, headers=WHOLE).json
    assert (renewed["status"], renewed["id"] != old) == ("CREATED", True)
    assert wire.get(path)["status"] == "VOIDED"


def test_the_old_api_refunds_sales_and_captures(wire: Wire) -> None:
    """The file describes no body for the refund of a capture."""
    nine = {"amount": {"total": "9.00", "currency": "USD"}}
    old = wire.ask(f"POST /v1/payments/capture/{CAPTURE}/refund", nine, wrong=bool(wire.spec))
    assert (old.status, old.json["state"], old.json["capture_id"]) == (201, "completed", CAPTURE)
    assert status(wire) == "PARTIALLY_REFUNDED"
    assert wire.get(f"/v1/payments/refund/{old.json['id']}")["amount"]["total"] == "9.00"
    late = wire.ask("POST /v1/payments/sale/SBXOMARS000000001/refund", {})
    assert (late.status, late.issue) == (422, "REFUND_TIME_LIMIT_EXCEEDED")
