"""PayPal's payments (plain dicts) as billctl's records; `bills` has the rest. Pure functions.

Field names and status words are those of PayPal's API descriptions (payments v2 and v1, orders v2). A wire
object of another shape raises `KeyError`, `TypeError` or `ValueError`; a currency whose decimals at PayPal
are not certain raises `Unsupported`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from billctl.gateways.paypal.amounts import Wire, from_wire, instant
from billctl.models import (
    Charge,
    ChargeStatus,
    Dispute,
    DisputeStatus,
    PaymentMethod,
    Refund,
    RefundStatus,
    given_back,
    refundable,
)
from billctl.money import Money

T = TypeVar("T")

GATEWAY = "paypal"

STAMP = re.compile(r"billctl-([0-9a-f]{32})(?:\.([A-Za-z0-9_-]{1,64}))?", re.ASCII)
"""`custom_id` of what billctl changed: the operation's key, and the reason code if there is one. PayPal shows
a custom_id in the merchant's reports only ("used to reconcile API caller-initiated transactions")."""

CAPTURE_STATUS = {
    "COMPLETED": ChargeStatus.PAID,
    "PARTIALLY_REFUNDED": ChargeStatus.PARTIALLY_REFUNDED,
    "REFUNDED": ChargeStatus.REFUNDED,
    "PENDING": ChargeStatus.PENDING,
    "DECLINED": ChargeStatus.FAILED,
    "FAILED": ChargeStatus.FAILED,
}
TAKEN = frozenset({ChargeStatus.PAID, ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.REFUNDED})
"""Statuses of a capture whose money has arrived."""

AUTHORIZATION_STATUS = {
    "CREATED": ChargeStatus.AUTHORIZED,
    "PARTIALLY_CAPTURED": ChargeStatus.AUTHORIZED,
    "PENDING": ChargeStatus.PENDING,
    "CAPTURED": ChargeStatus.PAID,
    "DENIED": ChargeStatus.FAILED,
    "VOIDED": ChargeStatus.VOIDED,
}
REFUND_STATUS = {
    "COMPLETED": RefundStatus.SUCCEEDED,
    "PENDING": RefundStatus.PENDING,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.CANCELED,
}
STANDING = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})
"""Disputes that have become claims. An inquiry is still between buyer and seller, who may refund."""


def word(words: Mapping[str, T], said: object, unknown: T) -> T:
    """billctl's word for what PayPal said."""
    return words.get(said, unknown) if isinstance(said, str) else unknown


def name_of(data: Wire | None) -> str | None:
    """A person's name: as one text where PayPal has it so, else given name and surname."""
    if not data:
        return None
    whole = data.get("alternate_full_name") or data.get("full_name")
    parts = [data[part] for part in ("given_name", "surname") if data.get(part)]
    return str(whole) if whole else " ".join(map(str, parts)) or None


def refund(data: Wire, account: str, *, charge_id: str | None = None) -> Refund:
    """A refund of payments v2. `charge_id` is the capture; without it the refund's own link to it says."""
    stamp = STAMP.fullmatch(str(data.get("custom_id") or ""))
    return Refund(
        account=account,
        gateway=GATEWAY,
        id=str(data["id"]),
        charge_id=charge_id or captured_by(data) or "",
        amount=from_wire(data["amount"]),
        status=word(REFUND_STATUS, data.get("status"), RefundStatus.UNKNOWN),
        gateway_status=str(data.get("status") or ""),
        created=instant(data["create_time"]),
        reason_code=stamp[2] if stamp else None,
        operation_key=stamp[1] if stamp else None,
    )


def captured_by(data: Wire) -> str | None:
    """The capture that a refund's `up` link points to."""
    for link in data.get("links") or ():
        if link.get("rel") == "up":
            head, _, last = str(link.get("href") or "").rstrip("/").rpartition("/")
            return last if last and head.endswith("/captures") else None
    return None


def order_of(data: Wire) -> str | None:
    """The order that a capture, authorization or refund belongs to."""
    related = (data.get("supplementary_data") or {}).get("related_ids") or {}
    found = related.get("order_id")
    return str(found) if found else None


def old_refund(data: Wire, account: str) -> Refund:
    """A refund of the old v1 API, whose states are the same words in lower case. It carries no stamp."""
    state = str(data.get("state") or "")
    return Refund(
        account=account,
        gateway=GATEWAY,
        id=str(data["id"]),
        charge_id=str(data.get("sale_id") or data.get("capture_id") or ""),
        amount=from_wire(data["amount"]),
        status=word(REFUND_STATUS, state.upper(), RefundStatus.UNKNOWN),
        gateway_status=state,
        created=instant(data["create_time"]),
    )


def charge(
    data: Wire,
    account: str,
    *,
    customer_id: str | None = None,
    refunds: Sequence[Refund] = (),
    disputes: Iterable[Dispute] = (),
    description: str | None = None,
    payment_method: PaymentMethod | None = None,
    invoice_id: str | None = None,
    subscription_id: str | None = None,
) -> Charge:
    """A capture with the refunds and disputes read for it.

    PayPal's `REFUNDED` counts as all of it, even where the refunds that made it so are not in sight.
    """
    disputes = tuple(disputes)
    amount = from_wire(data["amount"])
    status = word(CAPTURE_STATUS, data.get("status"), ChargeStatus.UNKNOWN)
    captured = amount if status in TAKEN else Money.zero(amount.currency)
    returned = given_back(refunds, amount.currency)
    if status is ChargeStatus.REFUNDED:
        returned = max(returned, captured)
    disputed = any(dispute.status in STANDING for dispute in disputes)
    return Charge(
        account=account,
        gateway=GATEWAY,
        id=str(data["id"]),
        customer_id=customer_id,
        amount=amount,
        captured=captured,
        refunded=returned,
        refundable=refundable(captured, returned, disputes),
        status=ChargeStatus.DISPUTED if disputed else _refund_status(status, captured, returned),
        gateway_status=str(data.get("status") or ""),
        created=instant(data["create_time"]),
        description=description,
        payment_method=payment_method,
        disputed=bool(disputes),
        invoice_id=invoice_id,
        subscription_id=subscription_id,
        refunds=tuple(refunds),
    )


def _refund_status(status: ChargeStatus, captured: Money, returned: Money) -> ChargeStatus:
    """A capture's status, ahead of PayPal's own word while a refund is pending."""
    if status is not ChargeStatus.PAID or not returned:
        return status
    return ChargeStatus.REFUNDED if returned >= captured else ChargeStatus.PARTIALLY_REFUNDED


def authorization(
    data: Wire,
    account: str,
    *,
    customer_id: str | None = None,
    description: str | None = None,
    payment_method: PaymentMethod | None = None,
) -> Charge:
    """Held money, of which nothing is refunded: what was taken of it is a capture with an id of its own."""
    amount = from_wire(data["amount"])
    nothing = Money.zero(amount.currency)
    return Charge(
        account=account,
        gateway=GATEWAY,
        id=str(data["id"]),
        customer_id=customer_id,
        amount=amount,
        captured=nothing,
        refunded=nothing,
        refundable=nothing,
        status=word(AUTHORIZATION_STATUS, data.get("status"), ChargeStatus.UNKNOWN),
        gateway_status=str(data.get("status") or ""),
        created=instant(data["create_time"]),
        description=description,
        payment_method=payment_method,
    )


def sale_as_capture(data: Wire) -> dict[str, object]:
    """A sale of payments v1 in the words of a v2 capture: its states are the same words in lower case."""
    state = str(data["state"]).upper()
    return {
        "id": data["id"],
        "status": "DECLINED" if state == "DENIED" else state,
        "amount": data["amount"],
        "create_time": data["create_time"],
    }


def method_of(order: Wire) -> PaymentMethod | None:
    """What an order was paid with: PayPal's own word for it; of a card, brand and last four digits."""
    source = order.get("payment_source") or {}
    kind = next(iter(source), None)
    if kind is None:
        return None
    details = source[kind] or {}
    brand = str(details.get("brand") or kind).lower()
    last4 = str(details.get("last_digits") or "")[-4:] if kind == "card" else ""
    return PaymentMethod(brand=brand, last4=last4 or None)
