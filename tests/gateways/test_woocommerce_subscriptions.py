"""Ending subscriptions of a WooCommerce store: what is asked for, and what is left standing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.errors import NoAnswer, NotSent, OutcomeUnknown, Refused, Unsupported
from billctl.frozen import replace
from billctl.gateway import By, Query, When
from billctl.gateways.woocommerce import WoocommerceGateway
from billctl.models import Subscription, SubscriptionStatus
from billctl.sandbox import faults, state
from tests.gateways.woocommerce_accounts import STAMP, rehearsing
from tests.rehearsal import rehearsed

ACTIVE = "1050"
CHANGE = "POST */subscriptions/*"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state_dir: Path) -> Iterator[WoocommerceGateway]:
    """The account that a fresh store knows."""
    with rehearsed(state_dir, ("woocommerce",)) as sandbox:
        yield rehearsing(sandbox.url("woocommerce"), state_dir=state_dir / "kept")


def cancel(store: WoocommerceGateway, when: When) -> Subscription:
    return store.cancel_subscription(store.get_subscription(ACTIVE), when=when, stamp=STAMP)


def found(store: WoocommerceGateway, when: When) -> Subscription | None:
    return store.find_cancellation(store.get_subscription(ACTIVE), when=when, stamp=STAMP)


def test_at_the_periods_end_it_runs_to_what_is_paid_for_and_takes_no_payment_more(
    store: WoocommerceGateway,
) -> None:
    before = store.get_subscription(ACTIVE)
    ending = cancel(store, When.PERIOD_END)
    assert (ending.gateway_status, ending.status) == ("pending-cancel", SubscriptionStatus.ACTIVE)
    assert (ending.cancel_at_period_end, ending.current_period_end) == (True, before.current_period_end)
    assert found(store, When.PERIOD_END) == ending
    assert found(store, When.NOW) is None


def test_at_once_it_ends_and_has_no_next_payment(store: WoocommerceGateway) -> None:
    ended = cancel(store, When.NOW)
    assert (ended.gateway_status, ended.status) == ("cancelled", SubscriptionStatus.CANCELED)
    assert (ended.current_period_end, ended.canceled_at is not None) == (None, True)
    assert found(store, When.NOW) == ended


def test_one_that_is_set_to_end_can_still_be_ended_at_once(store: WoocommerceGateway) -> None:
    cancel(store, When.PERIOD_END)
    assert cancel(store, When.NOW).status is SubscriptionStatus.CANCELED


def test_what_has_ended_is_not_asked_to_end_again(store: WoocommerceGateway) -> None:
    cancel(store, When.NOW)
    with pytest.raises(Refused, match="'cancelled' already"):
        cancel(store, When.NOW)


def test_what_must_be_known_before_is_said(store: WoocommerceGateway) -> None:
    subscription = store.get_subscription(ACTIVE)
    assert store.preview_cancel(subscription, when=When.NOW) == ()
    (told,) = store.preview_cancel(subscription, when=When.PERIOD_END)
    assert "takes no further payment" in told


def test_a_payment_method_that_may_not_allow_it_is_named(store: WoocommerceGateway) -> None:
    found = store.find_customers(Query(by=By.EMAIL, text="faisal@example.com"))
    (theirs,) = (one for customer in found.customers for one in customer.subscriptions)
    told = store.preview_cancel(theirs, when=When.NOW)
    assert told[0].startswith("its payment method 'ppcp-gateway' does not let the store end subscriptions")


@pytest.mark.parametrize("status", ["on-hold", "pending", "waiting-list"])
def test_only_an_active_one_has_a_paid_time_to_run_out(store: WoocommerceGateway, status: str) -> None:
    subscription = replace(store.get_subscription(ACTIVE), gateway_status=status)
    with pytest.raises(Refused, match=f"{status!r}: only an active one") as caught:
        store.preview_cancel(subscription, when=When.PERIOD_END)
    assert "--now" in caught.value.hint


def test_the_state_is_read_again_before_it_is_ended(store: WoocommerceGateway) -> None:
    seen = store.get_subscription(ACTIVE)
    cancel(store, When.NOW)
    with pytest.raises(Refused):
        store.cancel_subscription(seen, when=When.PERIOD_END, stamp=STAMP)


@pytest.mark.parametrize("kind", ["answer-lost", "500-after", "html-502-after", "cut-body"])
@pytest.mark.parametrize("when", When)
def test_an_end_whose_answer_was_lost_is_seen_at_once(
    store: WoocommerceGateway, state_dir: Path, kind: str, when: When
) -> None:
    faults.arm(state_dir, "woocommerce", kind, match=CHANGE)
    assert cancel(store, when) == found(store, when)


def test_a_store_that_broke_off_and_changed_nothing_has_refused_it(
    store: WoocommerceGateway, state_dir: Path
) -> None:
    faults.arm(state_dir, "woocommerce", "500-before", match=CHANGE)
    with pytest.raises(Refused, match="is 'active' as before") as caught:
        cancel(store, When.NOW)
    assert "payment method" in caught.value.hint
    assert found(store, When.NOW) is None


def test_a_state_that_cannot_be_read_before_it_is_ended_proves_that_nothing_was_sent(
    store: WoocommerceGateway, state_dir: Path
) -> None:
    agreed = store.get_subscription(ACTIVE)
    faults.arm(state_dir, "woocommerce", "html-502", match="GET */subscriptions/*", times=9)
    with pytest.raises(NotSent, match="HTTP 502") as caught:
        store.cancel_subscription(agreed, when=When.NOW, stamp=STAMP)
    assert "Nothing was sent." in caught.value.line()


@pytest.mark.parametrize("kind", ["connection-dropped", "html-502", "html"])
def test_an_end_without_an_effect_is_unknown_and_found_not_to_have_happened(
    store: WoocommerceGateway, state_dir: Path, kind: str
) -> None:
    faults.arm(state_dir, "woocommerce", kind, match=CHANGE)
    with pytest.raises(OutcomeUnknown):
        cancel(store, When.NOW)
    assert found(store, When.NOW) is None


def test_without_the_extension_it_is_said_so(store: WoocommerceGateway, state_dir: Path) -> None:
    subscription = store.get_subscription(ACTIVE)
    state.configure(state_dir, "woocommerce", woo_subscriptions=0)
    with pytest.raises(Unsupported, match="extension is not installed"):
        store.cancel_subscription(subscription, when=When.NOW, stamp=STAMP)


def test_a_look_that_fails_says_so_and_not_that_it_did_not_happen(
    store: WoocommerceGateway, state_dir: Path
) -> None:
    subscription = store.get_subscription(ACTIVE)
    faults.arm(state_dir, "woocommerce", "html", match="GET */subscriptions/*", times=3)
    with pytest.raises(NoAnswer):
        store.find_cancellation(subscription, when=When.NOW, stamp=STAMP)
