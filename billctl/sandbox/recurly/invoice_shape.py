"""Invoices and their lines as Recurly shows them.

A credit invoice's total and balance are below zero (docs.recurly.com, "Credit Invoices Feature").
"""

from billctl.sandbox.database import Record
from billctl.sandbox.recurly import people
from billctl.sandbox.recurly.call import Call, Wire, uuid_of
from billctl.sandbox.recurly.credit_payments import credit_payment
from billctl.sandbox.recurly.money import number
from billctl.sandbox.recurly.times import wire
from billctl.sandbox.recurly.transaction_shape import transaction


def refundable(record: Record) -> int:
    """What of a charge invoice can still be refunded: what was paid or covered by credit, less refunds."""
    return int(record["paid"] + record.get("credited", 0) - record.get("refunded", 0))


def invoice(call: Call, record: Record) -> Wire:
    """GET /invoices/{invoice_id}."""
    currency = record["currency"]
    charge = record["type"] == "charge"
    lines = call.objects.linked("line_item", "invoice", record["id"])
    paid = call.objects.linked("transaction", "invoice", record["id"])
    credits = call.objects.linked("credit_payment", "invoice", record["id"])
    return {
        "id": record["id"],
        "uuid": uuid_of(record["id"]),
        "object": "invoice",
        "type": record["type"],
        "origin": record["origin"],
        "state": record["status"],
        "account": people.mini(call, record["customer"]),
        "billing_info_id": None,
        "subscription_ids": [record["subscription"]] if record.get("subscription") else [],
        "previous_invoice_id": None,
        "number": record["number"],
        "collection_method": record.get("collection", "automatic"),
        "po_number": None,
        "net_terms": record.get("net_terms", 0),
        "net_terms_type": "net",
        "address": None,
        "shipping_address": None,
        "currency": currency,
        "discount": number(0, currency),
        "subtotal": number(record["total"], currency),
        "tax": number(0, currency),
        "total": number(record["total"], currency),
        "refundable_amount": number(refundable(record), currency) if charge else None,
        "paid": number(record["paid"], currency),
        "balance": number(record["balance"], currency),
        "tax_info": None,
        "used_tax_service": False,
        "vat_number": None,
        "vat_reverse_charge_notes": None,
        "terms_and_conditions": None,
        "customer_notes": record.get("notes"),
        "line_items": [line_item(call, each) for each in lines],
        "has_more_line_items": False,
        "transactions": [transaction(call, each) for each in paid],
        "credit_payments": [credit_payment(call, each) for each in credits],
        **people.stamps(record),
        "due_at": wire(record.get("due_date")),
        "closed_at": wire(record.get("closed")),
        "dunning_events_sent": record.get("reminders", 0),
        "final_dunning_event": False,
    }


def line_item(call: Call, record: Record) -> Wire:
    """GET /line_items/{line_item_id}."""
    currency = record["currency"]
    credit = record["type"] == "credit"
    bill = call.objects.get(record["invoice"]) or {}
    return {
        "id": record["id"],
        "object": "line_item",
        "uuid": uuid_of(record["id"]),
        "type": record["type"],
        "state": "invoiced",
        "legacy_category": None,
        "account": people.mini(call, record["customer"]),
        "subscription_id": record.get("subscription"),
        "plan_code": record.get("plan"),
        "invoice_id": record["invoice"],
        "invoice_number": bill.get("number"),
        "previous_line_item_id": record.get("previous"),
        "original_line_item_invoice_id": record.get("previous_invoice"),
        "origin": record["origin"],
        "accounting_code": record.get("plan"),
        "product_code": record.get("plan"),
        "credit_reason_code": "refund" if credit else None,
        "currency": currency,
        "amount": number(record["amount"], currency),
        "description": record["description"],
        "quantity": record["quantity"],
        "unit_amount": number(record["unit"], currency),
        "subtotal": number(record["amount"], currency),
        "discount": number(0, currency),
        "tax": number(0, currency),
        "taxable": False,
        "tax_exempt": False,
        "refund": credit and record.get("previous") is not None,
        "refunded_quantity": record.get("refunded_quantity", 0),
        "credit_applied": number(0, currency),
        "start_date": wire(record.get("start")),
        "end_date": wire(record.get("end")),
        "custom_fields": [],
        **people.stamps(record),
    }
