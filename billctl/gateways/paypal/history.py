"""What one customer did: his charges, subscriptions, invoices and disputes, all read at the same time from
what a search named."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from billctl.errors import BillctlError, NoAnswer, NotFound, Unsupported
from billctl.frozen import replace
from billctl.gaps import Gap, attempted, because
from billctl.gateways.paypal import bills, details, disputes, objects, rows
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.details import Listed, Live
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.ids import kind_of
from billctl.gateways.paypal.people import Person, customer
from billctl.gateways.paypal.pool import spread
from billctl.gateways.paypal.rows import Row
from billctl.models import Charge, Customer, Dispute, Invoice, Match, Subscription
from billctl.parallel import Job

T = TypeVar("T")
S = TypeVar("S")
AT_ONCE = 8
"""Single objects of one customer read at the same time."""


class Known(NamedTuple):
    """One customer and what a search found of him, newest first. `listed_disputes` None: to be asked for
    charge by charge."""

    person: Person
    match: Match
    own: Sequence[Row]
    everybody: Sequence[Row]
    invoices: Sequence[Json]
    listed_disputes: Sequence[Json] | None
    refreshed: datetime | None


class History(NamedTuple):
    """A customer whole, what lies beyond the limit, what could not be read, and single objects left out."""

    customer: Customer
    notes: tuple[str, ...]
    gaps: tuple[Gap, ...]
    left_out: tuple[BillctlError, ...]


def read_history(client: Client, known: Known, limit: int, *, now: datetime) -> History:
    """Up to `limit` objects of each kind."""
    read = _Reading(client, known.person.id)
    everything = details.listed(known.own, known.everybody)
    charges = everything[:limit]
    invoices = list(known.invoices)[:limit]
    paying = {paid: str(data["id"]) for data in invoices for paid in bills.invoice_payments(data)}
    named = _subscriptions(known.own)
    opened = Job(partial(_disputes, client, known, charges))
    others = Job(partial(_unlisted, client, read, paying, known.own, now))
    agreements = Job(partial(_agreements, client, read, named[:limit]))
    lives = read.all("charges", [partial(details.read, client, item, known.refreshed) for item in charges])
    found, no_disputes = opened.result()
    read.gap("disputes", no_disputes)
    record = partial(details.record, account=client.account.name, customer_id=known.person.id)
    records = [
        read.one(
            item.row.id,
            partial(
                record,
                item,
                live or Live(None),
                disputes=[dispute for dispute in found if dispute.charge_id == item.row.id],
                invoice_id=paying.get(item.row.id),
            ),
        )
        for item, live in zip(charges, lives, strict=True)
        if live is None or not live.is_spent
    ]
    own = [item for item in (*records, *others.result()) if item is not None]
    shown = {charge.id for charge in own}
    notes = [
        f"{known.person.id} has more {kind} than the {limit} newest shown"
        for kind, some in (("charges", everything), ("subscriptions", named), ("invoices", known.invoices))
        if len(some) > limit
    ]
    notes += [
        f"more of {item.row.id} was given back than PayPal shows yet: it takes up to 3 hours"
        for item, live in zip(charges, lives, strict=True)
        if live is not None and live.unseen
    ]
    return History(
        replace(
            customer(known.person, client.account.name, live=client.account.live, match=known.match),
            charges=tuple(sorted(own, key=lambda charge: charge.created, reverse=True)),
            subscriptions=tuple(sorted(agreements.result(), key=lambda item: item.created, reverse=True)),
            invoices=tuple(
                replace(item, customer_id=known.person.id)
                for item in read.each(invoices, partial(_invoice, account=client.account.name, now=now))
            ),
            disputes=tuple(item for item in found if item.charge_id in shown),
        ),
        tuple(notes),
        tuple(read.gaps),
        tuple(read.left_out),
    )


def _invoice(data: Json, *, account: str, now: datetime) -> Invoice:
    return bills.invoice(data, account, now=now)


def _subscriptions(own: Iterable[Row]) -> list[str]:
    found = dict.fromkeys(row.subscription_id for row in own)
    return [name for name in found if name and kind_of(name) == "subscription"]


def _agreements(client: Client, read: "_Reading", named: Sequence[str]) -> list[Subscription]:
    calls = [partial(_agreement, client, name) for name in named]
    return [item for item in read.all("subscriptions", calls) if item is not None]


def _agreement(client: Client, name: str) -> Subscription | None:
    """None for an agreement of PayPal's old API, which the new one does not know."""
    try:
        return objects.get_subscription(client, name)
    except NotFound:
        return None


def _unlisted(
    client: Client, read: "_Reading", paying: dict[str, str], own: Sequence[Row], now: datetime
) -> list[Charge]:
    """Charges that only an invoice names: too new for the report, or older than what was searched."""
    rows_of = {row.id for row in own}
    missing = [name for name in paying if name not in rows_of and kind_of(name) == "charge"]
    found = read.all("charges", [partial(objects.paid, client, name, now=now) for name in missing])
    return [replace(item.charge, invoice_id=paying[item.charge.id]) for item in found if item is not None]


def _disputes(
    client: Client, known: Known, charges: Sequence[Listed]
) -> tuple[list[Dispute], BillctlError | None]:
    """The disputes of these charges in full, or why they could not be read."""
    nothing: list[Dispute] = []
    return attempted(partial(_disputes_of, client, known, charges), nothing)


def _disputes_of(client: Client, known: Known, charges: Sequence[Listed]) -> list[Dispute]:
    account = client.account.name
    with reading_answer(account, change=False):
        taken = [item.row for item in charges if item.row.code not in rows.AUTHORIZATIONS]
        if not taken:
            return []
        listed = known.listed_disputes
        if listed is None:
            calls = [
                partial(disputes.of_charge, client, row.id) for row in taken if kind_of(row.id) == "charge"
            ]
            listed = [item for found in spread(calls, AT_ONCE) for item in found]
        maybe = [item for item in listed if disputes.may_be_of(item, taken)]
        ids = {row.id for row in taken}
        whole = spread(disputes.whole(client, maybe), AT_ONCE)
        own = ((data, ids.intersection(bills.disputed_charges(data))) for data in whole)
        return [bills.dispute(data, account, charge_id=min(of)) for data, of in own if of]


class _Reading:
    """Reads parts of one customer's history; a part that fails is a gap, an object that cannot be read is
    left out, and neither hides anything else."""

    def __init__(self, client: Client, customer_id: str) -> None:
        self.gaps: list[Gap] = []
        self.left_out: list[BillctlError] = []
        self._account = client.account.name
        self._customer_id = customer_id

    def gap(self, part: str, error: BillctlError | None) -> None:
        """Remember why a part is missing."""
        if error is not None:
            self.gaps.append(Gap(part, self._customer_id, error))

    def all(self, part: str, calls: Sequence[Callable[[], T]]) -> list[T | None]:
        """What each call returns, None where it failed; the reasons are gaps of `part`."""
        nothing: T | None = None
        results = spread([partial(attempted, call, nothing) for call in calls], AT_ONCE)
        for _, error in results:
            self.gap(part, error)
        return [value for value, _ in results]

    def one(self, object_id: str, record: Callable[[], T]) -> T | None:
        """The record, or None and the object among those left out."""
        try:
            with reading_answer(self._account, change=False):
                return record()
        except (Unsupported, NoAnswer) as error:
            self.left_out.append(because(f"{object_id} is left out", error))
            return None

    def each(self, items: Iterable[Json], record: Callable[[Json], T]) -> tuple[T, ...]:
        """The records of wire objects, without those that cannot be read."""
        made = (self.one(str(item.get("id")), partial(record, item)) for item in items)
        return tuple(item for item in made if item is not None)
