"""What somebody must look at: unknown outcomes, refunds that failed later, disputes due, invoices past due.

Nothing is changed at any gateway. What is unknown stands in the log; what refunds came to is asked as `audit
reconcile` asks it, and recorded beside them; disputes and invoices are read. The accounts are asked side by
side, everything of all of them within the profile's deadline, and one that fails hides no other.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from billctl.audit.tail import check_tail
from billctl.errors import BillctlError, Partial, gravest
from billctl.fanout import chosen_accounts
from billctl.frozen import frozen
from billctl.parallel import gather
from billctl.session import Session
from billctl.watch.disputes import disputes
from billctl.watch.invoices import invoices
from billctl.watch.model import Ages, Check, Finding, Part, Scope
from billctl.watch.recorded import refunds, unknown

LOOKS: Mapping[Check, Callable[[Scope], Part]] = {
    Check.UNKNOWN: unknown,
    Check.REFUNDS: refunds,
    Check.DISPUTES: disputes,
    Check.INVOICES: invoices,
}


@frozen
class Watched:
    """What was found: kind by kind, of each what has waited longest first.

    `failures` are the accounts that could not be asked something, `error` is what that alone would end the
    command with. `notes` say what no account can be asked, and what was not looked at.
    """

    findings: tuple[Finding, ...]
    failures: tuple[BillctlError, ...] = ()
    error: BillctlError | None = None
    notes: tuple[str, ...] = ()


def watch(
    session: Session, *, ages: Ages, accounts: Collection[str] = (), checks: Collection[Check] = tuple(Check)
) -> Watched:
    """Look for everything in `checks` at `accounts` (none: all of the profile).

    Raises `StoreError` where the log is broken or what a refund came to could not be recorded, `UsageError`
    for an account that the profile does not have.
    """
    scope = Scope(
        session=session,
        names=tuple(chosen_accounts(session, accounts)),
        named=bool(accounts),
        ages=ages,
        now=session.clock(),
    )
    check_tail(session.store)
    if set(checks) - {Check.UNKNOWN}:
        session.prepare()
    parts = gather([partial(look, scope) for check, look in LOOKS.items() if check in checks])
    failures = _once_each([failure for part in parts for failure in part.failures])
    return Watched(
        findings=tuple(finding for part in parts for finding in part.findings),
        failures=tuple(failures),
        error=_error(failures, {name for part in parts for name in part.answered}),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _once_each(failures: list[BillctlError]) -> list[BillctlError]:
    """The failures without repetitions: an account that is down fails in every look alike."""
    return list({(failure.account, failure.message): failure for failure in failures}.values())


def _error(failures: list[BillctlError], answered: Collection[str | None]) -> BillctlError | None:
    """What the failures end the command with: their own class where no account answered anything."""
    if not failures:
        return None
    if not answered:
        return gravest(failures)
    names = ", ".join(sorted({str(failure.account) for failure in failures}))
    return Partial(f"not everything could be asked at {names}; the rest was", code="partial")
