"""The requester's side: is there an approval of exactly this plan, and if not, ask for one."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from billctl.approvals.folder import SHARED_EXAMPLE, Folder
from billctl.approvals.judge import Verdict, has_expired, judge
from billctl.approvals.model import (
    Approval,
    ApprovalRequest,
    Decision,
    Status,
    Unsound,
    person,
    read_request,
    request_text,
    sha256,
)
from billctl.approvals.rules import PEOPLE, folder_of, lifetime
from billctl.audit.chain import canonical
from billctl.audit.log import Subject
from billctl.errors import ApprovalRequired, ConfigError, PolicyDenied, StoreError
from billctl.models import data, rfc3339
from billctl.session import Session
from billctl.text import mask

SAID = {"before": "its state", "facts": "its state", "params": "options", "requester_uid": "requester"}
"""Field of a plan → what a person calls it; the others are called by their names."""


class Matter(Protocol):
    """What is approved, beside its subject: a `verbs.Plan`, or a whole batch.

    `key` is of the operation or the plan, `before` the state of what it changes, `facts` the lines that a
    person reads, label and text.
    """

    @property
    def key(self) -> str:
        """See above."""

    @property
    def before(self) -> Mapping[str, Any]:
        """See above."""

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """See above."""


def settle(
    session: Session, plan: Matter, subject: Subject, *, rules: frozenset[str], why: tuple[str, ...]
) -> Approval:
    """The approval of exactly this plan against exactly these rules, or more of them.

    Where there is none yet, a request is filed and `ApprovalRequired` raised, which names it; so it is
    while the request waits. Raises `PolicyDenied` where a second person said no, or a decision does not
    count; `ConfigError` or `StoreError` for a folder that cannot be used. `rules` are the keys of the rules
    that demand approval, `why` says them as sentences. The errors' `approval` is the request.
    """
    desk = _Desk(session, plan, subject, rules)
    found = desk.standing()
    if isinstance(found, Approval):
        return found
    if found is None:
        found, note = desk.file(why)
        raise desk.required(found, f"{'; '.join(why)}: {found.id} asks for approval{note}", "approval_asked")
    raise desk.required(found, f"{found.id} still waits for a second person", "approval_pending")


def standing(session: Session, plan: Matter, subject: Subject, *, rules: frozenset[str]) -> Approval | None:
    """As `settle`, without asking for anything: None where nobody has been asked, or nobody has decided."""
    found = _Desk(session, plan, subject, rules).standing()
    return found if isinstance(found, Approval) else None


def used(session: Session, approval: Approval, operation: str) -> str | None:
    """Mark an approval as used by an operation that was sent; what to say where that cannot be done.

    It would fit no other operation anyway: a plan names its operation's key, of which the store lets one
    through. The mark lets everybody see it. For a batch, `operation` is its id.
    """
    marker = canonical({"id": approval.id, "operation": operation, "time": rfc3339(session.clock())})
    try:
        _folder(session).put(f"{approval.id}.used", marker)
    except (ConfigError, StoreError) as error:
        return f"{approval.id} could not be marked as used: {error.message}"
    return None


def bound_plan(session: Session, plan: Matter, subject: Subject, uid: int) -> dict[str, Any]:
    """Everything that an approval is bound to: if any of it changes, it is another plan.

    That is what is done to which object in which state, the operation's key, why, under which account and
    mode, and who asks.
    """
    fields = data(subject.data())
    return {
        **{name: fields[name] for name in SUBJECT_FIELDS},
        "key": plan.key,
        "before": _masked(data(dict(plan.before))),
        "facts": [[label, mask(text)] for label, text in plan.facts],
        "profile": session.profile.name,
        "mode": str(session.profile.mode),
        "requester_uid": uid,
    }


SUBJECT_FIELDS = (
    *("action", "gateway", "account", "account_id", "live", "object_type", "object_id", "object", "params"),
    *("customer", "amount", "reason", "reason_code", "ticket", "again"),
)


def _masked(value: Any) -> Any:
    match value:
        case str():
            return mask(value)
        case dict():
            return {name: _masked(item) for name, item in value.items()}
        case list():
            return [_masked(item) for item in value]
        case _:
            return value


def _folder(session: Session) -> Folder:
    return folder_of(session.policies, session.state_dir)


class _Desk:
    """One plan before its folder."""

    def __init__(self, session: Session, plan: Matter, subject: Subject, rules: frozenset[str]) -> None:
        self.session = session
        self.rules = rules
        self.folder = _folder(session)
        self.folder.check()
        self.now = session.clock()
        self.requester = person(session.actor)
        self.plan = bound_plan(session, plan, subject, self.requester.uid)
        self.hash = sha256(canonical(self.plan))

    def standing(self) -> Approval | ApprovalRequest | None:
        """The approval of the plan, else the request that waits, else None. Raises `PolicyDenied`.

        What was used counts for nothing any more: an operation that then proved not done asks anew. So does
        one that a rule has come to stand against since, a day's limit perhaps: nobody approved of that.
        """
        judged = [
            (request, self._judge(request)) for request in self._own() if request.plan_hash == self.hash
        ]
        found = [(request, verdict) for request, verdict in judged if verdict.status is not Status.USED]
        for request, verdict in found:
            _refuse(request, verdict)
        fitting = [(request, verdict) for request, verdict in found if self.rules <= request.rules]
        for request, verdict in fitting:
            if verdict.status is Status.APPROVED and verdict.decision is not None:
                return _approval(request, verdict.decision)
        return fitting[0][0] if fitting else None

    def _own(self) -> Iterator[ApprovalRequest]:
        """The requests of this user that have not expired."""
        for _, request in self.folder.requests():
            if isinstance(request, Unsound) or request.requester.uid != self.requester.uid:
                continue
            if not has_expired(request, self.session.policies, now=self.now):
                yield request

    def _judge(self, request: ApprovalRequest) -> Verdict:
        return judge(request, self.folder, self.session.policies, now=self.now)

    def file(self, why: tuple[str, ...]) -> tuple[ApprovalRequest, str]:
        """Ask for approval: the request, and what to say where an earlier one does not fit any more."""
        earlier = next((own for own in self._own() if own.plan["key"] == self.plan["key"]), None)
        text = request_text(
            request_id="apr_" + self.session.new_operation_id().removeprefix("op_"),
            created=self.now,
            expires=self.now + lifetime(self.session.policies),
            requester=self.requester,
            plan=self.plan,
            rules=self.rules,
            why=tuple(map(mask, why)),
        )
        request = read_request(text.encode())
        if not self.folder.put(f"{request.id}.json", text):
            raise StoreError(f"there is a request {request.id} already", hint="Run it again.")
        if earlier is None:
            return request, ""
        if new_rules := sorted(self.rules - earlier.rules):
            return request, f"; {earlier.id} was asked before {', '.join(new_rules)} stood against it"
        if earlier.plan_hash == self.hash:
            return request, f"; {earlier.id} was used already"
        names = [name for name, value in self.plan.items() if earlier.plan[name] != value]
        changed = ", ".join(dict.fromkeys(SAID.get(name, name.replace("_", " ")) for name in names))
        return request, f"; {earlier.id} does not fit any more ({changed} changed)"

    def required(self, request: ApprovalRequest, message: str, code: str) -> ApprovalRequired:
        """The error of a request that waits."""
        hint = f"Another user decides: `billctl approvals approve {request.id}`. Then run this again."
        if self.folder.private:
            hint = (
                f"It lies in {self.folder.path}, where only root could decide it: set approvals_dir in the "
                f"policy to a folder that both of you reach, as from `{SHARED_EXAMPLE}`."
            )
        error = ApprovalRequired(message, code=code, hint=hint)
        error.approval = _named(request)
        return error


def _named(request: ApprovalRequest) -> dict[str, str]:
    return {"id": request.id, "plan_hash": request.plan_hash, "request_hash": request.digest}


def _refuse(request: ApprovalRequest, verdict: Verdict) -> None:
    """Raise `PolicyDenied` where the request came to nothing."""
    decision = verdict.decision
    named: dict[str, Any] = _named(request)
    if verdict.fault:
        said = (f"the decision on {request.id} does not count: it {verdict.fault}", "approval_unsound")
        hint = f"See `billctl approvals show {request.id}`."
    elif verdict.status is Status.DENIED and decision is not None:
        who = PEOPLE.login(decision.approver.uid)
        said = (f"{who} denied {request.id}: {decision.reason}", "approval_denied")
        hint = "Talk to each other; a changed request is a new one."
        named |= {"approver": who, "approver_uid": decision.approver.uid, "reason": decision.reason}
    else:
        return
    error = PolicyDenied(said[0], code=said[1], hint=hint)
    error.approval = named
    raise error


def _approval(request: ApprovalRequest, decision: Decision) -> Approval:
    return Approval(
        id=request.id,
        requester=PEOPLE.login(request.requester.uid),
        approver=PEOPLE.login(decision.approver.uid),
        approver_uid=decision.approver.uid,
        reason=mask(decision.reason),
        decided=decision.decided,
        rules=request.rules,
    )
