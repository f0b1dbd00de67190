"""Braintree, through its official SDK (`braintree`), which is imported by the first request and not before.

Modules: `place` says where an account is, `wire` and `client` tame the SDK, `errors` and `refusals` say what
a failure means, `mapping` and `recurring` turn the SDK's objects into records, `find` and `history` look
customers up, `lists` lists, `changes` changes.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from billctl.gateway import (
    Account,
    Capability,
    Found,
    Gateway,
    Identity,
    Query,
    Selection,
    Setting,
    Stamp,
    When,
)
from billctl.gateways.braintree import ids, place
from billctl.models import Charge, Customer, Dispute, Refund, Subscription
from billctl.money import Money

NO_MESSAGES = (
    "Braintree has no invoices, and its API sends no receipts: those it e-mails by itself when a charge is "
    "submitted, if its support has enabled that. Send the customer the charge's details yourself."
)


class BraintreeGateway(Gateway):
    """One merchant at Braintree.

    It declares `IDEMPOTENCY`: a refund carries its key as `api_request_key`, and the SDK's own integration
    tests show that the same request again answers the same refund. That every merchant's account honours
    it is not verified (see `changes`); where one refuses it, nothing is sent.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {
        Capability.FIND_BY_INVOICE,
        Capability.LIST_INVOICES,
        Capability.RESEND_INVOICE,
        Capability.RESEND_TO,
        Capability.SYNC,
        Capability.REFUND_LINES,
        Capability.CANCEL_REFUND,
        Capability.REACTIVATE,
        Capability.VOID_CREDIT,
        Capability.INVOICE_PDF,
        Capability.INVOICE_LINK,
    }
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="merchant_id", help="The merchant id, under API keys in Braintree's control panel."),
        Setting(name="public_key", help="The public key of an API key pair; it is no secret."),
        Setting(name="private_key", help="The private key of that pair.", secret=True),
        Setting(
            name="environment",
            help="sandbox or production; it follows from the profile's mode, and must not contradict it.",
            required=False,
        ),
    )
    id_examples: ClassVar[Mapping[str, str]] = ids.EXAMPLES
    limits: ClassVar[Mapping[Capability, str]] = {
        Capability.FIND_BY_NAME: "customers of the vault only: who paid as a guest is found by e-mail",
        Capability.REFUND: "only once the charge is settling; before that, void all of it",
        Capability.VOID: "all of a charge, before it is settled",
        Capability.CANCEL_AT_PERIOD_END: "only of an active subscription in a paid billing cycle",
        Capability.IDEMPOTENCY: "Braintree's request keys, which may not be open to every merchant",
    }
    instead: ClassVar[Mapping[Capability, str]] = {Capability.RESEND_INVOICE: NO_MESSAGES}
    tells_account: ClassVar[bool] = False

    def __init__(self, account: Account) -> None:
        from billctl.gateways.braintree.client import Client

        super().__init__(account)
        self._client = Client(account)

    @classmethod
    def settings_faults(cls, settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
        """An environment that is refused or contradicts the mode; ids that no URL can carry."""
        return place.settings_faults(settings, live=live)

    def check_secrets(self) -> None:
        """A private key that is missing or that no header can carry; its form tells no mode."""
        place.checked_private_key(self.account)

    def check(self) -> Identity:
        """Whether the credentials are accepted, by reading the merchant's accounts.

        The id is the profile's: Braintree confirms it and tells no other. Test or live is known of
        Braintree's own hosts only, of which each takes the keys of its own environment.
        """
        self._client.currencies()
        return Identity(id=self.account.settings["merchant_id"], name=None, live=place.live(self.account))

    def find_customers(self, query: Query) -> Found:
        """See `find`. A guest stands there under his e-mail address."""
        if query.by.capability not in self.capabilities:
            raise self.cannot(f"find customers by {query.by}")
        from billctl.gateways.braintree import find

        return find.find_customers(self._client, query)

    def get_customer(self, customer_id: str) -> Customer:
        """One customer of the vault, without history."""
        from billctl.gateways.braintree import objects

        return objects.get_customer(self._client, customer_id)

    def get_charge(self, charge_id: str) -> Charge:
        """One sale with all its refunds. Raises `Refused` (`is_refund`) for a refund's id."""
        from billctl.gateways.braintree import objects

        return objects.get_charge(self._client, charge_id)

    def get_refund(self, refund_id: str) -> Refund:
        """One refund: a credit transaction that names the charge it gives back."""
        from billctl.gateways.braintree import objects

        return objects.get_refund(self._client, refund_id)

    def get_subscription(self, subscription_id: str) -> Subscription:
        """One subscription."""
        from billctl.gateways.braintree import objects

        return objects.get_subscription(self._client, subscription_id)

    def get_dispute(self, dispute_id: str) -> Dispute:
        """One dispute."""
        from billctl.gateways.braintree import objects

        return objects.get_dispute(self._client, dispute_id)

    def list_customers(self, selection: Selection) -> Iterator[Customer]:
        """Filtered by time only; raises `UsageError` for another filter."""
        from billctl.gateways.braintree import lists

        return lists.customers(self._client, selection)

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        """Of a guest, too, by his e-mail address as the customer's id."""
        from billctl.gateways.braintree import lists

        return lists.charges(self._client, selection)

    def list_refunds(self, selection: Selection) -> Iterator[Refund]:
        """Credits that name the charge they give back."""
        from billctl.gateways.braintree import lists

        return lists.refunds(self._client, selection)

    def list_subscriptions(self, selection: Selection) -> Iterator[Subscription]:
        """Of one customer: those of his payment methods."""
        from billctl.gateways.braintree import lists

        return lists.subscriptions(self._client, selection)

    def list_disputes(self, selection: Selection) -> Iterator[Dispute]:
        """All are read before the first is returned."""
        from billctl.gateways.braintree import lists

        return lists.disputes(self._client, selection)

    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        """Raises `Refused` (`no_period_end`) for one that is not active or in no billing cycle yet."""
        from billctl.gateways.braintree import changes

        return changes.preview_cancel(self._client, subscription, when=when)

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        """With the key as `api_request_key` and in `order_id`."""
        from billctl.gateways.braintree import changes

        return changes.refund(self._client, charge, amount, stamp=stamp)

    def void_charge(self, charge: Charge, *, stamp: Stamp) -> Charge:
        """All of a charge that is not settled, with the key as `api_request_key`."""
        from billctl.gateways.braintree import changes

        return changes.void(self._client, charge, stamp=stamp)

    def cancel_subscription(
        self,
        subscription: Subscription,
        *,
        when: When,
        stamp: Stamp,  # noqa: ARG002 - a subscription at Braintree takes no key and has no field for one
    ) -> Subscription:
        """See `changes.cancel`."""
        from billctl.gateways.braintree import changes

        return changes.cancel(self._client, subscription, when=when)

    def find_refund(
        self,
        charge: Charge,
        amount: Money,  # noqa: ARG002 - the key that is looked for was made from it
        *,
        stamp: Stamp,
    ) -> Refund | None:
        """By the key in `order_id`, among the charge's refunds."""
        from billctl.gateways.braintree import changes

        return changes.find_refund(self._client, charge, stamp=stamp)

    def find_void(
        self,
        charge: Charge,
        *,
        stamp: Stamp,  # noqa: ARG002 - a voided charge does not tell who voided it
    ) -> Charge | None:
        """By the charge's state."""
        from billctl.gateways.braintree import changes

        return changes.find_void(self._client, charge)

    def find_cancellation(
        self,
        subscription: Subscription,
        *,
        when: When,
        stamp: Stamp,  # noqa: ARG002 - an ended subscription does not tell who ended it
    ) -> Subscription | None:
        """By the subscription's state."""
        from billctl.gateways.braintree import changes

        return changes.find_cancellation(self._client, subscription, when=when)

    def close(self) -> None:
        """End the connections."""
        self._client.close()
