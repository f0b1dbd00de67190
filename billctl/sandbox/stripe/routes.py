"""Which endpoint a method and a path mean."""

from importlib import import_module
from urllib.parse import unquote

from billctl.sandbox.stripe.call import Endpoint
from billctl.sandbox.stripe.errors import ApiError

RESOURCES = {
    "account": "balance",
    "balance": "balance",
    "charges": "charges",
    "customers": "customers",
    "disputes": "disputes",
    "events": "events",
    "invoice_payments": "invoice_payments",
    "invoiceitems": "invoiceitems",
    "invoices": "invoices",
    "payment_intents": "intents",
    "payment_methods": "methods",
    "prices": "catalog",
    "products": "catalog",
    "refunds": "refunds",
    "subscription_items": "subscription_items",
    "subscriptions": "subscriptions",
}
"""First segment after /v1 → the module with its endpoints, loaded when first asked."""


def route(method: str, path: str) -> tuple[Endpoint, str]:
    """The endpoint for a method and path, and the id in the path. Raises Stripe's 404."""
    steps = path.split("/")
    module = RESOURCES.get(steps[2]) if len(steps) > 2 and steps[1] == "v1" else None
    if module:
        endpoints: tuple[Endpoint, ...] = import_module(f"billctl.sandbox.stripe.{module}").ENDPOINTS
        for endpoint in endpoints:
            if endpoint.method == method and (found := _match(endpoint.path.split("/"), steps)) is not None:
                return endpoint, found
    raise ApiError(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://docs.stripe.com or we can help at "
        "https://support.stripe.com/.",
        kept=False,
    )


def _match(pattern: list[str], steps: list[str]) -> str | None:
    if len(pattern) != len(steps):
        return None
    found = ""
    for wanted, step in zip(pattern, steps, strict=True):
        if wanted == "{id}" and step:
            found = unquote(step)
        elif wanted != step:
            return None
    return found
