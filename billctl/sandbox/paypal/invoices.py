"""Invoicing v2: read, list, send, remind, cancel. What was paid elsewhere is in `invoice_records`.

No operation takes a PayPal-Request-Id. Sending one that was sent has no effect (documented). At most two
reminders go out a day (developer.paypal.com/api/invoicing/v2/invoices-remind); the answer to a third is
not verified and is CANNOT_REMIND_INVOICE here.
"""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import invoice_records, invoice_shape, times
from billctl.sandbox.paypal.call import Call, Endpoint, Query, Reply, paged, pages, retrieve
from billctl.sandbox.paypal.errors import refused
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


NOTIFICATION = f.record(
    {
        "subject": f.text(4000),
        "note": f.text(4000),
        "send_to_invoicer": f.flag,
        "send_to_recipient": f.flag,
        "additional_recipients": f.many(f.text(254, 3, '.+@[^"\\-].+'), 100),
    }
)
BOUNDS = {"low": "INVALID_INTEGER_MIN_VALUE", "high": "INVALID_INTEGER_MAX_VALUE"}
PAGES: Query = {
    "page": f.whole(1, 1000, 1, **BOUNDS),
    "page_size": f.whole(1, 100, 20, **BOUNDS),
    "total_required": (f.yes_or_no, False),
}
ONE = f"{PATH}/{{id}}"

ENDPOINTS = (
    Endpoint("GET", PATH, index, query={**PAGES, "fields": (f.words, "all")}),
    Endpoint("GET", ONE, retrieve("invoice", "invoice_id", invoice_shape.shape)),
    Endpoint("POST", f"{ONE}/send", send, body=NOTIFICATION),
    Endpoint("POST", f"{ONE}/remind", remind, body=NOTIFICATION),
    Endpoint("POST", f"{ONE}/cancel", cancel, body=NOTIFICATION),
    *invoice_records.ENDPOINTS,
)
