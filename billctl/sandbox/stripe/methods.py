"""Payment methods: test cards only."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.cards import facts, named
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.paging import filtered, page

CARD = p.mapping({"token": p.text(), **p.not_modelled("number exp_month exp_year cvc networks")})
BILLING = p.mapping(
    {
        "address": p.ADDRESS,
        "email": p.text(unset=True),
        "name": p.text(unset=True),
        "phone": p.text(unset=True),
    }
)


def method_for(call: Call, name: str, param: str = "payment_method") -> Record:
    """The payment method called `name`: one that exists, or a new one for a test card (`pm_card_visa`)."""
    card = named(name)
    if card is None:
        return call.find("payment_method", name, param=param, status=400)
    record: Record = {
        "id": call.new_id("pm"),
        "object": "payment_method",
        "created": call.now,
        "_card": facts(card),
    }
    return call.objects.add(record)


def attach_to(call: Call, method: Record, customer: str) -> Record:
    """Give a payment method to a customer."""
    if method.get("customer") not in (None, customer):
        raise refused(
            "The payment method you provided has already been attached to a customer.", param="payment_method"
        )
    method["customer"] = customer
    call.event("payment_method.attached", method)
    return call.objects.save(method)


def list_for(call: Call, customer: str) -> Page:
    """A customer's payment methods, by type where one is asked for."""
    if call.params.get("type", "card") != "card":
        return filtered(call, "payment_method", [])
    return page(call, "payment_method", {"customer": customer})


def create(call: Call) -> Record:
    """POST /v1/payment_methods: a card by test token. Card numbers are refused, as Stripe refuses them."""
    if call.params.get("type") != "card" or "token" not in call.params.get("card", {}):
        raise refused(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. To continue, "
            "use a test token, such as tok_visa, as card[token].",
            param="card",
        )
    card = named(call.params["card"]["token"])
    if card is None:
        raise refused(
            f"No such token: '{call.params['card']['token']}'", param="card[token]", code="resource_missing"
        )
    known = {name: value for name, value in call.params.get("billing_details", {}).items() if value}
    record: Record = {
        "id": call.new_id("pm"),
        "object": "payment_method",
        "created": call.now,
        "metadata": p.merge_metadata({}, call.params.get("metadata", {})),
        "_card": facts(card),
        "_billing": known,
    }
    return call.objects.add(record)


def attach(call: Call) -> Record:
    """POST /v1/payment_methods/{id}/attach; the id may be a test card's name."""
    customer = call.customer(required=True)
    return attach_to(call, method_for(call, call.path_id), customer["id"] if customer else "")


def detach(call: Call) -> Record:
    """POST /v1/payment_methods/{id}/detach."""
    method = call.find("payment_method", call.path_id)
    if not method.get("customer"):
        raise refused(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    method["customer"] = None
    call.event("payment_method.detached", method)
    return call.objects.save(method)


def index(call: Call) -> Page:
    """GET /v1/payment_methods."""
    customer = call.customer()
    return list_for(call, customer["id"]) if customer else filtered(call, "payment_method", [])


ENDPOINTS = (
    Endpoint("GET", "/v1/payment_methods/{id}", retrieve("payment_method", "payment_method")),
    Endpoint(
        "GET",
        "/v1/payment_methods",
        index,
        {
            **p.PAGE,
            "customer": p.text(),
            "type": p.text(),
            **p.not_modelled("allow_redisplay customer_account"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/payment_methods",
        create,
        {
            **p.EXPAND,
            "type": p.text(),
            "card": CARD,
            "billing_details": BILLING,
            "metadata": p.metadata,
            **p.not_modelled("allow_redisplay customer payment_method"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/payment_methods/{id}/attach",
        attach,
        {**p.EXPAND, "customer": p.text(), **p.not_modelled("customer_account")},
        "customer",
    ),
    Endpoint("POST", "/v1/payment_methods/{id}/detach", detach),
)
