"""`billctl GATEWAY customers|charges|refunds|subscriptions|invoices|disputes`: lists made for pipes."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from billctl.cli.action_options import AccountName
from billctl.cli.lazy import Command
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import moment
from billctl.cli.views import COLUMNS, now_utc, records_view
from billctl.errors import Partial, Unsupported, UsageError
from billctl.gateway import Gateway, Selection
from billctl.models import (
    ChargeStatus,
    DisputeStatus,
    InvoiceStatus,
    Record,
    RefundStatus,
    SubscriptionStatus,
)

MAX_LIMIT = 100_000

STATUSES: dict[str, tuple[str, ...]] = {
    "customers": (),
    "charges": tuple(ChargeStatus),
    "refunds": tuple(RefundStatus),
    "subscriptions": tuple(SubscriptionStatus),
    "invoices": tuple(InvoiceStatus),
    "disputes": tuple(DisputeStatus),
}
"""The status words of each kind; `--status` takes one of them."""


def command(kind: str) -> Any:
    """The list command of one kind."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(kind, cls=Command, help=_help(kind))(_function(kind))
    return typer.main.get_command(app)


def _help(kind: str) -> str:
    statuses = STATUSES[kind]
    status = f" --status {statuses[-2]}" if statuses else ""
    return f"""List {kind}, newest first.

    \b
    Examples:
      billctl stripe {kind} --since 7d
      billctl stripe {kind}{status} --limit 500 -o ndjson
    """


def _function(kind: str) -> Callable[..., Result]:
    statuses = STATUSES[kind]

    def complete_status(incomplete: str) -> list[str]:
        return [status for status in statuses if status.startswith(incomplete)]

    def command(
        context: typer.Context,
        customer: Annotated[
            str | None, typer.Option("--customer", metavar="ID", help="Of this customer only.")
        ] = None,
        status: Annotated[
            str | None,
            typer.Option(
                "--status",
                metavar="WORD",
                help=", ".join(statuses) or "Has none.",
                autocompletion=complete_status,
            ),
        ] = None,
        since: Annotated[
            str | None, typer.Option("--since", metavar="DATE", help="Created then or later: 2026-01-31, 7d.")
        ] = None,
        until: Annotated[
            str | None, typer.Option("--until", metavar="DATE", help="Created before then.")
        ] = None,
        limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many.")] = 100,
        account: AccountName = None,
    ) -> Result:
        if status is not None and status not in statuses:
            raise UsageError(
                f"{kind} have no status {status[:40]!r}",
                code="bad_status",
                hint=f"Statuses: {', '.join(statuses)}." if statuses else "",
            )
        if not 1 <= limit <= MAX_LIMIT:
            raise UsageError(f"--limit takes 1 to {MAX_LIMIT}", code="bad_limit")
        now = now_utc()
        selection = Selection(
            customer_id=customer,
            status=status,
            since=moment(since, "--since", now=now),
            until=moment(until, "--until", now=now),
            limit=limit,
        )
        return _list(context, kind, selection, account)

    return command


def _list(context: typer.Context, kind: str, selection: Selection, account: str | None) -> Result:
    chosen = choices(context)
    gateway_name = str(context.parent.info_name) if context.parent else ""
    with session_of(chosen) as session:
        name = session.account_for(gateway_name, account)
        opening = session.opening(name)
        try:
            records, unread = _collect(_reader(session.gateway(name), kind)(selection))
        finally:
            opening()
        _remember(session.profile.name, records)
        return Result(
            data=records,
            records=[record.data() for record in records],
            columns=COLUMNS[kind.removesuffix("s")],
            view=records_view(records, now=now_utc()),
            error=Partial(unread.message, code=unread.code, account=name) if unread else None,
            profile=session.profile.name,
            mode=str(session.profile.mode),
        )


def _collect(records: Iterator[Record]) -> tuple[list[Record], Unsupported | None]:
    """All records, and why some could not be read: what a gateway's adapter refuses hides nothing else."""
    found: list[Record] = []
    try:
        for record in records:
            found.append(record)  # what came before an error is kept
    except Unsupported as refused:
        if not found:
            raise
        return found, refused
    return found, None


def _reader(gateway: Gateway, kind: str) -> Callable[[Selection], Iterator[Record]]:
    readers: dict[str, Callable[[Selection], Iterator[Record]]] = {
        "customers": gateway.list_customers,
        "charges": gateway.list_charges,
        "refunds": gateway.list_refunds,
        "subscriptions": gateway.list_subscriptions,
        "invoices": gateway.list_invoices,
        "disputes": gateway.list_disputes,
    }
    return readers[kind]


def _remember(profile: str, records: list[Record]) -> None:
    from billctl.cli.completion import remember

    remember(profile, records)
