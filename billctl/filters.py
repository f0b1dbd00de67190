"""What a list can be narrowed by beside what a gateway filters: how long an invoice is due, and what this
machine's log says of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from billctl.audit.tail import check_tail
from billctl.models import Invoice, InvoiceStatus, Record
from billctl.session import Opened, Session

Keep = Callable[[Opened, Record], bool]
"""Whether a record, read at the opened account, is meant."""

UNPAID = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PAST_DUE})


def overdue(age: timedelta, *, now: datetime) -> Keep:
    """Unpaid invoices that have been due for `age` or longer.

    What has no due date is charged automatically, as soon as it is made: it is due from its creation on.
    A credit invoice is owed to the customer, not by him.
    """
    latest = now - age

    def keep(_opened: Opened, record: Record) -> bool:
        if not isinstance(record, Invoice) or record.status not in UNPAID or record.amount_due.minor <= 0:
            return False
        return (record.due_date or record.created) <= latest

    return keep


def has_due_date(_opened: Opened, record: Record) -> bool:
    """Invoices that the customer is to pay by a day: not those that are charged automatically, which a
    gateway may refuse to send."""
    return isinstance(record, Invoice) and record.due_date is not None


def not_resent_since(session: Session, since: datetime) -> Keep:
    """Invoices that no operation of the log resent since then, to whichever address, under whichever profile.

    What nobody knows yet is not left out: who acts on it settles it first, and nothing is sent again blindly
    (`billctl.actions`). Raises `StoreError` where the log is broken: what it lost would be sent again.
    """
    check_tail(session.store)
    resent = session.store.acted_on("resend", since)

    def keep(opened: Opened, record: Record) -> bool:
        return opened.object(record.id) not in resent

    return keep
