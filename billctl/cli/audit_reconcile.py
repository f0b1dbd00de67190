"""`billctl audit reconcile`: settle unknown outcomes by asking the gateways; find what no record explains."""

from datetime import timedelta
from typing import Annotated

import typer

from billctl.cli.action_options import AccountNames
from billctl.cli.lazy import single
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import age, moment
from billctl.errors import UsageError
from billctl.session import Session


def reconcile(
    context: typer.Context,
    account: AccountNames = None,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="ID", help="Only this operation.")
    ] = None,
    follow: Annotated[
        str, typer.Option("--follow-up", metavar="AGE", help="Ask again about refunds this young; 0d: none.")
    ] = "7d",
    movements: Annotated[
        bool, typer.Option("--movements", help="Instead: what happened at the gateways without a record.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="With --movements: then or later (1d).")
    ] = None,
) -> Result:
    """Settle unknown outcomes by asking the gateways.

    \b
    Examples:
      billctl audit reconcile
      billctl audit reconcile -o json --jq '.data[] | select(.finding == "unknown")'
      billctl audit reconcile --movements --since 1d

    Nothing is ever sent again. Refunds that were pending, or succeeded within --follow-up, are asked about
    too: one may fail days later. --movements lists refunds and cancellations that no record explains.
    Exit codes: 0 nothing is open any more, 6 something is still unknown, 7 some account could not be
    asked, 14 a refund failed later, or a movement has no record.
    """
    chosen = choices(context)
    recent = age(follow, "--follow-up") or timedelta()
    _check(operation, movements=movements, since=since)
    with session_of(chosen) as session:
        if movements:
            return _find(session, account or [], since or "1d")
        return _settle(session, account or [], operation, recent)


def _check(operation: str | None, *, movements: bool, since: str | None) -> None:
    if since is not None and not movements:
        raise UsageError("--since goes with --movements: what is open is asked about whatever its age")
    if operation is not None and movements:
        raise UsageError("--operation asks about one operation, --movements about none")


def _settle(session: Session, accounts: list[str], operation: str | None, recent: timedelta) -> Result:
    from billctl.cli import reconciled
    from billctl.followup import Followup, follow_up
    from billctl.reconcile import reconcile as settle

    settled = settle(session, accounts=accounts, operation=operation)
    nothing = operation is not None or not recent
    later = Followup(changes=()) if nothing else follow_up(session, recent=recent, accounts=accounts)
    return reconciled.result(settled, later, session)


def _find(session: Session, accounts: list[str], since: str) -> Result:
    from billctl.cli import moved
    from billctl.fanout import chosen_accounts
    from billctl.movements import find_movements

    begin = moment(since, "--since", now=session.clock())
    assert begin is not None, "there is a text"
    found = find_movements(session, since=begin, accounts=chosen_accounts(session, accounts))
    return moved.result(found, session)


app = single(reconcile)
