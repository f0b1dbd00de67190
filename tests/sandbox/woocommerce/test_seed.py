"""The rehearsal store: what the documentation promises of it."""

from decimal import Decimal
from typing import Any

import pytest

from billctl.sandbox.seed import PEOPLE
from billctl.sandbox.woocommerce.seed import shop as seeded
from tests.sandbox.woocommerce.conftest import Wire

NOW = 1_790_000_000
DAY = 86_400
Record = dict[str, Any]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return seeded(NOW)


def of(records: list[Record], kind: str) -> list[Record]:
    return [one for one in records if one["object"] == kind]


def test_layla_has_what_is_promised(shop: Wire) -> None:
    layla = shop.get("customers/21")
    assert (layla["first_name"], layla["last_name"], layla["email"]) == (
        "Layla",
        "Haddad",
        "layla@example.com",
    )
    orders = {one["id"]: one for one in shop.get("orders", customer=21, per_page=100)}
    promised = {
        1041: ("completed", "49.00", "woocommerce_payments", "", []),
        1042: ("completed", "49.00", "woocommerce_payments", "", ["-20.00"]),
        1043: ("completed", "49.00", "stripe", "ch_SbxLayla0000001", []),
        1044: ("pending", "15.00", "bacs", "", []),
        1046: ("completed", "120.00", "woocommerce_payments", "", []),
        1047: ("completed", "75.00", "ppcp-gateway", "SBXLAYLA000000004", []),
        1048: ("completed", "49.00", "braintree_credit_card", "layla001", []),
    }
    assert {
        key: (
            one["status"],
            one["total"],
            one["payment_method"],
            one["transaction_id"],
            [refund["total"] for refund in one["refunds"]],
        )
        for key, one in orders.items()
        if key in promised
    } == promised
    assert {one["currency"] for one in orders.values()} == {"USD"}
    assert orders[1044]["date_paid"] is None
    assert orders[1041]["date_paid_gmt"] is not None
    assert shop.get("subscriptions/1050")["status"] == "active"


def test_everybody_who_buys_here_has_an_order_or_a_subscription(records: list[Record]) -> None:
    buyers = {order["billing"]["email"] for order in of(records, "order")}
    assert {person.email for person in PEOPLE if "woocommerce" in person.gateways} <= buyers


def test_some_bought_without_becoming_users(records: list[Record]) -> None:
    users = {user["email"] for user in of(records, "customer")}
    guests = {order["billing"]["email"] for order in of(records, "order") if order["customer"] == "0"}
    assert {"rashid@example.com", "notlayla@example.com", "guest1@example.com"} <= guests - users
    assert "shared@example.com" in guests & users


def test_nothing_happens_in_the_future_and_ids_are_one_sequence(records: list[Record]) -> None:
    assert max(one["created"] for one in records) <= NOW
    assert [one["created"] for one in records] == sorted(one["created"] for one in records)
    sequence = [one["id"] for kind in ("order", "refund", "subscription") for one in of(records, kind)]
    assert len(sequence) == len(set(sequence))


def test_what_was_given_back_was_really_moved(records: list[Record]) -> None:
    def totals(kind: str) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for one in of(records, kind):
            found[one["charge"]] = found.get(one["charge"], Decimal(0)) + Decimal(one["amount"])
        return found

    assert totals("refund") == totals("movement")
    paid = {order["id"]: Decimal(order["total"]) for order in of(records, "order")}
    assert all(back <= paid[order] for order, back in totals("refund").items())
    whole = {order for order, back in totals("refund").items() if back == paid[order]}
    assert whole == {order["id"] for order in of(records, "order") if order["status"] == "refunded"}


def test_the_shop_is_the_same_every_day_but_for_its_dates(records: list[Record]) -> None:
    moments = ("created", "modified", "paid", "completed", "next", "cancelled", "end")

    def undated(found: list[Record]) -> list[Record]:
        return [{name: value for name, value in one.items() if name not in moments} for one in found]

    assert undated(seeded(NOW + DAY)) == undated(records)
