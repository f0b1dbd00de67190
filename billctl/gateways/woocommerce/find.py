"""Finding customers (`ways`), then everybody's history in parallel.

Who ordered without an account is a guest: he is on his orders only, and their e-mail address stands for him
here as if it were a customer's id.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from billctl.frozen import replace
from billctl.gaps import NAMED, told
from billctl.gateway import Found, Query
from billctl.gateways.woocommerce import mapping
from billctl.gateways.woocommerce.client import Client, Json
from billctl.gateways.woocommerce.errors import reading_answer
from billctl.gateways.woocommerce.history import Begun, History, begin, begin_guest, complete
from billctl.gateways.woocommerce.values import number
from billctl.gateways.woocommerce.ways import WAYS, Leads
from billctl.models import Customer, Match
from billctl.parallel import gather


class Somebody(NamedTuple):
    """Whom the leads lead to: an account's id, or a guest's e-mail address."""

    id: str
    is_guest: bool = False


def find_customers(client: Client, query: Query) -> Found:
    """Customers that answer `query`, each with his history. Raises the errors of a read where the customers
    themselves cannot be read; what of their history cannot is in `failures`."""
    with reading_answer(client.account.name, change=False):
        leads = WAYS[query.by](client, query)
        people = _people(leads)
        chosen = people[: query.limit]
        begun = gather([partial(_begin, client, one, leads, query) for one in chosen])
        histories = gather([partial(complete, client, one, query, leads.named) for one in begun])
        customers = [_customer(client, leads, *one) for one in zip(chosen, begun, histories, strict=True)]
    found = [one for one in customers if one is not None]
    notes = [*leads.notes, *_said(leads, found, chosen), *(note for one in histories for note in one.notes)]
    if len(people) > len(chosen):
        notes.append(f"{len(people)} customers match; the first {len(chosen)} are shown")
    failures = told(gap for history in histories for gap in history.gaps)
    failures += [error for history in histories for error in history.left_out]
    return Found(customers=tuple(found), notes=tuple(dict.fromkeys(notes)), failures=tuple(failures))


def _people(leads: Leads) -> list[Somebody]:
    """Accounts first, then guests, each once, in the order of the leads."""
    orders = [*leads.named, *leads.orders]
    accounts = [number(data["id"]) for data in leads.customers]
    accounts += [owner for data in (*orders, *leads.subscriptions) if (owner := mapping.owner_id(data))]
    emails = [email for order in orders if (email := _guest_email(order))]
    guests = {email.casefold(): email for email in reversed(emails)}
    return [
        *(Somebody(account) for account in dict.fromkeys(accounts)),
        *(Somebody(email, is_guest=True) for email in reversed(guests.values())),
    ]


def _guest_email(order: Mapping[str, Any]) -> str | None:
    return mapping.email_of(order) if mapping.owner_id(order) is None else None


def _begin(client: Client, somebody: Somebody, leads: Leads, query: Query) -> Begun:
    if somebody.is_guest:
        return begin_guest(client, somebody.id, leads.orders if leads.every_order else None)
    known = {number(data["id"]): data for data in leads.customers}
    return begin(client, somebody.id, query, known.get(somebody.id))


def _customer(
    client: Client, leads: Leads, somebody: Somebody, begun: Begun, history: History
) -> Customer | None:
    """The customer as a record; one without an account from the newest of his orders, None where there is
    none."""
    account = client.account
    orders = [*begun.orders, *leads.named, *leads.orders]
    made = [order for order in orders if mapping.customer_id(order) == somebody.id]
    if begun.data is not None:
        person = mapping.customer(begun.data, account.name, live=account.live)
    elif made:
        person = mapping.orderer(made[0], account.name, live=account.live)
    else:
        return None
    return replace(
        person,
        match=leads.grade(person.email, person.name) or leads.led,
        charges=history.charges,
        subscriptions=history.subscriptions,
        invoices=history.invoices,
    )


def _said(leads: Leads, found: Sequence[Customer], chosen: Sequence[Somebody]) -> list[str]:
    """What is said of who was found: partial matches, guests, and orders that belong to nobody."""
    partly = [f"{one.id} {leads.partly}" for one in found if leads.partly and one.match is Match.PARTIAL]
    guests = [one.id for one in chosen if one.is_guest]
    named = ", ".join(guests[:NAMED])
    rest = f" and {len(guests) - NAMED} more" if len(guests) > NAMED else ""
    told_guests = (
        [f"{named}{rest} ordered as a guest: the store keeps no customer for that"] if guests else []
    )
    return [*partly, *told_guests, *(_nobodys(order) for order in leads.named if _is_nobodys(order))]


def _is_nobodys(order: Mapping[str, Any]) -> bool:
    return mapping.customer_id(order) is None


def _nobodys(order: Json) -> str:
    return f"order {number(order['id'])} belongs to nobody: it has neither an account nor an e-mail address"
