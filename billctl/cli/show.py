"""`billctl GATEWAY show`: one object by its id."""

import shlex
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

import typer

from billctl.cli.action_options import AccountName
from billctl.cli.lazy import single
from billctl.cli.opening import object_of, session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.views import COLUMNS, now_utc, record_view, shown_once
from billctl.errors import BillctlError, NotFound, UsageError, gravest
from billctl.gateway import Gateway
from billctl.models import Record
from billctl.parallel import gather

KINDS = ("customer", "charge", "refund", "subscription", "invoice", "dispute")


def _ids(incomplete: str) -> list[str]:
    from billctl.cli.completion import recent_ids

    return recent_ids(None, incomplete)


def show(
    context: typer.Context,
    object_id: Annotated[
        str, typer.Argument(metavar="ID", help="Of a customer, charge, refund, …", autocompletion=_ids)
    ],
    kind: Annotated[
        str | None,
        typer.Option("--type", metavar="KIND", help=f"{', '.join(KINDS)}; where the id does not tell."),
    ] = None,
    account: AccountName = None,
) -> Result:
    """Show one object by its id.

    \b
    Examples:
      billctl GATEWAY show ID
      billctl GATEWAY show SUBSCRIPTION -o json --jq .data.current_period_end

    The object is a customer, charge, refund, subscription, invoice or dispute.
    """
    chosen = choices(context)
    if kind is not None and kind not in KINDS:
        raise UsageError(f"--type {kind[:40]!r} is none of {', '.join(KINDS)}", code="bad_type")
    gateway_name = str(context.parent.info_name) if context.parent else ""
    with session_of(chosen) as session:
        name, object_id = object_of(session, gateway_name, object_id, account)
        opening = session.opening(name)
        try:
            record = _read(session.gateway(name), object_id, kind)
        finally:
            opening()
        _remember(session.profile.name, record)
        return Result(
            data=record,
            records=[record.data()],
            columns=COLUMNS[record.TYPE],
            view=record_view(record, now=now_utc()),
            profile=session.profile.name,
            mode=str(session.profile.mode),
        )


def _read(gateway: Gateway, object_id: str, kind: str | None) -> Record:
    told = kind or gateway.kind_of(object_id)
    readers: dict[str, Callable[[str], Record]] = {
        "customer": gateway.get_customer,
        "charge": gateway.get_charge,
        "refund": gateway.get_refund,
        "subscription": gateway.get_subscription,
        "invoice": gateway.get_invoice,
        "dispute": gateway.get_dispute,
    }
    if told is None:
        return _read_any(readers, object_id)
    if told not in readers:
        article = "an" if told[0] in "aeiou" else "a"
        raise _not_shown(object_id, f"is {article} {told.replace('_', ' ')}, which has no page here")
    try:
        return readers[told](object_id)
    except NotFound as nothing:
        if kind is not None:
            raise
        # A form may be that of several kinds, of which the gateway names the likeliest.
        found, _ = _read_all(readers, object_id)
        if len(found) != 1:
            raise nothing from None
        return found[0]


def _read_any(readers: Mapping[str, Callable[[str], Record]], object_id: str) -> Record:
    """The one object of this id, where its form does not tell the kind: every kind is asked for at once.

    Raises `UsageError` where the form is no kind's or there are several, `NotFound` where there is none,
    and the gravest of other failures.
    """
    every, failed = _read_all(readers, object_id)
    found = shown_once(every)
    if len(found) == 1:
        return found[0]
    if found:
        kinds = " and ".join(record.TYPE for record in found)
        raise UsageError(
            f"{object_id} is the id of a {kinds}", code="which_type", hint=f"Choose: --type {found[0].TYPE}."
        )
    asked = [error for error in failed if not isinstance(error, UsageError)]
    if not asked:
        raise _not_shown(object_id, "is none of this gateway's ids")
    others = [error for error in asked if not isinstance(error, NotFound)]
    if others:
        raise gravest(others)
    raise NotFound(f"there is nothing of the id {object_id}", code="not_found", account=asked[0].account)


def _read_all(
    readers: Mapping[str, Callable[[str], Record]], object_id: str
) -> tuple[list[Record], list[BillctlError]]:
    """What every kind's reader finds under this id, and why the others do not."""
    answers = gather([partial(_answer, read, object_id) for read in readers.values()])
    found = [answer for answer in answers if isinstance(answer, Record)]
    return found, [answer for answer in answers if isinstance(answer, BillctlError)]


def _answer(read: Callable[[str], Record], object_id: str) -> Record | BillctlError:
    try:
        return read(object_id)
    except BillctlError as error:
        return error


def _not_shown(object_id: str, why: str) -> UsageError:
    """A payment's intent, an invoice's number or a name leads to what a lookup shows; a gateway may have
    kinds by which none can ask."""
    shown = object_id[:60]
    hint = f"Where it can be searched by, `billctl lookup {shlex.quote(shown)}` finds what belongs to it."
    return UsageError(f"{shown!r} {why}", code="bad_id", hint=hint)


def _remember(profile: str, record: Record) -> None:
    from billctl.cli.completion import remember

    remember(profile, [record])


app = single(show)
