"""The record of a lookup, for profiles whose `[audit] reads` asks for it."""

from collections.abc import Callable

from billctl.errors import BillctlError
from billctl.lookup import LookupResult
from billctl.session import Session

ACTION = "lookup"


def recorded(session: Session, query: str, by: str, look: Callable[[], LookupResult]) -> LookupResult:
    """What `look` finds, once the log has who looked for what, where, and whom that showed.

    Card numbers and keys are masked in it. A lookup that fails is recorded too, and its error raised.
    Raises `StoreError` where it cannot be recorded: then nothing is shown.
    """
    if not session.profile.audit.reads:
        return look()
    asked = {"query": query, "by": by}
    try:
        found = look()
    except BillctlError as error:
        session.log.note(ACTION, outcome="failed", result=asked, error=error)
        raise
    shown = {
        "accounts": {answer.account: str(answer.status) for answer in found.answers},
        "customers": [customer.ref for customer in found.customers],
    }
    session.log.note(ACTION, result=asked | shown)
    return found
