"""An order as the API shows it: amounts are texts with the store's decimals, whatever its currency has."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import API, HOME, MOST_DECIMALS, Call
from billctl.sandbox.woocommerce.php import formatted, number
from billctl.sandbox.woocommerce.times import both

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "SAR": "ر.س", "KWD": "د.ك", "AED": "د.إ"}
UNPAID = frozenset({"pending", "failed", "checkout-draft"})
"""Statuses in which an order needs payment; one on hold waits for it elsewhere."""


def rendered(call: Call, order: Record) -> dict[str, Any]:
    """An order's document, or the part of a subscription's that it shares with orders."""
    dp = call.decimals
    zero = formatted("0", dp)
    return {
        "id": int(order["id"]),
        "parent_id": int(order.get("parent", 0)),
        "status": order["status"],
        "currency": order["currency"],
        "version": dotted(call.version),
        "prices_include_tax": False,
        **both("date_created", order["created"]),
        **both("date_modified", order["modified"]),
        "discount_total": zero,
        "discount_tax": zero,
        "shipping_total": zero,
        "shipping_tax": zero,
        "cart_tax": formatted(order["tax"], dp),
        "total": formatted(order["total"], dp),
        "total_tax": formatted(order["tax"], dp),
        "customer_id": int(order["customer"]),
        "order_key": f"wc_order_{order['id']}Sbx",
        "billing": order["billing"],
        "shipping": {name: value for name, value in order["billing"].items() if name != "email"},
        "payment_method": order["method"],
        "payment_method_title": order["title"],
        "transaction_id": order.get("transaction", ""),
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": order.get("via", "checkout"),
        "customer_note": order.get("note", ""),
        **both("date_completed", order.get("completed")),
        **both("date_paid", order.get("paid")),
        "cart_hash": "",
        "number": order.get("number", order["id"]),
        "meta_data": order.get("meta", []),
        "line_items": [_line(line, dp) for line in order["lines"]],
        "tax_lines": _tax(order, dp),
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [_refund(refund, dp) for refund in refunds_of(call, order)],
        "payment_url": f"{HOME}/checkout/order-pay/{order['id']}/?pay_for_order=true",
        "is_editable": order["status"] in ("pending", "on-hold"),
        "needs_payment": order["status"] in UNPAID and number(order["total"]) > 0,
        "needs_processing": False,
        "currency_symbol": SYMBOLS.get(order["currency"], order["currency"]),
        "_links": links(order, "orders"),
    }


def links(order: Record, collection: str) -> dict[str, Any]:
    """`_links`, all at the store's own address."""
    url = f"{API}/{collection}"
    found = {"self": [{"href": f"{url}/{order['id']}"}], "collection": [{"href": url}]}
    if order["customer"] != "0":
        found["customer"] = [{"href": f"{API}/customers/{order['customer']}"}]
    return found


def refunds_of(call: Call, order: Record) -> list[Record]:
    """The order's records of refunds, newest first."""
    return call.store.all("refund", charge=order["id"])


def dotted(version: int) -> str:
    """100002 → `10.0.2`."""
    return f"{version // 10_000}.{version // 100 % 100}.{version % 100}"


def _line(line: dict[str, Any], dp: int) -> dict[str, Any]:
    total, tax = formatted(line["total"], dp), formatted(line["tax"], dp)
    return {
        "id": line["id"],
        "name": line["name"],
        "product_id": line["product"],
        "variation_id": 0,
        "quantity": line["quantity"],
        "tax_class": "",
        "subtotal": total,
        "subtotal_tax": tax,
        "total": total,
        "total_tax": tax,
        "taxes": [{"id": 1, "total": line["tax"], "subtotal": line["tax"]}] if number(line["tax"]) else [],
        "meta_data": [],
        "sku": line["sku"],
        "price": _price(line),
        "image": {"id": 0, "src": ""},
        "parent_name": None,
    }


def _price(line: dict[str, Any]) -> int | float:
    """A JSON number, as PHP divides: the one amount that is no text."""
    import json

    each = formatted(number(line["total"]) // line["quantity"], MOST_DECIMALS)
    found: int | float = json.loads(each.rstrip("0").rstrip("."))
    return found


def _tax(order: Record, dp: int) -> list[dict[str, Any]]:
    if not number(order["tax"]):
        return []
    return [
        {
            "id": int(order["id"]) * 10 + 9,
            "rate_code": "SA-VAT-1",
            "rate_id": 1,
            "label": "VAT",
            "compound": False,
            "tax_total": formatted(order["tax"], dp),
            "shipping_tax_total": formatted("0", dp),
            "rate_percent": 15,
            "meta_data": [],
        }
    ]


def _refund(refund: Record, dp: int) -> dict[str, Any]:
    return {
        "id": int(refund["id"]),
        "reason": refund["reason"] or "",
        "total": f"-{formatted(refund['amount'], dp)}",
    }
