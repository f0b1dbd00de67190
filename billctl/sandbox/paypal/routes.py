"""Which endpoint a method and a path mean."""

from importlib import import_module
from urllib.parse import unquote

from billctl.sandbox.paypal.call import Endpoint
from billctl.sandbox.paypal.errors import ApiError

RESOURCES = {
    "/v1/billing/plans": "plans",
    "/v1/billing/subscriptions": "subscriptions",
    "/v1/customer/disputes": "disputes",
    "/v1/payments/capture": "legacy",
    "/v1/payments/refund": "legacy",
    "/v1/payments/sale": "legacy",
    "/v1/reporting/balances": "reporting",
    "/v1/reporting/transactions": "reporting",
    "/v2/checkout/orders": "orders",
    "/v2/invoicing/invoices": "invoices",
    "/v2/invoicing/search-invoices": "invoice_search",
    "/v2/payments/authorizations": "authorizations",
    "/v2/payments/captures": "captures",
    "/v2/payments/refunds": "captures",
}
"""First three segments of a path → the module with its endpoints, loaded when first asked."""


def route(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint for a method and path, and the ids in the path. Raises PayPal's 404."""
    steps = path.split("/")
    module = RESOURCES.get("/".join(steps[:4]))
    if module:
        endpoints: tuple[Endpoint, ...] = import_module(f"billctl.sandbox.paypal.{module}").ENDPOINTS
        for endpoint in endpoints:
            if endpoint.method == method and (ids := _match(endpoint.path.split("/"), steps)) is not None:
                return endpoint, ids
    raise ApiError(404)


def _match(pattern: list[str], steps: list[str]) -> tuple[str, ...] | None:
    if len(pattern) != len(steps):
        return None
    ids: list[str] = []
    for wanted, step in zip(pattern, steps, strict=True):
        if wanted.startswith("{") and step:
            ids.append(unquote(step))
        elif wanted != step:
            return None
    return tuple(ids)
