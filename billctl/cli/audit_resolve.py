"""`billctl audit resolve`: a person's word on what no gateway can tell."""

import os
import sys
from typing import Annotated

import typer

from billctl.audit.actor import current_actor
from billctl.audit.log import AuditLog
from billctl.cli import progress, prompts
from billctl.cli.audit_log import writing
from billctl.cli.layout import Cell, Column, Grid, Line, View, render
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result, terminal_width
from billctl.cli.views import local_time
from billctl.errors import (
    BillctlError,
    Busy,
    ConfigError,
    NotFound,
    PolicyDenied,
    Refused,
    UsageError,
)
from billctl.reasons import check_reason
from billctl.resolve import Unresolved, Verdict, unresolved
from billctl.resolve import resolve as settle
from billctl.session import utc_now
from billctl.store.interface import Store

TYPED = 6
"""Characters of the operation's id that confirm in live mode."""


def _verdicts(incomplete: str) -> list[str]:
    return [word for word in Verdict if word.startswith(incomplete)]


def resolve(
    context: typer.Context,
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="An unsettled operation's id.")],
    verdict: Annotated[
        str | None,
        typer.Option("--as", metavar="WORD", help="done or not-done.", autocompletion=_verdicts),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="How you know (required; it stays).")
    ] = None,
    ticket: Annotated[
        str | None, typer.Option("--ticket", metavar="REF", help="Ticket, like zendesk:35436.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Result:
    """Say what became of an operation that no gateway can tell of.

    \b
    Examples:
      billctl audit resolve op_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --as done --reason "he has the e-mail"
      billctl audit resolve op_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --as not-done --reason "he got none" --yes

    First `billctl audit reconcile` asks the gateway. A person's word counts only where it answered and
    cannot tell, or could not be asked for a day. No change is sent; a store that lets nobody else refund
    meanwhile is told. Both names stay in the log. After not-done, run the action again. Exit codes: 0
    settled, 3 no such operation, 5 settled before, 8 the gateway was not asked or nobody confirmed, 10 still
    being done.
    """
    chosen = choices(context)
    said = _verdict(verdict)
    reason = check_reason(reason, ticket=ticket)
    with writing() as (store, notes):
        try:
            item = unresolved(store, operation, now=utc_now())
            _confirm(item, said, reason, yes=yes)
            log = _log_of(store, item)
            seq = settle(store, log, item, verdict=said, reason=reason, ticket=ticket, now=utc_now())
        except (NotFound, Refused, PolicyDenied, Busy) as error:
            outcome = "refused" if isinstance(error, (NotFound, Refused)) else "denied"
            notes.note(
                "audit resolve",
                outcome=outcome,
                object_type="operation",
                object_id=operation,
                reason=reason,
                error=error,
            )
            raise
    return _result(item, said, seq, chosen.profile, _told(item))


def _told(item: Unresolved) -> list[str]:
    """Tell the gateway, where it keeps other hosts off the object until then; what stands against it."""
    from billctl.session import open_session
    from billctl.telling import tell, untold

    try:
        session = open_session(str(item.entry.fields.get("profile")))
    except ConfigError:  # its profile is gone: a person speaks in its place
        return []
    with session:
        try:
            tell(session, item.operation.id)
        except BillctlError as error:
            return [untold(item.operation.id, item.entry.account, error)]
    return []


def _verdict(word: str | None) -> Verdict:
    if word is None or word not in tuple(Verdict):
        told = "--as is missing" if word is None else f"--as {word[:40]!r} is no verdict"
        raise UsageError(told, code="bad_verdict", hint="Say --as done or --as not-done.")
    return Verdict(word)


def _log_of(store: Store, item: Unresolved) -> AuditLog:
    """The log as this run's operator writes it, under the operation's own profile."""
    fields = item.entry.fields
    return AuditLog(
        store,
        actor=current_actor(os.environ),
        profile=str(fields.get("profile")),
        mode=str(fields.get("mode")),
        clock=utc_now,
        source="cli",
        argv=sys.argv[1:],
    )


def _confirm(item: Unresolved, said: Verdict, reason: str, *, yes: bool) -> None:
    """Show the operation and ask. Raises `PolicyDenied` unless it is confirmed."""
    if not prompts.somebody_is_there():
        if not yes:
            raise PolicyDenied(
                "there is no terminal to ask on, and --yes is not given",
                code="not_confirmed",
                hint="Add --yes.",
            )
        return
    live = item.entry.live is not False
    if yes and not live:
        return
    progress.end()
    sys.stderr.write(render(_view(item, said, reason), colour=False, width=terminal_width(sys.stderr)))
    end = item.operation.id[-TYPED:]
    question = f"Type {end} to record it as {said}:" if live else f"Record it as {said}? [y/N]"
    answer = prompts.ask(question)
    if (answer.upper() != end) if live else (answer.lower() not in {"y", "yes"}):
        raise PolicyDenied("you said no", code="declined")


def _view(item: Unresolved, said: Verdict, reason: str) -> View:
    entry, last = item.entry, item.last
    mode = Cell("test") if entry.live is False else Cell("LIVE", "red")
    effect = {
        Verdict.DONE: "the same command will say that it is done, and send nothing",
        Verdict.NOT_DONE: "the same command will send it",
    }
    facts = (
        (str(entry.action), " ".join(str(part) for part in (entry.amount, entry.ref) if part)),
        (
            "asked for",
            f"{local_time(entry.time)} by {entry.operator or 'nobody named'}: {entry.reason or ''}",
        ),
        ("known", (last.error or {}).get("message", "nothing")),
        ("you say", f"{said}: {reason}"),
        ("from now", effect[said]),
    )
    rows = tuple((Cell(label, "dim"), text) for label, text in facts)
    return [Line((mode, item.operation.id)), Grid((Column(), Column()), rows, indent=2)]


def _result(item: Unresolved, said: Verdict, seq: int, profile: str | None, warnings: list[str]) -> Result:
    entry = item.entry
    row = {
        "type": "resolved",
        "operation": item.operation.id,
        "action": entry.action,
        "ref": entry.ref,
        "amount": entry.amount,
        "as": str(said),
        "asked_by": entry.operator,
        "outcome_seq": seq,
    }
    line = Line((Cell(f"Recorded as {said}", "bold"), item.operation.id, Cell(f"audit {seq}", "dim")))
    return Result(
        data=row,
        records=[row],
        columns=("operation", "action", "ref", "as", "outcome_seq"),
        view=[line],
        warnings=warnings,
        profile=profile,
        success_is_silent=True,
    )


app = single(resolve)
