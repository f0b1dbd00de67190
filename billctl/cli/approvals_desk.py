"""What the commands of approvals share: where they look, and how a request is shown."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from billctl.approvals.decide import Desk
from billctl.approvals.folder import Folder
from billctl.approvals.judge import Verdict
from billctl.approvals.model import ID, ApprovalRequest, Person, person
from billctl.approvals.rules import PEOPLE, folder_of
from billctl.audit.actor import current_actor
from billctl.cli.audit_log import writing
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.opening import session_of
from billctl.cli.options import Choices
from billctl.cli.output import Result
from billctl.cli.views import local_time
from billctl.errors import ConfigError, UsageError
from billctl.models import rfc3339
from billctl.session import Session, utc_now

COLUMNS = (
    *("id", "status", "requester.login", "action", "ref", "amount.amount", "amount.currency", "expires"),
    *("approver.login", "reason"),
)
STRESSED = {"pending": "yellow", "denied": "red", "approved": "green"}


@contextmanager
def desk_of(chosen: Choices, directory: Path | None) -> Iterator[Desk]:
    """The desk of whoever runs this: at the folder of the profile's policies, or at `directory`.

    No gateway is asked, and no credentials are looked for. Raises `ConfigError` for a folder that cannot be
    trusted.
    """
    with ExitStack() as opened:
        if directory is not None:
            folder = Folder(directory.absolute(), private=False)
            folder.check()
            yield Desk(
                folder=folder,
                policies=None,
                person=person(current_actor(os.environ)),
                open_log=lambda: opened.enter_context(writing())[1],
                clock=utc_now,
            )
            return
        session = _session(chosen, opened)
        folder = folder_of(session.policies, session.state_dir)
        folder.check()
        yield Desk(
            folder=folder,
            policies=session.policies,
            person=person(session.actor),
            open_log=lambda: session.log,
            clock=session.clock,
        )


def _session(chosen: Choices, opened: ExitStack) -> Session:
    try:
        return opened.enter_context(session_of(chosen))
    except ConfigError as error:
        if error.code == "no_profile":
            error.hint = "Name the folder of requests, --dir PATH, or a profile: --profile NAME."
        raise


def answer(chosen: Choices, rows: list[dict[str, Any]], view: View, **more: Any) -> Result:
    """What a command about requests answers: `rows` are their data."""
    profile, mode = chosen.opened or (chosen.profile, None)
    return Result(records=rows, columns=COLUMNS, view=view, profile=profile, mode=mode, **more)


def checked_id(text: str) -> str:
    """The id of a request. Raises `UsageError` for what is none."""
    if not ID.fullmatch(text):
        raise UsageError(f"{text[:60]!r} is no request's id", code="bad_id", hint="Like apr_….")
    return text


def request_data(request: ApprovalRequest, verdict: Verdict) -> dict[str, Any]:
    """A request as machines get it."""
    plan, decision = request.plan, verdict.decision
    return {
        "type": "approval",
        "id": request.id,
        "status": str(verdict.status),
        "live": request.live,
        **{name: plan[name] for name in ("profile", "mode", "action")},
        "ref": request.ref,
        **{name: plan[name] for name in ("account_id", "customer")},
        "amount": request.amount,
        "requester": _person_data(request.requester),
        "rules": sorted(request.rules),
        "why": list(request.why),
        **{name: plan[name] for name in ("reason", "reason_code", "ticket")},
        "plan": dict(plan["facts"]),
        "plan_hash": request.plan_hash,
        "created": rfc3339(request.created),
        "expires": rfc3339(request.expires),
        "decided": rfc3339(decision.decided) if decision else None,
        "approver": _person_data(decision.approver) if decision else None,
        "decision_reason": decision.reason if decision else None,
        "fault": f"a decision does not count: it {verdict.fault}" if verdict.fault else None,
    }


def _person_data(who: Person) -> dict[str, Any]:
    """The login is what this system calls the uid, not what the file says."""
    return {"uid": who.uid, "login": PEOPLE.login(who.uid), "host": who.host, "claimed": who.claimed}


def request_view(request: ApprovalRequest, verdict: Verdict) -> View:
    """A request as a person looks at it before deciding."""
    plan, decision = request.plan, verdict.decision
    one = plan["object_type"] != "batch"
    rows = [
        *plan["facts"],
        *((("customer", plan["customer"] or "no customer (guest)"),) if one else ()),
        ("reason", plan["reason"]),
        *((name.replace("_", " "), plan[name]) for name in ("reason_code", "ticket") if plan[name]),
        ("asked by", f"{_name(request.requester)}, {local_time(request.created)}"),
        *(("because", sentence) for sentence in request.why),
        *((("lifts", ", ".join(sorted(request.rules))),) if request.rules else ()),
        ("expires", local_time(request.expires)),
    ]
    if decision:
        word = "approved by" if decision.approved else "denied by"
        rows += [
            (word, f"{_name(decision.approver)}, {local_time(decision.decided)}"),
            ("saying", decision.reason),
        ]
    if verdict.fault:
        rows.append(("beware", f"a decision is there that does not count: it {verdict.fault}"))
    mode = Cell("LIVE", "red") if request.live else Cell("test")
    account = f"{plan['gateway']} account {plan['account_id'] or 'unknown'}" if one else plan["action"]
    cells = tuple((Cell(label, "dim"), text) for label, text in rows)
    return [
        Line((mode, request.ref, account)),
        Line((request.id, status_cell(verdict.status))),
        Grid((Column(), Column()), cells, indent=2),
    ]


def status_cell(status: str) -> Cell:
    """A request's status, stressed as it deserves."""
    return Cell(status, STRESSED.get(status, ""))


def _name(who: Person) -> str:
    login = f"{PEOPLE.login(who.uid)} (uid {who.uid}) on {who.host}"
    return f"{login}, who claims to be {who.claimed}" if who.claimed else login
