"""The terms of Braintree's searches, and how much of what they find is read.

From Braintree's reference ("Search fields", "Search results"): results come newest first; a text field takes
255 characters; a time is compared by the minute, its lower bound inclusive, its upper one with a minute
added. Whether `is` tells upper case from lower is not documented.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billctl.errors import UsageError
from billctl.gateways.braintree import mapping
from billctl.gateways.braintree.client import Hits

LONGEST_TEXT = 255
FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything at Braintree: a search needs a term."""


def fit(text: str) -> str:
    """`text`, which a search field takes. Raises `UsageError` for one that is too long."""
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"Braintree searches for {LONGEST_TEXT} characters at most", code="bad_query")
    return text


def created(field: Any, since: datetime | None, until: datetime | None) -> Any:
    """The term for what was created from `since` to about `until`, on a search's `created_at`.

    The SDK writes a time's own clock and calls it UTC, so it gets UTC. What is up to a minute too much is
    filtered by whoever asked.
    """
    lower = (since or FIRST_DAY).astimezone(UTC).replace(second=0, microsecond=0)
    if until is None:
        return field >= lower
    return field.between(lower, until.astimezone(UTC).replace(second=0, microsecond=0))


def paid_by(sdk: Any, customer_id: str) -> Any:
    """The term for the transactions of a customer: of the vault by his id, of a guest by his e-mail."""
    if "@" in customer_id:
        return sdk.TransactionSearch.customer_email == fit(customer_id)
    return sdk.TransactionSearch.customer_id == customer_id


def newest_sales(hits: Hits, limit: int, known: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """Transactions from the newest on until `limit` of them are sales, and whether there are older ones.

    Taken from `known` (by id) where they are there without a gap, else read.
    """
    taken: list[Any] = []
    for found in hits.ids:
        if found not in known:
            return _read_sales(hits, limit)
        taken.append(known[found])
        if _sales(taken) >= limit:
            break
    return taken, len(taken) < len(hits.ids)


def _read_sales(hits: Hits, limit: int) -> tuple[list[Any], bool]:
    taken: list[Any] = []
    for data in hits.items():
        taken.append(data)
        if _sales(taken) >= limit:
            break
    return taken, len(taken) < len(hits.ids)


def _sales(transactions: list[Any]) -> int:
    return sum(mapping.is_sale(data) for data in transactions)
