"""What one customer did: begun with three calls at once, completed with what is missing then."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from billctl.errors import BillctlError, NotFound
from billctl.gaps import Gap, Reading, attempted
from billctl.gateway import Query
from billctl.gateways.braintree import mapping, recurring, values
from billctl.gateways.braintree.client import Client, Hits, sdk_module
from billctl.gateways.braintree.errors import reading_answer
from billctl.gateways.braintree.objects import parents_of, refunds_of, retrieve
from billctl.gateways.braintree.search import created, newest_sales, paid_by
from billctl.models import Charge, Dispute, Refund, Subscription
from billctl.parallel import Job

T = TypeVar("T")


class Begun(NamedTuple):
    """A customer as the SDK has him, the ids of his transactions, his disputes; `errors` by the part."""

    customer: Any
    transactions: Hits | None
    disputes: Sequence[Any]
    errors: Sequence[tuple[str, BillctlError]]


class History(NamedTuple):
    """Newest first. `notes`: what lies beyond the limit; `gaps`: what could not be read; `left_out`: single
    objects that could not."""

    charges: tuple[Charge, ...]
    subscriptions: tuple[Subscription, ...]
    disputes: tuple[Dispute, ...]
    notes: tuple[str, ...]
    gaps: tuple[Gap, ...]
    left_out: tuple[BillctlError, ...]


def begin(client: Client, customer_id: str, query: Query) -> Begun | None:
    """Read the customer, find his transactions and his disputes, all at once; None where there is none.

    Raises the errors of a read where the customer himself cannot be read.
    """
    nothing: Hits | None = None
    none: list[Any] = []
    finding = Job(lambda: attempted(lambda: _payments(client, customer_id, query.since), nothing))
    asking = Job(lambda: attempted(lambda: disputes_of(client, customer_id, query.limit), none))
    try:
        customer = retrieve(client, "customer", customer_id)
    except NotFound:
        return None
    (transactions, no_charges), (disputes, no_disputes) = finding.result(), asking.result()
    failed = (("charges", no_charges), ("disputes", no_disputes))
    return Begun(customer, transactions, disputes, [(part, error) for part, error in failed if error])


def _payments(client: Client, customer_id: str, since: datetime | None) -> Hits:
    def criteria(sdk: Any) -> list[Any]:
        terms = [paid_by(sdk, customer_id)]
        return [*terms, created(sdk.TransactionSearch.created_at, since, None)] if since else terms

    return client.search("transaction", criteria)


def disputes_of(client: Client, customer_id: str, limit: int) -> list[Any]:
    """Up to `limit` disputes of a customer. Read at once: see `client`."""

    def ask(sdk: Any) -> list[Any]:
        found = sdk.dispute.search([sdk_module().DisputeSearch.customer_id == customer_id])
        return list(islice(found.disputes.items, limit))

    return client.read(ask)


def complete(client: Client, begun: Begun, query: Query, named: Sequence[Any]) -> History:
    """The history of what was `begun`. `named` are transactions that were read already, of whomever."""
    customer_id = begun.customer.id
    none: list[Any] = []
    known = {data.id: data for data in named}
    transactions, more, failed = _transactions(begun, query, known)
    own = [data for data in named if mapping.owner_id(data) == customer_id]
    parents, no_parents = attempted(lambda: parents_of(client, own, transactions), none)
    shown = {data.id: data for data in [*transactions, *own, *parents]}
    read = reading(client)
    charges, no_refunds = charges_of(client, read, list(shown.values()))
    failed += [no_parents] if no_parents else []
    gaps = [*begun.errors, *(("charges", error) for error in failed), *no_refunds]
    since = query.since
    return History(
        charges=charges,
        subscriptions=_subscriptions(client, read, begun.customer, list(shown.values())),
        disputes=tuple(
            found
            for found in read.each(begun.disputes, lambda data: mapping.dispute(data, client.account.name))
            if since is None or found.created >= since
        ),
        notes=(f"{customer_id} has more transactions than the newest shown",) if more else (),
        gaps=tuple(Gap(part, customer_id, error) for part, error in gaps),
        left_out=tuple(read.left_out),
    )


def _transactions(
    begun: Begun, query: Query, known: Mapping[str, Any]
) -> tuple[list[Any], bool, list[BillctlError]]:
    hits = begun.transactions
    if hits is None:
        return [], False, []
    nothing: tuple[list[Any], bool] = ([], False)
    (found, more), error = attempted(lambda: newest_sales(hits, query.limit, known), nothing)
    return found, more, [error] if error else []


def charges_of(
    client: Client, read: Reading, transactions: Sequence[Any]
) -> tuple[tuple[Charge, ...], list[tuple[str, BillctlError]]]:
    """The sales among `transactions` with their refunds, newest first, and why refunds are missing.

    Of refunds that cannot be read, those at hand are left; a refund reads its charge again.
    """
    account = client.account.name
    sales = [data for data in transactions if values.text(data, "type") != "credit"]
    at_hand = [data for data in transactions if values.text(data, "type") == "credit"]
    none: dict[str, tuple[Refund, ...]] | None = None

    def all_refunds() -> dict[str, tuple[Refund, ...]] | None:
        with reading_answer(account, change=False):
            return refunds_of(client, sales, at_hand)

    refunds, error = attempted(all_refunds, none)
    if refunds is None:
        refunds = _known_refunds(account, at_hand)
    charges = read.each(sales, lambda data: mapping.charge(data, account, refunds=refunds.get(data.id, ())))
    return charges, [("refunds", error)] if error else []


def _known_refunds(account: str, credits_: Iterable[Any]) -> dict[str, tuple[Refund, ...]]:
    found: dict[str, tuple[Refund, ...]] = {}
    for data in credits_:
        parent = values.text(data, "refunded_transaction_id")
        if parent:
            found[parent] = (*found.get(parent, ()), mapping.refund(data, account))
    return found


def _subscriptions(
    client: Client, read: Reading, customer: Any, transactions: Sequence[Any]
) -> tuple[Subscription, ...]:
    """Those that hang on the customer's payment methods: Braintree cannot search them by customer."""
    currencies = {
        values.text(data, "merchant_account_id"): values.text(data, "currency_iso_code")
        for data in transactions
    }

    def record(data: Any) -> Subscription:
        merchant_account = values.text(data, "merchant_account_id")
        currency = currencies.get(merchant_account)
        if currency is None and not values.listed(data, "transactions"):
            currency, _ = attempted(lambda: client.currency_of(merchant_account), currency)
        return recurring.subscription(data, client.account.name, customer_id=customer.id, currency=currency)

    methods = values.listed(customer, "payment_methods")
    unique = {data.id: data for method in methods for data in values.listed(method, "subscriptions")}
    return read.each(list(unique.values()), record)


def reading(client: Client) -> Reading:
    """What turns the SDK's objects into records of the account."""
    by_id = partial(values.text, name="id")
    return Reading(partial(reading_answer, client.account.name, change=False), by_id, [])
