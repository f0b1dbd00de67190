"""`billctl GATEWAY show`: one object by its id."""

from typing import Annotated

import typer

from billctl.cli.action_options import AccountName
from billctl.cli.lazy import single
from billctl.cli.opening import object_of, session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.views import COLUMNS, now_utc, record_view
from billctl.errors import UsageError
from billctl.gateway import Gateway
from billctl.models import Record

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
      billctl stripe show ch_3Abc
      billctl stripe show sub_1Abc -o json --jq .data.current_period_end

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
    kind = kind or gateway.kind_of(object_id)
    if kind not in KINDS:
        known = (
            f"a {kind.replace('_', ' ')}, which has no page here"
            if kind
            else "no id whose form tells what it is"
        )
        raise UsageError(
            f"{object_id[:60]!r} is {known}", code="bad_id", hint="Say what it is: --type charge."
        )
    readers = {
        "customer": gateway.get_customer,
        "charge": gateway.get_charge,
        "refund": gateway.get_refund,
        "subscription": gateway.get_subscription,
        "invoice": gateway.get_invoice,
        "dispute": gateway.get_dispute,
    }
    return readers[kind](object_id)


def _remember(profile: str, record: Record) -> None:
    from billctl.cli.completion import remember

    remember(profile, [record])


app = single(show)
