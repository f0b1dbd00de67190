"""`billctl GATEWAY void`: release a charge that is not settled."""

from typing import Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.output import Result
from billctl.cli.refund import charge_ids


def void(
    context: typer.Context,
    charge: Annotated[
        str, typer.Argument(metavar="CHARGE", help="The charge's id.", autocompletion=charge_ids)
    ],
) -> Result:
    """Release a charge that is authorized or submitted, but not settled. Always the whole of it.

    \b
    Examples:
      billctl GATEWAY void CHARGE --reason "ordered twice"
      billctl GATEWAY void CHARGE --reason "order canceled" --dry-run

    What is settled is given back by refund. Exit codes: 0 done, 5 refused (settled or released already),
    6 unknown (run `billctl audit reconcile`), 8 not confirmed or against the policy, 15 waits for approval.
    """
    from billctl.cli.act import act
    from billctl.verbs import VoidCharge

    return act(context, VoidCharge(), charge)


app = action(void)
