"""Subscription items, for reading."""

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Endpoint, Page
from billctl.sandbox.stripe.shapes import Shapes


def index(call: Call) -> Page:
    """GET /v1/subscription_items of one subscription: all of them, for no subscription here has over 100."""
    subscription = call.find("subscription", call.params["subscription"], param="subscription", status=400)
    shapes = Shapes(call.objects)
    return Page([shapes.item(item, subscription) for item in subscription["_items"]], False)


def get(call: Call) -> Record:
    """GET /v1/subscription_items/{id}."""
    for subscription in call.objects.select("subscription", {}):
        for item in subscription["_items"]:
            if item["id"] == call.path_id:
                return Shapes(call.objects).item(item, subscription)
    raise call.missing("subscription_item", call.path_id, param="item")


ENDPOINTS = (
    Endpoint("GET", "/v1/subscription_items/{id}", get),
    Endpoint(
        "GET",
        "/v1/subscription_items",
        index,
        {**p.EXPAND, "limit": p.integer(1, 100), "subscription": p.text()}
        | p.not_modelled("starting_after ending_before"),
        "subscription",
    ),
)
