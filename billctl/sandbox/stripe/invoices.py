"""Invoices. The text for sending one that is charged automatically is a recorded one; those for wrong
states could not be verified."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.billing import close_payment, draft, finalize, mark_paid, pay_with
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.charging import declined
from billctl.sandbox.stripe.errors import ApiError, refused
from billctl.sandbox.stripe.methods import method_for
from billctl.sandbox.stripe.money import check_currency
from billctl.sandbox.stripe.paging import filtered, in_span
from billctl.sandbox.stripe.search import SEARCH, search

STATUSES = ("draft", "open", "paid", "uncollectible", "void")
COLLECTION = p.choice("charge_automatically", "send_invoice")


def create(call: Call) -> Record:
    """POST /v1/invoices: a draft, with the customer's pending invoice items when asked to include them."""
    given = call.params
    customer = call.customer(required=True) or {}
    collection = given.get("collection_method", "charge_automatically")
    if collection == "send_invoice" and not given.keys() & {"days_until_due", "due_date"}:
        raise refused(
            "If collection_method is send_invoice, you must specify days_until_due or due_date.",
            param="days_until_due",
        )
    pending: list[Record] = []
    if given.get("pending_invoice_items_behavior", "exclude") == "include":
        items = call.objects.select("invoiceitem", {"customer": customer["id"]}, oldest_first=True)
        pending = [item for item in items if not item.get("invoice")]
    currency = check_currency(given.get("currency") or (pending[0]["currency"] if pending else "usd"))
    invoice = draft(
        call,
        customer,
        currency,
        auto_advance=given.get("auto_advance", False),
        collection_method=collection,
        description=given.get("description"),
        due_date=given.get("due_date"),
        metadata=p.merge_metadata({}, given.get("metadata", {})),
        _days_until_due=given.get("days_until_due"),
    )
    for item in pending:
        add_item(call, invoice, item)
    return invoice


def add_item(call: Call, invoice: Record, item: Record) -> None:
    """Put an invoice item on a draft."""
    if invoice["status"] != "draft":
        raise refused("This invoice is no longer editable.", param="invoice", code="invoice_not_editable")
    if item["currency"] != invoice["currency"]:
        raise refused("You cannot combine currencies on a single invoice.", param="currency")
    item["invoice"] = invoice["id"]
    call.objects.save(item)
    invoice["_lines"].append(
        {
            "id": call.new_id("il"),
            "amount": item["amount"],
            "description": item.get("description"),
            "end": item["date"],
            "item": item["id"],
            "quantity": 1,
            "start": item["date"],
        }
    )
    call.objects.save(invoice)


def update(call: Call) -> Record:
    """POST /v1/invoices/{id}."""
    invoice = call.find("invoice", call.path_id, param="invoice")
    given = call.params
    if invoice["status"] != "draft" and given.keys() - {"metadata", "expand", "auto_advance"}:
        raise refused("Finalized invoices can't be updated in this way.", code="invoice_not_editable")
    for name in ("auto_advance", "collection_method", "description", "due_date"):
        if name in given:
            invoice[name] = given[name]
    if "days_until_due" in given:
        invoice["_days_until_due"] = given["days_until_due"]
    if "metadata" in given:
        invoice["metadata"] = p.merge_metadata(invoice.get("metadata", {}), given["metadata"])
    call.event("invoice.updated", invoice)
    return call.objects.save(invoice)


def finalize_invoice(call: Call) -> Record:
    """POST /v1/invoices/{id}/finalize."""
    invoice = call.find("invoice", call.path_id, param="invoice")
    if invoice["status"] != "draft":
        raise refused("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    return finalize(call, invoice)


def send(call: Call) -> Record:
    """POST /v1/invoices/{id}/send: finalises a draft. No mail in test mode, but an event."""
    invoice = call.find("invoice", call.path_id, param="invoice")
    if invoice["collection_method"] != "send_invoice":
        raise refused("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "void":
        raise _wrong_state(invoice, "send")
    if invoice["status"] == "draft":
        finalize(call, invoice)
    call.event("invoice.sent", invoice)
    return invoice


def void(call: Call) -> Record:
    """POST /v1/invoices/{id}/void."""
    return _close(call, "void", "voided_at", "invoice.voided", ("open", "uncollectible"))


def mark_uncollectible(call: Call) -> Record:
    """POST /v1/invoices/{id}/mark_uncollectible."""
    return _close(call, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible", ("open",))


def _close(call: Call, status: str, stamp: str, event: str, states: tuple[str, ...]) -> Record:
    invoice = call.find("invoice", call.path_id, param="invoice")
    if invoice["status"] not in states:
        raise _wrong_state(invoice, "void" if status == "void" else "mark as uncollectible")
    transitions = {**invoice["status_transitions"], stamp: call.now}
    invoice |= {"status": status, "status_transitions": transitions, "next_payment_attempt": None}
    if status == "void":
        close_payment(call, invoice, "void_invoice")
    call.event(event, invoice)
    return call.objects.save(invoice)


def pay(call: Call) -> Record:
    """POST /v1/invoices/{id}/pay."""
    invoice = call.find("invoice", call.path_id, param="invoice")
    if invoice["status"] == "paid":
        raise refused("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] == "draft":
        finalize(call, invoice)
    if invoice["status"] not in ("open", "uncollectible"):
        raise _wrong_state(invoice, "pay")
    if call.params.get("paid_out_of_band"):
        close_payment(call, invoice, "automatic")
        return mark_paid(call, invoice)
    name = call.params.get("payment_method") or _default_method(call, invoice)
    if not name:
        raise refused(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set a payment "
            "method or pass one.",
            code="invoice_payment_intent_requires_action",
        )
    charge = pay_with(call, invoice, method_for(call, name)["id"])
    if charge["status"] == "failed":
        raise declined(charge)
    return invoice


def _default_method(call: Call, invoice: Record) -> str | None:
    subscription = call.objects.get(invoice.get("subscription") or "") or {}
    customer = call.objects.get(invoice["customer"]) or {}
    chosen = subscription.get("default_payment_method") or invoice.get("default_payment_method")
    default: str | None = chosen or customer.get("invoice_settings", {}).get("default_payment_method")
    return default


def _wrong_state(invoice: Record, verb: str) -> ApiError:
    return refused(
        f"You cannot {verb} this invoice because it has a status of {invoice['status']}.", param="invoice"
    )


def index(call: Call) -> Page:
    """GET /v1/invoices."""
    given = call.params
    for name in ("customer", "subscription"):
        if given.get(name):
            call.find(name, given[name], param=name, status=400)
    where = {name: given[name] for name in ("customer", "subscription", "status") if given.get(name)}
    found = [one for one in call.objects.select("invoice", where) if _asked(one, given)]
    return filtered(call, "invoice", found)


def _asked(invoice: Record, given: dict[str, Any]) -> bool:
    collection = given.get("collection_method", invoice["collection_method"])
    return bool(collection == invoice["collection_method"]) and in_span(
        invoice.get("due_date"), given.get("due_date")
    )


LATER = (
    "account_tax_ids application_fee_amount automatic_tax automatically_finalizes_at custom_fields "
    "default_payment_method default_source default_tax_rates discounts effective_at footer issuer number "
    "on_behalf_of payment_settings rendering shipping_cost shipping_details statement_descriptor "
    "transfer_data"
)
FIELDS: dict[str, p.Check] = {
    **p.EXPAND,
    "auto_advance": p.boolean,
    "collection_method": COLLECTION,
    "days_until_due": p.integer(0),
    "description": p.text(1500, unset=True),
    "due_date": p.integer(0),
    "metadata": p.metadata,
    **p.not_modelled(LATER),
}
ENDPOINTS = (
    Endpoint("GET", "/v1/invoices/search", search("invoice"), SEARCH, "query"),
    Endpoint("GET", "/v1/invoices/{id}", retrieve("invoice", "invoice")),
    Endpoint("POST", "/v1/invoices/{id}", update, FIELDS),
    Endpoint(
        "POST",
        "/v1/invoices/{id}/finalize",
        finalize_invoice,
        {**p.EXPAND, "auto_advance": p.boolean},
    ),
    Endpoint("POST", "/v1/invoices/{id}/send", send),
    Endpoint("POST", "/v1/invoices/{id}/void", void),
    Endpoint("POST", "/v1/invoices/{id}/mark_uncollectible", mark_uncollectible),
    Endpoint(
        "POST",
        "/v1/invoices/{id}/pay",
        pay,
        {
            **p.EXPAND,
            "off_session": p.boolean,
            "paid_out_of_band": p.boolean,
            "payment_method": p.text(),
            **p.not_modelled("forgive mandate source"),
        },
    ),
    Endpoint(
        "GET",
        "/v1/invoices",
        index,
        {
            **p.PAGE,
            "collection_method": COLLECTION,
            "created": p.span,
            "customer": p.text(),
            "due_date": p.span,
            "status": p.choice(*STATUSES),
            "subscription": p.text(),
            **p.not_modelled("customer_account"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/invoices",
        create,
        {
            **FIELDS,
            "currency": p.text(),
            "customer": p.text(),
            "pending_invoice_items_behavior": p.choice("exclude", "include"),
            **p.not_modelled("customer_account from_invoice subscription"),
        },
        "customer",
    ),
)
