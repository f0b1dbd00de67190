"""A store's orders, refunds and customers to billctl's records. Pure functions.

Field names and status words are those of WooCommerce's REST API v3. An object of another shape raises one of
`causes.UNREADABLE`; an amount that ISO 4217 cannot hold `Unsupported`. An order is a charge and an invoice
at once, both under its id.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from billctl.frozen import frozen
from billctl.gateways.woocommerce.values import (
    decimals_of,
    instant,
    money,
    needed,
    number,
    optional_instant,
    text,
)
from billctl.models import (
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoiceStatus,
    PaymentMethod,
    Refund,
    RefundStatus,
    refundable,
)
from billctl.money import Money

GATEWAY = "woocommerce"

ORDER_FIELDS = (
    "id", "number", "status", "currency", "total", "date_created_gmt", "date_paid_gmt", "customer_id",
    "billing.email", "billing.first_name", "billing.last_name", "billing.company", "payment_method",
    "payment_method_title", "transaction_id", "refunds", "payment_url", "needs_payment", "meta_data",
)  # fmt: skip
"""What is read of an order: no address, telephone number or basket."""
REFUND_FIELDS = (
    "id", "parent_id", "date_created_gmt", "amount", "reason", "refunded_payment", "meta_data",
)  # fmt: skip
CUSTOMER_FIELDS = (
    "id", "email", "first_name", "last_name", "date_created_gmt", "billing.first_name", "billing.last_name",
    "billing.company",
)  # fmt: skip

REFUNDED = "refunded"
RECORDED = "recorded"
"""The two states of a refund's `refunded_payment`, as a word."""

OPERATION = "_billctl_op"
OPERATION_KEY = "_billctl_key"
"""Meta data of a refund that billctl made. WooCommerce writes it after the payment gateway answered."""

REASON = re.compile(r"ref (op_[0-9A-Za-z]{1,40})", re.ASCII)
"""The reason of such a refund: saved before the payment gateway is asked, and shown to the customer."""

RENEWAL = "_subscription_renewal"
"""Meta data of a renewal order: its subscription (WooCommerce Subscriptions)."""

PAID_WORDS = frozenset({"processing", "completed", "refunded", "on-hold"})
"""Statuses of an order whose payment, once it was made, is the store's. A cancelled one's may have been
released, a failed one's never came: that is not told."""

REFUNDABLE = frozenset({"processing", "completed"})
"""WooCommerce itself refunds any order, never paid ones included. billctl refunds one that is paid (it has a
day of payment) and stands in one of these."""

UNPAID_STATUS = {
    "pending": ChargeStatus.PENDING,
    "on-hold": ChargeStatus.PENDING,
    "checkout-draft": ChargeStatus.PENDING,
    "failed": ChargeStatus.FAILED,
    "cancelled": ChargeStatus.VOIDED,
    "trash": ChargeStatus.VOIDED,
}
"""What an order without a day of payment is. Plugins add statuses of their own: those are unknown."""

INVOICE_STATUS = {
    "pending": InvoiceStatus.OPEN,
    "on-hold": InvoiceStatus.OPEN,
    "failed": InvoiceStatus.OPEN,
    "checkout-draft": InvoiceStatus.DRAFT,
    "processing": InvoiceStatus.PAID,
    "completed": InvoiceStatus.PAID,
    "refunded": InvoiceStatus.PAID,
    "cancelled": InvoiceStatus.VOID,
    "trash": InvoiceStatus.VOID,
}
"""A failed order can be paid again, on the page that `payment_url` names."""

OWED = frozenset({InvoiceStatus.OPEN, InvoiceStatus.DRAFT})


@frozen
class StoreCharge(Charge):
    """An order as a charge, with what a change must know of it.

    Its `gateway_status` is the order's. `decimals` are those of the store's amounts; `payment_method_id` is
    the store's name of the payment gateway that took the money (`stripe`, `cod`), `transaction_id` that
    gateway's own id of the payment; `date_paid` is None for an order that was never paid.
    """

    decimals: int
    number: str
    email: str | None = None
    payment_method_id: str | None = None
    transaction_id: str | None = None
    date_paid: datetime | None = None


def email_of(order: Mapping[str, Any]) -> str | None:
    """The e-mail address that an order was made with."""
    return text(_billing(order), "email")


def name_of(data: Mapping[str, Any]) -> str | None:
    """First and last name of what has them, else the company."""
    person = " ".join(filter(None, (text(data, "first_name"), text(data, "last_name"))))
    return person or text(data, "company")


def billing_name(data: Mapping[str, Any]) -> str | None:
    """The name on an order's or a customer's bill."""
    return name_of(_billing(data))


def _billing(data: Mapping[str, Any]) -> Mapping[str, Any]:
    billing = data.get("billing")
    return billing if isinstance(billing, Mapping) else {}


def owner_id(order: Mapping[str, Any]) -> str | None:
    """The store's customer who made an order; None for a guest."""
    found = order["customer_id"]
    return None if found == 0 else number(found)


def customer_id(order: Mapping[str, Any]) -> str | None:
    """Whose an order is: the customer's id, or a guest's e-mail address."""
    return owner_id(order) or email_of(order)


def meta(data: Mapping[str, Any], key: str) -> str | None:
    """The text of an object's meta data `key`, the last where there are several. Some stores write the list
    as an object: PHP does where a list has gaps."""
    found = None
    entries = data.get("meta_data") or ()
    for entry in entries.values() if isinstance(entries, Mapping) else entries:
        if entry["key"] == key:
            found = entry["value"]
    return str(found) if isinstance(found, str | int) and found != "" else None


def customer(data: Mapping[str, Any], account: str, *, live: bool) -> Customer:
    """A customer with an account in the store, without history."""
    return Customer(
        account=account,
        gateway=GATEWAY,
        id=number(data["id"]),
        email=text(data, "email"),
        name=name_of(data) or billing_name(data),
        created=optional_instant(data["date_created_gmt"]),
        live=live,
    )


def orderer(order: Mapping[str, Any], account: str, *, live: bool) -> Customer:
    """Who made an order, as far as it says itself: a guest, of whom the store keeps no more than his orders.
    Raises `ValueError` where it does not say."""
    who = customer_id(order)
    if who is None:
        raise ValueError("the order names nobody")
    return Customer(
        account=account,
        gateway=GATEWAY,
        id=who,
        email=email_of(order),
        name=billing_name(order),
        created=None,
        live=live,
    )


def refund(data: Mapping[str, Any], order: Mapping[str, Any], account: str) -> Refund:
    """A refund of `order`, which alone names the currency.

    `refunded_payment` true: the payment gateway gave the money back (`refunded`). False (`recorded`): it was
    recorded by hand, or is under way, or broke off after the money moved; nothing in it tells which.
    """
    given = data["refunded_payment"]
    if not isinstance(given, bool):
        raise TypeError("refunded_payment is true or false")
    reason = REASON.fullmatch(text(data, "reason") or "")
    return Refund(
        account=account,
        gateway=GATEWAY,
        id=number(data["id"]),
        charge_id=number(order["id"]),
        amount=money(data["amount"], order["currency"]),
        status=RefundStatus.SUCCEEDED if given else RefundStatus.UNKNOWN,
        gateway_status=REFUNDED if given else RECORDED,
        created=instant(data["date_created_gmt"]),
        operation=meta(data, OPERATION) or (reason[1] if reason else None),
        operation_key=meta(data, OPERATION_KEY),
    )


def has_refunds(order: Mapping[str, Any]) -> bool:
    """Whether an order names refunds."""
    return bool(order["refunds"])


def charge(
    order: Mapping[str, Any],
    refunds: Sequence[Mapping[str, Any]],
    account: str,
    *,
    subscription_id: str | None = None,
) -> StoreCharge:
    """An order with the refunds read for it, all of them."""
    order_id, status = number(order["id"]), needed(order, "status")
    amount = money(order["total"], order["currency"])
    made = [refund(data, order, account) for data in refunds]
    date_paid = optional_instant(order["date_paid_gmt"])
    taken = date_paid is not None and status != "failed"
    captured = amount if taken else Money.zero(amount.currency)
    refunded = _given_back(order, made, amount.currency)
    left = refundable(captured, refunded, ()) if status in REFUNDABLE else Money.zero(amount.currency)
    label = needed(order, "number")
    return StoreCharge(
        account=account,
        gateway=GATEWAY,
        id=order_id,
        customer_id=customer_id(order),
        amount=amount,
        captured=captured,
        refunded=refunded,
        refundable=left,
        status=_status(status, captured, refunded, taken=taken),
        gateway_status=status,
        created=instant(order["date_created_gmt"]),
        description=f"order {label}",
        payment_method=_payment_method(order),
        invoice_id=order_id,
        subscription_id=subscription_id or meta(order, RENEWAL),
        refunds=tuple(sorted(made, key=lambda one: one.created, reverse=True)),
        decimals=decimals_of(order["total"]),
        number=label,
        email=email_of(order),
        payment_method_id=text(order, "payment_method"),
        transaction_id=text(order, "transaction_id"),
        date_paid=date_paid,
    )


def _given_back(order: Mapping[str, Any], made: Iterable[Refund], currency: str) -> Money:
    """All that was given back: a refund that only the order itself names counts, too. The two are read one
    after the other, and a refund may be made between."""
    amounts = {one.id: one.amount for one in made}
    for named in order["refunds"]:
        given = money(named["total"], currency)
        amounts.setdefault(number(named["id"]), Money(abs(given.minor), currency))
    return sum(amounts.values(), Money.zero(currency))


def _status(status: str, captured: Money, refunded: Money, *, taken: bool) -> ChargeStatus:
    if not taken:
        return UNPAID_STATUS.get(status, ChargeStatus.UNKNOWN)
    if status not in PAID_WORDS:
        return ChargeStatus.UNKNOWN
    if not refunded:
        return ChargeStatus.PAID
    return ChargeStatus.PARTIALLY_REFUNDED if refunded < captured else ChargeStatus.REFUNDED


def _payment_method(order: Mapping[str, Any]) -> PaymentMethod | None:
    """How it was paid, in the store's own words; it knows no digits of a card."""
    title = text(order, "payment_method_title") or text(order, "payment_method")
    return PaymentMethod(brand=title) if title else None


def invoice(order: Mapping[str, Any], account: str, *, subscription_id: str | None = None) -> Invoice:
    """An order as a bill. It has no due date; an unpaid one's page of payment is its `hosted_url`."""
    order_id, status = number(order["id"]), needed(order, "status")
    total = money(order["total"], order["currency"])
    known = INVOICE_STATUS.get(status, InvoiceStatus.UNKNOWN)
    if known is InvoiceStatus.OPEN and status in PAID_WORDS and order["date_paid_gmt"]:
        known = InvoiceStatus.PAID
    owed = known in OWED
    return Invoice(
        account=account,
        gateway=GATEWAY,
        id=order_id,
        number=needed(order, "number"),
        customer_id=customer_id(order),
        subscription_id=subscription_id or meta(order, RENEWAL),
        email=email_of(order),
        status=known,
        gateway_status=status,
        total=total,
        amount_due=total if owed else Money.zero(total.currency),
        created=instant(order["date_created_gmt"]),
        due_date=None,
        hosted_url=text(order, "payment_url") if owed and order.get("needs_payment") else None,
        pdf_url=None,
    )
