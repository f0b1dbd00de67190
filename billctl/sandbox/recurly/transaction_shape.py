"""Transactions as Recurly shows them."""

from billctl.sandbox.database import Objects, Record
from billctl.sandbox.recurly import people
from billctl.sandbox.recurly.call import Call, Wire, uuid_of
from billctl.sandbox.recurly.money import number
from billctl.sandbox.recurly.times import wire

PAID = frozenset({"success", "void"})
GATEWAY = {
    "id": "sbxgateway01",
    "object": "payment_gateway",
    "type": "test",
    "name": "Recurly Test Gateway",
}


def transaction(call: Call, record: Record) -> Wire:
    """GET /transactions/{transaction_id}."""
    status, amount = record["status"], record["amount"]
    success = status == "success"
    return {
        "id": record["id"],
        "object": "transaction",
        "uuid": uuid_of(record["id"]),
        "original_transaction_id": record.get("charge"),
        "account": people.mini(call, record["customer"]),
        "invoice": invoice_mini(call.objects, record.get("invoice")),
        "voided_by_invoice": invoice_mini(call.objects, record.get("voided_by")),
        "subscription_ids": [record["subscription"]] if record.get("subscription") else [],
        "type": record["type"],
        "origin": record["origin"],
        "currency": record["currency"],
        "amount": number(amount, record["currency"]),
        "status": status,
        "success": success,
        "backup_payment_method_used": False,
        "refunded": record.get("refunded", 0) > 0,
        "billing_address": None,
        "collection_method": record.get("collection", "automatic"),
        "payment_method": record["method"],
        "ip_address_v4": None,
        "ip_address_country": None,
        **_said(status),
        "payment_gateway": GATEWAY if record.get("collection") != "manual" else None,
        "gateway_reference": record["id"][::-1],
        "gateway_approval_code": f"{record['created'] % 1_000_000:06}" if success else None,
        "gateway_response_code": "100" if success else None,
        "cvv_check": None,
        "avs_check": None,
        **people.stamps(record),
        "voided_at": wire(record.get("voided")),
        "collected_at": wire(record.get("collected")),
    }


def _said(status: str) -> Wire:
    declined = status == "declined"
    return {
        "status_code": "declined" if declined else None,
        "status_message": "The transaction was declined." if declined else None,
        "customer_message": "The transaction was declined. Please contact your bank." if declined else None,
        "customer_message_locale": "en-US" if declined else None,
    }


def invoice_mini(objects: Objects, key: str | None) -> Wire | None:
    """An invoice inside another object."""
    record = objects.get(key) if key else None
    return record and {
        "id": record["id"],
        "object": "invoice",
        "number": record["number"],
        "type": record["type"],
        "state": record["status"],
    }
