"""The local copy of PayPal's transactions: unbroken as far as it says, whatever interrupts it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.errors import NetworkError, StoreError
from billctl.gateway import By, Query
from billctl.gateways.paypal.client import Client
from billctl.gateways.paypal.copy import Copy, renew
from billctl.gateways.paypal.rows import row
from billctl.gateways.paypal.windows import Transactions, Window
from billctl.parallel import gather
from billctl.testing import servers
from billctl.testing.servers import LoopbackServer, in_turn
from tests.gateways import paypal_wire as wire
from tests.gateways.paypal_accounts import account
from tests.gateways.paypal_routes import by_query, routes, said

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REPORT = "GET /v1/reporting/transactions"
BY_EMAIL = Query(by=By.EMAIL, text="LAYLA@example.com")


def copy_in(folder: Path, *, client_id: str = "one", endpoint: str = "http://x") -> Copy:
    return Copy(folder / "paypal", endpoint=endpoint, client_id=client_id, account="paypal")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    made = copy_in(tmp_path)
    made.create()
    return made


def days(first: int, last: int) -> Window:
    """From so many days ago until so many days ago."""
    return Window(NOW - timedelta(days=first), NOW - timedelta(days=last))


def rows(*data: wire.Wire, refreshed: datetime | None = NOW) -> Transactions:
    return Transactions([row(item) for item in data], refreshed)


def test_windows_that_touch_make_one_time_and_others_are_left_out(copy: Copy) -> None:
    copy.put(days(31, 0), rows())
    copy.put(days(62, 31), rows())
    copy.put(days(200, 169), rows(wire.row()))
    state = copy.state()
    assert state is not None
    assert (state.since, state.until, state.records) == (NOW - timedelta(days=62), NOW, 0)


def test_a_copy_says_it_is_complete_to_where_the_report_was(copy: Copy) -> None:
    copy.put(days(31, 0), rows(refreshed=NOW - timedelta(hours=5)))
    state = copy.state()
    assert state is not None
    assert state.until == NOW - timedelta(hours=5)


def test_a_row_that_is_read_again_is_what_it_is_now(copy: Copy) -> None:
    copy.put(days(31, 0), rows(wire.row(transaction_status="P")))
    copy.put(days(3, 0), rows(wire.row()))
    assert [item.status for item in copy.rows_of(BY_EMAIL)] == ["S"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (BY_EMAIL, 2),
        (Query(by=By.NAME, text="HADDAD"), 2),
        (Query(by=By.ID, text=wire.PAYER), 2),
        (Query(by=By.EMAIL, text="layla@example.co"), 0),
        (Query(by=By.EMAIL, text="%"), 0),
        (Query(by=By.NAME, text="' OR 1 --"), 0),
    ],
)
def test_rows_are_found_by_whom_they_name_with_what_he_did_under_another_address(
    copy: Copy, query: Query, found: int
) -> None:
    changed = {"account_id": wire.PAYER, "email_address": "old@example.net"}
    other = {"account_id": "7YR5Z8XDVJNXQ", "email_address": "omar@example.com"}
    copy.put(
        days(31, 0),
        rows(
            wire.row(),
            wire.row(transaction_id="8" * 17, payer=changed),
            wire.row(transaction_id="9" * 17, payer=other),
        ),
    )
    assert len(copy.rows_of(query)) == found


def test_a_row_comes_back_as_it_was_put(copy: Copy) -> None:
    found = row(wire.row("T0002", paypal_reference_id_type="SUB", paypal_reference_id="I-1", invoice_id="7"))
    copy.put(days(31, 0), Transactions([found], NOW))
    assert copy.rows_of(BY_EMAIL) == [found]


def test_each_client_at_each_address_has_a_copy_of_its_own(tmp_path: Path, copy: Copy) -> None:
    copy.put(days(31, 0), rows())
    assert copy_in(tmp_path, client_id="two").state() is None
    assert copy_in(tmp_path, endpoint="http://y").state() is None
    assert copy_in(tmp_path).state() is not None


def test_a_fetch_that_breaks_keeps_the_windows_it_got_and_goes_on_from_there(tmp_path: Path) -> None:
    copy = copy_in(tmp_path)
    whole = said(200, {"total_items": 0, "last_refreshed_datetime": NOW.isoformat()})
    behaviour = in_turn(*[whole] * 4, servers.dropping)
    with LoopbackServer(routes({REPORT: behaviour})) as server:
        client = Client(account(server.url), sleep=lambda _: None)
        with pytest.raises(NetworkError):
            renew(client, copy, NOW - timedelta(days=365), now=NOW)
        client.close()
    state = copy.state()
    assert state is not None
    assert (state.since, state.until) == (NOW - timedelta(days=4 * 31), NOW)
    with LoopbackServer(routes({REPORT: whole})) as server:
        client = Client(account(server.url))
        assert renew(client, copy, NOW - timedelta(days=365), now=NOW).since == NOW - timedelta(days=365)
        asked = [request for request in server.requests if "reporting" in request.target]
        client.close()
    assert len(asked) == 1 + 8, "its last three days, and what was missing"


def test_two_fetches_at_once_leave_one_whole_copy(tmp_path: Path) -> None:
    def choose(query: dict[str, str]) -> wire.Wire:
        at = query["end_date"]
        digits = "".join(character for character in at if character.isdigit())
        return wire.report(
            wire.row(transaction_id=f"{digits:0>17}", transaction_initiation_date=at),
            last_refreshed_datetime=NOW.isoformat(),
        )

    with LoopbackServer(routes({REPORT: by_query(choose)})) as server:
        clients = [Client(account(server.url)) for _ in range(2)]
        since = NOW - timedelta(days=200)
        made = gather([lambda c=c: renew(c, copy_in(tmp_path), since, now=NOW) for c in clients])  # type: ignore[misc]
        for client in clients:
            client.close()
    assert {state.since for state in made} == {since}
    assert copy_in(tmp_path).state() == max(made, key=lambda state: state.records)


def test_a_copy_that_cannot_be_written_is_an_error_and_not_a_loss(tmp_path: Path) -> None:
    (tmp_path / "paypal").write_text("in the way")
    with pytest.raises(StoreError, match="local copy cannot be used"):
        copy_in(tmp_path).create()


def test_history_older_than_paypal_lists_is_not_asked_for(tmp_path: Path) -> None:
    with LoopbackServer(routes({})) as server:
        client = Client(account(server.url))
        state = renew(client, copy_in(tmp_path), NOW - timedelta(days=9999), now=NOW)
        client.close()
    assert state.since == NOW - timedelta(days=3 * 365)
