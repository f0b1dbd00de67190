"""A log for tests of exports and reports, written by the product's own hand with a clock that a test sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from billctl.audit.actor import Actor, Origin
from billctl.audit.log import AuditLog, Subject
from billctl.errors import BillctlError, PolicyDenied
from billctl.money import Money
from billctl.store.interface import OperationState
from billctl.store.sqlite import SqliteStore, open_store

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
USD = Money(1250, "USD")
STATES = {
    "refused": OperationState.REFUSED,
    "unknown": OperationState.UNKNOWN,
    "not_sent": OperationState.NOT_SENT,
}


def refund(
    number: int = 1,
    amount: Money | None = USD,
    *,
    action: str = "refund",
    gateway: str = "stripe",
    reason_code: str | None = "duplicate",
) -> Subject:
    """A refund of charge `number`, or another action on it."""
    return Subject(
        action=action,
        gateway=gateway,
        account=gateway,
        object_type="charge",
        object_id=f"ch_{number}",
        object=f"{gateway}|acct_1|ch_{number}",
        customer=f"cus_{number}",
        amount=amount,
        reason="charged twice, says Laylā",
        reason_code=reason_code,
        ticket="zendesk:7",
    )


@dataclass
class SampleLog:
    """A log under `path`; `now` is what its clock says."""

    store: SqliteStore
    now: datetime = NOON
    operations: int = 0

    def by(self, login: str, claimed: str | None = None, *, mode: str = "live") -> AuditLog:
        """The log as this operator writes it."""
        return AuditLog(
            self.store,
            actor=Actor(uid=1000, login=login, host="billing-1", origin=Origin.TERMINAL, claimed=claimed),
            profile="shop",
            mode=mode,
            clock=lambda: self.now,
            source="cli",
            argv=["stripe", "refund"],
            randbytes=lambda count: (self.store.head().seq + 1).to_bytes(count, "big"),
        )

    def ask(self, subject: Subject, *, login: str = "layla") -> str:
        """Record an intent; returns its operation."""
        self.operations += 1
        operation = f"op_{self.operations:026d}"
        self.by(login).intent(subject, operation=operation, key=f"{self.operations:032x}")
        return operation

    def close(self, subject: Subject, operation: str, outcome: str, *, login: str = "layla") -> None:
        """Record an outcome."""
        state = STATES.get(outcome, OperationState.DONE)
        result = {"id": f"re_{operation}", "status": outcome}
        self.by(login).outcome(subject, operation=operation, state=state, outcome=outcome, result=result)

    def done(self, subject: Subject, outcome: str = "succeeded", *, login: str = "layla") -> str:
        """Record an intent and its outcome."""
        operation = self.ask(subject, login=login)
        self.close(subject, operation, outcome, login=login)
        return operation

    def followed(self, subject: Subject, operation: str, outcome: str) -> None:
        """Record what an operation came to later, as a job of user `cron` finds it."""
        self.by("cron").followup(subject, operation=operation, outcome=outcome)

    def denied(self, subject: Subject, *, login: str = "layla", error: BillctlError | None = None) -> None:
        """Record an attempt that was denied."""
        self.by(login).denied(subject, error=error or PolicyDenied("above the limit"))

    def later(self, **time: int) -> None:
        """Move the clock."""
        self.now += timedelta(**time)


@contextmanager
def sample_log(path: Path) -> Iterator[SampleLog]:
    """An empty log in the file `path`, open for writing."""
    store = open_store(path)
    try:
        yield SampleLog(store)
    finally:
        store.close()


def twenty_records(path: Path) -> None:
    """A log of 20 records under `path`: nine operations with their outcomes, a denied attempt, the first."""
    with sample_log(path) as log:
        for number in range(1, 10):
            log.done(refund(number), "unknown" if number == 9 else "succeeded")
            log.later(hours=1)
        log.denied(refund(10))
        assert log.store.head().seq == 20
