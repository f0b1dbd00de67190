"""Serves localstripe on a port of its own on 127.0.0.1, with nothing kept on disk, in today's shapes.

Run by the Python of the peer's own virtual environment: `python serve_localstripe.py`. It prints its
address on one line when it listens. localstripe's own start command listens on every interface and
keeps a pickle in the system's temporary folder.

localstripe speaks Stripe's API of some years ago. What a newer version only renamed, moved or added is
laid over its answers here, with values that follow from its own state; what it holds and how it lists,
filters and pages stays its own. It refuses to expand an invoice's `payments`, which it does not know:
that wish is left out.
"""

import json
import socket
from typing import Any

from aiohttp import web  # type: ignore[import-not-found]
from localstripe import server
from localstripe.resources import store

UNKNOWN_EXPANSION = "data.payments"


def newer_charge(charge: dict[str, Any]) -> None:
    """Two fields are required today. localstripe captures all or nothing, and has no disputes."""
    charge["amount_captured"] = charge["amount"] if charge["captured"] else 0
    charge["disputed"] = False


def newer_subscription(subscription: dict[str, Any]) -> None:
    """A plan is a price, the period belongs to the item, and the subscription has the currency."""
    for item in subscription["items"]["data"]:
        plan = item["plan"]
        recurring = {name: plan[name] for name in ("interval", "interval_count", "usage_type")}
        same = {name: plan[name] for name in ("id", "currency", "nickname", "product", "active", "livemode")}
        item["price"] = same | {"object": "price", "unit_amount": plan["amount"], "recurring": recurring}
        item["current_period_end"] = subscription["current_period_end"]
        subscription["currency"] = plan["currency"]


NEWER = {"charge": newer_charge, "subscription": newer_subscription}


def renew(value: Any) -> None:
    """Bring every charge and subscription in an answer to today's shape, however deep it stands."""
    if isinstance(value, list):
        for item in value:
            renew(item)
    elif isinstance(value, dict):
        for item in value.values():
            renew(item)
        if value.get("object") in NEWER and "deleted" not in value:
            NEWER[value["object"]](value)


@web.middleware  # type: ignore[untyped-decorator]
async def today(request: Any, handler: Any) -> Any:
    """Leave out the wish it does not know, and renew the answer."""
    wishes = request.rel_url.query.items()
    if UNKNOWN_EXPANSION in dict(wishes).values():
        known = [(name, wish) for name, wish in wishes if wish != UNKNOWN_EXPANSION]
        request = request.clone(rel_url=request.rel_url.with_query(known))
    response = await handler(request)
    if response.content_type == "application/json":
        body = json.loads(response.text)
        renew(body)
        response.text = json.dumps(body)
    return response


type(store).dump_to_disk = lambda _store: None
server.app.middlewares.append(today)
listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
web.run_app(server.app, sock=listener, access_log=None, print=lambda *_: None)
