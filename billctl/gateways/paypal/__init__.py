"""PayPal, through its SDK `paypalrestsdk`, which is imported by the first request and not before.

Modules: `sdk` tames the SDK, `tokens` keeps its token, `client` decides what may be repeated, `errors` says
what a failure means, `accepted` proves the credentials; `amounts`, `mapping`, `bills` and `rows` turn wire
objects into records; `windows`, `invoices` and `disputes` are PayPal's searches, `search`, `find`, `owners`,
`history` and `details` look customers up with them; `copy` keeps transactions on this machine; `objects` and
`lists` read, `changes` and `resend` change.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from billctl.gateway import (
    Account,
    Capability,
    Delivery,
    Found,
    Gateway,
    Identity,
    LocalCopy,
    Query,
    Selection,
    Setting,
    Stamp,
    When,
)
from billctl.gateways.paypal import ids
from billctl.models import Charge, Customer, Dispute, Invoice, Refund, Subscription
from billctl.money import Money

if TYPE_CHECKING:
    from billctl.gateways.paypal.copy import Copy
    from billctl.gateways.paypal.people import Person


def utc_now() -> datetime:
    """The clock an account's gateway reads unless it is given another."""
    return datetime.now(UTC)


LIST_NOTES = {
    "charges": (
        "PayPal reports up to 3 hours late: newer payments are missing, and newer refunds made elsewhere are "
        "not counted",
    ),
    "refunds": ("PayPal reports refunds up to 3 hours late: newer ones are missing",),
    "disputes": ("PayPal lists the disputes that were updated in the last 180 days",),
}


class PaypalGateway(Gateway):
    """One PayPal app of one merchant. `now` is the clock by which history is searched."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {
        Capability.FIND_BY_LAST4,
        Capability.LIST_CUSTOMERS,
        Capability.LIST_SUBSCRIPTIONS,
        Capability.CANCEL_AT_PERIOD_END,
        Capability.RESEND_TO,
        Capability.REFUND_LINES,
        Capability.CANCEL_REFUND,
        Capability.REACTIVATE,
        Capability.VOID_CREDIT,
        Capability.INVOICE_PDF,
        Capability.INVOICE_LINK,
    }
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="client_id", help="The app's client id, from PayPal's developer dashboard."),
        Setting(name="client_secret", help="The app's secret.", secret=True),
    )
    id_examples: ClassVar[Mapping[str, str]] = ids.EXAMPLES
    tells_account: ClassVar[bool] = False
    limits: ClassVar[Mapping[Capability, str]] = {
        Capability.FIND_BY_EMAIL: "payments of 90 days, or as --since or the local copy says",
        Capability.FIND_BY_NAME: "payments of 90 days, or as --since or the local copy says",
        Capability.FIND_BY_ID: "payments of 90 days, or as --since or the local copy says",
        Capability.LIST_CHARGES: "as PayPal's report has them, up to 3 hours late",
        Capability.LIST_REFUNDS: "as PayPal's report has them, up to 3 hours late",
        Capability.LIST_DISPUTES: "those updated in the last 180 days",
        Capability.VOID: "an authorization",
        Capability.RESEND_INVOICE: "a reminder, of what is still to be paid",
    }

    instead: ClassVar[Mapping[Capability, str]] = {
        Capability.CANCEL_AT_PERIOD_END: (
            "PayPal ends a subscription only at once: with --now nothing more is charged, and what is paid "
            "already stays paid. To let it run on, cancel it on its last day."
        ),
        Capability.LIST_CUSTOMERS: "PayPal keeps no customers: look one up by e-mail or name.",
        Capability.LIST_SUBSCRIPTIONS: "Look its subscriber up: `billctl lookup EMAIL`.",
        Capability.RESEND_TO: "A reminder goes to the invoice's own recipients.",
        Capability.INVOICE_LINK: "An invoice names its own page: `billctl paypal show INVOICE`.",
    }

    def __init__(self, account: Account, *, now: Callable[[], datetime] = utc_now) -> None:
        from billctl.gateways.paypal.client import Client

        super().__init__(account)
        self._client = Client(account)
        self._now = now
        self._people: dict[str, Person] = {}

    def close(self) -> None:
        """End the connections; calls that other threads still wait in end with an error."""
        self._client.close()

    def check_secrets(self) -> None:
        """That both are there; PayPal's secrets tell neither account nor mode."""
        self._client.require_credentials()

    def check(self) -> Identity:
        """See `accepted`. PayPal does not say whose app it is: the id is the client id, and live or test is
        known of PayPal's own hosts only, of which each takes the credentials of its own mode.
        """
        from billctl.gateways.paypal.accepted import prove

        lacking = prove(self._client, self._now())
        return Identity(id=self._client.client_id, name=None, live=self._client.live, lacking=lacking)

    def kind_of(self, object_id: str) -> str | None:
        """By form; see `ids.FORMS`. Refunds and authorizations look like charges."""
        return ids.kind_of(object_id)

    def amount_step(self, currency: str) -> int:
        """Whole units for HUF, JPY and TWD; raises `Unsupported` for what PayPal leaves open."""
        from billctl.gateways.paypal.amounts import amount_step

        return amount_step(currency)

    def _copy(self) -> "Copy | None":
        if self.account.state_dir is None:
            return None
        from billctl.gateways.paypal.copy import Copy

        return Copy(
            self.account.state_dir,
            endpoint=self.account.address or self._client.base,
            client_id=self._client.client_id,
            account=self.account.name,
        )

    def find_customers(self, query: Query) -> Found:
        """See `find` and `search`; notes say what was not searched."""
        if query.by.capability not in self.capabilities:
            return super().find_customers(query)
        from billctl.gateways.paypal import find

        return find.find_customers(self._client, query, self._copy(), now=self._now())

    def get_customer(self, customer_id: str) -> Customer:
        """One payer, or by e-mail who was billed, as what was read last, the local copy, his invoices or the
        last 90 days show him."""
        from billctl.gateways.paypal import find
        from billctl.gateways.paypal.people import customer

        known = self._people.get(customer_id)
        if known is not None:
            return customer(known, self.account.name, live=self.account.live)
        return find.get_customer(self._client, customer_id, self._copy(), now=self._now())

    def get_charge(self, charge_id: str) -> Charge:
        """One capture with its order's refunds; an authorization or a sale of PayPal's old API, too."""
        from billctl.gateways.paypal import objects

        paid = objects.get_paid(self._client, charge_id, now=self._now())
        if paid.person is not None:
            self._people[paid.person.id] = paid.person
        return paid.charge

    def get_refund(self, refund_id: str) -> Refund:
        """One refund."""
        from billctl.gateways.paypal import objects

        return objects.get_refund(self._client, refund_id)

    def get_subscription(self, subscription_id: str) -> Subscription:
        """One subscription with its plan's price."""
        from billctl.gateways.paypal import objects

        return objects.get_subscription(self._client, subscription_id)

    def get_invoice(self, invoice_id: str) -> Invoice:
        """One invoice."""
        from billctl.gateways.paypal import objects

        return objects.get_invoice(self._client, invoice_id, now=self._now())

    def get_dispute(self, dispute_id: str) -> Dispute:
        """One dispute."""
        from billctl.gateways.paypal import objects

        return objects.get_dispute(self._client, dispute_id)

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        """As PayPal's report has them, up to three hours late; see `lists`."""
        from billctl.gateways.paypal import lists

        return lists.charges(self._client, selection, now=self._now())

    def list_refunds(self, selection: Selection) -> Iterator[Refund]:
        """As PayPal's report has them, up to three hours late; see `lists`."""
        from billctl.gateways.paypal import lists

        return lists.refunds(self._client, selection, now=self._now())

    def list_invoices(self, selection: Selection) -> Iterator[Invoice]:
        """Of one customer: by his e-mail."""
        from billctl.gateways.paypal import lists

        return lists.list_invoices(self._client, selection, now=self._now())

    def list_disputes(self, selection: Selection) -> Iterator[Dispute]:
        """Those updated in the last 180 days."""
        from billctl.gateways.paypal import lists

        return lists.list_disputes(self._client, selection, now=self._now())

    def list_notes(self, kind: str, selection: Selection) -> tuple[str, ...]:
        """Of charges and refunds that they are as PayPal's report has them; of disputes how far back."""
        del selection
        return LIST_NOTES.get(kind, ())

    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        """See `resend` for the rule."""
        from billctl.gateways.paypal import resend

        return resend.preview(self._client, invoice, to=to)

    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        """See `changes.preview_cancel`."""
        from billctl.gateways.paypal import changes

        return changes.preview_cancel(self._client, subscription, when=when)

    def sync(self, since: datetime) -> LocalCopy:
        """See `copy.renew`."""
        from billctl.gateways.paypal.copy import renew

        copy = self._copy()
        if copy is None:
            return super().sync(since)
        return renew(self._client, copy, since, now=self._now())

    def local_copy(self) -> LocalCopy | None:
        """What the copy covers."""
        copy = self._copy()
        return copy.state() if copy else None

    def forget_copy(self) -> LocalCopy | None:
        """Delete the copy's file."""
        copy = self._copy()
        return copy.forget() if copy else None

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        """With the key as PayPal-Request-Id and in the refund's custom_id."""
        from billctl.gateways.paypal import changes

        return changes.refund(self._client, charge, amount, stamp=stamp)

    def void_charge(self, charge: Charge, *, stamp: Stamp) -> Charge:  # noqa: ARG002 - nothing carries it
        """Release an authorization."""
        from billctl.gateways.paypal import changes

        return changes.void(self._client, charge)

    def cancel_subscription(self, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
        """See `changes.cancel`: now only."""
        from billctl.gateways.paypal import changes

        return changes.cancel(self._client, subscription, when=when, stamp=stamp)

    def resend_invoice(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:  # noqa: ARG002 - nothing carries it
        """See `resend` for the rule."""
        from billctl.gateways.paypal import resend

        return resend.resend(self._client, invoice, to=to)

    def find_refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
        """By the key in the refund's custom_id."""
        from billctl.gateways.paypal import changes

        return changes.find_refund(self._client, charge, amount, stamp=stamp, now=self._now())

    def find_void(self, charge: Charge, *, stamp: Stamp) -> Charge | None:  # noqa: ARG002 - nothing carries it
        """See `changes.find_void`."""
        from billctl.gateways.paypal import changes

        return changes.find_void(self._client, charge)

    def find_cancellation(
        self,
        subscription: Subscription,
        *,
        when: When,  # noqa: ARG002 - there is one way only
        stamp: Stamp,  # noqa: ARG002 - nothing that is read carries it
    ) -> Subscription | None:
        """See `changes.find_cancellation`."""
        from billctl.gateways.paypal import changes

        return changes.find_cancellation(self._client, subscription)

    def find_resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery | None:  # noqa: ARG002 - it leaves no trace
        """Raises `OutcomeUnknown`; see `resend.untraced`."""
        from billctl.gateways.paypal import resend

        raise resend.untraced(self._client, invoice)
