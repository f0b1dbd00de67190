"""The lists of customers, charges, refunds, subscriptions, invoices and disputes: made for pipes.

`billctl KIND` lists over all accounts of the profile, `billctl GATEWAY KIND` at one of the gateway's.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer

from billctl.cli.action_options import AccountName, AccountNames
from billctl.cli.lazy import Command
from billctl.cli.opening import object_of, session_of
from billctl.cli.options import choices
from billctl.cli.output import Result, talk
from billctl.cli.times import age, span
from billctl.cli.views import COLUMNS, now_utc, records_view
from billctl.errors import UsageError
from billctl.fanout import chosen_accounts
from billctl.filters import Keep, has_due_date, not_resent_since, overdue
from billctl.frozen import frozen
from billctl.gateway import Selection
from billctl.listing import Listing, exit_error, list_records
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
DEFAULT_LIMIT = 100

STATUSES: dict[str, tuple[str, ...]] = {
    "customers": (),
    "charges": tuple(ChargeStatus),
    "refunds": tuple(RefundStatus),
    "subscriptions": tuple(SubscriptionStatus),
    "invoices": tuple(InvoiceStatus),
    "disputes": tuple(DisputeStatus),
}
"""The status words of each kind; `--status` takes one of them."""

Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Created then or later: 2026-01-31, 7d.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="Created before then.")]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Created longer ago than that: 3d, 12h.")
]
Overdue = Annotated[
    str | None, typer.Option("--overdue", metavar="AGE", help="Unpaid, and due at least that long: 3d.")
]
WithDueDate = Annotated[
    bool, typer.Option("--with-due-date", help="Due by a day, not charged automatically.")
]
NotResentWithin = Annotated[
    str | None,
    typer.Option(
        "--not-resent-within", metavar="AGE", help="That the audit log has not seen resent since: 7d."
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", help=f"At most so many; default: {DEFAULT_LIMIT}.")
]
Customer = Annotated[
    str | None, typer.Option("--customer", metavar="ID", help="Of this customer only (id or reference).")
]
CustomerAnywhere = Annotated[
    str | None, typer.Option("--customer", metavar="ACCOUNT:ID", help="Of this customer only.")
]


def command(kind: str, *, across: bool) -> Any:
    """The list command of one kind, at one gateway or over all accounts."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(kind, cls=Command, help=_help(kind, across=across))(_function(kind, across=across))
    return typer.main.get_command(app)


def _help(kind: str, *, across: bool) -> str:
    statuses = STATUSES[kind]
    status = f" --status {statuses[-2]}" if statuses else ""
    begin = f"billctl {kind}" if across else f"billctl GATEWAY {kind}"
    if kind == "invoices":
        return INVOICES.format(begin=begin, of_what=" of every account" if across else "")
    if not across:
        return f"""List {kind}, newest first.

    \b
    Examples:
      {begin} --since 7d
      {begin}{status} --older-than 3d --limit 500 -o ndjson
    """
    return f"""List {kind} of every account, newest first.

    \b
    Examples:
      {begin} --since 7d
      {begin}{status} --account stripe --older-than 3d --limit 500 -o ndjson

    Exit codes: 0 all is listed, 7 some account failed and the rest is listed. An account that cannot
    list {kind} is named on standard error.
    """


INVOICES = """List invoices{of_what}, newest first.

    \b
    Examples:
      {begin} --since 7d
      {begin} --status past_due --overdue 3d --not-resent-within 7d -o ndjson
      {begin} --status open --with-due-date --older-than 1d --since 2d -o ndjson

    The second finds whom to remind once a week, the third whom to ask one day after the invoice was sent;
    both are made for `billctl batch run resend -`. What has no due date is due as soon as it is made.
    That an invoice was resent is known from this machine's audit log.

    Exit codes: 0 all is listed, 7 some account failed and the rest is listed, 9 the audit log is broken.
    """


@frozen
class _Asked:
    """What the options of a list ask for, as they were typed."""

    limit: int | None
    account: str | list[str] | None
    since: str | None
    until: str | None
    older_than: str | None
    customer: str | None = None
    status: str | None = None
    overdue: str | None = None
    with_due_date: bool = False
    not_resent_within: str | None = None


def _function(kind: str, *, across: bool) -> Callable[..., Result]:
    """The function of a list command; its parameters become the command's options."""

    def list_command(context: typer.Context, **typed: Any) -> Result:
        return _list(context, kind, _Asked(**typed), across=across)

    options = _options(kind, across=across)
    positions = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    ]
    positions += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    list_command.__annotations__ = {parameter.name: parameter.annotation for parameter in positions}
    list_command.__signature__ = inspect.Signature(positions)  # type: ignore[attr-defined]
    return list_command


def _options(kind: str, *, across: bool) -> Mapping[str, tuple[Any, Any]]:
    """The options of a kind, each with its default: customers have no status and belong to nobody, and only
    invoices are due and sent."""
    own = {"customer": (CustomerAnywhere if across else Customer, None), "status": (_status(kind), None)}
    billed = {
        "overdue": (Overdue, None),
        "with_due_date": (WithDueDate, False),
        "not_resent_within": (NotResentWithin, None),
    }
    return {
        **(own if STATUSES[kind] else {}),
        **(billed if kind == "invoices" else {}),
        "since": (Since, None),
        "until": (Until, None),
        "older_than": (OlderThan, None),
        "limit": (Limit, None),
        "account": (AccountNames if across else AccountName, None),
    }


def _status(kind: str) -> Any:
    def complete(incomplete: str) -> list[str]:
        return [status for status in STATUSES[kind] if status.startswith(incomplete)]

    return Annotated[
        str | None,
        typer.Option("--status", metavar="WORD", help=", ".join(STATUSES[kind]), autocompletion=complete),
    ]


def _list(context: typer.Context, kind: str, asked: _Asked, *, across: bool) -> Result:
    chosen = choices(context)
    _check(kind, asked)
    since, until = span(asked.since, asked.until, now=now_utc(), older_than=asked.older_than)
    narrowed = _narrowed(asked)
    gateway = None if across or not context.parent else str(context.parent.info_name)
    with session_of(chosen) as session:
        accounts, customer = _everywhere(session, asked) if gateway is None else _at(session, gateway, asked)
        selection = Selection(
            customer_id=customer,
            status=asked.status,
            since=since,
            until=until,
            limit=asked.limit or DEFAULT_LIMIT,
        )
        listing = list_records(session, kind, selection, accounts, keep=narrowed(session))
        _remember(session.profile.name, listing.records)
        if listing.more and chosen.quiet and asked.limit is None:  # nobody asked for so few
            talk(_more(listing, DEFAULT_LIMIT))
        return _result(listing, session, selection.limit)


def _narrowed(asked: _Asked) -> Callable[[Session], Keep | None]:
    """What makes the filter of what a gateway lists, None where everything is wanted. Raises `UsageError`."""
    due_for = age(asked.overdue, "--overdue")
    unsent_for = age(asked.not_resent_within, "--not-resent-within")

    def filters(session: Session) -> Iterator[Keep]:
        if due_for is not None:
            yield overdue(due_for, now=session.clock())
        if asked.with_due_date:
            yield has_due_date
        if unsent_for is not None:
            yield not_resent_since(session, session.clock() - unsent_for)

    def keep(session: Session) -> Keep | None:
        wanted = tuple(filters(session))
        return (lambda opened, record: all(each(opened, record) for each in wanted)) if wanted else None

    return keep


def _check(kind: str, asked: _Asked) -> None:
    if asked.status is not None and asked.status not in STATUSES[kind]:
        raise UsageError(
            f"{kind} have no status {asked.status[:40]!r}",
            code="bad_status",
            hint=f"Statuses: {', '.join(STATUSES[kind])}.",
        )
    if asked.limit is not None and not 1 <= asked.limit <= MAX_LIMIT:
        raise UsageError(f"--limit takes 1 to {MAX_LIMIT}", code="bad_limit")


def _at(session: Session, gateway: str, asked: _Asked) -> tuple[list[str], str | None]:
    """The one account of `gateway` to ask, and the customer's bare id."""
    account = asked.account if isinstance(asked.account, str) else None
    if asked.customer is None:
        return [session.account_for(gateway, account)], None
    name, customer_id = object_of(session, gateway, asked.customer, account)
    return [name], customer_id


def _everywhere(session: Session, asked: _Asked) -> tuple[list[str], str | None]:
    """The accounts to ask, and the customer's bare id: a customer belongs to one account."""
    names = chosen_accounts(session, asked.account or [])
    if asked.customer is None:
        return names, None
    account, colon, customer_id = asked.customer.partition(":")
    if colon and account in names:
        return [account], customer_id
    if len(names) == 1 and account not in session.profile.accounts:
        return names, asked.customer
    raise UsageError(
        f"--customer {asked.customer[:60]!r} names no account that is asked",
        code="no_such_account",
        hint=f"Write ACCOUNT:ID; accounts: {', '.join(names)}.",
    )


def _result(listing: Listing, session: Session, limit: int) -> Result:
    error = exit_error(listing)
    if error and not listing.records and len(listing.parts) == 1:
        raise error
    more = [_more(listing, limit)] if listing.more else []
    return Result(
        data=list(listing.records),
        records=[record.data() for record in listing.records],
        columns=COLUMNS[listing.kind.removesuffix("s")],
        view=records_view(listing.records, now=now_utc()),
        warnings=listing.warnings + more,
        error=error,
        errors=listing.errors if len(listing.parts) > 1 else [],
        profile=session.profile.name,
        mode=str(session.profile.mode),
    )


def _more(listing: Listing, limit: int) -> str:
    return f"there are more than {limit} {listing.kind}; raise --limit to see them"


def _remember(profile: str, records: tuple[Record, ...]) -> None:
    from billctl.cli.completion import remember

    remember(profile, list(records))
