"""Subscriptions: create, change, cancel, fall past due.

Codes: the SDK's list; what the tests show is 81905, 81906, the inherited price, the billing dates, the
declined first payment. The rule for ending after a billing cycle (`number_of_billing_cycles` above zero and
not below the current one) is the one Braintree's staff published; its texts are worded here. Proration, a
change of plan and the billing day are not modelled.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from billctl.sandbox.braintree import search
from billctl.sandbox.braintree.amounts import read
from billctl.sandbox.braintree.call import Call, Endpoint, Nothing, retrieve, true
from billctl.sandbox.braintree.catalog import ACCOUNTS, PLANS, account_for
from billctl.sandbox.braintree.charging import charge
from billctl.sandbox.braintree.checks import declined, plain_id
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.braintree.modifying import modify
from billctl.sandbox.braintree.shapes.billing import next_amount
from billctl.sandbox.braintree.subscribing import billed, expires, month_after, note, today
from billctl.sandbox.database import Record

ENDED = frozenset({"Canceled", "Expired"})


def create(call: Call) -> Record:
    """POST /subscriptions: a trial, or a first payment at once."""
    given = call.given("subscription")
    card = call.store.get("credit_card", given.get("payment_method_token"))
    if card is None:
        raise Refused("subscription", "91903")
    plan = PLANS.get(str(given.get("plan_id")))
    if plan is None:
        raise Refused("subscription", "91904")
    subscription = _draft(call, given, card, plan)
    modify(subscription, given)
    _limit(subscription, given)
    if subscription["cycle"]:
        transaction, paying = billed(call, subscription, next_amount(subscription))
        verdict = charge(call, transaction, paying, submit=True)
        if not verdict.approved:
            del transaction["subscription"]  # there is none, and the transaction stays
            call.store.save(transaction)
            raise declined(call, transaction)
    note(call, subscription, "Active")
    return call.store.add(subscription)


def _draft(call: Call, given: Mapping[str, Any], card: Record, plan: Record) -> Record:
    account = str(given.get("merchant_account_id") or account_for(plan["currency"]))
    if account not in ACCOUNTS:
        raise Refused("subscription", "91901")
    if ACCOUNTS[account][0] != plan["currency"]:
        raise Refused("subscription", "91923")
    key = _id(call, given)
    subscription: Record = {
        "id": key,
        "object": "subscription",
        "created": call.now,
        "updated": call.now,
        "customer": card["customer"],
        "token": card["id"],
        "plan": plan["id"],
        "price": _price(given, plan["price"], plan["currency"]),
        "currency": plan["currency"],
        "account": account,
        "balance": 0,
        "user": call.user,
        "history": [],
    }
    return subscription | _dates(call, given, plan)


def _id(call: Call, given: Mapping[str, Any]) -> str:
    key = given.get("id")
    if key is None:
        return call.new_id("s", 6)
    if not plain_id(key):
        raise Refused("subscription", "81906")
    if call.store.get("subscription", str(key)):
        raise Refused("subscription", "81902")
    return str(key)


def _price(given: Mapping[str, Any], price: int, currency: str) -> int:
    if given.get("price") is None:
        return price
    return read(given["price"], currency, subject="subscription", invalid="81904")


def _dates(call: Call, given: Mapping[str, Any], plan: Record) -> dict[str, Any]:
    start = today(call.now)
    days = plan["trial"] if given.get("trial_period") in (None, True, "true") else None
    if days:
        first = (start + timedelta(days=days)).isoformat()
        return {"cycle": 0, "first": first, "next": first, "trial_duration": days, "trial_unit": "day"}
    after = month_after(start)
    return {
        "cycle": 1,
        "first": start.isoformat(),
        "next": after.isoformat(),
        "start": start.isoformat(),
        "end": (after - timedelta(days=1)).isoformat(),
    }


def _limit(subscription: Record, given: Mapping[str, Any]) -> None:
    """Say after how many billing cycles it ends, and plan that end."""
    unlimited = true(given.get("never_expires"))
    if unlimited and given.get("number_of_billing_cycles") is not None:
        raise Refused("subscription", "91908")
    if unlimited:
        subscription.pop("cycles", None)
    elif given.get("number_of_billing_cycles") is not None:
        subscription["cycles"] = _cycles(subscription, given["number_of_billing_cycles"])
    elif given.get("never_expires") in (False, "false") and subscription.get("cycles") is None:
        raise Refused("subscription", "91912")
    when = expires(subscription)
    if when is None:
        subscription.pop("due", None)
    else:
        subscription["due"] = when


def _cycles(subscription: Record, given: Any) -> int:
    text = str(given)
    if not text.removeprefix("-").isdecimal():
        raise Refused("subscription", "91906")
    if int(text) < 1:
        raise Refused("subscription", "91907")
    if int(text) < subscription["cycle"]:
        raise Refused("subscription", "91909")
    return int(text)


def update(call: Call) -> Record:
    """PUT /subscriptions/ID: price, card, billing cycles, discounts and add-ons."""
    subscription, given = call.find("subscription"), call.given("subscription")
    if subscription["status"] in ENDED:
        raise Refused("subscription", "81901")
    if given.get("id") not in (None, subscription["id"]):
        raise Refused("subscription", "81906" if not plain_id(given["id"]) else "81902")
    token = given.get("payment_method_token")
    if token is not None:
        if call.store.get("credit_card", token) is None:
            raise Refused("subscription", "91903")
        subscription["token"] = token
    subscription["price"] = _price(given, subscription["price"], subscription["currency"])
    modify(subscription, given)
    _limit(subscription, given)
    subscription["updated"] = call.now
    return call.store.save(subscription)


def cancel(call: Call) -> Record:
    """PUT /subscriptions/ID/cancel: at once and for good; nothing is given back."""
    subscription = call.find("subscription")
    if subscription["status"] in ENDED:
        raise Refused("subscription", "81905")
    subscription.pop("due", None)
    subscription["next"] = None
    note(call, subscription, "Canceled")
    return call.store.save(subscription)


def make_past_due(call: Call) -> Nothing:
    """PUT /subscriptions/ID/make_past_due?days_past_due=N: a testing call."""
    subscription = call.find("subscription")
    days = call.query.removeprefix("days_past_due=")
    subscription |= {
        "balance": subscription["balance"] + next_amount(subscription),
        "days_past_due": int(days) if days.isdecimal() else 1,
        "failures": 1,
    }
    note(call, subscription, "Past Due", "recurring")
    call.store.save(subscription)
    return Nothing()


ENDPOINTS = (
    Endpoint("GET", "subscriptions/*", retrieve("subscription"), changes=False),
    Endpoint("POST", "subscriptions/advanced_search_ids", search.ids("subscription"), changes=False),
    Endpoint("POST", "subscriptions/advanced_search", search.members("subscription"), changes=False),
    Endpoint("POST", "subscriptions", create),
    Endpoint("PUT", "subscriptions/*", update),
    Endpoint("PUT", "subscriptions/*/cancel", cancel),
    Endpoint("PUT", "subscriptions/*/make_past_due", make_past_due, rehearsal=True),
)
