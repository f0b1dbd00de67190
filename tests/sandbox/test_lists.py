"""Lists, paging, expansion and Search."""

from contextlib import suppress

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from billctl.sandbox import state
from billctl.sandbox.stripe.errors import ApiError
from billctl.sandbox.stripe.search import parse
from tests.matrix import crossed
from tests.sandbox.conftest import Json, Wire

LAYLA = "cus_SbxLayla000001"


def ids(page: Json) -> list[str]:
    return [item["id"] for item in page["data"]]


def found(wire: Wire, path: str, query: str) -> list[str]:
    return ids(wire.get(f"{path}/search", {"query": query, "limit": "100"}))


def test_a_list_is_newest_first_and_ten_long(shop: Wire) -> None:
    page = shop.get("/v1/charges")
    created = [charge["created"] for charge in page["data"]]
    assert (len(created), page["has_more"], page["url"]) == (10, True, "/v1/charges")
    assert created == sorted(created, reverse=True)


@pytest.mark.parametrize(
    ("limit", "path"),
    crossed(
        {limit: limit for limit in ("7", "1", "100")},
        {path: path for path in ("/v1/invoices", "/v1/charges", "/v1/subscriptions?status=all")},
    ),
)
def test_pages_forwards_and_backwards_are_the_same_list(shop: Wire, path: str, limit: str) -> None:
    path, _, more = path.partition("?")
    extra = {"status": "all"} if more else {}
    forwards: list[str] = []
    page = shop.get(path, {"limit": limit} | extra)
    while True:
        forwards += ids(page)
        if not page["has_more"] or len(forwards) > max(20, 8 * int(limit)):
            break
        page = shop.get(path, {"limit": limit, "starting_after": forwards[-1]} | extra)
    assert len(set(forwards)) == len(forwards)
    last = page["data"][-1]["id"]
    backwards = [last]
    while len(backwards) < len(forwards):
        page = shop.get(path, {"limit": limit, "ending_before": backwards[0]} | extra)
        backwards = ids(page) + backwards
    assert backwards[-len(forwards) :] == forwards
    assert not shop.get(path, {"ending_before": forwards[0]} | extra)["data"]


def test_only_one_cursor_is_taken(shop: Wire) -> None:
    first, second = ids(shop.get("/v1/charges"))[:2]
    reply = shop.ask("GET /v1/charges", {"starting_after": first, "ending_before": second})
    assert reply.status == 400


def test_created_is_filtered_by_every_operator(shop: Wire) -> None:
    every = [item["created"] for item in shop.get("/v1/charges", {"limit": "100"})["data"]]
    middle = every[40]
    holds = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    for operator, compare in holds.items():
        page = shop.get("/v1/charges", {"limit": "100", f"created[{operator}]": str(middle)})
        assert page["data"]
        assert all(compare(item["created"], middle) for item in page["data"])
    assert {c["created"] for c in shop.get("/v1/charges", {"created": str(middle)})["data"]} == {middle}


def test_an_email_is_found_only_as_it_is_written(shop: Wire) -> None:
    assert ids(shop.get("/v1/customers", {"email": "layla@example.com"})) == [LAYLA]
    assert ids(shop.get("/v1/customers", {"email": "Layla@example.com"})) == []
    assert len(ids(shop.get("/v1/customers", {"email": "shared@example.com"}))) == 2


def test_subscriptions_hide_the_canceled_ones_unless_asked(shop: Wire) -> None:
    def statuses(**form: str) -> set[str]:
        page = shop.get("/v1/subscriptions", {"limit": "100"} | form)
        return {subscription["status"] for subscription in page["data"]}

    every = {"active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused"}
    every |= {"trialing", "unpaid"}
    assert statuses() == every - {"canceled"}
    assert statuses(status="all") == every
    assert statuses(status="ended") == {"canceled", "incomplete_expired"}
    assert statuses(status="past_due") == {"past_due"}


def test_a_lists_filter_names_what_is_absent(shop: Wire) -> None:
    for path, name in (
        ("/v1/charges", "customer"),
        ("/v1/refunds", "charge"),
        ("/v1/invoices", "subscription"),
    ):
        error = shop.ask(f"GET {path}", {name: "nobody"}).error
        assert (error["code"], error["param"]) == ("resource_missing", name)


def test_refunds_are_on_a_charge_only_when_expanded(shop: Wire) -> None:
    path = "/v1/charges/ch_SbxLayla0000002"
    assert "refunds" not in shop.get(path)
    refunds = shop.get(path, "expand[]=refunds")["refunds"]
    assert (refunds["object"], refunds["data"][0]["amount"]) == ("list", 2000)
    page = shop.get("/v1/charges", f"customer={LAYLA}&expand[0]=data.refunds&expand[1]=data.customer")
    assert all("refunds" in charge and charge["customer"]["id"] == LAYLA for charge in page["data"])


def test_ids_expand_into_objects_through_several_levels(shop: Wire) -> None:
    charge = shop.get("/v1/charges/ch_SbxLayla0000001", "expand[]=payment_intent.latest_charge.customer")
    assert charge["payment_intent"]["latest_charge"]["customer"]["id"] == LAYLA
    charge = shop.get("/v1/charges/ch_SbxLayla0000001", "expand[]=balance_transaction&expand[]=customer")
    assert charge["balance_transaction"]["net"] == 4900 - charge["balance_transaction"]["fee"]
    assert charge["balance_transaction"]["source"] == charge["id"]


def test_a_null_stays_null_and_a_guest_has_no_customer(shop: Wire) -> None:
    guest = shop.get("/v1/charges/ch_SbxGuest0000001", "expand[]=customer")
    assert guest["customer"] is None


def test_a_deleted_customer_expands_to_its_remains(shop: Wire) -> None:
    remains = {"id": "cus_SbxGhost000001", "object": "customer", "deleted": True}
    assert shop.get("/v1/customers/cus_SbxGhost000001") == remains
    charges = shop.get("/v1/charges", "customer=cus_SbxGhost000001&expand[]=data.customer")["data"]
    assert [charge["customer"] for charge in charges] == [remains]
    assert "cus_SbxGhost000001" not in ids(shop.get("/v1/customers", {"limit": "100"}))


@pytest.mark.parametrize(
    ("path", "expand"),
    [
        ("/v1/charges", "customer"),
        ("/v1/charges", "data.amount"),
        ("/v1/charges/ch_SbxLayla0000001", "nothing"),
        ("/v1/charges/ch_SbxLayla0000001", "data.customer"),
        ("/v1/charges/ch_SbxLayla0000001", "invoice"),
        ("/v1/subscriptions", "data.current_period_end"),
        ("/v1/charges", "data.a.b.c.d.e"),
    ],
)
def test_what_cannot_be_expanded_is_refused(shop: Wire, path: str, expand: str) -> None:
    error = shop.ask(f"GET {path}", {"expand[]": expand}).error
    assert "expand" in error["message"]
    assert expand in error["message"]


def test_invoices_and_their_charges_meet_through_invoice_payments(shop: Wire) -> None:
    invoice = shop.get("/v1/invoices/in_SbxLayla000002", "expand[]=payments.data.payment.payment_intent")
    intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
    assert intent["latest_charge"] == "ch_SbxLayla0000001"
    form = {"payment[type]": "payment_intent", "payment[payment_intent]": intent["id"]}
    assert [one["invoice"] for one in shop.get("/v1/invoice_payments", form)["data"]] == [invoice["id"]]
    by_invoice = shop.get("/v1/invoice_payments", {"invoice": invoice["id"]})["data"]
    assert [one["payment"]["payment_intent"] for one in by_invoice] == [intent["id"]]
    assert invoice["parent"]["subscription_details"]["subscription"] == "sub_SbxLayla000001"
    assert "subscription" not in invoice
    assert "charge" not in invoice


def test_search_finds_exactly_and_in_part(shop: Wire) -> None:
    assert found(shop, "/v1/customers", "email:'LAYLA@example.com'") == [LAYLA]
    assert found(shop, "/v1/customers", "name~'hadd'") == [LAYLA]
    assert found(shop, "/v1/customers", "name:'أمينة الزهراني'") == ["cus_SbxAmina000001"]
    assert found(shop, "/v1/customers", 'name:"Liam O\'Brien"') == ["cus_SbxLiam0000001"]
    assert found(shop, "/v1/customers", r"name:'Liam O\'Brien'") == ["cus_SbxLiam0000001"]
    assert (
        len(found(shop, "/v1/customers", "email:'layla@example.com' OR email:'omar.farouk@example.com'")) == 2
    )
    assert found(shop, "/v1/customers", "name~'hadd' AND -email:'layla@example.com'") == []
    assert found(shop, "/v1/customers", "name~'hadd' email~'layla'") == [LAYLA]


def test_search_looks_at_cards_amounts_states_and_numbers(shop: Wire) -> None:
    charges = found(shop, "/v1/charges", f"customer:'{LAYLA}' AND amount>4900")
    assert charges == ["ch_SbxLayla0000003"]
    assert "ch_SbxFahad0000001" in found(shop, "/v1/charges", "payment_method_details.card.last4:'8431'")
    assert found(shop, "/v1/charges", f"customer:'{LAYLA}' AND disputed:'true'") == charges
    assert found(shop, "/v1/invoices", "number:'layla000-0001'") == ["in_SbxLayla000001"]
    assert found(shop, "/v1/invoices", "subscription:'sub_SbxLayla000001'") == ["in_SbxLayla000002"]
    assert found(shop, "/v1/subscriptions", "status:'paused'") == ["sub_SbxBilal000001"]


def test_search_finds_metadata_under_any_key(wire: Wire) -> None:
    made = wire.post("/v1/customers", {"name": "Marked", "metadata[a:b]": "Seven"})
    assert found(wire, "/v1/customers", "metadata['a:b']:'seven'") == [made["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "nonsense",
        "email:",
        "email:'open",
        "surname:'x'",
        "name~'ab'",
        "created~'123'",
        "created:'yesterday'",
        "name:'a' AND email:'b' OR phone:'c'",
        " AND ".join(["name:'abc'"] * 11),
        ":'x'",
        "metadata['a:'x'",
    ],
)
def test_a_broken_query_is_refused(shop: Wire, query: str) -> None:
    reply = shop.ask("GET /v1/customers/search", {"query": query})
    assert (reply.status, reply.error["param"]) == (400, "query")


@given(st.text("emailnmad:~<>-'\"\\[] ANDORx1", max_size=40))
def test_any_query_is_understood_or_refused(query: str) -> None:
    with suppress(ApiError):
        clauses, _ = parse(query, "customer")
        assert 1 <= len(clauses) <= 10


def test_search_turns_its_pages(shop: Wire) -> None:
    form = {"query": "currency:'usd'", "limit": "20"}
    page = shop.get("/v1/charges/search", form)
    seen = ids(page)
    while page["has_more"]:
        assert page["next_page"]
        page = shop.get("/v1/charges/search", form | {"page": page["next_page"]})
        seen += ids(page)
    assert page["next_page"] is None
    assert sorted(seen) == sorted(found_all(shop))
    assert shop.ask("GET /v1/charges/search", form | {"page": "other"}).status == 400


def found_all(shop: Wire) -> list[str]:
    """Every charge in dollars, by the list."""
    charges: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = shop.get("/v1/charges", {"limit": "100"} | cursor)
        charges += [charge["id"] for charge in page["data"] if charge["currency"] == "usd"]
        if not page["has_more"]:
            return charges
        cursor = {"starting_after": page["data"][-1]["id"]}


def test_search_lags_behind_when_told_to(wire: Wire) -> None:
    state.configure(wire.state_dir, "stripe", search_lag=60)
    made = wire.post("/v1/customers", {"email": "new@example.com"})
    assert found(wire, "/v1/customers", "email:'new@example.com'") == []
    assert ids(wire.get("/v1/customers", {"email": "new@example.com"})) == [made["id"]]
    state.configure(wire.state_dir, "stripe", search_lag=0)
    assert found(wire, "/v1/customers", "email:'new@example.com'") == [made["id"]]


def test_an_unknown_setting_is_refused(wire: Wire) -> None:
    with pytest.raises(ValueError, match="no such sandbox setting: speed"):
        state.configure(wire.state_dir, "stripe", speed=1)


@pytest.mark.slow
def test_the_sdk_pages_through_everything(client: stripe.StripeClient) -> None:
    whole = [charge.id for charge in client.v1.charges.list({"limit": 40}).auto_paging_iter()]
    assert len(whole) == len(set(whole)) > 140
    sought = client.v1.charges.search({"query": "currency:'usd'", "limit": 10}).auto_paging_iter()
    assert len(list(sought)) > 40
    back = client.v1.charges.list({"ending_before": whole[-1], "limit": 50})
    assert sorted(charge.id for charge in back.auto_paging_iter()) == sorted(whole[:-1])
