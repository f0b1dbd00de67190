"""What one operator did within a day, read from the audit log: the measure of the limits per day.

Counted are intents whose operation is done, open or unknown, in this log, under any profile of the same
mode. The operator is the operating system's user, never the name he gives himself.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from billctl.audit.actor import Actor
from billctl.audit.entry import Entry, read
from billctl.frozen import field, frozen
from billctl.store.interface import Recent

DAY = timedelta(hours=24)


@frozen
class Day:
    """An operator's last 24 hours: refunded minor units by currency, and how often each action."""

    refunded: Mapping[str, int] = field(default_factory=dict)
    actions: Mapping[str, int] = field(default_factory=dict)


def day_of(recent: Recent, *, actor: Actor, mode: str, now: datetime) -> Day:
    """The day of `actor` that ends `now` (aware UTC), under profiles of `mode`."""
    refunded: Counter[str] = Counter()
    actions: Counter[str] = Counter()
    for record in recent(now - DAY):
        entry = read(record)
        if entry.fields.get("mode") != mode or not _is_by(entry, actor):
            continue
        actions[str(entry.action)] += 1
        if entry.action == "refund" and entry.amount:
            refunded[entry.amount.currency] += entry.amount.minor
    return Day(refunded=refunded, actions=actions)


def _is_by(entry: Entry, actor: Actor) -> bool:
    recorded: Mapping[str, Any] = entry.fields.get("actor") or {}
    if actor.uid is None:
        return bool(recorded.get("login") == actor.login)
    return bool(recorded.get("uid") == actor.uid)
