"""A shop being built: the records so far, readable ids, and times counted back in days."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from billctl.sandbox.braintree.cards import BRANDS, branded
from billctl.sandbox.braintree.catalog import PLANS, account_for
from billctl.sandbox.braintree.charging import APPROVED, CODES, PROCESSED
from billctl.sandbox.braintree.disputes import day, new_dispute
from billctl.sandbox.braintree.settling import batch
from billctl.sandbox.braintree.subscribing import month_after, today
from billctl.sandbox.braintree.vault import vaulted
from billctl.sandbox.database import Record
from billctl.sandbox.seed import Person

DAY = 86_400
USER = "shop@shop.example"
PATHS = {
    "authorized": ("authorized",),
    "authorization_expired": ("authorized", "authorization_expired"),
    "submitted_for_settlement": ("authorized", "submitted_for_settlement"),
    "settling": ("authorized", "submitted_for_settlement", "settling"),
    "settled": ("authorized", "submitted_for_settlement", "settling", "settled"),
    "voided": ("authorized", "voided"),
    "processor_declined": ("processor_declined",),
}
"""A sale's status → how it came there. What the gateway does by itself has no user."""

BY_ITSELF = frozenset({"settling", "settled", "authorization_expired"})
HOURS = {"submitted_for_settlement": 0, "settling": 8, "settled": 20, "voided": 2}


class Ledger:
    """Customers, their cards, sales, refunds, disputes and subscriptions, none of them due to change."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._records: list[Record] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def records(self) -> list[Record]:
        """Every record, oldest first."""
        return sorted(self._records, key=lambda record: int(record["created"]))

    def ago(self, days: int) -> int:
        """An instant `days` ago; the time of day depends on the day, so that not all happens at once."""
        return self.now - days * DAY - (days * 7919 % 36_000 if days else 600)

    def new_id(self, slug: str, length: int) -> str:
        """`layla001`: the next of this slug in ids of this length."""
        number = self._numbers.get((slug, str(length)), 0) + 1
        self._numbers[slug, str(length)] = number
        return f"{slug}{number:0{length - len(slug)}}"

    def customer(self, person: Person, key: str, index: int, age: int) -> Record:
        """A customer who came `age` days ago."""
        first, _, last = person.name.partition(" ")
        return self._add(
            {
                "id": key,
                "object": "customer",
                "created": self.ago(age),
                "updated": self.ago(age),
                "first_name": first,
                "last_name": last,
                "email": person.email,
                "phone": f"555010{index:04}",
                "custom_fields": {"note": person.note} if person.note else {},
            }
        )

    def card(self, customer: Record, person: Person, last_four: str, **more: Any) -> Record:
        """A card in the vault, of the person's brand."""
        brand = person.card if person.card in BRANDS else "visa"
        address = {
            "id": "ad",
            "first_name": customer["first_name"],
            "last_name": customer["last_name"],
            "locality": person.city,
            "country": person.country,
        }
        kept = {name: customer[name] for name in ("created", "updated")}
        return self._add(
            {
                **branded(brand, holder=person.name),
                "id": self.new_id(person.slug.lower()[:5], 6),
                "object": "credit_card",
                **kept,
                "customer": customer["id"],
                "last_4": last_four,
                "country": person.country,
                "default": True,
                "billing": address,
                **more,
            }
        )

    def sale(
        self,
        slug: str,
        amount: int,
        currency: str,
        days: int,
        *,
        payer: dict[str, Any],
        status: str = "settled",
        **more: Any,
    ) -> Record:
        """A sale `days` ago of `amount` minor units that came to `status`."""
        created = self.ago(days)
        record: Record = {
            "id": self.new_id(slug, 8),
            "object": "transaction",
            "created": created,
            "type": "sale",
            "status": status,
            "amount": amount,
            "currency": currency,
            "account": account_for(currency),
            "response": APPROVED,
            "authorization_code": f"{created % 1_000_000:06}",
            **payer,
            **more,
        }
        self._walk(record, PATHS[status], created)
        return self._add(record)

    def _walk(self, record: Record, path: Sequence[str], when: int) -> None:
        events = [
            [when + HOURS.get(one, 0) * 3600, one, record["amount"], None if one in BY_ITSELF else USER]
            for one in path
        ]
        record |= {"history": events, "updated": events[-1][0]}
        if "settling" in path:
            record["batch"] = batch(record, when)

    def refund(self, slug: str, sale: Record, amount: int | None, days: int) -> Record:
        """A settled refund `days` ago; None is the whole sale."""
        created = self.ago(days)
        kept = ("customer", "email", "person", "billing", "card", "currency", "account")
        record: Record = {
            "id": self.new_id(slug, 8),
            "object": "transaction",
            "created": created,
            "type": "credit",
            "status": "settled",
            "amount": sale["amount"] if amount is None else amount,
            "response": PROCESSED,
            "charge": sale["id"],
            **{name: sale[name] for name in kept if name in sale},
        }
        self._walk(record, PATHS["settled"][1:], created)
        sale.setdefault("refunds", []).append(record["id"])
        return self._add(record)

    def decline(self, slug: str, amount: int, currency: str, days: int, code: str, **more: Any) -> Record:
        """A sale that the processor declined with one of `CODES`."""
        text, kind = CODES[code]
        said: dict[str, Any] = {"response": (code, text, kind), "additional": f"{code} : {text}"}
        return self.sale(slug, amount, currency, days, status="processor_declined", **said, **more)

    def dispute(self, slug: str, sale: Record, status: str, days: int) -> Record:
        """A dispute that opened `days` ago and came to `status`."""
        opened = self.ago(days)
        record = new_dispute(self.new_id(f"{slug}dispute", 16), sale, opened)
        if status != "open":
            closed = self.ago(days // 2)
            record |= {"status": status, "updated": closed}
            record["history"].append([status, closed, day(closed)])
        if status == "won":
            record |= {"amount_won": sale["amount"], "won": day(record["updated"])}
        sale["disputed"] = True
        return self._add(record)

    def subscription(
        self, person: Person, card: Record, plan: str, *, cycle: int, days: int, **more: Any
    ) -> Record:
        """A subscription in its `cycle`th month, which began `days` ago; 0 is a trial."""
        terms = PLANS[plan]
        start = today(self.ago(days))
        first = month_after(start, 1 - cycle) if cycle else start + timedelta(days=terms["trial"])
        created = self.ago(days + max(0, (start - first).days))
        record: Record = {
            "id": f"sub{person.slug.lower()[:3]}",
            "object": "subscription",
            "created": created,
            "updated": created,
            "customer": card["customer"],
            "token": card["id"],
            "plan": plan,
            "price": terms["price"],
            "currency": terms["currency"],
            "account": account_for(terms["currency"]),
            "balance": 0,
            "user": USER,
            "status": "Active",
            "cycle": cycle,
            "first": first.isoformat(),
            "history": [[created, "Active", 0, "api"]],
        }
        record |= _month(start) if cycle else _trial(terms, first.isoformat())
        return self._add(record | more)

    def bill(self, slug: str, subscription: Record, payer: dict[str, Any], days: Sequence[int]) -> None:
        """The subscription's payments, so many days ago each."""
        for ago in days:
            start = today(self.ago(ago))
            about: dict[str, Any] = {
                "subscription": subscription["id"],
                "plan": subscription["plan"],
                "period": [start.isoformat(), (month_after(start) - timedelta(days=1)).isoformat()],
            }
            self.sale(slug, subscription["price"], subscription["currency"], ago, payer=payer, **about)

    def _add(self, record: Record) -> Record:
        self._records.append(record)
        return record


def _month(start: Any) -> dict[str, Any]:
    after = month_after(start)
    end = (after - timedelta(days=1)).isoformat()
    return {"start": start.isoformat(), "end": end, "next": after.isoformat()}


def _trial(terms: Record, first: str) -> dict[str, Any]:
    return {"trial_duration": terms["trial"], "trial_unit": "day", "next": first}


def payer_of(customer: Record, card: Record) -> dict[str, Any]:
    """The customer's part of a sale."""
    person = {name: customer[name] for name in ("first_name", "last_name", "email", "phone")}
    return {
        "customer": customer["id"],
        "email": customer["email"].casefold(),
        "person": person,
        "card": vaulted(card),
        "billing": card["billing"],
    }
