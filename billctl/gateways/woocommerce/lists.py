"""Lists across a store, newest first, filtered exactly here.

The store filters by status, customer and time; a parameter it does not know it ignores, so nothing of it is
trusted. Orders in the trash, and drafts of the checkout, it lists only when asked for that status. Its times
`after` and `before` are the site's local ones unless it is told otherwise, which an older one does not
understand: they are asked for with `ZONES` to spare on both sides.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from billctl.errors import NoAnswer, Refused, Unsupported, UsageError
from billctl.gateway import Selection
from billctl.gateways.woocommerce import mapping, objects, recurring
from billctl.gateways.woocommerce.client import PAGE, Client, Json, Params
from billctl.gateways.woocommerce.errors import INVALID, NO_ROUTE, reading_answer
from billctl.gateways.woocommerce.ids import NUMBER, checked, is_guest
from billctl.gateways.woocommerce.values import number, optional_instant
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoiceStatus,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from billctl.selecting import selected

R = TypeVar("R", Charge, Customer, Invoice, Refund, Subscription)

ZONES = timedelta(hours=15)
"""More than any place's clock differs from UTC (from -12 to +14 hours)."""

EVERY: tuple[str, ...] = ()
"""Among objects of every status."""
TAKEN = ("processing", "completed", "refunded", "on-hold")
CHARGE_WORDS: Mapping[str, tuple[str, ...]] = {
    ChargeStatus.PENDING: ("pending", "on-hold"),
    ChargeStatus.PAID: TAKEN,
    ChargeStatus.PARTIALLY_REFUNDED: TAKEN,
    ChargeStatus.REFUNDED: TAKEN,
    ChargeStatus.FAILED: ("failed",),
    ChargeStatus.VOIDED: ("cancelled",),
    ChargeStatus.UNKNOWN: EVERY,
}
INVOICE_WORDS: Mapping[str, tuple[str, ...]] = {
    InvoiceStatus.DRAFT: ("checkout-draft",),
    InvoiceStatus.OPEN: ("pending", "on-hold", "failed"),
    InvoiceStatus.PAID: TAKEN,
    InvoiceStatus.VOID: ("cancelled",),
    InvoiceStatus.UNKNOWN: EVERY,
}
REFUND_WORDS: Mapping[str, tuple[str, ...]] = {RefundStatus.SUCCEEDED: EVERY, RefundStatus.UNKNOWN: EVERY}
SUBSCRIPTION_WORDS: Mapping[str, tuple[str, ...]] = {
    SubscriptionStatus.ACTIVE: ("active", recurring.ENDING),
    SubscriptionStatus.PAUSED: ("on-hold",),
    SubscriptionStatus.CANCELED: ("cancelled", "switched"),
    SubscriptionStatus.EXPIRED: ("expired",),
    SubscriptionStatus.INCOMPLETE: ("pending",),
    SubscriptionStatus.UNKNOWN: EVERY,
}
"""The store's words among which objects of billctl's status are; a status that is not here nothing has."""


def customers(client: Client, selection: Selection) -> Iterator[Customer]:
    """Customers with an account in the store, of every role, without history. They have no status, and are
    not filtered by customer."""
    if selection.status is not None or selection.customer_id is not None:
        raise UsageError("a list of customers is filtered by time only", code="bad_filter")
    params: Params = {**objects.CUSTOMER, "role": "all", "orderby": "registered_date", "order": "desc"}
    account = client.account
    wire = client.pages("customers", params, size=_size(selection))
    return _selected(
        client,
        _registered(client, wire, selection.since),
        lambda data: mapping.customer(data, account.name, live=account.live),
        selection,
    )


def _registered(client: Client, wire: Iterator[Json], since: datetime | None) -> Iterator[Json]:
    """Customers until one is older than `since`; the store filters them by no time."""
    for data in wire:
        with reading_answer(client.account.name, change=False):
            created = optional_instant(data["date_created_gmt"])
        if since is not None and created is not None and created < since:
            return
        yield data


def charges(client: Client, selection: Selection) -> Iterator[Charge]:
    """Orders with their refunds, which are read a page at a time."""
    if not _can_be(selection, CHARGE_WORDS):
        return iter(())
    refunds: dict[str, list[Json]] = {}

    def with_refunds() -> Iterator[Json]:
        orders = _orders(client, selection, CHARGE_WORDS)
        while part := list(islice(orders, _size(selection))):
            with reading_answer(client.account.name, change=False):
                refunds.update(objects.refunds_by_order(client, part))
            yield from part

    def record(order: Json) -> Charge:
        return mapping.charge(order, refunds.pop(number(order["id"]), ()), client.account.name)

    return _selected(client, with_refunds(), record, selection)


def invoices(client: Client, selection: Selection) -> Iterator[Invoice]:
    """Orders as bills."""
    if not _can_be(selection, INVOICE_WORDS):
        return iter(())
    orders = _orders(client, selection, INVOICE_WORDS)
    return _selected(client, orders, lambda order: mapping.invoice(order, client.account.name), selection)


def refunds(client: Client, selection: Selection) -> Iterator[Refund]:
    """Refunds of every order; of one customer, those of his orders. Raises `Unsupported` (`too_old`) for the
    former at a store older than WooCommerce 9.0."""
    if not _can_be(selection, REFUND_WORDS):
        return iter(())
    found = _refunds(client, selection) if selection.customer_id is None else _his_refunds(client, selection)
    return _selected(client, found, partial(_refund, account=client.account.name), selection)


def _refund(pair: tuple[Json, Json | None], account: str) -> Refund:
    data, order = pair
    if order is None:
        raise Unsupported("its order, which alone names its currency, is not there any more", code="no_order")
    return mapping.refund(data, order, account)


def subscriptions(client: Client, selection: Selection) -> Iterator[Subscription]:
    """Subscriptions in every state. Raises `Unsupported` (`extension_missing`) where the store has none."""
    if not _can_be(selection, SUBSCRIPTION_WORDS):
        return iter(())
    params = {**objects.SUBSCRIPTION, **_of_customer(selection)}
    account = client.account.name
    wire = _told(_sought(client, "subscriptions", params, selection, SUBSCRIPTION_WORDS), account)
    return _selected(
        client,
        _theirs(client, wire, selection),
        lambda data: recurring.subscription(data, account),
        selection,
    )


def _told(wire: Iterator[Json], account: str) -> Iterator[Json]:
    """`wire`, with a missing extension named as such."""
    while data := recurring.installed(partial(next, wire, None), account):
        yield data


def after(since: datetime | None) -> Params:
    """The store's filter for what was made from `since` on, and some more."""
    return {} if since is None else {"after": _local(since - ZONES)}


def _can_be(selection: Selection, words: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether anything can have the status asked for."""
    return selection.status is None or selection.status in words


def _sought(
    client: Client,
    path: str,
    params: Params,
    selection: Selection,
    words: Mapping[str, tuple[str, ...]],
) -> Iterator[Json]:
    """What may be meant by `selection`, newest first. A store that does not know one of the words refuses all
    of them: then it is asked for everything."""
    before: Params = {} if selection.until is None else {"before": _local(selection.until + ZONES)}
    everything: Params = {**params, **after(selection.since), **before}
    if named := words.get(selection.status or "", EVERY):
        try:
            yield from client.pages(path, {**everything, "status": named}, size=PAGE)
        except Refused as error:
            if error.code != INVALID:
                raise
        else:
            return
    yield from client.pages(path, everything, size=_size(selection))


def _local(moment: datetime) -> str:
    """Without a zone, which the store takes for its own."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _of_customer(selection: Selection) -> Params:
    who = selection.customer_id
    if who is None:
        return {}
    is_account = not is_guest(checked(who, "customer"))
    return {"customer": who} if is_account else {"search": objects.sought(who)}


def _size(selection: Selection) -> int:
    """Objects on a page: as many as are wanted, unless some of them may not be meant."""
    sifted = selection.status or selection.since or selection.until or "@" in (selection.customer_id or "")
    return PAGE if sifted else min(max(selection.limit, 1), PAGE)


def _orders(client: Client, selection: Selection, words: Mapping[str, tuple[str, ...]]) -> Iterator[Json]:
    """Orders as on the wire that may be meant, those of one customer or guest alone."""
    params = {**objects.ORDER, **_of_customer(selection)}
    return _theirs(client, _sought(client, "orders", params, selection, words), selection)


def _theirs(client: Client, wire: Iterator[Json], selection: Selection) -> Iterator[Json]:
    """Those of the customer or guest who is meant. Raises `NoAnswer` where one does not say whose it is."""
    for data in wire:
        with reading_answer(client.account.name, change=False):
            meant = is_of(data, selection.customer_id)
        if meant:
            yield data


def is_of(order: Mapping[str, Any], customer_id: str | None) -> bool:
    """Whether an order is one customer's, or one guest's; of None it always is."""
    if customer_id is None:
        return True
    if NUMBER.fullmatch(customer_id):
        return mapping.owner_id(order) == customer_id
    return mapping.owner_id(order) is None and objects.same(mapping.email_of(order), customer_id)


def _refunds(client: Client, selection: Selection) -> Iterator[tuple[Json, Json | None]]:
    """Refunds with their orders, which are read a page at a time: a refund does not name its currency."""
    found = _listed(client, _sought(client, "refunds", objects.REFUND, selection, REFUND_WORDS))
    while part := list(islice(found, _size(selection))):
        with reading_answer(client.account.name, change=False):
            orders = _orders_of(client, part)
            pairs = [(data, orders.get(number(data["parent_id"]))) for data in part]
        yield from pairs


def _listed(client: Client, wire: Iterator[Json]) -> Iterator[Json]:
    try:
        yield from wire
    except NoAnswer as error:
        if error.code == NO_ROUTE:
            raise objects.too_old(client) from error
        raise


def _orders_of(client: Client, refunds_: Iterable[Json]) -> dict[str, Json]:
    """The orders that `refunds_` name, by their ids; not more than a page of them."""
    named = sorted({number(data["parent_id"]) for data in refunds_})
    page = client.page("orders", {**objects.ORDER, "include": named}) if named else None
    return {number(order["id"]): order for order in (page.items if page else ())}


def _his_refunds(client: Client, selection: Selection) -> Iterator[tuple[Json, Json | None]]:
    """Refunds of one customer, newest first. A refund may be years younger than its order: all his orders are
    read, whatever time is asked for."""
    everything = Selection(customer_id=selection.customer_id)
    orders = list(_orders(client, everything, {}))
    with reading_answer(client.account.name, change=False):
        found = objects.refunds_by_order(client, orders)
        by_id = {number(order["id"]): order for order in orders}
        pairs = [(data, by_id[order_id]) for order_id, made in found.items() for data in made]
        pairs.sort(key=lambda pair: str(pair[0]["date_created_gmt"]), reverse=True)
    yield from pairs


S = TypeVar("S")


def _selected(
    client: Client, items: Iterable[S], record: Callable[[S], R], selection: Selection
) -> Iterator[R]:
    """Records of `items`; see `selecting.selected`."""

    def read(item: S) -> R:
        with reading_answer(client.account.name, change=False):
            return record(item)

    return selected(items, read, selection, name=_id_of, account=client.account.name)


def _id_of(item: object) -> object:
    data = item[0] if isinstance(item, tuple) else item
    return data.get("id") if isinstance(data, Mapping) else None
