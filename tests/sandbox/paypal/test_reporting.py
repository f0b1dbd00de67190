"""Transaction Search: windows, the lag, the cap, groups of fields, and ids that are not unique."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from billctl.sandbox import state
from tests.sandbox.paypal.wire import CAPTURE, DAY, SUBSCRIPTION, Json, Wire, instant

PATH = "/v1/reporting/transactions"


def infos(rows: list[Json]) -> list[Json]:
    return [row["transaction_info"] for row in rows]


def rows_of(wire: Wire, **query: Any) -> list[Json]:
    return infos(list(wire.history(**query)))


def test_rows_tell_what_happened_and_to_what_it_belongs(shop: Wire) -> None:
    rows = {row["transaction_id"]: row for row in rows_of(shop)}
    paid = rows[CAPTURE]
    assert (paid["transaction_event_code"], paid["transaction_status"]) == ("T0002", "S")
    assert (paid["paypal_reference_id"], paid["paypal_reference_id_type"]) == (SUBSCRIPTION, "SUB")
    assert (paid["transaction_amount"]["value"], paid["fee_amount"]["value"]) == ("49.00", "-1.47")
    refund = rows["SBXLAYLAR00000001"]
    assert (refund["transaction_event_code"], refund["transaction_amount"]["value"]) == ("T1107", "-20.00")
    assert (refund["paypal_reference_id"], refund["paypal_reference_id_type"]) == ("SBXLAYLA000000002", "TXN")
    assert {"T0002", "T0006", "T0007", "T1107", "T1110", "T1111"} == {
        row["transaction_event_code"] for row in rows.values()
    }
    assert {"S", "V", "P", "D"} == {row["transaction_status"] for row in rows.values()}


def test_the_shop_reaches_back_over_more_than_a_year(shop: Wire) -> None:
    dates = [row["transaction_initiation_date"] for row in rows_of(shop)]
    assert min(dates) < instant(datetime.now(UTC).timestamp() - 390 * DAY)


def test_only_the_groups_asked_for_are_there(shop: Wire) -> None:
    assert set(shop.report().json["transaction_details"][0]) == {"transaction_info"}
    asked = shop.report(fields="payer_info").json["transaction_details"][0]
    assert set(asked) == {"payer_info"}
    whole = shop.report(fields="all").json["transaction_details"][0]
    assert {"transaction_info", "payer_info", "cart_info"} < set(whole)


def test_a_payer_keeps_the_account_when_the_address_changes(shop: Wire) -> None:
    payers = [row["payer_info"] for row in shop.history(fields="payer_info")]
    emails = {payer["email_address"]: payer["account_id"] for payer in payers}
    assert emails["emma.j@example.net"] == emails["emma@example.com"]


def test_a_payment_by_echeck_is_there_twice_and_only_once_on_the_balance(shop: Wire) -> None:
    all_of_them = Counter(row["transaction_id"] for row in rows_of(shop, balance_affecting_records_only="N"))
    on_balance = Counter(row["transaction_id"] for row in rows_of(shop))
    twice = {key for key, count in all_of_them.items() if count == 2}
    assert twice
    assert all(on_balance[key] == 1 for key in twice)
    assert max(on_balance.values()) == 1


def test_pages_come_to_the_whole_in_order(shop: Wire) -> None:
    whole = infos(shop.report(page_size=500).json["transaction_details"])
    paged: list[Json] = []
    for page in range(1, 100):
        body = shop.report(page_size=7, page=page).json
        paged += infos(body.get("transaction_details", []))
        if page >= body["total_pages"]:
            break
    assert [row["transaction_id"] for row in paged] == [row["transaction_id"] for row in whole]
    dates = [row["transaction_initiation_date"] for row in whole]
    assert dates == sorted(dates)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({"transaction_id": CAPTURE}, lambda row: row["transaction_id"] == CAPTURE),
        ({"transaction_type": "T1107"}, lambda row: row["transaction_event_code"] == "T1107"),
        ({"transaction_status": "V"}, lambda row: row["transaction_status"] == "V"),
        ({"transaction_currency": "JPY"}, lambda row: row["transaction_amount"]["currency_code"] == "JPY"),
        (
            {"transaction_amount": "4900 TO 4900", "transaction_currency": "USD"},
            lambda row: row["transaction_amount"]["value"] in ("49.00", "-49.00"),
        ),
    ],
)
def test_a_filter_keeps_what_it_says(shop: Wire, query: Json, kept: object) -> None:
    rows = rows_of(shop, **query)
    assert rows
    assert callable(kept)
    assert all(kept(row) for row in rows)


def test_an_empty_window_has_no_list_at_all(shop: Wire) -> None:
    body = shop.report(10, 800).json
    assert "transaction_details" not in body
    assert (body["total_items"], body["total_pages"]) == (0, 0)


def test_a_window_is_of_31_days_and_of_three_years(shop: Wire) -> None:
    assert shop.report(31).status == 200
    wide = shop.report(31.5)
    assert (wide.status, wide.json["name"]) == (400, "INVALID_REQUEST")
    assert shop.report(1, 1200).status == 400
    now = datetime.now(UTC).timestamp()
    for query in ({"start_date": instant(now)}, {"start_date": "2026-11-01", "end_date": instant(now)}):
        assert shop.ask(f"GET {PATH}", query=query, wrong=bool(shop.spec)).status == 400


def test_what_was_just_done_is_not_there_yet(wire: Wire) -> None:
    made = wire.refund(CAPTURE, "1.00").json["id"]
    report = wire.report(page_size=500).json
    assert made not in {row["transaction_id"] for row in infos(report["transaction_details"])}
    assert report["last_refreshed_datetime"] <= instant(datetime.now(UTC).timestamp() - 10_790)
    state.configure(wire.state_dir, "paypal", reporting_lag=0)
    report = wire.report(31, -0.01, page_size=500).json
    assert made in {row["transaction_id"] for row in infos(report["transaction_details"])}


def test_a_window_after_the_last_refresh_is_refused_as_recorded(shop: Wire) -> None:
    reply = shop.report(0.1)
    assert reply.status == 400
    assert reply.json["message"] == "Data for the given start date is not available."


def test_too_many_rows_are_refused_with_their_number(wire: Wire) -> None:
    state.configure(wire.state_dir, "paypal", resultset_cap=5)
    reply = wire.report()
    body = reply.json
    assert (reply.status, body["name"], body["maximum_items"]) == (400, "RESULTSET_TOO_LARGE", 5)
    assert body["total_items"] > 5
    assert wire.report(1, 2).status == 200


def test_the_balance_is_what_the_rows_come_to(shop: Wire) -> None:
    totals: dict[str, int] = {}
    for row in rows_of(shop):
        if row["transaction_status"] in ("S", "V"):
            for money in filter(None, (row["transaction_amount"], row.get("fee_amount"))):
                totals.setdefault(money["currency_code"], 0)
                totals[money["currency_code"]] += int(money["value"].replace(".", ""))
    balances = shop.get("/v1/reporting/balances")["balances"]
    shown = {one["currency"]: int(one["total_balance"]["value"].replace(".", "")) for one in balances}
    assert shown == totals
    assert [
        one["currency"] for one in shop.get("/v1/reporting/balances", {"currency_code": "JPY"})["balances"]
    ] == ["JPY"]
