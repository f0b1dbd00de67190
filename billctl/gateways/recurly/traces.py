"""Which refunds a payment has at Recurly, and which credit invoice an operation made. Reads only.

A refund is made on an invoice and becomes a credit invoice, which carries the refund transactions: so the
refunds of a payment are found on the credit invoices that are related to its invoice. Where Recurly voided an
unsettled payment instead of refunding it, the payment's transaction names the credit invoice that voided it
(`voided_by_invoice`), and that credit invoice carries no refund transaction; this reading of the field's name
is not verified, nor how soon a credit invoice is listed after it was made.
"""

from collections.abc import Iterable
from typing import Any

from billctl.gateways.recurly import mapping
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.ids import checked
from billctl.gateways.recurly.stamps import operation_key
from billctl.gateways.recurly.values import instant, listed, money, needed, text
from billctl.models import COUNTED_REFUNDS, Refund, RefundStatus
from billctl.money import Money

CREDIT = "credit"
VOIDED = "voided"
OPEN = "open"


def credit_invoices(client: Client, invoice_id: str) -> list[Any]:
    """The credit invoices that give back of an invoice, as the SDK's objects. Raises the errors of a read."""
    checked(invoice_id, "invoice")
    related = list(client.every(lambda sdk: sdk.list_related_invoices(invoice_id)))
    with reading_answer(client.account.name, change=False):
        return [found for found in related if needed(found, "type") == CREDIT]


def stamped_credit(client: Client, invoice_id: str, key: str) -> Any | None:
    """The credit invoice of an invoice that carries an operation's key; None where there is none.

    The note came with the refund itself, so none without it can be the operation's. A refund that was
    declined may have been tried again under its key: of several the newest of those that gave something back,
    else the newest. In which order Recurly lists them is not said.
    """
    own = [
        credit
        for credit in credit_invoices(client, invoice_id)
        if operation_key(text(credit, "customer_notes")) == key
    ]
    account = client.account.name
    with reading_answer(account, change=False):
        return max(own, key=lambda one: (not is_in_vain(one, account), instant(one.created_at)), default=None)


def is_in_vain(credit: Any, account: str) -> bool:
    """Whether a credit invoice gave no money back and will not: its refund was declined, or it was voided."""
    tried = [mapping.refund(found, account) for found in refund_transactions(credit)]
    if not tried:
        return needed(credit, "state") == VOIDED
    return best(tried).status not in COUNTED_REFUNDS


def refund_transactions(credit: Any, payment_id: str | None = None) -> list[Any]:
    """The refund transactions on a credit invoice; of one payment where one is named."""
    refunds = (found for found in listed(credit, "transactions") if text(found, "type") == "refund")
    return [found for found in refunds if payment_id in {None, text(found, "original_transaction_id")}]


def refunds_on(credit: Any, payment_id: str, account: str) -> list[Refund]:
    """The refunds of a payment that stand on a credit invoice, with the key of its note."""
    key = operation_key(text(credit, "customer_notes"))
    return [mapping.refund(found, account, key=key) for found in refund_transactions(credit, payment_id)]


def refunds_of(client: Client, payment: Any) -> tuple[Refund, ...]:
    """All refunds of a payment (the SDK's transaction), newest first. Raises the errors of a read."""
    account = client.account.name
    credits = credit_invoices(client, needed(payment.invoice, "id"))
    with reading_answer(account, change=False):
        return refunds_among(credits, payment, account)


def refunds_among(credits: Iterable[Any], payment: Any, account: str) -> tuple[Refund, ...]:
    """The refunds of a payment on these credit invoices of its invoice, newest first."""
    found = []
    for credit in credits:
        refunds = refunds_on(credit, needed(payment, "id"), account)
        found += refunds or ([voiding(credit, payment, account)] if is_voided_by(payment, credit) else [])
    return tuple(sorted(found, key=lambda refund: refund.created, reverse=True))


def is_voided_by(payment: Any, credit: Any) -> bool:
    """Whether a payment was voided in the name of this credit invoice."""
    by = getattr(payment, "voided_by_invoice", None)
    return by is not None and text(by, "id") == needed(credit, "id")


def voiding(credit: Any, payment: Any, account: str) -> Refund:
    """A payment that was voided instead of refunded, as the refund of all of it. It has no transaction of its
    own: its id is the credit invoice's."""
    return Refund(
        account=account,
        gateway=mapping.GATEWAY,
        id=needed(credit, "id"),
        charge_id=needed(payment, "id"),
        amount=money(payment.amount, payment.currency),
        status=RefundStatus.SUCCEEDED,
        gateway_status=needed(payment, "status"),
        created=instant(credit.created_at),
        operation_key=operation_key(text(credit, "customer_notes")),
    )


def voided_for(client: Client, credit: Any) -> Refund | None:
    """The payment that was voided for a credit invoice, as a refund; it stands on a related invoice. None
    where there is none. Raises the errors of a read."""
    account, credit_id = client.account.name, checked(needed(credit, "id"), "invoice")
    with reading_answer(account, change=False):
        for invoice in client.every(lambda sdk: sdk.list_related_invoices(credit_id)):
            for payment in listed(invoice, "transactions"):
                if is_voided_by(payment, credit):
                    return voiding(credit, payment, account)
    return None


def taken_back(credit: Any, payment_id: str, account: str) -> Refund:
    """A credit invoice that gave no money back and was voided since, as a refund that was canceled."""
    return Refund(
        account=account,
        gateway=mapping.GATEWAY,
        id=needed(credit, "id"),
        charge_id=payment_id,
        amount=worth(credit),
        status=RefundStatus.CANCELED,
        gateway_status=needed(credit, "state"),
        created=instant(credit.created_at),
        operation_key=operation_key(text(credit, "customer_notes")),
    )


def worth(credit: Any) -> Money:
    """What a credit invoice is worth: its total, which is negative, without the sign (docs.recurly.com,
    "Credit Invoices Feature")."""
    return money(abs(credit.total), credit.currency)


def best(refunds: list[Refund]) -> Refund:
    """Of the refund transactions on one credit invoice the one that counts: declined ones may have been tried
    again. `refunds` is not empty."""
    return next((refund for refund in refunds if refund.status in COUNTED_REFUNDS), refunds[0])
