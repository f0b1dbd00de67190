"""Wire objects as Stripe writes them, whole enough for the adapter; each test changes what it is about."""

from typing import Any

CREATED = 1_770_000_000


def charge(**fields: Any) -> dict[str, Any]:
    """A paid card charge of 50.00 USD."""
    return {
        "id": "ch_1", "object": "charge", "livemode": False, "amount": 5000, "amount_captured": 5000,
        "amount_refunded": 0, "currency": "usd", "status": "succeeded", "captured": True, "refunded": False,
        "disputed": False, "paid": True, "created": CREATED, "customer": "cus_1", "description": "Plan",
        "payment_intent": "pi_1", "metadata": {}, "billing_details": {},
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "refunds": {"object": "list", "data": [], "has_more": False},
    } | fields  # fmt: skip


def refund(**fields: Any) -> dict[str, Any]:
    """A succeeded refund of 10.00 USD on `ch_1`."""
    return {
        "id": "re_1", "object": "refund", "amount": 1000, "currency": "usd", "status": "succeeded",
        "charge": "ch_1", "payment_intent": "pi_1", "created": CREATED, "reason": None, "metadata": {},
    } | fields  # fmt: skip


def dispute(**fields: Any) -> dict[str, Any]:
    """A dispute of all of `ch_1` that waits for an answer."""
    return {
        "id": "dp_1", "object": "dispute", "livemode": False, "amount": 5000, "currency": "usd",
        "charge": "ch_1", "status": "needs_response", "reason": "fraudulent", "created": CREATED,
        "evidence_details": {"due_by": CREATED + 864_000}, "metadata": {},
    } | fields  # fmt: skip


def item(**price: Any) -> dict[str, Any]:
    """A subscription item: 12.00 USD a month, once."""
    return {
        "id": "si_1", "object": "subscription_item", "quantity": 1, "current_period_end": CREATED + 2_592_000,
        "price": {
            "id": "price_1", "nickname": "Gold", "lookup_key": None, "currency": "usd", "unit_amount": 1200,
            "recurring": {"interval": "month", "interval_count": 1},
        } | price,
    }  # fmt: skip


def subscription(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An active subscription with `items` (one `item()` by default)."""
    return {
        "id": "sub_1", "object": "subscription", "livemode": False, "customer": "cus_1", "status": "active",
        "currency": "usd", "created": CREATED, "cancel_at_period_end": False, "canceled_at": None,
        "metadata": {}, "items": {"object": "list", "data": list(items) or [item()], "has_more": False},
    } | fields  # fmt: skip


def invoice(**fields: Any) -> dict[str, Any]:
    """An open invoice of 12.00 USD that is sent to the customer, due a week after it was made."""
    return {
        "id": "in_1", "object": "invoice", "livemode": False, "number": "ABC-0001", "customer": "cus_1",
        "customer_email": "layla@example.com", "status": "open", "collection_method": "send_invoice",
        "currency": "usd", "total": 1200, "amount_due": 1200, "created": CREATED,
        "due_date": CREATED + 604_800, "hosted_invoice_url": "https://invoice.example/in_1",
        "invoice_pdf": "https://invoice.example/in_1.pdf", "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
    } | fields  # fmt: skip


def customer(**fields: Any) -> dict[str, Any]:
    """A customer."""
    return {
        "id": "cus_1", "object": "customer", "livemode": False, "email": "layla@example.com",
        "name": "Layla Haddad", "created": CREATED,
    } | fields  # fmt: skip


def page(*items: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """A page of a list."""
    return {"object": "list", "data": list(items), "has_more": more, "url": "/v1/x"}
