"""`billctl GATEWAY void-credit`: take a credit invoice back."""

from typing import Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.output import Result
from billctl.cli.resend import invoice_ids


def void_credit(
    context: typer.Context,
    invoice: Annotated[
        str, typer.Argument(metavar="INVOICE", help="The credit invoice's id.", autocompletion=invoice_ids)
    ],
) -> Result:
    """Take a credit invoice back before it is used. Always the whole of it; no money is moved.

    \b
    Examples:
      billctl GATEWAY void-credit INVOICE --reason "issued twice"
      billctl GATEWAY void-credit INVOICE --reason "wrong customer" --dry-run

    The customer loses the credit, and nothing brings it back. Exit codes: 0 done, 5 refused (it is used,
    void already, or no credit invoice), 6 unknown (run `billctl audit reconcile`), 8 not confirmed or
    against the policy, 15 waits for approval.
    """
    from billctl.cli.act import act
    from billctl.verbs import VoidCredit

    return act(context, VoidCredit(), invoice)


app = action(void_credit)
