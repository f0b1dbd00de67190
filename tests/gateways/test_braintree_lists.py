"""Lists at Braintree: what is asked for, what is filtered here, and what is said where a list ends early."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from billctl.errors import NoAnswer, UsageError
from billctl.gateway import Selection
from billctl.gateways.braintree import BraintreeGateway, client
from billctl.models import ChargeStatus
from billctl.sandbox.server import Sandbox
from billctl.testing.servers import LoopbackServer, Request
from tests.gateways import braintree_wire as wire
from tests.gateways.braintree_accounts import gateway, rehearsing
from tests.rehearsal import rehearsed

IDS = "/transactions/advanced_search_ids"
PAGE = "/transactions/advanced_search"
SALES = "credit-card-transactions"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One shop for all tests of this file: none of them changes anything."""
    state: Path = tmp_path_factory.mktemp("state")
    with rehearsed(state, ("braintree",)) as sandbox:
        yield sandbox


@pytest.fixture
def braintree(shop: Sandbox) -> BraintreeGateway:
    """The account that the shop knows."""
    return rehearsing(shop.url("braintree"))


def test_charges_come_with_their_refunds(braintree: BraintreeGateway) -> None:
    charges = {charge.id: charge for charge in braintree.list_charges(Selection(customer_id="layla"))}
    assert [refund.id for refund in charges["layla002"].refunds] == ["layla003"]
    assert "layla003" not in charges


def test_a_guests_charges_are_listed_by_his_address(braintree: BraintreeGateway) -> None:
    guest = list(braintree.list_charges(Selection(customer_id="mia@example.org")))
    assert [charge.customer_id for charge in guest] == ["mia@example.org"]
    hers = {charge.id for charge in braintree.list_charges(Selection(customer_id="mia"))}
    assert guest[0].id not in hers


@pytest.mark.slow
def test_a_status_lists_what_a_whole_list_shows_with_it(braintree: BraintreeGateway) -> None:
    since = datetime.now(UTC) - timedelta(days=21)
    whole = list(braintree.list_charges(Selection(limit=60, since=since)))
    for status in set(ChargeStatus) - {ChargeStatus.UNKNOWN}:
        wanted = [charge.id for charge in whole if charge.status == status]
        chosen = Selection(limit=60, since=since, status=str(status))
        assert [charge.id for charge in braintree.list_charges(chosen)] == wanted, status


def test_a_status_that_braintree_does_not_have_lists_nothing_and_asks_nothing() -> None:
    with LoopbackServer(wire.routes({})) as server:
        assert list(gateway(server.url).list_subscriptions(Selection(status="paused"))) == []
        assert server.requests == []


def test_a_subscription_of_a_customer_hangs_on_his_cards(braintree: BraintreeGateway) -> None:
    (found,) = braintree.list_subscriptions(Selection(customer_id="layla"))
    assert (found.id, found.customer_id) == ("sublay", "layla")


def test_trials_are_listed_by_their_own_word(braintree: BraintreeGateway) -> None:
    assert [one.id for one in braintree.list_subscriptions(Selection(status="trialing"))] == ["subvic"]
    assert "subvic" not in {one.id for one in braintree.list_subscriptions(Selection(status="active"))}


def test_a_list_of_customers_takes_no_other_filter(braintree: BraintreeGateway) -> None:
    for selection in (Selection(status="paid"), Selection(customer_id="layla")):
        with pytest.raises(UsageError):
            braintree.list_customers(selection)


def test_a_customer_whose_id_no_url_carries_is_a_usage_error(braintree: BraintreeGateway) -> None:
    for listing in (braintree.list_charges, braintree.list_refunds, braintree.list_subscriptions):
        with pytest.raises(UsageError):
            list(listing(Selection(customer_id="a/b")))


def test_times_are_sent_in_utc_by_the_minute() -> None:
    """The SDK writes a time's own clock and calls it UTC."""
    riyadh = timezone(timedelta(hours=3))
    since = datetime(2026, 2, 3, 7, 5, 6, 7, tzinfo=riyadh)
    until = datetime(2026, 2, 4, 7, 5, 6, tzinfo=riyadh)
    with LoopbackServer(wire.routes({})) as server:
        list(gateway(server.url).list_charges(Selection(since=since, until=until)))
        body = server.requests[0].body.decode()
    assert '<min type="datetime">2026-02-03T04:05:00Z</min>' in body
    assert '<max type="datetime">2026-02-04T04:05:00Z</max>' in body


def test_what_the_minute_lets_through_is_filtered_here() -> None:
    """Made at 04:05:06: not before that second, not at it or after it."""
    one = {IDS: wire.found("sale01"), PAGE: wire.page(SALES, "transaction", [wire.transaction()])}
    made = wire.MADE.replace(tzinfo=UTC)
    second = timedelta(seconds=1)
    with LoopbackServer(wire.routes(one)) as server:
        braintree = gateway(server.url)

        def listed(**edges: datetime) -> int:
            return len(list(braintree.list_charges(Selection(**edges))))  # type: ignore[arg-type]

        assert listed(since=made) == 1
        assert listed(since=made + second) == 0
        assert listed(until=made) == 0
        assert listed(until=made + second) == 1


def test_pages_are_fetched_as_they_are_wanted() -> None:
    numbers = [f"sale{number:03}" for number in range(120)]

    def page(request: Request) -> str:
        text = request.body.decode()
        wanted = [number for number in numbers if f"<item>{number}</item>" in text]
        return wire.page(SALES, "transaction", [wire.transaction(id=number) for number in wanted])

    with LoopbackServer(wire.routes({IDS: wire.found(*numbers), PAGE: page})) as server:
        braintree = gateway(server.url)
        for limit, pages in ((10, 1), (50, 1), (51, 2), (1000, 3)):
            before = len(server.requests)
            charges = list(braintree.list_charges(Selection(limit=limit)))
            assert [charge.id for charge in charges] == numbers[:limit]
            assert len(server.requests) - before == 1 + pages
        assert list(braintree.list_charges(Selection(limit=0))) == []


def test_the_end_of_what_braintree_gives_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search gives 20,000 transactions and no more; shrunk here to one."""
    monkeypatch.setitem(client.MOST_FOUND, "transaction", 1)
    one = {IDS: wire.found("sale01"), PAGE: wire.page(SALES, "transaction", [wire.transaction()])}
    with LoopbackServer(wire.routes(one)) as server, pytest.raises(NoAnswer, match="newest 1 only"):
        list(gateway(server.url).list_charges(Selection()))
    with LoopbackServer(wire.routes(one)) as server:
        assert [charge.id for charge in gateway(server.url).list_charges(Selection(limit=1))] == ["sale01"]


def test_money_sent_to_a_customer_is_no_refund() -> None:
    given = wire.credit(id="gift01", **{"refunded-transaction-id": None})
    both = {
        IDS: wire.found("gift01", "credit1"),
        PAGE: wire.page(SALES, "transaction", [given, wire.credit()]),
    }
    with LoopbackServer(wire.routes(both)) as server:
        refunds = list(gateway(server.url).list_refunds(Selection()))
        body = server.requests[0].body.decode()
    assert [refund.id for refund in refunds] == ["credit1"]
    assert '<refund type="boolean">true</refund>' in body


def test_disputes_are_sorted_here() -> None:
    later = wire.dispute(id="dispute000000002", **{"created-at": wire.MADE + timedelta(days=1)})
    told: wire.Table = {
        "/disputes/advanced_search": wire.page("disputes", "dispute", [wire.dispute(), later])
    }
    with LoopbackServer(wire.routes(told)) as server:
        found = [dispute.id for dispute in gateway(server.url).list_disputes(Selection())]
    assert found == ["dispute000000002", "dispute000000001"]
