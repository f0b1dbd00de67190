"""Ends of subscriptions at Recurly with and without money back, reactivations, and credits taken back."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from billctl.errors import NoAnswer, NotFound, OutcomeUnknown, Refused
from billctl.gateway import Payback, Termination, When
from billctl.gateways.recurly import credits, ending, mapping, terminating
from billctl.models import RefundStatus, Subscription, SubscriptionStatus
from billctl.money import Money
from tests.gateways.recurly_books import (
    ACCOUNT,
    OTHER_KEY,
    STAMP,
    Books,
    Reading,
    as_sdk,
    credit_fields,
    invoice_fields,
    payment_fields,
    refund_fields,
    subscription,
    subscription_fields,
)

KEYED = {"headers": {"Idempotency-Key": STAMP.key}}
EXPIRED = as_sdk(subscription_fields(state="expired"))
OWN = {"customer_notes": None, "origin": "termination"}


def usd(minor: int) -> Money:
    return Money(minor, "USD")


# Ends without money back


def test_an_end_at_once_gives_nothing_back_and_bills_what_was_used() -> None:
    books = Books(terminate_subscription=EXPIRED)
    ended = ending.cancel(Reading(books), subscription(), when=When.NOW, stamp=STAMP)
    assert ended.status is SubscriptionStatus.EXPIRED
    params = {"refund": "none", "charge": True}
    assert books.calls == [("terminate_subscription", ("laylasub0001",), {"params": params, **KEYED})]


@pytest.mark.parametrize(
    ("state", "said"), [("active", "Nothing changed."), ("expired", "The subscription has ended.")]
)
def test_an_end_at_once_that_is_refused_says_whether_it_took_place(state: str, said: str) -> None:
    """It bills usage, and that payment may be declined; or somebody else was faster."""
    refusal = Refused("Recurly says: declined", code="declined")
    now = as_sdk(subscription_fields(state=state))
    with pytest.raises(Refused) as caught:
        ended_now(Books(terminate_subscription=refusal, get_subscription=now))
    assert (caught.value.code, caught.value.sent) == ("declined", said)


def test_an_end_at_once_that_is_refused_and_cannot_be_looked_into_is_unknown() -> None:
    refusal = Refused("Recurly says: declined", code="declined", account="recurly")
    unread = NoAnswer("no answer", code="timeout")
    with pytest.raises(OutcomeUnknown, match="declined; whether the subscription ended could not be read"):
        ended_now(Books(terminate_subscription=refusal, get_subscription=unread))


def ended_now(books: Books) -> Subscription:
    return ending.cancel(Reading(books), subscription(), when=When.NOW, stamp=STAMP)


def test_an_end_with_the_period_is_at_the_next_bill_and_not_at_the_end_of_the_term() -> None:
    canceled = as_sdk(subscription_fields(state="canceled"))
    books = Books(cancel_subscription=canceled, get_subscription=canceled)
    ended = ending.cancel(Reading(books), subscription(), when=When.PERIOD_END, stamp=STAMP)
    assert ended.cancel_at_period_end
    body = {"timeframe": "bill_date"}
    assert books.changes() == [("cancel_subscription", ("laylasub0001",), {"body": body, **KEYED})]


def test_what_has_not_begun_is_canceled_at_once() -> None:
    """Recurly has no other end for it: it becomes `failed`."""
    future = subscription(state="future")
    failed = as_sdk(subscription_fields(state="failed"))
    books = Books(cancel_subscription=failed, get_subscription=failed)
    ended = ending.cancel(Reading(books), future, when=When.NOW, stamp=STAMP)
    assert ended.status is SubscriptionStatus.CANCELED
    assert "cannot be reactivated" in " ".join(ending.preview(future, when=When.NOW))


@pytest.mark.parametrize("state", ["future", "paused"])
def test_what_is_not_active_cannot_end_with_its_period(state: str) -> None:
    with pytest.raises(Refused) as caught:
        ending.preview(subscription(state=state), when=When.PERIOD_END)
    assert caught.value.code == "no_period_end"
    assert "--now" in caught.value.hint


def test_before_an_end_it_is_said_what_undoes_it_and_what_it_bills() -> None:
    later = " ".join(ending.preview(subscription(), when=When.PERIOD_END))
    assert "billctl recurly reactivate laylasub0001" in later
    assert "also within a longer term" in later
    assert "usage" in " ".join(ending.preview(subscription(), when=When.NOW)).casefold()


def test_an_answer_about_another_subscription_leaves_it_unknown() -> None:
    books = Books(terminate_subscription=as_sdk(subscription_fields(id="othersub0001", state="expired")))
    with pytest.raises(OutcomeUnknown):
        ending.cancel(Reading(books), subscription(), when=When.NOW, stamp=STAMP)


def found(state: str, when: When) -> Any:
    books = Books(get_subscription=as_sdk(subscription_fields(state=state)))
    return ending.find_cancellation(Reading(books), subscription(), when=when)


@pytest.mark.parametrize(
    ("state", "now", "at_period_end"),
    [
        ("active", False, False),
        ("paused", False, False),
        ("canceled", False, True),
        ("expired", True, True),
        ("failed", True, True),
    ],
)
def test_an_end_is_recognised_by_the_state(state: str, now: bool, at_period_end: bool) -> None:
    assert (found(state, When.NOW) is not None) is now
    assert (found(state, When.PERIOD_END) is not None) is at_period_end


def test_a_subscription_that_is_gone_shows_no_end() -> None:
    books = Books(get_subscription=NotFound("no such subscription"))
    assert ending.find_cancellation(Reading(books), subscription(), when=When.NOW) is None
    assert ending.find_reactivation(Reading(books), subscription()) is None


# Going on


def test_a_reactivation_carries_its_key_and_is_recognised() -> None:
    set_to_end = subscription(state="canceled")
    active = as_sdk(subscription_fields())
    books = Books(reactivate_subscription=active, get_subscription=active)
    assert not ending.reactivate(Reading(books), set_to_end, stamp=STAMP).cancel_at_period_end
    assert books.changes() == [("reactivate_subscription", ("laylasub0001",), KEYED)]


def test_what_cannot_be_read_after_a_change_leaves_it_unknown() -> None:
    lost = NoAnswer("no answer after 30 s", code="timeout")
    books = Books(reactivate_subscription=as_sdk(subscription_fields()), get_subscription=lost)
    with pytest.raises(OutcomeUnknown, match="whether it is could not be read: no answer after 30 s"):
        ending.reactivate(Reading(books), subscription(state="canceled"), stamp=STAMP)


@pytest.mark.parametrize(("state", "goes_on"), [("active", True), ("canceled", False), ("expired", False)])
def test_what_goes_on_is_neither_ended_nor_set_to_end(state: str, goes_on: bool) -> None:
    books = Books(get_subscription=as_sdk(subscription_fields(state=state)))
    assert (ending.find_reactivation(Reading(books), subscription()) is not None) is goes_on


# What an end can give back


def worth(*related: dict[str, Any], **invoice: Any) -> Money:
    """What an end of the subscription of that invoice can give back."""
    books = Books(
        list_subscription_invoices=[as_sdk(invoice_fields(**invoice))],
        list_related_invoices=[as_sdk(credit) for credit in related],
    )
    return terminating.price(Reading(books), subscription(), Payback.PRORATE)


def test_an_end_can_give_back_what_its_last_invoice_took() -> None:
    assert worth() == usd(4900)


def test_what_was_given_back_is_not_given_back_again() -> None:
    assert worth(credit_fields(20.0, refund_fields(20.0)), refundable_amount=29.0) == usd(2900)


def test_what_was_paid_with_credit_is_no_money() -> None:
    assert worth(transactions=[payment_fields(amount=30.0)]) == usd(3000)


@pytest.mark.parametrize(
    "tried", [[], [payment_fields(status="declined")], [payment_fields(status="void")]], ids=str
)
def test_nothing_is_given_back_where_nothing_was_paid(tried: list[dict[str, Any]]) -> None:
    assert worth(state="past_due", transactions=tried) == usd(0)


def test_a_subscription_without_an_invoice_gives_nothing_back() -> None:
    assert terminating.price(
        Reading(Books(list_subscription_invoices=[])), subscription(), Payback.FULL
    ) == usd(0)
    assert terminating.price(Reading(Books()), subscription(), Payback.NONE) == usd(0)


def test_only_the_newest_charge_invoice_counts() -> None:
    books = Books(
        list_subscription_invoices=[as_sdk(invoice_fields(refundable_amount=10.0)), as_sdk(invoice_fields())],
        list_related_invoices=[],
    )
    assert terminating.price(Reading(books), subscription(), Payback.PRORATE) == usd(1000)
    _, args, named = books.calls[0]
    assert args == ("laylasub0001",)
    assert named == {"params": {"type": "charge", "order": "desc", "sort": "created_at", "limit": 2}}


@pytest.mark.parametrize(
    ("invoice", "code"),
    [
        ({"subscription_ids": ["laylasub0001", "laylasub0009"]}, "shared_invoice"),
        ({"transactions": [payment_fields(collection_method="manual")]}, "manual_payment"),
        ({"transactions": [payment_fields(), payment_fields("layla2payment")]}, "several_payments"),
    ],
)
def test_an_end_whose_money_is_not_certain_is_refused(invoice: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        worth(**invoice)
    assert caught.value.code == code
    assert "--refund none" in caught.value.hint


# Ends with money back


def end(*credits: dict[str, Any], payback: Payback = Payback.FULL) -> tuple[Termination, Books]:
    """An end of the subscription, whose credit invoices are `credits` afterwards."""
    books = Books(
        terminate_subscription=EXPIRED,
        list_related_invoices=[],
        list_subscription_invoices=invoices(credits, [invoice_fields()]),
    )
    return terminating.terminate(Reading(books), subscription(), payback, stamp=STAMP), books


def invoices(credits: Iterable[dict[str, Any]], charged: Iterable[dict[str, Any]]) -> Callable[..., Any]:
    """A subscription's invoices, by the type that is asked for."""
    by_type = {"credit": credits, "charge": charged}
    return lambda _id, *, params: [as_sdk(fields) for fields in by_type[params["type"]]]


@pytest.mark.parametrize(
    ("payback", "word"), [(Payback.FULL, "full"), (Payback.PRORATE, "partial"), (Payback.NONE, "none")]
)
def test_what_is_given_back_is_spelt_out(payback: Payback, word: str) -> None:
    made, books = end(credit_fields(49.0, refund_fields(49.0), **OWN), payback=payback)
    assert made.subscription.status is SubscriptionStatus.EXPIRED
    assert made.refund is not None
    assert (made.refund.amount, made.refund.charge_id) == (usd(4900), "layla1payment")
    ((_, _, named),) = books.changes()
    assert named == {"params": {"refund": word, "charge": True}, **KEYED}


def test_an_end_whose_refund_does_not_show_is_unknown() -> None:
    """It may be late, or the time that was left worth nothing."""
    with pytest.raises(OutcomeUnknown) as caught:
        end(payback=Payback.PRORATE)
    assert caught.value.code == "refund_missing"


def test_an_end_without_money_back_needs_none() -> None:
    made, _ = end(payback=Payback.NONE)
    assert made.refund is None


def test_credit_invoices_of_other_times_and_operations_are_not_the_ends() -> None:
    own = credit_fields(30.0, refund_fields(30.0), **OWN)
    earlier = credit_fields(9.0, refund_fields(9.0), created_at="2026-11-20T11:00:00Z", **OWN)
    refunded = credit_fields(5.0, refund_fields(5.0), customer_notes=f"ref {OTHER_KEY}")
    by_hand = credit_fields(4.0, refund_fields(4.0), customer_notes=None)
    made, _ = end(by_hand, refunded, own, earlier)
    assert made.refund is not None
    assert made.refund.amount == usd(3000)


def test_a_refund_of_another_operation_is_not_the_ends() -> None:
    """It was made a moment before, and names its own operation."""
    with pytest.raises(OutcomeUnknown) as caught:
        end(credit_fields(49.0, refund_fields(49.0), customer_notes=f"ref {OTHER_KEY}"))
    assert caught.value.code == "refund_missing"


def test_the_ends_credit_invoice_is_asked_for_from_a_little_before_it_was_asked_for() -> None:
    _, books = end(credit_fields(49.0, refund_fields(49.0), **OWN))
    _, _, named = books.calls[1]
    assert named["params"] == {
        "type": "credit",
        "order": "desc",
        "sort": "created_at",
        "limit": 200,
        "begin_time": "2026-11-20T11:50:00Z",
    }


def test_several_credit_invoices_that_may_be_it_leave_it_unknown() -> None:
    either = credit_fields(30.0, refund_fields(30.0), customer_notes=None)
    with pytest.raises(OutcomeUnknown) as caught:
        end(either, credit_fields(9.0, refund_fields(9.0), customer_notes=None, number="1006"))
    assert caught.value.code == "uncertain_refund"
    assert "1005, 1006" in caught.value.message


def test_a_refund_that_somebody_made_a_moment_before_is_not_taken_for_the_ends() -> None:
    by_hand = credit_fields(30.0, refund_fields(30.0), customer_notes=None, origin="refund")
    with pytest.raises(OutcomeUnknown, match="whether a refund came with it is not certain") as caught:
        end(by_hand)
    assert "billctl recurly show layla1credit" in caught.value.hint


def test_an_end_that_gave_credit_in_moneys_place_is_unknown() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        end(credit_fields(49.0, **OWN))
    assert caught.value.code == "credited_instead"


def test_an_end_that_voided_the_payment_gave_it_back() -> None:
    """What is not settled yet is voided: there is no refund transaction then."""
    by = {"id": "layla1credit", "object": "invoice", "number": "1005"}
    voided = invoice_fields(
        refundable_amount=0.0,
        transactions=[
            payment_fields("layla0payment", status="declined"),
            payment_fields(status="void", voided_by_invoice=by),
        ],
    )
    books = Books(
        terminate_subscription=EXPIRED,
        get_subscription=EXPIRED,
        list_related_invoices=lambda invoice: [as_sdk(voided)] if invoice == "layla1credit" else [],
        list_subscription_invoices=invoices([credit_fields(49.0, state="closed", **OWN)], [voided]),
    )
    made = terminating.terminate(Reading(books), subscription(), Payback.FULL, stamp=STAMP)
    assert made.refund is not None
    assert (made.refund.id, made.refund.charge_id) == ("layla1credit", "layla1payment")
    assert (made.refund.amount, made.refund.status) == (usd(4900), RefundStatus.SUCCEEDED)
    assert terminating.find(Reading(books), subscription(), Payback.FULL, stamp=STAMP) == made


def test_money_of_several_payments_is_counted_together() -> None:
    parts = [
        refund_fields(30.0),
        refund_fields(19.0, "layla2refund", original_transaction_id="layla2payment"),
    ]
    made, _ = end(credit_fields(49.0, *parts, **OWN))
    assert made.refund is not None
    assert made.refund.amount == usd(4900)


def test_a_refund_that_was_declined_with_an_end_is_not_hidden() -> None:
    declined = credit_fields(49.0, refund_fields(49.0, status="declined"), **OWN)
    made, _ = end(declined)
    assert made.refund is not None
    assert (made.refund.status, made.refund.amount) == (RefundStatus.FAILED, usd(4900))


def refused_end(subscription_now: Any, *credits: dict[str, Any]) -> Termination:
    """An end that Recurly refuses, and how the subscription is afterwards."""
    books = Books(
        terminate_subscription=Refused("Recurly says: the refund was declined", code="declined"),
        get_subscription=subscription_now,
        list_related_invoices=[],
        list_subscription_invoices=invoices(credits, [invoice_fields()]),
    )
    return terminating.terminate(Reading(books), subscription(), Payback.FULL, stamp=STAMP)


def test_an_end_that_is_refused_is_refused_where_the_subscription_runs_on() -> None:
    with pytest.raises(Refused) as caught:
        refused_end(as_sdk(subscription_fields()))
    assert caught.value.sent == "Nothing changed."


def test_an_end_that_is_refused_says_that_the_subscription_has_ended_where_it_has() -> None:
    """Somebody else was faster."""
    with pytest.raises(Refused) as caught:
        refused_end(EXPIRED)
    assert caught.value.line() == (
        "Recurly says: the refund was declined (declined). The subscription has ended. No refund came with "
        "it so far."
    )


def test_an_end_that_is_refused_for_its_refund_alone_says_what_was_done() -> None:
    """Whether Recurly does that is not known: what is read tells."""
    declined = credit_fields(49.0, refund_fields(49.0, status="declined"), **OWN)
    made = refused_end(EXPIRED, declined)
    assert made.refund is not None
    assert made.refund.status is RefundStatus.FAILED


def test_an_end_that_is_refused_and_cannot_be_looked_into_is_unknown() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        refused_end(NoAnswer("no answer", code="timeout"))
    assert caught.value.code == "declined"


def test_an_end_whose_refund_cannot_be_read_is_unknown() -> None:
    books = Books(terminate_subscription=EXPIRED, list_subscription_invoices=NoAnswer("no", code="timeout"))
    with pytest.raises(OutcomeUnknown) as caught:
        terminating.terminate(Reading(books), subscription(), Payback.FULL, stamp=STAMP)
    assert "laylasub0001 has ended" in caught.value.message


def found_end(
    *credits: dict[str, Any],
    state: str = "expired",
    refundable: float = 49.0,
    newer: tuple[dict[str, Any], ...] = (),
) -> Any:
    """What is found of an end with all money back; `credits` are the subscription's credit invoices, `newer`
    its charge invoices after the one that was paid."""
    charged = [*newer, invoice_fields(refundable_amount=refundable)]
    books = Books(
        get_subscription=as_sdk(subscription_fields(state=state)),
        list_related_invoices=[],
        list_subscription_invoices=invoices(credits, charged),
    )
    return terminating.find(Reading(books), subscription(), Payback.FULL, stamp=STAMP)


def test_an_end_with_money_back_is_found_with_its_refund() -> None:
    made = found_end(credit_fields(49.0, refund_fields(49.0), **OWN), refundable=0.0)
    assert made.refund.amount == usd(4900)


@pytest.mark.parametrize("state", ["active", "canceled", "paused"])
def test_a_subscription_that_runs_was_not_ended(state: str) -> None:
    assert found_end(state=state) is None


def test_an_end_without_its_refund_is_not_taken_for_the_operation() -> None:
    """Somebody else may have ended it: neither done nor safe to send again. What the end itself billed for
    usage does not hide it."""
    final = invoice_fields(origin="termination", transactions=[], refundable_amount=0.0)
    for newer in ((), (final,)):
        with pytest.raises(OutcomeUnknown) as caught:
            found_end(newer=newer)
        assert caught.value.code == "refund_missing"


def test_an_end_with_nothing_to_give_back_is_found_without_a_refund() -> None:
    assert found_end(refundable=0.0) == Termination(
        subscription=mapping.subscription(EXPIRED, ACCOUNT.name, now=STAMP.asked)
    )


# Credits


def credit_invoice(**more: Any) -> Any:
    return as_sdk(credit_fields(10.0, customer_notes=None, **more))


def record(data: Any) -> Any:
    return mapping.invoice(data, ACCOUNT.name)


def test_a_credit_that_is_taken_back_carries_its_key_and_is_recognised() -> None:
    voided = credit_invoice(state="voided", balance=0.0)
    books = Books(void_invoice=voided, get_invoice=voided)
    client, invoice = Reading(books), record(credit_invoice())
    assert credits.void(client, invoice, stamp=STAMP).gateway_status == "voided"
    assert books.calls == [("void_invoice", ("layla1credit",), KEYED)]
    assert credits.find(client, invoice) is not None
    assert credits.find(Reading(Books(get_invoice=credit_invoice())), invoice) is None
    assert credits.find(Reading(Books(get_invoice=NotFound("gone"))), invoice) is None


def test_a_credit_that_is_not_void_afterwards_is_unknown() -> None:
    books = Books(void_invoice=credit_invoice())
    with pytest.raises(OutcomeUnknown) as caught:
        credits.void(Reading(books), record(credit_invoice()), stamp=STAMP)
    assert caught.value.code == "state_mismatch"


def test_an_answer_about_another_credit_leaves_it_unknown() -> None:
    books = Books(void_invoice=credit_invoice(id="layla9credit", state="voided"))
    with pytest.raises(OutcomeUnknown) as caught:
        credits.void(Reading(books), record(credit_invoice()), stamp=STAMP)
    assert caught.value.code == "bad_answer"


def told(data: Any) -> tuple[str, ...]:
    return credits.preview(Reading(Books(get_invoice=data)), record(data))


def test_it_is_said_what_the_customer_loses() -> None:
    (sentence,) = told(credit_invoice())
    assert "10.00 USD of credit" in sentence


def test_a_credit_that_is_used_in_part_is_said_to_be() -> None:
    loses, used = told(credit_invoice(balance=-4.0))
    assert "4.00 USD of credit" in loses
    assert "6.00 USD of it is used" in used


@pytest.mark.parametrize("state", ["closed", "processing", "voided"])
def test_a_credit_that_is_not_open_is_refused(state: str) -> None:
    with pytest.raises(Refused) as caught:
        told(credit_invoice(state=state))
    assert caught.value.code == "credit_not_open"


def test_an_invoice_that_is_no_credit_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused) as caught:
        told(as_sdk(invoice_fields()))
    assert caught.value.code == "not_a_credit_invoice"
    assert "billctl recurly refund" in caught.value.hint
