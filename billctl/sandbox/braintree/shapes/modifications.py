"""Add-ons and discounts, of a plan, a subscription or a transaction."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.braintree.amounts import shown


def modification(record: Mapping[str, Any]) -> dict[str, Any]:
    """The elements of an add-on or a discount, with the names that the SDK's tests read."""
    return {
        "amount": shown(record["amount"], record["currency"]),
        "current-billing-cycle": record.get("cycle", 0),
        "description": record.get("description"),
        "id": record["id"],
        "kind": record["kind"],
        "name": record["name"],
        "never-expires": record.get("cycles") is None,
        "number-of-billing-cycles": record.get("cycles"),
        "quantity": record.get("quantity", 1),
    }
