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

from collections.abc import Mapping
from typing import Any

from billctl.errors import BillctlError, OutcomeUnknown, Refused
from billctl.gateway import Stamp
from billctl.gateways.recurly import traces
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.objects import retrieve
from billctl.gateways.recurly.stamps import stamped
from billctl.gateways.recurly.values import needed, text, to_wire
from billctl.models import Charge, Refund, RefundStatus
from billctl.money import Money

METHOD = "all_transaction"
NO_MONEY_BACK = "No money was given back."
UNSETTLED = "cannot_refund_unsettled_transactions"
"""Recurly's code (OpenAPI `ErrorCodeEnum`) for a part of a payment that is not settled: only all of it can be
voided (recurly.com, "Void vs. refund")."""


def keyed(stamp: Stamp) -> dict[str, str]:
    """The headers of a change: its idempotency key."""
    return {"Idempotency-Key": stamp.key}


def refund(client: Client, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
    """Refund exactly `amount` of the charge's invoice to what it was paid with."""
    return send(client, charge, {"type": "amount", "amount": to_wire(amount)}, stamp=stamp)


def send(client: Client, charge: Charge, what: Mapping[str, Any], *, stamp: Stamp) -> Refund:
    """Refund `what` (an amount or lines, in Recurly's words), once.

    Raises `Refused` for a declined one, unless the charge shows it from before; `OutcomeUnknown` where it
    became credit on the account, and where a refusal could not be looked into.
    """
    invoice_id = invoice_of(charge)
    body = {**what, "refund_method": METHOD, "credit_customer_notes": stamped(stamp.key)}
    try:
        credit = client.change(lambda sdk: sdk.refund_invoice(invoice_id, body, headers=keyed(stamp)))
    except Refused as refusal:
        credit = _despite(client, invoice_id, stamp, refusal)
    made = told(client, credit, charge.id, change=True)
    old = made.id in {known.id for known in charge.refunds}  # the first answer under the key, as it was then
    if made.status is RefundStatus.FAILED and not old:
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
        if needed(credit, "state") == traces.VOIDED:
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
        f"`billctl recurly void-credit {credit_id} --reason …`.",
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
    a declined one's. Raises the refusal where there is none; a void one is of an earlier try."""
    try:
        credit = traces.stamped_credit(client, invoice_id, stamp.key)
        void = credit is not None and text(credit, "state") == traces.VOIDED
    except BillctlError as error:
        raise OutcomeUnknown(
            f"Recurly refused: {refusal.message}; whether a credit invoice was made could not be read: "
            f"{error.message}",
            code=refusal.code,
            account=client.account.name,
        ) from error
    if credit is not None and not void:
        return credit
    if refusal.code == UNSETTLED:
        refusal.hint = "Refund all of it now, which Recurly does as a void; or a part once it is settled."
    raise refusal


def _declined(client: Client, credit: Any, charge: Charge) -> Refused:
    account = client.account.name
    transaction = traces.refund_transactions(credit, charge.id)[0]
    why = (text(transaction, "status_message") or text(transaction, "gateway_message") or "").rstrip(".")
    number, credit_id = needed(credit, "number"), needed(credit, "id")
    standing = text(credit, "state") == traces.OPEN
    error = Refused(
        f"the refund of {charge.id} was declined{f': {why}' if why else ''}"
        + (f"; credit invoice {number} of {traces.worth(credit)} stands on the account" if standing else ""),
        code=text(transaction, "status_code") or "refund_declined",
        hint="The customer's next invoice would use that credit up. To take it back: "
        f"`billctl recurly void-credit {credit_id} --reason …`."
        if standing
        else "",
        account=account,
    )
    error.sent = NO_MONEY_BACK
    return error
