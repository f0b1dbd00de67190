"""Charges, the legacy way of paying included."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.cards import facts, named
from billctl.sandbox.stripe.charging import capture, declined, take
from billctl.sandbox.stripe.customers import SHIPPING
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.money import check_charge, check_currency
from billctl.sandbox.stripe.paging import page
from billctl.sandbox.stripe.search import SEARCH, search


def create(call: Call) -> Record:
    """POST /v1/charges with a test token (`tok_visa`) as `source`."""
    given = call.params
    currency = check_currency(given["currency"])
    check_charge(given["amount"], currency)
    customer = call.customer()
    source = given.get("source")
    card = named(source or "")
    if source is None:
        if customer is None:
            raise refused("Must provide source or customer.", code="parameter_missing")
        raise refused("Cannot charge a customer that has no active card", param="card", code="missing")
    if card is None:
        raise refused(f"No such token: '{source}'", param="source", code="resource_missing")
    details: Record = {
        "amount": given["amount"],
        "currency": currency,
        "customer": customer["id"] if customer else None,
        "description": given.get("description"),
        "metadata": p.merge_metadata({}, given.get("metadata", {})),
        "receipt_email": given.get("receipt_email"),
        "statement_descriptor_suffix": given.get("statement_descriptor_suffix"),
    }
    charge = take(call, facts(card), details, capture=given.get("capture", True))
    if charge["status"] == "failed":
        raise declined(charge)
    return charge


def update(call: Call) -> Record:
    """POST /v1/charges/{id}.

    A changed `receipt_email` sends a receipt in live mode; nothing is sent here, and Stripe has no event for
    it but `charge.updated`.
    """
    charge = call.find("charge", call.path_id)
    given = call.params
    before: Record = {name: charge.get(name) for name in ("description", "receipt_email") if name in given}
    charge |= {name: given[name] for name in before}
    if "shipping" in given:
        charge["shipping"] = given["shipping"]
    if "fraud_details" in given:
        charge["fraud_details"] = given["fraud_details"]
    if "metadata" in given:
        charge["metadata"] = p.merge_metadata(charge.get("metadata", {}), given["metadata"])
    if "customer" in given and given["customer"] != charge.get("customer"):
        if charge.get("customer"):
            raise refused("This charge already has a customer.", param="customer")
        charge["customer"] = (call.customer() or {}).get("id")
    call.event("charge.updated", charge, before)
    return call.objects.save(charge)


def capture_charge(call: Call) -> Record:
    """POST /v1/charges/{id}/capture: only for charges made without a payment intent."""
    charge = call.find("charge", call.path_id)
    if charge.get("payment_intent"):
        raise refused(
            "This charge was created by a PaymentIntent; capture it with the PaymentIntent capture endpoint."
        )
    if charge["captured"]:
        raise refused(f"Charge {charge['id']} has already been captured.", code="charge_already_captured")
    if charge.get("refunded") or charge["status"] != "succeeded":
        raise refused(f"Charge {charge['id']} cannot be captured.", code="charge_expired_for_capture")
    amount: int = call.params.get("amount") or charge["amount"]
    if amount > charge["amount"]:
        raise refused(
            "Amount must be no more than the charge amount.", param="amount", code="amount_too_large"
        )
    if "receipt_email" in call.params:
        charge["receipt_email"] = call.params["receipt_email"]
    return capture(call, charge, amount)


def index(call: Call) -> Page:
    """GET /v1/charges."""
    customer, intent = call.params.get("customer"), call.params.get("payment_intent")
    if customer:
        call.find("customer", customer, param="customer", status=400)
    if intent:
        call.find("payment_intent", intent, param="payment_intent", status=400)
    return page(call, "charge", {"customer": customer, "payment_intent": intent})


def refunds(call: Call) -> Page:
    """GET /v1/charges/{id}/refunds."""
    charge = call.find("charge", call.path_id)
    return page(call, "refund", {"charge": charge["id"]})


ENDPOINTS = (
    Endpoint("GET", "/v1/charges/search", search("charge"), SEARCH, "query"),
    Endpoint("GET", "/v1/charges/{id}", retrieve("charge")),
    Endpoint(
        "POST",
        "/v1/charges/{id}",
        update,
        {
            **p.EXPAND,
            "customer": p.text(),
            "description": p.text(40_000, unset=True),
            "fraud_details": p.mapping({"user_report": p.choice("fraudulent", "safe", unset=True)}),
            "metadata": p.metadata,
            "receipt_email": p.text(unset=True),
            "shipping": SHIPPING,
            **p.not_modelled("transfer_group"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/charges/{id}/capture",
        capture_charge,
        {
            **p.EXPAND,
            "amount": p.integer(1),
            "receipt_email": p.text(unset=True),
            **p.not_modelled("application_fee application_fee_amount statement_descriptor"),
            **p.not_modelled("statement_descriptor_suffix transfer_data transfer_group"),
        },
    ),
    Endpoint("GET", "/v1/charges/{id}/refunds", refunds, p.PAGE),
    Endpoint(
        "GET",
        "/v1/charges",
        index,
        {
            **p.PAGE,
            "created": p.span,
            "customer": p.text(),
            "payment_intent": p.text(),
            **p.not_modelled("transfer_group"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/charges",
        create,
        {
            **p.EXPAND,
            "amount": p.integer(1),
            "capture": p.boolean,
            "currency": p.text(),
            "customer": p.text(),
            "description": p.text(40_000, unset=True),
            "metadata": p.metadata,
            "receipt_email": p.text(unset=True),
            "source": p.text(),
            "statement_descriptor_suffix": p.text(22, unset=True),
            **p.not_modelled("application_fee application_fee_amount card destination on_behalf_of"),
            **p.not_modelled("radar_options shipping statement_descriptor transfer_data transfer_group"),
        },
        "amount currency",
    ),
)
