"""The rehearsal shop: what the documentation promises of it."""

import unicodedata
from decimal import Decimal
from typing import Any

import pytest

from billctl.sandbox.braintree.seed import shop as seeded
from billctl.sandbox.seed import PEOPLE
from tests.sandbox.braintree.conftest import braintree

NOW = 1_790_000_000
DAY = 86_400
Record = dict[str, Any]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return seeded(NOW)


def of(records: list[Record], kind: str) -> list[Record]:
    return [one for one in records if one["object"] == kind]


def test_layla_has_what_is_promised(reader: Any) -> None:
    layla = reader.customer.find("layla")
    assert (layla.first_name, layla.last_name, layla.email) == ("Layla", "Haddad", "layla@example.com")
    assert [card.token for card in layla.credit_cards] == ["layla1"]
    found = reader.transaction.search(braintree.TransactionSearch.customer_id == "layla").items
    payments = {one.id: one for one in found}
    promised = {
        "layla001": ("sale", "settled", "49.00", "USD", []),
        "layla002": ("sale", "settled", "49.00", "USD", ["layla003"]),
        "layla003": ("credit", "settled", "20.00", "USD", []),
        "layla004": ("sale", "submitted_for_settlement", "15.00", "EUR", []),
        "layla005": ("sale", "authorized", "30.00", "USD", []),
        "layla006": ("sale", "settled", "120.00", "USD", []),
    }
    assert {
        key: (one.type, one.status, str(one.amount), one.currency_iso_code, one.refund_ids)
        for key, one in payments.items()
        if key in promised
    } == promised
    (dispute,) = payments["layla006"].disputes
    assert (dispute.id, dispute.status, dispute.amount_disputed) == (
        "layladispute0001",
        "open",
        Decimal("120.00"),
    )
    (subscription,) = layla.credit_cards[0].subscriptions
    assert (subscription.id, subscription.status, subscription.current_billing_cycle) == (
        "sublay",
        "Active",
        3,
    )
    assert subscription.price == Decimal("49.00")
    assert len(subscription.transactions) == 3


def test_everybody_who_is_a_customer_here_is_here(records: list[Record]) -> None:
    emails = [one["email"] for one in of(records, "customer")]
    assert set(emails) == {person.email for person in PEOPLE if "braintree" in person.gateways}
    assert emails.count("shared@example.com") == 2


def test_names_are_of_every_kind(records: list[Record]) -> None:
    names = [f"{one['first_name']} {one['last_name']}" for one in of(records, "customer")]
    assert sum(any("ARABIC" in unicodedata.name(c, "") for c in name) for name in names) >= 4
    assert any("\x1b" in name and "\u202e" in name for name in names)


def test_the_shop_is_as_varied_as_promised(records: list[Record]) -> None:
    sales = of(records, "transaction")
    assert {one["currency"] for one in sales} == {"USD", "EUR", "SAR", "KWD", "JPY"}
    assert {one["status"] for one in sales} == {
        "authorized",
        "authorization_expired",
        "submitted_for_settlement",
        "settling",
        "settled",
        "voided",
        "processor_declined",
    }
    assert {one["status"] for one in of(records, "subscription")} == {
        "Active",
        "Canceled",
        "Expired",
        "Past Due",
    }
    assert {one["status"] for one in of(records, "dispute")} == {"open", "disputed", "won", "lost"}
    guests = [one for one in sales if "customer" not in one]
    assert len(guests) == 4
    assert all(one["email"] for one in guests)


def test_nothing_happened_in_the_future_and_all_in_fourteen_months(records: list[Record]) -> None:
    assert all(NOW - 430 * DAY < one["created"] <= NOW for one in records)
    assert min(one["created"] for one in records) < NOW - 365 * DAY
    late = [one["id"] for one in records if one.get("updated", 0) > NOW]
    assert late == []


def test_the_shop_waits_for_nothing(records: list[Record]) -> None:
    assert [one["id"] for one in records if "due" in one] == []


def test_ids_look_like_braintrees_and_are_each_ones_own(records: list[Record]) -> None:
    lengths = {"transaction": 8, "subscription": 6, "credit_card": 6, "dispute": 16}
    for kind, length in lengths.items():
        ids = [one["id"] for one in of(records, kind)]
        assert len(set(ids)) == len(ids)
        assert {len(key) for key in ids} == {length}
        assert all(key.isalnum() and key == key.lower() for key in ids)
    customers = [one["id"] for one in of(records, "customer")]
    assert any(key.isdecimal() and len(key) == 9 for key in customers)


def test_refunds_and_their_sales_name_each_other(records: list[Record]) -> None:
    sales = {one["id"]: one for one in of(records, "transaction")}
    credits = [one for one in sales.values() if one["type"] == "credit"]
    assert credits
    for credit in credits:
        sale = sales[credit["charge"]]
        assert credit["id"] in sale["refunds"]
        assert credit["created"] > sale["created"]
        assert sum(sales[key]["amount"] for key in sale["refunds"]) <= sale["amount"]


def test_a_shop_is_the_same_every_time_but_for_its_dates() -> None:
    assert seeded(NOW) == seeded(NOW)
    later = {one["id"]: one.get("amount") for one in seeded(NOW + 40 * DAY)}
    assert {one["id"]: one.get("amount") for one in seeded(NOW)} == later
