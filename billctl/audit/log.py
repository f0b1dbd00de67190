"""Writing the audit log: an intent before anything is sent, an outcome after, and every attempt denied.

Card numbers and keys are masked in every text that a person or a gateway wrote. What may name a person
stands in the record's private part (`billctl.audit.private`).
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from billctl import VERSION
from billctl.audit.actor import Actor
from billctl.audit.chain import seal
from billctl.audit.masking import cleaned, error_data, masked, masked_words
from billctl.audit.private import split
from billctl.errors import (
    ApprovalRequired,
    BillctlError,
    Busy,
    PolicyDenied,
    Refused,
    StoreError,
    UsageError,
)
from billctl.frozen import field, frozen
from billctl.money import Money
from billctl.store.interface import Guard, OperationState, Ranges, Seal, Store
from billctl.store.schema import PURGE, instant

FORMAT = 2
"""The version of the record's fields."""

OUTCOMES = frozenset(
    {
        *("succeeded", "pending", "failed", "already_done", "approval_required", "unknown", "refused"),
        *("not_sent", "denied"),
    }
)

ATTEMPTS: tuple[tuple[type[BillctlError], str], ...] = (
    (PolicyDenied, "denied"),
    (UsageError, "denied"),
    (Busy, "denied"),
    (Refused, "refused"),
    (ApprovalRequired, "approval_required"),
)
"""What an attempt that sent nothing is called; any other error is `not_sent`."""

SALT_BYTES = 16
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class OutcomeNotRecorded(StoreError):
    """The outcome of an operation is known, and could not be written."""

    sent = ""
    default_hint = "Repair the audit log, then run `billctl audit reconcile`."


@frozen
class Subject:
    """What is changed, and why.

    `object` names it on every host alike (see `Operation.object`); `params` are what the operator
    chose beside the amount, as the verb needs them to be rebuilt.
    """

    action: str
    gateway: str
    account: str
    object_type: str
    object_id: str
    reason: str | None
    account_id: str | None = None
    live: bool | None = None
    object: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    customer: str | None = None
    amount: Money | None = None
    reason_code: str | None = None
    ticket: str | None = None
    again: int | None = None

    def data(self) -> dict[str, Any]:
        """The record's fields about the subject."""
        return {
            "action": self.action,
            "gateway": self.gateway,
            "account": self.account,
            "account_id": self.account_id,
            "live": self.live,
            "object_type": self.object_type,
            "object_id": self.object_id,
            "object": self.object,
            "params": cleaned(self.params),
            "customer": self.customer,
            "amount": self.amount.data() if self.amount else None,
            "reason": masked(self.reason),
            "reason_code": masked(self.reason_code),
            "ticket": masked(self.ticket),
            "again": self.again,
        }


class AuditLog:
    """One run's hand on the log.

    `clock` returns aware datetimes; `source` says what wrote (`cli`, `batch`, …); `argv` is the
    command line, masked before it is kept; `randbytes(n)` returns n random bytes, for salts and the id
    of a new log; `more` are fields of every record (a batch's id). Every method returns the number of the
    record it wrote and raises `StoreError` when it could not, `Busy` when another process keeps the store
    locked.
    """

    def __init__(
        self,
        store: Store,
        *,
        actor: Actor,
        profile: str,
        mode: str,
        clock: Callable[[], datetime],
        source: str,
        argv: Sequence[str],
        randbytes: Callable[[int], bytes] = os.urandom,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._randbytes = randbytes
        self._created = False
        self._run = {
            "actor": actor.data(),
            "profile": profile,
            "mode": mode,
            "source": source,
            "argv": masked_words(argv),
            "version": VERSION,
            "format": FORMAT,
            **(more or {}),
        }

    def intent(
        self,
        subject: Subject,
        *,
        operation: str,
        key: str,
        before: Mapping[str, Any] | None = None,
        approval: Mapping[str, Any] | None = None,
        guard: Guard | None = None,
    ) -> int:
        """Record what is about to be sent and open its operation; `Busy` when one stands in the way.

        `approval` says who let it pass above the limits; `guard` see `Store.begin`.
        """
        self._create()
        entry = self._entry(
            "intent",
            subject.data(),
            operation=operation,
            key=key,
            before=cleaned(before),
            approval=cleaned(approval),
        )
        return self._store.begin(
            entry.seal,
            private=entry.private,
            operation=operation,
            key=key,
            object=subject.object,
            guard=guard,
        ).seq

    def outcome(
        self,
        subject: Subject,
        *,
        operation: str,
        state: OperationState,
        outcome: str,
        result: Mapping[str, Any] | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        error: BaseException | None = None,
        request_id: str | None = None,
        resolution: Mapping[str, Any] | None = None,
    ) -> int:
        """Record what became of an operation and set its state.

        `resolution` is what a person said where no gateway could tell. Raises `OutcomeNotRecorded`
        where the store fails: the change may have been made.
        """
        entry = self._entry(
            "outcome",
            subject.data(),
            operation=operation,
            state=state.value,
            outcome=_known(outcome),
            result=cleaned(result),
            before=cleaned(before),
            after=cleaned(after),
            error=error_data(error),
            request_id=request_id,
            resolution=cleaned(resolution),
        )
        try:
            return self._store.finish(entry.seal, private=entry.private, operation=operation, state=state).seq
        except (StoreError, Busy) as failure:
            raise OutcomeNotRecorded(
                f"the outcome of operation {operation} is {outcome}, but it could not be recorded: "
                f"{failure.message}",
                code="outcome_not_recorded",
            ) from failure

    def followup(
        self,
        subject: Subject,
        *,
        operation: str,
        outcome: str,
        result: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> int:
        """Record what a settled operation came to later: a refund that was pending, or failed after days."""
        entry = self._entry(
            "followup",
            subject.data(),
            operation=operation,
            outcome=_known(outcome),
            result=cleaned(result),
            after=cleaned(after),
        )
        return self._append(entry)

    def denied(
        self, subject: Subject, *, error: BaseException, approval: Mapping[str, Any] | None = None
    ) -> int:
        """Record an attempt that ended before anything was sent; `approval` is the request it led to.

        What it was about may not exist: an id that looks like a card number is masked.
        """
        outcome = next((word for kind, word in ATTEMPTS if isinstance(error, kind)), "not_sent")
        self._create()
        said = subject.data()
        entry = self._entry(
            "denied",
            said | {name: masked(said[name]) for name in ("object_id", "object")},
            outcome=outcome,
            error=error_data(error),
            approval=cleaned(approval),
        )
        return self._append(entry)

    def note(
        self,
        action: str,
        *,
        outcome: str = "succeeded",
        account: str | None = None,
        gateway: str | None = None,
        object_type: str | None = None,
        object_id: str | None = None,
        reason: str | None = None,
        result: Mapping[str, Any] | None = None,
        error: BaseException | None = None,
    ) -> int:
        """Record what changes nothing at a gateway but must be known: credentials, reads of the log."""
        self._create()
        entry = self._entry(
            "note",
            {"action": action, "account": account, "gateway": gateway, "reason": masked(reason)},
            object_type=object_type,
            object_id=object_id,
            outcome=_known(outcome),
            result=cleaned(result),
            error=error_data(error),
        )
        return self._append(entry)

    def purge(
        self, ranges: Ranges, *, before: datetime, customer: str | None, account: str | None, reason: str
    ) -> int:
        """Record that the private parts of `ranges` are purged and remove them; see `Store.purge`."""
        count = sum(last - first + 1 for first, last in ranges)
        entry = self._entry(
            "note",
            {"action": PURGE, "customer": customer, "account": account, "reason": masked(reason)},
            outcome="succeeded",
            result={"ranges": ranges, "count": count, "before": instant(before)},
        )
        return self._store.purge(entry.seal, private=entry.private, ranges=ranges).seq

    def _entry(self, phase: str, fields: Mapping[str, Any], **more: Any) -> "_Entry":
        entry = {"phase": phase, "time": instant(self._clock()), **self._run, **fields, **more}
        stays, private = split(entry, self._randbytes(SALT_BYTES))
        return _Entry(seal=lambda seq, prev: seal(seq, prev, stays), private=private)

    def _append(self, entry: "_Entry") -> int:
        return self._store.append(entry.seal, private=entry.private).seq

    def _create(self) -> None:
        """Give a new log its first record: that it was created, and its random id."""
        if self._created:
            return
        if self._store.head().seq:
            self._created = True
            return
        first = self._entry(
            "created", {"action": "log created"}, log_id=self._randbytes(16).hex(), outcome="succeeded"
        )

        def only_first(seq: int, prev: str) -> str:
            if seq != 1:
                raise _CreatedMeanwhile
            return first.seal(seq, prev)

        try:
            self._store.append(only_first, private=first.private)
        except _CreatedMeanwhile:
            return


@frozen
class _Entry:
    """What the store needs of a record: its text, once its place in the chain is known; its private part."""

    seal: Seal
    private: str | None


class _CreatedMeanwhile(Exception):
    """Ends the transaction of a creation that is no longer needed."""


def new_operation_id(clock: Callable[[], datetime], randbytes: Callable[[int], bytes]) -> str:
    """`op_` and 26 characters: 48 bits of milliseconds since 1970, 80 random bits, in Crockford's base 32.

    The form of a ULID (github.com/ulid/spec): ids sort by the time they were made.
    """
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    elapsed = clock() - epoch
    milliseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000
    number = milliseconds << 80 | int.from_bytes(randbytes(10))
    return "op_" + "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def _known(outcome: str) -> str:
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome!r} is not an outcome")
    return outcome
