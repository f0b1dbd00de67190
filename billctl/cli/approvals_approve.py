"""`billctl approvals approve`: let another user's request pass, once."""

from typing import Annotated

import typer

from billctl.cli.approvals_options import Directory, Reason, RequestId
from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result


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
      billctl approvals approve apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --reason "checked"
      billctl approvals approve apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --reason "checked" --yes --live acct_1Abc

    On a terminal it shows everything and asks; live money is confirmed by typing the amount. No gateway
    is asked, nothing is sent: the requester runs the command again. Exit codes: 3 no such request,
    8 your own, expired, or you are no approver, 10 decided already, 12 the folder cannot be used.
    """
    from billctl.cli.approvals_confirm import confirm
    from billctl.cli.approvals_desk import answer, checked_id, desk_of, request_data
    from billctl.reasons import check_reason

    chosen = choices(context)
    why = check_reason(reason)
    checked_id(request_id)
    with desk_of(chosen, directory) as desk:
        request = desk.decide(
            request_id,
            approved=True,
            reason=why,
            confirm=lambda found: confirm(desk, found, yes=yes, live=live),
        )
        row = request_data(request, desk.judge(request))
    text = f"Approved {request.id}: {row['requester']['login']} can run the command again, once."
    return answer(chosen, [row], [Line((text,))], data=row, success_is_silent=True)


app = single(approve)
