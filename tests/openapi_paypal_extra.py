"""What today's PayPal has and its OpenAPI files of February 2024 do not, each with its source."""

from collections.abc import Mapping
from typing import Any

from tests.openapi_paypal_schema import Schema

WORDS: Schema = {"type": "string", "minLength": 1}
INSTANT: Schema = {"type": "string", "minLength": 20, "maxLength": 64}
SUBSCRIPTIONS: Schema = {
    "type": "object",
    "properties": {
        "subscriptions": {"type": "array", "items": {"$ref": "#/components/schemas/subscription"}},
        "links": {"type": "array", "items": {"$ref": "#/components/schemas/link_description"}},
    },
}
LIST_QUERY: Mapping[str, Schema] = {
    "plan_ids": WORDS,
    "statuses": WORDS,
    "customer_ids": WORDS,
    "filter": WORDS,
    "created_after": INSTANT,
    "created_before": INSTANT,
    "status_updated_after": INSTANT,
    "status_updated_before": INSTANT,
    "page": {"type": "integer", "minimum": 1, "maximum": 10_000_000},
    "page_size": {"type": "integer", "minimum": 1, "maximum": 20},
}


def _answer(schema: Schema) -> Mapping[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


OPERATIONS: Mapping[tuple[str, str], tuple[str, Any]] = {
    ("/v1/billing/subscriptions", "get"): (
        "billing_subscriptions_v1",
        {
            "parameters": [{"name": n, "in": "query", "schema": s} for n, s in LIST_QUERY.items()],
            "responses": {
                "200": _answer(SUBSCRIPTIONS),
                "default": _answer({"$ref": "#/components/schemas/error_default"}),
            },
        },
    ),
}
"""Path and method → the file whose schemas the operation uses, and the operation.

Source: doc/controllers/subscriptions.md of paypal/PayPal-Python-Server-SDK 2.3.0.
"""

HEADERS = {("/v2/payments/authorizations/{authorization_id}/void", "post"): {"paypal-request-id"}}
"""Path and method → headers. Source: doc/controllers/payments.md of the same."""

ERRORS: Mapping[int, frozenset[str]] = {
    400: frozenset({"RESULTSET_TOO_LARGE"}),
    429: frozenset({"RATE_LIMIT_REACHED"}),
}
"""Status → names of errors. Source: the same SDK's search error; developer.paypal.com/api/rate-limiting."""

MESSAGES = frozenset({"Data for the given start date is not available."})
"""Messages of errors. Source: recorded in paypal/PayPal-node-SDK issue 452."""
