"""What changes something at PayPal: a refund, a void, a cancellation; and how each is recognised afterwards.

Only the refund has an idempotency key: `PayPal-Request-Id`, kept 45 days (payments v2). For voids the
description names none, for cancellations there is none: they are sent once, and the object is read again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from billctl.errors import BillctlError, NotFound, OutcomeUnknown, Refused, Unsupported, UsageError
from billctl.frozen import replace
from billctl.gateway import NOT_VISIBLE_YET, Stamp, When
from billctl.gateways.paypal import mapping, objects, windows
from billctl.gateways.paypal.amounts import to_wire
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.ids import checked
from billctl.models import Charge, ChargeStatus, Refund, Subscription, SubscriptionStatus
from billctl.money import Money

T = TypeVar("T")

SKEW = timedelta(minutes=10)
"""How far this machine's clock and PayPal's may differ."""
FAST = timedelta(days=1)
"""How fast this machine's clock may be for a refund without a mark not to be called older than the operation,
which would then be sent once more."""

ENDED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.EXPIRED})
ENDED_ALREADY = "SUBSCRIPTION_STATUS_INVALID"
LONGEST_REASON = 128
NO_PERIOD_END = (
    "PayPal ends subscriptions at once only. --now stops all further payments and refunds nothing; "
    "what is paid for until {until} is yours to grant."
)


def stamped(stamp: Stamp) -> str:
    """The `custom_id` that names the operation: its key, and the reason code if there is one.

    The operation id is no part of it: it is new with every try, and one request id stands for one body. An
    `invoice_id` would be a second guard (422 `DUPLICATE_INVOICE_ID` for a repeat), but it takes the place of
    the merchant's own number in what the customer sees; nor is `note_to_payer` sent, which he reads.
    """
    code = f"billctl-{stamp.key}.{stamp.reason_code}" if stamp.reason_code else ""
    return code if mapping.STAMP.fullmatch(code) else f"billctl-{stamp.key}"


def refund(client: Client, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
    """Refund exactly `amount` of a capture. Raises `UsageError` for one finer than PayPal takes, `NotFound`
    for a payment that only PayPal's old API knows."""
    try:
        wire = to_wire(amount)
    except ValueError as error:
        raise UsageError(str(error), code="bad_amount") from None
    path = f"{objects.PATHS['charge']}/{checked(charge.id, 'charge')}/refund"
    try:
        answer = client.change(path, {"amount": wire, "custom_id": stamped(stamp)}, key=stamp.key, whole=True)
    except NotFound as error:
        error.hint = "A payment of PayPal's old API is refunded on PayPal's own pages."
        raise
    with reading_answer(client.account.name, change=True):
        made = mapping.refund(_there(answer), client.account.name)
        if made.charge_id not in {charge.id, ""}:
            raise ValueError(f"it names another charge: {made.charge_id}")
    client.own_refunds.add(charge.id, made.id)
    return replace(made, charge_id=charge.id)


def _there(answer: Json | None) -> Json:
    if answer is None:
        raise ValueError("the answer is empty")
    return answer


def find_refund(
    client: Client, charge: Charge, amount: Money, *, stamp: Stamp, now: datetime
) -> Refund | None:
    """The refund of `charge` that carries the key.

    Raises `OutcomeUnknown` for one of this amount, made since and without any `custom_id`, which may be it;
    and for a payment without an order while Transaction Search may still lack its refund, or does: PayPal
    calls the payment refunded, and shows less.
    """
    capture = objects.attempt(lambda: objects.retrieve(client, "charge", checked(charge.id, "charge")))
    if capture is None:
        return None
    with reading_answer(client.account.name, change=False):
        order = objects.read_order(client, mapping.order_of(capture))
        if order is None:
            found = objects.orderless_refunds(client, capture, now=now)
        else:
            found = objects.refunds_in(order, charge.id, client.account.name)
    ours = next((item for item in found if item.operation_key == stamp.key), None)
    if ours is not None:
        return ours
    if any(_may_be(item, amount, stamp) for item in found):
        message = f"a refund of {amount} on {charge.id} names no operation"
        raise OutcomeUnknown(message, code="no_trace", account=client.account.name)
    late = now < stamp.asked + windows.LAG + SKEW and objects.is_returned(capture)
    missing = objects.is_missing(capture, found)
    if order is None and (late or missing):
        message = f"PayPal shows the refunds of {charge.id} up to 3 hours late"
        if missing and not late:
            message = f"PayPal calls {charge.id} refunded, and still shows no refund of all of it"
        raise OutcomeUnknown(message, code=NOT_VISIBLE_YET, account=client.account.name)
    return None


def _may_be(item: Refund, amount: Money, stamp: Stamp) -> bool:
    return item.amount == amount and item.operation_key is None and item.created >= stamp.asked - FAST


def void(client: Client, charge: Charge) -> Charge:
    """Release an authorization. After an answer that was lost it is read again; what is voided then, was."""
    path = f"{objects.PATHS['authorization']}/{checked(charge.id, 'charge')}/void"
    try:
        answer = client.change(path, None, whole=True)
    except OutcomeUnknown as unknown:
        return _after(lambda: find_void(client, charge), unknown)
    if answer is None:
        return replace(charge, status=ChargeStatus.VOIDED, gateway_status="VOIDED")
    with reading_answer(client.account.name, change=True):
        made = mapping.authorization(answer, client.account.name, customer_id=charge.customer_id)
        if made.id != charge.id:
            raise ValueError(f"it names another authorization: {made.id}")
    return made


def find_void(client: Client, charge: Charge) -> Charge | None:
    """The authorization if it is voided now, by whomever: PayPal keeps no trace of who did it."""
    try:
        data = objects.retrieve(client, "authorization", checked(charge.id, "charge"))
    except NotFound:
        return None
    with reading_answer(client.account.name, change=False):
        current = mapping.authorization(data, client.account.name, customer_id=charge.customer_id)
    return current if current.status is ChargeStatus.VOIDED else None


def preview_cancel(client: Client, subscription: Subscription, *, when: When) -> tuple[str, ...]:
    """What ending it now means. Raises `Unsupported` for the end of the period, which PayPal cannot."""
    end = subscription.current_period_end
    until = f"{end:%Y-%m-%d}" if end else "its next payment"
    if when is When.PERIOD_END:
        raise Unsupported(
            "PayPal cannot end a subscription at the period's end",
            code="unsupported",
            hint=NO_PERIOD_END.format(until=until),
            account=client.account.name,
        )
    return (f"PayPal ends it at once and refunds nothing of what is paid until {until}",)


def cancel(client: Client, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
    """End it now. PayPal demands a reason, which the subscriber may see: it names the operation only.

    After an answer that was lost, or a refusal because it has ended already, it is read again.
    """
    preview_cancel(client, subscription, when=when)
    path = f"{objects.PATHS['subscription']}/{checked(subscription.id, 'subscription')}/cancel"
    try:
        answer = client.change(path, {"reason": f"ref {stamp.operation}"[:LONGEST_REASON]})
        empty(client, answer)
    except OutcomeUnknown as unknown:
        return _after(lambda: find_cancellation(client, subscription), unknown)
    except Refused as refusal:
        if refusal.code != ENDED_ALREADY:
            raise
        return _after(lambda: find_cancellation(client, subscription), refusal)
    try:
        return objects.get_subscription(client, subscription.id)
    except BillctlError:  # PayPal said yes; that it cannot be read just now takes nothing back
        return _canceled(subscription)


def empty(client: Client, answer: Json | None) -> None:
    """Raise `OutcomeUnknown` for an answer that is not empty (204), as PayPal's is to what it did."""
    with reading_answer(client.account.name, change=True):
        if answer is not None:
            raise ValueError("it should be empty")


def _canceled(subscription: Subscription) -> Subscription:
    return replace(subscription, status=SubscriptionStatus.CANCELED, gateway_status="CANCELLED")


def find_cancellation(client: Client, subscription: Subscription) -> Subscription | None:
    """The subscription if it has ended now, by whomever."""
    try:
        current = objects.get_subscription(client, subscription.id)
    except NotFound:
        return None
    return current if current.status in ENDED else None


def _after(look: Callable[[], T | None], error: BillctlError) -> T:
    """What a look shows after a change that failed with `error`, which is raised where it shows nothing."""
    try:
        found = look()
    except BillctlError:
        raise error from None
    if found is None:
        raise error
    return found
