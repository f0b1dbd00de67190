"""`billctl GATEWAY refund`: give money back on a charge."""

from typing import TYPE_CHECKING, Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.output import Result
from billctl.errors import UsageError

if TYPE_CHECKING:
    from billctl.verbs import Verb


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
    percent: Annotated[
        str | None, typer.Option("--percent", metavar="P", help="Of all that was paid, like 25 or 12.5.")
    ] = None,
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="ID[:QTY]",
            help="A line of its invoice, or so many units of it (repeatable); show INVOICE lists them.",
        ),
    ] = None,
) -> Result:
    """Give money back on a charge, in full or in part.

    \b
    Examples:
      billctl GATEWAY refund CHARGE --amount 12.50 --reason "charged twice"
      billctl GATEWAY refund CHARGE --full --reason "order canceled" --ticket zendesk:35436
      billctl GATEWAY refund CHARGE --full --reason "order canceled" --dry-run
      billctl GATEWAY refund CHARGE --percent 25 --reason "arrived late"
      billctl GATEWAY refund CHARGE --line LINE:2 --reason "two of five broken"

    Running it again finds its own operation and sends nothing; a deliberate repeat is --again 2.
    Exit codes: 0 done, 2 wrong amount, 5 refused, 6 unknown (run `billctl audit reconcile`),
    8 not confirmed or against the policy, 15 waits for approval.
    """
    from billctl.cli.act import act

    if [amount is not None, full, percent is not None, bool(line)].count(True) != 1:
        raise UsageError(f"say how much: {_ways(context)}", code="no_amount", hint="Like --amount 12.50.")
    return act(context, _chosen(amount, percent, line or []), charge)


def _ways(context: typer.Context) -> str:
    """The options that say how much, those that this gateway's help names."""
    has_lines = any(
        "--line" in option.opts and not getattr(option, "hidden", False) for option in context.command.params
    )
    last = "--percent P or --line ID" if has_lines else "or --percent P"
    return f"--amount AMOUNT, --full{',' if has_lines else ''} {last}, one of them"


def _chosen(amount: str | None, percent: str | None, lines: list[str]) -> "Verb":
    from billctl.verbs import RefundCharge, RefundLines, RefundPercent
    from billctl.verbs.refund_lines import lines_of

    if percent is not None:
        return RefundPercent(percent)
    return RefundLines(lines_of(lines)) if lines else RefundCharge(amount)


app = action(refund)
