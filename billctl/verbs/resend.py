"""E-mailing an invoice or its receipt again."""

from typing import ClassVar

from billctl.errors import UsageError
from billctl.frozen import frozen_value, replace
from billctl.gateway import Capability, Delivery, Gateway, Stamp
from billctl.models import Invoice
from billctl.verbs.plan import Done, Plan, Verb, need

LONGEST_ADDRESS = 254
"""Characters (RFC 5321, 4.5.3.1.3: a path of 256 octets, two of them brackets)."""


@frozen_value
class ResendInvoice(Verb):
    """E-mail an invoice or its receipt again, to `to` or (None) to whom the gateway would send it."""

    to: str | None
    name: ClassVar[str] = "resend"
    object_type: ClassVar[str] = "invoice"

    def signature(self) -> str:
        return f"resend:{self.to}" if self.to else self.name

    def params(self) -> dict[str, str]:
        return {"to": self.to} if self.to else {}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.RESEND_INVOICE, "resend an invoice")
        if self.to is not None:
            check_address(self.to)
            need(gateway, Capability.RESEND_TO, "send an invoice to another address")
        invoice = gateway.get_invoice(object_id)
        return Plan(
            verb=self.name,
            record=invoice,
            facts=(
                ("resend", f"invoice {invoice.number or invoice.id}, {invoice.total}, {invoice.status}"),
                ("undo", "no, an e-mail cannot be taken back"),
            ),
            before={"status": str(invoice.status)},
        )

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        assert isinstance(plan.record, Invoice)
        delivery = gateway.preview_resend(plan.record, to=self.to)
        sends = ("sends", f"the {delivery.message} to {delivery.to}")
        notes = (("note", delivery.note),) if delivery.note else ()
        return replace(plan, delivery=delivery, facts=(plan.facts[0], sends, *notes, *plan.facts[1:]))

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Invoice)
        return _done(plan.record, gateway.resend_invoice(plan.record, to=self.to, stamp=stamp))

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Invoice)
        delivery = gateway.find_resend(plan.record, to=self.to, stamp=stamp)
        return _done(plan.record, delivery) if delivery else None


def check_address(address: str) -> None:
    """Raise `UsageError` for what is no e-mail address by its form."""
    local, at, domain = address.rpartition("@")
    named = at and local and "." in domain and len(address) <= LONGEST_ADDRESS
    if not named or any(c.isspace() or not c.isprintable() for c in address):
        raise UsageError(f"{address[:80]!r} is not an e-mail address", code="bad_address")


def _done(invoice: Invoice, delivery: Delivery) -> Done:
    sent = {"message": str(delivery.message), "to": delivery.to}
    accepted = {"accepted_by": delivery.accepted_by} if delivery.accepted_by else {}
    return Done(
        outcome="succeeded",
        result={"type": "delivery", "invoice": invoice.ref, **sent, **accepted, "note": delivery.note},
        after=sent,
        notes=(delivery.note,) if delivery.note else (),
    )
