"""Refunds at Recurly: to whom the money goes, what is refused beforehand, and what a credit invoice tells."""

from typing import Any

import pytest

from billctl.errors import NoAnswer, NotFound, OutcomeUnknown, Refused, UsageError
from billctl.frozen import replace
from billctl.gateways.recurly import mapping, refunding, traces, weighing
from billctl.gateways.recurly.stamps import operation_key, stamped
from billctl.models import RefundStatus
from billctl.money import Money
from tests.gateways.recurly_books import (
    ACCOUNT,
    OTHER_KEY,
    STAMP,
    Books,
    Reading,
    as_sdk,
    charge,
    credit_fields,
    invoice_fields,
    payment_fields,
    refund_fields,
)

CREDITED_BEFORE = credit_fields(20.0, refund_fields(20.0), customer_notes=stamped(OTHER_KEY))
DECLINED = credit_fields(
    10.0,
    refund_fields(10.0, status="declined", status_code="declined", status_message="The bank said no."),
    state="open",
    balance=-10.0,
)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def preview(*credits: dict[str, Any], amount: Money | None = None, **invoice: Any) -> tuple[str, ...]:
    """What is told before that payment is refunded."""
    books = Books(
        get_invoice=as_sdk(invoice_fields(**invoice)),
        list_related_invoices=[as_sdk(credit) for credit in credits],
    )
    told = weighing.preview(Reading(books), charge(), amount or usd(1000))
    assert books.changes() == []
    return told


def refused(*credits: dict[str, Any], **invoice: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        preview(*credits, **invoice)
    return caught.value


# Before


def test_it_is_said_where_the_money_goes_and_what_the_customer_may_see() -> None:
    told = " ".join(preview())
    assert "what was paid with" in told
    assert "all_transaction" in told
    assert "1001" in told
    assert "the reason stays here" in told


def test_all_of_a_payment_may_be_voided_instead() -> None:
    assert any("voids it instead" in sentence for sentence in preview(amount=usd(4900)))
    assert not any("voids it instead" in sentence for sentence in preview(amount=usd(4899)))


def test_credit_that_paid_a_part_is_said_to_stay() -> None:
    told = preview(credit_payments=[{"id": "credit000001", "object": "credit_payment", "amount": 5.0}])
    assert any("account credit is not touched" in sentence for sentence in told)


def test_an_invoice_that_several_payments_paid_is_refused() -> None:
    """Recurly would choose which of them gives the money back."""
    paid = [payment_fields(), payment_fields("layla2payment", amount=20.0)]
    error = refused(transactions=paid, refundable_amount=69.0)
    assert error.code == "several_payments"
    assert "layla1payment" in error.message
    assert "layla2payment" in error.message


def test_payments_that_took_or_left_nothing_leave_no_choice() -> None:
    tried = [
        payment_fields("layla2payment", status="declined"),
        payment_fields("layla3payment", type="verify", amount=1.0),
        payment_fields("layla4payment", status="void"),
        payment_fields("layla5payment", amount=20.0),
    ]
    given_back = credit_fields(20.0, refund_fields(20.0, original_transaction_id="layla5payment"))
    assert preview(given_back, transactions=[payment_fields(), *tried])


def test_a_payment_that_its_invoice_does_not_name_is_refused() -> None:
    """A refund of the invoice would give back what another payment paid."""
    assert refused(transactions=[payment_fields("layla2payment")]).code == "not_its_payment"


def test_a_payment_that_was_recorded_by_hand_is_refused() -> None:
    error = refused(transactions=[payment_fields(collection_method="manual")])
    assert error.code == "manual_payment"
    assert "external refund" in error.hint


def test_a_payment_that_has_not_arrived_is_refused() -> None:
    assert refused(state="processing").code == "invoice_processing"


@pytest.mark.parametrize("kind", ["legacy", "credit"])
def test_what_is_no_charge_invoice_is_refused(kind: str) -> None:
    assert refused(type=kind, refundable_amount=None).code == "not_a_charge_invoice"


def test_a_payment_without_an_invoice_is_refused_before_anything_is_asked() -> None:
    books = Books()
    with pytest.raises(Refused) as caught:
        weighing.preview(Reading(books), charge(invoice=None), usd(1000))
    assert caught.value.code == "no_invoice"
    assert books.calls == []


def test_the_credit_of_a_declined_refund_comes_first() -> None:
    """The next invoice would use it up: with another refund the customer would have both."""
    error = refused(DECLINED)
    assert error.code == "open_credit"
    assert "`billctl recurly void-credit layla1credit --reason …`" in error.hint


@pytest.mark.parametrize(
    "settled",
    [
        pytest.param(DECLINED | {"state": "voided"}, id="taken back"),
        pytest.param(
            DECLINED
            | {
                "transactions": [
                    refund_fields(10.0, "layla2refund", status="declined"),
                    refund_fields(10.0),
                ]
            },
            id="retried",
        ),
    ],
)
def test_a_declined_refund_that_was_settled_since_is_in_nobodys_way(settled: dict[str, Any]) -> None:
    assert preview(settled)


def test_more_than_the_invoice_has_left_is_a_usage_error() -> None:
    """Credit given back counts at the invoice, and not at the payment."""
    with pytest.raises(UsageError) as caught:
        preview(amount=usd(1001), refundable_amount=10.0)
    assert caught.value.code == "amount_too_large"
    assert preview(amount=usd(1000), refundable_amount=10.0)


# The request and its answer


def sending(answer: Any, **more: Any) -> Books:
    """Books that answer a refund so."""
    return Books(refund_invoice=answer, **more)


def refund(books: Books, minor: int = 1000) -> Any:
    return refunding.refund(Reading(books), charge(), usd(minor), stamp=STAMP)


def test_a_refund_names_its_amount_its_method_and_its_key() -> None:
    books = sending(as_sdk(credit_fields(19.99, refund_fields(19.99))))
    made = refund(books, 1999)
    assert (made.amount, made.charge_id, made.status) == (usd(1999), "layla1payment", RefundStatus.SUCCEEDED)
    assert made.operation_key == STAMP.key
    body = {
        "type": "amount",
        "amount": 19.99,
        "refund_method": "all_transaction",
        "credit_customer_notes": f"ref {STAMP.key}",
    }
    named = {"headers": {"Idempotency-Key": STAMP.key}}
    assert books.calls == [("refund_invoice", ("layla1invoice", body), named)]


def test_the_note_says_nothing_but_the_key() -> None:
    """The customer may read it, and a repeated request must be the same to the letter."""
    assert stamped(STAMP.key) == "ref 0123456789abcdef0123456789abcdef"
    assert operation_key(f"Thank you!\n{stamped(STAMP.key)}") == STAMP.key
    assert operation_key("ref 0123") is None
    assert operation_key(f"ref {STAMP.key}0") is None
    assert operation_key(f"xref {STAMP.key}") is None
    assert operation_key(None) is None


def test_a_refund_on_its_way_is_pending() -> None:
    credit = credit_fields(10.0, refund_fields(10.0, status="processing"), state="processing")
    assert refund(sending(as_sdk(credit))).status is RefundStatus.PENDING


def test_a_payment_that_was_voided_instead_is_refunded_whole() -> None:
    voided = payment_fields(
        status="void", voided_by_invoice={"id": "layla1credit", "object": "invoice", "number": "1005"}
    )
    made = refund(sending(as_sdk(credit_fields(49.0, state="closed")), get_transaction=as_sdk(voided)), 4900)
    assert (made.id, made.amount, made.status) == ("layla1credit", usd(4900), RefundStatus.SUCCEEDED)
    assert (made.gateway_status, made.operation_key) == ("void", STAMP.key)


def test_a_payment_that_another_credit_invoice_voided_is_not_given_back_by_this_one() -> None:
    voided = payment_fields(status="void", voided_by_invoice={"id": "layla2credit", "object": "invoice"})
    books = sending(as_sdk(credit_fields(10.0)), get_transaction=as_sdk(voided))
    with pytest.raises(OutcomeUnknown) as caught:
        refund(books)
    assert caught.value.code == "credited_instead"


def test_money_that_became_credit_is_no_refund() -> None:
    books = sending(as_sdk(credit_fields(10.0)), get_transaction=as_sdk(payment_fields()))
    with pytest.raises(OutcomeUnknown) as caught:
        refund(books)
    assert caught.value.code == "credited_instead"
    assert "credit invoice 1005 of 10.00 USD" in caught.value.message
    assert "`billctl recurly void-credit layla1credit --reason …`" in caught.value.hint


def test_money_of_another_payment_is_not_taken_for_this_ones() -> None:
    """`all_transaction` may use transactions of earlier invoices."""
    elsewhere = refund_fields(10.0, original_transaction_id="layla9payment")
    books = sending(as_sdk(credit_fields(10.0, elsewhere)), get_transaction=as_sdk(payment_fields()))
    with pytest.raises(OutcomeUnknown):
        refund(books)


def test_a_credit_invoice_that_cannot_be_looked_into_leaves_it_unknown() -> None:
    books = sending(as_sdk(credit_fields(49.0)), get_transaction=NoAnswer("no answer", code="timeout"))
    with pytest.raises(OutcomeUnknown) as caught:
        refund(books)
    assert caught.value.code == "timeout"


# Declined


def assert_declined(error: Refused) -> None:
    """No money moved, and something did change: both are said."""
    line = error.line()
    assert "The bank said no" in line
    assert "credit invoice 1005 of 10.00 USD stands on the account" in line
    assert "No money was given back." in line
    assert "Nothing changed" not in line
    assert "`billctl recurly void-credit layla1credit --reason …`" in line


def test_a_declined_refund_says_what_it_leaves_behind() -> None:
    with pytest.raises(Refused) as caught:
        refund(sending(as_sdk(DECLINED)))
    assert_declined(caught.value)


def test_a_declined_refund_that_is_answered_with_an_error_is_looked_into() -> None:
    books = sending(Refused("declined", code="declined"), list_related_invoices=[as_sdk(DECLINED)])
    with pytest.raises(Refused) as caught:
        refund(books)
    assert_declined(caught.value)


def test_a_refusal_that_left_nothing_behind_is_a_refusal() -> None:
    refusal = Refused("Recurly says: too much", code="validation")
    with pytest.raises(Refused) as caught:
        refund(sending(refusal, list_related_invoices=[as_sdk(CREDITED_BEFORE)]))
    assert caught.value is refusal
    assert "Nothing changed." in refusal.line()


def test_a_part_of_what_is_not_settled_is_refused_with_what_can_be_done() -> None:
    refusal = Refused("Recurly says: not settled", code="cannot_refund_unsettled_transactions")
    with pytest.raises(Refused) as caught:
        refund(sending(refusal, list_related_invoices=[]))
    assert "Refund all of it now" in caught.value.hint


def test_a_refusal_after_the_very_operation_was_done_answers_what_was_done() -> None:
    """Another host did it, and Recurly no longer knew the key."""
    done = as_sdk(credit_fields(10.0, refund_fields(10.0)))
    made = refund(sending(Refused("nothing left", code="validation"), list_related_invoices=[done]))
    assert (made.id, made.amount) == ("layla1refund", usd(1000))


def test_a_refusal_that_cannot_be_looked_into_is_unknown() -> None:
    answers = {"list_related_invoices": NoAnswer("no answer", code="timeout")}
    with pytest.raises(OutcomeUnknown) as caught:
        refund(sending(Refused("declined", code="declined"), **answers))
    assert "declined" in caught.value.message


def test_a_refusal_is_not_hidden_by_an_earlier_try_that_was_taken_back() -> None:
    refusal = Refused("Recurly says: too much", code="validation")
    taken_back = DECLINED | {"state": "voided", "balance": 0.0}
    for before in (taken_back, credit_fields(10.0, state="voided", balance=0.0)):
        with pytest.raises(Refused) as caught:
            refund(sending(refusal, list_related_invoices=[as_sdk(before)]))
        assert caught.value is refusal


def test_a_declined_refund_of_before_that_is_answered_again_is_not_told_as_new() -> None:
    """Under a used key Recurly answers with what the first request made, as it was then; the credit may be
    taken back since."""
    failed = mapping.refund(as_sdk(refund_fields(10.0, status="declined")), ACCOUNT.name, key=STAMP.key)
    before = replace(charge(), refunds=(failed,))
    made = refunding.refund(Reading(sending(as_sdk(DECLINED))), before, usd(1000), stamp=STAMP)
    assert (made.id, made.status) == (failed.id, RefundStatus.FAILED)


# Afterwards


def find(*credits: dict[str, Any], **more: Any) -> Any:
    books = Books(list_related_invoices=[as_sdk(credit) for credit in credits], **more)
    return refunding.find(Reading(books), charge(), stamp=STAMP)


def test_a_refund_is_found_by_its_note() -> None:
    made = credit_fields(10.0, refund_fields(10.0), id="layla2credit")
    found = find(CREDITED_BEFORE, made)
    assert (found.amount, found.operation_key) == (usd(1000), STAMP.key)


def test_refunds_of_other_operations_and_of_nobody_are_not_it() -> None:
    by_hand = credit_fields(10.0, refund_fields(10.0), customer_notes="Sorry!")
    assert find(CREDITED_BEFORE, by_hand) is None
    assert find() is None


def test_only_a_credit_invoice_gives_back() -> None:
    assert find(invoice_fields(customer_notes=stamped(STAMP.key), transactions=[refund_fields(10.0)])) is None


def test_the_refunds_of_a_payment_come_newest_first() -> None:
    older = credit_fields(5.0, refund_fields(5.0, "layla2refund", created_at="2026-11-02T10:00:00Z"))
    books = Books(list_related_invoices=[as_sdk(older), as_sdk(CREDITED_BEFORE)])
    refunds = traces.refunds_of(Reading(books), as_sdk(payment_fields()))
    assert [refund.id for refund in refunds] == ["layla1refund", "layla2refund"]
    assert [refund.operation_key for refund in refunds] == [OTHER_KEY, STAMP.key]


def test_a_declined_refund_is_found_as_failed() -> None:
    assert find(DECLINED).status is RefundStatus.FAILED


def test_a_declined_refund_that_was_retried_is_found_as_made() -> None:
    tries = [refund_fields(10.0, "layla2refund", status="declined"), refund_fields(10.0)]
    found = find(credit_fields(10.0, *tries))
    assert (found.id, found.status) == ("layla1refund", RefundStatus.SUCCEEDED)


def test_of_two_tries_under_one_key_the_one_that_gave_money_back_is_found() -> None:
    """The first was declined and its credit taken back; whichever Recurly lists first."""
    at = "2026-11-20T12:05:00Z"
    first = DECLINED | {"state": "voided", "balance": 0.0}
    second = credit_fields(10.0, refund_fields(10.0, "layla2refund"), id="layla2credit", created_at=at)
    void = credit_fields(10.0, id="layla2credit", created_at=at, state="closed")
    voided = payment_fields(status="void", voided_by_invoice={"id": "layla2credit", "object": "invoice"})
    for credits in ((first, second), (second, first)):
        assert (find(*credits).id, find(*credits).status) == ("layla2refund", RefundStatus.SUCCEEDED)
    for credits in ((first, void), (void, first)):
        assert find(*credits, get_transaction=as_sdk(voided)).id == "layla2credit"
    again = DECLINED | {"id": "layla2credit", "created_at": at, "transactions": [
        refund_fields(10.0, "layla2refund", status="declined")
    ]}  # fmt: skip
    for credits in ((first, again), (again, first)):
        assert (find(*credits).id, find(*credits).status) == ("layla2refund", RefundStatus.FAILED)


def test_credit_in_moneys_place_stays_unknown_until_it_is_taken_back() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        find(credit_fields(10.0), get_transaction=as_sdk(payment_fields()))
    assert caught.value.code == "credited_instead"
    found = find(credit_fields(10.0, state="voided", balance=0.0))
    assert (found.status, found.amount) == (RefundStatus.CANCELED, usd(1000))


def test_an_invoice_that_is_gone_is_not_an_answer() -> None:
    books = Books(list_related_invoices=NotFound("no such invoice"))
    with pytest.raises(NotFound):
        refunding.find(Reading(books), charge(), stamp=STAMP)
