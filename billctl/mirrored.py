"""One refund that two gateways show: a store's own, and that of the gateway which the store asked for it.

Where a profile has accounts at both, the same money is listed twice, and at the second gateway no record of
this log explains it.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from billctl.behind import settled_behind
from billctl.errors import BillctlError
from billctl.gateway import Behind, Gateway
from billctl.models import Record, Refund
from billctl.session import Session
from billctl.store.interface import RecordFilter

APART = timedelta(minutes=10)
"""How far the two may be apart in time: the store waits for the gateway, and clocks differ."""


def mirrored(session: Session, refunds: Iterable[Record], *, since: datetime) -> frozenset[str]:
    """The references, among `refunds`, of those that only mirror another one, or one that was settled by a
    look at the gateway behind a store (`billctl.behind`) since then (aware UTC).

    Each refund of a store mirrors one at most. Asks stores about the orders of their refunds; an order that
    cannot be read mirrors nothing.
    """
    listed = [one for one in refunds if isinstance(one, Refund)]
    found = set(settled_behind(session.store, RecordFilter(since=since - APART)))
    known: dict[tuple[str, str], Behind | None] = {}
    for refund in listed:
        if where := _behind(session, refund, known):
            partner = _partner(refund, where, [one for one in listed if one.ref not in found])
            if partner is not None:
                found.add(partner.ref)
    return frozenset(found)


def _behind(session: Session, refund: Refund, known: dict[tuple[str, str], Behind | None]) -> Behind | None:
    """Where the money of a store's refund is; asked for once an order."""
    gateway = session.gateway(refund.account)
    if type(gateway).behind is Gateway.behind:
        return None
    order = refund.account, refund.charge_id
    if order not in known:
        known[order] = None
        with suppress(BillctlError):
            known[order] = gateway.behind(gateway.get_charge(refund.charge_id))
    return known[order]


def _partner(refund: Refund, where: Behind, others: Iterable[Refund]) -> Refund | None:
    """The refund at the gateway behind that is of the same charge and amount, nearest in time."""
    same = [
        one
        for one in others
        if (one.gateway, one.charge_id, one.amount) == (where.gateway, where.charge_id, refund.amount)
        and one.operation_key is None
        and abs(one.created - refund.created) <= APART
    ]
    return min(same, key=lambda one: abs(one.created - refund.created), default=None)
