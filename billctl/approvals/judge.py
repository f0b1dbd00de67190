"""What has become of a request, and whether a decision on it counts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from billctl.approvals.folder import Folder
from billctl.approvals.model import ApprovalRequest, Decision, Status, Unsound
from billctl.approvals.rules import PEOPLE, People, lifetime, objecting
from billctl.frozen import frozen
from billctl.profiles.policy import Policy

SKEW = timedelta(minutes=5)
"""How far the clocks of two hosts that share a folder may be apart."""


@frozen
class Verdict:
    """What has become of a request.

    `decision` is the one that counts; `fault` why the one that is there does not, as what follows its name.
    """

    status: Status
    decision: Decision | None = None
    fault: str | None = None


def judge(
    request: ApprovalRequest,
    folder: Folder,
    policies: Sequence[Policy] | None,
    *,
    now: datetime,
    people: People = PEOPLE,
) -> Verdict:
    """What has become of a request by the files of its folder and the policies in force.

    `policies` None: they are not known here, and the request's own words count. An approval serves until
    the request expires; a denial stands after that too, in lists.
    """
    decision, fault = _decision(request, folder, policies, people)
    if folder.is_used(request.id):
        return Verdict(status=Status.USED, decision=decision, fault=fault)
    if decision is not None and not decision.approved:
        return Verdict(status=Status.DENIED, decision=decision)
    if has_expired(request, policies, now=now):
        return Verdict(status=Status.EXPIRED, decision=decision, fault=fault)
    status = Status.PENDING if decision is None else Status.APPROVED
    return Verdict(status=status, decision=decision, fault=fault)


def has_expired(request: ApprovalRequest, policies: Sequence[Policy] | None, *, now: datetime) -> bool:
    """Whether a request is past its time, or was made longer than the policies let one last."""
    longest = request.expires if policies is None else request.created + lifetime(policies)
    end = min(request.expires, longest)
    return now >= end or request.created > now + SKEW


def _decision(
    request: ApprovalRequest, folder: Folder, policies: Sequence[Policy] | None, people: People
) -> tuple[Decision | None, str | None]:
    try:
        decision = folder.decision(request.id)
    except Unsound as error:
        return None, str(error)
    fault = _objection(request, decision, policies, people) if decision else None
    return (None, fault) if fault else (decision, None)


def _objection(
    request: ApprovalRequest, decision: Decision, policies: Sequence[Policy] | None, people: People
) -> str | None:
    """Why a decision does not count for a request, or None."""
    approver = decision.approver
    if approver.uid == request.requester.uid:
        return f"was made by {people.login(approver.uid)}, who made the request"
    if approver.sudo_uid == request.requester.uid:
        return f"was made through sudo by {people.login(approver.sudo_uid)}, who made the request"
    if decision.request != request.id or decision.plan_hash != request.plan_hash:
        return "is of another plan"
    if decision.request_hash != request.digest:
        return "is of a request that was changed since"
    if not request.created - SKEW <= decision.decided < request.expires + SKEW:
        return "was not made while the request stood"
    if source := objecting(policies or (), approver.uid, people):
        return f"was made by {people.login(approver.uid)}, whom {source} does not let approve"
    return None
