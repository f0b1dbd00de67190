"""What stands in the files of approvals: a request bound to one plan, and a decision bound to one request.

Both are one line of canonical JSON. A request names its plan and the plan's hash; a decision names the
hashes of the plan and of the request's own bytes, so that it fits nothing else.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from billctl.audit.actor import Actor
from billctl.audit.chain import canonical
from billctl.errors import BillctlError
from billctl.frozen import field, frozen
from billctl.models import rfc3339
from billctl.money import Money

FORMAT = 1
REQUEST = "approval request"
DECISION = "approval decision"
ID = re.compile(r"apr_[0-9A-HJKMNP-TV-Z]{26}")
"""As an operation's id: Crockford's base 32 after the prefix."""


YEARS = range(2000, 9000)
"""A time outside of them would not be summed with a lifetime."""


class Status(StrEnum):
    """What has become of a request."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"


class Unsound(Exception):
    """A file is not what its name says, or not to be trusted; the text says why, to follow `it`."""


@frozen
class Person:
    """Who made a file, as its text has it. `sudo_uid` and `claimed` see `audit.actor`."""

    uid: int
    login: str
    host: str
    claimed: str | None = None
    sudo_uid: int | None = None

    def data(self) -> dict[str, Any]:
        """The parts that have a value."""
        parts = {
            "uid": self.uid,
            "login": self.login,
            "host": self.host,
            "claimed": self.claimed,
            "sudo_uid": self.sudo_uid,
        }
        return {name: value for name, value in parts.items() if value is not None}


def own_uid() -> int:
    """Whose the files are that this process makes."""
    return os.geteuid()


def person(actor: Actor) -> Person:
    """The operator as a file's author."""
    return Person(
        uid=own_uid(),
        login=actor.login,
        host=actor.host,
        claimed=actor.claimed,
        sudo_uid=actor.sudo_uid,
    )


@frozen
class ApprovalRequest:
    """A request as its file has it. `digest` is the SHA-256 of the file's bytes, lower hex.

    `plan` is all that the request is bound to (see `settle.bound_plan`), `plan_hash` its hash; `rules` are
    the keys of the rules that its approval lifts, and of no other; `why` says them as sentences.
    `requester` made the file.
    """

    id: str
    created: datetime
    expires: datetime
    requester: Person
    plan: Mapping[str, Any]
    plan_hash: str
    rules: frozenset[str]
    why: tuple[str, ...]
    digest: str = field(repr=False)

    @property
    def ref(self) -> str:
        """`ACCOUNT:ID` of the object."""
        return f"{self.plan['account']}:{self.plan['object_id']}"

    @property
    def amount(self) -> Money | None:
        """What would be moved."""
        amount = self.plan["amount"]
        return Money(amount["minor"], amount["currency"]) if amount else None

    @property
    def live(self) -> bool:
        """Whether it is at a live account."""
        return bool(self.plan["live"])


@frozen
class Decision:
    """A second person's yes or no to one request, as his file has it."""

    request: str
    request_hash: str
    plan_hash: str
    approved: bool
    approver: Person
    reason: str
    decided: datetime


@frozen
class Approval:
    """A request that another person approved, as the intent's record keeps it; `rules` it lifts."""

    id: str
    requester: str
    approver: str
    approver_uid: int
    reason: str
    decided: datetime
    rules: frozenset[str] = frozenset()

    def data(self) -> dict[str, Any]:
        """The record's form."""
        return {
            "id": self.id,
            "requester": self.requester,
            "approver": self.approver,
            "approver_uid": self.approver_uid,
            "reason": self.reason,
            "decided": rfc3339(self.decided),
        }


def sha256(text: str) -> str:
    """The SHA-256 of a text in UTF-8, lower hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def request_text(
    *,
    request_id: str,
    created: datetime,
    expires: datetime,
    requester: Person,
    plan: Mapping[str, Any],
    rules: Iterable[str],
    why: tuple[str, ...],
) -> str:
    """The text of a request's file."""
    return canonical(
        {
            "billctl": REQUEST,
            "format": FORMAT,
            "id": request_id,
            "created": rfc3339(created),
            "expires": rfc3339(expires),
            "requester": requester.data(),
            "plan": dict(plan),
            "plan_hash": sha256(canonical(dict(plan))),
            "rules": sorted(rules),
            "why": list(why),
        }
    )


def decision_text(decision: Decision) -> str:
    """The text of a decision's file."""
    return canonical(
        {
            "billctl": DECISION,
            "format": FORMAT,
            "id": decision.request,
            "request_hash": decision.request_hash,
            "plan_hash": decision.plan_hash,
            "approved": decision.approved,
            "approver": decision.approver.data(),
            "reason": decision.reason,
            "decided": rfc3339(decision.decided),
        }
    )


def read_request(raw: bytes) -> ApprovalRequest:
    """The request in a file. Raises `Unsound` for anything else.

    Its plan's hash is computed anew, so that what is shown of the plan is what a decision is bound to.
    """
    found = _document(raw, REQUEST)
    try:
        _check_plan(found["plan"])
        request = ApprovalRequest(
            id=_text(found["id"]),
            created=_instant(found["created"]),
            expires=_instant(found["expires"]),
            requester=_person(found["requester"]),
            plan=found["plan"],
            plan_hash=sha256(canonical(found["plan"])),
            rules=frozenset(_text(rule) for rule in found["rules"]),
            why=tuple(_text(sentence) for sentence in found["why"]),
            digest=hashlib.sha256(raw).hexdigest(),
        )
        _ = request.amount
        named = _text(found["plan_hash"])
    except (KeyError, TypeError, ValueError, RecursionError, BillctlError) as error:
        raise Unsound(f"is no request of this version ({type(error).__name__})") from error
    if named != request.plan_hash:
        raise Unsound("was changed: its plan does not have the hash it names")
    if request.plan["requester_uid"] != request.requester.uid:
        raise Unsound("names two requesters")
    return request


def read_decision(raw: bytes) -> Decision:
    """The decision in a file. Raises `Unsound` for anything else."""
    found = _document(raw, DECISION)
    try:
        if not isinstance(found["approved"], bool):
            raise TypeError
        return Decision(
            request=_text(found["id"]),
            request_hash=_text(found["request_hash"]),
            plan_hash=_text(found["plan_hash"]),
            approved=found["approved"],
            approver=_person(found["approver"]),
            reason=_text(found["reason"]),
            decided=_instant(found["decided"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unsound(f"is no decision of this version ({type(error).__name__})") from error


def _document(raw: bytes, kind: str) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise Unsound("is not JSON") from error
    if not isinstance(found, dict) or (found.get("billctl"), found.get("format")) != (kind, FORMAT):
        raise Unsound(f"is no {kind} of this version")
    return found


PLAN_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("action", "gateway", "account", "object_type", "object_id", "object"), (str,)),
    **dict.fromkeys(("key", "profile", "mode", "reason"), (str,)),
    **dict.fromkeys(("account_id", "customer", "reason_code", "ticket"), (str, type(None))),
    **dict.fromkeys(("params", "before"), (dict,)),
    **dict.fromkeys(("again", "requester_uid"), (int,)),
    "live": (bool,),
    "amount": (dict, type(None)),
    "facts": (list,),
}
"""The fields of a plan, and what each may be."""


def _check_plan(plan: Any) -> None:
    if _fields(plan).keys() != PLAN_TYPES.keys():
        raise ValueError("the plan has other fields")
    for name, kinds in PLAN_TYPES.items():
        if type(plan[name]) not in kinds:
            raise TypeError(name)
    for label, text in plan["facts"]:
        _text(label), _text(text)


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _instant(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None or moment.year not in YEARS:
        raise ValueError("a time without its offset, or of no year that billctl can be run in")
    return moment


def _person(found: Any) -> Person:
    value = _fields(found)
    claimed, sudo_uid = value.get("claimed"), value.get("sudo_uid")
    if type(value["uid"]) is not int or (sudo_uid is not None and type(sudo_uid) is not int):
        raise TypeError("a uid is a number")
    return Person(
        uid=value["uid"],
        login=_text(value["login"]),
        host=_text(value["host"]),
        claimed=None if claimed is None else _text(claimed),
        sudo_uid=sudo_uid,
    )
