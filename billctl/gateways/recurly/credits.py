"""Taking a credit invoice back at Recurly, and how that is recognised.

"Invoice must be a credit invoice and cannot be closed, processing, or already voided" (OpenAPI
`void_invoice`). What becomes of a credit that is used in part is not verified: Recurly decides.
"""

from typing import Any

from billctl.errors import NotFound, OutcomeUnknown, Refused
from billctl.gateway import Stamp
from billctl.gateways.recurly import mapping
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.ids import checked
from billctl.gateways.recurly.objects import retrieve
from billctl.gateways.recurly.refunding import keyed
from billctl.gateways.recurly.traces import CREDIT, OPEN, VOIDED, worth
from billctl.gateways.recurly.values import money, needed
from billctl.models import Invoice
from billctl.money import Money

WHY_NOT = {
    "closed": "it is used up or paid out",
    "processing": "a payment of it is under way",
    VOIDED: "it is void already",
}


def preview(client: Client, invoice: Invoice) -> tuple[str, ...]:
    """What to know before. Raises `Refused` for what is no credit invoice, or is not open any more."""
    current = retrieve(client, "invoice", invoice.id)
    with reading_answer(client.account.name, change=False):
        _refuse(current)
        return _sentences(current)


def void(client: Client, invoice: Invoice, *, stamp: Stamp) -> Invoice:
    """Take a credit invoice back. Raises `OutcomeUnknown` where Recurly answers that it is not void."""
    invoice_id = checked(invoice.id, "invoice")
    made = client.change(lambda sdk: sdk.void_invoice(invoice_id, headers=keyed(stamp)))
    account = client.account.name
    with reading_answer(account, change=True):
        voided = mapping.invoice(made, account)
        if voided.id != invoice_id:
            raise ValueError(f"it is of {voided.id}, not of {invoice_id}")
    if voided.gateway_status != VOIDED:
        raise OutcomeUnknown(
            f"Recurly says that {voided.id} is {voided.gateway_status} after voiding",
            code="state_mismatch",
            account=account,
        )
    return voided


def find(client: Client, invoice: Invoice) -> Invoice | None:
    """The credit invoice if it is void, by whomever: nothing at Recurly tells who."""
    try:
        current = retrieve(client, "invoice", invoice.id)
    except NotFound:
        return None
    account = client.account.name
    with reading_answer(account, change=False):
        return mapping.invoice(current, account) if needed(current, "state") == VOIDED else None


def _refuse(invoice: Any) -> None:
    number, state = needed(invoice, "number"), needed(invoice, "state")
    if needed(invoice, "type") != CREDIT:
        raise Refused(
            f"invoice {number} is no credit invoice: only those can be taken back",
            code="not_a_credit_invoice",
            hint="To give back what was paid for it: `billctl recurly refund` of its payment.",
        )
    if state != OPEN:
        raise Refused(
            f"credit invoice {number} is {state}: {WHY_NOT.get(state, 'it is not open')}",
            code="credit_not_open",
        )


def _sentences(invoice: Any) -> tuple[str, ...]:
    left = money(abs(invoice.balance), invoice.currency)
    taken = f"The customer loses {left} of credit; money that was paid out stays paid out."
    if left == worth(invoice):
        return (taken,)
    used = Money(worth(invoice).minor - left.minor, left.currency)
    return (taken, f"{used} of it is used already; what Recurly does then is not known.")
