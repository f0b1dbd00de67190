"""A gateway that bills once a day and resends, and sessions at it at any instant."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.errors import Refused
from billctl.frozen import replace
from billctl.gateway import Capability, Delivery, Identity, Selection, Stamp
from billctl.models import Invoice, InvoiceStatus
from billctl.request import Request
from billctl.session import Session, open_session
from billctl.verbs.plan import Plan
from tests.unit.acme import WHEN, Acme, installed

DAY = timedelta(days=1)


class Biller(Acme):
    """It has billed once a day: I0 today, I1 yesterday, and so on; I3 and what is older had a month's time.

    `says` is whose account it is, or `silent` where an e-mail leaves no trace.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.LIST_INVOICES, Capability.RESEND_INVOICE, Capability.RESEND_TO}
    )
    read: ClassVar[list[str]] = []
    refuses: ClassVar[bool] = False

    def check(self) -> Identity:
        return Identity(id=self.says, name="Acme", live=self.account.live)

    def get_invoice(self, invoice_id: str) -> Invoice:
        made = WHEN - int(invoice_id[1:]) * DAY
        due = made + 30 * DAY if made <= WHEN - 3 * DAY else None
        status = InvoiceStatus.PAST_DUE if due and due < WHEN else InvoiceStatus.OPEN
        base = super().get_invoice(invoice_id)
        return replace(base, created=made, due_date=due, status=status, gateway=self.account.gateway)

    def list_invoices(self, selection: Selection) -> Iterator[Invoice]:
        for days in range(min(selection.limit, 50)):
            self.read.append(f"I{days}")
            yield self.get_invoice(f"I{days}")

    def resend_invoice(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
        if self.refuses:
            raise Refused("no more today")
        if self.says == "silent":
            raise ZeroDivisionError("after sending or before")
        return super().resend_invoice(invoice, to=to, stamp=stamp)


Opener = Callable[..., Session]


@pytest.fixture
def opened(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opener]:
    """Opens a session at some accounts, each written as `name` or `name:what it says`, at an instant."""
    installed(tmp_path_factory, monkeypatch, biller=f"{__name__}:Biller")
    monkeypatch.setattr(Biller, "read", [])
    folder = tmp_path / "config" / "profiles"
    folder.mkdir(parents=True, mode=0o700)
    sessions: list[Session] = []

    def open_at(*accounts: str, now: datetime = WHEN, profile: str = "shop") -> Session:
        tables = ""
        for account in accounts:
            name, _, says = account.partition(":")
            tables += f'[accounts.{name}]\ngateway = "biller"\nsays = "{says or "acme-1"}"\n'
        (folder / f"{profile}.toml").write_text(f'mode = "test"\n{tables}')
        session = open_session(profile, env=os.environ)
        session.clock = lambda: now
        sessions.append(session)
        return session

    yield open_at
    for session in sessions:
        session.close()


class Yes:
    """Agrees to everything."""

    def check(self, plan: Plan, request: Request) -> None:
        """Nothing stands against it."""

    def ask(self, plan: Plan, request: Request) -> None:
        """Agree."""
