"""/credit_payments: credit that was used to pay an invoice, or given back."""

from billctl.sandbox.database import Record
from billctl.sandbox.recurly import people
from billctl.sandbox.recurly.call import Call, Endpoint, Page, Wire, retrieve, uuid_of
from billctl.sandbox.recurly.lists import CREDIT_PAYMENTS
from billctl.sandbox.recurly.money import number
from billctl.sandbox.recurly.paging import listed
from billctl.sandbox.recurly.times import wire
from billctl.sandbox.recurly.transaction_shape import invoice_mini


def credit_payment(call: Call, record: Record) -> Wire:
    """GET /credit_payments/{credit_payment_id}."""
    return {
        "id": record["id"],
        "object": "credit_payment",
        "uuid": uuid_of(record["id"]),
        "action": record["action"],
        "account": people.mini(call, record["customer"]),
        "applied_to_invoice": invoice_mini(call.objects, record["invoice"]),
        "original_invoice": invoice_mini(call.objects, record["charge"]),
        "currency": record["currency"],
        "amount": number(record["amount"], record["currency"]),
        "original_credit_payment_id": record.get("previous"),
        "refund_transaction": None,
        **people.stamps(record),
        "voided_at": wire(record.get("voided")),
    }


def _list(call: Call) -> Page:
    return listed(call, "credit_payment", {}, credit_payment)


ENDPOINTS = (
    Endpoint("GET", "/credit_payments", _list, query=CREDIT_PAYMENTS),
    Endpoint("GET", "/credit_payments/{credit_payment_id}", retrieve("credit_payment", credit_payment)),
)
