"""Releasing a charge that was authorized and not captured.

Stripe has no such call for a charge. The hold of one that a payment intent made ends with the intent ("the
remaining amount_capturable is automatically refunded", Stripe's API description of canceling an intent); that
of one without an intent ends by refunding it.
"""

from typing import NamedTuple

from billctl.errors import NotFound, Refused
from billctl.gateway import Stamp
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.changes import REFUND_REASONS, expect, stamped
from billctl.gateways.stripe.client import Client, Json
from billctl.gateways.stripe.errors import reading_answer
from billctl.gateways.stripe.objects import get_charge, retrieve
from billctl.models import Charge, ChargeStatus


class _Way(NamedTuple):
    """The request that releases a charge, the kind of its answer, and where the charge is in that."""

    path: str
    params: Json
    kind: str
    field: str


def void(client: Client, charge: Charge, *, stamp: Stamp) -> Charge:
    """Release the whole of `charge`, under the operation's key.

    Raises `Refused` (`charge_not_voidable`) where its money was taken, which a refund would then give back,
    or its payment intent has gone on with another charge.
    """
    way = _way_of(client, charge, stamp)
    answer = client.post(way.path, {**way.params, "expand": [f"{way.field}.refunds"]}, key=stamp.key)
    with reading_answer(client.account.name, change=True):
        expect(answer, way.kind)
        data = answer[way.field]
        expect(data, "charge", charge.id)
        account = client.account.name
        return mapping.charge(
            data, account, refunds=[mapping.refund(item, account) for item in data["refunds"]["data"]]
        )


def _way_of(client: Client, charge: Charge, stamp: Stamp) -> _Way:
    data = retrieve(client, "charge", charge.id, ["payment_intent"])
    with reading_answer(client.account.name, change=False):
        if data["captured"]:
            raise _not_voidable(client, charge, "was captured", "What was taken is given back by a refund.")
        intent = data.get("payment_intent")
        if not intent:
            params = {"charge": charge.id, "metadata": stamped(stamp)}
            return _Way("/v1/refunds", params, "refund", "charge")
        intent_id, latest = str(intent["id"]), mapping.id_of(intent.get("latest_charge"))
    if latest != charge.id:
        why = f"is not the one its payment intent {intent_id} holds ({latest or 'none'})"
        raise _not_voidable(client, charge, why, "Look at the intent in Stripe's dashboard.")
    # Canceling takes no metadata: Stripe keeps the operation's key as the idempotency key alone.
    reason = {"cancellation_reason": stamp.reason_code} if stamp.reason_code in REFUND_REASONS else {}
    return _Way(f"/v1/payment_intents/{intent_id}/cancel", reason, "payment_intent", "latest_charge")


def _not_voidable(client: Client, charge: Charge, why: str, hint: str) -> Refused:
    return Refused(
        f"charge {charge.id} {why}", code="charge_not_voidable", hint=hint, account=client.account.name
    )


def find_void(client: Client, charge: Charge) -> Charge | None:
    """The charge if it is released, by whomever: nothing at Stripe tells who canceled an intent."""
    try:
        current = get_charge(client, charge.id)
    except NotFound:
        return None
    return current if current.status is ChargeStatus.VOIDED else None
