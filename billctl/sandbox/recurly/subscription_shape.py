"""Subscriptions as Recurly shows them."""

from billctl.sandbox.database import Record
from billctl.sandbox.recurly import people, plans
from billctl.sandbox.recurly.call import Call, Wire, uuid_of
from billctl.sandbox.recurly.money import number
from billctl.sandbox.recurly.times import wire

TIMES = {
    "current_period_started_at": "start",
    "current_period_ends_at": "end",
    "current_term_started_at": "term_start",
    "current_term_ends_at": "term_end",
    "trial_started_at": "trial_start",
    "trial_ends_at": "trial_end",
    "paused_at": "paused",
    "activated_at": "activated",
    "canceled_at": "canceled",
    "expires_at": "expires",
}
"""Recurly's name of an instant → the record's."""


def subscription(call: Call, record: Record) -> Wire:
    """GET /subscriptions/{subscription_id}."""
    currency, total = record["currency"], record["price"] * record["quantity"]
    return {
        "id": record["id"],
        "object": "subscription",
        "uuid": uuid_of(record["id"]),
        "account": people.mini(call, record["customer"]),
        "plan": plans.mini(record),
        "state": record["status"],
        "shipping": None,
        "coupon_redemptions": [],
        "pending_change": None,
        "remaining_billing_cycles": record["remaining"],
        "total_billing_cycles": plans.PLANS[record["plan"]]["cycles"],
        "renewal_billing_cycles": plans.PLANS[record["plan"]]["cycles"],
        "auto_renew": record["status"] != "canceled",
        "remaining_pause_cycles": record.get("pause_cycles"),
        "currency": currency,
        "unit_amount": number(record["price"], currency),
        "quantity": record["quantity"],
        "add_ons": [],
        "add_ons_total": number(0, currency),
        "subtotal": number(total, currency),
        "tax": number(0, currency),
        "total": number(total, currency),
        "collection_method": "automatic",
        "po_number": None,
        "net_terms": 0,
        "net_terms_type": "net",
        "terms_and_conditions": None,
        "customer_notes": None,
        "expiration_reason": record.get("expiration_reason"),
        "custom_fields": [],
        **{name: wire(record.get(field)) for name, field in TIMES.items()},
        **people.stamps(record),
        "bank_account_authorized_at": None,
        "active_invoice_id": record.get("active_invoice"),
        "started_with_gift": False,
    }
