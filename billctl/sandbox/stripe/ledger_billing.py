"""Billing of the shop being built: invoices with their payments, subscriptions with their periods."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe.billing import NO_TRANSITIONS, subscription_parent, total_of
from billctl.sandbox.stripe.ledger import DAY, slug_of
from billctl.sandbox.stripe.ledger_payments import Payments
from billctl.sandbox.stripe.periods import after
from billctl.sandbox.stripe.records import intent_record, invoice_payment_record

IN_DEBT = ("past_due", "unpaid", "incomplete")
STAMPS = {"paid": "paid_at", "void": "voided_at", "uncollectible": "marked_uncollectible_at"}
TRIAL_DAYS = 14
REASON = {"cancellation_details": {"comment": None, "feedback": None, "reason": "cancellation_requested"}}


class Billing(Payments):
    """A ledger with invoices and subscriptions."""

    def invoice(
        self, customer: Record, amount: int, days: int, status: str, text: str, *, due_days: int | None
    ) -> Record:
        """An invoice of one line made `days` ago; `due_days` makes it one to be sent (None: charged)."""
        made = self.ago(days)
        invoice = self._draft(customer, made, self.people[customer["id"]][0].currency)
        if due_days is not None:
            invoice |= {"collection_method": "send_invoice", "due_date": made + due_days * DAY}
        item = self._item(invoice, amount, text)
        line = {"amount": amount, "description": text, "item": item["id"], "start": made, "end": made}
        self._line(invoice, line)
        if status != "draft":
            self._finalise(invoice, customer, status)
        return invoice

    def _draft(self, customer: Record, made: int, currency: str) -> Record:
        person, _ = self.people[customer["id"]]
        return self.add(
            {
                "id": self.new_id("in", person.slug),
                "object": "invoice",
                "created": made,
                "amount_paid": 0,
                "billing_reason": "manual",
                "collection_method": "charge_automatically",
                "currency": currency,
                "customer": customer["id"],
                "customer_address": customer["address"],
                "customer_email": customer["email"],
                "customer_name": customer["name"],
                "customer_phone": customer["phone"],
                "period_end": made,
                "period_start": made,
                "status": "draft",
                "status_transitions": NO_TRANSITIONS,
                "_lines": [],
            }
        )

    def _item(self, invoice: Record, amount: int, text: str) -> Record:
        return self.add(
            {
                "id": self.new_id("ii", slug_of(invoice["id"])),
                "object": "invoiceitem",
                "created": invoice["created"],
                "date": invoice["created"],
                "amount": amount,
                "currency": invoice["currency"],
                "customer": invoice["customer"],
                "description": text,
                "invoice": invoice["id"],
            }
        )

    def _line(self, invoice: Record, line: Record) -> None:
        invoice["_lines"].append({"id": self.new_id("il", slug_of(invoice["id"])), "quantity": 1, **line})

    def _finalise(self, invoice: Record, customer: Record, status: str, *, declined: bool = False) -> None:
        number = customer.get("next_invoice_sequence", 1)
        customer["next_invoice_sequence"] = number + 1
        made = invoice["created"]
        stamps = {**NO_TRANSITIONS, "finalized_at": made + 60}
        if status in STAMPS:
            stamps[STAMPS[status]] = made + 3600
        invoice |= {
            "number": f"{customer['invoice_prefix']}-{number:04}",
            "status": status,
            "status_transitions": stamps,
            "auto_advance": status == "open",
            "attempted": status == "paid" or declined,
            "attempt_count": int(status == "paid" or declined),
            "amount_paid": total_of(invoice) if status == "paid" else 0,
        }
        self._pay(invoice, customer, declined=declined)
        self.happened(made + 60, "invoice.finalized", invoice)
        if status == "paid":
            self.happened(made + 3600, "invoice.paid", invoice)

    def _pay(self, invoice: Record, customer: Record, *, declined: bool) -> None:
        """The intent that an invoice is paid with, and the link between them."""
        paid = invoice["status"] == "paid"
        when = invoice["created"] + (3600 if paid else 60)
        details: Record = {
            "amount": total_of(invoice),
            "currency": invoice["currency"],
            "description": f"Payment for Invoice {invoice['number']}",
        }
        if paid or declined:
            decline = ("card_declined", "insufficient_funds") if declined else None
            intent = self.intent_of(self.taken(customer, when, details, decline=decline))
        else:
            key = self.new_id("pi", slug_of(customer["id"]))
            intent = self.add(intent_record(key, when, customer=customer["id"], **details))
        key = self.new_id("inpay", slug_of(customer["id"]))
        payment = invoice_payment_record(key, when, invoice, intent["id"], details["amount"], paid=paid)
        if invoice["status"] == "void":
            intent |= {"status": "canceled", "canceled_at": when, "cancellation_reason": "void_invoice"}
            payment |= {"status": "canceled", "status_transitions": {"canceled_at": when, "paid_at": None}}
        self.add(payment)

    def subscription(
        self,
        customer: Record,
        price_key: str,
        status: str,
        *,
        periods: int,
        days: int,
        ended_days: int | None = None,
        cancel_at_period_end: bool = False,
    ) -> Record:
        """A subscription, with invoices, of `periods` and `days` of one more; it ended `ended_days` ago."""
        person, method = self.people[customer["id"]]
        interval = self._records[price_key]["recurring"]["interval"]
        began = after(self.ago(days + (ended_days or 0)), interval, -periods)
        subscription: Record = {
            "id": self.new_id("sub", person.slug),
            "object": "subscription",
            "created": began,
            "start_date": began,
            "billing_cycle_anchor": began,
            "collection_method": "charge_automatically",
            "days_until_due": None,
            "currency": self._records[price_key]["currency"],
            "customer": customer["id"],
            "default_payment_method": method["id"],
            "status": status,
            "_items": [{"id": self.new_id("si", person.slug), "price": price_key, "quantity": 1}],
        }
        self.add(subscription)
        ended = None if ended_days is None else self.ago(ended_days)
        self._live_through(subscription, customer, ended or self.now)
        if ended:
            subscription |= {"canceled_at": ended, "ended_at": ended, **REASON}
        elif cancel_at_period_end:
            subscription |= self._end_later(subscription)
        self.happened(began, "customer.subscription.created", subscription)
        return subscription

    def _end_later(self, subscription: Record) -> Record:
        end = subscription["_items"][0]["current_period_end"]
        return {"cancel_at_period_end": True, "cancel_at": end, "canceled_at": self.ago(4), **REASON}

    def _live_through(self, subscription: Record, customer: Record, ended: int) -> None:
        """The trial, or period after period until `ended`."""
        item, start = subscription["_items"][0], subscription["created"]
        if subscription["status"] in ("trialing", "paused"):
            end = start + TRIAL_DAYS * DAY
            subscription |= {"trial_start": start, "trial_end": end}
            item |= {"current_period_start": start, "current_period_end": end}
            return
        interval = self._records[item["price"]]["recurring"]["interval"]
        last = False
        while not last:
            end = after(start, interval)
            last = end > ended or subscription["status"] == "incomplete_expired"
            item |= {"current_period_start": start, "current_period_end": end}
            invoice = self._period(subscription, customer, item, last=last)
            subscription["latest_invoice"] = invoice["id"]
            start = end

    def _period(self, subscription: Record, customer: Record, item: Record, *, last: bool) -> Record:
        """The invoice of one period; only the last one of a debtor stays open."""
        start, price = item["current_period_start"], self._records[item["price"]]
        first = start == subscription["created"]
        invoice = self._draft(customer, start, subscription["currency"])
        invoice |= {
            "billing_reason": "subscription_create" if first else "subscription_cycle",
            "parent": subscription_parent(subscription),
            "subscription": subscription["id"],
        }
        line = {
            "amount": price["unit_amount"],
            "description": f"1 × {price['nickname']}",
            "item": item["id"],
            "subscription": subscription["id"],
            "price": price["id"],
            "product": price["product"],
            "start": start,
            "end": item["current_period_end"],
        }
        self._line(invoice, line)
        status = "open" if last and subscription["status"] in IN_DEBT else "paid"
        if subscription["status"] == "incomplete_expired":
            status = "void"
        self._finalise(invoice, customer, status, declined=status != "paid")
        return invoice
