"""Transaction Search by windows: what fits into one request, what is too large, what is not there yet."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock

import pytest

from billctl.errors import NoAnswer, Refused
from billctl.gateways.paypal import windows
from billctl.gateways.paypal.amounts import instant
from billctl.gateways.paypal.client import Client
from billctl.gateways.paypal.pool import spread
from billctl.testing.servers import LoopbackServer
from tests.gateways import paypal_wire as wire
from tests.gateways.paypal_accounts import account
from tests.gateways.paypal_routes import by_query, parameters, routes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATH = "GET /v1/reporting/transactions"
Query = dict[str, str]


def found(answering: wire.Wire | Callable[[Query], wire.Wire], *, since: datetime) -> windows.Transactions:
    """What a search from `since` on brings: of one answer to everything, or of one by query."""
    behaviour = answering if isinstance(answering, dict) else by_query(answering)
    with LoopbackServer(routes({PATH: behaviour})) as server:
        client = Client(account(server.url), sleep=lambda _: None)
        try:
            return windows.search(client, since, NOW)
        finally:
            client.close()


@pytest.mark.parametrize("days", [1, 31, 32, 90, 365, 3 * 365])
def test_windows_cover_the_time_without_a_gap_and_none_is_too_long(days: int) -> None:
    since = NOW - timedelta(days=days)
    parts = list(windows.windows(since, NOW))
    assert (parts[0].until, parts[-1].since) == (NOW, since)
    assert all(later.since == earlier.until for later, earlier in pairwise(parts))
    assert all(part.until - part.since <= windows.LONGEST for part in parts)


def test_a_window_without_rows_is_empty_and_not_an_error() -> None:
    nothing = {"total_items": 0, "total_pages": 0, "last_refreshed_datetime": "2026-11-22T09:00:00Z"}
    result = found(nothing, since=NOW - timedelta(days=60))
    assert (result.rows, result.refreshed) == ([], datetime(2026, 11, 22, 9, tzinfo=UTC))


@pytest.mark.parametrize("answer", [{}, {"total_items": 3}, {"transaction_details": None}])
def test_an_answer_that_leaves_its_rows_out_is_not_taken_for_an_empty_window(answer: wire.Wire) -> None:
    with pytest.raises(NoAnswer, match="without a list of transactions"):
        found(answer, since=NOW - timedelta(days=10))


def test_every_page_is_read() -> None:
    def choose(query: Query) -> wire.Wire:
        number = query["page"]
        return wire.report(wire.row(transaction_id=f"{number:0>17}"), total_pages=5, total_items=5)

    result = found(choose, since=NOW - timedelta(days=80))
    assert sorted(row.id for row in result.rows) == [f"{number:0>17}" for number in range(1, 6)]


def test_a_window_that_is_too_large_is_halved_until_nothing_is_left_out() -> None:
    """Ten payments a day for forty days, at a PayPal that lists no more than fifty at once."""
    times = [NOW - timedelta(hours=2.4 * number, minutes=7) for number in range(400)]
    lock, refused = Lock(), []

    def choose(query: Query) -> wire.Wire:
        start, end = instant(query["start_date"]), instant(query["end_date"])
        inside = [number for number, at in enumerate(times) if start <= at <= end]
        if len(inside) > 50:
            with lock:
                refused.append(query)
            return wire.error("RESULTSET_TOO_LARGE")
        rows = [
            wire.row(transaction_id=f"{number:0>17}", transaction_initiation_date=times[number].isoformat())
            for number in inside
        ]
        return wire.report(*rows) if rows else {"total_items": 0}

    result = found(choose, since=NOW - timedelta(days=45))
    assert [row.id for row in result.rows] == [f"{number:0>17}" for number in range(400)]
    assert refused


def test_more_in_a_moment_than_paypal_lists_is_said_and_not_cut() -> None:
    with pytest.raises(NoAnswer, match="more transactions around") as caught:
        found(lambda _: wire.error("RESULTSET_TOO_LARGE"), since=NOW - timedelta(days=1))
    assert caught.value.code == "RESULTSET_TOO_LARGE"


def test_another_refusal_is_not_taken_for_too_large() -> None:
    with pytest.raises(Refused, match="It cannot be"):
        found(lambda _: wire.error("INVALID_REQUEST"), since=NOW - timedelta(days=1))


def test_a_payment_that_is_listed_twice_counts_once_and_as_what_became_of_it() -> None:
    twice = wire.report(wire.row(transaction_status="P"), wire.row(), wire.row(transaction_status="P"))
    assert [row.status for row in found(twice, since=NOW - timedelta(days=80)).rows] == ["S"]


def test_one_id_under_two_event_codes_is_two_rows() -> None:
    both = wire.report(wire.row(), wire.row("T1106", "-50.00"))
    assert len(found(both, since=NOW - timedelta(days=80)).rows) == 2


def test_rows_come_newest_first_whatever_time_zone_they_are_told_in() -> None:
    early = wire.row(transaction_id="A" * 17, transaction_initiation_date="2026-10-01T12:00:00+0200")
    late = wire.row(transaction_id="B" * 17, transaction_initiation_date="2026-10-01T11:00:00Z")
    result = found(wire.report(early, late), since=NOW - timedelta(days=80))
    assert [row.id[0] for row in result.rows] == ["B", "A"]


def test_a_window_never_begins_where_the_report_has_not_got_to() -> None:
    """PayPal refuses a start that is newer than its report, and hides nothing by what is asked besides."""

    def choose(query: Query) -> wire.Wire:
        start = instant(query["start_date"])
        if start > NOW - timedelta(hours=3):
            return wire.error("INVALID_REQUEST")
        old = wire.row(transaction_initiation_date=(NOW - timedelta(hours=20)).isoformat())
        return wire.report(old)

    assert found(choose, since=NOW - timedelta(hours=1)).rows == []


def test_transactions_are_asked_for_with_their_payers_and_with_what_moves_no_balance() -> None:
    with LoopbackServer(routes({})) as server:
        client = Client(account(server.url))
        windows.search(client, NOW - timedelta(days=1), NOW)
        client.close()
        query = parameters(server.requests[-1])
    assert query["fields"] == "transaction_info,payer_info"
    assert query["balance_affecting_records_only"] == "N"
    assert (query["start_date"], query["end_date"]) == ("2026-11-21T12:00:00Z", "2026-11-22T12:00:00Z")


def test_no_more_than_a_few_calls_run_at_once_and_their_order_is_kept() -> None:
    lock, running, most = Lock(), [0], [0]

    def call(number: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with lock:
            running[0] -= 1
        return number

    assert spread([lambda n=n: call(n) for n in range(50)], 4) == list(range(50))  # type: ignore[misc]
    assert most[0] <= 4


def test_after_a_failure_no_further_call_begins() -> None:
    begun: list[int] = []

    def call(number: int) -> None:
        begun.append(number)
        raise OSError(f"call {number}")

    with pytest.raises(OSError, match="call"):
        spread([lambda n=n: call(n) for n in range(50)], 2)  # type: ignore[misc]
    assert len(begun) <= 2
