"""The plugin API: all that a gateway author imports, with `models`, `money` and `errors`.

A gateway is a class under the entry-point group `billctl.gateways`. It implements operations, never
commands: billctl's own commands call it, so no plugin can skip the reason, the confirmation or the
audit log. What it does not override raises `Unsupported`, and `billctl.testing.GatewayContract`
fails where declaration and code disagree.

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

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from billctl.errors import BillctlError, Unsupported
from billctl.frozen import field, frozen
from billctl.models import Charge, Customer, Dispute, Invoice, Refund, Subscription
from billctl.money import Money
from billctl.text import never_show

if TYPE_CHECKING:
    from pathlib import Path

API = 1
"""The version of this interface; a gateway class names the one it was written for as `api`."""


TURNED_AWAY = "rate_limit"
"""The code of a `NotSent` that is to be tried again a little later: it was one request too many (429)."""

NOT_VISIBLE_YET = "not_visible_yet"
"""The code of an `OutcomeUnknown` that ends by itself: what the gateway shows lags behind what it did."""


class Capability(StrEnum):
    """What a gateway can do. *Cannot* is said aloud, never an empty answer."""

    FIND_BY_EMAIL = "find_by_email"
    FIND_BY_ID = "find_by_id"
    FIND_BY_NAME = "find_by_name"
    FIND_BY_LAST4 = "find_by_last4"
    FIND_BY_INVOICE = "find_by_invoice"
    FIND_BY_CHARGE = "find_by_charge"
    FIND_BY_SUBSCRIPTION = "find_by_subscription"
    LIST_CUSTOMERS = "list_customers"
    LIST_CHARGES = "list_charges"
    LIST_REFUNDS = "list_refunds"
    LIST_SUBSCRIPTIONS = "list_subscriptions"
    LIST_INVOICES = "list_invoices"
    LIST_DISPUTES = "list_disputes"
    REFUND = "refund"
    PARTIAL_REFUND = "partial_refund"
    VOID = "void"
    CANCEL_NOW = "cancel_now"
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    RESEND_INVOICE = "resend_invoice"
    RESEND_TO = "resend_to"
    IDEMPOTENCY = "idempotency"
    """The gateway itself honours the operation key of a refund."""
    REFUND_LINES = "refund_lines"
    """A refund can name lines of the charge's invoice."""
    CANCEL_REFUND = "cancel_refund"
    """Ending a subscription at once can give money back in the same step."""
    REACTIVATE = "reactivate"
    """A subscription that is set to end can be told to go on."""
    VOID_CREDIT = "void_credit"
    """A credit invoice can be taken back before it is used."""
    INVOICE_PDF = "invoice_pdf"
    INVOICE_LINK = "invoice_link"
    """There is a page of the gateway's on which the customer sees his invoices, behind a secret link."""
    SYNC = "sync"
    """It keeps a copy of its history on this machine when asked to, for what the gateway cannot search."""


class By(StrEnum):
    """What a query's text is."""

    EMAIL = "email"
    ID = "id"
    NAME = "name"
    LAST4 = "last4"
    INVOICE = "invoice"
    CHARGE = "charge"
    SUBSCRIPTION = "subscription"

    @property
    def capability(self) -> Capability:
        """The capability that a gateway needs to be asked this way."""
        return Capability(f"find_by_{self.value}")


class When(StrEnum):
    """When a subscription ends."""

    NOW = "now"
    PERIOD_END = "period_end"


class Payback(StrEnum):
    """What ending a subscription at once gives back of its last payment."""

    NONE = "none"
    PRORATE = "prorate"
    """What the time that is left is worth, as the gateway counts it."""
    FULL = "full"


@frozen
class Setting:
    """One value a gateway needs: a profile key, or a secret (`secret=True`) that is never in a profile."""

    name: str
    help: str
    secret: bool = False
    required: bool = True


class Secret(str):
    """A secret's text. It is a `str` for the SDK that needs it, and shows itself to nobody else.

    Whatever is masked from its making on has it masked too, in an SDK's error for instance.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        never_show(text)
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return "Secret(…)"


@frozen
class Timeouts:
    """Limits of one account's calls, in seconds. `deadline` bounds one command's reads in all."""

    connect: float = 5.0
    read: float = 30.0
    deadline: float = 60.0


@frozen
class RateLimit:
    """Requests a second that a gateway takes of one account, in all and at one endpoint; None: it publishes
    none."""

    in_all: float | None = None
    endpoint: float | None = None


class Pace(Protocol):
    """Spreads an account's requests over time, together with every other run that paces them."""

    def wait(self, endpoint: str) -> None:
        """Return when a request to `endpoint` may leave; any text that is the same for the same limit."""

    def turned_away(self, endpoint: str, seconds: float | None) -> None:
        """The gateway turned a request away as one too many (429), and asked to wait `seconds` if it did."""


@frozen
class Account:
    """One login at one gateway, as a profile names it.

    `account_id` is what the credentials must answer to, if the profile says. `base_url` replaces the
    gateway's own address (no trailing slash). `live` is the profile's claim. `address` names where
    the gateway is for what is kept between runs, where `base_url` is another one in each (None: `base_url`
    does). `state_dir` is the gateway's
    own directory for what it keeps between runs (tokens, copies); it is made private (0700) by whoever
    first writes there, shared by all accounts of the gateway in every profile, and None where nothing
    may be kept. `pace` is to be asked before each request, a repeat included, and told of a 429; None: nobody
    paces this run.
    """

    name: str
    gateway: str
    live: bool
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    account_id: str | None = None
    base_url: str | None = None
    address: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    state_dir: "Path | None" = None
    pace: Pace | None = field(default_factory=lambda: None, repr=False)


@frozen
class Identity:
    """Whom the credentials open: the gateway's id and name of it, live or test; None where it cannot tell.

    `lacking` are permissions that are missing for something billctl can do here, and what that costs, in
    short sentences without a final period. `about` is what else of the account is worth knowing where
    something does not work (a version, a permission, a setting of the gateway's), by a short label.
    """

    id: str | None
    name: str | None
    live: bool | None
    lacking: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


@frozen
class Query:
    """A search for customers. `limit` bounds the records of each kind fetched for each customer.

    `since` (aware UTC) leaves out older history where the gateway can filter by it.
    """

    by: By
    text: str
    since: datetime | None = None
    limit: int = 20


@frozen
class Found:
    """The customers a query found, and what the operator must know of how complete that is.

    `notes` are short whole sentences without a final period. `failures` are parts of the history that
    could not be read; each message names the part.
    """

    customers: tuple[Customer, ...]
    notes: tuple[str, ...] = ()
    failures: tuple[BillctlError, ...] = ()


@frozen
class Selection:
    """What a list asks for; None does not filter.

    `since` and `until` are aware UTC instants of creation; `status` is billctl's word. A gateway that
    cannot filter by one of these filters exactly on its own side of the interface.
    """

    customer_id: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100


Ended = Callable[[str], bool | None]


def _of_no_log(_operation: str) -> None:
    """What is known of operations without a log."""


@frozen
class Stamp:
    """What a change carries to the gateway besides itself.

    `key` is the deterministic operation key (32 hex characters), sent as the idempotency key where
    the gateway honours one and stamped on the object where it can be; `operation` is the operation
    id (`op_…`); `reason_code` goes only where the field is private to the merchant; `asked` (aware UTC)
    is when its intent was recorded, so that nobody trusts a trace the gateway keeps for a shorter time.
    `ended` is asked for another operation by its id, and says what this host's audit log knows of it: whether
    it was done, None where it is open or not of this log.
    """

    key: str
    operation: str
    asked: datetime
    reason_code: str | None = None
    ended: Ended = field(default_factory=lambda: _of_no_log, repr=False)


class Message(StrEnum):
    """What a resend really sends."""

    INVOICE = "invoice"
    RECEIPT = "receipt"
    REMINDER = "reminder"


@frozen
class Delivery:
    """An e-mail that the gateway will send, or has accepted to send.

    `note` says what the operator must know (test mode sends nothing, the hosted link, …). `accepted_by` names
    who has taken it, like `the store`, where that is all the gateway can say: not that it left.
    """

    message: Message
    to: str
    note: str | None = None
    accepted_by: str | None = None


@frozen
class RefundLine:
    """A line of the charge's invoice that is to be refunded: its id there, and how many of its units.

    None: all that are left.
    """

    id: str
    quantity: int | None = None


@frozen
class Termination:
    """A subscription that was ended at once, and the refund that the gateway made with it, if any."""

    subscription: Subscription
    refund: Refund | None = None


@frozen
class Behind:
    """Where a charge's money really is: at another gateway, which took the payment for this one.

    `gateway` is that gateway's name as billctl knows it, `charge_id` the charge's id there.
    """

    gateway: str
    charge_id: str


@frozen
class LocalCopy:
    """A copy of an account's history on this machine: `records` payments from `since` until `until`.

    Both are aware UTC; `until` is what the gateway itself says it was complete to.
    """

    since: datetime
    until: datetime
    records: int


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
