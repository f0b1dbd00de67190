"""What one operator did within a day, read from the audit log: the measure of the limits per day.

Counted are intents whose operation is done, open or unknown, in this log, under any profile of the same
mode. A cancellation counts with the most that it may have given back. The operator is the operating system's
user, never the name he gives himself.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from billctl.audit.actor import Actor
from billctl.audit.entry import Entry, read
from billctl.frozen import field, frozen
from billctl.money import Money
from billctl.profiles.policy import GIVING_BACK
from billctl.store.interface import Recent, StoredRecord

DAY = timedelta(hours=24)


@frozen
class Day:
    """An operator's last 24 hours: refunded minor units by currency, and how often each action."""

    refunded: Mapping[str, int] = field(default_factory=dict)
    actions: Mapping[str, int] = field(default_factory=dict)

    def plus(self, action: str, amount: Money | None, times: int = 1) -> "Day":
        """The day after `times` more of `action`, which move `amount` together."""
        actions = {**self.actions, action: self.actions.get(action, 0) + times}
        refunded = dict(self.refunded)
        if action in GIVING_BACK and amount:
            refunded[amount.currency] = refunded.get(amount.currency, 0) + amount.minor
        return Day(refunded=refunded, actions=actions)


def day_of(recent: Recent, *, actor: Actor, mode: str, now: datetime) -> Day:
    """The day of `actor` that ends `now` (aware UTC), under profiles of `mode`."""
    day = Day()
    for record in recent(now - DAY):
        day = _with(day, record, actor, mode)
    return day


class RunningDay:
    """The same for one run of many actions, which does not read the whole day for each of them.

    The day is read once, afterwards only what was added since. Nothing is ever taken off it: neither what is
    older than a day by now nor what came to nothing, so it says too much rather than too little, and whoever
    would refuse something for it asks for `anew` first. Not for several threads at once; a guard runs
    within the store's transaction, which is one thread's.
    """

    def __init__(self, *, actor: Actor, mode: str) -> None:
        self._actor = actor
        self._mode = mode
        self._day = Day()
        self._last: StoredRecord | None = None
        self._records = 0
        self._refrained = 0

    def day(self, recent: Recent, now: datetime) -> Day:
        """The day up to now, or somewhat more."""
        found = self._since_last(recent, now)
        if found is None:
            return self._read(recent, now)
        self._add(found)
        return self._day

    def anew(self, recent: Recent, now: datetime) -> Day:
        """The day up to now, counted from its beginning where that is not just behind.

        After a count of n records the next comes after n / `PATIENCE` more questions, so that a run whose
        rows are all refused does not read the day for each.
        """
        self._refrained += 1
        return self._read(recent, now) if self._refrained * PATIENCE > self._records else self._day

    def _read(self, recent: Recent, now: datetime) -> Day:
        self._day, self._last, self._records, self._refrained = Day(), None, 0, 0
        self._add(list(recent(now - DAY)))
        return self._day

    def _since_last(self, recent: Recent, now: datetime) -> list[StoredRecord] | None:
        """The intents since the last that is known, newest first; None where that is not in the log."""
        last = self._last
        if last is None:
            return None
        found = []
        for record in recent(now - DAY):
            if record.seq == last.seq and record.hash != last.hash:
                return None  # the transaction that this was seen in did not hold
            if record.seq <= last.seq:
                break
            found.append(record)
        return found

    def _add(self, records: list[StoredRecord]) -> None:
        for record in records:
            self._day = _with(self._day, record, self._actor, self._mode)
        self._records += len(records)
        self._last = records[0] if records else self._last


PATIENCE = 100
"""Records that may be read again for each question."""


def _with(day: Day, record: StoredRecord, actor: Actor, mode: str) -> Day:
    entry = read(record)
    if entry.fields.get("mode") != mode or not _is_by(entry, actor):
        return day
    return day.plus(str(entry.action), entry.amount)


def _is_by(entry: Entry, actor: Actor) -> bool:
    recorded: Mapping[str, Any] = entry.fields.get("actor") or {}
    if actor.uid is None:
        return bool(recorded.get("login") == actor.login)
    return bool(recorded.get("uid") == actor.uid)
