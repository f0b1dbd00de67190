"""What every gateway's objects become: customers, charges, refunds, subscriptions, invoices, disputes.

`status` is billctl's own word; `gateway_status` the gateway's, unmapped. A gateway's word that an
adapter does not know becomes `unknown`, never a guess. Instants are aware UTC datetimes. `account`
(the account's name in the profile) travels with every record, so that `ref` names it anywhere.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from billctl.frozen import frozen
from billctl.money import Money
from billctl.text import mask


class ChargeStatus(StrEnum):
    """A payment: `authorized` is held but not taken; `submitted` is taken but not settled."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    SUBMITTED = "submitted"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    FAILED = "failed"
    VOIDED = "voided"
    UNKNOWN = "unknown"


class RefundStatus(StrEnum):
    """A refund: `pending` was accepted by the gateway and its effect is to come."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class SubscriptionStatus(StrEnum):
    """A subscription."""

    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class InvoiceStatus(StrEnum):
    """An invoice: `past_due` is open and its due date has passed."""

    DRAFT = "draft"
    OPEN = "open"
    PAST_DUE = "past_due"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    UNKNOWN = "unknown"


class DisputeStatus(StrEnum):
    """A dispute: `inquiry` is a warning before money moves; `prevented` never became one."""

    INQUIRY = "inquiry"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"
    PREVENTED = "prevented"
    UNKNOWN = "unknown"


class Match(StrEnum):
    """How a customer answers a query; only `exact` is acted on."""

    EXACT = "exact"
    PARTIAL = "partial"


def rfc3339(moment: datetime) -> str:
    """`2026-11-21T14:02:00Z`; `moment` is aware. Fractions of a second are kept when there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def data(value: object) -> Any:
    """`value` as JSON knows it: records as their `data()`, instants as RFC 3339 UTC, money as its parts."""
    match value:
        case Record() | PaymentMethod() | StatusChange() | InvoiceLine() | Money():
            return value.data()
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case tuple() | list():
            return [data(item) for item in value]
        case dict():
            return {key: data(item) for key, item in value.items()}
        case StrEnum():
            return str(value)
        case _:
            return value


@frozen
class PaymentMethod:
    """What was charged: brand and last four digits, no more of a card than that (PCI DSS 3.4.1)."""

    brand: str | None = None
    last4: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.last4, str):
            self.__dict__["last4"] = self.last4[-4:]

    def data(self) -> dict[str, str | None]:
        """Both parts."""
        return {"brand": self.brand, "last4": self.last4}


@frozen
class Record:
    """What all records have: the account's name, the gateway's name, the gateway's id."""

    TYPE: ClassVar[str]
    OUTPUT: ClassVar[tuple[str, ...]]
    """The fields of `data()`, in the order of the command-line contract."""
    WRITTEN: ClassVar[tuple[str, ...]] = ()
    """The fields that somebody wrote freely. A card number or a key in them is masked from the start, so
    that it is never kept or shown; ids and numbers of documents, which may be as long, stay whole."""

    account: str
    gateway: str
    id: str

    def __post_init__(self) -> None:
        for name in self.WRITTEN:
            text = getattr(self, name)
            if isinstance(text, str):
                self.__dict__[name] = mask(text)

    @property
    def ref(self) -> str:
        """`ACCOUNT:ID`: names this object anywhere in billctl."""
        return f"{self.account}:{self.id}"

    def data(self) -> dict[str, Any]:
        """The record in the form of every machine-readable output, with its `type` first."""
        return {"type": self.TYPE} | {name: data(getattr(self, name)) for name in self.OUTPUT}


@frozen
class Refund(Record):
    """Money given back on a charge. `operation` is the billctl operation stamped on it, if any."""

    TYPE = "refund"
    OUTPUT = ("ref", "id", "charge_id", "amount", "status", "gateway_status", "created", "reason_code")

    charge_id: str
    amount: Money
    status: RefundStatus
    gateway_status: str
    created: datetime
    reason_code: str | None = None
    operation: str | None = None
    operation_key: str | None = None


@frozen
class Dispute(Record):
    """A customer's bank asking for the money back. `evidence_due` is when an answer must be there."""

    TYPE = "dispute"
    OUTPUT = (
        "ref", "id", "charge_id", "amount", "status", "gateway_status", "reason", "created", "evidence_due",
    )  # fmt: skip
    WRITTEN = ("reason",)

    charge_id: str
    amount: Money
    status: DisputeStatus
    gateway_status: str
    reason: str | None
    created: datetime
    evidence_due: datetime | None = None


@frozen
class StatusChange:
    """What a charge became at an instant; `status` in billctl's word, `gateway_status` in the gateway's."""

    status: ChargeStatus
    gateway_status: str
    at: datetime

    def data(self) -> dict[str, str]:
        """All parts."""
        return {"status": str(self.status), "gateway_status": self.gateway_status, "at": rfc3339(self.at)}


@frozen
class Charge(Record):
    """A payment taken.

    `amount` was asked for, `captured` taken, `refunded` given back (succeeded and pending),
    `refundable` is what can still be given back (see `refundable`). `status_history` is in order of time,
    empty where the gateway keeps none.
    """

    TYPE = "charge"
    OUTPUT = (
        "ref", "account", "gateway", "id", "customer_id", "amount", "captured", "refunded", "refundable",
        "status", "gateway_status", "created", "description", "payment_method", "disputed", "invoice_id",
        "subscription_id", "refunds", "status_history",
    )  # fmt: skip
    WRITTEN = ("description",)

    customer_id: str | None
    amount: Money
    captured: Money
    refunded: Money
    refundable: Money
    status: ChargeStatus
    gateway_status: str
    created: datetime
    description: str | None = None
    payment_method: PaymentMethod | None = None
    disputed: bool = False
    invoice_id: str | None = None
    subscription_id: str | None = None
    refunds: tuple[Refund, ...] = ()
    status_history: tuple[StatusChange, ...] = ()


@frozen
class Subscription(Record):
    """A recurring agreement. `amount` is charged every `interval` (`month`, `3 months`, `year`).

    `operation_key` is the key of the last billctl operation stamped on it, if any.
    """

    TYPE = "subscription"
    OUTPUT = (
        "ref", "id", "customer_id", "plan", "status", "gateway_status", "amount", "interval", "created",
        "current_period_end", "cancel_at_period_end", "canceled_at",
    )  # fmt: skip

    customer_id: str | None
    plan: str | None
    status: SubscriptionStatus
    gateway_status: str
    amount: Money | None
    interval: str | None
    created: datetime
    current_period_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    operation_key: str | None = None


@frozen
class InvoiceLine:
    """A line of an invoice: what all of its `units` are worth, and how many of them are not refunded.

    None where the gateway does not tell. `description` is free text: what is secret in it is masked.
    """

    id: str
    description: str | None
    amount: Money | None
    units: int | None
    left: int | None

    def __post_init__(self) -> None:
        if self.description:
            self.__dict__["description"] = mask(self.description)

    def data(self) -> dict[str, Any]:
        """All parts."""
        return {
            "id": self.id,
            "description": self.description,
            "amount": self.amount.data() if self.amount else None,
            "units": self.units,
            "left": self.left,
        }


@frozen
class Invoice(Record):
    """A bill. `email` is where the gateway would send it; `due_date` None means charged automatically.

    `lines` are filled where a single invoice was read at a gateway that refunds lines.
    """

    TYPE = "invoice"
    OUTPUT = (
        "ref", "id", "number", "customer_id", "subscription_id", "email", "status", "gateway_status", "total",
        "amount_due", "created", "due_date", "hosted_url", "pdf_url",
    )  # fmt: skip
    WRITTEN = ("email",)

    number: str | None
    customer_id: str | None
    subscription_id: str | None
    email: str | None
    status: InvoiceStatus
    gateway_status: str
    total: Money
    amount_due: Money
    created: datetime
    due_date: datetime | None
    hosted_url: str | None
    pdf_url: str | None
    lines: tuple[InvoiceLine, ...] = ()

    def data(self) -> dict[str, Any]:
        """As every record's, with its lines where they are known."""
        return super().data() | ({"lines": data(self.lines)} if self.lines else {})


@frozen
class Customer(Record):
    """A customer at one account, with as much of his history as was asked for, newest first."""

    TYPE = "customer"
    OUTPUT = (
        "ref", "account", "gateway", "id", "email", "name", "created", "live", "match", "charges",
        "subscriptions", "invoices", "disputes",
    )  # fmt: skip
    WRITTEN = ("email", "name")

    email: str | None
    name: str | None
    created: datetime | None
    live: bool
    match: Match = Match.EXACT
    charges: tuple[Charge, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    disputes: tuple[Dispute, ...] = ()


COUNTED_REFUNDS = frozenset({RefundStatus.SUCCEEDED, RefundStatus.PENDING, RefundStatus.UNKNOWN})
"""Refunds whose money is gone or may go; a failed or canceled one came back to the balance."""


def given_back(refunds: Iterable[Refund], currency: str) -> Money:
    """Succeeded and pending refunds (and those of unknown state) in one sum of `currency`."""
    total = Money.zero(currency)
    for refund in refunds:
        if refund.status in COUNTED_REFUNDS:
            total += refund.amount
    return total


def refundable(captured: Money, refunded: Money, lost: Iterable[Dispute]) -> Money:
    """Captured less refunded less lost disputes in the charge's currency, at least zero.

    A dispute counted in another currency than the charge's (some gateways settle so) takes the
    whole charge: nothing is refundable that may already have been paid back.
    """
    left = captured - refunded
    for dispute in lost:
        if dispute.status is not DisputeStatus.LOST:
            continue
        if dispute.amount.currency != captured.currency:
            return Money.zero(captured.currency)
        left -= dispute.amount
    return left if left.minor > 0 else Money.zero(captured.currency)
