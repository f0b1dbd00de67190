"""The adapter reads, through the real SDK, a Stripe that nobody here wrote: localstripe.

Reads only: localstripe accepts refunds that Stripe would refuse, and knows no idempotency keys. What
it does not have (search, disputes, the account) must be said, and never look like an empty answer.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from billctl.errors import NoAnswer
from billctl.gateway import Account, By, Query, Secret, Selection
from billctl.gateways.stripe import StripeGateway
from billctl.models import ChargeStatus, InvoiceStatus, RefundStatus, SubscriptionStatus
from billctl.money import Money
from tests.peers.programs import localstripe

pytestmark = pytest.mark.peer

KEY = "sk_test_localstripe"
EMAIL = "layla@example.com"
CARD = {
    "card[number]": "4242424242424242",
    "card[exp_month]": "12",
    "card[exp_year]": "2040",
    "card[cvc]": "123",
}


@dataclass(frozen=True)
class Shop:
    """What was put into localstripe by plain forms, and the adapter that is to read it."""

    gateway: StripeGateway
    customer: str
    paid: str
    part_refunded: str
    refund: str
    subscription: str


def create(url: str, path: str, **form: str | int) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {KEY}"}
    with urlopen(Request(url + path, urlencode(form).encode(), headers), timeout=10) as answer:
        created: dict[str, Any] = json.load(answer)
    return created


def gateway(url: str) -> StripeGateway:
    secrets = {"api_key": Secret(KEY)}
    return StripeGateway(Account(name="peer", gateway="stripe", live=False, secrets=secrets, base_url=url))


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with localstripe() as url:
        customer = create(url, "/v1/customers", email=EMAIL, name="Layla")["id"]
        create(url, "/v1/customers", email="other@example.com")
        card = create(url, "/v1/payment_methods", type="card", **CARD)["id"]
        create(url, f"/v1/payment_methods/{card}/attach", customer=customer)
        create(url, f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": card})
        payer: dict[str, str | int] = {"currency": "usd", "customer": customer, "source": card}
        paid = create(url, "/v1/charges", amount=1000, **payer)["id"]
        other = create(url, "/v1/charges", amount=2500, **payer)["id"]
        refund = create(url, "/v1/refunds", charge=other, amount=400)["id"]
        monthly: dict[str, str | int] = {"currency": "usd", "interval": "month", "product[name]": "Box"}
        plan = create(url, "/v1/plans", amount=900, **monthly)["id"]
        subscription = create(url, "/v1/subscriptions", customer=customer, **{"items[0][plan]": plan})["id"]
        yield Shop(gateway(url), customer, paid, other, refund, subscription)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.mark.parametrize("by", [By.EMAIL, By.ID, By.CHARGE, By.SUBSCRIPTION])
def test_a_customer_is_found_with_all_his_history(shop: Shop, by: By) -> None:
    texts = {By.EMAIL: EMAIL, By.ID: shop.customer, By.CHARGE: shop.paid, By.SUBSCRIPTION: shop.subscription}
    found = shop.gateway.find_customers(Query(by=by, text=texts[by]))
    (customer,) = found.customers
    assert (customer.id, customer.email, customer.name) == (shop.customer, EMAIL, "Layla")
    charges = {charge.id: charge for charge in customer.charges}
    assert charges[shop.paid].refundable == usd(1000)
    assert charges[shop.part_refunded].refundable == usd(2100)
    assert [refund.id for refund in charges[shop.part_refunded].refunds] == [shop.refund]
    assert [subscription.id for subscription in customer.subscriptions] == [shop.subscription]
    (invoice,) = customer.invoices
    assert (invoice.status, invoice.total, invoice.subscription_id) == (
        InvoiceStatus.PAID,
        usd(900),
        shop.subscription,
    )


def test_a_search_that_is_not_there_is_said(shop: Shop) -> None:
    found = shop.gateway.find_customers(Query(by=By.EMAIL, text=EMAIL))
    assert [note for note in found.notes if "were not searched" in note]


def test_an_address_nobody_has_finds_nobody(shop: Shop) -> None:
    assert shop.gateway.find_customers(Query(by=By.EMAIL, text="nobody@example.com")).customers == ()


def test_one_charge_has_its_refunds_and_what_is_left(shop: Shop) -> None:
    charge = shop.gateway.get_charge(shop.part_refunded)
    assert (charge.amount, charge.refunded, charge.refundable) == (usd(2500), usd(400), usd(2100))
    assert charge.status is ChargeStatus.PARTIALLY_REFUNDED
    (refund,) = charge.refunds
    assert refund == shop.gateway.get_refund(shop.refund)
    assert (refund.amount, refund.status, refund.charge_id) == (
        usd(400),
        RefundStatus.SUCCEEDED,
        shop.part_refunded,
    )


def test_a_list_of_more_than_a_page_is_whole_and_ends_at_its_limit() -> None:
    with localstripe() as url:
        ids = {create(url, "/v1/customers", name=f"Customer {number}")["id"] for number in range(105)}
        adapter = gateway(url)
        assert {customer.id for customer in adapter.list_customers(Selection(limit=1000))} == ids
        assert len(list(adapter.list_customers(Selection(limit=101)))) == 101


def test_refunds_subscriptions_customers_and_invoices_are_listed(shop: Shop) -> None:
    of_customer = Selection(customer_id=shop.customer)
    assert [refund.id for refund in shop.gateway.list_refunds(Selection())] == [shop.refund]
    assert [refund.id for refund in shop.gateway.list_refunds(of_customer)] == [shop.refund]
    assert len(list(shop.gateway.list_customers(Selection()))) == 2
    assert [invoice.total for invoice in shop.gateway.list_invoices(of_customer)] == [usd(900)]
    (subscription,) = shop.gateway.list_subscriptions(of_customer)
    assert subscription == shop.gateway.get_subscription(shop.subscription)
    assert (subscription.status, subscription.amount, subscription.interval) == (
        SubscriptionStatus.ACTIVE,
        usd(900),
        "month",
    )


def test_what_it_does_not_have_never_looks_empty(shop: Shop) -> None:
    with pytest.raises(NoAnswer, match="404"):
        list(shop.gateway.list_disputes(Selection()))
    with pytest.raises(NoAnswer, match="404"):
        shop.gateway.check()
