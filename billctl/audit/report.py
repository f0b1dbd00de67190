"""What was done in a time, counted: operations and denied attempts, with totals per currency.

An operation counts where it was asked for: its operator, its month (UTC) and its time are those of its
intent. What it came to is what its last record says, also one that was written after the time reported:
a refund that failed later did not succeed. Amounts are what was asked for, or less where that was given back.
Two currencies are never added, nor is test mode to live.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from billctl.errors import StoreError
from billctl.frozen import frozen, frozen_value
from billctl.money import Money
from billctl.store.interface import RecordFilter, Store, StoredRecord
from billctl.store.schema import instant

MOST_FINDINGS = 1000
"""Findings listed; more are counted."""

NO_WORD = ""
"""The group of what has no word for it, as a refund without a reason code."""

Fields = Mapping[str, Any]

_Key = tuple[str, str, str, str, str, str]
"""What is counted together: by, group, mode, action, outcome, currency (empty where there is no amount)."""


def _operator(asked: Fields) -> str:
    actor = asked.get("actor") or {}
    return str(actor.get("claimed") or actor.get("login") or NO_WORD)


def _word(name: str) -> Callable[[Fields], str]:
    return lambda asked: str(asked.get(name) or NO_WORD)


GROUPS: Mapping[str, Callable[[Fields], str]] = {
    "operator": _operator,
    "reason": _word("reason_code"),
    "gateway": _word("gateway"),
    "month": lambda asked: str(asked["time"])[:7],
    "action": _word("action"),
}
"""What can be grouped by, and the group of a record. `reason` is the reason code: the text is no group."""


@frozen
class Total:
    """How often in one group and mode (`live` or `test`), and for how much where amounts are known."""

    by: str
    group: str
    mode: str
    action: str
    outcome: str
    count: int
    amount: Money | None


@frozen
class Finding:
    """An operation to look at.

    `finding` is `open` (no outcome recorded), `unknown` or `failed_later` (accepted, and failed at the
    gateway afterwards); `time` when it was asked for.
    """

    finding: str
    operation: str
    time: datetime
    operator: str
    mode: str
    action: str
    ref: str
    amount: Money | None


@frozen
class Report:
    """The totals in the order of `by`, groups and actions; the newest findings, and how many of each kind."""

    totals: tuple[Total, ...]
    findings: tuple[Finding, ...]
    found: Mapping[str, int]


@frozen_value
class _Done:
    """An operation or a denied attempt: the record that asked for it, and the last one about it."""

    asked: Fields
    last: Fields

    @property
    def outcome(self) -> str:
        return str(self.last.get("outcome") or "open")

    @property
    def failed_later(self) -> bool:
        return self.last["phase"] == "followup" and self.outcome == "failed"

    @property
    def finding(self) -> str | None:
        if self.failed_later:
            return "failed_later"
        return self.outcome if self.outcome in {"open", "unknown"} else None


def report(
    store: Store, *, by: tuple[str, ...] = tuple(GROUPS), since: datetime | None, until: datetime | None
) -> Report:
    """What was asked for from `since` (inclusive) until `until` (aware UTC), by these groups.

    A refund that failed later is found in the time that it failed as well as in that it was asked for.
    Streamed: memory does not grow with the log. Raises `StoreError` for a record that cannot be read.
    """
    counts: Counter[_Key] = Counter()
    sums: Counter[_Key] = Counter()
    findings: list[Finding] = []
    found: Counter[str] = Counter()
    for done in _done(store, since):
        if _within(done.asked, since, until):
            _count(done, by, counts, sums)
        elif not (done.failed_later and _within(done.last, since, until)):
            continue
        if done.finding:
            found[done.finding] += 1
            findings += [_finding(done, done.finding)] if len(findings) < MOST_FINDINGS else []
    return Report(totals=_totals(by, counts, sums), findings=tuple(findings), found=dict(found))


def _done(store: Store, since: datetime | None) -> Iterator[_Done]:
    """Operations and denied attempts, by their last record, newest first."""
    first = next(store.records(RecordFilter(since=since), limit=1), None)
    if first is None:
        return
    for record in store.latest(RecordFilter(first=first.seq)):
        last = _fields(record)
        if last["phase"] in {"intent", "outcome", "followup"}:
            yield _Done(asked=last if last["phase"] == "intent" else _intent(store, last), last=last)
        elif last["phase"] == "denied":
            yield _Done(asked=last, last=last)


def _intent(store: Store, last: Fields) -> Fields:
    operation = store.get_operation(last["operation"])
    record = store.record(operation.intent) if operation else None
    if record is None:
        raise StoreError(
            f"record {last['seq']} is of an operation that the audit log does not know",
            code="chain_broken",
            hint="Keep the file as it is and run `billctl audit verify`.",
        )
    return _fields(record)


def _fields(record: StoredRecord) -> Fields:
    """A record without its private part: nothing personal is counted."""
    fields: Fields = json.loads(record.body)
    return fields


def _within(fields: Fields, since: datetime | None, until: datetime | None) -> bool:
    time = str(fields["time"])
    return (since is None or time >= instant(since)) and (until is None or time < instant(until))


def _count(done: _Done, by: tuple[str, ...], counts: Counter[_Key], sums: Counter[_Key]) -> None:
    amount = done.last.get("amount") or {}
    asked = done.asked
    what = (str(asked.get("mode")), str(asked.get("action")), done.outcome, amount.get("currency") or "")
    for name in by:
        key = (name, GROUPS[name](asked), *what)
        counts[key] += 1
        sums[key] += amount.get("minor", 0)


def _totals(by: tuple[str, ...], counts: Counter[_Key], sums: Counter[_Key]) -> tuple[Total, ...]:
    order = {name: place for place, name in enumerate(by)}
    return tuple(
        Total(
            by=key[0],
            group=key[1],
            mode=key[2],
            action=key[3],
            outcome=key[4],
            count=count,
            amount=Money(sums[key], key[5]) if key[5] else None,
        )
        for key, count in sorted(counts.items(), key=lambda item: (order[item[0][0]], item[0]))
    )


def _finding(done: _Done, finding: str) -> Finding:
    asked = done.asked
    amount = done.last.get("amount")
    return Finding(
        finding=finding,
        operation=asked["operation"],
        time=datetime.fromisoformat(asked["time"]),
        operator=_operator(asked),
        mode=str(asked.get("mode")),
        action=str(asked.get("action")),
        ref=f"{asked.get('account')}:{asked.get('object_id')}",
        amount=Money(amount["minor"], amount["currency"]) if amount else None,
    )
