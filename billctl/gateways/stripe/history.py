"""What one customer did: his charges, subscriptions, invoices and disputes, read in parallel."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from billctl.errors import BillctlError, NoAnswer, NotFound, Unsupported
from billctl.gaps import Gap, attempted, because
from billctl.gateway import Query
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.client import PAGE, Client, Json
from billctl.gateways.stripe.errors import reading_answer
from billctl.gateways.stripe.lists import created
from billctl.gateways.stripe.objects import disputes_of, refunds_of
from billctl.models import Charge, Dispute, Invoice, Subscription
from billctl.parallel import Job, gather

T = TypeVar("T", Charge, Dispute, Invoice, Subscription)
R = TypeVar("R")


class History(NamedTuple):
    """Newest first. `notes`: what lies beyond the limit; `gaps`: what could not be read; `left_out`: single
    objects that could not."""

    charges: tuple[Charge, ...]
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    disputes: tuple[Dispute, ...]
    notes: tuple[str, ...]
    gaps: tuple[Gap, ...]
    left_out: tuple[BillctlError, ...]


class Page(NamedTuple):
    """A list as on the wire, newest first; empty with the `error` that kept it from being read."""

    items: list[Json]
    more: bool = False
    error: BillctlError | None = None


class Detail(NamedTuple):
    """What hangs on one charge, as on the wire; `errors` by the part that could not be read."""

    charge: Json
    refunds: Sequence[Json]
    disputes: Sequence[Json]
    errors: Sequence[tuple[str, BillctlError]]


class NewestDisputes:
    """The account's newest disputes, asked for beside everything else.

    A charge does not hold its disputes, and they cannot be listed by customer: without these, a disputed
    charge costs a round trip after the one that brought it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._page = Job(self._read)

    def _read(self) -> Sequence[Json]:
        newest = _readable(self._client, lambda: self._client.page("/v1/disputes", {}, PAGE))
        nothing: tuple[list[Json], bool] = ([], False)
        (disputes, more), _ = attempted(newest, nothing)
        return () if more else disputes

    def of(self, charge: Json) -> list[Json]:
        """The charge's disputes: from the list where it is whole and has any, else asked for."""
        if not charge["disputed"]:
            return []
        known = [data for data in self._page.result() if mapping.id_of(data["charge"]) == charge["id"]]
        return known or disputes_of(self._client, charge)


def read_history(
    client: Client,
    customer_id: str,
    query: Query,
    *,
    now: datetime,
    newest: NewestDisputes,
    named: Sequence[Json] = (),
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
        for kind, page in zip(kinds, pages, strict=True)
        if page.more
    ]
    charges, subscriptions, invoices = (
        _with_named(page.items, kind, named) for kind, page in zip(kinds, pages, strict=True)
    )
    details = _details(client, charges, newest)
    failed = [(f"{kind}s", page.error) for kind, page in zip(kinds, pages, strict=True) if page.error]
    failed += [error for detail in details for error in detail.errors]
    disputes = [data for detail in details for data in detail.disputes]
    account = client.account.name
    read = _Reading(account, [])
    return History(
        charges=read.each(details, lambda detail: _charge(detail, account, invoices), _charge_id),
        subscriptions=read.each(subscriptions, lambda data: mapping.subscription(data, account), _id),
        invoices=read.each(invoices, lambda data: mapping.invoice(data, account, now=now), _id),
        disputes=read.each(disputes, lambda data: mapping.dispute(data, account), _id),
        notes=tuple(notes),
        gaps=tuple(Gap(part, customer_id, error) for part, error in failed),
        left_out=tuple(read.left_out),
    )


def _page(client: Client, path: str, params: Json, limit: int) -> Callable[[], Page]:
    def newest_first() -> Page:
        try:
            items, more = client.page(path, params, limit)
        except NotFound:  # how Stripe answers for a list that went with a deleted customer is not documented
            return Page([])
        return Page(sorted(items, key=_created, reverse=True), more)

    def read() -> Page:
        page, error = attempted(_readable(client, newest_first), Page([]))
        return page._replace(error=error)

    return read


def _readable(client: Client, call: Callable[[], R]) -> Callable[[], R]:
    def read() -> R:
        with reading_answer(client.account.name, change=False):
            return call()

    return read


def _created(data: Json) -> int:
    return int(data["created"])


def _with_named(items: list[Json], kind: str, named: Sequence[Json]) -> list[Json]:
    shown = {data["id"] for data in items}
    older = {data["id"]: data for data in named if data["object"] == kind and data["id"] not in shown}
    return sorted([*items, *older.values()], key=_created, reverse=True)


def _details(client: Client, charges: Sequence[Json], newest: NewestDisputes) -> list[Detail]:
    """Refunds and disputes of `charges`; only those that need a request of their own get a thread.

    Of refunds that cannot be read to their end, those that came with the charge are left. A charge whose
    disputes cannot be read shows as refundable what a lost one may have taken: a refund asks again.
    """
    none: list[Json] = []

    def read(charge: Json) -> Detail:
        known = (charge.get("refunds") or {}).get("data") or []
        refunds, no_refunds = attempted(_readable(client, lambda: refunds_of(client, charge)), list(known))
        disputes, no_disputes = attempted(_readable(client, lambda: newest.of(charge)), none)
        failed = (("refunds", no_refunds), ("disputes", no_disputes))
        return Detail(charge, refunds, disputes, [(part, error) for part, error in failed if error])

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


class _Reading(NamedTuple):
    """Turns wire objects into records; one that cannot be read is `left_out`, and hides nothing else."""

    account: str
    left_out: list[BillctlError]

    def each(self, items: Sequence[S], record: Callable[[S], T], id_of: Callable[[S], str]) -> tuple[T, ...]:
        found = []
        for item in items:
            try:
                with reading_answer(self.account, change=False):
                    found.append(record(item))
            except (Unsupported, NoAnswer) as error:
                self.left_out.append(because(f"{id_of(item)} is left out", error))
        return tuple(found)
