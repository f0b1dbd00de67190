"""Taking a credit invoice back before it is used."""

from typing import ClassVar

from billctl.errors import Refused
from billctl.frozen import frozen_value, replace
from billctl.gateway import Capability, Gateway, Stamp
from billctl.models import Invoice, InvoiceStatus
from billctl.verbs.plan import Done, Plan, Verb, need, not_as_asked


@frozen_value
class VoidCredit(Verb):
    """Take all of a credit invoice back. It moves no money: the customer's credit is gone."""

    name: ClassVar[str] = "void-credit"
    object_type: ClassVar[str] = "invoice"
    repeatable: ClassVar[bool] = False

    def signature(self) -> str:
        return self.name

    def params(self) -> dict[str, str]:
        return {}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.VOID_CREDIT, "void a credit invoice")
        invoice = gateway.get_invoice(object_id)
        return Plan(
            verb=self.name,
            record=invoice,
            facts=(
                (self.name, f"invoice {invoice.number or invoice.id}, {invoice.total}, {invoice.status}"),
                ("money", "none is moved; the customer loses the credit"),
                ("undo", "no"),
            ),
            before=_state(invoice),
        )

    def holds(self, plan: Plan, key: str) -> bool:
        del key  # what matters is whether it is void, not who voided it
        assert isinstance(plan.record, Invoice)
        return plan.record.status is InvoiceStatus.VOID

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        invoice = plan.record
        assert isinstance(invoice, Invoice)
        if invoice.status is InvoiceStatus.VOID:
            raise Refused(
                f"invoice {invoice.number or invoice.id} is void already",
                code="credit_already_voided",
                hint=f"See `billctl {gateway.account.gateway} show {invoice.id}`.",
            )
        notes = gateway.preview_void_credit(invoice)
        return replace(plan, facts=(*plan.facts, *(("note", note) for note in notes)))

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Invoice)
        return _done(gateway.void_credit(plan.record, stamp=stamp))

    def compare(self, plan: Plan, done: Done) -> None:
        if done.outcome != "succeeded":
            raise not_as_asked(plan, f"is {done.after['status']} after voiding")

    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        assert isinstance(plan.record, Invoice)
        found = gateway.find_voided_credit(plan.record, stamp=stamp)
        return _done(found) if found else None


def _state(invoice: Invoice) -> dict[str, str]:
    return {"status": str(invoice.status), "gateway_status": invoice.gateway_status}


def _done(invoice: Invoice) -> Done:
    return Done(
        outcome="succeeded" if invoice.status is InvoiceStatus.VOID else "failed",
        result=invoice.data(),
        after=_state(invoice),
    )
