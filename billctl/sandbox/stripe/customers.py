"""Customers."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.cancelling import cancel_now
from billctl.sandbox.stripe.methods import attach_to, list_for, method_for
from billctl.sandbox.stripe.paging import page
from billctl.sandbox.stripe.search import SEARCH, search

PLAIN = ("address", "description", "email", "name", "phone", "shipping", "tax_exempt", "preferred_locales")

SHIPPING = p.mapping(
    {"address": p.ADDRESS, "name": p.text(), "phone": p.text(unset=True)}, unset=True, required="address name"
)
FIELDS: dict[str, p.Check] = {
    **p.EXPAND,
    "address": p.ADDRESS,
    "description": p.text(unset=True),
    "email": p.text(512, unset=True),
    "metadata": p.metadata,
    "name": p.text(256, unset=True),
    "phone": p.text(20, unset=True),
    "preferred_locales": p.listing(p.text(), unset=True),
    "shipping": SHIPPING,
    "tax_exempt": p.choice("exempt", "none", "reverse"),
    "invoice_settings": p.mapping({"default_payment_method": p.text(unset=True)}),
    **p.not_modelled("balance business_name cash_balance individual_name invoice_prefix source tax"),
    **p.not_modelled("next_invoice_sequence"),
}


def create(call: Call) -> Record:
    """POST /v1/customers."""
    key = call.new_id("cus")
    given = call.params
    record: Record = {
        "id": key,
        "object": "customer",
        "created": call.now,
        "invoice_prefix": key[-8:].upper(),
        **{name: given[name] for name in PLAIN if given.get(name) is not None},
        "metadata": p.merge_metadata({}, given.get("metadata", {})),
    }
    if given.get("payment_method"):
        attach_to(call, method_for(call, given["payment_method"]), key)
    _settings(call, record)
    call.event("customer.created", record)
    return call.objects.add(record)


def update(call: Call) -> Record:
    """POST /v1/customers/{id}."""
    record = call.find("customer", call.path_id)
    if record.get("deleted"):
        raise call.missing("customer", call.path_id)
    given = call.params
    record |= {name: given[name] for name in PLAIN if name in given}
    if "metadata" in given:
        record["metadata"] = p.merge_metadata(record.get("metadata", {}), given["metadata"])
    _settings(call, record)
    call.event("customer.updated", record)
    return call.objects.save(record)


def _settings(call: Call, record: Record) -> None:
    wanted = call.params.get("invoice_settings")
    if wanted is None:
        return
    key = wanted.get("default_payment_method")
    if key:
        call.find("payment_method", key, param="invoice_settings[default_payment_method]", status=400)
    empty = dict.fromkeys(("custom_fields", "default_payment_method", "footer", "rendering_options"))
    record["invoice_settings"] = {**empty, "default_payment_method": key}


def delete(call: Call) -> Record:
    """DELETE /v1/customers/{id}: cancels its subscriptions at once; the id answers `deleted` from then on."""
    record = call.find("customer", call.path_id)
    if record.get("deleted"):
        raise call.missing("customer", call.path_id)
    for subscription in call.objects.select("subscription", {"customer": record["id"]}):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            cancel_now(call, subscription)
    gone: Record = {**record, "deleted": True, "email": None, "status": "deleted"}
    return call.objects.save(gone)


def index(call: Call) -> Page:
    """GET /v1/customers: `email` is compared exactly, capitals included; deleted ones are left out."""
    return page(call, "customer", {"email": call.params.get("email")}, also=" AND status IS NULL")


def methods(call: Call) -> Page:
    """GET /v1/customers/{id}/payment_methods."""
    call.find("customer", call.path_id)
    return list_for(call, call.path_id)


ENDPOINTS = (
    Endpoint("GET", "/v1/customers/search", search("customer"), SEARCH, "query"),
    Endpoint("GET", "/v1/customers/{id}", retrieve("customer")),
    Endpoint("POST", "/v1/customers/{id}", update, FIELDS),
    Endpoint("DELETE", "/v1/customers/{id}", delete, {}),
    Endpoint(
        "GET",
        "/v1/customers",
        index,
        {**p.PAGE, "created": p.span, "email": p.text(512), **p.not_modelled("test_clock")},
    ),
    Endpoint(
        "POST",
        "/v1/customers",
        create,
        {**FIELDS, "payment_method": p.text(), **p.not_modelled("tax_id_data test_clock")},
    ),
    Endpoint(
        "GET",
        "/v1/customers/{id}/payment_methods",
        methods,
        {**p.PAGE, "type": p.text(), **p.not_modelled("allow_redisplay")},
    ),
)
