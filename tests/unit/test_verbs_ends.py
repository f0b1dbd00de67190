"""Ends with money back, subscriptions that go on, credits that are taken back."""

from datetime import timedelta
from functools import partial

import pytest

from billctl.audit.entry import Entry, read
from billctl.audit.report import report
from billctl.errors import (
    ApprovalRequired,
    Busy,
    OutcomeUnknown,
    Partial,
    PolicyDenied,
    Refused,
    Unsupported,
)
from billctl.followup import follow_up
from billctl.frozen import replace
from billctl.gateway import Payback, When
from billctl.listing import Listing
from billctl.models import Refund
from billctl.money import Money
from billctl.movements import _cancellations, _ends, _refunds
from billctl.reconcile import Finding, reconcile
from billctl.session import Session
from billctl.store.interface import RecordFilter
from billctl.verbs import (
    CancelSubscription,
    ReactivateSubscription,
    RefundCharge,
    RefundLines,
    TerminateSubscription,
    Verb,
    VoidCredit,
)
from billctl.verbs.refund_lines import lines_of
from billctl.watch import watch
from billctl.watch.model import Ages, Check
from tests.unit.acme import WHEN
from tests.unit.generous import GIVEN, Generous, Opener, do, opened

__all__ = ["opened"]

FULL = TerminateSubscription(Payback.FULL)
PRORATE = TerminateSubscription(Payback.PRORATE)
ALL = Money(4900, "USD")


def entries(session: Session) -> list[Entry]:
    return [read(record) for record in session.store.records(RecordFilter())]


# Ends with money back


def test_an_end_gives_all_of_the_last_payment_back(opened: Opener) -> None:
    done = do(opened(), FULL, "S1")
    assert (done.outcome, done.plan.amount, done.error) == ("succeeded", ALL, None)
    assert done.result["status"] == "canceled"
    assert done.result["refund"]["amount"] == ALL.data()


def test_what_was_really_given_back_is_shown_and_recorded(opened: Opener) -> None:
    session = opened()
    done = do(session, PRORATE, "S1")
    assert (done.outcome, done.plan.amount) == ("succeeded", GIVEN)
    intent, outcome = entries(session)[1:]
    assert (intent.amount, outcome.amount) == (ALL, GIVEN)
    (total,) = report(session.store, by=("action",), since=None, until=None).totals
    assert (total.action, total.amount) == ("cancel", GIVEN)


def test_an_end_that_gave_nothing_back_says_so(opened: Opener) -> None:
    done = do(opened("nothing left"), PRORATE, "S1")
    assert (done.outcome, done.plan.amount, done.result["refund"]) == ("succeeded", Money.zero("USD"), None)


def test_a_dry_run_says_how_much_at_most_of_which_payment(opened: Opener) -> None:
    for verb, money in (
        (PRORATE, "up to 49.00 USD back: what the time that is left is worth, as generous counts it"),
        (FULL, "49.00 USD back: all of the last payment that is left"),
    ):
        plan = do(opened(), verb, "S1", dry_run=True).plan
        assert plan.facts == (
            ("cancel", "Pro, 49.00 USD every month, active"),
            ("ends", "now"),
            ("money", money),
            ("payment", "C1, 49.00 USD"),
            ("undo", "no"),
            ("note", "it was a good customer"),
        )
    assert Generous.state == {}


def test_a_payment_among_those_that_a_list_leaves_out_is_not_known(opened: Opener) -> None:
    assert do(opened("leaves out"), FULL, "S1", dry_run=True).plan.charge is None


def test_a_payment_that_is_disputed_is_told(opened: Opener) -> None:
    assert "dispute" in dict(do(opened("disputed"), FULL, "S1", dry_run=True).plan.facts)


def test_where_nothing_was_paid_nothing_is_sent(opened: Opener) -> None:
    with pytest.raises(Refused) as caught:
        do(opened("unpaid"), FULL, "S1")
    assert (caught.value.code, caught.value.hint) == (
        "nothing_to_give_back",
        "To end it without: --now --refund none.",
    )
    assert Generous.state == {}


def test_the_same_end_again_is_already_done_with_what_it_gave_back(opened: Opener) -> None:
    session = opened()
    first = do(session, PRORATE, "S1")
    again = do(session, PRORATE, "S1")
    assert (again.outcome, again.operation, again.plan.amount) == ("already_done", first.operation, GIVEN)
    assert len(Generous.made) == 1


@pytest.mark.parametrize("verb", [FULL, PRORATE, CancelSubscription(When.NOW)])
def test_another_end_of_what_has_ended_is_refused(opened: Opener, verb: Verb) -> None:
    session = opened()
    do(session, FULL if verb != FULL else PRORATE, "S1")
    with pytest.raises(Refused, match="is canceled already"):
        do(session, verb, "S1")
    assert len(Generous.made) == 1


@pytest.mark.parametrize(
    ("says", "verb", "code"),
    [
        ("too much", FULL, "amount_mismatch"),
        ("too much", PRORATE, "succeeded"),
        ("more than there was", PRORATE, "amount_mismatch"),
        ("nothing left", FULL, "amount_mismatch"),
        ("does nothing", FULL, "state_mismatch"),
    ],
)
def test_an_answer_that_is_not_what_was_told_is_unknown(
    opened: Opener, says: str, verb: Verb, code: str
) -> None:
    done = do(opened(says), verb, "S1")
    if code == "succeeded":  # twice the share is still less than what was told
        assert (done.outcome, done.plan.amount) == (code, GIVEN + GIVEN)
        return
    assert isinstance(done.error, OutcomeUnknown)
    assert (done.outcome, done.error.code) == ("unknown", code)


def test_an_end_whose_refund_failed_is_done_and_says_what_is_missing(opened: Opener) -> None:
    session = opened("fails")
    done = do(session, FULL, "S1")
    assert (done.outcome, done.result["status"]) == ("succeeded", "canceled")
    assert isinstance(done.error, Partial)
    assert done.error.line() == (
        "subscription S1 has ended, and its refund of 49.00 USD failed. "
        "Refund the charge itself: `billctl generous refund C1 …`."
    )
    assert [entry.state for entry in entries(session)[1:]] == [None, "done"]
    assert (entries(session)[-1].error or {})["code"] == "refund_failed"
    assert (done.plan.amount, entries(session)[-1].amount) == (Money.zero("USD"), None)  # nothing was moved
    again = do(session, FULL, "S1")
    assert (again.outcome, again.error and again.error.code) == ("already_done", "refund_failed")


def test_an_end_whose_refund_is_on_its_way_is_pending(opened: Opener) -> None:
    done = do(opened("waits"), FULL, "S1")
    assert (done.outcome, done.notes) == (
        "pending",
        ("the gateway accepted it; the money is still on its way",),
    )


def test_an_end_whose_answer_was_lost_is_found_with_what_it_gave_back(opened: Opener) -> None:
    assert do(opened("silent"), PRORATE, "S1").outcome == "unknown"
    session = opened()
    (found,) = reconcile(session)
    assert found.finding is Finding.DONE
    assert entries(session)[-1].amount == GIVEN
    assert do(session, PRORATE, "S1").outcome == "already_done"


def test_a_gateway_that_gives_nothing_back_with_an_end_says_what_to_do(opened: Opener) -> None:
    with pytest.raises(Unsupported) as caught:
        do(opened(gateway="acme"), FULL, "S1")
    assert caught.value.line() == (
        "acme cannot refund while it cancels. Nothing was sent. "
        "Cancel without it, then refund the charge itself."
    )


# Policies

POLICIES = {
    "max_refund": 'max_refund = { USD = "48.99" }',
    "daily_refund_total": 'daily_refund_total = { USD = "48.99" }',
    "currencies": 'currencies = ["EUR"]',
    "max_charge_age_days": "max_charge_age_days = 1",
}


@pytest.mark.parametrize("rule", POLICIES)
@pytest.mark.parametrize("verb", [FULL, PRORATE])
def test_limits_for_refunds_bind_the_most_that_an_end_may_give_back(
    opened: Opener, rule: str, verb: Verb
) -> None:
    session = opened(policy=POLICIES[rule])
    session.clock = lambda: WHEN + timedelta(days=3)
    with pytest.raises(PolicyDenied) as caught:
        do(session, verb, "S1")
    assert caught.value.code == rule
    assert Generous.state == {}
    assert do(session, CancelSubscription(When.NOW), "S1").outcome == "succeeded"


def test_what_an_end_may_have_given_back_counts_for_the_day(opened: Opener) -> None:
    session = opened(policy='daily_refund_total = { USD = "50.00" }')
    assert do(session, PRORATE, "S1").outcome == "succeeded"
    with pytest.raises(PolicyDenied, match=r"you would have refunded 51\.00 USD in 24 hours"):
        do(session, RefundCharge("2.00"), "C2")


def test_an_end_that_gives_much_back_waits_for_approval(opened: Opener) -> None:
    result = do(opened(policy='approve_above = { USD = "40.00" }'), FULL, "S1")
    assert isinstance(result.error, ApprovalRequired)
    assert Generous.state == {}


@pytest.mark.parametrize(
    ("verb", "other", "of"),
    [
        (FULL, PRORATE, "S1"),
        (RefundLines(lines_of(["L1:1"])), RefundLines(lines_of(["L2", "L3"])), "C1"),
        (RefundLines(lines_of(["L1:1"])), RefundCharge("10.00"), "C1"),
    ],
    ids=["payback", "lines", "amount"],
)
def test_an_approval_asked_for_is_of_this_choice_and_no_other(
    opened: Opener, verb: Verb, other: Verb, of: str
) -> None:
    session = opened(policy='approve_above = { USD = "1.00" }')
    asked = [do(session, each, of).error for each in (verb, verb, other)]
    assert [error and error.code for error in asked] == [
        "approval_asked",
        "approval_pending",
        "approval_asked",
    ]
    ids = [(error.approval or {})["id"] for error in asked if error]
    assert (ids[0] == ids[1], ids[1] == ids[2]) == (True, False)


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ("disputed", "charge C1 is disputed, and no cancel is allowed then"),
        ("shows no charges", "the payment that S1 gives back is not known, nor whether it is disputed"),
    ],
)
def test_money_of_a_payment_that_is_or_may_be_disputed_is_not_given_back(
    opened: Opener, says: str, said: str
) -> None:
    session = opened(says, policy="deny_when_disputed = true")
    with pytest.raises(PolicyDenied) as caught:
        do(session, FULL, "S1")
    assert caught.value.message == f"{said} (policy shop)"
    assert do(session, CancelSubscription(When.NOW), "S1").outcome == "succeeded"


# What is seen later


def listing(kind: str, *records: Refund) -> Listing:
    return Listing(kind=kind, records=records, more=False, parts=())


def test_the_refund_of_an_end_is_no_movement_without_a_record(opened: Opener) -> None:
    session = opened()
    do(session, PRORATE, "S1")
    (made,) = Generous.made
    unstamped = replace(made, operation_key=None)
    foreign = replace(made, id="R9", operation_key=None)
    ends = _ends(session.store, WHEN - timedelta(days=1))
    shown = listing("refunds", made, unstamped, foreign)
    found = list(_refunds(session.store, shown, {"a": "acme-1"}, ends))
    assert [movement.ref for movement in found] == ["a:R9"]


def test_a_refund_that_may_be_of_an_end_of_unknown_outcome_is_told_as_such(opened: Opener) -> None:
    session = opened("silent")
    operation = do(session, PRORATE, "S1").operation
    unstamped = replace(Generous.made[0], operation_key=None)
    ends = _ends(session.store, WHEN - timedelta(days=1))
    (found,) = _refunds(session.store, listing("refunds", unstamped), {"a": "acme-1"}, ends)
    assert found.note == f"may be {operation}, which is not settled: run `billctl audit reconcile`"


def test_a_cancellation_after_a_reactivation_is_not_explained_by_the_one_before(opened: Opener) -> None:
    hour = timedelta(hours=1)
    for verb, now in ((CancelSubscription(When.PERIOD_END), WHEN), (ReactivateSubscription(), WHEN + hour)):
        session = opened()
        session.clock = partial(lambda moment: moment, now)
        do(session, verb, "S1")
    Generous.state["S1"] = "ending"
    shown = session.gateway("a").get_subscription("S1")
    for canceled, unexplained in ((WHEN, 0), (WHEN + 2 * hour, 1)):
        again = Listing(
            kind="subscriptions", records=(replace(shown, canceled_at=canceled),), more=False, parts=()
        )
        found = list(_cancellations(session.store, again, {"a": "acme-1"}, WHEN))
        assert len(found) == unexplained, canceled


def test_a_refund_of_an_end_that_fails_later_is_told_until_it_is_sent_once_more(opened: Opener) -> None:
    do(opened(), FULL, "S1")
    session = opened("fails later")
    (change,) = follow_up(session, recent=timedelta(days=2)).changes
    assert (change.outcome, change.once_more) == ("failed", "`billctl generous refund a:C1`")
    ages = Ages(refunds=timedelta(days=2))
    (finding,) = watch(session, ages=ages, checks=[Check.REFUNDS]).findings
    assert (finding.ref, finding.amount) == ("a:S1", ALL)
    assert finding.note.endswith("to send it once more: `billctl generous refund a:C1`")
    Generous.made.clear()
    assert do(opened(), RefundCharge(None), "C1").outcome == "succeeded"
    assert watch(opened(), ages=ages, checks=[Check.REFUNDS]).findings == ()


# Going on


def test_a_subscription_that_is_set_to_end_goes_on(opened: Opener) -> None:
    session = opened()
    Generous.state["S1"] = "ending"
    plan = do(session, ReactivateSubscription(), "S1", dry_run=True).plan
    assert plan.facts == (
        ("reactivate", "Pro, 49.00 USD every month, active"),
        ("goes on", "and is charged again at 2026-12-11T14:02:00Z"),
        ("undo", "yes: cancel it again before then"),
    )
    done = do(session, ReactivateSubscription(), "S1")
    assert (done.outcome, done.plan.amount) == ("succeeded", None)
    assert done.result["cancel_at_period_end"] is False
    assert do(session, ReactivateSubscription(), "S1").outcome == "already_done"


@pytest.mark.parametrize(
    ("become", "code"),
    [("ended", "subscription_already_canceled"), ("", "subscription_not_canceling")],
)
def test_what_has_ended_or_is_not_set_to_end_cannot_go_on(opened: Opener, become: str, code: str) -> None:
    Generous.state |= {"S1": become} if become else {}
    with pytest.raises(Refused) as caught:
        do(opened(), ReactivateSubscription(), "S1")
    assert caught.value.code == code


def test_the_second_time_around_is_another_operation(opened: Opener) -> None:
    session, ending = opened(), CancelSubscription(When.PERIOD_END)
    for verb in (ending, ReactivateSubscription()):
        assert do(session, verb, "S1").outcome == "succeeded"
    for verb in (ending, ReactivateSubscription()):
        with pytest.raises(Busy, match="is not as it left it"):
            do(session, verb, "S1")
        assert do(session, verb, "S1", again=2).outcome == "succeeded"


# Credits


def test_a_credit_is_taken_back_once(opened: Opener) -> None:
    session = opened()
    plan = do(session, VoidCredit(), "I1", dry_run=True).plan
    assert plan.facts == (
        ("void-credit", "invoice I1, 1.00 USD, open"),
        ("money", "none is moved; the customer loses the credit"),
        ("undo", "no"),
        ("note", "it was issued yesterday"),
    )
    done = do(session, VoidCredit(), "I1")
    assert (done.outcome, done.plan.amount, done.result["status"]) == ("succeeded", None, "void")
    assert do(session, VoidCredit(), "I1").outcome == "already_done"


@pytest.mark.parametrize(("invoice", "code"), [("I2", "no_credit"), ("I1", "credit_already_voided")])
def test_what_is_no_credit_or_void_already_is_refused(opened: Opener, invoice: str, code: str) -> None:
    Generous.state["I1"] = "void"
    for dry in (True, False):
        with pytest.raises(Refused) as caught:
            do(opened(), VoidCredit(), invoice, dry_run=dry)
        assert caught.value.code == code


@pytest.mark.parametrize(("verb", "of"), [(ReactivateSubscription(), "S1"), (VoidCredit(), "I1")])
def test_a_change_that_changed_nothing_is_unknown_and_one_whose_answer_was_lost_is_found(
    opened: Opener, verb: Verb, of: str
) -> None:
    Generous.state |= {"S1": "ending"}
    for says, finding in (("does nothing", Finding.NOT_DONE), ("silent", Finding.DONE)):
        assert do(opened(says), verb, of, again=1 if says == "does nothing" else 2).outcome == "unknown"
        (found,) = reconcile(opened())
        assert found.finding is finding, says


@pytest.mark.parametrize(("verb", "of"), [(ReactivateSubscription(), "S1"), (VoidCredit(), "I1")])
def test_what_a_gateway_does_not_declare_is_unsupported(opened: Opener, verb: Verb, of: str) -> None:
    with pytest.raises(Unsupported):
        do(opened(gateway="acme"), verb, of)


@pytest.mark.parametrize("action", ["reactivate", "void-credit"])
def test_a_policy_can_name_them(opened: Opener, action: str) -> None:
    Generous.state |= {"S1": "ending"}
    session = opened(policy=f"daily_actions = {{ {action} = 0 }}")
    verb, of = {"reactivate": (ReactivateSubscription(), "S1"), "void-credit": (VoidCredit(), "I1")}[action]
    with pytest.raises(PolicyDenied, match=f"this would be your {action} number 1 in 24 hours"):
        do(session, verb, of)
