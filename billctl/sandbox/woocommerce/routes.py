"""Which endpoint a method and a path mean, at a store of a version with or without an extension."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from billctl.sandbox.woocommerce.call import Endpoint
from billctl.sandbox.woocommerce.errors import no_route

NAMESPACE = "wc/v3"
MODULES = (
    "customers",
    "orders",
    "refunds",
    "notes",
    "mailing",
    "subscriptions",
    "site",
)
"""The modules with endpoints below `NAMESPACE`."""

HOLE = re.compile(r"\{(\w+)\}|<(\w+)>")


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """Every endpoint, in the order in which they are tried."""
    modules = (import_module(f"billctl.sandbox.woocommerce.{name}") for name in MODULES)
    return tuple(endpoint for module in modules for endpoint in module.ENDPOINTS)


def offered(settings: Mapping[str, int]) -> list[Endpoint]:
    """Those that this store has."""
    return [endpoint for endpoint in endpoints() if _has(settings, endpoint)]


def route(method: str, path: str, settings: Mapping[str, int]) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint for a path below the namespace, and the ids in it. Raises `WpError` 404."""
    for endpoint in endpoints():
        if endpoint.method == method and (found := pattern(endpoint.path).fullmatch(path)):
            if not _has(settings, endpoint):
                break
            return endpoint, found.groupdict()
    raise no_route()


@cache
def pattern(path: str) -> re.Pattern[str]:
    """What a path of the table matches."""
    return re.compile(shown(path), re.ASCII)


def shown(path: str) -> str:
    """A path as the site's index names it: the regular expression of its route."""
    return HOLE.sub(lambda hole: rf"(?P<{hole[1]}>[\d]+)" if hole[1] else rf"(?P<{hole[2]}>[\w-]+)", path)


def _has(settings: Mapping[str, int], endpoint: Endpoint) -> bool:
    return settings["woo_version"] >= endpoint.since and (
        not endpoint.extension or bool(settings["woo_subscriptions"])
    )
