"""Two gateways of nobody: `acme` does what its profile tells it to, `plain` can hardly do anything.

They come in through the entry points of a package that `installed` puts on the path, as a stranger's
would, and show what no rehearsal of a real gateway can: an adapter with a bug, a refund that fails.
"""

# ruff: noqa: ARG002 - a gateway may answer without looking at what it was given

import hashlib
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.errors import OutcomeUnknown
from billctl.gateway import (
    By,
    Capability,
    Delivery,
    Found,
    Gateway,
    Identity,
    Message,
    Query,
    Setting,
    Stamp,
    When,
)
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoiceStatus,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from billctl.money import Money

WHEN = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
CAN = frozenset(Capability) - {
    Capability.VOID,
    Capability.REFUND_LINES,
    Capability.CANCEL_REFUND,
    Capability.REACTIVATE,
    Capability.VOID_CREDIT,
    Capability.INVOICE_PDF,
    Capability.INVOICE_LINK,
    Capability.SYNC,
}


class Acme(Gateway):
    """One account. `says` in the profile names what is wrong with it today."""

    api = 1
    capabilities: ClassVar[frozenset[Capability]] = CAN
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="says", help="What it does.", required=False),
        Setting(name="status", help="A charge's status.", required=False),
    )
    made: ClassVar[list[Refund]] = []

    @property
    def says(self) -> str:
        return self.account.settings.get("says", "")

    def check(self) -> Identity:
        named = None if self.says == "nameless" else "acme-1"
        return Identity(id=named, name="Acme", live=None if self.says == "nameless" else self.account.live)

    def kind_of(self, object_id: str) -> str | None:
        return {"C": "charge", "S": "subscription", "I": "invoice", "P": "customer"}.get(object_id[:1])

    def find_customers(self, query: Query) -> Found:
        match self.says:
            case "bug":
                raise ZeroDivisionError("in the adapter")
            case "asleep":
                threading.Event().wait(30)
            case "nobody":
                return Found(customers=(), notes=("only the last 90 days",))
        return Found(customers=(self.get_customer("P1"),), notes=(f"by {query.by}",))

    def get_customer(self, customer_id: str) -> Customer:
        return Customer(
            account=self.account.name, gateway="acme", id=customer_id, email="a@example.com", name="A",
            created=WHEN, live=self.account.live,
        )  # fmt: skip

    def get_charge(self, charge_id: str) -> Charge:
        status = ChargeStatus(self.account.settings.get("status", "paid"))
        mine = tuple(r for r in self.made if r.charge_id == charge_id)
        refunded = Money(sum(r.amount.minor for r in mine if r.status != "failed"), "USD")
        return Charge(
            account=self.account.name, gateway="acme", id=charge_id, customer_id="P1",
            amount=Money(4900, "USD"), captured=Money(4900, "USD"), refunded=refunded,
            refundable=Money(4900, "USD") - refunded, status=status, gateway_status="x", created=WHEN,
            refunds=mine,
        )  # fmt: skip

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        if self.says == "bug":
            raise ZeroDivisionError("in the adapter, after sending or before")
        status = RefundStatus.FAILED if self.says == "fails" else RefundStatus.SUCCEEDED
        refund = Refund(
            account=self.account.name, gateway="acme", id=f"R{len(self.made)}", charge_id=charge.id,
            amount=amount, status=status, gateway_status="x", created=WHEN, reason_code=stamp.reason_code,
            operation=stamp.operation, operation_key=stamp.key,
        )  # fmt: skip
        self.made.append(refund)
        return refund

    def find_refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
        if self.says == "cannot tell":
            raise OutcomeUnknown(f"{charge.id} has a refund of {amount} that may be it", hint="Look.")
        return next((r for r in self.made if r.operation_key == stamp.key), None)

    def get_subscription(self, subscription_id: str) -> Subscription:
        return Subscription(
            account=self.account.name, gateway="acme", id=subscription_id, customer_id="P1", plan="Pro",
            status=SubscriptionStatus.ACTIVE, gateway_status="x", amount=None, interval=None, created=WHEN,
            current_period_end=None, cancel_at_period_end=False, canceled_at=None,
        )  # fmt: skip

    def cancel_subscription(self, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
        return subscription  # it says yes and does nothing

    def find_cancellation(
        self, subscription: Subscription, *, when: When, stamp: Stamp
    ) -> Subscription | None:
        return None

    def get_invoice(self, invoice_id: str) -> Invoice:
        return Invoice(
            account=self.account.name, gateway="acme", id=invoice_id, number=None, customer_id="P1",
            subscription_id=None, email="a@example.com", status=InvoiceStatus.OPEN, gateway_status="x",
            total=Money(100, "USD"), amount_due=Money(100, "USD"), created=WHEN, due_date=None,
            hosted_url=None, pdf_url=None,
        )  # fmt: skip

    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        return Delivery(message=Message.REMINDER, to=to or "a@example.com")

    def resend_invoice(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
        return self.preview_resend(invoice, to=to)

    def find_resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery | None:
        return None


class Plain(Acme):
    """It finds by e-mail, cancels at the period's end and refunds in full; nothing else."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {By.EMAIL.capability, Capability.REFUND, Capability.CANCEL_AT_PERIOD_END, Capability.RESEND_INVOICE}
    )


def installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """Put a package with both on this process's path; `more` are gateways beside them, name to target.

    The same gateways are one folder for the whole run: its entry points are read once (tests/conftest.py).
    """
    gateways = {"acme": f"{__name__}:Acme", "plain": f"{__name__}:Plain"} | more
    entries = "".join(f"{name} = {target}\n" for name, target in gateways.items())
    folder = tmp_path_factory.getbasetemp() / f"site-{hashlib.sha256(entries.encode()).hexdigest()[:16]}"
    if not folder.exists():
        _write_package(folder / "billctl_acme-0.3.dist-info", entries)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(Acme, "made", [])


def _write_package(info: Path, entries: str) -> None:
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: billctl-acme\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text(f"[billctl.gateways]\n{entries}")
