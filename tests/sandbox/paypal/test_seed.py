"""The shop at PayPal: what the documentation and other tests may count on."""

import re
import subprocess
import sys
import time
import unicodedata
from collections import Counter

import pytest

from billctl.sandbox.paypal.seed import shop as seeded
from billctl.sandbox.seed import PEOPLE
from tests.sandbox.paypal.wire import Json

NOW = 1_790_000_000
DAY = 86_400


@pytest.fixture(scope="module")
def objects() -> list[Json]:
    return seeded(NOW)


def of(objects: list[Json], kind: str) -> list[Json]:
    return [one for one in objects if one["object"] == kind]


def test_everybody_who_is_a_customer_at_paypal_is_there(objects: list[Json]) -> None:
    expected = {person.email for person in PEOPLE if "paypal" in person.gateways}
    assert {payer["email"] for payer in of(objects, "payer")} == expected
    names = [payer["given"] for payer in of(objects, "payer")]
    assert any("ARABIC" in unicodedata.name(name[0], "") for name in names)
    assert any("\x1b" in name for name in names)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("capture", {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED", "PENDING", "DECLINED"}),
        ("refund", {"COMPLETED", "PENDING", "FAILED"}),
        ("authorization", {"CREATED", "PARTIALLY_CAPTURED", "CAPTURED", "VOIDED"}),
        ("subscription", {"ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED", "APPROVAL_PENDING"}),
        (
            "invoice",
            {"DRAFT", "SCHEDULED", "SENT", "UNPAID", "PAID", "PARTIALLY_PAID", "MARKED_AS_PAID", "CANCELLED"},
        ),
        (
            "dispute",
            {"WAITING_FOR_SELLER_RESPONSE", "WAITING_FOR_BUYER_RESPONSE", "UNDER_REVIEW", "RESOLVED"},
        ),
    ],
)
def test_the_shop_has_every_state_that_an_operator_meets(
    objects: list[Json], kind: str, statuses: set[str]
) -> None:
    assert {one["status"] for one in of(objects, kind)} == statuses


def test_the_shop_pays_in_currencies_with_and_without_decimals(objects: list[Json]) -> None:
    assert {one["currency"] for one in of(objects, "capture")} == {"USD", "EUR", "JPY", "TWD", "HUF"}


def test_ids_are_readable_unique_and_of_paypals_forms(objects: list[Json]) -> None:
    forms = {
        **dict.fromkeys(("capture", "refund", "order", "authorization", "sale"), "[A-Z0-9]{17}"),
        "payer": "[2-9A-HJ-NP-Z]{13}",
        "subscription": "I-[A-Z0-9]{12}",
        "invoice": "INV2(-[A-Z0-9]{4}){4}",
        "plan": "P-[A-Z0-9]{24}",
        "dispute": "PP-D-[0-9]+",
    }

    assert all(re.fullmatch(forms[one["object"]], one["id"]) for one in objects)
    assert max(Counter(one["id"] for one in objects).values()) == 1


def test_what_was_refunded_never_exceeds_what_was_taken(objects: list[Json]) -> None:
    captures = {one["id"]: one for one in of(objects, "capture")}
    given: Counter[str] = Counter()
    for refund in of(objects, "refund"):
        if refund["status"] in ("COMPLETED", "PENDING"):
            given[refund["charge"]] += refund["amount"]
    assert {key: one["refunded"] for key, one in captures.items() if one["refunded"]} == dict(given)
    assert all(one["refunded"] <= one["amount"] for one in captures.values())


def test_the_same_moment_gives_the_same_shop_and_nothing_of_the_future() -> None:
    assert seeded(NOW) == seeded(NOW)
    assert all(one["created"] <= NOW and one["updated"] <= NOW for one in seeded(NOW))


def test_laylas_invoice_has_been_due_for_twenty_days(objects: list[Json]) -> None:
    (due,) = (one for one in objects if one["id"] == "INV2-SBXL-AYLA-0000-0001")
    assert (NOW - due["due_on"]) // DAY == 20


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
    code = f"import sys; import billctl.sandbox.paypal.app; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
