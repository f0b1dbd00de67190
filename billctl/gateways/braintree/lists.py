"""Lists across an account: found by Braintree's searches, filtered exactly here, newest first."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from billctl.errors import NoAnswer, UsageError
from billctl.gateway import Selection
from billctl.gateways.braintree import mapping, recurring, values
from billctl.gateways.braintree.client import PAGE, Client, Hits, sdk_module
from billctl.gateways.braintree.errors import reading_answer
from billctl.gateways.braintree.ids import checked
from billctl.gateways.braintree.objects import refunds_of, retrieve
from billctl.gateways.braintree.search import FIRST_DAY, created, paid_by
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Dispute,
    Refund,
    Subscription,
    SubscriptionStatus,
)
from billctl.selecting import passes

R = TypeVar("R", Charge, Customer, Dispute, Refund, Subscription)

UNKNOWN = "unknown"
IN_TRIAL = SubscriptionStatus.TRIALING
"""Active at Braintree."""

AFTER_PAID = frozenset({ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.REFUNDED, ChargeStatus.DISPUTED})
"""What becomes of a paid charge without Braintree's own status changing."""

RECEIVED_BEFORE = timedelta(days=31)
"""Disputes are searched by the day they were received and filtered by when Braintree made them: how far the
two lie apart is not documented, so the search begins that much earlier."""


def customers(client: Client, selection: Selection) -> Iterator[Customer]:
    """Customers of the vault without history. They have no status, and are not filtered by customer."""
    if selection.status is not None or selection.customer_id is not None:
        raise UsageError("a list of customers is filtered by time only", code="bad_filter")
    account = client.account
    hits = _search(client, "customer", "CustomerSearch", selection)
    return _selected(
        client,
        hits.items(),
        lambda data: mapping.customer(data, account.name, live=account.live),
        selection,
        hits,
    )


def charges(client: Client, selection: Selection) -> Iterator[Charge]:
    """Sales with their refunds, which are read a page at a time."""
    wanted = selection.status
    words = _words(mapping.CHARGE_STATUS, ChargeStatus.PAID if wanted in AFTER_PAID else wanted)
    if words == []:
        return iter(())
    hits = _search(client, "transaction", "TransactionSearch", selection, words=words, sales=True)
    read: dict[str, tuple[Refund, ...]] = {}

    def record(data: Any) -> Charge:
        return mapping.charge(data, client.account.name, refunds=read.pop(data.id))

    return _selected(client, _with_refunds(client, hits, selection, read), record, selection, hits)


def _with_refunds(
    client: Client, hits: Hits, selection: Selection, read: dict[str, tuple[Refund, ...]]
) -> Iterator[Any]:
    """The sales of `hits` that belong in the list; their refunds come into `read` before them."""
    guests = selection.customer_id is not None and "@" in selection.customer_id
    items = (data for data in hits.items() if not (guests and mapping.owner_id(data)))
    size = min(PAGE, max(selection.limit, 1))
    while part := list(islice(items, size)):
        read |= refunds_of(client, part)
        yield from part


def refunds(client: Client, selection: Selection) -> Iterator[Refund]:
    """Refunds; money sent to a customer on its own is none."""
    words = _words(mapping.REFUND_STATUS, selection.status)
    if words == []:
        return iter(())
    hits = _search(client, "transaction", "TransactionSearch", selection, words=words, sales=False)
    given = (data for data in hits.items() if mapping.is_refund(data))
    return _selected(client, given, lambda data: mapping.refund(data, client.account.name), selection, hits)


def subscriptions(client: Client, selection: Selection) -> Iterator[Subscription]:
    """Subscriptions; of one customer, those of his payment methods."""
    wanted = selection.status
    words = _words(recurring.STATUS, SubscriptionStatus.ACTIVE if wanted == IN_TRIAL else wanted)
    if words == []:
        return iter(())
    if selection.customer_id is not None:
        customer_id = checked(selection.customer_id, "customer")
        return _selected(
            client,
            _of_customer(client, customer_id),
            lambda data: _subscription(client, data, customer_id),
            selection,
        )
    hits = _search(client, "subscription", "SubscriptionSearch", selection, words=words)
    return _selected(client, hits.items(), partial(_subscription, client), selection, hits)


def _of_customer(client: Client, customer_id: str) -> Iterator[Any]:
    customer = retrieve(client, "customer", customer_id)
    with reading_answer(client.account.name, change=False):
        methods = values.listed(customer, "payment_methods")
        unique = {data.id: data for method in methods for data in values.listed(method, "subscriptions")}
        return iter(sorted(unique.values(), key=lambda data: values.instant(data.created_at), reverse=True))


def _subscription(client: Client, data: Any, customer_id: str | None = None) -> Subscription:
    currency = None
    if not values.listed(data, "transactions"):
        currency = client.currency_of(values.text(data, "merchant_account_id"))
    return recurring.subscription(data, client.account.name, customer_id=customer_id, currency=currency)


def disputes(client: Client, selection: Selection) -> Iterator[Dispute]:
    """Disputes. Braintree's order of them is not documented: all are read, and sorted."""
    account = client.account.name

    def ask(sdk: Any) -> list[Any]:
        terms = sdk_module().DisputeSearch
        since = (selection.since or FIRST_DAY) - RECEIVED_BEFORE
        criteria = [terms.received_date >= since.date()]
        if selection.customer_id is not None:
            criteria.append(terms.customer_id == checked(selection.customer_id, "customer"))
        return list(sdk.dispute.search(criteria).disputes.items)

    def newest_first() -> Iterator[Any]:
        found = client.read(ask)
        with reading_answer(account, change=False):
            yield from sorted(found, key=lambda data: values.instant(data.created_at), reverse=True)

    return _selected(client, newest_first(), lambda data: mapping.dispute(data, account), selection)


def _search(
    client: Client,
    kind: str,
    fields: str,
    selection: Selection,
    *,
    words: list[str] | None = None,
    sales: bool | None = None,
) -> Hits:
    """The search for `selection`; `words` are Braintree's for its status; sales are charges."""

    def criteria(sdk: Any) -> list[Any]:
        by = getattr(sdk, fields)
        terms = [created(by.created_at, selection.since, selection.until)]
        if words:
            terms.append(by.status.in_list(words))
        if sales is not None:
            terms.append(by.type == ("sale" if sales else "credit"))
        if sales is False:
            terms.append(by.refund == True)  # noqa: E712 - the SDK's way to write a term
        if selection.customer_id is not None:
            terms.append(paid_by(sdk, selection.customer_id))
        return terms

    if selection.customer_id is not None and "@" not in selection.customer_id:
        checked(selection.customer_id, "customer")
    return client.search(kind, criteria)


def _words(words: Mapping[str, str], status: str | None) -> list[str] | None:
    """Braintree's words for a status of billctl's: None for all, none for one that Braintree does not have.
    What has a word that billctl does not know can only be told here."""
    if status is None or status == UNKNOWN:
        return None
    return [theirs for theirs, ours in words.items() if ours == status]


def _selected(
    client: Client,
    items: Iterable[Any],
    record: Callable[[Any], R],
    selection: Selection,
    hits: Hits | None = None,
) -> Iterator[R]:
    """Records of `items` that pass `selection`, up to its limit. Raises `NoAnswer` (`list_capped`) at the end
    of all that Braintree gives where there is more."""
    wanted = selection.limit
    for data in items if wanted > 0 else ():
        with reading_answer(client.account.name, change=False):
            found = record(data)
        if not passes(found, selection):
            continue
        yield found
        wanted -= 1
        if not wanted:
            return
    if hits is not None and hits.capped and wanted > 0:
        raise NoAnswer(
            f"Braintree lists the newest {len(hits.ids)} only",
            code="list_capped",
            hint="Ask for what is older with --until.",
            account=client.account.name,
        )
