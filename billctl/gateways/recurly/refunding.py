"""Refunds at Recurly: of an amount or of lines, always to what was paid with, and recognised by their note.

Recurly refunds invoices. How the value goes back is the request's `refund_method`; billctl sends
`all_transaction` ("refunds the entire amount back to transactions", OpenAPI `InvoiceRefund`), as every other
one may leave it at Recurly as credit on the account. It and the note need Recurly's Credit Invoices feature,
which sites have that were made after 8 May 2018 (docs.recurly.com, "Credit Invoices Feature"); others refuse.

A refund that the processor declines leaves an open credit invoice behind, which the customer's next invoice
uses up (support.recurly.com, "What happens when a refund is declined?"). Whether the request is answered with
that credit invoice or with an error is not verified: both are looked into.

The key goes along as `Idempotency-Key`: Recurly's Ruby library sends one with every change, and its comments
say that such a request repeated is answered with the prior response. For how long is not published, nor what
another body under a used key is answered with; so whoever sends again looks for the note first.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from billctl.errors import BillctlError, OutcomeUnknown, Refused, UsageError
from billctl.gateway import Stamp
from billctl.gateways.recurly import mapping, traces
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.objects import retrieve
from billctl.gateways.recurly.stamps import stamped
from billctl.gateways.recurly.values import listed, money, needed, text, to_wire
from billctl.models import COUNTED_REFUNDS, Charge, Refund, RefundStatus, given_back
from billctl.money import Money
from billctl.parallel import gather

METHOD = "all_transaction"
TAKEN = frozenset({"purchase", "capture"})
"""Types of transactions that take money."""
NO_MONEY_BACK = "No money was given back."


def keyed(stamp: Stamp) -> dict[str, str]:
    """The headers of a change: its idempotency key."""
    return {"Idempotency-Key": stamp.key}


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


def refund(client: Client, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
    """Refund exactly `amount` of the charge's invoice to what it was paid with."""
    return send(client, charge, {"type": "amount", "amount": to_wire(amount)}, stamp=stamp)


def send(client: Client, charge: Charge, what: Mapping[str, Any], *, stamp: Stamp) -> Refund:
    """Refund `what` (an amount or lines, in Recurly's words), once.

    Raises `Refused` for a declined one; `OutcomeUnknown` where it became credit on the account, and where a
    refusal could not be looked into.
    """
    invoice_id = invoice_of(charge)
    body = {**what, "refund_method": METHOD, "credit_customer_notes": stamped(stamp.key)}
    try:
        credit = client.change(lambda sdk: sdk.refund_invoice(invoice_id, body, headers=keyed(stamp)))
    except Refused as refusal:
        credit = _despite(client, invoice_id, stamp, refusal)
    made = told(client, credit, charge.id, change=True)
    if made.status is RefundStatus.FAILED:
        with reading_answer(client.account.name, change=True):
            raise _declined(client, credit, charge)
    return made


def find(client: Client, charge: Charge, *, stamp: Stamp) -> Refund | None:
    """The refund whose credit invoice carries the key in its note.

    Raises `OutcomeUnknown` where that credit invoice gave no money back and was not voided.
    """
    credit = traces.stamped_credit(client, invoice_of(charge), stamp.key)
    return told(client, credit, charge.id, change=False) if credit is not None else None


def told(client: Client, credit: Any, payment_id: str, *, change: bool) -> Refund:
    """What a credit invoice says that was given back of a payment.

    Raises `OutcomeUnknown` (`credited_instead`) where that is credit on the account and no money.
    """
    account = client.account.name
    with reading_answer(account, change=change):
        if refunds := traces.refunds_on(credit, payment_id, account):
            return traces.best(refunds)
        if needed(credit, "state") == "voided":
            return traces.taken_back(credit, payment_id, account)
    payment = _read(client, payment_id, change=change)
    with reading_answer(account, change=change):
        if traces.is_voided_by(payment, credit):
            return traces.voiding(credit, payment, account)
        raise credited_instead(credit, account)


def credited_instead(credit: Any, account: str) -> OutcomeUnknown:
    """The error that says that a credit invoice gave no money back."""
    number, credit_id = needed(credit, "number"), needed(credit, "id")
    return OutcomeUnknown(
        f"Recurly made credit invoice {number} of {traces.worth(credit)} and gave no money of this payment "
        "back: it stands as credit on the account, or other payments gave it",
        code="credited_instead",
        hint=f"Look at {credit_id}; credit that is not used can be taken back: "
        f"`billctl recurly void-credit {credit_id}`.",
        account=account,
    )


def invoice_of(charge: Charge) -> str:
    """The id of the invoice that a charge pays. Raises `Refused` for one that pays none."""
    if charge.invoice_id:
        return charge.invoice_id
    raise Refused(
        f"charge {charge.id} pays no invoice, and Recurly refunds invoices only",
        code="no_invoice",
        hint="Refund it in the payment gateway that took it.",
    )


def _read(client: Client, payment_id: str, *, change: bool) -> Any:
    """The payment's transaction; what fails after a change was sent leaves it unknown."""
    if not change:
        return retrieve(client, "charge", payment_id)
    try:
        return retrieve(client, "charge", payment_id)
    except BillctlError as error:
        raise OutcomeUnknown(
            f"Recurly made the credit invoice, and how it was paid out could not be read: {error.message}",
            code=error.code,
            account=client.account.name,
        ) from error


def _despite(client: Client, invoice_id: str, stamp: Stamp, refusal: Refused) -> Any:
    """The credit invoice that there is although the refund was refused: the same operation's from before, or
    a declined one's. Raises the refusal where there is none."""
    try:
        credit = traces.stamped_credit(client, invoice_id, stamp.key)
    except BillctlError as error:
        raise OutcomeUnknown(
            f"Recurly refused: {refusal.message}; whether a credit invoice was made could not be read: "
            f"{error.message}",
            code=refusal.code,
            account=client.account.name,
        ) from error
    if credit is None:
        raise refusal
    return credit


def _declined(client: Client, credit: Any, charge: Charge) -> Refused:
    account = client.account.name
    transaction = traces.refund_transactions(credit, charge.id)[0]
    why = text(transaction, "status_message") or text(transaction, "gateway_message")
    number, credit_id = needed(credit, "number"), needed(credit, "id")
    standing = text(credit, "state") == "open"
    error = Refused(
        f"the refund of {charge.id} was declined{f': {why}' if why else ''}"
        + (f"; credit invoice {number} of {traces.worth(credit)} stands on the account" if standing else ""),
        code=text(transaction, "status_code") or "refund_declined",
        hint="The customer's next invoice would use that credit up. To take it back: "
        f"`billctl recurly void-credit {credit_id}`."
        if standing
        else "",
        account=account,
    )
    error.sent = NO_MONEY_BACK
    return error


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
    paid = [
        found
        for found in listed(invoice, "transactions")
        if text(found, "type") in TAKEN and text(found, "status") == "success"
    ]
    return [found for found in paid if _left(found, credits, account)]


def _left(payment: Any, credits: list[Any], account: str) -> Money:
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
