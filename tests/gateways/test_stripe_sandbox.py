"""Stripe's adapter at work: the real SDK against the rehearsal shop, with and without faults."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.errors import AuthFailed, NoAnswer, NotFound, NotSent, OutcomeUnknown, Refused, UsageError
from billctl.frozen import replace
from billctl.gateway import By, Delivery, Message, Query, Selection, Stamp, When
from billctl.gateways.stripe import StripeGateway
from billctl.models import ChargeStatus, InvoiceStatus, SubscriptionStatus
from billctl.money import Money
from billctl.sandbox import ACCOUNT_ID, KEYS, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY
from billctl.sandbox.faults import arm
from tests.gateways.stripe_accounts import gateway
from tests.rehearsal import rehearsed

LAYLA = "cus_SbxLayla000001"
CHARGE = "ch_SbxLayla0000001"
SUBSCRIPTION = "sub_SbxLayla000001"
INVOICE = "in_SbxLayla000001"
MAY_HAVE_ACTED = ("answer-lost", "cut-body", "500-after", "html-502-after")
DID_NOT_ACT = ("connection-dropped", "500-before", "html", "html-502")


def stamp(number: int, *, reason_code: str = "requested_by_customer") -> Stamp:
    return Stamp(
        key=f"{number:032x}", operation=f"op_{number:026d}", asked=datetime.now(UTC), reason_code=reason_code
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def url(state: Path) -> Iterator[str]:
    with rehearsed(state) as sandbox:
        yield sandbox.url("stripe")


@pytest.fixture
def stripe(url: str) -> StripeGateway:
    return gateway(url, key=KEYS["stripe"]["api_key"])


# Who it is


def test_the_key_says_which_account_it_opens(stripe: StripeGateway) -> None:
    identity = stripe.check()
    assert (identity.id, identity.live) == (ACCOUNT_ID, False)
    assert identity.name


def test_a_live_key_opens_the_live_mode(url: str) -> None:
    live = gateway(url, key=STRIPE_LIVE_KEY, live=True)
    assert live.check().live is True
    assert live.get_customer(LAYLA).live is True


def test_a_key_nobody_has_is_an_auth_error(url: str) -> None:
    with pytest.raises(AuthFailed):
        gateway(url, key="sk_test_nobodyHasThisKey").check()


def test_a_restricted_key_reads_and_is_refused_a_refund_with_the_permission_named(url: str) -> None:
    restricted = gateway(url, key=STRIPE_RESTRICTED_KEY)
    charge = restricted.get_charge(CHARGE)
    with pytest.raises(AuthFailed) as caught:
        restricted.refund(charge, Money(100, "USD"), stamp=stamp(1))
    assert "rak_" in caught.value.hint


# Finding


def test_a_customer_is_found_with_charges_refunds_subscriptions_invoices_and_disputes(
    stripe: StripeGateway,
) -> None:
    (layla,) = stripe.find_customers(Query(by=By.EMAIL, text="layla@example.com")).customers
    assert layla.id == LAYLA
    assert {charge.id for charge in layla.charges} >= {CHARGE, "ch_SbxLayla0000002", "ch_SbxLayla0000003"}
    assert any(charge.refunds for charge in layla.charges)
    assert [subscription.id for subscription in layla.subscriptions] == [SUBSCRIPTION]
    assert INVOICE in {invoice.id for invoice in layla.invoices}
    assert [dispute.charge_id for dispute in layla.disputes] == ["ch_SbxLayla0000003"]


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (By.EMAIL, "LAYLA@EXAMPLE.COM"),
        (By.ID, LAYLA),
        (By.NAME, "Layla Haddad"),
        (By.NAME, "layla"),
        (By.CHARGE, CHARGE),
        (By.SUBSCRIPTION, SUBSCRIPTION),
        (By.INVOICE, INVOICE),
        (By.INVOICE, "LAYLA000-0001"),
        (By.CHARGE, "dp_SbxLayla0000001"),
    ],
)
def test_every_way_of_asking_leads_to_her(stripe: StripeGateway, by: By, text: str) -> None:
    assert [customer.id for customer in stripe.find_customers(Query(by=by, text=text)).customers] == [LAYLA]


def test_customers_who_share_an_address_are_all_found(stripe: StripeGateway) -> None:
    found = stripe.find_customers(Query(by=By.EMAIL, text="shared@example.com"))
    assert len(found.customers) == 2


def test_a_name_with_an_apostrophe_is_found(stripe: StripeGateway) -> None:
    found = stripe.find_customers(Query(by=By.NAME, text="Liam O'Brien"))
    assert [customer.email for customer in found.customers] == ["liam@example.com"]


def test_the_last_four_digits_find_customers(stripe: StripeGateway) -> None:
    found = stripe.find_customers(Query(by=By.LAST4, text="4242", limit=100))
    assert LAYLA in {customer.id for customer in found.customers}


def test_a_guest_is_named_in_a_note_because_he_is_no_customer(stripe: StripeGateway) -> None:
    charges = stripe.list_charges(Selection(limit=1000))
    guest = next(charge for charge in charges if charge.customer_id is None)
    found = stripe.find_customers(Query(by=By.CHARGE, text=guest.id))
    assert found.customers == ()
    assert any(guest.id in note and "guest" in note for note in found.notes)


def test_nobody_is_found_where_nobody_is(stripe: StripeGateway) -> None:
    for by, text in ((By.EMAIL, "nobody@example.com"), (By.ID, "cus_nobody"), (By.CHARGE, "ch_nobody")):
        assert stripe.find_customers(Query(by=by, text=text)).customers == ()


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [
        ("customer", "cus_nobody"),
        ("charge", "ch_nobody"),
        ("refund", "re_nobody"),
        ("subscription", "sub_nobody"),
        ("invoice", "in_nobody"),
        ("dispute", "dp_nobody"),
    ],
)
def test_every_kind_of_unknown_object_is_not_found(stripe: StripeGateway, kind: str, unknown: str) -> None:
    with pytest.raises(NotFound):
        getattr(stripe, f"get_{kind}")(unknown)


def test_single_objects_are_what_the_lists_say(stripe: StripeGateway) -> None:
    selection = Selection(customer_id=LAYLA)
    assert all(stripe.get_charge(charge.id) == charge for charge in stripe.list_charges(selection))
    assert all(stripe.get_invoice(invoice.id) == invoice for invoice in stripe.list_invoices(selection))
    assert all(stripe.get_dispute(dispute.id) == dispute for dispute in stripe.list_disputes(selection))
    assert all(stripe.get_refund(refund.id) == refund for refund in stripe.list_refunds(selection))
    assert all(stripe.get_subscription(sub.id) == sub for sub in stripe.list_subscriptions(selection))


def test_the_whole_list_of_customers_is_read_over_its_pages(stripe: StripeGateway) -> None:
    found = list(stripe.list_customers(Selection(limit=1000)))
    assert len(found) == len({customer.id for customer in found}) >= 40
    assert [customer.created for customer in found] == sorted(
        (customer.created for customer in found), key=lambda made: (made is None, made), reverse=True
    )


@pytest.mark.parametrize("status", list(SubscriptionStatus)[:-1])
def test_subscriptions_are_listed_by_each_status(stripe: StripeGateway, status: SubscriptionStatus) -> None:
    found = list(stripe.list_subscriptions(Selection(status=status, limit=100)))
    assert found
    assert {subscription.status for subscription in found} == {status}


@pytest.mark.parametrize("status", list(InvoiceStatus)[:-1])
def test_invoices_are_listed_by_each_status(stripe: StripeGateway, status: InvoiceStatus) -> None:
    found = list(stripe.list_invoices(Selection(status=status, limit=100)))
    assert found
    assert {invoice.status for invoice in found} == {status}


# Refunds


@pytest.mark.parametrize(
    ("charge_id", "amount"),
    [
        (CHARGE, Money(1250, "USD")),
        ("ch_SbxYuki00000001", Money(350, "JPY")),
        ("ch_SbxNoura0000001", Money(5120, "KWD")),
        ("ch_SbxFreya0000001", Money(2, "ISK")),
    ],
)
def test_a_partial_refund_is_exact_in_every_form_of_currency(
    stripe: StripeGateway, charge_id: str, amount: Money
) -> None:
    before = stripe.get_charge(charge_id)
    made = stripe.refund(before, amount, stamp=stamp(1))
    after = stripe.get_charge(charge_id)
    assert made.amount == amount
    assert made.operation_key == stamp(1).key
    assert after.refundable == before.refundable - amount
    assert after.status is ChargeStatus.PARTIALLY_REFUNDED


def test_a_full_refund_leaves_nothing_and_a_second_one_is_refused(stripe: StripeGateway) -> None:
    charge = stripe.get_charge(CHARGE)
    stripe.refund(charge, charge.refundable, stamp=stamp(1))
    after = stripe.get_charge(CHARGE)
    assert (after.status, after.refundable) == (ChargeStatus.REFUNDED, Money.zero("USD"))
    with pytest.raises(Refused) as caught:
        stripe.refund(charge, charge.refundable, stamp=stamp(2))
    assert caught.value.code == "charge_already_refunded"


def test_an_amount_finer_than_stripe_takes_is_not_sent(stripe: StripeGateway) -> None:
    charge = stripe.get_charge("ch_SbxNoura0000001")
    with pytest.raises(UsageError, match="finer"):
        stripe.refund(charge, Money(5124, "KWD"), stamp=stamp(1))
    assert stripe.get_charge(charge.id).refunded == charge.refunded


def test_another_try_at_the_same_operation_replays_the_first_ones_refund(stripe: StripeGateway) -> None:
    charge, again = stripe.get_charge(CHARGE), replace(stamp(1), operation=stamp(9).operation)
    made = [stripe.refund(charge, Money(100, "USD"), stamp=by) for by in (stamp(1), again)]
    assert made[0] == made[1]
    assert stripe.get_charge(CHARGE).refunded == Money(100, "USD")


def test_one_key_never_serves_two_amounts(stripe: StripeGateway) -> None:
    charge = stripe.get_charge(CHARGE)
    stripe.refund(charge, Money(100, "USD"), stamp=stamp(1))
    with pytest.raises(OutcomeUnknown) as caught:
        stripe.refund(charge, Money(200, "USD"), stamp=stamp(1))
    assert caught.value.code == "idempotency_error"
    assert stripe.get_charge(CHARGE).refunded == Money(100, "USD")


def test_fraud_is_no_reason_that_puts_the_customer_on_a_block_list(stripe: StripeGateway) -> None:
    charge = stripe.get_charge(CHARGE)
    made = stripe.refund(charge, Money(100, "USD"), stamp=stamp(1, reason_code="fraudulent"))
    assert made.reason_code == "fraudulent"
    (raw,) = stripe._client.page("/v1/refunds", {"charge": CHARGE}, 10)[0]
    assert raw["reason"] is None
    assert raw["metadata"]["billctl_reason_code"] == "fraudulent"


@pytest.mark.parametrize("fault", [*MAY_HAVE_ACTED, *DID_NOT_ACT])
def test_after_any_lost_answer_there_is_at_most_one_refund_and_it_is_found(
    stripe: StripeGateway, state: Path, fault: str
) -> None:
    charge, amount = stripe.get_charge(CHARGE), Money(700, "USD")
    arm(state, "stripe", fault, match="POST /v1/refunds", times=1)
    try:
        made = stripe.refund(charge, amount, stamp=stamp(1))
    except OutcomeUnknown:
        made = None
    found = stripe.find_refund(charge, amount, stamp=stamp(1))
    refunded = stripe.get_charge(CHARGE).refunded
    assert refunded == (amount if found else Money.zero("USD"))
    assert made is None or (found is not None and found.id == made.id)
    if fault in MAY_HAVE_ACTED:
        assert found is not None


def test_an_answer_lost_once_is_replayed_by_the_key(stripe: StripeGateway, state: Path) -> None:
    arm(state, "stripe", "answer-lost", match="POST /v1/refunds", times=1)
    charge = stripe.get_charge(CHARGE)
    made = stripe.refund(charge, Money(700, "USD"), stamp=stamp(1))
    assert [refund.id for refund in stripe.get_charge(CHARGE).refunds] == [made.id]


@pytest.mark.parametrize(("fault", "field"), [("wrong-amount", "minor"), ("wrong-currency", "currency")])
def test_the_amount_returned_is_stripes_own_not_an_echo(
    stripe: StripeGateway, state: Path, fault: str, field: str
) -> None:
    arm(state, "stripe", fault, match="POST /v1/refunds", times=1)
    asked = Money(700, "USD")
    made = stripe.refund(stripe.get_charge(CHARGE), asked, stamp=stamp(1))
    assert getattr(made.amount, field) != getattr(asked, field)


def test_a_rate_limited_refund_was_not_sent(stripe: StripeGateway, state: Path) -> None:
    charge = stripe.get_charge(CHARGE)
    arm(state, "stripe", "429", match="POST /v1/refunds", times=1)
    with pytest.raises(NotSent):
        stripe.refund(charge, Money(700, "USD"), stamp=stamp(1))
    assert stripe.find_refund(charge, Money(700, "USD"), stamp=stamp(1)) is None


def test_a_rate_limited_read_waits_and_answers(stripe: StripeGateway, state: Path) -> None:
    arm(state, "stripe", "429", match="GET /v1/charges/*", times=1, retry_after=1)
    assert stripe.get_charge(CHARGE).id == CHARGE


def test_a_read_that_hangs_is_no_answer(url: str, state: Path) -> None:
    arm(state, "stripe", "hang-before", match="GET /v1/charges/*", times=1, seconds=5)
    with pytest.raises(NoAnswer):
        gateway(url, key=KEYS["stripe"]["api_key"], read=0.5).get_charge(CHARGE)


@pytest.mark.parametrize(
    ("fault", "part", "kind"), [("403", "disputes", AuthFailed), ("500-before", "invoices", NoAnswer)]
)
def test_a_customer_is_found_without_the_part_that_fails(
    stripe: StripeGateway, state: Path, fault: str, part: str, kind: type[Exception]
) -> None:
    arm(state, "stripe", fault, match=f"GET /v1/{part}", times=9)
    found = stripe.find_customers(Query(by=By.ID, text=LAYLA))
    (customer,) = found.customers
    read = {name for name in ("charges", "subscriptions", "invoices", "disputes") if getattr(customer, name)}
    assert read == {"charges", "subscriptions", "invoices", "disputes"} - {part}
    (failure,) = found.failures
    assert type(failure) is kind
    assert failure.message.startswith(f"the {part} of {LAYLA} could not be read: ")


def test_a_deleted_customer_is_not_found(stripe: StripeGateway) -> None:
    with pytest.raises(NotFound) as caught:
        stripe.get_customer("cus_SbxGhost000001")
    assert caught.value.code == "customer_deleted"
    assert caught.value.message == "customer cus_SbxGhost000001 was deleted at Stripe"


# Cancellations


def test_at_the_end_of_the_period_it_goes_on_until_then_and_carries_the_stamp(stripe: StripeGateway) -> None:
    subscription = stripe.get_subscription(SUBSCRIPTION)
    after = stripe.cancel_subscription(subscription, when=When.PERIOD_END, stamp=stamp(1))
    assert (after.status, after.cancel_at_period_end) == (SubscriptionStatus.ACTIVE, True)
    assert after.operation_key == stamp(1).key
    assert stripe.find_cancellation(subscription, when=When.PERIOD_END, stamp=stamp(1)) is not None
    assert stripe.find_cancellation(subscription, when=When.PERIOD_END, stamp=stamp(2)) is None
    assert stripe.find_cancellation(subscription, when=When.NOW, stamp=stamp(1)) is None


def test_now_is_now_and_a_second_time_is_no_success(stripe: StripeGateway) -> None:
    subscription = stripe.get_subscription(SUBSCRIPTION)
    after = stripe.cancel_subscription(subscription, when=When.NOW, stamp=stamp(1))
    assert after.status is SubscriptionStatus.CANCELED
    assert after.canceled_at is not None
    with pytest.raises((NotFound, Refused)):
        stripe.cancel_subscription(subscription, when=When.NOW, stamp=stamp(2))


def test_a_cancellation_that_was_undone_since_is_not_told_by_the_answer_to_its_first_request(
    stripe: StripeGateway,
) -> None:
    """Another host asks for the same: the key is used, and Stripe gives its first answer again."""
    subscription = stripe.get_subscription(SUBSCRIPTION)
    stripe.cancel_subscription(subscription, when=When.PERIOD_END, stamp=stamp(1))
    stripe._client.post(
        f"/v1/subscriptions/{SUBSCRIPTION}", {"cancel_at_period_end": False}, key="in-the-dashboard"
    )
    after = stripe.cancel_subscription(subscription, when=When.PERIOD_END, stamp=stamp(1))
    assert after.cancel_at_period_end is False


@pytest.mark.parametrize(("fault", "done"), [("answer-lost", True), ("connection-dropped", False)])
def test_a_cancellation_of_unknown_outcome_is_settled_by_a_look(
    stripe: StripeGateway, state: Path, fault: str, done: bool
) -> None:
    subscription = stripe.get_subscription(SUBSCRIPTION)
    arm(state, "stripe", fault, match=f"DELETE /v1/subscriptions/{SUBSCRIPTION}", times=1)
    with pytest.raises(OutcomeUnknown):
        stripe.cancel_subscription(subscription, when=When.NOW, stamp=stamp(1))
    found = stripe.find_cancellation(subscription, when=When.NOW, stamp=stamp(1))
    assert (found is not None) is done


# Resends


def preview_and_resend(stripe: StripeGateway, invoice_id: str, to: str | None = None) -> Delivery:
    """What is previewed must be what is delivered."""
    invoice = stripe.get_invoice(invoice_id)
    preview = stripe.preview_resend(invoice, to=to)
    assert stripe.resend_invoice(invoice, to=to, stamp=stamp(1)) == preview
    return preview


def paid_automatically(stripe: StripeGateway) -> str:
    """An invoice of a subscription that was charged by itself."""
    return next(
        invoice.id
        for invoice in stripe.list_invoices(Selection(status="paid", limit=100))
        if invoice.subscription_id and invoice.due_date is None
    )


def test_an_open_invoice_is_sent_to_its_customer_and_test_mode_is_said(stripe: StripeGateway) -> None:
    delivery = preview_and_resend(stripe, INVOICE)
    assert (delivery.message, delivery.to) == (Message.INVOICE, "layla@example.com")
    assert delivery.note is not None
    assert "no e-mail in test mode" in delivery.note


def test_a_sent_invoice_is_proved_by_its_event(stripe: StripeGateway) -> None:
    invoice = stripe.get_invoice(INVOICE)
    assert stripe.find_resend(invoice, to=None, stamp=stamp(1)) is None
    sent = stripe.resend_invoice(invoice, to=None, stamp=stamp(1))
    assert stripe.find_resend(invoice, to=None, stamp=stamp(1)) == sent
    assert stripe.find_resend(invoice, to=None, stamp=stamp(2)) is None


def test_an_email_that_another_host_had_sent_is_not_told_as_sent_now(stripe: StripeGateway) -> None:
    invoice = stripe.get_invoice(INVOICE)
    first, again = (stripe.resend_invoice(invoice, to=None, stamp=stamp(1)) for _ in range(2))
    assert "sent nothing now" not in str(first.note)
    assert str(again.note).startswith("Another run had this sent within the last day")
    assert again.to == first.to


@pytest.mark.parametrize("lost", ["answer-lost", "cut-body"])
def test_an_email_whose_answer_was_lost_is_told_as_sent_now(
    stripe: StripeGateway, state: Path, lost: str
) -> None:
    """Its own second try gets the first one's answer."""
    invoice = stripe.get_invoice(INVOICE)
    arm(state, "stripe", lost, match="POST /v1/invoices/*", times=1)
    sent = stripe.resend_invoice(invoice, to=None, stamp=stamp(1))
    assert "sent nothing now" not in str(sent.note)


def test_an_email_older_than_the_events_is_not_called_unsent(stripe: StripeGateway) -> None:
    invoice = stripe.get_invoice(INVOICE)
    old = replace(stamp(3), asked=datetime.now(UTC) - timedelta(days=31))
    with pytest.raises(OutcomeUnknown, match="no trace"):
        stripe.find_resend(invoice, to=None, stamp=old)


def test_an_invoice_goes_to_no_other_address(stripe: StripeGateway) -> None:
    with pytest.raises(Refused, match="only") as caught:
        preview_and_resend(stripe, INVOICE, to="other@example.com")
    assert "https://" in caught.value.hint


def test_its_own_address_may_be_named(stripe: StripeGateway) -> None:
    assert preview_and_resend(stripe, INVOICE, to="Layla@example.com").to == "layla@example.com"


def test_a_paid_automatic_invoice_is_resent_as_a_receipt_to_any_address(stripe: StripeGateway) -> None:
    invoice_id = paid_automatically(stripe)
    invoice = stripe.get_invoice(invoice_id)
    delivery = preview_and_resend(stripe, invoice_id, to="other@example.com")
    assert (delivery.message, delivery.to) == (Message.RECEIPT, "other@example.com")
    assert stripe.find_resend(invoice, to="other@example.com", stamp=stamp(1)) is not None
    assert stripe.find_resend(invoice, to="other@example.com", stamp=stamp(2)) is None


def test_a_receipt_is_known_also_after_another_was_sent(stripe: StripeGateway) -> None:
    """The charge carries the stamp of the last one only."""
    invoice = stripe.get_invoice(paid_automatically(stripe))
    stripe.resend_invoice(invoice, to="one@example.com", stamp=stamp(1))
    stripe.resend_invoice(invoice, to="two@example.com", stamp=stamp(2))
    found = stripe.find_resend(invoice, to="one@example.com", stamp=stamp(1))
    assert found is not None
    assert found.to == "one@example.com"
    assert stripe.find_resend(invoice, to=None, stamp=stamp(3)) is None
    with pytest.raises(OutcomeUnknown, match="no trace"):
        stripe.find_resend(
            invoice, to=None, stamp=replace(stamp(3), asked=datetime.now(UTC) - timedelta(days=31))
        )


def test_a_receipt_to_the_same_address_says_that_stripe_may_not_send_it(stripe: StripeGateway) -> None:
    invoice_id = paid_automatically(stripe)
    preview_and_resend(stripe, invoice_id, to="other@example.com")
    again = stripe.preview_resend(stripe.get_invoice(invoice_id), to="other@example.com")
    assert again.note is not None
    assert "may send none" in again.note


@pytest.mark.parametrize("status", ["draft", "void"])
def test_a_draft_and_a_void_invoice_are_refused_with_what_to_do_instead(
    stripe: StripeGateway, status: str
) -> None:
    invoice = next(stripe.list_invoices(Selection(status=status)))
    with pytest.raises(Refused) as caught:
        stripe.preview_resend(invoice, to=None)
    assert caught.value.hint


def test_an_unpaid_automatic_invoice_is_refused_with_its_page(stripe: StripeGateway) -> None:
    automatic = next(
        invoice for invoice in stripe.list_invoices(Selection(status="open")) if invoice.due_date is None
    )
    with pytest.raises(Refused, match="automatically") as caught:
        stripe.resend_invoice(automatic, to=None, stamp=stamp(1))
    assert "https://" in caught.value.hint
