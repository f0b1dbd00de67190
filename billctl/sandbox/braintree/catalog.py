"""What a merchant sets up in the control panel: merchant accounts, plans, discounts, add-ons. Read only."""

from typing import Any, Final

from billctl.sandbox.braintree.amounts import shown
from billctl.sandbox.braintree.call import Call, Endpoint, Tree
from billctl.sandbox.braintree.errors import Status
from billctl.sandbox.braintree.shapes.modifications import modification
from billctl.sandbox.braintree.xml import Collection, Items, at
from billctl.sandbox.database import Record

SET_UP: Final = 1_700_000_000
"""When the shop was set up."""

PAGE_SIZE: Final = 50
DEFAULT_ACCOUNT: Final = "shop_usd"

ACCOUNTS: Final = {
    "shop_usd": ("USD", "active"),
    "shop_eur": ("EUR", "active"),
    "shop_sar": ("SAR", "active"),
    "shop_kwd": ("KWD", "active"),
    "shop_jpy": ("JPY", "active"),
    "shop_old": ("GBP", "suspended"),
}
"""Merchant account → its currency and status. Nothing moves through a suspended one."""

PLANS: Final[dict[str, Record]] = {
    f"{word}_{currency.lower()}": {
        "id": f"{word}_{currency.lower()}",
        "name": name,
        "price": price,
        "currency": currency,
        "trial": trial,
    }
    for word, name, trial, prices in (
        ("basic", "Basic monthly", None, {"USD": 1900, "EUR": 1800, "SAR": 7100, "KWD": 5900, "JPY": 2850}),
        ("pro", "Pro monthly", None, {"USD": 4900, "EUR": 4500, "SAR": 18300, "KWD": 15000, "JPY": 7350}),
        ("tryout", "Pro with a month's trial", 30, {"USD": 4900, "EUR": 4500}),
    )
    for currency, price in prices.items()
}
"""Plan → name, monthly price in minor units, currency, days of trial."""

DISCOUNTS: Final[dict[str, Record]] = {
    "welcome5": {
        "id": "welcome5",
        "kind": "discount",
        "name": "Welcome",
        "amount": 500,
        "currency": "USD",
        "cycles": 3,
    },
    "loyal10": {
        "id": "loyal10",
        "kind": "discount",
        "name": "Loyal customer",
        "amount": 1000,
        "currency": "USD",
        "description": "For those who stay",
    },
}
ADD_ONS: Final[dict[str, Record]] = {
    "seat": {"id": "seat", "kind": "add_on", "name": "One more seat", "amount": 900, "currency": "USD"},
}


def account_for(currency: str) -> str:
    """The active merchant account of a currency."""
    return next(key for key, one in ACCOUNTS.items() if one == (currency, "active"))


def plans(_call: Call) -> Tree:
    """GET /plans/."""
    return Tree("plans", Items("plan", [_plan(one) for one in PLANS.values()]))


def plan(call: Call) -> Tree:
    """GET /plans/ID."""
    if call.ids[0] not in PLANS:
        raise Status(404)
    return Tree("plan", _plan(PLANS[call.ids[0]]))


def _plan(record: Record) -> dict[str, Any]:
    """A plan with the elements of the SDK's signature."""
    trial = record["trial"]
    return {
        "id": record["id"],
        "merchant-id": None,
        "billing-day-of-month": None,
        "billing-frequency": 1,
        "currency-iso-code": record["currency"],
        "description": None,
        "name": record["name"],
        "number-of-billing-cycles": None,
        "price": shown(record["price"], record["currency"]),
        "trial-duration": trial,
        "trial-duration-unit": "day" if trial else None,
        "trial-period": trial is not None,
        "created-at": at(SET_UP),
        "updated-at": at(SET_UP),
        "add-ons": Items("add-on", []),
        "discounts": Items("discount", []),
    }


def discounts(_call: Call) -> Tree:
    """GET /discounts/."""
    return Tree("discounts", Items("discount", [modification(one) for one in DISCOUNTS.values()]))


def add_ons(_call: Call) -> Tree:
    """GET /add_ons/."""
    return Tree("add-ons", Items("add-on", [modification(one) for one in ADD_ONS.values()]))


def accounts(call: Call) -> Tree:
    """GET /merchant_accounts/?page=N."""
    page = call.page()
    shown_here = list(ACCOUNTS)[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    members = [_account(key) for key in shown_here]
    return Tree("merchant-accounts", Collection("merchant-account", members, page, PAGE_SIZE, len(ACCOUNTS)))


def account(call: Call) -> Tree:
    """GET /merchant_accounts/ID."""
    if call.ids[0] not in ACCOUNTS:
        raise Status(404)
    return Tree("merchant-account", _account(call.ids[0]))


def _account(key: str) -> dict[str, Any]:
    """A merchant account with the elements that the SDK's class shows."""
    currency, status = ACCOUNTS[key]
    return {
        "id": key,
        "status": status,
        "currency-iso-code": currency,
        "default": key == DEFAULT_ACCOUNT,
        "sub-merchant-account": False,
    }


ENDPOINTS = (
    Endpoint("GET", "plans", plans, changes=False),
    Endpoint("GET", "plans/*", plan, changes=False),
    Endpoint("GET", "discounts", discounts, changes=False),
    Endpoint("GET", "add_ons", add_ons, changes=False),
    Endpoint("GET", "merchant_accounts", accounts, changes=False),
    Endpoint("GET", "merchant_accounts/*", account, changes=False),
)
