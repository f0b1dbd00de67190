"""What one customer did: his charges, subscriptions, invoices and disputes, read in parallel."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from billctl.errors import NotFound, Unsupported
from billctl.gateway import Query
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.client import Client, Json
from billctl.gateways.stripe.lists import created
from billctl.gateways.stripe.objects import disputes_of, refunds_of
from billctl.gateways.stripe.parallel import gather
from billctl.models import Charge, Dispute, Invoice, Subscription

T = TypeVar("T", Charge, Dispute, Invoice, Subscription)


class History(NamedTuple):
    """Newest first. `notes`: what was left out, and why."""

    charges: tuple[Charge, ...]
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    disputes: tuple[Dispute, ...]
    notes: tuple[str, ...]


class Detail(NamedTuple):
    """What hangs on one charge, as on the wire."""

    charge: Json
    refunds: Sequence[Json]
    disputes: Sequence[Json]


def read_history(
    client: Client, customer_id: str, query: Query, *, now: datetime, named: Sequence[Json] = ()
) -> History:
    """Up to `query.limit` objects of each kind, and those `named` by the query, however old.

    `query.since` leaves out older charges and invoices, never a subscription, which may run for years.
    """
    since = created(query.since, None)
    kinds: dict[str, tuple[str, Json]] = {
        "charge": ("/v1/charges", {"expand": ["data.refunds"]} | since),
        "subscription": ("/v1/subscriptions", {"status": "all"}),
        "invoice": ("/v1/invoices", {"expand": ["data.payments"]} | since),
    }
    pages = gather(
        [
            _page(client, path, {"customer": customer_id} | params, query.limit)
            for path, params in kinds.values()
        ]
    )
    notes = [
        f"{customer_id} has more {kind}s than the {query.limit} newest shown"
        for kind, (_, more) in zip(kinds, pages, strict=True)
        if more
    ]
    charges, subscriptions, invoices = (
        _with_named(items, kind, named) for kind, (items, _) in zip(kinds, pages, strict=True)
    )
    details = _details(client, charges)
    account = client.account.name
    return History(
        charges=_mapped(details, lambda detail: _charge(detail, account, invoices), _charge_id, notes),
        subscriptions=_mapped(subscriptions, lambda data: mapping.subscription(data, account), _id, notes),
        invoices=_mapped(invoices, lambda data: mapping.invoice(data, account, now=now), _id, notes),
        disputes=_mapped(
            [data for detail in details for data in detail.disputes],
            lambda data: mapping.dispute(data, account),
            _id,
            notes,
        ),
        notes=tuple(notes),
    )


def _page(client: Client, path: str, params: Json, limit: int) -> Callable[[], tuple[list[Json], bool]]:
    def read() -> tuple[list[Json], bool]:
        try:
            return client.page(path, params, limit)
        except NotFound:  # how Stripe answers for a list that went with a deleted customer is not documented
            return [], False

    return read


def _with_named(items: list[Json], kind: str, named: Sequence[Json]) -> list[Json]:
    shown = {data["id"] for data in items}
    older = {data["id"]: data for data in named if data["object"] == kind and data["id"] not in shown}
    return sorted([*items, *older.values()], key=lambda data: int(data["created"]), reverse=True)


def _details(client: Client, charges: Sequence[Json]) -> list[Detail]:
    """Refunds and disputes of `charges`; only those that need a request of their own get a thread."""

    def read(charge: Json) -> Detail:
        return Detail(charge, refunds_of(client, charge), disputes_of(client, charge))

    def asks(charge: Json) -> bool:
        refunds = charge.get("refunds")
        return bool(charge["disputed"] or not refunds or refunds.get("has_more"))

    asked = [charge for charge in charges if asks(charge)]
    read_ones = gather([partial(read, charge) for charge in asked])
    by_id = {detail.charge["id"]: detail for detail in read_ones}
    return [by_id.get(charge["id"]) or read(charge) for charge in charges]


def _charge(detail: Detail, account: str, invoices: Sequence[Json]) -> Charge:
    paid_by = {detail.charge["id"], mapping.id_of(detail.charge.get("payment_intent"))}
    invoice = next((data for data in invoices if paid_by & set(mapping.invoice_payments(data))), None)
    return mapping.charge(
        detail.charge,
        account,
        refunds=[mapping.refund(data, account) for data in detail.refunds],
        disputes=[mapping.dispute(data, account) for data in detail.disputes],
        invoice_id=invoice["id"] if invoice else None,
        subscription_id=mapping.invoice_subscription(invoice) if invoice else None,
    )


def _id(data: Json) -> str:
    return str(data["id"])


def _charge_id(detail: Detail) -> str:
    return _id(detail.charge)


S = TypeVar("S")


def _mapped(
    items: Sequence[S], record: Callable[[S], T], id_of: Callable[[S], str], notes: list[str]
) -> tuple[T, ...]:
    """The records of `items`; one in a currency that is not read at Stripe is named in `notes` instead."""
    found = []
    for item in items:
        try:
            found.append(record(item))
        except Unsupported as error:
            notes.append(f"{id_of(item)} is left out: {error.message}")
    return tuple(found)
