"""Building the seeded shop: one consistent object after another, with times counted back in days."""

from typing import Any

from billctl.sandbox.seed import Person
from billctl.sandbox.state import Record
from billctl.sandbox.stripe.billing import NO_TRANSITIONS, subscription_parent, total_of
from billctl.sandbox.stripe.cards import CARDS, facts
from billctl.sandbox.stripe.periods import after
from billctl.sandbox.stripe.records import (
    charge_record,
    dispute_record,
    intent_record,
    invoice_payment_record,
)

DAY = 86_400
SHORT = frozenset({"cus", "sub", "in", "si", "prod"})
DEBT = ("past_due", "unpaid", "incomplete")


class Ledger:
    """The objects so far, and the ids given out."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._records: dict[str, Record] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._people: dict[str, tuple[Person, Record]] = {}

    def records(self) -> list[Record]:
        """Every object, oldest first."""
        return sorted(self._records.values(), key=lambda record: int(record["created"]))

    def of(self, kind: str) -> list[Record]:
        """The objects of a kind, in the order they were made."""
        return [record for record in self._records.values() if record["object"] == kind]

    def _id(self, prefix: str, slug: str) -> str:
        number = self._numbers.get((prefix, slug), 0) + 1
        self._numbers[prefix, slug] = number
        width = (14 if prefix in SHORT else 15) - 3 - len(slug)
        return f"{prefix}_Sbx{slug}{number:0{width}}"

    def _add(self, record: Record) -> Record:
        self._records[record["id"]] = record
        return record

    def _ago(self, days: int) -> int:
        """A time of day that depends on the day, so that not everything happens at once."""
        return self.now - days * DAY - (days * 7919 % 36_000 if days else 600)

    def product(self, name: str, word: str) -> str:
        """A product, `prod_SbxPro0000001`."""
        key = self._id("prod", name)
        created = self._ago(560)
        self._add(
            {
                "id": key,
                "object": "product",
                "created": created,
                "updated": created,
                "name": name,
                "description": f"The {word} plan",
            }
        )
        return key

    def price(self, product: str, word: str, currency: str, amount: int, interval: str) -> None:
        """A recurring price, `price_Sbx_pro_usd`."""
        recurring = {"interval": interval, "interval_count": 1, "meter": None, "usage_type": "licensed"}
        self._add(
            {
                "id": f"price_Sbx_{word}_{currency}",
                "object": "price",
                "created": self._ago(559),
                "currency": currency,
                "nickname": f"{word} {interval}ly",
                "product": product,
                "recurring": recurring,
                "type": "recurring",
                "unit_amount": amount,
                "unit_amount_decimal": str(amount),
            }
        )

    def customer(self, person: Person, days: int) -> Record:
        """A customer with a card on file."""
        created = self._ago(days)
        key = self._id("cus", person.slug)
        empty = dict.fromkeys(("line1", "line2", "postal_code", "state"))
        method = {
            "id": self._id("pm", person.slug),
            "object": "payment_method",
            "created": created,
            "customer": key,
            "_card": facts(CARDS[person.card]),
            "_billing": {"email": person.email, "name": person.name},
        }
        self._add(method)
        customer: Record = {
            "id": key,
            "object": "customer",
            "created": created,
            "address": {**empty, "city": person.city, "country": person.country},
            "currency": person.currency,
            "description": person.note,
            "email": person.email,
            "invoice_prefix": person.slug.upper().ljust(8, "0"),
            "invoice_settings": {
                **dict.fromkeys(("custom_fields", "footer", "rendering_options")),
                "default_payment_method": method["id"],
            },
            "name": person.name,
            "phone": f"+1555010{len(self._people):04}",
        }
        self._people[key] = (person, method)
        return self._add(customer)

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
        person, method = self._people[customer["id"]]
        details: Record = {
            "amount": amount,
            "currency": currency or person.currency,
            "customer": customer["id"],
            "description": description,
            "payment_method": method["id"],
            "receipt_email": person.email if days % 2 else None,
            "_billing": method["_billing"],
        }
        charge = self._charge(person.slug, self._ago(days), details, method["_card"], capture=capture)
        if decline:
            charge |= _failed(decline)
        if intent:
            self._intent(person.slug, charge)
        return charge

    def _charge(
        self, slug: str, created: int, details: Record, card: dict[str, Any], *, capture: bool
    ) -> Record:
        return self._add(charge_record(self._id("ch", slug), created, details, card, capture=capture))

    def _intent(self, slug: str, charge: Record) -> Record:
        key = self._id("pi", slug)
        charge["payment_intent"] = key
        shared = {name: charge.get(name) for name in ("amount", "currency", "customer", "description")}
        status = "requires_payment_method" if charge["status"] == "failed" else "succeeded"
        held = 0 if charge["captured"] or charge["status"] == "failed" else charge["amount"]
        return self._add(
            intent_record(
                key,
                charge["created"],
                **shared,
                amount_capturable=held,
                amount_received=charge["amount_captured"],
                capture_method="manual" if held else "automatic_async",
                latest_charge=charge["id"],
                payment_method=None if charge["status"] == "failed" else charge.get("payment_method"),
            )
            | {"status": "requires_capture" if held else status}
        )

    def guest(self, email: str, amount: int, days: int) -> Record:
        """A payment by somebody who left no account."""
        details: Record = {
            "amount": amount,
            "currency": "usd",
            "customer": None,
            "description": "Guest checkout",
            "receipt_email": email,
            "_billing": {"email": email, "name": "Guest"},
        }
        return self._charge("Guest", self._ago(days), details, facts(CARDS["visa_debit"]), capture=True)

    def refund(
        self,
        charge: Record,
        amount: int | None,
        days: int,
        *,
        status: str = "succeeded",
        reason: str | None = None,
    ) -> Record:
        """A refund of a charge (None: all of it) that happened after it."""
        created = max(self._ago(days), charge["created"] + 3600)
        size = charge["amount"] - charge["amount_refunded"] if amount is None else amount
        key = self._id("re", f"{charge['id'][6:].rstrip('0123456789')}R")
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
        }
        if status == "pending":
            refund["pending_reason"] = "processing"
        if status == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
        if status not in ("failed", "canceled"):
            charge["amount_refunded"] += size
            charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        return self._add(refund)

    def dispute(self, charge: Record, status: str, days: int, reason: str) -> Record:
        """A dispute of a charge."""
        charge["disputed"] = True
        key = self._id("dp", charge["id"][6:].rstrip("0123456789"))
        dispute = dispute_record(key, self._ago(days), charge, status, reason)
        if status in ("under_review", "warning_under_review", "won"):
            dispute |= {"_evidence": {"uncategorized_text": "Delivered and signed for."}, "_submissions": 1}
        dispute["_past_due"] = dispute["_due_by"] < self.now and status.endswith("needs_response")
        return self._add(dispute)

    def invoice(
        self,
        customer: Record,
        amount: int,
        days: int,
        status: str,
        text: str,
        *,
        due_days: int | None,
        subscription: Record | None = None,
        created: int | None = None,
        pays: bool = True,
    ) -> Record:
        """An invoice of one line; `due_days` makes it one to be sent. A paid one gets its charge."""
        person, _ = self._people[customer["id"]]
        made = self._ago(days) if created is None else created
        key = self._id("in", person.slug)
        invoice: Record = {
            "id": key,
            "object": "invoice",
            "created": made,
            "amount_paid": 0,
            "billing_reason": "subscription_cycle" if subscription else "manual",
            "collection_method": "charge_automatically" if due_days is None else "send_invoice",
            "currency": subscription["currency"] if subscription else person.currency,
            "customer": customer["id"],
            "customer_address": customer["address"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "customer_phone": customer["phone"],
            "due_date": None if due_days is None else made + due_days * DAY,
            "period_end": made,
            "period_start": made,
            "status": status,
            "status_transitions": NO_TRANSITIONS,
            "_lines": [self._line(person.slug, amount, text, made, subscription)],
        }
        if subscription:
            invoice |= {"parent": subscription_parent(subscription), "subscription": subscription["id"]}
        self._add(invoice)
        if status != "draft":
            self._finalised(customer, person, invoice, pays=pays)
        return invoice

    def _line(self, slug: str, amount: int, text: str, made: int, subscription: Record | None) -> Record:
        line: Record = {"id": self._id("il", slug), "amount": amount, "description": text, "quantity": 1}
        if subscription is None:
            return line | {"item": self._item(slug, amount, text, made), "start": made, "end": made}
        item = subscription["_items"][0]
        price = self._records[item["price"]]
        end = after(made, price["recurring"]["interval"])
        shared = {"item": item["id"], "subscription": subscription["id"], "price": price["id"]}
        return line | shared | {"product": price["product"], "start": made, "end": end}

    def _item(self, slug: str, amount: int, text: str, made: int) -> str:
        """The invoice item behind a line, tied to the invoice that is being made."""
        person_key = f"cus_Sbx{slug}{1:0{11 - len(slug)}}"
        person, _ = self._people[person_key]
        key = self._id("ii", slug)
        self._add(
            {
                "id": key,
                "object": "invoiceitem",
                "created": made,
                "date": made,
                "amount": amount,
                "currency": person.currency,
                "customer": person_key,
                "description": text,
                "invoice": f"in_Sbx{slug}{self._numbers['in', slug]:0{11 - len(slug)}}",
            }
        )
        return key

    def _finalised(self, customer: Record, person: Person, invoice: Record, *, pays: bool) -> None:
        number = customer.get("next_invoice_sequence", 1)
        customer["next_invoice_sequence"] = number + 1
        invoice["number"] = f"{customer['invoice_prefix']}-{number:04}"
        made, status = invoice["created"], invoice["status"]
        stamps = {**NO_TRANSITIONS, "finalized_at": made + 60}
        stamp = {"paid": "paid_at", "void": "voided_at", "uncollectible": "marked_uncollectible_at"}.get(
            status
        )
        if stamp:
            stamps[stamp] = made + 3600
        invoice |= {
            "status_transitions": stamps,
            "auto_advance": status == "open",
            "attempted": status == "paid",
        }
        total = total_of(invoice)
        if status == "paid":
            invoice["amount_paid"] = total
        self._payment(person, invoice, total, failed=not pays)

    def _payment(self, person: Person, invoice: Record, total: int, *, failed: bool) -> None:
        paid = invoice["status"] == "paid"
        when = invoice["created"] + 3600
        text = f"Payment for Invoice {invoice['number']}"
        if paid or failed:
            _, method = self._people[invoice["customer"]]
            details: Record = {
                "amount": total,
                "currency": invoice["currency"],
                "customer": invoice["customer"],
                "description": text,
                "payment_method": method["id"],
                "_billing": method["_billing"],
            }
            charge = self._charge(person.slug, when, details, method["_card"], capture=True)
            if failed:
                charge |= _failed(("card_declined", "insufficient_funds"))
                invoice |= {"attempted": True, "attempt_count": 1}
            intent = self._intent(person.slug, charge)
        else:
            intent = self._add(
                intent_record(
                    self._id("pi", person.slug),
                    invoice["created"] + 60,
                    amount=total,
                    currency=invoice["currency"],
                    customer=invoice["customer"],
                    description=text,
                )
            )
        payment = invoice_payment_record(
            self._id("inpay", person.slug), when if paid else invoice["created"] + 60, invoice, intent["id"],
            total, paid=paid,
        )  # fmt: skip
        if invoice["status"] == "void":
            intent |= {"status": "canceled", "canceled_at": when, "cancellation_reason": "void_invoice"}
            payment |= {"status": "canceled", "status_transitions": {"canceled_at": when, "paid_at": None}}
        self._add(payment)

    def subscription(
        self,
        customer: Record,
        price_key: str,
        status: str,
        *,
        age_days: int,
        ended_days: int | None = None,
        cancel_at_period_end: bool = False,
    ) -> Record:
        """A subscription that began `age_days` ago, with the invoices of its periods."""
        person, method = self._people[customer["id"]]
        price = self._records[price_key]
        began = self._ago(age_days)
        key = self._id("sub", person.slug)
        item: Record = {"id": self._id("si", person.slug), "price": price_key, "quantity": 1}
        subscription: Record = {
            "id": key,
            "object": "subscription",
            "created": began,
            "start_date": began,
            "billing_cycle_anchor": began,
            "currency": price["currency"],
            "customer": customer["id"],
            "default_payment_method": method["id"],
            "status": status,
            "_items": [item],
        }
        self._add(subscription)
        ended = self.now if ended_days is None else self._ago(ended_days)
        if status in ("trialing", "paused"):
            self._trial(subscription, item, began)
        else:
            self._periods(customer, subscription, item, price, began, ended)
        if status in ("canceled", "incomplete_expired"):
            subscription |= {"canceled_at": ended, "ended_at": ended, **_because("cancellation_requested")}
        if cancel_at_period_end:
            end = item["current_period_end"]
            subscription |= {"cancel_at_period_end": True, "cancel_at": end, "canceled_at": self._ago(4)}
            subscription |= _because("cancellation_requested")
        return subscription

    def _trial(self, subscription: Record, item: Record, began: int) -> None:
        end = began + 14 * DAY
        subscription |= {"trial_start": began, "trial_end": end}
        item |= {"current_period_start": began, "current_period_end": end}

    def _periods(
        self, customer: Record, subscription: Record, item: Record, price: Record, began: int, ended: int
    ) -> None:
        interval, start = price["recurring"]["interval"], began
        while True:
            end = after(start, interval)
            last = end > ended
            item |= {"current_period_start": start, "current_period_end": end}
            status = _invoice_status(subscription["status"], last=last)
            invoice = self.invoice(
                customer,
                price["unit_amount"],
                0,
                status,
                f"1 × {price['nickname']}",
                due_days=None,
                subscription=subscription,
                created=start,
                pays=status == "paid",
            )
            if start == began:
                invoice["billing_reason"] = "subscription_create"
            subscription["latest_invoice"] = invoice["id"]
            if last or subscription["status"] == "incomplete_expired":
                return
            start = end


def _invoice_status(subscription: str, *, last: bool) -> str:
    """How a period's invoice ended; only the last one of a debtor stays open."""
    if subscription == "incomplete_expired":
        return "void"
    return "open" if last and subscription in DEBT else "paid"


def _failed(decline: tuple[str, str]) -> Record:
    return {
        "status": "failed",
        "paid": False,
        "captured": False,
        "amount_captured": 0,
        "balance_transaction": None,
        "failure_code": decline[0],
        "failure_message": "Your card was declined.",
        "_decline": decline[1],
    }


def _because(reason: str) -> Record:
    return {"cancellation_details": {"comment": None, "feedback": None, "reason": reason}}
