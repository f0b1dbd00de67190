"""Gateways that break one promise each about changes, failures, secrets or a copy: Acme's, but for that."""

# ruff: noqa: ARG002 - what breaks a promise often does not look at what it was given

import json
import logging
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from billctl.errors import NoAnswer, OutcomeUnknown, Refused
from billctl.frozen import replace
from billctl.gateway import (
    Account,
    Capability,
    Delivery,
    LocalCopy,
    Message,
    Selection,
    Stamp,
    When,
)
from billctl.models import Charge, Invoice, Refund, Subscription
from billctl.money import Money
from tests.plugin.acme import AcmeGateway, Client
from tests.plugin.broken import TurningClient


class Wordless(AcmeGateway):
    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        try:
            return super().refund(charge, amount, stamp=stamp)
        except Refused as error:
            raise Refused("it was refused", account=self.account.name) from error


class LosesRefunds(AcmeGateway):
    def find_refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
        return None


class AnyRefund(AcmeGateway):
    def find_refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
        return next(iter(self.get_charge(charge.id).refunds), None)


class KeyOfTheMoment(AcmeGateway):
    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        return super().refund(charge, amount, stamp=replace(stamp, key=f"{random.getrandbits(128):032x}"))


class OneKeyForAll(AcmeGateway):
    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        return super().refund(charge, amount, stamp=replace(stamp, key="0" * 32))


class Echo(AcmeGateway):
    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        return replace(super().refund(charge, amount, stamp=stamp), amount=amount)


class LosesVoids(AcmeGateway):
    def find_void(self, charge: Charge, *, stamp: Stamp) -> Charge | None:
        return None


class VoidsAgain(AcmeGateway):
    def void_charge(self, charge: Charge, *, stamp: Stamp) -> Charge:
        try:
            return super().void_charge(charge, stamp=stamp)
        except Refused:
            return self.get_charge(charge.id)


class LosesCancellations(AcmeGateway):
    def find_cancellation(
        self, subscription: Subscription, *, when: When, stamp: Stamp
    ) -> Subscription | None:
        return None


class PreviewEnds(AcmeGateway):
    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        self.cancel_subscription(subscription, when=when, stamp=STAMP)
        return ()


class PreviewSends(AcmeGateway):
    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        self._client.post(f"/invoices/{invoice.id}/remind", {}, key=STAMP.key)
        return super().preview_resend(invoice, to=to)


class AlwaysSent(AcmeGateway):
    def find_resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery | None:
        return Delivery(message=Message.REMINDER, to="layla@example.com")


class NeverSent(AcmeGateway):
    def find_resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery | None:
        return None


STAMP = Stamp(key="f" * 32, operation="op_" + "0" * 26, asked=datetime.now(UTC))


# The network


class Patient(AcmeGateway):
    """Waits longer than its account's timeouts."""

    def get_charge(self, charge_id: str) -> Charge:
        try:
            return super().get_charge(charge_id)
        except NoAnswer:
            time.sleep(2.5)
            raise


class ClosedOnce(AcmeGateway):
    closed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class StillWaiting(AcmeGateway):
    def close(self) -> None:
        """Closes nothing."""


class Insisting(AcmeGateway):
    """Sends a refund again under another key when no answer came."""

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        try:
            return super().refund(charge, amount, stamp=stamp)
        except OutcomeUnknown:
            return super().refund(charge, amount, stamp=replace(stamp, key="1" * 32))


# Secrets


class Talkative(AcmeGateway):
    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.key = str(account.secrets["api_key"])


class Telling(AcmeGateway):
    """Its errors carry the key."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._client = TurningClient(account, {}, f" with {account.secrets['api_key']}")


class Logging(AcmeGateway):
    def get_charge(self, charge_id: str) -> Charge:
        logging.getLogger("acme").debug("with %s", str(self.account.secrets["api_key"]))
        return super().get_charge(charge_id)


class OneClient(AcmeGateway):
    """All accounts share the client of the first."""

    shared: ClassVar[list[Client]] = []

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.shared.append(self._client)
        self._client = self.shared[0]


class SetsGlobals(AcmeGateway):
    def get_charge(self, charge_id: str) -> Charge:
        import requests.adapters

        requests.adapters.DEFAULT_RETRIES = 7
        return super().get_charge(charge_id)


# A copy


class Copying(AcmeGateway):
    """Keeps a copy of the charges, as it should. A folder of its own, open to its user alone."""

    capabilities: ClassVar[frozenset[Capability]] = AcmeGateway.capabilities | {Capability.SYNC}
    mode = 0o600
    kept = "the charges"

    def _path(self) -> Path:
        assert self.account.state_dir is not None
        self.account.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.account.state_dir / "copy.json"

    def sync(self, since: datetime) -> LocalCopy:
        charges = list(self.list_charges(Selection(since=since)))
        self._path().write_text(json.dumps([since.isoformat(), len(charges), self.kept]))
        self._path().chmod(self.mode)
        made = self.local_copy()
        assert made is not None
        return made

    def local_copy(self) -> LocalCopy | None:
        if not self._path().exists():
            return None
        since, records, _ = json.loads(self._path().read_text())
        return LocalCopy(since=datetime.fromisoformat(since), until=STAMP.asked, records=records)

    def forget_copy(self) -> LocalCopy | None:
        forgotten = self.local_copy()
        self._path().unlink(missing_ok=True)
        return forgotten


class NeverForgets(Copying):
    def forget_copy(self) -> LocalCopy | None:
        return self.local_copy()


class OpenCopy(Copying):
    mode = 0o644


class GrowingCopy(Copying):
    def sync(self, since: datetime) -> LocalCopy:
        before = self.local_copy()
        made = super().sync(since)
        return replace(made, records=made.records + (before.records if before else 0))


class FragileCopy(Copying):
    def sync(self, since: datetime) -> LocalCopy:
        self.forget_copy()
        return super().sync(since)
