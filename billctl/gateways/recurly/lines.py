"""Lines of an invoice: showing them, what refunding them gives back, and the request for it.

Recurly prices a refund of lines itself; only its answer shows the price. So billctl prices only what leaves
no room: whole units of a line, where the line's total divides by its units without a rest and where all lines
together are worth what Recurly says is refundable. A line's `amount` is its total "after discounts and
taxes" (OpenAPI `LineItem`), of all its units.
"""

import re
from fractions import Fraction
from typing import Any

from billctl.errors import Refused, UsageError
from billctl.frozen import frozen, replace
from billctl.gateway import RefundLine, Stamp
from billctl.gateways.recurly import mapping, refunding
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.objects import retrieve
from billctl.gateways.recurly.values import listed, money, needed, text
from billctl.models import Charge, Invoice, InvoiceLine, Refund
from billctl.money import Money

PAGE = 200
QUANTITY = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))?", re.ASCII)
"""A number of units as text, with up to 9 decimals (OpenAPI `LineItem`)."""
BY_AMOUNT = "Refund an amount instead: --amount."


@frozen
class Line:
    """A line of an invoice: what all its `units` are worth, and how many of them are `left`."""

    id: str
    name: str
    total: Money
    units: int
    left: int

    def worth(self, units: int) -> Fraction:
        """What so many units are worth, in minor units."""
        return Fraction(self.total.minor * units, self.units)


@frozen
class Chosen:
    """Units of a line that are to be refunded, and what they are worth."""

    line_id: str
    units: int
    amount: Money


def get_invoice(client: Client, invoice_id: str) -> Invoice:
    """One invoice, or credit invoice, with its lines for whoever chooses among them."""
    data = retrieve(client, "invoice", invoice_id)
    items = _items(client, data)
    with reading_answer(client.account.name, change=False):
        return replace(mapping.invoice(data, client.account.name), lines=tuple(map(_shown, items)))


def _shown(item: Any) -> InvoiceLine:
    """A line; what it does not tell plainly is None. Of a credit nothing is left to refund."""
    units, back = item.quantity, getattr(item, "refunded_quantity", None) or 0
    try:
        amount = money(item.amount, item.currency)
        whole = _is_whole(item, "quantity_decimal", units) and _is_whole(
            item, "refunded_quantity_decimal", back
        )
    except (TypeError, ValueError):
        amount, whole = None, False
    credit = amount is not None and amount.minor < 0
    return InvoiceLine(
        id=needed(item, "id"),
        description=text(item, "description") or text(item, "product_code"),
        amount=amount,
        units=units if whole else None,
        left=(0 if credit else max(units - back, 0)) if whole else None,
    )


def price(client: Client, charge: Charge, lines: tuple[RefundLine, ...]) -> Money:
    """What refunding `lines` of the charge's invoice gives back.

    Raises `UsageError` for a line that is not on it, and units that are not left or cannot be priced exactly;
    `Refused` where the invoice's lines do not tell.
    """
    total = Money.zero(charge.amount.currency)
    for chosen in _chosen(client, charge, lines):
        total += chosen.amount
    return total


def refund(
    client: Client, charge: Charge, lines: tuple[RefundLine, ...], amount: Money, *, stamp: Stamp
) -> Refund:
    """Refund `lines`, which are still worth `amount`. Raises `UsageError` (`drifted`) where they are not."""
    chosen = _chosen(client, charge, lines)
    worth = Money(sum(item.amount.minor for item in chosen), amount.currency)
    if worth != amount:
        raise UsageError(f"these lines were worth {amount} and are worth {worth} now", code="drifted")
    items = [{"id": item.line_id, "quantity": item.units, "prorate": False} for item in chosen]
    return refunding.send(client, charge, {"type": "line_items", "line_items": items}, stamp=stamp)


def _chosen(client: Client, charge: Charge, lines: tuple[RefundLine, ...]) -> list[Chosen]:
    invoice = retrieve(client, "invoice", refunding.invoice_of(charge))
    items = _items(client, invoice)
    with reading_answer(client.account.name, change=False):
        number, refundable = needed(invoice, "number"), money(invoice.refundable_amount, invoice.currency)
        known = {line.id: line for line in (_line(item, number) for item in items)}
    ids = [line.id for line in lines]
    if len(set(ids)) != len(ids):
        raise UsageError("a line is named twice", code="bad_line", hint="Name it once, with all its units.")
    chosen = [_choose(known, line, number) for line in lines]
    _refuse_rests(known, refundable, number)
    return chosen


def _items(client: Client, invoice: Any) -> list[Any]:
    """The SDK's lines of an invoice, all of them."""
    if not getattr(invoice, "has_more_line_items", False):
        return listed(invoice, "line_items")
    params = {"limit": PAGE}
    return list(client.every(lambda sdk: sdk.list_invoice_line_items(invoice.id, params=params)))


def _line(item: Any, number: str) -> Line:
    line_id = needed(item, "id")
    if needed(item, "type") != "charge":
        raise _untold(number, f"line {line_id} of it is a credit")
    units = item.quantity
    if not _is_whole(item, "quantity_decimal", units) or units < 1:
        raise _untold(number, f"line {line_id} has a part of a unit")
    back = getattr(item, "refunded_quantity", None) or 0
    if not _is_whole(item, "refunded_quantity_decimal", back):
        raise _untold(number, f"of line {line_id} a part of a unit was refunded")
    return Line(
        id=line_id,
        name=text(item, "description") or text(item, "product_code") or "",
        total=money(item.amount, item.currency),
        units=units,
        left=max(units - back, 0),
    )


def _is_whole(item: Any, name: str, units: object) -> bool:
    """Whether the decimal form of a number of units, where there is one, says the same as the integer."""
    if type(units) is not int:
        raise TypeError(f"a quantity is an integer, not {type(units).__name__}")
    told = text(item, name)
    if told is None:
        return True
    number = QUANTITY.fullmatch(told)
    if number is None:
        raise ValueError(f"{told!r} is no quantity")
    return int(number[1]) == units and not (number[2] or "").strip("0")


def _refuse_rests(lines: dict[str, Line], refundable: Money, number: str) -> None:
    """An amount that was refunded is split among the lines in a way that none of them shows."""
    rest = sum((line.worth(line.left) for line in lines.values()), Fraction())
    if rest == refundable.minor:
        return
    worth = Money(int(rest), refundable.currency) if rest.denominator == 1 else "another amount"
    raise _untold(number, f"{refundable} of it is refundable, and what is left of its lines is {worth}")


def _untold(number: str, why: str) -> Refused:
    return Refused(
        f"what a refund of lines of invoice {number} gives back is not certain: {why}",
        code="lines_untold",
        hint=BY_AMOUNT,
    )


def _choose(known: dict[str, Line], wanted: RefundLine, number: str) -> Chosen:
    line = known.get(wanted.id)
    if line is None:
        listing = ", ".join(f"{line.id} ({line.name}, {line.total})" for line in known.values())
        raise UsageError(
            f"invoice {number} has no line {wanted.id[:40]!r}", code="unknown_line", hint=f"It has {listing}."
        )
    units = line.left if wanted.quantity is None else wanted.quantity
    if not 1 <= units <= line.left:
        raise UsageError(
            f"line {line.id} has {line.left} of {line.units} units left to refund, not {units}",
            code="units_not_left",
        )
    worth = line.worth(units)
    if worth.denominator != 1:
        raise UsageError(
            f"{units} of the {line.units} units of line {line.id} ({line.total}) are no whole amount: "
            "how Recurly rounds it is not known",
            code="inexact_line",
            hint=f"Refund all its units, or an amount: {BY_AMOUNT}",
        )
    return Chosen(line_id=line.id, units=units, amount=Money(worth.numerator, line.total.currency))
