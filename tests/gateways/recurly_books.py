"""Recurly's answers without a wire: the SDK's own objects from tables, for what no rehearsal shop shows.

A `Books` stands where the SDK's client stands and answers each of its methods from a table: what is there is
returned, or raised where it is an exception. It keeps every call.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

from billctl.gateway import Account, Secret, Stamp
from billctl.gateways.recurly import mapping
from billctl.gateways.recurly.client import Client, Sdk, sdk_module
from billctl.models import Charge, Subscription

T = TypeVar("T")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAMP = Stamp(key="0123456789abcdef0123456789abcdef", operation="op_00000000000000000000000001", asked=NOW)
OTHER_KEY = "f" * 32
ACCOUNT = Account(
    name="recurly", gateway="recurly", live=False, secrets={"api_key": Secret("canaryrecurlykeynotreal")}
)

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


class Books:
    """The SDK's client as its answers: method → what every call of it answers, or what works that out."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.calls: list[Call] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            self.calls.append((method, args, named))
            answer = self._answers[method]
            answer = answer(*args, **named) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def changes(self) -> list[Call]:
        """The calls that would have changed something."""
        return [call for call in self.calls if not call[0].startswith(("get_", "list_"))]


class Reading(Client):
    """A client that asks books instead of Recurly."""

    def __init__(self, books: Books) -> None:
        super().__init__(ACCOUNT)
        self.books: Any = books

    def read(self, ask: Callable[[Sdk], T]) -> T:
        return ask(self.books)

    def change(self, ask: Callable[[Sdk], Any]) -> Any:
        return ask(self.books)

    def every(self, ask: Callable[[Sdk], Any]) -> Iterator[Any]:
        return iter(ask(self.books))

    def now(self) -> datetime:
        return NOW


def as_sdk(fields: dict[str, Any]) -> Any:
    """The SDK's own object for a wire object, which names its kind itself."""
    return sdk_module().Resource.cast_json(fields)


def payment_fields(payment_id: str = "layla1payment", **more: Any) -> dict[str, Any]:
    """A payment of 49.00 USD on the invoice `layla1invoice`, as it comes."""
    return {
        "id": payment_id,
        "object": "transaction",
        "type": "purchase",
        "status": "success",
        "amount": 49.0,
        "currency": "USD",
        "created_at": "2026-11-01T10:00:00Z",
        "collection_method": "automatic",
        "account": {"id": "layla1account", "object": "account", "email": "layla@example.com"},
        "invoice": {"id": "layla1invoice", "object": "invoice", "number": "1001", "type": "charge"},
        "subscription_ids": ["laylasub0001"],
        "voided_by_invoice": None,
    } | more


def refund_fields(amount: float, refund_id: str = "layla1refund", **more: Any) -> dict[str, Any]:
    """A refund of that payment, as it comes."""
    kept = {"type": "refund", "amount": amount, "original_transaction_id": "layla1payment"}
    return payment_fields(refund_id, **kept) | {"created_at": "2026-11-20T12:00:01Z"} | more


def line_fields(line_id: str, amount: float, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """A line of an invoice, as it comes."""
    return {
        "id": line_id,
        "object": "line_item",
        "type": "charge",
        "amount": amount,
        "currency": "USD",
        "quantity": quantity,
        "description": f"Line {line_id}",
        "refunded_quantity": 0,
    } | more


def invoice_fields(**more: Any) -> dict[str, Any]:
    """The paid invoice of that payment, as it comes."""
    return {
        "id": "layla1invoice",
        "object": "invoice",
        "type": "charge",
        "state": "paid",
        "number": "1001",
        "currency": "USD",
        "total": 49.0,
        "paid": 49.0,
        "balance": 0.0,
        "refundable_amount": 49.0,
        "created_at": "2026-11-01T10:00:00Z",
        "subscription_ids": ["laylasub0001"],
        "has_more_line_items": False,
        "line_items": [line_fields("line00000001", 29.0), line_fields("line00000002", 20.0)],
        "transactions": [payment_fields()],
        "credit_payments": [],
        "customer_notes": None,
    } | more


def credit_fields(amount: float, *refunds: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A credit invoice that gives back of that invoice, as it comes: `closed` where money went back, with the
    operation's note."""
    return {
        "id": "layla1credit",
        "object": "invoice",
        "type": "credit",
        "origin": "refund",
        "state": "closed" if refunds else "open",
        "number": "1005",
        "currency": "USD",
        "total": -amount,
        "balance": 0.0 if refunds else -amount,
        "created_at": "2026-11-20T12:00:01Z",
        "subscription_ids": ["laylasub0001"],
        "transactions": list(refunds),
        "customer_notes": f"ref {STAMP.key}",
    } | more


def subscription_fields(**more: Any) -> dict[str, Any]:
    """An active monthly subscription of 49.00 USD, as it comes."""
    return {
        "id": "laylasub0001",
        "object": "subscription",
        "state": "active",
        "plan": {"id": "plan00000001", "object": "plan", "code": "gold"},
        "account": {"id": "layla1account", "object": "account"},
        "currency": "USD",
        "total": 49.0,
        "created_at": "2026-11-01T10:00:00Z",
        "current_period_started_at": "2026-11-01T10:00:00Z",
        "current_period_ends_at": "2026-12-01T10:00:00Z",
        "canceled_at": None,
    } | more


def charge(**more: Any) -> Charge:
    """That payment as it was read."""
    return mapping.charge(as_sdk(payment_fields(**more)), ACCOUNT.name)


def subscription(**more: Any) -> Subscription:
    """That subscription as it was read."""
    return mapping.subscription(as_sdk(subscription_fields(**more)), ACCOUNT.name, now=NOW)
