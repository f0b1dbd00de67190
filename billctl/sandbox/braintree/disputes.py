"""Disputes: read, accept, attach text, finalize; only while they are open. Codes and texts: the SDK's tests.

Files, and which evidence a finalized dispute must have, are not modelled.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from billctl.sandbox.braintree import search
from billctl.sandbox.braintree.call import Call, Endpoint, Nothing, Tree, retrieve, texts
from billctl.sandbox.braintree.errors import Refused, Status
from billctl.sandbox.braintree.shapes.disputes import evidence as shape
from billctl.sandbox.database import Record

CATEGORIES: Final = frozenset(
    {
        "CARRIER_NAME",
        "DEVICE_ID",
        "DEVICE_NAME",
        "DOWNLOAD_DATE_TIME",
        "GENERAL",
        "GEOGRAPHICAL_LOCATION",
        "PRIOR_DIGITAL_GOODS_TRANSACTION_ARN",
        "PRIOR_NON_DISPUTED_TRANSACTION_ARN",
        "PROOF_OF_FULFILLMENT",
        "PURCHASER_EMAIL_ADDRESS",
        "PURCHASER_IP_ADDRESS",
        "PURCHASER_NAME",
        "RECURRING_TRANSACTION_ARN",
        "TRACKING_NUMBER",
        "TRACKING_URL",
    }
)
REPLY_DAYS: Final = 14


def day(seconds: int, days: int = 0) -> str:
    """The date, in UTC, of an instant and so many days."""
    return (datetime.fromtimestamp(seconds, UTC).date() + timedelta(days=days)).isoformat()


def new_dispute(key: str, transaction: Record, opened: int) -> Record:
    """An open chargeback of a whole transaction; not stored."""
    return {
        "id": key,
        "object": "dispute",
        "created": opened,
        "updated": opened,
        "charge": transaction["id"],
        **({"customer": transaction["customer"]} if transaction.get("customer") else {}),
        "amount": transaction["amount"],
        "currency": transaction["currency"],
        "account": transaction["account"],
        "case_number": f"CB{key[-8:]}".upper(),
        "reference_number": f"REF{key[-8:]}".upper(),
        "kind": "chargeback",
        "reason": "fraud",
        "reason_code": "83",
        "status": "open",
        "received": day(opened),
        "opened": day(opened),
        "reply_by": day(opened, REPLY_DAYS),
        "history": [["open", opened, day(opened)]],
        "evidence": [],
    }


def dispute_now(call: Call, transaction: Record) -> None:
    """Dispute a transaction that was just made with the card that asks for it."""
    call.store.add(new_dispute(call.new_id("sbxdispute", 16), transaction, call.now))
    transaction["disputed"] = True
    call.store.save(transaction)


def accept(call: Call) -> Nothing:
    """PUT /disputes/ID/accept: the money goes back."""
    return _close(call, "accepted", "95704")


def finalize(call: Call) -> Nothing:
    """PUT /disputes/ID/finalize: the evidence goes to the bank."""
    return _close(call, "disputed", "95705")


def _close(call: Call, status: str, code: str) -> Nothing:
    dispute = _open(call, code)
    dispute |= {"status": status, "updated": call.now}
    dispute["history"].append([status, call.now, day(call.now)])
    call.store.save(dispute)
    return Nothing()


def _open(call: Call, code: str) -> Record:
    dispute = call.find("dispute")
    if dispute["status"] != "open":
        raise Refused("dispute", code)
    return dispute


def add_evidence(call: Call) -> Tree:
    """POST /disputes/ID/evidence: a text."""
    dispute, given = _open(call, "95701"), call.given("evidence")
    category = None if given.get("category") is None else str(given["category"])
    if category is not None and category not in CATEGORIES:
        raise Refused("dispute", "95706")
    sequence = given.get("sequence_number")
    added: Record = {
        "id": call.new_id("sbxevidence", 16),
        "comment": texts(given, ("comments",)).get("comments"),
        "category": category,
        "sequence_number": sequence if isinstance(sequence, int) else None,
        "created": call.now,
    }
    dispute["evidence"].append(added)
    dispute["updated"] = call.now
    call.store.save(dispute)
    return Tree("evidence", shape(added))


def remove_evidence(call: Call) -> Nothing:
    """DELETE /disputes/ID/evidence/ID."""
    dispute = _open(call, "95702")
    kept = [one for one in dispute["evidence"] if one["id"] != call.ids[1]]
    if len(kept) == len(dispute["evidence"]):
        raise Status(404)
    call.store.save(dispute | {"evidence": kept, "updated": call.now})
    return Nothing()


ENDPOINTS = (
    Endpoint("GET", "disputes/*", retrieve("dispute"), changes=False),
    Endpoint("POST", "disputes/advanced_search", search.pages("dispute"), changes=False),
    Endpoint("PUT", "disputes/*/accept", accept),
    Endpoint("PUT", "disputes/*/finalize", finalize),
    Endpoint("POST", "disputes/*/evidence", add_evidence),
    Endpoint("DELETE", "disputes/*/evidence/*", remove_evidence),
)
