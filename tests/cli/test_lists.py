"""`billctl stripe customers|charges|refunds|subscriptions|invoices|disputes`: lists made for pipes."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billctl.cli import lists
from billctl.models import rfc3339
from tests.cli.program import billctl, document
from tests.shop import CUSTOMER, DISPUTED, PAID, PART, PAST_DUE, WHY, Shop

KINDS = ["customers", "charges", "refunds", "subscriptions", "invoices", "disputes"]
FEW_FAST = pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k in {"customers", "refunds"} else pytest.mark.slow) for k in KINDS]
)
FEW_FAST_OF_TIME = pytest.mark.parametrize(
    "kind", ["disputes", *(pytest.param(k, marks=pytest.mark.slow) for k in KINDS[1:-1])]
)


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


@FEW_FAST
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


@FEW_FAST
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


@pytest.mark.parametrize("option", ["--status", "--customer"])
def test_customers_are_not_offered_what_they_do_not_have(shop: Shop, option: str) -> None:
    ran = shop.run("stripe", "customers", option, "active")
    assert ran.code == 2
    assert f"No such option: {option}" in ran.line
    assert option not in shop.run("stripe", "customers", "--help").out


def test_a_status_that_a_kind_does_not_have_is_a_usage_error_that_lists_them(shop: Shop) -> None:
    ran = shop.run("stripe", "refunds", "--status", "active")
    assert ran.code == 2
    assert "refunds have no status 'active'" in ran.line
    assert "pending, succeeded" in ran.line


@FEW_FAST
def test_what_the_limit_hides_is_told(shop: Shop, kind: str) -> None:
    ran = shop.run("stripe", kind, "--limit", "3", "-o", "json")
    assert len(ran.data) == 3
    assert ran.document["warnings"] == [f"there are more than 3 {kind}; raise --limit to see them"]
    assert f"billctl: there are more than 3 {kind}" in ran.err
    assert "more than" not in shop.run("stripe", kind, "--limit", "3", "-q").err
    every = shop.run("stripe", kind, "--limit", "10000", "-o", "json")
    assert every.document["warnings"] == []
    exact = shop.run("stripe", kind, "--limit", str(len(every.data)), "-o", "json")
    assert (exact.data, exact.document["warnings"]) == (every.data, [])


def test_that_a_list_was_cut_off_where_nobody_asked_for_that_is_told_even_quietly(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "DEFAULT_LIMIT", 3)
    ran = shop.run("invoices", "-q", "-o", "ndjson")
    assert len(ran.out.splitlines()) == 3
    assert ran.line == "billctl: there are more than 3 invoices; raise --limit to see them"
    assert shop.run("invoices", "-q", "-o", "ndjson", "--limit", "3").err == ""


def test_a_customer_is_named_by_id_or_by_reference(shop: Shop) -> None:
    by_reference = listed(shop, "charges", "--customer", f"stripe:{CUSTOMER}")
    assert by_reference == listed(shop, "charges", "--customer", CUSTOMER)
    assert by_reference


@FEW_FAST_OF_TIME
def test_older_than_leaves_out_what_is_younger_and_the_stricter_end_counts(shop: Shop, kind: str) -> None:
    every = listed(shop, kind, "--limit", "1000")
    older = listed(shop, kind, "--older-than", "20d", "--limit", "1000")
    assert older == listed(shop, kind, "--until", "20d", "--limit", "1000")
    assert 0 < len(older) < len(every)
    both = ("--older-than", "20d", "--until", "40d", "--limit", "1000")
    assert listed(shop, kind, *both) == listed(shop, kind, "--until", "40d", "--limit", "1000")


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        (("--since", "1d", "--until", "3d"), "--since is later than --until"),
        (("--since", "1d", "--older-than", "3d"), "--since is later than --older-than"),
        (("--older-than", "2026-01-31"), "--older-than '2026-01-31' is no age"),
    ],
)
def test_a_span_that_nothing_can_lie_in_is_a_usage_error(
    shop: Shop, filters: tuple[str, ...], why: str
) -> None:
    ran = shop.run("stripe", "charges", *filters)
    assert ran.code == 2
    assert why in ran.line


def test_invoices_that_are_overdue_are_the_unpaid_ones_that_were_due_so_long_ago(shop: Shop) -> None:
    every = listed(shop, "invoices", "--limit", "1000")
    age = timedelta(days=10)
    then = rfc3339(datetime.now(UTC) - age)
    unpaid = [row for row in every if row["status"] in {"open", "past_due"}]
    late = [row["id"] for row in unpaid if (row["due_date"] or row["created"]) <= then]
    assert 0 < len(late) < len(unpaid)
    assert [row["id"] for row in listed(shop, "invoices", "--overdue", "10d", "--limit", "1000")] == late
    ran = shop.run("stripe", "invoices", "--overdue", "10d", "--limit", "1", "-o", "json")
    assert [row["id"] for row in ran.data] == late[:1]
    assert ran.document["warnings"] == ["there are more than 1 invoices; raise --limit to see them"]


def test_invoices_that_were_resent_are_left_out_for_as_long_as_is_asked(shop: Shop) -> None:
    filters = ("--status", "past_due", "--overdue", "3d", "--not-resent-within")
    assert PAST_DUE in [row["id"] for row in listed(shop, "invoices", *filters, "7d")]
    shop.run("stripe", "resend", PAST_DUE, "--reason", "overdue by three days", "--yes")
    assert PAST_DUE not in [row["id"] for row in listed(shop, "invoices", *filters, "7d")]
    assert PAST_DUE in [row["id"] for row in listed(shop, "invoices", *filters, "0m")]


def test_invoices_that_are_charged_automatically_are_left_out_on_demand(shop: Shop) -> None:
    every = listed(shop, "invoices", "--status", "open", "--limit", "1000")
    dated = listed(shop, "invoices", "--status", "open", "--with-due-date", "--limit", "1000")
    assert 0 < len(dated) < len(every)
    assert dated == [row for row in every if row["due_date"]]


def test_a_window_of_age_is_what_a_first_follow_up_needs(shop: Shop) -> None:
    every = listed(shop, "invoices", "--limit", "1000")
    window = listed(shop, "invoices", "--older-than", "4d", "--since", "30d", "--limit", "1000")
    now = datetime.now(UTC)
    early, late = rfc3339(now - timedelta(days=30)), rfc3339(now - timedelta(days=4))
    assert window == [row for row in every if early <= row["created"] < late]
    assert 0 < len(window) < len(every)


def test_only_invoices_are_due_and_sent() -> None:
    for option in ("--overdue", "--not-resent-within"):
        ran = billctl("-p", "sandbox", "charges", option, "3d")
        assert f"No such option: {option}" in ran.stderr
        ran = billctl("-p", "sandbox", "invoices", option, "2026-01-31")
        assert (ran.returncode, ran.stderr) == (
            2,
            f"billctl: {option} '2026-01-31' is no age. Nothing was sent. Write 90m, 12h, 3d or 2w.\n",
        )


def test_an_unknown_customer_is_not_found(shop: Shop) -> None:
    ran = shop.run("stripe", "invoices", "--customer", "cus_SbxNobody")
    assert ran.code == 3
    assert "No such customer" in ran.line


def test_what_a_gateway_never_lists_is_said_beside_the_list() -> None:
    ran = billctl("--profile", "sandbox", "charges", "--account", "paypal", "--limit", "1000")
    assert (ran.returncode, ran.stderr) == (
        0,
        "billctl: paypal: PayPal reports up to 3 hours late: newer payments are missing, and newer refunds "
        "made elsewhere are not counted\n",
    )
    assert document("--profile", "sandbox", "paypal", "disputes")["warnings"] == [
        "paypal: PayPal lists the disputes that were updated in the last 180 days"
    ]
    assert document("--profile", "sandbox", "stripe", "disputes")["warnings"] == []


@pytest.mark.parametrize("command", [("charges",), ("lookup", "layla@example.com")])
def test_a_since_that_is_still_to_come_is_refused(command: tuple[str, ...]) -> None:
    ran = billctl("--profile", "sandbox", *command, "--since", "2099-01-01")
    assert ran.returncode == 2
    assert ran.stderr == ("billctl: --since is in the future: nothing can lie after it. Nothing was sent.\n")
