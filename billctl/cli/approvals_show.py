"""`billctl approvals show`: one request in full."""

import typer

from billctl.cli.approvals_options import Directory, RequestId
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result


def show(context: typer.Context, request_id: RequestId, directory: Directory = None) -> Result:
    """Show one request in full: what would be done, who asks and why, and what became of it.

    \b
    Examples:
      billctl approvals show apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C
      billctl approvals show apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C -o json

    Exit codes: 3 when there is no such request, 8 when its file cannot be trusted.
    """
    from billctl.cli.approvals_desk import answer, checked_id, desk_of, request_data, request_view

    chosen = choices(context)
    with desk_of(chosen, directory) as desk:
        request = desk.find(checked_id(request_id))
        verdict = desk.judge(request)
    row = request_data(request, verdict)
    return answer(chosen, [row], request_view(request, verdict), data=row)


app = single(show)
