"""A shop being built: accounts, invoices, payments, with readable ids and times counted back in days."""

import hashlib
from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import alias
from billctl.sandbox.recurly.people import bank, card
from billctl.sandbox.recurly.times import DAY
from billctl.sandbox.seed import Person

Lines = tuple[tuple[str, int, int], ...]
"""Description, hundredths of a unit, quantity."""

LETTERS = {
    "invoice": "in",
    "transaction": "tx",
    "line_item": "li",
    "subscription": "sub",
    "credit_payment": "cp",
}
LENGTH = 12


class Ledger:
    """The records so far; `ledger_plans` adds subscriptions."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._records: dict[str, Record] = {}
        self._numbers: dict[str, int] = {}
        self._invoices = 1000

    def records(self) -> list[Record]:
        """Every record, oldest first."""
        return sorted(self._records.values(), key=lambda record: int(record["created"]))

    def ago(self, days: float) -> int:
        """An instant so long ago; the time of day depends on the day, so that not all happens at once."""
        return self.now - int(days * DAY) - int(days * 7919 % 36_000)

    def add(self, kind: str, slug: str, days: float, **fields: Any) -> Record:
        """Put an object in, made so many days ago."""
        created = self.ago(days)
        record = {"id": self.new_id(kind, slug), "object": kind, "created": created, "updated": created}
        return self.put(record | fields)

    def put(self, record: Record) -> Record:
        """Put a record in as it is."""
        self._records[record["id"]] = record
        return record

    def new_id(self, kind: str, slug: str) -> str:
        """`laylatx00001`: the next of this kind and slug, 12 characters."""
        start = f"{slug[:6]}{LETTERS[kind]}"
        self._numbers[start] = self._numbers.get(start, 0) + 1
        return f"{start}{self._numbers[start]:0{LENGTH - len(start)}}"

    def account(self, person: Person, days: int, *, pays_by_bank: bool = False, **more: Any) -> Record:
        """Somebody who came so many days ago; his code is his slug unless `more` says otherwise."""
        slug, created = person.slug.lower(), self.ago(days)
        first, _, last = person.name.partition(" ")
        last_four = f"{(1881 + len(self._records) * 731) % 10_000:04}"
        method = bank(last_four, person.name) if pays_by_bank else card(person.card, last_four)
        record: Record = {
            "id": f"{slug[:6]}ac".ljust(LENGTH - 1, "0") + "1",
            "object": "account",
            "created": created,
            "updated": created,
            "status": "active",
            "slug": slug,
            "code": slug,
            "email": person.email,
            "first_name": first,
            "last_name": last,
            "company": None,
            "address": {"city": person.city, "country": person.country},
            "token": hashlib.sha256(f"hosted page of {slug}".encode()).hexdigest()[:32],
            "billing": {"id": f"{slug[:6]}bi".ljust(LENGTH - 1, "0") + "1", "method": method},
            "notes": _notes(slug, person, created),
            **more,
        }
        self.put(alias("account", record["code"], record))
        return self.put(record)

    def invoice(self, account: Record, days: float, lines: Lines, currency: str, **more: Any) -> Record:
        """A charge invoice of these lines, paid by nothing yet: past due."""
        self._invoices += 1
        total = sum(unit * quantity for _, unit, quantity in lines)
        invoice = self.add(
            "invoice",
            account["slug"],
            days,
            **{
                "customer": account["id"],
                "number": str(self._invoices),
                "type": "charge",
                "origin": "purchase",
                "status": "past_due",
                "currency": currency,
                "total": total,
                "paid": 0,
                "balance": total,
                "refunded": 0,
                "due_date": self.ago(days),
                **more,
            },
        )
        self.put(alias("invoice", invoice["number"], invoice))
        for item in lines:
            self._line(account, invoice, days, item)
        return invoice

    def _line(self, account: Record, invoice: Record, days: float, item: tuple[str, int, int]) -> Record:
        text, unit, quantity = item
        kept = {name: invoice[name] for name in ("subscription", "plan", "start", "end") if name in invoice}
        return self.add(
            "line_item",
            account["slug"],
            days,
            customer=account["id"],
            invoice=invoice["id"],
            type="charge" if unit >= 0 else "credit",
            origin="plan" if kept else "debit",
            currency=invoice["currency"],
            description=text,
            unit=unit,
            quantity=quantity,
            amount=unit * quantity,
            **kept,
        )

    def pay(
        self, account: Record, invoice: Record, days: float, amount: int | None = None, **more: Any
    ) -> Record:
        """A purchase of what is open of an invoice, or of `amount`."""
        paid = invoice["balance"] if amount is None else amount
        transaction = self.add(
            "transaction",
            account["slug"],
            days,
            **{
                "customer": account["id"],
                "invoice": invoice["id"],
                "subscription": invoice.get("subscription"),
                "type": "purchase",
                "origin": "recurring" if invoice.get("subscription") else "api",
                "status": "success",
                "amount": paid,
                "currency": invoice["currency"],
                "method": account["billing"]["method"],
                "collected": self.ago(days),
                **more,
            },
        )
        if transaction["status"] == "success":
            invoice |= {"paid": invoice["paid"] + paid, "balance": invoice["balance"] - paid}
            if not invoice["balance"]:
                invoice |= {"status": "paid", "closed": transaction["created"]}
        return transaction

    def decline(self, account: Record, invoice: Record, days: float) -> Record:
        """A payment that did not succeed."""
        return self.pay(account, invoice, days, status="declined", collected=None)

    def buy(self, account: Record, days: float, lines: Lines, currency: str, **more: Any) -> Record:
        """An invoice that was paid at once; its transaction."""
        return self.pay(account, self.invoice(account, days, lines, currency, **more), days)

    def refund(
        self, account: Record, payment: Record, amount: int, days: float, status: str = "success"
    ) -> Record:
        """Some of a payment given back, of its invoice's first lines: the refund's transaction.

        With `status` "credit" it became the account's credit, and no transaction but the payment's is given.
        """
        bill = self._records[payment["invoice"]]
        arrived = status == "success"
        invoice = self.credit(account, amount, payment["currency"], days, charge=bill["id"], origin="refund")
        left = amount
        for line in [each for each in self._records.values() if each.get("invoice") == bill["id"]]:
            if line["object"] == "line_item" and left:
                part = min(left, line["amount"] - line.get("refunded", 0))
                left -= part
                self._credited(account, invoice, line, part, days)
        if arrived:
            invoice |= {"paid": -amount, "balance": 0, "status": "closed", "closed": invoice["created"]}
        elif status == "processing":
            invoice["status"] = "processing"
        bill["refunded"] += amount
        if status == "credit":
            return payment
        payment["refunded"] = payment.get("refunded", 0) + amount
        return self.add(
            "transaction",
            account["slug"],
            days,
            customer=account["id"],
            invoice=invoice["id"],
            subscription=payment["subscription"],
            charge=payment["id"],
            type="refund",
            origin="api",
            status=status,
            amount=amount,
            currency=payment["currency"],
            method=payment["method"],
            collected=invoice["created"] if arrived else None,
        )

    def _credited(self, account: Record, invoice: Record, line: Record, part: int, days: float) -> None:
        credited = self._line(account, invoice, days, (line["description"], -part, 1))
        credited |= {"previous": line["id"], "previous_invoice": line["invoice"], "refunded_quantity": 0}
        line["refunded"] = line.get("refunded", 0) + part

    def credit(self, account: Record, amount: int, currency: str, days: float, **more: Any) -> Record:
        """An open credit invoice; without lines where it refunds (`charge`), else of one line."""
        lines: Lines = () if "charge" in more else (("Goodwill credit", -amount, 1),)
        about = {"type": "credit", "origin": "credit", "status": "open", "total": -amount, "balance": -amount}
        return self.invoice(account, days, lines, currency, **about | {"due_date": None} | more)

    def use_credit(self, account: Record, credit: Record, bill: Record, days: float) -> Record:
        """All of a credit invoice used for a charge invoice."""
        amount = -credit["total"]
        credit |= {"balance": 0, "status": "closed", "closed": self.ago(days)}
        bill |= {"balance": bill["balance"] - amount, "credited": amount}
        return self.add(
            "credit_payment",
            account["slug"],
            days,
            customer=account["id"],
            invoice=bill["id"],
            charge=credit["id"],
            action="payment",
            amount=amount,
            currency=bill["currency"],
        )


def _notes(slug: str, person: Person, created: int) -> list[Record]:
    if not person.note:
        return []
    return [{"id": f"{slug[:6]}no00001", "object": "note", "created": created, "message": person.note}]
