"""`billctl GATEWAY reactivate`: let a subscription go on that is set to end."""

from typing import Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.cancel import subscription_ids
from billctl.cli.output import Result


def reactivate(
    context: typer.Context,
    subscription: Annotated[
        str,
        typer.Argument(
            metavar="SUBSCRIPTION", help="The subscription's id.", autocompletion=subscription_ids
        ),
    ],
) -> Result:
    """Let a subscription go on that is set to end with its period.

    \b
    Examples:
      billctl GATEWAY reactivate SUBSCRIPTION --reason "customer stays"
      billctl GATEWAY reactivate SUBSCRIPTION --reason "canceled by mistake" --dry-run

    What has ended cannot go on. Exit codes: 0 done, 5 refused (it has ended, or is not set to end),
    6 unknown (run `billctl audit reconcile`), 8 not confirmed or against the policy, 15 waits for approval.
    """
    from billctl.cli.act import act
    from billctl.verbs import ReactivateSubscription

    return act(context, ReactivateSubscription(), subscription)


app = action(reactivate)
