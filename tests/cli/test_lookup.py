"""`billctl lookup`: every way of searching, several accounts, some of them down, slow or unable."""

import json
import time
from typing import Any

import pytest

from billctl.sandbox import STRIPE_KEY
from billctl.testing import servers
from tests.shop import CUSTOMER, DISPUTED, PAID, PAID_INVOICE, PART, PAST_DUE, SUBSCRIPTION, Shop

LAYLA = "layla@example.com"


def found(shop: Shop, *arguments: str) -> Any:
    ran = shop.run("lookup", *arguments, "-o", "json")
    assert ran.code == 0, ran
    return ran.data


def test_the_document_is_that_of_the_contract(shop: Shop) -> None:
    ran = shop.run("lookup", LAYLA, "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document | {"data": None} == {
        "billctl": 1,
        "command": "lookup",
        "profile": "shop",
        "mode": "test",
        "exit": {"code": 0, "class": "ok"},
        "data": None,
        "errors": [],
        "warnings": [],
    }
    assert list(ran.data) == ["query", "by", "accounts", "customers"]
    assert (ran.data["query"], ran.data["by"]) == (LAYLA, "email")
    assert ran.data["accounts"] == [
        {"account": "stripe", "gateway": "stripe", "status": "found", "note": None}
    ]
    (customer,) = ran.data["customers"]
    assert (customer["id"], customer["name"], customer["match"]) == (CUSTOMER, "Layla Haddad", "exact")
    assert {
        c["id"]: (c["status"], c["amount"]["amount"], c["refundable"]["amount"]) for c in customer["charges"]
    } == {
        PAID: ("paid", "49.00", "49.00"),
        PART: ("partially_refunded", "49.00", "29.00"),
        DISPUTED: ("disputed", "310.500", "310.500"),
    }
    assert [(s["id"], s["status"]) for s in customer["subscriptions"]] == [(SUBSCRIPTION, "active")]
    assert [i["status"] for i in customer["invoices"]] == ["paid", "past_due"]
    assert [d["charge_id"] for d in customer["disputes"]] == [DISPUTED]


@pytest.mark.parametrize(
    ("query", "by"),
    [
        (LAYLA, "email"),
        ("LAYLA@Example.com", "email"),
        (f"  {LAYLA} ", "email"),
        (CUSTOMER, "id"),
        (f"stripe:{CUSTOMER}", "id"),
        (PAID, "charge"),
        (DISPUTED, "charge"),
        (SUBSCRIPTION, "subscription"),
        (PAID_INVOICE, "invoice"),
        ("LAYLA000-0002", "invoice"),
        ("Layla Haddad", "name"),
    ],
)
def test_what_a_query_is_tells_itself(shop: Shop, query: str, by: str) -> None:
    data = found(shop, query)
    assert data["by"] == by
    assert CUSTOMER in [customer["id"] for customer in data["customers"]]


@pytest.mark.parametrize(
    ("query", "by"),
    [(LAYLA, "email"), (CUSTOMER, "id"), ("layla", "name"), ("4242", "last4"), ("LAYLA000-0001", "invoice")],
)
def test_the_way_can_be_said(shop: Shop, query: str, by: str) -> None:
    data = found(shop, query, "--by", by, "--limit", "3")
    assert data["by"] == by
    assert data["customers"]


def test_last_four_digits_find_customers(shop: Shop) -> None:
    data = found(shop, "4242", "--limit", "3")
    assert data["by"] == "last4"
    assert data["customers"]


def test_two_customers_with_one_address_are_both_shown(shop: Shop) -> None:
    assert len(found(shop, "shared@example.com")["customers"]) == 2


def test_an_arabic_name_finds_its_customer(shop: Shop) -> None:
    assert [c["email"] for c in found(shop, "مريم حسن")["customers"]] == ["mariam@example.org"]


def test_the_limit_bounds_the_records_of_each_kind(shop: Shop) -> None:
    (customer,) = found(shop, LAYLA, "--limit", "1")["customers"]
    assert len(customer["charges"]) == len(customer["invoices"]) == 1


def test_older_history_is_left_out_on_request(shop: Shop) -> None:
    (customer,) = found(shop, LAYLA, "--since", "20d")["customers"]
    assert [c["id"] for c in customer["charges"]] == [PAID]


def test_nobody_found_is_exit_3_with_the_accounts_still_in_the_document(shop: Shop) -> None:
    ran = shop.run("lookup", "nobody@example.com", "-o", "json")
    assert ran.code == 3
    assert ran.document["exit"] == {"code": 3, "class": "not_found"}
    assert ran.data["accounts"][0]["status"] == "none"
    assert ran.err == (
        "billctl: no customer by email 'nobody@example.com'. Nothing changed. Stripe's Search may not show "
        "yet what is less than a minute old, if the address is written there in another case.\n"
    )


# Several accounts


def accounts(shop: Shop, *, limits: str = "", **urls: str) -> None:
    """A profile with these accounts, each with the sandbox's key."""
    tables = "".join(
        f'[accounts.{name}]\ngateway = "stripe"\nbase_url = "{url}"\n' for name, url in urls.items()
    )
    shop.profile("shop", f'mode = "test"\n{limits}{tables}')
    shop.env |= {f"BILLCTL_{name.upper()}_API_KEY": STRIPE_KEY for name in urls}


DOWN = "http://127.0.0.1:1"


def test_results_stand_in_the_profiles_order(shop: Shop) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    data = found(shop, LAYLA)
    assert [a["account"] for a in data["accounts"]] == ["us", "eu"]
    assert [c["ref"] for c in data["customers"]] == [f"us:{CUSTOMER}", f"eu:{CUSTOMER}"]
    assert found(shop, LAYLA, "--account", "eu", "--account", "us")["accounts"] == data["accounts"]


def test_one_account_down_is_exit_7_and_hides_nothing(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    ran = shop.run("lookup", LAYLA, "-o", "json")
    assert ran.code == 7
    assert ran.document["exit"] == {"code": 7, "class": "partial"}
    assert [a["status"] for a in ran.data["accounts"]] == ["failed", "found"]
    assert [c["ref"] for c in ran.data["customers"]] == [f"eu:{CUSTOMER}"]
    (error,) = ran.document["errors"]
    assert (error["class"], error["account"]) == ("network", "us")
    assert "us" in ran.line


def test_one_account_down_and_nobody_found_is_still_exit_7(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    assert shop.run("lookup", "nobody@example.com").code == 7


def test_all_or_fail_makes_one_failure_the_commands(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    ran = shop.run("lookup", LAYLA, "--all-or-fail", "-o", "json")
    assert ran.code == 11
    assert ran.data["customers"]


def test_when_all_fail_the_gravest_failure_decides(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    shop.env["BILLCTL_EU_API_KEY"] = "sk_test_CANARYcanaryCANARY4f2a"
    ran = shop.run("lookup", LAYLA, "-o", "json")
    assert ran.code == 4
    assert [e["class"] for e in ran.document["errors"]] == ["network", "auth"]


def test_an_account_with_a_missing_secret_fails_alone(shop: Shop) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    del shop.env["BILLCTL_EU_API_KEY"]
    ran = shop.run("lookup", LAYLA, "-o", "json")
    assert ran.code == 7
    assert [e["class"] for e in ran.document["errors"]] == ["auth"]


def test_a_silent_account_ends_by_its_limit_and_the_others_answer(shop: Shop) -> None:
    with servers.LoopbackServer(servers.trickling) as server:
        accounts(shop, limits="[network]\nread_timeout = 0.5\ndeadline = 3\n", us=server.url, eu=shop.url)
        began = time.monotonic()
        ran = shop.run("lookup", LAYLA, "-o", "json")
        assert time.monotonic() - began < 10
    assert ran.code == 7
    assert [a["status"] for a in ran.data["accounts"]] == ["failed", "found"]


def test_only_the_named_accounts_are_asked(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    data = found(shop, LAYLA, "--account", "eu")
    assert [a["account"] for a in data["accounts"]] == ["eu"]
    assert [a["account"] for a in found(shop, f"eu:{CUSTOMER}")["accounts"]] == ["eu"]


def test_a_reference_to_another_account_than_the_named_one_is_a_usage_error(shop: Shop) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    ran = shop.run("lookup", f"eu:{CUSTOMER}", "--account", "us")
    assert ran.code == 2
    assert "is at account eu" in ran.line
    assert [
        a["account"] for a in found(shop, f"eu:{CUSTOMER}", "--account", "eu", "--account", "us")["accounts"]
    ] == ["eu"]


def test_an_account_named_twice_is_asked_once(shop: Shop) -> None:
    accounts(shop, us=shop.url, eu=shop.url)
    assert len(found(shop, LAYLA, "--account", "eu", "--account", "eu")["accounts"]) == 1


def test_ndjson_is_an_object_a_line_and_an_error_a_line(shop: Shop) -> None:
    accounts(shop, us=DOWN, eu=shop.url)
    (customer,) = shop.run("lookup", LAYLA, "-o", "json").data["customers"]
    lines = [json.loads(line) for line in shop.run("lookup", LAYLA, "-o", "ndjson").out.splitlines()]
    assert [line["type"] for line in lines] == [
        *(
            "customer",
            "charge",
            "charge",
            "charge",
            "refund",
            "subscription",
            "invoice",
            "invoice",
            "dispute",
        ),
        "error",
    ]
    assert {line["customer"] for line in lines[:-1]} == {f"eu:{CUSTOMER}"}
    for line in lines[:-1]:
        own = {name: value for name, value in line.items() if name not in {"customer", "text"}}
        if line["type"] == "charge":
            del own["match"]
            assert own in customer["charges"]
    assert lines[0] == customer | {
        "customer": f"eu:{CUSTOMER}",
        "text": f"Layla Haddad <{LAYLA}>",
    }


def test_a_pipe_gets_a_row_for_the_customer_and_for_everything_of_his(shop: Shop) -> None:
    rows = [line.split("\t") for line in shop.run("lookup", LAYLA).out.splitlines()]
    assert {len(row) for row in rows} == {9}
    shown = [(row[0], row[1], row[3], row[4], row[5], row[7]) for row in rows]
    assert shown[0] == (
        *("customer", f"stripe:{CUSTOMER}", "", "", ""),
        f"Layla Haddad <{LAYLA}>",
    )
    assert ("charge", f"stripe:{DISPUTED}", "310.500", "KWD", "disputed", "Annual licence") in shown
    assert ("invoice", f"stripe:{PAST_DUE}", "120.00", "USD", "past_due", "LAYLA000-0001") in shown
    assert ("subscription", f"stripe:{SUBSCRIPTION}", "49.00", "USD", "active", "pro monthly") in shown
    part = [row[0:2] for row in shown].index(("charge", f"stripe:{PART}"))
    assert (shown[part + 1][0], shown[part + 1][2:5]) == ("refund", ("20.00", "USD", "succeeded"))
    assert {(row[6], row[8]) for row in rows} == {(f"stripe:{CUSTOMER}", "exact")}
    assert all(row[2].endswith("Z") for row in rows)


@pytest.mark.parametrize("form", ["csv", "tsv", "ndjson", "json"])
def test_how_complete_an_answer_is_stands_on_stderr_where_the_data_cannot_say_it(
    shop: Shop, form: str
) -> None:
    note = found(shop, "layla haddad")["accounts"][0]["note"]
    ran = shop.run("lookup", "layla haddad", "-o", form)
    assert f"billctl: stripe: {note}\n" in ran.err
    assert shop.run("lookup", "layla haddad", "-o", form, "-q").err == ""
    if form == "json":
        assert ran.document["warnings"] == [f"stripe: {note}"]


def test_a_table_says_in_itself_how_complete_it_is(shop: Shop) -> None:
    note = found(shop, "layla haddad")["accounts"][0]["note"]
    ran = shop.run("lookup", "layla haddad", "-o", "table")
    assert note in ran.out
    assert ran.err == ""


def test_the_sandbox_profile_needs_nothing_started(shop: Shop) -> None:
    ran = shop.run("--profile", "sandbox", "lookup", LAYLA, "-o", "json")
    assert (ran.code, ran.document["profile"]) == (0, "sandbox")
    assert ran.data["customers"][0]["id"] == CUSTOMER


def test_a_lookup_is_not_in_the_audit_log(shop: Shop) -> None:
    found(shop, LAYLA)
    assert shop.audit() == []
