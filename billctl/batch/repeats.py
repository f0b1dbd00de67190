"""Which deliberate repeat of an operation is the next one, for what is to be done again after a while.

The key of a resend has no time in it, so that the same request twice is one e-mail. What is to be sent again
every week takes the next ordinal each time (`--again N` of an action on its own).
"""

from collections.abc import Iterator
from datetime import timedelta

from billctl.audit.entry import Entry, read
from billctl.session import Session
from billctl.store.interface import UNSETTLED, OperationState, RecordFilter
from billctl.verbs.plan import Verb


def next_ordinal(session: Session, account: str, verb: Verb, object_id: str, *, after: timedelta) -> int:
    """The ordinal with which `verb`, which moves no amount, is done now on the object.

    1 where the log has never seen it done. That of the last time where it was begun within `after`, or where
    nobody knows what became of it: it is the same operation still. Else the one behind all that there were.
    The account is opened, the object not read. Raises what `Session.open` raises.
    """
    name = session.open(account).object(object_id)
    latest = session.clock() - after
    last = 0
    for entry, state in _done(session, verb, object_id, name):
        ordinal = int(entry.fields.get("again") or 1)
        if state in UNSETTLED or entry.time > latest:
            return ordinal
        last = max(last, ordinal)
    return last + 1


def _done(session: Session, verb: Verb, object_id: str, name: str) -> Iterator[tuple[Entry, OperationState]]:
    """The intents of `verb` on the object that are done or not settled, newest first."""
    where = RecordFilter(object_id=object_id, action=verb.name)
    for record in session.store.records(where, newest_first=True):
        entry = read(record)
        if entry.phase != "intent" or entry.fields.get("object") != name or not _is_such(entry, verb):
            continue
        found = session.store.get_operation(str(entry.operation))
        if found is not None and found.state in UNSETTLED | {OperationState.DONE}:
            yield entry, found.state


def _is_such(entry: Entry, verb: Verb) -> bool:
    """Whether the recorded choices are those of `verb`; where they were purged, nobody can say that not."""
    return entry.purged or (entry.fields.get("params") or {}) == verb.params()
