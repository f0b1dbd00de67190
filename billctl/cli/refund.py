"""`billctl GATEWAY refund`: give money back on a charge."""

from typing import Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.output import Result
from billctl.errors import UsageError


def charge_ids(incomplete: str) -> list[str]:
    """Charges that were shown lately, for completion."""
    from billctl.cli.completion import recent_ids

    return recent_ids("charge", incomplete)


def refund(
    context: typer.Context,
    charge: Annotated[
        str, typer.Argument(metavar="CHARGE", help="The charge's id.", autocompletion=charge_ids)
    ],
    amount: Annotated[
        str | None, typer.Option("--amount", metavar="AMOUNT", help="In the charge's currency, like 12.50.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="All that is still refundable.")] = False,
) -> Result:
    """Give money back on a charge, in full or in part.

    \b
    Examples:
      billctl GATEWAY refund CHARGE --amount 12.50 --reason "charged twice"
      billctl GATEWAY refund CHARGE --full --reason "order canceled" --ticket zendesk:35436
      billctl GATEWAY refund CHARGE --full --reason "order canceled" --dry-run

    Running it again finds its own operation and sends nothing; a deliberate repeat is --again 2.
    Exit codes: 0 done, 2 wrong amount, 5 refused, 6 unknown (run `billctl audit reconcile`),
    8 not confirmed or against the policy, 15 waits for approval.
    """
    from billctl.cli.act import act
    from billctl.verbs import RefundCharge

    if (amount is None) == (not full):
        raise UsageError(
            "say how much: --amount AMOUNT or --full, one of them",
            code="no_amount",
            hint="Like --amount 12.50.",
        )
    return act(context, RefundCharge(amount), charge)


app = action(refund)
