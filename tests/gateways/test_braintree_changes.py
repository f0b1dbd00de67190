"""Refunds, voids and cancellations at Braintree, in a rehearsal shop that is fresh for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.errors import Refused
from billctl.frozen import replace
from billctl.gateway import Stamp, When
from billctl.gateways.braintree import BraintreeGateway, mapping, recurring
from billctl.models import ChargeStatus, RefundStatus, Subscription, SubscriptionStatus
from billctl.money import Money
from billctl.testing.servers import LoopbackServer
from tests.gateways import braintree_wire as wire
from tests.gateways.braintree_accounts import STAMP, gateway, rehearsing
from tests.rehearsal import rehearsed

CHARGE = mapping.charge(wire.as_sdk("transaction", wire.transaction()), "braintree")
OTHER = replace(STAMP, key="f" * 32)


@pytest.fixture
def braintree(tmp_path: Path) -> Iterator[BraintreeGateway]:
    """The account that a fresh shop knows."""
    with rehearsed(tmp_path / "state", ("braintree",)) as sandbox:
        yield rehearsing(sandbox.url("braintree"))


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def made(**fields: object) -> recurring.BilledSubscription:
    """A subscription as it would have been read."""
    return recurring.subscription(wire.as_sdk("subscription", wire.subscription(**fields)), "braintree")


# Refunds


def test_a_charge_can_be_refunded_in_parts_until_nothing_is_left(braintree: BraintreeGateway) -> None:
    for number, minor in enumerate((1000, 1000, 2900), start=1):
        stamp = replace(STAMP, key=f"{number:032x}")
        refund = braintree.refund(braintree.get_charge("layla001"), usd(minor), stamp=stamp)
        assert (refund.amount, refund.status) == (usd(minor), RefundStatus.PENDING)
        assert refund.operation_key == stamp.key
    charge = braintree.get_charge("layla001")
    assert (charge.status, charge.refundable) == (ChargeStatus.REFUNDED, usd(0))
    assert len(charge.refunds) == 3
    with pytest.raises(Refused) as caught:
        braintree.refund(charge, usd(100), stamp=OTHER)
    assert caught.value.code == "91512"


def test_more_than_is_left_is_refused(braintree: BraintreeGateway) -> None:
    with pytest.raises(Refused) as caught:
        braintree.refund(braintree.get_charge("layla002"), usd(2901), stamp=STAMP)
    assert caught.value.code == "91521"


@pytest.mark.parametrize("unsettled", ["layla004", "layla005"])
def test_what_is_not_settled_is_refused_and_to_be_voided(braintree: BraintreeGateway, unsettled: str) -> None:
    charge = braintree.get_charge(unsettled)
    with pytest.raises(Refused) as caught:
        braintree.refund(charge, charge.amount, stamp=STAMP)
    assert caught.value.code == "91506"
    assert "void" in caught.value.hint


def test_a_soft_decline_is_shown_and_stays_on_its_way() -> None:
    soft = wire.credit(
        status="submitted_for_settlement",
        **{"additional-processor-response": "2046 : Declined", "order-id": f"billctl-{STAMP.key}"},
    )
    with LoopbackServer(wire.ok("transaction", soft, status=201)) as server:
        refund = gateway(server.url).refund(CHARGE, usd(1000), stamp=STAMP)
    assert refund.status is RefundStatus.PENDING
    assert "2046 : Declined" in refund.gateway_status


def test_a_currency_without_decimals_is_written_without() -> None:
    yen = Money(500, "JPY")
    charge = mapping.charge(
        wire.as_sdk("transaction", wire.transaction(amount="5000", **{"currency-iso-code": "JPY"})), "bt"
    )
    credit = wire.credit(amount="500", **{"currency-iso-code": "JPY"})
    with LoopbackServer(wire.ok("transaction", credit, status=201)) as server:
        assert gateway(server.url).refund(charge, yen, stamp=STAMP).amount == yen
        assert b"<amount>500</amount>" in server.requests[0].body


def test_neither_operation_nor_reason_reaches_braintree() -> None:
    """A request that differs under the same key is refused (915232): what is sent is the same each time."""
    stamp = Stamp(key=STAMP.key, operation="op_other", asked=STAMP.asked, reason_code="goodwill")
    with LoopbackServer(wire.ok("transaction", wire.credit(), status=201)) as server:
        for each in (STAMP, stamp):
            gateway(server.url).refund(CHARGE, usd(1000), stamp=each)
        first, second = (request.body for request in server.requests)
    assert first == second
    assert b"goodwill" not in second


def test_a_refused_refund_is_not_found_afterwards(braintree: BraintreeGateway) -> None:
    charge = braintree.get_charge("layla001")
    with pytest.raises(Refused):
        braintree.refund(charge, usd(10_000), stamp=STAMP)
    assert braintree.find_refund(charge, usd(10_000), stamp=STAMP) is None


def test_a_refund_of_somebody_elses_is_not_taken_for_ours(braintree: BraintreeGateway) -> None:
    charge = braintree.get_charge("layla002")
    assert braintree.find_refund(charge, usd(2000), stamp=STAMP) is None


# Voids


@pytest.mark.parametrize("unsettled", ["layla004", "layla005"])
def test_a_void_releases_all_of_what_is_not_settled(braintree: BraintreeGateway, unsettled: str) -> None:
    charge = braintree.get_charge(unsettled)
    voided = braintree.void_charge(charge, stamp=STAMP)
    assert (voided.status, voided.captured.minor, voided.amount) == (ChargeStatus.VOIDED, 0, charge.amount)
    assert braintree.find_void(charge, stamp=OTHER) is not None


def test_what_is_settled_cannot_be_voided(braintree: BraintreeGateway) -> None:
    charge = braintree.get_charge("layla001")
    with pytest.raises(Refused) as caught:
        braintree.void_charge(charge, stamp=STAMP)
    assert caught.value.code == "91504"
    assert braintree.find_void(charge, stamp=STAMP) is None


def test_a_void_sent_again_under_its_key_answers_the_same_charge(braintree: BraintreeGateway) -> None:
    charge = braintree.get_charge("layla005")
    assert braintree.void_charge(charge, stamp=STAMP) == braintree.void_charge(charge, stamp=STAMP)


# Cancellations


def test_at_the_periods_end_means_that_this_cycle_is_the_last(braintree: BraintreeGateway) -> None:
    before = braintree.get_subscription("sublay")
    notes = braintree.preview_cancel(before, when=When.PERIOD_END)
    assert any("Expired" in note for note in notes)
    after = braintree.cancel_subscription(before, when=When.PERIOD_END, stamp=STAMP)
    assert (after.status, after.cancel_at_period_end) == (SubscriptionStatus.ACTIVE, True)
    assert after.current_period_end == before.current_period_end
    assert (after.amount, after.customer_id) == (before.amount, before.customer_id)


def test_now_means_now(braintree: BraintreeGateway) -> None:
    before = braintree.get_subscription("sublay")
    assert braintree.preview_cancel(before, when=When.NOW) == ()
    after = braintree.cancel_subscription(before, when=When.NOW, stamp=STAMP)
    assert (after.status, after.gateway_status) == (SubscriptionStatus.CANCELED, "Canceled")
    assert after.canceled_at is not None
    with pytest.raises(Refused) as caught:
        braintree.cancel_subscription(before, when=When.NOW, stamp=STAMP)
    assert caught.value.code == "81905"


@pytest.mark.parametrize(
    ("subscription", "why"),
    [
        (made(**{"trial-period": True, "current-billing-cycle": 0}), "in its trial"),
        (made(status="Pending", **{"current-billing-cycle": None}), "has not begun"),
        (made(status="Past Due"), "past due"),
        (made(**{"current-billing-cycle": 0}), "in no billing cycle"),
        (made(status="Paused"), "unknown"),
    ],
)
def test_what_cannot_end_with_its_period_is_refused_by_name_and_nothing_is_sent(
    subscription: Subscription, why: str
) -> None:
    with LoopbackServer(wire.ok("subscription", wire.subscription())) as server:
        braintree = gateway(server.url)
        for call in (
            lambda: braintree.preview_cancel(subscription, when=When.PERIOD_END),
            lambda: braintree.cancel_subscription(subscription, when=When.PERIOD_END, stamp=STAMP),
        ):
            with pytest.raises(Refused, match=why) as caught:
                call()
            assert caught.value.code == "no_period_end"
            assert "--now" in caught.value.hint
        assert server.requests == []


def test_a_trial_can_be_ended_at_once(braintree: BraintreeGateway) -> None:
    trial = braintree.get_subscription("subvic")
    with pytest.raises(Refused, match="trial"):
        braintree.preview_cancel(trial, when=When.PERIOD_END)
    assert braintree.cancel_subscription(trial, when=When.NOW, stamp=STAMP).canceled_at is not None


def test_a_term_that_is_ending_anyway_is_recognised_as_ending(braintree: BraintreeGateway) -> None:
    ending = braintree.get_subscription("subsal")
    assert ending.cancel_at_period_end
    assert braintree.find_cancellation(ending, when=When.PERIOD_END, stamp=STAMP) is not None
    assert braintree.find_cancellation(ending, when=When.NOW, stamp=STAMP) is None


def test_a_record_that_came_without_its_cycle_is_read_again(braintree: BraintreeGateway) -> None:
    full = braintree.get_subscription("sublay")
    fields = {name: value for name, value in vars(full).items() if name != "billing_cycle"}
    after = braintree.cancel_subscription(Subscription(**fields), when=When.PERIOD_END, stamp=STAMP)
    assert after.cancel_at_period_end


def test_a_subscription_is_sent_its_number_of_cycles_and_no_more() -> None:
    answered = wire.subscription(**{"number-of-billing-cycles": 3, "never-expires": False})
    with LoopbackServer(wire.ok("subscription", answered)) as server:
        gateway(server.url).cancel_subscription(made(), when=When.PERIOD_END, stamp=STAMP)
        (request,) = server.requests
    assert (request.method, request.target.rpartition("/")[2]) == ("PUT", "sub1")
    assert request.body == (
        b'<subscription><number_of_billing_cycles type="integer">3</number_of_billing_cycles>'
        b'<never_expires type="boolean">false</never_expires></subscription>'
    )
