"""`billctl GATEWAY customers|charges|refunds|subscriptions|invoices|disputes`: lists made for pipes."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from billctl.cli.action_options import AccountName
from billctl.cli.lazy import Command
from billctl.cli.opening import object_of, session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import span
from billctl.cli.views import COLUMNS, now_utc, records_view
from billctl.errors import Partial, Unsupported, UsageError
from billctl.frozen import frozen, replace
from billctl.gateway import Gateway, Selection
from billctl.models import (
    ChargeStatus,
    DisputeStatus,
    InvoiceStatus,
    Record,
    RefundStatus,
    SubscriptionStatus,
)
from billctl.session import Session

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
      billctl stripe {kind}{status} --older-than 3d --limit 500 -o ndjson
    """


Customer = Annotated[
    str | None, typer.Option("--customer", metavar="ID", help="Of this customer only (id or reference).")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Created then or later: 2026-01-31, 7d.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="Created before then.")]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Created longer ago than that: 3d, 12h.")
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", help="At most so many.")]


@frozen
class _Asked:
    """What the options of a list ask for, as they were typed."""

    limit: int
    customer: str | None = None
    status: str | None = None
    since: str | None = None
    until: str | None = None
    older_than: str | None = None
    account: str | None = None


def _function(kind: str) -> Callable[..., Result]:
    """The function of a list command; its parameters become the command's options."""
    statuses = STATUSES[kind]

    def complete_status(incomplete: str) -> list[str]:
        return [status for status in statuses if status.startswith(incomplete)]

    def customers(
        context: typer.Context,
        since: Since = None,
        until: Until = None,
        older_than: OlderThan = None,
        limit: Limit = 100,
        account: AccountName = None,
    ) -> Result:
        asked = _Asked(limit=limit, since=since, until=until, older_than=older_than, account=account)
        return _list(context, kind, asked)

    def command(
        context: typer.Context,
        customer: Customer = None,
        status: Annotated[
            str | None,
            typer.Option(
                "--status", metavar="WORD", help=", ".join(statuses), autocompletion=complete_status
            ),
        ] = None,
        since: Since = None,
        until: Until = None,
        older_than: OlderThan = None,
        limit: Limit = 100,
        account: AccountName = None,
    ) -> Result:
        asked = _Asked(
            limit=limit,
            customer=customer,
            status=status,
            since=since,
            until=until,
            older_than=older_than,
            account=account,
        )
        return _list(context, kind, asked)

    return command if statuses else customers


def _selection(kind: str, asked: _Asked) -> Selection:
    """What to ask a gateway: one record more than the limit, to know whether there are more.

    Its customer is as it was typed, a reference or an id. Raises `UsageError`.
    """
    if asked.status is not None and asked.status not in STATUSES[kind]:
        raise UsageError(
            f"{kind} have no status {asked.status[:40]!r}",
            code="bad_status",
            hint=f"Statuses: {', '.join(STATUSES[kind])}.",
        )
    if not 1 <= asked.limit <= MAX_LIMIT:
        raise UsageError(f"--limit takes 1 to {MAX_LIMIT}", code="bad_limit")
    since, until = span(asked.since, asked.until, now=now_utc(), older_than=asked.older_than)
    return Selection(
        customer_id=asked.customer, status=asked.status, since=since, until=until, limit=asked.limit + 1
    )


def _list(context: typer.Context, kind: str, asked: _Asked) -> Result:
    chosen = choices(context)
    selection = _selection(kind, asked)
    gateway_name = str(context.parent.info_name) if context.parent else ""
    with session_of(chosen) as session:
        name, selection = _at_account(session, gateway_name, selection, asked.account)
        opening = session.opening(name)
        try:
            records, unread = _collect(_reader(session.gateway(name), kind)(selection))
        finally:
            opening()
        more = [f"there are more than {asked.limit} {kind}; raise --limit to see them"]
        shown = records[: asked.limit]
        _remember(session.profile.name, shown)
        return Result(
            data=shown,
            records=[record.data() for record in shown],
            columns=COLUMNS[kind.removesuffix("s")],
            view=records_view(shown, now=now_utc()),
            warnings=more if len(records) > asked.limit else [],
            error=Partial(unread.message, code=unread.code, account=name) if unread else None,
            profile=session.profile.name,
            mode=str(session.profile.mode),
        )


def _at_account(
    session: Session, gateway_name: str, selection: Selection, account: str | None
) -> tuple[str, Selection]:
    """The account to ask, and the selection with a bare customer's id."""
    if selection.customer_id is None:
        return session.account_for(gateway_name, account), selection
    name, customer_id = object_of(session, gateway_name, selection.customer_id, account)
    return name, replace(selection, customer_id=customer_id)


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
