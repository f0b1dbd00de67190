"""Single objects by id, and what hangs on them."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from billctl.errors import NoAnswer, NotFound, Refused
from billctl.gateways.braintree import mapping, recurring, values
from billctl.gateways.braintree.client import Client
from billctl.gateways.braintree.errors import reading_answer
from billctl.gateways.braintree.ids import checked
from billctl.gateways.braintree.recurring import BilledSubscription
from billctl.models import Charge, Customer, Dispute, Refund
from billctl.parallel import gather

FINDERS = {
    "customer": "customer",
    "charge": "transaction",
    "refund": "transaction",
    "subscription": "subscription",
    "dispute": "dispute",
    "payment method": "payment_method",
}
"""The SDK's gateway for each kind of object."""


def retrieve(client: Client, kind: str, object_id: str) -> Any:
    """The SDK's object `object_id` of `kind`; what was asked for, or an error.

    Raises `UsageError` for an id of another form, `NotFound`, and the errors of a read.
    """
    checked(object_id, kind)
    try:
        found = client.find(lambda sdk: getattr(sdk, FINDERS[kind]).find(object_id))
    except NotFound as error:
        message = f"Braintree has no {kind} {object_id}"
        raise NotFound(message, code=error.code, account=client.account.name) from error
    named = getattr(found, "token" if kind == "payment method" else "id", None)
    if named != object_id:
        raise NoAnswer(
            f"{client.host} was asked for {object_id} and answered with another object",
            code="bad_answer",
            account=client.account.name,
        )
    return found


def refunds_of(
    client: Client, sales: Iterable[Any], known: Sequence[Any] = ()
) -> dict[str, tuple[Refund, ...]]:
    """All refunds of `sales`, by the sale's id, newest first. Those among `known` are not asked for again."""
    account = client.account.name
    at_hand = {credit.id: credit for credit in known if mapping.is_refund(credit)}
    wanted = {sale.id: [str(found) for found in values.listed(sale, "refund_ids")] for sale in sales}
    missing = [found for ids in wanted.values() for found in ids if found not in at_hand]
    read = gather([partial(retrieve, client, "refund", found) for found in missing])
    at_hand |= dict(zip(missing, read, strict=True))
    return {
        sale: tuple(
            sorted(
                (mapping.refund(at_hand[found], account) for found in ids),
                key=lambda refund: refund.created,
                reverse=True,
            )
        )
        for sale, ids in wanted.items()
    }


def parents_of(client: Client, transactions: Sequence[Any], known: Sequence[Any] = ()) -> list[Any]:
    """The charges that the refunds among `transactions` give back, so far as they are neither there nor
    `known`."""
    there = {data.id for data in (*transactions, *known)}
    named = (values.text(data, "refunded_transaction_id") for data in transactions)
    missing = [parent for parent in dict.fromkeys(named) if parent and parent not in there]
    return gather([partial(retrieve, client, "charge", parent) for parent in missing])


def get_charge(client: Client, charge_id: str) -> Charge:
    """One sale with all its refunds. Raises `Refused` (`is_refund`) for a transaction that gives money."""
    data = retrieve(client, "charge", charge_id)
    with reading_answer(client.account.name, change=False):
        if not mapping.is_sale(data):
            raise _no_charge(client, data)
        return mapping.charge(data, client.account.name, refunds=refunds_of(client, [data])[data.id])


def _no_charge(client: Client, data: Any) -> Refused:
    parent = values.text(data, "refunded_transaction_id")
    return Refused(
        f"{data.id} is {f'a refund of charge {parent}' if parent else 'a credit'}, not a charge",
        code="is_refund",
        hint=f"See `billctl braintree show --type charge {parent}`." if parent else "",
        account=client.account.name,
    )


def get_refund(client: Client, refund_id: str) -> Refund:
    """One refund. Raises `NotFound` for a transaction that is none."""
    data = retrieve(client, "refund", refund_id)
    with reading_answer(client.account.name, change=False):
        if not mapping.is_refund(data):
            raise NotFound(
                f"transaction {refund_id} is no refund", code="not_a_refund", account=client.account.name
            )
        return mapping.refund(data, client.account.name)


def get_customer(client: Client, customer_id: str) -> Customer:
    """One customer without history."""
    data = retrieve(client, "customer", customer_id)
    with reading_answer(client.account.name, change=False):
        return mapping.customer(data, client.account.name, live=client.account.live)


def get_subscription(client: Client, subscription_id: str) -> BilledSubscription:
    """One subscription. Where no transaction of it tells, its currency and its owner are asked for."""
    data = retrieve(client, "subscription", subscription_id)
    with reading_answer(client.account.name, change=False):
        if values.listed(data, "transactions"):
            return recurring.subscription(data, client.account.name)
        return recurring.subscription(
            data,
            client.account.name,
            customer_id=owner_of(client, data),
            currency=client.currency_of(values.text(data, "merchant_account_id")),
        )


def owner_of(client: Client, data: Any) -> str | None:
    """Whose a subscription is: of its newest transaction that tells, else of the payment method it charges;
    None where that is gone."""
    for transaction in values.listed(data, "transactions"):
        if owner := mapping.owner_id(transaction):
            return owner
    try:
        method = retrieve(client, "payment method", values.needed(data, "payment_method_token"))
    except NotFound:
        return None
    return values.text(method, "customer_id")


def get_dispute(client: Client, dispute_id: str) -> Dispute:
    """One dispute."""
    data = retrieve(client, "dispute", dispute_id)
    with reading_answer(client.account.name, change=False):
        return mapping.dispute(data, client.account.name)
