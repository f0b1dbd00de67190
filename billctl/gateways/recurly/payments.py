"""Many payments at once, each with its refunds and with what its invoice has left."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from billctl.gateways.recurly import mapping, traces, values
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.queries import invoices_by_id
from billctl.models import Charge, Refund
from billctl.parallel import gather

AT_ONCE = 8
"""Payments whose refunds are asked for at the same time."""


class Credits:
    """Credit invoices that were read with everything else: all that there are since `since`, None for all."""

    def __init__(self, invoices: Sequence[Any], *, since: datetime | None) -> None:
        self.found = [data for data in invoices if values.text(data, "type") == traces.CREDIT]
        self._since = since

    def cover(self, payment: Any) -> bool:
        """Whether all that give back of a payment are among them: they are younger than it."""
        return self._since is None or self._since < values.instant(payment.created_at)


def refunds_of_each(
    client: Client,
    payments: Sequence[Any],
    invoices: Mapping[str, Any],
    credits_read: Credits | None = None,
) -> dict[str, tuple[Refund, ...]]:
    """The refunds of payments, which stand on these `invoices`, by the payment's id, newest first.

    They are among `credits_read` where those cover a payment; else they are asked for, unless the payment
    and its invoice show that nothing was given back. Raises the errors of a read.
    """
    account = client.account.name
    found: dict[str, tuple[Refund, ...]] = {}
    with reading_answer(account, change=False):
        if credits_read is not None:
            covered = [data for data in payments if credits_read.cover(data)]
            found = {data.id: traces.refunds_among(credits_read.found, data, account) for data in covered}
        missing = [
            data
            for data in payments
            if data.id not in found
            and (stands_on := mapping.invoice_id(data))
            and is_given_back(data, invoices.get(stands_on))
        ]
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        read = gather([partial(traces.refunds_of, client, data) for data in part])
        found |= {data.id: refunds for data, refunds in zip(part, read, strict=True)}
    return found


def is_given_back(payment: Any, invoice: Any) -> bool:
    """Whether something of a payment may have been given back: it says so itself, it was voided, or less is
    left on its invoice than it paid. How soon a payment says so is not known."""
    status = values.text(payment, "status")
    if getattr(payment, "refunded", None) or status == "void":
        return True
    left = getattr(invoice, "refundable_amount", None)
    if left is None or status != "success":
        return False
    return values.money(left, invoice.currency) < values.money(payment.amount, payment.currency)


def invoices_of(client: Client, payments: Sequence[Any], at_hand: Mapping[str, Any]) -> dict[str, Any]:
    """The invoices that payments stand on, by their id; those `at_hand` are not asked for again."""
    wanted = {mapping.invoice_id(data) for data in payments} - {None}
    missing = [found for found in wanted if found not in at_hand]
    return {**at_hand, **(invoices_by_id(client, missing) if missing else {})}


def charge(
    data: Any, account: str, refunds: Mapping[str, tuple[Refund, ...]], invoices: Mapping[str, Any]
) -> Charge:
    """A payment with what was read for it."""
    return mapping.charge(
        data,
        account,
        refunds=refunds.get(values.needed(data, "id"), ()),
        invoice=invoices.get(mapping.invoice_id(data) or ""),
    )
