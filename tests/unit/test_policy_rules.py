"""What each rule of a policy objects to, what an objection comes to, and how a day is counted."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billctl.audit.actor import Actor, Origin
from billctl.audit.log import AuditLog, Subject
from billctl.errors import PolicyDenied
from billctl.frozen import replace
from billctl.models import Charge, ChargeStatus, Subscription, SubscriptionStatus
from billctl.money import Money
from billctl.policy.budget import Day
from billctl.policy.rules import RULES, Case, Weight, objections
from billctl.policy.verdict import Judge, Verdict, Word
from billctl.profiles.policy import Policy
from billctl.profiles.policy_table import EXAMPLES
from billctl.store.interface import OperationState, Store
from billctl.store.sqlite import open_store
from billctl.verbs.plan import Plan

NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
MAY = Policy(source="policy shop")
USD_200_00 = Money(20_000, "USD")
AMINA = Actor(uid=1000, login="amina", host="till", origin=Origin.TERMINAL)
OMAR = Actor(uid=1001, login="omar", host="till", origin=Origin.TERMINAL)


def charge(**more: Any) -> Charge:
    usual: dict[str, Any] = {
        "account": "stripe", "gateway": "stripe", "id": "ch_1", "customer_id": None,
        "amount": Money(90_000, "USD"), "captured": Money(90_000, "USD"), "refunded": Money(0, "USD"),
        "refundable": Money(90_000, "USD"), "status": ChargeStatus.PAID, "gateway_status": "x",
        "created": NOW,
    }  # fmt: skip
    return Charge(**usual | more)


SUBSCRIPTION = Subscription(
    account="stripe", gateway="stripe", id="sub_1", customer_id=None, plan="Pro", amount=None, interval=None,
    status=SubscriptionStatus.ACTIVE, gateway_status="x", created=NOW - timedelta(days=900),
    current_period_end=None, cancel_at_period_end=False, canceled_at=None,
)  # fmt: skip


def subject(action: str = "refund", **more: Any) -> Subject:
    return Subject(
        action=action, gateway="stripe", account="stripe", object_type="charge", object_id="ch_1",
        reason="charged twice", **more,
    )  # fmt: skip


def case(amount: Money | None = USD_200_00, action: str = "refund", **more: Any) -> Case:
    record = more.pop("record", charge())
    about = {name: more.pop(name) for name in ("ticket", "reason_code") if name in more}
    plan = Plan(verb=action, record=record, amount=amount)
    usual: dict[str, Any] = {"attended": True, "now": NOW}
    return Case(plan=plan, subject=subject(action, amount=amount, **about), **usual | more)


def texts(policy: Policy, judged: Case) -> list[str]:
    return [objection.text for objection in objections((policy,), judged)]


USD_200 = {"USD": 20_000}

ROWS: dict[str, tuple[Policy, Case, list[str]]] = {
    "no rule at all": (MAY, case(), []),
    "a refund at its limit": (replace(MAY, max_refund=USD_200), case(), []),
    "a refund a cent above": (
        replace(MAY, max_refund=USD_200),
        case(Money(20_001, "USD")),
        ["200.01 USD is above your limit of 200.00 USD for one refund (policy shop)"],
    ),
    "a refund in a currency without a limit": (
        replace(MAY, max_refund=USD_200),
        case(Money(1, "EUR")),
        ["there is no limit in EUR for one refund, only in USD (policy shop)"],
    ),
    "a void is no refund": (replace(MAY, max_refund=USD_200), case(Money(20_001, "USD"), "void"), []),
    "a void above its limit": (
        replace(MAY, max_void=USD_200),
        case(Money(20_001, "USD"), "void"),
        ["200.01 USD is above your limit of 200.00 USD for one void (policy shop)"],
    ),
    "a day's total reached": (
        replace(MAY, daily_refund_total={"USD": 50_000}),
        case(day=Day(refunded={"USD": 30_000})),
        [],
    ),
    "a day's total exceeded": (
        replace(MAY, daily_refund_total={"USD": 50_000}),
        case(day=Day(refunded={"USD": 30_001})),
        [
            "with 200.00 USD you would have refunded 500.01 USD in 24 hours, above your limit of 500.00 USD "
            "(policy shop)"
        ],
    ),
    "a day's total of another currency": (
        replace(MAY, daily_refund_total={"USD": 50_000}),
        case(Money(999_999, "EUR"), day=Day(refunded={"USD": 50_000})),
        [],
    ),
    "one more action than a day has": (
        replace(MAY, daily_actions={"cancel": 2}),
        case(None, "cancel", record=SUBSCRIPTION, day=Day(actions={"cancel": 2})),
        ["this would be your cancel number 3 in 24 hours, above your limit of 2 (policy shop)"],
    ),
    "as many actions as a day has": (
        replace(MAY, daily_actions={"cancel": 2}),
        case(None, "cancel", record=SUBSCRIPTION, day=Day(actions={"cancel": 1, "refund": 9})),
        [],
    ),
    "an action that is never allowed": (
        replace(MAY, daily_actions={"refund": 0}),
        case(),
        ["this would be your refund number 1 in 24 hours, above your limit of 0 (policy shop)"],
    ),
    "a charge as old as may be": (
        replace(MAY, max_charge_age_days=180),
        case(record=charge(created=NOW - timedelta(days=180))),
        [],
    ),
    "a charge a second older": (
        replace(MAY, max_charge_age_days=180),
        case(record=charge(created=NOW - timedelta(days=180, seconds=1))),
        ["charge ch_1 is 180 days old, above your limit of 180 days (policy shop)"],
    ),
    "an old subscription is no charge": (
        replace(MAY, max_charge_age_days=180),
        case(None, "cancel", record=SUBSCRIPTION),
        [],
    ),
    "a currency that is not allowed": (
        replace(MAY, currencies=("EUR", "SAR")),
        case(),
        ["USD is not among the currencies allowed: EUR, SAR (policy shop)"],
    ),
    "no money, no currency": (
        replace(MAY, currencies=("EUR",)),
        case(None, "cancel", record=SUBSCRIPTION),
        [],
    ),
    "a disputed charge": (
        replace(MAY, deny_when_disputed=True),
        case(record=charge(disputed=True)),
        ["charge ch_1 is disputed, and no refund is allowed then (policy shop)"],
    ),
    "a ticket missing": (
        replace(MAY, require_ticket="zendesk:.+"),
        case(),
        ["--ticket is missing (policy shop)"],
    ),
    "a ticket that matches in part only": (
        replace(MAY, require_ticket="zendesk:[0-9]+"),
        case(ticket="zendesk:12x"),
        ["--ticket zendesk:12x is not of the form demanded (policy shop)"],
    ),
    "a ticket that matches": (
        replace(MAY, require_ticket="^(zendesk|front):.+$"),
        case(ticket="zendesk:35436"),
        [],
    ),
    "a reason code missing": (
        replace(MAY, reason_codes=("duplicate", "goodwill")),
        case(),
        ["--reason-code is missing (policy shop)"],
    ),
    "a reason code of another list": (
        replace(MAY, reason_codes=("duplicate", "goodwill")),
        case(reason_code="other"),
        ["--reason-code other is not allowed (policy shop)"],
    ),
    "a reason code that is allowed": (
        replace(MAY, reason_codes=("duplicate",)),
        case(reason_code="duplicate"),
        [],
    ),
    "nobody there": (
        replace(MAY, unattended=("resend",)),
        case(attended=False),
        ["refund is not allowed without a terminal (policy shop)"],
    ),
    "nobody there, and nobody needed": (replace(MAY, unattended=("refund",)), case(attended=False), []),
    "somebody there": (replace(MAY, unattended=()), case(attended=True), []),
    "above what one decides alone": (
        replace(MAY, approve_above=USD_200),
        case(Money(20_001, "USD")),
        ["200.01 USD is above 200.00 USD, from where a second person approves (policy shop)"],
    ),
    "what one decides alone": (replace(MAY, approve_above=USD_200), case(), []),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_rule_objects_to_exactly_what_it_says(row: str) -> None:
    policy, judged, expected = ROWS[row]
    assert texts(policy, judged) == expected


def test_every_rule_is_a_key_of_the_table_and_is_shown_to_object() -> None:
    objecting = {o.rule for policy, judged, _ in ROWS.values() for o in objections((policy,), judged)}
    assert objecting == {rule.key for rule in RULES}
    about_people = {"approvers", "approvals_dir", "approval_hours", "canary"}
    assert {rule.key for rule in RULES} | about_people == set(EXAMPLES)


# What objections come to


def verdict(policies: tuple[Policy, ...], judged: Case, *, asked: bool = False) -> Verdict:
    return Verdict(objections=tuple(objections(policies, judged)), asked=asked)


LIMIT = replace(MAY, max_refund={"USD": 100})
FINAL = replace(MAY, deny_when_disputed=True)
DISPUTED = case(record=charge(disputed=True))


def test_a_limit_is_refused_with_the_way_on_and_passes_to_a_second_person_on_request() -> None:
    denial = verdict((LIMIT,), case()).denial()
    assert denial is not None
    assert (denial.exit_code, denial.code) == (8, "max_refund")
    assert denial.line() == (
        "200.00 USD is above your limit of 1.00 USD for one refund (policy shop). Nothing was sent. "
        "Ask for approval with --request-approval."
    )
    asked = verdict((LIMIT,), case(), asked=True)
    assert (asked.word, asked.denial()) == (Word.NEEDS_APPROVAL, None)


def test_what_nobody_can_approve_is_said_first_and_stays_refused_on_request() -> None:
    both = replace(LIMIT, deny_when_disputed=True)
    for asked in (False, True):
        denial = verdict((both,), DISPUTED, asked=asked).denial()
        assert denial is not None
        assert denial.code == "deny_when_disputed"
        assert "--request-approval" not in denial.line()


def test_each_objection_says_what_it_comes_to_by_itself() -> None:
    all_three = replace(LIMIT, deny_when_disputed=True, approve_above={"USD": 100})
    words = {}
    for asked in (False, True):
        found = verdict((all_three,), DISPUTED, asked=asked)
        words[asked] = [str(found.word_on(objection)) for objection in found.objections]
    assert words == {
        False: ["denied", "denied", "needs_approval"],
        True: ["denied", "needs_approval", "needs_approval"],
    }


def test_approve_above_asks_a_second_person_by_itself() -> None:
    found = verdict((replace(MAY, approve_above={"USD": 100}),), case())
    assert (found.word, found.denial()) == (Word.NEEDS_APPROVAL, None)


def test_approval_asked_for_without_need_is_asked_for() -> None:
    assert verdict((), case()).word is Word.ALLOWED
    found = verdict((), case(), asked=True)
    assert (found.word, found.why) == (Word.NEEDS_APPROVAL, ("asked for with --request-approval",))


@pytest.mark.parametrize("loose_first", [True, False])
def test_the_stricter_of_two_policies_decides_whichever_it_is(loose_first: bool) -> None:
    loose = Policy(source="/etc/billctl/policy.toml", max_refund={"USD": 1_000_000})
    policies = (loose, LIMIT) if loose_first else (LIMIT, loose)
    denial = verdict(policies, case()).denial()
    assert denial is not None
    assert denial.message.endswith("(policy shop)")


def test_each_policy_names_itself() -> None:
    central = Policy(source="/etc/billctl/policy.toml", max_refund={"USD": 200})
    assert [o.text.rpartition(" (")[2] for o in objections((LIMIT, central), case())] == [
        "policy shop)",
        "/etc/billctl/policy.toml)",
    ]


def test_every_rule_weighs_what_the_help_says() -> None:
    text = (Path(__file__).parents[2] / "billctl/cli/topics/policy.txt").read_text(encoding="utf-8")
    for weight, begin, end in (
        (Weight.LIMIT, "  limits ", "  final "),
        (Weight.FINAL, "  final ", "  approval "),
    ):
        part = text[text.index(begin) : text.index(end)]
        assert {rule.key for rule in RULES if rule.key in part} == {
            r.key for r in RULES if r.weight is weight
        }


# A day


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "audit.sqlite")
    yield opened
    opened.close()


def log_of(store: Store, *, actor: Actor = AMINA, mode: str = "test", at: datetime = NOW) -> AuditLog:
    return AuditLog(store, actor=actor, profile="shop", mode=mode, clock=lambda: at, source="cli", argv=())


def refund(store: Store, number: int, minor: int, state: OperationState | None, **by: Any) -> None:
    """A refund on a charge of its own, left open or settled."""
    log = log_of(store, **by)
    about = replace(subject(amount=Money(minor, "USD")), object=f"stripe|acct|ch_{number}")
    log.intent(about, operation=f"op_{number}", key=f"key_{number}")
    if state:
        log.outcome(about, operation=f"op_{number}", state=state, outcome="unknown")


def judge(*policies: Policy, actor: Actor = AMINA, mode: str = "test") -> Judge:
    return Judge(policies=policies, actor=actor, mode=mode)


DAY_LIMIT = replace(MAY, daily_refund_total={"USD": 50_000})


def spent(store: Store, **by: Any) -> int:
    """Minor units that a day's limit counts, found by the largest refund that still passes."""
    limit = 50_000
    for minor in range(limit, 0, -5_000):
        if judge(DAY_LIMIT, **by).verdict(case(Money(minor, "USD")), store, asked=False).word is Word.ALLOWED:
            return limit - minor
    return limit


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        (None, 10_000),
        (OperationState.UNKNOWN, 10_000),
        (OperationState.DONE, 10_000),
        (OperationState.REFUSED, 0),
        (OperationState.NOT_SENT, 0),
    ],
)
def test_a_day_counts_what_is_done_open_or_unknown(
    store: Store, state: OperationState | None, counted: int
) -> None:
    refund(store, 1, 10_000, state)
    assert spent(store) == counted


@pytest.mark.parametrize(
    ("by", "counted"),
    [
        ({"at": NOW - timedelta(hours=24)}, 10_000),
        ({"at": NOW - timedelta(hours=24, microseconds=1)}, 0),
        ({"actor": OMAR}, 0),
        ({"actor": replace(AMINA, claimed="somebody else")}, 10_000),
        ({"mode": "live"}, 0),
    ],
)
def test_a_day_is_one_users_last_24_hours_in_one_mode(store: Store, by: dict[str, Any], counted: int) -> None:
    refund(store, 1, 10_000, OperationState.DONE, **by)
    assert spent(store) == counted


def test_a_clock_that_was_behind_for_a_while_hides_nothing_of_the_day(store: Store) -> None:
    refund(store, 1, 10_000, OperationState.DONE)
    refund(store, 2, 5_000, OperationState.DONE, at=NOW - timedelta(days=9))
    assert spent(store) == 10_000
    guard = judge(DAY_LIMIT).guard(case(Money(45_000, "USD")))
    about = replace(subject(amount=Money(45_000, "USD")), object="stripe|acct|ch_3")
    with pytest.raises(PolicyDenied):
        log_of(store).intent(about, operation="op_3", key="key_3", guard=guard)


def test_the_guard_sees_what_came_between_the_verdict_and_the_record(store: Store) -> None:
    court = judge(DAY_LIMIT)
    judged = case(Money(30_000, "USD"))
    assert court.verdict(judged, store, asked=False).word is Word.ALLOWED
    guard = court.guard(judged)
    refund(store, 1, 30_000, None)
    about = replace(subject(amount=Money(30_000, "USD")), object="stripe|acct|ch_2")
    before = store.head()
    with pytest.raises(PolicyDenied) as caught:
        log_of(store).intent(about, operation="op_2", key="key_2", guard=guard)
    assert caught.value.code == "daily_refund_total"
    assert store.head() == before
    assert store.get_operation("op_2") is None


@pytest.mark.parametrize(
    ("lifted", "held"),
    [({"daily_refund_total"}, False), ({"approve_above", "daily_actions"}, True)],
)
def test_a_second_person_lifts_the_days_limit_only_where_he_was_asked_to(
    store: Store, lifted: set[str], held: bool
) -> None:
    guard = judge(DAY_LIMIT).guard(case(Money(30_000, "USD")), lifted=frozenset(lifted))
    refund(store, 1, 30_000, None)
    about = replace(subject(amount=Money(30_000, "USD")), object="stripe|acct|ch_2")
    with pytest.raises(PolicyDenied) if held else nullcontext():
        log_of(store).intent(about, operation="op_2", key="key_2", guard=guard)
    assert (store.get_operation("op_2") is None) == held


def test_without_a_daily_limit_nothing_is_counted_and_nothing_guarded(store: Store) -> None:
    court = judge(LIMIT)
    store.close()
    assert court.guard(case()) is None
    assert court.verdict(case(), store, asked=False).word is Word.DENIED
