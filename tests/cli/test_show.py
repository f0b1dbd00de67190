"""`billctl stripe show`: one object of every kind."""

import pytest

from tests.cli.program import billctl, document
from tests.shop import CUSTOMER, DISPUTED, PAID, PAID_INVOICE, PART, SUBSCRIPTION, Shop

KINDS = {
    "customer": CUSTOMER,
    "charge": PART,
    "refund": "re_SbxLaylaR000001",
    "subscription": SUBSCRIPTION,
    "invoice": PAID_INVOICE,
    "dispute": "dp_SbxLayla0000001",
}


@pytest.mark.parametrize(("kind", "object_id"), KINDS.items())
def test_an_id_tells_its_kind(shop: Shop, kind: str, object_id: str) -> None:
    ran = shop.run("stripe", "show", object_id, "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["command"] == "stripe show"
    assert (ran.data["type"], ran.data["id"], ran.data["ref"]) == (kind, object_id, f"stripe:{object_id}")


@pytest.mark.parametrize(("kind", "object_id"), KINDS.items())
def test_every_kind_has_a_page_for_a_person_with_its_whole_reference(
    shop: Shop, kind: str, object_id: str
) -> None:
    ran = shop.run("stripe", "show", object_id, "-o", "table")
    assert ran.code == 0
    assert f"stripe:{object_id}" in ran.out


def test_a_charge_shows_its_refunds_and_what_is_left(shop: Shop) -> None:
    data = shop.run("stripe", "show", PART, "-o", "json").data
    assert [r["amount"]["amount"] for r in data["refunds"]] == ["20.00"]
    assert (data["refunded"]["minor"], data["refundable"]["minor"]) == (2000, 2900)


def test_a_disputed_charge_says_so(shop: Shop) -> None:
    data = shop.run("stripe", "show", DISPUTED, "-o", "json").data
    assert (data["disputed"], data["status"]) == (True, "disputed")


def test_a_kind_can_be_said(shop: Shop) -> None:
    assert shop.run("stripe", "show", PAID, "--type", "charge").code == 0
    ran = shop.run("stripe", "show", PAID, "--type", "invoice")
    assert ran.code == 2
    assert f"{PAID} is a charge, not a" in ran.line


def test_fields_and_jq_choose_from_it(shop: Shop) -> None:
    assert shop.run("stripe", "show", PAID, "--fields", "id,amount.minor").out == f"{PAID}\t4900\n"
    assert shop.run("stripe", "show", PAID, "--jq", ".data.amount.minor").out == "4900\n"


def test_several_accounts_of_a_gateway_need_a_choice(shop: Shop) -> None:
    shop.profile(
        "shop",
        'mode = "test"\n'
        + "".join(
            f'[accounts.{name}]\ngateway = "stripe"\nbase_url = "{shop.url}"\n' for name in ("us", "eu")
        ),
    )
    shop.env |= {f"BILLCTL_{name}_API_KEY": shop.env["BILLCTL_STRIPE_API_KEY"] for name in ("US", "EU")}
    ran = shop.run("stripe", "show", PAID)
    assert ran.code == 2
    assert "profile shop has several stripe accounts" in ran.line
    assert "Choose one: --account us | eu." in ran.line
    assert shop.run("stripe", "show", PAID, "--account", "eu", "-o", "json").data["ref"] == f"eu:{PAID}"


def test_where_no_form_tells_the_kind_every_kind_is_asked_for() -> None:
    kinds = {
        "layla001": "charge",
        "layla003": "refund",
        "sublay": "subscription",
        "layla": "customer",
        "layladispute0001": "dispute",
    }
    for object_id, kind in kinds.items():
        assert document("--profile", "sandbox", "braintree", "show", object_id)["data"]["type"] == kind
    nothing = billctl("--profile", "sandbox", "braintree", "show", "nothere")
    assert nothing.returncode == 3
    assert nothing.stderr == "billctl: braintree: there is nothing of the id nothere. Nothing changed.\n"


@pytest.mark.parametrize(("order", "kind"), [("1041", "charge"), ("1044", "invoice")])
def test_an_order_is_shown_as_its_payment_and_before_that_as_its_bill(order: str, kind: str) -> None:
    assert document("--profile", "sandbox", "woocommerce", "show", order)["data"]["type"] == kind


def test_a_charge_shows_what_it_became() -> None:
    changes = document("--profile", "sandbox", "braintree", "show", "layla001")["data"]["status_history"]
    assert [change["gateway_status"] for change in changes] == [
        "authorized",
        "submitted_for_settlement",
        "settling",
        "settled",
    ]
