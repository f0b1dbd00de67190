"""What the commands share that make something of an invoice and change nothing."""

from collections.abc import Callable
from typing import TypeVar

from billctl.cli.opening import object_of
from billctl.gateway import Capability, Gateway
from billctl.models import Invoice
from billctl.session import Session
from billctl.verbs.plan import need

T = TypeVar("T")


def of_invoice(
    session: Session,
    asked: tuple[str, str, str | None],
    capability: Capability,
    what: str,
    make: Callable[[Gateway, Invoice], T],
) -> tuple[Invoice, T]:
    """The invoice, and what `make` makes of it at its gateway.

    `asked` are the gateway's name, the invoice's id or reference and the account's name, if one was given.
    Raises `Unsupported` where the gateway cannot do `what`, before anything is asked.
    """
    gateway_name, invoice_id, account = asked
    name, invoice_id = object_of(session, gateway_name, invoice_id, account)
    gateway = session.gateway(name)
    need(gateway, capability, what)
    opening = session.opening(name)
    try:
        invoice = gateway.get_invoice(invoice_id)
        return invoice, make(gateway, invoice)
    finally:
        opening()
