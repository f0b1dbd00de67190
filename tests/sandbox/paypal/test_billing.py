"""Subscriptions and invoices: what changes, what is refused, and how invoices are searched."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.sandbox.server import Sandbox
from tests.openapi_paypal import PayPalSpec
from tests.sandbox.paypal.wire import CAPTURE, PAID, SUBSCRIPTION, UNPAID, Json, Wire

SUB = f"/v1/billing/subscriptions/{SUBSCRIPTION}"
INVOICES = "/v2/invoicing/invoices"
SEARCH = "POST /v2/invoicing/search-invoices"
WHY = {"reason": "Customer asked"}


def acted(wire: Wire, line: str, body: Json | None = None) -> str:
    """`204` or the issue."""
    reply = wire.ask(line, body)
    return "204" if reply.status == 204 else reply.issue


def test_a_subscription_is_cancelled_once_and_for_good(wire: Wire) -> None:
    assert acted(wire, f"POST {SUB}/cancel", WHY) == "204"
    body = wire.get(SUB)
    assert (body["status"], body["status_change_note"]) == ("CANCELLED", "Customer asked")
    assert "next_billing_time" not in body["billing_info"]
    for action in ("cancel", "suspend", "activate"):
        assert acted(wire, f"POST {SUB}/{action}", WHY) == "SUBSCRIPTION_STATUS_INVALID"


def test_a_subscription_is_suspended_and_activated(wire: Wire) -> None:
    assert acted(wire, f"POST {SUB}/activate", {}) == "SUBSCRIPTION_STATUS_INVALID"
    assert acted(wire, f"POST {SUB}/suspend", WHY) == "204"
    assert wire.get(SUB)["status"] == "SUSPENDED"
    assert acted(wire, f"POST {SUB}/activate", {}) == "204"
    assert wire.get(SUB)["status"] == "ACTIVE"


def test_a_request_id_means_nothing_to_a_cancellation(wire: Wire) -> None:
    wire.spec = None  # the file has no such header here
    key = {"PayPal-Request-Id": "op-1"}
    assert wire.ask(f"POST {SUB}/cancel", WHY, headers=key).status == 204
    assert wire.ask(f"POST {SUB}/cancel", WHY, headers=key).status == 422


def test_what_is_owed_is_collected_in_parts(wire: Wire) -> None:
    owing = next(
        one["id"]
        for one in wire.get("/v1/billing/subscriptions", {"statuses": "SUSPENDED"})["subscriptions"]
        if "SOPHIA" in one["id"]
    )
    path = f"/v1/billing/subscriptions/{owing}"
    failed = wire.get(path, {"fields": "last_failed_payment"})["billing_info"]
    assert failed["failed_payments_count"] == 3
    assert failed["last_failed_payment"]["reason_code"] == "PAYMENT_DENIED"

    def collect(value: str, currency: str = "EUR") -> str:
        money = {"currency_code": currency, "value": value}
        body = {"note": "Owed", "capture_type": "OUTSTANDING_BALANCE", "amount": money}
        reply = wire.ask(f"POST {path}/capture", body)
        return str(reply.json["status"]) if reply.status == 200 else reply.issue

    due = failed["outstanding_balance"]["value"]
    assert collect("1.00", "USD") == "CURRENCY_MISMATCH"
    assert collect("9999.00") == "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE"
    assert collect(due) == "COMPLETED"
    assert collect("1.00") == "ZERO_OUTSTANDING_BALANCE"


def test_two_reminders_a_day_and_no_third(tmp_path: Path) -> None:
    now = [datetime.now(UTC)]
    state_dir = tmp_path / "own"
    with Sandbox(state_dir, gateways=("paypal",), clock=lambda: now[0]) as sandbox:
        wire = Wire(sandbox.url("paypal").removeprefix("http://"), state_dir, PayPalSpec.find())
        remind = f"POST {INVOICES}/{UNPAID}/remind"
        assert acted(wire, remind, {}) == "204"
        assert acted(wire, remind, {"subject": "Due", "note": "Please pay"}) == "204"
        assert acted(wire, remind, {}) == "CANNOT_REMIND_INVOICE"
        now[0] += timedelta(days=1, minutes=1)
        wire.forget_token()
        assert acted(wire, remind, {}) == "204"


@pytest.mark.parametrize(
    ("action", "status", "outcome"),
    [
        ("remind", "DRAFT", "CANNOT_REMIND_INVOICE"),
        ("remind", "PAID", "CANNOT_REMIND_INVOICE"),
        ("remind", "PARTIALLY_PAID", "204"),
        ("cancel", "DRAFT", "CANNOT_CANCEL_DRAFT_INVOICE"),
        ("cancel", "SCHEDULED", "CANNOT_CANCEL_SCHEDULED_INVOICE"),
        ("cancel", "PAID", "CANNOT_CANCEL_PAID_INVOICE"),
        ("cancel", "CANCELLED", "INVOICE_CANCELED_ALREADY"),
        ("cancel", "SENT", "204"),
        ("payments", "PAID", "CANNOT_PROCESS_PAYMENTS"),
        ("refunds", "SENT", "CANNOT_PROCESS_REFUNDS"),
    ],
)
def test_what_may_be_done_with_an_invoice_depends_on_its_status(
    wire: Wire, action: str, status: str, outcome: str
) -> None:
    key = wire.ask(SEARCH, {"status": [status]}).json["items"][0]["id"]
    body = {"method": "CASH"} if action in ("payments", "refunds") else {}
    assert acted(wire, f"POST {INVOICES}/{key}/{action}", body) == outcome


def test_a_draft_is_sent_and_sending_again_changes_nothing(wire: Wire) -> None:
    key = wire.ask(SEARCH, {"status": ["DRAFT"]}).json["items"][0]["id"]
    assert wire.ask(f"POST {INVOICES}/{key}/send", {}).json["rel"] == "self"
    sent = wire.get(f"{INVOICES}/{key}")
    assert sent["status"] == "SENT"
    assert wire.ask(f"POST {INVOICES}/{key}/send", {}).status == 200
    assert wire.get(f"{INVOICES}/{key}") == sent


def test_recorded_money_changes_the_invoice_and_moves_nothing(wire: Wire) -> None:
    path = f"{INVOICES}/{UNPAID}"

    def put(what: str, value: str) -> Json:
        body = {"method": "CASH", "amount": {"currency_code": "USD", "value": value}}
        reply = wire.ask(f"POST {path}/{what}", body)
        return reply.json if reply.status == 200 else {"issue": reply.issue}

    part = put("payments", "20.00")["payment_id"]
    assert (wire.get(path)["status"], wire.get(path)["due_amount"]["value"]) == ("PARTIALLY_PAID", "100.00")
    assert put("payments", "100.01") == {"issue": "PAYMENT_AMOUNT_GREATER_THAN_AMOUNT_DUE"}
    assert put("payments", "0.001") == {"issue": "INVALID_DECIMAL_VALUE"}
    assert put("payments", "0.00") == {"issue": "VALUE_CANNOT_BE_ZERO"}
    assert put("payments", "100.00")["payment_id"] != part
    assert wire.get(path)["status"] == "MARKED_AS_PAID"
    given_back = put("refunds", "120.00")["refund_id"]
    assert wire.get(path)["status"] == "MARKED_AS_REFUNDED"
    assert wire.ask(f"DELETE {path}/payments/{part}").issue == "CANNOT_DELETE_EXTERNAL_PAYMENT"
    assert wire.ask(f"DELETE {path}/refunds/{given_back}").status == 204
    assert wire.ask(f"DELETE {path}/refunds/{given_back}").status == 404
    assert wire.ask(f"DELETE {path}/payments/{part}").status == 204
    assert wire.get(f"/v2/payments/captures/{CAPTURE}")["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("criteria", "numbers"),
    [
        ({"recipient_email": "LAYLA@example.com"}, {"INV-LAYLA-0001", "INV-LAYLA-0002"}),
        ({"recipient_first_name": "layla"}, {"INV-LAYLA-0001", "INV-LAYLA-0002"}),
        ({"recipient_last_name": "HADDAD"}, {"INV-LAYLA-0001", "INV-LAYLA-0002"}),
        ({"recipient_business_name": "weber"}, {"INV-JONAS-0005"}),
        ({"invoice_number": "INV-LAYLA-0001"}, {"INV-LAYLA-0001"}),
        ({"recipient_email": "huda@example.com"}, {"INV-ALHUDA-0001"}),
        ({"recipient_email": "nobody@example.com"}, set()),
    ],
)
def test_invoices_are_found_by_who_and_also_by_what_contains_it(
    shop: Wire, criteria: Json, numbers: set[str]
) -> None:
    items = shop.ask(SEARCH, criteria).json["items"]
    assert {one["detail"]["invoice_number"] for one in items} == numbers


def test_invoices_are_found_by_status_dates_and_amount(shop: Wire) -> None:
    def found(**criteria: object) -> set[str]:
        return {one["id"] for one in shop.ask(SEARCH, criteria, query={"page_size": 100}).json["items"]}

    today = datetime.now(UTC)
    past = {"start": f"{today - timedelta(days=600):%Y-%m-%d}", "end": f"{today:%Y-%m-%d}"}
    exact = {"currency_code": "USD", "value": "120.00"}
    assert UNPAID in found(due_date_range=past, status=["UNPAID"])
    assert UNPAID in found(total_amount_range={"lower_amount": exact, "upper_amount": exact})
    assert PAID not in found(total_amount_range={"lower_amount": exact, "upper_amount": exact})
    since = f"{today - timedelta(days=72):%Y-%m-%dT%H:%M:%SZ}"
    until = f"{today:%Y-%m-%dT%H:%M:%SZ}"
    assert PAID in found(payment_date_range={"start": since, "end": until})
    assert UNPAID in found(creation_date_range={"start": since, "end": until})
    assert PAID not in found(creation_date_range={"start": since, "end": until})


def test_what_is_large_is_shown_when_asked_for(shop: Wire) -> None:
    who = {"recipient_email": "layla@example.com"}
    assert not {"items", "payments"} & set(shop.ask(SEARCH, who).json["items"][-1])
    asked = shop.ask(SEARCH, {**who, "fields": ["items", "payments"]}).json["items"][-1]
    assert {"items", "payments"} <= set(asked)


def test_invoices_are_listed_by_pages_with_totals_when_asked_for(shop: Wire) -> None:
    assert "total_items" not in shop.get(INVOICES)
    first = shop.get(INVOICES, {"page_size": 4, "total_required": "true"})
    ids = [one["id"] for one in first["items"]]
    for page in range(2, first["total_pages"] + 1):
        ids += [one["id"] for one in shop.get(INVOICES, {"page_size": 4, "page": page})["items"]]
    assert len(ids) == len(set(ids)) == first["total_items"]
    assert "items" not in shop.get(INVOICES, {"fields": "none"})["items"][0]
