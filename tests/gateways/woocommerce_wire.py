"""What a store writes, as its REST API v3 does: documents to change a field of."""

import json
from typing import Any

from billctl.testing.servers import Behaviour, answer

Json = dict[str, Any]

ORDER = 1042
CUSTOMER = 21
REFUND = 1045
SUBSCRIPTION = 1050


def order(**fields: Any) -> Json:
    """A completed order of 49.00 USD by the store's customer 21, paid by card."""
    billing = {
        "first_name": "Layla",
        "last_name": "Haddad",
        "company": "",
        "email": "layla@example.com",
    }
    return {
        "id": ORDER,
        "number": "1042",
        "status": "completed",
        "currency": "USD",
        "total": "49.00",
        "date_created": "2026-10-18T12:00:00",
        "date_created_gmt": "2026-10-18T09:00:00",
        "date_paid": "2026-10-18T12:01:00",
        "date_paid_gmt": "2026-10-18T09:01:00",
        "customer_id": CUSTOMER,
        "billing": billing,
        "payment_method": "stripe",
        "payment_method_title": "Credit card (Stripe)",
        "transaction_id": "ch_1Layla",
        "refunds": [],
        "payment_url": "https://shop.example/checkout/order-pay/1042/?pay_for_order=true&key=wc_order_x",
        "needs_payment": False,
        "meta_data": [],
    } | fields


def guest_order(email: str, **fields: Any) -> Json:
    """An order without an account."""
    billing = {"first_name": "Noah", "last_name": "Levi", "company": "", "email": email}
    return order(customer_id=0, billing=billing) | fields


def refund(**fields: Any) -> Json:
    """20.00 of that order, given back by its payment gateway."""
    return {
        "id": REFUND,
        "parent_id": ORDER,
        "date_created_gmt": "2026-10-21T08:00:00",
        "amount": "20.00",
        "reason": "",
        "refunded_payment": True,
        "meta_data": [],
    } | fields


def named(*refunds: Json) -> list[Json]:
    """The refunds as their order names them."""
    return [{"id": one["id"], "reason": one["reason"], "total": f"-{one['amount']}"} for one in refunds]


def customer(**fields: Any) -> Json:
    """An account in the store."""
    return {
        "id": CUSTOMER,
        "email": "layla@example.com",
        "first_name": "Layla",
        "last_name": "Haddad",
        "date_created_gmt": "2025-03-02T10:00:00",
        "billing": {"first_name": "Layla", "last_name": "H.", "company": ""},
    } | fields


def subscription(**fields: Any) -> Json:
    """An active one of 49.00 USD a month, bought with the order."""
    return {
        "id": SUBSCRIPTION,
        "parent_id": ORDER,
        "status": "active",
        "currency": "USD",
        "total": "49.00",
        "date_created_gmt": "2026-10-18T09:00:00",
        "customer_id": CUSTOMER,
        "billing": {"email": "layla@example.com"},
        "billing_period": "month",
        "billing_interval": "1",
        "next_payment_date_gmt": "2026-12-18T09:00:00",
        "end_date_gmt": "",
        "cancelled_date_gmt": "",
        "line_items": [{"name": "Pro plan"}],
    } | fields


def meta(**entries: str) -> list[Json]:
    """Meta data."""
    return [{"id": place, "key": key, "value": value} for place, (key, value) in enumerate(entries.items())]


def told(document: object, status: int = 200) -> Behaviour:
    """An answer with one document."""
    return answer(status, json.dumps(document))


def listed(*documents: Json, pages: int = 1, total: int | None = None) -> Behaviour:
    """An answer with a page of a list."""
    count = len(documents) if total is None else total
    heads = {"X-WP-Total": str(count), "X-WP-TotalPages": str(pages)}
    return answer(200, json.dumps(documents), headers=heads)


def error(status: int, code: str, message: str = "Sorry.", data: object = None) -> Behaviour:
    """An error of WordPress's; `data` is its status as an object unless it is given."""
    shown = {"status": status} if data is None else data
    return told({"code": code, "message": message, "data": shown}, status)
