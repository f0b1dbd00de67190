"""What changes something at Stripe: a refund, a cancellation; and how each is recognised afterwards."""

from billctl.errors import BillctlError, NotFound, OutcomeUnknown, UsageError
from billctl.gateway import Stamp, When
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.client import Client, Json
from billctl.gateways.stripe.errors import reading_answer
from billctl.gateways.stripe.ids import checked
from billctl.gateways.stripe.objects import get_subscription, retrieve
from billctl.models import Charge, Refund, Subscription, SubscriptionStatus
from billctl.money import Money

REFUND_REASONS = frozenset({"duplicate", "requested_by_customer"})
"""Reason codes that are Stripe's own words too. Its third, `fraudulent`, also puts the card and the e-mail
on the account's block lists, which nobody asked for: it stays in the metadata."""


def stamped(stamp: Stamp) -> Json:
    """The metadata that names the operation: its key, and the reason code if there is one.

    The operation id is no part of it: it is new with every try, and Stripe replays its first answer only
    to a request with the same parameters under the same idempotency key (another one is refused with
    `idempotency_error`). Nor is the operator's reason.
    """
    return {mapping.KEY: stamp.key} | ({mapping.REASON_CODE: stamp.reason_code} if stamp.reason_code else {})


def refund(client: Client, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
    """Refund exactly `amount`. Raises `UsageError` for one that Stripe's form of the currency cannot say."""
    try:
        wire = mapping.to_wire(amount)
    except ValueError as error:
        raise UsageError(str(error), code="bad_amount") from None
    params: Json = {"charge": checked(charge.id, "charge"), "amount": wire, "metadata": stamped(stamp)}
    if stamp.reason_code in REFUND_REASONS:
        params["reason"] = stamp.reason_code
    answer = client.post("/v1/refunds", params, key=stamp.key)
    with reading_answer(client.account.name, change=True):
        expect(answer, "refund")
        made = mapping.refund(answer, client.account.name)
        if made.charge_id != charge.id:
            raise ValueError(f"it names another charge: {made.charge_id}")
    return made


def find_refund(client: Client, charge: Charge, *, stamp: Stamp) -> Refund | None:
    """The refund of `charge` whose metadata carry the key; a refund and its stamp are made in one request,
    so none of another origin can be it."""
    with reading_answer(client.account.name, change=False):
        for data in client.every("/v1/refunds", {"charge": checked(charge.id, "charge")}):
            if (data.get("metadata") or {}).get(mapping.KEY) == stamp.key:
                return mapping.refund(data, client.account.name)
    return None


def cancel(client: Client, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
    """Cancel now, without a last invoice or proration, or at the end of the period.

    At the end of the period the stamp goes into the subscription's metadata with the change itself, and the
    subscription is read again: under a used key Stripe gives the first answer once more, and what it tells
    may have been undone since. Now is a DELETE, which takes no metadata and is sent once, as no idempotency
    key protects it; Stripe's `cancellation_details` stay empty, being meant for the customer's own words.
    """
    path = f"/v1/subscriptions/{checked(subscription.id, 'subscription')}"
    if when is When.NOW:
        answer = client.delete(path, {"invoice_now": False, "prorate": False})
    else:
        answer = client.post(path, {"cancel_at_period_end": True, "metadata": stamped(stamp)}, key=stamp.key)
    with reading_answer(client.account.name, change=True):
        expect(answer, "subscription", subscription.id)
        made = mapping.subscription(answer, client.account.name)
    return made if when is When.NOW else _by_now(client, made)


def _by_now(client: Client, told: Subscription) -> Subscription:
    """The subscription that a change answered, as it is. Raises `OutcomeUnknown` where it cannot be read."""
    try:
        return get_subscription(client, told.id)
    except BillctlError as error:
        raise OutcomeUnknown(
            f"Stripe accepted the change of {told.id}; whether it holds could not be read: {error.message}",
            code=error.code,
            account=told.account,
        ) from error


def find_cancellation(
    client: Client, subscription: Subscription, *, when: When, stamp: Stamp
) -> Subscription | None:
    """The subscription if it is as the cancellation would have left it.

    Now: canceled, by whomever; nothing at Stripe tells who. At the end of the period: with the stamp, and
    still to end then or ended since.
    """
    try:
        data = retrieve(client, "subscription", subscription.id)
    except NotFound:
        return None
    with reading_answer(client.account.name, change=False):
        current = mapping.subscription(data, client.account.name)
    ended = current.status in {SubscriptionStatus.CANCELED, SubscriptionStatus.EXPIRED}
    if when is When.NOW:
        return current if ended else None
    ours = current.operation_key == stamp.key
    return current if ours and (ended or current.cancel_at_period_end) else None


def expect(answer: Json, kind: str, object_id: str | None = None) -> None:
    """Raise `ValueError` unless `answer` is an object of `kind`, and `object_id` where one is named."""
    if answer["object"] != kind or (object_id is not None and answer["id"] != object_id):
        raise ValueError(f"a {kind} was expected, {answer['object']} {answer['id']} came")
