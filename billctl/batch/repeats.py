"""Which deliberate repeat of an operation is the next one, for what is to be done again after a while.

The key of a resend has no time in it, so that the same request twice is one e-mail. What is to be sent again
every week takes the next ordinal each time (`--again N` of an action on its own).
"""

from datetime import timedelta

from billctl.actions import operation_key
from billctl.audit.entry import read
from billctl.session import Session
from billctl.store.interface import UNSETTLED, Operation
from billctl.verbs.plan import Verb


def next_ordinal(session: Session, account: str, verb: Verb, object_id: str, *, after: timedelta) -> int:
    """The ordinal with which `verb`, which moves no amount, is done now on the object.

    1 where the log has never seen it done. That of the last time where it was begun within `after`, or where
    nobody knows what became of it: it is the same operation still. The one behind it otherwise. The account
    is opened, the object not read. Raises what `Session.open` raises.
    """
    opened = session.open(account)
    last: Operation | None = None
    ordinal = 1
    while found := session.store.find_operation(
        key=operation_key(
            gateway=opened.account.gateway,
            identity=opened.place,
            action=verb.signature(),
            object_id=object_id,
            amount=None,
            again=ordinal,
        )
    ):
        last, ordinal = found, ordinal + 1
    if last is None or (last.state not in UNSETTLED and _is_over(session, last, after)):
        return ordinal
    return ordinal - 1


def _is_over(session: Session, done: Operation, after: timedelta) -> bool:
    record = session.store.record(done.intent)
    assert record is not None, "an operation's intent is written with it"
    return read(record).time <= session.clock() - after
