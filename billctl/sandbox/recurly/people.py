"""Accounts and their billing information as Recurly shows them."""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call, Wire
from billctl.sandbox.recurly.times import wire

LIVING = ("active", "canceled", "future", "paused")


def account(call: Call, record: Record) -> Wire:
    """GET /accounts/{account_id}."""
    states = {each["status"] for each in call.objects.linked("subscription", "customer", record["id"])}
    late = call.objects.linked("invoice", "customer", record["id"], status="past_due")
    return {
        "id": record["id"],
        "object": "account",
        "code": record["code"],
        "state": record["status"],
        "username": None,
        "email": record["email"],
        "cc_emails": None,
        "preferred_locale": record.get("locale"),
        **_name(record),
        "vat_number": None,
        "tax_exempt": False,
        "parent_account_id": None,
        "bill_to": "self",
        "address": record["address"],
        "billing_info": billing_info(record) if record.get("billing") else None,
        "hosted_login_token": record["token"],
        "shipping_addresses": [],
        "external_accounts": [],
        "custom_fields": [],
        "has_live_subscription": bool(states & set(LIVING)),
        "has_active_subscription": "active" in states,
        "has_future_subscription": "future" in states,
        "has_canceled_subscription": "canceled" in states,
        "has_paused_subscription": "paused" in states,
        "has_past_due_invoice": bool(late),
        **stamps(record),
        "deleted_at": None,
    }


def mini(call: Call, key: str) -> Wire:
    """An account inside another object."""
    record = call.owner(key)
    return {
        "id": record["id"],
        "object": "account",
        "code": record.get("code"),
        "email": record.get("email"),
        **_name(record),
        "parent_account_id": None,
        "bill_to": "self",
    }


def _name(record: Record) -> Wire:
    return {name: record.get(name) for name in ("first_name", "last_name", "company")}


def billing_info(record: Record) -> Wire:
    """The billing information of an account."""
    billing = record["billing"]
    return {
        "id": billing["id"],
        "object": "billing_info",
        "account_id": record["id"],
        **_name(record),
        "address": record["address"],
        "vat_number": None,
        "valid": billing.get("valid", True),
        "payment_method": billing["method"],
        "primary_payment_method": True,
        "backup_payment_method": False,
        **stamps(record),
    }


def stamps(record: Record) -> Wire:
    """When an object was made and last changed."""
    return {"created_at": wire(record["created"]), "updated_at": wire(record["updated"])}


CARDS = {
    "visa": ("Visa", "411111"),
    "mastercard": ("MasterCard", "555555"),
    "amex": ("American Express", "378282"),
    "discover": ("Discover", "601111"),
    "jcb": ("JCB", "353011"),
}


def card(brand: str, last_four: str, year: int = 2029) -> dict[str, Any]:
    """A card as a payment method."""
    shown, first_six = CARDS.get(brand, ("Unknown", "400000"))
    return {
        "object": "credit_card",
        "card_type": shown,
        "first_six": first_six,
        "last_four": last_four,
        "exp_month": 12,
        "exp_year": year,
        "cc_bin_country": None,
    }


def bank(last_four: str, name: str) -> dict[str, Any]:
    """A bank account (ACH) as a payment method: its refunds take days."""
    return {
        "object": "bank_account_info",
        "last_four": last_four,
        "account_type": "checking",
        "routing_number": "021000021",
        "name_on_account": name,
    }
