"""Invoices v2 as they are shown."""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import money, times
from billctl.sandbox.paypal.call import Call, Wire
from billctl.sandbox.paypal.payments import SHOP_EMAIL

PATH = "/v2/invoicing/invoices"
OPEN = ("SENT", "UNPAID", "PARTIALLY_PAID")
COLLECTIONS = ("items", "payments", "refunds")
"""What a list or a search leaves out unless its `fields` name it."""


def shape(call: Call, record: Record) -> Wire:
    """GET /v2/invoicing/invoices/{id}."""
    currency = record["currency"]
    total, paid = total_of(record), paid_of(record)
    return {
        "id": record["id"],
        "status": record["status"],
        "detail": _detail(record),
        "invoicer": {"business_name": "The Shop", "email_address": SHOP_EMAIL},
        "primary_recipients": [{"billing_info": _recipient(record)}],
        "items": [_item(item, currency) for item in record["items"]],
        "configuration": {
            "tax_calculated_after_discount": True,
            "tax_inclusive": False,
            "allow_tip": False,
            "partial_payment": {"allow_partial_payment": False},
        },
        "amount": {
            **money.wire(total, currency),
            "breakdown": {"item_total": money.wire(total, currency)},
        },
        "due_amount": money.wire(max(total - paid, 0) if record["status"] in OPEN else 0, currency),
        **_movements(record),
        "links": [call.link(f"{PATH}/{record['id']}")],
    }


def row(call: Call, record: Record, wanted: tuple[str, ...]) -> Wire:
    """An invoice in a list: without the collections that are not `wanted`."""
    left_out = set(COLLECTIONS) - set(wanted)
    return {name: value for name, value in shape(call, record).items() if name not in left_out}


def total_of(record: Record) -> int:
    """What the invoice comes to."""
    return sum(int(item["amount"]) * int(item["quantity"]) for item in record["items"])


def paid_of(record: Record) -> int:
    """What was paid or recorded as paid, before refunds."""
    return sum(int(payment["amount"]) for payment in record["payments"])


def refunded_of(record: Record) -> int:
    """What was refunded or recorded as refunded."""
    return sum(int(refund["amount"]) for refund in record["refunds"])


def _detail(record: Record) -> Wire:
    term = {"term_type": "DUE_ON_DATE_SPECIFIED", "due_date": times.day(record["due_on"])}
    optional = {name: record[name] for name in ("reference", "memo") if record.get(name)}
    return {
        "invoice_number": record["invoice"],
        "invoice_date": times.day(record["created"]),
        "currency_code": record["currency"],
        "payment_term": term,
        **optional,
        "metadata": _metadata(record),
    }


def _metadata(record: Record) -> Wire:
    stages = {"first_sent_time": "first_sent", "last_sent_time": "last_sent", "cancel_time": "cancelled"}
    happened = {name: times.wire(record[field]) for name, field in stages.items() if record.get(field)}
    shown = (
        {"recipient_view_url": f"https://www.paypal.example/invoice/p/#{record['id']}"}
        if record["status"] != "DRAFT"
        else {}
    )
    return {
        "create_time": times.wire(record["created"]),
        "last_update_time": times.wire(record["updated"]),
        "created_by_flow": "REGULAR_SINGLE",
        **happened,
        **shown,
    }


def _recipient(record: Record) -> Wire:
    name = {"given_name": record["given"], "surname": record["surname"]}
    business = {"business_name": record["business"]} if record.get("business") else {}
    return {"name": name, **business, "email_address": record["email"]}


def _item(item: Record, currency: str) -> Wire:
    return {
        "name": item["name"],
        "quantity": str(item["quantity"]),
        "unit_amount": money.wire(item["amount"], currency),
        "unit_of_measure": "QUANTITY",
    }


def _movements(record: Record) -> Wire:
    found: Wire = {}
    currency = record["currency"]
    if record["payments"]:
        rows = [_moved(each, currency, "payment") for each in record["payments"]]
        found["payments"] = {"paid_amount": money.wire(paid_of(record), currency), "transactions": rows}
    if record["refunds"]:
        rows = [_moved(each, currency, "refund") for each in record["refunds"]]
        found["refunds"] = {"refund_amount": money.wire(refunded_of(record), currency), "transactions": rows}
    return found


def _moved(each: Record, currency: str, what: str) -> Wire:
    return {
        "type": each["type"],
        f"{what}_id": each["id"],
        f"{what}_date": times.day(each["at"]),
        "method": each["method"],
        "amount": money.wire(each["amount"], currency),
    }
