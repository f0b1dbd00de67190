"""Acme Payments for billctl: one account at Acme, one method for each operation.

Importing this module imports no HTTP library; the first request does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar

from billctl.errors import NotFound, OutcomeUnknown, UsageError
from billctl.frozen import replace
from billctl.gateway import (
    Account,
    By,
    Capability,
    Delivery,
    Found,
    Gateway,
    Identity,
    Message,
    Query,
    Selection,
    Setting,
    Stamp,
    When,
)
from billctl.models import Charge, ChargeStatus, Customer, Invoice, Refund, Subscription, SubscriptionStatus
from billctl.money import Money
from billctl.parallel import gather
from billctl_acme import mapping
from billctl_acme.client import Client

Json = dict[str, Any]

KINDS = {"C": "customer", "P": "charge", "S": "subscription", "I": "invoice"}
ID = re.compile(r"[CPSI][0-9]{1,12}", re.ASCII)
"""Acme's ids: no other character ever enters a URL."""


class AcmeGateway(Gateway):
    """One account at Acme."""

    api = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.FIND_BY_EMAIL,
            Capability.FIND_BY_ID,
            Capability.FIND_BY_CHARGE,
            Capability.LIST_CHARGES,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.IDEMPOTENCY,
            Capability.VOID,
            Capability.CANCEL_NOW,
            Capability.CANCEL_AT_PERIOD_END,
            Capability.RESEND_INVOICE,
        }
    )
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="shop", help="The shop's number in Acme's portal."),
        Setting(name="api_key", help="From Acme's portal: acme_test_… or acme_live_…", secret=True),
    )
    id_examples: ClassVar[Mapping[str, str]] = {kind: f"{letter}1001" for letter, kind in KINDS.items()}
    limits: ClassVar[Mapping[Capability, str]] = {
        Capability.RESEND_INVOICE: "open invoices only, as a reminder, to the address that Acme has"
    }

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._client = Client(account)

    def close(self) -> None:
        """Ends the account's connections, and the calls that wait for an answer."""
        self._client.close()

    @classmethod
    def settings_faults(cls, settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
        """A shop's number has digits only."""
        del live
        return {} if settings.get("shop", "0").isdecimal() else {"shop": "is not a number"}

    def check(self) -> Identity:
        """Acme tells whose key it is, and its mode."""
        told = self._client.get("/account")
        return self._client.reading(lambda: Identity(id=told["id"], name=told["name"], live=told["live"]))

    def kind_of(self, object_id: str) -> str | None:
        """By the first letter."""
        return KINDS.get(object_id[:1]) if ID.fullmatch(object_id) else None

    # Reads

    def find_customers(self, query: Query) -> Found:
        """By e-mail (Acme compares without regard to case), by id, or by one of their charges."""
        if query.by is By.EMAIL:
            answer = self._client.get("/customers", email=query.text)
            found = self._client.reading(lambda: list[Json](answer["customers"]))
        elif query.by is By.ID:
            found = self._if_there(lambda: self._read("customer", query.text))
        elif query.by is By.CHARGE:
            found = self._if_there(
                lambda: self._read("customer", self._read("charge", query.text)["customer"])
            )
        else:
            raise self.cannot(f"find customers by {query.by}")
        return Found(customers=tuple(gather([self._with_history(person, query) for person in found])))

    def _if_there(self, read: Callable[[], Json]) -> list[Json]:
        try:
            return [read()]
        except NotFound:
            return []

    def _with_history(self, person: Json, query: Query) -> Callable[[], Customer]:
        """Reads a customer's history, when it is called: several customers are read at the same time."""
        selection = Selection(customer_id=person["id"], since=query.since, limit=query.limit)

        def read() -> Customer:
            customer = self._client.reading(lambda: mapping.customer(person, self.account))
            return replace(customer, charges=tuple(self.list_charges(selection)))

        return read

    def get_customer(self, customer_id: str) -> Customer:
        """One customer, without history."""
        data = self._read("customer", customer_id)
        return self._client.reading(lambda: mapping.customer(data, self.account))

    def get_charge(self, charge_id: str) -> Charge:
        """One charge with its refunds."""
        data = self._read("charge", charge_id)
        return self._client.reading(lambda: mapping.charge(data, self.account))

    def get_subscription(self, subscription_id: str) -> Subscription:
        """One subscription."""
        data = self._read("subscription", subscription_id)
        return self._client.reading(lambda: mapping.subscription(data, self.account))

    def get_invoice(self, invoice_id: str) -> Invoice:
        """One invoice."""
        data = self._read("invoice", invoice_id)
        return self._client.reading(lambda: mapping.invoice(data, self.account))

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        """Acme filters by customer and sorts newest first; time and status are filtered here."""
        filters = {"customer": _checked(selection.customer_id, "customer")} if selection.customer_id else {}
        wire = self._client.get("/charges", **filters)
        listed: list[Charge] = self._client.reading(
            lambda: [mapping.charge(data, self.account) for data in wire["charges"]]
        )
        return islice((charge for charge in listed if _selected(charge, selection)), selection.limit)

    def _read(self, kind: str, object_id: str) -> Json:
        return self._client.get(f"/{kind}s/{_checked(object_id, kind)}")

    # Changes

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        """Under the operation's key, which Acme honours and keeps with the refund."""
        body = {"minor": amount.minor, "currency": amount.currency, "reason": stamp.reason_code}
        made = self._client.post(f"/charges/{_checked(charge.id, 'charge')}/refunds", body, key=stamp.key)
        return self._client.changed(lambda: mapping.refund(made, self.account))

    def find_refund(
        self,
        charge: Charge,
        amount: Money,  # noqa: ARG002 the key that is looked for was made from it
        *,
        stamp: Stamp,
    ) -> Refund | None:
        """By the key."""
        refunds = self.get_charge(charge.id).refunds
        return next((refund for refund in refunds if refund.operation_key == stamp.key), None)

    def void_charge(self, charge: Charge, *, stamp: Stamp) -> Charge:
        """Release what is held."""
        made = self._client.post(f"/charges/{_checked(charge.id, 'charge')}/void", {}, key=stamp.key)
        return self._client.changed(lambda: mapping.charge(made, self.account))

    def find_void(
        self,
        charge: Charge,
        *,
        stamp: Stamp,  # noqa: ARG002 Acme keeps no trace of who released a charge
    ) -> Charge | None:
        """Whether it is released, by whomever."""
        current = self.get_charge(charge.id)
        return current if current.status is ChargeStatus.VOIDED else None

    def cancel_subscription(self, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
        """Now, or at the end of the period."""
        path = f"/subscriptions/{_checked(subscription.id, 'subscription')}/cancel"
        made = self._client.post(path, {"at": str(when)}, key=stamp.key)
        return self._client.changed(lambda: mapping.subscription(made, self.account))

    def find_cancellation(
        self,
        subscription: Subscription,
        *,
        when: When,
        stamp: Stamp,  # noqa: ARG002 Acme keeps no trace of who canceled
    ) -> Subscription | None:
        """Whether it is canceled, or will end, by whomever."""
        current = self.get_subscription(subscription.id)
        ended = current.status is SubscriptionStatus.CANCELED
        return current if ended or (when is When.PERIOD_END and current.cancel_at_period_end) else None

    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        """A reminder to the customer's address."""
        if to is not None:
            raise self.cannot("send an invoice to another address")
        return Delivery(message=Message.REMINDER, to=invoice.email or "the customer")

    def resend_invoice(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
        """A reminder. Acme refuses it for what is paid."""
        delivery = self.preview_resend(invoice, to=to)
        sent = self._client.post(f"/invoices/{_checked(invoice.id, 'invoice')}/remind", {}, key=stamp.key)
        return self._client.changed(lambda: replace(delivery, to=sent["to"]))

    def find_resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery | None:
        """Acme does not say what it sent: nothing tells."""
        del to, stamp
        raise OutcomeUnknown(
            f"Acme does not show whether a reminder of {invoice.id} was sent",
            hint="Ask the customer, or look into Acme's portal.",
            account=self.account.name,
        )


def _checked(object_id: str, kind: str) -> str:
    """`object_id`, fit for a URL. Raises `UsageError` before anything is sent."""
    if not ID.fullmatch(object_id) or KINDS[object_id[0]] != kind:
        raise UsageError(f"{object_id[:40]!r} is not the id of a {kind} at Acme", code="bad_id")
    return object_id


def _selected(charge: Charge, selection: Selection) -> bool:
    if selection.status is not None and charge.status != selection.status:
        return False
    if selection.since is not None and charge.created < selection.since:
        return False
    return selection.until is None or charge.created < selection.until
