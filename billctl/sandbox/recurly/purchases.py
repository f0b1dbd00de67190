"""POST /purchases: one-off charges on an account that is there, paid at once.

Of what the description allows: line items of type `charge`. New accounts, subscriptions, coupons, shipping
and gift cards are not modelled, and refused.
"""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call, Endpoint, Reply
from billctl.sandbox.recurly.crediting import next_number, numbered
from billctl.sandbox.recurly.errors import ApiError, invalid, refused
from billctl.sandbox.recurly.fields import amount, choice, many, record, text, whole
from billctl.sandbox.recurly.invoice_shape import invoice
from billctl.sandbox.recurly.money import CURRENCIES, read

LINE = record(
    {
        "currency": text(3),
        "unit_amount": amount,
        "quantity": whole,
        "description": text(255),
        "type": choice("charge"),
    },
    "currency unit_amount type",
)
PURCHASE = record(
    {
        "currency": text(3),
        "account": record({"code": text(50)}, "code"),
        "line_items": many(LINE),
        "customer_notes": text(),
    },
    "currency account",
)


def _purchase(call: Call) -> Reply:
    account = call.find("account", f"code-{call.body['account']['code']}")
    currency = call.body["currency"]
    if currency not in CURRENCIES:
        raise invalid("currency", "is not accepted by the site")
    given = call.body.get("line_items")
    if not given:
        raise refused("A purchase needs at least one line item.")
    if any(line["currency"] != currency for line in given):
        raise invalid("line_items", "must have the purchase's currency")
    if not account.get("billing"):
        raise ApiError(422, "transaction", "The account has no billing information.")
    made = _bill(call, account, given, currency)
    body = {
        "object": "invoice_collection",
        "charge_invoice": invoice(call, made),
        "credit_invoices": [],
    }
    return Reply(201, body)


def _bill(call: Call, account: Record, given: list[dict[str, Any]], currency: str) -> Record:
    lines = [
        {
            "unit": read(line["unit_amount"], "unit_amount"),
            "quantity": line.get("quantity", 1),
            "description": line.get("description", ""),
        }
        for line in given
    ]
    total = sum(line["unit"] * line["quantity"] for line in lines)
    common = {"customer": account["id"], "currency": currency}
    bill = call.add(
        "invoice",
        "in",
        **common,
        type="charge",
        origin="purchase",
        status="paid",
        number=next_number(call),
        total=total,
        paid=total,
        balance=0,
        refunded=0,
        due_date=call.now,
        closed=call.now,
        notes=call.body.get("customer_notes"),
    )
    for line in lines:
        call.add(
            "line_item",
            "li",
            **common,
            **line,
            type="charge",
            origin="debit",
            invoice=bill["id"],
            amount=line["unit"] * line["quantity"],
        )
    call.add(
        "transaction",
        "tx",
        **common,
        type="purchase",
        origin="api",
        status="success",
        amount=total,
        invoice=bill["id"],
        method=account["billing"]["method"],
        collected=call.now,
    )
    return numbered(call, bill)


ENDPOINTS = (Endpoint("POST", "/purchases", _purchase, body=PURCHASE),)
