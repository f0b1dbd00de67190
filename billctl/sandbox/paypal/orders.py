"""Orders v2: one order with its payments. Orders are not made here; an operator has no use for that."""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import money, payments, people, times
from billctl.sandbox.paypal.call import Call, Endpoint, Shape, Wire, retrieve


def shape(call: Call, record: Record) -> Wire:
    """GET /v2/checkout/orders/{id}: `purchase_units[].payments` has all that happened with the money."""
    payer = people.find(call, record["customer"])
    path = f"/v2/checkout/orders/{record['id']}"
    return {
        "id": record["id"],
        "intent": record["intent"],
        "status": record["status"],
        "payment_source": {"paypal": people.wallet(payer)},
        "payer": people.payer(payer),
        "purchase_units": [_unit(call, record)],
        "create_time": times.wire(record["created"]),
        "update_time": times.wire(record["updated"]),
        "links": [call.link(path)],
    }


def _unit(call: Call, record: Record) -> Wire:
    of_order = {"payment_intent": record["id"]}
    found = {
        "authorizations": _all(call, "authorization", of_order, payments.plain_authorization),
        "captures": _all(call, "capture", of_order, payments.plain_capture),
        "refunds": _all(call, "refund", of_order, payments.refund),
    }
    named = {"invoice_id": record["invoice"]} if record.get("invoice") else {}
    return {
        "reference_id": "default",
        "amount": money.wire(record["amount"], record["currency"]),
        "payee": payments.payee(call),
        "description": record["description"],
        **named,
        "payments": {name: rows for name, rows in found.items() if rows},
    }


def _all(call: Call, kind: str, where: Wire, render: Shape) -> list[Wire]:
    return [render(call, record) for record in call.objects.select(kind, where, oldest_first=True)]


ENDPOINTS = (
    Endpoint("GET", "/v2/checkout/orders/{id}", retrieve("order", "id", shape), query={"fields": f.words}),
)
