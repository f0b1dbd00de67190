"""Looking customers up at Braintree: in the rehearsal shop, and over answers that no shop gives."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.errors import NetworkError, UsageError
from billctl.gateway import By, Found, Query
from billctl.gateways.braintree import BraintreeGateway
from billctl.models import Customer, Match
from billctl.money import Money
from billctl.sandbox.server import Sandbox
from billctl.testing.servers import Behaviour, LoopbackServer, Request, answer
from tests.gateways import braintree_wire as wire
from tests.gateways.braintree_accounts import gateway, rehearsing
from tests.rehearsal import rehearsed

IDS = "/transactions/advanced_search_ids"
PAGE = "/transactions/advanced_search"
PEOPLE = "/customers/advanced_search_ids"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One shop for all tests of this file: none of them changes anything."""
    state: Path = tmp_path_factory.mktemp("state")
    with rehearsed(state, ("braintree",)) as sandbox:
        yield sandbox


@pytest.fixture
def braintree(shop: Sandbox) -> Iterator[BraintreeGateway]:
    """The account that the shop knows."""
    rehearsed_one = rehearsing(shop.url("braintree"))
    yield rehearsed_one
    rehearsed_one.close()


def find(braintree: BraintreeGateway, by: By, text: str, *, limit: int = 20) -> Found:
    return braintree.find_customers(Query(by=by, text=text, limit=limit))


def only(found: Found) -> Customer:
    assert found.failures == ()
    (customer,) = found.customers
    return customer


# In the shop


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (By.EMAIL, "layla@example.com"),
        (By.EMAIL, "LAYLA@Example.com"),
        (By.NAME, "Layla Haddad"),
        (By.NAME, "  layla   haddad "),
        (By.ID, "layla"),
        (By.ID, "layla002"),
        (By.ID, "layla003"),
        (By.ID, "sublay"),
        (By.ID, "layladispute0001"),
        (By.CHARGE, "layla002"),
        (By.CHARGE, "layla003"),
        (By.CHARGE, "layladispute0001"),
        (By.SUBSCRIPTION, "sublay"),
    ],
)
def test_a_customer_is_found_with_the_whole_history(braintree: BraintreeGateway, by: By, text: str) -> None:
    layla = only(find(braintree, by, text))
    assert (layla.id, layla.name, layla.match) == ("layla", "Layla Haddad", Match.EXACT)
    charges = {charge.id: charge for charge in layla.charges}
    assert {"layla001", "layla002", "layla004", "layla005", "layla006"} <= set(charges)
    assert [refund.id for refund in charges["layla002"].refunds] == ["layla003"]
    assert charges["layla002"].refundable == Money(2900, "USD")
    assert [one.id for one in layla.subscriptions] == ["sublay"]
    assert layla.subscriptions[0].amount == Money(4900, "USD")
    assert [one.id for one in layla.disputes] == ["layladispute0001"]
    moments = [charge.created for charge in layla.charges]
    assert moments == sorted(moments, reverse=True)


def test_nobody_is_found_by_what_nothing_has(braintree: BraintreeGateway) -> None:
    for by, text in (
        (By.EMAIL, "nobody@example.com"),
        (By.NAME, "Nobody Atall"),
        (By.ID, "nobody01"),
        (By.LAST4, "9999"),
        (By.CHARGE, "nobody01"),
        (By.SUBSCRIPTION, "nobody"),
    ):
        found = find(braintree, by, text)
        assert (found.customers, found.failures) == ((), ()), by


def test_a_part_of_a_name_is_a_near_match(braintree: BraintreeGateway) -> None:
    assert only(find(braintree, By.NAME, "hadda")).match is Match.PARTIAL


def test_a_guest_is_found_under_his_address(braintree: BraintreeGateway) -> None:
    found = find(braintree, By.EMAIL, "guest1@example.com")
    guest = only(found)
    assert (guest.id, guest.email, guest.created) == ("guest1@example.com", "guest1@example.com", None)
    assert [charge.customer_id for charge in guest.charges] == ["guest1@example.com"]
    assert "as a guest" in found.notes[0]


def test_a_customer_and_a_guest_of_one_address_stay_two(braintree: BraintreeGateway) -> None:
    found = find(braintree, By.EMAIL, "mia@example.org")
    assert [customer.id for customer in found.customers] == ["mia", "mia@example.org"]
    charges = [{charge.id for charge in customer.charges} for customer in found.customers]
    assert not charges[0] & charges[1]


def test_a_guests_charge_leads_to_him(braintree: BraintreeGateway) -> None:
    assert only(find(braintree, By.CHARGE, "guest001")).id == "guest1@example.com"


def test_last_four_digits_find_who_has_or_used_such_a_card(braintree: BraintreeGateway) -> None:
    found = {customer.id: customer.match for customer in find(braintree, By.LAST4, "1881").customers}
    assert found["layla"] is Match.EXACT
    assert "guest1@example.com" in found


def test_the_limit_is_said_and_an_older_charge_that_was_asked_for_is_shown(
    braintree: BraintreeGateway,
) -> None:
    jonas = find(braintree, By.EMAIL, "jonas@example.org", limit=5)
    (customer,) = jonas.customers
    assert len(customer.charges) == 5
    assert any("more transactions" in note for note in jonas.notes)
    older = find(braintree, By.CHARGE, "jonas040", limit=5)
    assert "jonas040" in {charge.id for charge in older.customers[0].charges}


def test_older_charges_are_left_out_but_no_subscription(braintree: BraintreeGateway) -> None:
    since = datetime.now(UTC) - timedelta(days=20)
    query = Query(by=By.EMAIL, text="layla@example.com", since=since)
    layla = only(braintree.find_customers(query))
    assert layla.charges
    assert all(charge.created >= since for charge in layla.charges)
    assert [one.id for one in layla.subscriptions] == ["sublay"]


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (By.LAST4, "12"),
        (By.LAST4, "١٢٣٤"),
        (By.ID, "a/b"),
        (By.CHARGE, "LAYLA"),
        (By.SUBSCRIPTION, "a b"),
        (By.EMAIL, "x" * 250 + "@example.com"),
        (By.NAME, "a b c d e f g"),
    ],
)
def test_what_cannot_be_looked_for_is_a_usage_error(braintree: BraintreeGateway, by: By, text: str) -> None:
    with pytest.raises(UsageError):
        find(braintree, by, text)


def test_a_trials_owner_and_currency_are_told_by_its_card_and_account(braintree: BraintreeGateway) -> None:
    trial = braintree.get_subscription("subvic")
    assert trial.customer_id is not None
    assert trial.amount is not None
    assert only(find(braintree, By.SUBSCRIPTION, "subvic")).id == trial.customer_id


# Over answers that no shop gives


def searched(request: Request, field: str) -> str:
    """What a search's field was to be, by whatever operator."""
    return request.body.decode().partition(f"<{field}>")[2].partition("</")[0].rpartition(">")[2]


def moved(address: str) -> str:
    """Layla paid once with an address that her record does not have any more."""
    return wire.found("sale01") if address == "old@example.com" else wire.found()


MOVED: wire.Table = {
    IDS: lambda request: (
        wire.found("sale01")
        if "layla" in searched(request, "customer_id")
        else moved(searched(request, "customer_email"))
    ),
    PAGE: wire.page(
        "credit-card-transactions",
        "transaction",
        [wire.transaction(customer={"id": "layla", "email": "old@example.com"})],
    ),
    "/customers/layla": wire.customer(wire.subscription()),
}


def test_who_paid_with_the_address_and_has_another_now_is_a_near_match() -> None:
    with LoopbackServer(wire.routes(MOVED)) as server:
        found = find(gateway(server.url), By.EMAIL, "old@example.com")
    layla = only(found)
    assert (layla.id, layla.match) == ("layla", Match.PARTIAL)
    assert found.notes == ("layla paid with this address, and has another one now",)


def test_what_the_search_gives_beyond_the_address_is_left_out() -> None:
    """Whatever Braintree's `is` compares, the address is compared here again."""
    table: wire.Table = {
        PEOPLE: wire.found("layla"),
        "/customers/layla": wire.customer(email="layla@example.com.evil"),
        IDS: wire.found("sale01"),
        PAGE: wire.page(
            "credit-card-transactions",
            "transaction",
            [wire.transaction(customer={"id": None, "email": "somebody@example.com"})],
        ),
    }
    with LoopbackServer(wire.routes(table)) as server:
        assert find(gateway(server.url), By.EMAIL, "layla@example.com").customers == ()


FOUND: wire.Table = {
    PEOPLE: wire.found("layla"),
    "/customers/layla": wire.customer(wire.subscription()),
    IDS: wire.found("credit1", "sale01"),
    PAGE: wire.page(
        "credit-card-transactions",
        "transaction",
        [wire.credit(), wire.transaction(**{"refund-ids": [("item", "credit1")]})],
    ),
}


def without(path: str) -> Behaviour:
    """Everything of `FOUND` is answered, but `path` with an error."""
    whole = wire.routes(FOUND)
    broken = answer(500, "", headers=wire.XML)

    def behave(*parts: object) -> bool:
        request = parts[1]
        assert isinstance(request, Request)
        asked = request.target.partition("?")[0]
        return (broken if asked.endswith(path) else whole)(*parts)  # type: ignore[arg-type]

    return behave


def test_a_refund_at_hand_is_not_asked_for_again() -> None:
    with LoopbackServer(wire.routes(FOUND)) as server:
        layla = only(find(gateway(server.url), By.EMAIL, "layla@example.com"))
        assert not any("/transactions/credit1" in request.target for request in server.requests)
    assert [refund.id for refund in layla.charges[0].refunds] == ["credit1"]


def test_the_search_in_two_steps_is_asked_once_where_the_address_finds_all() -> None:
    """Ids, then pages: what the address finds is not read once more for the customer."""
    with LoopbackServer(wire.routes(FOUND)) as server:
        find(gateway(server.url), By.EMAIL, "layla@example.com")
        asked = sorted(request.target.rpartition("/")[2] for request in server.requests)
    assert asked.count("advanced_search") == 1
    assert asked.count("advanced_search_ids") == 3


def test_disputes_that_cannot_be_read_hide_nothing_else() -> None:
    with LoopbackServer(without("/disputes/advanced_search")) as server:
        found = find(gateway(server.url), By.EMAIL, "layla@example.com")
    (failure,) = found.failures
    assert isinstance(failure, NetworkError)
    assert "the disputes of layla could not be read" in failure.message
    assert [charge.id for charge in found.customers[0].charges] == ["sale01"]
    assert [one.id for one in found.customers[0].subscriptions] == ["sub1"]


def test_a_refund_that_cannot_be_read_leaves_its_charge_shown() -> None:
    lost: wire.Table = {
        **FOUND,
        IDS: wire.found("sale01"),
        PAGE: wire.page(
            "credit-card-transactions",
            "transaction",
            [wire.transaction(**{"refund-ids": [("item", "credit1")]})],
        ),
    }
    with LoopbackServer(wire.routes(lost)) as server:
        found = find(gateway(server.url), By.EMAIL, "layla@example.com")
    assert [charge.id for charge in found.customers[0].charges] == ["sale01"]
    assert "the refunds of layla could not be read" in found.failures[0].message


def test_a_charge_that_cannot_be_read_hides_no_other() -> None:
    odd = wire.transaction(id="sale02", **{"currency-iso-code": "XXQ"})
    mixed: wire.Table = {
        **FOUND,
        IDS: wire.found("sale02", "sale01"),
        PAGE: wire.page("credit-card-transactions", "transaction", [odd, wire.transaction()]),
    }
    with LoopbackServer(wire.routes(mixed)) as server:
        found = find(gateway(server.url), By.EMAIL, "layla@example.com")
    assert [charge.id for charge in found.customers[0].charges] == ["sale01"]
    assert "sale02 is left out" in found.failures[0].message


def test_a_customer_who_cannot_be_read_is_a_failure_not_nobody() -> None:
    with (
        LoopbackServer(without("/customers/layla")) as server,
        pytest.raises(NetworkError),
    ):
        find(gateway(server.url), By.EMAIL, "layla@example.com")


def test_a_sale_that_names_nobody_is_told() -> None:
    alone: wire.Table = {"/transactions/sale01": wire.transaction(customer={"id": None, "email": None})}
    with LoopbackServer(wire.routes(alone)) as server:
        found = find(gateway(server.url), By.CHARGE, "sale01")
    assert found.customers == ()
    assert found.notes == ("sale01 of 50.00 USD was paid by a guest: it belongs to no customer",)
