"""/customers: the site's users. Who ordered as a guest is none of them."""

from collections.abc import Callable, Mapping
from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import API, Call, Endpoint, Reply
from billctl.sandbox.woocommerce.errors import WpError
from billctl.sandbox.woocommerce.listing import paged, picked
from billctl.sandbox.woocommerce.params import PAGING, Arg
from billctl.sandbox.woocommerce.times import both

ROLES = ("all", "administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager")
LIST = {
    **PAGING,
    "order": Arg(default="asc", choices=("asc", "desc")),
    "orderby": Arg(default="name", choices=("id", "include", "name", "registered_date")),
    "email": Arg("email"),
    "role": Arg(default="customer", choices=ROLES),
}


def _name(user: Record) -> str:
    return f"{user['first_name']} {user['last_name']}".casefold()


ORDERS: Mapping[str, Callable[[Record], Any]] = {
    "id": lambda user: int(user["id"]),
    "registered_date": lambda user: user["created"],
}
"""`orderby` → what users are ordered by; else by name."""


def show(call: Call) -> Reply:
    """GET /customers/ID: a user of any role."""
    user = call.store.get("customer", call.ids["id"])
    if user is None:
        raise WpError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    return Reply(rendered(user))


def index(call: Call) -> Reply:
    """GET /customers: of role `customer` unless told otherwise; `search` looks at logins and e-mails only."""
    found = sorted(call.store.all("customer"), key=ORDERS.get(call.params["orderby"], _name), reverse=True)
    users = [user for user in picked(call, found) if _asked_for(call, user)]
    return paged(call, users, "customers", rendered)


def _asked_for(call: Call, user: Record) -> bool:
    role, email, search = (call.params.get(name) for name in ("role", "email", "search"))
    if role not in ("all", user["role"]):
        return False
    if email:
        return _matches(user["email"], email)
    return not search or any(_matches(user[name], f"*{search}*") for name in ("username", "email"))


def _matches(text: str, wanted: str) -> bool:
    """WordPress's user search: exact but for case, with `*` at either end as a wildcard."""
    found, sought = text.casefold(), wanted.strip("*").casefold()
    before, behind = wanted.startswith("*"), wanted.endswith("*")
    if before and behind:
        return sought in found
    if before:
        return found.endswith(sought)
    return found.startswith(sought) if behind else found == sought


def rendered(user: Record) -> dict[str, Any]:
    """A customer's document."""
    url = f"{API}/customers"
    return {
        "id": int(user["id"]),
        **both("date_created", user["created"]),
        **both("date_modified", user["modified"]),
        "email": user["email"],
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "role": user["role"],
        "username": user["username"],
        "billing": user["billing"],
        "shipping": {name: value for name, value in user["billing"].items() if name != "email"},
        "is_paying_customer": user["paying"],
        "avatar_url": "https://secure.gravatar.com/avatar/?s=96&d=mm&r=g",
        "meta_data": [],
        "_links": {"self": [{"href": f"{url}/{user['id']}"}], "collection": [{"href": url}]},
    }


ENDPOINTS = (
    Endpoint("GET", "customers", index, "list", LIST),
    Endpoint("GET", "customers/{id}", show, "view"),
)
