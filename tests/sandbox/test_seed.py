"""The rehearsal shop: what the documentation promises of it."""

import unicodedata

import pytest

from billctl.sandbox.stripe.seed import shop as seeded
from tests.sandbox.conftest import Json, Wire

LAYLA = "cus_SbxLayla000001"
NOW = 1_790_000_000
DAY = 86_400


@pytest.fixture(scope="module")
def objects() -> list[Json]:
    return seeded(NOW, live=False)


def of(objects: list[Json], kind: str) -> list[Json]:
    return [one for one in objects if one["object"] == kind]


def test_layla_has_what_the_readme_shows(shop: Wire) -> None:
    layla = shop.get("/v1/customers", {"email": "layla@example.com"})["data"]
    assert [(one["id"], one["name"]) for one in layla] == [(LAYLA, "Layla Haddad")]
    charges = {
        one["id"]: one for one in shop.get("/v1/charges", f"customer={LAYLA}&expand[]=data.refunds")["data"]
    }
    assert {
        key: (one["amount"], one["currency"], one["amount_refunded"]) for key, one in charges.items()
    } == {
        "ch_SbxLayla0000001": (4900, "usd", 0),
        "ch_SbxLayla0000002": (4900, "usd", 2000),
        "ch_SbxLayla0000003": (310_500, "kwd", 0),
    }
    (dispute,) = shop.get("/v1/disputes", {"charge": "ch_SbxLayla0000003"})["data"]
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 310_500)
    (subscription,) = shop.get("/v1/subscriptions", {"customer": LAYLA, "status": "all"})["data"]
    assert (subscription["id"], subscription["status"]) == ("sub_SbxLayla000001", "active")
    price = subscription["items"]["data"][0]["price"]
    assert (price["unit_amount"], price["recurring"]["interval"]) == (4900, "month")
    invoices = {one["id"]: one for one in shop.get("/v1/invoices", {"customer": LAYLA})["data"]}
    due = invoices["in_SbxLayla000001"]
    assert (due["status"], due["collection_method"], due["total"]) == ("open", "send_invoice", 12_000)
    assert invoices["in_SbxLayla000002"]["status"] == "paid"


def test_laylas_invoice_has_been_due_for_twenty_days(objects: list[Json]) -> None:
    due = next(one for one in objects if one["id"] == "in_SbxLayla000001")
    assert (NOW - due["due_date"]) // DAY == 20


def test_the_shop_is_as_large_and_as_varied_as_promised(objects: list[Json]) -> None:
    customers = of(objects, "customer")
    assert len(customers) >= 40
    names = [one["name"] for one in customers]
    arabic = [name for name in names if any("ARABIC" in unicodedata.name(c, "") for c in name)]
    assert len(arabic) >= 12
    assert any("\x1b" in name and "\u202e" in name for name in names)
    emails = [one["email"] for one in customers if one["email"]]
    assert len(emails) - len(set(emails)) == 1
    assert any(email != email.lower() for email in emails)
    assert {"usd", "eur", "sar", "kwd", "jpy", "isk", "ugx"} == {
        one["currency"] for one in of(objects, "charge")
    }
    assert any(one.get("customer") is None for one in of(objects, "charge"))


def test_every_status_of_stripes_is_there(objects: list[Json]) -> None:
    def statuses(kind: str) -> set[str]:
        return {one["status"] for one in of(objects, kind)}

    assert statuses("refund") == {"succeeded", "pending", "failed", "canceled", "requires_action"}
    assert statuses("invoice") == {"draft", "open", "paid", "uncollectible", "void"}
    assert statuses("dispute") == {
        "warning_needs_response",
        "warning_under_review",
        "warning_closed",
        "needs_response",
        "under_review",
        "won",
        "lost",
        "prevented",
    }
    assert len(statuses("subscription")) == 8


def test_sums_agree_with_their_parts(objects: list[Json]) -> None:
    for charge in of(objects, "charge"):
        returned = sum(
            one["amount"]
            for one in of(objects, "refund")
            if one["charge"] == charge["id"] and one["status"] not in ("failed", "canceled")
        )
        assert charge["amount_refunded"] == returned <= charge["amount"]
        assert charge["refunded"] is True if returned == charge["amount"] else not charge.get("refunded")
    by_id = {one["id"]: one for one in objects}
    for payment in of(objects, "invoice_payment"):
        invoice, intent = by_id[payment["invoice"]], by_id[payment["payment_intent"]]
        assert intent["amount"] == sum(line["amount"] for line in invoice["_lines"])
        if invoice["status"] == "paid":
            assert by_id[intent["latest_charge"]]["amount_captured"] == invoice["amount_paid"]


def test_nothing_happens_in_the_future_or_before_the_shop_opened(objects: list[Json]) -> None:
    created = [one["created"] for one in objects]
    assert created == sorted(created)
    assert NOW - 600 * DAY < created[0] < NOW - 500 * DAY
    assert created[-1] <= NOW


def test_amounts_fit_their_currency(objects: list[Json]) -> None:
    for one in of(objects, "charge") + of(objects, "refund"):
        step = {"kwd": 10, "isk": 100, "ugx": 100}.get(one["currency"], 1)
        assert one["amount"] % step == 0
        assert one["amount"] > 0


def test_ids_have_stripes_prefixes_and_lengths(objects: list[Json]) -> None:
    lengths = {"cus": 14, "sub": 14, "in": 14, "prod": 14, "ch": 15, "re": 15, "pi": 15, "dp": 15, "evt": 14}
    for one in objects:
        prefix, _, rest = one["id"].partition("_")
        assert len(rest) == lengths.get(prefix, len(rest))
        assert rest.startswith("Sbx")
