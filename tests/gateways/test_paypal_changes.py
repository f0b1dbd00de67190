"""What billctl changes at PayPal: what is sent, and how it is recognised when the answer was lost."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from billctl.errors import NotFound, OutcomeUnknown, Refused, Unsupported, UsageError
from billctl.frozen import replace
from billctl.gateway import NOT_VISIBLE_YET, Message, Stamp, When
from billctl.gateways.paypal import PaypalGateway, bills, changes, mapping
from billctl.models import ChargeStatus, SubscriptionStatus
from billctl.money import Money
from billctl.testing import servers
from billctl.testing.servers import LoopbackServer, in_turn
from tests.gateways import paypal_wire as wire
from tests.gateways.paypal_accounts import STAMP, gateway
from tests.gateways.paypal_routes import Answering, asked, parameters, routes, said, told

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKED = replace(STAMP, asked=NOW)
NO_CONTENT = servers.answer(204, "")
CAPTURE = f"/v2/payments/captures/{wire.CHARGE}"
REFUND = f"POST {CAPTURE}/refund"
ORDER = f"GET /v2/checkout/orders/{wire.ORDER}"
AGREEMENT = f"GET /v1/billing/subscriptions/{wire.SUBSCRIPTION}"
CANCEL = f"POST /v1/billing/subscriptions/{wire.SUBSCRIPTION}/cancel"
HELD = f"/v2/payments/authorizations/{wire.CHARGE}"
BILL = f"GET /v2/invoicing/invoices/{wire.INVOICE}"
REMIND = f"POST /v2/invoicing/invoices/{wire.INVOICE}/remind"

CHARGE = mapping.charge(wire.capture(), "paypal")
AUTHORIZATION = mapping.authorization(wire.capture(status="CREATED"), "paypal")
SUBSCRIPTION = bills.subscription(wire.subscription(), "paypal")
INVOICE = bills.invoice(wire.invoice(), "paypal", now=NOW)
ENDED = wire.subscription(status="CANCELLED")
STAMPED = f"billctl-{STAMP.key}.goodwill"
TEN = Money(1000, "USD")


def at(server: LoopbackServer) -> PaypalGateway:
    paypal = gateway(server.url, now=lambda: NOW)
    paypal._client._sleep = lambda _: None
    return paypal


def body_of(server: LoopbackServer, ending: str) -> object:
    """The body of the one request whose path ends so."""
    (sent,) = [request for request in server.requests if request.target.endswith(ending)]
    return json.loads(sent.body) if sent.body else None


# Refunds


def test_a_refund_says_how_much_and_which_operation_and_nothing_to_the_payer() -> None:
    with LoopbackServer(routes({REFUND: said(201, wire.refund(custom_id=STAMPED))})) as server:
        made = at(server).refund(CHARGE, TEN, stamp=STAMP)
        assert body_of(server, "/refund") == {"amount": wire.money("10.00"), "custom_id": STAMPED}
    assert (made.operation_key, made.amount, made.charge_id) == (STAMP.key, TEN, wire.CHARGE)


def test_one_operation_sends_one_body_whichever_try_it_is() -> None:
    retried = replace(STAMP, operation="op_00000000000000000000000002")
    assert changes.stamped(STAMP) == changes.stamped(retried)


@pytest.mark.parametrize("code", [None, "a b", "ا", "x" * 65])
def test_a_reason_code_that_paypals_field_does_not_take_stays_here(code: str | None) -> None:
    assert changes.stamped(replace(STAMP, reason_code=code)) == f"billctl-{STAMP.key}"


def test_an_amount_finer_than_paypal_takes_sends_nothing() -> None:
    charge = mapping.charge(wire.capture(amount=wire.money("5000", "HUF")), "paypal")
    with LoopbackServer(routes({})) as server:
        with pytest.raises(UsageError, match="finer than PayPal takes HUF"):
            at(server).refund(charge, Money(100_050, "HUF"), stamp=STAMP)
        assert server.requests == []


def test_a_refund_that_names_another_charge_is_not_believed() -> None:
    links = [{"rel": "up", "href": f"{wire.HOST}/v2/payments/captures/9GG279541U471931P"}]
    table = {REFUND: said(201, wire.refund(links=links))}
    with (
        LoopbackServer(routes(table)) as server,
        pytest.raises(OutcomeUnknown, match="names another charge"),
    ):
        at(server).refund(CHARGE, TEN, stamp=STAMP)


def test_a_payment_that_only_the_old_api_knows_is_not_refunded_here() -> None:
    with LoopbackServer(routes({})) as server, pytest.raises(NotFound) as caught:
        at(server).refund(CHARGE, TEN, stamp=STAMP)
    assert "old API" in caught.value.hint


def looked_for(*refunds: wire.Wire, capture: wire.Wire | None = None, stamp: Stamp = ASKED) -> object:
    table = {f"GET {CAPTURE}": capture or wire.capture(), ORDER: wire.order(*refunds)}
    with LoopbackServer(routes(table)) as server:
        return at(server).find_refund(CHARGE, TEN, stamp=stamp)


def test_a_refund_is_found_by_its_stamp_among_the_orders() -> None:
    other = wire.refund(id="2JU08902781691411", custom_id="order 7")
    assert looked_for(other, wire.refund(custom_id=STAMPED)) is not None
    assert looked_for(other) is None
    assert looked_for() is None


def test_a_refund_without_any_mark_may_be_it_and_is_not_guessed() -> None:
    with pytest.raises(OutcomeUnknown, match="names no operation"):
        looked_for(wire.refund(create_time="2026-11-22T12:00:05Z"))


def test_a_clock_that_is_hours_fast_calls_no_refund_older_than_the_operation() -> None:
    with pytest.raises(OutcomeUnknown, match="names no operation"):
        looked_for(wire.refund(create_time="2026-11-22T09:00:00Z"))


@pytest.mark.parametrize("other", [{"create_time": "2026-11-20T12:00:00Z"}, {"amount": wire.money("10.01")}])
def test_a_refund_of_another_time_or_amount_is_not_it(other: dict[str, object]) -> None:
    assert looked_for(wire.refund(create_time="2026-11-22T12:00:05Z") | other) is None


def test_a_payment_without_an_order_shows_its_refunds_late_and_is_not_guessed_meanwhile() -> None:
    capture = wire.capture(supplementary_data={}, status="REFUNDED")
    with pytest.raises(OutcomeUnknown, match="up to 3 hours late"):
        looked_for(capture=capture)
    assert looked_for(capture=wire.capture(supplementary_data={})) is None, "nothing was given back of it"


def test_a_slow_clock_leaves_out_no_refund_of_a_payment_without_an_order() -> None:
    changed = NOW + timedelta(hours=2)
    capture = wire.capture(supplementary_data={}, status="REFUNDED", update_time=f"{changed:%FT%TZ}")
    table = {f"GET {CAPTURE}": capture}
    with LoopbackServer(routes(table)) as server:
        with pytest.raises(OutcomeUnknown):
            at(server).find_refund(CHARGE, TEN, stamp=ASKED)
        searches = [request for request in server.requests if "/reporting/" in request.target]
    assert max(parameters(request)["end_date"] for request in searches) == f"{changed:%FT%TZ}"


def test_a_payment_whose_refunds_are_still_missing_after_that_time_is_not_guessed_either() -> None:
    capture = wire.capture(supplementary_data={}, status="REFUNDED")
    yesterday = replace(ASKED, asked=NOW - timedelta(days=1))
    with pytest.raises(OutcomeUnknown, match="still shows no refund of all of it") as caught:
        looked_for(capture=capture, stamp=yesterday)
    assert caught.value.code == NOT_VISIBLE_YET


# Voids


def test_a_void_has_no_body_and_no_key_and_is_sent_once() -> None:
    voided = wire.capture(status="VOIDED")
    with LoopbackServer(routes({f"POST {HELD}/void": said(200, voided)})) as server:
        assert at(server).void_charge(AUTHORIZATION, stamp=STAMP).status is ChargeStatus.VOIDED
        assert body_of(server, "/void") is None
        assert "paypal-request-id" not in server.requests[-1].headers


def test_a_void_whose_answer_was_lost_is_looked_for() -> None:
    void = {f"POST {HELD}/void": servers.dropping}
    with LoopbackServer(routes(void | {f"GET {HELD}": wire.capture(status="VOIDED")})) as server:
        assert at(server).void_charge(AUTHORIZATION, stamp=STAMP).status is ChargeStatus.VOIDED
    with LoopbackServer(routes(void | {f"GET {HELD}": wire.capture(status="CREATED")})) as server:
        with pytest.raises(OutcomeUnknown):
            at(server).void_charge(AUTHORIZATION, stamp=STAMP)
        assert asked(server).count(f"POST {HELD}/void") == 1


# Cancellations


def test_a_cancellation_gives_paypal_the_operation_for_a_reason_and_nobodys_words() -> None:
    with LoopbackServer(routes({CANCEL: NO_CONTENT, AGREEMENT: ENDED})) as server:
        ended = at(server).cancel_subscription(SUBSCRIPTION, when=When.NOW, stamp=STAMP)
        assert body_of(server, "/cancel") == {"reason": f"ref {STAMP.operation}"}
    assert (ended.status, ended.gateway_status) == (SubscriptionStatus.CANCELED, "CANCELLED")


def test_a_cancellation_that_paypal_confirmed_is_one_though_it_cannot_be_read_just_then() -> None:
    with LoopbackServer(routes({CANCEL: NO_CONTENT, AGREEMENT: servers.dropping})) as server:
        ended = at(server).cancel_subscription(SUBSCRIPTION, when=When.NOW, stamp=STAMP)
    assert ended.status is SubscriptionStatus.CANCELED


@pytest.mark.parametrize(
    "answer", [servers.dropping, told(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID")]
)
def test_what_has_ended_when_it_is_read_again_was_ended(answer: servers.Behaviour) -> None:
    with LoopbackServer(routes({CANCEL: answer, AGREEMENT: ENDED})) as server:
        ended = at(server).cancel_subscription(SUBSCRIPTION, when=When.NOW, stamp=STAMP)
        assert asked(server).count(CANCEL) == 1
    assert ended.status is SubscriptionStatus.CANCELED


def test_what_has_not_ended_when_it_is_read_again_stays_unknown_or_refused() -> None:
    refused = told(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID")
    answers = in_turn(servers.dropping, refused)
    with LoopbackServer(routes({CANCEL: answers, AGREEMENT: wire.subscription()})) as server:
        paypal = at(server)
        for kind in (OutcomeUnknown, Refused):
            with pytest.raises(kind):
                paypal.cancel_subscription(SUBSCRIPTION, when=When.NOW, stamp=STAMP)


def test_the_end_of_the_period_is_refused_with_what_can_be_done_instead() -> None:
    with LoopbackServer(routes({})) as server:
        paypal = at(server)
        for call in (
            lambda: paypal.preview_cancel(SUBSCRIPTION, when=When.PERIOD_END),
            lambda: paypal.cancel_subscription(SUBSCRIPTION, when=When.PERIOD_END, stamp=STAMP),
        ):
            with pytest.raises(Unsupported) as caught:
                call()
            assert "--now stops all further payments and refunds nothing" in caught.value.hint
            assert "2026-12-01" in caught.value.hint
        assert server.requests == []
        (said_before,) = paypal.preview_cancel(SUBSCRIPTION, when=When.NOW)
    assert said_before == "PayPal ends it at once and refunds nothing of what is paid until 2026-12-01"


# Reminders


@pytest.mark.parametrize("status", ["SENT", "UNPAID", "PARTIALLY_PAID"])
def test_what_was_sent_and_is_not_paid_gets_a_reminder(status: str) -> None:
    table: dict[str, Answering] = {BILL: wire.invoice(status=status), REMIND: NO_CONTENT}
    with LoopbackServer(routes(table)) as server:
        sent = at(server).resend_invoice(INVOICE, to=None, stamp=STAMP)
        assert body_of(server, "/remind") == {"send_to_recipient": True}
    assert (sent.message, sent.to) == (Message.REMINDER, "layla@example.com")
    assert "at most two a day" in (sent.note or "")


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("DRAFT", "for the first time"),
        ("SCHEDULED", "for the first time"),
        ("CANCELLED", "replaces it"),
        ("PAID", "https://www.paypal.example/i/1"),
        ("PARTIALLY_REFUNDED", "https://www.paypal.example/i/1"),
        ("NEW_WORD", "https://www.paypal.example/i/1"),
    ],
)
def test_anything_else_is_refused_before_it_is_sent_with_what_can_be_done(status: str, hint: str) -> None:
    with LoopbackServer(routes({BILL: wire.invoice(status=status)})) as server:
        with pytest.raises(Refused) as caught:
            at(server).resend_invoice(INVOICE, to=None, stamp=STAMP)
        assert hint in caught.value.hint
        assert asked(server) == [BILL]


def test_a_reminder_goes_to_nobody_but_the_recipient() -> None:
    with LoopbackServer(routes({BILL: wire.invoice()})) as server:
        paypal = at(server)
        with pytest.raises(Refused, match=r"to layla@example\.com only"):
            paypal.preview_resend(INVOICE, to="other@example.com")
        assert paypal.preview_resend(INVOICE, to="LAYLA@example.com").to == "layla@example.com"


def test_nothing_shows_whether_a_reminder_was_sent() -> None:
    with LoopbackServer(routes({})) as server:
        with pytest.raises(OutcomeUnknown, match="no trace"):
            at(server).find_resend(INVOICE, to=None, stamp=replace(STAMP, asked=NOW - timedelta(days=1)))
        assert server.requests == []
