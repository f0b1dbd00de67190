"""Subscriptions of a shop being built, and the invoices of their periods."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.ledger import Ledger, Lines
from billctl.sandbox.recurly.plans import PLANS, price
from billctl.sandbox.recurly.times import months_later


class PlanLedger(Ledger):
    """A ledger with subscriptions."""

    def subscription(
        self, account: Record, plan: str, currency: str, *, days: float, cycle: int = 1, **more: Any
    ) -> Record:
        """A subscription in its `cycle`th period, which began so many days ago; not billed yet."""
        terms = PLANS[plan]
        start = self.ago(days)
        first = months_later(start, -terms["months"] * (cycle - 1))
        term = months_later(first, terms["months"] * terms["cycles"] * (-(-cycle // terms["cycles"])))
        about = {
            "customer": account["id"],
            "plan": plan,
            "status": "active",
            "price": price(plan, currency),
            "quantity": 1,
            "currency": currency,
            "start": start,
            "end": months_later(start, terms["months"]),
            "term_start": months_later(term, -terms["months"] * terms["cycles"]),
            "term_end": term,
            "activated": first,
            "remaining": (-cycle) % terms["cycles"],
        }
        record = self.add("subscription", account["slug"], days, **about | more)
        record["created"] = first
        return record

    def bill(self, account: Record, subscription: Record, days: float, period: int = 0) -> Record:
        """The invoice of a subscription's period, `period` of them before the present one."""
        months = PLANS[subscription["plan"]]["months"]
        start = months_later(subscription["start"], -months * period)
        about = {
            "subscription": subscription["id"],
            "plan": subscription["plan"],
            "start": start,
            "end": months_later(start, months),
            "origin": "renewal",
        }
        text = PLANS[subscription["plan"]]["name"]
        lines: Lines = ((text, subscription["price"], subscription["quantity"]),)
        invoice = self.invoice(account, days, lines, subscription["currency"], **about)
        if not period:
            subscription["active_invoice"] = invoice["id"]
        return invoice
