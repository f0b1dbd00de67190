"""What is found, and what is found although nobody asked for it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.woocommerce.conftest import Wire


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in found]


def emails(found: list[dict[str, Any]]) -> set[str]:
    return {one["billing"]["email"] for one in found}


# Customers


def test_an_address_is_found_whatever_its_case(shop: Wire) -> None:
    assert ids(shop.get("customers", email="LAYLA@example.com")) == [21]


def test_a_manager_is_no_customer_unless_all_roles_are_asked_for(shop: Wire) -> None:
    assert shop.get("customers", email="huda@example.com") == []
    (huda,) = shop.get("customers", email="huda@example.com", role="all")
    assert huda["role"] == "shop_manager"


def test_a_guest_is_no_customer_at_all(shop: Wire) -> None:
    assert shop.get("customers", email="rashid@example.com", role="all") == []
    assert emails(shop.get("orders", search="rashid@example.com")) == {"rashid@example.com"}


def test_an_unknown_address_is_no_error_and_a_malformed_one_is(shop: Wire) -> None:
    assert shop.get("customers", email="nobody@example.com") == []
    status, code, data = shop.ask("GET customers", email="layla").error
    assert (status, code, data["params"]) == (400, "rest_invalid_param", {"email": "Invalid email address."})


def test_an_asterisk_in_an_address_is_a_wildcard(shop: Wire) -> None:
    assert len(shop.get("customers", email="*@example.com", role="all")) > 5


def test_a_customers_search_knows_no_names(shop: Wire) -> None:
    assert shop.get("customers", search="أمينة", role="all") == []
    assert emails(shop.get("orders", search="أمينة")) == {"amina@example.com"}
    assert 21 in ids(shop.get("customers", search="LAYLA"))


def test_customers_come_by_name_or_by_the_day_they_came(shop: Wire) -> None:
    def field(name: str, **query: Any) -> list[str]:
        return [one[name] for one in shop.get("customers", role="all", per_page=100, **query)]

    assert field("first_name") == sorted(field("first_name"), key=str.casefold)
    assert field("id", orderby="id", order="desc") == sorted(field("id"), reverse=True)
    newest = field("date_created", orderby="registered_date", order="desc")
    assert newest == sorted(newest, reverse=True) != field("date_created")


def test_a_customer_is_found_by_id_whatever_his_role(shop: Wire) -> None:
    assert shop.get("customers/21")["first_name"] == "Layla"
    assert shop.get("customers/2")["role"] == "shop_manager"
    assert shop.ask("GET customers/999").error == (404, "woocommerce_rest_invalid_id", {"status": 404})


# Orders


@pytest.mark.parametrize("name", ["email", "billing_email", "number", "transaction_id", "anything"])
def test_a_parameter_that_the_store_does_not_know_is_ignored(shop: Wire, name: str) -> None:
    query: dict[str, Any] = {name: "layla@example.com"}
    reply = shop.ask("GET orders", **query)
    assert reply.headers["x-wp-total"] == shop.ask("GET orders").headers["x-wp-total"]


def test_a_search_finds_parts_of_everything(shop: Wire) -> None:
    assert emails(shop.get("orders", search="layla@example.com", per_page=100)) == {
        "layla@example.com",
        "notlayla@example.com",
    }
    assert ids(shop.get("orders", search="ch_SbxLayla")) == [1043]
    assert ids(shop.get("orders", search="1042")) == [1042]
    found = shop.get("orders", search="priority SUPPORT")
    assert [one["line_items"][0]["name"] for one in found] == ["Priority support"] * 10


def test_a_plugins_number_is_not_found(shop: Wire) -> None:
    assert shop.get("orders", search="WEB-2043") == []
    assert shop.ask("GET orders/WEB-2043").error == (404, "rest_no_route", {"status": 404})
    (order,) = shop.get("orders", search="sara@example.org")
    assert (order["number"], str(order["id"])) == ("WEB-2043", str(order["id"]))
    assert order["number"] != str(order["id"])


def test_a_customers_orders_are_exact_and_guests_are_number_nought(shop: Wire) -> None:
    assert emails(shop.get("orders", customer=21, per_page=100)) == {"layla@example.com"}
    assert {one["customer_id"] for one in shop.get("orders", customer=0)} == {0}


def test_ten_are_a_page_and_a_hundred_are_the_most(shop: Wire) -> None:
    tariq = shop.get("customers", email="tariq@example.com")[0]["id"]
    assert len(shop.get("orders", customer=tariq)) == 10
    first = shop.ask("GET orders", customer=tariq, per_page=100)
    assert (len(first.json), first.headers["x-wp-total"], first.headers["x-wp-totalpages"]) == (
        100,
        "106",
        "2",
    )
    second = shop.get("orders", customer=tariq, per_page=100, page=2)
    assert (len(second), set(ids(first.json)) & set(ids(second))) == (6, set())
    assert shop.get("orders", customer=tariq, per_page=100, page=3) == []
    for wrong in ({"per_page": 101}, {"per_page": 0}, {"page": 0}, {"page": "x"}):
        assert shop.ask("GET orders", **wrong).error[1] == "rest_invalid_param"


def test_links_to_other_pages_are_at_the_stores_own_address(shop: Wire) -> None:
    link = shop.ask("GET orders", page=2, search="e").headers["link"]
    assert '<https://shop.example/wp-json/wc/v3/orders?page=1&search=e>; rel="prev"' in link
    assert '<https://shop.example/wp-json/wc/v3/orders?page=3&search=e>; rel="next"' in link


def test_of_a_parameter_that_comes_twice_the_last_counts(shop: Wire) -> None:
    def statuses(query: str) -> set[str]:
        return {one["status"] for one in shop.get(f"orders?per_page=100&{query}")}

    assert statuses("status=failed&status=on-hold") == {"on-hold"}
    assert statuses("status[]=failed&status[]=on-hold") == {"failed", "on-hold"}
    assert statuses("status=failed,on-hold") == {"failed", "on-hold"}


def test_a_status_that_does_not_exist_is_refused(shop: Wire) -> None:
    _, _, data = shop.ask("GET orders", status="canceled").error
    assert data["params"]["status"].startswith("status[0] is not one of any, trash, pending,")


def test_orders_can_be_asked_for_by_id(shop: Wire) -> None:
    assert set(ids(shop.get("orders?include[]=1041&include[]=1042"))) == {1041, 1042}
    assert set(ids(shop.get("orders", include="1041,1042", exclude="1042"))) == {1041}


def test_only_the_fields_asked_for_are_told(shop: Wire) -> None:
    (order,) = shop.get("orders", include="1041", _fields="id,billing.email")
    assert order == {"id": 1041, "billing": {"email": "layla@example.com"}}


def test_times_are_the_stores_and_do_not_say_so(shop: Wire) -> None:
    order = shop.get("orders/1041")
    local, utc = (datetime.fromisoformat(order[name]) for name in ("date_created", "date_created_gmt"))
    assert (local.tzinfo, utc.tzinfo, local - utc) == (None, None, timedelta(hours=3))


def test_a_time_with_a_zone_is_misread_where_utc_is_asked_for(shop: Wire) -> None:
    order = shop.get("orders/1041")
    utc = datetime.fromisoformat(order["date_created_gmt"])
    before = {
        name: (utc - timedelta(hours=1)).isoformat() + zone for name, zone in (("plain", ""), ("z", "Z"))
    }
    mine = {"customer": 21, "per_page": 100}

    def found(**query: Any) -> bool:
        return 1041 in ids(shop.get("orders", **mine, **query))

    assert found(after=before["z"])
    assert found(after=before["plain"], dates_are_gmt="true")
    assert not found(after=before["z"], dates_are_gmt="true")
    assert not found(after=order["date_created"])  # what is made in that second is left out
    assert shop.ask("GET orders", after="yesterday").error[1] == "rest_invalid_param"


def test_the_ids_are_one_sequence_and_each_place_shows_its_own(shop: Wire) -> None:
    assert shop.ask("GET orders/1045").error == (
        404,
        "woocommerce_rest_shop_order_invalid_id",
        {"status": 404},
    )
    assert shop.ask("GET subscriptions/1041").status == 404


def test_a_renewal_names_its_subscription(shop: Wire) -> None:
    (meta,) = shop.get("orders/1052")["meta_data"]
    assert (meta["key"], meta["value"]) == ("_subscription_renewal", "1050")
    assert shop.get("orders/1041")["meta_data"] == []


def test_a_subscription_is_shown_among_the_orders(shop: Wire) -> None:
    assert shop.get("orders/1050")["status"] == "active"
    assert 1050 not in ids(shop.get("orders", customer=21, per_page=100))


# Refunds and notes


def test_refunds_of_an_order_that_does_not_exist_are_none(shop: Wire) -> None:
    assert shop.get("orders/999999/refunds") == []


def test_refunds_come_ten_a_page(wire: Wire) -> None:
    for _ in range(12):
        assert wire.refund(amount="1.00").status == 201
    reply = wire.ask("GET orders/1041/refunds")
    assert (len(reply.json), reply.headers["x-wp-total"]) == (10, "12")
    assert len(wire.get("orders/1041/refunds", per_page=100)) == 12


def test_all_refunds_name_their_orders(shop: Wire) -> None:
    found = {one["id"]: one for one in shop.get("refunds", per_page=100)}
    assert (found[1045]["parent_id"], found[1045]["amount"]) == (1042, "20.00")
    assert "parent_id" not in shop.get("orders/1042/refunds/1045")
    assert shop.get("refunds", search="One seat") == []


def test_a_refund_under_another_order_is_a_500_that_means_404(shop: Wire) -> None:
    assert shop.ask("GET orders/1041/refunds/1045").error == (
        500,
        "woocommerce_rest_invalid_order_refund_id",
        404,
    )
    assert shop.ask("GET orders/1042/refunds/99999").error == (
        404,
        "woocommerce_rest_shop_order_refund_invalid_id",
        {"status": 404},
    )


def test_notes_come_all_at_once(wire: Wire) -> None:
    for number in range(12):
        wire.ask("POST orders/1041/notes", {"note": f"note {number}"})
    reply = wire.ask("GET orders/1041/notes", per_page=5, page=2)
    assert [note["note"] for note in reply.json] == [f"note {number}" for number in reversed(range(12))]
    assert "x-wp-total" not in reply.headers
    numbers = ids(reply.json)
    assert numbers == sorted(numbers, reverse=True)


def test_a_note_keeps_arabic_and_lines_and_loses_backslashes(wire: Wire) -> None:
    text = 'سطر\nline 😀 "quoted" \\"escaped\\" a\\\\b'
    note = wire.ask("POST orders/1041/notes", {"note": text}).json
    assert (note["note"], note["customer_note"]) == ('سطر\nline 😀 "quoted" "escaped" a\\b', False)
    assert wire.get(f"orders/1041/notes/{note['id']}")["note"] == note["note"]


def test_a_note_is_the_systems_unless_it_is_said_to_be_a_users(wire: Wire) -> None:
    assert wire.ask("POST orders/1041/notes", {"note": "x"}).json["author"] == "WooCommerce"
    mine = wire.ask("POST orders/1041/notes", {"note": "x", "added_by_user": True}).json
    assert mine["author"] == "Mona Manager"


def test_a_note_for_the_customer_is_mailed(wire: Wire) -> None:
    wire.ask("POST orders/1041/notes", {"note": "internal"})
    assert wire.mails() == []
    wire.ask("POST orders/1041/notes", {"note": "for you", "customer_note": True})
    assert wire.mails() == [("layla@example.com", "customer_note", "for you")]
    assert len(wire.get("orders/1041/notes", type="internal")) == 1


def test_a_note_can_be_deleted_and_needs_an_order_and_a_text(wire: Wire) -> None:
    note = wire.ask("POST orders/1041/notes", {"note": "x"}).json["id"]
    assert wire.ask(f"DELETE orders/1041/notes/{note}").status == 501
    assert wire.ask(f"DELETE orders/1041/notes/{note}", force="true").status == 200
    assert wire.get("orders/1041/notes") == []
    assert wire.ask("POST orders/1041/notes", {}).error[1] == "rest_missing_callback_param"
    assert wire.ask("POST orders/999/notes", {"note": "x"}).error[:2] == (
        404,
        "woocommerce_rest_order_invalid_id",
    )


# The site


def test_the_store_tells_its_decimals_and_currency(wire: Wire) -> None:
    wire.configure(woo_decimals=3, woo_version=90_400)
    status = wire.get(
        "system_status", _fields="environment.version,settings.number_of_decimals,settings.currency"
    )
    assert status == {
        "environment": {"version": "9.4.0"},
        "settings": {"currency": "USD", "number_of_decimals": 3},
    }
    assert wire.get("settings/general/woocommerce_price_num_decimals")["value"] == "3"
    assert {one["id"] for one in wire.get("settings/general")} >= {"woocommerce_currency"}
    assert wire.ask("GET settings/general/nothing").status == 404
    assert wire.ask("GET settings/nothing/x").status == 404


def test_a_way_to_pay_says_whether_it_can_refund(shop: Wire) -> None:
    assert "refunds" in shop.get("payment_gateways/stripe")["method_supports"]
    assert "refunds" not in shop.get("payment_gateways/bacs")["method_supports"]
    assert "stripe" in [one["id"] for one in shop.get("payment_gateways")]
    assert shop.ask("GET payment_gateways/gone").error == (
        404,
        "woocommerce_rest_payment_gateway_invalid",
        {"status": 404},
    )
