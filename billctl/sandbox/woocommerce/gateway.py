"""The store's payment gateway: where the money is. It keeps books of its own.

Each time it moves money back it writes a `movement`, which nobody deletes: what customers got is counted
there and not in the store's records of refunds. It knows no idempotency and does not look at what it moved
before, but for what a charge at Stripe's sandbox allows: where an order names one, and the shop beside this
one has it, the refund is asked of Stripe as WooCommerce's Stripe extension asks it.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from billctl.sandbox.database import Database, Record
from billctl.sandbox.woocommerce import behind, spoil
from billctl.sandbox.woocommerce.call import MILLISECOND, Call
from billctl.sandbox.woocommerce.errors import fatal
from billctl.sandbox.woocommerce.php import ONE, number

SUBSCRIPTIONS = (
    "subscriptions",
    "subscription_cancellation",
    "subscription_suspension",
    "subscription_reactivation",
    "subscription_amount_changes",
    "subscription_date_changes",
    "multiple_subscriptions",
)


class Method(NamedTuple):
    """A way to pay: its titles and what it supports."""

    title: str
    method_title: str
    supports: tuple[str, ...]
    enabled: bool = True


METHODS: Mapping[str, Method] = {
    "bacs": Method("Direct bank transfer", "Direct bank transfer", ("products",)),
    "cheque": Method("Check payments", "Check payments", ("products",), enabled=False),
    "cod": Method("Cash on delivery", "Cash on delivery", ("products",)),
    "woocommerce_payments": Method("Card", "WooPayments", ("products", "refunds", *SUBSCRIPTIONS)),
    "stripe": Method(
        "Credit / Debit Card", "Stripe", ("products", "refunds", "tokenization", *SUBSCRIPTIONS)
    ),
    "ppcp-gateway": Method("PayPal", "PayPal", ("products", "refunds")),
    "braintree_credit_card": Method(
        "Credit Card", "Braintree (Credit Card)", ("products", "refunds", *SUBSCRIPTIONS)
    ),
}
"""Payment method id → what the store knows of it. An order may name one that is gone."""

GONE = "The payment gateway for this order does not exist."
UNSUPPORTED = "The payment gateway for this order does not support automatic refunds."
FAILED = "An error occurred while attempting to create the refund using the payment gateway API."


class GatewayError(Exception):
    """The payment gateway did not refund, or says so; the message is for the shop's people."""


def give_back(call: Call, order: Record, amount: str, reason: str | None) -> None:
    """Move money back to who paid. No transaction may be open: this takes as long as it takes.

    Raises `GatewayError`, which says nothing about the money, and `WpError` where PHP dies.
    """
    method = METHODS.get(order["method"])
    if method is None:
        raise GatewayError(GONE)
    if "refunds" not in method.supports:
        raise GatewayError(UNSUPPORTED)
    trouble = spoil.gateway(call.fault)
    call.pause(call.settings["woo_gateway_ms"] * MILLISECOND)
    if trouble == "gateway_fatal":
        raise fatal()
    if trouble == "gateway_error":
        raise GatewayError(FAILED)
    _move(call, order, amount, reason)
    if trouble == "gateway_fatal_after":
        raise fatal()
    if trouble == "gateway_error_after":
        raise GatewayError(FAILED)


def _move(call: Call, order: Record, amount: str, reason: str | None) -> None:
    if order["method"] == "stripe" and order.get("transaction"):
        refusal = behind.refund(call, order, amount)
        if refusal:
            raise GatewayError(refusal)
    with call.database.transaction(write=True):
        call.store.add(
            {
                "id": call.store.new_id(),
                "object": "movement",
                "created": call.now,
                "charge": order["id"],
                "amount": amount,
                "currency": order["currency"],
                "reason": reason,
                "method": order["method"],
            }
        )


def moved(database: Database, order: str, *, live: bool = False) -> list[Fraction]:
    """The amounts that the gateway really gave back for an order, in major units, oldest first."""
    import json

    rows = database.execute(
        "SELECT body FROM objects WHERE live=? AND kind='movement' AND charge=? ORDER BY seq", (live, order)
    )
    found: list[Any] = [json.loads(body) for (body,) in rows]
    return [Fraction(number(one["amount"]), ONE) for one in found]
