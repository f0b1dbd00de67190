"""What the lists of each kind take, and which records their filters let through."""

from collections.abc import Callable, Mapping
from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call
from billctl.sandbox.recurly.fields import LISTED, Check, choice, only_true
from billctl.sandbox.recurly.paging import Keep

INVOICES: Mapping[str, Check] = {
    **LISTED,
    "state": choice("pending", "past_due", "paid", "failed", "all"),
    "type": choice("charge", "credit", "legacy", "non-legacy"),
}
"""The states `open`, `processing`, `closed` and `voided` cannot be asked for, by the description."""

TRANSACTIONS: Mapping[str, Check] = {
    **LISTED,
    "type": choice("authorization", "capture", "payment", "purchase", "refund", "verify"),
    "success": only_true,
}

SUBSCRIPTIONS: Mapping[str, Check] = {
    **LISTED,
    "state": choice("active", "canceled", "expired", "future", "in_trial", "live"),
}

LINES: Mapping[str, Check] = {
    **LISTED,
    "original": only_true,
    "state": choice("invoiced", "pending"),
    "type": choice("charge", "credit"),
}

CREDIT_PAYMENTS: Mapping[str, Check] = {name: check for name, check in LISTED.items() if name != "ids"}
WALLET: Mapping[str, Check] = {
    name: check for name, check in LISTED.items() if name not in ("limit", "order", "cursor")
}
"""What the lists of billing information and of coupon redemptions take."""


def keep(kind: str, call: Call) -> Keep | None:
    """Whether a record of `kind` passes the filters of the query; None where there are none."""
    tests = FILTERS.get(kind, {})
    asked = [(tests[name], value) for name, value in call.query.items() if name in tests]
    if not asked:
        return None
    return lambda record: all(test(record, value, call.now) for test, value in asked)


Test = Callable[[Record, Any, int], bool]


def _state(record: Record, wanted: str, _now: int) -> bool:
    return wanted in ("all", record["status"])


def _type(record: Record, wanted: str, _now: int) -> bool:
    return wanted in (record["type"], "non-legacy")


def _payment(record: Record, wanted: str, _now: int) -> bool:
    return record["type"] in (("purchase", "capture") if wanted == "payment" else (wanted,))


def _life(record: Record, wanted: str, now: int) -> bool:
    trial = record.get("trial_start") is not None and record["trial_start"] <= now < record["trial_end"]
    if wanted == "in_trial":
        return trial
    if wanted == "live":
        return trial or record["status"] in ("active", "canceled", "future")
    return bool(record["status"] == wanted)


FILTERS: Mapping[str, Mapping[str, Test]] = {
    "invoice": {"state": _state, "type": _type},
    "transaction": {
        "type": _payment,
        "success": lambda record, _wanted, _now: record["status"] == "success",
    },
    "subscription": {"state": _life},
    "line_item": {
        "type": _type,
        "state": lambda _record, wanted, _now: wanted == "invoiced",
        "original": lambda record, _wanted, _now: record.get("previous") is None,
    },
}
"""Kind → a filter's name → whether a record passes it at this time."""
