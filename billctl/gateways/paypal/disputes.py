"""Disputes by time: PayPal's list names neither transaction nor buyer, so each one that may be meant is
read in full and matched by the merchant's id of the transaction. It reaches back 180 days of updates."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from billctl.errors import Unsupported
from billctl.gateways.paypal.amounts import from_wire, instant, wire_time
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.ids import checked
from billctl.gateways.paypal.objects import PATHS, retrieve
from billctl.gateways.paypal.rows import Row, amount_of

REACH = timedelta(days=180) - timedelta(hours=1)
"""PayPal's limit, less what two clocks may differ."""
PAGE = 50


class Page(NamedTuple):
    """Rows of the list, newest first, and the token of the next page if there is one."""

    rows: list[Json]
    following: str | None


def page(client: Client, since: datetime, until: datetime, token: str | None = None) -> Page:
    """Disputes updated from `since` on; `until` is the present. Raises the errors of a read."""
    params: Json = {"update_time_after": wire_time(max(since, until - REACH)), "page_size": PAGE}
    if token:
        params["next_page_token"] = token
    answer = client.listed(PATHS["dispute"], params)
    with reading_answer(client.account.name, change=False):
        rows = list(answer.get("items") or ())
        for row in rows:
            checked(str(row["dispute_id"]), "dispute")
        return Page(rows, _following(answer))


def _following(answer: Json) -> str | None:
    for link in answer.get("links") or ():
        if link.get("rel") == "next":
            found = parse_qs(urlsplit(str(link.get("href"))).query).get("next_page_token")
            return found[0] if found else None
    return None


def whole(client: Client, rows: Sequence[Json]) -> list[Callable[[], Json]]:
    """The calls that read these rows in full."""
    return [partial(retrieve, client, "dispute", str(row["dispute_id"])) for row in rows]


def of_charge(client: Client, charge_id: str) -> list[Json]:
    """The rows of one charge's disputes. Raises the errors of a read."""
    answer = client.listed(PATHS["dispute"], {"disputed_transaction_id": charge_id, "page_size": PAGE})
    with reading_answer(client.account.name, change=False):
        rows = list(answer.get("items") or ())
        for row in rows:
            checked(str(row["dispute_id"]), "dispute")
        return rows


def may_be_of(dispute: Json, payments: Sequence[Row]) -> bool:
    """Whether a listed dispute can be about one of these payments: of its currency, and no smaller."""
    currency = dispute["dispute_amount"]["currency_code"]
    same = [row for row in payments if row.currency == currency]
    try:
        disputed = from_wire(dispute["dispute_amount"])
        return any(disputed <= amount_of(row) for row in same)
    except Unsupported:  # a currency that is not read here is compared by its name alone
        return bool(same)


def created(dispute: Json) -> datetime:
    """When a dispute was opened."""
    return instant(dispute["create_time"])
