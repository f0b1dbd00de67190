"""Refunds and cancellations at the gateways that no record explains: made elsewhere, or by somebody else.

An object is explained by an operation of this log on it, under whichever profile: by the gateway's id that
its record holds, by the key that it carries, or, of a cancellation, by when it happened. The end of a
subscription explains the refund that it gave back, too. What carries a key that this log does not know was
made by billctl with another log. A refund that a store asked its payment gateway for is one movement, not
two (`mirrored`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from billctl.audit.entry import Entry, read
from billctl.audit.tail import check_tail
from billctl.errors import BillctlError
from billctl.frozen import field, frozen, replace
from billctl.gateway import Selection
from billctl.listing import Listing, exit_error, list_records
from billctl.mirrored import mirrored
from billctl.models import COUNTED_REFUNDS, Refund, Subscription, SubscriptionStatus
from billctl.money import Money
from billctl.profiles.policy import GIVING_BACK
from billctl.session import Session
from billctl.store.interface import RecordFilter, Store

SKEW = timedelta(minutes=10)
"""How far this machine's clock and a gateway's may differ."""

LONGEST_LIST = 10_000
"""Objects of one kind that are read at most; a list that is longer is told as such."""

ELSEWHERE = "made by billctl with another audit log"
NOBODY = "no record of it here"
MAY_BE = "may be {operation}, which is not settled: run `billctl audit reconcile`"

EXPLAINING = frozenset({"succeeded", "pending", "failed", "unknown"})
"""Outcomes of operations that may have moved something."""


@frozen
class Movement:
    """What no record explains. `kind` is `refund` or `cancellation`, `ref` the object's reference, `of` that
    of the charge or subscription concerned, `stamp` the operation key that it carries, if any."""

    kind: str
    account: str
    ref: str
    of: str
    amount: Money | None
    created: datetime
    stamp: str | None
    note: str


@frozen
class Movements:
    """What was found, oldest first. `error` says that not every account that can list could be asked;
    `failures` name each; `warnings` what no gateway lists."""

    found: tuple[Movement, ...]
    error: BillctlError | None = None
    failures: tuple[BillctlError, ...] = ()
    warnings: tuple[str, ...] = ()


@frozen
class _Known:
    """An operation of the log on one object: what it was, and what it came to."""

    operation: str
    action: str
    key: str
    account_id: str | None
    amount: Money | None
    begun: datetime
    outcome: str
    results: tuple[str, ...] = field(default_factory=tuple)


def find_movements(session: Session, *, since: datetime, accounts: Sequence[str]) -> Movements:
    """The refunds made and the subscriptions canceled since then (aware UTC) that no record explains.

    All accounts are asked, each kind under the profile's deadline. Raises `StoreError` for a broken log.
    """
    check_tail(session.store)
    refunds = list_records(session, "refunds", Selection(since=since, limit=LONGEST_LIST), accounts)
    subscriptions = list_records(session, "subscriptions", Selection(limit=LONGEST_LIST), accounts)
    ids = {opened.account.name: opened.identity.id for opened in session.opened()}
    once = _without(refunds, mirrored(session, refunds.records, since=since))
    found = [
        *_refunds(session.store, once, ids, _ends(session.store, since - SKEW)),
        *_cancellations(session.store, subscriptions, ids, since),
    ]
    listings = (refunds, subscriptions)
    return Movements(
        found=tuple(sorted(found, key=lambda movement: movement.created)),
        error=next((error for error in map(_error, listings) if error), None),
        failures=tuple(error for listing in listings for error in listing.errors),
        warnings=tuple(warning for listing in listings for warning in _warnings(listing)),
    )


def _without(listing: Listing, refs: Collection[str]) -> Listing:
    return replace(listing, records=tuple(one for one in listing.records if one.ref not in refs))


def _error(listing: Listing) -> BillctlError | None:
    """Why a list is not whole; that no account can make it is a warning, not a failure."""
    return exit_error(listing) if listing.errors else None


def _warnings(listing: Listing) -> Iterator[str]:
    yield from listing.warnings
    if listing.more:
        yield f"there are more than {LONGEST_LIST} {listing.kind}; the older ones were not looked at"


def _ends(store: Store, since: datetime) -> list[Entry]:
    """The records of ends since then that give money back; such a refund names no subscription."""
    entries = (read(record) for record in store.records(RecordFilter(action="cancel", since=since)))
    return [entry for entry in entries if "refund" in (entry.fields.get("params") or {})]


def _refunds(
    store: Store, listing: Listing, ids: dict[str, str | None], ends: Sequence[Entry] = ()
) -> Iterator[Movement]:
    by_word: dict[str, str] = {}
    found = []
    for refund in listing.records:
        if isinstance(refund, Refund):
            account_id = ids.get(refund.account)
            known = [
                *_on(store, refund.charge_id, refund.gateway, account_id),
                *_of(ends, refund.gateway, account_id),
            ]
            found.append((refund, known))
    by_key = {key: refund.id for refund, known in found if (key := _key_of_result(known, refund))}
    for refund, known in found:
        if not _is_explained(known, refund, by_word, by_key):
            yield Movement(
                kind="refund",
                account=refund.account,
                ref=refund.ref,
                of=f"{refund.account}:{refund.charge_id}",
                amount=refund.amount,
                created=refund.created,
                stamp=refund.operation_key,
                note=_note(known, refund),
            )


def _key_of_result(known: Sequence[_Known], refund: Refund) -> str | None:
    """The key of the operation whose result the refund is, where it carries that key."""
    keys = [operation.key for operation in known if refund.id in operation.results]
    return refund.operation_key if refund.operation_key in keys else None


def _is_explained(
    known: Sequence[_Known], refund: Refund, by_word: dict[str, str], by_key: dict[str, str]
) -> bool:
    """Whether one of the operations made the refund; `by_word` has the one refund of each that was settled
    by a person's word, `by_key` the one that each key made: a gateway that honours no key may have made two
    for two hosts."""
    if any(_explains(operation, refund, by_key) for operation in known):
        return True
    words = [operation for operation in known if _may_be(operation, refund)]
    return any(by_word.setdefault(word.operation, refund.id) == refund.id for word in words)


def _explains(operation: _Known, refund: Refund, by_key: dict[str, str]) -> bool:
    if operation.outcome not in EXPLAINING:
        return False
    if operation.action == "void":  # Stripe shows what it releases as a refund of the whole
        return operation.amount == refund.amount
    if operation.action not in GIVING_BACK:
        return False
    if refund.id in operation.results:
        return True
    if operation.key != refund.operation_key:
        return False
    moved = refund.status in COUNTED_REFUNDS
    return not moved or by_key.setdefault(operation.key, refund.id) == refund.id


def _may_be(operation: _Known, refund: Refund) -> bool:
    """Whether the operation was settled by a person's word, no result was ever seen, and it may be this."""
    settled = (operation.action, operation.outcome) == ("refund", "succeeded") and not operation.results
    return settled and operation.amount == refund.amount and refund.created >= operation.begun - SKEW


def _note(known: Sequence[_Known], refund: Refund) -> str:
    if refund.operation_key:
        return _whose(known, refund.operation_key)
    for operation in known:
        if operation.outcome == "unknown" and _may_have_given(operation, refund):
            return MAY_BE.format(operation=operation.operation)
    return NOBODY


def _may_have_given(operation: _Known, refund: Refund) -> bool:
    """Whether the refund is the money of the operation, or of a cancellation a part of it."""
    amount = operation.amount
    if amount is None or operation.action not in GIVING_BACK:
        return False
    part = operation.action == "cancel" and amount.currency == refund.amount.currency
    return amount == refund.amount or (part and amount > refund.amount)


def _whose(known: Sequence[_Known], stamp: str) -> str:
    """Who made what carries this key, and is not explained by it."""
    for operation in known:
        if operation.key == stamp:
            return f"carries the key of {operation.operation}, which is recorded as {operation.outcome}"
    return ELSEWHERE


def _cancellations(
    store: Store, listing: Listing, ids: dict[str, str | None], since: datetime
) -> Iterator[Movement]:
    for subscription in listing.records:
        if not isinstance(subscription, Subscription) or not _is_canceled(subscription, since):
            continue
        assert subscription.canceled_at is not None, "it was just compared"
        known = _on(store, subscription.id, subscription.gateway, ids.get(subscription.account))
        if not any(_ended_it(operation, known, subscription.canceled_at) for operation in known):
            stamp = subscription.operation_key
            yield Movement(
                kind="cancellation",
                account=subscription.account,
                ref=subscription.ref,
                of=subscription.ref,
                amount=None,
                created=subscription.canceled_at,
                stamp=stamp,
                note=_whose(known, stamp) if stamp else NOBODY,
            )


def _is_canceled(subscription: Subscription, since: datetime) -> bool:
    """Whether it was canceled, or set to end with its period, since then."""
    ending = subscription.status is SubscriptionStatus.CANCELED or subscription.cancel_at_period_end
    return ending and subscription.canceled_at is not None and subscription.canceled_at >= since


def _ended_it(operation: _Known, known: Sequence[_Known], canceled: datetime) -> bool:
    """Whether the operation may be the cancellation: it was begun before, came to something, and was not
    taken back before."""
    may = operation.action == "cancel" and operation.outcome in EXPLAINING
    if not may or operation.begun > canceled + SKEW:
        return False
    return not any(
        (other.action, other.outcome) == ("reactivate", "succeeded")
        and operation.begun < other.begun <= canceled - SKEW
        for other in known
    )


def _on(store: Store, object_id: str, gateway: str, account_id: str | None) -> list[_Known]:
    """The log's operations on an object of this gateway and account."""
    return _of(
        [read(record) for record in store.records(RecordFilter(object_id=object_id))], gateway, account_id
    )


def _of(entries: Sequence[Entry], gateway: str, account_id: str | None) -> list[_Known]:
    """The operations that these records are of, at this gateway and account."""
    own = [entry for entry in entries if entry.operation and entry.gateway == gateway]
    own.sort(key=lambda entry: (str(entry.operation), entry.seq))
    known = (_known(list(group)) for _, group in groupby(own, lambda entry: entry.operation))
    return [item for item in known if account_id in {None, item.account_id} or item.account_id is None]


def _known(entries: Sequence[Entry]) -> _Known:
    first, last = entries[0], entries[-1]
    ids = [name for entry in entries for name in _ids(entry.fields.get("result") or {})]
    return _Known(
        operation=str(first.operation),
        action=str(first.action),
        key=str(first.fields.get("key")),
        account_id=first.account_id,
        amount=first.amount,
        begun=first.time,
        outcome=last.outcome or "unknown",
        results=tuple(ids),
    )


def _ids(result: Mapping[str, Any]) -> Iterator[str]:
    """The ids of what an operation made: a refund, a subscription that ended and the refund with it."""
    for found in (result, result.get("refund") or {}):
        if found.get("id"):
            yield str(found["id"])
