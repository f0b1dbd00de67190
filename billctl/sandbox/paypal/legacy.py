"""Payments v1: sales and captures of the old kind, for reading and refunding.

A sale is known here only, never as a capture of Payments v2; a capture is known in both. The OpenAPI file
describes no body for the refund of a capture; PayPal's SDK sends that of a sale's.
"""

from collections.abc import Callable

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import captures, money, times
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal.call import DAYS_30, Call, Endpoint, Reply, Wire, retrieve

STATES = {
    "COMPLETED": "completed",
    "PARTIALLY_REFUNDED": "partially_refunded",
    "REFUNDED": "refunded",
    "PENDING": "pending",
    "DECLINED": "denied",
    "FAILED": "denied",
}


def _common(call: Call, record: Record, kind: str) -> Wire:
    path = f"/v1/payments/{kind}/{record['id']}"
    return {
        "id": record["id"],
        "amount": money.old_wire(record["amount"], record["currency"]),
        "state": STATES[record["status"]],
        "transaction_fee": {
            "currency": record["currency"],
            "value": money.shown(record["fee"], record["currency"]),
        },
        "parent_payment": f"PAYID-{record['id']}",
        "create_time": times.wire(record["created"]),
        "update_time": times.wire(record["updated"]),
        "links": [call.link(path), call.link(f"{path}/refund", "refund", "POST")],
    }


def sale(call: Call, record: Record) -> Wire:
    """GET /v1/payments/sale/{id}."""
    return {**_common(call, record, "sale"), "payment_mode": "INSTANT_TRANSFER"}


def capture(call: Call, record: Record) -> Wire:
    """GET /v1/payments/capture/{id}."""
    return {**_common(call, record, "capture"), "is_final_capture": record.get("final", True)}


def made(call: Call, record: Record) -> Wire:
    """The answer to a refund: with `total_refunded_amount` as it is after it."""
    currency = record["currency"]
    total = {"currency": currency, "value": money.shown(record["total_refunded"], currency)}
    return {**refund(call, record), "total_refunded_amount": total}


def refund(call: Call, record: Record) -> Wire:
    """GET /v1/payments/refund/{id}."""
    parent = call.objects.get(record["charge"])
    kind = "sale_id" if parent and parent["object"] == "sale" else "capture_id"
    named = {"invoice_number": record["invoice"]} if record.get("invoice") else {}
    return {
        "id": record["id"],
        "amount": money.old_wire(record["amount"], record["currency"]),
        "state": record["status"].lower(),
        kind: record["charge"],
        **named,
        "create_time": times.wire(record["created"]),
        "update_time": times.wire(record["updated"]),
        "links": [call.link(f"/v1/payments/refund/{record['id']}")],
    }


def give_back(kind: str) -> Callable[[Call], Reply]:
    """POST …/{id}/refund: without an amount, everything that is left."""

    def run(call: Call) -> Reply:
        record = call.find(kind, f"{kind}_id")
        record = captures.give_back(call, record, _today(call.body))
        return Reply(201, made(call, record), record["id"])

    return run


def _today(body: Wire) -> Wire:
    asked: Wire = {}
    if "amount" in body:
        asked["amount"] = {"value": body["amount"]["total"], "currency_code": body["amount"]["currency"]}
    if "invoice_number" in body:
        asked["invoice_id"] = body["invoice_number"]
    return asked


def again(call: Call, key: str) -> Reply:
    """The refund that the request id made, as it is now."""
    return Reply(200, made(call, call.find("refund", "refund_id", key)), key)


AMOUNT = f.record(
    {"total": f.text(32, 1, money.VALUE.pattern), "currency": f.text(3, 3), "details": f.unmodelled},
    "total currency",
)
REFUND = f.record(
    {
        "amount": AMOUNT,
        "description": f.text(255),
        "reason": f.text(30),
        "invoice_number": f.text(127),
    }
)


def _endpoints(kind: str, shape: Callable[[Call, Record], Wire]) -> tuple[Endpoint, Endpoint]:
    path = f"/v1/payments/{kind}/{{id}}"
    return (
        Endpoint("GET", path, retrieve(kind, f"{kind}_id", shape)),
        Endpoint("POST", f"{path}/refund", give_back(kind), body=REFUND, kept=DAYS_30, again=again),
    )


ENDPOINTS = (
    *_endpoints("sale", sale),
    *_endpoints("capture", capture),
    Endpoint("GET", "/v1/payments/refund/{id}", retrieve("refund", "refund_id", refund)),
)
