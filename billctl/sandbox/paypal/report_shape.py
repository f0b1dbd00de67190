"""One row of Transaction Search, with the groups of fields that were asked for.

Texts in `transaction_info` are plain ASCII by the OpenAPI file; names of payers may be in any script.
"""

from billctl.sandbox.paypal import money, people, times
from billctl.sandbox.paypal.call import Call, Wire
from billctl.sandbox.paypal.ledger_rows import DEBITS, Row

GROUPS = (
    "transaction_info",
    "payer_info",
    "shipping_info",
    "auction_info",
    "cart_info",
    "incentive_info",
    "store_info",
)
UNUSED = ("shipping_info", "auction_info", "cart_info", "incentive_info", "store_info")
"""Groups that are there, and empty, for sales without goods."""


def signed(row: Row) -> int:
    """The amount as it counts for the seller: what leaves is negative."""
    return -row.amount if row.event in DEBITS else row.amount


def shape(call: Call, row: Row) -> Wire:
    """The row with the groups of `fields`."""
    asked = GROUPS if call.query["fields"] == "all" else call.query["fields"].split(",")
    found: Wire = {group: {} for group in UNUSED if group in asked}
    if "transaction_info" in asked:
        found["transaction_info"] = _transaction(row)
    if "payer_info" in asked:
        found["payer_info"] = _payer(call, row)
    return found


def _transaction(row: Row) -> Wire:
    optional: Wire = {}
    if row.reference:
        optional["paypal_reference_id"], optional["paypal_reference_id_type"] = row.reference
    if row.fee:
        optional["fee_amount"] = money.wire(row.fee, row.currency)
    for name, field in {"invoice_id": "invoice", "custom_field": "custom_id"}.items():
        if row.record.get(field) and row.record["object"] in ("capture", "refund"):
            optional[name] = row.record[field]
    return {
        "paypal_account_id": row.payer,
        "transaction_id": row.id,
        "transaction_event_code": row.event,
        "transaction_initiation_date": times.wire(row.at),
        "transaction_updated_date": times.wire(max(row.updated, row.at)),
        "transaction_amount": money.wire(signed(row), row.currency),
        "transaction_status": row.status,
        "protection_eligibility": "02",
        **optional,
    }


def _payer(call: Call, row: Row) -> Wire:
    payer = people.find(call, row.payer)
    return {
        "account_id": payer["id"],
        "email_address": row.record["email"],
        "address_status": "N",
        "payer_status": "Y",
        "payer_name": people.full_name(payer),
        "country_code": payer["country"],
    }
