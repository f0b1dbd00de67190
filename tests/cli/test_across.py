"""`billctl customers|charges|refunds|subscriptions|invoices|disputes`: lists over every account."""

import json
from typing import Any

import pytest

from billctl.sandbox import STRIPE_KEY
from tests.shop import CUSTOMER, PAID, Shop

KINDS = ["customers", "charges", "refunds", "subscriptions", "invoices", "disputes"]
DOWN = "http://127.0.0.1:1"


def accounts(shop: Shop, **urls: str) -> None:
    """A profile with these accounts, each with the sandbox's key."""
    tables = "".join(
        f'[accounts.{name}]\ngateway = "stripe"\nbase_url = "{url}"\n' for name, url in urls.items()
    )
    shop.profile("shop", f'mode = "test"\n{tables}')
    shop.env |= {f"BILLCTL_{name.upper()}_API_KEY": STRIPE_KEY for name in urls}


def listed(shop: Shop, *words: str) -> list[dict[str, Any]]:
    ran = shop.run(*words, "-o", "json")
    left_out = {error["code"] for error in ran.document["errors"]}
    assert left_out <= {"currency_not_certain"}, ran
    rows: list[dict[str, Any]] = ran.data
    return rows


@pytest.mark.parametrize(
    "kind", ["charges", *(pytest.param(k, marks=pytest.mark.slow) for k in KINDS if k != "charges")]
)
def test_every_account_is_listed_in_one_order(shop: Shop, kind: str) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    rows = listed(shop, kind, "--limit", "12")
    assert len(rows) == 12
    assert {row["ref"].split(":")[0] for row in rows} == {"us", "eu"}
    assert [row["created"] for row in rows] == sorted((row["created"] for row in rows), reverse=True)
    assert [row["ref"] for row in rows] == [row["ref"] for row in listed(shop, kind, "--limit", "12")]


def test_only_the_named_accounts_are_asked(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url, jp=shop.url)
    rows = listed(shop, "charges", "--account", "eu", "--account", "jp", "--limit", "6")
    assert {row["account"] for row in rows} == {"eu", "jp"}
    assert shop.run("charges", "--account", "moon").code == 2


def test_a_customer_is_asked_for_where_he_is(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    rows = listed(shop, "charges", "--customer", f"eu:{CUSTOMER}")
    assert PAID in [row["id"] for row in rows]
    assert {row["customer_id"] for row in rows} == {CUSTOMER}
    assert listed(shop, "charges", "--customer", CUSTOMER, "--account", "eu") == rows


@pytest.mark.parametrize("more", [(), ("--account", "us")])
def test_a_customer_of_no_account_that_is_asked_is_a_usage_error(shop: Shop, more: tuple[str, ...]) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    ran = shop.run("charges", "--customer", CUSTOMER if not more else f"eu:{CUSTOMER}", *more)
    assert ran.code == 2
    assert "Write ACCOUNT:ID; accounts: us" in ran.line


def test_the_filters_are_those_of_one_gateways_lists(shop: Shop) -> None:
    filters = ("--status", "past_due", "--older-than", "20d", "--since", "500d", "--until", "1d")
    assert listed(shop, "invoices", *filters) == listed(shop, "stripe", "invoices", *filters)
    assert listed(shop, "invoices", *filters)
    assert shop.run("invoices", "--status", "eaten").code == 2
    assert shop.run("customers", "--status", "active").code == 2


def test_one_account_down_is_exit_7_and_hides_nothing(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    ran = shop.run("charges", "--limit", "3", "-o", "json")
    assert (ran.code, ran.document["exit"]) == (7, {"code": 7, "class": "partial"})
    assert [row["account"] for row in ran.data] == ["eu"] * 3
    assert [(error["class"], error["account"]) for error in ran.document["errors"]] == [("network", "us")]
    assert "billctl: us: Stripe cannot be reached" in ran.err


def test_all_accounts_down_is_the_failures_own_code(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=DOWN)
    ran = shop.run("charges", "-o", "json")
    assert (ran.code, ran.data) == (11, [])
    assert [error["account"] for error in ran.document["errors"]] == ["us", "eu"]


def test_a_pipe_gets_whole_references(shop: Shop) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    rows = [line.split("\t") for line in shop.run("charges", "--limit", "4").out.splitlines()]
    assert [row[0] for row in rows] == [row["ref"] for row in listed(shop, "charges", "--limit", "4")]
    lines = shop.run("charges", "--limit", "4", "-o", "ndjson").out.splitlines()
    assert [json.loads(line)["ref"] for line in lines] == [row[0] for row in rows]
    assert "there are more than 4 charges" in shop.run("charges", "--limit", "4").err


def test_a_table_shows_every_accounts_rows_under_one_heading(shop: Shop) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    heading, *lines = shop.run("disputes", "--limit", "2", "-o", "table").out.splitlines()
    assert heading.split() == ["date", "dispute", "amount", "status", "charge", "reason"]
    assert [line.split()[1].split(":")[0] for line in lines] == ["us", "eu"]
