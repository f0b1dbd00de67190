"""Subscriptions, disputes and the catalogue, through the real SDK."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billctl.sandbox.server import Sandbox
from tests.sandbox.braintree.conftest import BRAINTREE, Wire, braintree, codes

SUBSCRIPTION, TRIAL, LATE, DISPUTE = "sublay", "subvic", "subkof", "layladispute0001"
NOT_FOUND = braintree.exceptions.NotFoundError


def test_a_subscription_is_canceled_once_and_for_good(sdk: Any) -> None:
    done = sdk.subscription.cancel(SUBSCRIPTION).subscription
    assert (done.status, done.next_billing_date) == ("Canceled", None)
    assert done.status_history[-1].status == "Canceled"
    assert codes(sdk.subscription.cancel(SUBSCRIPTION)) == ["81905"]
    assert codes(sdk.subscription.update(SUBSCRIPTION, {"price": "1.00"})) == ["81901"]
    with pytest.raises(NOT_FOUND):
        sdk.subscription.cancel("nothere")


def test_ending_with_the_current_cycle_can_be_set_and_taken_back(sdk: Any) -> None:
    cycle = sdk.subscription.find(SUBSCRIPTION).current_billing_cycle
    asked = {"number_of_billing_cycles": cycle, "never_expires": False}
    ending = sdk.subscription.update(SUBSCRIPTION, asked).subscription
    assert (ending.status, ending.number_of_billing_cycles, ending.never_expires) == ("Active", cycle, False)
    again = sdk.subscription.update(SUBSCRIPTION, {"never_expires": True}).subscription
    assert (again.number_of_billing_cycles, again.never_expires) == (None, True)


@pytest.mark.parametrize(
    ("subscription", "params", "code"),
    [
        (TRIAL, {"number_of_billing_cycles": 0, "never_expires": False}, "91907"),
        (SUBSCRIPTION, {"number_of_billing_cycles": 2}, "91909"),
        (SUBSCRIPTION, {"number_of_billing_cycles": "soon"}, "91906"),
        (SUBSCRIPTION, {"number_of_billing_cycles": 5, "never_expires": True}, "91908"),
        (SUBSCRIPTION, {"never_expires": False}, "91912"),
        (SUBSCRIPTION, {"id": "bad id"}, "81906"),
        (SUBSCRIPTION, {"payment_method_token": "nobody"}, "91903"),
        (SUBSCRIPTION, {"price": "cheap"}, "81904"),
        (SUBSCRIPTION, {"discounts": {"add": [{"inherited_from_id": "nothing"}]}}, "92013"),
        (SUBSCRIPTION, {"discounts": {"remove": ["welcome5"]}}, "92016"),
    ],
)
def test_a_change_that_cannot_be_has_its_code(
    sdk: Any, subscription: str, params: dict[str, Any], code: str
) -> None:
    assert codes(sdk.subscription.update(subscription, params)) == [code]


def test_a_subscription_expires_when_its_last_cycle_ends(tmp_path: Path) -> None:
    now = [datetime.now(UTC)]
    with Sandbox(tmp_path, gateways=BRAINTREE, clock=lambda: now[0]) as sandbox:
        sdk = Wire(sandbox.url("braintree").removeprefix("http://"), tmp_path).sdk()
        sdk.subscription.update(SUBSCRIPTION, {"number_of_billing_cycles": 3})
        end = sdk.subscription.find(SUBSCRIPTION).billing_period_end_date
        now[0] = datetime(end.year, end.month, end.day, 23, tzinfo=UTC)
        assert sdk.subscription.find(SUBSCRIPTION).status == "Active"
        now[0] += timedelta(hours=2)
        assert sdk.subscription.find(SUBSCRIPTION).status == "Expired"


def test_a_new_subscription_is_paid_at_once_unless_in_trial(sdk: Any) -> None:
    paid = sdk.subscription.create({"payment_method_token": "layla1", "plan_id": "pro_usd"}).subscription
    assert (paid.status, paid.current_billing_cycle, paid.price) == ("Active", 1, Decimal("49.00"))
    (payment,) = paid.transactions
    assert (payment.amount, payment.subscription_id, payment.plan_id) == (
        Decimal("49.00"),
        paid.id,
        "pro_usd",
    )
    assert payment.subscription_details.billing_period_end_date == paid.billing_period_end_date
    trial = sdk.subscription.create({"payment_method_token": "layla1", "plan_id": "tryout_usd"}).subscription
    assert (trial.transactions, trial.current_billing_cycle, trial.trial_period) == ([], 0, True)


def test_a_declined_first_payment_makes_no_subscription(sdk: Any) -> None:
    params = {"id": "mine", "payment_method_token": "layla1", "plan_id": "pro_usd", "price": "2001.00"}
    result = sdk.subscription.create(params)
    assert codes(result) == []
    assert (result.message, result.transaction.status) == ("Insufficient Funds", "processor_declined")
    with pytest.raises(NOT_FOUND):
        sdk.subscription.find("mine")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"payment_method_token": "nobody"}, "91903"),
        ({"plan_id": "nothing"}, "91904"),
        ({"id": SUBSCRIPTION}, "81902"),
        ({"id": "not plain"}, "81906"),
        ({"merchant_account_id": "nowhere"}, "91901"),
        ({"merchant_account_id": "shop_eur"}, "91923"),
    ],
)
def test_a_subscription_that_makes_no_sense_has_its_code(sdk: Any, params: dict[str, str], code: str) -> None:
    known = {"payment_method_token": "layla1", "plan_id": "pro_usd"}
    assert codes(sdk.subscription.create(known | params)) == [code]


def test_discounts_come_from_the_catalogue_and_lower_the_next_bill(sdk: Any) -> None:
    wanted = {"add": [{"inherited_from_id": "welcome5", "amount": "7.00", "number_of_billing_cycles": 2}]}
    changed = sdk.subscription.update(SUBSCRIPTION, {"discounts": wanted}).subscription
    (discount,) = changed.discounts
    assert (discount.id, discount.amount, discount.number_of_billing_cycles) == (
        "welcome5",
        Decimal("7.00"),
        2,
    )
    assert changed.next_billing_period_amount == Decimal("42.00")
    update = {"update": [{"existing_id": "welcome5", "quantity": 2}]}
    assert sdk.subscription.update(
        SUBSCRIPTION, {"discounts": update}
    ).subscription.next_billing_period_amount == Decimal("35.00")
    bare = sdk.subscription.update(SUBSCRIPTION, {"discounts": {"remove": ["welcome5"]}}).subscription
    assert (bare.discounts, bare.next_billing_period_amount) == ([], Decimal("49.00"))


def test_a_past_due_subscription_is_paid_by_a_retry(sdk: Any) -> None:
    late = sdk.subscription.find(LATE)
    assert (late.status, late.balance, late.days_past_due) == ("Past Due", Decimal("49.00"), 8)
    part = sdk.subscription.retry_charge(LATE, Decimal("9.00"), submit_for_settlement=True).transaction
    assert (part.amount, part.status, part.subscription_id) == (
        Decimal("9.00"),
        "submitted_for_settlement",
        LATE,
    )
    assert sdk.subscription.find(LATE).balance == Decimal("40.00")
    assert sdk.subscription.retry_charge(LATE).transaction.status == "authorized"
    paid = sdk.subscription.find(LATE)
    assert (paid.status, paid.balance, paid.days_past_due) == ("Active", Decimal("0.00"), None)
    assert codes(sdk.subscription.retry_charge(LATE)) == ["91531"]


def test_a_retry_that_is_declined_leaves_it_past_due(sdk: Any) -> None:
    result = sdk.subscription.retry_charge(LATE, Decimal("2000.00"))
    assert codes(result) == []
    assert result.transaction.status == "processor_declined"
    late = sdk.subscription.find(LATE)
    assert (late.status, late.balance, late.failure_count) == ("Past Due", Decimal("49.00"), 3)
    assert codes(sdk.subscription.retry_charge("nothere")) == ["91528"]


def test_the_testing_call_makes_a_subscription_past_due(sdk: Any) -> None:
    sdk.testing.make_past_due(SUBSCRIPTION, 3)
    late = sdk.subscription.find(SUBSCRIPTION)
    assert (late.status, late.days_past_due, late.balance) == ("Past Due", 3, Decimal("49.00"))


def test_an_open_dispute_takes_text_and_is_finalized(sdk: Any) -> None:
    evidence = sdk.dispute.add_text_evidence(DISPUTE, {"content": "Paid", "category": "GENERAL"}).evidence
    assert (evidence.comment, evidence.category, evidence.url) == ("Paid", "GENERAL", None)
    gone = sdk.dispute.add_text_evidence(DISPUTE, "twice").evidence
    assert sdk.dispute.remove_evidence(DISPUTE, gone.id).is_success
    assert [one.id for one in sdk.dispute.find(DISPUTE).evidence] == [evidence.id]
    with pytest.raises(NOT_FOUND):
        sdk.dispute.remove_evidence(DISPUTE, gone.id)
    unknown = sdk.dispute.add_text_evidence(DISPUTE, {"content": "x", "category": "NOTHING"})
    assert codes(unknown) == ["95706"]
    assert sdk.dispute.finalize(DISPUTE).is_success
    done = sdk.dispute.find(DISPUTE)
    assert [event.status for event in done.status_history] == ["open", "disputed"]
    assert codes(sdk.dispute.add_text_evidence(DISPUTE, "late")) == ["95701"]
    assert codes(sdk.dispute.remove_evidence(DISPUTE, evidence.id)) == ["95702"]


def test_a_dispute_is_accepted_once_and_its_transaction_shows_it(sdk: Any) -> None:
    assert sdk.dispute.accept(DISPUTE).is_success
    assert sdk.transaction.find("layla006").disputes[0].status == "accepted"
    refused = sdk.dispute.accept(DISPUTE)
    assert codes(refused) == ["95704"]
    assert refused.message == "Disputes can only be accepted when they are in an Open state"
    assert codes(sdk.dispute.finalize(DISPUTE)) == ["95705"]
    for act in (sdk.dispute.find, sdk.dispute.accept, sdk.dispute.finalize):
        with pytest.raises(NOT_FOUND):
            act("nothere")


def test_the_catalogue_is_read(sdk: Any) -> None:
    plan = next(plan for plan in sdk.plan.all() if plan.id == "pro_usd")
    assert (plan.price, plan.currency_iso_code, plan.billing_frequency) == ("49.00", "USD", 1)
    assert sdk.plan.find("tryout_usd").trial_period is True
    assert [one.id for one in sdk.discount.all()] == ["welcome5", "loyal10"]
    assert [(one.id, one.amount) for one in sdk.add_on.all()] == [("seat", Decimal("9.00"))]
    accounts = {one.id: one for one in sdk.merchant_account.all().merchant_accounts.items}
    assert [key for key, one in accounts.items() if one.default] == ["shop_usd"]
    assert {one.currency_iso_code for one in accounts.values()} == {"USD", "EUR", "SAR", "KWD", "JPY", "GBP"}
    assert sdk.merchant_account.find("shop_old").status == "suspended"
    for act in (sdk.plan.find, sdk.merchant_account.find):
        with pytest.raises(NOT_FOUND):
            act("nothere")
