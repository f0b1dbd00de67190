"""A whole plan as one thing: what the policies say of it, and what a second person approves.

All that an approval is bound to is read from the plan, so it is the same whenever the plan is applied.
"""

import heapq
from collections import Counter
from collections.abc import Mapping
from itertools import chain, zip_longest
from typing import Any

from billctl.audit.log import Subject
from billctl.batch.model import Header, PlannedAccount, PlannedRow, RowState
from billctl.batch.plan_file import PlanFile
from billctl.frozen import field, frozen
from billctl.gateway import When
from billctl.money import Money

ACCOUNT = "batch"
"""What stands for the account and the gateway in a record about a whole plan; no profile's account."""

CANCELS = {When.NOW: "ends now", When.PERIOD_END: "ends with its period"}
LARGEST = 20
"""The rows that an approver is shown."""
REASONS = 5
"""The reasons, of rows that have one of their own."""
OTHER_REASONS = "other reasons, one for each row"
LONGEST_REASON = 200
"""Characters of one that are shown."""


@frozen
class Whole:
    """A plan as the rules and an approval look at it; see `approvals.settle.Matter`, `policy.rules.Intended`.

    `amount` is its total where there is one currency.
    """

    key: str
    facts: tuple[tuple[str, str], ...]
    amount: Money | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    record: None = None
    charge: None = None


def subject_of(header: Header) -> Subject:
    """What records about a whole plan say that it is about."""
    ids = {account.account_id for account in header.accounts}
    return Subject(
        action=f"batch {header.verb}",
        gateway=ACCOUNT,
        account=ACCOUNT,
        account_id=ids.pop() if len(ids) == 1 else None,
        live=header.live,
        object_type="batch",
        object_id=header.id,
        object=f"{ACCOUNT}|{header.id}",
        params={"verb": header.verb, "rows": str(header.ready)},
        amount=_one(header.totals),
        reason=header.reason or "each row has its own",
        again=1,
    )


def whole(plan: PlanFile) -> Whole:
    """The plan as one thing; reads all of its rows."""
    header = plan.header
    reasons: Counter[str] = Counter()
    choices: Counter[str] = Counter()
    largest = _Largest()
    for row in plan.rows():
        if row.state is not RowState.READY:
            continue
        reasons[row.reason if row.reason in reasons or len(reasons) < REASONS else OTHER_REASONS] += 1
        if choice := _choice(row):
            choices[choice] += 1
        largest.add(row)
    facts = [
        (f"batch {header.verb}", f"{_rows(header.ready)}, {_sum(header.totals)}"),
        ("plan", f"sha256 {plan.hash}"),
        *((f"account {account.name}", _account(account)) for account in header.accounts if account.rows),
        *((choice, _rows(count)) for choice, count in choices.items()),
        *(
            (f"reason {number}", f"{_rows(count)}: {reason[:LONGEST_REASON]}")
            for number, (reason, count) in enumerate(reasons.items(), 1)
        ),
        *((f"row {row.n}", _row(row)) for row in largest.rows()),
    ]
    return Whole(key=plan.hash, facts=tuple(facts), amount=_one(header.totals))


class _Largest:
    """The rows that move most, of each currency in turn: minor units of two are not compared."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, int, PlannedRow]]] = {}

    def add(self, row: PlannedRow) -> None:
        amount = row.amount
        heap = self._heaps.setdefault(amount.currency if amount else "", [])
        heapq.heappush(heap, (amount.minor if amount else 0, -row.n, row))
        if len(heap) > LARGEST:
            heapq.heappop(heap)

    def rows(self) -> list[PlannedRow]:
        sorted_heaps = [sorted(heap, reverse=True) for _, heap in sorted(self._heaps.items())]
        in_turn = chain.from_iterable(zip_longest(*sorted_heaps))
        return [entry[2] for entry in in_turn if entry is not None][:LARGEST]


def _choice(row: PlannedRow) -> str:
    """What was chosen for a row that its object does not tell."""
    if when := row.params.get("when"):
        return CANCELS[When(when)]
    return "to another address" if "to" in row.params else ""


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _one(totals: tuple[Money, ...]) -> Money | None:
    return totals[0] if len(totals) == 1 else None


def _sum(totals: tuple[Money, ...]) -> str:
    return ", ".join(map(str, totals)) or "no money is moved"


def _account(account: PlannedAccount) -> str:
    mode = "LIVE" if account.live else "test"
    who = account.account_id or "account not told"
    return f"{account.gateway} {who}, {mode}: {_rows(account.rows)}, {_sum(account.totals)}"


def _row(row: PlannedRow) -> str:
    to, when = row.params.get("to"), row.params.get("when")
    parts = (
        row.ref,
        str(row.amount) if row.amount else "",
        CANCELS[When(when)] if when else "",
        f"to {to}" if to else "",
        row.customer or "no customer",
        row.ticket or "",
    )
    return ", ".join(part for part in parts if part)
