"""Ending unknown outcomes: each gateway is asked what became of every unsettled operation.

Nothing is ever sent again from here. What the gateway shows is recorded as the operation's outcome;
what it cannot show stays unknown, and that it was asked in vain is recorded too, once: only then may
a person say what became of it (`billctl.resolve`).
"""

import math
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from billctl import profiles
from billctl.audit.entry import Entry, read
from billctl.audit.tail import check_tail
from billctl.behind import ask_behind
from billctl.errors import (
    BillctlError,
    Busy,
    ConfigError,
    InternalError,
    NetworkError,
    NotFound,
    OutcomeUnknown,
    StoreError,
)
from billctl.fanout import Deadline, ask_each, chosen_accounts
from billctl.frozen import frozen, replace
from billctl.gateway import NOT_VISIBLE_YET, Gateway
from billctl.recorded import intent_of, last_of, stamp_of, subject_of, why_elsewhere
from billctl.session import Opened, Session
from billctl.store.interface import UNSETTLED, Operation, OperationState, RecordFilter
from billctl.telling import let_on, tell, untold
from billctl.verbs import from_params
from billctl.verbs.plan import Done

NO_TRACE = "the gateway shows no trace of it"
NOT_DONE = "{seen}; run it again (--again {again} if it still gives its old answer)"

CANNOT_TELL = "cannot_tell"
"""The record of a reconciliation whose gateway answered, and does not show what became of the operation."""

NOT_ASKED = "not_asked"
"""The record of a reconciliation that could not ask the gateway."""


class Finding(StrEnum):
    """What became of an operation, as far as its gateway can tell."""

    DONE = "done"
    FAILED = "failed"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"
    BUSY = "busy"
    ELSEWHERE = "elsewhere"


SETTLED: Mapping[OperationState, Finding] = {
    OperationState.DONE: Finding.DONE,
    OperationState.REFUSED: Finding.FAILED,
    OperationState.NOT_SENT: Finding.NOT_DONE,
}


@frozen
class Reconciled:
    """One operation's part of a reconciliation; `note` says why it is still open, where it is.

    `wait` are the seconds until a gateway that shows no trace of it yet is worth asking again.
    """

    operation: str
    entry: Entry
    finding: Finding
    note: str | None = None
    outcome_seq: int | None = None
    wait: int = 0

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet."""
        return self.finding in {Finding.UNKNOWN, Finding.BUSY, Finding.ELSEWHERE}


@frozen
class _Open:
    """An unsettled operation with its intent."""

    operation: Operation
    entry: Entry

    @property
    def still(self) -> Reconciled:
        """What is known of it before anybody is asked."""
        return Reconciled(operation=self.operation.id, entry=self.entry, finding=Finding.UNKNOWN)


def reconcile(
    session: Session, *, accounts: Collection[str] = (), operation: str | None = None
) -> list[Reconciled]:
    """Ask about every unsettled operation of the session's profile and record the answers; oldest first.

    The accounts are asked side by side under the profile's deadline; what one of them fails with is the note
    of its operations. `accounts` and `operation` leave the others alone. Raises `NotFound` for an operation
    that the log does not have, `StoreError` where the log is broken or an answer could not be recorded.
    """
    check_tail(session.store)
    known = [*chosen_accounts(session, accounts)] if accounts else None
    waiting = _unsettled(session, operation)
    if operation and not waiting:
        return [_settled_already(session, operation)]
    if known is not None:
        waiting = [item for item in waiting if _is_here(session, item) and item.entry.account in known]
    found = _ask_accounts(session, [item for item in waiting if _is_here(session, item)])
    return [found.get(item.operation.id) or _elsewhere(session, item) for item in waiting]


def reconcile_one(session: Session, operation: Operation) -> Reconciled:
    """As `reconcile` for one unsettled operation, in this thread and under the account's own timeouts only.

    The log's last records are not looked at: whoever settles several does that once. Safe in several threads.
    """
    item = _Open(operation=operation, entry=intent_of(session.store, operation))
    return _settle(session, item) if _is_here(session, item) else _elsewhere(session, item)


def _unsettled(session: Session, operation: str | None) -> list[_Open]:
    store = session.store
    return [
        _Open(operation=found, entry=intent_of(store, found))
        for found in store.unsettled()
        if operation in {None, found.id}
    ]


def _settled_already(session: Session, operation: str) -> Reconciled:
    found = session.store.get_operation(operation)
    if found is None:
        raise NotFound(
            f"the audit log has no operation {operation[:60]!r}",
            hint="See `billctl audit list --outcome open`.",
        )
    item = _Open(operation=found, entry=intent_of(session.store, found))
    note = "it was settled before"
    if not _is_here(session, item):
        profile = item.entry.fields.get("profile")
        note += f", under profile {profile}: use -p {profile} where its account is still to be told"
    else:
        try:
            tell(session, operation)
        except BillctlError as error:
            note += f"; {untold(operation, item.entry.account, error)}"
    return replace(item.still, finding=SETTLED[found.state], note=note)


def _is_here(session: Session, item: _Open) -> bool:
    return item.entry.fields.get("profile") == session.profile.name


def _elsewhere(session: Session, item: _Open) -> Reconciled:
    """What another profile left open. One whose profile is gone can never be asked about again."""
    profile = str(item.entry.fields.get("profile"))
    gone = _gone(session, profile)
    if gone is not None:
        return _held(session, item, lambda: _in_vain(session, item, gone, said=NOT_ASKED))
    return replace(
        item.still, finding=Finding.ELSEWHERE, note=f"recorded under profile {profile}: use -p {profile}"
    )


def _gone(session: Session, profile: str) -> ConfigError | None:
    try:
        profiles.find_profile(profile, session.env)
    except ConfigError as error:
        return error
    return None


def _ask_accounts(session: Session, waiting: Collection[_Open]) -> dict[str, Reconciled]:
    """What each operation's gateway says, by the operation's id."""
    shares: dict[str, list[_Open]] = {}
    for item in waiting:
        shares.setdefault(str(item.entry.account), []).append(item)
    found: dict[str, Reconciled] = {}
    if not shares:
        return found
    session.prepare()

    def ask(name: str) -> None:
        for item in shares[name]:
            found[item.operation.id] = _settle(session, item)

    for name, failure in ask_each(session, list(shares), ask, deadline=Deadline(session)):
        if isinstance(failure, StoreError):
            raise failure
        if isinstance(failure, BillctlError):
            for item in shares[name]:
                found.setdefault(item.operation.id, replace(item.still, note=_note(failure)))
    return found


def _settle(session: Session, item: _Open) -> Reconciled:
    return _held(session, item, lambda: _ask(session, item))


def _held(session: Session, item: _Open, work: Callable[[], Reconciled]) -> Reconciled:
    """What `work` finds while no other run has the operation's object in hand."""
    try:
        with session.store.lock_object(item.operation.object):
            now = session.store.get_operation(item.operation.id)
            if now is not None and now.state not in UNSETTLED:
                return replace(
                    item.still, finding=SETTLED[now.state], note="settled by another run meanwhile"
                )
            return work()
    except Busy:
        return replace(item.still, finding=Finding.BUSY, note="another run is doing it right now")


def _ask(session: Session, item: _Open) -> Reconciled:
    try:
        opened = session.open(str(item.entry.account))
        if elsewhere := why_elsewhere(item.entry, opened):
            raise ConfigError(elsewhere, code="wrong_account")
        done, note = _look(session, opened, item)
    except StoreError:
        raise
    except OutcomeUnknown as error:
        said = NOT_ASKED if error.code == NOT_VISIBLE_YET else CANNOT_TELL
        return _in_vain(session, item, error, said=said)
    except BillctlError as error:
        return _in_vain(session, item, error, said=NOT_ASKED)
    except Exception as error:  # noqa: BLE001 - an adapter's fault with one operation hides no other
        fault = InternalError(f"unexpected {type(error).__name__} in the {item.entry.gateway} adapter")
        return _in_vain(session, item, fault, said=NOT_ASKED)
    if done is not None:
        found = replace(_record(session, item, done), note=note or _short(done))
    elif wait := _too_early(session, item):
        note = f"no trace of it yet; a request may still be on its way: ask again in {wait} s"
        return replace(item.still, note=note, wait=wait)
    else:
        found = _record_not_done(session, item, note)
    if note is None:
        return found
    try:
        let_on(opened, item.operation, item.entry, done=done is not None)
    except BillctlError as error:  # it is settled all the same
        return replace(found, note=f"{found.note}; {untold(item.operation.id, item.entry.account, error)}")
    return found


def _look(session: Session, opened: Opened, item: _Open) -> tuple[Done | None, str | None]:
    """The operation as its gateway shows it, or else the gateway behind that one, which a note then says.

    Raises `OutcomeUnknown` where neither can tell, or shows other money.
    """
    entry = item.entry
    verb = from_params(str(entry.action), entry.fields.get("params") or {})
    plan = verb.recalled(opened.gateway, str(entry.object_id), entry.amount)
    stamp = stamp_of(item.operation, item.entry)
    note = None
    try:
        done = verb.find(opened.gateway, plan, stamp)
    except OutcomeUnknown as unknown:
        done, note = ask_behind(session, opened.gateway, plan, stamp=stamp, unknown=unknown)
    if done is not None:
        verb.compare(plan, done)
    return done, note


def _short(done: Done) -> str | None:
    return done.shortfall.line() if done.shortfall else None


def _record(session: Session, item: _Open, done: Done) -> Reconciled:
    failed = done.outcome == "failed"
    amount = item.entry.amount if done.moved is None else done.moved
    seq = session.log.outcome(
        replace(subject_of(item.entry), amount=amount),
        operation=item.operation.id,
        state=OperationState.REFUSED if failed else OperationState.DONE,
        outcome=done.outcome,
        result=done.result,
        after=done.after,
        error=done.shortfall,
    )
    return replace(item.still, finding=Finding.FAILED if failed else Finding.DONE, outcome_seq=seq)


def _record_not_done(session: Session, item: _Open, seen: str | None) -> Reconciled:
    """Nothing happened: the gateway shows no trace, or what stands behind it does not (`seen`)."""
    seq = session.log.outcome(
        subject_of(item.entry),
        operation=item.operation.id,
        state=OperationState.NOT_SENT,
        outcome="not_sent",
    )
    again = int(item.entry.fields.get("again") or 1) + 1
    note = NOT_DONE.format(seen=seen or NO_TRACE, again=again)
    return replace(item.still, finding=Finding.NOT_DONE, note=note, outcome_seq=seq)


def _in_vain(session: Session, item: _Open, error: BillctlError, *, said: str) -> Reconciled:
    """Leave the operation unknown, and record once what stands against knowing more.

    Not while a request may still be on its way: whoever reads the record trusts that there was time to act.
    """
    seq = None
    if not _too_early(session, item) and not _is_known(session, item, error, said):
        seq = session.log.outcome(
            subject_of(item.entry),
            operation=item.operation.id,
            state=OperationState.UNKNOWN,
            outcome="unknown",
            error=error,
            resolution={"as": said},
        )
    return replace(item.still, note=_note(error), outcome_seq=seq)


def _note(error: BillctlError) -> str:
    """Why it is still open. What an error says of sending is about the question here, not the operation."""
    if isinstance(error, OutcomeUnknown):
        return error.line()
    if isinstance(error, NetworkError):
        return f"it could not be asked: {error.message}"
    return f"it could not be asked: {error.message}. {error.hint}".rstrip(". ")


def _is_known(session: Session, item: _Open, error: BillctlError, said: str) -> bool:
    last = last_of(session.store, item.operation)
    return asked(last) == said and (last.error or {}).get("code") == error.code


def asked(entry: Entry) -> str | None:
    """What a reconciliation recorded of an operation that it could not settle; None for another record."""
    found = (entry.fields.get("resolution") or {}).get("as")
    return found if found in {CANNOT_TELL, NOT_ASKED} else None


def _too_early(session: Session, item: _Open) -> int:
    """Seconds until the absence of a trace means that it did not happen.

    A request that nobody waits for any more may still be acted on: as long as an answer would have been
    waited for (the profile's read timeout, and at its own address the gateway's patience or more), counted
    from the last record of the run that sent it.
    """
    records = session.store.records(RecordFilter(operation=item.operation.id))
    last = max(entry.time for entry in map(read, records) if asked(entry) is None)
    left = _patience(session, str(item.entry.account)) - (session.clock() - last).total_seconds()
    return math.ceil(left) if left > 0 else 0


def _patience(session: Session, account: str) -> float:
    profile = session.profile
    config = profile.accounts.get(account)
    rehearsed = profile.sandbox or (config and config.base_url)
    if rehearsed:
        return profile.timeouts.read
    try:
        least = session.kind(account).patience
    except BillctlError:
        least = Gateway.patience
    return max(profile.timeouts.read, least)
