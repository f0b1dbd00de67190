"""How records look to a person: ids whole, money right-aligned, one line a fact."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.models import (
    Charge,
    Customer,
    Dispute,
    DisputeStatus,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    PaymentMethod,
    Record,
    Refund,
    StatusChange,
    Subscription,
    SubscriptionStatus,
)

R = TypeVar("R", bound=Record)

DAY_SECONDS = 86_400
UTC_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
ALARMING = {"disputed", "past_due", "needs_response", "failed", "unpaid", "uncollectible", "lost"}

COLUMNS: dict[str, tuple[str, ...]] = {
    "customer": ("ref", "email", "name", "created", "match"),
    "charge": (
        "ref", "created", "amount.amount", "amount.currency", "status", "refundable.amount", "customer_id",
        "description",
    ),
    "refund": ("ref", "created", "amount.amount", "amount.currency", "status", "charge_id", "reason_code"),
    "subscription": (
        "ref", "plan", "amount.amount", "amount.currency", "interval", "status", "current_period_end",
        "cancel_at_period_end", "customer_id",
    ),
    "invoice": (
        "ref", "number", "created", "total.amount", "total.currency", "status", "due_date",
        "amount_due.amount", "customer_id", "email",
    ),
    "dispute": (
        "ref", "created", "amount.amount", "amount.currency", "status", "evidence_due", "charge_id", "reason",
    ),
}  # fmt: skip
"""The columns of CSV and TSV for each kind of record."""


def local_date(moment: datetime | None) -> str:
    """The date in the operator's own time zone, empty for None."""
    return moment.astimezone().strftime("%Y-%m-%d") if moment else ""


def local_time(moment: datetime) -> str:
    """`2026-11-21 14:02 +03:00` in the operator's own time zone."""
    return moment.astimezone().isoformat(sep=" ", timespec="minutes")[:16] + " " + _offset(moment)


def with_local_times(text: str) -> str:
    """`text` with the times in it, which records have as RFC 3339 in UTC, in the operator's own time zone."""
    return UTC_TIME.sub(lambda found: local_time(datetime.fromisoformat(found[0])), text)


def _offset(moment: datetime) -> str:
    return moment.astimezone().isoformat()[-6:]


def days(seconds: float) -> str:
    """`1 day`, `20 days`."""
    count = int(seconds // DAY_SECONDS)
    return f"{count} day" if count == 1 else f"{count} days"


def words(status: str) -> str:
    """A status word as a person writes it."""
    return status.replace("_", " ")


def status_cell(status: str, text: str = "") -> Cell:
    """A status, stressed where it needs a look."""
    return Cell(text or words(status), "yellow" if status in ALARMING else "")


def payment_words(method: PaymentMethod | None) -> str:
    """`visa 4242`."""
    return " ".join(word for word in (method.brand, method.last4) if word) if method else ""


def _charge_row(charge: Charge, _now: datetime) -> tuple[Cell | str, ...]:
    return (
        local_date(charge.created),
        charge.ref,
        str(charge.amount),
        status_cell("disputed" if charge.disputed else charge.status, _charge_words(charge)),
        payment_words(charge.payment_method),
        charge.description or "",
    )


def _charge_words(charge: Charge) -> str:
    if charge.refunds and charge.refunded:
        return f"{charge.refunded.decimal()} back on {local_date(max(r.created for r in charge.refunds))}"
    return words(charge.status)


def dispute_words(dispute: Dispute, now: datetime) -> str:
    """A dispute's status; where an answer is due, until when."""
    if dispute.status is DisputeStatus.NEEDS_RESPONSE and dispute.evidence_due:
        left = (dispute.evidence_due - now).total_seconds()
        return f"evidence due in {days(left)}" if left > 0 else "evidence overdue"
    return words(dispute.status)


def subscription_row(subscription: Subscription) -> tuple[Cell | str, ...]:
    """Reference, amount, interval, status and plan."""
    amount = subscription.amount
    return (
        subscription.ref,
        str(amount) if amount else "",
        subscription.interval or "",
        status_cell(subscription.status, _subscription_words(subscription)),
        subscription.plan or "",
    )


def _subscription_words(subscription: Subscription) -> str:
    end = local_date(subscription.current_period_end)
    if subscription.status is SubscriptionStatus.CANCELED:
        return f"canceled {local_date(subscription.canceled_at)}".rstrip()
    if subscription.cancel_at_period_end:
        return f"ends {end}"
    status = words(subscription.status)
    return f"{status} until {end}" if end and status in {"active", "trialing"} else status


def _invoice_row(invoice: Invoice, now: datetime) -> tuple[Cell | str, ...]:
    return (
        local_date(invoice.created),
        invoice.ref,
        str(invoice.total),
        status_cell(invoice.status, invoice_words(invoice, now)),
        invoice.number or "",
    )


def invoice_words(invoice: Invoice, now: datetime) -> str:
    """An invoice's status; where it is past due, for how long."""
    if invoice.status is InvoiceStatus.PAST_DUE and invoice.due_date:
        return f"past due {days((now - invoice.due_date).total_seconds())}"
    return words(invoice.status)


# Lists and single records


def records_view(records: Sequence[Record], *, now: datetime) -> View:
    """Records of one kind, which a gateway may have derived its own from, as a table with headings; or a line
    saying that there are none."""
    if not records:
        return [Line((Cell("none", "dim"),))]
    titles, row = LISTS[next(kind for kind in type(records[0]).__mro__ if kind in LISTS)]
    return [Grid(tuple(_titled(title) for title in titles), tuple(row(record, now) for record in records))]


def _titled(title: str) -> Column:
    return Column(title, right=title == "amount", whole=title not in FLEXIBLE)


FLEXIBLE = {"paid with", "description", "name", "plan", "reason"}
"""Titles of columns that give way on a narrow terminal."""


def _refund_cells(refund: Refund, _now: datetime) -> tuple[Cell | str, ...]:
    return (
        local_date(refund.created),
        refund.ref,
        str(refund.amount),
        status_cell(refund.status),
        refund.charge_id,
        refund.reason_code or "",
    )


def _dispute_cells(dispute: Dispute, now: datetime) -> tuple[Cell | str, ...]:
    return (
        local_date(dispute.created),
        dispute.ref,
        str(dispute.amount),
        status_cell(dispute.status, dispute_words(dispute, now)),
        dispute.charge_id,
        dispute.reason or "",
    )


def _customer_cells(customer: Customer, _now: datetime) -> tuple[Cell | str, ...]:
    return (local_date(customer.created), customer.ref, customer.email or "", customer.name or "")


LISTS: dict[type[Record], tuple[tuple[str, ...], Any]] = {
    Charge: (("date", "charge", "amount", "status", "paid with", "description"), _charge_row),
    Refund: (("date", "refund", "amount", "status", "charge", "reason"), _refund_cells),
    Subscription: (
        ("subscription", "amount", "every", "status", "plan"),
        lambda s, _: subscription_row(s),
    ),
    Invoice: (("date", "invoice", "amount", "status", "number"), _invoice_row),
    Dispute: (("date", "dispute", "amount", "status", "charge", "reason"), _dispute_cells),
    Customer: (("since", "customer", "e-mail", "name"), _customer_cells),
}


def shown_once(records: Sequence[R]) -> list[R]:
    """`records` of one customer or id, where a bill and its payment that are one object (a store's order)
    stand once: as the charge when money was taken, as the invoice before."""
    bills = {record.ref for record in records if isinstance(record, Invoice)}
    doubles = {
        record.ref: Invoice if record.captured else Charge
        for record in records
        if isinstance(record, Charge) and record.ref in bills
    }
    return [r for r in records if r.ref not in doubles or not isinstance(r, doubles[r.ref])]


def record_view(record: Record, *, now: datetime) -> View:
    """One record, a line for each field that has a value; a charge's refunds below it, an invoice's lines."""
    rows = [(Cell(words(name), "dim"), _field_text(getattr(record, name))) for name in record.OUTPUT]
    view: list[Line | Grid] = [Grid((Column(), Column()), tuple(r for r in rows if r[1]))]
    if isinstance(record, Charge) and record.refunds:
        view += [Line((Cell("refunds", "dim"),)), *_indented(records_view(record.refunds, now=now))]
    if isinstance(record, Charge) and record.status_history:
        changes = tuple((local_time(c.at), str(c.status), _own_word(c)) for c in record.status_history)
        view += [Line((Cell("status history", "dim"),)), Grid((Column(),) * 3, changes, indent=2)]
    if isinstance(record, Invoice) and record.lines:
        view += [Line((Cell("lines", "dim"),)), _lines_grid(record.lines)]
    return view


def _lines_grid(lines: Sequence[InvoiceLine]) -> Grid:
    titles = (Column("id"), Column("amount", right=True), Column("units left", right=True), Column("what"))
    cells = tuple((line.id, str(line.amount or ""), _units(line), line.description or "") for line in lines)
    return Grid(titles, cells, indent=2)


def _units(line: InvoiceLine) -> str:
    """`1 of 2`, or what is known of it."""
    return f"{'?' if line.left is None else line.left} of {'?' if line.units is None else line.units}"


def _own_word(change: StatusChange) -> Cell:
    """The gateway's word where it says more than billctl's."""
    return Cell("" if change.gateway_status == change.status else change.gateway_status, "dim")


def _indented(view: View) -> Iterable[Line | Grid]:
    return [
        Grid(b.columns, b.rows, indent=2) if isinstance(b, Grid) else Line(b.cells, indent=2) for b in view
    ]


def _field_text(value: object) -> str:
    match value:
        case None | ():
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return local_time(value)
        case PaymentMethod():
            return payment_words(value)
        case tuple():
            return ""
        case _:
            return str(value)


def now_utc() -> datetime:
    """The present, aware UTC."""
    return datetime.now(UTC)
