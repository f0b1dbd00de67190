"""Recurly's protocol: who may ask, for which version, what an answer bears, and how lists go on."""

import json
from base64 import b64encode
from typing import Any

import pytest

from billctl.sandbox import RECURLY_LIVE_KEY
from billctl.sandbox.recurly.app import route
from billctl.sandbox.recurly.errors import ApiError
from tests.rehearsal import rehearsed
from tests.sandbox.recurly.wire import BILL, SUBSCRIPTION, Wire


def basic(user: str, password: str = "") -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("given", "departs"),
    [
        (None, True),
        (basic("somebody"), False),
        (basic("billctlsandboxrecurlynotarealkey", "word"), True),
        ("Bearer billctlsandboxrecurlynotarealkey", True),
    ],
)
def test_only_a_known_key_without_a_password_opens_a_site(
    shop: Wire, given: str | None, departs: bool
) -> None:
    reply = shop.ask("GET /sites", headers={"Authorization": given}, wrong=departs)
    assert reply.said == (401, "unauthorized")


def test_each_key_opens_one_site_and_its_own_shop(wire: Wire) -> None:
    live = Wire(wire.host, wire.state_dir, wire.spec, RECURLY_LIVE_KEY)
    sites = [(one["subdomain"], one["mode"]) for each in (wire, live) for one in each.all("/sites")]
    assert sites == [("billctl-sandbox", "development"), ("billctl-playmoney", "production")]
    live.refunded(BILL, 1.0)
    assert live.get(f"/invoices/{BILL}")["refundable_amount"] == 48.0
    assert wire.get(f"/invoices/{BILL}")["refundable_amount"] == 49.0
    assert wire.get("/sites/subdomain-billctl-sandbox")["settings"]["default_currency"] == "USD"
    assert wire.ask("GET /sites/subdomain-billctl-playmoney").said == (404, "not_found")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "invalid_api_version"),
        ("application/vnd.recurly.v1999-01-01", "invalid_api_version"),
        ("application/vnd.recurly.v2019-10-10", "unavailable_in_api_version"),
        (None, "invalid_api_version"),
    ],
)
def test_another_version_is_406_and_the_answer_names_those_there_are(
    shop: Wire, accept: str | None, kind: str
) -> None:
    reply = shop.ask("GET /sites", headers={"Accept": accept}, wrong=True)
    assert reply.said == (406, kind)
    named = reply.error.get("acceptable_accept_headers", [])
    assert (kind == "invalid_api_version") == ("application/vnd.recurly.v2021-02-25" in named)


def test_the_version_may_name_its_form(shop: Wire) -> None:
    accept = "application/vnd.recurly.v2021-02-25+json"
    assert shop.ask("GET /sites", headers={"Accept": accept}).status == 200


@pytest.mark.parametrize(
    ("request_line", "named"),
    [
        ("GET /accounts?mail=x", "mail"),
        ("GET /accounts?limit=0", "limit"),
        ("GET /accounts?limit=201", "limit"),
        ("GET /accounts?order=up", "order"),
        ("GET /accounts?begin_time=yesterday", "begin_time"),
        ("GET /accounts?past_due=false", "past_due"),
        ("GET /invoices?state=open", "state"),
        ("GET /transactions?success=false", "success"),
        ("GET /invoices/laylain00001?expand=lines", "expand"),
        ("GET /accounts/code-layla/billing_infos?limit=5", "limit"),
    ],
)
def test_a_parameter_that_is_not_described_is_400(shop: Wire, request_line: str, named: str) -> None:
    reply = shop.ask(request_line, wrong=True)
    assert reply.said == (400, "bad_request")
    assert reply.error["params"] == [{"param": named}]


def test_the_same_parameter_twice_is_400(shop: Wire) -> None:
    assert shop.ask("GET /accounts?limit=5&limit=6", wrong=True).said == (400, "bad_request")


@pytest.mark.parametrize(
    "body", ["{", '{"type": "amount", "type": "amount"}', '{"type": "amount", "amount": NaN}', "[]", '"x"']
)
def test_a_body_that_is_no_json_object_is_400(shop: Wire, body: str) -> None:
    assert shop.ask(f"POST /invoices/{BILL}/refund", body, wrong=True).said == (400, "bad_request")


def test_a_body_must_be_called_json(shop: Wire) -> None:
    line, form = f"POST /invoices/{BILL}/refund", {"Content-Type": "application/x-www-form-urlencoded"}
    assert shop.ask(line, "type=amount", headers=form, wrong=True).said == (400, "invalid_content_type")
    assert shop.ask(f"PUT /invoices/{BILL}/void", {"x": 1}, wrong=True).said == (400, "bad_request")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/accounts/code-nobody", "Couldn't find Account with code = nobody"),
        ("/accounts/laylatx00001", "Couldn't find Account with id = laylatx00001"),
        ("/invoices/number-9", "Couldn't find Invoice with number = 9"),
        ("/transactions/uuid-zz", "Couldn't find Transaction with uuid = zz"),
        ("/subscriptions/x", "Couldn't find Subscription with id = x"),
        ("/credit_payments/code-layla", "Couldn't find Credit Payment with id = code-layla"),
        ("/invoices/number-9.pdf", "Couldn't find Invoice with number = 9"),
    ],
)
def test_what_is_not_there_is_404_and_named(shop: Wire, path: str, says: str) -> None:
    reply = shop.ask(f"GET {path}")
    assert (*reply.said, reply.error["message"]) == (404, "not_found", says)


@pytest.mark.parametrize("line", ["GET /nothing", "GET /", "DELETE /invoices/x", "HEAD /refunds"])
def test_an_address_that_is_not_there_is_404(shop: Wire, line: str) -> None:
    reply = shop.ask(line, wrong=True)
    assert reply.status == 404
    assert (reply.body == b"") is line.startswith("HEAD")


def test_every_way_of_naming_an_object_leads_to_it(shop: Wire) -> None:
    for kind, key in {"transactions": "laylatx00001", "subscriptions": SUBSCRIPTION}.items():
        found = shop.get(f"/{kind}/{key}")
        assert found["id"] == key
        assert shop.get(f"/{kind}/uuid-{found['uuid']}") == found
    assert shop.get("/invoices/number-1001")["id"] == BILL
    assert shop.get("/accounts/code-ines%40example.net")["first_name"] == "Inés"
    assert shop.get("/accounts/laylaac00001")["code"] == "layla"


def test_a_list_goes_on_by_its_cursor_until_it_has_no_more(shop: Wire) -> None:
    pages = list(shop.pages("/accounts/code-jonas/invoices"))
    assert [len(page) for page in pages] == [20, 20, 20, 4]
    created = [each["created_at"] for page in pages for each in page]
    assert created == sorted(created, reverse=True)
    assert len({each["id"] for page in pages for each in page}) == 64
    forwards = shop.all("/accounts/code-jonas/invoices", order="asc", limit=30)
    assert [each["created_at"] for each in forwards] == sorted(created)


@pytest.mark.parametrize("more", [{"sort": "updated_at"}, {"state": "paid"}, {"type": "charge", "limit": 30}])
def test_a_filtered_list_keeps_its_filters_from_page_to_page(shop: Wire, more: dict[str, Any]) -> None:
    everything = shop.all("/accounts/code-jonas/invoices", limit=200)
    expected = {each["id"] for each in everything if each["state"] == more.get("state", each["state"])}
    found = [each["id"] for each in shop.all("/accounts/code-jonas/invoices", **more)]
    assert len(found) == len(expected)
    assert set(found) == expected


def test_a_count_is_the_header_of_a_head(shop: Wire) -> None:
    counted = {
        query: shop.ask(f"HEAD {path}{query}").headers["recurly-total-records"]
        for path, query in (
            ("/accounts/code-jonas/invoices", ""),
            ("/accounts/code-jonas/invoices", "?state=pending"),
            ("/accounts/code-jonas/invoices", "?limit=5"),
        )
    }
    assert counted == {"": "64", "?state=pending": "1", "?limit=5": "64"}


def test_times_bound_a_list_on_both_sides(shop: Wire) -> None:
    everything = [each["created_at"] for each in shop.all("/transactions", limit=200)]
    begin, end = everything[30], everything[10]
    found = [each["created_at"] for each in shop.all("/transactions", begin_time=begin, end_time=end)]
    assert found == [each for each in everything if begin <= each <= end]
    assert len(found) >= 21
    counted = shop.ask("HEAD /transactions", begin_time=begin, end_time=end)
    assert counted.headers["recurly-total-records"] == str(len(found))


def test_ids_choose_records_and_exclude_every_other_parameter(shop: Wire) -> None:
    found = shop.get("/invoices", ids=f"{BILL},nothing00001,laylatx00001,laylain00002,{BILL}")
    assert [each["id"] for each in found["data"]] == [BILL, "laylain00002"]
    assert found["has_more"] is False
    assert shop.ask(f"GET /invoices?ids={BILL}&limit=5").said == (400, "bad_request")
    assert shop.get("/accounts/code-emma/invoices", ids=BILL)["data"] == []
    assert shop.ask("GET /invoices", ids=",".join(["x"] * 201)).said == (400, "bad_request")


def test_a_cursor_that_leads_nowhere_is_400(shop: Wire) -> None:
    for line in ("GET /invoices?cursor=nothing:1", "GET /invoices?cursor=nothing:1&sort=updated_at"):
        assert shop.ask(line).said == (400, "bad_request")


def test_addresses_are_looked_for_letter_by_letter(shop: Wire) -> None:
    assert [one["code"] for one in shop.all("/accounts", email="shared@example.com")] == ["olivia", "noah"]
    assert [one["code"] for one in shop.all("/accounts", email="Maha@Example.org")] == ["maha"]
    assert shop.all("/accounts", email="maha@example.org") == []


def test_accounts_are_chosen_by_what_they_subscribe_to_and_owe(shop: Wire) -> None:
    late = {one["code"] for one in shop.all("/accounts", past_due="true")}
    assert late == {one["code"] for one in shop.all("/accounts") if one["has_past_due_invoice"]}
    assert "layla" in late
    assert "jonas" in {one["code"] for one in shop.all("/accounts", subscriber="false")}
    assert "jonas" not in {one["code"] for one in shop.all("/accounts", subscriber="true")}


def test_the_hosted_page_has_a_token_of_its_own_for_everybody(shop: Wire) -> None:
    tokens = [one["hosted_login_token"] for one in shop.all("/accounts")]
    assert len(set(tokens)) == len(tokens)
    assert all(len(token) == 32 for token in tokens)


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/code-layla/balance",
        "/accounts/code-layla/billing_info",
        "/accounts/code-layla/billing_infos",
        "/accounts/code-layla/coupon_redemptions",
        "/accounts/code-layla/line_items",
        "/accounts/code-layla/subscriptions",
        "/accounts/code-layla/transactions",
        "/accounts/code-amina/notes",
        "/accounts/code-huda/credit_payments",
        "/credit_payments",
        "/line_items",
        "/line_items/laylali00001",
        "/plans",
        "/plans/code-pro",
        f"/invoices/{BILL}/line_items",
        f"/subscriptions/{SUBSCRIPTION}/invoices",
        f"/subscriptions/{SUBSCRIPTION}/line_items",
        "/subscriptions",
    ],
)
def test_what_is_read_is_as_described(shop: Wire, path: str) -> None:
    """`Wire` holds every answer to Recurly's description where that is there."""
    assert shop.get(path)


def test_what_an_account_owes_and_is_owed_is_its_balance(shop: Wire) -> None:
    found = shop.get("/accounts/code-layla/balance")
    assert (found["past_due"], found["balances"]) == (
        True,
        [{"currency": "USD", "amount": 15.0, "available_credit_amount": 10.0}],
    )


def test_an_account_without_billing_information_says_so(shop: Wire) -> None:
    assert shop.ask("GET /accounts/code-layla/billing_info").status == 200
    assert shop.ask("GET /accounts/code-nobody/billing_info").said == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "query", "keep"),
    [
        ("/transactions", {"type": "payment"}, lambda one: one["type"] in ("purchase", "capture")),
        ("/transactions", {"type": "refund"}, lambda one: one["type"] == "refund"),
        ("/transactions", {"success": "true"}, lambda one: one["success"]),
        ("/accounts/code-layla/invoices", {"type": "non-legacy"}, lambda _one: True),
        ("/accounts/code-layla/invoices", {"type": "credit"}, lambda one: one["type"] == "credit"),
        ("/accounts/code-layla/invoices", {"type": "legacy"}, lambda _one: False),
        ("/line_items", {"type": "credit"}, lambda one: one["type"] == "credit"),
        ("/line_items", {"original": "true"}, lambda one: one["previous_line_item_id"] is None),
        ("/line_items", {"state": "pending"}, lambda _one: False),
        ("/subscriptions", {"state": "in_trial"}, lambda one: one["trial_ends_at"] is not None),
        ("/subscriptions", {"state": "live"}, lambda one: one["state"] in ("active", "canceled", "future")),
        ("/subscriptions", {"state": "future"}, lambda one: one["state"] == "future"),
    ],
)
def test_filters_let_through_what_they_say(shop: Wire, path: str, query: dict[str, str], keep: Any) -> None:
    expected = {one["id"] for one in shop.all(path, limit=200) if keep(one)}
    assert {one["id"] for one in shop.all(path, limit=200, **query)} == expected


def test_amounts_are_numbers_and_not_text(shop: Wire) -> None:
    body = shop.ask(f"GET /invoices/{BILL}").body.decode()
    assert '"total": 49.0,' in body
    assert json.loads(body)["line_items"][0]["unit_amount"] == 29.0


def test_an_invoice_is_a_pdf_that_a_reader_can_follow(shop: Wire) -> None:
    reply = shop.ask("GET /invoices/number-1001.pdf")
    text = reply.body
    assert (reply.headers["content-type"], text[:5], text[-6:]) == ("application/pdf", b"%PDF-", b"%%EOF\n")
    assert b"Invoice 1001" in text
    assert b"49.00 USD" in text
    start = int(text.rsplit(b"startxref\n", 1)[1].split()[0])
    rows = text[start:].split(b"trailer")[0].splitlines()[2:]
    places = [int(row.split()[0]) for row in rows if row.endswith(b"n ")]
    assert [text[place:].split(b" obj", 1)[0] for place in places] == [b"%d 0" % n for n in range(1, 6)]
    length = int(text.split(b"/Length ")[1].split()[0])
    assert len(text.split(b"stream\n")[1].removesuffix(b"end")) == length


def test_an_empty_shop_stays_empty(tmp_path: Any) -> None:
    from billctl.sandbox.server import Sandbox

    with Sandbox(tmp_path, gateways=("recurly",), seed_shop=False) as sandbox:
        wire = Wire(sandbox.url("recurly").removeprefix("http://"), tmp_path)
        assert wire.all("/accounts") == []
        assert Wire(wire.host, tmp_path, key=RECURLY_LIVE_KEY).all("/accounts") == []


def test_the_shop_outlives_its_server(tmp_path: Any) -> None:
    for refundable in (49.0, 48.0):
        with rehearsed(tmp_path, ("recurly",)) as sandbox:
            wire = Wire(sandbox.url("recurly").removeprefix("http://"), tmp_path)
            assert wire.get(f"/invoices/{BILL}")["refundable_amount"] == refundable
            wire.refunded(BILL, 1.0)


def test_a_document_and_an_invoice_are_two_addresses() -> None:
    assert route("GET", "/invoices/number-1.2.pdf")[1] == ("number-1.2",)
    assert route("GET", "/invoices/number-1.2")[1] == ("number-1.2",)
    with pytest.raises(ApiError):
        route("GET", "/invoices/.pdf/refund")


def test_a_server_that_is_told_its_limit_answers_429(tmp_path: Any) -> None:
    from billctl.sandbox.limits import Load

    with rehearsed(tmp_path, ("recurly",), loads={"recurly": Load(in_all=1.0)}) as sandbox:
        wire = Wire(sandbox.url("recurly").removeprefix("http://"), tmp_path)
        replies = [wire.ask("GET /sites") for _ in range(3)]
    assert replies[0].status == 200
    assert (429, "rate_limited") in [reply.said for reply in replies[1:] if reply.status != 200]
