"""What each gateway itself says was refunded, asked with its SDK or plain HTTP and not through billctl."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from billctl.money import parse
from tests.gateway_shops import HOUSES, GatewayShop, minor_of
from tests.shop import Shop


def _at_stripe(shop: Shop, charge: str) -> list[int]:
    return shop.refunds(charge)


def _at_paypal(shop: Shop, charge: str) -> list[int]:
    import paypalrestsdk

    assert isinstance(shop, GatewayShop)
    house = HOUSES["paypal"]
    api = paypalrestsdk.Api(
        mode="sandbox", endpoint=shop.url, client_id=house.settings["client_id"], client_secret=house.key
    )
    # Its `get` sends the body "null" with a GET, which the sandbox refuses.
    where = f"{shop.url}/v2/checkout/orders/{shop.book(charge)['payment_intent']}"
    order = api.http_call(where, "GET", headers=api.headers())
    (unit,) = order["purchase_units"]
    made = [refund for refund in unit["payments"].get("refunds", ()) if refund["id"] not in shop.seeded]
    return [
        parse(refund["amount"]["value"], refund["amount"]["currency_code"]).minor for refund in reversed(made)
    ]


def _at_braintree(shop: Shop, charge: str) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK's own classes warn about themselves
        import braintree

    assert isinstance(shop, GatewayShop)
    where, house = urlsplit(shop.url), HOUSES["braintree"]
    gateway = braintree.BraintreeGateway(
        braintree.Configuration(
            environment=braintree.Environment(
                "sandbox", where.hostname, str(where.port), shop.url, False, None
            ),
            private_key=house.key,
            timeout=10,
            **house.settings,
        )
    )
    made: list[Any] = [
        gateway.transaction.find(found) for found in gateway.transaction.find(charge).refund_ids
    ]
    return [parse(str(refund.amount), refund.currency_iso_code).minor for refund in made]


def _at_woocommerce(shop: Shop, charge: str) -> list[int]:
    import requests

    assert isinstance(shop, GatewayShop)
    secrets = HOUSES["woocommerce"].secrets
    answer = requests.get(
        f"{shop.url}/wp-json/wc/v3/orders/{charge}/refunds",
        params={"per_page": "100"},
        auth=(secrets["consumer_key"], secrets["consumer_secret"]),
        timeout=10,
    )
    answer.raise_for_status()
    currency = shop.book(f"order/{charge}")["currency"]
    made = [refund for refund in answer.json() if f"refund/{refund['id']}" not in shop.seeded]
    assert all(refund["refunded_payment"] for refund in made), "the store kept a refund that was not paid"
    return [minor_of(refund["amount"], currency) for refund in reversed(made)]


def _at_recurly(shop: Shop, charge: str) -> list[int]:
    import recurly

    assert isinstance(shop, GatewayShop)
    where = urlsplit(shop.url)
    client: Any = recurly.Client(HOUSES["recurly"].key, timeout=10)
    with closing(HTTPConnection(where.hostname or "", where.port, timeout=10)) as connection:
        client._BaseClient__conn = connection
        invoice = client.get_transaction(charge).invoice.id
        made = [
            transaction
            for related in client.list_related_invoices(invoice).items()
            for transaction in client.get_invoice(related.id).transactions
            if transaction.type == "refund" and transaction.id not in shop.seeded
        ]
    return [parse(str(Decimal(str(refund.amount))), refund.currency).minor for refund in made]


ASKED: Mapping[str, Callable[[Shop, str], list[int]]] = {
    "stripe": _at_stripe,
    "paypal": _at_paypal,
    "braintree": _at_braintree,
    "woocommerce": _at_woocommerce,
    "recurly": _at_recurly,
}


def refunds(shop: Shop, charge: str) -> list[int]:
    """The amounts in minor units of the refunds of `charge` made since the shop opened."""
    return ASKED[getattr(shop, "gateway", "stripe")](shop, charge)
