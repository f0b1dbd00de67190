"""A shop being built: the objects so far, readable ids, and times counted back in days."""

from collections.abc import Iterator

from billctl.sandbox.database import Record
from billctl.sandbox.seed import Person
from billctl.sandbox.stripe.cards import CARDS, facts
from billctl.sandbox.stripe.shapes import Shapes

DAY = 86_400
SHORT = frozenset({"cus", "sub", "in", "si", "prod"})
"""Prefixes whose readable ids have 14 characters; the others have 15."""

EVENT_DAYS = 30
"""Stripe lists the events of the last thirty days."""


class Ledger:
    """Catalogue and customers; payments and billing build on it."""

    def __init__(self, now: int, *, live: bool) -> None:
        self.now = now
        self.live = live
        self._records: dict[str, Record] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._events: list[tuple[int, str, Record]] = []
        self.people: dict[str, tuple[Person, Record]] = {}
        """Customer id → who it is and the card on file."""

    def records(self) -> list[Record]:
        """Every object and every event of the last days, oldest first."""
        return sorted([*self._records.values(), *self._told()], key=lambda record: int(record["created"]))

    def get(self, key: str) -> Record | None:
        """The object with this id."""
        return self._records.get(key)

    def of(self, kind: str) -> list[Record]:
        """The objects of a kind, in the order they were made."""
        return [record for record in self._records.values() if record["object"] == kind]

    def add(self, record: Record) -> Record:
        """Put an object in."""
        self._records[record["id"]] = record
        return record

    def new_id(self, prefix: str, slug: str) -> str:
        """`cus_SbxLayla000001`: the next of this prefix for this customer."""
        number = self._numbers.get((prefix, slug), 0) + 1
        self._numbers[prefix, slug] = number
        width = (14 if prefix in SHORT else 15) - 3 - len(slug)
        return f"{prefix}_Sbx{slug}{number:0{width}}"

    def ago(self, days: int) -> int:
        """An instant `days` ago; the time of day depends on the day, so that not all happens at once."""
        return self.now - days * DAY - (days * 7919 % 36_000 if days else 600)

    def happened(self, when: int, kind: str, record: Record) -> None:
        """Note an event for the list of events."""
        if self.now - when < EVENT_DAYS * DAY:
            self._events.append((when, kind, record))

    def _told(self) -> Iterator[Record]:
        shapes = Shapes(self)
        for number, (when, kind, record) in enumerate(self._events, start=1):
            yield {
                "id": f"evt_SbxShop{number:07}",
                "object": "event",
                "created": when,
                "data": {"object": shapes.wire(record)},
                "request": {"id": None, "idempotency_key": None},
                "status": kind,
                "type": kind,
            }

    def product(self, name: str, word: str) -> str:
        """A product, `prod_SbxPro00000001`; returns its id."""
        created = self.ago(560)
        described = {"name": name, "description": f"The {word} plan"}
        key = self.new_id("prod", name)
        self.add({"id": key, "object": "product", "created": created, "updated": created, **described})
        return key

    def price(self, product: str, word: str, currency: str, amount: int, *, interval: str = "month") -> None:
        """A recurring price, `price_Sbx_pro_usd`."""
        recurring = {"interval": interval, "interval_count": 1, "meter": None, "usage_type": "licensed"}
        self.add(
            {
                "id": f"price_Sbx_{word}_{currency}",
                "object": "price",
                "created": self.ago(559),
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
        """A customer who came `days` ago, with a card on file."""
        created = self.ago(days)
        key = self.new_id("cus", person.slug)
        method = self._card(person, key, created)
        no_address = dict.fromkeys(("line1", "line2", "postal_code", "state"))
        no_settings = dict.fromkeys(("custom_fields", "footer", "rendering_options"))
        customer: Record = {
            "id": key,
            "object": "customer",
            "created": created,
            "address": {**no_address, "city": person.city, "country": person.country},
            "currency": person.currency,
            "description": person.note,
            "email": person.email,
            "invoice_prefix": person.slug.upper().ljust(8, "0"),
            "invoice_settings": {**no_settings, "default_payment_method": method["id"]},
            "name": person.name,
            "phone": f"+1555010{len(self.people):04}",
        }
        self.people[key] = (person, method)
        self.happened(created, "customer.created", customer)
        return self.add(customer)

    def _card(self, person: Person, customer: str, created: int) -> Record:
        return self.add(
            {
                "id": self.new_id("pm", person.slug),
                "object": "payment_method",
                "created": created,
                "customer": customer,
                "_card": facts(CARDS[person.card]),
                "_billing": {"email": person.email, "name": person.name},
            }
        )


def slug_of(key: str) -> str:
    """`ch_SbxLayla0000001` → `Layla`."""
    return key.partition("_Sbx")[2].rstrip("0123456789")
