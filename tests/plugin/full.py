"""Acme as it would be if it could do all that the interface has a word for, and gateways that break that."""

# ruff: noqa: ARG002 - what breaks a promise does not look at what it was given

import base64
import time
from typing import Any, ClassVar

from billctl.errors import BillctlError, NoAnswer, OutcomeUnknown, Refused, UsageError
from billctl.frozen import replace
from billctl.gateway import Capability, Payback, RefundLine, Stamp, Termination
from billctl.models import Charge, Invoice, InvoiceStatus, Refund, Subscription
from billctl.money import Money
from tests.plugin.acme import AcmeGateway, Shop, mapping
from tests.plugin.acme import shop as acme_shop

Json = dict[str, Any]

MORE = frozenset(
    {
        Capability.REFUND_LINES,
        Capability.CANCEL_REFUND,
        Capability.REACTIVATE,
        Capability.VOID_CREDIT,
        Capability.INVOICE_PDF,
        Capability.INVOICE_LINK,
    }
)


class FullLedger(acme_shop.Ledger):
    """A charge with lines (P1005), subscriptions to end (S1002, paid with P1006) and to let go on (S1003),
    and a credit (I1002)."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        made = self.objects
        lines = {"L1": {"minor": 1000, "left": 2}, "L2": {"minor": 500, "left": 1}}
        made["P1005"] = made["P1001"] | {"id": "P1005", "minor": 2500, "refunds": [], "lines": lines}
        made["P1006"] = made["P1001"] | {"id": "P1006", "minor": 900, "refunds": []}
        made["S1002"] = made["S1001"] | {"id": "S1002", "charge": "P1006"}
        made["S1003"] = made["S1001"] | {"id": "S1003", "ends_with_period": True}
        made["I1002"] = made["I1001"] | {"id": "I1002", "credit": True}

    def _read(self, parts: list[str], filters: dict[str, str]) -> Json:
        if parts[2:] == ["pdf"]:
            return {"file": base64.b64encode(f"%PDF-1.4\n{self._known(parts[1])['id']}".encode()).decode()}
        if parts[2:] == ["link"]:
            return {"token": f"tok-{self._known(parts[1])['id']}"}
        return super()._read(parts, filters)

    def _change(self, parts: list[str], body: Json, key: str | None) -> Json:
        changes = {
            ("charges", "lines"): self._refund_lines,
            ("subscriptions", "terminate"): self._terminate,
            ("subscriptions", "reactivate"): self._reactivate,
            ("invoices", "void"): self._void_credit,
        }
        change = changes.get((parts[0], parts[2]))
        return change(self._known(parts[1]), body, key) if change else super()._change(parts, body, key)

    def _refund_lines(self, charge: Json, body: Json, key: str | None) -> Json:
        minor = 0
        for name, quantity in body["lines"].items():
            line = charge["lines"].get(name, {"left": 0})
            if not 0 < quantity <= line["left"]:
                raise acme_shop.Refusal(422, "no_units_left", f"Nothing is left of {name}.")
            line["left"] -= quantity
            minor += line["minor"] * quantity
        return self._refund(charge, body | {"minor": minor, "currency": charge["currency"]}, key)

    def _terminate(self, subscription: Json, body: Json, key: str | None) -> Json:
        self._cancel(subscription, {"at": "now"}, key)
        money = {"minor": body["minor"], "currency": subscription["currency"], "reason": None}
        refund = self._refund(self.objects[subscription["charge"]], money, key)
        return {"subscription": subscription, "refund": refund}

    def _reactivate(self, subscription: Json, _body: Json, _key: str | None) -> Json:
        if subscription["status"] == "ended" or not subscription["ends_with_period"]:
            raise acme_shop.Refusal(409, "not_ending", "Only what is set to end can go on.")
        subscription["ends_with_period"] = False
        return subscription

    def _void_credit(self, invoice: Json, _body: Json, _key: str | None) -> Json:
        if not invoice.get("credit") or invoice["status"] != "open":
            raise acme_shop.Refusal(409, "no_open_credit", "Only an open credit can be taken back.")
        invoice["status"] = "void"
        return invoice


class FullShop(Shop):
    """The server with the fuller ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = FullLedger(int(time.time()))


class Full(AcmeGateway):
    """Acme with everything."""

    capabilities: ClassVar[frozenset[Capability]] = AcmeGateway.capabilities | MORE

    def get_invoice(self, invoice_id: str) -> Invoice:
        data = self._read("invoice", invoice_id)
        return self._client.reading(lambda: self._invoice(data))

    def _invoice(self, data: Json) -> Invoice:
        invoice = mapping.invoice(data, self.account)
        return replace(invoice, status=InvoiceStatus.VOID) if data["status"] == "void" else invoice

    def price_lines(self, charge: Charge, lines: tuple[RefundLine, ...]) -> Money:
        wire = self._read("charge", charge.id)["lines"]
        minor = 0
        for line in lines:
            left = wire.get(line.id, {"left": 0})["left"]
            if not 0 < (line.quantity or left) <= left:
                raise UsageError(f"{left} units are left of line {line.id}")
            minor += wire[line.id]["minor"] * (line.quantity or left)
        return Money(minor, charge.amount.currency)

    def refund_lines(
        self, charge: Charge, lines: tuple[RefundLine, ...], amount: Money, *, stamp: Stamp
    ) -> Refund:
        wire = self._read("charge", charge.id)["lines"]
        asked = {line.id: line.quantity or wire[line.id]["left"] for line in lines}
        body = {"lines": asked, "reason": stamp.reason_code}
        made = self._client.post(f"/charges/{charge.id}/lines", body, key=stamp.key)
        return self._client.changed(lambda: mapping.refund(made, self.account))

    def price_payback(self, subscription: Subscription, payback: Payback) -> Money:
        paid = self.get_charge(self._paid(subscription)).refundable
        return paid if payback is Payback.FULL else Money(paid.minor // 3, paid.currency)

    def _paid(self, subscription: Subscription) -> str:
        wire = self._read("subscription", subscription.id)
        return str(wire["charge"])

    def terminate_subscription(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination:
        body = {"minor": self.price_payback(subscription, payback).minor}
        made = self._client.post(f"/subscriptions/{subscription.id}/terminate", body, key=stamp.key)
        return self._client.changed(
            lambda: Termination(
                subscription=mapping.subscription(made["subscription"], self.account),
                refund=mapping.refund(made["refund"], self.account),
            )
        )

    def find_termination(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination | None:
        current = self.get_subscription(subscription.id)
        refunds = self.get_charge(self._paid(subscription)).refunds
        refund = next((refund for refund in refunds if refund.operation_key == stamp.key), None)
        return Termination(subscription=current, refund=refund) if refund else None

    def reactivate_subscription(self, subscription: Subscription, *, stamp: Stamp) -> Subscription:
        made = self._client.post(f"/subscriptions/{subscription.id}/reactivate", {}, key=stamp.key)
        return self._client.changed(lambda: mapping.subscription(made, self.account))

    def find_reactivation(self, subscription: Subscription, *, stamp: Stamp) -> Subscription | None:
        current = self.get_subscription(subscription.id)
        return None if current.cancel_at_period_end else current

    def preview_void_credit(self, invoice: Invoice) -> tuple[str, ...]:
        if not self._read("invoice", invoice.id).get("credit"):
            raise Refused(f"{invoice.id} is no credit", hint="Refund the charge instead.")
        return ()

    def void_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice:
        made = self._client.post(f"/invoices/{invoice.id}/void", {}, key=stamp.key)
        return self._client.changed(lambda: self._invoice(made))

    def find_voided_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice | None:
        current = self.get_invoice(invoice.id)
        return current if current.status is InvoiceStatus.VOID else None

    def invoice_pdf(self, invoice: Invoice) -> bytes:
        answer = self._client.get(f"/invoices/{invoice.id}/pdf")
        return self._client.reading(lambda: base64.b64decode(answer["file"]))

    def invoice_link(self, invoice: Invoice) -> str:
        answer = self._client.get(f"/invoices/{invoice.id}/link")
        return self._client.reading(lambda: f"https://acme.example/{answer['token']}")


# One broken promise each


class ForgetsLines(Full):
    def find_refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
        return None


class TakesAnyLine(Full):
    def price_lines(self, charge: Charge, lines: tuple[RefundLine, ...]) -> Money:
        return Money(2000, charge.amount.currency)


class EndsToPrice(Full):
    def price_payback(self, subscription: Subscription, payback: Payback) -> Money:
        priced = super().price_payback(subscription, payback)
        if payback is Payback.PRORATE:
            self._client.post(f"/subscriptions/{subscription.id}/cancel", {"at": "now"}, key="e" * 32)
        return priced


class TellsTooMuch(Full):
    def price_payback(self, subscription: Subscription, payback: Payback) -> Money:
        priced = super().price_payback(subscription, payback)
        return Money(priced.minor + 1, priced.currency)

    def terminate_subscription(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination:
        body = {"minor": 900}
        made = self._client.post(f"/subscriptions/{subscription.id}/terminate", body, key=stamp.key)
        refund = mapping.refund(made["refund"], self.account)
        return Termination(
            subscription=mapping.subscription(made["subscription"], self.account), refund=refund
        )


class LosesRefundOfEnd(Full):
    def find_termination(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination | None:
        found = super().find_termination(subscription, payback=payback, stamp=stamp)
        return replace(found, refund=None) if found else None


class LosesReactivations(Full):
    def find_reactivation(self, subscription: Subscription, *, stamp: Stamp) -> Subscription | None:
        return None


class VoidsCreditsAgain(Full):
    def void_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice:
        try:
            return super().void_credit(invoice, stamp=stamp)
        except Refused:
            return self.get_invoice(invoice.id)


class KnowsNoCredits(Full):
    def preview_void_credit(self, invoice: Invoice) -> tuple[str, ...]:
        return ()


class LosesVoidedCredits(Full):
    def find_voided_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice | None:
        return None


class TextForPdf(Full):
    def invoice_pdf(self, invoice: Invoice) -> bytes:
        return b"<html>" + super().invoice_pdf(invoice)


class LinkInRecord(Full):
    def _invoice(self, data: Json) -> Invoice:
        invoice = super()._invoice(data)
        return replace(invoice, hosted_url=f"https://acme.example/tok-{invoice.id}")


class AnyAnswer(Full):
    """What cannot be read is called unknown, or made of nothing."""

    def invoice_pdf(self, invoice: Invoice) -> bytes:
        try:
            return super().invoice_pdf(invoice)
        except NoAnswer as error:
            raise OutcomeUnknown(error.message) from error

    def invoice_link(self, invoice: Invoice) -> str:
        try:
            return super().invoice_link(invoice)
        except BillctlError as error:
            raise OutcomeUnknown(error.message) from error
