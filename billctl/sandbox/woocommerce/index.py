"""The site's index and that of the API's namespace: which routes are there, told to everybody."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.woocommerce.call import HOME
from billctl.sandbox.woocommerce.routes import NAMESPACE, offered, shown
from billctl.sandbox.woocommerce.site import described

NAMESPACES = ["oembed/1.0", "wc/v1", "wc/v2", NAMESPACE, "wp/v2"]


def index(below: str, settings: Mapping[str, int]) -> dict[str, Any]:
    """`/wp-json/` (`below` is empty), or `/wp-json/wc/v3`."""
    routes = _routes(settings)
    if below:
        return {"namespace": NAMESPACE, "routes": routes, "_links": {"up": [{"href": f"{HOME}/wp-json/"}]}}
    return described() | {"namespaces": NAMESPACES, "authentication": [], "routes": routes}


def _routes(settings: Mapping[str, int]) -> dict[str, Any]:
    methods: dict[str, list[str]] = {f"/{NAMESPACE}": ["GET"]}
    for endpoint in offered(settings):
        methods.setdefault(f"/{NAMESPACE}/{shown(endpoint.path)}", []).append(endpoint.method)
    return {
        path: {"namespace": NAMESPACE, "methods": names, "endpoints": []} for path, names in methods.items()
    }
