"""The rehearsal shop at Braintree: fourteen months of it, the same every time but for its dates.

The heroine of the documentation is Layla Haddad, customer `layla`, card `layla1`. Promised of her:

- `layla001` 49.00 USD, settled, nothing refunded
- `layla002` 49.00 USD, settled, 20.00 of it refunded by `layla003`
- `layla004` 15.00 EUR, submitted for settlement: void, not refund
- `layla005` 30.00 USD, authorized
- `layla006` 120.00 USD, settled, disputed by `layladispute0001` (open)
- `sublay`, active in its third billing cycle, 49.00 USD a month

Victor's `subvic` is in its trial, Kofi's `subkof` past due, Jonas's sales need two pages. What is not
settled stays so: the shop's batch is never cut by itself, a test settles it with the testing calls.
"""

from collections.abc import Callable

from billctl.sandbox.braintree.cards import branded
from billctl.sandbox.braintree.catalog import PLANS
from billctl.sandbox.braintree.ledger import Ledger, payer_of
from billctl.sandbox.braintree.store import fill
from billctl.sandbox.database import Database, Record
from billctl.sandbox.seed import PEOPLE, Person

DOLLARS = {"USD": 100, "EUR": 90, "SAR": 375, "KWD": 300, "JPY": 150}
"""Minor units of a currency that a dollar is worth, roughly."""


def seed(database: Database, *, live: bool, now: int) -> None:
    """Write one mode's shop as it stands at `now` (Unix seconds). Call inside a write transaction."""
    fill(database, shop(now), live=live)
    database.execute("INSERT OR REPLACE INTO settings VALUES(?, 1)", (f"seeded_{int(live)}",))


def shop(now: int) -> list[Record]:
    """Every record of the shop, oldest first."""
    ledger = Ledger(now)
    here = [person for person in PEOPLE if "braintree" in person.gateways]
    for index, person in enumerate(here):
        _Life(ledger, person, index).tell()
    for number, days in enumerate((6, 51, 96), start=1):
        _guest(ledger, f"guest{number}@example.com", "guest", 2500 * number, days)
    _guest(ledger, "mia@example.org", "mia", 3300, 20)
    return ledger.records()


def _guest(ledger: Ledger, email: str, slug: str, cents: int, days: int) -> None:
    """A sale to somebody without a place in the vault."""
    person = {"first_name": "Walk", "last_name": "In", "email": email}
    payer = {"person": person, "email": email, "card": branded("visa")}
    ledger.sale(slug, cents, "USD", days, payer=payer)


class _Life:
    """What happened with one customer."""

    def __init__(self, ledger: Ledger, person: Person, index: int) -> None:
        self.ledger = ledger
        self.person = person
        self.index = index
        self.slug = person.slug.lower()
        self.currency = person.currency.upper()
        self.age = 130 + index * 71 % 290
        """Days since the customer came."""
        key = self.slug if index % 3 != 2 else f"2030661{index:02}"
        self.customer = ledger.customer(person, key, index, self.age)
        self.card = ledger.card(self.customer, person, f"{(1881 + index * 731) % 10_000:04}")
        self.payer = payer_of(self.customer, self.card)

    def tell(self) -> None:
        STORIES.get(self.person.story, _onetime)(self)

    def amount(self, number: int = 0) -> int:
        dollars = (15, 29, 42, 75, 120, 265)[(self.index + number * 5) % 6]
        return dollars * DOLLARS[self.currency]

    def buy(self, number: int = 0, days: int | None = None, *, status: str = "settled") -> Record:
        ago = days if days is not None else 3 + (self.index * 29 + number * 47) % (self.age - 5)
        order = f"{self.slug}-{number + 1}"
        amount = self.amount(number)
        return self.ledger.sale(
            self.slug, amount, self.currency, ago, payer=self.payer, status=status, order_id=order
        )

    def sell(self, minor: int, currency: str, days: int, status: str = "settled") -> Record:
        return self.ledger.sale(self.slug, minor, currency, days, payer=self.payer, status=status)

    def subscribe(self, cycle: int, *, days: int, plan: str = "pro", **more: object) -> Record:
        key = f"{plan}_{self.currency.lower()}"
        subscription = self.ledger.subscription(self.person, self.card, key, cycle=cycle, days=days, **more)
        self.ledger.bill(self.slug, subscription, self.payer, [days + 30 * n for n in reversed(range(cycle))])
        return subscription


def _layla(life: _Life) -> None:
    life.sell(4900, "USD", 62)
    partly = life.sell(4900, "USD", 43)
    life.ledger.refund(life.slug, partly, 2000, 38)
    life.sell(1500, "EUR", 1, "submitted_for_settlement")
    life.sell(3000, "USD", 2, "authorized")
    life.ledger.dispute(life.slug, life.sell(12_000, "USD", 25), "open", 3)
    life.subscribe(3, days=12)


def _active(life: _Life) -> None:
    life.subscribe(2 + life.index % 4, days=3 + life.index % 17)
    sale = life.buy(1)
    if life.index % 2 == 0:
        life.ledger.refund(life.slug, sale, None, 2)
    life.ledger.card(life.customer, life.person, "0051", year="2024", expired=True, default=False)


def _onetime(life: _Life) -> None:
    for number in range(3):
        life.buy(number)
    ended = life.ledger.ago(30)
    if life.person.slug == "Olivia":
        gone = life.subscribe(4, days=35)
        gone |= {"status": "Canceled", "updated": ended, "next": None}
        gone["history"].append([ended, "Canceled", 0, "control_panel"])


def _ending(life: _Life) -> None:
    life.subscribe(5, days=9, cycles=5)


def _invoiced(life: _Life) -> None:
    for number in range(52):
        life.buy(number, 7 + number * 7)
    gone = life.subscribe(3, days=60, plan="basic", cycles=3)
    ended = life.ledger.ago(29)
    gone |= {"status": "Expired", "updated": ended, "next": None}
    gone["history"].append([ended, "Expired", 0, "recurring"])


def _past_due(life: _Life) -> None:
    late = life.subscribe(4, days=38)
    price = PLANS["pro_usd"]["price"]
    about = {"subscription": late["id"], "plan": late["plan"], "payer": life.payer}
    for days in (8, 4):
        life.ledger.decline(life.slug, price, "USD", days, "2001", **about)
    when = life.ledger.ago(8)
    late |= {"status": "Past Due", "balance": price, "days_past_due": 8, "failures": 2, "updated": when}
    late["history"].append([when, "Past Due", price, "recurring"])


def _disputed(status: str) -> Callable[[_Life], None]:
    def story(life: _Life) -> None:
        days = 16 if status == "disputed" else 110
        life.ledger.dispute(life.slug, life.buy(0, days), status, days - 5)
        life.buy(1)

    return story


def _authorized(life: _Life) -> None:
    life.buy(0, 2, status="authorized")
    life.buy(1, 30, status="authorization_expired")
    life.buy(2, 1, status="submitted_for_settlement")
    life.buy(3, 5, status="voided")
    life.buy(4, 1, status="settling")
    if life.person.slug == "Victor":
        life.subscribe(0, days=6, plan="tryout")


STORIES: dict[str, Callable[[_Life], None]] = {
    "layla": _layla,
    "active": _active,
    "onetime": _onetime,
    "ending": _ending,
    "invoiced": _invoiced,
    "past_due": _past_due,
    "dispute_lost": _disputed("lost"),
    "dispute_won": _disputed("won"),
    "dispute_review": _disputed("disputed"),
    "authorized": _authorized,
}
"""What a person's story is at Braintree; any other is three sales."""
