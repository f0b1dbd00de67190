"""Authorizations: capture, void, reauthorize (Payments v2).

Void takes a PayPal-Request-Id by the newer SDK's documentation and not by the OpenAPI file. Captures may
come to 115 % of the authorization (the file's MAX_CAPTURE_AMOUNT_EXCEEDED says so). An authorization lives
for 29 days and can be authorised again from the fourth on; too early has no issue of its own in the file.
"""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import money, payments
from billctl.sandbox.paypal.call import DAYS_45, Call, Endpoint, Reply, Wire, made, retrieve
from billctl.sandbox.paypal.errors import refused
from billctl.sandbox.paypal.times import DAY

HONOR_DAYS = 3
OVER_PERCENT = 115
FEE_PERCENT = 3
ENDED = {"CAPTURED": "AUTHORIZATION_ALREADY_CAPTURED", "VOIDED": "AUTHORIZATION_VOIDED"}
"""Status of an authorization → why it gives no more."""


def capture(call: Call) -> Reply:
    """POST …/capture: without an amount, everything that is left of it."""
    authorization = _open(call)
    amount, currency = _amount(call.body, authorization)
    if currency != authorization["currency"]:
        raise refused("AUTH_CAPTURE_CURRENCY_MISMATCH", field="/amount/currency_code", value=currency)
    taken = authorization["captured"] + amount
    if taken * 100 > authorization["amount"] * OVER_PERCENT:
        raise refused("MAX_CAPTURE_AMOUNT_EXCEEDED", field="/amount/value")
    _check_invoice_id(call)
    final = call.body.get("final_capture", False) or taken >= authorization["amount"]
    call.save(authorization, captured=taken, status="CAPTURED" if final else "PARTIALLY_CAPTURED")
    record = call.objects.add(_capture(call, authorization, amount, final=final))
    return made(call, record, payments.capture)


def _open(call: Call) -> Record:
    authorization = call.find("authorization", "authorization_id")
    if authorization["status"] in ENDED:
        raise refused(ENDED[authorization["status"]])
    if call.now > authorization["expires"]:
        raise refused("AUTHORIZATION_EXPIRED")
    return authorization


def _amount(body: Wire, authorization: Record) -> tuple[int, str]:
    if "amount" in body:
        return money.read(body["amount"])
    return authorization["amount"] - authorization["captured"], authorization["currency"]


def _check_invoice_id(call: Call) -> None:
    invoice_id = call.body.get("invoice_id")
    if invoice_id and call.objects.select("capture", {"invoice": invoice_id}, limit=1):
        raise refused(
            "DUPLICATE_INVOICE_ID",
            field="/invoice_id",
            value=invoice_id,
            about="Requested invoice_id has been previously captured. Possible duplicate transaction.",
        )


def _capture(call: Call, authorization: Record, amount: int, *, final: bool) -> Record:
    return {
        "id": call.new_id("C"),
        "object": "capture",
        "created": call.now,
        "updated": call.now,
        "amount": amount,
        "currency": authorization["currency"],
        "status": "COMPLETED",
        "refunded": 0,
        "fee": amount * FEE_PERCENT // 100,
        "final": final,
        "event": "T0006",
        "authorization": authorization["id"],
        "payment_intent": authorization["payment_intent"],
        "customer": authorization["customer"],
        "email": authorization["email"],
        "invoice": call.body.get("invoice_id"),
        "custom_id": authorization.get("custom_id"),
    }


def captured_again(call: Call, key: str) -> Reply:
    """The capture that the request id made, as it is now."""
    return made(call, call.find("capture", "capture_id", key), payments.capture)


def void(call: Call) -> Reply:
    """POST …/void: 204, or the authorization when asked for. Nothing was moved, so nothing is given back."""
    authorization = call.find("authorization", "authorization_id")
    if authorization["status"] == "CAPTURED":
        raise refused("PREVIOUSLY_CAPTURED")
    if authorization["status"] == "VOIDED":
        raise refused("PREVIOUSLY_VOIDED")
    call.save(authorization, status="VOIDED")
    return voided_again(call, authorization["id"])


def voided_again(call: Call, key: str) -> Reply:
    """The answer to a void that was done."""
    record = call.find("authorization", "authorization_id", key)
    return Reply(200, payments.authorization(call, record), key) if call.whole else Reply(204, None, key)


def reauthorize(call: Call) -> Reply:
    """POST …/reauthorize: a new authorization in place of one whose honor period is over."""
    authorization = _open(call)
    amount, currency = _amount(call.body, authorization)
    if currency != authorization["currency"]:
        raise refused("AUTH_CURRENCY_MISMATCH", field="/amount/currency_code", value=currency)
    if authorization.get("reauthorized") or call.now - authorization["created"] <= HONOR_DAYS * DAY:
        raise refused("REAUTHORIZATION_NOT_SUPPORTED")
    record: Record = {
        **authorization,
        "id": call.new_id("A"),
        "created": call.now,
        "updated": call.now,
        "amount": amount,
        "captured": 0,
        "status": "CREATED",
        "reauthorized": True,
    }
    call.save(authorization, status="VOIDED")
    return made(call, call.objects.add(record), payments.authorization)


def reauthorized_again(call: Call, key: str) -> Reply:
    """The authorization that the request id made, as it is now."""
    return made(call, call.find("authorization", "authorization_id", key), payments.authorization)


PATH = "/v2/payments/authorizations/{id}"
CAPTURE = f.record(
    {
        "amount": f.MONEY,
        "final_capture": f.flag,
        "invoice_id": f.text(127, 1, "[^\n]*"),
        "note_to_payer": f.text(255, 1, "[^\n]*"),
        "soft_descriptor": f.text(22),
        "payment_instruction": f.unmodelled,
    }
)

ENDPOINTS = (
    Endpoint("GET", PATH, retrieve("authorization", "authorization_id", payments.authorization)),
    Endpoint("POST", f"{PATH}/capture", capture, body=CAPTURE, kept=DAYS_45, again=captured_again),
    Endpoint("POST", f"{PATH}/void", void, kept=DAYS_45, again=voided_again),
    Endpoint(
        "POST",
        f"{PATH}/reauthorize",
        reauthorize,
        body=f.record({"amount": f.MONEY}),
        kept=DAYS_45,
        again=reauthorized_again,
    ),
)
