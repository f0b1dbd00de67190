"""Discounts and add-ons of a subscription: added from the catalogue, changed, removed."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.braintree.amounts import read
from billctl.sandbox.braintree.call import part, true
from billctl.sandbox.braintree.catalog import ADD_ONS, DISCOUNTS
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.database import Record

CATALOGUES = {"add_ons": ADD_ONS, "discounts": DISCOUNTS}
COUNTS = {"number_of_billing_cycles": ("cycles", "92005"), "quantity": ("quantity", "92001")}


def modify(subscription: Record, given: Mapping[str, Any]) -> None:
    """Apply what was sent under `add_ons` and `discounts`. Raises `Refused` for an id that is not there."""
    for name, catalogue in CATALOGUES.items():
        asked = part(given, name)
        if asked:
            held = {one["id"]: one for one in subscription.get(name, [])}
            _remove(held, _listed(asked, "remove"))
            _update(held, _structures(asked, "update"))
            _add(held, _structures(asked, "add"), catalogue, subscription["currency"])
            subscription[name] = list(held.values())


def _listed(asked: Mapping[str, Any], name: str) -> list[Any]:
    found = asked.get(name)
    return found if isinstance(found, list) else []


def _structures(asked: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in _listed(asked, name) if isinstance(one, dict)]


def _remove(held: dict[str, Record], keys: list[Any]) -> None:
    for key in keys:
        if held.pop(str(key), None) is None:
            raise Refused("subscription", "92016")


def _update(held: dict[str, Record], changes: list[dict[str, Any]]) -> None:
    for change in changes:
        one = held.get(str(change.get("existing_id")))
        if one is None:
            raise Refused("subscription", "92011")
        one |= _terms(change, one["currency"])


def _add(
    held: dict[str, Record], wanted: list[dict[str, Any]], catalogue: Mapping[str, Record], currency: str
) -> None:
    for want in wanted:
        one = catalogue.get(str(want.get("inherited_from_id")))
        if one is None:
            raise Refused("subscription", "92013")
        held[one["id"]] = {**one, "currency": currency, **_terms(want, currency)}


def _terms(given: Mapping[str, Any], currency: str) -> dict[str, Any]:
    terms: dict[str, Any] = {}
    if given.get("amount") is not None:
        terms["amount"] = read(given["amount"], currency, subject="subscription", invalid="92002")
    for name, (kept, code) in COUNTS.items():
        if given.get(name) is not None:
            if not str(given[name]).isdecimal() or int(given[name]) < 1:
                raise Refused("subscription", code)
            terms[kept] = int(given[name])
    if true(given.get("never_expires")):
        terms["cycles"] = None
    return terms
