"""Transaction Search, by windows of time: PayPal's only way to payments whose ids are not known.

Rules of `GET /v1/reporting/transactions` (PayPal's API description): at most 31 days a request and three
years back, up to 500 rows a page; an executed payment appears within three hours; a window of more than
10,000 rows answers 400 `RESULTSET_TOO_LARGE`, and is halved here until it fits. Ids are not unique: rows
are told apart by id and event code. There is no filter by e-mail, name or payer.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from billctl.errors import AuthFailed, BillctlError, NoAnswer
from billctl.gateways.paypal.amounts import optional_instant, wire_time
from billctl.gateways.paypal.client import Client, Json, Params
from billctl.gateways.paypal.errors import TOO_LARGE, reading_answer
from billctl.gateways.paypal.pool import spread
from billctl.gateways.paypal.rows import PENDING, Row, created_of, row

PATH = "/v1/reporting/transactions"
LONGEST = timedelta(days=31)
HISTORY = timedelta(days=3 * 365)
"""How far back PayPal lists transactions: "the previous three years"."""
LAG = timedelta(hours=3)
"""How long an executed payment may take to appear."""
SAFE = timedelta(days=1)
SETTLING = timedelta(days=3)
"""How long the state of a payment is looked at again, where rows are kept."""
SHORTEST = timedelta(seconds=2)
PAGE = 500
FIELDS = "transaction_info,payer_info"
PERMISSION = (
    "Turn Transaction Search on for the app in PayPal's developer dashboard; a token from before lacks it "
    "for up to 9 hours."
)


class Window(NamedTuple):
    """From `since` to `until`, both aware UTC, both included."""

    since: datetime
    until: datetime


class Transactions(NamedTuple):
    """Rows, newest first, and the time to which PayPal says they are complete (None: it did not say)."""

    rows: list[Row]
    refreshed: datetime | None


def windows(since: datetime, until: datetime) -> Iterator[Window]:
    """What PayPal takes in one request each, newest first; neighbours share their edge."""
    end = until
    while end > since:
        start = max(since, end - LONGEST)
        yield Window(start, end)
        end = start


def search(client: Client, since: datetime, until: datetime) -> Transactions:
    """Every transaction from `since` on, newest first; `until` is the present. Raises the errors of a read.

    A window that begins where PayPal's report has not got to yet is refused (paypal/PayPal-node-SDK issue
    452): no less than the last day is asked for.
    """
    start = min(since, until - SAFE)
    found = joined(spread([partial(read, client, part) for part in windows(start, until)]))
    return found._replace(rows=[item for item in found.rows if created_of(item) >= since])


def joined(parts: list[Transactions]) -> Transactions:
    """Several windows, newest first, as one: every row once, complete to the newest window's time."""
    found: dict[tuple[str, str], Row] = {}
    for item in (item for part in parts for item in part.rows):
        known = found.get((item.id, item.code))
        if known is None or known.status == PENDING:
            found[item.id, item.code] = item
    rows = sorted(found.values(), key=created_of, reverse=True)
    return Transactions(rows, next((part.refreshed for part in parts if part.refreshed), None))


def read(client: Client, window: Window, **filters: str) -> Transactions:
    """One window whole, its further pages at once; halved where PayPal finds it too large.

    `filters` are PayPal's own (`transaction_id`): it ignores those it does not know.
    """
    try:
        return _pages(client, window, filters)
    except BillctlError as error:
        if error.code != TOO_LARGE:
            raise
        if window.until - window.since < SHORTEST:
            raise NoAnswer(
                f"PayPal has more transactions around {wire_time(window.since)} than it lists",
                code=TOO_LARGE,
                account=client.account.name,
            ) from error
    middle = (window.since + (window.until - window.since) / 2).replace(microsecond=0)
    later, earlier = Window(middle, window.until), Window(window.since, middle)
    # One after the other: a PayPal that calls everything too large is found out in a few requests.
    return joined([read(client, later, **filters), read(client, earlier, **filters)])


def _pages(client: Client, window: Window, filters: Params) -> Transactions:
    first = _page(client, window, 1, filters)
    with reading_answer(client.account.name, change=False):
        total = first.get("total_pages", 1)
        if type(total) is not int or total < 0:
            raise TypeError("total_pages is no number")
    rest = spread([partial(_page, client, window, number, filters) for number in range(2, total + 1)])
    with reading_answer(client.account.name, change=False):
        rows = [row(data) for page in (first, *rest) for data in page.get("transaction_details") or ()]
        refreshed = optional_instant(first.get("last_refreshed_datetime"))
        return joined([Transactions(rows, refreshed)])


def _page(client: Client, window: Window, number: int, filters: Params) -> Json:
    params = {
        "start_date": wire_time(window.since),
        "end_date": wire_time(window.until),
        "fields": FIELDS,
        "balance_affecting_records_only": "N",
        "page_size": PAGE,
        "page": number,
        **filters,
    }
    try:
        answer = client.listed(PATH, params)
    except AuthFailed as error:
        error.hint = PERMISSION if error.code == "permission" else error.hint
        raise
    if not isinstance(answer.get("transaction_details"), list) and answer.get("total_items") != 0:
        raise NoAnswer(
            f"{client.host} answered a search without a list of transactions",
            code="bad_answer",
            account=client.account.name,
        )
    return answer


def probe(client: Client, now: datetime) -> None:
    """Ask for one row of the last day: the cheapest question that proves both credentials and permission."""
    span = {"start_date": wire_time(now - SAFE), "end_date": wire_time(now)}
    client.listed(PATH, {**span, "page_size": 1})
