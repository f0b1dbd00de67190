"""Stores made of canned answers: a path of the API to a behaviour."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, urlsplit

from billctl.testing.servers import Behaviour, LoopbackServer, Request
from tests.gateways.woocommerce_wire import error, listed

API = "/wp-json/wc/v3/"
LISTS = re.compile(r"orders|customers|subscriptions|refunds|orders/\d+/refunds")
NO_ROUTE = error(404, "rest_no_route", "No route was found matching the URL and request method.")
NOBODY = error(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")


def path_of(request: Request) -> str:
    """The part of a request's path below the API."""
    return urlsplit(request.target).path.removeprefix(API)


def params_of(request: Request) -> dict[str, str]:
    """The parameters in a request's address."""
    return dict(parse_qsl(urlsplit(request.target).query))


def routes(**answers: Behaviour) -> Behaviour:
    """A store that answers so; see `store`. Names are paths with `__` for `/`."""
    return store({name.replace("__", "/"): behaviour for name, behaviour in answers.items()})


def store(answers: Mapping[str, Behaviour]) -> Behaviour:
    """A store that meets each path (a pattern) with its behaviour; of what is not named, lists are empty and
    objects are not there."""

    def behave(*args: object) -> bool:
        request: Request = args[1]  # type: ignore[assignment]
        path = path_of(request)
        found = next((one for pattern, one in answers.items() if fnmatchcase(path, pattern)), None)
        if found is None:
            found = listed() if LISTS.fullmatch(path) else NOBODY
        return found(*args)  # type: ignore[arg-type]

    return behave


def asked(server: LoopbackServer) -> list[str]:
    """The paths that were asked for."""
    return [path_of(request) for request in server.requests]
