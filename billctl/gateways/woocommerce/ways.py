"""The ways of looking somebody up: what each kind of query asks the store, and how what answers it matches.

The store's own search of orders looks in addresses, names, products and ids alike, and finds parts of words:
what it finds is compared here again. It looks in what an order says, so that names are found of those who
ordered; `customers?search=` knows no names at all (observed on 10.0.2).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from billctl.errors import NoAnswer, NotFound, Refused, Unsupported
from billctl.gateway import By, Query
from billctl.gateways.woocommerce import mapping, objects, recurring
from billctl.gateways.woocommerce.client import Client, Json
from billctl.gateways.woocommerce.errors import INVALID, NO_ROUTE
from billctl.gateways.woocommerce.history import MOST_PAGES
from billctl.gateways.woocommerce.ids import NUMBER, refused
from billctl.gateways.woocommerce.values import number
from billctl.models import Match
from billctl.parallel import gather

NAME_PAGES = 3
"""Of what a search for a name finds, 300 orders are read: a short one is in many addresses and products."""

Grade = Callable[[str | None, str | None], Match | None]
"""How a customer answers the query, told by his e-mail address and name; None: not at all."""


class Leads(NamedTuple):
    """What the store knows of a query, as on the wire: `customers` with an account; `orders` and
    `subscriptions`, which lead to somebody; orders that are `named` by it, which are shown however old.

    `grade` says how somebody answers the query by what is known of himself; whom only orders lead to is
    `led`. `orders` are `every_order` of the guests among them. `partly` is what is said of a partial match.
    """

    customers: Sequence[Json] = ()
    orders: Sequence[Json] = ()
    subscriptions: Sequence[Json] = ()
    named: Sequence[Json] = ()
    grade: Grade = lambda _email, _name: None
    led: Match = Match.EXACT
    every_order: bool = False
    partly: str | None = None
    notes: tuple[str, ...] = ()


def by_email(client: Client, query: Query) -> Leads:
    """An account by its address, and orders made with it; the letters' case does not count."""
    calls: list[Callable[[], Any]] = [
        partial(_accounts, client, query.text),
        partial(
            client.every, "orders", {**objects.ORDER, "search": objects.sought(query.text)}, most=MOST_PAGES
        ),
    ]
    accounts, (orders, more) = gather(calls)
    return Leads(
        customers=accounts,
        orders=[order for order in orders if objects.same(mapping.email_of(order), query.text)],
        grade=lambda email, _: Match.EXACT if objects.same(email, query.text) else None,
        led=Match.PARTIAL,
        every_order=not more,
        partly="has another address in the store: orders were made with this one",
        notes=(_not_all(len(orders)),) if more else (),
    )


def _accounts(client: Client, email: str) -> list[Json]:
    """Accounts with this address, whatever their role; the store's default shows customers alone. To it a `*`
    at the beginning stands for anything: no more than a page of what it finds is looked through."""
    try:
        found = client.page("customers", {**objects.CUSTOMER, "email": email, "role": "all"})
    except Refused as error:
        if error.code != INVALID or "email" not in error.message:
            raise
        return []  # what is no address to WordPress is no account's
    return [data for data in found.items if objects.same(data.get("email"), email)]


def _not_all(read: int) -> str:
    return f"more orders match than the {read} newest, which were read"


def by_name(client: Client, query: Query) -> Leads:
    """Those who ordered under a name, accounts and guests; in part where only some of it is the query."""
    text = " ".join(query.text.split())
    orders, more = client.every("orders", {**objects.ORDER, "search": text}, most=NAME_PAGES)
    matching = [order for order in orders if name_match(mapping.billing_name(order), query.text)]
    return Leads(
        orders=matching,
        grade=lambda _, name: name_match(name, query.text),
        led=Match.PARTIAL,
        partly="ordered under a name like it",
        notes=(_not_all(len(orders)),) if more else (),
    )


def name_match(name: str | None, text: str) -> Match | None:
    """How a name answers a query: whole, in part (every word of the query is in it), or not."""
    have, wanted = (name or "").casefold().split(), text.casefold().split()
    if have == wanted:
        return Match.EXACT if wanted else None
    return Match.PARTIAL if wanted and all(word in " ".join(have) for word in wanted) else None


def by_id(client: Client, query: Query) -> Leads:
    """Whatever bears this number: an account, or an order, refund or subscription that leads to one."""
    found = _numbered(client, query, ("customer", "order", "subscription", "refund"))
    customers, orders, subscriptions, refunds = found
    orders = orders or _orders_of(client, refunds)
    notes = []
    if customers and (orders or subscriptions):
        notes.append(f"{query.text} is the number of a customer, and of something else, too")
    return Leads(customers, subscriptions=subscriptions, named=orders, grade=_anybody, notes=tuple(notes))


def by_charge(client: Client, query: Query) -> Leads:
    """Whose an order is, by its id."""
    (orders,) = _numbered(client, query, ("order",))
    return Leads(named=orders)


def by_subscription(client: Client, query: Query) -> Leads:
    """Whose a subscription is, by its id; that the store has none at all is said."""
    _check_number(query)
    read = partial(objects.retrieve, client, "subscription", query.text)
    try:
        return Leads(subscriptions=[recurring.installed(read, client.account.name)])
    except NotFound:
        return Leads()
    except Unsupported:
        return Leads(notes=(recurring.MISSING,))


def by_invoice(client: Client, query: Query) -> Leads:
    """Whose an order is, by its id or its number; a plugin may have numbered orders in its own way."""
    text = query.text.removeprefix("#")
    calls: list[Callable[[], Any]] = [
        partial(client.every, "orders", {**objects.ORDER, "search": text}, most=NAME_PAGES)
    ]
    if NUMBER.fullmatch(text):
        calls.append(partial(_one, client, "order", text))
    (searched, more), *by_number = gather(calls)
    found = [order for order in searched if order.get("number") == text]
    orders = {order.get("id"): order for order in [*found, *(one for ones in by_number for one in ones)]}
    notes = [] if orders else [NUMBERED]
    notes += [_not_all(len(searched))] if more and not orders else []
    return Leads(named=list(orders.values()), notes=tuple(notes))


NUMBERED = "the store's search may not know the numbers that a plugin gives to orders: try the order's id"


def _anybody(_email: str | None, _name: str | None) -> Match:
    return Match.EXACT


WAYS: Mapping[By, Callable[[Client, Query], Leads]] = {
    By.EMAIL: by_email,
    By.NAME: by_name,
    By.ID: by_id,
    By.CHARGE: by_charge,
    By.SUBSCRIPTION: by_subscription,
    By.INVOICE: by_invoice,
}


def _numbered(client: Client, query: Query, kinds: Sequence[str]) -> list[list[Json]]:
    """What bears the query's number, by kind."""
    _check_number(query)
    return gather([partial(_one, client, kind, query.text) for kind in kinds])


def _check_number(query: Query) -> None:
    if not NUMBER.fullmatch(query.text):
        raise refused(query.text, query.by)


LACKING: Mapping[str, str] = {"subscription": NO_ROUTE, "refund": objects.TOO_OLD}
"""The code by which a store says that it has none of a kind at all: it lacks the extension, or is older than
the list of refunds. Orders and customers every store has."""


def _one(client: Client, kind: str, object_id: str) -> list[Json]:
    """The object of that id, if there is one."""
    reads: Mapping[str, Callable[[], Json | None]] = {
        "order": partial(objects.retrieve_order, client, object_id),
        "refund": partial(objects.find_refund, client, object_id),
    }
    read = reads.get(kind, partial(objects.retrieve, client, kind, object_id))
    try:
        found = read()
    except NotFound:
        return []
    except (NoAnswer, Unsupported) as error:
        if error.code != LACKING.get(kind):
            raise
        return []
    return [found] if found else []


def _orders_of(client: Client, refunds: Sequence[Json]) -> list[Json]:
    return [objects.retrieve(client, "order", number(data["parent_id"])) for data in refunds]
