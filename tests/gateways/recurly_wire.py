"""Recurly's JSON, whole enough for the SDK and the adapter; each test changes what it is about.

Fields are those of Recurly's API description; the sandbox's answers are checked against that elsewhere.
"""

import json
import socket
from collections.abc import Callable, Mapping
from copy import deepcopy
from threading import Event
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from billctl.gateways.recurly.client import sdk_module
from billctl.testing.servers import Behaviour, Request, answer

JSON = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": "req0001"}
MADE = "2026-02-03T04:05:06Z"
Fields = dict[str, Any]
Routes = Mapping[str, Fields | list[Fields] | Behaviour]
"""Path → an object, the items of a list that is one page, or what meets the request."""


def owner(**fields: Any) -> Fields:
    """The account as other objects name it."""
    return {
        "id": "accountlayla", "object": "account", "code": "layla", "email": "layla@example.com",
        "first_name": "Layla", "last_name": "Haddad", "company": None,
    } | fields  # fmt: skip


def account(**fields: Any) -> Fields:
    """An account."""
    return owner() | {
        "state": "active", "hosted_login_token": "canarylogintokennotreal", "created_at": MADE,
        "updated_at": MADE, "deleted_at": None,
    } | fields  # fmt: skip


def transaction(**fields: Any) -> Fields:
    """A payment of 50.00 USD by card on invoice 1001, for one subscription."""
    return {
        "id": "payment00001", "object": "transaction", "uuid": "3" * 32, "original_transaction_id": None,
        "account": owner(), "invoice": {"id": "invoice00001", "object": "invoice", "number": "1001"},
        "voided_by_invoice": None, "subscription_ids": ["subscription"], "type": "purchase",
        "origin": "recurring", "currency": "USD", "amount": 50.0, "status": "success", "success": True,
        "refunded": False, "collection_method": "automatic",
        "payment_method": {"object": "credit_card", "card_type": "Visa", "last_four": "1111"},
        "created_at": MADE, "updated_at": MADE, "voided_at": None, "collected_at": MADE,
    } | fields  # fmt: skip


def refund(**fields: Any) -> Fields:
    """A refund of 10.00 USD of that payment, on credit invoice 1002."""
    return transaction() | {
        "id": "refund000001", "original_transaction_id": "payment00001", "type": "refund", "amount": 10.0,
        "invoice": {"id": "credit000001", "object": "invoice", "number": "1002"},
        "created_at": "2026-02-04T04:05:06Z",
    } | fields  # fmt: skip


def invoice(**fields: Any) -> Fields:
    """The invoice of that payment, of which everything is refundable."""
    return {
        "id": "invoice00001", "object": "invoice", "uuid": "4" * 32, "type": "charge", "origin": "renewal",
        "state": "paid", "account": owner(), "subscription_ids": ["subscription"], "number": "1001",
        "collection_method": "automatic", "currency": "USD", "total": 50.0, "paid": 50.0, "balance": 0.0,
        "refundable_amount": 50.0, "customer_notes": None, "line_items": [], "transactions": [],
        "credit_payments": [], "created_at": MADE, "updated_at": MADE, "due_at": MADE, "closed_at": MADE,
    } | fields  # fmt: skip


def credit(*transactions: Fields, **fields: Any) -> Fields:
    """The credit invoice of that refund."""
    return invoice() | {
        "id": "credit000001", "type": "credit", "origin": "open_amount_refund", "state": "closed",
        "number": "1002", "total": -10.0, "paid": -10.0, "refundable_amount": None,
        "transactions": list(transactions or (refund(),)), "created_at": "2026-02-04T04:05:06Z",
    } | fields  # fmt: skip


def subscription(**fields: Any) -> Fields:
    """An active subscription of 50.00 USD a month."""
    return {
        "id": "subscription", "object": "subscription", "uuid": "5" * 32, "account": owner(),
        "plan": {"id": "plan00000001", "object": "plan", "code": "gold", "name": "Gold"},
        "state": "active", "current_period_started_at": MADE,
        "current_period_ends_at": "2026-03-03T04:05:06Z", "trial_started_at": None, "trial_ends_at": None,
        "auto_renew": True, "currency": "USD", "unit_amount": 50.0, "quantity": 1, "subtotal": 50.0,
        "tax": 0.0, "total": 50.0, "created_at": MADE, "updated_at": MADE, "activated_at": MADE,
        "canceled_at": None, "expires_at": None,
    } | fields  # fmt: skip


def site(**fields: Any) -> Fields:
    """A site in mode development."""
    return {
        "id": "site00000001", "object": "site", "subdomain": "shop", "mode": "development",
        "settings": {"default_currency": "USD"}, "features": ["credit_memos"], "created_at": MADE,
        "deleted_at": None,
    } | fields  # fmt: skip


def page(*items: Fields, following: str | None = None) -> Fields:
    """A page of a list; `following` is where the next one is."""
    return {"object": "list", "has_more": following is not None, "next": following, "data": list(items)}


def error(kind: str, message: str = "No.", **fields: Any) -> Fields:
    """The body of an error."""
    return {"error": {"type": kind, "message": message, "params": []} | fields}


def told(body: Fields, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Behaviour:
    """An answer of Recurly's."""
    return answer(status, json.dumps(body), headers={**JSON, **headers})


NOT_FOUND = told(error("not_found", "Couldn't find it"), 404)


def as_sdk(body: Fields) -> Any:
    """What the SDK makes of an object."""
    return sdk_module().Resource.cast_json(deepcopy(body))


def asked(body: Callable[[Mapping[str, str]], Fields]) -> Behaviour:
    """An answer that depends on the request's parameters."""

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        given = parse_qs(urlsplit(request.target).query)
        found = body({name: values[0] for name, values in given.items()})
        return told(found)(connection, request, closing)

    return behave


def serving(routes: Routes) -> Behaviour:
    """A site that has these objects and lists, and nothing else."""

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        found = routes.get(urlsplit(request.target).path, NOT_FOUND)
        if isinstance(found, list):
            found = page(*found)
        behaviour = told(found) if isinstance(found, dict) else found
        return behaviour(connection, request, closing)

    return behave
