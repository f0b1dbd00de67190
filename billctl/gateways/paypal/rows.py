"""Rows of Transaction Search: who paid, and the payments and refunds they tell of. Pure functions.

Event codes are PayPal's (developer.paypal.com/docs/transaction-search/transaction-event-codes): the group
T00 is payments, of which those received count here; T1300 and T1301 are authorizations; T1107 is a refund
by the merchant, T1106 a reversal by PayPal. A row says no more than the day's end of a payment: whoever
can, asks for the object itself.
"""

from collections.abc import Iterable
from datetime import datetime

from billctl.frozen import frozen_value
from billctl.gateways.paypal.amounts import Wire, from_wire, instant
from billctl.gateways.paypal.mapping import GATEWAY, STAMP, name_of
from billctl.models import Charge, ChargeStatus, Dispute, Refund, RefundStatus, given_back, refundable
from billctl.money import Money

PAYMENTS = "T00"
SENT = frozenset({"T0001", "T0015"})
"""Payments of the merchant to others."""
AUTHORIZATIONS = frozenset({"T1300", "T1301"})
REFUNDS = frozenset({"T1106", "T1107"})

PENDING = "P"
"""Not through yet; a payment by eCheck stays listed so beside what became of it, under one id and code."""

DONE = "S"

CHARGE_STATUS = {
    "S": ChargeStatus.PAID,
    "P": ChargeStatus.PENDING,
    "D": ChargeStatus.FAILED,
    "V": ChargeStatus.REFUNDED,
}
AUTHORIZATION_STATUS = {
    "P": ChargeStatus.AUTHORIZED,
    "D": ChargeStatus.FAILED,
    "V": ChargeStatus.VOIDED,
}
REFUND_STATUS = {
    "S": RefundStatus.SUCCEEDED,
    "P": RefundStatus.PENDING,
    "D": RefundStatus.FAILED,
    "V": RefundStatus.CANCELED,
}


@frozen_value
class Row:
    """A row's fields, as texts: what the local copy keeps, too. `value` is a decimal string."""

    id: str
    code: str
    status: str
    value: str
    currency: str
    initiated: str
    reference: str | None
    reference_type: str | None
    payer_id: str | None
    email: str | None
    name: str | None
    invoice_id: str | None
    custom: str | None
    subject: str | None

    @property
    def is_payment(self) -> bool:
        """Whether it is money received, or held for the merchant and not taken yet."""
        if self.code in AUTHORIZATIONS:
            return self.status != DONE
        return self.code.startswith(PAYMENTS) and self.code not in SENT and not self.value.startswith("-")

    @property
    def is_refund(self) -> bool:
        """Whether it gives a payment back."""
        return self.code in REFUNDS and self.reference_type in {"TXN", None} and bool(self.reference)

    @property
    def person(self) -> str | None:
        """What names the other side: his PayPal id, else his e-mail."""
        return self.payer_id or self.email

    @property
    def subscription_id(self) -> str | None:
        """The subscription that a payment belongs to. PayPal's pattern allows no dash in a reference, its
        ids have one: both are read."""
        if self.reference_type != "SUB" or not self.reference:
            return None
        return self.reference if self.reference.startswith("I-") else f"I-{self.reference.removeprefix('I')}"

    @property
    def order_id(self) -> str | None:
        """The order that a payment belongs to."""
        return self.reference if self.reference_type == "ODR" else None


def row(data: Wire) -> Row:
    """A row as on the wire. Raises `KeyError` or `TypeError` for another shape."""
    about, payer = data["transaction_info"], data.get("payer_info") or {}
    amount = about.get("transaction_amount") or {}
    return Row(
        id=_text(about["transaction_id"]),
        code=_text(about["transaction_event_code"]),
        status=str(about.get("transaction_status") or ""),
        value=_text(amount.get("value", "")),
        currency=_text(amount.get("currency_code", "")),
        initiated=_text(about["transaction_initiation_date"]),
        reference=about.get("paypal_reference_id"),
        reference_type=about.get("paypal_reference_id_type"),
        payer_id=payer.get("account_id"),
        email=payer.get("email_address"),
        name=name_of(payer.get("payer_name")),
        invoice_id=about.get("invoice_id"),
        custom=about.get("custom_field"),
        subject=about.get("transaction_subject"),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value


def amount_of(found: Row) -> Money:
    """The amount of a row, without the sign that says which way it went."""
    return from_wire({"value": found.value.removeprefix("-"), "currency_code": found.currency})


def created_of(found: Row) -> datetime:
    """When work on the transaction began."""
    return instant(found.initiated)


def refund(found: Row, account: str) -> Refund:
    """A refund by its row."""
    stamp = STAMP.fullmatch(found.custom or "")
    return Refund(
        account=account,
        gateway=GATEWAY,
        id=found.id,
        charge_id=found.reference or "",
        amount=amount_of(found),
        status=REFUND_STATUS.get(found.status, RefundStatus.UNKNOWN),
        gateway_status=found.status,
        created=created_of(found),
        reason_code=stamp[2] if stamp else None,
        operation_key=stamp[1] if stamp else None,
    )


def charge(
    found: Row,
    account: str,
    *,
    refunds: Iterable[Refund],
    disputes: Iterable[Dispute] = (),
    invoice_id: str | None = None,
) -> Charge:
    """A payment by its row and the refunds that name it, no newer than Transaction Search is."""
    refunds, disputes = tuple(refunds), tuple(disputes)
    amount = amount_of(found)
    words = AUTHORIZATION_STATUS if found.code in AUTHORIZATIONS else CHARGE_STATUS
    status = words.get(found.status, ChargeStatus.UNKNOWN)
    returned = given_back(refunds, amount.currency)
    if status is ChargeStatus.REFUNDED:
        returned = max(returned, amount)
    elif status is ChargeStatus.PAID and returned:
        status = ChargeStatus.REFUNDED if returned >= amount else ChargeStatus.PARTIALLY_REFUNDED
    taken = status in {ChargeStatus.PAID, ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.REFUNDED}
    captured = amount if taken else Money.zero(amount.currency)
    return Charge(
        account=account,
        gateway=GATEWAY,
        id=found.id,
        customer_id=found.person,
        amount=amount,
        captured=captured,
        refunded=returned,
        refundable=refundable(captured, returned, disputes),
        status=status,
        gateway_status=found.status,
        created=created_of(found),
        description=found.subject,
        disputed=bool(disputes),
        invoice_id=invoice_id,
        subscription_id=found.subscription_id,
        refunds=refunds,
    )
