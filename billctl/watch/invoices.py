"""Invoices that should have been paid."""

from datetime import timedelta
from functools import partial

from billctl.filters import overdue
from billctl.gateway import Selection
from billctl.listing import Listing, list_records
from billctl.models import Invoice, InvoiceStatus
from billctl.parallel import gather
from billctl.watch.model import LONGEST, Check, Finding, Part, Scope, listed

MADE_WITHIN = timedelta(days=366)
"""Older invoices are not looked at."""


def invoices(scope: Scope) -> Part:
    """Unpaid invoices that have been due for the age or longer, by both of billctl's words for them: what is
    charged automatically has no due date, and stays open."""
    statuses = (InvoiceStatus.PAST_DUE, InvoiceStatus.OPEN)
    listings = gather([partial(_listing, scope, status) for status in statuses])
    records = [record for listing in listings for record in listing.records]
    return listed([_finding(found) for found in records if isinstance(found, Invoice)], *listings)


def _listing(scope: Scope, status: InvoiceStatus) -> Listing:
    selection = Selection(status=status, since=scope.now - MADE_WITHIN, limit=LONGEST)
    keep = overdue(scope.ages.invoices, now=scope.now)
    return list_records(scope.session, "invoices", selection, scope.names, keep=keep)


def _finding(invoice: Invoice) -> Finding:
    return Finding(
        check=Check.INVOICES,
        account=invoice.account,
        ref=invoice.ref,
        amount=invoice.amount_due,
        time=invoice.due_date or invoice.created,
        note=invoice.number or "",
    )
