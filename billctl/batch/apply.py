"""Applying a plan: exactly what it says, each row once, however often it is applied and wherever it died.

Everything that must hold for the whole is checked before the first row. Then every row goes the path of every
change, one record before it is sent and one after. What a run did is in the audit log; the files beside the
plan and the shelf say it again.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from billctl import anchoring
from billctl.audit.tail import check_tail
from billctl.batch import before
from billctl.batch.ending import ending
from billctl.batch.judging import PlanJudge
from billctl.batch.matter import subject_of
from billctl.batch.model import PlannedRow, RowResult, RowState, Stop
from billctl.batch.on_record import OnRecord
from billctl.batch.one_row import RowWork
from billctl.batch.plan_file import PlanFile
from billctl.batch.report import Report, Written
from billctl.batch.run import Run
from billctl.batch.running import Applied, ApplyOptions, Watcher
from billctl.batch.scan import Scan, is_done, scan
from billctl.batch.shelf import lock_name
from billctl.batch.terms import Licence
from billctl.errors import BillctlError, Busy, OutcomeUnknown, PolicyDenied, StoreError, Terminated
from billctl.frozen import replace
from billctl.policy.verdict import Judge
from billctl.session import Session
from billctl.signals import first_held

SECOND = 1.0


def apply(
    session: Session,
    plan: PlanFile,
    options: ApplyOptions,
    watcher: Watcher,
    *,
    sleep: Callable[[float], object] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Applied:
    """Apply a plan, or go on where an earlier run ended. Call it from the main thread.

    Raises, with nothing sent, what stands against the plan as a whole: `Busy` while another run applies it,
    `ConfigError`, `PolicyDenied`, `ApprovalRequired`, `AuthFailed`, `NetworkError`, `StoreError`,
    `UsageError` for a plan that was changed. Raises `Interrupted` at the second signal. Whatever happens
    to single rows is in the result. `sleep` and `monotonic` are in seconds.
    """
    session.write_as("batch", batch=plan.header.id, plan_hash=plan.hash)
    session.sending = None
    with ExitStack() as stack:
        if not options.dry_run:
            stack.enter_context(_alone(session, plan))
        held = stack.enter_context(_held(session, plan))
        return _Application(session, held, options, watcher, sleep=sleep, monotonic=monotonic).apply(plan)


@contextmanager
def _alone(session: Session, plan: PlanFile) -> Iterator[None]:
    """Hold the batch. Raises `Busy` where another run does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(session.store.lock_object(lock_name(plan.header.id)))
        except Busy:
            raise Busy(
                f"{plan.header.id} is being applied by another run right now",
                code="batch_running",
                hint="Wait for it, then look: `billctl batch list`.",
            ) from None
        yield


def _held(session: Session, plan: PlanFile) -> PlanFile:
    try:
        return plan.held(session.state_dir)
    except OSError as error:
        raise StoreError(
            f"there is no room for a copy of the plan in {session.state_dir}: {error.strerror}",
            code="no_room",
        ) from error


class _Application:
    """One run of one plan, whose bytes nobody can change."""

    def __init__(
        self,
        session: Session,
        plan: PlanFile,
        options: ApplyOptions,
        watcher: Watcher,
        *,
        sleep: Callable[[float], object],
        monotonic: Callable[[], float],
    ) -> None:
        self.session = session
        self.plan = plan
        self.header = plan.header
        self.options = options
        self.watcher = watcher
        self.sleep = sleep
        self.monotonic = monotonic
        self.record = OnRecord(session, plan)
        self.failed: dict[str, BillctlError] = {}
        """Accounts that could not be opened."""

    def apply(self, original: PlanFile) -> Applied:
        """All of it; `original` is the plan as it lies in its folder."""
        check_tail(self.session.store)
        before.check_profile(self.session, self.header)
        judge = self._judge()
        found = self._scan(judge)
        licence = Licence(judge=judge, running=judge.running_day())
        if found.left:
            found, licence = self._allowed(found, judge)
        else:
            before.check_expected(found, self.options)
        applied = self._rows(found, licence)
        return replace(applied, warnings=(*applied.warnings, *_if_changed(original)))

    def _judge(self) -> Judge:
        session = self.session
        return Judge(policies=session.policies, actor=session.actor, mode=str(session.profile.mode))

    def _scan(self, judge: Judge) -> Scan:
        now = self.session.clock()
        look = PlanJudge(self.header, subject_of(self.header), judge, attended=self.options.attended, now=now)
        return scan(self.plan, self.session.store, look, judge.day(self.session.store, now))

    # Before the first row

    def _allowed(self, found: Scan, judge: Judge) -> tuple[Scan, Licence]:
        """What is to be done, and what lets it be. Whatever stands against it is recorded, and raised."""
        try:
            opened, self.failed = before.open_accounts(self.session, self.header, found.pending)
            before.check_live(self.session, self.header, opened, self.options)
            before.check_expected(found, self.options)
            licence = before.licence_for(self.session, self.plan, found, judge, self.options)
            if not self.options.dry_run:
                self.watcher.confirm(self.plan, opened, found.to_do)
                if self._wait():
                    before.check_same_rules(self.session)
                    found = self._scan(judge)
                    licence = before.licence_for(self.session, self.plan, found, judge, self.options)
                anchoring.demand(self.session)
            return found, licence
        except anchoring.Unanchored as error:
            self._denied(error)
            raise
        except StoreError:
            raise
        except (KeyboardInterrupt, Terminated):
            self._denied(PolicyDenied("interrupted before anything was sent", code="interrupted"))
            raise
        except BillctlError as error:
            self._denied(error)
            raise

    def _denied(self, error: BillctlError) -> None:
        if self.options.dry_run:
            return
        self.session.log.denied(subject_of(self.header), error=error, approval=error.approval)

    def _wait(self) -> bool:
        """Wait for the time before which no row may go; whether there was a wait: much can change in it."""
        due = self.options.not_before
        if due is None or due <= self.session.clock():
            return False
        while (left := (due - self.session.clock()).total_seconds()) > 0:
            self.watcher.waiting(left)
            self.sleep(min(left, SECOND))
        check_tail(self.session.store)
        return True

    # The rows

    def _rows(self, found: Scan, licence: Licence) -> Applied:
        dry = self.options.dry_run
        with first_held() as first:
            if not dry:
                self.record.begin(found.left)
            report = None if dry else Report(self.plan.path)
            run = self._run(found, licence, report)
            try:
                self._pass_by(run)
                run.rows(first)
                written = report.finish() if report else NOTHING_WRITTEN
            except BaseException:
                if report:
                    report.drop()
                raise
            applied = self._applied(run, found, written)
            through = not (applied.not_reached or run.tally.unknown)
            return applied if dry else self.record.end(applied, licence, through=through)

    def _run(self, found: Scan, licence: Licence, report: Report | None) -> Run:
        work = RowWork(
            self.session,
            self.header.verb,
            licence,
            dry_run=self.options.dry_run,
            attended=self.options.attended,
        )
        return Run(
            self.session,
            self.plan,
            work,
            {name: rows for name, rows in found.ready.items() if name not in self.failed},
            options=self.options,
            canary=before.canary_of(self.session.policies, self.header, found, self.options),
            watcher=self.watcher,
            report=report,
            monotonic=self.monotonic,
        )

    def _pass_by(self, run: Run) -> None:
        """Tell of the rows that nothing is done about: left out of the plan, done before it was made, and
        those that are done of accounts which cannot be reached now."""
        if self.header.ready == self.header.rows and not self.failed:
            return
        store = self.session.store
        for row in self.plan.rows():
            if row.state is not RowState.READY:
                run.pass_by(_planned(row))
            elif row.account in self.failed and is_done(store, row):
                run.pass_by(RowResult(row=row, outcome="already_done"))

    def _applied(self, run: Run, found: Scan, written: Written) -> Applied:
        unreachable = sum(found.pending.get(name, 0) for name in self.failed)
        stop = run.stop or (Stop.ACCOUNT if unreachable else None)
        not_reached = run.tally.left + unreachable
        error = ending(
            self.header,
            run.tally.counts,
            not_reached=not_reached,
            stop=stop,
            signal=run.signal,
            errors=[*self.failed.values(), *run.errors],
            failures=run.failures,
        )
        return Applied(
            header=self.header,
            counts=dict(run.tally.counts),
            moved=run.tally.moved,
            not_reached=not_reached,
            stop=stop,
            results=written.results,
            failures=written.failures,
            error=error,
            warnings=(*_lines((*self.failed.values(), *run.errors), error), *written.warnings, *run.warnings),
        )


NOTHING_WRITTEN = Written(results=None, failures=None)


def _planned(row: PlannedRow) -> RowResult:
    """The result of a row that the plan does nothing about."""
    if row.state is RowState.ALREADY_DONE:
        return RowResult(row=row, outcome="already_done")
    outcome = "unknown" if row.word == OutcomeUnknown.word else "skipped"
    return RowResult(row=row, outcome=outcome, code=row.code, word=row.word, message=row.message)


def _lines(errors: Iterable[BillctlError], ends: BillctlError | None) -> list[str]:
    """Why accounts, or all of it, could not go on, where the run's own error (`ends`) does not say it."""
    said = ends.message if ends else ""
    untold = [error for error in errors if error.message not in said]
    return list(
        dict.fromkeys(f"{error.account or 'the run'} could not go on: {error.message}" for error in untold)
    )


def _if_changed(plan: PlanFile) -> tuple[str, ...]:
    """A warning where the plan in its folder is not the one that was applied any more."""
    try:
        plan.unchanged()
    except BillctlError:
        return (f"{plan.path} was changed meanwhile; what was applied is the plan of hash {plan.hash[:12]}",)
    return ()
