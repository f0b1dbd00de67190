"""`billctl approvals approve`: let another user's request pass, once."""

import sys
from typing import Annotated

import typer

from billctl.approvals.decide import Desk
from billctl.approvals.model import ApprovalRequest
from billctl.cli import progress, prompts
from billctl.cli.approvals_desk import (
    Directory,
    Reason,
    RequestId,
    answer,
    checked_id,
    desk_of,
    request_data,
    request_view,
)
from billctl.cli.layout import Line, render
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result, terminal_width
from billctl.errors import BillctlError, PolicyDenied
from billctl.money import parse
from billctl.reasons import check_reason


def approve(
    context: typer.Context,
    request_id: RequestId,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; live, only without a terminal.")] = False,
    live: Annotated[
        str | None, typer.Option("--live", metavar="ACCOUNT_ID", help="The live account this is meant for.")
    ] = None,
    directory: Directory = None,
) -> Result:
    """Let another user's request pass, once.

    \b
    Examples:
      billctl approvals approve apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --reason "checked with the bank"
      billctl approvals approve apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --reason "checked" --yes --live acct_1Abc

    On a terminal it shows everything and asks; live money is confirmed by typing the amount. No gateway
    is asked, nothing is sent: the requester runs the command again. Exit codes: 3 no such request,
    8 your own, expired, or you are no approver, 10 decided already, 12 the folder cannot be used.
    """
    chosen = choices(context)
    why = check_reason(reason)
    checked_id(request_id)
    with desk_of(chosen, directory) as desk:
        request = desk.decide(
            request_id,
            approved=True,
            reason=why,
            confirm=lambda found: _confirm(desk, found, yes=yes, live=live),
        )
        row = request_data(request, desk.judge(request))
    text = f"Approved {request.id}: {row['requester']['login']} can run the command again, once."
    return answer(chosen, [row], [Line((text,))], data=row, success_is_silent=True)


def _confirm(desk: Desk, request: ApprovalRequest, *, yes: bool, live: str | None) -> None:
    """Raise `PolicyDenied` unless the person at the terminal, or the options without one, mean it."""
    account_id = request.plan["account_id"]
    if live is not None and (not request.live or live != account_id):
        raise PolicyDenied(
            f"--live names {live[:60]!r}, the request is for {account_id if request.live else 'test mode'}",
            code="wrong_live_account",
        )
    if prompts.somebody_is_there():
        if not yes or request.live:
            _ask(desk, request)
        return
    if not yes:
        raise PolicyDenied(
            "there is no terminal to ask on, and --yes is not given", code="not_confirmed", hint="Add --yes."
        )
    if request.live and live is None:
        raise PolicyDenied(
            "without a terminal, a live request needs --live ACCOUNT_ID",
            code="no_live_account",
            hint=f"`billctl approvals show {request.id}` shows the id.",
        )


def _ask(desk: Desk, request: ApprovalRequest) -> None:
    progress.end()
    view = request_view(request, desk.judge(request))
    sys.stderr.write(render(view, colour=False, width=terminal_width(sys.stderr)))
    amount = request.amount
    if not request.live:
        if prompts.ask("Approve? [y/N]").lower() not in {"y", "yes"}:
            raise PolicyDenied("you said no", code="declined")
    elif amount is None:
        object_id = request.plan["object_id"]
        if prompts.ask(f"Type {object_id} to approve:") != object_id:
            raise PolicyDenied("what was typed is not the object's id", code="not_confirmed")
    else:
        typed = prompts.ask("Type the amount to approve:")
        try:
            meant = parse(typed, amount.currency) == amount
        except BillctlError:
            meant = False
        if not meant:
            raise PolicyDenied("the amount typed is not the amount asked for", code="not_confirmed")


app = single(approve)
