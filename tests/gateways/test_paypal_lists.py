"""Lists of a PayPal account: whole, filtered exactly, newest first, each row once."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billctl.errors import Unsupported, UsageError
from billctl.gateway import Selection
from billctl.gateways.paypal import PaypalGateway
from billctl.gateways.paypal.amounts import instant
from billctl.models import ChargeStatus, Record
from billctl.money import Money
from billctl.testing.servers import LoopbackServer
from tests.gateways import paypal_wire as wire
from tests.gateways.paypal_accounts import gateway
from tests.gateways.paypal_routes import Answering, asked, by_query, parameters, routes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REPORT = "GET /v1/reporting/transactions"
INVOICES = "POST /v2/invoicing/search-invoices"
DISPUTES = "GET /v1/customer/disputes"
Listing = Callable[[PaypalGateway], Iterator[Record]]


def listed(table: Mapping[str, Answering], listing: Listing) -> tuple[list[str], LoopbackServer]:
    """The ids of a list, and the server that was asked."""
    with LoopbackServer(routes(table)) as server:
        paypal = gateway(server.url, now=lambda: NOW)
        try:
            return [record.id for record in listing(paypal)], server
        finally:
            paypal.close()


def payment(number: int, days: int, **fields: Any) -> wire.Wire:
    at = (NOW - timedelta(days=days)).isoformat()
    return wire.row(transaction_id=f"{number:0>17}", transaction_initiation_date=at, **fields)


PAYMENTS = [payment(number, days) for number, days in enumerate((1, 20, 31, 62, 90, 400, 1000), start=1)]


def inside(query: dict[str, str]) -> wire.Wire:
    """The payments of a window, edges included."""
    start, end = instant(query["start_date"]), instant(query["end_date"])
    times = [(instant(data["transaction_info"]["transaction_initiation_date"]), data) for data in PAYMENTS]
    found = [data for at, data in times if start <= at <= end]
    return wire.report(*found) if found else {"total_items": 0}


def test_charges_are_listed_back_to_where_paypals_history_ends_each_once() -> None:
    ids, server = listed({REPORT: by_query(inside)}, lambda paypal: paypal.list_charges(Selection()))
    assert ids == [f"{number:0>17}" for number in range(1, 8)]
    assert asked(server).count(REPORT) == 36


def test_a_limit_ends_the_search_early() -> None:
    ids, server = listed({REPORT: by_query(inside)}, lambda paypal: paypal.list_charges(Selection(limit=2)))
    assert len(ids) == 2
    assert asked(server).count(REPORT) <= 4
    assert listed({}, lambda paypal: paypal.list_charges(Selection(limit=0)))[0] == []


def test_times_filter_exactly() -> None:
    selection = Selection(since=NOW - timedelta(days=62), until=NOW - timedelta(days=20))
    ids, _ = listed({REPORT: by_query(inside)}, lambda paypal: paypal.list_charges(selection))
    assert ids == ["0" * 16 + "3", "0" * 16 + "4"]


def test_a_charge_is_listed_with_the_refunds_that_came_after_it_even_after_until() -> None:
    back = wire.row(
        "T1107", "-10.00", transaction_id=wire.REFUND, paypal_reference_id_type="TXN",
        paypal_reference_id="0" * 16 + "2", transaction_initiation_date=NOW.isoformat(),
    )  # fmt: skip
    with LoopbackServer(routes({REPORT: wire.report(back, PAYMENTS[1])})) as server:
        paypal = gateway(server.url, now=lambda: NOW)
        selection = Selection(since=NOW - timedelta(days=25), until=NOW - timedelta(days=10))
        (charge,) = paypal.list_charges(selection)
        (refund,) = paypal.list_refunds(Selection(since=NOW - timedelta(days=25)))
        paypal.close()
    assert (charge.status, charge.refundable) == (ChargeStatus.PARTIALLY_REFUNDED, Money(4000, "USD"))
    assert (refund.id, refund.charge_id) == (wire.REFUND, charge.id)


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(customer_id=wire.PAYER), 2),
        (Selection(customer_id="LAYLA@example.com"), 2),
        (Selection(customer_id="7YR5Z8XDVJNXQ"), 0),
        (Selection(status="failed"), 1),
        (Selection(status="paid"), 1),
    ],
)
def test_charges_are_filtered_by_who_paid_and_by_status(selection: Selection, found: int) -> None:
    table = {REPORT: wire.report(payment(1, 1), payment(2, 2, transaction_status="D"))}
    assert len(listed(table, lambda paypal: paypal.list_charges(selection))[0]) == found


def test_a_currency_that_is_not_read_is_named_after_everything_else() -> None:
    dinar = payment(1, 1, transaction_amount=wire.money("5.000", "KWD"))
    seen: list[str] = []
    with LoopbackServer(routes({REPORT: wire.report(dinar, payment(2, 2))})) as server:
        paypal = gateway(server.url, now=lambda: NOW)
        with pytest.raises(Unsupported, match="1 left out of the list: amounts in KWD"):
            seen.extend(charge.id for charge in paypal.list_charges(Selection()))
        paypal.close()
    assert seen == ["0" * 16 + "2"]


def test_invoices_are_listed_newest_first_from_every_page() -> None:
    def page(query: dict[str, str]) -> wire.Wire:
        data = wire.invoice(id=f"INV2-AAAA-AAAA-AAAA-000{query['page']}")
        created = f"2026-10-0{query['page']}T10:00:00Z"
        data["detail"] = data["detail"] | {"metadata": {"create_time": created}}
        return {"items": [data], "total_items": 3, "total_pages": 3}

    ids, _ = listed({INVOICES: by_query(page)}, lambda paypal: paypal.list_invoices(Selection()))
    assert [name[-1] for name in ids] == ["3", "2", "1"]


def test_invoices_know_no_payer_id_and_disputes_no_customer() -> None:
    for listing in (
        lambda paypal: paypal.list_invoices(Selection(customer_id=wire.PAYER)),
        lambda paypal: paypal.list_disputes(Selection(customer_id=wire.PAYER)),
    ):
        with pytest.raises(UsageError):
            listed({}, listing)


def test_disputes_are_read_in_full_page_by_page() -> None:
    def page(query: dict[str, str]) -> wire.Wire:
        following = {"rel": "next", "href": f"{wire.HOST}/v1/customer/disputes?next_page_token=abc"}
        first = "next_page_token" not in query
        name = "PP-D-1" if first else "PP-D-2"
        return {"items": [wire.dispute(dispute_id=name)], "links": [following] if first else []}

    table: dict[str, Answering] = {DISPUTES: by_query(page)}
    table |= {f"{DISPUTES}/{name}": wire.dispute(dispute_id=name) for name in ("PP-D-1", "PP-D-2")}
    ids, server = listed(table, lambda paypal: paypal.list_disputes(Selection()))
    assert ids == ["PP-D-1", "PP-D-2"]
    reach = next(parameters(request) for request in server.requests if "page_size" in request.target)
    assert reach["update_time_after"] == "2026-05-26T13:00:00Z", "180 days, less an hour for the clocks"
