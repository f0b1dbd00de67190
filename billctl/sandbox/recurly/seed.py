"""The rehearsal shop at Recurly, the same every time but for its dates.

The heroine of the documentation is Layla Haddad, account code `layla`. Promised of her:

- `laylatx00001` 49.00 USD, invoice 1001 of two lines (29.00 and 20.00), nothing refunded
- `laylatx00002` 49.00 USD, invoice 1002, 20.00 of it refunded by `laylatx00005` (credit invoice 1006)
- invoice 1003, 15.00 USD, past due; `laylatx00003` is the payment that was declined
- `laylasub0001`, active, 49.00 USD a month, 12 days into its month; invoice 1004, paid by `laylatx00004`
- credit invoice 1005, 10.00 USD, open: it can be voided
- `laylatx00006` 15.00 EUR, invoice 1007
- `laylasub0002`, canceled but not expired, 19.00 USD a month; invoice 1008, paid by `laylatx00007`

Others, each with something that Layla has not:

- Emma's `emmatx000001`, two hours old, has not settled; Jonas has 64 invoices
- Noah's `noahin000001` was paid by two transactions, Tariq's invoices by check, Huda's `hudain000003` in part
  by credit; 10.00 EUR of Sophia's `sophiatx0001` became credit, so that less of it is refundable
- Lucas's `lucasin00001` has a line of three units
- Liam pays by bank: a refund of his is processing, and so will the next be
- Sunil's bank declines refunds: his credit invoices stay open
- one of Tomas's payments was charged back; Ines has an authorization, and a code that is an e-mail address
- Hamad has a subscription that has yet to begin, Khalid and Ella are in their trials
"""

from billctl.sandbox.database import Database, Record
from billctl.sandbox.recurly.ledger import Lines
from billctl.sandbox.recurly.ledger_plans import PlanLedger
from billctl.sandbox.recurly.money import CURRENCIES
from billctl.sandbox.recurly.plans import PERCENT
from billctl.sandbox.seed import PEOPLE, Person

CHECK = {"object": "check"}
ODD: dict[str, Record] = {"Sunil": {"declines_refunds": True}, "Ines": {"code": "ines@example.net"}}
"""What is unusual about an account."""


def seed(database: Database, *, live: bool, now: int) -> None:
    """Write one site's shop as it stands at `now` (Unix seconds). Call inside a write transaction."""
    database.insert(live, shop(now))
    database.execute("INSERT OR REPLACE INTO settings VALUES(?, 1)", (f"seeded_{int(live)}",))


def shop(now: int) -> list[Record]:
    """Every record of the shop, oldest first."""
    ledger = PlanLedger(now)
    here = [person for person in PEOPLE if "recurly" in person.gateways]
    for index, person in enumerate(here):
        _Life(ledger, person, index).tell()
    return ledger.records()


class _Life:
    """What happened with one customer."""

    def __init__(self, ledger: PlanLedger, person: Person, index: int) -> None:
        self.ledger = ledger
        self.person = person
        self.index = index
        own = person.currency.upper()
        self.currency = own if own in CURRENCIES else "USD"
        self.age = 130 + index * 71 % 290
        """Days since the customer came."""
        since = max(self.age, 520 if person.slug == "Jonas" else 0)
        bank = person.slug == "Liam"
        self.account = ledger.account(person, since, pays_by_bank=bank, **ODD.get(person.slug, {}))

    def tell(self) -> None:
        """Write down what the person's story is here."""
        SPECIAL.get(self.person.slug, STORIES.get(self.person.story, _onetime))(self)

    def lines(self, number: int = 0) -> Lines:
        """What a purchase is of: one thing or two."""
        dollars = (15, 29, 42, 75, 120, 265)[(self.index + number * 5) % 6]
        price = dollars * PERCENT[self.currency]
        if (self.index + number) % 2:
            return (("Setup", price, 1),)
        return (("Workshop", price, 1), ("Handbook", price // 5, 2))

    def days(self, number: int) -> int:
        """How long ago a purchase was."""
        return 3 + (self.index * 29 + number * 47) % (self.age - 5)

    def buy(self, number: int = 0, days: float | None = None) -> Record:
        """A purchase that was paid at once; its transaction."""
        ago = self.days(number) if days is None else days
        return self.ledger.buy(self.account, ago, self.lines(number), self.currency)

    def subscribe(self, plan: str, *, days: int, cycle: int = 1, **more: object) -> Record:
        """A subscription, all its periods billed and paid but those that somebody else bills."""
        ledger = self.ledger
        found = ledger.subscription(self.account, plan, self.currency, days=days, cycle=cycle, **more)
        for period in reversed(range(cycle)):
            ago = days + 30.4 * period
            ledger.pay(self.account, ledger.bill(self.account, found, ago, period), ago)
        return found

    def ask_the_bank(self, kind: str, days: int, amount: int, **more: object) -> None:
        """A transaction of the recurly.js form that took nothing: `verify` or `authorization`."""
        self.ledger.add(
            "transaction",
            self.person.slug.lower(),
            days,
            customer=self.account["id"],
            type=kind,
            origin="recurlyjs",
            amount=amount,
            currency=self.currency,
            method=self.account["billing"]["method"],
            **more,
        )

    def cancel(self, subscription: Record, days: int) -> None:
        """Let it end with its term; asked for so many days ago."""
        when, end = self.ledger.ago(days), subscription["term_end"]
        subscription |= {
            "status": "canceled",
            "canceled": when,
            "updated": when,
            "expires": end,
            "due": end,
        }

    def expire(self, subscription: Record, days: int) -> None:
        """It ended so many days ago."""
        when = self.ledger.ago(days)
        subscription |= {
            "status": "expired",
            "canceled": when,
            "updated": when,
            "expires": when,
            "expiration_reason": "canceled",
        }


def _layla(life: _Life) -> None:
    ledger, account = life.ledger, life.account
    ledger.buy(account, 62, (("Starter kit", 2900, 1), ("Onboarding call", 2000, 1)), "USD")
    partly = ledger.buy(account, 43, (("Workshop", 4900, 1),), "USD")
    ledger.decline(account, ledger.invoice(account, 12, (("Handbook", 1500, 1),), "USD"), 12)
    life.subscribe("pro", days=12)
    ledger.credit(account, 1000, "USD", 5)
    ledger.refund(account, partly, 2000, 38)
    ledger.buy(account, 20, (("Sticker set", 1500, 1),), "EUR")
    life.cancel(life.subscribe("basic", days=18), 3)


def _active(life: _Life) -> None:
    life.subscribe("pro", days=3 + life.index % 17, cycle=2 + life.index % 3)
    bought = life.buy(1)
    if life.index % 2 == 0:
        life.ledger.refund(life.account, bought, bought["amount"], 2)


def _emma(life: _Life) -> None:
    life.ledger.buy(life.account, 1 / 12, (("Gift box", 5900, 1),), "USD")
    life.subscribe("year", days=100)


def _noah(life: _Life) -> None:
    ledger, account = life.ledger, life.account
    bill = ledger.invoice(account, 25, (("Team licence", 4000, 2),), life.currency)
    ledger.pay(account, bill, 25, 5000)
    ledger.pay(account, bill, 24)
    life.subscribe("contract", days=6, cycle=4)


def _onetime(life: _Life) -> None:
    for number in range(3):
        life.buy(number)
    if life.person.slug == "Olivia":
        life.expire(life.subscribe("basic", days=35, cycle=2), 5)


def _invoiced(life: _Life) -> None:
    several = 63 if life.person.slug == "Jonas" else 7
    for number in range(several):
        life.buy(number, 9 + number * 8)
    life.ledger.invoice(life.account, 6, life.lines(1), life.currency, status="pending", net_terms=30)


def _tariq(life: _Life) -> None:
    ledger, account = life.ledger, life.account
    by_hand = {"collection": "manual", "net_terms": 30}
    for number in range(2):
        days = 45 + 30 * number
        bill = ledger.invoice(account, days, life.lines(number), life.currency, **by_hand)
        ledger.pay(account, bill, days - 9, collection="manual", method=CHECK)
    ledger.invoice(account, 40, life.lines(2), life.currency, **by_hand)


def _sophia(life: _Life) -> None:
    bought = life.ledger.buy(life.account, 33, (("Workshop", 4900, 1),), "EUR")
    life.ledger.refund(life.account, bought, 1000, 30, "credit")
    life.subscribe("contract", days=11, cycle=3)


def _lucas(life: _Life) -> None:
    life.ledger.buy(life.account, 48, (("Seat", 2500, 3), ("Handbook", 700, 2)), "EUR")
    _invoiced(life)


def _huda(life: _Life) -> None:
    ledger, account = life.ledger, life.account
    whole = life.buy(0, 50)
    ledger.refund(account, whole, whole["amount"], 44)
    bill = ledger.invoice(account, 28, (("Workshop", 4900, 1),), life.currency)
    credit = ledger.credit(account, 900, life.currency, 30)
    ledger.use_credit(account, credit, bill, 28)
    ledger.pay(account, bill, 28)


def _refunded(life: _Life) -> None:
    bought = life.buy(0, 40)
    life.ledger.refund(life.account, bought, bought["amount"], 31)
    life.buy(1)


def _liam(life: _Life) -> None:
    bought = life.buy(0, 30)
    life.ledger.refund(life.account, bought, 1000, 2, "processing")
    life.buy(1, 60)


def _past_due(life: _Life) -> None:
    late = life.ledger.subscription(life.account, "pro", life.currency, days=8, cycle=4)
    for period in (3, 2, 1):
        ago = 8 + 30.4 * period
        life.ledger.pay(life.account, life.ledger.bill(life.account, late, ago, period), ago)
    bill = life.ledger.bill(life.account, late, 8)
    bill["reminders"] = 2
    for days in (8, 4):
        life.ledger.decline(life.account, bill, days)


def _trialing(life: _Life) -> None:
    ledger = life.ledger
    end = ledger.ago(-9)
    trial = {"trial_start": ledger.ago(5), "trial_end": end, "end": end}
    ledger.subscription(life.account, "pro", life.currency, days=5, **trial)
    life.ask_the_bank("verify", 5, 100, status="void", voided=ledger.ago(5))


def _canceled(life: _Life) -> None:
    life.expire(life.subscribe("pro", days=70, cycle=2), 39)
    bought = life.buy(1)
    if life.person.slug == "Tomas":
        bought["status"] = "chargeback"
    if life.person.slug == "Ines":
        life.ask_the_bank("authorization", 1, 3000, status="success")


def _ending(life: _Life) -> None:
    life.cancel(life.subscribe("contract", days=9, cycle=5), 2)
    future = life.ledger.subscription(life.account, "pro", life.currency, days=-20, status="future")
    future |= {"created": life.ledger.ago(4), "updated": life.ledger.ago(4), "activated": None}


def _paused(life: _Life) -> None:
    paused = life.subscribe("pro", days=40, cycle=2)
    paused |= {"status": "paused", "paused": paused["end"], "pause_cycles": 2}
    life.buy(1)


STORIES = {
    "active": _active,
    "onetime": _onetime,
    "invoiced": _invoiced,
    "refunded": _refunded,
    "past_due": _past_due,
    "trialing": _trialing,
    "canceled": _canceled,
    "ending": _ending,
    "paused": _paused,
}
"""What a person's story is at Recurly; any other is three purchases."""

SPECIAL = {
    "Layla": _layla,
    "Emma": _emma,
    "Noah": _noah,
    "Tariq": _tariq,
    "Sophia": _sophia,
    "Lucas": _lucas,
    "Huda": _huda,
    "Liam": _liam,
}
"""People whose story has a turn that only Recurly knows."""
