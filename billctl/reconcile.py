"""Ending unknown outcomes: each gateway is asked what became of every unsettled operation.

Nothing is ever sent again from here. What the gateway shows is recorded as the operation's outcome;
what it cannot show stays unknown.
"""

import math
from enum import StrEnum

from billctl.audit.entry import Entry, read
from billctl.audit.log import Subject
from billctl.errors import BillctlError, Busy, OutcomeUnknown
from billctl.frozen import frozen, replace
from billctl.gateway import Stamp
from billctl.session import Session
from billctl.store.interface import Operation, OperationState
from billctl.verbs import from_params

NOT_DONE = "the gateway shows no trace of it; run it again (--again {again} if it still gives its old answer)"


class Finding(StrEnum):
    """What became of an operation, as far as its gateway can tell."""

    DONE = "done"
    FAILED = "failed"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"
    BUSY = "busy"
    ELSEWHERE = "elsewhere"


@frozen
class Reconciled:
    """One operation's part of a reconciliation; `note` says why it is still open, where it is."""

    operation: str
    entry: Entry
    finding: Finding
    note: str | None = None
    outcome_seq: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet."""
        return self.finding in {Finding.UNKNOWN, Finding.BUSY, Finding.ELSEWHERE}


def reconcile(session: Session) -> list[Reconciled]:
    """Ask about every unsettled operation of the session's profile, oldest first, and record the answers."""
    return [_settle(session, operation) for operation in session.store.unsettled()]


def _settle(session: Session, operation: Operation) -> Reconciled:
    record = session.store.record(operation.intent)
    assert record is not None, "an operation's intent is written with it"
    entry = read(record)
    still = Reconciled(operation=operation.id, entry=entry, finding=Finding.UNKNOWN)
    if entry.fields.get("profile") != session.profile.name:
        profile = entry.fields.get("profile")
        return replace(
            still, finding=Finding.ELSEWHERE, note=f"recorded under profile {profile}: use -p {profile}"
        )
    try:
        with session.store.lock_object(operation.object):
            return _ask(session, operation, still)
    except Busy:
        return replace(still, finding=Finding.BUSY, note="another run is doing it right now")
    except BillctlError as error:
        return replace(still, note=error.line())


def _ask(session: Session, operation: Operation, still: Reconciled) -> Reconciled:
    entry = still.entry
    current = session.store.get_operation(operation.id)
    if current is None or current.state not in {OperationState.OPEN, OperationState.UNKNOWN}:
        return replace(still, finding=Finding.DONE, note="settled by another run meanwhile")
    account, object_id = str(entry.account), str(entry.object_id)
    opened = session.open(account)
    if entry.account_id and opened.identity.id != entry.account_id:
        return replace(
            still, note=f"it was sent as {entry.account_id}; these credentials are {opened.identity.id}"
        )
    verb = from_params(str(entry.action), entry.fields.get("params") or {})
    plan = replace(verb.plan(opened.gateway, object_id), amount=entry.amount)
    stamp = Stamp(key=operation.key, operation=operation.id, asked=entry.time, reason_code=entry.reason_code)
    try:
        done = verb.find(opened.gateway, plan, stamp)
    except OutcomeUnknown as error:
        return replace(still, note=error.line())
    if done is None and (wait := _too_early(session, operation)):
        return replace(
            still, note=f"no trace of it yet; a request may still be on its way: ask again in {wait} s"
        )
    if done is None:
        seq = session.log.outcome(
            _subject(entry), operation=operation.id, state=OperationState.NOT_SENT, outcome="not_sent"
        )
        return replace(
            still,
            finding=Finding.NOT_DONE,
            note=NOT_DONE.format(again=int(entry.fields.get("again") or 1) + 1),
            outcome_seq=seq,
        )
    verb.compare(plan, done)
    failed = done.outcome == "failed"
    seq = session.log.outcome(
        _subject(entry),
        operation=operation.id,
        state=OperationState.REFUSED if failed else OperationState.DONE,
        outcome=done.outcome,
        result=done.result,
        after=done.after,
    )
    return replace(still, finding=Finding.FAILED if failed else Finding.DONE, outcome_seq=seq)


def _too_early(session: Session, operation: Operation) -> int:
    """Seconds until the absence of a trace means that it did not happen.

    A request that nobody waits for any more may still be acted on: as long as an answer would have been
    waited for (the profile's read timeout), counted from the operation's last record.
    """
    record = session.store.record(operation.outcome or operation.intent)
    assert record is not None, "an operation's records are written with it"
    passed = (session.clock() - read(record).time).total_seconds()
    left = session.profile.timeouts.read - passed
    return math.ceil(left) if left > 0 else 0


def _subject(entry: Entry) -> Subject:
    fields = entry.fields
    return Subject(
        action=str(entry.action),
        gateway=str(entry.gateway),
        account=str(entry.account),
        account_id=entry.account_id,
        live=entry.live,
        object_type=str(entry.object_type),
        object_id=str(entry.object_id),
        object=str(fields.get("object")),
        params=fields.get("params") or {},
        customer=entry.customer,
        amount=entry.amount,
        reason=entry.reason,
        reason_code=entry.reason_code,
        ticket=entry.ticket,
        again=fields.get("again"),
    )
