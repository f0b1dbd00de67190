"""What changes something at Braintree: a refund, a void, a cancellation; and how each is recognised later.

Every change is sent once. A refund and a void carry the operation's key as `api_request_key`, under which
the same request again answers the object it made (the SDK's integration tests). Whether every merchant's
account honours it is not verified (one page of Braintree's limits it to some), nor for how long: so a
refund's `order_id` carries the key too, and whoever sends again looks for it first.
"""

from functools import partial
from typing import Any

from billctl.errors import NotFound, OutcomeUnknown
from billctl.gateway import Stamp, When
from billctl.gateways.braintree import mapping, recurring, values
from billctl.gateways.braintree.client import Client
from billctl.gateways.braintree.errors import reading_answer
from billctl.gateways.braintree.ids import checked
from billctl.gateways.braintree.objects import get_charge, get_subscription, retrieve
from billctl.gateways.braintree.recurring import BilledSubscription, last_cycle
from billctl.models import Charge, ChargeStatus, Refund, Subscription
from billctl.money import Money
from billctl.parallel import gather

EXPIRES = "Braintree will call it Expired, not Canceled, once its last period is over."
UNDO = "Until then Braintree can be told that it never expires, which undoes this."


def refund(client: Client, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
    """Refund exactly `amount`. The reason code stays here: Braintree has no field for it."""
    charge_id = checked(charge.id, "charge")
    options = {
        "amount": values.to_wire(amount),
        "order_id": mapping.stamped(stamp.key),
        "api_request_key": stamp.key,
    }
    result = client.change(lambda sdk: sdk.transaction.refund(charge_id, options))
    with reading_answer(client.account.name, change=True):
        made = mapping.refund(result.transaction, client.account.name)
        _expect(made.charge_id, charge_id)
    return made


def find_refund(client: Client, charge: Charge, *, stamp: Stamp) -> Refund | None:
    """The refund of `charge` whose `order_id` carries the key; it came with the refund itself, so none
    without it can be it."""
    parent = retrieve(client, "charge", charge.id)
    with reading_answer(client.account.name, change=False):
        ids = [str(found) for found in values.listed(parent, "refund_ids")]
        refunds = gather([partial(retrieve, client, "refund", found) for found in ids])
        ours = (found for found in refunds if mapping.operation_key(found) == stamp.key)
        found = next(ours, None)
        return mapping.refund(found, client.account.name) if found is not None else None


def void(client: Client, charge: Charge, *, stamp: Stamp) -> Charge:
    """Release all of a charge that is not settled; Braintree voids no part."""
    charge_id = checked(charge.id, "charge")
    options = {"api_request_key": stamp.key}
    result = client.change(lambda sdk: sdk.transaction.void(charge_id, options))
    with reading_answer(client.account.name, change=True):
        made = mapping.charge(result.transaction, client.account.name, refunds=charge.refunds)
        _expect(made.id, charge_id)
    if made.status is not ChargeStatus.VOIDED:
        raise OutcomeUnknown(
            f"Braintree says that {made.id} is {made.gateway_status} after voiding",
            code="state_mismatch",
            account=client.account.name,
        )
    return made


def find_void(client: Client, charge: Charge) -> Charge | None:
    """The charge if it is voided, by whomever: nothing at Braintree tells who."""
    try:
        current = get_charge(client, charge.id)
    except NotFound:
        return None
    return current if current.status is ChargeStatus.VOIDED else None


def preview_cancel(client: Client, subscription: Subscription, *, when: When) -> tuple[str, ...]:
    """What to know before. Raises `Refused` where the subscription cannot end with its period."""
    if when is When.NOW:
        return ()
    last_cycle(_billed(client, subscription))
    return (EXPIRES, UNDO)


def cancel(client: Client, subscription: Subscription, *, when: When) -> Subscription:
    """Cancel now, for good and without a refund; or let the billing cycle that runs be the last.

    Neither takes a key: sent once, and recognised by the subscription's state.
    """
    billed = _billed(client, subscription)
    subscription_id = checked(billed.id, "subscription")
    result = client.change(_ending(subscription_id, billed, when))
    with reading_answer(client.account.name, change=True):
        made = recurring.subscription(
            result.subscription,
            client.account.name,
            customer_id=subscription.customer_id,
            currency=subscription.amount.currency if subscription.amount else None,
        )
        _expect(made.id, subscription_id)
    return made


def _ending(subscription_id: str, billed: BilledSubscription, when: When) -> Any:
    if when is When.NOW:
        return lambda sdk: sdk.subscription.cancel(subscription_id)
    params = {"number_of_billing_cycles": last_cycle(billed), "never_expires": False}
    return lambda sdk: sdk.subscription.update(subscription_id, params)


def find_cancellation(client: Client, subscription: Subscription, *, when: When) -> Subscription | None:
    """The subscription if it has ended, or (at the period's end) if its last cycle runs; nothing at Braintree
    tells who ended it."""
    try:
        current = get_subscription(client, subscription.id)
    except NotFound:
        return None
    ended = current.gateway_status in recurring.ENDED
    ending = when is When.PERIOD_END and current.cancel_at_period_end
    return current if ended or ending else None


def _billed(client: Client, subscription: Subscription) -> BilledSubscription:
    """The subscription with its billing cycle, read again where the record came without."""
    if isinstance(subscription, BilledSubscription):
        return subscription
    return get_subscription(client, subscription.id)


def _expect(named: str, asked: str) -> None:
    if named != asked:
        raise ValueError(f"it names another object than {asked}: {named}")
