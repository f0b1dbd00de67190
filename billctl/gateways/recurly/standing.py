"""What an invoice tells of refunding one of its payments. Pure functions.

It is read with the payment (`objects.get_charge`) and kept with it, so that a refund's preview asks nothing
again.
"""

from collections.abc import Sequence
from typing import Any

from billctl.frozen import fields, frozen
from billctl.gateways.recurly import traces
from billctl.gateways.recurly.values import listed, money, needed, text
from billctl.models import Charge, given_back
from billctl.money import Money

TAKEN = frozenset({"purchase", "capture"})
"""Types of transactions that take money."""


@frozen
class Payer:
    """A payment of an invoice of which there is something `left`. `by_hand`: somebody recorded it, and
    Recurly, which did not take it, gives nothing of it back."""

    id: str
    left: Money
    by_hand: bool


@frozen
class Standing:
    """How an invoice stands: its `kind` (charge, credit, legacy) and `state` in Recurly's words.

    `refundable` is what it has left, None where it does not tell. `open_credit` is the id and number of a
    credit invoice that a declined refund left behind. `has_credit`: a part was paid with account credit.
    """

    number: str
    kind: str
    state: str
    refundable: Money | None
    payers: tuple[Payer, ...]
    open_credit: tuple[str, str] | None
    has_credit: bool


@frozen
class StandingCharge(Charge):
    """A payment with how its invoice stands."""

    standing: Standing


def with_standing(charge: Charge, invoice: Any, credits: Sequence[Any]) -> StandingCharge:
    """`charge` with how its invoice stands, by the SDK's invoice and that one's credit invoices."""
    return StandingCharge(**fields(charge), standing=standing(invoice, credits, charge.account))


def standing(invoice: Any, credits: Sequence[Any], account: str) -> Standing:
    """How an invoice stands, by the SDK's invoice and its credit invoices."""
    paid = [_payer(found, credits, account) for found in _payments(invoice)]
    refundable = getattr(invoice, "refundable_amount", None)
    return Standing(
        number=needed(invoice, "number"),
        kind=needed(invoice, "type"),
        state=needed(invoice, "state"),
        refundable=None if refundable is None else money(refundable, invoice.currency),
        payers=tuple(payer for payer in paid if payer.left),
        open_credit=_open_credit(credits, account),
        has_credit=bool(listed(invoice, "credit_payments")),
    )


def _payments(invoice: Any) -> list[Any]:
    """The transactions that took money for an invoice, as the SDK's objects."""
    return [
        found
        for found in listed(invoice, "transactions")
        if text(found, "type") in TAKEN and text(found, "status") == "success"
    ]


def _payer(payment: Any, credits: Sequence[Any], account: str) -> Payer:
    amount = money(payment.amount, payment.currency)
    back = given_back(traces.refunds_among(credits, payment, account), amount.currency)
    return Payer(
        id=needed(payment, "id"),
        left=amount - back,
        by_hand=text(payment, "collection_method") == "manual",
    )


def _open_credit(credits: Sequence[Any], account: str) -> tuple[str, str] | None:
    """Of the open credit invoices one whose refund was declined, as id and number."""
    for credit in credits:
        if needed(credit, "state") == traces.OPEN and traces.is_in_vain(credit, account):
            return needed(credit, "id"), needed(credit, "number")
    return None
