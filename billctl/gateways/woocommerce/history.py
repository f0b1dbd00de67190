"""What one customer did, read in parallel: his orders, which are charges and bills at once, with their
refunds, and his subscriptions."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from billctl.causes import UNREADABLE
from billctl.errors import BillctlError, NotFound
from billctl.gaps import Gap, Reading, attempted
from billctl.gateway import Query
from billctl.gateways.woocommerce import mapping, objects, recurring
from billctl.gateways.woocommerce.client import PAGE, Client, Json
from billctl.gateways.woocommerce.errors import reading_answer
from billctl.gateways.woocommerce.lists import after, is_of
from billctl.gateways.woocommerce.values import instant, number
from billctl.models import Charge, Invoice, Subscription
from billctl.parallel import gather


class History(NamedTuple):
    """Newest first. `notes`: what lies beyond the limit or cannot be there; `gaps`: what could not be read;
    `left_out`: single objects that could not."""

    charges: tuple[Charge, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    left_out: tuple[BillctlError, ...] = ()


class Begun(NamedTuple):
    """A customer, and the newest of his history as on the wire: `data` is None for a guest, and for one whose
    account in the store is gone; `more` names the kinds of which there are more than were read."""

    customer_id: str
    data: Json | None
    orders: Sequence[Json]
    subscriptions: Sequence[Json]
    more: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Part(NamedTuple):
    """A list of a customer's history, with the error that kept it from being read."""

    items: Sequence[Json]
    more: bool = False
    error: BillctlError | None = None


def begin(client: Client, customer_id: str, query: Query, known: Json | None) -> Begun:
    """Ask for a customer of the store and his newest history at once; `known` is what was read of him."""
    calls: list[Callable[[], Any]] = [
        partial(_own, client, customer_id, known),
        partial(_part, partial(_newest_orders, client, customer_id, query)),
        partial(_part, partial(_newest_subscriptions, client, customer_id, query)),
    ]
    (data, gone), orders, subscriptions = gather(calls)
    parts = {"orders": orders, "subscriptions": subscriptions}
    missing = [part.error for part in parts.values() if _is_extension_missing(part.error)]
    failed = {name: part.error for name, part in parts.items() if part.error and part.error not in missing}
    notes = [f"subscriptions are not shown: {recurring.MISSING}"] if missing else []
    if isinstance(gone, NotFound):
        notes.append(f"{customer_id} has no account in the store any more: what is shown is from his orders")
    elif gone:
        failed["account"] = gone
    return Begun(
        customer_id,
        data,
        orders.items,
        subscriptions.items,
        more=tuple(name for name, part in parts.items() if part.more),
        notes=tuple(notes),
        gaps=tuple(Gap(name, customer_id, error) for name, error in failed.items()),
    )


def begin_guest(client: Client, email: str, known: Sequence[Json] | None) -> Begun:
    """A guest and his newest orders; `known` are all of them, where they were read."""
    if known is not None:
        orders = Part([order for order in known if is_of(order, email)])
    else:
        orders = _part(partial(_guest_orders, client, email))
    gaps = (Gap("orders", email, orders.error),) if orders.error else ()
    return Begun(email, None, orders.items, (), more=("orders",) if orders.more else (), gaps=gaps)


def _own(client: Client, customer_id: str, known: Json | None) -> tuple[Json | None, BillctlError | None]:
    nobody: Json | None = known
    if known is not None:
        return known, None
    return attempted(partial(objects.retrieve, client, "customer", customer_id), nobody)


def _part(read: Callable[[], Part]) -> Part:
    part, error = attempted(read, Part(()))
    return part._replace(error=error)


def _newest_orders(client: Client, customer_id: str, query: Query) -> Part:
    params = {**objects.ORDER, "customer": customer_id, **after(query.since)}
    page = client.page("orders", params, size=_size(query))
    own = [order for order in page.items if is_of(order, customer_id)]
    return Part(own, more=page.pages > 1)


def _newest_subscriptions(client: Client, customer_id: str, query: Query) -> Part:
    params = {**objects.SUBSCRIPTION, "customer": customer_id}
    read = partial(client.page, "subscriptions", params, size=_size(query))
    page = recurring.installed(read, client.account.name)
    own = [data for data in page.items if is_of(data, customer_id)]
    return Part(own, more=page.pages > 1)


def _guest_orders(client: Client, email: str) -> Part:
    found, more = client.every("orders", {**objects.ORDER, "search": objects.sought(email)}, most=MOST_PAGES)
    return Part([order for order in found if is_of(order, email)], more=more)


MOST_PAGES = 20
"""Of what a store's search finds, 2,000 orders at most are read for one lookup."""


def _size(query: Query) -> int:
    return min(max(query.limit, 1), PAGE)


def _is_extension_missing(error: BillctlError | None) -> bool:
    return error is not None and error.code == recurring.EXTENSION_MISSING


def complete(client: Client, begun: Begun, query: Query, named: Sequence[Json]) -> History:
    """The history of what was `begun`, with the orders `named` by the query that are his, however old."""
    account = client.account.name
    read = Reading(partial(reading_answer, account, change=False), lambda item: item.get("id"), [])
    recent = [order for order in begun.orders if query.since is None or _created(order) >= query.since]
    orders, more = _chosen(recent, [order for order in named if is_of(order, begun.customer_id)], query)
    none: dict[str, list[Json]] = {}
    refunds, no_refunds = attempted(partial(objects.refunds_by_order, client, orders), none)
    shown = begun.subscriptions[: query.limit]
    bought = {parent: number(data["id"]) for data in shown if (parent := recurring.parent_id(data))}

    def charge(order: Mapping[str, Any]) -> Charge:
        order_id = number(order["id"])
        return mapping.charge(order, refunds.get(order_id, ()), account, subscription_id=bought.get(order_id))

    def invoice(order: Mapping[str, Any]) -> Invoice:
        return mapping.invoice(order, account, subscription_id=bought.get(number(order["id"])))

    kinds = dict.fromkeys([*begun.more, *(["orders"] if more else [])])
    gaps = [*begun.gaps, *([Gap("refunds", begun.customer_id, no_refunds)] if no_refunds else [])]
    charges = read.each(orders, charge)
    return History(
        charges=charges,
        subscriptions=read.each(shown, lambda data: recurring.subscription(data, account)),
        invoices=read.each(orders, invoice),
        notes=(
            *begun.notes,
            *(f"{begun.customer_id} has more {kind} than the newest shown" for kind in kinds),
        ),
        gaps=tuple(gaps),
        left_out=tuple(read.left_out),
    )


def _created(order: Mapping[str, Any]) -> datetime:
    """When an order was made. One that does not say counts as new: it is named when it becomes a record."""
    with suppress(*UNREADABLE):
        return instant(order["date_created_gmt"])
    return datetime.max.replace(tzinfo=UTC)


def _chosen(recent: Sequence[Json], named: Sequence[Json], query: Query) -> tuple[list[Json], bool]:
    """The newest of `recent`, and those `named`, which may be older; whether some are not shown."""
    newest = sorted(recent, key=_created, reverse=True)[: query.limit]
    shown = {order["id"] for order in newest}
    older = [order for order in named if order["id"] not in shown]
    return [*newest, *older], len(recent) > len(newest)
