"""Sales, captures, details, and the calls that let a test settle a transaction."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.braintree import refunds, search
from billctl.sandbox.braintree.amounts import read
from billctl.sandbox.braintree.call import Call, Endpoint, part, retrieve, texts, true
from billctl.sandbox.braintree.cards import Card
from billctl.sandbox.braintree.catalog import ACCOUNTS
from billctl.sandbox.braintree.charging import charge, new_transaction, step
from billctl.sandbox.braintree.checks import declined, merchant_account, order_id
from billctl.sandbox.braintree.disputes import dispute_now
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.braintree.retrying import retry
from billctl.sandbox.braintree.settling import batch
from billctl.sandbox.braintree.vault import payer
from billctl.sandbox.database import Record


def create(call: Call) -> Record:
    """POST /transactions: a sale, a credit without a sale, or a retry of a past-due subscription."""
    given = call.given("transaction")
    if given.get("subscription_id"):
        return retry(call, given)
    if given.get("type") not in ("sale", "credit"):
        raise Refused("transaction", "91523" if given.get("type") else "91524")
    if given.get("amount") is None:
        raise Refused("transaction", "81502")
    account = merchant_account(given)
    amount = read(given["amount"], ACCOUNTS[account][0])
    card, customer = payer(call, given)
    return _sell(call, given, new_transaction(call, given["type"], amount, account, card, **customer), card)


def _sell(call: Call, given: Mapping[str, Any], transaction: Record, card: Card) -> Record:
    transaction |= {"order_id": order_id(given), **texts(given, ("channel",))}
    if billing := texts(part(given, "billing")):
        transaction["billing"] = billing | {"country": billing.get("country_code_alpha2")}
    at_once = transaction["type"] == "credit" or true(part(given, "options").get("submit_for_settlement"))
    verdict = charge(call, transaction, card, submit=at_once)
    if not verdict.approved:
        raise declined(call, transaction)
    if card.get("outcome") == "disputed":
        dispute_now(call, transaction)
    return transaction


def submit(call: Call) -> Record:
    """PUT /transactions/ID/submit_for_settlement: capture, all of it or less."""
    transaction, given = call.find("transaction"), call.given("transaction")
    if transaction["status"] != "authorized" or transaction["type"] != "sale":
        raise Refused("transaction", "91507")
    transaction["amount"] = _captured(transaction, given, transaction["amount"])
    if given.get("order_id"):
        transaction["order_id"] = order_id(given)
    step(call, transaction, "submitted_for_settlement")
    return call.store.save(transaction)


def submit_part(call: Call) -> Record:
    """POST /transactions/ID/submit_for_partial_settlement: a child takes a part of the authorization.

    The authorization is `settlement_pending` from the first part on (the SDK's tests).
    """
    parent, given = call.find("transaction"), call.given("transaction")
    parts = [call.store.get("transaction", key) for key in parent.get("partials", [])]
    waits = parent["status"] == "authorized" or (parts and parent["status"] == "settlement_pending")
    if not waits or parent["type"] != "sale":
        raise Refused("transaction", "915103")
    left = parent["amount"] - sum(part["amount"] for part in parts if part)
    about = {name: parent.get(name) for name in ("customer", "person", "email", "billing")}
    amount = _captured(parent, given, left)
    child = new_transaction(call, "sale", amount, parent["account"], parent["card"], **about)
    child |= {"authorization": parent["id"], "order_id": order_id(given) or parent.get("order_id")}
    child["authorization_code"] = parent.get("authorization_code")
    step(call, child, "submitted_for_settlement")
    parent.setdefault("partials", []).append(child["id"])
    if parent["status"] == "authorized":
        step(call, parent, "settlement_pending")
    call.store.save(parent)
    return call.store.add(child)


def _captured(transaction: Record, given: Mapping[str, Any], most: int) -> int:
    if given.get("amount") is None:
        return most
    amount = read(given["amount"], transaction["currency"])
    if amount > most:
        raise Refused("transaction", "91522")
    return amount


def update_details(call: Call) -> Record:
    """PUT /transactions/ID/update_details: a lower amount or another order id before settlement."""
    transaction, given = call.find("transaction"), call.given("transaction")
    if transaction["status"] != "submitted_for_settlement":
        raise Refused("transaction", "915129")
    transaction["amount"] = _captured(transaction, given, transaction["amount"])
    if given.get("order_id"):
        transaction["order_id"] = order_id(given)
    transaction["updated"] = call.now
    return call.store.save(transaction)


SIMULATED = {
    "settle": ("settled", None),
    "settlement_confirm": ("settlement_confirmed", None),
    "settlement_decline": ("settlement_declined", ("4001", "Settlement Declined")),
    "settlement_pending": ("settlement_pending", ("4002", "Settlement Pending")),
}
"""Testing call → the status it gives, and the processor's settlement response (the SDK's tests)."""

WAITING = frozenset({"submitted_for_settlement", "settling", "settlement_pending", "settlement_confirmed"})


def simulate(how: str) -> Any:
    """The endpoint of a testing call. Raises `Refused` 91575 before it is submitted for settlement."""
    status, response = SIMULATED[how]

    def run(call: Call) -> Record:
        transaction = call.find("transaction")
        if transaction["status"] not in WAITING:
            raise Refused("transaction", "91575")
        if response:
            transaction["settlement_response"] = response
        if status == "settled":
            transaction["batch"] = batch(transaction, call.now)
        step(call, transaction, status, user=False)
        return call.store.save(transaction)

    return run


ENDPOINTS = (
    Endpoint("GET", "transactions/*", retrieve("transaction"), changes=False),
    Endpoint("POST", "transactions/advanced_search_ids", search.ids("transaction"), changes=False),
    Endpoint("POST", "transactions/advanced_search", search.members("transaction"), changes=False),
    Endpoint("POST", "transactions", create, keyed=True),
    Endpoint("POST", "transactions/*/refund", refunds.refund, keyed=True),
    Endpoint("PUT", "transactions/*/void", refunds.void, keyed=True),
    Endpoint("POST", "transactions/*/reverse", refunds.reverse, keyed=True),
    Endpoint("PUT", "transactions/*/submit_for_settlement", submit, keyed=True),
    Endpoint("POST", "transactions/*/submit_for_partial_settlement", submit_part, keyed=True),
    Endpoint("PUT", "transactions/*/update_details", update_details),
    *(Endpoint("PUT", f"transactions/*/{how}", simulate(how), rehearsal=True) for how in SIMULATED),
)
