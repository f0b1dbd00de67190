"""E-mailing an order's details to its customer again, by the route that the store's version has.

`send_order_details` (since 9.5.0) mails the order as a bill, with a link to pay where it is unpaid. An e-mail
address is never sent along: 9.5 to 9.7 write it into the order. The answer is 200, with a note on the order,
whether a mail server took the mail or not, so nothing better than "accepted" is ever said. Facts observed on
10.0.2, and read in `OrderActionsRestController`.

What was sent is recognised by the User-Agent, which names the operation: stores up to 10.3 or so write it
into the order's note. Later ones keep it where their API does not show it (woocommerce/woocommerce pull
request 61454; in which release it came is not verified). The note is written after the mail: a store that
broke off between the two shows nothing.
"""

from datetime import timedelta
from threading import Lock

from billctl.errors import OutcomeUnknown, Refused, Unsupported
from billctl.gateway import Delivery, Message, Stamp
from billctl.gateways.woocommerce import objects, site
from billctl.gateways.woocommerce.claims import Note
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.errors import before, reading_answer
from billctl.gateways.woocommerce.ids import checked
from billctl.gateways.woocommerce.notes import read_notes
from billctl.models import Invoice, InvoiceStatus
from billctl.transport import USER_AGENT

ACCEPTED = "whether the store's mail server delivers it, WooCommerce does not know; no PDF is attached"
TOO_OLD = "this store is older than WooCommerce 9.5, which cannot be asked to e-mail an order again"
BY_HAND = "In the store's admin, a note to the customer on the order is e-mailed to him."

UNSENT = {
    InvoiceStatus.DRAFT: "is a cart that was never ordered",
    InvoiceStatus.VOID: "is cancelled",
}

SKEW = timedelta(minutes=10)
"""How far this machine's clock and the store's may differ."""


class Mails:
    """What a store e-mails again. Its index, which is large, is read once in a run; safe in many threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._can: bool | None = None

    def preview(self, invoice: Invoice, *, to: str | None) -> Delivery:
        """What would be sent, and to whom. Raises `Refused` where that is nothing or nobody, `Unsupported` at
        a store that is too old."""
        if invoice.status in UNSENT:
            raise self._refused(f"order {invoice.id} {UNSENT[invoice.status]}", "There is no bill to send.")
        if not invoice.email:
            raise self._refused(f"order {invoice.id} has no e-mail address", "Add it in the store's admin.")
        if to is not None and to.casefold() != invoice.email.casefold():
            hint = "Leave --to out: another address would be written into the order."
            raise self._refused(f"the store sends order {invoice.id} to {invoice.email} only", hint)
        if not self._has_route():
            account = self._client.account.name
            raise Unsupported(TOO_OLD, code="too_old", hint=BY_HAND, account=account)
        return _delivery(invoice)

    def resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
        """Send it, once: no key protects it. The order is read again before, as it goes to whatever address
        stands there by now. Raises `Refused` (`changed_meanwhile`) for another than was agreed to."""
        with before():
            current = objects.get_invoice(self._client, invoice.id)
            if current.email != invoice.email:
                raise self._changed(invoice, current)
            delivery = self.preview(current, to=to)
        path = f"orders/{checked(invoice.id, 'invoice')}/actions/{site.SEND_DETAILS}"
        answer = self._client.post(path, {}, user_agent=f"{USER_AGENT} {_mark(stamp)}")
        with reading_answer(self._client.account.name, change=True):
            if not isinstance(answer["message"], str):
                raise TypeError("the message is no text")
        return delivery

    def find(self, invoice: Invoice, *, stamp: Stamp) -> Delivery | None:
        """The delivery that the operation made, by the order's notes; None where nothing was mailed since.

        Raises `OutcomeUnknown` for a note of a mail that may be it: newer stores do not name who asked.
        """
        since = stamp.asked - SKEW
        notes = read_notes(self._client, checked(invoice.id, "invoice"))
        if any(_mark(stamp) in note.text for note in notes):
            return _delivery(invoice)
        new = [note for note in notes if note.created is None or note.created >= since]
        doubtful = next((note for note in new if _may_be(note, invoice)), None)
        if doubtful is not None:
            raise OutcomeUnknown(
                f"note {doubtful.id} of order {invoice.id} tells of an e-mail to {invoice.email}, and not "
                "who asked for it",
                code="no_trace",
                hint="Ask the customer, or look at the note's author in the store's admin.",
                account=self._client.account.name,
            )
        return None

    def _has_route(self) -> bool:
        with self._lock:
            if self._can is None:
                self._can = site.ACTIONS[site.SEND_DETAILS] in self._routes()
            return self._can

    def _routes(self) -> frozenset[str]:
        index = site.index(self._client)
        with reading_answer(self._client.account.name, change=False):
            return site.routes(index)

    def _changed(self, agreed: Invoice, current: Invoice) -> Refused:
        return Refused(
            f"order {current.id} goes to {current.email or 'nobody'} by now, not to {agreed.email}",
            code="changed_meanwhile",
            hint="Look at it, then decide again.",
            account=self._client.account.name,
        )

    def _refused(self, message: str, hint: str) -> Refused:
        return Refused(message, code="cannot_send", hint=hint, account=self._client.account.name)


def _may_be(note: Note, invoice: Invoice) -> bool:
    """Whether a note tells of a mail to the order's address and names nobody who asked for it: by its form
    in English, or any mention of the address in another language."""
    named = bool(invoice.email) and str(invoice.email).casefold() in note.text.casefold()
    return named and ", via " not in note.text


def _delivery(invoice: Invoice) -> Delivery:
    message = Message.RECEIPT if invoice.status is InvoiceStatus.PAID else Message.INVOICE
    return Delivery(message=message, to=str(invoice.email), note=ACCEPTED, accepted_by="the store")


def _mark(stamp: Stamp) -> str:
    return f"op={stamp.operation}"
