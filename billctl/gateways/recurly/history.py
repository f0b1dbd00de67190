"""What one account at Recurly did: its transactions, invoices and subscriptions, read in parallel."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from billctl.errors import BillctlError
from billctl.gaps import Gap, Reading, attempted
from billctl.gateway import Query
from billctl.gateways.recurly import mapping, payments, values
from billctl.gateways.recurly.client import Client, Sdk
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.payments import Credits
from billctl.gateways.recurly.queries import newest_first
from billctl.models import Charge, Invoice, Refund, Subscription
from billctl.parallel import gather


class Named(NamedTuple):
    """The SDK's objects that led to a customer: they are shown however old they are."""

    payments: Sequence[Any] = ()
    invoices: Sequence[Any] = ()
    subscriptions: Sequence[Any] = ()


class History(NamedTuple):
    """Newest first. `notes`: what lies beyond the limit; `gaps`: what could not be read; `left_out`: single
    objects that could not."""

    charges: tuple[Charge, ...]
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    notes: tuple[str, ...]
    gaps: tuple[Gap, ...]
    left_out: tuple[BillctlError, ...]


class Part(NamedTuple):
    """A list from `since` on (None: from the beginning), newest first, as far as it was read; `whole` where
    that was to its end."""

    items: list[Any]
    whole: bool
    error: BillctlError | None
    since: datetime | None

    def credits(self) -> Credits | None:
        """The credit invoices of a list of invoices; None where none were read."""
        if self.whole:
            return Credits(self.items, since=self.since)
        return Credits(self.items, since=values.instant(self.items[-1].created_at)) if self.items else None


def read_history(client: Client, customer_id: str, query: Query, named: Named) -> History:
    """Up to `query.limit` objects of each kind, and those that are `named`.

    `query.since` leaves out older payments and invoices, never a subscription, which may run for years.
    """
    # A payment may have refunds, tries of cards and a credit invoice beside it.
    recent = newest_first(2 * query.limit + 10, since=query.since)
    kinds: dict[str, tuple[Callable[[Sdk], Any], Callable[[Any], bool]]] = {
        "charges": (lambda sdk: sdk.list_account_transactions(customer_id, params=recent), _takes_money),
        "invoices": (lambda sdk: sdk.list_account_invoices(customer_id, params=recent), _any),
        "subscriptions": (
            lambda sdk: sdk.list_account_subscriptions(customer_id, params=newest_first(query.limit + 1)),
            _any,
        ),
    }
    calls = [partial(_part, client, ask, wanted, query) for ask, wanted in kinds.values()]
    parts = dict(zip(kinds, gather(calls), strict=True))
    shown = {kind: [x for x in parts[kind].items if kinds[kind][1](x)] for kind in kinds}
    notes = [
        f"{customer_id} has more {kind} than the {query.limit} newest shown"
        for kind, items in shown.items()
        if len(items) > query.limit
    ]
    read = reading(client)
    paid = _with(shown["charges"][: query.limit], named.payments)
    charges, missing = _charges(client, read, paid, parts["invoices"])
    errors = [(kind, part.error) for kind, part in parts.items() if part.error]
    return History(
        charges=charges,
        subscriptions=read.each(
            _with(shown["subscriptions"][: query.limit], named.subscriptions),
            lambda data: mapping.subscription(data, client.account.name, now=client.now()),
        ),
        invoices=read.each(
            _with(shown["invoices"][: query.limit], named.invoices),
            lambda data: mapping.invoice(data, client.account.name),
        ),
        notes=tuple(notes),
        gaps=tuple(Gap(kind, customer_id, error) for kind, error in (*errors, *missing)),
        left_out=tuple(read.left_out),
    )


def _takes_money(data: Any) -> bool:
    return values.text(data, "type") in mapping.CHARGES


def _any(_data: Any) -> bool:
    return True


def _part(client: Client, ask: Callable[[Sdk], Any], wanted: Callable[[Any], bool], query: Query) -> Part:
    """A list, read until more of its items are wanted than the query's limit, or to its end."""
    items: list[Any] = []

    def read() -> bool:
        for page in client.pages(ask):
            items.extend(page)
            if sum(map(wanted, items)) > query.limit:
                return False
        return True

    failed = False
    whole, error = attempted(read, failed)
    return Part(items, whole, error, query.since)


def _with(items: list[Any], named: Sequence[Any]) -> list[Any]:
    known = {values.text(data, "id") for data in items}
    return [*items, *(data for data in named if values.text(data, "id") not in known)]


def _charges(
    client: Client, read: Reading, paid: list[Any], invoices: Part
) -> tuple[tuple[Charge, ...], list[tuple[str, BillctlError]]]:
    """The payments as charges, and what could not be read of them."""
    at_hand = {data.id: data for data in invoices.items if values.text(data, "id")}
    none: dict[str, tuple[Refund, ...]] = {}
    bills, no_invoices = attempted(lambda: payments.invoices_of(client, paid, at_hand), at_hand)

    def all_refunds() -> dict[str, tuple[Refund, ...]]:
        with reading_answer(client.account.name, change=False):
            return payments.refunds_of_each(client, paid, bills, invoices.credits())

    refunds, no_refunds = attempted(all_refunds, none)
    charges = read.each(paid, lambda data: payments.charge(data, client.account.name, refunds, bills))
    failed = (("refunds", no_refunds), ("invoices", no_invoices))
    return charges, [(part, error) for part, error in failed if error]


def reading(client: Client) -> Reading:
    """What turns the SDK's objects into records of the account."""
    by_id = partial(values.text, name="id")
    return Reading(partial(reading_answer, client.account.name, change=False), by_id, [])
