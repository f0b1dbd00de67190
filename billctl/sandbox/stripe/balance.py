"""The account, its balance and its balance transactions.

Balance transactions are computed from their charge or refund (`txn_X` belongs to `ch_X` or `re_X`);
the fee is 2.9 % and 30 minor units, kept on a refund as Stripe does. Settlement is in the charge's own
currency.
"""

from typing import Any

from billctl.sandbox import ACCOUNT_ID
from billctl.sandbox.database import Objects, Record
from billctl.sandbox.stripe.call import Call, Endpoint
from billctl.sandbox.stripe.plain import names

DAY = 86_400
SHOP = "billctl sandbox shop"


def fee_of(amount: int) -> int:
    """What the sandbox's Stripe keeps of a payment, in the amount's minor units."""
    return (amount * 29 + 999) // 1000 + 30


def transaction(objects: Objects, key: str) -> dict[str, Any] | str:
    """The balance transaction with this id, or the id when nothing has it."""
    tail = key.removeprefix("txn_")
    source = objects.get(f"ch_{tail}") or objects.get(f"re_{tail}")
    if source is None:
        return key
    is_charge = source["object"] == "charge"
    amount = source["amount_captured"] if is_charge else -source["amount"]
    fee = fee_of(amount) if is_charge else 0
    details = {
        "amount": fee,
        "application": None,
        "currency": source["currency"],
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return {
        "id": key,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": source["created"] + 2 * DAY,
        "balance_type": "payments",
        "created": source["created"],
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": amount - fee,
        "reporting_category": source["object"],
        "source": source["id"],
        "status": "available",
        "type": source["object"],
    }


PROFILE = {
    **names("annual_revenue estimated_worker_count mcc minority_owned_business_designation"),
    **names("product_description support_address support_phone support_url url"),
    "name": SHOP,
    "support_email": "billing@example.com",
}
ACCOUNT_SETTINGS = {
    "branding": names("icon logo primary_color secondary_color"),
    "card_payments": {
        "decline_on": {"avs_failure": False, "cvc_failure": True},
        **names("statement_descriptor_prefix statement_descriptor_prefix_kana"),
        **names("statement_descriptor_prefix_kanji"),
    },
    "dashboard": {"display_name": SHOP, "timezone": "Etc/UTC"},
    "payments": {
        "statement_descriptor": "BILLCTL SANDBOX",
        **names("statement_descriptor_kana statement_descriptor_kanji"),
    },
}


def retrieve_account(_call: Call) -> Record:
    """GET /v1/account."""
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": PROFILE,
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": 1_700_000_000,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "billing@example.com",
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{ACCOUNT_ID}/external_accounts",
        },
        "metadata": {},
        "payouts_enabled": True,
        "settings": ACCOUNT_SETTINGS,
        "type": "standard",
    }


def retrieve_balance(call: Call) -> Record:
    """GET /v1/balance: what captured and refunded charges left, per currency."""
    sums: dict[str, int] = {}
    for charge in call.objects.select("charge", {"status": "succeeded"}):
        net = charge["amount_captured"] - charge.get("amount_refunded", 0)
        sums[charge["currency"]] = sums.get(charge["currency"], 0) + net
    amounts = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(sums.items())
    ]
    nothing = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
    return {
        "object": "balance",
        "available": amounts or nothing,
        "livemode": call.objects.live,
        "pending": nothing,
    }


ENDPOINTS = (
    Endpoint("GET", "/v1/account", retrieve_account),
    Endpoint("GET", "/v1/balance", retrieve_balance),
)
