"""The one path of every change: read, resolve, check, confirm, intent on disk, send, outcome on disk.

No record, no request. Whatever is not proved refused or unsent is unknown, and only a look at the
gateway settles it. Each kind of change is a `Verb`; the path is the same for all of them.
"""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from billctl import anchoring
from billctl.audit.entry import Entry, read
from billctl.audit.log import OutcomeNotRecorded, Subject
from billctl.audit.tail import check_tail
from billctl.errors import (
    ApprovalRequired,
    BillctlError,
    Busy,
    Partial,
    PolicyDenied,
    Refused,
    StoreError,
    Terminated,
)
from billctl.failures import as_error, proved_by
from billctl.frozen import replace
from billctl.gateway import Stamp
from billctl.money import Money
from billctl.policy.permission import Permission
from billctl.recorded import ended
from billctl.request import (
    ActionResult,
    Confirmation,
    Permit,
    Request,
    Terms,
    Unburdened,
    check_request,
)
from billctl.session import Session
from billctl.signals import one_interruption
from billctl.standing import abandoned_operation, standing_in_the_way
from billctl.store.interface import UNSETTLED, Operation, OperationState
from billctl.verbs.plan import Done, Plan, Verb

KEY_LENGTH = 32


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


def perform(
    session: Session,
    account: str,
    verb: Verb,
    request: Request,
    confirmation: Confirmation,
    *,
    terms: Terms | None = None,
) -> ActionResult:
    """Do `verb` on the object at `account`, with everything that the path demands; `terms` None: alone.

    Raises the error family for whatever goes wrong before sending; it is in the audit log as a denied
    attempt once the call proved well-formed. What was sent is there as an intent with its outcome, and
    its failure is the result's `error`. A dry run returns before anything is recorded or sent.
    """
    check_request(request, verb)
    terms = terms or Alone(session)
    terms.begin()
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
    run = _Run(session, verb, request, subject, terms)
    try:
        known = run.prepare(account)
        if known:
            return known
        if request.dry_run:
            return run.rehearse(confirmation)
        run.plan = run.permission.obtain()
        confirmation.ask(run.plan, request)
        terms.before_sending()
        done = run.send()
    except anchoring.Unanchored as error:  # the log itself can be written
        session.log.denied(run.subject, error=error)
        raise
    except StoreError:
        raise
    except (KeyboardInterrupt, Terminated):
        if run.operation is None:
            interrupted = PolicyDenied("interrupted before anything was sent", code="interrupted")
            session.log.denied(run.subject, error=interrupted)
        raise
    except ApprovalRequired as waits:
        seq = session.log.denied(run.subject, error=waits, approval=waits.approval)
        return run.waiting(waits, seq)
    except BillctlError as error:
        if not request.dry_run:
            session.log.denied(run.subject, error=error, approval=error.approval)
        raise
    return run.noted(done)


class Alone(Unburdened):
    """The terms of an action on its own; see `request.Terms`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self) -> None:
        """An unreadable or broken log stops everything before a gateway is asked."""
        self._session.sending = None
        check_tail(self._session.store)

    def permit(self, plan: Plan, subject: Subject, request: Request) -> Permit:
        """What the policies say, and a second person."""
        return Permission(
            self._session, plan, subject, asked=request.request_approval, attended=request.attended
        )

    def before_sending(self) -> None:
        """Anchor where the profile demands it."""
        anchoring.demand(self._session)

    def on_the_way(self, operation: str) -> None:
        """Let it be known what was sent, should nothing more be said of it."""
        self._session.sending = operation

    def afterwards(self) -> tuple[str, ...]:
        """Anchor where that is due."""
        return anchoring.renew(self._session)


def _shortfall(recorded: Mapping[str, str]) -> Partial:
    """What of an operation that was done did not happen, as its record has it."""
    return Partial(recorded["message"], code=recorded["code"], hint="It was done so: nothing was sent now.")


class _Run:
    """One request on its way; `subject` gathers what the audit log must know as it becomes known."""

    def __init__(
        self, session: Session, verb: Verb, request: Request, subject: Subject, terms: Terms
    ) -> None:
        self.session = session
        self.verb = verb
        self.request = request
        self.subject = subject
        self.terms = terms
        self.object_id = request.object_id
        """The object's own id as soon as it was read; it may have been asked for by another of its names."""
        self.operation: str | None = None
        """Its id, from when it begins to be sent."""

    def prepare(self, account: str) -> ActionResult | None:
        """Read, resolve and check; what is already known of this very operation, if anything."""
        _ = self.session.policies  # a central policy that cannot be used stops everything too
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
            self.terms.read(self.plan)
            self.plan = self.verb.check(opened.gateway, self.plan)
            self.subject = replace(self.subject, amount=self.plan.amount)
            self.permission = self.terms.permit(self.plan, self.subject, self.request)
        return known

    def rehearse(self, confirmation: Confirmation) -> ActionResult:
        """What a dry run shows; its error is the one that the real run would end with here."""
        error = self.permission.objection()
        if error is None:
            confirmation.check(self.plan, self.request)
        verdict = self.permission.verdict
        return ActionResult(plan=self.plan, operation=None, outcome=None, error=error, verdict=verdict)

    def _key(self, amount: Money | None) -> str:
        return operation_key(
            gateway=self.opened.account.gateway,
            identity=self.opened.place,
            action=self.verb.signature(),
            object_id=self.object_id,
            amount=self.verb.keyed(amount),
            again=self.request.again,
        )

    def _bind(self, plan: Plan) -> Plan:
        self.object_id = plan.record.id
        return replace(
            plan,
            identity=self.opened.identity,
            live=self.opened.live,
            object=self.opened.object(self.object_id),
            key=self._key(plan.amount),
        )

    def _known(self) -> ActionResult | None:
        """This operation as the store or the object itself knows it; raises where one stands in the way."""
        store = self.session.store
        operation = store.find_operation(key=self.plan.key)
        standing = operation if operation and operation.state in UNSETTLED else None
        standing = standing or store.unsettled_on(object=self.plan.object)
        if standing:
            raise standing_in_the_way(self.session, standing, self.plan)
        if operation is None:
            return self._stamped()
        if not self.verb.holds(self.plan, operation.key):
            raise Busy(
                f"{operation.id} has done this already, and {self.plan.record.ref} is not as it left it",
                code="operation_done",
                hint=f"To do it once more: --again {self.request.again + 1}.",
            )
        last = self._outcome_of(operation)
        result = last.fields.get("result") or {} if last else {}
        planned = self.plan.amount
        return self._already(operation.id, result, last.amount if last and planned is None else planned)

    def _stamped(self) -> ActionResult | None:
        """This operation as the object shows it: the log was lost, another host did it, or `--full` did."""
        done = self.verb.stamped(self.plan, self._key)
        if done is None:
            return None
        recorded = self.session.store.find_operation(key=self._key(done.moved))
        return self._already(done.operation or (recorded.id if recorded else None), done.result, done.moved)

    def _outcome_of(self, operation: Operation | None) -> Entry | None:
        """The record of what a settled operation came to."""
        record = self.session.store.record(operation.outcome) if operation and operation.outcome else None
        return read(record) if record else None

    def _already(
        self, operation_id: str | None, result: Mapping[str, Any], amount: Money | None
    ) -> ActionResult:
        operation = self.session.store.get_operation(operation_id) if operation_id else None
        last = self._outcome_of(operation)
        repeat = f". To do it once more: --again {self.request.again + 1}" if self.verb.repeatable else ""
        return ActionResult(
            plan=replace(self.plan, amount=amount),
            operation=operation_id,
            outcome="already_done",
            result=result,
            notes=(f"{operation_id or 'an earlier run'} has done this already; nothing was sent{repeat}",),
            intent=operation.intent if operation else None,
            outcome_seq=operation.outcome if operation else None,
            error=_shortfall(last.error) if last and last.error else None,
        )

    def waiting(self, error: ApprovalRequired, seq: int) -> ActionResult:
        """The result of a request that a second person has not approved yet; `seq` is its record."""
        return ActionResult(
            plan=self.plan,
            operation=None,
            outcome="approval_required",
            outcome_seq=seq,
            error=error,
            verdict=self.permission.verdict,
        )

    def noted(self, done: ActionResult) -> ActionResult:
        """`done`, after what follows it: its approval is used up, the log anchored where that is due."""
        spent = self.permission.spend(done.operation, done.outcome)
        return replace(done, notes=(*done.notes, *spent, *self.terms.afterwards()))

    def send(self) -> ActionResult:
        """Intent on disk, send, outcome on disk; one at a time for one object, on this host."""
        store, log, plan = self.session.store, self.session.log, self.plan
        operation = self.session.new_operation_id()
        with store.lock_object(plan.object):
            standing = store.unsettled_on(object=plan.object)
            if standing:
                raise abandoned_operation(standing, plan)
            intent = log.intent(
                self.subject,
                operation=operation,
                key=plan.key,
                before=plan.before,
                approval=self.permission.record(),
                guard=self.permission.guard(),
            )
            stamp = Stamp(
                key=plan.key,
                operation=operation,
                asked=self.session.clock(),
                reason_code=self.request.reason_code,
                ended=partial(ended, store),
            )
            with one_interruption() as end_interruptions:
                try:
                    self.operation = operation
                    self.terms.on_the_way(operation)
                    done = self.verb.send(self.opened.gateway, plan, stamp)
                    self.verb.compare(plan, done)
                    end_interruptions()
                except (Exception, KeyboardInterrupt, Terminated) as raised:  # noqa: BLE001  # all are recorded
                    end_interruptions()
                    return self._record_failure(operation, intent, raised)
                return self._record_success(operation, intent, done)

    def _record_failure(self, operation: str, intent: int, raised: BaseException) -> ActionResult:
        state, outcome = proved_by(raised)
        error = as_error(raised, operation, self.verb, self.plan)
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
        moved = self.plan.amount if done.moved is None else done.moved
        error = done.shortfall
        if failed:
            error = Refused(
                f"{self.plan.record.account} accepted the {self.verb.name} and then failed it",
                code=f"{self.verb.name}_failed",
                hint="To try once more: --again with the next number.",
            )
        outcome_seq: int | None = None
        try:
            outcome_seq = self.session.log.outcome(
                replace(self.subject, amount=moved),
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
            plan=replace(self.plan, amount=moved),
            operation=operation,
            outcome=done.outcome,
            result=done.result,
            notes=done.notes,
            intent=intent,
            outcome_seq=outcome_seq,
            error=error,
        )
