"""What must be known before a refund at Recurly: whose money goes back, and whether any does. Reads only."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from billctl.errors import Refused, UsageError
from billctl.gateways.recurly import mapping, traces
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.objects import retrieve
from billctl.gateways.recurly.refunding import METHOD, invoice_of
from billctl.gateways.recurly.values import listed, money, needed, text
from billctl.models import COUNTED_REFUNDS, Charge, given_back
from billctl.money import Money
from billctl.parallel import gather

TAKEN = frozenset({"purchase", "capture"})
"""Types of transactions that take money."""


def preview(client: Client, charge: Charge, amount: Money) -> tuple[str, ...]:
    """What to know before a refund.

    Raises `Refused` where it is not certain whose money goes back, or that any does; `UsageError` for more
    than the invoice has left.
    """
    invoice_id = invoice_of(charge)
    read = [
        partial(retrieve, client, "invoice", invoice_id),
        partial(traces.credit_invoices, client, invoice_id),
    ]
    invoice, credits = gather(read)
    account = client.account.name
    with reading_answer(account, change=False):
        number = needed(invoice, "number")
        _refuse_state(invoice, number)
        _refuse_open_credit(credits, number, account)
        paid = _payments_left(invoice, credits, account)
        if charge.id not in {needed(payment, "id") for payment in paid}:
            return ()  # nothing of it is left: the verb or Recurly says so
        _refuse_payments(paid, number)
        _refuse_more(invoice, amount, number)
        return _sentences(invoice, number)


def _refuse_state(invoice: Any, number: str) -> None:
    kind, state = needed(invoice, "type"), needed(invoice, "state")
    if kind != "charge":
        raise Refused(
            f"invoice {number} is a {kind} invoice: a refund with a method needs a charge invoice",
            code="not_a_charge_invoice",
            hint="Refund it in Recurly's app.",
        )
    if state == "processing":
        raise Refused(
            f"invoice {number} is still processing: its payment has not arrived",
            code="invoice_processing",
            hint="A bank payment takes some days; refund it once the invoice is paid.",
        )


def _refuse_open_credit(credits: Iterable[Any], number: str, account: str) -> None:
    """A refund after a declined one would give the value twice: as money and as the credit left behind."""
    for credit in credits:
        tried = [mapping.refund(found, account) for found in traces.refund_transactions(credit)]
        lost = tried and traces.best(tried).status not in COUNTED_REFUNDS
        if lost and needed(credit, "state") == "open":
            raise Refused(
                f"a refund of invoice {number} was declined, and its credit invoice "
                f"{needed(credit, 'number')} stands open: with another refund the customer would have both",
                code="open_credit",
                hint=f"Take the credit back first: `billctl recurly void-credit {needed(credit, 'id')}`.",
            )


def _payments_left(invoice: Any, credits: list[Any], account: str) -> list[Any]:
    """The payments of an invoice of which there is something left to give back."""
    return [found for found in payments(invoice) if left_of(found, credits, account)]


def payments(invoice: Any) -> list[Any]:
    """The transactions that took money for an invoice, as the SDK's objects."""
    return [
        found
        for found in listed(invoice, "transactions")
        if text(found, "type") in TAKEN and text(found, "status") == "success"
    ]


def left_of(payment: Any, credits: Iterable[Any], account: str) -> Money:
    """What of a payment was not given back, by the credit invoices of its invoice."""
    amount = money(payment.amount, payment.currency)
    return amount - given_back(traces.refunds_among(credits, payment, account), amount.currency)


def _refuse_payments(paid: list[Any], number: str) -> None:
    if len(paid) > 1:
        ids = ", ".join(needed(payment, "id") for payment in paid)
        raise Refused(
            f"invoice {number} was paid by several payments ({ids}): Recurly chooses which of them gives a "
            "refund back",
            code="several_payments",
            hint="Refund it in Recurly's app, where the payment can be chosen.",
        )
    if text(paid[0], "collection_method") == "manual":
        raise Refused(
            f"the payment of invoice {number} was recorded by hand: Recurly gives no money of it back",
            code="manual_payment",
            hint="Pay it back the way it came, and record that in Recurly's app as an external refund.",
        )


def _refuse_more(invoice: Any, amount: Money, number: str) -> None:
    left = money(invoice.refundable_amount, invoice.currency)
    if amount > left:
        raise UsageError(
            f"{amount} is more than the {left} still refundable of invoice {number}",
            code="amount_too_large",
            hint=f"Ask for {left} or less.",
        )


def _sentences(invoice: Any, number: str) -> tuple[str, ...]:
    back = f"It goes back to what was paid with (refund method {METHOD}), as a credit invoice of {number}."
    note = "That credit invoice carries a reference that the customer may see; the reason stays here."
    credit = "The part of it that was paid with account credit is not touched."
    return (back, *((credit,) if listed(invoice, "credit_payments") else ()), note)
