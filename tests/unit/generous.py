"""A gateway of nobody that can do everything, and sessions at it."""

# ruff: noqa: ARG002 - a gateway may answer without looking at what it was given

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.actions import perform
from billctl.errors import OutcomeUnknown, Refused, UsageError
from billctl.frozen import replace
from billctl.gateway import Capability, Payback, RefundLine, Selection, Stamp, Termination, When
from billctl.models import (
    Charge,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from billctl.money import Money
from billctl.request import ActionResult, Request
from billctl.session import Session, open_session, utc_now
from billctl.verbs import Verb
from tests.unit.acme import WHEN, Acme, installed
from tests.unit.biller import Yes

LINES = {"L1": (1000, 2), "L2": (500, 1), "L3": (0, 1), "L4": (9000, 1)}
"""The lines of every charge: minor units of one, and how many there are."""
GIVEN = Money(1633, "USD")
"""What is given back of a period whose end is prorated."""


class Generous(Acme):
    """It can do everything. `says` in the profile names what is wrong with it today.

    C1 is what S1 was paid with last; I1 is a credit invoice, I2 is none.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {Capability.SYNC}
    left: ClassVar[dict[str, int]] = {}
    """Units of each line that are left."""
    state: ClassVar[dict[str, str]] = {}
    """What became of a subscription or a credit, by its id: `ending`, `ended`, `void`."""

    def get_charge(self, charge_id: str) -> Charge:
        charge = super().get_charge(charge_id)
        disputed = self.says == "disputed"
        return replace(charge, subscription_id="S1", disputed=disputed, gateway=self.account.gateway)

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        assert selection.customer_id == "P1"
        yield replace(self.get_charge("C9"), subscription_id="S9")
        if self.says == "leaves out":
            raise UsageError("a currency that nobody knows was left out")
        if self.says != "shows no charges":
            yield self.get_charge("C1")

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        made = replace(super().refund(charge, amount, stamp=stamp), gateway=self.account.gateway)
        self.made[-1] = made
        return made

    def get_refund(self, refund_id: str) -> Refund:
        found = next(refund for refund in self.made if refund.id == refund_id)
        return replace(found, status=RefundStatus.FAILED) if self.says == "fails later" else found

    # Lines

    def price_lines(self, charge: Charge, lines: tuple[RefundLine, ...]) -> Money:
        minor = 0
        for line in lines:
            left = self.left.get(line.id, 0)
            if not 0 < (line.quantity or left) <= left:
                raise UsageError(f"{left} units are left of {line.id}", code="no_units")
            minor += LINES[line.id][0] * (line.quantity or left)
        return Money(minor, "USD")

    def refund_lines(
        self, charge: Charge, lines: tuple[RefundLine, ...], amount: Money, *, stamp: Stamp
    ) -> Refund:
        for line in lines:
            self.left[line.id] -= line.quantity or self.left[line.id]
        made = self.refund(charge, amount, stamp=stamp)
        if self.says == "silent":
            raise OutcomeUnknown("no answer")
        return made

    # Ends

    def get_subscription(self, subscription_id: str) -> Subscription:
        become = self.state.get(subscription_id)
        status = SubscriptionStatus.CANCELED if become == "ended" else SubscriptionStatus.ACTIVE
        return replace(
            super().get_subscription(subscription_id),
            amount=Money(4900, "USD"),
            interval="month",
            status=status,
            cancel_at_period_end=become == "ending",
            canceled_at=WHEN if become else None,
            current_period_end=WHEN + timedelta(days=20),
            gateway=self.account.gateway,
        )

    def cancel_subscription(self, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
        self.state[subscription.id] = "ended" if when is When.NOW else "ending"
        return self.get_subscription(subscription.id)

    def price_payback(self, subscription: Subscription, payback: Payback) -> Money:
        return Money(0 if self.says == "unpaid" else 4900, "USD")

    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        return ("it was a good customer",)

    def terminate_subscription(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination:
        if self.says == "does nothing":
            return Termination(subscription=subscription)
        self.state[subscription.id] = "ended"
        if self.says == "nothing left":
            return Termination(subscription=self.get_subscription(subscription.id))
        amount = Money(4900, "USD") if payback is Payback.FULL else GIVEN
        if self.says == "too much":
            amount += amount
        if self.says == "more than there was":
            amount = Money(4901, "USD")
        refund = self.refund(self.get_charge("C1"), amount, stamp=stamp)
        if self.says == "waits":
            refund = replace(refund, status=RefundStatus.PENDING)
        if self.says == "silent":
            raise OutcomeUnknown("no answer")
        return Termination(subscription=self.get_subscription(subscription.id), refund=refund)

    def find_termination(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination | None:
        refund = next((refund for refund in self.made if refund.operation_key == stamp.key), None)
        return (
            Termination(subscription=self.get_subscription(subscription.id), refund=refund)
            if refund
            else None
        )

    # Going on, credits, documents

    def reactivate_subscription(self, subscription: Subscription, *, stamp: Stamp) -> Subscription:
        if self.says != "does nothing":
            del self.state[subscription.id]
        if self.says == "silent":
            raise OutcomeUnknown("no answer")
        return self.get_subscription(subscription.id)

    def find_reactivation(self, subscription: Subscription, *, stamp: Stamp) -> Subscription | None:
        found = self.get_subscription(subscription.id)
        return None if found.cancel_at_period_end else found

    def get_invoice(self, invoice_id: str) -> Invoice:
        lines: tuple[InvoiceLine, ...] = (
            InvoiceLine(id="L1", description="Seats", amount=Money(2000, "USD"), units=2, left=1),
            InvoiceLine(id="L2", description=None, amount=None, units=None, left=None),
        )
        lines = lines if invoice_id == "I2" else ()
        invoice = replace(super().get_invoice(invoice_id), gateway=self.account.gateway, lines=lines)
        return replace(invoice, status=InvoiceStatus.VOID) if invoice_id in self.state else invoice

    def preview_void_credit(self, invoice: Invoice) -> tuple[str, ...]:
        if invoice.id == "I2":
            raise Refused("invoice I2 is no credit invoice", code="no_credit", hint="Refund its charge.")
        return ("it was issued yesterday",)

    def void_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice:
        if self.says != "does nothing":
            self.state[invoice.id] = "void"
        if self.says == "silent":
            raise OutcomeUnknown("no answer")
        return self.get_invoice(invoice.id)

    def find_voided_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice | None:
        found = self.get_invoice(invoice.id)
        return found if found.status is InvoiceStatus.VOID else None

    def invoice_pdf(self, invoice: Invoice) -> bytes:
        return b"%PDF-1.4\r\n\x00\xff of " + invoice.id.encode()

    def invoice_link(self, invoice: Invoice) -> str:
        return f"https://generous.example/account/token-of-{invoice.customer_id}"


Opener = Callable[..., Session]


@pytest.fixture
def opened(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opener]:
    """Opens a session at account `a` of a generous gateway that says this or that; `policy` is a table's
    lines."""
    installed(tmp_path_factory, monkeypatch, generous=f"{__name__}:Generous")
    monkeypatch.setattr(Generous, "left", {line: units for line, (_, units) in LINES.items()})
    monkeypatch.setattr(Generous, "state", {})
    folder = tmp_path / "config" / "profiles"
    folder.mkdir(parents=True, mode=0o700)
    sessions: list[Session] = []

    def open_(says: str = "nothing", *, policy: str = "", gateway: str = "generous") -> Session:
        text = f'mode = "test"\n[accounts.a]\ngateway = "{gateway}"\nsays = "{says}"\n[policy]\n{policy}\n'
        (folder / "shop.toml").write_text(text)
        session = open_session("shop", env=os.environ)
        session.clock = lambda: utc_now() + timedelta(minutes=5) * len(sessions)
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()


def do(session: Session, verb: Verb, object_id: str, **more: object) -> ActionResult:
    """What becomes of the verb, said yes to."""
    request = replace(Request(object_id=object_id, reason="as agreed"), **more)
    return perform(session, "a", verb, request, Yes())
