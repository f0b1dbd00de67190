"""What earlier runs recorded, as a later one needs it: to ask about it, and to record more."""

from billctl.audit.entry import Entry, read
from billctl.audit.log import Subject
from billctl.gateway import Stamp
from billctl.session import Opened
from billctl.store.interface import Operation, OperationState, RecordFilter, Store


def intent_of(store: Store, operation: Operation) -> Entry:
    """The record that opened the operation. Raises `StoreError` for one that cannot be read."""
    record = store.record(operation.intent)
    assert record is not None, "an operation's intent is written with it"
    return read(record)


def last_of(store: Store, operation: Operation) -> Entry:
    """The operation's last record. Raises `StoreError` for one that cannot be read."""
    (record,) = store.latest(RecordFilter(operation=operation.id), limit=1)
    return read(record)


ENDED = {OperationState.DONE: True, OperationState.REFUSED: False, OperationState.NOT_SENT: False}
"""Whether an operation that ended so was done."""


def ended(store: Store, operation: str) -> bool | None:
    """Whether the operation of that id was done; None where it is open, or the log does not have it."""
    found = store.get_operation(operation)
    return ENDED.get(found.state) if found else None


def subject_of(entry: Entry) -> Subject:
    """What the recorded operation changes, and why."""
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


def stamp_of(operation: Operation, entry: Entry) -> Stamp:
    """What the recorded operation, whose intent is `entry`, carried to its gateway."""
    return Stamp(key=operation.key, operation=operation.id, asked=entry.time, reason_code=entry.reason_code)


def why_elsewhere(entry: Entry, opened: Opened) -> str | None:
    """Why the account that is open now is not the one that the record tells of; None where it is."""
    if entry.gateway != opened.account.gateway:
        return (
            f"it was sent to {entry.gateway}; {entry.account} is an account of {opened.account.gateway} now"
        )
    if entry.account_id and opened.identity.id != entry.account_id:
        now = f"are {opened.identity.id}" if opened.identity.id else "do not say whose they are"
        return f"it was sent as {entry.account_id}; these credentials {now}"
    if entry.live is not None and entry.live != opened.live:
        sent, now = ("live", "test") if entry.live else ("test", "live")
        return f"it was sent in {sent} mode; the profile is {now} now"
    place = str(entry.fields.get("object")).split("|")[1:2]
    if entry.account_id and place != [opened.place]:
        return "it was sent to a rehearsal that was reset since"
    return None
