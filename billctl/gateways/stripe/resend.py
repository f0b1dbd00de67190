"""E-mailing an invoice or a receipt again, by the rule that really applies to that invoice.

Sources: Stripe's OpenAPI description: `POST /v1/invoices/{invoice}/send` ("manually send an invoice",
"Requests made in test-mode result in no emails being sent, despite sending an invoice.sent event") and
`receipt_email` of `POST /v1/charges/{charge}` ("If this field is updated, then a new email receipt will
be sent to the updated address"). Whether setting the same address once more sends a receipt is not
documented; the delivery's note says so. Sending a draft would finalize it, so drafts are refused.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from billctl.errors import NotFound, OutcomeUnknown, Refused
from billctl.frozen import replace
from billctl.gateway import Delivery, Message, Stamp
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.changes import stamped
from billctl.gateways.stripe.client import Client, Json, OldAnswer
from billctl.gateways.stripe.errors import reading_answer
from billctl.gateways.stripe.objects import retrieve
from billctl.models import Invoice

PAYMENT = "payments.data.payment.payment_intent"

TEST_MODE = "Stripe sends no e-mail in test mode."
SAME_ADDRESS = (
    "Stripe documents a new receipt only for a changed address: with the same one it may send none."
)


SENT_BEFORE = (
    "Another run had this sent within the last day: Stripe gave its answer again and sent nothing now. "
    "To send it once more: --again with the next number."
)


class Way(NamedTuple):
    """What a resend will do: the delivery, and the charge whose receipt it is (None: the invoice itself)."""

    delivery: Delivery
    charge_id: str | None


def way_of(client: Client, invoice: Invoice, to: str | None) -> Way:
    """Decide by the invoice as it was just read, or is read again. Raises `Refused`, with what can be done
    instead in the hint."""
    data = _just_read(client, "invoice", invoice.id)
    with reading_answer(client.account.name, change=False):
        status = data.get("status")
        if status in NEVER_SENT:
            raise _refused(f"{invoice.id} is {NEVER_SENT[status][0]}", NEVER_SENT[status][1])
        if data["collection_method"] == "send_invoice":
            return Way(_invoice_delivery(client, data, to), None)
        if status == "paid":
            return _receipt_way(client, _just_read(client, "invoice", invoice.id, PAYMENT), to)
    raise _refused(
        f"{invoice.id} is collected automatically and not paid: Stripe e-mails nothing for it by hand",
        f"Give the customer its page: {data.get('hosted_invoice_url') or 'see the dashboard'}",
    )


def _just_read(client: Client, kind: str, object_id: str, *expand: str) -> Json:
    """The object by a look a moment ago, or by a new one."""
    data = client.looks.fresh(object_id, expand)
    if data is None:
        data = retrieve(client, kind, object_id, expand)
        client.looks.keep(data, expand)
    return data


NEVER_SENT = {
    "draft": ("a draft", "Finalize it in Stripe's dashboard first; sending it would do that too."),
    "void": ("void", "Send the invoice that replaces it."),
}


def _refused(message: str, hint: str) -> Refused:
    return Refused(message, code="cannot_send", hint=hint)


def _invoice_delivery(client: Client, data: Json, to: str | None) -> Delivery:
    email = data.get("customer_email")
    if not email:
        raise _refused(
            f"{data['id']} has no e-mail address", "Give the customer one in Stripe, then try again."
        )
    if to is not None and to.casefold() != email.casefold():
        raise _refused(
            f"Stripe sends {data['id']} to {email} only",
            f"Leave --to out, or pass on its page: {data.get('hosted_invoice_url') or 'see the dashboard'}",
        )
    notes = [] if data.get("status") != "paid" else ["It is paid; the e-mail does not mention the payment."]
    return Delivery(message=Message.INVOICE, to=email, note=_note(client, notes))


def _receipt_way(client: Client, data: Json, to: str | None) -> Way:
    charge_id = _paying_charge(data)
    if charge_id is None:
        raise _refused(
            f"{data['id']} was paid without a charge at Stripe: there is no receipt",
            f"Give the customer its page: {data.get('hosted_invoice_url') or 'see the dashboard'}",
        )
    charge = _just_read(client, "charge", charge_id)
    known = charge.get("receipt_email")
    address = to or known or data.get("customer_email")
    if not address:
        raise _refused(f"no address is known for the receipt of {data['id']}", "Name one with --to.")
    notes = [SAME_ADDRESS] if known and known.casefold() == address.casefold() else []
    if charge.get("receipt_url"):
        notes.append(f"The receipt's page: {charge['receipt_url']}")
    return Way(Delivery(message=Message.RECEIPT, to=address, note=_note(client, notes)), charge_id)


def _paying_charge(data: Json) -> str | None:
    """The charge of the invoice's payment, read with its payment intent expanded."""
    for payment in (data.get("payments") or {}).get("data", ()):
        by = payment["payment"]
        intent = by.get("payment_intent")
        found = mapping.id_of(intent.get("latest_charge")) if isinstance(intent, dict) else None
        found = found or mapping.id_of(by.get("charge"))
        if found and payment.get("status", "paid") == "paid":
            return found
    return None


def _note(client: Client, notes: list[str]) -> str | None:
    return " ".join(notes if client.live else [TEST_MODE, *notes]) or None


def resend(client: Client, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
    """Send it. A receipt's charge carries the stamp; an invoice's `invoice.sent` event carries the key.

    Where another run had it sent under the key within a day, the delivery is that one's, as its note says.
    """
    way = way_of(client, invoice, to)
    if way.charge_id is None:
        path, params, kind = f"/v1/invoices/{invoice.id}/send", {}, "invoice"
    else:
        path, kind = f"/v1/charges/{way.charge_id}", "charge"
        params = {"receipt_email": way.delivery.to, "metadata": stamped(stamp)}
        client.looks.forget(way.charge_id)
    answer = client.post(path, params, key=stamp.key)
    with reading_answer(client.account.name, change=True):
        if answer["object"] != kind:
            raise ValueError(f"{kind} expected, {answer['object']} answered")
    if isinstance(answer, OldAnswer):
        return replace(way.delivery, note=" ".join(filter(None, (SENT_BEFORE, way.delivery.note))))
    return way.delivery


EVENTS_KEPT = timedelta(days=30)
"""How long Stripe gives events back (OpenAPI description, `GET /v1/events`: "going back up to 30 days")."""


def find_resend(
    client: Client, invoice: Invoice, *, to: str | None, stamp: Stamp, now: datetime
) -> Delivery | None:
    """The delivery if Stripe shows that the operation sent it.

    A receipt is proved by the stamp on its charge, which came with the same request; where another operation
    has set its own since, and for a sent invoice, by the event (`charge.updated`, `invoice.sent`) whose
    request carried the key. An operation older than the events that Stripe keeps raises `OutcomeUnknown`,
    since nothing can show it any more.
    """
    try:
        way = way_of(client, invoice, to)
    except NotFound:
        return None
    with reading_answer(client.account.name, change=False):
        if way.charge_id is None:
            sent = _event(client, "invoice.sent", invoice.id, stamp)
            found = way.delivery if sent else None
        else:
            charge = retrieve(client, "charge", way.charge_id)
            key = (charge.get("metadata") or {}).get(mapping.KEY)
            if key in {stamp.key, None}:
                return way.delivery if key else None
            sent = _event(client, "charge.updated", way.charge_id, stamp)
            found = replace(way.delivery, to=sent["receipt_email"]) if sent else None
    if found is None and now - stamp.asked > EVENTS_KEPT:
        raise OutcomeUnknown(
            f"Stripe keeps no trace of e-mails older than {EVENTS_KEPT.days} days, as that of {invoice.id}",
            code="trace_expired",
            account=client.account.name,
        )
    return found


def _event(client: Client, kind: str, object_id: str, stamp: Stamp) -> Json | None:
    """The object as the operation's request left it, by the event of `kind` that it made, if any.

    Stripe makes `charge.updated` for a change of metadata (docs.stripe.com/api/events/types)."""
    for event in client.every("/v1/events", {"type": kind}):
        about: Json = event["data"]["object"]
        if about.get("id") == object_id and (event.get("request") or {}).get("idempotency_key") == stamp.key:
            return about
    return None
