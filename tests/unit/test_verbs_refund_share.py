"""Refunds of a share, of lines and of what is left: exact, and the same operation when asked for again."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import PolicyDenied, Refused, Unsupported, UsageError
from billctl.frozen import replace
from billctl.gateway import Capability, RefundLine
from billctl.models import RefundStatus
from billctl.money import Money
from billctl.reconcile import Finding, reconcile
from billctl.verbs import RefundCharge, RefundLines, RefundPercent, Verb
from billctl.verbs.refund_lines import lines_of, text_of
from billctl.verbs.refund_percent import WHOLE, _share, hundredths
from tests.unit.generous import Generous, Opener, do, opened

__all__ = ["opened"]


def lines(*texts: str) -> RefundLines:
    return RefundLines(lines_of(texts))


# Shares


@pytest.mark.parametrize(
    ("typed", "share"), [("25", 2500), ("12.5", 1250), ("0.01", 1), ("100", WHOLE), ("١٢٫٥", 1250)]
)
def test_a_percentage_has_two_decimals_at_most(typed: str, share: int) -> None:
    assert hundredths(typed) == share


@pytest.mark.parametrize("typed", ["0", "0.00", "100.01", "12.345", "-5", "5%", "1e1", ".5", "5.", "", "ten"])
def test_what_is_no_percentage_is_a_usage_error(typed: str) -> None:
    with pytest.raises(UsageError, match="is not a percentage above 0 and up to 100"):
        hundredths(typed)


@given(st.integers(1, 10**12), st.integers(1, WHOLE), st.sampled_from([1, 10, 100]))
def test_a_share_is_exact_or_named_with_what_lies_beside_it(minor: int, share: int, step: int) -> None:
    whole = Money(minor, "USD")
    if minor * share % (WHOLE * step):
        below = minor * share // (WHOLE * step) * step
        beside = f"between {Money(below, 'USD')} and {Money(below + step, 'USD')}"
        with pytest.raises(UsageError, match=re.escape(beside)):
            _share(whole, share, step, "x")
    else:
        found = _share(whole, share, step, "x")
        assert found.minor * WHOLE == minor * share
        assert found.minor % step == 0


def test_a_share_is_sent_as_the_amount_that_it_comes_to(opened: Opener) -> None:
    session = opened()
    done = do(session, RefundPercent("25"), "C1")
    assert (done.outcome, done.plan.amount) == ("succeeded", Money(1225, "USD"))
    assert [refund.amount for refund in Generous.made] == [Money(1225, "USD")]


def test_a_share_and_its_amount_are_one_operation(opened: Opener) -> None:
    session = opened()
    first = do(session, RefundPercent("25"), "C1")
    for verb in (RefundCharge("12.25"), RefundPercent("25.0")):
        again = do(session, verb, "C1")
        assert (again.outcome, again.operation) == ("already_done", first.operation)
    assert len(Generous.made) == 1


def test_a_dry_run_names_the_share_and_what_it_is_of(opened: Opener) -> None:
    plan = do(opened(), RefundPercent("12"), "C1", dry_run=True).plan
    assert dict(plan.facts) | {"undo": ""} == {
        "refund": "5.88 USD of 49.00 USD",
        "percent": "12 % of 49.00 USD",
        "left after": "43.12 USD refundable",
        "undo": "",
    }


def test_a_share_that_is_no_exact_amount_is_refused_with_the_two_beside_it(opened: Opener) -> None:
    with pytest.raises(UsageError) as caught:
        do(opened(), RefundPercent("33.33"), "C1")
    assert caught.value.line() == (
        "33.33 % of 49.00 USD is no exact amount: it lies between 16.33 USD and 16.34 USD. Nothing was sent. "
        "Choose one with --amount; nothing is rounded."
    )
    assert Generous.made == []


def test_a_share_is_of_all_that_was_paid_and_bounded_by_what_is_left(opened: Opener) -> None:
    session = opened()
    do(session, RefundCharge("30"), "C1")
    with pytest.raises(UsageError, match=r"24\.50 USD is more than the 19\.00 USD still refundable"):
        do(session, RefundPercent("50"), "C1")


# Lines


def test_lines_are_refunded_at_the_price_that_the_gateway_has_for_them(opened: Opener) -> None:
    done = do(opened(), lines("L2", "L1:2"), "C1")
    assert (done.outcome, done.plan.amount) == ("succeeded", Money(2500, "USD"))
    assert Generous.left | {"L3": 0, "L4": 0} == {"L1": 0, "L2": 0, "L3": 0, "L4": 0}


def test_a_dry_run_names_every_line_and_changes_nothing(opened: Opener) -> None:
    plan = do(opened(), lines("L2", "L1:1"), "C1", dry_run=True).plan
    assert dict(plan.facts)["lines"] == "L1, 1 of it; L2, all that is left of it"
    assert (plan.amount, plan.left) == (Money(1500, "USD"), Money(3400, "USD"))
    assert Generous.left["L1"] == 2


def test_the_same_lines_again_are_already_done_though_nothing_of_them_is_left(opened: Opener) -> None:
    session = opened()
    first = do(session, lines("L1", "L2"), "C1")
    again = do(session, lines("L2", "L1"), "C1")
    assert (again.outcome, again.operation) == ("already_done", first.operation)
    assert again.plan.amount == Money(2500, "USD")
    assert len(Generous.made) == 1


def test_without_the_log_the_stamp_still_tells_that_these_lines_are_done(opened: Opener) -> None:
    do(opened(), lines("L1:1"), "C1")
    session = opened()
    for path in session.state_dir.glob("audit.sqlite*"):
        path.unlink()
    again = do(opened(), lines("L1:1"), "C1")
    assert (again.outcome, again.plan.amount) == ("already_done", Money(1000, "USD"))
    assert len(Generous.made) == 1


def test_other_lines_of_the_same_price_are_another_operation(opened: Opener) -> None:
    session = opened()
    done = [do(session, verb, "C1") for verb in (lines("L1:1"), lines("L1"), RefundCharge("10.00"))]
    assert [each.outcome for each in done] == ["succeeded"] * 3
    assert [refund.amount.minor for refund in Generous.made] == [1000, 1000, 1000]


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (lines("L9"), "0 units are left of L9"),
        (lines("L1:3"), "2 units are left of L1"),
        (lines("L3"), "the lines of C1 are worth nothing"),
        (lines("L4"), "90.00 USD is more than the 49.00 USD still refundable of charge C1"),
    ],
)
def test_lines_that_cannot_be_refunded_are_a_usage_error(
    opened: Opener, verb: RefundLines, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        do(opened(), verb, "C1")
    assert caught.value.message == said
    assert Generous.made == []


def test_a_charge_of_which_nothing_is_left_is_refused_before_its_lines_are_looked_at(opened: Opener) -> None:
    session = opened()
    do(session, RefundCharge(None), "C1")
    with pytest.raises(Refused, match="has already been refunded in full"):
        do(session, lines("L1"), "C1")


def test_a_gateway_that_refunds_no_lines_says_so(opened: Opener) -> None:
    with pytest.raises(Unsupported, match="acme cannot refund lines of an invoice"):
        do(opened(gateway="acme"), lines("L1"), "C1")


def test_lines_whose_answer_was_lost_are_found_and_not_priced_again(opened: Opener) -> None:
    assert do(opened("silent"), lines("L1", "L2"), "C1").outcome == "unknown"
    session = opened()
    (found,) = reconcile(session)
    assert found.finding is Finding.DONE
    assert do(session, lines("L1", "L2"), "C1").outcome == "already_done"
    assert len(Generous.made) == 1


def test_lines_are_sorted_and_named_once() -> None:
    assert lines_of(["b:2", "a"]) == (RefundLine(id="a"), RefundLine(id="b", quantity=2))
    assert text_of(lines_of(["b:2", "a"])) == "a b:2"
    with pytest.raises(UsageError, match="line a is named twice"):
        lines_of(["a", "a:1"])


@pytest.mark.parametrize("text", ["", ":2", "a b", "a|b", "a\n", "é", "x" * 201])
def test_what_is_no_line_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is no line of an invoice"):
        lines_of([text])


@pytest.mark.parametrize("text", ["a:0", "a:1234567", "gid://x/1:b"])
def test_what_is_no_number_of_units_belongs_to_the_id(text: str) -> None:
    (line,) = lines_of([text])
    assert (line.id, line.quantity) == (text, None)


def test_what_became_of_a_share_is_asked_about_without_resolving_it_anew(opened: Opener) -> None:
    """What was captured may be another amount by then, of which the share is none."""
    for verb in (RefundPercent("33.33"), RefundCharge("12.345"), lines("L9")):
        plan = verb.recalled(opened().gateway("a"), "C1", Money(500, "USD"))
        assert plan.amount == Money(500, "USD")


@pytest.mark.parametrize("verb", [RefundPercent("25"), lines("L1:1")], ids=repr)
def test_limits_bind_what_a_share_and_lines_come_to(opened: Opener, verb: Verb) -> None:
    with pytest.raises(PolicyDenied) as caught:
        do(opened(policy='max_refund = { USD = "9.99" }'), verb, "C1")
    assert caught.value.code == "max_refund"


# Asked for again, here and on another host


def test_a_refund_that_failed_first_and_was_made_then_is_done(opened: Opener) -> None:
    do(opened("fails"), RefundCharge("5"), "C1")
    session = opened()
    made = do(session, RefundCharge("5"), "C1")
    again = do(session, RefundCharge("5"), "C1")
    assert [done.outcome for done in (made, again)] == ["succeeded", "already_done"]
    assert [refund.status for refund in Generous.made] == [RefundStatus.FAILED, RefundStatus.SUCCEEDED]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on sessions are another host's, without the log of this one."""
    return lambda: monkeypatch.setenv("BILLCTL_STATE_DIR", str(tmp_path / "another-host"))


def test_all_that_is_left_is_what_another_host_refunded_as_this_amount(
    opened: Opener, elsewhere: Callable[[], None]
) -> None:
    """It has the same key: a gateway would give its first answer again and move nothing."""
    do(opened(), RefundCharge("24.50"), "C1")
    elsewhere()
    again = do(opened(), RefundCharge(None), "C1")
    assert (again.outcome, again.result["id"]) == ("already_done", "R0")
    assert "nothing was sent. To do it once more: --again 2" in again.notes[0]
    assert len(Generous.made) == 1
    assert do(opened(), RefundCharge(None), "C1", again=2).outcome == "succeeded"


def test_a_failed_refund_that_is_answered_again_is_no_refund(
    opened: Opener, elsewhere: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(opened("fails"), RefundCharge("5"), "C1")
    elsewhere()
    with monkeypatch.context() as patch:
        first = replace(Generous.made[0], status=RefundStatus.PENDING)
        patch.setattr(Generous, "refund", lambda *_, **__: first)
        done = do(opened(), RefundCharge("5"), "C1")
    assert done.outcome == "refused"
    assert done.error is not None
    assert done.error.line() == (
        "a gave the answer of an earlier request again: refund R0 was made before and is failed "
        "(old_answer). Nothing changed. To try once more: --again with the next number."
    )
    assert do(opened(), RefundCharge("5"), "C1", again=2).outcome == "succeeded"


def test_a_refund_that_lost_its_key_and_is_answered_again_was_not_made_now(
    opened: Opener, elsewhere: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(opened(), RefundCharge("5"), "C1")
    Generous.made[0] = replace(Generous.made[0], operation_key=None)
    elsewhere()
    monkeypatch.setattr(Generous, "refund", lambda *_, **__: Generous.made[0])
    done = do(opened(), RefundCharge("5"), "C1")
    assert done.outcome == "refused"
    assert done.error is not None
    assert done.error.line().endswith(
        "refund R0 was made before and is succeeded (old_answer). Nothing changed. "
        "A deliberate second one: --again with the next number."
    )


def test_a_refund_that_a_gateway_without_keys_says_is_the_same_operations_is_done(
    opened: Opener, elsewhere: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives no answer twice: a store's notes tell whose a refund is, before that carries its key."""
    monkeypatch.setattr(Generous, "capabilities", Generous.capabilities - {Capability.IDEMPOTENCY})
    do(opened(), RefundCharge("5"), "C1")
    Generous.made[0] = replace(Generous.made[0], operation_key=None)
    elsewhere()
    monkeypatch.setattr(Generous, "refund", lambda *_, **__: Generous.made[0])
    done = do(opened(), RefundCharge("5"), "C1")
    assert (done.outcome, done.result["id"], len(Generous.made)) == ("succeeded", "R0", 1)
