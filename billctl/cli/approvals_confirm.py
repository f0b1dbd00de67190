"""The second person's own word for an approval: at the terminal, or in options where there is none."""

import sys

from billctl.approvals.decide import Desk
from billctl.approvals.model import ApprovalRequest
from billctl.cli import progress, prompts
from billctl.cli.approvals_desk import request_view
from billctl.cli.layout import render
from billctl.cli.output import terminal_width
from billctl.errors import BillctlError, PolicyDenied
from billctl.money import parse


def confirm(desk: Desk, request: ApprovalRequest, *, yes: bool, live: str | None) -> None:
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
