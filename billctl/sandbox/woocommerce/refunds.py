"""Records of refunds: /orders/ID/refunds and /refunds. What was really paid back, only the gateway knows."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import API, Call, Endpoint, Reply, invalid_id
from billctl.sandbox.woocommerce.errors import MISSING, bare
from billctl.sandbox.woocommerce.listing import paged
from billctl.sandbox.woocommerce.orders import LIST as ORDERS
from billctl.sandbox.woocommerce.orders import chosen
from billctl.sandbox.woocommerce.params import Arg
from billctl.sandbox.woocommerce.php import formatted, number
from billctl.sandbox.woocommerce.refunding import PATTERN, create
from billctl.sandbox.woocommerce.times import both

LIST = {name: arg for name, arg in ORDERS.items() if name not in ("customer", "product")}
SHOW = {"dp": Arg("integer", least=0)}
CREATE = {
    "amount": Arg(),
    "reason": Arg(),
    "api_refund": Arg("boolean", True),
    "api_restock": Arg("boolean", True),
    "meta_data": Arg("array"),
    "line_items": Arg("array"),
    **SHOW,
}


def index(call: Call) -> Reply:
    """GET /orders/ID/refunds: ten a page; of an order that does not exist, none."""
    order = call.ids["order_id"]
    records = chosen(call, _searched(call, call.store.all("refund", charge=order)))
    return paged(call, records, f"orders/{order}/refunds", lambda one: rendered(call, one))


def everywhere(call: Call) -> Reply:
    """GET /refunds: of all orders."""
    records = chosen(call, _searched(call, call.store.all("refund")))
    return paged(call, records, "refunds", lambda one: rendered(call, one, parent=True))


def _searched(call: Call, records: list[Record]) -> list[Record]:
    """`search` finds an id, never a reason. Records have no status or customer that a list could ask for."""
    term = call.params.get("search")
    return [record for record in records if not term or record["id"] == term]


def show(call: Call) -> Reply:
    """GET /orders/ID/refunds/ID."""
    return Reply(rendered(call, _found(call)))


def remove(call: Call) -> Reply:
    """DELETE /orders/ID/refunds/ID: the record goes, the money stays, the order keeps its status."""
    refund = _found(call)
    call.store.remove(refund)
    return Reply(rendered(call, refund))


def _found(call: Call) -> Record:
    key, order = call.ids["id"], call.ids["order_id"]
    refund = call.store.get("refund", key)
    if refund is None and call.order(key) is None:
        raise invalid_id("woocommerce_rest_shop_order_refund_invalid_id")
    if call.order(order) is None:
        raise bare("woocommerce_rest_invalid_order_id", "Invalid order ID.", MISSING)
    if refund is None or refund["charge"] != order:
        raise bare("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", MISSING)
    return refund


def make(call: Call) -> Reply:
    """POST /orders/ID/refunds. The address of the new record has the route's pattern where the id belongs."""
    refund = create(call)
    with call.database.transaction(write=False):
        document = rendered(call, refund)
    return Reply(document, 201, {"Location": f"{API}/{PATTERN}/{refund['id']}"})


def rendered(call: Call, refund: Record, *, parent: bool = False) -> dict[str, Any]:
    """A refund's document; `parent` with the id of its order."""
    dp = call.decimals
    url = f"{API}/orders/{refund['charge']}"
    return {
        "id": int(refund["id"]),
        **({"parent_id": int(refund["charge"])} if parent else {}),
        **both("date_created", refund["created"]),
        "amount": formatted(refund["amount"], dp),
        "reason": refund["reason"] or "",
        "refunded_by": refund["by"],
        "refunded_payment": refund["done"],
        "meta_data": refund["meta"],
        "line_items": [_line(line, dp) for line in refund["lines"]],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
        "_links": {
            "self": [{"href": f"{url}/refunds/{refund['id']}"}],
            "collection": [{"href": f"{url}/refunds"}],
            "up": [{"href": url}],
        },
    }


def _line(line: dict[str, Any], dp: int) -> dict[str, Any]:
    total = formatted(-number(line["total"]), dp)
    return {
        "id": line["id"] + 1,
        "name": line["name"],
        "product_id": line["product"],
        "variation_id": 0,
        "quantity": -line["quantity"],
        "tax_class": "",
        "subtotal": total,
        "subtotal_tax": formatted("0", dp),
        "total": total,
        "total_tax": formatted("0", dp),
        "taxes": [],
        "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(line["id"])}],
        "sku": line["sku"],
    }


ENDPOINTS = (
    Endpoint("GET", "orders/{order_id}/refunds", index, "list", LIST),
    Endpoint("POST", "orders/{order_id}/refunds", make, "create", CREATE, changes=True, apart=True),
    Endpoint("GET", "orders/{order_id}/refunds/{id}", show, "view", SHOW),
    Endpoint("DELETE", "orders/{order_id}/refunds/{id}", remove, "delete", SHOW, changes=True),
    Endpoint("GET", "refunds", everywhere, "list", LIST, since=90_000),
)
