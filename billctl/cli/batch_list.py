"""`billctl batch list`: the plans on the shelf, and what came of them."""

import typer

from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result


def list_(context: typer.Context) -> Result:
    """List the plans that were made here, newest first, and what came of them.

    \b
    Examples:
      billctl batch list
      billctl batch list -o json --jq '.data[] | select(.state == "stopped") | .path'

    States: planned, running, stopped (apply it again: it goes on), done, done with failures.
    Exit codes: 0 also when there is none.
    """
    from billctl.cli.batch_kept import listed

    return listed(choices(context))


app = single(list_)
