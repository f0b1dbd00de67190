"""POST /invoices/{invoice_id}/refund: some of a charge invoice, as an amount or as lines."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call, Endpoint, Reply
from billctl.sandbox.recurly.crediting import METHODS, Part, Terms, credit
from billctl.sandbox.recurly.errors import bad_request, invalid, missing, refused
from billctl.sandbox.recurly.fields import amount, choice, flag, instant, many, record, text, whole
from billctl.sandbox.recurly.invoice_shape import invoice, refundable
from billctl.sandbox.recurly.money import read, share, split

METHODS_OUTSIDE = (
    *("bacs", "ach", "amazon", "apple_pay", "check", "credit_card", "eft", "google_pay", "money_order"),
    *("other", "paypal", "roku", "sepadirectdebit", "wire_transfer"),
)
LINE = record({"id": text(13), "quantity": whole, "prorate": flag})
EXTERNAL = record(
    {"payment_method": choice(*METHODS_OUTSIDE), "description": text(50), "refunded_at": instant},
    "payment_method",
)
REFUND = record(
    {
        "type": choice("amount", "line_items"),
        "amount": amount,
        "line_items": many(LINE),
        "refund_method": choice(*METHODS),
        "credit_customer_notes": text(),
        "external_refund": EXTERNAL,
    },
    "type",
)


def _refund(call: Call) -> Reply:
    bill = call.find("invoice")
    if bill["type"] != "charge":
        raise refused("Only charge invoices can be refunded.")
    if refundable(bill) <= 0:
        raise refused("The invoice has no refundable amount.")
    parts = _lines(call, bill) if call.body["type"] == "line_items" else _amount(call, bill)
    if sum(part.amount for part in parts) > refundable(bill):
        raise invalid("amount", "cannot be greater than the refundable amount of the invoice")
    terms = Terms(
        method=call.body.get("refund_method", "transaction_first"),
        notes=call.body.get("credit_customer_notes"),
        external=call.body.get("external_refund"),
    )
    return Reply(201, invoice(call, credit(call, bill, parts, terms)))


def _charged(call: Call, bill: Record) -> list[Record]:
    return call.objects.linked("line_item", "invoice", bill["id"])


def _amount(call: Call, bill: Record) -> list[Part]:
    """The amount split between the lines; none given is all that can be refunded."""
    if "line_items" in call.body:
        raise bad_request("Amount and line items cannot both be specified.", "line_items")
    given = call.body.get("amount")
    total = refundable(bill) if given is None else read(given, "amount")
    if total > refundable(bill):
        raise invalid("amount", "cannot be greater than the refundable amount of the invoice")
    return over(_charged(call, bill), total)


def over(lines: list[Record], total: int) -> list[Part]:
    """`total` in proportion to what is left of each line."""
    left = [line["amount"] - line.get("refunded", 0) for line in lines]
    return [Part(line, minor) for line, minor in zip(lines, split(total, left), strict=True) if minor]


def _lines(call: Call, bill: Record) -> list[Part]:
    if "amount" in call.body:
        raise bad_request("Amount and line items cannot both be specified.", "amount")
    if not call.body.get("line_items"):
        raise bad_request("line_items is required", "line_items")
    lines = {line["id"]: line for line in _charged(call, bill)}
    chosen: dict[str, Part] = {}
    for given in call.body["line_items"]:
        line = lines.get(given.get("id", ""))
        if line is None:
            raise missing("LineItem", "id", given.get("id", ""))
        if line["id"] in chosen:
            raise invalid("line_items", "names a line twice")
        chosen[line["id"]] = _line(call, line, given)
    return list(chosen.values())


def _line(call: Call, line: Record, given: dict[str, Any]) -> Part:
    """So many units of a line; all that are left where none are named (not verified)."""
    left = line["quantity"] - line.get("refunded_quantity", 0)
    quantity = given.get("quantity", left)
    if not 0 < quantity <= left:
        raise invalid("quantity", "must be from 1 to the quantity that is not refunded yet")
    minor = line["unit"] * quantity
    if given.get("prorate"):
        if line.get("end") is None:
            raise invalid("prorate", "is for lines that have a start and an end date")
        minor = share(minor, max(0, line["end"] - call.now), line["end"] - line["start"])
    if not 0 < minor <= line["amount"] - line.get("refunded", 0):
        raise invalid("line_items", "asks for more than is left of a line")
    return Part(line, minor, quantity)


ENDPOINTS = (Endpoint("POST", "/invoices/{invoice_id}/refund", _refund, body=REFUND),)
