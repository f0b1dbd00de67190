"""Charging a subscription that is past due again."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.braintree.amounts import read
from billctl.sandbox.braintree.call import Call, part, true
from billctl.sandbox.braintree.charging import charge
from billctl.sandbox.braintree.checks import declined
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.braintree.subscribing import billed, note
from billctl.sandbox.database import Record


def retry(call: Call, given: Mapping[str, Any]) -> Record:
    """POST /transactions with a subscription's id: its balance, or the amount given.

    Paid, the subscription is `Active` again when nothing of its balance is left. Raises `Refused`: 91528
    unknown, 91531 not past due.
    """
    subscription = call.store.get("subscription", str(given["subscription_id"]))
    if subscription is None:
        raise Refused("transaction", "91528")
    if subscription["status"] != "Past Due":
        raise Refused("transaction", "91531")
    amount = subscription["balance"] or subscription["price"]
    if given.get("amount") is not None:
        amount = read(given["amount"], subscription["currency"])
    transaction, card = billed(call, subscription, amount)
    at_once = true(part(given, "options").get("submit_for_settlement"))
    verdict = charge(call, transaction, card, submit=at_once)
    if not verdict.approved:
        subscription["failures"] = subscription.get("failures", 0) + 1
        call.store.save(subscription)
        raise declined(call, transaction)
    subscription["balance"] = max(0, subscription["balance"] - amount)
    if subscription["balance"] == 0:
        subscription |= {"failures": 0, "days_past_due": None}
        note(call, subscription, "Active")
    call.store.save(subscription)
    return transaction
