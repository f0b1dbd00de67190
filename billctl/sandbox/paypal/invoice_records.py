"""Invoicing v2: note on an invoice what was paid or given back elsewhere, and take such a note back.

These move no money. Amounts have issues of their own here, by the OpenAPI file.
"""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import invoice_shape, money, times
from billctl.sandbox.paypal.call import Call, Endpoint, Reply, Wire
from billctl.sandbox.paypal.errors import invalid, missing, refused

TAKES_PAYMENTS = ("SENT", "UNPAID", "PARTIALLY_PAID")
TAKES_REFUNDS = ("PAID", "MARKED_AS_PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED")


def record_payment(call: Call) -> Reply:
    """POST …/payments; without an amount, all that is due."""
    record = call.find("invoice", "invoice_id")
    if record["status"] not in TAKES_PAYMENTS:
        raise refused("CANNOT_PROCESS_PAYMENTS")
    due = invoice_shape.total_of(record) - invoice_shape.paid_of(record)
    amount = _amount(call, record, due)
    if amount > due:
        raise refused("PAYMENT_AMOUNT_GREATER_THAN_AMOUNT_DUE", field="/amount/value")
    entry = _entry(call, amount, "payment_date")
    status = "MARKED_AS_PAID" if amount == due else "PARTIALLY_PAID"
    call.save(record, payments=[*record["payments"], entry], status=status)
    return Reply(200, {"payment_id": entry["id"]})


def record_refund(call: Call) -> Reply:
    """POST …/refunds; without an amount, all that was paid."""
    record = call.find("invoice", "invoice_id")
    if record["status"] not in TAKES_REFUNDS:
        raise refused("CANNOT_PROCESS_REFUNDS")
    left = invoice_shape.paid_of(record) - invoice_shape.refunded_of(record)
    amount = _amount(call, record, left)
    if amount > left:
        raise refused("INVALID_REFUND_AMOUNT", field="/amount/value")
    entry = _entry(call, amount, "refund_date")
    status = "MARKED_AS_REFUNDED" if amount == left else "PARTIALLY_REFUNDED"
    call.save(record, refunds=[*record["refunds"], entry], status=status)
    return Reply(200, {"refund_id": entry["id"]})


def _amount(call: Call, record: Record, default: int) -> int:
    asked = call.body.get("amount")
    if asked is None:
        return default
    text, currency = asked["value"], asked["currency_code"]
    if currency != record["currency"]:
        raise invalid("NOT_SUPPORTED", field="/amount/currency_code", value=currency)
    units, _, fraction = text.partition(".")
    places = money.places(currency)
    if text.startswith("-") or len(fraction) > places:
        issue = "INVALID_DECIMAL_VALUE" if places else "INVALID_INTEGER_VALUE"
        raise invalid(issue, field="/amount/value", value=text)
    amount = int(f"{units or '0'}{fraction.ljust(places, '0')}")
    if not amount:
        raise invalid("VALUE_CANNOT_BE_ZERO", field="/amount/value", value=text)
    return amount


def _entry(call: Call, amount: int, date_field: str) -> Wire:
    given = call.body.get(date_field)
    at = times.read_day(given) if given else call.now
    key = f"EXTR-SBX{call.objects.serial():014}"
    return {"id": key, "type": "EXTERNAL", "method": call.body["method"], "amount": amount, "at": at}


def erase_payment(call: Call) -> Reply:
    """DELETE …/payments/{id}: take a recorded payment back."""
    record = call.find("invoice", "invoice_id")
    payments = _without(call, record["payments"])
    if sum(int(entry["amount"]) for entry in payments) < invoice_shape.refunded_of(record):
        raise refused("CANNOT_DELETE_EXTERNAL_PAYMENT")
    call.save(record, payments=payments, status="PARTIALLY_PAID" if payments else "UNPAID")
    return Reply(204)


def erase_refund(call: Call) -> Reply:
    """DELETE …/refunds/{id}: take a recorded refund back."""
    record = call.find("invoice", "invoice_id")
    refunds = _without(call, record["refunds"])
    call.save(record, refunds=refunds, status="PARTIALLY_REFUNDED" if refunds else "PAID")
    return Reply(204)


def _without(call: Call, entries: list[Wire]) -> list[Wire]:
    key = call.ids[1]
    if not any(entry["id"] == key and entry["type"] == "EXTERNAL" for entry in entries):
        raise missing("transaction_id", key)
    return [entry for entry in entries if entry["id"] != key]


METHODS = ("BANK_TRANSFER", "CASH", "CHECK", "CREDIT_CARD", "DEBIT_CARD", "PAYPAL", "WIRE_TRANSFER", "OTHER")
PAYMENT = f.record(
    {
        "amount": f.MONEY,
        "method": f.choice(*METHODS, issue="INVALID_PAYMENT_METHOD"),
        "payment_date": f.date,
        "note": f.text(2000),
        "shipping_info": f.unmodelled,
    },
    "method",
)
REFUND = f.record(
    {"amount": f.MONEY, "method": f.choice(*METHODS, issue="INVALID_REFUND_METHOD"), "refund_date": f.date},
    "method",
)
ONE = f"{invoice_shape.PATH}/{{id}}"

ENDPOINTS = (
    Endpoint("POST", f"{ONE}/payments", record_payment, body=PAYMENT),
    Endpoint("POST", f"{ONE}/refunds", record_refund, body=REFUND),
    Endpoint("DELETE", f"{ONE}/payments/{{tid}}", erase_payment),
    Endpoint("DELETE", f"{ONE}/refunds/{{tid}}", erase_refund),
)
