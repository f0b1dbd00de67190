"""Ending a subscription: the transition does it, the status only says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.woocommerce.conftest import Reply, Wire

DATES = ("next_payment_date_gmt", "cancelled_date_gmt", "end_date_gmt")
FATAL = (500, "internal_server_error", {"status": 500})


def put(wire: Wire, key: int = 1050, **fields: Any) -> Reply:
    return wire.ask(f"PUT subscriptions/{key}", fields)


def dates(subscription: dict[str, Any]) -> tuple[str, ...]:
    return tuple(subscription[name] for name in DATES)


def is_now(text: str) -> bool:
    return abs(datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)


def by_status(wire: Wire, status: str) -> int:
    (found, *_) = wire.get("subscriptions", status=status)
    key: int = found["id"]
    return key


def test_an_active_subscription_is_shown_with_its_dates(shop: Wire) -> None:
    layla = shop.get("subscriptions/1050")
    assert (layla["status"], layla["billing_period"], layla["billing_interval"], layla["parent_id"]) == (
        "active",
        "month",
        "1",
        1049,
    )
    due, cancelled, end = dates(layla)
    assert (datetime.fromisoformat(due).replace(tzinfo=UTC) > datetime.now(UTC), cancelled, end) == (
        True,
        "",
        "",
    )
    assert "transaction_id" not in layla


def test_at_the_periods_end_it_ends_with_what_is_paid(wire: Wire) -> None:
    (due, _, _) = dates(wire.get("subscriptions/1050"))
    left = put(wire, transition_status="pending-cancel").json
    assert (left["status"], dates(left)[0], dates(left)[2]) == ("pending-cancel", "", due)
    assert is_now(dates(left)[1])


def test_now_it_ends_now(wire: Wire) -> None:
    ended = put(wire, transition_status="cancelled").json
    due, cancelled, end = dates(ended)
    assert (ended["status"], due, is_now(cancelled), is_now(end)) == ("cancelled", "", True, True)
    assert "Status changed from Active to Cancelled." in [
        note["note"] for note in wire.get("subscriptions/1050/notes")
    ]


@pytest.mark.parametrize("status", ["cancelled", "pending-cancel"])
def test_a_status_is_only_a_word(wire: Wire, status: str) -> None:
    before = dates(wire.get("subscriptions/1050"))
    after = put(wire, status=status).json
    assert (after["status"], dates(after)) == (status, before)


def test_of_both_the_transition_is_done(wire: Wire) -> None:
    assert put(wire, status="active", transition_status="cancelled").json["status"] == "cancelled"


def test_what_ended_already_ends_again_without_a_change(wire: Wire) -> None:
    first = put(wire, transition_status="cancelled").json
    again = put(wire, transition_status="cancelled")
    assert (again.status, dates(again.json)) == (200, dates(first))


def test_american_spelling_is_refused(wire: Wire) -> None:
    for field in ("status", "transition_status"):
        named: dict[str, Any] = {field: "canceled"}
        assert put(wire, **named).error[1] == "rest_invalid_param"


@pytest.mark.parametrize(
    ("present", "wanted", "allowed"),
    [
        ("on-hold", "pending-cancel", False),  # a payment is due
        ("on-hold", "cancelled", True),
        ("pending-cancel", "cancelled", True),
        ("pending-cancel", "active", True),
        ("cancelled", "active", False),
        ("active", "on-hold", True),
        ("active", "switched", False),
        ("active", "expired", True),
    ],
)
def test_php_dies_of_a_transition_that_is_not_allowed(
    wire: Wire, present: str, wanted: str, allowed: bool
) -> None:
    key = by_status(wire, present)
    reply = put(wire, key, transition_status=wanted)
    now = wire.get(f"subscriptions/{key}")["status"]
    if allowed:
        assert (reply.status, now) == (200, wanted)
        return
    assert (reply.error, "<p>" in reply.json["message"], now) == (FATAL, True, present)
    told = wire.get(f"subscriptions/{key}/notes")[0]["note"]
    assert told == f'Unable to change subscription status to "{wanted}".'


def test_a_subscription_that_goes_on_is_due_when_it_would_have_ended(wire: Wire) -> None:
    before = dates(wire.get("subscriptions/1050"))
    put(wire, transition_status="pending-cancel")
    assert dates(put(wire, transition_status="active").json) == before


def test_a_way_to_pay_that_cannot_cancel_stops_the_transition_and_not_the_status(wire: Wire) -> None:
    (faisal,) = wire.get("subscriptions", search="faisal@example.com")
    assert faisal["payment_method"] == "ppcp-gateway"
    for wanted in ("cancelled", "pending-cancel"):
        assert put(wire, faisal["id"], transition_status=wanted).error == FATAL
    assert put(wire, faisal["id"], status="cancelled").json["status"] == "cancelled"


def test_deleting_one_only_puts_it_into_the_trash(wire: Wire) -> None:
    due = dates(wire.get("subscriptions/1050"))
    assert wire.ask("DELETE subscriptions/1050").json["status"] == "trash"
    assert dates(wire.get("subscriptions/1050")) == due
    assert 1050 not in [one["id"] for one in wire.get("subscriptions", customer=21)]


def test_its_orders_are_one_page_with_their_kind(shop: Wire) -> None:
    reply = shop.ask("GET subscriptions/1050/orders", per_page=1)
    assert [(one["id"], one["order_type"]) for one in reply.json] == [
        (1049, "parent_order"),
        (1052, "renewal_order"),
        (1051, "renewal_order"),
    ]
    assert reply.headers["x-wp-totalpages"] == "1"
    assert shop.ask("GET subscriptions/999/orders").status == 404


def test_a_customers_subscriptions_are_asked_for_by_customer_and_status(shop: Wire) -> None:
    assert [one["id"] for one in shop.get("subscriptions", customer=21)] == [1050]
    assert {one["status"] for one in shop.get("subscriptions", status="on-hold", per_page=100)} == {"on-hold"}
    assert shop.ask("GET subscriptions", status="canceled").error[1] == "rest_invalid_param"
    assert shop.ask("GET subscriptions/1041").error[:2] == (
        404,
        "woocommerce_rest_shop_subscription_invalid_id",
    )


def test_everybody_may_read_the_statuses(shop: Wire) -> None:
    statuses = shop.ask("GET subscriptions/statuses", keys=None).json
    assert statuses["wc-pending-cancel"] == "Pending Cancellation"


def test_without_the_extension_there_is_no_route(wire: Wire) -> None:
    wire.configure(woo_subscriptions=0)
    for request in ("GET subscriptions", "GET subscriptions/1050", "PUT subscriptions/1050"):
        assert wire.ask(request).error == (404, "rest_no_route", {"status": 404})
