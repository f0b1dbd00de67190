"""Captures, refunds and authorizations as Payments v2 and Orders v2 show them."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import money, times
from billctl.sandbox.paypal.call import Call, Wire

MERCHANTS = {False: "SBXMERCHANT22", True: "LVEMERCHANT22"}
"""The seller's account id, in test and in live mode."""

SHOP_EMAIL = "billing@shop.example.com"


def payee(call: Call) -> Wire:
    """Who is paid: the shop."""
    return {"email_address": SHOP_EMAIL, "merchant_id": MERCHANTS[call.objects.live]}


def capture(call: Call, record: Record) -> Wire:
    """GET /v2/payments/captures/{id}."""
    related = _kept(order_id=record.get("payment_intent"), authorization_id=record.get("authorization"))
    return {
        **plain_capture(call, record),
        **({"supplementary_data": {"related_ids": related}} if related else {}),
        "payee": payee(call),
    }


def plain_capture(call: Call, record: Record) -> Wire:
    """A capture inside an order: without what it is related to."""
    amount, currency = record["amount"], record["currency"]
    path = f"/v2/payments/captures/{record['id']}"
    links = [call.link(path), call.link(f"{path}/refund", "refund", "POST")]
    if record.get("payment_intent"):
        links.append(call.link(f"/v2/checkout/orders/{record['payment_intent']}", "up"))
    return {
        **_common(record),
        **_reason(record),
        "final_capture": record.get("final", True),
        "seller_protection": {"status": "NOT_ELIGIBLE"},
        "seller_receivable_breakdown": {
            "gross_amount": money.wire(amount, currency),
            "paypal_fee": money.wire(record["fee"], currency),
            "net_amount": money.wire(amount - record["fee"], currency),
        },
        "links": links,
    }


def refund(call: Call, record: Record) -> Wire:
    """GET /v2/payments/refunds/{id}; `total_refunded_amount` is as it was when this refund was made."""
    amount, currency = record["amount"], record["currency"]
    path = f"/v2/payments/refunds/{record['id']}"
    return {
        **_common(record),
        **_reason(record),
        **_kept(note_to_payer=record.get("note")),
        "seller_payable_breakdown": {
            "gross_amount": money.wire(amount, currency),
            "paypal_fee": money.wire(0, currency),
            "net_amount": money.wire(amount, currency),
            "total_refunded_amount": money.wire(record["total_refunded"], currency),
        },
        "links": [call.link(path), call.link(f"/v2/payments/captures/{record['charge']}", "up")],
    }


def authorization(call: Call, record: Record) -> Wire:
    """GET /v2/payments/authorizations/{id}."""
    related = _kept(order_id=record.get("payment_intent"))
    return {
        **plain_authorization(call, record),
        **({"supplementary_data": {"related_ids": related}} if related else {}),
        "payee": payee(call),
    }


def plain_authorization(call: Call, record: Record) -> Wire:
    """An authorization inside an order."""
    path = f"/v2/payments/authorizations/{record['id']}"
    actions = (
        ("capture", "void", "reauthorize") if record["status"] in ("CREATED", "PARTIALLY_CAPTURED") else ()
    )
    return {
        **_common(record),
        "seller_protection": {"status": "NOT_ELIGIBLE"},
        "expiration_time": times.wire(record["expires"]),
        "links": [call.link(path), *(call.link(f"{path}/{act}", act, "POST") for act in actions)],
    }


def _common(record: Record) -> Wire:
    return {
        "id": record["id"],
        "status": record["status"],
        "amount": money.wire(record["amount"], record["currency"]),
        **_kept(invoice_id=record.get("invoice"), custom_id=record.get("custom_id")),
        "create_time": times.wire(record["created"]),
        "update_time": times.wire(record["updated"]),
    }


def _reason(record: Record) -> Wire:
    return {"status_details": {"reason": record["reason"]}} if record.get("reason") else {}


def _kept(**fields: Any) -> Wire:
    return {name: value for name, value in fields.items() if value}
