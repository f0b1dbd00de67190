"""Stripe, through its official SDK (`stripe`), which is imported by the first request and not before.

Modules: `client` tames the SDK, `errors` says what a failure means, `mapping` turns wire objects into
records, `find` and `history` look customers up, `lists` lists, `changes`, `void` and `resend` change.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from billctl.errors import AuthFailed
from billctl.gateway import (
    Account,
    Capability,
    Delivery,
    Found,
    Gateway,
    Identity,
    Query,
    RateLimit,
    Selection,
    Setting,
    Stamp,
    When,
)
from billctl.gateways.stripe import ids
from billctl.models import Charge, Customer, Dispute, Invoice, Refund, Subscription
from billctl.money import Money

if TYPE_CHECKING:
    from billctl.gateways.stripe.client import Client


def utc_now() -> datetime:
    """The clock an account's gateway reads unless it is given another."""
    return datetime.now(UTC)


class StripeGateway(Gateway):
    """One Stripe account. `now` is the clock that decides whether an open invoice is past due."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {
        Capability.REFUND_LINES,
        Capability.CANCEL_REFUND,
        Capability.REACTIVATE,
        Capability.VOID_CREDIT,
        Capability.INVOICE_PDF,
        Capability.INVOICE_LINK,
        Capability.SYNC,
    }
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="api_key", help="A secret or, better, a restricted key (sk_…, rk_…).", secret=True),
    )
    id_examples: ClassVar[Mapping[str, str]] = ids.EXAMPLES
    limits: ClassVar[Mapping[Capability, str]] = {
        Capability.VOID: "what is authorized and not captured",
        Capability.RESEND_TO: "receipts; an invoice goes to its customer's own address",
    }
    instead: ClassVar[Mapping[Capability, str]] = {
        Capability.INVOICE_PDF: "An invoice names its own PDF: `billctl stripe show INVOICE`.",
        Capability.INVOICE_LINK: "An invoice names its own page: `billctl stripe show INVOICE`.",
    }
    rate_limits: ClassVar[Mapping[bool, RateLimit]] = {
        True: RateLimit(in_all=100, endpoint=25),
        False: RateLimit(in_all=25, endpoint=25),
    }
    """docs.stripe.com/rate-limits. Search takes less (20 a second), but no action of billctl searches."""

    def __init__(self, account: Account, *, now: Callable[[], datetime] = utc_now) -> None:
        from billctl.gateways.stripe.client import Client

        super().__init__(account)
        self._client = Client(account)
        self._now = now

    def _allowed(self) -> "Client":
        """The client, once the key's mode is the profile's."""
        self._client.require_mode()
        return self._client

    def close(self) -> None:
        """Ends the account's connections, and the calls that wait for an answer."""
        self._client.close()

    def check_secrets(self) -> None:
        """By Stripe's grammar of keys, which also says test or live; sends nothing."""
        self._client.require_mode()

    def check(self) -> Identity:
        """Ask for the key's own account. A restricted key that may not read it still tells its mode."""
        try:
            account = self._client.get("/v1/account")
        except AuthFailed as error:
            if error.code != "permission":
                raise
            return Identity(id=None, name=None, live=self._client.live)
        from billctl.gateways.stripe.errors import reading_answer
        from billctl.gateways.stripe.mapping import account_name

        with reading_answer(self.account.name, change=False):
            return Identity(id=account["id"], name=account_name(account), live=self._client.live)

    def kind_of(self, object_id: str) -> str | None:
        """By prefix; see `ids.KINDS`."""
        return ids.kind_of(object_id)

    def amount_step(self, currency: str) -> int:
        """10 for three-decimal currencies, 100 for MGA; raises `Unsupported` for UGX and what Stripe's
        page of currencies leaves open."""
        from billctl.gateways.stripe import mapping

        return mapping.amount_step(currency)

    def find_customers(self, query: Query) -> Found:
        """See `find`; an e-mail is searched in every case of its letters."""
        from billctl.gateways.stripe import find

        return find.find_customers(self._allowed(), query, now=self._now())

    def get_customer(self, customer_id: str) -> Customer:
        """One customer, without history. Raises `NotFound` (`customer_deleted`) for a deleted one."""
        from billctl.gateways.stripe import objects

        return objects.get_customer(self._allowed(), customer_id)

    def get_charge(self, charge_id: str) -> Charge:
        """One charge with all its refunds; its invoice is joined by a lookup only."""
        from billctl.gateways.stripe import objects

        return objects.get_charge(self._allowed(), charge_id)

    def get_refund(self, refund_id: str) -> Refund:
        """One refund."""
        from billctl.gateways.stripe import objects

        return objects.get_refund(self._allowed(), refund_id)

    def get_subscription(self, subscription_id: str) -> Subscription:
        """One subscription."""
        from billctl.gateways.stripe import objects

        return objects.get_subscription(self._allowed(), subscription_id)

    def get_invoice(self, invoice_id: str) -> Invoice:
        """One invoice."""
        from billctl.gateways.stripe import objects

        return objects.get_invoice(self._allowed(), invoice_id, now=self._now())

    def get_dispute(self, dispute_id: str) -> Dispute:
        """One dispute."""
        from billctl.gateways.stripe import objects

        return objects.get_dispute(self._allowed(), dispute_id)

    def list_customers(self, selection: Selection) -> Iterator[Customer]:
        """Filtered by time only; raises `UsageError` for another filter."""
        from billctl.gateways.stripe import lists

        return lists.customers(self._allowed(), selection)

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        """The status is filtered here: Stripe has no such filter."""
        from billctl.gateways.stripe import lists

        return lists.charges(self._allowed(), selection)

    def list_refunds(self, selection: Selection) -> Iterator[Refund]:
        """Of one customer: through all his charges."""
        from billctl.gateways.stripe import lists

        return lists.refunds(self._allowed(), selection)

    def list_subscriptions(self, selection: Selection) -> Iterator[Subscription]:
        """Canceled ones too."""
        from billctl.gateways.stripe import lists

        return lists.subscriptions(self._allowed(), selection)

    def list_invoices(self, selection: Selection) -> Iterator[Invoice]:
        """Past due is open with a due date that has passed."""
        from billctl.gateways.stripe import lists

        return lists.invoices(self._allowed(), selection, now=self._now())

    def list_disputes(self, selection: Selection) -> Iterator[Dispute]:
        """Of one customer: through all his charges."""
        from billctl.gateways.stripe import lists

        return lists.disputes(self._allowed(), selection)

    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        """See `resend` for the rule."""
        from billctl.gateways.stripe import resend

        return resend.way_of(self._allowed(), invoice, to).delivery

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        """With the key as the idempotency key and in the refund's metadata."""
        from billctl.gateways.stripe import changes

        return changes.refund(self._allowed(), charge, amount, stamp=stamp)

    def void_charge(self, charge: Charge, *, stamp: Stamp) -> Charge:
        """See `void`: only what was authorized and not captured can be released."""
        from billctl.gateways.stripe import void

        return void.void(self._allowed(), charge, stamp=stamp)

    def cancel_subscription(self, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
        """See `changes.cancel`."""
        from billctl.gateways.stripe import changes

        return changes.cancel(self._allowed(), subscription, when=when, stamp=stamp)

    def resend_invoice(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
        """See `resend` for the rule."""
        from billctl.gateways.stripe import resend

        return resend.resend(self._allowed(), invoice, to=to, stamp=stamp)

    def find_refund(
        self,
        charge: Charge,
        amount: Money,  # noqa: ARG002 - the key that is looked for was made from it
        *,
        stamp: Stamp,
    ) -> Refund | None:
        """By the key in the metadata."""
        from billctl.gateways.stripe import changes

        return changes.find_refund(self._allowed(), charge, stamp=stamp)

    def find_void(
        self,
        charge: Charge,
        *,
        stamp: Stamp,  # noqa: ARG002 - Stripe keeps no trace of who released a charge
    ) -> Charge | None:
        """See `void.find_void`."""
        from billctl.gateways.stripe import void

        return void.find_void(self._allowed(), charge)

    def find_cancellation(
        self, subscription: Subscription, *, when: When, stamp: Stamp
    ) -> Subscription | None:
        """See `changes.find_cancellation`."""
        from billctl.gateways.stripe import changes

        return changes.find_cancellation(self._allowed(), subscription, when=when, stamp=stamp)

    def find_resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery | None:
        """See `resend.find_resend`."""
        from billctl.gateways.stripe import resend

        return resend.find_resend(self._allowed(), invoice, to=to, stamp=stamp, now=self._now())
