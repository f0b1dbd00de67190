"""The rules of a policy: what each objects to in a plan that is resolved to the last number."""

from collections.abc import Callable, Collection
from datetime import datetime
from enum import Enum
from typing import Protocol

from billctl.audit.log import Subject
from billctl.frozen import field, frozen
from billctl.models import Charge, Subscription
from billctl.money import Money
from billctl.policy.budget import Day
from billctl.profiles.pattern import matches
from billctl.profiles.policy import GIVING_BACK, Limits, Policy


class Weight(Enum):
    """What an objection comes to."""

    FINAL = "final"
    """Refused, whoever approves."""
    LIMIT = "limit"
    """Refused, unless approval by a second person is asked for."""
    APPROVAL = "approval"
    """Goes to a second person by itself."""


class Intended(Protocol):
    """What is to be done: a `verbs.Plan`, or what a batch sums up to.

    `record` is the object read, None where there is none or many; `charge` the charge whose money is moved,
    where one is known; `amount` what is moved, if anything.
    """

    @property
    def record(self) -> object:
        """See above."""

    @property
    def charge(self) -> Charge | None:
        """See above."""

    @property
    def amount(self) -> Money | None:
        """See above."""


@frozen
class Case:
    """What the rules look at. `attended`: a person at a terminal can be asked; `now` is aware UTC."""

    plan: Intended
    subject: Subject
    attended: bool
    now: datetime
    day: Day = field(default_factory=Day)


@frozen
class Objection:
    """One rule against a case: `rule` is its key in the file and the error's code, `text` a sentence that
    names the policy, `hint` what to do about it where approval does not help."""

    rule: str
    weight: Weight
    text: str
    hint: str = ""


Found = str | None
"""What is wrong, without the policy's name; None where nothing is."""


@frozen
class Rule:
    """One key of the table, and how a case is held against it. `daily`: what was done before counts."""

    key: str
    weight: Weight
    check: Callable[[Policy, Case], Found]
    hint: Callable[[Policy], str] = lambda _policy: ""
    daily: bool = False


def objections(policies: tuple[Policy, ...], case: Case, *, daily_only: bool = False) -> list[Objection]:
    """Everything that stands against `case`, rule by rule in the order of `RULES`, in every policy."""
    found = []
    for rule in RULES:
        if daily_only and not rule.daily:
            continue
        for policy in policies:
            text = rule.check(policy, case)
            if text:
                hint = rule.hint(policy)
                sentence = f"{text} ({policy.source})"
                found.append(Objection(rule=rule.key, weight=rule.weight, text=sentence, hint=hint))
    return found


def has_daily(policies: tuple[Policy, ...]) -> bool:
    """Whether what was done before matters at all."""
    return any(policy.daily_actions or policy.daily_refund_total for policy in policies)


def _currencies(policy: Policy, case: Case) -> Found:
    amount = case.plan.amount
    if amount is None or policy.currencies is None or amount.currency in policy.currencies:
        return None
    return f"{amount.currency} is not among the currencies allowed: {', '.join(policy.currencies)}"


def _disputed(policy: Policy, case: Case) -> Found:
    if not policy.deny_when_disputed:
        return None
    charge, action = case.plan.charge, case.subject.action
    if charge is None:
        return _unknown_payment(case, "whether it is disputed")
    return f"charge {charge.id} is disputed, and no {action} is allowed then" if charge.disputed else None


def _unknown_payment(case: Case, what: str) -> Found:
    """What stands against giving money of a payment back that the gateway does not show."""
    subscription = case.plan.record
    if case.plan.amount is None or not isinstance(subscription, Subscription):
        return None
    return f"the payment that {subscription.id} gives back is not known, nor {what}"


def _ticket(policy: Policy, case: Case) -> Found:
    pattern, ticket = policy.require_ticket, case.subject.ticket
    if pattern is None:
        return None
    if ticket is None:
        return "--ticket is missing"
    return None if matches(pattern, ticket) else f"--ticket {ticket} is not of the form demanded"


def _reason_code(policy: Policy, case: Case) -> Found:
    codes, code = policy.reason_codes, case.subject.reason_code
    if codes is None or code in codes:
        return None
    return f"--reason-code {code} is not allowed" if code else "--reason-code is missing"


def _unattended(policy: Policy, case: Case) -> Found:
    if case.attended or policy.unattended is None or case.subject.action in policy.unattended:
        return None
    return f"{case.subject.action} is not allowed without a terminal"


def _max_refund(policy: Policy, case: Case) -> Found:
    return _one(policy.max_refund, case, "refund", GIVING_BACK)


def _max_void(policy: Policy, case: Case) -> Found:
    return _one(policy.max_void, case, "void", frozenset({"void"}))


def _one(limits: Limits | None, case: Case, what: str, actions: Collection[str]) -> Found:
    amount = case.plan.amount
    if limits is None or amount is None or case.subject.action not in actions:
        return None
    if amount.currency not in limits:
        return f"there is no limit in {amount.currency} for one {what}, only in {', '.join(limits)}"
    limit = Money(limits[amount.currency], amount.currency)
    return f"{amount} is above your limit of {limit} for one {what}" if amount > limit else None


def _age(policy: Policy, case: Case) -> Found:
    charge, most = case.plan.charge, policy.max_charge_age_days
    if most is None:
        return None
    if charge is None:
        return _unknown_payment(case, "how old it is")
    days = (case.now - charge.created).days
    over = (case.now - charge.created).total_seconds() > most * 86_400
    return f"charge {charge.id} is {days} days old, above your limit of {most} days" if over else None


def _daily_total(policy: Policy, case: Case) -> Found:
    amount = case.plan.amount
    limits = policy.daily_refund_total or {}
    if amount is None or case.subject.action not in GIVING_BACK or amount.currency not in limits:
        return None
    limit = Money(limits[amount.currency], amount.currency)
    spent = Money(case.day.refunded.get(amount.currency, 0), amount.currency)
    if spent + amount <= limit:
        return None
    return f"with {amount} you would have refunded {spent + amount} in 24 hours, above your limit of {limit}"


def _daily_actions(policy: Policy, case: Case) -> Found:
    action = case.subject.action
    limit = policy.daily_actions.get(action)
    if limit is None:
        return None
    number = case.day.actions.get(action, 0) + 1
    if number <= limit:
        return None
    return f"this would be your {action} number {number} in 24 hours, above your limit of {limit}"


def _approve_above(policy: Policy, case: Case) -> Found:
    amount = case.plan.amount
    limits = policy.approve_above or {}
    if amount is None or amount.currency not in limits:
        return None
    limit = Money(limits[amount.currency], amount.currency)
    return f"{amount} is above {limit}, from where a second person approves" if amount > limit else None


def _ticket_hint(policy: Policy) -> str:
    return f"Give one that matches {policy.require_ticket}: --ticket REF."


def _code_hint(policy: Policy) -> str:
    return f"Give one of {', '.join(policy.reason_codes or ())}: --reason-code CODE."


def _attended_hint(_policy: Policy) -> str:
    return "Run it on a terminal, where it asks."


RULES: tuple[Rule, ...] = (
    Rule(key="currencies", weight=Weight.FINAL, check=_currencies),
    Rule(key="deny_when_disputed", weight=Weight.FINAL, check=_disputed),
    Rule(key="require_ticket", weight=Weight.FINAL, check=_ticket, hint=_ticket_hint),
    Rule(key="reason_codes", weight=Weight.FINAL, check=_reason_code, hint=_code_hint),
    Rule(key="unattended", weight=Weight.FINAL, check=_unattended, hint=_attended_hint),
    Rule(key="max_refund", weight=Weight.LIMIT, check=_max_refund),
    Rule(key="max_void", weight=Weight.LIMIT, check=_max_void),
    Rule(key="max_charge_age_days", weight=Weight.LIMIT, check=_age),
    Rule(key="daily_refund_total", weight=Weight.LIMIT, check=_daily_total, daily=True),
    Rule(key="daily_actions", weight=Weight.LIMIT, check=_daily_actions, daily=True),
    Rule(key="approve_above", weight=Weight.APPROVAL, check=_approve_above),
)
"""Final ones first: what nobody can approve is said before what somebody can."""
