"""A run on record: its beginning and its end in the audit log and on the shelf, and its approval used up."""

from datetime import datetime

from billctl import anchoring
from billctl.approvals import Approval, used
from billctl.batch.plan_file import CHANGED_HINT, PlanFile
from billctl.batch.running import Applied
from billctl.batch.shelf import Run, Shelf
from billctl.batch.terms import Licence
from billctl.errors import BillctlError, StoreError, UsageError
from billctl.frozen import replace
from billctl.session import Session

ACTION = "batch apply"
"""What a run is called in the log."""


class OnRecord:
    """The record of one run. Looking up the plan raises `UsageError` (`plan_changed`) where the shelf knows
    another one under its id, `StoreError` where the shelf cannot be read."""

    def __init__(self, session: Session, plan: PlanFile) -> None:
        self._session = session
        self._plan = plan
        self._shelf = Shelf(session.state_dir)
        self._kept = self._shelf.get(plan.header.id)
        self._started: datetime | None = None
        self._warnings: list[str] = []
        if self._kept and self._kept.hash != plan.hash:
            raise UsageError(
                f"{plan.path} is not the plan that was made as {plan.header.id}",
                code="plan_changed",
                hint=CHANGED_HINT,
            )

    def begin(self, pending: int) -> None:
        """Record that a run begins; one with no `pending` rows is not worth a record. Raises `StoreError`."""
        header = self._plan.header
        if pending:
            self._session.log.note(
                ACTION,
                outcome="pending",
                object_type="batch",
                object_id=header.id,
                reason=header.reason,
                result={
                    "verb": header.verb,
                    "rows": header.rows,
                    "pending": pending,
                    "totals": header.totals,
                    "plan_hash": self._plan.hash,
                },
            )
            self._session.sending = header.id
        self._started = self._session.clock()
        self._note(Run(started=self._started))

    def end(self, applied: Applied, licence: Licence, *, through: bool) -> Applied:
        """Record what the run came to; what cannot be recorded is among its warnings. Raises nothing.

        `through`: no row waits any more that the approval was given for, so it is used up.
        """
        if self._session.sending:
            self._record(applied)
            if through and licence.approval:
                self._spend(licence.approval, applied.header.id)
            self._warnings += anchoring.renew(self._session)
        assert self._started
        self._note(_run(applied, self._started, self._session.clock()))
        return replace(applied, warnings=(*applied.warnings, *self._warnings))

    def _record(self, applied: Applied) -> None:
        try:
            self._session.log.note(
                ACTION,
                outcome="failed" if applied.error else "succeeded",
                object_type="batch",
                object_id=applied.header.id,
                result={
                    "counts": dict(applied.counts),
                    "moved": applied.moved,
                    "not_reached": applied.not_reached,
                    "stop": applied.stop,
                },
                error=applied.error,
            )
        except BillctlError as error:
            self._warnings.append(f"the end of the run was not recorded: {error.message}")

    def _spend(self, approval: Approval, batch_id: str) -> None:
        if warning := used(self._session, approval, batch_id):
            self._warnings.append(warning)

    def _note(self, run: Run) -> None:
        """The shelf is a convenience: nothing depends on it."""
        try:
            kept = self._kept or self._shelf.add(self._plan.path, self._plan.header, self._plan.hash)
            self._kept = self._shelf.note(kept, run)
        except (StoreError, UsageError) as error:
            self._warnings.append(f"`batch list` does not know of this run: {error.message}")


def _run(applied: Applied, started: datetime, ended: datetime) -> Run:
    return Run(
        started=started,
        ended=ended,
        counts=dict(applied.counts),
        failed=applied.failed,
        not_reached=applied.not_reached,
        stop=str(applied.stop) if applied.stop else None,
        results=str(applied.results) if applied.results else None,
        failures=str(applied.failures) if applied.failures else None,
    )
