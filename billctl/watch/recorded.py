"""What the log tells: outcomes that nobody knows, and refunds that failed after they had been accepted."""

from billctl.audit.entry import Entry, read
from billctl.errors import BillctlError, Busy, NotFound
from billctl.followup import Followup, follow_up
from billctl.recorded import intent_of
from billctl.session import Session
from billctl.store.interface import UNSETTLED, OperationState, RecordFilter
from billctl.watch.model import LONGEST, Check, Finding, Part, Scope

MAY_HAVE_MOVED = UNSETTLED | {OperationState.DONE}


def unknown(scope: Scope) -> Part:
    """Operations of which nobody knows what became of them; not those that another run has in hand."""
    store = scope.session.store
    findings = [
        _finding(entry, Check.UNKNOWN, "nobody knows what became of it: run `billctl audit reconcile`")
        for operation in store.unsettled()
        if scope.has(entry := intent_of(store, operation))
        and not (operation.state is OperationState.OPEN and _is_under_way(scope.session, operation.object))
    ]
    return Part(findings=findings)


def _is_under_way(session: Session, name: str) -> bool:
    """Whether another run holds the object: what is open there is being done."""
    try:
        with session.store.lock_object(name):
            return False
    except Busy:
        return True


def refunds(scope: Scope) -> Part:
    """Refunds that are known to have failed, after the gateways were asked about those that may have.

    One is told until it is too old, or a refund of the same charge came after it.
    """
    ages, session = scope.ages, scope.session
    later = Followup(changes=())
    if ages.refunds:
        later = follow_up(session, recent=ages.refunds, accounts=scope.names)
    where = RecordFilter(action="refund", outcome="failed", since=scope.now - ages.refunds)
    entries = [read(record) for record in session.store.latest(where, limit=LONGEST)]
    failed = [e for e in entries if e.phase == "followup" and scope.has(e) and not _repeated(session, e)]
    return Part(
        findings=[_finding(entry, Check.REFUNDS, _once_more(entry)) for entry in reversed(failed)],
        failures=[_bare(failure) for failure in later.failures],
        answered={failure.account for failure in later.failures if isinstance(failure, NotFound)},
        notes=later.notes,
    )


def _repeated(session: Session, failed: Entry) -> bool:
    """Whether another refund of the charge, begun after this one was known to have failed, may have moved
    something."""
    after = RecordFilter(object_id=failed.object_id, first=failed.seq + 1)
    entries = (read(record) for record in session.store.records(after))
    begun = [str(entry.operation) for entry in entries if _is_refund_of(entry, failed)]
    found = (session.store.get_operation(operation) for operation in begun)
    return any(operation is not None and operation.state in MAY_HAVE_MOVED for operation in found)


def _is_refund_of(entry: Entry, failed: Entry) -> bool:
    """Whether the record begins a refund of the same charge."""
    same = entry.fields.get("object") == failed.fields.get("object")
    return same and (entry.phase, entry.action) == ("intent", "refund")


def _once_more(failed: Entry) -> str:
    again = int(failed.fields.get("again") or 1) + 1
    return f"the customer has no money from it; to send it once more: --again {again}"


def _bare(failure: BillctlError) -> BillctlError:
    """The failure without its words on sending, which nobody may take to be about the refund."""
    failure.sent, failure.hint = "", ""
    return failure


def _finding(entry: Entry, check: Check, note: str) -> Finding:
    return Finding(
        check=check,
        account=str(entry.account),
        ref=str(entry.ref),
        amount=entry.amount,
        time=entry.time,
        operation=entry.operation,
        note=note,
    )
