"""Who pays: the card and the customer's part of a new transaction."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.braintree.call import Call, part, texts
from billctl.sandbox.braintree.cards import Card, from_details, from_nonce
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.database import Record

NAMES = ("first_name", "last_name", "company", "email", "phone", "fax", "website")


def payer(call: Call, given: Mapping[str, Any]) -> tuple[Card, dict[str, Any]]:
    """The card and the customer's part of a new transaction. Raises `Refused` where neither is known."""
    guest = {name: text for name, text in texts(part(given, "customer"), NAMES).items() if text}
    if given.get("payment_method_token"):
        card = call.store.get("credit_card", given["payment_method_token"])
        if card is None:
            raise Refused("transaction", "91518")
        return vaulted(card), owner(call, card["customer"])
    if given.get("customer_id"):
        return _default_card(call, given["customer_id"]), owner(call, given["customer_id"])
    about: dict[str, Any] = {"person": guest, "email": str(guest.get("email") or "").casefold()}
    if given.get("payment_method_nonce"):
        return from_nonce(str(given["payment_method_nonce"])), about
    if isinstance(given.get("credit_card"), dict):
        return from_details(given["credit_card"]), about
    raise Refused("transaction", "91508")


def vaulted(card: Record) -> Card:
    """A card of the vault as a transaction shows it."""
    kept = ("bin", "last_4", "card_type", "month", "year", "holder", "outcome", "country")
    return {"token": card["id"], **{name: card[name] for name in kept if card.get(name) is not None}}


def owner(call: Call, customer_id: str) -> dict[str, Any]:
    """The customer's part of a transaction. Raises `Refused` 91510."""
    customer = call.store.get("customer", customer_id)
    if customer is None:
        raise Refused("transaction", "91510")
    person = {name: customer[name] for name in NAMES if customer.get(name)}
    return {
        "customer": customer["id"],
        "person": person,
        "email": str(customer.get("email") or "").casefold(),
    }


def _default_card(call: Call, customer_id: str) -> Card:
    if call.store.get("customer", customer_id) is None:
        raise Refused("transaction", "91510")
    cards = call.store.all("credit_card", customer=customer_id)
    if not cards:
        raise Refused("transaction", "91511")
    return vaulted(next((card for card in cards if card.get("default")), cards[0]))
