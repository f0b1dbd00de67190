"""/plans: what the shop sells by the month or the year."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call, Endpoint, Page, Reply, Wire
from billctl.sandbox.recurly.errors import missing
from billctl.sandbox.recurly.fields import LISTED, choice
from billctl.sandbox.recurly.money import number
from billctl.sandbox.recurly.sites import OPENED
from billctl.sandbox.recurly.times import wire

PLANS: dict[str, dict[str, Any]] = {
    "basic": {"id": "sbxplan00001", "name": "Basic", "months": 1, "cycles": 1},
    "pro": {"id": "sbxplan00002", "name": "Pro", "months": 1, "cycles": 1},
    "year": {"id": "sbxplan00003", "name": "Yearly", "months": 12, "cycles": 1},
    "contract": {"id": "sbxplan00004", "name": "Pro, twelve months", "months": 1, "cycles": 12},
}
"""Code → months in a period, and periods in a term."""

PRICES = {"basic": 1900, "pro": 4900, "year": 49_000, "contract": 3900}
"""Cents of a US dollar for a period."""

PERCENT = {"USD": 100, "EUR": 100, "GBP": 90, "SAR": 400}
"""What a US dollar's price is in a currency, in percent."""


def price(code: str, currency: str) -> int:
    """The price of a period in hundredths."""
    return PRICES[code] * PERCENT[currency] // 100


def mini(record: Record) -> Wire:
    """A plan inside a subscription."""
    plan = PLANS[record["plan"]]
    return {"id": plan["id"], "object": "plan", "code": record["plan"], "name": plan["name"]}


def _plan(code: str) -> Wire:
    plan = PLANS[code]
    return {
        "id": plan["id"],
        "object": "plan",
        "code": code,
        "state": "active",
        "name": plan["name"],
        "interval_unit": "months",
        "interval_length": plan["months"],
        "trial_length": 0,
        "total_billing_cycles": plan["cycles"],
        "auto_renew": True,
        "currencies": [
            {"currency": currency, "setup_fee": number(0, currency), "unit_amount": price_of(code, currency)}
            for currency in PERCENT
        ],
        "created_at": wire(OPENED),
        "updated_at": wire(OPENED),
        "deleted_at": None,
    }


def price_of(code: str, currency: str) -> Any:
    """The price of a period as Recurly writes it."""
    return number(price(code, currency), currency)


def _list(call: Call) -> Page:
    codes = list(PLANS) if call.query.get("state", "active") == "active" else []
    found = [_plan(code) for code in codes]
    return Page(found, None, lambda: len(found))


def _get(call: Call) -> Reply:
    for code, plan in PLANS.items():
        if call.id in (plan["id"], f"code-{code}"):
            return Reply(200, _plan(code))
    raise missing("Plan", "id", call.id)


ENDPOINTS = (
    Endpoint("GET", "/plans", _list, query={**LISTED, "state": choice("active", "inactive")}),
    Endpoint("GET", "/plans/{plan_id}", _get),
)
