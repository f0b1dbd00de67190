"""Single objects by id, and the lists that hang on one object."""

from collections.abc import Sequence
from datetime import datetime

from billctl.errors import NoAnswer, NotFound
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.client import Client, Json
from billctl.gateways.stripe.errors import reading_answer
from billctl.gateways.stripe.ids import checked
from billctl.models import Charge, Customer, Dispute, Invoice, Refund, Subscription

PATHS = {
    "customer": "/v1/customers",
    "charge": "/v1/charges",
    "refund": "/v1/refunds",
    "subscription": "/v1/subscriptions",
    "invoice": "/v1/invoices",
    "dispute": "/v1/disputes",
    "payment_intent": "/v1/payment_intents",
}


def retrieve(client: Client, kind: str, object_id: str, expand: Sequence[str] = ()) -> Json:
    """The object `object_id` of `kind`, as on the wire; what was asked for, or an error.

    Raises `UsageError` for an id that is none or of another kind, `NotFound`, and the errors of a read.
    """
    checked(object_id, kind)
    data = client.get(f"{PATHS[kind]}/{object_id}", {"expand": list(expand)} if expand else None)
    if data.get("id") != object_id or data.get("object") != kind:
        raise NoAnswer(
            f"{client.host} was asked for {object_id} and answered with another object",
            code="bad_answer",
            account=client.account.name,
        )
    return data


def refunds_of(client: Client, charge: Json) -> list[Json]:
    """All refunds of a charge that was read with `refunds` expanded, newest first; a long list is paged."""
    expanded = charge.get("refunds") or {}
    if expanded and not expanded.get("has_more"):
        return list(expanded["data"])
    return list(client.every("/v1/refunds", {"charge": charge["id"]}))


def disputes_of(client: Client, charge: Json) -> list[Json]:
    """The disputes of a charge; asked for only when it says that it is disputed."""
    return list(client.every("/v1/disputes", {"charge": charge["id"]})) if charge["disputed"] else []


def complete_charge(client: Client, charge: Json) -> Charge:
    """A charge read with `refunds` expanded, with all its refunds and disputes."""
    account = client.account.name
    return mapping.charge(
        charge,
        account,
        refunds=[mapping.refund(item, account) for item in refunds_of(client, charge)],
        disputes=[mapping.dispute(item, account) for item in disputes_of(client, charge)],
    )


def get_charge(client: Client, charge_id: str) -> Charge:
    """One charge with all its refunds. Its invoice is not asked for: that is one more round trip and one
    more permission of a restricted key before every refund; a lookup joins it."""
    data = retrieve(client, "charge", charge_id, ["refunds"])
    with reading_answer(client.account.name, change=False):
        return complete_charge(client, data)


def get_customer(client: Client, customer_id: str) -> Customer:
    """One customer without history. Raises `NotFound` (`customer_deleted`) for a deleted one, of which Stripe
    keeps only the id."""
    data = retrieve(client, "customer", customer_id)
    if data.get("deleted"):
        raise NotFound(
            f"customer {customer_id} was deleted at Stripe",
            code="customer_deleted",
            account=client.account.name,
        )
    with reading_answer(client.account.name, change=False):
        return mapping.customer(data, client.account.name, live=client.live)


def get_refund(client: Client, refund_id: str) -> Refund:
    """One refund."""
    data = retrieve(client, "refund", refund_id)
    with reading_answer(client.account.name, change=False):
        return mapping.refund(data, client.account.name)


def get_subscription(client: Client, subscription_id: str) -> Subscription:
    """One subscription."""
    data = retrieve(client, "subscription", subscription_id)
    with reading_answer(client.account.name, change=False):
        return mapping.subscription(data, client.account.name)


def get_invoice(client: Client, invoice_id: str, *, now: datetime) -> Invoice:
    """One invoice; `now` decides whether it is past due."""
    data = retrieve(client, "invoice", invoice_id)
    client.looks.keep(data)
    with reading_answer(client.account.name, change=False):
        return mapping.invoice(data, client.account.name, now=now)


def get_dispute(client: Client, dispute_id: str) -> Dispute:
    """One dispute."""
    data = retrieve(client, "dispute", dispute_id)
    with reading_answer(client.account.name, change=False):
        return mapping.dispute(data, client.account.name)
