"""`billctl lookup`: a customer at every account at once."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from billctl.cli.action_options import AccountNames
from billctl.cli.history import customer_view, same_email_beside
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.lookup_record import recorded
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.times import span
from billctl.cli.views import now_utc
from billctl.errors import UsageError
from billctl.gateway import By
from billctl.lookup import AccountAnswer, LookupResult, Status, exit_error
from billctl.lookup import lookup as look_up
from billctl.models import Charge, Customer, Dispute, Invoice, Record, Refund, Subscription

MAX_LIMIT = 1000
COLUMNS = (
    "type", "ref", "created", "amount.amount", "amount.currency", "status", "customer", "text", "match",
)  # fmt: skip
"""The columns of CSV and TSV; `customer` is the reference of whom the object belongs to."""


def _ways(incomplete: str) -> list[str]:
    return [way for way in ("auto", *By) if way.startswith(incomplete)]


def lookup(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="E-mail, id, name, card's last four, invoice number.")
    ],
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="HOW",
            help="auto, email, id, name, last4, invoice, charge or subscription.",
            autocompletion=_ways,
        ),
    ] = "auto",
    account: AccountNames = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="History since then: 2026-01-31 or 90d.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="Records of each kind for each customer.")
    ] = 20,
    all_or_fail: Annotated[
        bool, typer.Option("--all-or-fail", help="One account's failure fails the lookup.")
    ] = False,
) -> Result:
    """Show a customer at every gateway at once.

    \b
    Examples:
      billctl lookup layla@example.com
      billctl lookup 4242 --by last4 --since 30d
      billctl lookup ch_3Abc -o json --jq '.data.customers[].email'

    Each account answers found, none, cannot search that way, or failed. Exit codes: 0 found, 3 nobody
    has it, 7 some account failed; when all fail, the gravest failure's own.
    """
    chosen = choices(context)
    if by != "auto" and by not in list(By):
        raise UsageError(
            f"--by {by[:40]!r} is no way to search", code="bad_by", hint=f"Ways: auto, {', '.join(By)}."
        )
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"--limit takes 1 to {MAX_LIMIT}", code="bad_limit")
    shows_notes = chosen.format(terminal=sys.stdout.isatty()) == "table" and not chosen.fields
    with session_of(chosen) as session:
        begin = span(since, None, now=now_utc())[0]
        found = recorded(
            session,
            query,
            by,
            lambda: look_up(
                session,
                query,
                by=None if by == "auto" else By(by),
                accounts=account or (),
                since=begin,
                limit=limit,
            ),
        )
        mode = str(session.profile.mode)
        _remember(session.profile.name, found)
        return Result(
            data={
                "query": found.text,
                "by": str(found.by),
                "accounts": [answer.data() for answer in found.answers],
                "customers": found.customers,
            },
            records=[record for customer in found.customers for record in _records(customer)],
            columns=COLUMNS,
            view=_view(found, mode),
            warnings=[] if shows_notes or not found.customers else _warnings(found),
            error=exit_error(found, all_or_fail=all_or_fail, notes=not shows_notes),
            errors=found.errors,
            profile=session.profile.name,
            mode=mode,
        )


def _records(customer: Customer) -> Iterator[dict[str, Any]]:
    """The customer and everything of his, each a record of its own, a charge's refunds after it."""
    history = [record for charge in customer.charges for record in (charge, *charge.refunds)]
    for record in (customer, *history, *customer.subscriptions, *customer.invoices, *customer.disputes):
        fields = record.data()
        if isinstance(record, Invoice):
            fields["amount"] = fields["total"]
        text = _text(record)
        yield fields | {"customer": customer.ref, "match": str(customer.match), "text": text}


def _text(record: Record) -> str | None:
    """What a person calls this record: a name, a description, a plan, a number, a reason."""
    match record:
        case Customer():
            address = f"<{record.email}>" if record.email else ""
            return f"{record.name or ''} {address}".strip() or None
        case Charge():
            return record.description
        case Refund():
            return record.reason_code
        case Subscription():
            return record.plan
        case Invoice():
            return record.number
        case Dispute():
            return record.reason
    return None


def _warnings(found: LookupResult) -> list[str]:
    """What the answers say of how complete they are, for the forms whose data does not show it.

    That an id of one gateway is none of another's is no news where the first has found it.
    """
    return [
        note if note.startswith(f"{answer.account} ") else f"{answer.account}: {note}"
        for answer in found.answers
        if not answer.refusal
        for note in answer.notes
    ]


def _remember(profile: str, found: LookupResult) -> None:
    from billctl.cli.completion import remember

    remember(
        profile,
        [record for c in found.customers for record in (c, *c.charges, *c.subscriptions, *c.invoices)],
    )


def _view(found: LookupResult, mode: str) -> View:
    asked = len(found.answers)
    accounts = f"{asked} account{'' if asked == 1 else 's'} asked"
    shown_mode = Cell(mode.upper(), "red") if mode == "live" else Cell(mode)
    head = (
        Cell(found.text, "bold"),
        f"by {found.by}",
        accounts,
        shown_mode,
        Cell(f"{found.seconds:.1f} s", "dim"),
    )
    view: list[Line | Grid] = [Line(head)]
    now = now_utc()
    voiding = {answer.account for answer in found.answers if answer.voids}
    for customer, same_email in same_email_beside(list(found.customers)):
        voids = customer.account in voiding
        view += [Line(), *customer_view(customer, now=now, voids=voids, same_email=same_email)]
    notes = [(Cell(answer.account, "dim"), text) for answer in found.answers for text in _notes(answer)]
    return [*view, Line(), Grid((Column(), Column()), tuple(notes))] if notes else view


def _notes(answer: AccountAnswer) -> Iterator[Cell | str]:
    """What an account's part says of itself, a line each: how it ended, what is missing, what to know."""
    if answer.error:
        what = "failed" if answer.status is Status.FAILED else "incomplete"
        yield Cell(f"{what}: {answer.error.line()}", "red")
    if answer.status is Status.NONE:
        yield "none"
    unable = "not searched: " if answer.status is Status.CANNOT_SEARCH else ""
    yield from (f"{unable}{note}" for note in answer.notes)


app = single(lookup)
