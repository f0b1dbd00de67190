"""Lists across an account: filtered by Stripe where it can, exactly here where it cannot, newest first."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from math import ceil, inf
from typing import TypeVar

from billctl.errors import Unsupported, UsageError
from billctl.gateway import Selection
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.client import PAGE, Client, Json
from billctl.gateways.stripe.errors import reading_answer
from billctl.gateways.stripe.ids import checked
from billctl.gateways.stripe.objects import complete_charge, disputes_of, refunds_of
from billctl.models import Charge, Customer, Dispute, Invoice, Refund, Subscription

T = TypeVar("T", Charge, Customer, Dispute, Invoice, Refund, Subscription)

SUBSCRIPTION_FILTER = {word.value: wire for wire, word in mapping.SUBSCRIPTION_STATUS.items()}
INVOICE_FILTER = {word.value: wire for wire, word in mapping.INVOICE_STATUS.items()} | {"past_due": "open"}


def created(since: datetime | None, until: datetime | None) -> Json:
    """Stripe's filter on the time of creation, which it counts in whole seconds: from `since` on,
    before `until`; nothing for None."""
    edges = {"gte": since, "lt": until}
    limits = {edge: ceil(moment.timestamp()) for edge, moment in edges.items() if moment is not None}
    return {"created": limits} if limits else {}


def customers(client: Client, selection: Selection) -> Iterator[Customer]:
    """Customers without history. They have no status, and are not filtered by customer."""
    if selection.status is not None or selection.customer_id is not None:
        raise UsageError("a list of customers is filtered by time only", code="bad_filter")
    wire = _every(client, "/v1/customers", {}, selection)
    return _selected(
        client, wire, lambda data: mapping.customer(data, client.account.name, live=client.live), selection
    )


def charges(client: Client, selection: Selection) -> Iterator[Charge]:
    """Charges with their refunds; the refundable rest of a disputed one counts its lost disputes."""
    wire = _every(client, "/v1/charges", {"expand": ["data.refunds"]}, selection)
    return _selected(client, wire, lambda data: complete_charge(client, data), selection)


def refunds(client: Client, selection: Selection) -> Iterator[Refund]:
    """Refunds. Stripe filters them by charge, not by customer: of one customer, his charges are read."""
    if selection.customer_id is None:
        wire = _every(client, "/v1/refunds", {}, selection)
    else:
        wire = _per_charge(client, selection, refunds_of)
    return _selected(client, wire, lambda data: mapping.refund(data, client.account.name), selection)


def disputes(client: Client, selection: Selection) -> Iterator[Dispute]:
    """Disputes; of one customer, those of his disputed charges."""
    if selection.customer_id is None:
        wire = _every(client, "/v1/disputes", {}, selection)
    else:
        wire = _per_charge(client, selection, disputes_of)
    return _selected(client, wire, lambda data: mapping.dispute(data, client.account.name), selection)


def subscriptions(client: Client, selection: Selection) -> Iterator[Subscription]:
    """Subscriptions in every state: Stripe's own default hides the canceled ones."""
    status = _native(SUBSCRIPTION_FILTER, selection.status, "all")
    wire = _every(client, "/v1/subscriptions", {"status": status}, selection)
    return _selected(client, wire, lambda data: mapping.subscription(data, client.account.name), selection)


def invoices(client: Client, selection: Selection, *, now: datetime) -> Iterator[Invoice]:
    """Invoices; whether an open one is past due is decided here, at `now`."""
    status = _native(INVOICE_FILTER, selection.status, None)
    wire = _every(client, "/v1/invoices", {"status": status} if status else {}, selection)
    return _selected(
        client, wire, lambda data: mapping.invoice(data, client.account.name, now=now), selection
    )


def _every(client: Client, path: str, params: Json, selection: Selection) -> Iterator[Json]:
    filters = created(selection.since, selection.until)
    if selection.customer_id is not None:
        filters["customer"] = checked(selection.customer_id, "customer")
    return client.every(path, params | filters, size=PAGE if selection.status else selection.limit)


def _native(words: Mapping[str, str], status: str | None, default: str | None) -> str | None:
    if status is None:
        return default
    try:
        return words[status]
    except KeyError:
        known = ", ".join(sorted(words))
        raise UsageError(
            f"{status!r} is no status here", code="bad_filter", hint=f"Known: {known}."
        ) from None


def _selected(
    client: Client, wire: Iterator[Json], record: Callable[[Json], T], selection: Selection
) -> Iterator[T]:
    """Records of `wire` that pass `selection`, up to its limit.

    What is in a currency that is not read at Stripe hides nothing else: it is named at the end, by
    `Unsupported`, after everything that could be listed.
    """
    left_out: list[str] = []
    wanted = selection.limit
    for data in wire if wanted > 0 else ():
        try:
            with reading_answer(client.account.name, change=False):
                found = record(data)
        except Unsupported as error:
            left_out.append(f"{data.get('id')} ({error.message})")
            continue
        if selection.status is not None and getattr(found, "status", None) != selection.status:
            continue
        yield found
        wanted -= 1
        if not wanted:
            break
    if left_out:
        raise Unsupported(f"left out of the list: {'; '.join(left_out)}", code="currency_not_certain")


def _per_charge(
    client: Client, selection: Selection, hanging: Callable[[Client, Json], list[Json]]
) -> Iterator[Json]:
    """What hangs on a customer's charges, newest first. A refund may be years younger than its charge:
    all charges are read, and the times compared here."""
    customer = checked(selection.customer_id or "", "customer")
    limits = created(selection.since, selection.until).get("created", {})
    found: list[Json] = []
    with reading_answer(client.account.name, change=False):
        for charge in client.every("/v1/charges", {"customer": customer, "expand": ["data.refunds"]}):
            found += hanging(client, charge)
        found.sort(key=lambda data: int(data["created"]), reverse=True)
    earliest, end = limits.get("gte", 0), limits.get("lt", inf)
    return (data for data in found if earliest <= data["created"] < end)
