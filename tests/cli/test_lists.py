"""`billctl stripe customers|charges|refunds|subscriptions|invoices|disputes`: lists made for pipes."""

import csv
import io
import json
from typing import Any

import pytest

from tests.shop import CUSTOMER, DISPUTED, PAID, PART, WHY, Shop

KINDS = ["customers", "charges", "refunds", "subscriptions", "invoices", "disputes"]


def listed(shop: Shop, kind: str, *filters: str) -> list[dict[str, Any]]:
    ran = shop.run("stripe", kind, *filters, "-o", "json")
    assert ran.code in {0, 7}, ran
    rows: list[dict[str, Any]] = ran.data
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed_newest_first(shop: Shop, kind: str) -> None:
    rows = listed(shop, kind, "--limit", "10")
    assert rows
    assert {row["type"] for row in rows} == {kind.removesuffix("s")}
    created = [row["created"] for row in rows]
    assert created == sorted(created, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_limit_is_kept(shop: Shop, kind: str) -> None:
    assert len(listed(shop, kind, "--limit", "2")) == 2


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("charges", "disputed"),
        ("charges", "partially_refunded"),
        ("charges", "failed"),
        ("refunds", "succeeded"),
        ("subscriptions", "past_due"),
        ("subscriptions", "canceled"),
        ("invoices", "past_due"),
        ("invoices", "draft"),
        ("disputes", "needs_response"),
    ],
)
def test_a_status_filters(shop: Shop, kind: str, status: str) -> None:
    rows = listed(shop, kind, "--status", status, "--limit", "5")
    assert rows
    assert {row["status"] for row in rows} == {status}


@pytest.mark.parametrize("kind", ["charges", "refunds", "subscriptions", "invoices", "disputes"])
def test_a_customer_filters(shop: Shop, kind: str) -> None:
    rows = listed(shop, kind, "--customer", CUSTOMER)
    assert rows
    owned = {PAID, PART, DISPUTED}
    for row in rows:
        assert row.get("customer_id", CUSTOMER) == CUSTOMER
        assert row.get("charge_id", PAID) in owned


@pytest.mark.parametrize("kind", KINDS)
def test_since_and_until_cut_a_span_of_creation(shop: Shop, kind: str) -> None:
    every = listed(shop, kind, "--limit", "1000")
    middle = every[len(every) // 2]["created"]
    newer = listed(shop, kind, "--since", middle, "--limit", "1000")
    older = listed(shop, kind, "--until", middle, "--limit", "1000")
    assert [r["id"] for r in newer] == [r["id"] for r in every if r["created"] >= middle]
    assert [r["id"] for r in older] == [r["id"] for r in every if r["created"] < middle]


def test_nothing_found_is_an_empty_list_and_success(shop: Shop) -> None:
    ran = shop.run("stripe", "refunds", "--customer", CUSTOMER, "--status", "canceled", "-o", "json")
    assert (ran.code, ran.data) == (0, [])
    table = shop.run("stripe", "refunds", "--customer", CUSTOMER, "--status", "canceled", "-o", "table")
    assert table.out == "none\n"
    assert shop.run("stripe", "refunds", "--customer", CUSTOMER, "--status", "canceled").out == ""


def test_a_new_refund_is_in_the_list(shop: Shop) -> None:
    made = shop.run("stripe", "refund", PAID, "--amount", "5", *WHY, "-o", "json").data["result"]["id"]
    assert made in [row["id"] for row in listed(shop, "refunds", "--customer", CUSTOMER)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_forms_agree_with_one_another(shop: Shop, kind: str) -> None:
    filters = ("--limit", "7")
    ids = [row["id"] for row in listed(shop, kind, *filters)]
    ndjson = shop.run("stripe", kind, *filters, "-o", "ndjson").out
    records = [json.loads(line) for line in ndjson.splitlines()]
    assert [r["id"] for r in records if r["type"] != "error"] == ids
    fields = ("--fields", "id,created")
    tsv = shop.run("stripe", kind, *filters, *fields, "-o", "tsv").out
    assert [line.split("\t")[0] for line in tsv.splitlines()] == ids
    rows = list(csv.reader(io.StringIO(shop.run("stripe", kind, *filters, *fields, "-o", "csv").out)))
    assert rows[0] == ["id", "created"]
    assert [row[0] for row in rows[1:]] == ids


def test_a_customer_list_has_no_status(shop: Shop) -> None:
    ran = shop.run("stripe", "customers", "--status", "active")
    assert ran.code == 2
    assert "customers have no status 'active'" in ran.line


def test_an_unknown_customer_is_not_found(shop: Shop) -> None:
    ran = shop.run("stripe", "invoices", "--customer", "cus_SbxNobody")
    assert ran.code == 3
    assert "No such customer" in ran.line
