"""Invoice items: one amount for a customer, on a draft or waiting for one."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.invoices import add_item
from billctl.sandbox.stripe.money import check_currency, check_step
from billctl.sandbox.stripe.paging import page


def create(call: Call) -> Record:
    """POST /v1/invoiceitems with an amount and a currency; by price is not modelled."""
    given = call.params
    customer = call.customer(required=True) or {}
    for name in ("amount", "currency"):
        if name not in given:
            raise refused(f"Missing required param: {name}.", param=name, code="parameter_missing")
    currency = check_currency(given["currency"])
    check_step(given["amount"], currency)
    item: Record = {
        "id": call.new_id("ii"),
        "object": "invoiceitem",
        "created": call.now,
        "date": call.now,
        "amount": given["amount"],
        "currency": currency,
        "customer": customer["id"],
        "description": given.get("description"),
        "metadata": p.merge_metadata({}, given.get("metadata", {})),
    }
    call.objects.add(item)
    if given.get("invoice"):
        add_item(call, call.find("invoice", given["invoice"], param="invoice", status=400), item)
    return item


def index(call: Call) -> Page:
    """GET /v1/invoiceitems."""
    customer, invoice = call.params.get("customer"), call.params.get("invoice")
    if customer:
        call.find("customer", customer, param="customer", status=400)
    return page(call, "invoiceitem", {"customer": customer, "invoice": invoice})


ENDPOINTS = (
    Endpoint("GET", "/v1/invoiceitems/{id}", retrieve("invoiceitem")),
    Endpoint(
        "GET",
        "/v1/invoiceitems",
        index,
        {
            **p.PAGE,
            "created": p.span,
            "customer": p.text(),
            "invoice": p.text(),
            **p.not_modelled("customer_account pending"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/invoiceitems",
        create,
        {
            **p.EXPAND,
            "amount": p.integer(),
            "currency": p.text(),
            "customer": p.text(),
            "description": p.text(unset=True),
            "invoice": p.text(),
            "metadata": p.metadata,
            **p.not_modelled("customer_account discountable discounts period price_data pricing quantity"),
            **p.not_modelled(
                "quantity_decimal subscription tax_behavior tax_code tax_rates unit_amount_decimal"
            ),
        },
        "customer",
    ),
)
