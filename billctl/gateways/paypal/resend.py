"""E-mailing an invoice again. PayPal has one way for one that was sent and is not paid: a reminder.

Rules of the invoicing v2 description: sending an invoice that was sent has no effect; `remind` is for what
is still to be paid, and PayPal allows two reminders a day (developer.paypal.com/api/invoicing/v2,
invoices.remind; 422 `CANNOT_REMIND_INVOICE`). A paid invoice has no e-mail of its own any more, only its
page. No other address can be named: `additional_recipients` takes those that stand on the invoice already.
Sending a draft for the first time is no resend, and is left to PayPal's pages.
"""

from billctl.errors import OutcomeUnknown, Refused
from billctl.gateway import Delivery, Message
from billctl.gateways.paypal import bills, objects
from billctl.gateways.paypal.changes import empty
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.ids import checked
from billctl.models import Invoice

REMINDED = frozenset({"SENT", "UNPAID", "PARTIALLY_PAID"})
NOTE = "PayPal sends a reminder of its own wording, at most two a day for one invoice."

NOT_SENT = "Send it for the first time on PayPal's own pages."
REPLACED = "Send the invoice that replaces it."
NEVER = {
    "DRAFT": ("a draft", NOT_SENT),
    "SCHEDULED": ("to be sent on its date", NOT_SENT),
    "CANCELLED": ("canceled", REPLACED),
    "PAYMENT_PENDING": ("being paid", ""),
    "PAID": ("paid", ""),
    "MARKED_AS_PAID": ("marked as paid", ""),
    "REFUNDED": ("refunded", ""),
    "PARTIALLY_REFUNDED": ("paid, and refunded in part", ""),
    "MARKED_AS_REFUNDED": ("marked as refunded", ""),
}
"""Status → what to call it, and what can be done; "" : the customer's page is all there is."""


def preview(client: Client, invoice: Invoice, *, to: str | None) -> Delivery:
    """Read the invoice again and decide. Raises `Refused`, with what can be done instead in the hint."""
    data = objects.retrieve(client, "invoice", checked(invoice.id, "invoice"))
    with reading_answer(client.account.name, change=False):
        status = str(data.get("status"))
        page = _page(data)
        if status not in REMINDED:
            what, instead = NEVER.get(status, (f"{status.lower()} at PayPal", ""))
            raise _refused(client, f"{invoice.id} is {what}: PayPal sends no reminder of it", instead or page)
        email, _ = bills.recipient(data)
        if email is None:
            raise _refused(client, f"{invoice.id} has no e-mail address", page)
        if to is not None and to.casefold() != email.casefold():
            raise _refused(client, f"PayPal sends {invoice.id} to {email} only", f"Leave --to out. {page}")
        return Delivery(message=Message.REMINDER, to=email, note=NOTE)


def _page(data: Json) -> str:
    url = (data["detail"].get("metadata") or {}).get("recipient_view_url")
    return f"Give the customer its page: {url}" if url else "See PayPal's own pages."


def _refused(client: Client, message: str, hint: str) -> Refused:
    return Refused(message, code="cannot_send", hint=hint, account=client.account.name)


def resend(client: Client, invoice: Invoice, *, to: str | None) -> Delivery:
    """Send the reminder, once: no key protects it."""
    delivery = preview(client, invoice, to=to)
    path = f"{objects.PATHS['invoice']}/{invoice.id}/remind"
    empty(client, client.change(path, {"send_to_recipient": True}))
    return delivery


def untraced(client: Client, invoice: Invoice) -> OutcomeUnknown:
    """Why nothing at PayPal shows that a reminder was sent: whether one moves an invoice's `last_sent_time`
    is not documented."""
    return OutcomeUnknown(
        f"PayPal keeps no trace of a reminder of {invoice.id}",
        code="no_trace",
        hint="Ask the customer, or look at the invoice's history on PayPal's own pages.",
        account=client.account.name,
    )
