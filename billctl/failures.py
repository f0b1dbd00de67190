"""What a failure while sending proves, and how it is said."""

import signal

from billctl.errors import (
    AuthFailed,
    BillctlError,
    Busy,
    ConfigError,
    Interrupted,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PolicyDenied,
    Refused,
    StoreError,
    Terminated,
    UsageError,
)
from billctl.store.interface import OperationState
from billctl.verbs.plan import Plan, Verb

PROOFS: tuple[tuple[tuple[type[BillctlError], ...], OperationState, str], ...] = (
    ((OutcomeUnknown,), OperationState.UNKNOWN, "unknown"),
    ((NotSent, Busy, UsageError, ConfigError, PolicyDenied, StoreError), OperationState.NOT_SENT, "not_sent"),
    ((Refused, NotFound, AuthFailed), OperationState.REFUSED, "refused"),
)
"""What a failure while sending proves. Anything not named here proves nothing: unknown."""


def proved_by(raised: BaseException) -> tuple[OperationState, str]:
    """The state that a failure while sending leaves an operation in, and the outcome's word."""
    return next(
        (row[1:] for row in PROOFS if isinstance(raised, row[0])), (OperationState.UNKNOWN, "unknown")
    )


def _is_proof(raised: BillctlError) -> bool:
    """Whether the error itself says what `proved_by` makes of it."""
    return any(isinstance(raised, kinds) for kinds, _, _ in PROOFS)


def _unproved(raised: BillctlError) -> OutcomeUnknown:
    """A look that failed, say, while a change was under way: of itself it says that nothing changed."""
    return OutcomeUnknown(raised.message, code=raised.code, account=raised.account)


def as_error(raised: BaseException, operation: str, verb: Verb, plan: Plan) -> BillctlError:
    """What was raised while sending, as an error that says what is known of the change."""
    if isinstance(raised, BillctlError):
        return raised if _is_proof(raised) else _unproved(raised)
    if isinstance(raised, Exception):
        return OutcomeUnknown(
            f"{type(raised).__name__} while sending the {verb.name} of {plan.record.ref}",
            account=plan.record.account,
        )
    return Interrupted(
        raised.number if isinstance(raised, Terminated) else signal.SIGINT,
        f"interrupted while sending {operation}, the {verb.name} of {plan.record.ref}",
        sent=OutcomeUnknown.sent,
        hint=OutcomeUnknown.default_hint,
    )
