"""Transaction Search v1: at most 31 days and 10,000 rows at once, three years back, three hours late.

There is no filter by e-mail, name, payer or invoice, and an unknown parameter is ignored. A window that
begins where the report has not got to yet is refused with the answer recorded in
paypal/PayPal-node-SDK issue 452; a window without rows has no `transaction_details` (the OpenAPI file's
list has at least one). `RESULTSET_TOO_LARGE` is the name of an error that the file does not list; the newer
SDK's documentation does, with the counts.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import payments, times
from billctl.sandbox.paypal.call import Call, Endpoint, Reply, Wire, paged, pages
from billctl.sandbox.paypal.errors import ApiError, Said, detail, invalid
from billctl.sandbox.paypal.ledger_rows import MAKERS, Row, rows_of
from billctl.sandbox.paypal.money import wire
from billctl.sandbox.paypal.report_shape import GROUPS, shape, signed

PATH = "/v1/reporting/transactions"
LONGEST = 31 * times.DAY
HISTORY = 3 * 366 * times.DAY
NOT_YET = Said("INVALID_REQUEST", "Data for the given start date is not available.")
TOO_LARGE = Said(
    "RESULTSET_TOO_LARGE",
    "Result set size is greater than the maximum limit. Change the filter criteria and try again.",
)


def index(call: Call) -> Reply:
    """GET /v1/reporting/transactions: a page of a window, oldest first."""
    start, end = call.query["start_date"], call.query["end_date"]
    refreshed = call.now - call.settings["reporting_lag"]
    _check_window(call, start, end, refreshed)
    found = [row for row in _window(call, start, min(end, refreshed)) if _keeps(row, call.query)]
    cap = call.settings["resultset_cap"]
    if len(found) > cap:
        raise ApiError(400, said=TOO_LARGE, total_items=len(found), maximum_items=cap)
    rows = [shape(call, row) for row in paged(call, found)]
    return Reply(
        200,
        {
            **({"transaction_details": rows} if rows else {}),
            "account_number": payments.MERCHANTS[call.objects.live],
            "start_date": times.wire(start),
            "end_date": times.wire(min(end, refreshed)),
            "last_refreshed_datetime": times.wire(refreshed),
            "page": call.query["page"],
            "total_items": len(found),
            "total_pages": pages(call, len(found)),
            "links": _links(call, start, end, len(found)),
        },
    )


def _check_window(call: Call, start: int, end: int, refreshed: int) -> None:
    if end < start:
        raise invalid("INVALID_PARAMETER_VALUE", field="end_date", location="query")
    if end - start > LONGEST:
        entry = detail("Date range is greater than 31 days", field="end_date", location="query")
        raise ApiError(400, [entry])
    if start < call.now - HISTORY:
        entry = detail("Start date is more than three years ago", field="start_date", location="query")
        raise ApiError(400, [entry])
    if start > refreshed:
        raise ApiError(400, said=NOT_YET)


def _window(call: Call, start: int, end: int) -> Iterator[Row]:
    found: list[Row] = []
    for kind in MAKERS:
        conditions, values = ("", ()) if kind == "dispute" else (" AND created BETWEEN ? AND ?", (start, end))
        for record in call.objects.select(kind, {}, conditions=conditions, values=values):
            found += [row for row in rows_of(record) if start <= row.at <= end]
    return iter(sorted(found, key=lambda row: (row.at, row.id, row.balance)))


def _amounts(row: Row, asked: str) -> bool:
    lower, upper = map(int, re.findall("[0-9]+", asked))
    return lower <= abs(row.amount) <= upper


FILTERS: dict[str, Callable[[Row, Any], bool]] = {
    "transaction_id": lambda row, asked: row.id == asked,
    "transaction_type": lambda row, asked: row.event == asked,
    "transaction_status": lambda row, asked: row.status == asked,
    "transaction_amount": _amounts,
    "transaction_currency": lambda row, asked: row.currency == asked,
    "payment_instrument_type": lambda _row, _asked: False,
    "store_id": lambda _row, _asked: False,
    "terminal_id": lambda _row, _asked: False,
    "balance_affecting_records_only": lambda row, asked: row.balance or asked == "N",
}


def _keeps(row: Row, query: Wire) -> bool:
    return all(keep(row, query[name]) for name, keep in FILTERS.items() if name in query)


def _links(call: Call, start: int, end: int, total: int) -> list[Wire]:
    page, size = call.query["page"], call.query["page_size"]
    window = f"{PATH}?start_date={times.wire(start)}&end_date={times.wire(end)}&page_size={size}"
    links = [call.link(f"{window}&page={page}")]
    if page < pages(call, total):
        links.append(call.link(f"{window}&page={page + 1}", "next"))
    return links


def balances(call: Call) -> Reply:
    """GET /v1/reporting/balances: per currency, what the rows come to."""
    at = call.query.get("as_of_time", call.now)
    refreshed = call.now - call.settings["reporting_lag"]
    totals: dict[str, int] = {}
    for row in _window(call, 0, min(at, refreshed)):
        if row.balance and row.status in ("S", "V"):
            totals[row.currency] = totals.get(row.currency, 0) + signed(row) + row.fee
    only = call.query.get("currency_code")
    rows = [
        _balance(currency, total) for currency, total in sorted(totals.items()) if only in (None, currency)
    ]
    return Reply(
        200,
        {
            "balances": rows,
            "account_id": payments.MERCHANTS[call.objects.live],
            "as_of_time": times.wire(at),
            "last_refresh_time": times.wire(refreshed),
        },
    )


def _balance(currency: str, total: int) -> Wire:
    return {
        "currency": currency,
        "primary": currency == "USD",
        "total_balance": wire(total, currency),
        "available_balance": wire(total, currency),
        "withheld_balance": wire(0, currency),
    }


def _form(pattern: str) -> f.QueryCheck:
    form = re.compile(pattern)

    def check(given: str, name: str) -> str:
        if not form.fullmatch(given):
            raise invalid("INVALID_PARAMETER_VALUE", field=name, value=given, location="query")
        return given

    return check


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        index,
        query={
            "start_date": f.moment,
            "end_date": f.moment,
            "transaction_id": _form("[A-Za-z0-9-]{17,19}"),
            "transaction_type": _form("T[0-9]{4}"),
            "transaction_status": _form("[DPSV]"),
            "transaction_amount": _form(r"\[?[0-9]+ TO [0-9]+\]?"),
            "transaction_currency": _form("[A-Z]{3}"),
            "payment_instrument_type": _form("CREDITCARD|DEBITCARD"),
            "store_id": f.words,
            "terminal_id": f.words,
            "fields": (_form(f"all|({'|'.join(GROUPS)})(,({'|'.join(GROUPS)}))*"), "transaction_info"),
            "balance_affecting_records_only": (_form("[YN]"), "Y"),
            "page_size": f.whole(1, 500, 100),
            "page": f.whole(1, 2_147_483_647, 1),
        },
        required="start_date end_date",
    ),
    Endpoint(
        "GET",
        "/v1/reporting/balances",
        balances,
        query={"as_of_time": f.moment, "currency_code": _form("[A-Z]{3}")},
    ),
)
