"""Finding customers (`ways`), then every customer's history in parallel.

A guest has no record at Braintree: his payments name an e-mail address, which stands for him here as if it
were a customer's id.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from billctl.frozen import replace
from billctl.gaps import NAMED, told
from billctl.gateway import Found, Query
from billctl.gateways.braintree import mapping, values
from billctl.gateways.braintree.client import Client
from billctl.gateways.braintree.errors import reading_answer
from billctl.gateways.braintree.history import Begun, begin, charges_of, complete, reading
from billctl.gateways.braintree.ways import WAYS, Leads, Trace
from billctl.models import Customer, Match
from billctl.parallel import Job, gather


def find_customers(client: Client, query: Query) -> Found:
    """Customers that answer `query`, each with his history. Raises the errors of a read where the customers
    themselves cannot be read; what of their history cannot is in `failures`."""
    with reading_answer(client.account.name, change=False):
        leads = WAYS[query.by](client, query)
        known = leads.ids[: query.limit]
        begun_job = Job(lambda: _begin_all(client, known, query))
        traces = gather(leads.traces) if leads.traces else []
        begun = begun_job.result()
        paid = [data for trace in traces for data in trace.payments]
        owners = _owners(traces, paid)
        late = [owner for owner in owners if owner not in leads.ids][: max(query.limit - len(known), 0)]
        begun += _begin_all(client, late, query)
        matching = _graded(leads, begun, owners)
        customers = _completed(client, matching, query, paid)
        guests = _guests(client, paid, query)
    notes = [*leads.notes, *_unread(traces, begun), *guests.notes]
    notes += [f"{one.customer.id} {leads.partly}" for one, match in matching if _says(leads, match)]
    if len(leads.ids) > len(known):
        notes.append(f"{len(leads.ids)} customers match; the first {len(known)} are shown")
    return Found(
        customers=(*customers.customers, *guests.customers),
        notes=tuple(dict.fromkeys((*notes, *customers.notes))),
        failures=(*customers.failures, *guests.failures),
    )


def _begin_all(client: Client, ids: Sequence[str], query: Query) -> list[Begun]:
    found = gather([partial(begin, client, customer_id, query) for customer_id in ids]) if ids else []
    return [begun for begun in found if begun is not None]


def _owners(traces: Iterable[Trace], paid: Iterable[Any]) -> list[str]:
    named = [owner for trace in traces for owner in trace.owners]
    return list(dict.fromkeys([*named, *(owner for data in paid if (owner := mapping.owner_id(data)))]))


def _graded(leads: Leads, begun: Sequence[Begun], owners: Sequence[str]) -> list[tuple[Begun, Match]]:
    graded = [(one, leads.grade(one.customer, one.customer.id in owners)) for one in begun]
    return [(one, match) for one, match in graded if match is not None]


def _says(leads: Leads, match: Match) -> bool:
    return leads.partly is not None and match is Match.PARTIAL


def _unread(traces: Iterable[Trace], begun: Iterable[Begun]) -> list[str]:
    """What is said where payments were not read that belong to nobody known."""
    unread = {transaction for trace in traces for transaction in trace.unread}
    known = {found for one in begun if one.transactions for found in one.transactions.ids}
    if unread <= known:
        return []
    return ["not all payments that match were read; customers and guests of the newest are shown"]


def _completed(
    client: Client, matching: Sequence[tuple[Begun, Match]], query: Query, paid: Sequence[Any]
) -> Found:
    """The customers that answer the query, with their history."""
    histories = gather([partial(complete, client, one, query, paid) for one, _ in matching])
    people = [
        replace(
            mapping.customer(one.customer, client.account.name, live=client.account.live, match=match),
            charges=history.charges,
            subscriptions=history.subscriptions,
            disputes=history.disputes,
        )
        for (one, match), history in zip(matching, histories, strict=True)
    ]
    notes = [note for history in histories for note in history.notes]
    failures = told(gap for history in histories for gap in history.gaps)
    failures += [error for history in histories for error in history.left_out]
    return Found(customers=tuple(people), notes=tuple(notes), failures=tuple(failures))


def _guests(client: Client, paid: Sequence[Any], query: Query) -> Found:
    """Those who paid without being customers, by the e-mail address of their payments."""
    unowned = [data for data in paid if mapping.owner_id(data) is None]
    addresses = dict.fromkeys(email.casefold() for data in unowned if (email := mapping.payer_email(data)))
    read = reading(client)
    people, notes, failures = [], [], []
    for address in list(addresses)[: query.limit]:
        own = [data for data in unowned if (mapping.payer_email(data) or "").casefold() == address]
        charges, gaps = charges_of(client, read, own)
        people.append(replace(guest(own[0], client), charges=charges))
        failures += [error for _, error in gaps]
    if people:
        named = ", ".join(person.id for person in people[:NAMED])
        rest = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
        notes.append(f"{named}{rest} paid as a guest: Braintree keeps no customer for that")
    notes += [
        f"{data.id} of {values.money(data.amount, data.currency_iso_code)} was paid by a guest: "
        "it belongs to no customer"
        for data in unowned
        if mapping.payer_email(data) is None
    ]
    return Found(customers=tuple(people), notes=tuple(notes), failures=(*failures, *read.left_out))


def guest(data: Any, client: Client) -> Customer:
    """The guest who made a payment; its e-mail address stands for his id."""
    details = data.customer_details
    email = values.needed(details, "email")
    return Customer(
        account=client.account.name,
        gateway=mapping.GATEWAY,
        id=email,
        email=email,
        name=mapping.name_of(details),
        created=None,
        live=client.account.live,
    )
