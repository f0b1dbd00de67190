"""The live state of a charge that a search named.

A row of Transaction Search may be hours old. So each charge shown is read by its id; its refunds are those
of the rows, and of its order where PayPal changed the capture after the report, or the report lacks them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from billctl.frozen import replace
from billctl.gateways.paypal import mapping, rows
from billctl.gateways.paypal.amounts import optional_instant
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.ids import kind_of
from billctl.gateways.paypal.objects import (
    all_seen,
    attempt,
    is_returned,
    read_order,
    refunds_by_id,
    refunds_in,
    retrieve,
)
from billctl.gateways.paypal.rows import AUTHORIZATIONS, Row
from billctl.models import Charge, Dispute, Refund


class Listed(NamedTuple):
    """A charge's row, and the rows of its refunds."""

    row: Row
    refunds: tuple[Row, ...]


class Live(NamedTuple):
    """A charge as it is now, as on the wire: None where PayPal has it in its report only.

    `refunds` are read where the report may lack some, and None where the report's are all; `unseen` says
    that there must be others, which nothing shows yet.
    """

    data: Json | None
    refunds: tuple[Refund, ...] | None = None
    unseen: bool = False

    @property
    def is_spent(self) -> bool:
        """Whether it is an authorization that was taken whole, and lives on in its captures."""
        return self.data is not None and self.data.get("status") == "CAPTURED"


def listed(own: Sequence[Row], everybody: Sequence[Row]) -> list[Listed]:
    """The charges among a person's rows, newest first, each with its refunds from all rows."""
    refunds: dict[str, list[Row]] = {}
    for row in everybody:
        if row.is_refund and row.reference:
            refunds.setdefault(row.reference, []).append(row)
    charges = {row.id: row for row in reversed(own) if row.is_payment}
    newest_first = reversed(charges.values())
    return [Listed(row, tuple(refunds.get(row.id, ()))) for row in newest_first]


def read(client: Client, charge: Listed, refreshed: datetime | None) -> Live:
    """The charge by its id, and its refunds where there are newer ones than the report has: from its order,
    else those that are known. Raises the errors of a read."""
    row = charge.row
    if kind_of(row.id) != "charge":
        return Live(None)
    kind = "authorization" if row.code in AUTHORIZATIONS else "charge"
    data = attempt(lambda: retrieve(client, kind, row.id))
    if data is None or kind == "authorization":
        return Live(data)
    with reading_answer(client.account.name, change=False):
        if not _newer(data, charge, refreshed):
            return Live(data)
        order = read_order(client, mapping.order_of(data))
        if order is not None:
            return Live(data, tuple(refunds_in(order, row.id, client.account.name)))
        wire = refunds_by_id(client, row.id, [refund.id for refund in charge.refunds])
        refunds = tuple(mapping.refund(found, client.account.name, charge_id=row.id) for found in wire)
        return Live(data, refunds, unseen=not all_seen(data, wire, refunds, refreshed))


def _newer(capture: Json, charge: Listed, refreshed: datetime | None) -> bool:
    """Whether PayPal gave something of the capture back that the report may lack."""
    if not is_returned(capture):
        return False
    changed = optional_instant(capture.get("update_time"))
    return not charge.refunds or changed is None or refreshed is None or changed > refreshed


def record(
    charge: Listed,
    live: Live,
    *,
    account: str,
    customer_id: str,
    disputes: Sequence[Dispute],
    invoice_id: str | None,
) -> Charge:
    """The charge with everything that is known of it. Raises what `mapping` raises."""
    row = charge.row
    refunds = _refunds(charge, live, account)
    if live.data is None:
        return rows.charge(row, account, refunds=refunds, disputes=disputes, invoice_id=invoice_id)
    if row.code in AUTHORIZATIONS:
        return mapping.authorization(live.data, account, customer_id=customer_id, description=row.subject)
    whole = mapping.charge(
        live.data,
        account,
        customer_id=customer_id,
        refunds=refunds,
        disputes=disputes,
        description=row.subject,
        invoice_id=invoice_id,
        subscription_id=row.subscription_id,
    )
    # What was given back out of sight may be all that is left: nothing is promised.
    return replace(whole, refundable=whole.refundable - whole.refundable) if live.unseen else whole


def _refunds(charge: Listed, live: Live, account: str) -> list[Refund]:
    if live.refunds is not None:
        return list(live.refunds)
    return [rows.refund(row, account) for row in charge.refunds]
