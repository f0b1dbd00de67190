"""From an object's id to its owner: the object and what hangs on it, in as few requests as it takes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from billctl.frozen import replace
from billctl.gateway import Found, Query
from billctl.gateways.paypal import bills, invoices, objects
from billctl.gateways.paypal.amounts import wire_time
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.ids import checked, kind_of
from billctl.gateways.paypal.mapping import captured_by, charge
from billctl.gateways.paypal.objects import Paid, attempt, retrieve
from billctl.gateways.paypal.people import Person, billed, customer, payer
from billctl.gateways.paypal.pool import spread
from billctl.gateways.paypal.search import DEFAULT
from billctl.models import Charge, Customer, Dispute, Invoice, Subscription
from billctl.parallel import Job


class Owned(NamedTuple):
    """An object's owner and what hangs on it."""

    person: Person | None
    charges: tuple[Charge, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> str:
        """What the object is called where it has no owner."""
        items = (*self.charges, *self.subscriptions, *self.invoices)
        return ", ".join(item.id for item in items)


Way = Callable[[Client, Query, datetime], list[Owned]]


def found_owners(client: Client, way: Way, query: Query, *, now: datetime) -> Found:
    """The owners that `way` finds, each with what hangs on the object."""
    owned = way(client, query, now)
    people = tuple(_customer(client, item, item.person) for item in owned if item.person)
    notes = [note for item in owned for note in item.notes]
    notes += [f"PayPal does not say whose {item.names} is" for item in owned if not item.person]
    if people:
        notes.append(f"only what belongs to {query.text} is shown; look the e-mail address up for the rest")
    return Found(customers=people, notes=tuple(notes))


def _customer(client: Client, item: Owned, person: Person) -> Customer:
    return replace(
        customer(person, client.account.name, live=client.account.live),
        charges=item.charges,
        subscriptions=item.subscriptions,
        invoices=item.invoices,
        disputes=item.disputes,
    )


def of_charge(client: Client, query: Query, now: datetime) -> list[Owned]:
    """Of a capture, sale or authorization; a refund leads to its capture."""
    refund = Job(partial(attempt, partial(retrieve, client, "refund", query.text)))
    found = objects.paid(client, query.text, now=now)
    if found is not None:
        return [_paid(found)]
    given_back = refund.result()
    capture = captured_by(given_back) if given_back else None
    return _paid_by(client, [capture] if capture else [], now)


def _paid_by(client: Client, names: Sequence[str], now: datetime) -> list[Owned]:
    calls = [partial(objects.paid, client, checked(name, "charge"), now=now) for name in names]
    return [_paid(item) for item in spread(calls) if item is not None]


def _paid(found: Paid) -> Owned:
    return Owned(found.person, charges=(found.charge,), disputes=found.disputes)


def of_dispute(client: Client, query: Query, now: datetime) -> list[Owned]:
    """Of the transactions that a dispute is about."""
    data = attempt(partial(retrieve, client, "dispute", query.text))
    return _paid_by(client, bills.disputed_charges(data), now) if data else []


def of_subscription(client: Client, query: Query, now: datetime) -> list[Owned]:
    """Of a subscription, with its payments since `--since` or of the last 90 days."""
    since = query.since or now - DEFAULT
    span = {"start_time": wire_time(since), "end_time": wire_time(now)}
    path = f"{objects.PATHS['subscription']}/{query.text}/transactions"
    payments = Job(partial(attempt, partial(client.get, path, span)))
    data = attempt(partial(retrieve, client, "subscription", query.text, objects.SUBSCRIPTION_FIELDS))
    if data is None:
        return []
    person = payer(data.get("subscriber"))
    listed = ((payments.result() or {}).get("transactions") or [])[: query.limit]
    charges = spread([partial(_payment, client, item, query.text, person, now=now) for item in listed])
    return [
        Owned(
            person,
            charges=tuple(sorted(charges, key=lambda item: item.created, reverse=True)),
            subscriptions=(bills.subscription(data, client.account.name),),
            notes=(f"payments before {since:%Y-%m-%d} were not asked for",),
        )
    ]


def _payment(
    client: Client, data: Json, subscription_id: str, person: Person | None, now: datetime
) -> Charge:
    """A subscription's payment as its list has it; one that was refunded is read by its id, for how much."""
    capture = {
        "id": data["id"],
        "status": data["status"],
        "amount": data["amount_with_breakdown"]["gross_amount"],
        "create_time": data["time"],
    }
    customer_id = person.id if person else None
    if data["status"] == "PARTIALLY_REFUNDED" and kind_of(str(data["id"])) == "charge":
        found = objects.paid(client, str(data["id"]), now=now)
        if found is not None:
            return replace(found.charge, customer_id=customer_id, subscription_id=subscription_id)
    return charge(capture, client.account.name, customer_id=customer_id, subscription_id=subscription_id)


def of_invoice(client: Client, query: Query, now: datetime) -> list[Owned]:
    """Of an invoice by its id, with the PayPal payments it names."""
    data = attempt(partial(retrieve, client, "invoice", query.text))
    return [_billed(client, data, now)] if data else []


def of_number(client: Client, query: Query, now: datetime) -> list[Owned]:
    """Of the invoices with this number."""
    found = invoices.by_number(client, query.text)[: query.limit]
    return spread([partial(_billed, client, data, now) for data in found])


def _billed(client: Client, data: Json, now: datetime) -> Owned:
    invoice = bills.invoice(data, client.account.name, now=now)
    names = [name for name in bills.invoice_payments(data) if kind_of(name) == "charge"]
    paid = [item for item in spread([partial(objects.paid, client, name, now=now) for name in names]) if item]
    person = next((item.person for item in paid if item.person), None) or billed(data)
    return Owned(
        person,
        charges=tuple(replace(item.charge, invoice_id=invoice.id) for item in paid),
        invoices=(replace(invoice, customer_id=person.id if person else None),),
        disputes=tuple(dispute for item in paid for dispute in item.disputes),
    )


OWNERS: Mapping[str, Way] = {
    "charge": of_charge,
    "dispute": of_dispute,
    "subscription": of_subscription,
    "invoice": of_invoice,
    "number": of_number,
}
"""The way from each kind of id."""
