"""How a store is asked for a customer, and what is made of answers that a store seldom gives."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock

import pytest

from billctl.errors import NetworkError, NoAnswer, Refused
from billctl.gateway import By, Found, Query
from billctl.gateways.woocommerce import WoocommerceGateway
from billctl.models import Customer, Match
from billctl.money import Money
from billctl.sandbox.server import Sandbox
from billctl.testing.servers import LoopbackServer, Request, Upstream
from tests.gateways import woocommerce_wire as wire
from tests.gateways.woocommerce_accounts import account, gateway, sandbox_keys
from tests.gateways.woocommerce_routes import NO_ROUTE, asked, params_of, path_of, store
from tests.rehearsal import rehearsed


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Sandbox]:
    """The rehearsal store."""
    with rehearsed(tmp_path, ("woocommerce",)) as sandbox:
        yield sandbox


def find(woo: WoocommerceGateway, by: By, text: str, *, limit: int = 20) -> Found:
    return woo.find_customers(Query(by=by, text=text, limit=limit))


def only(found: Found) -> Customer:
    assert found.failures == ()
    (customer,) = found.customers
    return customer


# How it is asked


def test_a_lookup_by_address_takes_three_round_trips(shop: Sandbox) -> None:
    """Whatever it asks, it asks at the same time: nothing is answered until nothing more is asked."""
    upstream, waves = Upstream(shop.url("woocommerce")), Waves()

    def behave(connection, request, closing) -> bool:  # type: ignore[no-untyped-def]
        waves.wait()
        return upstream.pass_on(connection, request, closing)

    with LoopbackServer(behave) as server:
        woo = WoocommerceGateway(account(server.url, keys=sandbox_keys(), read=30.0))
        assert only(find(woo, By.EMAIL, "layla@example.com")).id == "21"
        woo.close()
        assert len(server.requests) >= 5
    assert waves.count <= 3


class Waves:
    """Holds whoever waits until nobody has come for a while, then lets all go at once; counts how often."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()
        self._gate = Event()
        self._last = 0.0
        self._open = False

    def wait(self) -> None:
        with self._lock:
            self._last = time.monotonic()
            first, self._open = not self._open, True
            gate = self._gate
        if not first:
            gate.wait(10)
            return
        while time.monotonic() - self._last < 0.1:
            time.sleep(0.01)
        with self._lock:
            self.count += 1
            self._open = False
            self._gate = Event()
        gate.set()


def test_no_more_is_read_of_an_order_than_billing_needs() -> None:
    with LoopbackServer(store({"customers": wire.listed(wire.customer())})) as server:
        find(gateway(server.url), By.EMAIL, "layla@example.com")
        fields = [params_of(one)["_fields"] for one in server.requests if path_of(one) == "orders"]
    assert fields
    for names in fields:
        assert "billing.email" in names
        assert not {"billing", "shipping", "line_items", "customer_ip_address"} & set(names.split(","))


def test_refunds_are_asked_for_only_where_an_order_names_some() -> None:
    given = wire.refund()
    answers = {
        "customers": wire.listed(wire.customer()),
        "orders": wire.listed(wire.order(id=7), wire.order(refunds=wire.named(given))),
        "orders/1042/refunds": wire.listed(given),
    }
    with LoopbackServer(store(answers)) as server:
        find(gateway(server.url), By.EMAIL, "layla@example.com")
        assert [path for path in asked(server) if path.endswith("/refunds")] == ["orders/1042/refunds"]
        assert "customers/21" not in asked(server)  # the search has told of him


# Over answers that no store gives, or that ours does not


def test_what_the_store_finds_beyond_the_query_is_left_out() -> None:
    """An ignored parameter answers everything."""
    stranger = wire.guest_order("stranger@example.com", id=7)
    answers = {
        "customers": wire.listed(wire.customer(id=5, email="x@example.com"), wire.customer()),
        "orders": wire.listed(
            stranger, wire.order(id=8, customer_id=5, billing={"email": "x@example.com"}), wire.order()
        ),
        "subscriptions": wire.listed(wire.subscription(id=9, customer_id=5), wire.subscription()),
    }
    with LoopbackServer(store(answers)) as server:
        layla = only(find(gateway(server.url), By.EMAIL, "layla@example.com"))
    assert [one.id for one in layla.charges] == ["1042"]
    assert [one.id for one in layla.subscriptions] == ["1050"]


def test_an_order_is_found_by_its_number_and_not_by_what_else_the_search_finds() -> None:
    numbered = wire.order(number="WEB-7")
    answers = {"orders": wire.listed(wire.order(id=8, number="WEB-77", customer_id=5), numbered)}
    with LoopbackServer(store(answers | {"customers/21": wire.told(wire.customer())})) as server:
        found = find(gateway(server.url), By.INVOICE, "WEB-7")
    assert only(found).id == "21"


def test_older_orders_are_left_out_where_the_store_lists_them_all_the_same() -> None:
    old = wire.order(id=7, date_created_gmt="2026-10-01T08:59:59")
    answers = {"customers": wire.listed(wire.customer()), "orders": wire.listed(wire.order(), old)}
    with LoopbackServer(store(answers)) as server:
        since = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
        query = Query(by=By.EMAIL, text="layla@example.com", since=since)
        layla = only(gateway(server.url).find_customers(query))
    assert [one.id for one in layla.charges] == ["1042"]


def test_a_guest_who_writes_his_address_in_two_ways_is_one() -> None:
    orders = [wire.guest_order("Noah@Example.com"), wire.guest_order("noah@example.com", id=7)]
    with LoopbackServer(store({"orders": wire.listed(*orders)})) as server:
        noah = only(find(gateway(server.url), By.EMAIL, "noah@example.com"))
    assert (noah.id, {one.id for one in noah.charges}) == ("Noah@Example.com", {"1042", "7"})


def test_who_ordered_with_the_address_and_has_another_is_a_near_match() -> None:
    answers = {
        "customers": wire.listed(),
        "customers/21": wire.told(wire.customer(email="new@example.com")),
        "orders": wire.listed(wire.order()),
    }
    with LoopbackServer(store(answers)) as server:
        found = find(gateway(server.url), By.EMAIL, "layla@example.com")
    assert (only(found).id, only(found).email, only(found).match) == ("21", "new@example.com", Match.PARTIAL)
    assert "21 has another address in the store: orders were made with this one" in found.notes


def test_whose_account_is_gone_is_shown_from_his_orders() -> None:
    gone = wire.error(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    answers = {
        "customers/21": gone,
        "orders/1042": wire.told(wire.order()),
        "orders": wire.listed(wire.order()),
    }
    with LoopbackServer(store(answers)) as server:
        found = find(gateway(server.url), By.CHARGE, "1042")
    assert (only(found).id, only(found).name, only(found).created) == ("21", "Layla Haddad", None)
    assert any("no account in the store any more" in note for note in found.notes)


def test_an_order_of_nobody_is_named_and_hides_nothing() -> None:
    nobodys = wire.guest_order("", id=7)
    with LoopbackServer(store({"orders/7": wire.told(nobodys)})) as server:
        found = find(gateway(server.url), By.CHARGE, "7")
    assert (found.customers, found.failures) == ((), ())
    assert found.notes == ("order 7 belongs to nobody: it has neither an account nor an e-mail address",)


def test_a_number_of_two_things_shows_both() -> None:
    other = wire.order(id=21, customer_id=5)
    answers = {
        "customers/21": wire.told(wire.customer()),
        "customers/5": wire.told(wire.customer(id=5, email="omar@example.com")),
        "orders/21": wire.told(other),
        "orders": wire.listed(other),
    }
    with LoopbackServer(store(answers)) as server:
        found = find(gateway(server.url), By.ID, "21")
    assert [one.id for one in found.customers] == ["21", "5"]
    assert found.notes[0] == "21 is the number of a customer, and of something else, too"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"currency": "BTC"}, "'BTC' is no currency of ISO 4217"),
        ({"date_created_gmt": None}, "the store's answer cannot be read: TypeError: a time is a string"),
    ],
)
def test_an_order_that_cannot_be_read_hides_no_other(fields: wire.Json, why: str) -> None:
    answers = {
        "customers": wire.listed(wire.customer()),
        "orders": wire.listed(wire.order(id=7, **fields), wire.order()),
    }
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    with LoopbackServer(store(answers)) as server:
        query = Query(by=By.EMAIL, text="layla@example.com", since=long_ago)
        found = gateway(server.url).find_customers(query)
    (layla,) = found.customers
    assert [one.id for one in layla.charges] == ["1042"]
    (failure,) = found.failures
    assert failure.message.startswith(f"7 is left out: {why}")


BROKEN = wire.error(404, "rest_no_such_thing_now", "Sorry.")
"""No answer to a list, and none that is worth asking for again."""

FOUND = {
    "customers": wire.listed(wire.customer()),
    "orders": wire.listed(wire.order(refunds=wire.named(wire.refund()))),
    "orders/1042/refunds": wire.listed(wire.refund()),
    "subscriptions": wire.listed(wire.subscription()),
}


@pytest.mark.parametrize(
    ("path", "part"),
    [("orders/1042/refunds", "refunds"), ("subscriptions", "subscriptions")],
)
def test_a_part_that_cannot_be_read_hides_no_other(path: str, part: str) -> None:
    with LoopbackServer(store(FOUND | {path: BROKEN})) as server:
        found = find(gateway(server.url), By.EMAIL, "layla@example.com")
    (layla,) = found.customers
    (charge,) = layla.charges
    assert charge.refundable == Money(2900, "USD")  # the order itself names what was given back
    (failure,) = found.failures
    assert isinstance(failure, NoAnswer)
    assert failure.message.startswith(f"the {part} of 21 could not be read: ")


@pytest.mark.parametrize("path", ["customers", "orders"])
def test_a_search_that_cannot_be_read_is_a_failure_not_nobody(path: str) -> None:
    broken = store(FOUND | {path: BROKEN})
    with LoopbackServer(broken) as server, pytest.raises(NetworkError):
        find(gateway(server.url), By.EMAIL, "layla@example.com")


def test_a_refusal_of_something_else_than_the_address_is_a_failure_not_nobody() -> None:
    blocked = store({"customers": wire.error(400, "blocked_by_plugin")})
    with LoopbackServer(blocked) as server, pytest.raises(Refused):
        find(gateway(server.url), By.EMAIL, "layla@example.com")


@pytest.mark.parametrize("by", [By.ID, By.CHARGE, By.INVOICE])
def test_a_store_that_has_no_orders_at_all_is_a_failure_not_nobody(by: By) -> None:
    with LoopbackServer(store({"orders/*": NO_ROUTE, "customers/*": NO_ROUTE})) as server:
        with pytest.raises(NoAnswer) as caught:
            find(gateway(server.url), by, "1042")
        assert caught.value.code == "rest_no_route"


def test_an_address_with_a_plus_is_sought_by_what_is_behind_it() -> None:
    """Some stores decode the text once more: the plus would become a blank."""
    order, near = wire.guest_order("noah+shop@example.com"), wire.guest_order("shop@example.com", id=7)
    with LoopbackServer(store({"orders": wire.listed(order, near)})) as server:
        noah = only(find(gateway(server.url), By.EMAIL, "Noah+Shop@example.com"))
        sent = [params_of(one) for one in server.requests]
    assert (noah.id, [one.id for one in noah.charges]) == ("noah+shop@example.com", ["1042"])
    assert {one["email"] for one in sent if "email" in one} == {"Noah+Shop@example.com"}
    assert {one["search"] for one in sent if "search" in one} == {"Shop@example.com"}


def test_an_asterisk_finds_nobody_else() -> None:
    """To the store it stands for anything."""
    with LoopbackServer(store({"customers": wire.listed(wire.customer(), pages=900, total=900)})) as server:
        found = find(gateway(server.url), By.EMAIL, "*@example.com")
        assert len(server.requests) == 2
    assert found.customers == ()


def test_everything_a_search_finds_is_read_page_by_page() -> None:
    def page(*parts: object) -> bool:
        request = parts[1]
        assert isinstance(request, Request)
        number = int(params_of(request)["page"])
        order = wire.guest_order("noah@example.com", id=number)
        return wire.listed(order, pages=3, total=3)(*parts)  # type: ignore[arg-type]

    with LoopbackServer(store({"orders": page})) as server:
        noah = only(find(gateway(server.url), By.EMAIL, "noah@example.com"))
    assert {one.id for one in noah.charges} == {"1", "2", "3"}


def test_more_than_is_read_of_a_search_is_said() -> None:
    endless = wire.listed(wire.guest_order("noah@example.com"), pages=5_000, total=500_000)
    with LoopbackServer(store({"orders": endless})) as server:
        found = find(gateway(server.url), By.EMAIL, "noah@example.com")
        assert len(server.requests) < 50
    assert any(note.startswith("more orders match than the") for note in found.notes)
    assert any("more orders than the newest shown" in note for note in found.notes)
