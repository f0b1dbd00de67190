"""Wire objects as PayPal writes them, whole enough for the adapter; each test changes what it is about."""

from typing import Any

Wire = dict[str, Any]

CREATED = "2026-10-01T10:00:00Z"
CHARGE, REFUND, ORDER = "2GG279541U471931P", "1JU08902781691411", "5O190127TN364715T"
SUBSCRIPTION, INVOICE = "I-BW452GLLEP1G", "INV2-Z56S-5LLA-Q52L-CPZ5"
PAYER = "QYR5Z8XDVJNXQ"
HOST = "https://api-m.paypal.com"


def money(value: str, currency: str = "USD") -> Wire:
    """An amount."""
    return {"currency_code": currency, "value": value}


def capture(**fields: Any) -> Wire:
    """A completed capture of 50.00 USD that belongs to an order."""
    return {
        "id": CHARGE, "status": "COMPLETED", "amount": money("50.00"), "create_time": CREATED,
        "update_time": CREATED, "supplementary_data": {"related_ids": {"order_id": ORDER}},
    } | fields  # fmt: skip


def refund(**fields: Any) -> Wire:
    """A completed refund of 10.00 USD on `capture()`."""
    return {
        "id": REFUND, "status": "COMPLETED", "amount": money("10.00"), "create_time": "2026-10-02T10:00:00Z",
        "links": [{"rel": "up", "href": f"{HOST}/v2/payments/captures/{CHARGE}", "method": "GET"}],
    } | fields  # fmt: skip


def order(*refunds: Wire, captures: tuple[Wire, ...] = (), **fields: Any) -> Wire:
    """The order of `capture()`, paid by Layla from her PayPal account."""
    payments = {"captures": list(captures) or [capture()], "refunds": list(refunds)}
    return {
        "id": ORDER, "status": "COMPLETED", "payment_source": {"paypal": {}},
        "payer": {
            "payer_id": PAYER, "email_address": "layla@example.com",
            "name": {"given_name": "Layla", "surname": "Haddad"},
        },
        "purchase_units": [{"description": "Pro, one month", "payments": payments}],
    } | fields  # fmt: skip


def subscription(**fields: Any) -> Wire:
    """An active monthly subscription of 12.00 USD."""
    return {
        "id": SUBSCRIPTION, "status": "ACTIVE", "plan_id": "P-1", "quantity": "1", "create_time": CREATED,
        "status_update_time": CREATED,
        "subscriber": {"payer_id": PAYER, "email_address": "layla@example.com"},
        "billing_info": {
            "outstanding_balance": money("0.00"), "failed_payments_count": 0,
            "next_billing_time": "2026-12-01T10:00:00Z",
            "cycle_executions": [{"tenure_type": "REGULAR", "sequence": 1, "cycles_completed": 2}],
        },
        "plan": {"name": "Gold", "billing_cycles": [{
            "tenure_type": "REGULAR", "sequence": 1,
            "frequency": {"interval_unit": "MONTH", "interval_count": 1},
            "pricing_scheme": {"fixed_price": money("12.00")},
        }]},
    } | fields  # fmt: skip


def invoice(**fields: Any) -> Wire:
    """An invoice of 12.00 USD to Layla, sent and not paid, due a month later."""
    return {
        "id": INVOICE, "status": "SENT", "amount": money("12.00"), "due_amount": money("12.00"),
        "detail": {
            "invoice_number": "INV-0001", "invoice_date": "2026-10-01", "currency_code": "USD",
            "payment_term": {"term_type": "NET_30"},
            "metadata": {"create_time": CREATED, "recipient_view_url": "https://www.paypal.example/i/1"},
        },
        "primary_recipients": [{"billing_info": {
            "email_address": "layla@example.com", "name": {"given_name": "Layla", "surname": "Haddad"},
        }}],
        "payments": {"transactions": []},
    } | fields  # fmt: skip


def dispute(**fields: Any) -> Wire:
    """A dispute of all of `capture()` that waits for the seller."""
    return {
        "dispute_id": "PP-D-27803", "status": "WAITING_FOR_SELLER_RESPONSE", "reason": "UNAUTHORISED",
        "dispute_amount": money("50.00"), "dispute_life_cycle_stage": "CHARGEBACK", "create_time": CREATED,
        "disputed_transactions": [{"seller_transaction_id": CHARGE}],
    } | fields  # fmt: skip


def row(code: str = "T0006", value: str = "50.00", *, payer: Wire | None = None, **fields: Any) -> Wire:
    """A row of Transaction Search: a payment of Layla's, 50.00 USD."""
    info = {
        "transaction_id": CHARGE, "transaction_event_code": code, "transaction_status": "S",
        "transaction_initiation_date": "2026-10-01T12:00:00+0200", "transaction_amount": money(value),
    } | fields  # fmt: skip
    person = {
        "account_id": PAYER, "email_address": "Layla@Example.com",
        "payer_name": {"given_name": "Layla", "surname": "Haddad", "alternate_full_name": "Layla Haddad"},
    }  # fmt: skip
    return {"transaction_info": info, "payer_info": person if payer is None else payer}


def report(*rows: Wire, **fields: Any) -> Wire:
    """A page of Transaction Search."""
    return {
        "transaction_details": list(rows), "total_items": len(rows), "total_pages": 1, "page": 1,
        "last_refreshed_datetime": "2026-11-22T09:00:00+0000",
    } | fields  # fmt: skip


def error(name: str, issue: str | None = None) -> Wire:
    """An error as PayPal tells it."""
    details = [{"issue": issue, "description": "No."}] if issue else []
    return {"name": name, "message": "It cannot be.", "debug_id": "b1d1f06c7246c", "details": details}
