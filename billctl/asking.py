"""What a gateway can be asked, what a question or a change carries, and what is answered besides records."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from billctl.errors import BillctlError
from billctl.frozen import field, frozen
from billctl.models import Customer, Refund, Subscription


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
