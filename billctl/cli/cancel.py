"""`billctl GATEWAY cancel`: end a subscription."""

from typing import TYPE_CHECKING, Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.output import Result
from billctl.errors import UsageError

if TYPE_CHECKING:
    from billctl.verbs import Verb

PAYBACKS = ("none", "prorate", "full")


def subscription_ids(incomplete: str) -> list[str]:
    """Subscriptions that were shown lately, for completion."""
    from billctl.cli.completion import recent_ids

    return recent_ids("subscription", incomplete)


def cancel(
    context: typer.Context,
    subscription: Annotated[
        str,
        typer.Argument(
            metavar="SUBSCRIPTION", help="The subscription's id.", autocompletion=subscription_ids
        ),
    ],
    at_period_end: Annotated[
        bool, typer.Option("--at-period-end", help="When the period that is paid for ends (the default).")
    ] = False,
    now: Annotated[
        bool, typer.Option("--now", help="At once; the time left is not refunded by itself.")
    ] = False,
    refund: Annotated[
        str | None,
        typer.Option(
            "--refund",
            metavar="WHAT",
            help="With --now: none, prorate (the time that is left) or full (the last payment).",
            autocompletion=lambda incomplete: [word for word in PAYBACKS if word.startswith(incomplete)],
        ),
    ] = None,
) -> Result:
    """End a subscription, when its paid period ends or at once.

    \b
    Examples:
      billctl GATEWAY cancel SUBSCRIPTION --at-period-end --reason "moving away"
      billctl GATEWAY cancel SUBSCRIPTION --now --reason "fraud" --reason-code fraudulent
      billctl GATEWAY cancel SUBSCRIPTION --now --refund prorate --reason "closed shop" --dry-run

    Exit codes: 0 done, 5 refused (it has ended already), 6 unknown (run `billctl audit reconcile`),
    8 not confirmed or against the policy, 15 waits for approval.
    With --refund also 7: ended, but the refund failed.
    """
    from billctl.cli.act import act

    return act(context, _chosen(refund, at_period_end=at_period_end, now=now), subscription)


def _chosen(refund: str | None, *, at_period_end: bool, now: bool) -> "Verb":
    from billctl.gateway import Payback, When
    from billctl.verbs import CancelSubscription, TerminateSubscription

    if at_period_end and now:
        raise UsageError("--at-period-end and --now exclude each other", code="bad_when")
    if refund is not None and refund not in PAYBACKS:
        raise UsageError(
            f"--refund {refund[:40]!r} is none of {', '.join(PAYBACKS)}",
            code="bad_refund",
            hint="For an amount, cancel first, then refund the charge itself.",
        )
    if refund is not None and not now:
        raise UsageError(
            "--refund goes with --now", code="bad_refund", hint="What is paid for until the end stays paid."
        )
    if refund in {None, Payback.NONE}:
        return CancelSubscription(When.NOW if now else When.PERIOD_END)
    return TerminateSubscription(Payback(refund))


app = action(cancel)
