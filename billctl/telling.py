"""Telling a gateway what became of a refund that it could not tell itself, where that lets other hosts on."""

from billctl.audit.entry import Entry
from billctl.errors import BillctlError, ConfigError
from billctl.gateway import Gateway
from billctl.recorded import ended, intent_of, stamp_of, why_elsewhere
from billctl.session import Opened, Session
from billctl.store.interface import Operation
from billctl.verbs import RefundCharge


def tell(session: Session, operation: str) -> None:
    """Tell the gateway of a settled refund of the session's profile what became of it.

    Asks nobody where the gateway does not care. Raises `BillctlError` where it could not be told.
    """
    found = session.store.get_operation(operation)
    done = ended(session.store, operation)
    if found is None or done is None:
        return
    entry = intent_of(session.store, found)
    if not _cares(session, entry):
        return
    opened = session.open(str(entry.account))
    if elsewhere := why_elsewhere(entry, opened):
        raise ConfigError(elsewhere, code="wrong_account")
    let_on(opened, found, entry, done=done)


def let_on(opened: Opened, operation: Operation, entry: Entry, *, done: bool) -> None:
    """Tell an account that is open. Raises `BillctlError` where it could not be told."""
    charge = opened.gateway.get_charge(str(entry.object_id))
    opened.gateway.settled(charge, stamp=stamp_of(operation, entry), done=done)


def untold(operation: str, account: str | None, error: BillctlError) -> str:
    """That an account could not be told what became of the operation, and how that is tried again."""
    again = f"`billctl audit reconcile --operation {operation}` tries again"
    return f"{account} could not be told: {error.message}; {again}"


def _cares(session: Session, entry: Entry) -> bool:
    """Whether it is a refund at a gateway of this profile that wants to be told."""
    here = entry.fields.get("profile") == session.profile.name
    if entry.action != RefundCharge.name or not here:
        return False
    try:
        return session.kind(str(entry.account)).settled is not Gateway.settled
    except BillctlError:  # the account or its plugin is gone: there is nobody to tell
        return False
