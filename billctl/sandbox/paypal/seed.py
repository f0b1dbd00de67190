"""The shop's life at PayPal: what every payer did, told back from the moment of seeding.

Promised, for the documentation and for tests: Layla Haddad (layla@example.com, account SBXLAYLA22222) has
- SBXLAYLA000000001, 49.00 USD, nothing refunded, 12 days ago, the last payment of
- I-SBXLAYLA0001, an active monthly subscription of 49.00 USD (payments of a subscription have no order);
- SBXLAYLA000000002, 49.00 USD, 43 days ago, of which SBXLAYLAR00000001 gave 20.00 back;
- SBXLAYLA000000003, 129.00 USD, 25 days ago, with the open dispute PP-D-90001;
- SBXLAYLA000000004, 75.00 USD, 70 days ago, which paid INV2-SBXL-AYLA-0000-0002;
- INV2-SBXL-AYLA-0000-0001, 120.00 USD, unpaid and due for 20 days;
- SBXLAYLA000000005, 19.00 USD, 150 days ago, beyond the 90 days that a lookup goes back by itself;
- SBXLAYLAA00000001, an authorization of 60.00 USD, two days ago, not captured.
"""

from collections.abc import Callable

from billctl.sandbox.database import Database, Record
from billctl.sandbox.paypal.ledger import UNITS, price
from billctl.sandbox.paypal.ledger_billing import Billing
from billctl.sandbox.paypal.times import DAY
from billctl.sandbox.seed import PEOPLE, Person

PLANS = {"Basic": 1900, "Pro": 4900, "Team": 9900}
ITEMS = ("Onboarding session", "Extra seats", "Priority support", "Data export", "Training day")
NEAR_HUDA = Person("Alhuda", "Huda Trading", "alhuda@example.com", "SA", "Riyadh", "usd", "", "")
"""Somebody whose e-mail contains another's, and who shares her first name."""


def seed(database: Database, *, live: bool, now: int) -> None:
    """Write one mode's shop as it stands at `now` (Unix seconds). Call inside a write transaction."""
    database.insert(live, shop(now))
    database.execute("INSERT OR REPLACE INTO settings VALUES(?, 1)", (f"seeded_{int(live)}",))


def shop(now: int) -> list[Record]:
    """Every object of the shop, oldest first."""
    ledger = Billing(now)
    plans = {(n, c): ledger.plan(n, cents, c) for n, cents in PLANS.items() for c in UNITS}
    for index, person in enumerate(person for person in PEOPLE if "paypal" in person.gateways):
        life = _Life(ledger, plans, person, index)
        STORIES[person.story](life)
        EXTRAS.get(person.slug, _nothing)(life)
    ledger.stranger(NEAR_HUDA, "Setup", 4500, 40)
    return ledger.records()


class _Life:
    """What happened with one payer."""

    def __init__(
        self, ledger: Billing, plans: dict[tuple[str, str], Record], person: Person, index: int
    ) -> None:
        self.ledger = ledger
        self.index = index
        self.age = 140 + index * 71 % 290
        """Days since the payer first came."""
        self.payer = ledger.payer(person, self.age)
        self._plans = plans

    def amount(self, number: int = 0) -> int:
        cents = (1500, 2900, 4200, 7500, 12_000, 26_500)[(self.index + number * 5) % 6]
        return price(cents, self.payer["currency"])

    def plan(self, name: str = "Pro") -> Record:
        return self._plans[name, self.payer["currency"]]

    def buy(self, number: int = 0, days: float | None = None, **fields: object) -> Record:
        ago = days if days is not None else 3 + (self.index * 29 + number * 47) % (self.age - 5)
        text = ITEMS[(self.index + number) % len(ITEMS)]
        return self.ledger.buy(self.payer, self.amount(number), ago, text, **fields)


def _layla(life: _Life) -> None:
    ledger, payer = life.ledger, life.payer
    ledger.subscription(payer, life.plan(), 12, 1)
    partly = ledger.buy(payer, 4900, 43, "Pro, one month")
    ledger.refund(partly, 2000, 38)
    disputed = ledger.buy(payer, 12_900, 25, "Annual licence")
    ledger.dispute(
        disputed, "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", 3, "WAITING_FOR_SELLER_RESPONSE", stage="INQUIRY"
    )
    ledger.invoice(payer, "Consulting, two hours", 12_000, 50, "UNPAID", due=30)
    ledger.pay(ledger.invoice(payer, "Workshop", 7500, 74, "SENT"), payer, 70)
    ledger.buy(payer, 1900, 150, "Basic, one month")
    ledger.authorize(payer, 6000, 2, "Onboarding session")


def _active(life: _Life) -> None:
    plan = life.plan(("Basic", "Pro", "Team")[life.index % 3])
    life.ledger.subscription(life.payer, plan, 3 + life.index % 17, 3 + life.index % 9)
    life.buy(1)
    if life.index % 3 == 0:
        life.ledger.refund(life.buy(2), None, 2)


def _onetime(life: _Life) -> None:
    for number, days in enumerate((6, 64, 131)):
        life.buy(number, days)


def _refunded(life: _Life) -> None:
    life.ledger.refund(life.buy(0, 60), None, 55)
    partly = life.buy(1, 30)
    life.ledger.refund(partly, partly["amount"] // 4, 25)
    life.ledger.refund(partly, partly["amount"] // 5, 12)
    life.buy(2, 20)


def _refund_pending(life: _Life) -> None:
    life.ledger.refund(life.buy(0, 20, echeck=True), None, 4, "PENDING")
    life.ledger.refund(life.buy(1, 48), None, 30, "FAILED")
    life.buy(2, 15, echeck=True)


def _authorized(life: _Life) -> None:
    ledger, payer, amount = life.ledger, life.payer, life.amount()
    ledger.authorize(payer, amount, 2, "Field kit")
    ledger.take(ledger.authorize(payer, amount, 8, "Field kit, two parts"), amount // 3, 7)
    ledger.take(ledger.authorize(payer, amount, 40, "Data export"), amount, 39)
    ledger.authorize(payer, amount, 33, "Cancelled order", status="VOIDED")
    life.buy(1, 3, echeck=True, status="PENDING", reason="ECHECK")


def _invoiced(life: _Life) -> None:
    ledger, payer = life.ledger, life.payer
    ledger.pay(ledger.invoice(payer, "Monthly statement", life.amount(), 75, "SENT", due=30), payer, 61)
    old = ledger.invoice(payer, "Monthly statement", life.amount(1), 44, "SENT", due=30)
    ledger.pay(old, payer, 35, life.amount(1) // 2)
    ledger.invoice(payer, "Monthly statement", life.amount(2), 10, "SENT", due=30)
    ledger.invoice(payer, "Mistaken statement", life.amount(), 100, "CANCELLED")


def _omar(life: _Life) -> None:
    life.ledger.sale(life.payer, 3900, 395)
    changed = life.ledger.ago(40)
    life.ledger.subscription(
        life.payer, life.plan("Basic"), 75, 4, "SUSPENDED", status_changed=changed, note="Customer asked"
    )


def _noura(life: _Life) -> None:
    changed = life.ledger.ago(95)
    life.ledger.subscription(
        life.payer, life.plan("Team"), 120, 5, "CANCELLED", status_changed=changed, note="طلبت العميلة"
    )
    life.ledger.pay(life.ledger.invoice(life.payer, "فاتورة شهرية", 8800, 33, "SENT"), life.payer, 30)


def _emma(life: _Life) -> None:
    """She had another address once, under the same account, and won nothing by her case."""
    life.buy(3, 201, email="emma.j@example.net")
    lost = life.buy(4, 110)
    life.ledger.dispute(
        lost,
        "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED",
        100,
        "RESOLVED",
        outcome="RESOLVED_SELLER_FAVOUR",
    )


def _sophia(life: _Life) -> None:
    failed, plan = life.ledger.ago(9), life.plan("Team")
    life.ledger.subscription(
        life.payer,
        plan,
        39,
        2,
        "SUSPENDED",
        status_changed=failed,
        failures=3,
        failed=failed,
        outstanding=plan["amount"],
    )
    life.buy(5, 5, status="DECLINED")


def _farida(life: _Life) -> None:
    ledger, payer = life.ledger, life.payer
    ledger.invoice(payer, "Setup", life.amount(), 2, "DRAFT")
    ledger.invoice(payer, "Usage", life.amount(1), 1, "SCHEDULED")
    ledger.subscription(payer, life.plan("Basic"), 1, 0, "APPROVAL_PENDING")
    case = life.buy(4, 35)
    ledger.dispute(case, "UNAUTHORISED", 20, "UNDER_REVIEW", channel="EXTERNAL")


def _noah(life: _Life) -> None:
    changed = life.ledger.ago(160)
    life.ledger.subscription(life.payer, life.plan("Basic"), 190, 1, "EXPIRED", status_changed=changed)
    twice = life.buy(6, 14)
    life.ledger.dispute(twice, "DUPLICATE_TRANSACTION", 6, "WAITING_FOR_BUYER_RESPONSE", stage="INQUIRY")


def _jonas(life: _Life) -> None:
    paid = life.ledger.invoice(
        life.payer, "Training day", 30_000, 130, "MARKED_AS_PAID", business="Weber GmbH"
    )
    paid["payments"].append(
        {
            "id": "EXTR-SBXJONAS0000001",
            "type": "EXTERNAL",
            "method": "BANK_TRANSFER",
            "amount": 30_000,
            "at": paid["created"] + 5 * DAY,
        }
    )


def _nothing(_life: _Life) -> None:
    """Most people have no more to tell."""


STORIES: dict[str, Callable[[_Life], None]] = {
    "layla": _layla,
    "active": _active,
    "onetime": _onetime,
    "refunded": _refunded,
    "refund_pending": _refund_pending,
    "authorized": _authorized,
    "invoiced": _invoiced,
}
EXTRAS: dict[str, Callable[[_Life], None]] = {
    "Omar": _omar,
    "Noura": _noura,
    "Emma": _emma,
    "Sophia": _sophia,
    "Farida": _farida,
    "Noah": _noah,
    "Jonas": _jonas,
}
"""Slug → what only this one did."""
