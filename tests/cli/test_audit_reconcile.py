"""`billctl audit reconcile`: what is open ends, and refunds are followed to theirs."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from billctl.sandbox import faults, state
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    PAYPAL_CHARGE,
    GatewayShop,
    Street,
    open_gateway_shop,
    open_street,
)
from tests.shop import PAID, PART, WHY, Shop, recorded

Rows = list[dict[str, Any]]


def rows(shop: Shop, *words: str, code: int = 0) -> Rows:
    ran = shop.run("audit", "reconcile", *words, "-o", "json")
    assert ran.code == code, ran.err
    found: Rows = ran.data
    return found


def refund(shop: Shop, charge: str, *more: str, amount: str = "12.50", code: int = 0) -> Any:
    ran = shop.run("stripe", "refund", charge, "--amount", amount, *WHY, "-o", "json", *more)
    assert ran.code == code, ran.err
    return ran


def let_time_pass(shop: Shop) -> None:
    """Let every refund that waits at the gateway come to its end."""
    with closing(sqlite3.connect(shop.state_dir / "sandbox" / "stripe.sqlite")) as database, database:
        database.execute("UPDATE objects SET due = 1 WHERE due IS NOT NULL")


def lost(shop: Shop, charge: str = PAID) -> str:
    """A refund whose answer was lost."""
    shop.arm("answer-lost", "POST /v1/refunds", times=10)
    operation = str(refund(shop, charge, code=6).data["operation"])
    faults.clear(shop.state_dir, "stripe")
    return operation


# What is open


def test_one_operation_is_asked_about_where_one_is_named(shop: Shop) -> None:
    first, second = lost(shop), lost(shop, PART)
    (row,) = rows(shop, "--operation", second)
    assert (row["operation"], row["finding"]) == (second, "done")
    (row,) = rows(shop, "--operation", second)
    assert (row["finding"], row["note"]) == ("done", "it was settled before")
    (row,) = rows(shop)
    assert (row["operation"], row["finding"]) == (first, "done")


def test_an_operation_that_is_not_there_is_not_found(shop: Shop) -> None:
    ran = shop.run("audit", "reconcile", "--operation", "op_01NOBODY")
    assert (ran.code, "the audit log has no operation 'op_01NOBODY'" in ran.line) == (3, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "1d"), "--since goes with --movements"),
        (("--movements", "--operation", "op_1"), "--operation asks about one operation"),
        (("--follow-up", "soon"), "--follow-up 'soon' is no age"),
        (("--account", "nobody"), "has no account called 'nobody'"),
        (("--movements", "--since", "soon"), "--since 'soon' is no date"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(shop: Shop, words: tuple[str, ...], said: str) -> None:
    ran = shop.run("audit", "reconcile", *words)
    assert (ran.code, said in ran.line) == (2, True)


def test_what_could_not_be_asked_is_recorded_once_and_never_as_an_end(shop: Shop) -> None:
    operation = lost(shop)
    shop.settle()
    shop.use(url="http://127.0.0.1:1", more="[network]\nread_timeout = 0.6\n")
    for _ in range(2):
        (row,) = rows(shop, code=6)
        assert row["finding"] == "unknown"
    shown = shop.run("audit", "show", operation, "-o", "json").data
    assert [record["phase"] for record in shown] == ["intent", "outcome", "outcome"]
    assert (shown[-1]["state"], shown[-1]["resolution"]["as"]) == ("unknown", "not_asked")
    shop.use()
    assert [row["finding"] for row in rows(shop)] == ["done"]


@pytest.mark.parametrize("change", ["mode", "key"])
def test_other_credentials_are_not_asked_about_what_they_did_not_send(shop: Shop, change: str) -> None:
    lost(shop)
    if change == "mode":
        shop.live(unattended=True)
    else:
        shop.use(key="sk_test_51WrongKeyOfNobody0000")
    (row,) = rows(shop, code=6)
    assert row["finding"] == "unknown"
    assert ("the profile is live now" if change == "mode" else "Invalid API Key") in row["note"]
    shop.use()
    assert [row["finding"] for row in rows(shop)] == ["done"]


def test_what_a_profile_that_is_gone_left_open_waits_for_a_person(shop: Shop) -> None:
    lost(shop)
    shop.settle()
    old = shop.config_dir / "profiles" / "shop.toml"
    shop.profile("new", old.read_text(encoding="utf-8"))
    (row,) = rows(shop, "-p", "new", code=6)
    assert row["finding"] == "elsewhere"
    old.unlink()
    (row,) = rows(shop, "-p", "new", code=6)
    assert (row["finding"], "there is no profile called shop" in row["note"]) == ("unknown", True)


def test_an_account_that_is_no_longer_in_the_profile_hides_no_other(street: Street) -> None:
    open_everywhere(street)
    street.street(accounts=("stripe", "braintree"))
    found = {row["ref"].split(":")[0]: row for row in rows(street, code=6)}
    assert {name: row["finding"] for name, row in found.items()} == {
        "stripe": "done", "paypal": "unknown", "braintree": "done",
    }  # fmt: skip
    assert "has no account called 'paypal'" in found["paypal"]["note"]


def test_an_account_that_is_down_keeps_no_other_waiting(street: Street) -> None:
    open_everywhere(street)
    street.street(paypal="http://127.0.0.1:1")
    assert [row["finding"] for row in rows(street, "--account", "stripe")] == ["done"]
    found = {row["ref"].split(":")[0]: row["finding"] for row in rows(street, code=6)}
    assert found == {"paypal": "unknown", "braintree": "done"}
    street.street()
    assert [row["finding"] for row in rows(street)] == ["done"]


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """The three gateways in one profile."""
    with open_street(tmp_path) as opened:
        yield opened


EVERYWHERE = (
    ("stripe", PAID, "POST /v1/refunds"),
    ("paypal", PAYPAL_CHARGE, f"POST /v2/payments/captures/{PAYPAL_CHARGE}/refund"),
    ("braintree", BRAINTREE_CHARGE, f"POST /merchants/*/transactions/{BRAINTREE_CHARGE}/refund"),
)


def open_everywhere(street: Street) -> None:
    """A refund at each gateway whose answer was lost."""
    for gateway, charge, request in EVERYWHERE:
        faults.arm(street.state_dir, gateway, "answer-lost", match=request, times=10)
        ran = street.run(gateway, "refund", charge, "--amount", "12.50", *WHY)
        faults.clear(street.state_dir, gateway)
        assert ran.code == 6, ran.err


# What refunds came to


def test_a_refund_that_was_pending_is_followed_to_its_end(shop: Shop) -> None:
    charge = shop.charge_with("pm_card_pendingRefund", 3000)
    operation = refund(shop, charge).data["operation"]
    assert rows(shop) == []
    let_time_pass(shop)
    (row,) = rows(shop)
    assert (row["operation"], row["finding"], row["note"]) == (operation, "succeeded_later", "it was pending")
    assert [r["outcome"] for r in shop.audit("--object", charge)] == ["succeeded"]


def test_a_refund_that_fails_days_later_is_told_once_and_can_be_sent_again(shop: Shop) -> None:
    state.configure(shop.state_dir, "stripe", settle_after=0)
    charge = shop.charge_with("pm_card_refundFail", 3000)
    made = refund(shop, charge)
    assert made.data["outcome"] == "succeeded"
    ran = shop.run("audit", "reconcile", "-o", "json")
    (row,) = ran.data
    assert (ran.code, row["type"], row["finding"]) == (14, "followed_up", "failed_later")
    assert row["operation"] == made.data["operation"]
    assert "--again 2" in row["note"]
    assert f"a refund failed after the gateway had accepted it: stripe:{charge}" in ran.line
    assert [(r["phase"], r["outcome"]) for r in shop.audit("--object", charge)] == [("followup", "failed")]
    assert rows(shop) == []

    blocked = refund(shop, charge, code=10)
    assert "To do it once more: --again 2" in blocked.line
    assert refund(shop, charge, "--again", "2").data["outcome"] == "succeeded"


@pytest.mark.parametrize(
    ("gateway", "charge", "was", "said"),
    [
        ("paypal", PAYPAL_CHARGE, "succeeded", "FAILED"),
        ("braintree", BRAINTREE_CHARGE, "pending", "settlement_declined"),
    ],
)
def test_a_refund_that_another_gateway_failed_later_can_be_sent_again(
    tmp_path: Path, gateway: str, charge: str, was: str, said: str
) -> None:
    words = (gateway, "refund", charge, "--amount", "12.50", *WHY, "-o", "json")
    with open_gateway_shop(tmp_path, gateway) as shop:
        assert shop.run(*words).data["outcome"] == was
        assert rows(shop) == []
        fail(shop, said)
        (row,) = rows(shop, code=14)
        assert (row["finding"], row["ref"]) == ("failed_later", f"{gateway}:{charge}")
        blocked = shop.run(*words)
        assert (blocked.code, "--again 2" in blocked.line) == (10, True)
        assert shop.run(*words, "--again", "2").data["outcome"] == was


def fail(shop: GatewayShop, status: str) -> None:
    """Let the refunds made since the shop opened have failed at the gateway."""
    kind = {"paypal": "refund", "braintree": "transaction"}[shop.gateway]
    with shop._database() as database, database:
        for made in shop.made(kind):
            body = json.dumps(made | {"status": status})
            database.execute(
                "UPDATE objects SET status = ?, body = ? WHERE id = ?", (status, body, made["id"])
            )


def test_of_many_refunds_a_list_tells_which_changed(shop: Shop) -> None:
    state.configure(shop.state_dir, "stripe", settle_after=0)
    good = [refund(shop, PAID, amount=f"{n}.50").data["operation"] for n in range(1, 7)]
    bad = refund(shop, shop.charge_with("pm_card_refundFail", 3000)).data["operation"]
    with recorded(shop) as proxy:
        (row,) = rows(shop, code=14)
        asked = [said.path.partition("?")[0] for said in proxy.exchanges]
    assert (row["operation"], row["operation"] in good) == (bad, False)
    assert [path.count("/") for path in asked if "/refunds" in path] == [
        2,
        3,
    ]  # the list, and the one that changed


def test_no_refund_is_asked_about_where_that_is_said(shop: Shop) -> None:
    state.configure(shop.state_dir, "stripe", settle_after=0)
    refund(shop, shop.charge_with("pm_card_refundFail", 3000))
    assert rows(shop, "--follow-up", "0d") == []
    assert [row["finding"] for row in rows(shop, code=14)] == ["failed_later"]


def test_refunds_that_cannot_be_asked_about_are_told_where_nothing_is_open(shop: Shop) -> None:
    refund(shop, PAID)
    shop.use(url="http://127.0.0.1:1")
    ran = shop.run("audit", "reconcile", "-o", "json")
    assert (ran.code, ran.data) == (7, [])
    assert "some refunds could not be asked about; nothing is open" in ran.err
    assert [error["class"] for error in ran.document["errors"]] == ["partial", "network"]


def test_a_refund_that_is_gone_at_the_gateway_is_told_and_hides_no_other(shop: Shop) -> None:
    state.configure(shop.state_dir, "stripe", settle_after=0)
    made = refund(shop, PAID).data["result"]["id"]
    refund(shop, shop.charge_with("pm_card_refundFail", 3000))
    with closing(sqlite3.connect(shop.state_dir / "sandbox" / "stripe.sqlite")) as database, database:
        database.execute("DELETE FROM objects WHERE id = ?", (made,))
    ran = shop.run("audit", "reconcile", "-o", "json")
    assert (ran.code, [row["finding"] for row in ran.data]) == (14, ["failed_later"])
    assert [error["class"] for error in ran.document["errors"]] == ["findings", "not_found"]
