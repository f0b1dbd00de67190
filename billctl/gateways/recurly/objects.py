"""Single objects by id, and what hangs on them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from billctl.errors import NoAnswer, NotFound, Refused
from billctl.gateways.recurly import mapping, traces, values
from billctl.gateways.recurly.client import Client, Sdk
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.ids import checked
from billctl.gateways.recurly.stamps import operation_key
from billctl.gateways.recurly.standing import with_standing
from billctl.models import Charge, Customer, Refund, Subscription
from billctl.parallel import gather

Getter = Callable[[Sdk, str], Any]

GETTERS: dict[str, Getter] = {
    "customer": lambda sdk, name: sdk.get_account(name),
    "charge": lambda sdk, name: sdk.get_transaction(name),
    "refund": lambda sdk, name: sdk.get_transaction(name),
    "subscription": lambda sdk, name: sdk.get_subscription(name),
    "invoice": lambda sdk, name: sdk.get_invoice(name),
}
WORDS = {"customer": "account", "charge": "transaction", "refund": "transaction"}
"""What an answer calls its object, where that is another word than billctl's."""


def retrieve(client: Client, kind: str, object_id: str) -> Any:
    """The SDK's object `object_id` of `kind`; what was asked for, or an error.

    Raises `UsageError` for an id of another form, `NotFound`, and the errors of a read.
    """
    found = named(client, kind, checked(object_id, kind))
    if found.id != object_id:
        raise _another(client, object_id)
    return found


def named(client: Client, kind: str, name: str) -> Any:
    """The SDK's object of `kind` by one of its names at Recurly: its id, `uuid-…`, `code-…`, `number-…`.

    Raises `NotFound`, and the errors of a read; one is that the answer is no object of this kind.
    """
    try:
        found = client.read(lambda sdk: GETTERS[kind](sdk, name))
    except NotFound as error:
        message = f"Recurly has no {kind} {name}"
        raise NotFound(message, code=error.code, account=client.account.name) from error
    is_one = values.text(found, "object") == WORDS.get(kind, kind)
    if not is_one or values.text(found, "id") is None:
        raise _another(client, name)
    return found


def _another(client: Client, name: str) -> NoAnswer:
    return NoAnswer(
        f"{client.host} was asked for {name} and answered with another object",
        code="bad_answer",
        account=client.account.name,
    )


def get_charge(client: Client, charge_id: str) -> Charge:
    """One charge with all its refunds. Raises `Refused` (`is_refund`, `is_verification`) for a transaction
    that takes no money."""
    data = retrieve(client, "charge", charge_id)
    with reading_answer(client.account.name, change=False):
        if not mapping.is_charge(data):
            raise _no_charge(client, data)
        stands_on = values.needed(data.invoice, "id") if data.invoice is not None else None
    if stands_on is None:
        with reading_answer(client.account.name, change=False):
            return mapping.charge(data, client.account.name)
    invoice, credits = gather(
        [partial(retrieve, client, "invoice", stands_on), partial(traces.credit_invoices, client, stands_on)]
    )
    account = client.account.name
    with reading_answer(account, change=False):
        refunds = traces.refunds_among(credits, data, account)
        charge = mapping.charge(data, account, refunds=refunds, invoice=invoice)
        return with_standing(charge, invoice, credits)


def _no_charge(client: Client, data: Any) -> Refused:
    parent = values.text(data, "original_transaction_id")
    if mapping.is_refund(data):
        return Refused(
            f"{data.id} is {f'a refund of charge {parent}' if parent else 'a refund'}, not a charge",
            code="is_refund",
            hint=f"See `billctl recurly show --type charge {parent}`." if parent else "",
            account=client.account.name,
        )
    return Refused(
        f"{data.id} only tried a card ({values.text(data, 'type')}): no money was taken",
        code="is_verification",
        account=client.account.name,
    )


def get_refund(client: Client, refund_id: str) -> Refund:
    """One refund, with the key that its credit invoice names; by the id of a credit invoice the payment that
    was voided for it. Raises `NotFound` for what is none."""
    account = client.account.name
    try:
        data = retrieve(client, "refund", refund_id)
    except NotFound as missing:
        if voided := _voided_for(client, refund_id):
            return voided
        raise missing from None
    with reading_answer(account, change=False):
        if not mapping.is_refund(data):
            raise NotFound(f"transaction {refund_id} is no refund", code="not_a_refund", account=account)
        stands_on = mapping.invoice_id(data)
    credit = retrieve(client, "invoice", stands_on) if stands_on else None
    with reading_answer(account, change=False):
        return mapping.refund(data, account, key=operation_key(values.text(credit, "customer_notes")))


def _voided_for(client: Client, credit_id: str) -> Refund | None:
    """The payment that was voided for a credit invoice, as a refund."""
    try:
        credit = retrieve(client, "invoice", credit_id)
    except NotFound:
        return None
    return traces.voided_for(client, credit)


def get_customer(client: Client, customer_id: str) -> Customer:
    """One account at Recurly, without history."""
    data = retrieve(client, "customer", customer_id)
    with reading_answer(client.account.name, change=False):
        return mapping.customer(data, client.account.name, live=client.account.live)


def get_subscription(client: Client, subscription_id: str) -> Subscription:
    """One subscription."""
    data = retrieve(client, "subscription", subscription_id)
    with reading_answer(client.account.name, change=False):
        return mapping.subscription(data, client.account.name, now=client.now())
