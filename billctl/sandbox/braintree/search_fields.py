"""What can be searched by, and where a record has it. The names are those of the SDK's search classes."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from billctl.sandbox.braintree.amounts import shown
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.database import Record


class Values:
    """A search's look at records, and at the cards of the customers it asks about."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cards: dict[str, list[Record]] | None = None

    def cards(self, customer: Record) -> list[Record]:
        """A customer's cards."""
        if self._cards is None:
            self._cards = {}
            for card in self._store.all("credit_card"):
                self._cards.setdefault(card["customer"], []).append(card)
        return self._cards.get(customer["id"], [])

    def transactions(self, subscription: Record) -> list[Record]:
        """A subscription's transactions."""
        return self._store.all("transaction", subscription=subscription["id"])


class Field(NamedTuple):
    """A search field: how it is compared (a key of `search.MAKERS`) and the values a record has for it."""

    kind: str
    get: Callable[[Values, Record], Iterable[Any]]


def _own(kind: str, name: str) -> Field:
    return Field(kind, lambda _values, record: [record.get(name)])


def _part(kind: str, part: str, name: str) -> Field:
    return Field(kind, lambda _values, record: [record.get(part, {}).get(name)])


def masked(card: Record) -> str:
    """What is known of a card's number."""
    return f"{card['bin']}******{card['last_4']}"


def _expiry(card: Record) -> str:
    return f"{card['month']}/{card['year']}"


def _of_cards(kind: str, get: Callable[[Record], Any]) -> Field:
    return Field(kind, lambda values, customer: [get(card) for card in values.cards(customer)])


def _address(name: str) -> Field:
    return _of_cards("text", lambda card: card.get("billing", {}).get(name))


def _amount(name: str) -> Field:
    return Field("amount", lambda _values, record: [shown(record.get(name, 0), record["currency"])])


def _reached(status: str) -> Field:
    """When a transaction came to a status."""
    return Field("time", lambda _values, record: [one[0] for one in record["history"] if one[1] == status])


PLACES = ("extended_address", "locality", "postal_code", "region", "street_address")
PERSON = ("company", "email", "fax", "first_name", "last_name", "phone", "website")

CUSTOMER = {
    "id": _own("text", "id"),
    "ids": _own("multiple", "id"),
    "created_at": _own("time", "created"),
    **{name: _own("text", name) for name in PERSON},
    **{f"address_{name}": _address(name) for name in (*PLACES, "first_name", "last_name")},
    "cardholder_name": _of_cards("text", lambda card: card.get("holder")),
    "credit_card_number": _of_cards("number", masked),
    "credit_card_expiration_date": _of_cards("text", _expiry),
    "payment_method_token": _of_cards("text", lambda card: card["id"]),
}

TRANSACTION = {
    "id": _own("text", "id"),
    "ids": _own("multiple", "id"),
    "order_id": _own("text", "order_id"),
    "currency": _own("text", "currency"),
    "customer_id": _own("text", "customer"),
    "merchant_account_id": _own("multiple", "account"),
    "processor_authorization_code": _own("text", "authorization_code"),
    "settlement_batch_id": _own("text", "batch"),
    "status": _own("multiple", "status"),
    "type": _own("multiple", "type"),
    "amount": _amount("amount"),
    "created_at": _own("time", "created"),
    **{f"customer_{name}": _part("text", "person", name) for name in PERSON},
    **{
        f"billing_{name}": _part("text", "billing", name)
        for name in (*PLACES, "company", "first_name", "last_name")
    },
    "credit_card_number": Field("number", lambda _values, record: [masked(record["card"])]),
    "credit_card_expiration_date": Field("text", lambda _values, record: [_expiry(record["card"])]),
    "credit_card_cardholder_name": _part("text", "card", "holder"),
    "credit_card_card_type": _part("multiple", "card", "card_type"),
    "payment_method_token": _part("text", "card", "token"),
    "payment_instrument_type": Field("multiple", lambda _values, _record: ["credit_card"]),
    "refund": Field("flag", lambda _values, record: [record.get("charge") is not None]),
    "source": Field(
        "multiple", lambda _values, record: ["recurring" if record.get("subscription") else "api"]
    ),
    **{
        f"{name}_at": _reached(status)
        for name, status in (
            ("authorized", "authorized"),
            ("authorization_expired", "authorization_expired"),
            ("failed", "failed"),
            ("gateway_rejected", "gateway_rejected"),
            ("processor_declined", "processor_declined"),
            ("settled", "settled"),
            ("submitted_for_settlement", "submitted_for_settlement"),
            ("voided", "voided"),
        )
    },
}

SUBSCRIPTION = {
    "id": _own("text", "id"),
    "ids": _own("multiple", "id"),
    "plan_id": _own("text", "plan"),
    "status": _own("multiple", "status"),
    "merchant_account_id": _own("multiple", "account"),
    "price": _amount("price"),
    "created_at": _own("time", "created"),
    "next_billing_date": _own("time", "next"),
    "days_past_due": _own("count", "days_past_due"),
    "billing_cycles_remaining": Field(
        "count",
        lambda _values, record: [
            None if record.get("cycles") is None else record["cycles"] - record["cycle"]
        ],
    ),
    "in_trial_period": Field(
        "multiple", lambda _values, record: ["true" if record["cycle"] == 0 else "false"]
    ),
    "transaction_id": Field(
        "text", lambda values, record: [one["id"] for one in values.transactions(record)]
    ),
}

DISPUTE = {
    "id": _own("text", "id"),
    "customer_id": _own("text", "customer"),
    "transaction_id": _own("text", "charge"),
    "case_number": _own("text", "case_number"),
    "reference_number": _own("text", "reference_number"),
    "merchant_account_id": _own("multiple", "account"),
    **{name: _own("multiple", name) for name in ("kind", "reason", "reason_code", "status")},
    "amount_disputed": _amount("amount"),
    "amount_won": _amount("amount_won"),
    "received_date": _own("time", "received"),
    "reply_by_date": _own("time", "reply_by"),
}

FIELDS = {
    "customer": CUSTOMER,
    "dispute": DISPUTE,
    "subscription": SUBSCRIPTION,
    "transaction": TRANSACTION,
}
"""Kind → search field → `Field`."""
