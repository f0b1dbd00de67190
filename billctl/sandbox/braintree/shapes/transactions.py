"""A transaction, element by element as the recorded exchanges have it."""

from collections.abc import Mapping
from typing import Any, Final

from billctl.sandbox.braintree.amounts import shown
from billctl.sandbox.braintree.settling import AUTHORIZED_SECONDS
from billctl.sandbox.braintree.shapes.common import (
    NO_NAMES,
    card_facts,
    country,
    global_id,
    names,
    number_identifier,
    place,
)
from billctl.sandbox.braintree.shapes.disputes import dispute
from billctl.sandbox.braintree.shapes.modifications import modification
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.braintree.xml import Items, at, day
from billctl.sandbox.database import Record

NO_SHIPPING: Final = {"id": None, **NO_NAMES, **place({}), **country(None)}
NO_DISBURSEMENT: Final = dict.fromkeys(
    (
        "disbursement-date",
        "settlement-amount",
        "settlement-currency-iso-code",
        "settlement-currency-exchange-rate",
        "funds-held",
        "success",
    )
)


def transaction(store: Store, record: Record) -> dict[str, Any]:
    """A transaction's elements."""
    return {
        **_head(record),
        "customer": _customer(record),
        "billing": _billing(record.get("billing", {})),
        **_relations(record),
        "shipping": NO_SHIPPING,
        "custom-fields": {},
        **_processor(record),
        "credit-card": _card(record["card"]),
        "status-history": Items("status-event", [_event(record, one) for one in record["history"]]),
        **_recurring(record),
        "channel": record.get("channel"),
        "service-fee-amount": None,
        "escrow-status": None,
        "disbursement-details": NO_DISBURSEMENT,
        "disputes": Items("dispute", [dispute(store, one) for one in _disputes(store, record)]),
        "authorization-adjustments": Items("authorization-adjustment", []),
        "payment-instrument-type": "credit_card",
        **_settlement(record),
        **_global_ids(record),
    }


def _disputes(store: Store, record: Record) -> list[Record]:
    return store.all("dispute", charge=record["id"]) if record.get("disputed") else []


def _head(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"],
        "status": record["status"],
        "type": record["type"],
        "currency-iso-code": record["currency"],
        "amount": shown(record["amount"], record["currency"]),
        "merchant-account-id": record["account"],
        "sub-merchant-account-id": None,
        "master-merchant-account-id": None,
        "order-id": record.get("order_id"),
        "created-at": at(record["created"]),
        "updated-at": at(record["updated"]),
    }


def _customer(record: Record) -> dict[str, Any]:
    person, key = record.get("person", {}), record.get("customer")
    shape = {
        "id": key,
        **names(person),
        **{name: person.get(name) for name in ("email", "website", "phone", "fax")},
    }
    return shape | ({"global-id": global_id("customer", key)} if key else {})


def _billing(address: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": address.get("id"), **names(address), **place(address), **country(address.get("country"))}


def _relations(record: Record) -> dict[str, Any]:
    refunds = record.get("refunds", [])
    return {
        "refund-id": refunds[-1] if refunds else None,
        "refund-ids": Items("item", refunds),
        "refunded-transaction-id": record.get("charge"),
        "partial-settlement-transaction-ids": Items("item", record.get("partials", [])),
        "authorized-transaction-id": record.get("authorization"),
        "settlement-batch-id": record.get("batch"),
    }


def _processor(record: Record) -> dict[str, Any]:
    sale = record["type"] == "sale"
    code, text, _ = record["response"]
    return {
        "avs-error-response-code": None,
        "avs-postal-code-response-code": "M" if sale else "A",
        "avs-street-address-response-code": "I" if sale else "A",
        "cvv-response-code": "I" if sale else "A",
        "gateway-rejection-reason": record.get("rejection"),
        "processor-authorization-code": record.get("authorization_code"),
        "processor-response-code": code,
        "processor-response-text": text,
        "additional-processor-response": record.get("additional"),
        "voice-referral-number": None,
        "purchase-order-number": None,
        "tax-amount": None,
        "tax-exempt": False,
    }


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    token = card.get("token")
    return {
        "token": token,
        **card_facts(card),
        "global-id": global_id("paymentmethod_cc", token) if token else None,
        "account-type": None,
        "unique-number-identifier": number_identifier(card) if token else None,
        "venmo-sdk": False,
    }


def _event(record: Record, event: list[Any]) -> dict[str, Any]:
    """An event the gateway caused has an empty source and no user, as recorded for settling."""
    timestamp, status, amount, user = event
    shape = {
        "timestamp": at(timestamp),
        "status": status,
        "amount": shown(amount, record["currency"]),
    }
    return shape | ({"user": user, "transaction-source": "api"} if user else {"transaction-source": ""})


def _recurring(record: Record) -> dict[str, Any]:
    start, end = record.get("period", (None, None))
    return {
        "plan-id": record.get("plan"),
        "subscription-id": record.get("subscription"),
        "subscription": {
            "billing-period-end-date": day(end),
            "billing-period-start-date": day(start),
        },
        "add-ons": Items("add-on", [modification(one) for one in record.get("add_ons", [])]),
        "discounts": Items("discount", [modification(one) for one in record.get("discounts", [])]),
        "descriptor": {"name": None, "phone": None, "url": None},
        "recurring": None if record["type"] == "credit" else bool(record.get("subscription")),
    }


def _settlement(record: Record) -> dict[str, Any]:
    sale = record["type"] == "sale"
    code, text = record.get("settlement_response", ("", ""))
    authorized = sale and record["response"][2] == "approved"
    return {
        "processor-settlement-response-code": code,
        "processor-settlement-response-text": text,
        "network-response-code": "XX" if sale else None,
        "network-response-text": "sample network response text" if sale else None,
        "three-d-secure-info": None,
        "ships-from-postal-code": None,
        "shipping-amount": None,
        "discount-amount": None,
        "network-transaction-id": f"{record['created']:015}" if sale else None,
        "processor-response-type": record["response"][2],
        "authorization-expires-at": at(record["created"] + AUTHORIZED_SECONDS) if authorized else None,
    }


def _global_ids(record: Record) -> dict[str, Any]:
    parent, authorization = record.get("charge"), record.get("authorization")
    return {
        "refund-global-ids": Items("item", [global_id("refund", one) for one in record.get("refunds", [])]),
        "partial-settlement-transaction-global-ids": Items(
            "item", [global_id("transaction", one) for one in record.get("partials", [])]
        ),
        "refunded-transaction-global-id": global_id("transaction", parent) if parent else None,
        "authorized-transaction-global-id": global_id("transaction", authorization)
        if authorization
        else None,
        "global-id": global_id("refund" if parent else "transaction", record["id"]),
    }
