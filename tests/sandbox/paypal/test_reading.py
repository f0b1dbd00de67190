"""What the shop shows of what was paid: every object, list and search, in the files' own words."""

import pytest

from billctl.sandbox.paypal.seed import shop as seeded
from tests.sandbox.paypal.wire import (
    AUTHORIZATION,
    CAPTURE,
    DISPUTED,
    PAID,
    PARTLY,
    SUBSCRIPTION,
    UNPAID,
    Json,
    Wire,
    instant,
)

NOW = 1_790_000_000
PATHS = {
    "capture": "/v2/payments/captures/{}",
    "refund": "/v2/payments/refunds/{}",
    "authorization": "/v2/payments/authorizations/{}",
    "order": "/v2/checkout/orders/{}",
    "subscription": "/v1/billing/subscriptions/{}",
    "plan": "/v1/billing/plans/{}",
    "invoice": "/v2/invoicing/invoices/{}",
    "dispute": "/v1/customer/disputes/{}",
    "sale": "/v1/payments/sale/{}",
}
"""Kind → where one is read."""


@pytest.fixture(scope="module")
def objects() -> list[Json]:
    return seeded(NOW)


@pytest.mark.parametrize("kind", PATHS)
def test_every_object_of_the_shop_is_as_described(shop: Wire, objects: list[Json], kind: str) -> None:
    ids = [one["id"] for one in objects if one["object"] == kind]
    assert ids
    for key in ids:
        body = shop.get(PATHS[kind].format(key))
        assert body.get("id", body.get("dispute_id")) == key


def test_layla_has_what_the_seed_promises(shop: Wire) -> None:
    def money(key: str) -> tuple[str, str]:
        body = shop.get(f"/v2/payments/captures/{key}")
        return body["amount"]["value"], body["status"]

    assert money(CAPTURE) == ("49.00", "COMPLETED")
    assert money(PARTLY) == ("49.00", "PARTIALLY_REFUNDED")
    assert money(DISPUTED) == ("129.00", "COMPLETED")
    assert money("SBXLAYLA000000004") == ("75.00", "COMPLETED")
    assert money("SBXLAYLA000000005") == ("19.00", "COMPLETED")
    assert shop.get("/v2/payments/refunds/SBXLAYLAR00000001")["amount"]["value"] == "20.00"
    held = shop.get(f"/v2/payments/authorizations/{AUTHORIZATION}")
    assert (held["amount"]["value"], held["status"]) == ("60.00", "CREATED")
    subscription = shop.get(f"/v1/billing/subscriptions/{SUBSCRIPTION}")
    assert (subscription["status"], subscription["subscriber"]["email_address"]) == (
        "ACTIVE",
        "layla@example.com",
    )
    due = shop.get(f"/v2/invoicing/invoices/{UNPAID}")
    assert (due["status"], due["due_amount"]["value"]) == ("UNPAID", "120.00")
    paid = shop.get(f"/v2/invoicing/invoices/{PAID}")
    assert (paid["status"], paid["payments"]["transactions"][0]["payment_id"]) == (
        "PAID",
        "SBXLAYLA000000004",
    )


def test_an_order_tells_what_was_refunded_of_it(shop: Wire) -> None:
    related = shop.get(f"/v2/payments/captures/{PARTLY}")["supplementary_data"]["related_ids"]
    (unit,) = shop.get(f"/v2/checkout/orders/{related['order_id']}")["purchase_units"]
    assert [one["id"] for one in unit["payments"]["captures"]] == [PARTLY]
    assert [one["amount"]["value"] for one in unit["payments"]["refunds"]] == ["20.00"]


def test_a_payment_of_a_subscription_has_no_order(shop: Wire) -> None:
    assert "supplementary_data" not in shop.get(f"/v2/payments/captures/{CAPTURE}")


def test_a_subscription_lists_its_payments_and_shows_its_plan(shop: Wire) -> None:
    path = f"/v1/billing/subscriptions/{SUBSCRIPTION}"
    span = {"start_time": instant(NOW - 4e7), "end_time": instant(NOW + 4e8)}
    (paid,) = shop.get(f"{path}/transactions", span)["transactions"]
    assert (paid["id"], paid["payer_email"]) == (CAPTURE, "layla@example.com")
    plan = shop.get(path, {"fields": "plan,last_failed_payment"})["plan"]
    assert plan["billing_cycles"][0]["pricing_scheme"]["fixed_price"]["value"] == "49.00"


def test_subscriptions_are_listed_by_pages_without_their_subscribers(shop: Wire) -> None:
    ids, page = [], 1
    while True:
        body = shop.get("/v1/billing/subscriptions", {"page": page, "page_size": 5})
        ids += [one["id"] for one in body["subscriptions"]]
        assert all("subscriber" not in one for one in body["subscriptions"])
        if not any(link["rel"] == "next" for link in body["links"]):
            break
        page += 1
    assert len(ids) == len(set(ids)) > 10
    assert SUBSCRIPTION in ids


@pytest.mark.parametrize("status", ["ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED", "APPROVAL_PENDING"])
def test_subscriptions_are_found_by_status(shop: Wire, status: str) -> None:
    body = shop.get("/v1/billing/subscriptions", {"statuses": status, "page_size": 20})
    assert {one["status"] for one in body["subscriptions"]} == {status}


def test_plans_are_listed(shop: Wire) -> None:
    body = shop.get("/v1/billing/plans", {"page_size": 20, "total_required": "true"})
    assert body["total_items"] == len(body["plans"]) == 15


def test_disputes_are_listed_by_token_and_found_by_payment(shop: Wire) -> None:
    first = shop.get("/v1/customer/disputes", {"page_size": 2})
    (following,) = [link["href"] for link in first["links"] if link["rel"] == "next"]
    token = following.partition("next_page_token=")[2]
    second = shop.get("/v1/customer/disputes", {"page_size": 2, "next_page_token": token})
    ids = [one["dispute_id"] for one in [*first["items"], *second["items"]]]
    assert len(set(ids)) == 4
    (one,) = shop.get("/v1/customer/disputes", {"disputed_transaction_id": DISPUTED})["items"]
    assert one["dispute_id"] == "PP-D-90001"
    assert "disputed_transactions" not in one
    assert "items" not in shop.get("/v1/customer/disputes", {"disputed_transaction_id": CAPTURE})


def test_a_dispute_names_the_payment_and_hides_the_buyers_address(shop: Wire) -> None:
    body = shop.get("/v1/customer/disputes/PP-D-90001")
    (transaction,) = body["disputed_transactions"]
    assert transaction["seller_transaction_id"] == DISPUTED
    assert transaction["buyer"] == {"name": "Layla Haddad"}
    assert "layla@" not in str(body)


def test_an_old_sale_is_known_to_the_old_api_only(shop: Wire) -> None:
    key = "SBXOMARS000000001"
    assert shop.get(f"/v1/payments/sale/{key}")["amount"] == {"currency": "USD", "total": "39.00"}
    assert shop.ask(f"GET /v2/payments/captures/{key}").status == 404
    assert shop.get(f"/v1/payments/capture/{CAPTURE}")["state"] == "completed"


@pytest.mark.parametrize("path", [path for kind, path in PATHS.items() if kind != "sale"])
def test_what_is_not_there_is_missed_as_paypal_misses_it(shop: Wire, path: str) -> None:
    reply = shop.ask(f"GET {path.format('NOTHING0000000000')}")
    assert (reply.status, reply.json["name"], reply.issue) == (
        404,
        "RESOURCE_NOT_FOUND",
        "INVALID_RESOURCE_ID",
    )


def test_the_live_shop_is_another_with_the_same_people(wire: Wire) -> None:
    test = wire.get(f"/v2/payments/captures/{CAPTURE}")["payee"]["merchant_id"]
    wire.live = True
    live = wire.get(f"/v2/payments/captures/{CAPTURE}")["payee"]["merchant_id"]
    assert live != test
    assert wire.refund(CAPTURE, "1.00").status == 201
    wire.live = False
    assert wire.get(f"/v2/payments/captures/{CAPTURE}")["status"] == "COMPLETED"
