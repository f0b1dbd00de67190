"""/subscriptions, where the extension WooCommerce Subscriptions is installed (setting `woo_subscriptions`).

`transition_status` is what ends a subscription. `status` only writes the word: the next payment stays
planned, no date is set, and no payment method is asked whether it can.
"""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce import lifecycle, notes
from billctl.sandbox.woocommerce.call import Call, Endpoint, Reply, invalid_id
from billctl.sandbox.woocommerce.errors import WpError
from billctl.sandbox.woocommerce.listing import paged
from billctl.sandbox.woocommerce.order_shape import links, rendered
from billctl.sandbox.woocommerce.orders import LIST as ORDERS
from billctl.sandbox.woocommerce.orders import SHOW, chosen, everything, searched
from billctl.sandbox.woocommerce.params import Arg
from billctl.sandbox.woocommerce.statuses import SUBSCRIPTION, named
from billctl.sandbox.woocommerce.times import gmt

LIST = ORDERS | {"status": Arg("list", default=["any"], choices=("any", "trash", *SUBSCRIPTION))}
UPDATE = {"status": Arg(choices=SUBSCRIPTION), "transition_status": Arg(choices=SUBSCRIPTION)}
DATES = {
    "start": "created",
    "trial_end": "trial_end",
    "next_payment": "next",
    "last_payment": "paid",
    "cancelled": "cancelled",
    "end": "end",
}
"""A date's name in the API → in the record. `payment_retry` exists as well, and is empty here."""


def index(call: Call) -> Reply:
    """GET /subscriptions, newest first."""
    found = [one for one in chosen(call, everything(call, "subscription")) if searched(call, one)]
    return paged(call, found, "subscriptions", lambda one: document(call, one))


def show(call: Call) -> Reply:
    """GET /subscriptions/ID: an order is not shown here."""
    return Reply(document(call, _found(call)))


def update(call: Call) -> Reply:
    """PUT /subscriptions/ID; of `status` and `transition_status` together, the second is done."""
    with call.database.transaction(write=True):
        subscription = _found(call, status=400)
        wanted = call.params.get("transition_status")
        try:
            if wanted:
                lifecycle.transition(call, subscription, wanted)
            elif call.params.get("status"):
                subscription |= {"status": call.params["status"], "modified": call.now}
            failure = None
        except WpError as error:
            said = f'Unable to change subscription status to "{wanted}".'
            notes.write(call, subscription["id"], said)
            failure = error
        call.store.save(subscription)
        found = document(call, subscription)
    if failure:
        raise failure
    return Reply(found)


def orders(call: Call) -> Reply:
    """GET /subscriptions/ID/orders: what it was bought with and its renewals, on one page."""
    key = call.ids["id"]
    if call.store.get("subscription", key) is None:
        raise WpError(404, "woocommerce_rest_invalid_shop_subscription_id", "Invalid subscription ID.")
    related = [one for one in call.store.all("order", subscription=key) if one["status"] != "trash"]
    parents = [one for one in related if one.get("relation") == "parent"]
    found = [
        rendered(call, one) | {"order_type": f"{one['relation']}_order"} for one in _first(parents, related)
    ]
    return Reply(found, 200, {"X-WP-Total": str(len(found)), "X-WP-TotalPages": "1"})


def _first(first: list[Record], all_of_them: list[Record]) -> list[Record]:
    return [*first, *(one for one in all_of_them if one not in first)]


def statuses(call: Call) -> Reply:
    """GET /subscriptions/statuses, for everybody."""
    del call
    return Reply({f"wc-{status}": named(status) for status in SUBSCRIPTION})


def show_notes(call: Call) -> Reply:
    """GET /subscriptions/ID/notes: all of them."""
    key = call.ids["order_id"]
    if call.store.get("subscription", key) is None:
        raise invalid_id("woocommerce_rest_shop_subscription_invalid_id", "Invalid order ID.")
    return Reply([notes.rendered(note) for note in call.store.all("note", charge=key)])


def trash(call: Call) -> Reply:
    """DELETE /subscriptions/ID: into the trash; nothing is cancelled with the payment method."""
    subscription = _found(call)
    call.store.save(subscription | {"status": "trash", "modified": call.now})
    return Reply(document(call, subscription | {"status": "trash"}))


def document(call: Call, subscription: Record) -> dict[str, Any]:
    """A subscription's document: an order's, less what only payments have, and what only it has."""
    found = rendered(call, subscription)
    for name in ("cart_hash", "transaction_id", "refunds"):
        del found[name]
    return found | {
        "billing_period": subscription["period"],
        "billing_interval": str(subscription["interval"]),
        "trial_period": "",
        "suspension_count": 0,
        "requires_manual_renewal": subscription["manual"],
        **{f"{name}_date_gmt": gmt(subscription.get(field)) or "" for name, field in DATES.items()},
        "payment_retry_date_gmt": "",
        "resubscribed_from": "",
        "resubscribed_subscription": "",
        "removed_line_items": [],
        "_links": links(subscription, "subscriptions"),
    }


def _found(call: Call, *, status: int = 404) -> Record:
    subscription = call.store.get("subscription", call.ids["id"])
    if subscription is None:
        raise WpError(status, "woocommerce_rest_shop_subscription_invalid_id", "Invalid ID.")
    return subscription


ENDPOINTS = (
    Endpoint("GET", "subscriptions", index, "list", LIST, extension=True),
    Endpoint("GET", "subscriptions/statuses", statuses, None, extension=True),
    Endpoint("GET", "subscriptions/{id}", show, "view", SHOW, extension=True),
    *(
        Endpoint(
            method, "subscriptions/{id}", update, "edit", UPDATE, changes=True, apart=True, extension=True
        )
        for method in ("PUT", "POST", "PATCH")
    ),
    Endpoint("DELETE", "subscriptions/{id}", trash, "delete", changes=True, extension=True),
    Endpoint("GET", "subscriptions/{id}/orders", orders, "list", SHOW, extension=True),
    Endpoint("GET", "subscriptions/{order_id}/notes", show_notes, "list", extension=True),
)
