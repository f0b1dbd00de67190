"""The one path of every change: read, resolve, check, confirm, intent on disk, send, outcome on disk.

No record, no request. Whatever is not proved refused or unsent is unknown, and only a look at the
gateway settles it. Each kind of change is a `Verb`; the path is the same for all of them.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from billctl.audit.entry import read
from billctl.audit.log import OutcomeNotRecorded, Subject
from billctl.errors import (
    AuthFailed,
    BillctlError,
    Busy,
    ConfigError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PolicyDenied,
    Refused,
    StoreError,
    UsageError,
)
from billctl.frozen import field, frozen, replace
from billctl.gateway import Stamp
from billctl.money import Money
from billctl.session import Session
from billctl.store.interface import UNSETTLED, Operation, OperationState
from billctl.text import find_secret, visible_length
from billctl.verbs.plan import Done, Plan, Verb

MIN_REASON = 3
MAX_REASON = 2000
KEY_LENGTH = 32


@frozen
class Request:
    """What an operator asked for, besides the verb: on what, why, and under which assurances."""

    object_id: str
    reason: str | None
    reason_code: str | None = None
    ticket: str | None = None
    again: int = 1
    dry_run: bool = False
    yes: bool = False
    live: str | None = None


@frozen
class ActionResult:
    """What became of a request.

    `outcome` is a word of the command-line contract, None after a dry run. `error` is set when the
    action did not succeed although there is a result to show; `intent` and `outcome_seq` number the
    audit records.
    """

    plan: Plan
    operation: str | None
    outcome: str | None
    result: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    intent: int | None = None
    outcome_seq: int | None = None
    error: BillctlError | None = None


Confirm = Callable[[Plan, Request], None]
"""Shows the plan and asks; raises `PolicyDenied` when the answer is not yes."""


def operation_key(
    *, gateway: str, identity: str, action: str, object_id: str, amount: Money | None, again: int
) -> str:
    """The deterministic key of an operation: the same request gives the same key on every host.

    32 hex characters, which fit every gateway's limit (facts: Stripe 255, PayPal 78, Razorpay 10 or
    more). `again` is the ordinal of a deliberate repeat, 1 for the first.
    """
    currency, minor = (amount.currency, str(amount.minor)) if amount else ("", "")
    parts = (gateway, identity, action, object_id, currency, minor, str(again))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:KEY_LENGTH]


def check_request(request: Request) -> None:
    """Raise `UsageError` where the reason, the ticket or the ordinal is not acceptable."""
    reason = request.reason
    if reason is None:
        raise UsageError(
            "--reason is missing",
            code="no_reason",
            hint='Say why in 3 characters or more: --reason "charged twice".',
        )
    if visible_length(reason) < MIN_REASON or len(reason) > MAX_REASON:
        raise UsageError(
            f"--reason needs {MIN_REASON} to {MAX_REASON} characters that can be read",
            code="bad_reason",
            hint='For example --reason "charged twice".',
        )
    for name, text in (
        ("--reason", reason),
        ("--ticket", request.ticket or ""),
        ("--reason-code", request.reason_code or ""),
    ):
        secret = find_secret(text)
        if secret:
            raise UsageError(
                f"{name} seems to hold {secret}, which must not be recorded",
                code="secret_in_text",
                hint="Leave it out; the last four digits are enough.",
            )
    if find_secret(request.object_id) == "an API key":  # a long number may be an id, a key never is
        raise UsageError("the id is an API key, which must not be recorded", code="secret_in_text")
    if len(request.ticket or "") > 200 or len(request.reason_code or "") > 64:
        raise UsageError("--ticket takes up to 200 characters, --reason-code up to 64", code="too_long")
    if request.again < 1:
        raise UsageError(
            "--again counts from 2: the second identical operation is --again 2", code="bad_again"
        )


def perform(session: Session, account: str, verb: Verb, request: Request, confirm: Confirm) -> ActionResult:
    """Do `verb` on the object at `account`, with everything that the path demands.

    Raises the error family for whatever goes wrong before sending; it is in the audit log as a denied
    attempt once the call proved well-formed. What was sent is there as an intent with its outcome, and
    its failure is the result's `error`. A dry run returns before anything is recorded or sent.
    """
    check_request(request)
    subject = Subject(
        action=verb.name,
        gateway=session.gateway_of(account),
        account=account,
        object_type=verb.object_type,
        object_id=request.object_id,
        params=verb.params(),
        reason=request.reason or "",
        reason_code=request.reason_code,
        ticket=request.ticket,
        again=request.again,
    )
    run = _Run(session, verb, request, subject)
    try:
        known = run.prepare(account)
        if known:
            return known
        if request.dry_run:
            return ActionResult(plan=run.plan, operation=None, outcome=None)
        confirm(run.plan, request)
    except StoreError:
        raise
    except KeyboardInterrupt:
        interrupted = PolicyDenied("interrupted before anything was sent", code="interrupted")
        session.log.denied(run.subject, error=interrupted)
        raise
    except BillctlError as error:
        if not request.dry_run:
            session.log.denied(run.subject, error=error)
        raise
    return run.send()


class _Run:
    """One request on its way; `subject` gathers what the audit log must know as it becomes known."""

    def __init__(self, session: Session, verb: Verb, request: Request, subject: Subject) -> None:
        self.session = session
        self.verb = verb
        self.request = request
        self.subject = subject
        session.store.head()  # an unreadable log stops everything before a gateway is asked

    def prepare(self, account: str) -> ActionResult | None:
        """Read, resolve and check; what is already known of this very operation, if anything."""
        opening = self.session.opening(account)
        try:
            plan = self.verb.plan(self.session.gateway(account), self.request.object_id)
        finally:
            # Credentials of the wrong mode or account outrank what the object said.
            self.opened = opened = opening()
            self.subject = replace(self.subject, account_id=opened.identity.id, live=opened.live)
        self.plan = self._bind(plan)
        self.subject = replace(
            self.subject,
            object=self.plan.object,
            customer=self.plan.customer_id,
            amount=self.plan.amount,
        )
        known = self._known()
        if known is None:
            self.plan = self.verb.check(opened.gateway, self.plan)
        return known

    def _key(self, amount: Money | None) -> str:
        return operation_key(
            gateway=self.opened.account.gateway,
            identity=self._identity(),
            action=self.verb.signature(),
            object_id=self.request.object_id,
            amount=amount,
            again=self.request.again,
        )

    def _identity(self) -> str:
        """What the credentials answer to; where they cannot say, what the profile says."""
        return self.opened.identity.id or self.opened.account.account_id or self.opened.account.name

    def _bind(self, plan: Plan) -> Plan:
        return replace(
            plan,
            identity=self.opened.identity,
            live=self.opened.live,
            object="|".join((self.opened.account.gateway, self._identity(), plan.record.id)),
            key=self._key(plan.amount),
        )

    def _known(self) -> ActionResult | None:
        """This operation as the store or the object itself knows it; raises where it is unsettled."""
        operation = self.session.store.find_operation(key=self.plan.key)
        if operation and operation.state in UNSETTLED:
            raise standing_in_the_way(self.session, operation, self.plan)
        if operation:
            return self._already(operation.id, self._recorded_result(operation))
        stamped = self.verb.stamped(self.plan, self._key)
        return self._already(stamped.operation, stamped.result) if stamped else None

    def _recorded_result(self, operation: Operation) -> Mapping[str, Any]:
        record = self.session.store.record(operation.outcome) if operation.outcome else None
        return (read(record).fields.get("result") or {}) if record else {}

    def _already(self, operation_id: str | None, result: Mapping[str, Any]) -> ActionResult:
        operation = self.session.store.get_operation(operation_id) if operation_id else None
        by = operation_id or "an earlier run"
        return ActionResult(
            plan=self.plan,
            operation=operation_id,
            outcome="already_done",
            result=result,
            notes=(f"{by} has done this already; nothing was sent. To do it once more: --again 2",),
            intent=operation.intent if operation else None,
            outcome_seq=operation.outcome if operation else None,
        )

    def send(self) -> ActionResult:
        """Intent on disk, send, outcome on disk; one at a time for one object, on this host."""
        store, log, plan = self.session.store, self.session.log, self.plan
        operation = self.session.new_operation_id()
        with store.lock_object(plan.object):
            standing = store.unsettled_on(object=plan.object)
            if standing:
                raise unknown_operation(standing, plan)
            intent = log.intent(self.subject, operation=operation, key=plan.key, before=plan.before)
            stamp = Stamp(
                key=plan.key,
                operation=operation,
                asked=self.session.clock(),
                reason_code=self.request.reason_code,
            )
            try:
                done = self.verb.send(self.opened.gateway, plan, stamp)
                self.verb.compare(plan, done)
            except BaseException as raised:
                failed = self._record_failure(operation, intent, raised)
                if isinstance(raised, Exception):
                    return failed
                raise
            return self._record_success(operation, intent, done)

    def _record_failure(self, operation: str, intent: int, raised: BaseException) -> ActionResult:
        state, outcome = next(
            (row[1:] for row in FAILURES if isinstance(raised, row[0])), (OperationState.UNKNOWN, "unknown")
        )
        error = raised if isinstance(raised, BillctlError) else _unexpected(raised, self.verb, self.plan)
        outcome_seq: int | None = None
        try:
            outcome_seq = self.session.log.outcome(
                self.subject,
                operation=operation,
                state=state,
                outcome=outcome,
                error=error,
            )
        except OutcomeNotRecorded as lost:
            error = lost
        return ActionResult(
            plan=self.plan,
            operation=operation,
            outcome=outcome,
            intent=intent,
            outcome_seq=outcome_seq,
            error=error,
        )

    def _record_success(self, operation: str, intent: int, done: Done) -> ActionResult:
        failed = done.outcome == "failed"
        error: BillctlError | None = None
        if failed:
            error = Refused(
                f"{self.plan.record.account} accepted the {self.verb.name} and then failed it",
                code=f"{self.verb.name}_failed",
                hint="To try once more: --again with the next number.",
            )
        outcome_seq: int | None = None
        try:
            outcome_seq = self.session.log.outcome(
                self.subject,
                operation=operation,
                state=OperationState.REFUSED if failed else OperationState.DONE,
                outcome=done.outcome,
                result=done.result,
                after=done.after,
                error=error,
            )
        except OutcomeNotRecorded as lost:
            error = lost
        return ActionResult(
            plan=self.plan,
            operation=operation,
            outcome=done.outcome,
            result=done.result,
            notes=done.notes,
            intent=intent,
            outcome_seq=outcome_seq,
            error=error,
        )


FAILURES: tuple[tuple[tuple[type[BillctlError], ...], OperationState, str], ...] = (
    ((OutcomeUnknown,), OperationState.UNKNOWN, "unknown"),
    ((NotSent, UsageError, ConfigError, PolicyDenied), OperationState.NOT_SENT, "not_sent"),
    ((Refused, NotFound, AuthFailed), OperationState.REFUSED, "refused"),
)
"""What a failure while sending proves. Anything not named here proves nothing: unknown."""


def _unexpected(raised: BaseException, verb: Verb, plan: Plan) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{type(raised).__name__} while sending the {verb.name} of {plan.record.ref}",
        account=plan.record.account,
    )


def standing_in_the_way(session: Session, operation: Operation, plan: Plan) -> BillctlError:
    """The error for an unsettled operation: busy while its process lives, unknown when it died."""
    try:
        with session.store.lock_object(operation.object):
            return unknown_operation(operation, plan)
    except Busy:
        return Busy(
            f"{operation.id} on {plan.record.ref} is being done right now by another run",
            code="operation_open",
            hint="Wait for it, then look: `billctl audit list`.",
        )


def unknown_operation(operation: Operation, plan: Plan) -> OutcomeUnknown:
    """The error for an operation whose process ended without knowing what became of it."""
    return OutcomeUnknown(
        f"nobody knows yet what became of {operation.id} on {plan.record.ref}; nothing was sent now",
        code="operation_unknown",
        hint="Run `billctl audit reconcile`, then run this again.",
    )
