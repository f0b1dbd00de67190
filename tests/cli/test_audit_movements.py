"""`billctl audit reconcile --movements`: what happened at the gateways and has no record in this log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billctl.sandbox import STRIPE_KEY, state
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    BRAINTREE_SUBSCRIPTION,
    PAYPAL_CHARGE,
    PAYPAL_SUBSCRIPTION,
    Street,
    open_gateway_shop,
    open_street,
)
from tests.shop import HELD, HELD_ALONE, PAID, PART, SUBSCRIPTION, WHY, Shop

Rows = list[dict[str, Any]]


def moved(shop: Shop, *words: str, code: int) -> Rows:
    ran = shop.run("audit", "reconcile", "--movements", *words, "-o", "json")
    assert ran.code == code, ran.err
    found: Rows = ran.data
    return found


def sdk(shop: Shop) -> Any:
    """The gateway's own SDK: whoever uses it leaves no record here."""
    return shop._client(STRIPE_KEY).v1


def forget(shop: Shop) -> None:
    """Be another machine: one with a log of its own."""
    for path in shop.state_dir.glob("audit.sqlite*"):
        path.unlink()


def test_what_billctl_did_is_explained_by_its_records(shop: Shop) -> None:
    for words in (
        ("refund", PAID, "--amount", "12.50"),
        ("refund", PART, "--full"),
        ("cancel", SUBSCRIPTION),
        ("void", HELD),
        ("void", HELD_ALONE),
    ):
        assert shop.run("stripe", *words, *WHY).code == 0
    assert moved(shop, code=0) == []
    ran = shop.run("audit", "reconcile", "--movements", "-o", "table")
    assert ran.out == "every refund and cancellation has its record\n"


def test_what_somebody_did_at_the_gateway_itself_is_found(shop: Shop) -> None:
    assert shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY).code == 0
    made = sdk(shop).refunds.create({"charge": PAID, "amount": 1250})
    sdk(shop).subscriptions.cancel(SUBSCRIPTION)
    ran = shop.run("audit", "reconcile", "--movements", "--since", "1h", "-o", "json")
    assert ran.code == 14
    assert "2 movements have no record here" in ran.line
    refund, cancellation = sorted(ran.data, key=lambda row: str(row["kind"]), reverse=True)
    assert (refund["kind"], refund["ref"], refund["of"]) == ("refund", f"stripe:{made.id}", f"stripe:{PAID}")
    assert refund["amount"]["amount"] == "12.50"
    assert (refund["stamp"], refund["note"]) == (None, "no record of it here")
    assert (cancellation["kind"], cancellation["ref"]) == ("cancellation", f"stripe:{SUBSCRIPTION}")
    table = shop.run("audit", "reconcile", "--movements", "-o", "table").out
    assert made.id in table
    assert "12.50 USD" in table


def test_what_is_older_than_since_is_left_out(shop: Shop) -> None:
    older = {row["ref"] for row in moved(shop, "--since", "4w", code=14)}
    assert older  # what the shop had before billctl came
    assert moved(shop, "--since", "1h", code=0) == []


def test_what_another_log_explains_is_said_to_be_billctls(shop: Shop) -> None:
    assert shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY).code == 0
    assert shop.run("stripe", "cancel", SUBSCRIPTION, *WHY).code == 0
    forget(shop)
    found = moved(shop, code=14)
    assert {row["note"] for row in found} == {"made by billctl with another audit log"}
    assert all(len(row["stamp"]) == 32 for row in found)


def test_an_operation_that_is_not_settled_explains_what_carries_its_key(shop: Shop) -> None:
    shop.arm("answer-lost", "POST /v1/refunds", times=10)
    assert shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY).code == 6
    assert moved(shop, code=0) == []


def test_a_void_that_was_done_explains_no_refund_of_another_amount(shop: Shop) -> None:
    charge = shop.charge_with("pm_card_visa", 5000)
    sdk(shop).refunds.create({"charge": charge})
    refused = shop.run("stripe", "void", charge, *WHY)
    assert refused.code == 5
    (row,) = moved(shop, code=14)
    assert row["of"] == f"stripe:{charge}"


def test_nothing_is_recorded_or_changed_by_looking(shop: Shop) -> None:
    sdk(shop).refunds.create({"charge": PAID, "amount": 1250})
    before = (shop.fingerprint(), shop.audit())
    moved(shop, code=14)
    assert (shop.fingerprint(), shop.audit()) == before


@pytest.mark.parametrize(
    ("gateway", "done", "elsewhere", "found"),
    [
        (
            "paypal",
            ("refund", PAYPAL_CHARGE, "--amount", "12.50"),
            ("cancel", PAYPAL_SUBSCRIPTION, "--now"),
            {"refund"},
        ),
        (
            "braintree",
            ("refund", BRAINTREE_CHARGE, "--amount", "12.50"),
            ("cancel", BRAINTREE_SUBSCRIPTION, "--now"),
            {"refund", "cancellation"},
        ),
    ],
)
def test_other_gateways_tell_what_they_can_list(
    tmp_path: Path, gateway: str, done: tuple[str, ...], elsewhere: tuple[str, ...], found: set[str]
) -> None:
    with open_gateway_shop(tmp_path, gateway) as shop:
        state.configure(shop.state_dir, gateway, reporting_lag=0)
        for words in (done, elsewhere):
            assert shop.run(gateway, *words, *WHY).code == 0
        assert moved(shop, "--since", "1h", code=0) == []
        forget(shop)
        rows = moved(shop, "--since", "1h", code=14)
        assert {row["kind"] for row in rows} == found


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """The three gateways in one profile."""
    with open_street(tmp_path) as opened:
        yield opened


def test_an_account_that_cannot_be_asked_is_told_and_hides_no_other(street: Street) -> None:
    street.street(braintree="http://127.0.0.1:1")
    ran = street.run("audit", "reconcile", "--movements", "--since", "1h", "-o", "json")
    assert (ran.code, ran.data) == (7, [])
    assert {error["account"] for error in ran.document["errors"]} == {"braintree"}
    assert any("paypal cannot list subscriptions" in warning for warning in ran.document["warnings"])
    assert street.run("stripe", "refund", PAID, "--amount", "12.50", *WHY).code == 0
    forget(street)
    ran = street.run("audit", "reconcile", "--movements", "--since", "1h", "-o", "json")
    assert (ran.code, [row["account"] for row in ran.data]) == (14, ["stripe"])
    assert {error["class"] for error in ran.document["errors"]} == {"findings", "network"}
