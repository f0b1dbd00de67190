"""Payment intents: create, confirm, capture, cancel. Cards that ask for authentication are not modelled."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.charging import capture, declined, take
from billctl.sandbox.stripe.errors import ApiError, refused
from billctl.sandbox.stripe.methods import attach_to, method_for
from billctl.sandbox.stripe.money import check_charge, check_currency
from billctl.sandbox.stripe.paging import page
from billctl.sandbox.stripe.records import intent_record
from billctl.sandbox.stripe.search import SEARCH, search
from billctl.sandbox.stripe.shapes import Shapes

OPEN = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
)
REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
FIELDS: dict[str, p.Check] = {
    **p.EXPAND,
    "customer": p.text(),
    "description": p.text(1000, unset=True),
    "metadata": p.metadata,
    "payment_method": p.text(),
    "payment_method_types": p.listing(p.text()),
    "receipt_email": p.text(unset=True),
    "setup_future_usage": p.choice("off_session", "on_session", unset=True),
    "statement_descriptor_suffix": p.text(22, unset=True),
    **p.not_modelled("amount_details application_fee_amount customer_account excluded_payment_method_types"),
    **p.not_modelled("hooks payment_details payment_method_configuration payment_method_data"),
    **p.not_modelled("payment_method_options shipping statement_descriptor transfer_data transfer_group"),
}
COPIED = ("description", "receipt_email", "setup_future_usage", "statement_descriptor_suffix")


def create(call: Call) -> Record:
    """POST /v1/payment_intents."""
    given = call.params
    currency = check_currency(given["currency"])
    check_charge(given["amount"], currency)
    customer = call.customer()
    intent = intent_record(
        call.new_id("pi"),
        call.now,
        amount=given["amount"],
        currency=currency,
        customer=customer["id"] if customer else None,
        capture_method=given.get("capture_method", "automatic_async"),
        metadata=p.merge_metadata({}, given.get("metadata", {})),
        **{name: given[name] for name in COPIED if given.get(name) is not None},
    )
    if "automatic_payment_methods" in given:
        intent["automatic_payment_methods"] = {
            "allow_redirects": "always",
            **given["automatic_payment_methods"],
        }
    call.objects.add(intent)
    call.event("payment_intent.created", intent)
    _use_method(call, intent)
    if given.get("confirm"):
        return _pay(call, intent)
    return call.objects.save(intent)


def _use_method(call: Call, intent: Record) -> None:
    name = call.params.get("payment_method")
    if not name:
        return
    method = method_for(call, name)
    if call.params.get("setup_future_usage") and intent.get("customer"):
        attach_to(call, method, intent["customer"])
    intent |= {"payment_method": method["id"], "status": "requires_confirmation"}


def update(call: Call) -> Record:
    """POST /v1/payment_intents/{id}."""
    intent = call.find("payment_intent", call.path_id, param="intent")
    given = call.params
    if intent["status"] not in OPEN[:3] and given.keys() - {
        "metadata",
        "description",
        "expand",
        "receipt_email",
    }:
        raise _wrong_state(call, intent, "update")
    intent |= {name: given[name] for name in COPIED if name in given}
    if "metadata" in given:
        intent["metadata"] = p.merge_metadata(intent.get("metadata", {}), given["metadata"])
    if "amount" in given or "currency" in given:
        intent |= {name: given[name] for name in ("amount", "currency") if name in given}
        intent["currency"] = check_currency(intent["currency"])
        check_charge(intent["amount"], intent["currency"])
    if "customer" in given:
        intent["customer"] = (call.customer() or {}).get("id")
    _use_method(call, intent)
    return call.objects.save(intent)


def confirm(call: Call) -> Record:
    """POST /v1/payment_intents/{id}/confirm."""
    intent = call.find("payment_intent", call.path_id, param="intent")
    if intent["status"] not in OPEN[:3]:
        raise _wrong_state(call, intent, "confirm")
    _use_method(call, intent)
    return _pay(call, intent)


def _pay(call: Call, intent: Record) -> Record:
    if not intent.get("payment_method"):
        raise refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method.",
            code="payment_intent_unexpected_state",
        )
    charge = settle_intent(call, intent)
    if charge["status"] == "failed":
        raise declined(charge, payment_intent=Shapes(call.objects).wire(intent))
    return intent


def settle_intent(call: Call, intent: Record) -> Record:
    """Charge the intent's payment method and bring the intent to its state; returns the charge, which may
    have failed."""
    method = call.find("payment_method", intent["payment_method"], param="payment_method", status=400)
    manual = intent.get("capture_method") == "manual"
    shared = ("amount", "currency", "customer", "description", "metadata", "receipt_email", "payment_method")
    details: Record = {name: intent[name] for name in shared if name in intent}
    details |= {"payment_intent": intent["id"], "_billing": method.get("_billing", {})}
    charge = take(call, method["_card"], details, capture=not manual)
    intent["latest_charge"] = charge["id"]
    if charge["status"] == "failed":
        error: dict[str, Any] = declined(charge).body["error"]
        intent |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
        call.event("payment_intent.payment_failed", intent)
    elif manual:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        call.event("payment_intent.amount_capturable_updated", intent)
    else:
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "last_payment_error": None}
        call.event("payment_intent.succeeded", intent)
    call.objects.save(intent)
    return charge


def capture_intent(call: Call) -> Record:
    """POST /v1/payment_intents/{id}/capture."""
    intent = call.find("payment_intent", call.path_id, param="intent")
    if intent["status"] != "requires_capture":
        raise _wrong_state(call, intent, "capture")
    amount: int = call.params.get("amount_to_capture") or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise refused(
            "The amount_to_capture must be no more than the amount_capturable.",
            param="amount_to_capture",
            code="amount_too_large",
        )
    capture(call, call.find("charge", intent["latest_charge"]), amount)
    if "metadata" in call.params:
        intent["metadata"] = p.merge_metadata(intent.get("metadata", {}), call.params["metadata"])
    intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
    call.event("payment_intent.succeeded", intent)
    return call.objects.save(intent)


def cancel(call: Call) -> Record:
    """POST /v1/payment_intents/{id}/cancel: releases what is held."""
    intent = call.find("payment_intent", call.path_id, param="intent")
    if intent["status"] not in OPEN:
        raise _wrong_state(call, intent, "cancel")
    if intent["status"] == "requires_capture":
        from billctl.sandbox.stripe.refunds import release

        release(call, call.find("charge", intent["latest_charge"]))
    intent |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": call.now,
        "cancellation_reason": call.params.get("cancellation_reason"),
    }
    call.event("payment_intent.canceled", intent)
    return call.objects.save(intent)


def _wrong_state(call: Call, intent: Record, verb: str) -> ApiError:
    error = refused(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
    )
    error.body["error"]["payment_intent"] = Shapes(call.objects).wire(intent)
    return error


def index(call: Call) -> Page:
    """GET /v1/payment_intents."""
    customer = call.params.get("customer")
    if customer:
        call.find("customer", customer, param="customer", status=400)
    return page(call, "payment_intent", {"customer": customer})


CAPTURE_METHODS = p.choice("automatic", "automatic_async", "manual")
ENDPOINTS = (
    Endpoint("GET", "/v1/payment_intents/search", search("payment_intent"), SEARCH, "query"),
    Endpoint(
        "GET",
        "/v1/payment_intents/{id}",
        retrieve("payment_intent", "intent"),
        {**p.EXPAND, "client_secret": p.text()},
    ),
    Endpoint(
        "POST",
        "/v1/payment_intents/{id}",
        update,
        {**FIELDS, "amount": p.integer(1), "currency": p.text(), **p.not_modelled("capture_method")},
    ),
    Endpoint(
        "POST",
        "/v1/payment_intents/{id}/confirm",
        confirm,
        {
            **p.EXPAND,
            "payment_method": p.text(),
            "off_session": p.boolean,
            "return_url": p.text(),
            "setup_future_usage": p.choice("off_session", "on_session", unset=True),
            **p.not_modelled(
                "amount_details amount_to_confirm capture_method client_secret confirmation_token"
            ),
            **p.not_modelled(
                "error_on_requires_action excluded_payment_method_types hooks mandate mandate_data"
            ),
            **p.not_modelled(
                "payment_details payment_method_data payment_method_options payment_method_types"
            ),
            **p.not_modelled("radar_options receipt_email shipping use_stripe_sdk"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/payment_intents/{id}/capture",
        capture_intent,
        {
            **p.EXPAND,
            "amount_to_capture": p.integer(1),
            "metadata": p.metadata,
            **p.not_modelled("amount_details application_fee_amount final_capture hooks payment_details"),
            **p.not_modelled("statement_descriptor statement_descriptor_suffix transfer_data"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/payment_intents/{id}/cancel",
        cancel,
        {**p.EXPAND, "cancellation_reason": p.choice(*REASONS)},
    ),
    Endpoint(
        "GET",
        "/v1/payment_intents",
        index,
        {**p.PAGE, "created": p.span, "customer": p.text(), **p.not_modelled("customer_account")},
    ),
    Endpoint(
        "POST",
        "/v1/payment_intents",
        create,
        {
            **FIELDS,
            "amount": p.integer(1),
            "currency": p.text(),
            "confirm": p.boolean,
            "off_session": p.boolean,
            "return_url": p.text(),
            "capture_method": CAPTURE_METHODS,
            "confirmation_method": p.choice("automatic"),
            "automatic_payment_methods": p.mapping(
                {"enabled": p.boolean, "allow_redirects": p.choice("always", "never")}, required="enabled"
            ),
            **p.not_modelled("confirmation_token error_on_requires_action mandate mandate_data on_behalf_of"),
            **p.not_modelled("radar_options use_stripe_sdk"),
        },
        "amount currency",
    ),
)
