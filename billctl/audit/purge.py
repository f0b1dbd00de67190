"""Purging personal data from the log: never before its time, never without a record of it.

What is purged is the private part of a record (`billctl.audit.private`); the record stays, and the chain
verifies. Whoever can write the file can delete a private part with other tools: a verification then says
that it is missing and that no purge says so.
"""

from calendar import monthrange
from datetime import datetime, timedelta
from pathlib import Path

from billctl.audit.log import AuditLog
from billctl.audit.verify import verify
from billctl.errors import Busy, PolicyDenied, StoreError
from billctl.frozen import frozen
from billctl.profiles.audit import LEAST_RETENTION
from billctl.store.interface import Purgeable, RecordFilter, Store
from billctl.store.schema import PURGE


class NotPurged(PolicyDenied):
    """A purge that is not allowed, or that nobody confirmed."""

    sent = "Nothing was purged."


class NotScrubbed(StoreError):
    """Purged and recorded, but bytes of it may still stand in the store's files."""

    sent = ""
    default_hint = "Run the same purge again, to its end, when nothing else uses the log."


@frozen
class Wanted:
    """Which records to purge: older than `before` (aware UTC); one customer's, one account's, where named."""

    before: datetime
    customer: str | None = None
    account: str | None = None


def months_before(moment: datetime, months: int) -> datetime:
    """The same time so many calendar months earlier; the month's last day where it has no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def months_after(moment: datetime, months: int) -> datetime:
    """The first instant that lies so many calendar months after `moment`, as `months_before` counts."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    days = monthrange(year, month + 1)[1]
    if moment.day <= days:
        return moment.replace(year=year, month=month + 1)
    return moment.replace(year=year, month=month + 1, day=days, hour=0, minute=0, second=0, microsecond=0) + (
        timedelta(days=1)
    )


def check_retention(wanted: Wanted, *, months: int, now: datetime) -> None:
    """Raise `NotPurged` where records younger than `months` calendar months (UTC) would be purged.

    `months` below 12 counts as 12 (PCI DSS 4.0, 10.5.1).
    """
    months = max(months, LEAST_RETENTION)
    limit = months_before(now, months)
    if wanted.before <= limit:
        return
    possible = months_after(wanted.before, months)
    raise NotPurged(
        f"records are kept for {months} months: what is older than {wanted.before:%Y-%m-%d} may be purged"
        f" from {possible:%Y-%m-%d %H:%M} UTC on",
        code="retention",
        hint=f"What may be purged today: --before {limit:%Y-%m-%d}T00:00:00Z.",
    )


def find(store: Store, wanted: Wanted) -> Purgeable:
    """What a purge of `wanted` would remove, and what it would leave."""
    return store.purgeable(before=wanted.before, customer=wanted.customer, account=wanted.account)


def check_whole(path: Path) -> None:
    """Raise `StoreError` where the log is not whole: a purge would remove traces of what was done to it."""
    verdict = verify(path)
    if not verdict.ok:
        where = f" at record {verdict.broken}" if verdict.broken else ""
        raise StoreError(
            f"the audit log is broken{where}: {verdict.why}",
            code="chain_broken",
            hint="Nothing was purged. Keep the file as it is and find out who changed it.",
        )


def purge(store: Store, log: AuditLog, wanted: Wanted, found: Purgeable, *, reason: str) -> int | None:
    """Purge what `find` found; returns the number of the record that says so, None where there was nothing.

    Raises `Busy` where that has changed meanwhile or an operation is open: nothing is purged then; and
    `NotScrubbed` where it is purged, but its bytes may still be there. A purge that was interrupted
    there is ended by any later one.
    """
    seq = None
    if found.count:
        seq = log.purge(
            found.ranges,
            before=wanted.before,
            customer=wanted.customer,
            account=wanted.account,
            reason=reason,
        )
    purges = store.records(RecordFilter(action=PURGE, outcome="succeeded"), newest_first=True, limit=1)
    last = next(purges, None)
    if last is None:
        return None
    try:
        store.scrub()
    except (StoreError, Busy) as failure:
        raise NotScrubbed(
            f"purged in record {last.seq}, but its bytes may still be in the file: {failure.message}",
            code="not_scrubbed",
        ) from failure
    return seq
