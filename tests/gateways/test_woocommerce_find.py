"""Looking customers up in a store: in the rehearsal store, and over answers that it does not give."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.errors import UsageError
from billctl.gateway import By, Found, Query
from billctl.gateways.woocommerce import WoocommerceGateway, recurring
from billctl.models import Customer, Match
from billctl.money import Money
from billctl.sandbox.server import Sandbox
from billctl.sandbox.state import configure
from tests.gateways.woocommerce_accounts import rehearsing
from tests.rehearsal import rehearsed


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One store for all tests of this file: none of them changes anything."""
    with rehearsed(tmp_path_factory.mktemp("state"), ("woocommerce",)) as sandbox:
        yield sandbox


@pytest.fixture
def woo(shop: Sandbox) -> Iterator[WoocommerceGateway]:
    """The account that the store knows."""
    rehearsed_one = rehearsing(shop.url("woocommerce"))
    yield rehearsed_one
    rehearsed_one.close()


def find(woo: WoocommerceGateway, by: By, text: str, *, limit: int = 20) -> Found:
    return woo.find_customers(Query(by=by, text=text, limit=limit))


def only(found: Found) -> Customer:
    assert found.failures == ()
    (customer,) = found.customers
    return customer


# In the store


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (By.EMAIL, "layla@example.com"),
        (By.EMAIL, "LAYLA@Example.com"),
        (By.NAME, "Layla Haddad"),
        (By.NAME, "  layla   haddad "),
        (By.ID, "21"),
        (By.ID, "1042"),
        (By.ID, "1045"),
        (By.ID, "1050"),
        (By.CHARGE, "1042"),
        (By.INVOICE, "1044"),
        (By.INVOICE, "#1044"),
        (By.SUBSCRIPTION, "1050"),
    ],
)
def test_a_customer_is_found_with_the_whole_history(woo: WoocommerceGateway, by: By, text: str) -> None:
    layla = only(find(woo, by, text))
    assert (layla.id, layla.name, layla.match) == ("21", "Layla Haddad", Match.EXACT)
    charges = {charge.id: charge for charge in layla.charges}
    assert {"1041", "1042", "1043", "1044", "1046", "1047", "1048"} <= set(charges)
    assert [refund.id for refund in charges["1042"].refunds] == ["1045"]
    assert charges["1042"].refundable == Money(2900, "USD")
    assert [one.id for one in layla.subscriptions] == ["1050"]
    assert {one.id for one in layla.invoices} == set(charges)
    moments = [charge.created for charge in layla.charges]
    assert moments == sorted(moments, reverse=True)


def test_orders_and_subscriptions_name_each_other(woo: WoocommerceGateway) -> None:
    layla = only(find(woo, By.EMAIL, "layla@example.com"))
    tied = {charge.id for charge in layla.charges if charge.subscription_id == "1050"}
    assert tied == {"1049", "1051", "1052"}
    assert {one.id for one in layla.invoices if one.subscription_id == "1050"} == tied


def test_nobody_is_found_by_what_nothing_has(woo: WoocommerceGateway) -> None:
    for by, text in (
        (By.EMAIL, "nobody@example.com"),
        (By.EMAIL, "no address at all"),
        (By.NAME, "Nobody Atall"),
        (By.NAME, " "),
        (By.ID, "999999"),
        (By.CHARGE, "999999"),
        (By.CHARGE, "1050"),
        (By.CHARGE, "1045"),
        (By.INVOICE, "999999"),
        (By.SUBSCRIPTION, "1042"),
    ):
        found = find(woo, by, text)
        assert (found.customers, found.failures) == ((), ()), (by, text)


def test_an_address_that_contains_the_one_asked_for_is_another(woo: WoocommerceGateway) -> None:
    """The store's own search finds `notlayla@example.com` for `layla@example.com`."""
    assert [one.id for one in find(woo, By.EMAIL, "layla@example.com").customers] == ["21"]
    assert only(find(woo, By.EMAIL, "notlayla@example.com")).id == "notlayla@example.com"
    assert find(woo, By.EMAIL, "ayla@example.com").customers == ()


def test_who_runs_the_store_is_found_by_his_address_too(woo: WoocommerceGateway) -> None:
    """By itself the store looks among customers only; she is none, and never ordered."""
    mona = only(find(woo, By.EMAIL, "mona@shop.example"))
    assert (mona.id, mona.name, mona.charges) == ("2", "Mona Manager", ())


def test_a_guest_is_found_under_his_address(woo: WoocommerceGateway) -> None:
    found = find(woo, By.EMAIL, "Guest1@example.com")
    guest = only(found)
    assert (guest.id, guest.email, guest.created) == ("guest1@example.com", "guest1@example.com", None)
    assert [charge.customer_id for charge in guest.charges] == ["guest1@example.com"]
    assert "as a guest" in found.notes[0]


def test_an_account_and_a_guest_of_one_address_stay_two(woo: WoocommerceGateway) -> None:
    found = find(woo, By.EMAIL, "shared@example.com")
    assert [one.id for one in found.customers] == ["30", "shared@example.com"]
    charges = [{charge.id for charge in customer.charges} for customer in found.customers]
    assert charges[0]
    assert charges[1]
    assert not charges[0] & charges[1]


def test_a_guests_order_leads_to_him_and_all_he_ordered(woo: WoocommerceGateway) -> None:
    (pedro,) = find(woo, By.EMAIL, "pedro@example.net").customers
    assert len(pedro.charges) > 1
    by_order = only(find(woo, By.CHARGE, pedro.charges[-1].id))
    assert (by_order.id, by_order.charges) == (pedro.id, pedro.charges)


@pytest.mark.parametrize(("text", "match"), [("سارة القاسم", Match.EXACT), ("القاسم", Match.PARTIAL)])
def test_a_name_is_found_in_any_script_on_the_orders(
    woo: WoocommerceGateway, text: str, match: Match
) -> None:
    sara = only(find(woo, By.NAME, text))
    assert (sara.email, sara.match) == ("sara@example.org", match)


def test_what_a_search_for_a_name_finds_elsewhere_in_an_order_is_left_out(woo: WoocommerceGateway) -> None:
    assert find(woo, By.NAME, "Onboarding session").customers == ()


def test_an_orders_id_and_its_number_are_two_things(woo: WoocommerceGateway) -> None:
    sara = only(find(woo, By.EMAIL, "sara@example.org"))
    (order,) = sara.invoices
    assert order.number == "WEB-2043"
    assert only(find(woo, By.INVOICE, order.id)).id == sara.id
    unknown = find(woo, By.INVOICE, "WEB-2043")
    assert unknown.customers == ()
    assert "try the order's id" in unknown.notes[0]


def test_the_limit_is_said_and_an_older_order_that_was_asked_for_is_shown(woo: WoocommerceGateway) -> None:
    found = find(woo, By.EMAIL, "tariq@example.com", limit=5)
    assert len(only(found).charges) == len(only(found).invoices) == 5
    assert "27 has more orders than the newest shown" in found.notes
    everything = only(find(woo, By.EMAIL, "tariq@example.com", limit=100))
    oldest = everything.charges[-1].id
    named = only(find(woo, By.CHARGE, oldest, limit=5))
    assert [charge.id for charge in named.charges][-1] == oldest
    assert len(named.charges) == 6


def test_older_orders_are_left_out_but_no_subscription(woo: WoocommerceGateway) -> None:
    since = datetime.now(UTC) - timedelta(days=20)
    layla = only(woo.find_customers(Query(by=By.EMAIL, text="layla@example.com", since=since)))
    assert {"1043", "1044"} <= {charge.id for charge in layla.charges}
    assert all(charge.created >= since for charge in layla.charges)
    assert [one.id for one in layla.subscriptions] == ["1050"]


@pytest.mark.parametrize(
    ("by", "text", "what"),
    [
        (By.ID, "a/b", "id"),
        (By.ID, "0", "id"),
        (By.CHARGE, "10 42", "charge id"),
        (By.CHARGE, "-1", "charge id"),
        (By.SUBSCRIPTION, "١٠٥٠", "subscription id"),
    ],
)
def test_what_is_no_number_is_a_usage_error(woo: WoocommerceGateway, by: By, text: str, what: str) -> None:
    with pytest.raises(UsageError, match=rf"'{text}' is not a WooCommerce {what}$"):
        find(woo, by, text)


# Stores that lack something


@pytest.fixture
def other(tmp_path: Path) -> Iterator[tuple[Path, WoocommerceGateway]]:
    """A store whose settings a test may change, and its account."""
    with rehearsed(tmp_path, ("woocommerce",)) as sandbox:
        woo = rehearsing(sandbox.url("woocommerce"))
        yield tmp_path, woo
        woo.close()


def test_without_the_extension_a_lookup_says_so_and_shows_the_rest(
    other: tuple[Path, WoocommerceGateway],
) -> None:
    state, woo = other
    configure(state, "woocommerce", woo_subscriptions=0)
    found = find(woo, By.EMAIL, "layla@example.com")
    assert (only(found).subscriptions, len(only(found).charges) > 5) == ((), True)
    assert any("Subscriptions extension is not installed" in note for note in found.notes)
    by_number = find(woo, By.SUBSCRIPTION, "1050")
    assert (by_number.customers, by_number.notes) == ((), (recurring.MISSING,))


def test_an_older_store_is_searched_for_all_it_can(other: tuple[Path, WoocommerceGateway]) -> None:
    """It does not show refunds by themselves, nor e-mails orders."""
    state, woo = other
    configure(state, "woocommerce", woo_version=80_900)
    assert only(find(woo, By.EMAIL, "layla@example.com")).charges
    assert only(find(woo, By.ID, "1042")).id == "21"
    assert find(woo, By.ID, "1045").customers == ()
    assert woo.check().about["e-mails"] == "none, WooCommerce is older than 9.5"
