"""The shop at Recurly: what the documentation and other tests may count on."""

import re
import subprocess
import sys
import time
import unicodedata
from collections import Counter

import pytest

from billctl.sandbox.recurly.seed import shop as seeded
from billctl.sandbox.seed import PEOPLE
from tests.sandbox.recurly.wire import Json

NOW = 1_790_000_000
DAY = 86_400


@pytest.fixture(scope="module")
def objects() -> list[Json]:
    return seeded(NOW)


def of(objects: list[Json], kind: str, code: str = "") -> list[Json]:
    """Everything of a kind, or an account's."""
    owners = {one["id"] for one in objects if one["object"] == "account" and one["code"] == code}
    return [one for one in objects if one["object"] == kind and (not code or one["customer"] in owners)]


def test_everybody_who_is_a_customer_at_recurly_is_there(objects: list[Json]) -> None:
    expected = sorted(person.email for person in PEOPLE if "recurly" in person.gateways)
    assert sorted(one["email"] for one in of(objects, "account")) == expected
    names = [one["first_name"] for one in of(objects, "account")]
    assert any("ARABIC" in unicodedata.name(name[0], "") for name in names)
    assert any("\x1b" in name for name in names)


@pytest.mark.parametrize(
    ("kind", "field", "words"),
    [
        ("transaction", "type", {"purchase", "refund", "verify", "authorization"}),
        ("transaction", "status", {"success", "declined", "void", "processing", "chargeback"}),
        ("subscription", "status", {"active", "canceled", "expired", "paused", "future"}),
        ("invoice", "status", {"paid", "past_due", "pending", "closed", "open", "processing"}),
        ("invoice", "type", {"charge", "credit"}),
        ("invoice", "currency", {"USD", "EUR", "SAR"}),
    ],
)
def test_the_shop_has_every_state_that_an_operator_meets(
    objects: list[Json], kind: str, field: str, words: set[str]
) -> None:
    assert {one[field] for one in of(objects, kind)} == words


def test_laylas_objects_are_as_promised(objects: list[Json]) -> None:
    charges = {
        one["id"]: (one["amount"], one["currency"], one["status"], one.get("refunded", 0))
        for one in of(objects, "transaction", "layla")
    }
    assert charges == {
        "laylatx00001": (4900, "USD", "success", 0),
        "laylatx00002": (4900, "USD", "success", 2000),
        "laylatx00003": (1500, "USD", "declined", 0),
        "laylatx00004": (4900, "USD", "success", 0),
        "laylatx00005": (2000, "USD", "success", 0),
        "laylatx00006": (1500, "EUR", "success", 0),
        "laylatx00007": (1900, "USD", "success", 0),
    }
    bills = {one["number"]: (one["total"], one["status"]) for one in of(objects, "invoice", "layla")}
    assert bills == {
        "1001": (4900, "paid"),
        "1002": (4900, "paid"),
        "1003": (1500, "past_due"),
        "1004": (4900, "paid"),
        "1005": (-1000, "open"),
        "1006": (-2000, "closed"),
        "1007": (1500, "paid"),
        "1008": (1900, "paid"),
    }
    lines = [one["amount"] for one in of(objects, "line_item", "layla") if one["invoice"] == "laylain00001"]
    assert lines == [2900, 2000]
    plans = {one["id"]: one for one in of(objects, "subscription", "layla")}
    active, canceled = plans["laylasub0001"], plans["laylasub0002"]
    assert (active["status"], active["price"], active["active_invoice"]) == ("active", 4900, "laylain00004")
    assert active["start"] < NOW < active["end"]
    assert (canceled["status"], canceled["due"]) == ("canceled", canceled["expires"])
    assert canceled["expires"] > NOW


def test_ids_are_readable_unique_and_of_recurlys_form(objects: list[Json]) -> None:
    named = [one for one in objects if one["object"] != "alias"]
    assert all(re.fullmatch("[a-z0-9]{12,13}", one["id"]) for one in named)
    assert max(Counter(one["id"] for one in objects).values()) == 1
    targets = {one["id"] for one in named}
    assert all(one["of"] in targets for one in objects if one["object"] == "alias")


def test_the_books_agree_with_themselves(objects: list[Json]) -> None:
    """What paid an invoice, what its lines add up to and what was refunded are told twice, alike."""
    paid: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for one in of(objects, "transaction"):
        if one["type"] == "purchase" and one["status"] in ("success", "chargeback"):
            paid[one["invoice"]] += one["amount"]
        if one["type"] == "refund":
            given[one["charge"]] += one["amount"]
    charges = [one for one in of(objects, "invoice") if one["type"] == "charge"]
    assert {one["id"]: one["paid"] for one in charges if one["paid"]} == dict(paid)
    assert all(one["balance"] == one["total"] - one["paid"] - one.get("credited", 0) for one in charges)
    purchases = [one for one in of(objects, "transaction") if one["type"] == "purchase"]
    assert {one["id"]: one["refunded"] for one in purchases if one.get("refunded")} == dict(given)
    sums: Counter[str] = Counter()
    back: Counter[str] = Counter()
    for line in of(objects, "line_item"):
        sums[line["invoice"]] += line["amount"]
        back[line["invoice"]] += line.get("refunded", 0)
    assert {one["id"]: one["total"] for one in of(objects, "invoice")} == dict(sums)
    assert all(back[one["id"]] == one["refunded"] for one in charges)


def test_the_same_moment_gives_the_same_shop_and_nothing_of_the_future() -> None:
    assert seeded(NOW) == seeded(NOW)
    assert all(one["created"] <= NOW and one.get("updated", 0) <= NOW for one in seeded(NOW))


def test_the_shop_is_filled_in_a_moment() -> None:
    fastest = min(_seconds_to_seed() for _ in range(5))
    assert fastest < 0.05


def _seconds_to_seed() -> float:
    started = time.perf_counter()
    seeded(NOW)
    return time.perf_counter() - started


def test_the_protocol_loads_nothing_heavy() -> None:
    heavy = (
        "{'http.client', 'email', 'requests', 'urllib.request', 'decimal', 'dataclasses', 'asyncio', 'ssl'}"
    )
    code = f"import sys; import billctl.sandbox.recurly.app; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
