"""`billctl approvals deny`: refuse another user's request."""

from typing import TYPE_CHECKING

import typer

from billctl.cli.approvals_options import Directory, Reason, RequestId
from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result

if TYPE_CHECKING:
    from billctl.approvals.model import ApprovalRequest


def deny(
    context: typer.Context, request_id: RequestId, reason: Reason = None, directory: Directory = None
) -> Result:
    """Refuse another user's request.

    \b
    Examples:
      billctl approvals deny apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --reason "wrong sum"

    The requester is told who said no and why. Exit codes: 3 no such request, 8 your own, expired, or you
    are no approver, 10 decided already, 12 the folder cannot be used.
    """
    from billctl.cli.approvals_desk import answer, checked_id, desk_of, request_data
    from billctl.reasons import check_reason

    chosen = choices(context)
    why = check_reason(reason)
    checked_id(request_id)
    with desk_of(chosen, directory) as desk:
        request = desk.decide(request_id, approved=False, reason=why, confirm=_nothing_to_confirm)
        row = request_data(request, desk.judge(request))
    text = f"Denied {request.id} of {row['requester']['login']}."
    return answer(chosen, [row], [Line((text,))], data=row, success_is_silent=True)


def _nothing_to_confirm(request: "ApprovalRequest") -> None:
    """A denial moves nothing."""
    del request


app = single(deny)
