"""The sandbox speaks as Stripe's OpenAPI description says: every object, list, search, change and error."""

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from billctl.sandbox import KEYS, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY, faults
from billctl.sandbox.stripe.app import RESOURCES
from tests.openapi import FORM, StripeSpec
from tests.rehearsal import rehearsed

KEY = KEYS["stripe"]["api_key"]
Json = dict[str, Any]

LISTS: Mapping[str, tuple[str, ...]] = {
    "/v1/customers": (),
    "/v1/charges": ("data.customer", "data.refunds", "data.balance_transaction", "data.payment_intent"),
    "/v1/refunds": ("data.charge", "data.payment_intent", "data.balance_transaction"),
    "/v1/subscriptions": ("data.customer", "data.latest_invoice", "data.default_payment_method"),
    "/v1/invoices": ("data.customer", "data.payments", "data.payments.data.payment.payment_intent"),
    "/v1/disputes": ("data.charge", "data.payment_intent"),
    "/v1/payment_intents": ("data.customer", "data.latest_charge", "data.payment_method"),
    "/v1/invoice_payments": ("data.invoice",),
    "/v1/events": (),
    "/v1/products": (),
    "/v1/prices": ("data.product",),
    "/v1/payment_methods": ("data.customer",),
    "/v1/invoiceitems": ("data.customer", "data.invoice"),
    "/v1/subscription_items": (),
}
"""Every list of an account, with what is expanded in it."""

WHOLE: Mapping[str, Json] = {
    "/v1/subscriptions": {"status": "all"},
    "/v1/subscription_items": {"subscription": "sub_SbxLayla000001"},
    "/v1/payment_methods": {"customer": "cus_SbxLayla000001"},
}
"""What a list needs to be whole, or to be at all."""

SEARCHES = {
    "/v1/customers/search": ("email:'layla@example.com'", "name~'lay'"),
    "/v1/charges/search": ("customer:'cus_SbxLayla000001'", "payment_method_details.card.last4:'4242'"),
    "/v1/subscriptions/search": ("status:'active'", "status:'canceled'"),
    "/v1/invoices/search": ("status:'open'", "customer:'cus_SbxLayla000001'"),
    "/v1/payment_intents/search": ("status:'succeeded'",),
}


@dataclass(frozen=True)
class Api:
    """A plain HTTP client of one sandbox. Every exchange is checked; a wrong request is wrong on purpose."""

    host: str
    spec: StripeSpec
    state_dir: Path

    def ask(
        self,
        request: str,
        params: Json | None = None,
        *,
        key: str = KEY,
        wrong: bool = False,
        idempotency: str = "",
    ) -> tuple[int, Json]:
        """The status and body of `METHOD PATH`. `wrong`: the request itself departs from the description."""
        method, path = request.split(" ")
        form = urlencode(params or {})
        query, body = ("", form) if method == "POST" else (form, "")
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        sent |= {"Content-Type": FORM} if body else {}
        sent |= {"Idempotency-Key": idempotency} if idempotency else {}
        problems = self.spec.check_request(method, path, sent, query, body.encode())
        assert bool(problems) is wrong, problems
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body or None, sent)
            response = connection.getresponse()
            answer = response.read()
            problems = self.spec.check_response(
                method, path, response.status, dict(response.getheaders()), answer
            )
        finally:
            connection.close()
        assert problems == [], f"{request} {params} -> {response.status}"
        read: Json = json.loads(answer)
        return response.status, read

    def get(self, path: str, params: Json | None = None) -> Json:
        """The body of a GET that must succeed."""
        status, body = self.ask(f"GET {path}", params)
        assert status == 200, body
        return body

    def every(self, path: str, params: Json | None = None) -> Iterator[Json]:
        """All objects of a list, by pages."""
        cursor: Json = {}
        while True:
            page = self.get(path, {"limit": 100, **(params or {}), **cursor})
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = {"starting_after": page["data"][-1]["id"]}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The seeded shop, for reading."""
    spec = StripeSpec.load()
    state_dir = tmp_path_factory.mktemp("read")
    with rehearsed(state_dir) as sandbox:
        yield Api(sandbox.url("stripe").removeprefix("http://"), spec, state_dir)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Api]:
    """A shop of one's own, for changing."""
    spec = StripeSpec.load()
    with rehearsed(tmp_path / "own") as sandbox:
        yield Api(sandbox.url("stripe").removeprefix("http://"), spec, tmp_path / "own")


@cache
def endpoints() -> tuple[Any, ...]:
    """Every row of the sandbox's tables."""
    modules = (import_module(f"billctl.sandbox.stripe.{name}") for name in sorted(set(RESOURCES.values())))
    return tuple(row for module in modules for row in module.ENDPOINTS)


def test_every_endpoint_and_parameter_of_the_sandbox_is_one_of_stripes() -> None:
    spec = StripeSpec.load()
    foreign = [
        f"{row.method} {row.path}: {name}"
        for row in endpoints()
        for name in sorted(set(row.params) - spec.parameters(row.method, row.path.replace("{id}", "x")))
    ]
    assert foreign == []


def test_every_list_of_the_sandbox_is_read_here() -> None:
    lists = {row.path for row in endpoints() if row.method == "GET" and "starting_after" in row.params}
    assert {path for path in lists if "{id}" not in path} == set(LISTS)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("share", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_every_seeded_object_is_right_in_its_list_and_alone(api: Api, path: str, share: int) -> None:
    """Alone it is the very object that its list has: by default every ninth is asked for."""
    objects = list(api.every(path, WHOLE.get(path)))
    assert objects or path == "/v1/events"
    assert len({item["id"] for item in objects}) == len(objects)
    for item in objects[::share]:
        assert api.get(f"{path}/{item['id']}") == item


@pytest.mark.parametrize("path", [path for path, wishes in LISTS.items() if wishes])
def test_every_seeded_object_is_right_when_it_is_expanded(api: Api, path: str) -> None:
    wishes = {f"expand[{number}]": wish for number, wish in enumerate(LISTS[path])}
    assert list(api.every(path, WHOLE.get(path, {}) | wishes))


@pytest.mark.parametrize(("path", "query"), [(path, query) for path, qs in SEARCHES.items() for query in qs])
def test_a_search_finds_and_is_right(api: Api, path: str, query: str) -> None:
    assert api.get(path, {"query": query, "limit": 100})["data"]


def test_the_shop_has_every_state_that_an_operator_meets(api: Api) -> None:
    def words(path: str, field: str, **params: str) -> set[str]:
        return {item[field] for item in api.every(path, params)}

    assert len(list(api.every("/v1/customers"))) >= 40
    assert {"usd", "eur", "sar", "kwd", "jpy"} <= words("/v1/charges", "currency")
    assert {"succeeded", "failed"} <= words("/v1/charges", "status")
    assert {"draft", "open", "paid", "uncollectible", "void"} == words("/v1/invoices", "status")
    assert {"active", "trialing", "past_due", "canceled", "unpaid", "paused", "incomplete"} <= words(
        "/v1/subscriptions", "status", status="all"
    )
    assert {"needs_response", "won", "lost"} <= words("/v1/disputes", "status")


def test_the_account_and_the_balance_are_right(api: Api) -> None:
    assert api.get("/v1/account")["object"] == "account"
    assert api.get("/v1/balance")["object"] == "balance"


def test_the_live_mode_is_right_too(api: Api) -> None:
    for path in LISTS:
        status, page = api.ask(f"GET {path}", {"limit": 100} | WHOLE.get(path, {}), key=STRIPE_LIVE_KEY)
        assert status == 200
        assert page["data"] or path == "/v1/events"
        assert all(item.get("livemode", True) for item in page["data"])


@pytest.mark.parametrize("path", LISTS)
def test_an_object_that_is_not_there_is_missed_as_stripe_misses_it(api: Api, path: str) -> None:
    status, body = api.ask(f"GET {path}/nothing_1")
    assert (status, body["error"]["code"]) == (404, "resource_missing")


@pytest.mark.parametrize(
    ("request_line", "params", "status", "code"),
    [
        ("GET /v1/nothing", {}, 404, None),
        ("GET /v1/charges", {"limit": "ten"}, 400, "parameter_invalid_integer"),
        ("GET /v1/charges", {"limit": "0"}, 400, None),
        ("GET /v1/charges", {"because": "x"}, 400, "parameter_unknown"),
        ("GET /v1/charges/search", {}, 400, "parameter_missing"),
        ("POST /v1/refunds", {"charge": "ch_SbxLayla0000001", "amount": "12.5"}, 400, None),
        ("POST /v1/refunds", {"charge": "ch_SbxLayla0000001", "reason": "because"}, 400, None),
        ("POST /v1/refunds", {"charge": "ch_SbxLayla0000001", "amount": "0"}, 400, None),
        ("POST /v1/refunds", {}, 400, None),
        ("DELETE /v1/subscriptions/sub_SbxLayla000001", {"prorate": "maybe"}, 400, None),
    ],
)
def test_a_wrong_request_is_refused_with_stripes_error_body(
    api: Api, request_line: str, params: Json, status: int, code: str | None
) -> None:
    method, path = request_line.split(" ")
    form = urlencode(params)
    query, body = ("", form) if method == "POST" else (form, "")
    wrong = bool(api.spec.check_request(method, path, {"Authorization": "Bearer x"}, query, body.encode()))
    answered, answer = api.ask(request_line, params, wrong=wrong)
    assert answered == status
    assert answer["error"]["type"] == "invalid_request_error"
    assert code is None or answer["error"]["code"] == code


@pytest.mark.parametrize(("key", "status"), [("", 401), ("sk_test_unknown000000", 401)])
def test_a_wrong_key_is_refused_with_stripes_error_body(api: Api, key: str, status: int) -> None:
    answered, body = api.ask("GET /v1/charges", key=key, wrong=not key)
    assert (answered, body["error"]["type"]) == (status, "invalid_request_error")


def test_a_restricted_key_may_read_and_not_change(api: Api) -> None:
    refund = {"charge": "ch_SbxLayla0000001", "amount": "1"}
    assert api.ask("GET /v1/charges", key=STRIPE_RESTRICTED_KEY)[0] == 200
    assert api.ask("POST /v1/refunds", refund, key=STRIPE_RESTRICTED_KEY)[0] == 403


def test_changes_and_their_refusals_are_right(fresh: Api) -> None:
    charge = fresh.get("/v1/charges/ch_SbxLayla0000001")
    left = charge["amount"] - charge["amount_refunded"]
    one = {"charge": charge["id"], "amount": "1", "metadata[a]": "b", "reason": "duplicate"}
    assert fresh.ask("POST /v1/refunds", one, idempotency="k1")[0] == 200
    assert fresh.ask("POST /v1/refunds", one, idempotency="k1")[0] == 200
    assert fresh.ask("POST /v1/refunds", one | {"amount": "2"}, idempotency="k1")[0] == 400
    assert fresh.ask("POST /v1/refunds", {"charge": charge["id"], "amount": str(left)})[0] == 400
    assert fresh.ask("POST /v1/refunds", {"charge": charge["id"]})[0] == 200
    assert fresh.ask("POST /v1/refunds", {"charge": charge["id"]})[1]["error"]["code"] == (
        "charge_already_refunded"
    )
    assert fresh.get(f"/v1/charges/{charge['id']}", {"expand[]": "refunds"})["refunded"] is True
    assert [event for event in fresh.every("/v1/events") if event["type"] == "charge.refunded"]


def test_a_customer_is_created_changed_and_deleted_rightly(fresh: Api) -> None:
    _, customer = fresh.ask("POST /v1/customers", {"email": "n@example.com", "name": "نورة"})
    path = f"/v1/customers/{customer['id']}"
    assert fresh.ask(f"POST {path}", {"description": "new"})[1]["description"] == "new"
    assert fresh.ask(f"DELETE {path}")[1]["deleted"] is True
    assert fresh.get(path)["deleted"] is True


def test_a_subscription_ends_rightly(fresh: Api) -> None:
    path = "/v1/subscriptions/sub_SbxLayla000001"
    assert fresh.ask(f"POST {path}", {"cancel_at_period_end": "true"})[1]["cancel_at_period_end"] is True
    assert fresh.ask(f"DELETE {path}", {"invoice_now": "false"})[1]["status"] == "canceled"
    assert fresh.ask(f"DELETE {path}")[0] in {400, 404}


def test_every_invoice_is_sent_or_refused_rightly(fresh: Api) -> None:
    statuses = {
        fresh.ask(f"POST /v1/invoices/{invoice['id']}/send")[0] for invoice in fresh.every("/v1/invoices")
    }
    assert statuses == {200, 400}


@pytest.mark.parametrize(
    ("kind", "status"), [("500-before", 500), ("429", 429), ("401", 401), ("403", 403), ("refuse", 400)]
)
def test_a_fault_answers_as_stripe_would(fresh: Api, kind: str, status: int) -> None:
    faults.arm(fresh.state_dir, "stripe", kind)
    assert fresh.ask("GET /v1/charges")[0] == status
    assert fresh.ask("GET /v1/charges")[0] == 200
