"""`billctl GATEWAY sync`: a copy of an account's history on this machine, where its gateway cannot search."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from billctl.cli.action_options import AccountName
from billctl.cli.layout import Cell, Line, View
from billctl.cli.lazy import single
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import moment
from billctl.cli.views import local_date, local_time, now_utc
from billctl.errors import UsageError
from billctl.gateway import Capability, Gateway, LocalCopy
from billctl.session import Session
from billctl.verbs.plan import need

FIRST_COPY = timedelta(days=365)
"""How far back a first copy reaches where nothing is said."""

COLUMNS = ("account", "state", "since", "until", "records")
AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def sync(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="How far back: 2025-01-31, 90d (else what there is, 365d)."
        ),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Delete the copy from this machine.")] = False,
    account: AccountName = None,
) -> Result:
    """Copy an account's history to this machine, so that a lookup need not ask for all of it.

    \b
    Examples:
      billctl paypal sync
      billctl paypal sync --since 2024-01-01
      billctl paypal sync --forget

    Only what the copy lacks is fetched, and what was fetched is kept when the rest fails. The copy holds
    customers' data: it is readable by this user only. Whoever uses it says how old it is.
    """
    if forget and since is not None:
        raise UsageError("--forget and --since exclude each other", code="bad_sync")
    chosen = choices(context)
    from_then = moment(since, "--since", now=now_utc())
    gateway_name = str(context.parent.info_name) if context.parent else ""
    with session_of(chosen) as session:
        name = session.account_for(gateway_name, account)
        gateway = session.gateway(name)
        need(gateway, Capability.SYNC, "keep a copy of its history")
        if forget:
            return _result(session, name, "deleted", gateway.forget_copy())
        session.prepare()
        session.open(name)  # nothing is copied with credentials of another account or mode
        return _result(session, name, "kept", gateway.sync(from_then or _beginning(gateway)))


def _beginning(gateway: Gateway) -> datetime:
    """Where the copy begins that is there, else where a first one does."""
    copy = gateway.local_copy()
    return copy.since if copy else now_utc() - FIRST_COPY


def _result(session: Session, account: str, state: str, copy: LocalCopy | None) -> Result:
    data: dict[str, Any] = {
        "account": account,
        "gateway": session.gateway_of(account),
        "state": state if copy else "none",
        "since": copy.since if copy else None,
        "until": copy.until if copy else None,
        "records": copy.records if copy else 0,
    }
    return Result(
        data=data,
        records=[{"type": "copy"} | data],
        columns=COLUMNS,
        view=_view(account, state, copy),
        profile=session.profile.name,
        mode=str(session.profile.mode),
    )


def _view(account: str, state: str, copy: LocalCopy | None) -> View:
    if copy is None:
        return [Line((Cell(account, "bold"), "there is no copy"))]
    held = f"{copy.records:,} payment{'' if copy.records == 1 else 's'} since {local_date(copy.since)}"
    if state == "deleted":
        return [Line((Cell(account, "bold"), f"copy deleted: {held}"))]
    old = age((now_utc() - copy.until).total_seconds())
    return [
        Line((Cell(account, "bold"), f"copy of {held}")),
        Line((f"complete to {local_time(copy.until)}, {old} ago",), indent=2),
    ]


def age(seconds: float) -> str:
    """`3 hours`, `1 day`: the largest unit there is one of; less than a minute is `less than a minute`."""
    for unit, word in AGES:
        count = int(seconds // unit)
        if count:
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"


app = single(sync)
