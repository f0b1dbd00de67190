"""Single objects by their ids, and what hangs on them."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from billctl.errors import NoAnswer, NotFound, Unsupported
from billctl.gateways.woocommerce import mapping, recurring
from billctl.gateways.woocommerce.client import Client, Json, Params
from billctl.gateways.woocommerce.errors import NO_ROUTE, reading_answer
from billctl.gateways.woocommerce.ids import checked, is_guest
from billctl.gateways.woocommerce.mapping import StoreCharge
from billctl.gateways.woocommerce.values import needed, number
from billctl.models import Charge, Customer, Invoice, Refund, Subscription
from billctl.parallel import gather

ORDER: Params = {"_fields": mapping.ORDER_FIELDS, "include_meta": mapping.RENEWAL}
REFUND: Params = {"_fields": mapping.REFUND_FIELDS}
CUSTOMER: Params = {"_fields": mapping.CUSTOMER_FIELDS}
SUBSCRIPTION: Params = {"_fields": recurring.FIELDS}

PATHS = {
    "order": ("orders", ORDER),
    "customer": ("customers", CUSTOMER),
    "subscription": ("subscriptions", SUBSCRIPTION),
}

ORDERS_ALONE = frozenset({"processing", "completed", "refunded", "failed", "checkout-draft"})
"""Statuses of orders that no subscription has. A subscription's id under `orders/` answers as an order would,
and can even be given refunds there."""

TOO_OLD = "too_old"


def retrieve(client: Client, kind: str, object_id: str) -> Json:
    """The object `object_id` of `kind` as on the wire; what was asked for, or an error.

    Raises `NotFound`, and the errors of a read.
    """
    path, params = PATHS[kind]
    try:
        found = client.get(f"{path}/{object_id}", params)
    except NotFound as error:
        message = f"the store has no {kind} {object_id}"
        raise NotFound(message, code=error.code, account=client.account.name) from error
    if not isinstance(found, dict) or found.get("id") != int(object_id):
        raise NoAnswer(
            f"{client.host} was asked for {kind} {object_id} and answered with something else",
            code="bad_answer",
            account=client.account.name,
        )
    return found


def retrieve_order(client: Client, order_id: str) -> Json:
    """An order as on the wire. Raises as `retrieve`; `NotFound` (`is_subscription`) for a subscription."""
    order = retrieve(client, "order", order_id)
    with reading_answer(client.account.name, change=False):
        status = needed(order, "status")
    if status not in ORDERS_ALONE and _is_subscription(client, order_id):
        raise NotFound(
            f"{order_id} is a subscription, not an order",
            code="is_subscription",
            hint=f"See `billctl woocommerce show --type subscription {order_id}`.",
            account=client.account.name,
        )
    return order


def _is_subscription(client: Client, object_id: str) -> bool:
    try:
        retrieve(client, "subscription", object_id)
    except NotFound:
        return False
    except NoAnswer as error:
        if error.code != NO_ROUTE:
            raise
        return False  # a store without the extension has none
    return True


def refunds_of(client: Client, order_id: str) -> list[Json]:
    """All refunds of an order as on the wire; none for an order that does not exist, as the store says."""
    return list(client.pages(f"orders/{order_id}/refunds", REFUND))


def refunds_by_order(client: Client, orders: Iterable[Mapping[str, Any]]) -> dict[str, list[Json]]:
    """The refunds of `orders` by the order's id; asked for only where an order names some."""
    known = [number(order["id"]) for order in orders if mapping.has_refunds(order)]
    found = gather([partial(refunds_of, client, order_id) for order_id in known])
    return dict(zip(known, found, strict=True))


def get_charge(client: Client, charge_id: str) -> StoreCharge:
    """One order with all its refunds. Raises `NotFound` for a subscription's id, too."""
    checked(charge_id, "charge")
    calls: list[Callable[[], Any]] = [
        partial(retrieve_order, client, charge_id),
        partial(refunds_of, client, charge_id),
    ]
    order, refunds = gather(calls)
    with reading_answer(client.account.name, change=False):
        return mapping.charge(order, refunds, client.account.name)


def as_order(client: Client, charge: Charge) -> StoreCharge:
    """A charge with what a change must know of its order, read again where it came without."""
    return charge if isinstance(charge, StoreCharge) else get_charge(client, charge.id)


def get_invoice(client: Client, invoice_id: str) -> Invoice:
    """One order as a bill. Raises `NotFound` for a subscription's id, too."""
    order = retrieve_order(client, checked(invoice_id, "invoice"))
    with reading_answer(client.account.name, change=False):
        return mapping.invoice(order, client.account.name)


def get_refund(client: Client, refund_id: str) -> Refund:
    """One refund. Raises `Unsupported` (`too_old`) at a store older than WooCommerce 9.0, which shows refunds
    of an order only."""
    data = find_refund(client, checked(refund_id, "refund"))
    if data is None:
        message = f"the store has no refund {refund_id}"
        raise NotFound(message, code="no_such_refund", account=client.account.name)
    with reading_answer(client.account.name, change=False):
        order = retrieve(client, "order", number(data["parent_id"]))
        return mapping.refund(data, order, client.account.name)


def find_refund(client: Client, refund_id: str) -> Json | None:
    """A refund as on the wire, by its id alone; None where there is none. Raises as `get_refund`."""
    try:
        for data in client.pages("refunds", {**REFUND, "include": refund_id}):
            if data.get("id") == int(refund_id):
                return data
    except NoAnswer as error:
        if error.code == NO_ROUTE:
            raise too_old(client) from error
        raise
    return None


def too_old(client: Client) -> Unsupported:
    """The error that refunds cannot be read by themselves at this store."""
    return Unsupported(
        "a store older than WooCommerce 9.0 shows refunds with their order only",
        code=TOO_OLD,
        hint="See `billctl woocommerce show --type charge ORDER`.",
        account=client.account.name,
    )


def get_customer(client: Client, customer_id: str) -> Customer:
    """One customer without history; a guest from the newest of his orders. Raises `NotFound` for an e-mail
    address with which nobody ordered as a guest."""
    account = client.account
    checked(customer_id, "customer")
    if not is_guest(customer_id):
        data = retrieve(client, "customer", customer_id)
        with reading_answer(account.name, change=False):
            return mapping.customer(data, account.name, live=account.live)
    with reading_answer(account.name, change=False):
        for order in guest_orders(client, customer_id):
            return mapping.orderer(order, account.name, live=account.live)
    raise NotFound(
        f"nobody ordered as a guest with {customer_id}",
        code="no_such_guest",
        hint=f"Look for a customer: `billctl lookup {customer_id}`.",
        account=account.name,
    )


def guest_orders(client: Client, email: str) -> Iterable[Json]:
    """The orders that a guest made with this very address, newest first, read as they are asked for. The
    store's own search finds what merely contains it, too."""
    for order in client.pages("orders", {**ORDER, "search": sought(email)}):
        if mapping.owner_id(order) is None and same(mapping.email_of(order), email):
            yield order


def sought(email: str) -> str:
    """What finds the orders with an address in the store's search, which finds parts of texts: what is behind
    a plus. Stores of about WooCommerce 7 to 8.8 decode the text once more, and a plus becomes a blank."""
    return email.rpartition("+")[2]


def same(one: str | None, other: str) -> bool:
    """Whether two e-mail addresses are the same; a store does not tell their letters' case apart."""
    return one is not None and one.casefold() == other.casefold()


def get_subscription(client: Client, subscription_id: str) -> Subscription:
    """One subscription. Raises `Unsupported` (`extension_missing`) where the store has none at all."""
    checked(subscription_id, "subscription")
    data = recurring.installed(
        partial(retrieve, client, "subscription", subscription_id), client.account.name
    )
    with reading_answer(client.account.name, change=False):
        return recurring.subscription(data, client.account.name)
