"""Which endpoint a method and a path mean."""

from importlib import import_module

from billctl.sandbox.braintree.call import Endpoint
from billctl.sandbox.braintree.errors import Status

RESOURCES = {
    "add_ons": "catalog",
    "customers": "customers",
    "discounts": "catalog",
    "disputes": "disputes",
    "merchant_accounts": "catalog",
    "payment_methods": "methods",
    "plans": "catalog",
    "subscriptions": "subscriptions",
    "transactions": "transactions",
}
"""First segment after the merchant → the module with its endpoints, loaded when first asked."""


def route(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint for a method and a path below the merchant's, and the ids in it. Raises 404."""
    steps = path.strip("/").split("/")
    module = RESOURCES.get(steps[0])
    if module:
        endpoints: tuple[Endpoint, ...] = import_module(f"billctl.sandbox.braintree.{module}").ENDPOINTS
        for endpoint in endpoints:
            found = _match(endpoint.path.split("/"), steps) if endpoint.method == method else None
            if found is not None:
                return endpoint, found
    raise Status(404)


def _match(pattern: list[str], steps: list[str]) -> tuple[str, ...] | None:
    if len(pattern) != len(steps):
        return None
    found = []
    for wanted, step in zip(pattern, steps, strict=True):
        if wanted == "*" and step:
            found.append(step)
        elif wanted != step:
            return None
    return tuple(found)
