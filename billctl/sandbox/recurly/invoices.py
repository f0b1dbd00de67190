"""/invoices: charge and credit invoices, their lines, their documents, and the end of a credit invoice."""

from billctl.sandbox.recurly.call import Call, Endpoint, Page, Reply, retrieve
from billctl.sandbox.recurly.crediting import void
from billctl.sandbox.recurly.invoice_shape import invoice, line_item
from billctl.sandbox.recurly.lists import INVOICES, LINES, keep
from billctl.sandbox.recurly.paging import listed, paged


def _list(call: Call) -> Page:
    return listed(call, "invoice", {}, invoice, keep("invoice", call))


def _lines(call: Call) -> Page:
    where = {"invoice": call.find("invoice")["id"]}
    return listed(call, "line_item", where, line_item, keep("line_item", call))


def _related(call: Call) -> Page:
    """The credit invoices of a charge invoice; the charge invoice of a credit invoice."""
    record = call.find("invoice")
    if record["type"] == "charge":
        return paged(call, call.objects.linked("invoice", "charge", record["id"])[::-1], invoice)
    bill = call.objects.get(record["charge"]) if record.get("charge") else None
    return paged(call, [bill] if bill else [], invoice)


def _void(call: Call) -> Reply:
    return Reply(200, invoice(call, void(call, call.find("invoice"))))


def _pdf(call: Call) -> Reply:
    from billctl.sandbox.recurly.pdf import document

    record = call.find("invoice")
    lines = call.objects.linked("line_item", "invoice", record["id"])
    account = call.objects.get(record["customer"]) or {}
    return Reply(200, document(record, lines, account))


ENDPOINTS = (
    Endpoint("GET", "/invoices", _list, query=INVOICES),
    Endpoint("GET", "/invoices/{invoice_id}.pdf", _pdf),
    Endpoint("GET", "/invoices/{invoice_id}", retrieve("invoice", invoice)),
    Endpoint("GET", "/invoices/{invoice_id}/line_items", _lines, query=LINES),
    Endpoint("GET", "/invoices/{invoice_id}/related_invoices", _related),
    Endpoint("PUT", "/invoices/{invoice_id}/void", _void),
)
