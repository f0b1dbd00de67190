"""A store being built: the records so far, readable ids, and times counted back in days."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.seed import Person
from billctl.sandbox.woocommerce.gateway import METHODS

DAY = 86_400
FIRST_USER = 21
FIRST_ORDER = 1100
"""Of those whose id is not given."""

VAT = frozenset({"SAR"})
"""Currencies of the orders that carry 15 % tax."""

PAID = frozenset({"processing", "completed", "refunded"})

NEW_SUBSCRIPTION = {
    "period": "month",
    "interval": 1,
    "manual": False,
    "owes": False,
    "trial_end": None,
    "next": None,
    "cancelled": None,
    "end": None,
}


class Ledger:
    """Users, orders, refunds, subscriptions and the gateway's movements."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._records: list[Record] = []
        self._users = FIRST_USER
        self._orders = FIRST_ORDER
        self._lines = 1
        self._notes = 1

    def records(self) -> list[Record]:
        """Every record, oldest first."""
        return sorted(self._records, key=lambda record: int(record["created"]))

    def ago(self, days: int) -> int:
        """An instant `days` ago; the time of day depends on the day, so that not all happens at once."""
        return self.now - days * DAY - (days * 7919 % 36_000 if days else 600)

    def user(self, billing: Mapping[str, str], days: int, *, role: str = "customer") -> Record:
        """A user of the site who came `days` ago."""
        self._users += 1
        return self.named_user(str(self._users - 1), billing, days, role=role)

    def named_user(self, key: str, billing: Mapping[str, str], days: int, *, role: str) -> Record:
        """The same with an id."""
        return self._add(
            "customer",
            key,
            days,
            role=role,
            email=billing["email"],
            username=billing["email"].partition("@")[0].lower(),
            first_name=billing["first_name"],
            last_name=billing["last_name"],
            billing=dict(billing),
            paying=role == "customer",
        )

    def order(
        self,
        billing: Mapping[str, str],
        cents: int,
        currency: str,
        days: int,
        *,
        item: str,
        user: Record | None = None,
        status: str = "completed",
        method: str = "woocommerce_payments",
        key: str | None = None,
        **more: Any,
    ) -> Record:
        """An order, of a guest without `user`; paid in the statuses that say so."""
        created = self.ago(days)
        paid = created + 60 if status in PAID else None
        tax = cents * 15 // 115 if currency in VAT else 0
        return self._add(
            "order",
            key or self._next_order(),
            days,
            customer=user["id"] if user else "0",
            billing=dict(billing),
            status=status,
            currency=currency,
            total=major(cents),
            tax=major(tax),
            method=method,
            title=METHODS[method].title,
            paid=paid,
            completed=paid if status == "completed" else None,
            lines=[self._line(item, cents - tax, tax)],
            **more,
        )

    def refund(self, order: Record, cents: int, days: int, reason: str, *, key: str | None = None) -> Record:
        """Money that the gateway moved back, and the store's record of it."""
        self._add(
            "movement",
            f"seeded-{key or self._orders}",
            days,
            charge=order["id"],
            amount=major(cents),
            currency=order["currency"],
            reason=reason,
            method=order["method"],
        )
        return self._add(
            "refund",
            key or self._next_order(),
            days,
            charge=order["id"],
            status="completed",
            amount=major(cents),
            total=f"-{major(cents)}",
            reason=reason,
            by=2,
            done=True,
            restock=False,
            meta=[],
            lines=[],
        )

    def subscription(
        self, order: Record, days: int, *, status: str = "active", key: str | None = None, **more: Any
    ) -> Record:
        """A subscription that began `days` ago with `order`, its parent."""
        shared = ("customer", "billing", "currency", "total", "tax", "method", "title", "lines", "paid")
        fields = {name: order[name] for name in shared} | NEW_SUBSCRIPTION | more
        key = key or self._next_order()
        subscription = self._add("subscription", key, days, parent=order["id"], status=status, **fields)
        self.relate(order, subscription, "parent")
        return subscription

    def relate(self, order: Record, subscription: Record, relation: str) -> None:
        """An order was the subscription's `parent` or a `renewal` of it."""
        order |= {"subscription": subscription["id"], "relation": relation}
        if relation == "renewal":
            value = subscription["id"]
            order["meta"] = [{"id": int(order["id"]), "key": "_subscription_renewal", "value": value}]

    def note(self, order: Record, text: str, days: int, author: str = "WooCommerce") -> None:
        """Something that somebody wrote about an order."""
        self._notes += 1
        self._add("note", str(self._notes), days, charge=order["id"], text=text, author=author, public=False)

    def _add(self, kind: str, key: str, days: int, **fields: Any) -> Record:
        created = self.ago(days)
        record = {"id": key, "object": kind, "created": created, "modified": created} | fields
        self._records.append(record)
        return record

    def _next_order(self) -> str:
        self._orders += 1
        return str(self._orders - 1)

    def _line(self, item: str, cents: int, tax: int) -> dict[str, Any]:
        self._lines += 2
        return {
            "id": self._lines,
            "name": item,
            "product": 300 + len(item),
            "sku": item.lower().replace(" ", "-"),
            "quantity": 1,
            "total": major(cents),
            "tax": major(tax),
        }


def major(cents: int) -> str:
    """Hundredths as the store writes them: `49.00`."""
    return f"{cents // 100}.{cents % 100:02}"


def billing_of(person: Person) -> dict[str, str]:
    """A person's billing address, in the order of the API's fields."""
    first, _, last = person.name.partition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "company": "",
        "address_1": "1 Rehearsal Street",
        "address_2": "",
        "city": person.city,
        "state": "",
        "postcode": "",
        "country": person.country,
        "email": person.email,
        "phone": "+1 555 010 0199",
    }
