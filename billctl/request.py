"""What is asked of the one path of every change, on which terms, and what it answers."""

from collections.abc import Mapping
from typing import Any, Protocol

from billctl.audit.log import Subject
from billctl.errors import BillctlError, UsageError
from billctl.frozen import field, frozen
from billctl.policy.verdict import Verdict
from billctl.reasons import check_reason
from billctl.store.interface import Guard
from billctl.text import find_secret, holds_key
from billctl.verbs.plan import Plan, Verb


@frozen
class Request:
    """What an operator asked for, besides the verb: on what, why, and under which assurances.

    `attended`: a person at a terminal can be asked.
    """

    object_id: str
    reason: str | None
    reason_code: str | None = None
    ticket: str | None = None
    again: int = 1
    dry_run: bool = False
    yes: bool = False
    live: str | None = None
    request_approval: bool = False
    attended: bool = False


@frozen
class ActionResult:
    """What became of a request.

    `outcome` is a word of the command-line contract, None after a dry run. `error` is set when the
    action did not succeed although there is a result to show, or (after a dry run) would not;
    `intent` and `outcome_seq` number the audit records. `verdict` is the policies', where they were asked.
    """

    plan: Plan
    operation: str | None
    outcome: str | None
    result: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    intent: int | None = None
    outcome_seq: int | None = None
    error: BillctlError | None = None
    verdict: Verdict | None = None


class Confirmation(Protocol):
    """Who answers for a plan: a person at a terminal, the options of a run without one, a batch's plan."""

    def ask(self, plan: Plan, request: Request) -> None:
        """Raise `PolicyDenied` unless the plan is confirmed."""

    def check(self, plan: Plan, request: Request) -> None:
        """Raise `PolicyDenied` where `ask` certainly would, without asking anybody."""


class Permit(Protocol):
    """Whether one plan may be carried out, by the policies and by a second person."""

    verdict: Verdict

    def objection(self) -> BillctlError | None:
        """The error that `obtain` would end with as things stand, found without asking a second person."""

    def obtain(self) -> Plan:
        """The plan, with who approved it. Raises `PolicyDenied`, or `ApprovalRequired` while that waits."""

    def guard(self) -> Guard | None:
        """What holds the limits per day as the intent is recorded."""

    def record(self) -> Mapping[str, Any] | None:
        """What the intent's record keeps of the approval."""

    def spend(self, operation: str | None, outcome: str | None) -> tuple[str, ...]:
        """Use the approval up where the operation may have had an effect; returns warnings, never raises."""


class Terms(Protocol):
    """What an action takes care of around itself; a batch does some of it once for all of its rows."""

    def begin(self) -> None:
        """Before anything is read: raise `StoreError` where the log cannot be trusted."""

    def read(self, plan: Plan) -> None:
        """After the object was read: raise `PolicyDenied` where it is not as it was expected."""

    def permit(self, plan: Plan, subject: Subject, request: Request) -> Permit:
        """The judgement of a plan that is resolved and checked."""

    def before_sending(self) -> None:
        """After the confirmation: raise `anchoring.Unanchored` where the profile demands an anchoring."""

    def on_the_way(self, operation: str) -> None:
        """The intent of `operation` is recorded; it begins to be sent."""

    def afterwards(self) -> tuple[str, ...]:
        """After the outcome is recorded; returns warnings, raises nothing."""


class Unburdened:
    """Terms but for the `permit`, for an action that somebody else takes care of; see `Terms`."""

    def begin(self) -> None:
        """Nothing."""

    def read(self, plan: Plan) -> None:
        """Nothing."""

    def before_sending(self) -> None:
        """Nothing."""

    def on_the_way(self, operation: str) -> None:
        """Nothing."""

    def afterwards(self) -> tuple[str, ...]:
        """Nothing."""
        return ()


def check_request(request: Request, verb: Verb) -> None:
    """Raise `UsageError` where the reason, the ticket, the ordinal or what was chosen is not acceptable."""
    check_reason(request.reason, ticket=request.ticket, reason_code=request.reason_code)
    if holds_key(request.object_id):  # a long number may be an id, a key never is
        raise UsageError("the id is an API key, which must not be recorded", code="secret_in_text")
    if request.again < 1:
        raise UsageError(
            "--again counts from 2: the second identical operation is --again 2", code="bad_again"
        )
    for name, text in verb.params().items():
        if secret := find_secret(text):
            raise UsageError(
                f"--{name} seems to hold {secret}, which must not be recorded", code="secret_in_text"
            )
