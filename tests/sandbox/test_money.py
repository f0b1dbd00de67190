"""Money at the sandbox: charges, payment intents, refunds, disputes, through the real SDK."""

import time

import pytest
import stripe

from billctl.sandbox import state
from tests.sandbox.conftest import Json, Wire

PAID, PARTLY, DISPUTED = "ch_SbxLayla0000001", "ch_SbxLayla0000002", "ch_SbxLayla0000003"
LAYLA = "cus_SbxLayla000001"


def charge_by(client: stripe.StripeClient, token: str, amount: int = 5000, currency: str = "usd") -> str:
    return client.v1.charges.create({"amount": amount, "currency": currency, "source": token}).id


def body_of(error: stripe.StripeError) -> Json:
    assert isinstance(error.json_body, dict)
    return error.json_body


def test_a_refund_without_an_amount_takes_what_is_left(client: stripe.StripeClient) -> None:
    refund = client.v1.refunds.create({"charge": PARTLY, "metadata": {"op": "1"}})
    assert (refund.amount, refund.currency, refund.status) == (2900, "usd", "succeeded")
    assert refund.metadata is not None
    assert refund.metadata["op"] == "1"
    charge = client.v1.charges.retrieve(PARTLY, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (4900, True)
    assert charge.refunds is not None
    assert {one.amount for one in charge.refunds.data} == {2000, 2900}


def test_parts_add_up_to_the_whole_and_not_beyond(client: stripe.StripeClient) -> None:
    for _ in range(4):
        client.v1.refunds.create({"charge": PAID, "amount": 1200})
    with pytest.raises(stripe.InvalidRequestError) as over:
        client.v1.refunds.create({"charge": PAID, "amount": 101})
    assert (over.value.http_status, over.value.param, over.value.code) == (400, "amount", None)
    assert over.value.user_message == (
        "Refund amount ($1.01) is greater than unrefunded amount on charge ($1.00)"
    )
    client.v1.refunds.create({"charge": PAID, "amount": 100})
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.refunds.create({"charge": PAID})
    assert gone.value.code == "charge_already_refunded"


def test_more_than_the_charge_is_said_to_be_so(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"greater than charge amount \(\$49\.00\)"):
        client.v1.refunds.create({"charge": PAID, "amount": 4901})


def test_a_payment_intent_names_its_charge(client: stripe.StripeClient) -> None:
    intent = client.v1.charges.retrieve(PAID).payment_intent
    assert isinstance(intent, str)
    refund = client.v1.refunds.create({"payment_intent": intent, "amount": 1})
    assert (refund.charge, refund.payment_intent) == (PAID, intent)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent, "charge": PAID})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({})


def test_an_absent_charge_is_missed_with_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.refunds.create({"charge": "ch_no"})
    error = missing.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "charge")


def test_a_disputed_charge_is_not_refunded(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="has been charged back") as refused:
        client.v1.refunds.create({"charge": DISPUTED})
    assert refused.value.code == "charge_disputed"


def test_a_charge_under_inquiry_can_be_refunded(client: stripe.StripeClient) -> None:
    dispute = next(d for d in client.v1.disputes.list().data if d.status == "warning_needs_response")
    assert dispute.is_charge_refundable
    assert isinstance(dispute.charge, str)
    assert client.v1.refunds.create({"charge": dispute.charge}).status == "succeeded"


def test_a_failed_charge_is_not_refunded(client: stripe.StripeClient) -> None:
    failed = next(c for c in client.v1.charges.list({"limit": 100}).data if c.status == "failed")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"charge": failed.id})


def test_the_reason_of_fraud_marks_the_charge(client: stripe.StripeClient) -> None:
    client.v1.refunds.create({"charge": PAID, "reason": "fraudulent", "amount": 100})
    details = client.v1.charges.retrieve(PAID).fraud_details
    assert details is not None
    assert details.user_report == "fraudulent"


def test_a_pending_refund_settles_later(wire: Wire, client: stripe.StripeClient) -> None:
    state.configure(wire.state_dir, "stripe", settle_after=1)
    refund = client.v1.refunds.create({"charge": charge_by(client, "tok_pendingRefund")})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    time.sleep(1.1)
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_refund_can_fail_afterwards_and_its_money_is_the_charges_again(
    wire: Wire, client: stripe.StripeClient
) -> None:
    state.configure(wire.state_dir, "stripe", settle_after=1)
    charge = charge_by(client, "tok_refundFail")
    refund = client.v1.refunds.create({"charge": charge})
    assert refund.status == "succeeded"
    assert client.v1.charges.retrieve(charge).refunded
    time.sleep(1.1)
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    after = client.v1.charges.retrieve(charge)
    assert (after.amount_refunded, after.refunded) == (0, False)


def test_a_refunds_metadata_can_be_changed_and_nothing_else(client: stripe.StripeClient) -> None:
    refund = client.v1.refunds.create({"charge": PAID, "amount": 1, "metadata": {"a": "1", "b": "2"}})
    changed = client.v1.refunds.update(refund.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert client.v1.refunds.update(refund.id, {"metadata": ""}).to_dict()["metadata"] == {}
    with pytest.raises(stripe.InvalidRequestError, match="requires_action"):
        client.v1.refunds.cancel(refund.id)


def test_a_refund_that_waits_for_the_customer_can_be_canceled(client: stripe.StripeClient) -> None:
    refund = next(
        one for one in client.v1.refunds.list({"limit": 100}).data if one.status == "requires_action"
    )
    assert isinstance(refund.charge, str)
    before = client.v1.charges.retrieve(refund.charge).amount_refunded
    assert client.v1.refunds.cancel(refund.id).status == "canceled"
    assert client.v1.charges.retrieve(refund.charge).amount_refunded == before - refund.amount


@pytest.mark.parametrize(
    ("currency", "amount", "refund"),
    [("kwd", 310_500, 5_125), ("isk", 290_000, 150), ("ugx", 500_000, 50), ("bhd", 10_000, 1)],
)
def test_an_amount_finer_than_the_currency_is_refused(
    client: stripe.StripeClient, currency: str, amount: int, refund: int
) -> None:
    charge = charge_by(client, "tok_visa", amount, currency)
    with pytest.raises(stripe.InvalidRequestError, match="divisible") as refused:
        client.v1.refunds.create({"charge": charge, "amount": refund})
    assert refused.value.param == "amount"
    with pytest.raises(stripe.InvalidRequestError, match="divisible"):
        charge_by(client, "tok_visa", amount + 1, currency)
    assert client.v1.refunds.create({"charge": charge}).amount == amount


def test_yen_have_no_decimals_and_dinars_three(client: stripe.StripeClient) -> None:
    for currency, text in (("jpy", "¥5001"), ("kwd", "5.010 KWD")):
        amount = 5000
        charge = charge_by(client, "tok_visa", amount, currency)
        with pytest.raises(stripe.InvalidRequestError) as over:
            client.v1.refunds.create({"charge": charge, "amount": amount + (10 if currency == "kwd" else 1)})
        assert f"({text})" in str(over.value.user_message)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(1, "usd", "amount_too_small"), (100_000_000, "usd", "amount_too_large"), (500, "xyz", None)],
)
def test_amounts_and_currencies_that_cannot_be_charged(
    client: stripe.StripeClient, amount: int, currency: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        charge_by(client, "tok_visa", amount, currency)
    assert refused.value.code == code


def test_a_declined_card_leaves_a_failed_charge(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        charge_by(client, "tok_chargeDeclinedInsufficientFunds")
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    error = body_of(declined.value)["error"]
    assert error["decline_code"] == "insufficient_funds"
    assert client.v1.charges.retrieve(error["charge"]).status == "failed"


def test_a_declined_intent_says_so_and_can_be_confirmed_with_another_card(
    client: stripe.StripeClient,
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.create(
            {
                "amount": 5000,
                "currency": "usd",
                "payment_method": "pm_card_chargeDeclined",
                "confirm": True,
            }
        )
    key = body_of(declined.value)["error"]["payment_intent"]["id"]
    intent = client.v1.payment_intents.retrieve(key)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    again = client.v1.payment_intents.confirm(key, {"payment_method": "pm_card_visa"})
    assert (again.status, again.amount_received) == ("succeeded", 5000)


def test_held_money_is_captured_in_part_and_the_rest_released(client: stripe.StripeClient) -> None:
    held = client.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "capture_method": "manual",
            "confirm": True,
            "off_session": True,
            "customer": LAYLA,
        }
    )
    assert (held.status, held.amount_capturable) == ("requires_capture", 5000)
    assert isinstance(held.latest_charge, str)
    with pytest.raises(stripe.InvalidRequestError, match="uncaptured"):
        client.v1.refunds.create({"charge": held.latest_charge, "amount": 100})
    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 3000})
    assert (taken.status, taken.amount_received) == ("succeeded", 3000)
    charge = client.v1.charges.retrieve(held.latest_charge)
    assert (charge.amount_captured, charge.captured) == (3000, True)
    assert client.v1.refunds.create({"charge": charge.id}).amount == 3000
    with pytest.raises(stripe.InvalidRequestError) as twice:
        client.v1.payment_intents.cancel(held.id)
    assert twice.value.code == "payment_intent_unexpected_state"


def test_held_money_is_released_by_canceling_or_refunding(client: stripe.StripeClient) -> None:
    held = next(
        i for i in client.v1.payment_intents.list({"limit": 100}).data if i.status == "requires_capture"
    )
    assert isinstance(held.latest_charge, str)
    gone = client.v1.payment_intents.cancel(held.id, {"cancellation_reason": "requested_by_customer"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "requested_by_customer")
    assert client.v1.charges.retrieve(held.latest_charge).refunded
    legacy = client.v1.charges.create(
        {"amount": 700, "currency": "usd", "source": "tok_visa", "capture": False}
    )
    assert client.v1.refunds.create({"charge": legacy.id}).amount == 700
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.charges.capture(legacy.id)


def test_an_old_style_charge_is_captured_once(client: stripe.StripeClient) -> None:
    legacy = client.v1.charges.create(
        {"amount": 700, "currency": "usd", "source": "tok_visa", "capture": False}
    )
    assert client.v1.charges.capture(legacy.id, {"amount": 500}).amount_captured == 500
    with pytest.raises(stripe.InvalidRequestError) as twice:
        client.v1.charges.capture(legacy.id)
    assert twice.value.code == "charge_already_captured"
    with pytest.raises(stripe.InvalidRequestError, match="PaymentIntent"):
        client.v1.charges.capture(PAID)


def test_a_receipt_address_can_be_set_and_cleared(wire: Wire, client: stripe.StripeClient) -> None:
    changed = client.v1.charges.update(PAID, {"receipt_email": "other@example.com"})
    assert changed.receipt_email == "other@example.com"
    assert client.v1.charges.update(PAID, {"receipt_email": ""}).receipt_email is None
    told = wire.events("charge.updated")
    assert told[1]["data"]["object"]["receipt_email"] == "other@example.com"
    assert told[0]["data"]["previous_attributes"] == {"receipt_email": "other@example.com"}


def test_the_disputing_card_disputes_its_charge(client: stripe.StripeClient) -> None:
    charge = charge_by(client, "tok_createDispute")
    assert client.v1.charges.retrieve(charge).disputed
    (dispute,) = client.v1.disputes.list({"charge": charge}).data
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 5000, "fraudulent")


def test_evidence_is_staged_then_submitted_and_decides(client: stripe.StripeClient) -> None:
    (dispute,) = client.v1.disputes.list({"charge": DISPUTED}).data
    staged = client.v1.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Layla Haddad"}, "submit": False}
    )
    assert (staged.status, staged.evidence.customer_name) == ("needs_response", "Layla Haddad")
    assert (staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == (True, 0)
    won = client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (won.status, won.evidence_details.submission_count) == ("won", 1)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute.id)


def test_closing_a_dispute_loses_it_for_good(wire: Wire, client: stripe.StripeClient) -> None:
    (dispute,) = client.v1.disputes.list({"charge": DISPUTED}).data
    assert client.v1.disputes.close(dispute.id).status == "lost"
    assert wire.events("charge.dispute.closed")[0]["data"]["object"]["id"] == dispute.id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "x"}})


def test_what_is_done_is_told_with_its_request(wire: Wire, client: stripe.StripeClient) -> None:
    refund = client.v1.refunds.create({"charge": PAID, "amount": 250}, {"idempotency_key": "op-1"})
    event = wire.events("charge.refunded")[0]
    assert event["data"]["object"]["amount_refunded"] == 250
    assert event["data"]["previous_attributes"] == {"amount_refunded": 0}
    assert event["request"]["idempotency_key"] == "op-1"
    assert refund.last_response is not None
    assert event["request"]["id"] == refund.last_response.request_id
    told = wire.get("/v1/events", "types[]=refund.created&types[]=charge.refunded")["data"]
    assert {one["type"] for one in told} == {"refund.created", "charge.refunded"}
    assert wire.events("charge.*")[0] == event
