"""A rehearsal store as one machine sees it, with what really moved there; for the tests of its changes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billctl.gateway import Account, Secret, Stamp, Timeouts
from billctl.gateways.woocommerce import looking, objects, refunding
from billctl.gateways.woocommerce.claims import Claim, End, claim_text, end_text
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.mapping import StoreCharge
from billctl.gateways.woocommerce.marks import Marks
from billctl.gateways.woocommerce.notes import OrderNotes
from billctl.models import Refund
from billctl.money import Money
from billctl.sandbox import KEYS, SETTINGS, faults, state
from billctl.sandbox.woocommerce.gateway import moved
from tests.rehearsal import rehearsed

PAID = "1041"
"""49.00 USD, nothing refunded."""
PARTLY = "1042"
"""49.00 USD, 20.00 of it refunded."""
BY_STRIPE = "1043"
"""49.00 USD, paid by the store's Stripe gateway."""
UNPAID = "1044"

REFUNDS = "POST */orders/*/refunds"
NOTES = "POST */orders/*/notes"


def stamp(number: int = 1, key: int | None = None, *, log: Mapping[str, bool] | None = None) -> Stamp:
    """A stamp; the same key with another number is the same operation on another host. `log` is what the
    audit log of the host knows: the operations that ended, and whether they were done."""
    return Stamp(
        key=f"{number if key is None else key:032x}",
        operation=f"op_{number:026d}",
        asked=datetime.now(UTC),
        reason_code="goodwill",
        ended=dict(log or {}).get,
    )


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def no_pause(_: float) -> None:
    """Wait for nothing."""


@dataclass
class Machine:
    """A machine with billctl, and the store at `url` whose sandbox keeps its state in `state_dir`."""

    url: str
    state_dir: Path
    kept: Path
    client: Client
    marks: Marks
    sleep: Callable[[float], None] = no_pause

    def charge(self, order: str = PAID) -> StoreCharge:
        return objects.get_charge(self.client, order)

    def refund(
        self, minor: int, *, by: Stamp | None = None, charge: StoreCharge | None = None, order: str = PAID
    ) -> Refund:
        return refunding.refund(
            self.client,
            self.marks,
            charge or self.charge(order),
            usd(minor),
            stamp=by or stamp(),
            sleep=self.sleep,
        )

    def find(self, *, by: Stamp | None = None, order: str = PAID) -> Refund | None:
        return looking.find_refund(self.client, self.marks, self.charge(order), stamp=by or stamp())

    def notes(self, order: str = PAID) -> OrderNotes:
        return OrderNotes(self.client, self.marks, order)

    def ends(self, order: str = PAID) -> dict[str, End | None]:
        """How each claim of the order ended; None: it is open."""
        return {claim.operation: claim.end for claim in self.claims(order)}

    def claims(self, order: str = PAID) -> tuple[Claim, ...]:
        return self.notes(order).claims()

    def claim(self, by: Stamp, minor: int = 500, order: str = PAID) -> None:
        """Leave a claim as another machine would."""
        self.notes(order).write(claim_text(by, usd(minor)))

    def end(self, by: Stamp, how: End, order: str = PAID) -> None:
        """Close it as that machine would."""
        self.notes(order).write(end_text(by.operation, how))

    def moved(self, order: str = PAID) -> list[int]:
        """What the store's payment gateway really gave back, in minor units, oldest first."""
        with state.opened(self.state_dir, "woocommerce") as database:
            return [int(amount * 100) for amount in moved(database, order)]

    def arm(self, kind: str, match: str = REFUNDS, **more: Any) -> None:
        faults.arm(self.state_dir, "woocommerce", kind, match=match, **more)

    def refuse(self, code: str, match: str = REFUNDS) -> None:
        self.arm("refuse", match, code=code)

    def armed(self) -> int:
        return len(faults.armed(self.state_dir, "woocommerce"))

    def configure(self, **settings: int) -> None:
        state.configure(self.state_dir, "woocommerce", **settings)

    def another(self, name: str, *, url: str | None = None, read: float = 5.0) -> "Machine":
        """Another machine at the same store, which knows nothing of this one."""
        return machine(url or self.url, self.state_dir, self.kept.parent / name, read=read)

    def impatient(self, read: float, *, url: str | None = None) -> "Machine":
        """The same machine, with less patience; or the same through another address."""
        return machine(url or self.url, self.state_dir, self.kept, read=read)

    def marked(self) -> list[str]:
        """The marks that this machine has, by the names of their files."""
        return sorted(path.name for path in self.kept.rglob("op_*"))


def machine(url: str, state_dir: Path, kept: Path, *, read: float = 5.0) -> Machine:
    """A machine that keeps its marks in `kept` and waits `read` seconds for an answer."""
    account = Account(
        name="shop",
        gateway="woocommerce",
        live=False,
        settings=SETTINGS["woocommerce"],
        secrets={name: Secret(key) for name, key in KEYS["woocommerce"].items()},
        base_url=url,
        timeouts=Timeouts(connect=2.0, read=read),
        state_dir=kept,
    )
    return Machine(url, state_dir, kept, Client(account, sleep=no_pause), Marks(kept))


@contextmanager
def rehearsing(folder: Path, *gateways: str) -> Iterator[Machine]:
    """A machine at a fresh store, beside which may lie shops at other gateways."""
    state_dir = folder / "state"
    with rehearsed(state_dir, ("woocommerce", *gateways)) as sandbox:
        yield machine(sandbox.url("woocommerce"), state_dir, folder / "kept")
