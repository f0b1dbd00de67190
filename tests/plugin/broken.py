"""Gateways that break one promise each about what they declare or read: Acme's, but for that."""

# ruff: noqa: ARG002, ARG003 - what breaks a promise often does not look at what it was given

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from billctl.errors import AuthFailed, BillctlError, NoAnswer, NotFound, NotSent, OutcomeUnknown
from billctl.frozen import replace
from billctl.gateway import (
    Account,
    By,
    Capability,
    Delivery,
    Found,
    Identity,
    Message,
    Query,
    Selection,
    Setting,
)
from billctl.models import Charge, Customer, Invoice
from tests.plugin.acme import AcmeGateway, Client

T = TypeVar("T")

NAIVE = datetime(2026, 11, 1)  # noqa: DTZ001 - that is what is wrong with it


class OtherInterface(AcmeGateway):
    api = 2


class BadSetting(AcmeGateway):
    settings: ClassVar[tuple[Setting, ...]] = (Setting(name="base_url", help="Where it is."),)


class VoidsUndeclared(AcmeGateway):
    capabilities: ClassVar[frozenset[Capability]] = AcmeGateway.capabilities - {Capability.VOID}


class EndsUndeclared(AcmeGateway):
    capabilities: ClassVar[frozenset[Capability]] = AcmeGateway.capabilities - {Capability.CANCEL_NOW}


class OpenSecret(AcmeGateway):
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        replace(setting, secret=False) for setting in AcmeGateway.settings
    )


class NeverContent(AcmeGateway):
    @classmethod
    def settings_faults(cls, settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
        return {"shop": "is not to its liking"}


class WrongExample(AcmeGateway):
    id_examples: ClassVar[Mapping[str, str]] = {"charge": "C1001"}


class NoStep(AcmeGateway):
    def amount_step(self, currency: str) -> int:
        return 0


class Eager(AcmeGateway):
    def __init__(self, account: Account) -> None:
        super().__init__(account)
        try:
            self.check()
        except BillctlError:
            return


class SearchesAnyhow(AcmeGateway):
    def find_customers(self, query: Query) -> Found:
        return super().find_customers(Query(by=By.EMAIL, text=query.text))


class SendsAnywhere(AcmeGateway):
    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        return Delivery(message=Message.REMINDER, to=to or "layla@example.com")


# Reads


class Nobody(AcmeGateway):
    def check(self) -> Identity:
        return Identity(id=None, name=None, live=None)


class OtherGateway(AcmeGateway):
    def get_charge(self, charge_id: str) -> Charge:
        return replace(super().get_charge(charge_id), gateway="other")


class NaiveTimes(AcmeGateway):
    def get_charge(self, charge_id: str) -> Charge:
        return replace(super().get_charge(charge_id), created=NAIVE)


class TooGenerous(AcmeGateway):
    def get_charge(self, charge_id: str) -> Charge:
        charge = super().get_charge(charge_id)
        return replace(charge, refundable=charge.captured + charge.captured)


class Turning(AcmeGateway):
    """Every failure of one class becomes one of another."""

    turned: ClassVar[Mapping[type[BillctlError], type[BillctlError]]] = {}

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._client = TurningClient(account, self.turned)


class TurningClient(Client):
    def __init__(
        self, account: Account, turned: Mapping[type[BillctlError], type[BillctlError]], text: str = ""
    ) -> None:
        super().__init__(account)
        self._turned = turned
        self._text = text

    def _error(self, kind: type[BillctlError], message: str, *, code: str | None = None) -> BillctlError:
        return super()._error(self._turned.get(kind, kind), message + self._text, code=code)


class AbsentIsNoAnswer(Turning):
    turned: ClassVar[Mapping[type[BillctlError], type[BillctlError]]] = {NotFound: NoAnswer}


class BadKeyIsAbsent(Turning):
    turned: ClassVar[Mapping[type[BillctlError], type[BillctlError]]] = {AuthFailed: NotFound}


class UnsentIsUnknown(Turning):
    turned: ClassVar[Mapping[type[BillctlError], type[BillctlError]]] = {NotSent: OutcomeUnknown}


class LimitByItsOwnName(AcmeGateway):
    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._client = NamingClient(account)


class NamingClient(Client):
    def _error(self, kind: type[BillctlError], message: str, *, code: str | None = None) -> BillctlError:
        return super()._error(kind, message, code="too_many_requests" if kind is NotSent else code)


class UnknownIsUnsent(Turning):
    turned: ClassVar[Mapping[type[BillctlError], type[BillctlError]]] = {
        OutcomeUnknown: NotSent,
        NoAnswer: NotSent,
    }


class AnyId(AcmeGateway):
    def get_customer(self, customer_id: str) -> Customer:
        raise NotFound(f"no {customer_id}", account=self.account.name)


class FindsNobody(AcmeGateway):
    def find_customers(self, query: Query) -> Found:
        return Found(customers=())


class FindsAnybody(AcmeGateway):
    def find_customers(self, query: Query) -> Found:
        return super().find_customers(Query(by=By.EMAIL, text="layla@example.com"))


class Boundless(AcmeGateway):
    def find_customers(self, query: Query) -> Found:
        return super().find_customers(replace(query, limit=1000))


class OldestFirst(AcmeGateway):
    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        return iter(list(super().list_charges(selection))[::-1])


class Ignoring(AcmeGateway):
    """A list that does not filter by one thing."""

    ignored: ClassVar[Mapping[str, Any]] = {}

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        return super().list_charges(replace(selection, **self.ignored))


class IgnoresLimit(Ignoring):
    ignored: ClassVar[Mapping[str, Any]] = {"limit": 1000}


class IgnoresTime(Ignoring):
    ignored: ClassVar[Mapping[str, Any]] = {"since": None, "until": None}


class IgnoresStatus(Ignoring):
    ignored: ClassVar[Mapping[str, Any]] = {"status": None}


class IgnoresCustomer(Ignoring):
    ignored: ClassVar[Mapping[str, Any]] = {"customer_id": None}


class OneAtATime(AcmeGateway):
    """Keeps the answer where the next caller's overwrites it."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.latest: Any = None

    def get_charge(self, charge_id: str) -> Charge:
        return self._kept(super().get_charge(charge_id))

    def get_customer(self, customer_id: str) -> Customer:
        return self._kept(super().get_customer(customer_id))

    def _kept(self, record: T) -> T:
        self.latest = record
        time.sleep(0.05)
        kept: T = self.latest
        return kept


class LastAccount(AcmeGateway):
    """All accounts answer under the name of the one built last."""

    last: ClassVar[list[str]] = []

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.last.append(account.name)

    def get_charge(self, charge_id: str) -> Charge:
        return replace(super().get_charge(charge_id), account=self.last[-1])


class Anonymous(AcmeGateway):
    def get_charge(self, charge_id: str) -> Charge:
        try:
            return super().get_charge(charge_id)
        except BillctlError as error:
            raise type(error)(error.message) from error
