"""WooCommerce, through its REST API v3 over `requests`, which is imported by the first request.

Modules: `place` says where a store is, `client` and `errors` ask it and say what a failure means, `ids`,
`values`, `mapping` and `recurring` turn what it answers into records, `objects` reads single ones, `find`,
`ways` and `history` look customers up, `lists` lists, `site` is what a store says of itself.

Changes: `refundable` says what stands against a refund, `refunding` makes it behind a claim (`claims`,
written in `notes`, remembered in `marks`), `objections` is what stops it then, `looking` says what became of
it, `behind` who took the payment; `methods` are ways to pay, `resend` and `ending` e-mails and the ends of
subscriptions.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from billctl.gateway import (
    Account,
    Behind,
    Capability,
    Delivery,
    Found,
    Gateway,
    Identity,
    Query,
    Selection,
    Setting,
    Stamp,
    When,
)
from billctl.gateways.woocommerce import ids, place
from billctl.models import Charge, Customer, Invoice, Refund, Subscription
from billctl.money import Money

SUBSCRIPTIONS = "with the WooCommerce Subscriptions extension, with which it was never run"


class WoocommerceGateway(Gateway):
    """One store. An order is a charge and an invoice at once, both under the order's id.

    WooCommerce honours no idempotency key. What is declared was checked against its public source and
    behaviour observed on 10.0.2; WooCommerce 11 and the paid Subscriptions extension were not run.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.FIND_BY_EMAIL,
            Capability.FIND_BY_ID,
            Capability.FIND_BY_NAME,
            Capability.FIND_BY_INVOICE,
            Capability.FIND_BY_CHARGE,
            Capability.FIND_BY_SUBSCRIPTION,
            Capability.LIST_CUSTOMERS,
            Capability.LIST_CHARGES,
            Capability.LIST_REFUNDS,
            Capability.LIST_SUBSCRIPTIONS,
            Capability.LIST_INVOICES,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.CANCEL_NOW,
            Capability.CANCEL_AT_PERIOD_END,
            Capability.RESEND_INVOICE,
        }
    )
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="url", help="The store's own address, like https://shop.example."),
        Setting(
            name="consumer_key",
            help="A REST API key of the store (WooCommerce, Settings, Advanced, REST API).",
            secret=True,
        ),
        Setting(name="consumer_secret", help="The secret that was shown with that key.", secret=True),
        Setting(
            name="store",
            help="test, where no real money moves: a staging copy, or payment gateways in test mode.",
            required=False,
        ),
    )
    id_examples: ClassVar[Mapping[str, str]] = ids.EXAMPLES
    limits: ClassVar[Mapping[Capability, str]] = {
        Capability.FIND_BY_NAME: "the names on orders: who never ordered is found by e-mail or id",
        Capability.FIND_BY_INVOICE: "an order's number only if the store's own search finds it",
        Capability.FIND_BY_SUBSCRIPTION: SUBSCRIPTIONS,
        Capability.LIST_CUSTOMERS: "accounts only: a guest is on his orders",
        Capability.LIST_REFUNDS: "of all customers since WooCommerce 9.0",
        Capability.LIST_SUBSCRIPTIONS: SUBSCRIPTIONS,
        Capability.REFUND: "through the payment gateway that took the order's money",
        Capability.CANCEL_NOW: SUBSCRIPTIONS,
        Capability.CANCEL_AT_PERIOD_END: f"an active one; {SUBSCRIPTIONS}",
        Capability.RESEND_INVOICE: "since WooCommerce 9.5; whether it is delivered, the store does not know",
    }
    instead: ClassVar[Mapping[Capability, str]] = {
        Capability.VOID: "Refund the whole order instead, or cancel it in the store's admin if it is unpaid.",
        Capability.RESEND_TO: "Leave --to out: another address would be written into the order.",
        Capability.REACTIVATE: "Reactivate it in the store's admin.",
        Capability.INVOICE_LINK: (
            "An unpaid order names the page to pay it: `billctl woocommerce show ORDER --type invoice`."
        ),
    }
    patience: ClassVar[float] = 300.0
    """A store goes on with a refund when nobody waits for it any more, and the refund may be sent as late as
    `refunding.LATEST`; PHP's own limits are shorter than what is left of it."""

    def __init__(self, account: Account) -> None:
        from billctl.gateways.woocommerce.client import Client
        from billctl.gateways.woocommerce.marks import Marks
        from billctl.gateways.woocommerce.resend import Mails

        super().__init__(account)
        self._client = Client(account)
        self._marks = Marks(account.state_dir)
        self._mails = Mails(self._client)

    @classmethod
    def settings_faults(cls, settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
        """An address that is none or would carry the keys in the clear; `store` that contradicts the mode."""
        return place.settings_faults(settings, live=live)

    def check_secrets(self) -> None:
        """Keys that are empty or that no header can carry; their form tells no mode."""
        place.check_given_keys(self.account)

    def check(self) -> Identity:
        """See `site`. A store cannot say that it is a test store: it is live unless the profile says
        `store = "test"`, and at a loopback address it does not tell."""
        from billctl.gateways.woocommerce import site

        return site.check(self._client)

    def find_customers(self, query: Query) -> Found:
        """See `find`. A guest stands there under his e-mail address."""
        if query.by.capability not in self.capabilities:
            raise self.cannot(f"find customers by {query.by}")
        from billctl.gateways.woocommerce import find

        return find.find_customers(self._client, query)

    def get_customer(self, customer_id: str) -> Customer:
        """One customer without history; a guest by his e-mail address."""
        from billctl.gateways.woocommerce import objects

        return objects.get_customer(self._client, customer_id)

    def get_charge(self, charge_id: str) -> Charge:
        """One order with all its refunds (a `mapping.StoreCharge`)."""
        from billctl.gateways.woocommerce import objects

        return objects.get_charge(self._client, charge_id)

    def get_refund(self, refund_id: str) -> Refund:
        """One refund. Raises `Unsupported` (`too_old`) at a store older than WooCommerce 9.0."""
        from billctl.gateways.woocommerce import objects

        return objects.get_refund(self._client, refund_id)

    def get_subscription(self, subscription_id: str) -> Subscription:
        """One subscription. Raises `Unsupported` (`extension_missing`) where the store has none."""
        from billctl.gateways.woocommerce import objects

        return objects.get_subscription(self._client, subscription_id)

    def get_invoice(self, invoice_id: str) -> Invoice:
        """One order as a bill."""
        from billctl.gateways.woocommerce import objects

        return objects.get_invoice(self._client, invoice_id)

    def list_customers(self, selection: Selection) -> Iterator[Customer]:
        """Filtered by time only; raises `UsageError` for another filter."""
        from billctl.gateways.woocommerce import lists

        return lists.customers(self._client, selection)

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        """Orders; of a guest, too, by his e-mail address as the customer's id."""
        from billctl.gateways.woocommerce import lists

        return lists.charges(self._client, selection)

    def list_refunds(self, selection: Selection) -> Iterator[Refund]:
        """Raises `Unsupported` (`too_old`) at a store older than WooCommerce 9.0, but for one customer."""
        from billctl.gateways.woocommerce import lists

        return lists.refunds(self._client, selection)

    def list_subscriptions(self, selection: Selection) -> Iterator[Subscription]:
        """Raises `Unsupported` (`extension_missing`) where the store has none."""
        from billctl.gateways.woocommerce import lists

        return lists.subscriptions(self._client, selection)

    def list_invoices(self, selection: Selection) -> Iterator[Invoice]:
        """Orders as bills."""
        from billctl.gateways.woocommerce import lists

        return lists.invoices(self._client, selection)

    def list_notes(self, kind: str, selection: Selection) -> tuple[str, ...]:
        """Guests are no customers of the store."""
        del selection
        return (GUESTS,) if kind == "customers" else ()

    def preview_refund(self, charge: Charge, amount: Money) -> tuple[str, ...]:
        """See `refundable.preview`."""
        from billctl.gateways.woocommerce import objects, refundable

        return refundable.preview(self._client, objects.as_order(self._client, charge), amount)

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        """Behind a claim on the order; see `refunding.refund`."""
        from billctl.gateways.woocommerce import refunding

        return refunding.refund(self._client, self._marks, charge, amount, stamp=stamp)

    def find_refund(
        self,
        charge: Charge,
        amount: Money,  # noqa: ARG002 - the key that is looked for was made from it
        *,
        stamp: Stamp,
    ) -> Refund | None:
        """By what the order shows, its claim and this machine's mark of it."""
        from billctl.gateways.woocommerce import looking

        return looking.find_refund(self._client, self._marks, charge, stamp=stamp)

    def behind(self, charge: Charge) -> Behind | None:
        """By the order's payment method and transaction."""
        from billctl.gateways.woocommerce import behind
        from billctl.gateways.woocommerce.mapping import StoreCharge

        return behind.behind(charge) if isinstance(charge, StoreCharge) else None

    def settled(self, charge: Charge, *, stamp: Stamp, done: bool) -> None:
        """Close the claim that the operation left open on the order."""
        from billctl.gateways.woocommerce import looking

        looking.settle(self._client, self._marks, charge, stamp=stamp, done=done)

    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        """Raises `Refused` (`no_period_end`) for one that has no paid time to run out."""
        from billctl.gateways.woocommerce import ending

        return ending.preview(self._client, subscription, when=when)

    def cancel_subscription(
        self,
        subscription: Subscription,
        *,
        when: When,
        stamp: Stamp,  # noqa: ARG002 - a subscription takes no key and has no field for one
    ) -> Subscription:
        """See `ending.cancel`."""
        from billctl.gateways.woocommerce import ending

        return ending.cancel(self._client, subscription, when=when)

    def find_cancellation(
        self,
        subscription: Subscription,
        *,
        when: When,
        stamp: Stamp,  # noqa: ARG002 - an ended subscription does not tell who ended it
    ) -> Subscription | None:
        """By the subscription's state."""
        from billctl.gateways.woocommerce import ending

        return ending.find(self._client, subscription, when=when)

    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        """The order's details, to the order's own address."""
        return self._mails.preview(invoice, to=to)

    def resend_invoice(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
        """Accepted by the store, which does not know more."""
        return self._mails.resend(invoice, to=to, stamp=stamp)

    def find_resend(
        self,
        invoice: Invoice,
        *,
        to: str | None,  # noqa: ARG002 - the store sends to the order's own address only
        stamp: Stamp,
    ) -> Delivery | None:
        """By the note that the store made of it, which newer stores make without a trace of who asked."""
        return self._mails.find(invoice, stamp=stamp)

    def close(self) -> None:
        """End the connections."""
        self._client.close()


GUESTS = "guests are not listed: they are on their orders only, and are found by their e-mail address"
