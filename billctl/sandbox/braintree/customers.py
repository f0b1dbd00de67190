"""Customers and the cards that come with them. Deleting is not modelled."""

from collections.abc import Mapping
from typing import Any, Final

from billctl.sandbox.braintree import search
from billctl.sandbox.braintree.call import Call, Endpoint, part, retrieve, texts
from billctl.sandbox.braintree.cards import Card, from_details, from_nonce
from billctl.sandbox.braintree.checks import plain_id
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.database import Record

FIELDS: Final = ("first_name", "last_name", "company", "email", "phone", "fax", "website")


def create(call: Call) -> Record:
    """POST /customers, with a card where a nonce or a number is sent."""
    given = call.given("customer")
    key = str(given.get("id") or f"9{call.store.serial():08}")
    if not plain_id(key):
        raise Refused("customer", "91610")
    if call.store.get("customer", key):
        raise Refused("customer", "91609")
    customer: Record = {"id": key, "object": "customer", "created": call.now, "updated": call.now}
    _write(customer, given)
    call.store.add(customer)
    card = _card(given)
    if card:
        call.store.add(_vaulted(call, customer, card, given))
    return customer


def _write(customer: Record, given: Mapping[str, Any]) -> None:
    email = given.get("email")
    if email is not None and "@" not in str(email):
        raise Refused("customer", "81604")
    customer |= texts(given, FIELDS)
    if "custom_fields" in given:
        customer["custom_fields"] = texts(part(given, "custom_fields"))


def _card(given: Mapping[str, Any]) -> Card | None:
    if given.get("payment_method_nonce"):
        return from_nonce(str(given["payment_method_nonce"]))
    if isinstance(given.get("credit_card"), dict):
        return from_details(given["credit_card"], subject="customer")
    return None


def _vaulted(call: Call, customer: Record, card: Card, given: Mapping[str, Any]) -> Record:
    details = part(given, "credit_card")
    address = part(details, "billing_address")
    record: Record = {
        **card,
        "id": str(details.get("token") or call.new_id("t", 6)),
        "object": "credit_card",
        "created": call.now,
        "updated": call.now,
        "customer": customer["id"],
        "default": True,
    }
    if address:
        record["billing"] = texts(address) | {
            "id": "ad",
            "country": str(address.get("country_code_alpha2") or ""),
        }
    return record


def update(call: Call) -> Record:
    """PUT /customers/ID."""
    customer, given = call.find("customer"), call.given("customer")
    if given.get("id") not in (None, customer["id"]):
        raise Refused("customer", "91611")
    _write(customer, given)
    customer["updated"] = call.now
    return call.store.save(customer)


ENDPOINTS = (
    Endpoint("GET", "customers/*", retrieve("customer"), changes=False),
    Endpoint("POST", "customers/advanced_search_ids", search.ids("customer"), changes=False),
    Endpoint("POST", "customers/advanced_search", search.members("customer"), changes=False),
    Endpoint("POST", "customers", create),
    Endpoint("PUT", "customers/*", update),
)
