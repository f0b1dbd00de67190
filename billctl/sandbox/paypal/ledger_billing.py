"""Plans, subscriptions, invoices and disputes of a shop being built."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.paypal.ledger import Ledger, price
from billctl.sandbox.paypal.times import DAY
from billctl.sandbox.seed import Person

MONTH = 30
STATES = {
    "WAITING_FOR_SELLER_RESPONSE": "REQUIRED_ACTION",
    "WAITING_FOR_BUYER_RESPONSE": "REQUIRED_OTHER_PARTY_ACTION",
    "UNDER_REVIEW": "UNDER_PAYPAL_REVIEW",
    "OPEN": "OPEN_INQUIRIES",
    "RESOLVED": "RESOLVED",
}
"""Status of a dispute → its state, which is what lists filter by."""

CASES = {
    "MERCHANDISE_OR_SERVICE_NOT_RECEIVED": "I have not received what I paid for.",
    "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED": "This is not what I ordered.",
    "UNAUTHORISED": "I did not make this payment.",
    "DUPLICATE_TRANSACTION": "I was charged twice.",
}
"""Reason of a dispute → what the buyer wrote."""


class Billing(Ledger):
    """A ledger that also bills."""

    def plan(self, name: str, cents: int, currency: str) -> Record:
        """A monthly plan: `P-SBXPROUSD…`."""
        word = name.upper()
        return self.add(
            "plan",
            f"P-SBX{word}{currency}".ljust(26, "0"),
            420,
            product=f"PROD-SBX{word}",
            name=name,
            description=f"The {name} plan, monthly, in {currency}",
            status="ACTIVE",
            amount=price(cents, currency),
            currency=currency,
            interval="MONTH",
        )

    def subscription(
        self, payer: Record, plan: Record, days: float, payments: int, status: str = "ACTIVE", **fields: Any
    ) -> Record:
        """A subscription whose last of so many monthly payments was so many days ago."""
        slug = payer["slug"]
        began = days + MONTH * max(payments - 1, 0)
        key = f"I-SBX{slug}{self.number('sub ' + slug):0{9 - len(slug)}}"
        record = self.add(
            "subscription",
            key,
            began + 0.01,
            **{
                "customer": payer["id"],
                "email": payer["email"],
                "plan": plan["id"],
                "amount": plan["amount"],
                "currency": plan["currency"],
                "status": status,
                "cycles": payments,
                "outstanding": 0,
                "failures": 0,
                **fields,
            },
        )
        paid = [
            self.capture(payer, plan["amount"], days + MONTH * back, event="T0002", subscription=key)
            for back in range(payments)
        ]
        begun = record["created"]
        record |= {"started": begun, "paid": paid[0]["created"] if paid else None}
        record["next"] = (record["paid"] or begun) + MONTH * DAY
        record.setdefault("status_changed", begun)
        return record

    def invoice(
        self, payer: Record, item: str, amount: int, days: float, status: str, *, due: int = 14, **fields: Any
    ) -> Record:
        """An invoice of one line that is due so many days after it was made."""
        slug, number = payer["slug"], self.number(f"invoice {payer['slug']}")
        record = self.add(
            "invoice",
            invoice_id(slug, number),
            days,
            **{
                "status": status,
                "email": payer["email"],
                "given": payer["given"],
                "surname": payer["surname"],
                "invoice": f"INV-{slug}-{number:04}",
                "currency": payer["currency"],
                "items": [{"name": item, "quantity": 1, "amount": amount}],
                "due_on": self.ago(days) + due * DAY,
                "reminders": [],
                "payments": [],
                "refunds": [],
                **fields,
            },
        )
        if status not in ("DRAFT", "SCHEDULED"):
            record |= {"first_sent": record["created"], "last_sent": record["created"]}
        if status == "CANCELLED":
            record["cancelled"] = record["updated"] = record["created"] + DAY
        return record

    def pay(self, invoice: Record, payer: Record, days: float, amount: int | None = None) -> Record:
        """An invoice paid by PayPal, in whole or in part; the payment belongs to no order."""
        total = sum(item["amount"] for item in invoice["items"])
        capture = self.capture(payer, amount or total, days, event="T0007", invoice=invoice["invoice"])
        entry = {"id": capture["id"], "type": "PAYPAL", "method": "PAYPAL", "amount": capture["amount"]}
        invoice["payments"].append({**entry, "at": capture["created"]})
        status = "PAID" if capture["amount"] == total else "PARTIALLY_PAID"
        invoice |= {"status": status, "updated": capture["created"]}
        return capture

    def dispute(self, capture: Record, reason: str, days: float, status: str, **fields: Any) -> Record:
        """A case about a payment: `PP-D-90001`. A resolved one has an `outcome`."""
        payer = self._records[capture["customer"]]
        record = self.add(
            "dispute",
            f"PP-D-9{self.number('dispute'):04}",
            days,
            **{
                "charge": capture["id"],
                "customer": payer["id"],
                "email": capture["email"],
                "amount": capture["amount"],
                "currency": capture["currency"],
                "reason": reason,
                "message": CASES[reason],
                "status": status,
                "state": STATES[status],
                "stage": "CHARGEBACK",
                "channel": "INTERNAL",
                "hold": self.new_id(payer, "H"),
                "release": self.new_id(payer, "H"),
                "given_back": 0,
                **fields,
            },
        )
        if status == "WAITING_FOR_SELLER_RESPONSE":
            record["respond_by"] = record["created"] + 10 * DAY
        if status == "RESOLVED":
            record["updated"] = record["created"] + 9 * DAY
        return record

    def stranger(self, person: Person, item: str, cents: int, days: float) -> Record:
        """An invoice to somebody who never paid, so is known by name and e-mail only."""
        payer = self.payer(person, int(days))
        del self._records[payer["id"]]
        return self.invoice(payer, item, cents, days, "CANCELLED")


def invoice_id(slug: str, number: int) -> str:
    """`INV2-SBXL-AYLA-0000-0001`."""
    text = f"SBX{slug}{number:0{13 - len(slug)}}"
    return "-".join(["INV2", *(text[start : start + 4] for start in range(0, 16, 4))])
