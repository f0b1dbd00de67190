"""Invoicing v2: read, list, send, remind, cancel, record what was paid or refunded elsewhere.

No operation takes a PayPal-Request-Id. Sending one that was sent has no effect (documented). At most two
reminders go out a day (developer.paypal.com/api/invoicing/v2/invoices-remind); the answer to a third is
not verified and is CANNOT_REMIND_INVOICE here.
"""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import invoice_shape, money, times
from billctl.sandbox.paypal.call import Call, Endpoint, Query, Reply, Wire, paged, pages, retrieve
from billctl.sandbox.paypal.errors import missing, refused
from billctl.sandbox.paypal.invoice_shape import COLLECTIONS, OPEN, PATH

REMINDERS_A_DAY = 2
CANNOT_CANCEL = {
    "DRAFT": "CANNOT_CANCEL_DRAFT_INVOICE",
    "SCHEDULED": "CANNOT_CANCEL_SCHEDULED_INVOICE",
    "CANCELLED": "INVOICE_CANCELED_ALREADY",
    "PAID": "CANNOT_CANCEL_PAID_INVOICE",
    "MARKED_AS_PAID": "CANNOT_CANCEL_PAID_INVOICE",
    "PARTIALLY_PAID": "CANNOT_CANCEL_PAID_INVOICE",
    "REFUNDED": "CANNOT_CANCEL_REFUNDED_INVOICE",
    "MARKED_AS_REFUNDED": "CANNOT_CANCEL_REFUNDED_INVOICE",
    "PARTIALLY_REFUNDED": "CANNOT_CANCEL_REFUNDED_INVOICE",
}
FINISHED = ("DRAFT", "SCHEDULED", "CANCELLED", "REFUNDED", "MARKED_AS_REFUNDED")


def index(call: Call) -> Reply:
    """GET /v2/invoicing/invoices, newest first."""
    wanted = () if call.query["fields"].lower() == "none" else COLLECTIONS
    return listed(call, call.objects.select("invoice", {}), wanted, PATH)


def listed(call: Call, found: list[Record], wanted: tuple[str, ...], path: str) -> Reply:
    """A page of `found`, with the totals where they were asked for."""
    count = pages(call, len(found))
    totals = {"total_items": len(found), "total_pages": count} if call.query["total_required"] else {}
    page, size = call.query["page"], call.query["page_size"]
    method = "GET" if path == PATH else "POST"
    links = [call.link(f"{path}?page={page}&page_size={size}", "self", method)]
    if page < count:
        links.append(call.link(f"{path}?page={page + 1}&page_size={size}", "next", method))
    rows = [invoice_shape.row(call, record, wanted) for record in paged(call, found)]
    return Reply(200, {**totals, "items": rows, "links": links})


def send(call: Call) -> Reply:
    """POST …/send: a draft goes out; for one that is out nothing happens. The answer is a link."""
    record = call.find("invoice", "invoice_id")
    if record["status"] in ("DRAFT", "SCHEDULED"):
        call.save(record, status="SENT", first_sent=call.now, last_sent=call.now)
    return Reply(200, call.link(f"{PATH}/{record['id']}"))


def remind(call: Call) -> Reply:
    """POST …/remind: 204, for an invoice that is out and not paid, twice a day."""
    record = call.find("invoice", "invoice_id")
    recent = [at for at in record["reminders"] if call.now - at < times.DAY]
    if record["status"] not in OPEN or len(recent) >= REMINDERS_A_DAY:
        raise refused("CANNOT_REMIND_INVOICE")
    call.save(record, reminders=[*recent, call.now], last_sent=call.now)
    return Reply(204)


def cancel(call: Call) -> Reply:
    """POST …/cancel: 204, for an invoice that is out and not paid."""
    record = call.find("invoice", "invoice_id")
    if record["status"] in CANNOT_CANCEL:
        raise refused(CANNOT_CANCEL[record["status"]])
    call.save(record, status="CANCELLED", cancelled=call.now)
    return Reply(204)


def record_payment(call: Call) -> Reply:
    """POST …/payments: note money that came another way. It moves nothing."""
    record = call.find("invoice", "invoice_id")
    if record["status"] in FINISHED:
        raise refused("INVALID_STATUS_FOR_PAYMENT", about="The invoice takes no payment in its status.")
    owed = invoice_shape.total_of(record) - invoice_shape.paid_of(record)
    amount = _amount(call, record, owed)
    if amount > owed:
        raise refused("AMOUNT_EXCEEDS_DUE", field="/amount/value", about="More than is due on the invoice.")
    entry = _entry(call, amount, "payment_date", f"EXTR-{call.objects.serial():014}")
    status = "MARKED_AS_PAID" if amount == owed else "PARTIALLY_PAID"
    call.save(record, payments=[*record["payments"], entry], status=status)
    return Reply(200, {"payment_id": entry["id"]})


def record_refund(call: Call) -> Reply:
    """POST …/refunds: note money that was given back another way. It moves nothing."""
    record = call.find("invoice", "invoice_id")
    left = invoice_shape.paid_of(record) - invoice_shape.refunded_of(record)
    amount = _amount(call, record, left)
    if amount > left:
        raise refused(
            "AMOUNT_EXCEEDS_PAID", field="/amount/value", about="More than was paid on the invoice."
        )
    entry = _entry(call, amount, "refund_date", f"EXTR-{call.objects.serial():014}")
    status = "MARKED_AS_REFUNDED" if amount == left else "PARTIALLY_REFUNDED"
    call.save(record, refunds=[*record["refunds"], entry], status=status)
    return Reply(200, {"refund_id": entry["id"]})


def _amount(call: Call, record: Record, default: int) -> int:
    if "amount" not in call.body:
        return default
    amount, currency = money.read(call.body["amount"])
    if currency != record["currency"]:
        raise refused("INVALID_CURRENCY_CODE", field="/amount/currency_code", value=currency)
    return amount


def _entry(call: Call, amount: int, date_field: str, key: str) -> Wire:
    given = call.body.get(date_field)
    at = times.read_day(given) if given else call.now
    return {"id": key, "type": "EXTERNAL", "method": call.body["method"], "amount": amount, "at": at}


def erase_payment(call: Call) -> Reply:
    """DELETE …/payments/{id}: take a recorded payment back."""
    record = call.find("invoice", "invoice_id")
    payments = _without(call, record["payments"])
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


NOTIFICATION = f.record(
    {
        "subject": f.text(4000),
        "note": f.text(4000),
        "send_to_invoicer": f.flag,
        "send_to_recipient": f.flag,
        "additional_recipients": f.many(f.text(254, 3, '.+@[^"\\-].+'), 100),
    }
)
METHOD = f.choice(
    *("BANK_TRANSFER", "CASH", "CHECK", "CREDIT_CARD", "DEBIT_CARD", "PAYPAL", "WIRE_TRANSFER", "OTHER")
)
COMMON = {"amount": f.MONEY, "method": METHOD, "type": f.choice("PAYPAL", "EXTERNAL")}
PAYMENT = f.record(
    {
        **COMMON,
        "payment_id": f.text(22),
        "payment_date": f.date,
        "note": f.text(2000),
        "shipping_info": f.unmodelled,
    },
    "method",
)
REFUND = f.record({**COMMON, "refund_id": f.text(22), "refund_date": f.date}, "method")
PAGES: Query = {
    "page": f.whole(1, 1000, 1),
    "page_size": f.whole(1, 100, 20),
    "total_required": (f.yes_or_no, False),
}
ONE = f"{PATH}/{{id}}"

ENDPOINTS = (
    Endpoint("GET", PATH, index, query={**PAGES, "fields": (f.words, "all")}),
    Endpoint("GET", ONE, retrieve("invoice", "invoice_id", invoice_shape.shape)),
    Endpoint("POST", f"{ONE}/send", send, body=NOTIFICATION),
    Endpoint("POST", f"{ONE}/remind", remind, body=NOTIFICATION),
    Endpoint("POST", f"{ONE}/cancel", cancel, body=NOTIFICATION),
    Endpoint("POST", f"{ONE}/payments", record_payment, body=PAYMENT),
    Endpoint("POST", f"{ONE}/refunds", record_refund, body=REFUND),
    Endpoint("DELETE", f"{ONE}/payments/{{tid}}", erase_payment),
    Endpoint("DELETE", f"{ONE}/refunds/{{tid}}", erase_refund),
)
