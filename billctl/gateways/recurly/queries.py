"""The parameters of Recurly's lists, as its API description has them.

`begin_time` and `end_time` are both inclusive; to how much of a second they are compared is not said, so they
are widened to whole seconds, and whoever asked filters exactly. A list of `ids` takes no other parameter,
leaves out what it does not know, and has no order.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.values import needed

MOST = 200
"""Records on a page, and ids in one list."""


def newest_first(
    size: int = MOST, *, since: datetime | None = None, until: datetime | None = None
) -> dict[str, Any]:
    """What asks for pages of `size` records, newest first, created from `since` to `until` (aware UTC)."""
    params: dict[str, Any] = {"limit": min(max(size, 1), MOST), "order": "desc", "sort": "created_at"}
    if since is not None:
        params["begin_time"] = _second(since)
    if until is not None:
        params["end_time"] = _second(until + timedelta(seconds=1))
    return params


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def invoices_by_id(client: Client, ids: Iterable[str | None]) -> dict[str, Any]:
    """The SDK's invoices of these ids, by their id; what Recurly does not know is left out."""
    wanted = list(dict.fromkeys(found for found in ids if found))
    with reading_answer(client.account.name, change=False):
        return {needed(found, "id"): found for found in _invoices(client, wanted)}


def _invoices(client: Client, ids: list[str]) -> Iterator[Any]:
    for start in range(0, len(ids), MOST):
        part = ids[start : start + MOST]
        yield from client.every(lambda sdk, part=part: sdk.list_invoices(params={"ids": part}))  # type: ignore[misc]
