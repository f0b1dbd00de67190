"""Customers, their cards and addresses, as the recorded creation of a customer has them."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox import BRAINTREE_LIVE_MERCHANT_ID, BRAINTREE_MERCHANT_ID
from billctl.sandbox.braintree.shapes.billing import subscription
from billctl.sandbox.braintree.shapes.common import (
    card_facts,
    country,
    global_id,
    names,
    number_identifier,
    place,
)
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.braintree.xml import Items, at
from billctl.sandbox.database import Record


def customer(store: Store, record: Record) -> dict[str, Any]:
    """A customer's elements, with all cards, their subscriptions and those subscriptions' transactions."""
    cards = store.all("credit_card", customer=record["id"])
    addresses = [card["billing"] | {"created": card["created"]} for card in cards if card.get("billing")]
    return {
        "id": record["id"],
        "merchant-id": BRAINTREE_LIVE_MERCHANT_ID if store.live else BRAINTREE_MERCHANT_ID,
        **names(record),
        **{name: record.get(name) for name in ("email", "phone", "fax", "website")},
        "created-at": at(record["created"]),
        "updated-at": at(record["updated"]),
        "custom-fields": dict(record.get("custom_fields", {})),
        "global-id": global_id("customer", record["id"]),
        "credit-cards": Items("credit-card", [credit_card(store, card) for card in cards]),
        "addresses": Items("address", [_address(record["id"], one) for one in addresses]),
    }


def credit_card(store: Store, card: Record) -> dict[str, Any]:
    """A card in the vault."""
    subscribed = [one for one in _subscriptions(store, card) if one["token"] == card["id"]]
    shape = {
        **card_facts(card),
        "created-at": at(card["created"]),
        "customer-id": card["customer"],
        "default": bool(card.get("default")),
        "expired": bool(card.get("expired")),
        "global-id": global_id("paymentmethod_cc", card["id"]),
        "subscriptions": Items("subscription", [subscription(store, one) for one in subscribed]),
        "token": card["id"],
        "unique-number-identifier": number_identifier(card),
        "updated-at": at(card["updated"]),
        "venmo-sdk": False,
        "verifications": Items("verification", []),
    }
    if card.get("billing"):
        shape["billing-address"] = _address(card["customer"], card["billing"] | {"created": card["created"]})
    return dict(sorted(shape.items()))


def _subscriptions(store: Store, card: Record) -> list[Record]:
    return store.all("subscription", customer=card["customer"])


def _address(customer_id: str, address: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": address["id"],
        "customer-id": customer_id,
        **names(address),
        **place(address),
        **country(address.get("country")),
        "created-at": at(address["created"]),
        "updated-at": at(address["created"]),
    }
