"""Recurly, through its official SDK (`recurly`), which is imported by the first request and not before.

Modules: `place` says where an account is, `wire` and `client` tame the SDK, `errors` says what a failure
means, `values` and `mapping` turn the SDK's objects into records, `find` and `history` look customers up,
`payments` and `lists` list, `site` and `documents` read the rest; `changing` has all that changes something.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from billctl.gateway import (
    Account,
    Capability,
    Found,
    Identity,
    Query,
    RateLimit,
    Selection,
    Setting,
)
from billctl.gateways.recurly import ids, place
from billctl.gateways.recurly.changing import RecurlyChanges
from billctl.models import Charge, Customer, Invoice, Refund, Subscription

NO_MESSAGES = (
    "Recurly has no request that sends an invoice. Send the customer the invoice itself: "
    "`billctl recurly pdf INVOICE --out FILE`, or the address of his page: `billctl recurly link INVOICE`."
)
NO_VOID = (
    "Refund all of the charge: Recurly voids what is not settled yet. A credit invoice is taken back with "
    "`billctl recurly void-credit INVOICE`."
)


class RecurlyGateway(RecurlyChanges):
    """One site at Recurly. `now` is the clock that decides whether a trial goes on; None is the machine's.

    It declares `IDEMPOTENCY`: every change carries its key as `Idempotency-Key`, under which a repeated
    request is answered with the prior response, by the comments of Recurly's own Ruby library; for how long
    is not published. So a refund carries its key in a note too, and whoever sends again looks for it first.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.FIND_BY_EMAIL,
            Capability.FIND_BY_ID,
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
            Capability.REFUND_LINES,
            Capability.CANCEL_NOW,
            Capability.CANCEL_AT_PERIOD_END,
            Capability.CANCEL_REFUND,
            Capability.REACTIVATE,
            Capability.VOID_CREDIT,
            Capability.IDEMPOTENCY,
            Capability.INVOICE_PDF,
            Capability.INVOICE_LINK,
        }
    )
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="api_key", help="A private API key of one site.", secret=True),
        Setting(
            name="region", help="us (the usual one) or eu: where Recurly keeps the site.", required=False
        ),
    )
    id_examples: ClassVar[Mapping[str, str]] = ids.EXAMPLES
    limits: ClassVar[Mapping[Capability, str]] = {
        Capability.FIND_BY_EMAIL: "as typed and in small letters: kept in other capitals it may not be found",
        Capability.FIND_BY_ID: "ids, UUIDs of payments and subscriptions, codes of accounts",
        Capability.REFUND: "of an invoice that one payment paid, and only as money, never as credit",
        Capability.REFUND_LINES: "whole units, where the invoice's lines tell exactly what they are worth",
        Capability.CANCEL_AT_PERIOD_END: "only of an active subscription",
        Capability.CANCEL_REFUND: "of a last invoice that bills no other subscription",
        Capability.VOID_CREDIT: "while it is open",
        Capability.IDEMPOTENCY: "by Recurly's own library; for how long a key counts is not published",
    }
    instead: ClassVar[Mapping[Capability, str]] = {
        Capability.RESEND_INVOICE: NO_MESSAGES,
        Capability.VOID: NO_VOID,
    }
    rate_limits: ClassVar[Mapping[bool, RateLimit]] = {
        True: RateLimit(in_all=1000 / 60),
        False: RateLimit(in_all=400 / 60),
    }
    """A minute's requests by Recurly's API description, "Limits", which counts them over five minutes; of a
    site in production it counts reads only, and here all are."""

    patience: ClassVar[float] = 120.0
    """Recurly waits for the payment gateway that it asks, for how long is not published."""

    def __init__(self, account: Account, *, now: Callable[[], datetime] | None = None) -> None:
        from billctl.gateways.recurly.client import Client, utc_now

        super().__init__(account)
        self._client = Client(account, now=now or utc_now)

    @classmethod
    def settings_faults(cls, settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
        """A region that is none. Test or live is the site's own mode, which only a request can tell."""
        del live
        return place.settings_faults(settings)

    def check_secrets(self) -> None:
        """A key that is missing or that no header can carry; its form tells no mode."""
        place.checked_key(self.account)

    def check(self) -> Identity:
        """The one site that the key opens, by its subdomain. Live is what is neither development nor sandbox.

        Raises `AuthFailed` (`several_sites`) for a key that opens several.
        """
        from billctl.gateways.recurly import site

        return site.identity(self._client)

    def find_customers(self, query: Query) -> Found:
        """See `find`."""
        if query.by.capability not in self.capabilities:
            raise self.cannot(f"find customers by {query.by}")
        from billctl.gateways.recurly import find

        return find.find_customers(self._client, query)

    def get_customer(self, customer_id: str) -> Customer:
        """One account at Recurly, without history."""
        from billctl.gateways.recurly import objects

        return objects.get_customer(self._client, customer_id)

    def get_charge(self, charge_id: str) -> Charge:
        """One payment with all its refunds. Raises `Refused` for a refund's id, or a card's try."""
        from billctl.gateways.recurly import objects

        return objects.get_charge(self._client, charge_id)

    def get_refund(self, refund_id: str) -> Refund:
        """One refund transaction."""
        from billctl.gateways.recurly import objects

        return objects.get_refund(self._client, refund_id)

    def get_subscription(self, subscription_id: str) -> Subscription:
        """One subscription."""
        from billctl.gateways.recurly import objects

        return objects.get_subscription(self._client, subscription_id)

    def get_invoice(self, invoice_id: str) -> Invoice:
        """One invoice, or credit invoice, with its lines."""
        from billctl.gateways.recurly import lines

        return lines.get_invoice(self._client, invoice_id)

    def list_customers(self, selection: Selection) -> Iterator[Customer]:
        """Filtered by time only; raises `UsageError` for another filter."""
        from billctl.gateways.recurly import lists

        return lists.customers(self._client, selection)

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        """Payments, and authorizations that are not captured."""
        from billctl.gateways.recurly import lists

        return lists.charges(self._client, selection)

    def list_refunds(self, selection: Selection) -> Iterator[Refund]:
        """Refund transactions."""
        from billctl.gateways.recurly import lists

        return lists.refunds(self._client, selection)

    def list_subscriptions(self, selection: Selection) -> Iterator[Subscription]:
        """Subscriptions in every state."""
        from billctl.gateways.recurly import lists

        return lists.subscriptions(self._client, selection)

    def list_invoices(self, selection: Selection) -> Iterator[Invoice]:
        """Invoices, credit invoices among them."""
        from billctl.gateways.recurly import lists

        return lists.invoices(self._client, selection)

    def list_notes(self, kind: str, selection: Selection) -> tuple[str, ...]:
        """Tries of cards, and voids in a refund's place."""
        del selection
        from billctl.gateways.recurly.lists import NOTES

        return NOTES.get(kind, ())

    def invoice_pdf(self, invoice: Invoice) -> bytes:
        """As Recurly makes it."""
        from billctl.gateways.recurly import documents

        return documents.pdf(self._client, invoice)

    def invoice_link(self, invoice: Invoice) -> str:
        """The customer's own page at Recurly."""
        from billctl.gateways.recurly import documents

        return documents.link(self._client, invoice)

    def close(self) -> None:
        """End the connections, and the calls that wait for an answer."""
        self._client.close()
