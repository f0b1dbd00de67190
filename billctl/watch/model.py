"""What is looked for, how far, and what was found."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from billctl.audit.entry import Entry
from billctl.errors import BillctlError
from billctl.frozen import frozen
from billctl.listing import Listing
from billctl.money import Money
from billctl.session import Session

LONGEST = 1_000
"""Findings of one kind that are told at most."""

UNDATED = datetime.min.replace(tzinfo=UTC)


class Check(StrEnum):
    """What is looked for."""

    UNKNOWN = "unknown"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    INVOICES = "invoices"


@frozen
class Ages:
    """How far is looked: refunds so young may still fail, and their failing is told so long; disputes are due
    so soon; invoices have been due so long."""

    refunds: timedelta = timedelta(days=7)
    disputes: timedelta = timedelta(days=7)
    invoices: timedelta = timedelta(days=3)


@frozen
class Finding:
    """One thing to look at.

    `time` is when an answer or the money is due, or (of what the log tells) when that was recorded; None
    where nobody says. `note` says what to do, or what else is known of it.
    """

    check: Check
    account: str
    ref: str
    amount: Money | None
    time: datetime | None
    operation: str | None = None
    note: str = ""


@frozen
class Scope:
    """Where is looked: `names` are the accounts, all of the profile unless they were `named`; `now` is when
    (aware UTC)."""

    session: Session
    names: tuple[str, ...]
    named: bool
    ages: Ages
    now: datetime

    def has(self, entry: Entry) -> bool:
        """Whether a record is of this profile and of one of the accounts. Where none was named, those that
        the profile does not have any more count too."""
        own = entry.fields.get("profile") == self.session.profile.name
        return own and (not self.named or entry.account in self.names)


@frozen
class Part:
    """What one kind of look brought; `answered` are accounts that certainly answered."""

    findings: Sequence[Finding]
    failures: Sequence[BillctlError] = ()
    answered: Collection[str | None] = ()
    notes: Sequence[str] = ()


def listed(findings: Sequence[Finding], *listings: Listing) -> Part:
    """The findings in lists, with what these say of themselves."""
    parts = [part for listing in listings for part in listing.parts]
    more = [
        f"there are more than {LONGEST:,} {listing.kind} to look at" for listing in listings if listing.more
    ]
    return Part(
        findings=sorted(findings, key=lambda finding: finding.time or UNDATED),
        failures=[error for listing in listings for error in listing.errors],
        answered={part.account for part in parts if part.error is None},
        notes=[*(note for listing in listings for note in listing.warnings), *more],
    )
