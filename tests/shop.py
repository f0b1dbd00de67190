"""A rehearsal shop for a test: the sandbox on a port, profiles that lead to it, commands run against it.

Everything is real: the sandbox's own wire protocol on a socket, the SDK, the files on disk. `Shop.run`
runs a command line in this process, `Shop.program` the program as a process of its own.
"""

import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from billctl.cli.app import run
from billctl.sandbox import ACCOUNT_ID, STRIPE_KEY, STRIPE_LIVE_KEY, faults
from tests.recording import RecordingProxy
from tests.rehearsal import rehearsed
from tests.terminal import on_terminal

Json = dict[str, Any]

PAID = "ch_SbxLayla0000001"
"""49.00 USD, nothing refunded."""
PART = "ch_SbxLayla0000002"
"""49.00 USD, 20.00 of it refunded."""
DISPUTED = "ch_SbxLayla0000003"
"""310.500 KWD, disputed."""
HELD = "ch_SbxVictor000001"
"""26.68 EUR, authorized by a payment intent and not captured."""
HELD_INTENT = "pi_SbxVictor000001"
HELD_ALONE = "ch_SbxVictor000002"
"""13.80 EUR, authorized without a payment intent and not captured."""
SUBSCRIPTION = "sub_SbxLayla000001"
PAST_DUE = "in_SbxLayla000001"
"""120.00 USD, sent by e-mail, past due."""
PAID_INVOICE = "in_SbxLayla000002"
CUSTOMER = "cus_SbxLayla000001"
SECONDS = 60.0
WHY = ("--reason", "charged twice", "--yes")


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Json:
        """The one JSON document on stdout; fails where there is another form or a second one."""
        parsed: Json = json.loads(self.out)
        return parsed

    @property
    def data(self) -> Any:
        """The document's data."""
        return self.document["data"]

    @property
    def line(self) -> str:
        """The one line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


@dataclass
class Shop:
    """The sandbox at `url`, under profile `shop` (test) and, once `live` is called, `shop-live`."""

    state_dir: Path
    config_dir: Path
    url: str
    env: dict[str, str] = field(default_factory=dict)

    def profile(self, name: str, text: str) -> None:
        """Write a profile."""
        folder = self.config_dir / "profiles"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def use(
        self, *, mode: str = "test", url: str | None = None, key: str = STRIPE_KEY, more: str = ""
    ) -> None:
        """Let profile `shop` be of `mode`, at `url`, with `key`; `more` is put before its account."""
        account_id = f'account_id = "{ACCOUNT_ID}"\n' if mode == "live" else ""
        self.profile(
            "shop",
            f'mode = "{mode}"\n{more}\n[accounts.stripe]\ngateway = "stripe"\n'
            f'base_url = "{url or self.url}"\n{account_id}',
        )
        self.env |= {"BILLCTL_PROFILE": "shop", "BILLCTL_STRIPE_API_KEY": key}

    def settle(self) -> None:
        """Wait until a request that nobody waits for any more counts as not sent."""
        seconds = 1.5
        self.use(more=f"[network]\nread_timeout = {seconds}\n")
        time.sleep(seconds)

    def live(self, *, unattended: bool) -> None:
        """Let profile `shop` be live."""
        more = f"allow_unattended = {str(unattended).lower()}\n"
        self.use(mode="live", key=STRIPE_LIVE_KEY, more=more)

    def run(self, *arguments: str) -> Ran:
        """One command line in this process, without a terminal."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = self._run(arguments)
        return Ran(code, out.getvalue(), err.getvalue())

    def typed(self, text: str, *arguments: str) -> tuple[int, str]:
        """One command line in this process on a terminal where `text` is typed: its code, what is shown."""
        return on_terminal(text, lambda: self._run(arguments))

    def _run(self, arguments: Sequence[str]) -> int:
        with mock.patch.dict(os.environ, self.env):
            return run(arguments)

    def command(self, *arguments: str) -> list[str]:
        """The words that start the program as a process."""
        return [sys.executable, "-m", "billctl", *arguments]

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of such a process."""
        return dict(os.environ) | self.env | dict(env or {})

    def program(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """One command line as a process of its own, without a terminal."""
        done = subprocess.run(
            self.command(*arguments),
            check=False,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def arm(self, kind: str, match: str = "*", **more: Any) -> None:
        """Arm a fault of the sandbox."""
        faults.arm(self.state_dir, "stripe", kind, match=match, **more)

    def audit(self, *filters: str) -> list[Json]:
        """What `audit list` says, newest first."""
        rows: list[Json] = self.run("audit", "list", "-o", "json", *filters).document["data"]
        return rows

    def operations(self) -> list[tuple[str, str]]:
        """Action and outcome of every operation and attempt, oldest first; not the log's own records."""
        return [
            (r["action"], r["outcome"])
            for r in reversed(self.audit())
            if r["phase"] not in {"note", "created"}
        ]

    # The gateway itself, asked with the real SDK and not through billctl.

    def refunds(self, charge: str = PAID, *, key: str = STRIPE_KEY) -> list[int]:
        """The amounts in minor units of a charge's refunds that were not made by the seed, oldest first."""
        found = self._get("refunds", {"charge": charge, "limit": 100}, key)
        return [r["amount"] for r in reversed(found) if not r["id"].startswith("re_SbxLayla")]

    def subscription(self, subscription: str = SUBSCRIPTION) -> Json:
        """A subscription as the gateway has it."""
        found: Json = self._client(STRIPE_KEY).v1.subscriptions.retrieve(subscription).to_dict()
        return found

    def is_released(self, charge: str) -> bool:
        """Whether the gateway holds nothing of an uncaptured charge any more."""
        found: Json = self._client(STRIPE_KEY).v1.charges.retrieve(charge).to_dict()
        return bool(found["refunded"] and not found["captured"])

    def reactivate(self, subscription: str = SUBSCRIPTION) -> None:
        """Take a cancellation at the period's end back, as Stripe's dashboard does."""
        self._client(STRIPE_KEY).v1.subscriptions.update(subscription, {"cancel_at_period_end": False})

    def sent_invoices(self, invoice: str = PAST_DUE) -> int:
        """How many times the gateway was told to send an invoice."""
        found = self._get("events", {"type": "invoice.sent", "limit": 100}, STRIPE_KEY)
        about = [event for event in found if event["data"]["object"]["id"] == invoice]
        return len([e for e in about if (e.get("request") or {}).get("idempotency_key")])

    def charge_with(self, method: str, minor: int, currency: str = "usd") -> str:
        """A new charge paid with one of Stripe's test payment methods (`pm_card_visa`, …)."""
        intent = self._client(STRIPE_KEY).v1.payment_intents.create(
            {"amount": minor, "currency": currency, "payment_method": method, "confirm": True,
             "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
        )  # fmt: skip
        found: str = intent.to_dict()["latest_charge"]
        return found

    def receipt(self, charge: str = PAID) -> str | None:
        """The address of a charge's last receipt."""
        found: str | None = self._client(STRIPE_KEY).v1.charges.retrieve(charge).to_dict()["receipt_email"]
        return found

    def _client(self, key: str) -> Any:
        import stripe

        return stripe.StripeClient(key, base_addresses={"api": self.url})

    def _get(self, kind: str, params: Json, key: str) -> list[Json]:
        page = getattr(self._client(key).v1, kind).list(params)
        found: list[Json] = page.to_dict()["data"]
        return found

    def fingerprint(self) -> str:
        """Changes whenever anything at the gateway does: objects, events, idempotency keys."""
        with closing(sqlite3.connect(self.state_dir / "sandbox" / "stripe.sqlite")) as database:
            rows = [
                *database.execute("SELECT live || ' ' || id || ' ' || body FROM objects ORDER BY live, id"),
                *database.execute("SELECT live || ' ' || key || ' ' || endpoint FROM keys ORDER BY 1"),
            ]
        return hashlib.sha256("\0".join(row for (row,) in rows).encode()).hexdigest()


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """A shop of its own below `folder`, where this suite's environment keeps configuration and state."""
    state_dir = folder / "state"
    state_dir.mkdir(mode=0o700, exist_ok=True)
    with rehearsed(state_dir) as sandbox:
        shop = Shop(state_dir, folder / "config", sandbox.url("stripe"))
        shop.use()
        yield shop


@contextmanager
def recorded(shop: Shop, **more: Any) -> Iterator[RecordingProxy]:
    """Let profile `shop` go through a forwarder that keeps what is said."""
    with RecordingProxy(shop.url) as proxy:
        shop.use(url=proxy.url, **more)
        yield proxy
        shop.use(**more)


def changes(proxy: RecordingProxy) -> list[tuple[str, str]]:
    """Every request that is not a read."""
    return [(said.method, said.path) for said in proxy.exchanges if said.method != "GET"]
