"""A subscription, with the elements that the SDK's class and tests name. No recording shows one whole."""

from typing import Any

from billctl.sandbox.braintree.amounts import shown
from billctl.sandbox.braintree.shapes.modifications import modification
from billctl.sandbox.braintree.shapes.transactions import transaction
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.braintree.xml import Items, at, day
from billctl.sandbox.database import Record


def next_amount(record: Record) -> int:
    """What the next billing takes: the price, add-ons and discounts applied; never less than nothing."""
    more = sum(one["amount"] * one.get("quantity", 1) for one in record.get("add_ons", []))
    less = sum(one["amount"] * one.get("quantity", 1) for one in record.get("discounts", []))
    amount: int = record["price"] + more - less
    return max(0, amount)


def subscription(store: Store, record: Record) -> dict[str, Any]:
    """A subscription's elements; its transactions are the newest first."""
    currency = record["currency"]
    amount = shown(next_amount(record), currency)
    return {
        "add-ons": Items("add-on", [modification(one) for one in record.get("add_ons", [])]),
        "balance": shown(record["balance"], currency),
        "billing-day-of-month": int(record["first"][-2:]),
        "billing-period-end-date": day(record.get("end")),
        "billing-period-start-date": day(record.get("start")),
        "created-at": at(record["created"]),
        "updated-at": at(record["updated"]),
        "current-billing-cycle": record["cycle"],
        "days-past-due": record.get("days_past_due"),
        "description": None,
        "descriptor": {"name": None, "phone": None, "url": None},
        "discounts": Items("discount", [modification(one) for one in record.get("discounts", [])]),
        "failure-count": record.get("failures", 0),
        "first-billing-date": day(record["first"]),
        "id": record["id"],
        "merchant-account-id": record["account"],
        "never-expires": record.get("cycles") is None,
        "next-bill-amount": amount,
        "next-billing-date": day(record.get("next")),
        "next-billing-period-amount": amount,
        "number-of-billing-cycles": record.get("cycles"),
        "paid-through-date": day(record.get("end")),
        "payment-method-token": record["token"],
        "plan-id": record["plan"],
        "price": shown(record["price"], currency),
        "status": record["status"],
        "status-history": Items("status-event", [_event(record, one) for one in record["history"]]),
        "transactions": Items("transaction", [transaction(store, one) for one in _paid(store, record)]),
        "trial-duration": record.get("trial_duration"),
        "trial-duration-unit": record.get("trial_unit"),
        "trial-period": record.get("trial_duration") is not None,
    }


def _paid(store: Store, record: Record) -> list[Record]:
    return store.all("transaction", subscription=record["id"])


def _event(record: Record, event: list[Any]) -> dict[str, Any]:
    timestamp, status, balance, source = event
    return {
        "timestamp": at(timestamp),
        "status": status,
        "balance": shown(balance, record["currency"]),
        "currency-iso-code": record["currency"],
        "plan-id": record["plan"],
        "price": shown(record["price"], record["currency"]),
        "subscription-source": source,
        "user": record["user"],
    }
