"""/orders: reading, and the little of changing that a billing tool could do by mistake."""

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import Call, Endpoint, Reply, invalid_id
from billctl.sandbox.woocommerce.listing import paged, picked
from billctl.sandbox.woocommerce.order_shape import rendered
from billctl.sandbox.woocommerce.params import PAGING, Arg
from billctl.sandbox.woocommerce.refunding import record_rest
from billctl.sandbox.woocommerce.statuses import ORDER, set_status
from billctl.sandbox.woocommerce.times import boundary

DATES = {name: Arg("date") for name in ("after", "before", "modified_after", "modified_before")}
LIST = {
    **PAGING,
    **DATES,
    "dates_are_gmt": Arg("boolean", default=False),
    "orderby": Arg(default="date", choices=("date", "id", "include", "title", "slug", "modified")),
    "parent": Arg("ids"),
    "customer": Arg("integer"),
    "product": Arg("integer"),
    "status": Arg("list", default=["any"], choices=("any", "trash", *ORDER)),
    "dp": Arg("integer", least=0),
}
SHOW = {"dp": Arg("integer", least=0)}
HIDDEN = frozenset({"trash", "checkout-draft"})
"""Statuses that `any` leaves out (the draft's by WooCommerce's source; not observed)."""


def show(call: Call) -> Reply:
    """GET /orders/ID: a subscription is shown here as well, with its own status; a refund is not."""
    return Reply(rendered(call, found(call)))


def found(call: Call) -> Record:
    """The order, or the subscription, that the address names. Raises `WpError` 404."""
    order = call.order(call.ids["id"])
    if order is None:
        raise invalid_id("woocommerce_rest_shop_order_invalid_id")
    return order


def index(call: Call) -> Reply:
    """GET /orders, newest first."""
    orders = [order for order in chosen(call, everything(call, "order")) if searched(call, order)]
    return paged(call, orders, "orders", lambda order: rendered(call, order))


def everything(call: Call, kind: str) -> list[Record]:
    """The orders, or the subscriptions, of the customer asked for, else all of them."""
    customer = call.params.get("customer")
    return call.store.all(kind, **({} if customer is None else {"customer": str(customer)}))


def chosen(call: Call, records: list[Record]) -> list[Record]:
    """The records that the list's parameters ask for, in the order asked for."""
    orderby = call.params["orderby"]
    if orderby in ("id", "modified"):
        field = {"id": lambda one: int(one["id"]), "modified": lambda one: one["modified"]}[orderby]
        records = sorted(records, key=field, reverse=True)
    return [record for record in picked(call, records) if _passes(call, record)]


def _passes(call: Call, order: Record) -> bool:
    params = call.params
    product, parents = params.get("product"), params.get("parent")
    return (
        _status(order["status"], params["status"])
        and _in_time(call, order)
        and (not product or any(line["product"] == product for line in order["lines"]))
        and (not parents or int(order.get("parent", 0)) in parents)
    )


def _status(status: str, asked: list[str]) -> bool:
    return status not in HIDDEN if "any" in asked else status in asked


def _in_time(call: Call, order: Record) -> bool:
    """Later than `after` and earlier than `before`: what is made in that second is left out."""
    use_gmt = call.params["dates_are_gmt"]
    for name in DATES:
        if (text := call.params.get(name)) is None:
            continue
        limit = boundary(text, gmt_column=use_gmt)
        when = order["modified" if name.startswith("modified") else "created"]
        if when <= limit if name.endswith("after") else when >= limit:
            return False
    return True


def searched(call: Call, order: Record) -> bool:
    """`search` is a part of an order's texts (its whole address is one), or its id; never its number."""
    term = str(call.params.get("search") or "").casefold()
    if not term or term == order["id"]:
        return True
    texts = [order.get("transaction", ""), *(line["name"] for line in order["lines"])]
    texts.append(" ".join(order["billing"].values()))
    return any(term in text.casefold() for text in texts)


def trash(call: Call) -> Reply:
    """DELETE /orders/ID: into the trash, without a word; out of the world with `force`."""
    order = found(call)
    before = rendered(call, order)
    if call.params["force"]:
        call.store.remove(order)
    else:
        call.store.save(order | {"status": "trash", "modified": call.now})
        before["status"] = "trash"
    return Reply(before)


def update(call: Call) -> Reply:
    """PUT /orders/ID: the status. `refunded` makes a record of a full refund and moves no money."""
    order = found(call)
    status = call.params.get("status")
    if status and status != order["status"]:
        if status == "refunded":
            record_rest(call, order)
        set_status(call, order, status)
    return Reply(rendered(call, order))


ENDPOINTS = (
    Endpoint("GET", "orders", index, "list", LIST),
    Endpoint("GET", "orders/{id}", show, "view", SHOW),
    *(
        Endpoint(method, "orders/{id}", update, "edit", {"status": Arg(choices=ORDER)}, changes=True)
        for method in ("PUT", "POST", "PATCH")
    ),
    Endpoint("DELETE", "orders/{id}", trash, "delete", {"force": Arg("boolean", False)}, changes=True),
)
