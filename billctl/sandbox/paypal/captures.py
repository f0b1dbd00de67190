"""Captures and their refunds (Payments v2).

Not verified: that a refund in flight counts as refunded (here it does), the number of refunds a capture
takes (10 here), and what PayPal answers to the same request id with another body (here: the first refund).
A capture can be refunded for 180 days. An open dispute forbids part of the money, a chargeback all.
"""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import money, payments
from billctl.sandbox.paypal.call import DAYS_45, Call, Endpoint, Reply, Wire, made, retrieve
from billctl.sandbox.paypal.errors import refused
from billctl.sandbox.paypal.times import DAY

REFUND_DAYS = 180
MOST_REFUNDS = 10
REFUSALS = {
    "PENDING": "PENDING_CAPTURE",
    "DECLINED": "REFUND_NOT_ALLOWED",
    "FAILED": "REFUND_NOT_ALLOWED",
    "REFUNDED": "CAPTURE_FULLY_REFUNDED",
}
"""Status of a capture → why it cannot be refunded."""


def refund(call: Call) -> Reply:
    """POST /v2/payments/captures/{id}/refund: without an amount, everything that is left."""
    capture = call.find("capture", "capture_id")
    return made(call, give_back(call, capture, call.body), payments.refund)


def give_back(call: Call, capture: Record, asked: Wire) -> Record:
    """Make a refund of a capture as `asked` (a body of Payments v2), and return it."""
    left = capture["amount"] - capture["refunded"]
    amount, currency = money.read(asked["amount"]) if "amount" in asked else (left, capture["currency"])
    _check(call, capture)
    if currency != capture["currency"]:
        raise refused("REFUND_CAPTURE_CURRENCY_MISMATCH", field="/amount/currency_code", value=currency)
    if amount > left:
        shown = money.shown(amount, currency)
        raise refused("REFUND_AMOUNT_EXCEEDED", field="/amount/value", value=shown)
    _check_dispute(call, capture, whole=amount == left)
    _check_invoice_id(call, asked.get("invoice_id"))
    call.save(capture, **count(capture, amount))
    return call.objects.add(_record(call, capture, amount, asked))


def count(capture: Record, amount: int) -> Wire:
    """What `amount` more given back changes in a capture."""
    refunded = capture["refunded"] + amount
    status = "REFUNDED" if refunded == capture["amount"] else "PARTIALLY_REFUNDED"
    return {"refunded": refunded, "status": status if refunded else "COMPLETED"}


def _check(call: Call, capture: Record) -> None:
    if capture["status"] in REFUSALS:
        raise refused(REFUSALS[capture["status"]])
    if call.now - capture["created"] > REFUND_DAYS * DAY:
        raise refused("REFUND_TIME_LIMIT_EXCEEDED")
    if len(call.objects.select("refund", {"charge": capture["id"]})) >= MOST_REFUNDS:
        raise refused("MAX_NUMBER_OF_REFUNDS_EXCEEDED")


def _check_dispute(call: Call, capture: Record, *, whole: bool) -> None:
    for dispute in call.objects.select("dispute", {"charge": capture["id"]}):
        if dispute["stage"] == "CHARGEBACK" and dispute["channel"] == "EXTERNAL":
            raise refused("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
        if dispute["status"] != "RESOLVED" and not whole:
            raise refused("TRANSACTION_DISPUTED")


def _check_invoice_id(call: Call, invoice_id: str | None) -> None:
    if invoice_id and call.objects.select("refund", {"invoice": invoice_id}, limit=1):
        raise refused(
            "DUPLICATE_INVOICE_ID",
            field="/invoice_id",
            value=invoice_id,
            about="Invoice ID was previously used to refund a capture.",
        )


def _record(call: Call, capture: Record, amount: int, asked: Wire) -> Record:
    waits = capture.get("echeck", False)
    later = {"due": call.now + call.settings["settle_after"], "reason": "ECHECK"} if waits else {}
    return {
        "id": call.new_id("R"),
        "object": "refund",
        "created": call.now,
        "updated": call.now,
        "amount": amount,
        "currency": capture["currency"],
        "status": "PENDING" if waits else "COMPLETED",
        "charge": capture["id"],
        "payment_intent": capture.get("payment_intent"),
        "customer": capture["customer"],
        "email": capture["email"],
        "invoice": asked.get("invoice_id"),
        "custom_id": asked.get("custom_id"),
        "note": asked.get("note_to_payer"),
        "total_refunded": capture["refunded"],
        **later,
    }


def repeated(call: Call, key: str) -> Reply:
    """The refund that the request id made, as it is now."""
    return made(call, call.find("refund", "refund_id", key), payments.refund)


TEXT = {"pattern": "[^\n]*", "long": "INVALID_STRING_LENGTH"}
REFUND = f.record(
    {
        "amount": f.MONEY,
        "custom_id": f.text(127, 1, **TEXT),
        "invoice_id": f.text(127, 1, **TEXT),
        "note_to_payer": f.text(255, 1, **TEXT),
        "payment_instruction": f.unmodelled,
    }
)

ENDPOINTS = (
    Endpoint("GET", "/v2/payments/captures/{id}", retrieve("capture", "capture_id", payments.capture)),
    Endpoint(
        "POST",
        "/v2/payments/captures/{id}/refund",
        refund,
        body=REFUND,
        kept=DAYS_45,
        again=repeated,
    ),
    Endpoint("GET", "/v2/payments/refunds/{id}", retrieve("refund", "refund_id", payments.refund)),
)
