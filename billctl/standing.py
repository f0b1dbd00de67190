"""An operation that stands in the way of another on the same object: under way, or abandoned."""

from billctl.errors import BillctlError, Busy, OutcomeUnknown
from billctl.session import Session
from billctl.store.interface import Operation
from billctl.verbs.plan import Plan


def standing_in_the_way(session: Session, operation: Operation, plan: Plan) -> BillctlError:
    """The error for an unsettled operation on the object: busy while its process lives, else abandoned."""
    try:
        with session.store.lock_object(operation.object):
            return abandoned_operation(operation, plan)
    except Busy:
        return Busy(
            f"{operation.id} on {plan.record.ref} is being done right now by another run",
            code="operation_open",
            hint="Wait for it, then look: `billctl audit list`.",
        )


def abandoned_operation(operation: Operation, plan: Plan) -> BillctlError:
    """The error for an operation whose process ended without knowing what became of it.

    Unknown where it is this very operation; where it is another one on the same object, this one was
    certainly not sent and waits.
    """
    hint = "Run `billctl audit reconcile`, then run this again."
    message = f"nobody knows yet what became of {operation.id} on {plan.record.ref}"
    if operation.key == plan.key:
        return OutcomeUnknown(f"{message}; nothing was sent now", code="operation_unknown", hint=hint)
    return Busy(f"{message}, so this waits", code="object_unsettled", hint=hint)
