"""A dispute, in the form of the SDK's samples (`webhook_testing_gateway.py`) and tests."""

from typing import Any

from billctl.sandbox.braintree.amounts import shown
from billctl.sandbox.braintree.shapes.common import global_id
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.braintree.xml import Items, at, day
from billctl.sandbox.database import Record

FILE_STORAGE = 4_194_304
"""Bytes of files that a dispute takes; the number is not verified, that there is one is."""


def dispute(store: Store, record: Record) -> dict[str, Any]:
    """A dispute's elements."""
    currency = record["currency"]
    amount = shown(record["amount"], currency)
    return {
        "id": record["id"],
        "graphql-id": global_id("dispute", record["id"]),
        "amount": amount,
        "amount-disputed": amount,
        "amount-won": shown(record.get("amount_won", 0), currency),
        "case-number": record["case_number"],
        "created-at": at(record["created"]),
        "currency-iso-code": currency,
        "forwarded-comments": None,
        "kind": record["kind"],
        "merchant-account-id": record["account"],
        "pre-dispute-program": "none",
        "reason": record["reason"],
        "reason-code": record["reason_code"],
        "reason-description": None,
        "received-date": day(record["received"]),
        "reference-number": record["reference_number"],
        "remaining-file-evidence-storage": FILE_STORAGE,
        "reply-by-date": day(record["reply_by"]),
        "status": record["status"],
        "updated-at": at(record["updated"]),
        "original-dispute-id": None,
        "status-history": Items("status-history", [_event(one) for one in record["history"]]),
        "evidence": Items("evidence", [evidence(one) for one in record["evidence"]]),
        "paypal-messages": Items("paypal-message", []),
        "transaction": _disputed(store, record),
        "date-opened": day(record["opened"]),
        "date-won": day(record.get("won")),
    }


def _event(event: list[Any]) -> dict[str, Any]:
    status, timestamp, effective = event
    return {
        "status": status,
        "timestamp": at(timestamp),
        "effective-date": day(effective),
        "disbursement-date": None,
    }


def evidence(record: Record) -> dict[str, Any]:
    """A piece of evidence: `comment`, as the SDK's tests read it; its samples of messages say `comments`."""
    return {
        "id": record["id"],
        "comment": record["comment"],
        "category": record["category"],
        "sequence-number": record["sequence_number"],
        "created-at": at(record["created"]),
        "sent-to-processor-at": None,
        "url": None,
    }


def _disputed(store: Store, record: Record) -> dict[str, Any]:
    transaction = store.get("transaction", record["charge"])
    if transaction is None:
        raise LookupError(f"{record['id']} disputes a transaction that is not there")
    return {
        "id": record["charge"],
        "amount": shown(transaction["amount"], record["currency"]),
        "created-at": at(transaction["created"]),
        "order-id": transaction.get("order_id"),
        "installment-count": None,
        "purchase-order-number": None,
        "payment-instrument-subtype": transaction["card"]["card_type"],
    }
