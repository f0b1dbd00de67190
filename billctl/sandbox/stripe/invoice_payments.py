"""Invoice payments: which payment intent pays which invoice, both ways."""

from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.paging import page


def index(call: Call) -> Page:
    """GET /v1/invoice_payments, by invoice or by payment."""
    given = call.params
    payment = given.get("payment", {})
    if payment.get("type") == "payment_intent" and not payment.get("payment_intent"):
        raise refused(
            "Missing required param: payment[payment_intent].",
            param="payment[payment_intent]",
            code="parameter_missing",
        )
    if given.get("invoice"):
        call.find("invoice", given["invoice"], param="invoice", status=400)
    where = {
        "invoice": given.get("invoice"),
        "payment_intent": payment.get("payment_intent"),
        "status": given.get("status"),
    }
    return page(call, "invoice_payment", where)


ENDPOINTS = (
    Endpoint("GET", "/v1/invoice_payments/{id}", retrieve("invoice_payment")),
    Endpoint(
        "GET",
        "/v1/invoice_payments",
        index,
        {
            **p.PAGE,
            "created": p.span,
            "invoice": p.text(),
            "payment": p.mapping(
                {
                    "type": p.choice("payment_intent", "payment_record"),
                    "payment_intent": p.text(),
                    **p.not_modelled("payment_record"),
                },
                required="type",
            ),
            "status": p.choice("canceled", "open", "paid"),
        },
    ),
)
