"""The rehearsal shop in Stripe's objects: eighteen months of it, the same every time but for its dates.

Ids are Stripe's in prefix and readable in the rest: `cus_SbxLayla000001`, `ch_SbxLayla0000001`. The
heroine of the documentation is Layla Haddad; her ids and amounts are promised there.
"""

from collections.abc import Callable
from typing import Any

from billctl.sandbox.database import Database, Record
from billctl.sandbox.seed import PEOPLE, Person
from billctl.sandbox.stripe.ledger_billing import Billing
from billctl.sandbox.stripe.money import THREE_DECIMAL, ZERO_DECIMAL

PLANS = (("Basic", "basic", 1900), ("Pro", "pro", 4900), ("Team", "team", 9900))
RATES = {"usd": 100, "eur": 92, "sar": 375, "kwd": 31, "jpy": 15_000, "isk": 13_800, "ugx": 370_000}
"""Hundredths of a unit per dollar, roughly; a kuwaiti amount is then three decimals ending in 0."""

ITEMS = (
    "Onboarding session",
    "Extra seats",
    "Priority support",
    "Data export",
    "Training day",
    "Add-on pack",
)


def price_in(cents: int, currency: str) -> int:
    """About as much as `cents` US cents, in Stripe's minor unit of `currency`."""
    hundredths = cents * RATES[currency] // 100
    if currency in ZERO_DECIMAL:
        return max(hundredths // 100, 1)
    if currency in THREE_DECIMAL:
        return hundredths * 10
    return hundredths if currency in ("usd", "eur", "sar") else hundredths // 100 * 100


def seed(database: Database, *, live: bool, now: int) -> None:
    """Write one mode's shop as it stands at `now` (Unix seconds). Call inside a write transaction."""
    database.insert(live, shop(now, live=live))
    database.execute("INSERT OR REPLACE INTO settings VALUES(?, 1)", (f"seeded_{int(live)}",))


def shop(now: int, *, live: bool) -> list[Record]:
    """Every object of the shop, oldest first."""
    ledger = Billing(now, live=live)
    for name, word, cents in PLANS:
        product = ledger.product(name, word)
        for currency in ("usd", "eur", "sar", "kwd", "jpy"):
            ledger.price(product, word, currency, price_in(cents, currency))
    ledger.price("prod_SbxTeam000001", "teamyear", "sar", price_in(99_000, "sar"), interval="year")
    for index, person in enumerate(person for person in PEOPLE if "stripe" in person.gateways):
        _Life(ledger, person, index).tell()
    for number, cents in enumerate((2500, 7900, 1200)):
        ledger.guest(f"guest{number + 1}@example.com", cents, number * 45 + 6)
    return ledger.records()


class _Life:
    """What happened with one customer."""

    def __init__(self, ledger: Billing, person: Person, index: int) -> None:
        self.ledger = ledger
        self.person = person
        self.index = index
        self.age = 130 + index * 71 % 420
        """Days since the customer came."""
        self.customer = ledger.customer(person, self.age)

    def tell(self) -> None:
        STORIES[self.person.story](self)

    def amount(self, number: int = 0) -> int:
        cents = (1500, 2900, 4200, 7500, 12_000, 26_500)[(self.index + number * 5) % 6]
        return price_in(cents, self.person.currency)

    def buy(self, number: int = 0, days: int | None = None, **fields: Any) -> Record:
        ago = days if days is not None else 3 + (self.index * 29 + number * 47) % (self.age - 5)
        text = ITEMS[(self.index + number) % len(ITEMS)]
        return self.ledger.charge(self.customer, self.amount(number), ago, text, **fields)

    def plan(self) -> str:
        return f"price_Sbx_{PLANS[self.index % 3][1]}_{self.person.currency}"

    def subscribe(self, status: str = "active", *, months: int = 3, **fields: Any) -> Record:
        days = fields.pop("days", 3 + self.index % 17)
        return self.ledger.subscription(
            self.customer, self.plan(), status, periods=months, days=days, **fields
        )


def _layla(life: _Life) -> None:
    ledger, customer = life.ledger, life.customer
    due = ledger.invoice(customer, 12_000, 50, "open", "Consulting, two hours", due_days=30)
    subscription = ledger.subscription(customer, "price_Sbx_pro_usd", "active", periods=0, days=12)
    paid = next(one for one in ledger.of("charge") if one["customer"] == customer["id"])
    assert (due["id"], subscription["id"]) == ("in_SbxLayla000001", "sub_SbxLayla000001")
    assert paid["id"] == "ch_SbxLayla0000001"
    partly = ledger.charge(customer, 4900, 43, "Pro, one month")
    ledger.refund(partly, 2000, 38, reason="requested_by_customer")
    abroad = ledger.charge(customer, 310_500, 25, "Annual licence", currency="kwd")
    ledger.dispute(abroad, "needs_response", 3, "product_not_received")


def _active(life: _Life) -> None:
    life.subscribe(months=2 + life.index % 4)
    life.buy(1)
    if life.index % 3 == 0:
        life.ledger.refund(life.buy(2), None, 2)


def _onetime(life: _Life) -> None:
    for number in range(3):
        life.buy(number)


def _past_due(life: _Life) -> None:
    life.subscribe("past_due")
    life.buy(1)


def _canceled(life: _Life) -> None:
    life.subscribe("canceled", months=4, ended_days=35)
    life.buy(1)


def _trialing(life: _Life) -> None:
    life.subscribe("trialing", months=0, days=6)


def _ending(life: _Life) -> None:
    life.subscribe(cancel_at_period_end=True)


def _unpaid(life: _Life) -> None:
    life.subscribe("unpaid", months=4)


def _paused(life: _Life) -> None:
    life.subscribe("paused", months=0, days=40)
    life.buy(1)


def _incomplete(life: _Life) -> None:
    life.subscribe("incomplete", months=0, days=0)


def _expired(life: _Life) -> None:
    life.subscribe("incomplete_expired", months=0, days=1, ended_days=79)
    life.buy(1)


def _invoiced(life: _Life) -> None:
    life.ledger.invoice(life.customer, life.amount(), 75, "paid", "Monthly statement", due_days=30)
    life.ledger.invoice(life.customer, life.amount(1), 44, "open", "Monthly statement", due_days=30)
    life.ledger.invoice(life.customer, life.amount(2), 10, "open", "Monthly statement", due_days=30)


def _with_invoice(status: str) -> Callable[[_Life], None]:
    def story(life: _Life) -> None:
        life.buy(1)
        life.ledger.invoice(life.customer, life.amount(), 60, status, "Setup", due_days=14)

    return story


def _draft(life: _Life) -> None:
    life.buy(1)
    life.ledger.invoice(life.customer, life.amount(), 2, "draft", "Setup", due_days=14)
    life.ledger.invoice(life.customer, life.amount(2), 1, "draft", "Usage", due_days=None)


def _refunded(life: _Life) -> None:
    life.ledger.refund(life.buy(0, 60), None, 55, reason="duplicate")
    charge = life.buy(1, 30)
    life.ledger.refund(charge, charge["amount"] // 40 * 10, 25)
    life.ledger.refund(charge, charge["amount"] // 50 * 10, 12)
    life.buy(2)


def _one_refund(status: str) -> Callable[[_Life], None]:
    def story(life: _Life) -> None:
        life.ledger.refund(life.buy(0, 20), None, 4, status=status)
        life.buy(1)

    return story


def _disputed(status: str, reason: str = "fraudulent") -> Callable[[_Life], None]:
    def story(life: _Life) -> None:
        old = status in ("won", "lost", "warning_closed", "prevented")
        charge = life.buy(0, 110 if old else 16)
        life.ledger.dispute(charge, status, 90 if old else 5, reason)
        life.subscribe()

    return story


def _yearly(life: _Life) -> None:
    life.ledger.subscription(life.customer, "price_Sbx_teamyear_sar", "active", periods=1, days=135)


def _authorized(life: _Life) -> None:
    life.buy(0, 2, capture=False)
    life.buy(1, 3, capture=False, intent=False)
    life.buy(2)


def _declined(life: _Life) -> None:
    life.buy(0, 4, decline=("card_declined", "insufficient_funds"))
    life.buy(0, 3, decline=("card_declined", "do_not_honor"))
    life.buy(0, 2)


def _single(life: _Life) -> None:
    life.ledger.charge(life.customer, price_in(2900, life.person.currency), 18, "Field kit")


def _deleted(life: _Life) -> None:
    life.buy(0)
    life.customer |= {"deleted": True, "email": None, "status": "deleted"}


STORIES: dict[str, Callable[[_Life], None]] = {
    "layla": _layla,
    "active": _active,
    "onetime": _onetime,
    "past_due": _past_due,
    "canceled": _canceled,
    "trialing": _trialing,
    "ending": _ending,
    "unpaid": _unpaid,
    "paused": _paused,
    "incomplete": _incomplete,
    "expired": _expired,
    "invoiced": _invoiced,
    "uncollectible": _with_invoice("uncollectible"),
    "voided": _with_invoice("void"),
    "draft": _draft,
    "refunded": _refunded,
    "refund_pending": _one_refund("pending"),
    "refund_failed": _one_refund("failed"),
    "refund_canceled": _one_refund("canceled"),
    "action": _one_refund("requires_action"),
    "dispute_lost": _disputed("lost"),
    "dispute_won": _disputed("won", "product_unacceptable"),
    "dispute_review": _disputed("under_review", "subscription_canceled"),
    "dispute_prevented": _disputed("prevented"),
    "inquiry": _disputed("warning_needs_response", "general"),
    "inquiry_review": _disputed("warning_under_review", "general"),
    "inquiry_closed": _disputed("warning_closed", "general"),
    "yearly": _yearly,
    "authorized": _authorized,
    "declined": _declined,
    "one_isk": _single,
    "one_ugx": _single,
    "deleted": _deleted,
}
