"""Refunds.

The texts for too much, nothing left and a disputed charge are those of recorded answers; the code
`charge_disputed` too. A pending refund counts in the charge's `amount_refunded` here, which is not verified.
"""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.money import check_step, shown
from billctl.sandbox.stripe.paging import page
from billctl.sandbox.stripe.settle import finish


def create(call: Call) -> Record:
    """POST /v1/refunds; without an amount, everything that is left."""
    charge = _charge(call)
    _check_refundable(call, charge)
    left = charge["amount"] - charge["amount_refunded"]
    amount = call.params.get("amount", left)
    _check_amount(charge, amount, left)
    if not charge["captured"]:
        return release(call, charge)
    refund = _refund(call, charge, amount)
    _count(call, charge, amount)
    call.event("refund.created", refund)
    return call.objects.add(refund)


def _charge(call: Call) -> Record:
    given = call.params
    if "charge" in given and "payment_intent" in given:
        raise refused("You may only specify one of these parameters: charge, payment_intent.", param="charge")
    if "charge" in given:
        return call.find("charge", given["charge"], param="charge")
    if "payment_intent" not in given:
        raise refused(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = call.find("payment_intent", given["payment_intent"], param="payment_intent")
    charge = call.objects.get(intent.get("latest_charge") or "")
    if charge is None or charge["status"] != "succeeded":
        raise refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return charge


def _check_refundable(call: Call, charge: Record) -> None:
    if charge["status"] != "succeeded":
        raise refused(
            f"Charge {charge['id']} cannot be refunded: it has a status of {charge['status']}.",
            code="charge_not_refundable",
        )
    disputes = call.objects.select("dispute", {"charge": charge["id"]}) if charge.get("disputed") else []
    if any(not dispute["is_charge_refundable"] for dispute in disputes):
        raise refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if charge["amount_refunded"] >= charge["amount"]:
        raise refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")


def _check_amount(charge: Record, amount: int, left: int) -> None:
    currency = charge["currency"]
    asked = f"Refund amount ({shown(amount, currency)}) is greater than"
    if amount > charge["amount"]:
        raise refused(f"{asked} charge amount ({shown(charge['amount'], currency)})", param="amount")
    if amount > left:
        raise refused(f"{asked} unrefunded amount on charge ({shown(left, currency)})", param="amount")
    if not charge["captured"] and amount != charge["amount"]:
        raise refused("You cannot partially refund an uncaptured charge.", param="amount")
    check_step(amount, currency)


def _refund(call: Call, charge: Record, amount: int) -> Record:
    key = call.new_id("re")
    first, later = charge["_card"].get("refunds") or ("succeeded", None)
    refund: Record = {
        "id": key,
        "object": "refund",
        "created": call.now,
        "amount": amount,
        "balance_transaction": f"txn_{key.removeprefix('re_')}",
        "charge": charge["id"],
        "currency": charge["currency"],
        "metadata": p.merge_metadata({}, call.params.get("metadata", {})),
        "payment_intent": charge.get("payment_intent"),
        "reason": call.params.get("reason"),
        "status": first,
    }
    if first == "pending":
        refund["pending_reason"] = "processing"
    if later:
        refund |= {"due": call.now + call.settings["settle_after"], "_then": later}
    return refund


def _count(call: Call, charge: Record, amount: int) -> None:
    before = {"amount_refunded": charge["amount_refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if call.params.get("reason") == "fraudulent":
        charge["fraud_details"] = {"user_report": "fraudulent"}
    call.objects.save(charge)
    call.event("charge.refunded", charge, before)


def release(call: Call, charge: Record) -> Record:
    """Give an authorised charge back in whole, as Stripe shows it: a refund of money that was never taken."""
    refund = _refund(call, charge, charge["amount"])
    refund |= {"status": "succeeded", "balance_transaction": None}
    refund.pop("due", None)
    refund.pop("_then", None)
    _count(call, charge, charge["amount"])
    intent = call.objects.get(charge.get("payment_intent") or "")
    if intent and intent["status"] == "requires_capture":
        intent |= {"status": "canceled", "amount_capturable": 0, "canceled_at": call.now}
        call.objects.save(intent)
    return call.objects.add(refund)


def update(call: Call) -> Record:
    """POST /v1/refunds/{id}: metadata only."""
    refund = call.find("refund", call.path_id)
    if "metadata" in call.params:
        refund["metadata"] = p.merge_metadata(refund.get("metadata", {}), call.params["metadata"])
    call.event("refund.updated", refund)
    return call.objects.save(refund)


def cancel(call: Call) -> Record:
    """POST /v1/refunds/{id}/cancel: only a refund that waits for the customer's action."""
    refund = call.find("refund", call.path_id)
    if refund["status"] != "requires_action":
        raise refused(
            f"You cannot cancel this refund because it has a status of {refund['status']}. Only refunds with "
            "a status of requires_action can be canceled."
        )
    finish(call.objects, refund, "canceled")
    call.event("refund.updated", refund)
    return call.objects.save(refund)


def index(call: Call) -> Page:
    """GET /v1/refunds, by charge or payment intent; there is no filter by customer."""
    charge, intent = call.params.get("charge"), call.params.get("payment_intent")
    if charge:
        call.find("charge", charge, param="charge", status=400)
    if intent:
        call.find("payment_intent", intent, param="payment_intent", status=400)
    return page(call, "refund", {"charge": charge, "payment_intent": intent})


ENDPOINTS = (
    Endpoint("GET", "/v1/refunds/{id}", retrieve("refund")),
    Endpoint("POST", "/v1/refunds/{id}", update, {**p.EXPAND, "metadata": p.metadata}),
    Endpoint("POST", "/v1/refunds/{id}/cancel", cancel),
    Endpoint(
        "GET",
        "/v1/refunds",
        index,
        {**p.PAGE, "created": p.span, "charge": p.text(), "payment_intent": p.text()},
    ),
    Endpoint(
        "POST",
        "/v1/refunds",
        create,
        {
            **p.EXPAND,
            "amount": p.integer(1),
            "charge": p.text(),
            "metadata": p.metadata,
            "payment_intent": p.text(),
            "reason": p.choice("duplicate", "fraudulent", "requested_by_customer"),
            **p.not_modelled("currency customer instructions_email origin refund_application_fee"),
            **p.not_modelled("reverse_transfer"),
        },
    ),
)
