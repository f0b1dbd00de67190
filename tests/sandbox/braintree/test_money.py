"""Sales, captures, settlement, voids and refunds, through the real SDK."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from billctl.sandbox import state
from tests.sandbox.braintree.conftest import Wire, braintree, codes

PAID = "layla001"
PART = "layla002"
SUBMITTED = "layla004"
AUTHORIZED = "layla005"
VISA = {"payment_method_nonce": "fake-valid-nonce"}
NOW = {"options": {"submit_for_settlement": True}}


def settled(sdk: Any, amount: str) -> str:
    """A new settled sale's id."""
    sale = sdk.transaction.sale({"amount": amount, **VISA, **NOW}).transaction
    assert sdk.testing.settle_transaction(sale.id).transaction.status == "settled"
    return str(sale.id)


def test_a_refund_is_a_credit_that_both_sides_name(sdk: Any) -> None:
    credit = sdk.transaction.refund(PAID, {"amount": "4.00", "order_id": "op_1"}).transaction
    assert (credit.type, credit.status, credit.amount) == (
        "credit",
        "submitted_for_settlement",
        Decimal("4.00"),
    )
    assert (credit.refunded_transaction_id, credit.order_id) == (PAID, "op_1")
    assert credit.customer_details.id == "layla"
    sale = sdk.transaction.find(PAID)
    assert (sale.status, sale.refund_ids, sale.refund_id) == ("settled", [credit.id], credit.id)


def test_a_refund_without_an_amount_takes_all_that_is_left(sdk: Any) -> None:
    assert sdk.transaction.refund(PART).transaction.amount == Decimal("29.00")
    assert codes(sdk.transaction.refund(PART)) == ["91512"]


def test_many_partial_refunds_up_to_the_whole(sdk: Any) -> None:
    for _ in range(2):
        assert sdk.transaction.refund(PAID, "24.00").is_success
    assert codes(sdk.transaction.refund(PAID, "1.01")) == ["91521"]
    assert sdk.transaction.refund(PAID, "1.00").is_success
    assert codes(sdk.transaction.refund(PAID, "1.00")) == ["91512"]


@pytest.mark.parametrize(
    ("transaction", "amount", "code"),
    [
        (SUBMITTED, "1.00", "91506"),
        (AUTHORIZED, "1.00", "91506"),
        ("layla003", "1.00", "91505"),
        (PAID, "49.01", "91521"),
        (PAID, "-1.00", "81501"),
        (PAID, "5,00", "81503"),
        (PAID, "1.001", "81503"),
        (PAID, "1e1", "81503"),
        (PAID, "0.00", "81531"),
    ],
)
def test_a_refund_that_cannot_be_has_its_code_and_changes_nothing(
    sdk: Any, transaction: str, amount: str, code: str
) -> None:
    before = sdk.transaction.find(transaction)
    assert codes(sdk.transaction.refund(transaction, amount)) == [code]
    after = sdk.transaction.find(transaction)
    assert (after.refund_ids, after.updated_at) == (before.refund_ids, before.updated_at)


def test_a_refund_may_go_into_another_merchant_account_that_exists(sdk: Any) -> None:
    made = sdk.transaction.refund(PAID, {"amount": "1.00", "merchant_account_id": "shop_eur"}).transaction
    assert made.merchant_account_id == "shop_eur"
    refused = sdk.transaction.refund(PAID, {"amount": "1.00", "merchant_account_id": "nowhere"})
    assert codes(refused) == ["91513"]


def test_refunds_at_the_same_time_never_give_back_more_than_there_is(wire: Wire) -> None:
    def one(number: int) -> bool:
        made = wire.sdk().transaction.refund(PAID, {"amount": "10.00", "api_request_key": f"op-{number}"})
        return bool(made.is_success)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == [False] * 4 + [True] * 4
    assert len(wire.sdk().transaction.find(PAID).refund_ids) == 4


def test_a_soft_declined_refund_is_a_success_that_says_so(sdk: Any) -> None:
    credit = sdk.transaction.refund(settled(sdk, "9000.00"), "2046.00").transaction
    assert (credit.status, credit.processor_response_type) == ("submitted_for_settlement", "approved")
    assert credit.additional_processor_response == "2046 : Declined"


def test_a_hard_declined_refund_is_an_error_with_its_transaction(sdk: Any) -> None:
    sale = settled(sdk, "9000.00")
    result = sdk.transaction.refund(sale, "2004.00")
    assert codes(result) == ["915200"]
    credit = result.transaction
    assert (credit.status, credit.processor_response_type) == ("processor_declined", "hard_declined")
    assert credit.additional_processor_response == "2004 : Expired Card"
    assert sdk.transaction.find(sale).refund_ids == []
    assert sdk.transaction.find(credit.id).refunded_transaction_id == sale


def test_a_voided_refund_can_be_given_again(sdk: Any) -> None:
    credit = sdk.transaction.refund(PAID).transaction
    assert sdk.transaction.void(credit.id).transaction.status == "voided"
    assert sdk.transaction.refund(PAID).transaction.amount == Decimal("49.00")


@pytest.mark.parametrize("transaction", [AUTHORIZED, SUBMITTED])
def test_what_is_not_settling_can_be_voided_once(sdk: Any, transaction: str) -> None:
    voided = sdk.transaction.void(transaction).transaction
    assert (voided.id, voided.status) == (transaction, "voided")
    assert voided.status_history[-1].status == "voided"
    assert codes(sdk.transaction.void(transaction)) == ["91504"]


def test_what_is_settled_cannot_be_voided(sdk: Any) -> None:
    assert codes(sdk.transaction.void(PAID)) == ["91504"]


def test_a_reversal_voids_or_refunds_everything(sdk: Any) -> None:
    assert sdk.transaction.reverse(SUBMITTED).transaction.status == "voided"
    credit = sdk.transaction.reverse(PAID).transaction
    assert (credit.type, credit.amount, credit.refunded_transaction_id) == ("credit", Decimal("49.00"), PAID)
    assert codes(sdk.transaction.reverse(PART)) == ["915282"]


def test_a_sale_is_captured_whole_or_less_and_never_more(sdk: Any) -> None:
    first, second = (sdk.transaction.sale({"amount": "100.00", **VISA}).transaction for _ in range(2))
    assert first.status == "authorized"
    assert codes(sdk.transaction.submit_for_settlement(first.id, "100.01")) == ["91522"]
    part = sdk.transaction.submit_for_settlement(first.id, "60.00").transaction
    assert (part.status, part.amount) == ("submitted_for_settlement", Decimal("60.00"))
    assert sdk.transaction.submit_for_settlement(second.id).transaction.amount == Decimal("100.00")
    assert codes(sdk.transaction.submit_for_settlement(second.id)) == ["91507"]


def test_partial_settlements_are_children_of_the_authorization(sdk: Any) -> None:
    parent = sdk.transaction.sale({"amount": "100.00", **VISA}).transaction
    parts = [sdk.transaction.submit_for_partial_settlement(parent.id, "40.00").transaction for _ in range(2)]
    assert {part.authorized_transaction_id for part in parts} == {parent.id}
    found = sdk.transaction.find(parent.id)
    assert found.partial_settlement_transaction_ids == [part.id for part in parts]
    assert found.status == "settlement_pending"
    assert codes(sdk.transaction.submit_for_partial_settlement(parent.id, "20.01")) == ["91522"]
    assert codes(sdk.transaction.submit_for_partial_settlement(parts[0].id, "1.00")) == ["915103"]


def test_the_amount_can_be_lowered_until_it_settles(sdk: Any) -> None:
    lower = sdk.transaction.update_details(SUBMITTED, {"amount": "10.00", "order_id": "new"}).transaction
    assert (lower.amount, lower.order_id) == (Decimal("10.00"), "new")
    assert codes(sdk.transaction.update_details(AUTHORIZED, {"amount": "10.00"})) == ["915129"]


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [
        ("2000.00", "processor_declined", "2000"),
        ("2015.50", "processor_declined", "2015"),
        ("2999.00", "processor_declined", "2999"),
        ("3000.00", "failed", "3000"),
    ],
)
def test_an_amount_can_ask_for_a_decline(sdk: Any, amount: str, status: str, code: str) -> None:
    result = sdk.transaction.sale({"amount": amount, **VISA})
    assert codes(result) == []
    failed = sdk.transaction.find(result.transaction.id)
    assert (failed.status, failed.processor_response_code) == (status, code)
    assert result.message == failed.processor_response_text
    assert codes(sdk.transaction.void(failed.id)) == ["91504"]


def test_nonces_decline_reject_and_are_used_up(sdk: Any) -> None:
    def pay(nonce: str) -> Any:
        return sdk.transaction.sale({"amount": "10.00", "payment_method_nonce": nonce})

    assert pay("fake-processor-declined-visa-nonce").transaction.status == "processor_declined"
    rejected = pay("fake-gateway-rejected-fraud-nonce")
    assert rejected.message == "Gateway Rejected: fraud"
    assert rejected.transaction.gateway_rejection_reason == "fraud"
    assert codes(pay("fake-consumed-nonce")) == ["91564"]
    assert codes(pay("never-heard-of")) == ["91565"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"amount": "10.00"}, "91508"),
        (VISA, "81502"),
        ({"amount": "10.00", "payment_method_token": "nobody"}, "91518"),
        ({"amount": "10.00", "customer_id": "nobody"}, "91510"),
        ({"amount": "10.00", "merchant_account_id": "nowhere", **VISA}, "91513"),
        ({"amount": "10.00", "merchant_account_id": "shop_old", **VISA}, "91514"),
        ({"amount": "10.00", "order_id": "x" * 256, **VISA}, "91501"),
        ({"amount": "10.00", "credit_card": {"number": "4111"}}, "81715"),
        ({"amount": "10.00", "credit_card": {"cvv": "123"}}, "81714"),
    ],
)
def test_a_sale_that_makes_no_sense_has_its_code(sdk: Any, params: dict[str, Any], code: str) -> None:
    assert codes(sdk.transaction.sale(dict(params))) == [code]


def test_a_credit_needs_no_sale(sdk: Any) -> None:
    credit = sdk.transaction.credit({"amount": "10.00", "customer_id": "layla"}).transaction
    assert (credit.type, credit.status, credit.refunded_transaction_id) == (
        "credit",
        "submitted_for_settlement",
        None,
    )


def test_currencies_have_their_own_accounts_and_decimals(sdk: Any) -> None:
    for account, amount, currency in (("shop_jpy", "5000", "JPY"), ("shop_kwd", "1.250", "KWD")):
        sale = sdk.transaction.sale(
            {"amount": amount, "merchant_account_id": account, **VISA, **NOW}
        ).transaction
        assert (sale.currency_iso_code, str(sale.amount)) == (currency, amount)
    assert codes(sdk.transaction.sale({"amount": "1.5", "merchant_account_id": "shop_jpy", **VISA})) == [
        "81503"
    ]


def test_a_transaction_settles_by_itself_in_two_steps(wire: Wire, sdk: Any) -> None:
    state.configure(wire.state_dir, "braintree", settle_after=0)
    sale = sdk.transaction.sale({"amount": "10.00", **VISA, **NOW}).transaction
    assert sale.status == "submitted_for_settlement"
    done = sdk.transaction.find(sale.id)
    assert done.status == "settled"
    assert [event.status for event in done.status_history] == [
        "authorized",
        "submitted_for_settlement",
        "settling",
        "settled",
    ]
    assert done.settlement_batch_id
    assert sdk.transaction.find(SUBMITTED).status == "submitted_for_settlement"


def test_the_testing_calls_settle_decline_and_hold(sdk: Any) -> None:
    def submitted() -> str:
        return str(sdk.transaction.sale({"amount": "10.00", **VISA, **NOW}).transaction.id)

    declined = sdk.testing.settlement_decline_transaction(submitted()).transaction
    assert (declined.status, declined.processor_settlement_response_code) == ("settlement_declined", "4001")
    held = sdk.testing.settlement_pending_transaction(submitted()).transaction
    assert (held.status, held.processor_settlement_response_text) == (
        "settlement_pending",
        "Settlement Pending",
    )
    assert sdk.testing.settlement_confirm_transaction(submitted()).transaction.status == (
        "settlement_confirmed"
    )
    assert codes(sdk.testing.settle_transaction(AUTHORIZED)) == ["91575"]


def test_the_disputed_card_is_disputed_at_once(sdk: Any) -> None:
    card = {"number": "4023898493988028", "expiration_date": "12/2029"}
    sale = sdk.transaction.sale({"amount": "100.00", "credit_card": card}).transaction
    (dispute,) = sale.disputes
    assert (dispute.status, dispute.amount_disputed) == ("open", Decimal("100.00"))
    assert sdk.dispute.find(dispute.id).transaction.id == sale.id


def test_a_transaction_that_is_not_there_is_not_found(sdk: Any) -> None:
    missing = braintree.exceptions.NotFoundError
    for act in (sdk.transaction.find, sdk.transaction.refund, sdk.transaction.void, sdk.transaction.reverse):
        with pytest.raises(missing):
            act("nothere")
