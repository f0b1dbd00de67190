"""From an action's command to `billctl.actions` and back: the confirmation before, the answer after."""

import sys
from collections.abc import Iterable
from typing import Any

import typer

from billctl.actions import perform
from billctl.cli import progress, prompts
from billctl.cli.layout import Cell, Column, Grid, Line, View, render
from billctl.cli.opening import object_of, session_of
from billctl.cli.options import choices
from billctl.cli.output import Result, terminal_width
from billctl.cli.views import with_local_times
from billctl.errors import BillctlError, PolicyDenied, UsageError
from billctl.frozen import replace
from billctl.money import parse
from billctl.policy import live
from billctl.policy.verdict import Word
from billctl.request import ActionResult, Request
from billctl.session import Session
from billctl.verbs.plan import Plan, Verb

CONTRACT_OUTCOMES = {"not_sent": "failed"}
"""What the log tells apart and the command line's contract has one word for; the error's class tells why."""

RESULT_COLUMNS = ("operation", "action", "ref", "outcome", "amount.amount", "amount.currency")
RECEIVER = {"resend": "result.to"}
"""What stands in the last column of TSV instead of the result's id."""
TOLD = frozenset({"percent", "line", "refund"})
"""What a verb's params are named in the answer, where there are any (`options`)."""
WORDS = {Word.DENIED: "denied", Word.NEEDS_APPROVAL: "needs approval"}


def act(context: typer.Context, verb: Verb, object_id: str) -> Result:
    """Run one action of the gateway whose group the command is in; returns what to print."""
    chosen = choices(context)
    options = dict(chosen.action)
    account = options.pop("account")
    options |= {"again": ordinal(options["again"]), "attended": prompts.somebody_is_there()}
    request = Request(object_id=object_id, **options)
    gateway = str(context.parent.info_name) if context.parent else ""
    with session_of(chosen) as session:
        name, object_id = object_of(session, gateway, object_id, account)
        request = replace(request, object_id=object_id)
        done = perform(session, name, verb, request, _Confirmation(session))
        return _result(done, session, _chosen(verb))


def _chosen(verb: Verb) -> dict[str, str]:
    """What was chosen beside an amount and a time, which the answer names."""
    return {name: text for name, text in verb.params().items() if name in TOLD}


def ordinal(again: str | None) -> int:
    """The operation's ordinal: 1 where `--again` is not given. Raises `UsageError` below 2."""
    if again is None:
        return 1
    if not (again.isascii() and again.isdigit() and 2 <= int(again[:6]) <= 999):
        raise UsageError(
            "--again takes a number from 2 to 999: the second identical operation is --again 2",
            code="bad_again",
        )
    return int(again)


class _Confirmation:
    """Shows a plan and asks on a terminal; elsewhere demands that everything was said in options."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(self, plan: Plan, request: Request) -> None:
        """See `actions.Confirmation`; a rehearsal needs no `--yes`, one that has it is judged by the rest."""
        live.check_live_assertion(request.live, plan.identity)
        if request.yes and not prompts.somebody_is_there():
            self._check_unattended(plan, request)

    def ask(self, plan: Plan, request: Request) -> None:
        """See `actions.Confirmation`."""
        live.check_live_assertion(request.live, plan.identity)
        if not prompts.somebody_is_there():
            self._check_unattended(plan, request)
            return
        if request.yes and (not plan.live or (request.live and self._session.profile.allow_unattended)):
            return
        customer = self._customer(plan)
        progress.end()
        view = _plan_view(plan, request, customer)
        sys.stderr.write(render(view, colour=False, width=terminal_width(sys.stderr)))
        _ask(plan)

    def _check_unattended(self, plan: Plan, request: Request) -> None:
        profile = self._session.profile
        live.check_unattended(
            yes=request.yes,
            live=plan.live,
            asserted=request.live,
            allowed=profile.allow_unattended,
            profile=profile.name,
        )

    def _customer(self, plan: Plan) -> str:
        """The customer's name for a person to recognise; his id where the name cannot be read."""
        if plan.customer_id is None:
            return "no customer (guest)"
        try:
            customer = self._session.gateway(plan.record.account).get_customer(plan.customer_id)
        except BillctlError:
            return plan.customer_id
        return f"{customer.name or customer.email or 'no name'} ({customer.id})"


def _ask(plan: Plan) -> None:
    if plan.live and plan.amount is not None:
        typed = prompts.ask("Type the amount to confirm:")
        try:
            if parse(typed, plan.amount.currency) == plan.amount:
                return
        except BillctlError:
            pass
        raise PolicyDenied("the amount typed is not the amount planned", code="not_confirmed")
    verb = plan.verb.replace("-", " ").capitalize()
    question = f"Type {plan.record.id} to confirm:" if plan.live else f"{verb}? [y/N]"
    accepted = {plan.record.id} if plan.live else {"y", "yes"}
    answer = prompts.ask(question)
    if (answer if plan.live else answer.lower()) not in accepted:
        raise PolicyDenied("you said no", code="declined")


def _plan_view(plan: Plan, request: Request, customer: str | None) -> View:
    identity = plan.identity
    who = f"{identity.name or ''} ({identity.id})".strip() if identity and identity.id else "account unknown"
    mode = Cell("LIVE", "red") if plan.live else Cell("test")
    facts = [(label, with_local_times(text)) for label, text in plan.facts]
    if customer:
        facts.insert(1, ("customer", customer))
    facts.append(("reason", request.reason or ""))
    if request.ticket:
        facts.append(("ticket", request.ticket))
    rows = tuple((Cell(label, "dim"), text) for label, text in facts)
    return [Line((mode, plan.record.ref, who)), Grid((Column(), Column()), rows, indent=2)]


def _result(done: ActionResult, session: Session, options: dict[str, str]) -> Result:
    plan = done.plan
    dry = done.outcome is None
    data: dict[str, Any] = {
        "operation": done.operation,
        "action": plan.verb,
        "ref": plan.record.ref,
        "outcome": CONTRACT_OUTCOMES.get(done.outcome or "", done.outcome),
        "amount": plan.amount,
        "result": dict(done.result),
        "audit": {"intent": done.intent, "outcome": done.outcome_seq},
    }
    if options:
        data["options"] = options
    if dry:
        data |= {"dry_run": True, "plan": _by_label(plan.facts)}
    if done.verdict:
        data["policy"] = done.verdict.data()
    if done.error and done.error.approval:
        data["approval"] = dict(done.error.approval)
    return Result(
        data=data,
        records=[{"type": "action"} | data],
        columns=(*RESULT_COLUMNS, RECEIVER.get(plan.verb, "result.id")),
        view=_dry_view(done) if dry else _done_view(done),
        warnings=list(done.notes),
        error=done.error,
        profile=session.profile.name,
        mode=str(session.profile.mode),
        success_is_silent=True,
    )


def _by_label(facts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Facts by their labels; what stands under one label more than once, as notes do, in one text."""
    found: dict[str, str] = {}
    for label, text in facts:
        before = found.get(label)
        apart = " " if before and before.endswith(".") else "; "
        found[label] = f"{before}{apart}{text}" if before else text
    return found


def _dry_view(done: ActionResult) -> View:
    plan = done.plan
    facts = (*plan.facts, *_policy_facts(done))
    rows = tuple((Cell(label, "dim"), with_local_times(text)) for label, text in facts)
    mode = Cell("LIVE", "red") if plan.live else Cell("test")
    return [
        Line((mode, plan.record.ref, "dry run: nothing was sent")),
        Grid((Column(), Column()), rows, indent=2),
    ]


def _policy_facts(done: ActionResult) -> list[tuple[str, str]]:
    """A line for each rule that objects, or one where approval was asked for without need."""
    verdict = done.verdict
    if verdict is None:
        return []
    said = [(verdict.word_on(objection), objection.text) for objection in verdict.objections]
    if not said and verdict.word is not Word.ALLOWED:
        said = [(verdict.word, why) for why in verdict.why]
    return [("policy", f"{WORDS[word]}: {text}") for word, text in said]


PAST = {
    "refund": "Refunded",
    "void": "Voided",
    "cancel": "Canceled",
    "resend": "Sent",
    "reactivate": "Reactivated",
    "void-credit": "Voided",
}


def _done_view(done: ActionResult) -> View:
    plan = done.plan
    if done.outcome not in {"succeeded", "pending", "already_done"}:
        return [Line((f"{plan.verb} {plan.record.ref}", done.outcome or "")), _audit_line(done)]
    accepted_by = done.result.get("accepted_by")
    past = f"Accepted by {accepted_by}" if accepted_by else PAST[plan.verb]
    said = {"already_done": "Already done", "pending": f"{past}, pending"}
    what = said.get(done.outcome, past)
    details = [_money_words(done), _result_words(done)]
    return [Line((Cell(what, "bold"), *(d for d in details if d))), _audit_line(done)]


def _money_words(done: ActionResult) -> str:
    amount, ended = done.plan.amount, done.plan.verb == "cancel"
    if not amount or (ended and done.error):  # it ended, and the money did not go back
        return ""
    return f"{amount} back" if ended else str(amount)


def _result_words(done: ActionResult) -> str:
    result = done.result
    match done.plan.verb:
        case "resend":
            return f"{result.get('message', '')} to {result.get('to', '')}"
        case "cancel":
            ends = result.get("current_period_end") if result.get("cancel_at_period_end") else None
            refund = (result.get("refund") or {}).get("id")
            more = f", ends {with_local_times(ends)}" if ends else f", refund {refund}" if refund else ""
            return f"{done.plan.record.ref}{more}"
        case _:
            return str(result.get("id", ""))


def _audit_line(done: ActionResult) -> Line:
    records = [str(seq) for seq in (done.intent, done.outcome_seq) if seq is not None]
    audit = f"audit {', '.join(records)}" if records else ""
    return Line(tuple(Cell(text, "dim") for text in (done.operation or "", audit) if text))
