"""Disputes that wait for an answer."""

from datetime import datetime, timedelta

from billctl.filters import Keep
from billctl.gateway import Selection
from billctl.listing import list_records
from billctl.models import Dispute, DisputeStatus, Record
from billctl.session import Opened
from billctl.watch.model import LONGEST, Check, Finding, Part, Scope, listed

OPENED_WITHIN = timedelta(days=180)
"""Older disputes are not looked at. PayPal lists none that did not change since."""


def disputes(scope: Scope) -> Part:
    """Disputes whose answer is due within the age, or was due before and is still waited for."""
    selection = Selection(since=scope.now - OPENED_WITHIN, limit=LONGEST)
    keep = _due_by(scope.now + scope.ages.disputes, now=scope.now)
    listing = list_records(scope.session, "disputes", selection, scope.names, keep=keep)
    return listed([_finding(found) for found in listing.records if isinstance(found, Dispute)], listing)


def _due_by(latest: datetime, *, now: datetime) -> Keep:
    """Disputes that need a response: due by then, or nobody says when. Of inquiries, whose status does not
    tell who is waited for, those with a date that is still to come."""

    def keep(_opened: Opened, record: Record) -> bool:
        if not isinstance(record, Dispute):
            return False
        due = record.evidence_due
        if record.status is DisputeStatus.INQUIRY:
            return due is not None and now <= due <= latest
        return record.status is DisputeStatus.NEEDS_RESPONSE and (due is None or due <= latest)

    return keep


def _finding(dispute: Dispute) -> Finding:
    return Finding(
        check=Check.DISPUTES,
        account=dispute.account,
        ref=dispute.ref,
        amount=dispute.amount,
        time=dispute.evidence_due,
        note=dispute.reason or "",
    )
