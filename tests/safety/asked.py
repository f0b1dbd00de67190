"""What each gateway itself says was refunded, asked with its real SDK and not through billctl."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from billctl.money import parse
from tests.gateway_shops import HOUSES, GatewayShop
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


ASKED: Mapping[str, Callable[[Shop, str], list[int]]] = {
    "stripe": _at_stripe,
    "paypal": _at_paypal,
    "braintree": _at_braintree,
}


def refunds(shop: Shop, charge: str) -> list[int]:
    """The amounts in minor units of the refunds of `charge` made since the shop opened."""
    return ASKED[getattr(shop, "gateway", "stripe")](shop, charge)
