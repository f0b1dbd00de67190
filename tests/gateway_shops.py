"""Rehearsal shops at the other gateways than Stripe, in the manner of `tests.shop`: one each, or all.

What a gateway really did is read in its own books, the sandbox's state on disk, and not through billctl.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from billctl.iso4217 import EXPONENTS
from billctl.sandbox import (
    BRAINTREE_LIVE_MERCHANT_ID,
    BRAINTREE_LIVE_PRIVATE_KEY,
    BRAINTREE_LIVE_PUBLIC_KEY,
    KEYS,
    PAYPAL_LIVE_CLIENT_ID,
    PAYPAL_LIVE_CLIENT_SECRET,
    RECURLY_LIVE_KEY,
    RECURLY_LIVE_SITE,
    SETTINGS,
    STRIPE_LIVE_KEY,
    WOOCOMMERCE_LIVE_KEY,
    WOOCOMMERCE_LIVE_SECRET,
    faults,
)
from tests.rehearsal import rehearsed
from tests.shop import Json, Shop

GATEWAYS = ("stripe", "paypal", "braintree", "woocommerce", "recurly")
"""In the order in which every profile here names them."""
LAYLA = "layla@example.com"

PAYPAL_CHARGE = "SBXLAYLA000000002"
"""49.00 USD by an order, 20.00 of it refunded."""
PAYPAL_PLAN_CHARGE = "SBXLAYLA000000001"
"""49.00 USD, nothing refunded; a subscription's payment, which belongs to no order."""
PAYPAL_HELD = "SBXLAYLAA00000001"
"""An authorization of 60.00 USD."""
PAYPAL_SUBSCRIPTION = "I-SBXLAYLA0001"
PAYPAL_INVOICE = "INV2-SBXL-AYLA-0000-0001"
"""120.00 USD, unpaid."""

BRAINTREE_CHARGE = "layla001"
"""49.00 USD, settled, nothing refunded."""
BRAINTREE_HELD = "layla005"
"""30.00 USD, authorized."""
BRAINTREE_SUBSCRIPTION = "sublay"
"""Active, in its third billing cycle."""

WOO_ORDER = "1041"
"""49.00 USD, paid by card, nothing refunded."""
WOO_UNPAID = "1044"
"""15.00 USD, waits for a bank transfer."""
WOO_SUBSCRIPTION = "1050"
"""Active, renewed twice."""

RECURLY_CHARGE = "laylatx00001"
"""49.00 USD, which paid an invoice of two lines; nothing refunded."""
RECURLY_INVOICE = "laylain00001"
"""What it paid."""
RECURLY_SUBSCRIPTION = "laylasub0001"
"""Active, in its first month."""
RECURLY_ENDING = "laylasub0002"
"""Set to end with its term."""
RECURLY_CREDIT = "laylain00005"
"""A credit invoice of 10.00 USD that nothing was paid with."""


@dataclass(frozen=True)
class House:
    """A gateway as a shop's profile names it: its secrets and settings for test and for live mode."""

    secrets: Mapping[str, str]
    live_secrets: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    live_settings: Mapping[str, str] = field(default_factory=dict)
    live_id: str = ""
    """Whom the live secrets open, where a live profile must say so."""

    @property
    def secret(self) -> str:
        """The name of the secret that the others are of no use without: the last one."""
        return list(self.secrets)[-1]

    @property
    def key(self) -> str:
        """That secret for test mode."""
        return self.secrets[self.secret]

    @property
    def live_key(self) -> str:
        """That secret for live mode."""
        return self.live_secrets[self.secret]

    def table(self, account: str, gateway: str, url: str, *, live: bool = False, more: str = "") -> str:
        """The account's table in a profile."""
        settings = self.live_settings if live else self.settings
        lines = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
        if live and self.live_id:
            lines += f'account_id = "{self.live_id}"\n'
        return f'[accounts.{account}]\ngateway = "{gateway}"\nbase_url = "{url}"\n{lines}{more}'

    def variables(self, account: str, *, live: bool = False) -> dict[str, str]:
        """The account's secrets as the environment holds them."""
        secrets = self.live_secrets if live else self.secrets
        return {variable(account, name): secret for name, secret in secrets.items()}


def variable(account: str, secret: str) -> str:
    """The name under which the environment holds an account's secret."""
    return f"BILLCTL_{account}_{secret}".upper()


HOUSES: Mapping[str, House] = {
    "stripe": House(KEYS["stripe"], {"api_key": STRIPE_LIVE_KEY}),
    "paypal": House(
        KEYS["paypal"],
        {"client_secret": PAYPAL_LIVE_CLIENT_SECRET},
        SETTINGS["paypal"],
        {"client_id": PAYPAL_LIVE_CLIENT_ID},
    ),
    "braintree": House(
        KEYS["braintree"],
        {"private_key": BRAINTREE_LIVE_PRIVATE_KEY},
        SETTINGS["braintree"],
        {"merchant_id": BRAINTREE_LIVE_MERCHANT_ID, "public_key": BRAINTREE_LIVE_PUBLIC_KEY},
    ),
    "woocommerce": House(
        KEYS["woocommerce"],
        {"consumer_key": WOOCOMMERCE_LIVE_KEY, "consumer_secret": WOOCOMMERCE_LIVE_SECRET},
        SETTINGS["woocommerce"],
        SETTINGS["woocommerce"],
        "shop.example",
    ),
    "recurly": House(KEYS["recurly"], {"api_key": RECURLY_LIVE_KEY}, live_id=RECURLY_LIVE_SITE),
}


@dataclass
class GatewayShop(Shop):
    """A shop at one gateway, `gateway`, whose account is called like it."""

    gateway: str = ""
    seeded: frozenset[str] = frozenset()
    """The ids of what the shop had when it was opened."""

    @property
    def house(self) -> House:
        """The gateway's credentials."""
        return HOUSES[self.gateway]

    def use(self, *, mode: str = "test", url: str | None = None, key: str = "", more: str = "") -> None:
        """Let profile `shop` be of `mode`, at `url`, with `key`; `more` is put before its account."""
        live = mode == "live"
        table = self.house.table(self.gateway, self.gateway, url or self.url, live=live)
        self.profile("shop", f'mode = "{mode}"\n{more}\n{table}')
        self.env |= {"BILLCTL_PROFILE": "shop"} | self.house.variables(self.gateway, live=live)
        if key:
            self.env[variable(self.gateway, self.house.secret)] = key

    def settle(self) -> None:
        """Wait until a request that nobody waits for any more counts as not sent."""
        seconds = 2.0
        self.use(more=f"[network]\nread_timeout = {seconds}\n")
        time.sleep(seconds)

    def arm(self, kind: str, match: str = "*", **more: Any) -> None:
        """Arm a fault of the gateway's sandbox."""
        faults.arm(self.state_dir, self.gateway, kind, match=match, **more)

    def disarm(self) -> None:
        """Disarm all of them."""
        faults.clear(self.state_dir, self.gateway)

    def armed(self) -> int:
        """How many faults are still to strike."""
        return len(faults.armed(self.state_dir, self.gateway))

    # The gateway's books.

    def book(self, object_id: str) -> Json:
        """An object as the gateway keeps it."""
        with self._database() as database:
            row = database.execute("SELECT body FROM objects WHERE live=0 AND id=?", (object_id,)).fetchone()
        assert row, f"{self.gateway} has no {object_id}"
        found: Json = json.loads(row[0])
        return found

    def books(self, kind: str, *, live: bool = False) -> list[Json]:
        """Every object of a kind in the test-mode shop, or in the live one, oldest first."""
        with self._database() as database:
            rows = database.execute(
                "SELECT body FROM objects WHERE live=? AND kind=? ORDER BY seq", (live, kind)
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def fingerprint(self) -> str:
        """Changes whenever an object at the gateway does."""
        with self._database() as database:
            rows = database.execute("SELECT live, id, body FROM objects ORDER BY live, id").fetchall()
        return repr(rows)

    def made(self, kind: str) -> list[Json]:
        """Every object of a kind that was made since the shop opened, oldest first."""
        return [record for record in self.books(kind) if record["id"] not in self.seeded]

    def status(self, object_id: str) -> str:
        """The gateway's word for the state of an object."""
        return str(self.book(object_id)["status"])

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        path = self.state_dir / "sandbox" / f"{self.gateway}.sqlite"
        with closing(sqlite3.connect(path, timeout=30)) as database:
            yield database


class PaypalShop(GatewayShop):
    """The shop at PayPal."""

    def refunds(self, charge: str = PAYPAL_CHARGE, *, key: str = "") -> list[int]:
        """The amounts in minor units of a capture's refunds made since the shop opened, oldest first."""
        del key
        return [record["amount"] for record in self.made("refund") if record["charge"] == charge]

    def reminders(self, invoice: str = PAYPAL_INVOICE) -> int:
        """How many reminders of an invoice were sent."""
        return len(self.book(invoice)["reminders"])


class BraintreeShop(GatewayShop):
    """The shop at Braintree."""

    def refunds(self, charge: str = BRAINTREE_CHARGE, *, key: str = "") -> list[int]:
        """The amounts in minor units of a transaction's refunds that were made since the shop opened."""
        del key
        return [record["amount"] for record in self.made("transaction") if record.get("charge") == charge]


def minor_of(amount: str, currency: str) -> int:
    """An amount that a store writes with its own decimals, in minor units; it is whole in them."""
    minor = Decimal(amount).scaleb(EXPONENTS[currency])
    assert minor == minor.to_integral_value(), f"{amount} {currency}"
    return int(minor)


class WoocommerceShop(GatewayShop):
    """The shop at WooCommerce."""

    def refunds(self, charge: str = WOO_ORDER, *, key: str = "") -> list[int]:
        """The minor units that the store's payment gateway gave back for an order since the shop opened.

        Its own books say so: the store deletes its record of a refund that the gateway failed with.
        """
        del key
        moved = [record for record in self.made("movement") if record["charge"] == charge]
        return [minor_of(record["amount"], record["currency"]) for record in moved]

    def mails(self, order: str = WOO_UNPAID) -> int:
        """How many e-mails about an order were handed to the mail server since the shop opened."""
        return len([record for record in self.made("mail") if record["charge"] == order])


class RecurlyShop(GatewayShop):
    """The shop at Recurly."""

    def refunds(self, charge: str = RECURLY_CHARGE, *, key: str = "") -> list[int]:
        """The amounts in minor units of a transaction's refunds made since the shop opened."""
        del key
        made = [record for record in self.made("transaction") if record.get("charge") == charge]
        return [record["amount"] for record in made if record["status"] in {"success", "processing"}]


@dataclass
class Street(Shop):
    """The gateways side by side; `urls` are their sandboxes' addresses."""

    urls: Mapping[str, str] = field(default_factory=dict)

    def street(
        self, profile: str = "shop", *, more: str = "", accounts: Iterable[str] = GATEWAYS, **instead: str
    ) -> None:
        """Write a profile with `accounts`, some of them elsewhere (`instead`); `more` comes before them."""
        tables = "".join(
            HOUSES[name].table(name, name, instead.get(name, self.urls[name])) for name in accounts
        )
        self.profile(profile, f'mode = "test"\n{more}{tables}')
        for name, house in HOUSES.items():
            self.env |= house.variables(name)


SHOPS: Mapping[str, type[GatewayShop]] = {
    "paypal": PaypalShop,
    "braintree": BraintreeShop,
    "woocommerce": WoocommerceShop,
    "recurly": RecurlyShop,
}


@contextmanager
def open_gateway_shop(folder: Path, gateway: str) -> Iterator[GatewayShop]:
    """A shop of its own at `gateway`, below `folder`, where this suite's environment keeps its files."""
    state_dir = folder / "state"
    state_dir.mkdir(mode=0o700, exist_ok=True)
    with rehearsed(state_dir, (gateway,)) as sandbox:
        shop = SHOPS[gateway](state_dir, folder / "config", sandbox.url(gateway), gateway=gateway)
        shop.use()
        with shop._database() as database:
            shop.seeded = frozenset(found for (found,) in database.execute("SELECT id FROM objects"))
        yield shop


@contextmanager
def open_street(folder: Path) -> Iterator[Street]:
    """All gateways below `folder`, whichever environment the test that uses it has."""
    state_dir = folder / "state"
    state_dir.mkdir(mode=0o700, exist_ok=True)
    with rehearsed(state_dir, GATEWAYS) as sandbox:
        urls = {name: sandbox.url(name) for name in GATEWAYS}
        street = Street(state_dir, folder / "config", urls["stripe"], urls=urls)
        street.env |= {
            "BILLCTL_CONFIG_DIR": str(street.config_dir),
            "BILLCTL_STATE_DIR": str(state_dir),
            "BILLCTL_PROFILE": "shop",
        }
        street.street()
        yield street
