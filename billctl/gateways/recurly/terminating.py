"""Ending a subscription at once with money back: what at most, the change itself, and its refund found later.

`DELETE /subscriptions/{id}?refund=full|partial` ends the subscription and refunds its last invoice in one
step; the answer is the subscription, so the refund is read from the credit invoice that came with it. It
carries no note of billctl's: it is the only one since then whose `origin` is a termination (OpenAPI,
`OriginEnum`). How Recurly counts the time that is left, by the day or the second, is not published.
"""

from datetime import timedelta
from typing import Any

from billctl.errors import BillctlError, OutcomeUnknown, Refused
from billctl.frozen import replace
from billctl.gateway import Payback, Stamp, Termination
from billctl.gateways.recurly import ending, mapping, traces
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.ids import checked
from billctl.gateways.recurly.queries import newest_first
from billctl.gateways.recurly.refunding import credited_instead
from billctl.gateways.recurly.stamps import operation_key
from billctl.gateways.recurly.standing import Standing, standing
from billctl.gateways.recurly.values import instant, listed, needed, text
from billctl.models import Refund, Subscription, given_back
from billctl.money import Money

WORDS = {Payback.NONE: "none", Payback.PRORATE: "partial", Payback.FULL: "full"}
SKEW = timedelta(minutes=10)
"""How far two clocks may be apart."""
OTHERWISE = "End it without a refund (--refund none), then refund the payment or lines of it."


def price(client: Client, subscription: Subscription, payback: Payback) -> Money:
    """The most that a termination gives back: what of the last paid invoice can still go back as money.

    Zero where nothing was paid. Raises `Refused` where it is not known what a termination gives back.
    """
    account = client.account.name
    invoice = None if payback is Payback.NONE else _last_invoice(client, subscription.id)
    if invoice is None:
        return _nothing(subscription)
    with reading_answer(account, change=False):
        credits = traces.credit_invoices(client, needed(invoice, "id"))
        stands = standing(invoice, credits, account)
        if not stands.payers or not stands.refundable:
            return Money.zero(needed(invoice, "currency"))
        _refuse_payers(stands, listed(invoice, "subscription_ids"))
        return min(stands.payers[0].left, stands.refundable)


def terminate(client: Client, subscription: Subscription, payback: Payback, *, stamp: Stamp) -> Termination:
    """End it now and give back what `payback` says. What fails after it ended leaves it unknown."""
    params = ending.AT_ONCE | {"refund": WORDS[payback]}
    try:
        ended = ending.terminate(client, subscription, params, stamp=stamp)
    except Refused as refusal:
        return _despite(client, subscription, stamp, refusal)
    try:
        return _with_refund(client, ended, payback, stamp)
    except OutcomeUnknown:
        raise
    except BillctlError as error:
        raise OutcomeUnknown(
            f"subscription {ended.id} has ended, and what was given back could not be read: {error.message}",
            code=error.code,
            account=client.account.name,
        ) from error


def find(client: Client, subscription: Subscription, payback: Payback, *, stamp: Stamp) -> Termination | None:
    """The ended subscription with its refund; None where it has not ended. Raises as `_with_refund` does."""
    ended = ending.has_ended(client, subscription)
    return _with_refund(client, ended, payback, stamp) if ended else None


def _despite(client: Client, subscription: Subscription, stamp: Stamp, refusal: Refused) -> Termination:
    """The end that there is although it was refused: the same operation's of another host, or one of which
    the refund alone was declined (whether Recurly ends the subscription then is not verified).

    Raises the refusal where there is no refund of it.
    """
    with ending.looking_into(refusal):
        ended = ending.has_ended(client, subscription)
        refund = _refund_of(client, ended, stamp) if ended else None
    if ended and refund:
        return Termination(subscription=ended, refund=refund)
    if ended:
        refusal.sent = f"{ending.HAS_ENDED} No refund came with it so far."
    raise refusal


def _with_refund(client: Client, ended: Subscription, payback: Payback, stamp: Stamp) -> Termination:
    """A subscription that has ended, with the refund that came with it.

    Raises `OutcomeUnknown` (`refund_missing`) where there was something to give back and none came: it may be
    late, the time left may have been worth nothing, or somebody else ended the subscription.
    """
    refund = _refund_of(client, ended, stamp)
    if refund is None and price(client, ended, payback):
        raise OutcomeUnknown(
            f"subscription {ended.id} has ended, and no refund came with it so far",
            code="refund_missing",
            hint=f"Run `billctl audit reconcile`; or look at it (`billctl recurly show {ended.id}`), refund "
            "what is owed on its own, and say so: `billctl audit resolve`.",
            account=client.account.name,
        )
    return Termination(subscription=ended, refund=refund)


def _last_invoice(client: Client, subscription_id: str) -> Any | None:
    """The newest charge invoice of a subscription, but for one that its end made for what was used."""
    params = newest_first(2) | {"type": "charge"}
    checked(subscription_id, "subscription")
    invoices = client.every(lambda sdk: sdk.list_subscription_invoices(subscription_id, params=params))
    return next((found for found in invoices if text(found, "origin") != "termination"), None)


def _nothing(subscription: Subscription) -> Money:
    if subscription.amount is None:
        raise Refused(f"subscription {subscription.id} has neither an invoice nor a price", code="no_invoice")
    return Money.zero(subscription.amount.currency)


def _refuse_payers(stands: Standing, subscriptions: list[Any]) -> None:
    if len(subscriptions) > 1:
        raise Refused(
            f"its last invoice {stands.number} bills other subscriptions too: what of it a termination gives "
            "back is not known",
            code="shared_invoice",
            hint=OTHERWISE,
        )
    if len(stands.payers) > 1:
        raise Refused(
            f"its last invoice {stands.number} was paid by several payments, and Recurly chooses among them",
            code="several_payments",
            hint="End it without a refund (--refund none), and refund it in Recurly's app.",
        )
    if stands.payers[0].by_hand:
        raise Refused(
            f"its last invoice {stands.number} was paid by hand: Recurly gives no money of it back",
            code="manual_payment",
            hint="End it without a refund (--refund none), and pay back the way it came.",
        )


def _refund_of(client: Client, ended: Subscription, stamp: Stamp) -> Refund | None:
    """What was given back with the termination; None where no credit invoice came with it."""
    account = client.account.name
    params = newest_first(since=stamp.asked - SKEW) | {"type": "credit"}
    found = list(client.every(lambda sdk: sdk.list_subscription_invoices(ended.id, params=params)))
    with reading_answer(account, change=False):
        credit = _own(found, stamp, ended, account)
        return _money_of(client, credit) if credit is not None else None


def _own(found: list[Any], stamp: Stamp, ended: Subscription, account: str) -> Any | None:
    """The termination's credit invoice among a subscription's: new, without another operation's note."""
    new = [
        credit
        for credit in found
        if instant(credit.created_at) >= stamp.asked - SKEW
        and operation_key(text(credit, "customer_notes")) is None
    ]
    own = [credit for credit in new if text(credit, "origin") == "termination"]
    if len(own) > 1 or (new and not own):
        numbers = ", ".join(needed(credit, "number") for credit in own or new)
        raise OutcomeUnknown(
            f"subscription {ended.id} has ended, and whether a refund came with it is not certain: there is "
            f"credit invoice {numbers}",
            code="uncertain_refund",
            hint=f"Look at it: `billctl recurly show {needed(new[0], 'id')}`; then `billctl audit resolve`.",
            account=account,
        )
    return own[0] if own else None


def _money_of(client: Client, credit: Any) -> Refund:
    """The money that a credit invoice gave back, in one refund; of the last payment where several gave it.

    Raises `OutcomeUnknown` (`credited_instead`) where it gave none, and voided no payment either."""
    account = client.account.name
    made = [mapping.refund(found, account) for found in traces.refund_transactions(credit)]
    if not made:
        if voided := traces.voided_for(client, credit):
            return voided
        raise credited_instead(credit, account)
    chosen = traces.best(made)
    together = given_back((found for found in made if found.status is chosen.status), chosen.amount.currency)
    return replace(chosen, amount=together) if together else chosen
