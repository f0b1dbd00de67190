"""Lists across a Stripe account: complete, bounded, filtered exactly."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from billctl.errors import NoAnswer, Unsupported, UsageError
from billctl.gateway import Selection
from billctl.gateways.stripe import StripeGateway
from billctl.testing.servers import LoopbackServer, Request
from tests.gateways import stripe_wire as wire
from tests.gateways.stripe_accounts import account
from tests.gateways.stripe_routes import Parameters, parameters, routes

MADE = datetime.fromtimestamp(wire.CREATED, UTC)
NOW = MADE + timedelta(days=30)


@contextmanager
def shop(answers: dict[str, Any]) -> Iterator[tuple[StripeGateway, list[Request]]]:
    with LoopbackServer(routes(answers)) as server:
        yield StripeGateway(account(server.url), now=lambda: NOW), server.requests


def numbered(count: int, size: int) -> Any:
    """A list of `count` charges, paged as Stripe pages."""
    every = [wire.charge(id=f"ch_{number}") for number in range(count)]

    def page(query: Parameters) -> dict[str, Any]:
        after = query.get("starting_after")
        start = 0 if after is None else 1 + [charge["id"] for charge in every].index(after)
        take = min(size, int(query["limit"]))
        return wire.page(*every[start : start + take], more=start + take < count)

    return page


def test_every_page_is_read() -> None:
    with shop({"GET /v1/charges": numbered(250, 100)}) as (stripe, requests):
        found = list(stripe.list_charges(Selection(limit=1000)))
    assert [charge.id for charge in found] == [f"ch_{number}" for number in range(250)]
    assert len(requests) == 3


def test_no_more_is_read_than_was_asked_for() -> None:
    with shop({"GET /v1/charges": numbered(250, 100)}) as (stripe, requests):
        assert len(list(stripe.list_charges(Selection(limit=5)))) == 5
    assert [parameters(request)["limit"] for request in requests] == ["5"]


def test_a_list_is_read_as_it_is_consumed() -> None:
    with shop({"GET /v1/charges": numbered(250, 100)}) as (stripe, requests):
        assert len(list(islice(stripe.list_charges(Selection(limit=250)), 10))) == 10
        assert len(requests) == 1


def test_a_list_that_never_ends_is_noticed() -> None:
    same = wire.page(wire.charge(), more=True)
    with shop({"GET /v1/charges": same}) as (stripe, _), pytest.raises(NoAnswer, match="again and again"):
        list(stripe.list_charges(Selection(limit=1000)))


def test_times_and_customer_are_filtered_by_stripe() -> None:
    with shop({}) as (stripe, requests):
        list(
            stripe.list_invoices(
                Selection(customer_id="cus_1", since=MADE, until=MADE + timedelta(microseconds=1))
            )
        )
    asked = parameters(requests[0])
    assert asked["customer"] == "cus_1"
    assert asked["created[gte]"] == str(wire.CREATED)
    assert asked["created[lt]"] == str(wire.CREATED + 1)


def test_a_charges_status_is_filtered_here() -> None:
    charges = wire.page(wire.charge(), wire.charge(id="ch_2", refunded=True, amount_refunded=5000))
    with shop({"GET /v1/charges": charges}) as (stripe, requests):
        found = list(stripe.list_charges(Selection(status="refunded")))
    assert [charge.id for charge in found] == ["ch_2"]
    assert "status" not in parameters(requests[0])


@pytest.mark.parametrize(
    ("status", "word"), [("active", "active"), ("expired", "incomplete_expired"), (None, "all")]
)
def test_a_subscriptions_status_is_filtered_by_stripe_in_its_words(status: str | None, word: str) -> None:
    with shop({}) as (stripe, requests):
        list(stripe.list_subscriptions(Selection(status=status)))
    assert parameters(requests[0])["status"] == word


@pytest.mark.parametrize(("status", "found"), [("past_due", ["in_late"]), ("open", ["in_new"])])
def test_past_due_and_open_invoices_are_told_apart_by_the_clock(status: str, found: list[str]) -> None:
    late = wire.invoice(id="in_late")
    new = wire.invoice(id="in_new", due_date=int(NOW.timestamp()) + 1)
    with shop({"GET /v1/invoices": wire.page(late, new)}) as (stripe, requests):
        assert [invoice.id for invoice in stripe.list_invoices(Selection(status=status))] == found
    assert parameters(requests[0])["status"] == "open"


def test_refunds_of_a_customer_come_through_his_charges_newest_first() -> None:
    older = wire.page(wire.refund(id="re_old", created=wire.CREATED))
    newer = wire.page(wire.refund(id="re_new", created=wire.CREATED + 60))
    charges = wire.page(wire.charge(refunds=older), wire.charge(id="ch_2", refunds=newer))
    with shop({"GET /v1/charges": charges}) as (stripe, requests):
        assert [refund.id for refund in stripe.list_refunds(Selection(customer_id="cus_1"))] == [
            "re_new",
            "re_old",
        ]
        later = Selection(customer_id="cus_1", since=MADE + timedelta(seconds=60))
        assert [refund.id for refund in stripe.list_refunds(later)] == ["re_new"]
        before = Selection(customer_id="cus_1", until=MADE + timedelta(seconds=60))
        assert [refund.id for refund in stripe.list_refunds(before)] == ["re_old"]
    assert {request.target.split("?")[0] for request in requests} == {"/v1/charges"}


def test_disputes_of_a_customer_come_through_his_disputed_charges() -> None:
    charges = wire.page(wire.charge(disputed=True), wire.charge(id="ch_2"))
    answers = {"GET /v1/charges": charges, "GET /v1/disputes": wire.page(wire.dispute())}
    with shop(answers) as (stripe, requests):
        assert [dispute.id for dispute in stripe.list_disputes(Selection(customer_id="cus_1"))] == ["dp_1"]
    assert sum(request.target.startswith("/v1/disputes") for request in requests) == 1


def test_what_is_in_a_currency_that_is_not_read_is_named_after_all_the_rest() -> None:
    charges = wire.page(wire.charge(id="ch_ug", currency="ugx"), wire.charge())
    with shop({"GET /v1/charges": charges}) as (stripe, _):
        listed = stripe.list_charges(Selection())
        assert next(listed).id == "ch_1"
        with pytest.raises(Unsupported, match="ch_ug"):
            next(listed)


@pytest.mark.parametrize("status", ["paid", "", "ACTIVE"])
def test_a_status_that_is_none_is_a_usage_error_before_anything_is_sent(status: str) -> None:
    with shop({}) as (stripe, requests), pytest.raises(UsageError):
        list(stripe.list_subscriptions(Selection(status=status)))
    assert requests == []


def test_customers_are_filtered_by_time_only() -> None:
    with shop({"GET /v1/customers": wire.page(wire.customer())}) as (stripe, requests):
        assert [customer.id for customer in stripe.list_customers(Selection(since=MADE))] == ["cus_1"]
        for selection in (Selection(status="paid"), Selection(customer_id="cus_1")):
            with pytest.raises(UsageError):
                list(stripe.list_customers(selection))
    assert len(requests) == 1


def test_a_limit_of_nothing_asks_for_nothing() -> None:
    with shop({}) as (stripe, requests):
        assert list(stripe.list_charges(Selection(limit=0))) == []
    assert requests == []
