"""What refunds came to after they were recorded: those that were pending, and those that failed days later.

An operation is settled when its gateway accepted the refund. Whether the money arrived is asked again here,
by the refund's own id, and a change is recorded beside the operation (phase `followup`); nothing is sent.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from billctl.audit.entry import Entry, read
from billctl.audit.tail import check_tail
from billctl.errors import BillctlError, Busy, NotFound, StoreError, Unsupported
from billctl.fanout import Deadline, ask_each, chosen_accounts
from billctl.frozen import frozen
from billctl.gateway import Capability, Gateway, Selection
from billctl.models import Refund
from billctl.recorded import subject_of, why_elsewhere
from billctl.session import Session
from billctl.store.interface import RecordFilter
from billctl.verbs.refund import outcome_of

PENDING_FOR = timedelta(days=90)
"""How long a refund that is pending is asked about."""

REFUNDING = ("refund", "cancel")
"""The actions that a refund can come of."""

FEW = 5
"""So many refunds of an account are read one by one; of more, the gateway's list tells which have changed."""

LONGEST_LIST = 10_000

SETTLING = frozenset({("pending", "succeeded"), ("pending", "failed"), ("succeeded", "failed")})
"""What a refund can become, from and to; anything else is a gateway's lists lagging behind itself."""


@frozen
class Later:
    """A refund that became something else since it was recorded; `seq` numbers the record that says so."""

    entry: Entry
    refund: Refund
    was: str
    outcome: str
    seq: int

    @property
    def once_more(self) -> str:
        """What sends the same money once more."""
        return once_more(self.entry)


def once_more(entry: Entry) -> str:
    """How the money of a recorded refund that failed is sent once more; what has ended cannot end again."""
    if entry.action == "refund":
        return f"--again {int(entry.fields.get('again') or 1) + 1}"
    return f"`billctl {entry.gateway} refund {entry.account}:{refund_of(entry).get('charge_id')}`"


@frozen
class Followup:
    """What became of the refunds that were asked about; `failures`: what could not be asked, by account."""

    changes: tuple[Later, ...]
    failures: tuple[BillctlError, ...] = ()
    notes: tuple[str, ...] = ()


def follow_up(session: Session, *, recent: timedelta, accounts: Collection[str] = ()) -> Followup:
    """Ask about every refund of the session's profile that is recorded as pending, or as succeeded within
    `recent`, and record what changed.

    The accounts are asked side by side under the profile's deadline. Raises `StoreError` where the log is
    broken or a change could not be recorded.
    """
    check_tail(session.store)
    chosen = chosen_accounts(session, accounts)
    shares: dict[str, list[Entry]] = {}
    for entry in _candidates(session, recent):
        if entry.account in chosen:
            shares.setdefault(str(entry.account), []).append(entry)
    if not shares:
        return Followup(changes=())
    session.prepare()
    asked = _Asked(session)
    for _, failure in ask_each(
        session, list(shares), lambda name: asked.ask(name, shares[name]), deadline=Deadline(session)
    ):
        if isinstance(failure, StoreError):
            raise failure
        if isinstance(failure, BillctlError):
            asked.failures.append(failure)
    return Followup(
        changes=tuple(sorted(asked.changes, key=lambda change: change.seq)),
        failures=tuple(asked.failures),
        notes=tuple(asked.notes),
    )


def _candidates(session: Session, recent: timedelta) -> list[Entry]:
    """The last records of refunds that may still change; of each action the newest first."""
    now = session.clock()
    since = now - max(PENDING_FOR, recent)
    filters = (RecordFilter(action=action, since=since) for action in REFUNDING)
    entries = [read(record) for where in filters for record in session.store.latest(where)]
    return [entry for entry in entries if _may_change(entry, session.profile.name, now - recent)]


def _may_change(entry: Entry, profile: str, since: datetime) -> bool:
    if entry.operation is None or entry.fields.get("profile") != profile or not refund_of(entry).get("id"):
        return False
    return entry.outcome == "pending" or (entry.outcome == "succeeded" and entry.time >= since)


def refund_of(entry: Entry) -> Mapping[str, Any]:
    """The refund that a record tells of: its result, or what an end of a subscription gave back."""
    result: Mapping[str, Any] = entry.fields.get("result") or {}
    return result if result.get("type") == Refund.TYPE else result.get("refund") or {}


def _refund_id(entry: Entry) -> str:
    return str(refund_of(entry)["id"])


class _Asked:
    """What the accounts' threads found so far."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changes: list[Later] = []
        self.failures: list[BillctlError] = []
        self.notes: list[str] = []

    def ask(self, name: str, entries: Sequence[Entry]) -> None:
        """Ask the account about its refunds, and record what changed."""
        opened = self.session.open(name)
        here = [entry for entry in entries if why_elsewhere(entry, opened) is None]
        if len(here) < len(entries):
            away = len(entries) - len(here)
            self.notes.append(
                f"{name}: {away} refunds of other credentials or another mode were not asked about"
            )
        listed = _listed(opened.gateway, _first_day(self.session, here)) if len(here) > FEW else {}
        for entry in here:
            shown = listed.get(_refund_id(entry))
            if shown is not None and (entry.outcome, outcome_of(shown)) not in SETTLING:
                continue
            try:
                refund = opened.gateway.get_refund(_refund_id(entry))
            except NotFound as error:
                error.account = error.account or name
                self.failures.append(error)
                continue
            except Unsupported as error:
                self.notes.append(f"{name}: its refunds are not followed up: {error.message}")
                return
            change = _record(self.session, entry, refund)
            self.changes += [change] if change else []


def _first_day(session: Session, entries: Sequence[Entry]) -> datetime:
    """Since when a list tells of most of them; older ones that are pending still are few."""
    recent = [entry.time for entry in entries if entry.outcome == "succeeded"]
    return min(recent, default=session.clock()) - timedelta(days=1)


def _listed(gateway: Gateway, since: datetime) -> Mapping[str, Refund]:
    """The account's refunds since then by id, as far as its gateway lists them: what it leaves out is read
    one by one."""
    found: dict[str, Refund] = {}
    if Capability.LIST_REFUNDS in gateway.capabilities:
        with suppress(BillctlError):
            for refund in gateway.list_refunds(Selection(since=since, limit=LONGEST_LIST)):
                found[refund.id] = refund
    return found


def _record(session: Session, entry: Entry, refund: Refund) -> Later | None:
    """Record what the refund became, unless that is nothing new or another run has just recorded it."""
    outcome = outcome_of(refund)
    was, operation = str(entry.outcome), str(entry.operation)
    if (was, outcome) not in SETTLING:
        return None
    try:
        with session.store.lock_object(str(entry.fields.get("object"))):
            (last,) = session.store.latest(RecordFilter(operation=operation), limit=1)
            if last.seq != entry.seq:
                return None
            seq = session.log.followup(
                subject_of(entry),
                operation=operation,
                outcome=outcome,
                result=refund.data(),
                after={
                    "refund": refund.id,
                    "status": str(refund.status),
                    "gateway_status": refund.gateway_status,
                },
            )
    except Busy:
        return None
    return Later(entry=entry, refund=refund, was=was, outcome=outcome, seq=seq)
