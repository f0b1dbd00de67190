"""The rows of a plan, done: the main thread's part, which counts, tells, writes, and takes the signals."""

import queue
import signal
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from billctl import anchoring
from billctl.audit.tail import check_tail
from billctl.batch.model import RowResult, Stop
from billctl.batch.one_row import RowWork, Tried
from billctl.batch.plan_file import PlanFile
from billctl.batch.report import Report
from billctl.batch.running import ApplyOptions, Watcher
from billctl.batch.tally import Tally
from billctl.batch.workers import Crew, Gate, Told
from billctl.errors import BillctlError, InternalError, Interrupted, PolicyDenied, StoreError, Terminated
from billctl.session import Session
from billctl.signals import FirstSignal
from billctl.text import mask

T = TypeVar("T")

TICK = 0.2
"""Seconds."""
BACKLOG = 1_000
"""Rows that are done and wait to be written."""
LOOK_AFTER = 1_000
"""Rows after which the log's last records are looked at again."""
ANCHOR_AFTER = 60.0
"""Seconds after which it is looked whether the log is to be anchored."""


class Run:
    """One run of the rows of a plan. `ready` are its rows by account; accounts that are not there do nothing.
    A report and a watcher are told of each row."""

    def __init__(
        self,
        session: Session,
        plan: PlanFile,
        work: RowWork,
        ready: Mapping[str, int],
        *,
        options: ApplyOptions,
        canary: int | None,
        watcher: Watcher,
        report: Report | None,
        monotonic: Callable[[], float],
    ) -> None:
        self.tally = Tally(ready, monotonic=monotonic)
        self.stop: Stop | None = None
        """Why rows were not reached, where some were not."""
        self.errors: list[BillctlError] = []
        """Why accounts, or all of it, could not go on."""
        self.failures: list[BillctlError] = []
        """An error for each way in which rows failed."""
        self.warnings: list[str] = []
        self.signal: int | None = None
        """What interrupted the run before its last row."""
        self._session = session
        self._options = options
        self._canary = canary
        self._watcher = watcher
        self._report = report
        self._monotonic = monotonic
        self._gate = Gate(canary, max_failures=options.max_failures)
        self._told: queue.Queue[Told] = queue.Queue(maxsize=BACKLOG)
        self._looked: list[RowResult] = []
        self._unwatched = False
        self._crews = [
            Crew(
                name,
                plan=plan,
                work=work,
                gate=self._gate,
                tell=self._told.put,
                workers=min(options.workers, rows),
                monotonic=monotonic,
            )
            for name, rows in ready.items()
        ]

    def pass_by(self, result: RowResult) -> None:
        """Tell of a row that is not for this run."""
        self.tally.pass_by(result)
        self._tell(result)

    def rows(self, first: FirstSignal) -> None:
        """Do the rows. Raises `Interrupted` at the second signal, with rows on their way."""
        try:
            self._loop(first)
        except BaseException as failure:
            self._gate.shut(Stop.INTERRUPTED)
            if isinstance(failure, KeyboardInterrupt | Terminated):
                raise self._interrupted(failure) from None
            raise
        self.errors += [crew.error for crew in self._crews if crew.error]
        if not self.tally.left:
            self.signal = None
        else:
            self.stop = self._gate.why or Stop.ACCOUNT

    def _loop(self, first: FirstSignal) -> None:
        self._heed(first)
        for crew in self._crews:
            crew.start()
        threads = sum(crew.threads for crew in self._crews)
        ticked = anchored = self._monotonic()
        while threads:
            try:
                told = self._told.get(timeout=TICK)
            except queue.Empty:
                self._look_at_canary(first)
            else:
                if isinstance(told, Tried):
                    self._take(told)
                else:
                    threads -= 1
            self._heed(first)
            now = self._monotonic()
            if now - ticked >= TICK:
                ticked = now
                self._watch(self._watcher.tick, self.tally.progress(stopping=self._gate.is_shut))
            if now - anchored >= ANCHOR_AFTER:
                anchored = now
                self.warnings += anchoring.renew(self._session)

    def _take(self, tried: Tried) -> None:
        result = tried.result
        self.tally.add(result, known=tried.known)
        self._tell(result)
        if tried.known:
            return
        if result.failed and tried.error:
            self._keep(tried.error)
        if self._canary and len(self._looked) < self._canary:
            self._looked.append(result)
        if self.tally.tried % LOOK_AFTER == 0:
            self._check_log()

    def _tell(self, result: RowResult) -> None:
        if self._report:
            self._report.add(result)
        self._watch(self._watcher.row, result)

    def _watch(self, call: Callable[..., T], *said: Any) -> T | None:
        """Tell the watcher. Where that fails nobody watches any more: no more rows begin, and what is on its
        way is recorded."""
        if self._unwatched:
            return None
        try:
            return call(*said)
        except Exception as error:  # noqa: BLE001  # whatever it is, rows are on their way
            self._unwatched = True
            self._gate.shut(Stop.ACCOUNT)
            why = error.message if isinstance(error, BillctlError) else f"{type(error).__name__}: {error}"
            self.errors.append(InternalError(f"nobody can be told how it goes: {mask(why)}"))
            return None

    def _keep(self, error: BillctlError) -> None:
        if all((known.word, known.code) != (error.word, error.code) for known in self.failures):
            self.failures.append(error)

    def _check_log(self) -> None:
        try:
            check_tail(self._session.store)
        except StoreError as broken:
            self.errors.append(broken)
            self._gate.shut(Stop.ACCOUNT)

    def _look_at_canary(self, first: FirstSignal) -> None:
        """Nothing was heard for a while: where the canary's rows are through, somebody looks at them."""
        if not (self._gate.is_used_up and self._told.empty()) or not self.tally.left:
            return
        go_on = False
        if self._options.attended:
            with first.raised():
                go_on = bool(self._watch(self._look))
        if go_on:
            self._gate.open()
        elif first.number is None:
            self._gate.shut(Stop.CANARY)

    def _look(self) -> bool:
        try:
            return self._watcher.look(tuple(self._looked), self.tally.left)
        except PolicyDenied:  # whoever gives no answer says no
            return False

    def _heed(self, first: FirstSignal) -> None:
        if first.number is not None and self.signal is None:
            self.signal = first.number
            self._gate.shut(Stop.INTERRUPTED)
            self._watch(self._watcher.stopping)

    def _interrupted(self, second: KeyboardInterrupt | Terminated) -> Interrupted:
        number = second.number if isinstance(second, Terminated) else signal.SIGINT
        return Interrupted(
            number,
            f"interrupted after {self.tally.tried:,} rows, with others on their way",
            sent="They may have been done.",
            hint="Apply the plan again: it finds out, and goes on.",
        )
