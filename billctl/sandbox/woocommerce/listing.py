"""A page of a list, and what its head says: the totals, and links that name the store's own address."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce.call import API, Call, Reply


def paged(call: Call, records: list[Record], path: str, render: Callable[[Record], Any]) -> Reply:
    """The page of `records` that was asked for, rendered; one past the end is empty."""
    size, page = call.params["per_page"], call.params["page"]
    start = call.params.get("offset")
    start = (page - 1) * size if start is None else start
    pages = -(-len(records) // size)
    headers = {"X-WP-Total": str(len(records)), "X-WP-TotalPages": str(pages)}
    links = [
        f'<{_link(call, path, number)}>; rel="{name}"'
        for name, number, there in (
            ("prev", min(page - 1, pages), page > 1),
            ("next", page + 1, pages > page),
        )
        if there
    ]
    if links:
        headers["Link"] = ", ".join(links)
    return Reply([render(record) for record in records[start : start + size]], 200, headers)


def _link(call: Call, path: str, page: int) -> str:
    return f"{API}/{path}?{urlencode({**call.query, 'page': page}, doseq=True)}"


def picked(call: Call, records: list[Record]) -> list[Record]:
    """Those that `include` and `exclude` leave, in the order asked for; `records` come newest first."""
    wanted, unwanted = call.params.get("include"), call.params.get("exclude")
    if wanted:
        records = [record for record in records if int(record["id"]) in wanted]
    if unwanted:
        records = [record for record in records if int(record["id"]) not in unwanted]
    return records[::-1] if call.params.get("order") == "asc" else records
