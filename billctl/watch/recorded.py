"""What the log tells: outcomes that nobody knows, and refunds that failed after they had been accepted."""

from billctl.audit.entry import Entry, read
from billctl.errors import BillctlError, Busy, NotFound
from billctl.followup import REFUNDING, Followup, follow_up, once_more, refund_of
from billctl.recorded import intent_of
from billctl.session import Session
from billctl.store.interface import UNSETTLED, OperationState, RecordFilter
from billctl.watch.model import LONGEST, Check, Finding, Part, Scope

NO_MONEY = "the customer has no money from it; to send it once more: {more}"
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
    since = scope.now - ages.refunds
    filters = [RecordFilter(action=action, outcome="failed", since=since) for action in REFUNDING]
    entries = [read(record) for where in filters for record in session.store.latest(where, limit=LONGEST)]
    failed = [e for e in entries if e.phase == "followup" and scope.has(e) and not _repeated(session, e)]
    return Part(
        findings=[
            _finding(entry, Check.REFUNDS, NO_MONEY.format(more=once_more(entry)))
            for entry in sorted(failed, key=lambda entry: entry.seq)
        ],
        failures=[_bare(failure) for failure in later.failures],
        answered={failure.account for failure in later.failures if isinstance(failure, NotFound)},
        notes=later.notes,
    )


def _repeated(session: Session, failed: Entry) -> bool:
    """Whether another refund of the charge, begun after this one was known to have failed, may have moved
    something."""
    charge_id = str(refund_of(failed).get("charge_id") or failed.object_id)
    after = RecordFilter(object_id=charge_id, first=failed.seq + 1)
    entries = (read(record) for record in session.store.records(after))
    charge = str(failed.fields.get("object")).removesuffix(str(failed.object_id)) + charge_id
    begun = [str(entry.operation) for entry in entries if _is_refund_of(entry, charge)]
    found = (session.store.get_operation(operation) for operation in begun)
    return any(operation is not None and operation.state in MAY_HAVE_MOVED for operation in found)


def _is_refund_of(entry: Entry, charge: str) -> bool:
    """Whether the record begins a refund of the charge of this name."""
    same = entry.fields.get("object") == charge
    return same and (entry.phase, entry.action) == ("intent", "refund")


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
