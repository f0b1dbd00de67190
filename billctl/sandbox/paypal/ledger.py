"""A shop being built: payers, orders and payments with readable ids, and times counted back in days."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.paypal.times import DAY
from billctl.sandbox.seed import Person

UNITS = {"USD": 100, "EUR": 92, "JPY": 150, "TWD": 32, "HUF": 360}
"""Currency → its units (hundredths, or whole where PayPal takes no decimals) per 100 US cents."""

FEE_PERCENT = 3
NOT_IN_ACCOUNT_IDS = str.maketrans("IO10", "JQ7U")
"""Letters and digits that a PayPal account id never has, and what stands for them."""


def currency_of(person: Person) -> str:
    """What a person pays in: their own currency where the shop has it at PayPal, else US dollars."""
    own = person.currency.upper()
    return own if own in UNITS else "USD"


def price(cents: int, currency: str) -> int:
    """About as much as `cents` US cents."""
    return cents * UNITS[currency] // 100


class Ledger:
    """Payers and payments; billing builds on it."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._records: dict[str, Record] = {}
        self._numbers: dict[str, int] = {}

    def records(self) -> list[Record]:
        """Every object, oldest first."""
        return sorted(self._records.values(), key=lambda record: int(record["created"]))

    def add(self, kind: str, key: str, days: float, **fields: Any) -> Record:
        """Put an object in, made so many days ago."""
        created = self.ago(days)
        record = {"id": key, "object": kind, "created": created, "updated": created, **fields}
        self._records[key] = record
        return record

    def ago(self, days: float) -> int:
        """An instant so long ago; the time of day depends on the day, so that not all happens at once."""
        return self.now - int(days * DAY) - int(days * 7919 % 36_000)

    def number(self, what: str) -> int:
        """1, 2, 3 … for each thing that is numbered."""
        self._numbers[what] = self._numbers.get(what, 0) + 1
        return self._numbers[what]

    def new_id(self, payer: Record, letter: str = "") -> str:
        """`SBXLAYLA000000001`, and with a letter `SBXLAYLAR00000001`: 17 characters."""
        start = f"SBX{payer['slug']}{letter}"
        return f"{start}{self.number(start):0{17 - len(start)}}"

    def payer(self, person: Person, days: int) -> Record:
        """Somebody who first paid so many days ago."""
        slug = person.slug.upper()
        given, _, surname = person.name.partition(" ")
        key = f"SBX{slug}".translate(NOT_IN_ACCOUNT_IDS).ljust(13, "2")
        return self.add(
            "payer",
            key,
            days,
            slug=slug,
            email=person.email,
            given=given,
            surname=surname,
            country=person.country,
            currency=currency_of(person),
        )

    def order(self, payer: Record, amount: int, days: float, text: str, intent: str = "CAPTURE") -> Record:
        """A checkout, without its payments."""
        return self.add(
            "order",
            self.new_id(payer, "O"),
            days,
            customer=payer["id"],
            intent=intent,
            status="COMPLETED",
            amount=amount,
            currency=payer["currency"],
            description=text,
            invoice=f"{payer['slug']}-{self.number('order ' + payer['id']):04}",
        )

    def capture(self, payer: Record, amount: int, days: float, **fields: Any) -> Record:
        """Money taken; without an order unless `payment_intent` names one."""
        return self.add(
            "capture",
            self.new_id(payer),
            days,
            **{
                "amount": amount,
                "currency": payer["currency"],
                "status": "COMPLETED",
                "refunded": 0,
                "fee": amount * FEE_PERCENT // 100,
                "event": "T0006",
                "customer": payer["id"],
                "email": payer["email"],
                **fields,
            },
        )

    def buy(self, payer: Record, amount: int, days: float, text: str, **fields: Any) -> Record:
        """A checkout that was paid at once."""
        order = self.order(payer, amount, days, text)
        return self.capture(
            payer, amount, days, payment_intent=order["id"], invoice=order["invoice"], **fields
        )

    def refund(self, capture: Record, amount: int | None, days: float, status: str = "COMPLETED") -> Record:
        """Money given back; None: all of it. A refund that failed or was cancelled gives none."""
        payer = self._records[capture["customer"]]
        amount = capture["amount"] if amount is None else amount
        record = self.add(
            "refund",
            self.new_id(payer, "R"),
            days,
            amount=amount,
            currency=capture["currency"],
            status=status,
            charge=capture["id"],
            payment_intent=capture.get("payment_intent"),
            customer=payer["id"],
            email=capture["email"],
        )
        if status == "PENDING":
            record["reason"] = "ECHECK"
        if status in ("COMPLETED", "PENDING"):
            self._count(capture, amount, record["created"])
        record["total_refunded"] = capture["refunded"]
        return record

    def _count(self, capture: Record, amount: int, when: int) -> None:
        refunded = capture["refunded"] + amount
        status = "REFUNDED" if refunded == capture["amount"] else "PARTIALLY_REFUNDED"
        capture |= {"refunded": refunded, "status": status, "updated": when}

    def authorize(self, payer: Record, amount: int, days: float, text: str, **fields: Any) -> Record:
        """Money held by a checkout and not, or only in part (`captured`), taken."""
        order = self.order(payer, amount, days, text, "AUTHORIZE")
        return self.add(
            "authorization",
            self.new_id(payer, "A"),
            days,
            **{
                "amount": amount,
                "currency": payer["currency"],
                "status": "CREATED",
                "captured": 0,
                "expires": self.ago(days) + 29 * DAY,
                "payment_intent": order["id"],
                "customer": payer["id"],
                "email": payer["email"],
                "invoice": order["invoice"],
                **fields,
            },
        )

    def take(self, authorization: Record, amount: int, days: float) -> Record:
        """Money taken of what was held."""
        taken = authorization["captured"] + amount
        full = taken == authorization["amount"]
        capture = self.capture(
            self._records[authorization["customer"]],
            amount,
            days,
            payment_intent=authorization["payment_intent"],
            authorization=authorization["id"],
            final=full,
        )
        status = "CAPTURED" if full else "PARTIALLY_CAPTURED"
        authorization |= {"captured": taken, "status": status, "updated": capture["created"]}
        return capture

    def sale(self, payer: Record, amount: int, days: float) -> Record:
        """A payment of the old kind, known to `/v1/payments` only."""
        return self.add(
            "sale",
            self.new_id(payer, "S"),
            days,
            amount=amount,
            currency=payer["currency"],
            status="COMPLETED",
            refunded=0,
            fee=amount * FEE_PERCENT // 100,
            customer=payer["id"],
            email=payer["email"],
        )
