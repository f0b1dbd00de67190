"""`billctl GATEWAY resend`: e-mail an invoice or its receipt again."""

from typing import Annotated

import typer

from billctl.cli.action_options import action
from billctl.cli.output import Result


def invoice_ids(incomplete: str) -> list[str]:
    """Invoices that were shown lately, for completion."""
    from billctl.cli.completion import recent_ids

    return recent_ids("invoice", incomplete)


def resend(
    context: typer.Context,
    invoice: Annotated[
        str, typer.Argument(metavar="INVOICE", help="The invoice's id.", autocompletion=invoice_ids)
    ],
    to: Annotated[
        str | None, typer.Option("--to", metavar="EMAIL", help="Another address, where the gateway can.")
    ] = None,
) -> Result:
    """E-mail an invoice or its receipt again.

    \b
    Examples:
      billctl GATEWAY resend INVOICE --reason "customer lost it"
      billctl GATEWAY resend INVOICE --to books@example.com --reason "accountant asks" --dry-run

    It says what the gateway will really send, and to whom; --dry-run says so without sending.
    A second e-mail of the same invoice is --again 2.
    Exit codes: 0 done, 5 refused, 6 unknown, 8 not confirmed or against the policy, 15 waits for approval.
    """
    from billctl.cli.act import act
    from billctl.verbs import ResendInvoice

    return act(context, ResendInvoice(to), invoice)


app = action(resend)
