"""Lists across a site: narrowed by Recurly where that is exact, filtered exactly here, newest first."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from billctl.errors import UsageError
from billctl.gateway import Selection
from billctl.gateways.recurly import mapping, payments, values
from billctl.gateways.recurly.client import Client, Params
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.ids import checked
from billctl.gateways.recurly.queries import MOST, invoices_by_id, newest_first
from billctl.gateways.recurly.stamps import operation_key
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoiceStatus,
    Refund,
    Subscription,
    SubscriptionStatus,
)
from billctl.selecting import selected

R = TypeVar("R", Charge, Customer, Invoice, Refund, Subscription)

NOTES = {
    "charges": ("tries of a card ($0 or $1, voided at once) are not listed",),
    "refunds": ("a payment that Recurly voided instead of refunding it is a voided charge, not a refund",),
}
"""What lists do not show."""

SUBSCRIPTION_FILTER = {SubscriptionStatus.EXPIRED: "expired", SubscriptionStatus.INCOMPLETE: "future"}
INVOICE_FILTER = {InvoiceStatus.PAST_DUE: "past_due", InvoiceStatus.UNCOLLECTIBLE: "failed"}
"""Statuses of billctl's that are one word of Recurly's, and that Recurly filters by."""

NO_WORDS: Mapping[Any, str] = {}

NEVER_HELD = frozenset(
    {ChargeStatus.PAID, ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.REFUNDED, ChargeStatus.DISPUTED}
)
"""Statuses that no authorization has."""


def customers(client: Client, selection: Selection) -> Iterator[Customer]:
    """Accounts without history, closed ones too. They are not filtered by customer or status."""
    if selection.status is not None or selection.customer_id is not None:
        raise UsageError("a list of customers is filtered by time only", code="bad_filter")
    account, params = client.account, _params(selection)
    pages = client.site_pages(lambda sdk: sdk.list_accounts(params=params))
    return _selected(
        client, pages, lambda data: mapping.customer(data, account.name, live=account.live), selection
    )


def charges(client: Client, selection: Selection) -> Iterator[Charge]:
    """Payments with their refunds and with what their invoices have left, which are read a page at a time."""
    # An authorization is no payment to Recurly: where none can be in the list, payments are asked for.
    narrowed = {"type": "payment"} if selection.status in NEVER_HELD else {}
    pages = _pages(client, "transactions", selection, _params(selection) | narrowed)
    bills: dict[str, Any] = {}
    given: dict[str, tuple[Refund, ...]] = {}

    def with_detail() -> Iterator[list[Any]]:
        for page in pages:
            paid = [data for data in page if values.text(data, "type") in mapping.CHARGES]
            bills.update(payments.invoices_of(client, paid, {}))
            given.update(payments.refunds_of_each(client, paid, bills))
            yield paid

    return _selected(
        client,
        with_detail(),
        lambda data: payments.charge(data, client.account.name, given, bills),
        selection,
    )


def refunds(client: Client, selection: Selection) -> Iterator[Refund]:
    """Refunds with the key that their credit invoices name, which are read a page at a time."""
    pages = _pages(client, "transactions", selection, _params(selection) | {"type": mapping.REFUND})
    keys: dict[str, str | None] = {}

    def with_keys() -> Iterator[list[Any]]:
        for page in pages:
            for name, data in invoices_by_id(client, map(mapping.invoice_id, page)).items():
                keys[name] = operation_key(values.text(data, "customer_notes"))
            yield page

    def record(data: Any) -> Refund:
        return mapping.refund(data, client.account.name, key=keys.get(mapping.invoice_id(data) or ""))

    return _selected(client, with_keys(), record, selection)


def subscriptions(client: Client, selection: Selection) -> Iterator[Subscription]:
    """Subscriptions in every state."""
    account, now = client.account.name, client.now
    pages = _pages(client, "subscriptions", selection, _params(selection, SUBSCRIPTION_FILTER))
    return _selected(client, pages, lambda data: mapping.subscription(data, account, now=now()), selection)


def invoices(client: Client, selection: Selection) -> Iterator[Invoice]:
    """Invoices, credit invoices among them."""
    pages = _pages(client, "invoices", selection, _params(selection, INVOICE_FILTER))
    return _selected(client, pages, lambda data: mapping.invoice(data, client.account.name), selection)


def _pages(client: Client, what: str, selection: Selection, params: Params) -> Iterator[list[Any]]:
    """The SDK's list of `what`, of the site or of one of its accounts."""
    if selection.customer_id is None:
        return client.site_pages(lambda sdk: getattr(sdk, f"list_{what}")(params=params))
    customer = checked(selection.customer_id, "customer")
    return client.pages(lambda sdk: getattr(sdk, f"list_account_{what}")(customer, params=params))


def _params(selection: Selection, words: Mapping[Any, str] = NO_WORDS) -> dict[str, Any]:
    """Pages as large as the list, or as they can be where more is read than listed."""
    size = selection.limit if selection.status is None else MOST
    params = newest_first(size, since=selection.since, until=selection.until)
    state = words.get(selection.status)
    return params | ({"state": state} if state else {})


def _selected(
    client: Client, pages: Iterable[list[Any]], record: Callable[[Any], R], selection: Selection
) -> Iterator[R]:
    """Records of `pages`; see `selecting.selected`."""

    def read(data: Any) -> R:
        with reading_answer(client.account.name, change=False):
            return record(data)

    items = (item for page in pages for item in page)
    by_id = partial(values.text, name="id")
    return selected(items, read, selection, name=by_id, account=client.account.name)
