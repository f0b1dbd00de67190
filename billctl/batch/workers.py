"""The threads that do the rows: for each account one that feeds and some that work, so that a slow account
holds up no other.

They begin rows only while the gate is open to them, and end by themselves once it is shut. They are daemons:
a row that hangs keeps no program alive that was told twice to end.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from billctl.batch.model import PlannedRow, RowState, Stop
from billctl.batch.one_row import RowWork, Tried
from billctl.batch.plan_file import PlanFile
from billctl.errors import AuthFailed, BillctlError, ConfigError, InternalError, NetworkError, StoreError

IN_A_ROW = 5
"""So many rows of one account that fail alike by the network end its part of the run."""
AHEAD = 2
"""Rows that wait for each worker."""
PATIENCE = 0.2
"""Seconds after which a waiting thread looks whether the run goes on."""
POSTPONED = 5
"""How often a row is put off that the gateway turns away, or whose earlier request may be on its way."""


class Gate:
    """How many more rows may begin; shared by all threads of a run.

    `rows` may begin before it is opened (None: it is open); the failure after `max_failures` shuts it.
    """

    def __init__(self, rows: int | None, *, max_failures: int) -> None:
        self.why: Stop | None = None
        """Why it was shut."""
        self._left = rows
        self._failures_left = max_failures
        self._begun = 0
        self._shut = False
        self._changed = threading.Condition()

    def enter(self) -> bool:
        """Wait until a row may begin; False once none may any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._shut or self._left is None or self._left > 0)
            if self._shut:
                return False
            self._begun += 1
            if self._left is not None:
                self._left -= 1
            return True

    def leave(self, *, unused: bool = False) -> None:
        """A row that entered is through; `unused`: it was put off and does not count."""
        with self._changed:
            self._begun -= 1
            if unused and self._left is not None:
                self._left += 1
            self._changed.notify_all()

    def count_failure(self) -> None:
        """A row failed."""
        with self._changed:
            self._failures_left -= 1
            if self._failures_left < 0:
                self.shut(Stop.MAX_FAILURES)

    def open(self) -> None:
        """Let all rows begin."""
        with self._changed:
            self._left = None
            self._changed.notify_all()

    def shut(self, why: Stop) -> None:
        """Let no row begin any more; the first reason is the one."""
        with self._changed:
            self.why = self.why or why
            self._shut = True
            self._changed.notify_all()

    @property
    def is_shut(self) -> bool:
        """Whether no row may begin any more."""
        return self._shut

    @property
    def is_used_up(self) -> bool:
        """Whether all rows that might begin are through, and more wait for `open`."""
        with self._changed:
            return self._left == 0 and self._begun == 0 and not self._shut


class Ended(NamedTuple):
    """A thread of an account is at its end."""

    account: str


Told = Tried | Ended
"""What the threads tell the run."""


class Crew:
    """The threads of one account. Everything they find goes to `tell`, in the order in which it happens."""

    def __init__(
        self,
        account: str,
        *,
        plan: PlanFile,
        work: RowWork,
        gate: Gate,
        tell: Callable[[Told], None],
        workers: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = account
        self.threads = workers + 1
        self.error: BillctlError | None = None
        """Why the account can do no more, where it ended before its last row."""
        self._plan = plan
        self._work = work
        self._gate = gate
        self._tell = tell
        self._monotonic = monotonic
        self._halted = threading.Event()
        self._waiting: queue.Queue[PlannedRow | None] = queue.Queue(maxsize=workers * AHEAD)
        self._lock = threading.Lock()
        self._network: list[str] = []
        self._later: list[tuple[float, PlannedRow]] = []
        self._times_postponed: dict[int, int] = {}

    def start(self) -> None:
        """Begin."""
        for target in (self._feed, *([self._do_rows] * (self.threads - 1))):
            threading.Thread(target=self._guarded, args=(target,), daemon=True).start()

    def halt(self) -> None:
        """Begin no more rows of this account."""
        self._halted.set()

    @property
    def _over(self) -> bool:
        return self._halted.is_set() or self._gate.is_shut

    def _guarded(self, target: Callable[[], None]) -> None:
        error: BillctlError | None = None
        try:
            target()
        except BillctlError as failure:
            error = failure
        except BaseException as failure:  # noqa: BLE001  # told to the main thread, which waits for it
            error = InternalError(f"unexpected {type(failure).__name__} beside the rows of {self.account}")
        if error:
            self._stop(error)
        self._tell(Ended(self.account))

    # Feeding

    def _feed(self) -> None:
        try:
            for row in self._plan.rows(self.account):
                if row.state is RowState.READY and not self._put(row):
                    return
        finally:
            for _ in range(self.threads - 1):
                self._put(None)

    def _put(self, row: PlannedRow | None) -> bool:
        while not self._over:
            try:
                self._waiting.put(row, timeout=PATIENCE)
            except queue.Full:
                continue
            return True
        return False

    # Working

    def _do_rows(self) -> None:
        while (row := self._next()) is not None:
            known = self._work.done_before(row)
            if known:
                self._tell(Tried(result=known, known=True))
            elif self._may_begin():
                self._do(row)

    def _may_begin(self) -> bool:
        """Wait while the gateway wants no requests, then until a row may begin; False where none may."""
        while not self._over and (seconds := self._work.held(self.account)) > 0:
            self._halted.wait(min(seconds, PATIENCE))
        if self._over or not self._gate.enter():
            return False
        if self._halted.is_set():
            self._gate.leave(unused=True)
            return False
        return True

    def _next(self) -> PlannedRow | None:
        while not self._over:
            try:
                row = self._waiting.get(timeout=PATIENCE)
            except queue.Empty:
                continue
            return row if row is not None else self._next_later()
        return None

    def _next_later(self) -> PlannedRow | None:
        """The next of the rows that were put off, in its time; None where there is none."""
        with self._lock:
            if not self._later:
                return None
            due, row = self._later.pop(0)
        self._waiting.put(None)  # this worker asks again afterwards
        while not self._over and (left := due - self._monotonic()) > 0:
            self._halted.wait(min(left, PATIENCE))
        return None if self._over else row

    def _do(self, row: PlannedRow) -> None:
        tried = self._work.do(row)
        postponed = bool(tried.wait) and self._postpone(row, tried.wait)
        if not postponed:
            if tried.result.failed:
                self._gate.count_failure()
            self._judge(tried.error)
            self._tell(tried)
        self._gate.leave(unused=postponed)

    def _postpone(self, row: PlannedRow, seconds: float) -> bool:
        with self._lock:
            times = self._times_postponed.get(row.n, 0)
            if times == POSTPONED:
                return False
            self._times_postponed[row.n] = times + 1
            self._later.append((self._monotonic() + seconds, row))
            return True

    def _judge(self, error: BillctlError | None) -> None:
        """End what cannot go on: the whole run without a log, this account without its gateway."""
        if isinstance(error, StoreError):
            self._gate.shut(Stop.ACCOUNT)
        with self._lock:
            if not isinstance(error, NetworkError):
                self._network.clear()
            else:
                self._network = [code for code in self._network if code == error.code] + [error.code]
            silent = len(self._network) >= IN_A_ROW
        if error and (silent or isinstance(error, AuthFailed | ConfigError | StoreError)):
            self._stop(error)

    def _stop(self, error: BillctlError) -> None:
        self.error = self.error or error
        self.halt()
