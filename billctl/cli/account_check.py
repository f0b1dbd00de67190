"""Asking accounts whom their credentials open, and how a check of several parts ends."""

from collections.abc import Callable, Sequence
from typing import Any

from billctl.cli.layout import Cell
from billctl.cli.output import internal
from billctl.errors import BillctlError, Partial, gravest
from billctl.frozen import frozen
from billctl.gateway import Identity
from billctl.session import Opened, Session

OK, WARNING, FAILED = "ok", "warning", "failed"
STATUS_STYLES = {OK: "green", WARNING: "yellow", FAILED: "red"}


def status_cell(status: str, *, width: int = 0) -> Cell:
    """A check's status word, filled up to `width`."""
    return Cell(status.ljust(width), STATUS_STYLES[status])


@frozen
class CheckedAccount:
    """One account's answer: whom its credentials open, or why that could not be learned."""

    account: str
    gateway: str
    identity: Identity | None = None
    error: BillctlError | None = None
    note: str | None = None

    @property
    def status(self) -> str:
        """`ok`, `warning` where the credentials may not do all that billctl can, or `failed`."""
        if self.error:
            return FAILED
        return WARNING if self.identity and self.identity.lacking else OK

    @property
    def mode(self) -> str | None:
        """`test` or `live` as the gateway says; None where it was not learned."""
        live = self.identity.live if self.identity else None
        return None if live is None else mode_word(live=live)

    def data(self) -> dict[str, Any]:
        """The account's row."""
        return {
            "type": "account",
            "account": self.account,
            "gateway": self.gateway,
            "status": self.status,
            "account_id": self.identity.id if self.identity else None,
            "name": self.identity.name if self.identity else None,
            "mode": self.mode,
            "note": self.error.line() if self.error else self.note,
        }


def mode_word(*, live: bool) -> str:
    """`live` or `test`."""
    return "live" if live else "test"


def check_accounts(session: Session, names: Sequence[str]) -> list[CheckedAccount]:
    """Ask these accounts' gateways whom the credentials open, all at once; in the order of `names`.

    An account whose credentials are not what the profile says has failed. Each adapter's own time
    limits bound the wait.
    """
    waiting = [(name, session.opening(name)) for name in names]
    return [_checked(session, name, wait) for name, wait in waiting]


def _checked(session: Session, name: str, wait: Callable[[], Opened]) -> CheckedAccount:
    gateway = session.gateway_of(name)
    try:
        opened = wait()
    except BillctlError as error:
        error.account = error.account or name
        return CheckedAccount(account=name, gateway=gateway, error=error)
    except Exception as error:  # noqa: BLE001  # an adapter's fault is that account's alone
        fault = internal(error)
        fault.account = name
        return CheckedAccount(account=name, gateway=gateway, error=fault)
    note = "; ".join((*opened.identity.lacking, *_advice(session, opened))) or None
    return CheckedAccount(account=name, gateway=gateway, identity=opened.identity, note=note)


def _advice(session: Session, opened: Opened) -> tuple[str, ...]:
    """What would make the profile safer; a rehearsal needs none."""
    if session.profile.sandbox:
        return ()
    if opened.identity.id is None:
        return ("the credentials may not say which account they open",)
    if opened.account.account_id is None and opened.gateway.tells_account:
        return (f'account_id = "{opened.identity.id}" in the profile would hold it to this account',)
    return ()


def ending(errors: Sequence[BillctlError], total: int, what: str) -> BillctlError | None:
    """The error that decides the exit code where `errors` of `total` parts failed: none, some or all.

    `what` names the parts, in the plural.
    """
    if not errors:
        return None
    if len(errors) == total:
        return gravest(list(errors))
    return Partial(f"{len(errors)} of {total} {what} failed; the rest is well")
