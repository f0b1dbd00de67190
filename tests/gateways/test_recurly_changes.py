"""Changes at Recurly over real sockets, in a rehearsal shop that is fresh for each test."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from billctl.errors import OutcomeUnknown, Refused
from billctl.frozen import replace
from billctl.gateway import Payback, RefundLine, Selection, Stamp, When
from billctl.gateways.recurly import RecurlyGateway
from billctl.models import Charge, ChargeStatus, InvoiceStatus, RefundStatus, SubscriptionStatus
from billctl.money import Money
from billctl.parallel import gather
from billctl.sandbox.recurly import crediting
from billctl.testing.servers import LoopbackServer, Request, Upstream
from tests.gateways.recurly_accounts import STAMP, rehearsing
from tests.rehearsal import rehearsed

LAYLA = "laylatx00001"
SEATS, SEAT = "lucastx00001", "lucasli00001"
"""A payment, and the line of its invoice that bills three seats."""
BEFORE = Selection(limit=200)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where a fresh shop answers."""
    with rehearsed(tmp_path / "state", ("recurly",)) as sandbox:
        yield sandbox.url("recurly")


@pytest.fixture
def recurly(url: str) -> RecurlyGateway:
    """The account that the shop knows."""
    return rehearsing(url)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def stamped(number: int) -> Stamp:
    return replace(STAMP, key=f"{number:032x}")


def charge_of(recurly: RecurlyGateway, email: str, wanted: Callable[[Charge], bool]) -> Charge:
    """One charge of a customer of the shop."""
    owner = next(one for one in recurly.list_customers(BEFORE) if one.email == email)
    found = recurly.list_charges(Selection(customer_id=owner.id))
    return recurly.get_charge(next(charge.id for charge in found if wanted(charge)))


def payable(charge: Charge) -> bool:
    return bool(charge.refundable)


# Refunds


def test_a_charge_can_be_refunded_in_parts_until_nothing_is_left(recurly: RecurlyGateway) -> None:
    for number, minor in enumerate((1000, 1, 3899), start=1):
        charge = recurly.get_charge(LAYLA)
        recurly.preview_refund(charge, usd(minor))
        refund = recurly.refund(charge, usd(minor), stamp=stamped(number))
        assert (refund.amount, refund.status) == (usd(minor), RefundStatus.SUCCEEDED)
    charge = recurly.get_charge(LAYLA)
    assert (charge.status, charge.refundable) == (ChargeStatus.REFUNDED, usd(0))
    assert {refund.operation_key for refund in charge.refunds} == {stamped(n).key for n in (1, 2, 3)}
    with pytest.raises(Refused) as caught:
        recurly.refund(charge, usd(1), stamp=stamped(4))
    assert (caught.value.code, caught.value.sent) == ("validation", "Nothing changed.")


def test_hosts_that_refund_the_same_at_one_instant_refund_it_once(url: str) -> None:
    """Who meets the other's request on its way does not know; the note tells afterwards."""
    hosts = [rehearsing(url) for _ in range(6)]
    charge = hosts[0].get_charge(LAYLA)

    def ask(host: RecurlyGateway) -> str | None:
        try:
            return host.refund(charge, usd(1000), stamp=stamped(1)).id
        except OutcomeUnknown:
            return None

    answers = gather([partial(ask, host) for host in hosts])
    (made,) = hosts[0].get_charge(LAYLA).refunds
    assert set(answers) <= {made.id, None}
    assert made.operation_key == stamped(1).key


def test_what_is_not_settled_is_voided_instead_and_counts_as_a_refund(recurly: RecurlyGateway) -> None:
    charge = recurly.get_charge("emmatx000001")
    made = recurly.refund(charge, charge.refundable, stamp=STAMP)
    assert (made.amount, made.gateway_status, made.status) == (
        charge.amount,
        "void",
        RefundStatus.SUCCEEDED,
    )
    voided = recurly.get_charge(charge.id)
    assert (voided.status, voided.refundable, voided.refunds) == (ChargeStatus.VOIDED, usd(0), (made,))
    assert recurly.find_refund(charge, charge.amount, stamp=STAMP) == made
    assert recurly.get_refund(made.id) == made


def test_a_refund_to_a_bank_account_is_on_its_way(recurly: RecurlyGateway) -> None:
    charge = charge_of(recurly, "liam@example.com", payable)
    step = Money(100, charge.amount.currency)
    assert recurly.refund(charge, step, stamp=STAMP).status is RefundStatus.PENDING


def test_a_declined_refund_leaves_credit_that_is_taken_back_before_the_next(recurly: RecurlyGateway) -> None:
    charge = charge_of(recurly, "sunil@example.com", payable)
    amount = Money(500, charge.amount.currency)
    with pytest.raises(Refused) as declined:
        recurly.refund(charge, amount, stamp=stamped(1))
    assert "No money was given back." in declined.value.line()
    found = recurly.find_refund(charge, amount, stamp=stamped(1))
    assert found is not None
    assert found.status is RefundStatus.FAILED
    with pytest.raises(Refused) as standing:
        recurly.preview_refund(recurly.get_charge(charge.id), amount)
    assert standing.value.code == "open_credit"
    advised = standing.value.hint.split("`")[1].split()
    assert advised[:3] + advised[4:] == ["billctl", "recurly", "void-credit", "--reason", "…"]
    credit = recurly.get_invoice(advised[3])
    assert f"`billctl recurly void-credit {credit.id} --reason …`" in declined.value.hint
    assert recurly.void_credit(credit, stamp=stamped(2)).status is InvoiceStatus.VOID
    assert recurly.preview_refund(recurly.get_charge(charge.id), amount)


@pytest.mark.parametrize(
    ("charge_id", "code"), [("noahtx000001", "several_payments"), ("tariqtx00001", "manual_payment")]
)
def test_a_refund_whose_money_is_not_certain_is_refused_beforehand(
    recurly: RecurlyGateway, charge_id: str, code: str
) -> None:
    charge = recurly.get_charge(charge_id)
    with pytest.raises(Refused) as caught:
        recurly.preview_refund(charge, charge.refundable)
    assert caught.value.code == code


def test_a_charge_just_read_is_previewed_without_asking_again(url: str) -> None:
    """A refund costs a batch three reads, of the minute's few hundred."""
    upstream = Upstream(url)
    with LoopbackServer(upstream.pass_on) as server:
        recurly = rehearsing(server.url)
        charge = recurly.get_charge(LAYLA)
        told = recurly.preview_refund(charge, usd(1000))
        assert len(server.requests) == 3
        listed = next(one for one in recurly.list_charges(BEFORE) if one.id == LAYLA)
        assert recurly.preview_refund(listed, usd(1000)) == told


# Lines


def test_units_of_a_line_are_refunded_as_they_were_priced(recurly: RecurlyGateway) -> None:
    charge, one = recurly.get_charge(SEATS), (RefundLine(id=SEAT, quantity=1),)
    price = recurly.price_lines(charge, one)
    for number in (1, 2):
        assert recurly.refund_lines(charge, one, price, stamp=stamped(number)).amount == price
    assert recurly.price_lines(charge, (RefundLine(id=SEAT),)) == price
    assert recurly.get_charge(charge.id).refunded == price + price


def test_lines_are_not_priced_after_an_amount_was_refunded(recurly: RecurlyGateway) -> None:
    """It was split among them in a way that no line shows."""
    charge = recurly.get_charge(SEATS)
    recurly.refund(charge, Money(100, charge.amount.currency), stamp=STAMP)
    with pytest.raises(Refused) as caught:
        recurly.price_lines(charge, (RefundLine(id=SEAT),))
    assert caught.value.code == "lines_untold"


# Subscriptions


def test_an_end_with_money_back_leaves_what_was_given_back_in_the_charges_history(
    recurly: RecurlyGateway,
) -> None:
    subscription = recurly.get_subscription("laylasub0001")
    made = recurly.terminate_subscription(subscription, payback=Payback.PRORATE, stamp=STAMP)
    assert made.refund is not None
    paid = recurly.get_charge(made.refund.charge_id)
    assert paid.subscription_id == subscription.id
    assert [refund.amount for refund in paid.refunds] == [made.refund.amount]
    assert usd(0) < made.refund.amount < paid.captured


def test_an_end_soon_after_the_payment_voids_it_and_is_found_so(
    recurly: RecurlyGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crediting, "UNSETTLED_SECONDS", 10**9)
    subscription = recurly.get_subscription("laylasub0001")
    made = recurly.terminate_subscription(subscription, payback=Payback.FULL, stamp=STAMP)
    assert made.refund is not None
    assert (made.refund.amount, made.refund.gateway_status) == (usd(4900), "void")
    assert recurly.find_termination(subscription, payback=Payback.FULL, stamp=STAMP) == made
    assert recurly.get_charge(made.refund.charge_id).refunds == (made.refund,)


def test_an_end_with_the_period_can_be_undone_and_done_again(recurly: RecurlyGateway) -> None:
    ending = recurly.get_subscription("laylasub0002")
    assert ending.cancel_at_period_end
    going = recurly.reactivate_subscription(ending, stamp=stamped(1))
    assert not going.cancel_at_period_end
    again = recurly.cancel_subscription(going, when=When.PERIOD_END, stamp=stamped(2))
    assert again.cancel_at_period_end
    assert again.status is SubscriptionStatus.ACTIVE


# On the wire


def test_every_change_carries_its_key_and_says_what_it_means(url: str) -> None:
    upstream = Upstream(url)
    with LoopbackServer(upstream.pass_on) as server:
        recurly = rehearsing(server.url)
        recurly.refund(recurly.get_charge(LAYLA), usd(1999), stamp=stamped(1))
        ending = recurly.get_subscription("laylasub0002")
        going = recurly.reactivate_subscription(ending, stamp=stamped(2))
        recurly.cancel_subscription(going, when=When.PERIOD_END, stamp=stamped(3))
        recurly.cancel_subscription(going, when=When.NOW, stamp=stamped(4))
        changes = [request for request in server.requests if request.method != "GET"]
    assert [request.headers["idempotency-key"] for request in changes] == [
        stamped(n).key for n in range(1, 5)
    ]
    refund, _, cancel, terminate = changes
    assert json.loads(refund.body) == {
        "type": "amount",
        "amount": 19.99,
        "refund_method": "all_transaction",
        "credit_customer_notes": f"ref {stamped(1).key}",
    }
    assert json.loads(cancel.body) == {"timeframe": "bill_date"}
    assert asked(terminate) == ("DELETE", {"refund": ["none"], "charge": ["true"]})


def asked(request: Request) -> tuple[str, dict[str, list[str]]]:
    return request.method, parse_qs(urlsplit(request.target).query)


def test_an_old_answer_under_a_used_key_is_not_taken_for_what_is(recurly: RecurlyGateway) -> None:
    """Two hosts cancel; in between somebody lets the subscription go on."""
    first = recurly.cancel_subscription(
        recurly.get_subscription("laylasub0001"), when=When.PERIOD_END, stamp=STAMP
    )
    active = recurly.reactivate_subscription(first, stamp=stamped(2))
    with pytest.raises(OutcomeUnknown) as caught:
        recurly.cancel_subscription(active, when=When.PERIOD_END, stamp=STAMP)
    assert caught.value.code == "state_mismatch"
    assert recurly.find_cancellation(active, when=When.PERIOD_END, stamp=STAMP) is None
    assert recurly.cancel_subscription(active, when=When.PERIOD_END, stamp=stamped(3)).cancel_at_period_end
    with pytest.raises(OutcomeUnknown, match="it is canceled: the answer may be that of an earlier request"):
        recurly.reactivate_subscription(first, stamp=stamped(2))
