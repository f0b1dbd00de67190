"""The second person's side: look at a request, and say yes or no to it, once, on the record."""

from collections.abc import Callable, Sequence
from datetime import datetime

from billctl.approvals.folder import Folder
from billctl.approvals.judge import Verdict, judge
from billctl.approvals.model import ApprovalRequest, Decision, Person, Status, Unsound, decision_text
from billctl.approvals.rules import PEOPLE, People, objecting
from billctl.audit.log import AuditLog
from billctl.errors import BillctlError, Busy, NotFound, PolicyDenied
from billctl.frozen import frozen
from billctl.profiles.policy import Policy

WORDS = {True: "approve", False: "deny"}
"""What a decision is called in the audit log."""


@frozen
class Desk:
    """Where a second person decides.

    `policies` are those in force, None where no profile is read: whether he may is then checked only when
    the approval is used, as it always is. `open_log` gives his log, `clock` aware datetimes.
    """

    folder: Folder
    policies: Sequence[Policy] | None
    person: Person
    open_log: Callable[[], AuditLog]
    clock: Callable[[], datetime]
    people: People = PEOPLE

    def find(self, request_id: str) -> ApprovalRequest:
        """A request. Raises `NotFound`, and `PolicyDenied` for a file that is not to be trusted."""
        self.folder.check()
        try:
            request = self.folder.request(request_id)
        except Unsound as fault:
            raise PolicyDenied(
                f"{request_id} cannot be decided: its file {fault}",
                code="request_unsound",
                hint="Its requester has to ask again.",
            ) from fault
        if request is None:
            raise NotFound(f"there is no request {request_id} in {self.folder.path}", hint=LIST)
        return request

    def judge(self, request: ApprovalRequest) -> Verdict:
        """What has become of a request."""
        return judge(request, self.folder, self.policies, now=self.clock(), people=self.people)

    def decide(
        self, request_id: str, *, approved: bool, reason: str, confirm: Callable[[ApprovalRequest], None]
    ) -> ApprovalRequest:
        """Approve or deny a request; it is in this person's log before it is in the folder.

        `confirm` raises `PolicyDenied` where the person does not mean it. Raises `NotFound`, `PolicyDenied`
        for one's own request, an expired one and somebody who is no approver, `Busy` for one that is
        decided, `ConfigError` and `StoreError` for a folder that cannot be used.
        """
        log = self.open_log()  # one that cannot be written is to stop this first
        request: ApprovalRequest | None = None
        try:
            request = self.find(request_id)
            self._check(request)
            confirm(request)
            self._check(request)  # a person may take his time
        except (PolicyDenied, Busy, NotFound) as error:
            self._note(log, request_id, request, approved=approved, reason=reason, error=error)
            raise
        self._note(log, request_id, request, approved=approved, reason=reason)
        decision = Decision(
            request=request.id,
            request_hash=request.digest,
            plan_hash=request.plan_hash,
            approved=approved,
            approver=self.person,
            reason=reason,
            decided=self.clock(),
        )
        try:
            if not self.folder.put(f"{request.id}.decision", decision_text(decision)):
                raise Busy(f"{request.id} was decided meanwhile", code="approval_decided", hint=LIST)
        except BillctlError as error:
            self._note(log, request_id, request, approved=approved, reason=reason, error=error)
            raise
        return request

    def _check(self, request: ApprovalRequest) -> None:
        """Raise `PolicyDenied` or `Busy` unless this person may decide this request now."""
        asker = request.requester.uid
        if asker == self.person.uid:
            raise PolicyDenied(
                f"{request.id} is your own request", code="own_request", hint="A second person has to decide."
            )
        if asker == self.person.sudo_uid:
            raise PolicyDenied(
                f"{request.id} is the request of {self.people.login(asker)}, who runs this through sudo",
                code="own_request",
                hint="A second person has to decide.",
            )
        verdict = self.judge(request)
        if verdict.fault:
            raise Busy(
                f"{request.id} has a decision that does not count: it {verdict.fault}",
                code="approval_decided",
                hint=f"Look at {self.folder.path / request.id}.decision; its owner or root can remove it.",
            )
        if verdict.status is Status.EXPIRED:
            raise PolicyDenied(
                f"{request.id} has expired", code="approval_expired", hint="Its requester has to ask again."
            )
        if verdict.status is not Status.PENDING:
            raise Busy(f"{request.id} is {verdict.status} already", code="approval_decided", hint=LIST)
        if source := objecting(self.policies or (), self.person.uid, self.people):
            raise PolicyDenied(
                f"{self.person.login} is not among the approvers of {source}",
                code="not_an_approver",
                hint="Somebody on its list has to decide.",
            )

    def _note(
        self,
        log: AuditLog,
        request_id: str,
        request: ApprovalRequest | None,
        *,
        approved: bool,
        reason: str,
        error: BillctlError | None = None,
    ) -> None:
        denied = isinstance(error, PolicyDenied | Busy)
        plan = request.plan if request else {"object_type": "approval", "object_id": request_id}
        log.note(
            WORDS[approved],
            outcome="succeeded" if error is None else "denied" if denied else "failed",
            account=plan.get("account"),
            gateway=plan.get("gateway"),
            object_type=plan["object_type"],
            object_id=plan["object_id"],
            reason=reason,
            result=_about(request) if request else {},
            error=error,
        )


LIST = "See `billctl approvals list --all`."


def _about(request: ApprovalRequest) -> dict[str, object]:
    return {
        "request_id": request.id,
        "requester": request.requester.login,
        "requester_uid": request.requester.uid,
        "action": request.plan["action"],
        "ref": request.ref,
        "amount": request.amount,
        "plan_hash": request.plan_hash,
        "request_hash": request.digest,
    }
