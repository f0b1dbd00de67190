"""Looking customers up at Stripe: what is asked, what is joined, what is said about what is missing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest

from billctl.errors import AuthFailed, NoAnswer, Refused, Unsupported, UsageError
from billctl.gateway import By, Found, Query
from billctl.models import Customer, Match
from billctl.testing import servers
from billctl.testing.servers import LoopbackServer, Request
from tests.gateways import stripe_wire as wire
from tests.gateways.stripe_accounts import gateway
from tests.gateways.stripe_routes import Parameters, parameters, routes

Answers = dict[str, dict[str, Any] | Callable[[Parameters], dict[str, Any]]]
LAYLA = wire.customer()


@contextmanager
def shop(answers: Answers) -> Iterator[tuple[Callable[..., Found], list[Request]]]:
    """`find(by, text, …)` against a server with these answers, and the requests it got."""
    with LoopbackServer(routes(answers)) as server:

        def find(by: By, text: str, **rest: Any) -> Found:
            return gateway(server.url).find_customers(Query(by=by, text=text, **rest))

        yield find, server.requests


def asked(requests: list[Request], path: str) -> list[Parameters]:
    return [parameters(request) for request in requests if request.target.split("?")[0] == path]


def ids(found: Found) -> list[str]:
    return [customer.id for customer in found.customers]


# By e-mail


def test_an_address_is_listed_exactly_and_searched_in_every_case_of_its_letters() -> None:
    other = wire.customer(id="cus_2", email="Layla@Example.com")
    with shop(
        {
            "GET /v1/customers": wire.page(LAYLA),
            "GET /v1/customers/search": wire.page(
                LAYLA, other, wire.customer(id="cus_3", email="x@example.com")
            ),
        }
    ) as (find, requests):
        found = find(By.EMAIL, "layla@example.com")
    assert ids(found) == ["cus_1", "cus_2"]
    assert {customer.match for customer in found.customers} == {Match.EXACT}
    assert asked(requests, "/v1/customers")[0]["email"] == "layla@example.com"


def test_an_address_that_only_search_knows_is_found_with_its_history() -> None:
    answers: Answers = {
        "GET /v1/customers/search": wire.page(LAYLA),
        "GET /v1/charges": wire.page(wire.charge()),
    }
    with shop(answers) as (find, _):
        found = find(By.EMAIL, "LAYLA@EXAMPLE.COM")
    assert [charge.id for charge in found.customers[0].charges] == ["ch_1"]


def test_an_account_without_search_still_lists_and_says_what_was_not_searched() -> None:
    refusal = {
        "error": {"type": "invalid_request_error", "message": "Search is not available in your country."}
    }
    answers: Answers = {"GET /v1/customers": wire.page(LAYLA), "GET /v1/customers/search": refusal}
    with shop(answers) as (find, _):
        found = find(By.EMAIL, "layla@example.com")
    assert ids(found) == ["cus_1"]
    assert any("Search is not available" in note for note in found.notes)


def test_an_address_nobody_has_says_that_search_lags() -> None:
    with shop({}) as (find, _):
        found = find(By.EMAIL, "nobody@example.com")
    assert found.customers == ()
    assert any("less than a minute old" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("o'neil@example.com", r"email:'o\'neil@example.com'"),
        (r"a\b@example.com", r"email:'a\\b@example.com'"),
        ("x' OR name:'y", r"email:'x\' OR name:\'y'"),
    ],
)
def test_quotes_do_not_end_a_search_string(text: str, query: str) -> None:
    with shop({}) as (find, requests):
        find(By.EMAIL, text)
    assert asked(requests, "/v1/customers/search")[0]["query"] == query


def test_a_lookup_by_address_takes_two_round_trips() -> None:
    """Nothing is answered before all that belongs to the same round trip was asked."""
    answers = routes(
        {
            "GET /v1/customers": wire.page(LAYLA, wire.customer(id="cus_2")),
            "GET /v1/charges": wire.page(wire.charge(disputed=True)),
            "GET /v1/disputes": wire.page(wire.dispute(status="lost")),
        }
    )
    first, second = Barrier(3, timeout=20), Barrier(6, timeout=20)

    def together(connection: Any, request: Request, closing: Any) -> bool:
        at_once = request.target.startswith(("/v1/customers", "/v1/disputes"))
        (first if at_once else second).wait()
        return answers(connection, request, closing)

    with LoopbackServer(together) as server:
        found = gateway(server.url, read=30).find_customers(Query(by=By.EMAIL, text="layla@example.com"))
        assert len(server.requests) == 9
    assert ids(found) == ["cus_1", "cus_2"]


def test_a_lookup_by_id_takes_one_round_trip() -> None:
    answers = routes(
        {
            "GET /v1/customers/cus_1": LAYLA,
            "GET /v1/charges": wire.page(wire.charge(disputed=True)),
            "GET /v1/disputes": wire.page(wire.dispute(status="lost")),
        }
    )
    at_once = Barrier(5, timeout=20)

    def together(connection: Any, request: Request, closing: Any) -> bool:
        at_once.wait()
        return answers(connection, request, closing)

    with LoopbackServer(together) as server:
        found = gateway(server.url, read=30).find_customers(Query(by=By.ID, text="cus_1"))
        assert len(server.requests) == 5
    assert [dispute.id for dispute in found.customers[0].disputes] == ["dp_1"]


# By the rest


def test_a_whole_name_is_exact_and_a_part_of_one_is_partial() -> None:
    people = wire.page(LAYLA, wire.customer(id="cus_2", name="Layla Haddad-Smith"))
    with shop({"GET /v1/customers/search": people}) as (find, requests):
        found = find(By.NAME, "layla haddad")
    assert [(customer.id, customer.match) for customer in found.customers] == [
        ("cus_1", Match.EXACT),
        ("cus_2", Match.PARTIAL),
    ]
    assert asked(requests, "/v1/customers/search")[0]["query"] == "name~'layla haddad'"


def test_a_name_too_short_for_a_part_is_searched_whole_and_says_so() -> None:
    with shop({}) as (find, requests):
        found = find(By.NAME, "Li")
    assert asked(requests, "/v1/customers/search")[0]["query"] == "name:'Li'"
    assert any("only whole names" in note for note in found.notes)


def test_the_last_four_digits_lead_through_charges_and_a_guests_charge_is_named() -> None:
    charges = wire.page(
        wire.charge(customer=LAYLA), wire.charge(id="ch_2", customer=None, payment_intent=None)
    )
    with shop({"GET /v1/charges/search": charges}) as (find, requests):
        found = find(By.LAST4, "4242")
    assert ids(found) == ["cus_1"]
    assert "ch_2 of 50.00 USD was paid by a guest: it belongs to no customer" in found.notes
    assert "last4:'4242'" in asked(requests, "/v1/charges/search")[0]["query"]


@pytest.mark.parametrize("text", ["424", "42424", "42a2", "٤٢٤٢", "' OR '"])
def test_what_is_not_four_digits_is_not_asked(text: str) -> None:
    with shop({}) as (find, requests), pytest.raises(UsageError):
        find(By.LAST4, text)
    assert requests == []


def test_an_invoice_number_is_searched_and_an_invoice_id_retrieved() -> None:
    invoice = wire.invoice(customer=LAYLA)
    with shop({"GET /v1/invoices/search": wire.page(invoice), "GET /v1/invoices/in_1": invoice}) as (
        find,
        requests,
    ):
        assert ids(find(By.INVOICE, "ABC-0001")) == ids(find(By.INVOICE, "in_1")) == ["cus_1"]
    assert asked(requests, "/v1/invoices/search")[0]["query"] == "number:'ABC-0001'"


@pytest.mark.parametrize(
    ("by", "text", "path", "data"),
    [
        (By.ID, "cus_1", "customers/cus_1", LAYLA),
        (By.ID, "ch_1", "charges/ch_1", wire.charge(customer=LAYLA)),
        (By.CHARGE, "ch_1", "charges/ch_1", wire.charge(customer=LAYLA)),
        (
            By.CHARGE,
            "pi_1",
            "payment_intents/pi_1",
            {"id": "pi_1", "object": "payment_intent", "latest_charge": wire.charge(customer=LAYLA)},
        ),
        (By.CHARGE, "re_1", "refunds/re_1", wire.refund(charge=wire.charge(customer=LAYLA))),
        (By.CHARGE, "dp_1", "disputes/dp_1", wire.dispute(charge=wire.charge(customer=LAYLA))),
        (By.SUBSCRIPTION, "sub_1", "subscriptions/sub_1", wire.subscription(customer=LAYLA)),
    ],
)
def test_the_owner_of_any_object_is_found_by_its_id(
    by: By, text: str, path: str, data: dict[str, Any]
) -> None:
    with shop({f"GET /v1/{path}": data}) as (find, _):
        assert ids(find(by, text)) == ["cus_1"]


@pytest.mark.parametrize(
    ("by", "text"),
    [(By.SUBSCRIPTION, "ch_1"), (By.CHARGE, "cus_1"), (By.ID, "evt_1")],
)
def test_an_id_of_a_kind_that_was_not_asked_for_is_a_usage_error(by: By, text: str) -> None:
    with shop({}) as (find, requests), pytest.raises(UsageError) as caught:
        find(by, text)
    assert caught.value.code == "wrong_kind"
    assert requests == []


def test_an_id_that_stripe_does_not_know_finds_nobody() -> None:
    with shop({}) as (find, _):
        assert find(By.ID, "cus_unknown").customers == ()


GONE = {"id": "cus_1", "object": "customer", "deleted": True}


def test_a_deleted_customer_is_none_and_said_to_be_deleted() -> None:
    with shop({"GET /v1/customers/cus_1": GONE, "GET /v1/charges": wire.page(wire.charge())}) as (find, _):
        found = find(By.ID, "cus_1")
    assert found == Found(
        customers=(),
        notes=("customer cus_1 was deleted at Stripe; its payments are found by their own ids",),
    )


def test_a_payment_of_a_deleted_customer_leads_to_what_is_left_of_him() -> None:
    charge = wire.charge(customer=GONE)
    with shop({"GET /v1/charges/ch_1": charge, "GET /v1/charges": wire.page(wire.charge())}) as (find, _):
        found = find(By.CHARGE, "ch_1")
    assert ids(found) == ["cus_1"]
    assert found.customers[0].email is None
    assert len(found.customers[0].charges) == 1
    assert any("was deleted" in note for note in found.notes)


# History


def test_a_charge_is_joined_to_its_invoice_and_its_subscription() -> None:
    payments = wire.page({"payment": {"type": "payment_intent", "payment_intent": "pi_1"}})
    with shop(
        {
            "GET /v1/customers/cus_1": LAYLA,
            "GET /v1/charges": wire.page(wire.charge(), wire.charge(id="ch_2", payment_intent="pi_2")),
            "GET /v1/invoices": wire.page(wire.invoice(payments=payments)),
        }
    ) as (find, requests):
        charges = {charge.id: charge for charge in find(By.ID, "cus_1").customers[0].charges}
    assert (charges["ch_1"].invoice_id, charges["ch_1"].subscription_id) == ("in_1", "sub_1")
    assert (charges["ch_2"].invoice_id, charges["ch_2"].subscription_id) == (None, None)
    assert asked(requests, "/v1/invoices")[0]["expand[0]"] == "data.payments"


def disputed_shop(disputes: Callable[[Parameters], dict[str, Any]]) -> tuple[Customer, list[str | None]]:
    """Layla with a disputed charge and another, and of which charges the disputes were asked for."""
    answers: Answers = {
        "GET /v1/customers/cus_1": LAYLA,
        "GET /v1/charges": wire.page(wire.charge(id="ch_2"), wire.charge(disputed=True)),
        "GET /v1/disputes": disputes,
    }
    with shop(answers) as (find, requests):
        customer = find(By.ID, "cus_1").customers[0]
    return customer, [parameter.get("charge") for parameter in asked(requests, "/v1/disputes")]


def test_the_accounts_disputes_are_read_once_for_all_charges() -> None:
    customer, asked_of = disputed_shop(lambda _: wire.page(wire.dispute(status="lost")))
    assert asked_of == [None]
    assert [dispute.id for dispute in customer.disputes] == ["dp_1"]
    assert {charge.id: charge.refundable.minor for charge in customer.charges} == {"ch_2": 5000, "ch_1": 0}


OTHERS = [wire.dispute(id=f"dp_{number}", charge="ch_9") for number in range(100)]


@pytest.mark.parametrize("of_others", [wire.page(), wire.page(*OTHERS, more=True)], ids=["none", "too many"])
def test_a_disputed_charge_without_one_among_them_is_asked_about_by_itself(of_others: dict[str, Any]) -> None:
    def disputes(query: Parameters) -> dict[str, Any]:
        return wire.page(wire.dispute(status="lost")) if "charge" in query else of_others

    customer, asked_of = disputed_shop(disputes)
    assert asked_of == [None, "ch_1"]
    assert [dispute.id for dispute in customer.disputes] == ["dp_1"]


def test_a_key_that_may_not_read_disputes_hides_no_payment() -> None:
    customer, asked_of = disputed_shop(lambda _: {"error": {"type": "invalid_request_error"}})
    assert asked_of == [None, "ch_1"]
    assert len(customer.charges) == 2


def test_a_long_list_of_refunds_is_read_to_its_end() -> None:
    cut = {"object": "list", "data": [wire.refund(id="re_0")], "has_more": True}

    def refunds(query: Parameters) -> dict[str, Any]:
        if "starting_after" not in query:
            return wire.page(wire.refund(id="re_2"), wire.refund(id="re_1"), more=True)
        assert query["starting_after"] == "re_1"
        return wire.page(wire.refund(id="re_0"))

    with shop(
        {
            "GET /v1/customers/cus_1": LAYLA,
            "GET /v1/charges": wire.page(wire.charge(refunds=cut)),
            "GET /v1/refunds": refunds,
        }
    ) as (find, _):
        charge = find(By.ID, "cus_1").customers[0].charges[0]
    assert [refund.id for refund in charge.refunds] == ["re_2", "re_1", "re_0"]
    assert charge.refunded.minor == 3000


def test_more_than_the_limit_is_said_and_not_fetched() -> None:
    def charges(query: Parameters) -> dict[str, Any]:
        made = [wire.charge(id=f"ch_{n}") for n in range(int(query["limit"]))]
        return wire.page(*made, more=True)

    with shop({"GET /v1/customers/cus_1": LAYLA, "GET /v1/charges": charges}) as (find, requests):
        found = find(By.ID, "cus_1", limit=3)
    assert len(found.customers[0].charges) == 3
    assert "cus_1 has more charges than the 3 newest shown" in found.notes
    assert len(asked(requests, "/v1/charges")) == 1


def test_since_leaves_out_older_payments_but_no_subscription() -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    with shop({"GET /v1/customers/cus_1": LAYLA}) as (find, requests):
        find(By.ID, "cus_1", since=since)
    edge = str(int(since.timestamp()))
    assert asked(requests, "/v1/charges")[0]["created[gte]"] == edge
    assert asked(requests, "/v1/invoices")[0]["created[gte]"] == edge
    assert "created[gte]" not in asked(requests, "/v1/subscriptions")[0]
    assert asked(requests, "/v1/subscriptions")[0]["status"] == "all"


def test_a_currency_that_is_not_read_hides_nothing_else() -> None:
    with shop(
        {
            "GET /v1/customers/cus_1": LAYLA,
            "GET /v1/charges": wire.page(wire.charge(id="ch_ug", currency="ugx"), wire.charge()),
            "GET /v1/invoices": wire.page(wire.invoice(id="in_ug", currency="ugx"), wire.invoice()),
        }
    ) as (find, _):
        found = find(By.ID, "cus_1")
    customer = found.customers[0]
    assert [charge.id for charge in customer.charges] == ["ch_1"]
    assert [invoice.id for invoice in customer.invoices] == ["in_1"]
    assert [type(failure) for failure in found.failures] == [Unsupported, Unsupported]
    charge_out, invoice_out = (failure.message for failure in found.failures)
    assert charge_out.startswith("ch_ug is left out: amounts in UGX are not read")
    assert invoice_out.startswith("in_ug is left out: ")


def test_the_charge_that_was_asked_for_is_shown_however_old() -> None:
    old = wire.charge(id="ch_old", created=wire.CREATED - 10_000_000, customer=LAYLA)
    newest = wire.page(wire.charge(id="ch_new"), more=True)
    with shop({"GET /v1/charges/ch_old": old, "GET /v1/charges": newest}) as (find, _):
        found = find(By.CHARGE, "ch_old", limit=1)
    assert [charge.id for charge in found.customers[0].charges] == ["ch_new", "ch_old"]


def test_customers_that_cannot_be_read_fail_the_lookup() -> None:
    with shop({"GET /v1/customers": {"object": "list", "data": 7}}) as (find, _), pytest.raises(NoAnswer):
        find(By.EMAIL, "layla@example.com")


HISTORY: Answers = {
    "GET /v1/customers/cus_1": LAYLA,
    "GET /v1/charges": wire.page(wire.charge(disputed=True)),
    "GET /v1/subscriptions": wire.page(wire.subscription()),
    "GET /v1/invoices": wire.page(wire.invoice()),
    "GET /v1/disputes": wire.page(wire.dispute()),
}
PARTS = ("charges", "subscriptions", "invoices", "disputes")
NO_LIST = {"object": "list", "data": 7}
REFUSAL = {"error": {"type": "invalid_request_error", "message": "Not for this key."}}


@pytest.mark.parametrize("broken", [NO_LIST, {"object": "list", "data": [{"id": "x"}]}, REFUSAL])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_cannot_be_read_is_named_and_hides_no_other(part: str, broken: dict[str, Any]) -> None:
    if part == "disputes" and "data" in broken:
        broken = NO_LIST
    with shop(HISTORY | {f"GET /v1/{part}": broken}) as (find, _):
        found = find(By.ID, "cus_1")
    (customer,) = found.customers
    missing = {part, "disputes"} if part == "charges" else {part}
    assert {name for name in PARTS if not getattr(customer, name)} == missing
    assert [type(failure) for failure in found.failures] == [Refused if broken is REFUSAL else NoAnswer]
    assert found.failures[0].message.startswith(f"the {part} of cus_1 could not be read: ")


def test_the_refunds_that_came_with_a_charge_are_left_where_the_others_cannot_be_read() -> None:
    cut = {"object": "list", "data": [wire.refund()], "has_more": True}
    charges = wire.page(wire.charge(refunds=cut, amount_refunded=3000))
    with shop(HISTORY | {"GET /v1/charges": charges, "GET /v1/refunds": REFUSAL}) as (find, _):
        found = find(By.ID, "cus_1")
    (charge,) = found.customers[0].charges
    assert [refund.id for refund in charge.refunds] == ["re_1"]
    assert charge.refundable.minor == 2000
    assert [failure.message for failure in found.failures] == [
        "the refunds of cus_1 could not be read: Stripe says: Not for this key."
    ]


def test_an_object_of_another_shape_is_left_out_and_hides_no_other() -> None:
    odd = wire.subscription(id="sub_odd", items=None)
    page = wire.page(odd, wire.subscription())
    with shop(HISTORY | {"GET /v1/subscriptions": page}) as (find, _):
        found = find(By.ID, "cus_1")
    assert [subscription.id for subscription in found.customers[0].subscriptions] == ["sub_1"]
    (failure,) = found.failures
    assert isinstance(failure, NoAnswer)
    assert failure.message.startswith("sub_odd is left out: Stripe's answer cannot be read")


def test_what_many_customers_miss_for_one_cause_is_said_once() -> None:
    people = [wire.customer(id=f"cus_{number}") for number in range(5)]
    answers: Answers = {"GET /v1/customers": wire.page(*people), "GET /v1/invoices": REFUSAL}
    with shop(answers) as (find, _):
        found = find(By.EMAIL, "layla@example.com")
    assert [failure.message for failure in found.failures] == [
        "the invoices of cus_0, cus_1, cus_2 and 2 more could not be read: Stripe says: Not for this key."
    ]


def test_a_history_in_the_other_mode_is_no_gap_but_the_end() -> None:
    live = wire.page(wire.charge(livemode=True))
    with shop(HISTORY | {"GET /v1/charges": live}) as (find, _), pytest.raises(AuthFailed) as caught:
        find(By.ID, "cus_1")
    assert caught.value.code == "wrong_mode"


def test_a_silent_search_costs_the_other_spellings_only() -> None:
    listed = routes({"GET /v1/customers": wire.page(LAYLA)})

    def behave(connection: Any, request: Request, closing: Any) -> bool:
        quiet = request.target.startswith("/v1/customers/search")
        return (servers.silent if quiet else listed)(connection, request, closing)

    with LoopbackServer(behave) as server:
        found = gateway(server.url, read=0.5).find_customers(Query(by=By.EMAIL, text="layla@example.com"))
    assert ids(found) == ["cus_1"]
    (failure,) = found.failures
    assert isinstance(failure, NoAnswer)
    assert "were not searched" in failure.message
