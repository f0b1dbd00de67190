"""The plugin API: all that a gateway author imports, with `models`, `money` and `errors`.

A gateway is a class under the entry-point group `billctl.gateways`. It implements operations, never
commands: billctl's own commands call it, so no plugin can skip the reason, the confirmation or the
audit log. What it does not override raises `Unsupported`, and `billctl.testing.GatewayContract`
fails where declaration and code disagree. What is passed either way is defined in `account` and `asking`, and
imported from here.

Promises of every adapter:

- a refusal raises `Refused` with the gateway's code and words; an absent object `NotFound`; bad
  credentials `AuthFailed`;
- `NotSent` only where it is proved that no byte of a request reached the gateway, or that the
  gateway turned it away unread (429), whose code then is `TURNED_AWAY`;
- any other failure of a change raises `OutcomeUnknown`; of a read, `NoAnswer`;
- `Busy` and `StoreError` only before a change is sent: another host has the object in hand, or what must be
  kept on this machine cannot be;
- a change is never repeated blindly: a repeat inside one call carries the same idempotency key to a
  gateway that honours it, or does not happen;
- the amounts and currencies returned are the gateway's, not an echo of what was asked;
- every call ends within the account's timeouts; no SDK global is touched; two accounts never meet;
- no secret in any text; importing the module imports no SDK.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from billctl.account import Account, Identity, Pace, RateLimit, Secret, Setting, Timeouts
from billctl.asking import (
    Behind,
    By,
    Capability,
    Delivery,
    Ended,
    Found,
    LocalCopy,
    Message,
    Payback,
    Query,
    RefundLine,
    Selection,
    Stamp,
    Termination,
    When,
)
from billctl.errors import Unsupported
from billctl.models import Charge, Customer, Dispute, Invoice, Refund, Subscription
from billctl.money import Money

__all__ = [
    "API",
    "NOT_VISIBLE_YET",
    "TURNED_AWAY",
    "Account",
    "Behind",
    "By",
    "Capability",
    "Delivery",
    "Ended",
    "Found",
    "Gateway",
    "Identity",
    "LocalCopy",
    "Message",
    "Pace",
    "Payback",
    "Query",
    "RateLimit",
    "RefundLine",
    "Secret",
    "Selection",
    "Setting",
    "Stamp",
    "Termination",
    "Timeouts",
    "When",
]

API = 1
"""The version of this interface; a gateway class names the one it was written for as `api`."""


TURNED_AWAY = "rate_limit"
"""The code of a `NotSent` that is to be tried again a little later: it was one request too many (429)."""

NOT_VISIBLE_YET = "not_visible_yet"
"""The code of an `OutcomeUnknown` that ends by itself: what the gateway shows lags behind what it did."""


class Gateway:
    """One account at one gateway. Build it from an `Account`; nothing is opened until a method is called."""

    api: ClassVar[int] = API
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    settings: ClassVar[tuple[Setting, ...]] = ()
    id_examples: ClassVar[Mapping[str, str]] = {}
    """An example id for each kind (`charge`, `subscription`, `invoice`, …), for help texts."""
    limits: ClassVar[Mapping[Capability, str]] = {}
    """What a declared capability does not cover here, one short sentence each without a final period:
    footnotes of `billctl gateways`."""
    instead: ClassVar[Mapping[Capability, str]] = {}
    """What the operator can do instead of what is not declared, as whole sentences: hints of the refusal."""
    rate_limits: ClassVar[Mapping[bool, RateLimit]] = {}
    """What the gateway publishes of its limits, for live mode (True) and test mode (False)."""
    tells_account: ClassVar[bool] = True
    """Whether `check` learns from the gateway which account the credentials open; False where it can only
    say which credentials were accepted. A live profile must name the account where this is True."""

    patience: ClassVar[float] = 30.0
    """Seconds after which a change that nobody waits for any more is not acted on any more."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def cannot(self, what: str, capability: Capability | None = None) -> Unsupported:
        """The error that says that this gateway cannot do `what`, and what can be done `instead`."""
        hint = self.instead.get(capability) if capability else None
        return Unsupported(
            f"{self.account.gateway} cannot {what}",
            code="unsupported",
            hint=hint or "See `billctl gateways` for what it can do.",
            account=self.account.name,
        )

    def close(self) -> None:
        """End this account's connections; calls that other threads still wait in end with an error.

        Called once, last. Optional: by default nothing is held.
        """

    # Settings and secrets: no network.

    @classmethod
    def settings_faults(cls, settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
        """What is wrong with a profile's settings beyond what is missing: name → why, in a few words.

        Optional. `settings` are those that were given; `live` is the profile's mode.
        """
        del settings, live
        return {}

    def check_secrets(self) -> None:
        """Raise `AuthFailed` where a secret's form alone shows that it cannot open this account in this mode.

        The account holds those secrets that are to be judged: of several it may be one alone.
        Optional: a gateway whose secrets' form tells nothing leaves it as it is.
        """

    # Reads: safe to repeat.

    def check(self) -> Identity:
        """Ask the gateway whom the credentials open."""
        raise self.cannot("say whom the credentials open")

    def kind_of(self, object_id: str) -> str | None:
        """The kind of object an id names by its form alone (`charge`, `customer`, …), if the form tells."""
        return None

    def amount_step(self, currency: str) -> int:
        """The smallest difference between two amounts here, in ISO 4217 minor units.

        1 unless the gateway is coarser than ISO. Raises `Unsupported` for a currency whose form at
        this gateway is not known for certain.
        """
        return 1

    def find_customers(self, query: Query) -> Found:
        """Customers that answer `query`, with their history. Near matches carry `Match.PARTIAL`."""
        raise self.cannot(f"find customers by {query.by}")

    def get_customer(self, customer_id: str) -> Customer:
        """One customer, without history."""
        raise self.cannot("show a customer")

    def get_charge(self, charge_id: str) -> Charge:
        """One charge with all its refunds; `refundable` counts lost disputes."""
        raise self.cannot("show a charge")

    def get_refund(self, refund_id: str) -> Refund:
        """One refund."""
        raise self.cannot("show a refund")

    def get_subscription(self, subscription_id: str) -> Subscription:
        """One subscription."""
        raise self.cannot("show a subscription")

    def get_invoice(self, invoice_id: str) -> Invoice:
        """One invoice."""
        raise self.cannot("show an invoice")

    def get_dispute(self, dispute_id: str) -> Dispute:
        """One dispute."""
        raise self.cannot("show a dispute")

    def list_customers(self, selection: Selection) -> Iterator[Customer]:
        """Customers, newest first, without history."""
        raise self.cannot("list customers")

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        """Charges with their refunds, newest first."""
        raise self.cannot("list charges")

    def list_refunds(self, selection: Selection) -> Iterator[Refund]:
        """Refunds, newest first."""
        raise self.cannot("list refunds")

    def list_subscriptions(self, selection: Selection) -> Iterator[Subscription]:
        """Subscriptions in every state, newest first."""
        raise self.cannot("list subscriptions")

    def list_invoices(self, selection: Selection) -> Iterator[Invoice]:
        """Invoices, newest first."""
        raise self.cannot("list invoices")

    def list_disputes(self, selection: Selection) -> Iterator[Dispute]:
        """Disputes, newest first."""
        raise self.cannot("list disputes")

    def list_notes(self, kind: str, selection: Selection) -> tuple[str, ...]:
        """What a list of `kind` (`charges`, `refunds`, …) by `selection` does not show here.

        Optional. Short whole sentences without a final period; asks nothing.
        """
        del kind, selection
        return ()

    def preview_resend(self, invoice: Invoice, *, to: str | None) -> Delivery:
        """What `resend_invoice` would send and to whom, without sending.

        Raises `Refused` where this invoice cannot be sent, with what can be done instead in the hint.
        """
        raise self.cannot("resend an invoice", Capability.RESEND_INVOICE)

    def preview_refund(self, charge: Charge, amount: Money) -> tuple[str, ...]:
        """What the operator must know before `amount` of this charge is refunded, as short sentences.

        Optional. Raises `Refused`, `UsageError` or `Unsupported` where the refund cannot succeed, with what
        can be done instead in the hint.
        """
        del charge, amount
        return ()

    def price_lines(self, charge: Charge, lines: tuple[RefundLine, ...]) -> Money:
        """What refunding these lines gives back, by the invoice. Never asked about a refund that was sent.

        Raises `UsageError` for a line that is not on it, or units that are not left.
        """
        raise self.cannot("refund lines of an invoice", Capability.REFUND_LINES)

    def price_payback(self, subscription: Subscription, payback: Payback) -> Money:
        """The most that ending the subscription with this payback gives back, and all of that where it is
        `full`; zero where nothing was paid.

        The same at any moment of one paid period: an approval is bound to it.
        """
        raise self.cannot("refund while it cancels", Capability.CANCEL_REFUND)

    def invoice_pdf(self, invoice: Invoice) -> bytes:
        """The invoice as a PDF file."""
        raise self.cannot("make a PDF of an invoice", Capability.INVOICE_PDF)

    def invoice_link(self, invoice: Invoice) -> str:
        """The address of the page that shows the customer his invoices. It opens that page to whoever has it:
        it is shown on request, and never kept."""
        raise self.cannot("link to a customer's invoices", Capability.INVOICE_LINK)

    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        """What the operator must know before this subscription is ended so, as short sentences.

        Optional. Raises `Refused` or `Unsupported` where it cannot be ended so, with what can be done
        instead in the hint.
        """
        del subscription, when
        return ()

    def preview_void_credit(self, invoice: Invoice) -> tuple[str, ...]:
        """What the operator must know before this credit invoice is taken back, as short sentences.

        Raises `Refused` or `UsageError` where it is no credit invoice, or cannot be taken back any
        more, with what can be done instead in the hint.
        """
        raise self.cannot("void a credit invoice", Capability.VOID_CREDIT)

    # A copy on this machine, for a gateway that declares `sync`.

    def sync(self, since: datetime) -> LocalCopy:
        """Fetch what the copy lacks from `since` (aware UTC) on, and return what there is now.

        What was fetched is kept when a later part fails or the run is killed.
        """
        raise self.cannot("keep a copy of its history")

    def local_copy(self) -> LocalCopy | None:
        """The copy there is, without asking the gateway; None where there is none."""
        raise self.cannot("keep a copy of its history")

    def forget_copy(self) -> LocalCopy | None:
        """Delete the copy from this machine, and return what was deleted."""
        raise self.cannot("keep a copy of its history")

    # Changes: called only by billctl.actions; they take the record just read, and the stamp.

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        """Give `amount` of `charge` back. The answer's amount is the gateway's own."""
        raise self.cannot("refund")

    def void_charge(self, charge: Charge, *, stamp: Stamp) -> Charge:
        """Release an unsettled charge."""
        raise self.cannot("void a charge")

    def cancel_subscription(self, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
        """End `subscription`, now or when the period already paid for ends."""
        raise self.cannot("cancel a subscription")

    def refund_lines(
        self, charge: Charge, lines: tuple[RefundLine, ...], amount: Money, *, stamp: Stamp
    ) -> Refund:
        """Give these lines back, which `price_lines` says are worth `amount`. `find_refund` recognises it."""
        raise self.cannot("refund lines of an invoice", Capability.REFUND_LINES)

    def terminate_subscription(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination:
        """End `subscription` now, and give back of its last payment what `payback` says (not `none`)."""
        raise self.cannot("refund while it cancels", Capability.CANCEL_REFUND)

    def reactivate_subscription(self, subscription: Subscription, *, stamp: Stamp) -> Subscription:
        """Let a subscription that is set to end go on."""
        raise self.cannot("reactivate a subscription", Capability.REACTIVATE)

    def void_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice:
        """Take a credit invoice back that is not used up."""
        raise self.cannot("void a credit invoice", Capability.VOID_CREDIT)

    def resend_invoice(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery:
        """E-mail the invoice or its receipt again, as `preview_resend` said."""
        raise self.cannot("resend an invoice", Capability.RESEND_INVOICE)

    # What became of a change: "did the operation with this stamp happen?" Safe to repeat.

    def find_refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
        """The refund of `charge` that carries the stamp, or None when there is none.

        Raises `OutcomeUnknown` when there is a refund that may be it and nothing tells; with the code
        `NOT_VISIBLE_YET` where the gateway will be able to tell later.
        """
        raise self.cannot("look for a refund by its operation")

    def find_void(self, charge: Charge, *, stamp: Stamp) -> Charge | None:
        """The charge if it now is as the void would have left it, else None."""
        raise self.cannot("look for a void by its operation")

    def find_cancellation(
        self, subscription: Subscription, *, when: When, stamp: Stamp
    ) -> Subscription | None:
        """The subscription if it now is as the cancellation would have left it, else None."""
        raise self.cannot("look for a cancellation by its operation")

    def find_termination(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination | None:
        """The ended subscription and its refund as the termination would have left them, else None."""
        raise self.cannot("look for a termination by its operation")

    def find_reactivation(self, subscription: Subscription, *, stamp: Stamp) -> Subscription | None:
        """The subscription if it now goes on, else None."""
        raise self.cannot("look for a reactivation by its operation")

    def find_voided_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice | None:
        """The credit invoice if it now is void, else None."""
        raise self.cannot("look for a voided credit invoice")

    def behind(self, charge: Charge) -> Behind | None:
        """The gateway that took this charge's payment for this one, where that is known; asks nothing.

        Optional: a reconciliation that this gateway cannot end asks that one about the charge.
        """
        del charge
        return None

    def settled(self, charge: Charge, *, stamp: Stamp, done: bool) -> None:
        """Told what became of a refund that `find_refund` could not tell: whether the audit log says `done`.

        Optional: a gateway where the operation keeps other hosts off the charge lets them on.
        """
        del charge, stamp, done

    def find_resend(self, invoice: Invoice, *, to: str | None, stamp: Stamp) -> Delivery | None:
        """The delivery if the gateway's records show that the operation sent it, else None.

        Raises `OutcomeUnknown` where the gateway keeps no trace of a sent e-mail.
        """
        raise self.cannot("look for a sent e-mail")
