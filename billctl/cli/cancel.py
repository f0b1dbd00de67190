"""`billctl GATEWAY cancel`: end a subscription."""

from typing import Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.output import Result
from billctl.errors import UsageError


def _subscription_ids(incomplete: str) -> list[str]:
    from billctl.cli.completion import recent_ids

    return recent_ids("subscription", incomplete)


def cancel(
    context: typer.Context,
    subscription: Annotated[
        str,
        typer.Argument(
            metavar="SUBSCRIPTION", help="The subscription's id.", autocompletion=_subscription_ids
        ),
    ],
    at_period_end: Annotated[
        bool, typer.Option("--at-period-end", help="When the period that is paid for ends (the default).")
    ] = False,
    now: Annotated[bool, typer.Option("--now", help="At once, with no refund of the time left.")] = False,
) -> Result:
    """End a subscription, when its paid period ends or at once.

    \b
    Examples:
      billctl GATEWAY cancel SUBSCRIPTION --at-period-end --reason "moving away"
      billctl GATEWAY cancel SUBSCRIPTION --now --reason "fraud" --reason-code fraudulent

    Exit codes: 0 done, 5 refused (it has ended already), 6 unknown (run `billctl audit reconcile`),
    8 not confirmed or against the policy, 15 waits for approval.
    """
    from billctl.cli.act import act
    from billctl.gateway import When
    from billctl.verbs import CancelSubscription

    if at_period_end and now:
        raise UsageError("--at-period-end and --now exclude each other", code="bad_when")
    return act(context, CancelSubscription(When.NOW if now else When.PERIOD_END), subscription)


app = action(cancel)
