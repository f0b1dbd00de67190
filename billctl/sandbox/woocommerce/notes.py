"""/orders/ID/notes: all of them at once, newest first, whatever page is asked for."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import API, Call, Endpoint, Reply, invalid_id
from billctl.sandbox.woocommerce.errors import WpError
from billctl.sandbox.woocommerce.mail import send
from billctl.sandbox.woocommerce.params import Arg
from billctl.sandbox.woocommerce.php import stripslashes
from billctl.sandbox.woocommerce.times import both

SYSTEM = "WooCommerce"
LIST = {"type": Arg(default="any", choices=("any", "customer", "internal"))}
CREATE = {
    "note": Arg(required=True),
    "customer_note": Arg("boolean", False),
    "added_by_user": Arg("boolean", False),
}


def index(call: Call) -> Reply:
    """GET /orders/ID/notes."""
    order = _order(call, "woocommerce_rest_shop_order_invalid_id")
    kind = call.params["type"]
    found = call.store.all("note", charge=order["id"])
    return Reply([rendered(one) for one in found if kind == "any" or one["public"] == (kind == "customer")])


def create(call: Call) -> Reply:
    """POST /orders/ID/notes: one for the customer is mailed as well."""
    order = _order(call, "woocommerce_rest_order_invalid_id")
    text, public = call.params["note"], call.params["customer_note"]
    author = call.user.user if call.params["added_by_user"] else SYSTEM
    note = write(call, order["id"], text, author=author, public=public)
    if public:
        send(call, order, "customer_note", note["text"])
    location = f"{API}/orders/{order['id']}/notes/{note['id']}"
    return Reply(rendered(note), 201, {"Location": location})


def show(call: Call) -> Reply:
    """GET /orders/ID/notes/ID."""
    return Reply(rendered(_note(call)))


def remove(call: Call) -> Reply:
    """DELETE /orders/ID/notes/ID: only with `force`."""
    note = _note(call)
    if not call.params["force"]:
        raise WpError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
    call.store.remove(note)
    return Reply(rendered(note))


def write(call: Call, order: str, text: str, *, author: str = SYSTEM, public: bool = False) -> Record:
    """A new note; WordPress keeps no backslash of it. Call inside a write transaction."""
    return call.store.add(
        {
            "id": call.store.new_id(),
            "object": "note",
            "created": call.now,
            "charge": order,
            "text": stripslashes(text),
            "author": author,
            "public": public,
        }
    )


def rendered(note: Record) -> dict[str, Any]:
    """A note's document."""
    url = f"{API}/orders/{note['charge']}/notes"
    return {
        "id": int(note["id"]),
        "author": note["author"],
        **both("date_created", note["created"]),
        "note": note["text"],
        "customer_note": note["public"],
        "_links": {
            "self": [{"href": f"{url}/{note['id']}"}],
            "collection": [{"href": url}],
            "up": [{"href": f"{API}/orders/{note['charge']}"}],
        },
    }


def _order(call: Call, code: str) -> Record:
    order = call.store.get("order", call.ids["order_id"])
    if order is None:
        raise invalid_id(code, "Invalid order ID.")
    return order


def _note(call: Call) -> Record:
    order = _order(call, "woocommerce_rest_order_invalid_id")
    note = call.store.get("note", call.ids["id"])
    if note is None or note["charge"] != order["id"]:
        raise invalid_id("woocommerce_rest_invalid_id", "Invalid resource ID.")
    return note


ENDPOINTS = (
    Endpoint("GET", "orders/{order_id}/notes", index, "list", LIST),
    Endpoint("POST", "orders/{order_id}/notes", create, "create", CREATE, changes=True),
    Endpoint("GET", "orders/{order_id}/notes/{id}", show, "view"),
    Endpoint(
        "DELETE",
        "orders/{order_id}/notes/{id}",
        remove,
        "delete",
        {"force": Arg("boolean", False)},
        changes=True,
    ),
)
