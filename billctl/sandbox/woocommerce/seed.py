"""The rehearsal shop at WooCommerce: a year and a half of it, the same every time but for its dates.

The heroine of the documentation is Layla Haddad, customer 21. Promised of her:

- 1041, 49.00 USD, paid 62 days ago, nothing refunded
- 1042, 49.00 USD, paid 43 days ago, of which refund 1045 gave 20.00 back
- 1043, 49.00 USD, paid through Stripe 12 days ago: the charge `ch_SbxLayla0000001` of Stripe's sandbox
- 1044, 15.00 USD, not paid
- 1046, 120.00 USD, paid 130 days ago
- 1047, 75.00 USD, paid through PayPal: `SBXLAYLA000000004` there
- 1048, 49.00 USD, paid through Braintree: `layla001` there
- 1050, an active monthly subscription of 49.00 USD, bought with 1049 and renewed by 1051 and 1052

Tariq's orders need a second page at a hundred and wait for bank transfers. Noah, Rashid and others bought as
guests: no user of the site has their address, but Noah's is Olivia's. Huda is a shop manager, so that the
list of customers leaves her out. Mia's subscription is set to end, Yusuf's waits for a payment, and Faisal's
is paid by a method that cannot cancel one. Noura pays in dinars, which the store rounds to two decimals. What
the gateway gave back, it has movements of.
"""

from collections.abc import Callable
from typing import Any

from billctl.sandbox.database import Database, Record
from billctl.sandbox.seed import PEOPLE, Person
from billctl.sandbox.woocommerce.ledger import DAY, Ledger, billing_of
from billctl.sandbox.woocommerce.store import fill

ITEMS = ("Onboarding session", "Extra seats", "Priority support", "Data export", "Training day")
PER_DOLLAR = {"USD": 100, "EUR": 92, "SAR": 375, "KWD": 31, "JPY": 15_000}
"""Hundredths of a currency's unit for a dollar, roughly."""

GUESTS = frozenset({"Noah", "Rashid", "Pedro"})
ROLES = {"Huda": "shop_manager", "Faisal": "subscriber"}
NEAR_LAYLA = Person("Near", "Lay Near", "notlayla@example.com", "AE", "Sharjah", "usd", "", "")
"""Somebody whose e-mail contains another's."""

SARA = Person("Sara", "سارة القاسم", "sara@example.org", "SA", "الطائف", "sar", "", "")
STAFF = Person("Mona", "Mona Manager", "mona@shop.example", "SA", "Riyadh", "sar", "", "")


def seed(database: Database, *, live: bool, now: int) -> None:
    """Write one mode's shop as it stands at `now` (Unix seconds). Call inside a write transaction."""
    fill(database, shop(now), live=live)
    database.execute("INSERT OR REPLACE INTO settings VALUES(?, 1)", (f"seeded_{int(live)}",))


def shop(now: int) -> list[Record]:
    """Every record of the shop, oldest first."""
    ledger = Ledger(now)
    for index, person in enumerate(person for person in PEOPLE if "woocommerce" in person.gateways):
        life = _Life(ledger, person, index)
        STORIES.get(person.story, _onetime)(life)
    ledger.named_user("2", billing_of(STAFF), 540, role="shop_manager")
    ledger.order(billing_of(NEAR_LAYLA), 6600, "USD", 35, item=ITEMS[0])
    ledger.order(billing_of(SARA), 11_385, "SAR", 28, item=ITEMS[2], number="WEB-2043")
    for number, days in enumerate((6, 51, 96), start=1):
        guest = Person("Guest", "Walk In", f"guest{number}@example.com", "US", "Reno", "usd", "", "")
        ledger.order(billing_of(guest), 2500 * number, "USD", days, item=ITEMS[number])
    return ledger.records()


class _Life:
    """What happened with one customer."""

    def __init__(self, ledger: Ledger, person: Person, index: int) -> None:
        self.ledger = ledger
        self.person = person
        self.index = index
        self.currency = person.currency.upper()
        self.billing = billing_of(person)
        self.age = 140 + index * 71 % 290
        """Days since the customer came."""
        self.user: Record | None = None
        if person.slug not in GUESTS:
            self.user = ledger.user(self.billing, self.age, role=ROLES.get(person.slug, "customer"))

    def cents(self, number: int = 0) -> int:
        dollars = (15, 29, 42, 75, 120, 265)[(self.index + number * 5) % 6]
        return dollars * PER_DOLLAR[self.currency]

    def buy(self, number: int = 0, days: int | None = None, **fields: Any) -> Record:
        ago = days if days is not None else 3 + (self.index * 29 + number * 47) % (self.age - 5)
        item = ITEMS[(self.index + number) % len(ITEMS)]
        cents, currency = fields.pop("cents", self.cents(number)), fields.pop("currency", self.currency)
        return self.ledger.order(self.billing, cents, currency, ago, item=item, user=self.user, **fields)

    def subscribe(self, months: int, *, days: int = 12, **fields: Any) -> Record:
        """A subscription renewed `months` times, last `days` ago, and due a month after that."""
        started = days + 30 * months
        first = self.buy(days=started, cents=49 * PER_DOLLAR[self.currency], key=fields.pop("parent", None))
        keys = fields.pop("renewals", [None] * months)
        fields.setdefault("next", self.ledger.ago(days) + 30 * DAY)
        subscription = self.ledger.subscription(first, started, **fields)
        for month, key in enumerate(keys, start=1):
            cents = 49 * PER_DOLLAR[self.currency]
            renewal = self.buy(days=started - 30 * month, cents=cents, key=key, via="subscription")
            self.ledger.relate(renewal, subscription, "renewal")
            subscription["paid"] = renewal["paid"]
        return subscription


def _layla(life: _Life) -> None:
    life.buy(days=62, cents=4900, key="1041")
    partly = life.buy(days=43, cents=4900, key="1042")
    life.ledger.refund(partly, 2000, 38, "One seat fewer", key="1045")
    life.buy(days=12, cents=4900, key="1043", method="stripe", transaction="ch_SbxLayla0000001")
    life.buy(days=2, cents=1500, key="1044", status="pending", method="bacs")
    life.buy(days=130, cents=12_000, key="1046")
    life.buy(days=70, cents=7500, key="1047", method="ppcp-gateway", transaction="SBXLAYLA000000004")
    life.buy(days=62, cents=4900, key="1048", method="braintree_credit_card", transaction="layla001")
    life.subscribe(2, parent="1049", key="1050", renewals=["1051", "1052"])


def _active(life: _Life) -> None:
    life.subscribe(2 + life.index % 3, days=3 + life.index % 17)
    order = life.buy(1)
    if life.index % 2 == 0:
        life.ledger.refund(order, life.cents(1), 2, "Ordered twice")
        order["status"] = "refunded"


def _onetime(life: _Life) -> None:
    for number in range(3):
        life.buy(number)
    life.ledger.note(life.buy(3, 20, status="processing"), "اتصل العميل بشأن التوصيل", 19, "Mona Manager")


def _invoiced(life: _Life) -> None:
    for number in range(104 if life.person.slug == "Tariq" else 12):
        life.buy(number, 7 + number * 4, method="bacs")
    life.buy(1, 5, status="on-hold", method="bacs")
    life.buy(2, 3, status="on-hold", method="bacs")


def _past_due(life: _Life) -> None:
    late = life.subscribe(1, days=34, status="on-hold", next=None, owes=True)
    renewal = life.buy(days=4, cents=49 * PER_DOLLAR[life.currency], status="failed", via="subscription")
    life.ledger.relate(renewal, late, "renewal")
    life.buy(1)


def _ending(life: _Life) -> None:
    ends = life.ledger.ago(9) + 30 * DAY
    life.subscribe(3, days=9, status="pending-cancel", next=None, cancelled=life.ledger.ago(4), end=ends)


def _unpaid(life: _Life) -> None:
    life.subscribe(
        1, days=64, status="cancelled", next=None, cancelled=life.ledger.ago(20), end=life.ledger.ago(20)
    )
    life.buy(1, 6, status="failed")
    life.buy(2, 5, status="cancelled")


def _refunded(life: _Life) -> None:
    whole = life.buy(0, 60, status="refunded")
    life.ledger.refund(whole, life.cents(0), 55, "duplicate")
    partly = life.buy(1, 30)
    for share, days in ((40, 25), (50, 12)):
        life.ledger.refund(partly, life.cents(1) // share * 10, days, "goodwill")
    life.buy(2)


def _yearly(life: _Life) -> None:
    order = life.buy(days=135, cents=990 * PER_DOLLAR[life.currency], method="ppcp-gateway")
    life.ledger.subscription(order, 135, period="year", next=life.ledger.ago(135) + 365 * DAY)


STORIES: dict[str, Callable[[_Life], None]] = {
    "layla": _layla,
    "active": _active,
    "invoiced": _invoiced,
    "past_due": _past_due,
    "ending": _ending,
    "unpaid": _unpaid,
    "refunded": _refunded,
    "refund_pending": _refunded,
    "dispute_won": _ending,
    "yearly": _yearly,
}
"""What a person's story is at the store; any other is a few orders."""
