"""Counting a run as it goes: rows by outcome, what was moved, how far each account is and how fast."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from itertools import takewhile

from billctl.batch.model import AccountProgress, Progress, RowResult
from billctl.batch.scan import moneys
from billctl.money import Money

WINDOW = 5.0
"""Seconds over which a rate is told."""
LOOK_BACK = 30.0
"""Seconds from whose rows the time left is told: some gateways answer in clumps."""
MOVED = frozenset({"succeeded", "pending"})


class _Account:
    """One account's part. `rows` are those that there are to do."""

    def __init__(self, name: str, rows: int) -> None:
        self.name = name
        self.rows = rows
        self.done = 0
        self.failed = 0
        self.unknown = 0
        self.ends: deque[float] = deque()

    def rate(self, now: float, begun: float, *, window: float = WINDOW) -> float:
        """Rows a second over the last `window` seconds, at most `LOOK_BACK`, or since `begun`."""
        while self.ends and self.ends[0] < now - LOOK_BACK:
            self.ends.popleft()
        ended = sum(1 for _ in takewhile(lambda end: end >= now - window, reversed(self.ends)))
        return ended / max(min(window, now - begun), 0.2)


class Tally:
    """The counts of one run. `ready` are its rows by account; `monotonic` gives seconds."""

    def __init__(self, ready: Mapping[str, int], *, monotonic: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        self.tried = 0
        """The rows that this run did something about."""
        self.unknown = 0
        """Those of them of which nobody knows what became."""
        self._moved: Counter[str] = Counter()
        self._accounts = {name: _Account(name, rows) for name, rows in ready.items()}
        self._monotonic = monotonic
        self._begun = monotonic()

    def pass_by(self, result: RowResult) -> None:
        """Take a row that this run had nothing to do with."""
        self.counts[result.outcome] += 1

    def add(self, result: RowResult, *, known: bool = False) -> None:
        """Take a row that this run was for; `known`: it was done before."""
        self.counts[result.outcome] += 1
        account = self._accounts[result.row.account]
        account.done += 1
        if known:
            return
        self.tried += 1
        if result.outcome in MOVED and result.row.amount:
            self._moved[result.row.amount.currency] += result.row.amount.minor
        account.unknown += result.outcome == "unknown"
        account.failed += result.failed and result.outcome != "unknown"
        account.ends.append(self._monotonic())

    @property
    def left(self) -> int:
        """The rows that did not come by yet."""
        return sum(account.rows - account.done for account in self._accounts.values())

    @property
    def moved(self) -> tuple[Money, ...]:
        """What was moved, one sum a currency."""
        return moneys(self._moved)

    def progress(self, *, stopping: bool) -> Progress:
        """How far the run is."""
        now = self._monotonic()
        accounts = tuple(
            AccountProgress(
                name=account.name,
                rows=account.rows,
                done=account.done,
                failed=account.failed,
                unknown=account.unknown,
                rate=account.rate(now, self._begun),
            )
            for account in self._accounts.values()
        )
        return Progress(accounts=accounts, left=self._seconds_left(now), stopping=stopping)

    def _seconds_left(self, now: float) -> float | None:
        """Seconds until the slowest account is through; None while one stands still."""
        waiting = [account for account in self._accounts.values() if account.done < account.rows]
        rates = [account.rate(now, self._begun, window=LOOK_BACK) for account in waiting]
        if not all(rates):
            return None
        left = ((each.rows - each.done) / rate for each, rate in zip(waiting, rates, strict=True))
        return max(left, default=0.0)
