"""The life of an invoice: made, finalised, paid; shared by invoices and subscriptions."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.stripe.call import Call
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.intents import settle_intent
from billctl.sandbox.stripe.records import intent_record, invoice_payment_record

DAY = 86_400
NO_TRANSITIONS = dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at"))


def draft(call: Call, customer: Record, currency: str, **fields: Any) -> Record:
    """A stored draft invoice without lines."""
    invoice: Record = {
        "id": call.new_id("in"),
        "object": "invoice",
        "created": call.now,
        "amount_paid": 0,
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "currency": currency,
        "customer": customer["id"],
        "customer_address": customer.get("address"),
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "customer_phone": customer.get("phone"),
        "period_end": call.now,
        "period_start": call.now,
        "status": "draft",
        "status_transitions": NO_TRANSITIONS,
        "_lines": [],
        **fields,
    }
    call.event("invoice.created", invoice)
    return call.objects.add(invoice)


def invoice_for(call: Call, subscription: Record, customer: Record) -> Record:
    """The draft invoice of a new subscription's first period."""
    return draft(
        call,
        customer,
        subscription["currency"],
        billing_reason="subscription_create",
        collection_method=subscription["collection_method"],
        parent=subscription_parent(subscription),
        subscription=subscription["id"],
        _days_until_due=subscription["days_until_due"],
        _lines=[_line(call, item, subscription) for item in subscription["_items"]],
    )


def subscription_parent(subscription: Record) -> dict[str, Any]:
    """The parent of an invoice that a subscription made."""
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": subscription.get("metadata", {}),
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }


def _line(call: Call, item: Record, subscription: Record) -> Record:
    price = call.find("price", item["price"], status=400)
    product = call.objects.get(price["product"]) or {}
    return {
        "id": call.new_id("il"),
        "amount": price["unit_amount"] * item["quantity"],
        "description": f"{item['quantity']} × {product.get('name', 'Subscription')}",
        "end": item["current_period_end"],
        "item": item["id"],
        "price": price["id"],
        "product": price["product"],
        "quantity": item["quantity"] or 1,
        "start": item["current_period_start"],
        "subscription": subscription["id"],
    }


def total_of(invoice: Record) -> int:
    """What the lines come to, in the currency's minor unit at Stripe."""
    return sum(line["amount"] for line in invoice["_lines"])


def finalize(call: Call, invoice: Record) -> Record:
    """Give a draft its number and open it; an invoice over nothing is paid at once."""
    customer = call.objects.get(invoice["customer"]) or {}
    number = customer.get("next_invoice_sequence", 1)
    customer["next_invoice_sequence"] = number + 1
    call.objects.save(customer)
    invoice |= {
        "number": invoice.get("number") or f"{customer.get('invoice_prefix', 'SBX')}-{number:04}",
        "status": "open",
        "auto_advance": True,
        "status_transitions": {**NO_TRANSITIONS, "finalized_at": call.now},
    }
    if invoice["collection_method"] == "send_invoice" and not invoice.get("due_date"):
        invoice["due_date"] = invoice["created"] + (invoice.get("_days_until_due") or 0) * DAY
    call.event("invoice.finalized", invoice)
    if total_of(invoice) == 0:
        return mark_paid(call, invoice)
    intent = intent_record(
        call.new_id("pi"),
        call.now,
        amount=total_of(invoice),
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=f"Payment for Invoice {invoice['number']}",
    )
    call.objects.add(intent)
    call.objects.add(
        invoice_payment_record(
            call.new_id("inpay"), call.now, invoice, intent["id"], total_of(invoice), paid=False
        )
    )
    return call.objects.save(invoice)


def mark_paid(call: Call, invoice: Record) -> Record:
    """Close an invoice as paid in full."""
    invoice |= {
        "status": "paid",
        "amount_paid": total_of(invoice),
        "attempted": True,
        "next_payment_attempt": None,
        "status_transitions": {**invoice["status_transitions"], "paid_at": call.now},
    }
    call.event("invoice.paid", invoice)
    return call.objects.save(invoice)


def pay_with(call: Call, invoice: Record, method: str) -> Record:
    """Charge an open invoice to a payment method; returns the charge, which may have failed."""
    payment = _open_payment(call, invoice)
    intent = call.find("payment_intent", payment["payment_intent"], status=400)
    intent["payment_method"] = method
    charge = settle_intent(call, intent)
    invoice |= {"attempted": True, "attempt_count": invoice.get("attempt_count", 0) + 1}
    if charge["status"] == "failed":
        call.event("invoice.payment_failed", invoice)
        call.objects.save(invoice)
        return charge
    payment |= {
        "amount_paid": payment["amount_requested"],
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": call.now},
    }
    call.objects.save(payment)
    mark_paid(call, invoice)
    return charge


def _open_payment(call: Call, invoice: Record) -> Record:
    found = call.objects.select("invoice_payment", {"invoice": invoice["id"], "status": "open"})
    if not found:
        raise refused("This invoice has no payment that is open.")
    return found[0]


def close_payment(call: Call, invoice: Record, reason: str) -> None:
    """Cancel what an invoice still waits for, because it is void or was paid elsewhere."""
    for payment in call.objects.select("invoice_payment", {"invoice": invoice["id"], "status": "open"}):
        payment |= {
            "status": "canceled",
            "status_transitions": {"canceled_at": call.now, "paid_at": None},
        }
        call.objects.save(payment)
        intent = call.objects.get(payment["payment_intent"])
        if intent and intent["status"] != "succeeded":
            intent |= {"status": "canceled", "canceled_at": call.now, "cancellation_reason": reason}
            call.objects.save(intent)
