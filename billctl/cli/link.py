"""`billctl GATEWAY link`: the address of the page on which a customer sees his invoices."""

from typing import Annotated, Any

import typer

from billctl.cli.action_options import AccountName
from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.cli.resend import invoice_ids
from billctl.gateway import Capability

ACTION = "link"
OPENS = "whoever has this link opens the customer's page: give it to nobody else"


def link(
    context: typer.Context,
    invoice: Annotated[
        str, typer.Argument(metavar="INVOICE", help="The invoice's id.", autocompletion=invoice_ids)
    ],
    account: AccountName = None,
) -> Result:
    """Print the link to the page on which the customer sees and pays his invoices.

    \b
    Examples:
      billctl GATEWAY link INVOICE
      billctl GATEWAY link INVOICE -o json --jq .data.link

    Whoever has the link opens the page. That it was asked for is recorded in the audit log, the link
    itself never. Exit codes: 0 printed, 2 this gateway has no such page, 3 no such invoice, 9 it could not
    be recorded.
    """
    from billctl.cli.invoice_reading import of_invoice

    chosen = choices(context)
    gateway = str(context.parent.info_name) if context.parent else ""
    with session_of(chosen) as session:
        found, address = of_invoice(
            session,
            (gateway, invoice, account),
            Capability.INVOICE_LINK,
            "link to a customer's invoices",
            lambda at, record: at.invoice_link(record),
        )
        session.log.note(
            ACTION, account=found.account, gateway=gateway, object_type="invoice", object_id=found.id
        )
        data: dict[str, Any] = {"ref": found.ref, "customer_id": found.customer_id, "link": address}
        return Result(
            data=data,
            records=[{"type": "link"} | data],
            columns=("link",),
            view=[Line((address,))],
            warnings=[OPENS],
            profile=session.profile.name,
            mode=str(session.profile.mode),
        )


app = single(link)
