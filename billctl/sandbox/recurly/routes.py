"""Which endpoint a method and a path mean."""

from importlib import import_module
from urllib.parse import unquote

from billctl.sandbox.recurly.call import Endpoint
from billctl.sandbox.recurly.errors import no_route

RESOURCES = {
    "accounts": ("accounts",),
    "credit_payments": ("credit_payments",),
    "invoices": ("invoices", "refunds"),
    "line_items": ("line_items",),
    "plans": ("plans",),
    "purchases": ("purchases",),
    "sites": ("sites",),
    "subscriptions": ("subscriptions",),
    "transactions": ("transactions",),
}
"""First segment of a path → the modules with its endpoints, loaded when first asked."""

PDF = ".pdf"


def route(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint for a method and path, and the ids in the path. Raises Recurly's 404.

    HEAD is GET where that lists: `exchange` answers it with the number of records alone.
    """
    wanted = "GET" if method == "HEAD" else method
    steps = path.split("/")
    for module in RESOURCES.get(steps[1] if len(steps) > 1 else "", ()):
        endpoints: tuple[Endpoint, ...] = import_module(f"billctl.sandbox.recurly.{module}").ENDPOINTS
        for endpoint in endpoints:
            if endpoint.method == wanted and (ids := _match(endpoint.path.split("/"), steps)) is not None:
                return endpoint, ids
    raise no_route()


def _match(pattern: list[str], steps: list[str]) -> tuple[str, ...] | None:
    if len(pattern) != len(steps):
        return None
    ids: list[str] = []
    for wanted, step in zip(pattern, steps, strict=True):
        ending = PDF if wanted.endswith(PDF) else ""
        if wanted.startswith("{") and step.removesuffix(ending) and step.endswith(ending):
            ids.append(unquote(step.removesuffix(ending)))
        elif wanted != step:
            return None
    return tuple(ids)
