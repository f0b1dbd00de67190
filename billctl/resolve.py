"""What only a person can tell: whether an operation happened that its gateway shows no trace of.

A gateway that can tell is asked first. A person's word counts where a reconciliation recorded that the
gateway answered and cannot tell (an e-mail that left no trace, a refund that may be another's), or where
it could not be asked (its credentials, its profile or the gateway itself are gone) and a day has passed.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from billctl.audit.entry import Entry
from billctl.audit.log import AuditLog
from billctl.audit.tail import check_tail
from billctl.errors import NotFound, PolicyDenied, Refused
from billctl.frozen import frozen
from billctl.reconcile import CANNOT_TELL, NOT_ASKED, asked
from billctl.recorded import intent_of, last_of, subject_of
from billctl.store.interface import UNSETTLED, Operation, OperationState, Store

PATIENCE = timedelta(hours=24)
"""How long a gateway that could not be asked is waited for before a person may speak in its place."""

ASK = "Run `billctl audit reconcile` first: a gateway that can tell is asked before a person."


class Verdict(StrEnum):
    """What a person says became of an operation."""

    DONE = "done"
    NOT_DONE = "not-done"


ENDS = {
    Verdict.DONE: (OperationState.DONE, "succeeded"),
    Verdict.NOT_DONE: (OperationState.NOT_SENT, "not_sent"),
}
"""The operation's state and its record's outcome."""


@frozen
class Unresolved:
    """An operation that waits for a person's word: its intent, and its last record."""

    operation: Operation
    entry: Entry
    last: Entry


def unresolved(store: Store, operation: str, *, now: datetime) -> Unresolved:
    """The operation, once it is certain that nobody but a person can settle it; `now` is aware UTC.

    Raises `NotFound` where there is none, `Refused` where it is settled, `Busy` while its process lives,
    `PolicyDenied` where its gateway was not asked, or could not be asked within the last day, and
    `StoreError` where the log is broken.
    """
    check_tail(store)
    with store.lock_object(_find(store, operation).object):
        return _checked(store, operation, now)


def resolve(
    store: Store,
    log: AuditLog,
    item: Unresolved,
    *,
    verdict: Verdict,
    reason: str,
    ticket: str | None,
    now: datetime,
) -> int:
    """Record what a person says became of it, and settle it so; returns the record's number.

    Judges anew, as time has passed since `unresolved`: raises what that raises.
    """
    state, outcome = ENDS[verdict]
    with store.lock_object(item.operation.object):
        current = _checked(store, item.operation.id, now)
        return log.outcome(
            subject_of(current.entry),
            operation=current.operation.id,
            state=state,
            outcome=outcome,
            resolution={"as": verdict.replace("-", "_"), "reason": reason, "ticket": ticket},
        )


def _find(store: Store, operation: str) -> Operation:
    found = store.get_operation(operation)
    if found is None:
        raise NotFound(
            f"the audit log has no operation {operation[:60]!r}",
            hint="See `billctl audit list --outcome unknown`.",
        )
    return found


def _checked(store: Store, operation: str, now: datetime) -> Unresolved:
    found = _find(store, operation)
    if found.state not in UNSETTLED:
        raise Refused(
            f"operation {found.id} is settled already: {found.state}",
            code="operation_settled",
            hint=f"See `billctl audit show {found.id}`.",
        )
    item = Unresolved(operation=found, entry=intent_of(store, found), last=last_of(store, found))
    _check_asked(item, now)
    return item


def _check_asked(item: Unresolved, now: datetime) -> None:
    said = asked(item.last)
    if said == CANNOT_TELL:
        return
    if said != NOT_ASKED:
        raise PolicyDenied(f"nobody asked yet what became of {item.operation.id}", code="ask_first", hint=ASK)
    left = PATIENCE - (now - item.entry.time)
    if left > timedelta():
        hours = -(-left // timedelta(hours=1))
        why = (item.last.error or {}).get("message", "no answer")
        raise PolicyDenied(
            f"the gateway of {item.operation.id} could not be asked: {why}",
            code="ask_again",
            hint=f"Run `billctl audit reconcile` once it can be; a person's word counts in {hours} h.",
        )
