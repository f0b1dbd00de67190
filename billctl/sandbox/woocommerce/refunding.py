"""Making a refund as WooCommerce makes it, step by step and without a lock.

What remains is read; the record is saved with its reason; the payment gateway is called; the record is marked
as paid back; then its meta data are written. Others see every state in between. An error of the gateway
deletes the record; a death of PHP leaves it as it is.
"""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import MILLISECOND, Call
from billctl.sandbox.woocommerce.errors import MISSING, bare
from billctl.sandbox.woocommerce.gateway import GatewayError, give_back
from billctl.sandbox.woocommerce.mail import send
from billctl.sandbox.woocommerce.order_shape import refunds_of
from billctl.sandbox.woocommerce.php import (
    PLACES,
    formatted,
    greater,
    is_numeric,
    number,
    unformatted,
    zero_is_greater,
)
from billctl.sandbox.woocommerce.statuses import set_status

PATTERN = r"orders/(?P<order_id>[\d]+)/refunds"
REFUSED = "woocommerce_rest_cannot_create_order_refund"
Lines = list[dict[str, Any]]


def create(call: Call) -> Record:
    """The new refund. Raises `WpError`. No transaction may be open."""
    lines = _lines_asked(call.params.get("line_items"))
    asked = _amount(call, lines)
    with call.database.transaction(write=False):
        order, rest = _allowed(call, asked)
    call.pause(call.settings["woo_window_ms"] * MILLISECOND)
    with call.database.transaction(write=True):
        refund = _record(call, order, asked or "", call.params.get("reason"), _matched(order, lines))
    if call.params["api_refund"]:
        _pay(call, order, refund)
    with call.database.transaction(write=True):
        _conclude(call, order, refund, rest - number(asked or ""))
    if call.params.get("meta_data"):
        with call.database.transaction(write=True):
            refund["meta"] = _meta(call.params["meta_data"])
            call.store.save(refund)
    return refund


def _amount(call: Call, lines: Lines) -> str | None:
    """The amount asked for: the text given, else the sum of the lines where each has one, else none."""
    given = call.params.get("amount")
    if given is not None:
        return str(given)
    totals = [str(part) for line in lines for part in (line.get("refund_total"), *_taxes(line))]
    if not totals or not all(is_numeric(total) for total in totals):
        return None
    return formatted(sum(map(number, totals)), PLACES)


def _taxes(line: dict[str, Any]) -> list[Any]:
    taxes = line.get("refund_tax")
    return (
        [tax.get("refund_total") for tax in taxes if isinstance(tax, dict)] if isinstance(taxes, list) else []
    )


def _allowed(call: Call, asked: str | None) -> tuple[Record, int]:
    """The order and what remains of it. Nothing looks at whether it was ever paid. Raises `WpError`."""
    order = call.order(call.ids["order_id"])
    if order is None:
        raise bare("woocommerce_rest_invalid_order_id", "Invalid order ID.", MISSING)
    if asked is not None and zero_is_greater(asked):
        message = "Refund amount must be greater than zero."
        raise bare("woocommerce_rest_invalid_order_refund", message, 400)
    rest = remaining(call, order)
    if asked is not None and greater(asked, rest):
        raise bare(REFUSED, "Invalid refund amount.", 500)
    return order, number(rest)


def remaining(call: Call, order: Record) -> str:
    """What is left to refund, with the store's decimals: every record counts, paid back or not."""
    back = sum(number(one["total"]) for one in refunds_of(call, order))
    return formatted(number(order["total"]) + back, call.settings["woo_decimals"])


def _record(call: Call, order: Record, amount: str, reason: str | None, lines: Lines) -> Record:
    return call.store.add(
        {
            "id": call.store.new_id(),
            "object": "refund",
            "created": call.now,
            "modified": call.now,
            "charge": order["id"],
            "status": "completed",
            "amount": unformatted(amount),
            "total": f"-{formatted(number(amount), call.settings['woo_decimals'])}",
            "reason": reason or None,
            "by": call.user.user_id,
            "done": False,
            "restock": call.params.get("api_restock", False),
            "meta": [],
            "lines": lines,
        }
    )


def _pay(call: Call, order: Record, refund: Record) -> None:
    """Have the money moved, and note that it was. An error of the gateway deletes the record."""
    try:
        give_back(call, order, refund["amount"], refund["reason"])
    except GatewayError as error:
        with call.database.transaction(write=True):
            call.store.remove(refund)
        raise bare(REFUSED, str(error), 500) from None
    refund["done"] = True
    with call.database.transaction(write=True):
        call.store.save(refund)


def _conclude(call: Call, order: Record, refund: Record, left: int) -> None:
    """Mail the customer, with the reason; what was refunded in full gets its status."""
    template = "customer_partially_refunded_order" if left > 0 else "customer_refunded_order"
    send(call, order, template, refund["reason"] or "")
    present = call.store.get("order", order["id"])
    if present is None:
        return
    if left > 0 or present["status"] == "refunded":
        call.store.save(present | {"modified": call.now})
    else:
        set_status(call, present, "refunded")


def record_rest(call: Call, order: Record) -> None:
    """A record over all that remains, for an order that was only given the status `refunded`."""
    rest = remaining(call, order)
    if number(rest):
        refund = _record(call, order, rest, "Order fully refunded.", [])
        send(call, order, "customer_refunded_order", refund["reason"])


def _lines_asked(given: Any) -> Lines:
    return [line for line in given if isinstance(line, dict)] if isinstance(given, list) else []


def _matched(order: Record, asked: Lines) -> Lines:
    """The order's lines that were named, as refunded; the others named are passed over."""
    known = {line["id"]: line for line in order["lines"]}
    return [
        known[line["id"]] | {"quantity": _count(line), "total": str(line.get("refund_total", "0"))}
        for line in asked
        if isinstance(line.get("id"), int) and line["id"] in known
    ]


def _count(line: dict[str, Any]) -> int:
    quantity = line.get("quantity")
    return quantity if isinstance(quantity, int) else 0


def _meta(given: Any) -> Lines:
    found = [one for one in given if isinstance(one, dict) and "key" in one]
    return [
        {"id": place, "key": one["key"], "value": one.get("value")}
        for place, one in enumerate(found, start=1)
    ]
