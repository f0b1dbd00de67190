"""Payments of the shop being built: charges with their intents, refunds, disputes."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe.cards import CARDS, facts
from billctl.sandbox.stripe.ledger import Ledger, slug_of
from billctl.sandbox.stripe.records import charge_record, dispute_record, failure, intent_record

EVIDENCE = {"uncategorized_text": "Delivered and signed for."}


class Payments(Ledger):
    """A ledger with payments."""

    def charge(
        self,
        customer: Record,
        amount: int,
        days: int,
        description: str,
        *,
        currency: str | None = None,
        capture: bool = True,
        intent: bool = True,
        decline: tuple[str, str] | None = None,
    ) -> Record:
        """A card payment `days` ago, through a payment intent unless told otherwise."""
        person, _ = self.people[customer["id"]]
        details: Record = {
            "amount": amount,
            "currency": currency or person.currency,
            "description": description,
            "receipt_email": person.email if days % 2 else None,
        }
        charge = self.taken(customer, self.ago(days), details, capture=capture, decline=decline)
        if intent:
            self.intent_of(charge)
        return charge

    def taken(
        self,
        customer: Record,
        when: int,
        details: Record,
        *,
        capture: bool = True,
        decline: tuple[str, str] | None = None,
    ) -> Record:
        """A charge of the customer's card, without an intent."""
        person, method = self.people[customer["id"]]
        details |= {
            "customer": customer["id"],
            "payment_method": method["id"],
            "_billing": method["_billing"],
        }
        charge = charge_record(
            self.new_id("ch", person.slug), when, details, method["_card"], capture=capture
        )
        if decline:
            charge |= failure(decline)
        self.happened(when, "charge.failed" if decline else "charge.succeeded", charge)
        return self.add(charge)

    def intent_of(self, charge: Record) -> Record:
        """The payment intent behind a charge."""
        failed = charge["status"] == "failed"
        held = 0 if charge["captured"] or failed else charge["amount"]
        shared = {name: charge.get(name) for name in ("amount", "currency", "customer", "description")}
        intent = intent_record(
            self.new_id("pi", slug_of(charge["id"])),
            charge["created"],
            **shared,
            amount_capturable=held,
            amount_received=charge["amount_captured"],
            capture_method="manual" if held else "automatic_async",
            latest_charge=charge["id"],
            payment_method=None if failed else charge["payment_method"],
        )
        if not failed:
            intent["status"] = "requires_capture" if held else "succeeded"
        charge["payment_intent"] = intent["id"]
        return self.add(intent)

    def guest(self, email: str, amount: int, days: int) -> Record:
        """A payment by somebody who left no account."""
        details: Record = {
            "amount": amount,
            "currency": "usd",
            "description": "Guest checkout",
            "receipt_email": email,
            "_billing": {"email": email, "name": "Guest"},
        }
        card = facts(CARDS["visa_debit"])
        return self.add(charge_record(self.new_id("ch", "Guest"), self.ago(days), details, card))

    def refund(
        self,
        charge: Record,
        amount: int | None,
        days: int,
        *,
        status: str = "succeeded",
        reason: str | None = None,
    ) -> Record:
        """A refund of a charge (None: all of it), at the earliest an hour after it."""
        created = max(self.ago(days), charge["created"] + 3600)
        size = charge["amount"] - charge["amount_refunded"] if amount is None else amount
        key = self.new_id("re", f"{slug_of(charge['id'])}R")
        refund: Record = {
            "id": key,
            "object": "refund",
            "created": created,
            "amount": size,
            "balance_transaction": f"txn_{key.removeprefix('re_')}",
            "charge": charge["id"],
            "currency": charge["currency"],
            "payment_intent": charge.get("payment_intent"),
            "reason": reason,
            "status": status,
            **({"pending_reason": "processing"} if status == "pending" else {}),
            **({"failure_reason": "expired_or_canceled_card"} if status == "failed" else {}),
        }
        if status not in ("failed", "canceled"):
            charge["amount_refunded"] += size
            charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.happened(created, "charge.refunded", charge)
        return self.add(refund)

    def dispute(self, charge: Record, status: str, days: int, reason: str) -> Record:
        """A dispute of a charge."""
        charge["disputed"] = True
        key = self.new_id("dp", slug_of(charge["id"]))
        dispute = dispute_record(key, self.ago(days), charge, status, reason)
        if status in ("under_review", "warning_under_review", "won"):
            dispute |= {"_evidence": EVIDENCE, "_submissions": 1}
        dispute["_past_due"] = dispute["_due_by"] < self.now and status.endswith("needs_response")
        self.happened(dispute["created"], "charge.dispute.created", dispute)
        return self.add(dispute)
