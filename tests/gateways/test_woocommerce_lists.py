"""Lists of a store: what is asked for, what is filtered here, and what is said of what is left out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from billctl.errors import NoAnswer, NotFound, Unsupported, UsageError
from billctl.gateway import Selection
from billctl.gateways.woocommerce import WoocommerceGateway
from billctl.models import Charge, ChargeStatus, InvoiceStatus, Record, SubscriptionStatus
from billctl.money import Money
from billctl.sandbox.server import Sandbox
from billctl.sandbox.state import configure
from billctl.testing.servers import LoopbackServer, Request
from tests.gateways import woocommerce_wire as wire
from tests.gateways.woocommerce_accounts import gateway, rehearsing
from tests.gateways.woocommerce_routes import NO_ROUTE, asked, params_of, path_of, store
from tests.rehearsal import rehearsed

ALL = 1_000
MADE = datetime(2026, 10, 18, 9, 0, tzinfo=UTC)
"""When the order of `wire` was."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One store for all tests of this file that change nothing."""
    with rehearsed(tmp_path_factory.mktemp("state"), ("woocommerce",)) as sandbox:
        yield sandbox


@pytest.fixture
def woo(shop: Sandbox) -> WoocommerceGateway:
    """The account that the store knows."""
    return rehearsing(shop.url("woocommerce"))


def ids(records: Iterator[Record]) -> list[str]:
    return [record.id for record in records]


# In the store


@pytest.fixture(scope="module")
def charges(shop: Sandbox) -> list[Charge]:
    """Every order of the store, as listed."""
    return list(rehearsing(shop.url("woocommerce")).list_charges(Selection(limit=ALL)))


def test_every_order_is_listed_whatever_a_page_holds(woo: WoocommerceGateway, charges: list[Charge]) -> None:
    """There are more of them than two pages hold."""
    assert len(charges) > 200
    assert len({charge.id for charge in charges}) == len(charges)
    assert [charge.id for charge in charges] == ids(woo.list_invoices(Selection(limit=ALL)))
    moments = [charge.created for charge in charges]
    assert moments == sorted(moments, reverse=True)
    by_id = {charge.id: charge for charge in charges}
    assert [refund.id for refund in by_id["1042"].refunds] == ["1045"]
    assert not {"1045", "1050"} & set(by_id)  # a refund and a subscription, which share the orders' numbers


def test_a_status_lists_what_a_whole_list_shows_with_it(
    woo: WoocommerceGateway, charges: list[Charge]
) -> None:
    since = datetime.now(UTC) - timedelta(days=50)
    for status in ChargeStatus:
        wanted = [one.id for one in charges if one.status == status and one.created >= since]
        assert ids(woo.list_charges(Selection(limit=ALL, status=str(status), since=since))) == wanted, status
    invoices = list(woo.list_invoices(Selection(limit=ALL, since=since)))
    for word in InvoiceStatus:
        wanted = [invoice.id for invoice in invoices if invoice.status == word]
        assert ids(woo.list_invoices(Selection(limit=ALL, status=str(word), since=since))) == wanted, word
    subscriptions = list(woo.list_subscriptions(Selection(limit=ALL)))
    for state in SubscriptionStatus:
        wanted = [one.id for one in subscriptions if one.status == state]
        assert ids(woo.list_subscriptions(Selection(limit=ALL, status=str(state)))) == wanted, state


def test_a_refund_carries_its_orders_currency(woo: WoocommerceGateway, charges: list[Charge]) -> None:
    refunds = {refund.id: refund for refund in woo.list_refunds(Selection(limit=ALL))}
    assert refunds["1045"].amount == Money(2000, "USD")
    assert refunds["1045"].charge_id == "1042"
    assert set(refunds) == {refund.id for charge in charges for refund in charge.refunds}


def test_refunds_of_one_customer_are_those_of_his_orders(woo: WoocommerceGateway) -> None:
    assert ids(woo.list_refunds(Selection(customer_id="21"))) == ["1045"]
    assert ids(woo.list_refunds(Selection(customer_id="guest1@example.com"))) == []


def test_a_guests_orders_are_listed_by_his_address(woo: WoocommerceGateway) -> None:
    """The account of the same address has orders of its own."""
    guest = list(woo.list_charges(Selection(customer_id="Shared@example.com")))
    assert {charge.customer_id for charge in guest} == {"shared@example.com"}
    hers = ids(woo.list_charges(Selection(customer_id="30")))
    assert guest
    assert hers
    assert not {charge.id for charge in guest} & set(hers)
    assert ids(woo.list_charges(Selection(customer_id="layla@example.com"))) == []


def test_accounts_of_every_role_are_listed_and_guests_are_said_to_be_missing(
    woo: WoocommerceGateway,
) -> None:
    found = {customer.email for customer in woo.list_customers(Selection(limit=ALL))}
    assert {"layla@example.com", "huda@example.com", "mona@shop.example"} <= found
    assert "guest1@example.com" not in found
    assert "guests are not listed" in woo.list_notes("customers", Selection())[0]
    assert woo.list_notes("charges", Selection()) == ()


def test_a_list_of_customers_takes_no_other_filter(woo: WoocommerceGateway) -> None:
    for selection in (Selection(status="paid"), Selection(customer_id="21")):
        with pytest.raises(UsageError):
            woo.list_customers(selection)


def test_a_customer_who_is_neither_a_number_nor_an_address_is_a_usage_error(woo: WoocommerceGateway) -> None:
    for listing in (woo.list_charges, woo.list_refunds, woo.list_subscriptions, woo.list_invoices):
        with pytest.raises(UsageError):
            list(listing(Selection(customer_id="a/b")))


def test_a_subscription_under_an_orders_path_is_no_order(woo: WoocommerceGateway) -> None:
    """The store answers `orders/1050` with the subscription, and would refund it."""
    for get in (woo.get_charge, woo.get_invoice):
        with pytest.raises(NotFound) as caught:
            get("1050")
        assert caught.value.code == "is_subscription"
    for status in ("on-hold", "cancelled", "pending-cancel"):
        (one, *_) = [
            found.id
            for found in woo.list_subscriptions(Selection(limit=ALL))
            if found.gateway_status == status
        ]
        with pytest.raises(NotFound):
            woo.get_charge(one)


def test_an_order_whose_status_a_subscription_could_have_is_shown(
    woo: WoocommerceGateway, charges: list[Charge]
) -> None:
    for status in ("pending", "on-hold", "cancelled"):
        (charge, *_) = [found for found in charges if found.gateway_status == status]
        assert woo.get_charge(charge.id) == charge


# Times


def test_times_are_asked_for_with_room_for_every_zone_and_without_one() -> None:
    riyadh = timezone(timedelta(hours=3))
    since = datetime(2026, 2, 3, 7, 5, 6, 7, tzinfo=riyadh)
    until = datetime(2026, 2, 4, 7, 5, 6, tzinfo=riyadh)
    with LoopbackServer(store({})) as server:
        list(gateway(server.url).list_charges(Selection(since=since, until=until)))
        sent = params_of(server.requests[0])
    assert sent["after"] == "2026-02-02T13:05:06"
    assert sent["before"] == "2026-02-04T19:05:06"


@pytest.mark.parametrize("kind", ["charges", "invoices", "subscriptions", "refunds"])
def test_what_the_room_lets_through_is_filtered_here(kind: str) -> None:
    answers = {
        "orders": wire.listed(wire.order()),
        "refunds": wire.listed(wire.refund(date_created_gmt="2026-10-18T09:00:00")),
        "subscriptions": wire.listed(wire.subscription()),
    }
    second = timedelta(seconds=1)
    with LoopbackServer(store(answers)) as server:
        woo = gateway(server.url)

        def count(since: datetime | None = None, until: datetime | None = None) -> int:
            return len(list(getattr(woo, f"list_{kind}")(Selection(since=since, until=until))))

        assert (count(since=MADE), count(since=MADE + second)) == (1, 0)
        assert (count(until=MADE), count(until=MADE + second)) == (0, 1)


def test_a_list_of_customers_ends_where_they_are_too_old() -> None:
    """The store filters them by no time, so the rest is not read."""
    made = [
        wire.customer(id=number, date_created_gmt=f"2026-0{9 - number}-01T00:00:00") for number in (1, 2, 3)
    ]

    def page(*parts: object) -> bool:
        request = parts[1]
        assert isinstance(request, Request)
        number = int(params_of(request)["page"])
        return wire.listed(made[number - 1], pages=3, total=3)(*parts)  # type: ignore[arg-type]

    with LoopbackServer(store({"customers": page})) as server:
        since = datetime(2026, 7, 15, tzinfo=UTC)
        assert ids(gateway(server.url).list_customers(Selection(since=since))) == ["1"]
        assert len(server.requests) == 2


# What is asked


def test_pages_are_fetched_as_they_are_wanted() -> None:
    def page(*parts: object) -> bool:
        request = parts[1]
        assert isinstance(request, Request)
        sent = params_of(request)
        size, number = int(sent["per_page"]), int(sent["page"])
        numbers = range((number - 1) * size + 1, min(number * size, 250) + 1)
        orders = [wire.order(id=each, number=str(each)) for each in numbers]
        return wire.listed(*orders, pages=-(-250 // size), total=250)(*parts)  # type: ignore[arg-type]

    with LoopbackServer(store({"orders": page})) as server:
        woo = gateway(server.url)
        for limit, pages in ((10, 1), (100, 1), (101, 2), (ALL, 3)):
            before = len(server.requests)
            assert len(list(woo.list_charges(Selection(limit=limit)))) == min(limit, 250)
            assert len(server.requests) - before == pages
        assert list(woo.list_charges(Selection(limit=0))) == []


def test_what_slips_to_the_next_page_meanwhile_is_listed_once() -> None:
    def page(*parts: object) -> bool:
        request = parts[1]
        assert isinstance(request, Request)
        first = params_of(request)["page"] == "1"
        orders = [wire.order(id=3), wire.order(id=2)] if first else [wire.order(id=2), wire.order(id=1)]
        return wire.listed(*orders, pages=2, total=4)(*parts)  # type: ignore[arg-type]

    with LoopbackServer(store({"orders": page})) as server:
        assert ids(gateway(server.url).list_invoices(Selection())) == ["3", "2", "1"]


def test_a_status_that_nothing_in_a_store_has_lists_nothing_and_asks_nothing() -> None:
    with LoopbackServer(store({})) as server:
        woo = gateway(server.url)
        assert list(woo.list_charges(Selection(status="disputed"))) == []
        assert list(woo.list_subscriptions(Selection(status="trialing"))) == []
        assert list(woo.list_refunds(Selection(status="failed"))) == []
        assert list(woo.list_invoices(Selection(status="past_due"))) == []
        assert server.requests == []


def test_a_store_that_does_not_know_a_status_is_asked_for_everything() -> None:
    """It refuses all of them; an older one has no drafts."""
    refused = wire.error(400, "rest_invalid_param", "Invalid parameter(s): status")

    def orders(*parts: object) -> bool:
        request = parts[1]
        assert isinstance(request, Request)
        known = "status" not in params_of(request)
        answer = wire.listed(wire.order(), wire.order(id=7, status="pending", date_paid_gmt=None))
        return (answer if known else refused)(*parts)  # type: ignore[arg-type]

    with LoopbackServer(store({"orders": orders})) as server:
        assert ids(gateway(server.url).list_charges(Selection(status="pending"))) == ["7"]


def test_a_store_that_ignores_every_filter_is_filtered_here() -> None:
    others = [wire.order(id=7, customer_id=5), wire.guest_order("noah@example.com", id=8)]
    answers = {
        "orders": wire.listed(wire.order(), *others, wire.order(id=9, status="failed")),
        "subscriptions": wire.listed(wire.subscription(id=3, customer_id=5), wire.subscription()),
    }
    with LoopbackServer(store(answers)) as server:
        woo = gateway(server.url)
        assert ids(woo.list_charges(Selection(customer_id="21", status="paid"))) == ["1042"]
        assert ids(woo.list_invoices(Selection(customer_id="noah@example.com"))) == ["8"]
        assert ids(woo.list_subscriptions(Selection(customer_id="21"))) == ["1050"]


# What a store lacks, and what no list can hold


def test_an_older_store_lists_refunds_with_their_orders_only(tmp_path: Path) -> None:
    with rehearsed(tmp_path, ("woocommerce",)) as sandbox:
        configure(tmp_path, "woocommerce", woo_version=80_900)
        woo = rehearsing(sandbox.url("woocommerce"))
        for call in (lambda: list(woo.list_refunds(Selection())), lambda: woo.get_refund("1045")):
            with pytest.raises(Unsupported) as caught:
                call()
            assert caught.value.code == "too_old"
        assert ids(woo.list_refunds(Selection(customer_id="21"))) == ["1045"]
        assert woo.get_charge("1042").refunded == Money(2000, "USD")


def test_a_store_without_the_extension_says_so(tmp_path: Path) -> None:
    with rehearsed(tmp_path, ("woocommerce",)) as sandbox:
        configure(tmp_path, "woocommerce", woo_subscriptions=0)
        woo = rehearsing(sandbox.url("woocommerce"))
        for selection in (Selection(), Selection(status="active"), Selection(customer_id="21")):
            with pytest.raises(Unsupported, match="Subscriptions extension is not installed"):
                list(woo.list_subscriptions(selection))
        with pytest.raises(Unsupported, match="Subscriptions extension is not installed"):
            woo.get_subscription("1050")
        assert woo.get_charge("1044").status is ChargeStatus.PENDING


def test_an_amount_that_cannot_be_held_hides_no_other_and_is_named_at_the_end() -> None:
    broken = [wire.order(id=7, currency="BTC"), wire.order(id=8, total="10.005")]
    with LoopbackServer(store({"orders": wire.listed(*broken, wire.order())})) as server:
        woo = gateway(server.url)
        found: list[Record] = []
        with pytest.raises(Unsupported) as caught:
            found.extend(woo.list_charges(Selection()))
    assert [one.id for one in found] == ["1042"]
    assert "7 ('BTC' is no currency of ISO 4217)" in caught.value.message
    assert "8 (10.005 USD is finer than the smallest unit of USD)" in caught.value.message


@pytest.mark.parametrize("owner", [None, "21", {}, -1])
def test_what_does_not_say_whose_it_is_is_an_error_of_the_list(owner: object) -> None:
    answers = {
        "orders": wire.listed(wire.order(customer_id=owner)),
        "subscriptions": wire.listed(wire.subscription(customer_id=owner)),
    }
    with LoopbackServer(store(answers)) as server:
        woo = gateway(server.url)
        for listed in (woo.list_charges, woo.list_subscriptions, woo.list_refunds, woo.list_invoices):
            with pytest.raises(NoAnswer, match="cannot be read"):
                list(listed(Selection(customer_id="21")))


def test_a_refund_whose_order_is_gone_is_named_at_the_end() -> None:
    answers = {
        "refunds": wire.listed(wire.refund(id=9, parent_id=8), wire.refund()),
        "orders": wire.listed(wire.order()),
    }
    with LoopbackServer(store(answers)) as server:
        found: list[Record] = []
        with pytest.raises(Unsupported, match="left out of the list: 9"):
            found.extend(gateway(server.url).list_refunds(Selection()))
        assert [one.id for one in found] == ["1045"]
        (orders,) = [params_of(one) for one in server.requests if path_of(one) == "orders"]
    assert orders["include"] == "1042,8"


def test_a_refund_is_found_by_its_id_even_where_the_store_ignores_that() -> None:
    others = [wire.refund(id=number) for number in (7, 8)]
    answers = {
        "refunds": wire.listed(*others, wire.refund()),
        "orders/1042": wire.told(wire.order()),
    }
    with LoopbackServer(store(answers)) as server:
        assert gateway(server.url).get_refund("1045").amount == Money(2000, "USD")
        with pytest.raises(NotFound):
            gateway(server.url).get_refund("6")
        assert params_of(server.requests[0])["include"] == "1045"


def test_a_charge_is_read_with_all_pages_of_its_refunds() -> None:
    made = [wire.refund(id=number, amount="1.00") for number in range(1, 13)]

    def page(*parts: object) -> bool:
        request = parts[1]
        assert isinstance(request, Request)
        first = params_of(request)["page"] == "1"
        return wire.listed(*(made[:10] if first else made[10:]), pages=2, total=12)(*parts)  # type: ignore[arg-type]

    answers = {"orders/1042": wire.told(wire.order(refunds=wire.named(*made))), "orders/1042/refunds": page}
    with LoopbackServer(store(answers)) as server:
        charge = gateway(server.url).get_charge("1042")
    assert (len(charge.refunds), charge.refundable) == (12, Money(3700, "USD"))


def test_a_store_without_orders_is_no_empty_list() -> None:
    """WooCommerce is switched off, say."""
    with LoopbackServer(store({"*": NO_ROUTE})) as server:
        with pytest.raises(NoAnswer):
            list(gateway(server.url).list_charges(Selection()))
        assert asked(server) == ["orders"]


def test_a_guest_is_read_by_his_address(woo: WoocommerceGateway) -> None:
    guest = woo.get_customer("guest1@example.com")
    assert (guest.id, guest.name) == ("guest1@example.com", "Walk In")
    with pytest.raises(NotFound, match="nobody ordered as a guest"):
        woo.get_customer("layla@example.com")
