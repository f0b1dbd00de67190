"""What goes wrong between billctl and PayPal, with the real SDK on real sockets, and what it is called."""

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from billctl.errors import (
    AuthFailed,
    BillctlError,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    UsageError,
)
from billctl.frozen import replace
from billctl.gateway import Selection, When
from billctl.gateways.paypal import PaypalGateway, bills, mapping
from billctl.gateways.paypal.client import Client
from billctl.money import Money
from billctl.testing import servers
from billctl.testing.servers import Behaviour, LoopbackServer, Request, answer, in_turn
from tests.gateways import paypal_wire as wire
from tests.gateways.paypal_accounts import CLIENT_ID, CLIENT_SECRET, STAMP, account, gateway
from tests.gateways.paypal_routes import asked, routes, said, tokens_asked, told

CHARGE = mapping.charge(wire.capture(), "paypal")
SUBSCRIPTION = bills.subscription(wire.subscription(), "paypal")
TEN = Money(1000, "USD")

CAPTURE = f"/v2/payments/captures/{wire.CHARGE}"
READ, REFUND = f"GET {CAPTURE}", f"POST {CAPTURE}/refund"
CANCEL = f"POST /v1/billing/subscriptions/{wire.SUBSCRIPTION}/cancel"
MADE = wire.refund(custom_id=f"billctl-{STAMP.key}.goodwill")
HTML = {"Content-Type": "text/html"}


def read(paypal: PaypalGateway) -> object:
    return paypal.get_refund(wire.REFUND)


def refund(paypal: PaypalGateway) -> object:
    return paypal.refund(CHARGE, TEN, stamp=STAMP)


def cancel(paypal: PaypalGateway) -> object:
    return paypal.cancel_subscription(SUBSCRIPTION, when=When.NOW, stamp=STAMP)


def failure(call: Callable[[PaypalGateway], object], server: LoopbackServer) -> BillctlError:
    """What `call` raises; waits between repeats are not slept."""
    paypal = gateway(server.url, read=2.0)
    paypal._client._sleep = lambda _: None
    with pytest.raises(BillctlError) as caught:
        call(paypal)
    paypal.close()
    return caught.value


READ_REFUND = f"GET /v2/payments/refunds/{wire.REFUND}"


@pytest.mark.parametrize(
    ("behaviour", "reading", "changing", "code"),
    [
        (told(400, "INVALID_REQUEST", "MISSING_FIELD"), Refused, Refused, "MISSING_FIELD"),
        (told(403, "NOT_AUTHORIZED", "PERMISSION_DENIED"), AuthFailed, AuthFailed, "permission"),
        (told(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"), NotFound, NotFound, "INVALID_RESOURCE_ID"),
        (told(422, "UNPROCESSABLE_ENTITY", "X_Y"), Refused, Refused, "X_Y"),
        (told(429, "RATE_LIMIT_REACHED"), NotSent, NotSent, "rate_limit"),
        (told(500, "INTERNAL_SERVER_ERROR"), NoAnswer, OutcomeUnknown, "INTERNAL_SERVER_ERROR"),
        (told(409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS"), NoAnswer, OutcomeUnknown,
         "PREVIOUS_REQUEST_IN_PROGRESS"),
        (answer(400, "<p>no", headers=HTML), NoAnswer, OutcomeUnknown, None),
        (answer(404, "<p>no", headers=HTML), NoAnswer, OutcomeUnknown, None),
        (answer(200, "<p>hi", headers=HTML), NoAnswer, OutcomeUnknown, "bad_answer"),
        (answer(200, "<p>hi"), NoAnswer, OutcomeUnknown, "bad_answer"),
        (said(200, None), NoAnswer, OutcomeUnknown, "bad_answer"),
        (said(200, []), NoAnswer, OutcomeUnknown, "bad_answer"),
        (said(201, {"id": "1JU08902781691411"}), NoAnswer, OutcomeUnknown, "bad_answer"),
        (answer(302, "", headers={"Location": "http://127.0.0.1:9/"}), NoAnswer, OutcomeUnknown, None),
        (servers.dropping, NoAnswer, OutcomeUnknown, "no_answer"),
        (servers.cutting, NoAnswer, OutcomeUnknown, "no_answer"),
    ],
)  # fmt: skip
def test_every_answer_is_called_by_what_it_proves(
    behaviour: Behaviour, reading: type[BillctlError], changing: type[BillctlError], code: str | None
) -> None:
    with LoopbackServer(routes({READ_REFUND: behaviour, REFUND: behaviour})) as server:
        errors = [failure(read, server), failure(refund, server)]
    assert [type(error) for error in errors] == [reading, changing]
    if code:
        assert {error.code for error in errors} == {code}


def test_a_refusal_is_told_in_paypals_words_with_the_id_its_support_asks_for() -> None:
    with LoopbackServer(
        routes({REFUND: told(422, "UNPROCESSABLE_ENTITY", "CAPTURE_FULLY_REFUNDED")})
    ) as server:
        error = failure(refund, server)
    assert error.line() == (
        "PayPal says: No (debug id b1d1f06c7246c) (CAPTURE_FULLY_REFUNDED). Nothing changed."
    )


def test_a_refund_whose_answer_was_lost_is_repeated_once_under_the_same_key() -> None:
    with LoopbackServer(routes({REFUND: in_turn(servers.dropping, said(201, MADE))})) as server:
        paypal = gateway(server.url)
        paypal._client._sleep = lambda _: None
        made = paypal.refund(CHARGE, TEN, stamp=STAMP)
        sent = [request for request in server.requests if request.target.endswith("/refund")]
        paypal.close()
    assert made.operation_key == STAMP.key
    assert [request.headers["paypal-request-id"] for request in sent] == [STAMP.key, STAMP.key]
    assert sent[0].body == sent[1].body


def test_a_refund_whose_answer_was_lost_twice_is_unknown_even_if_the_repeat_is_refused() -> None:
    refused = told(422, "UNPROCESSABLE_ENTITY", "REFUND_FAILED_INSUFFICIENT_FUNDS")
    with LoopbackServer(routes({REFUND: in_turn(servers.dropping, refused)})) as server:
        assert isinstance(failure(refund, server), OutcomeUnknown)


def test_a_cancellation_is_never_repeated() -> None:
    with LoopbackServer(routes({CANCEL: servers.dropping})) as server:
        assert isinstance(failure(cancel, server), OutcomeUnknown)
        assert asked(server).count(CANCEL) == 1


def test_a_read_is_tried_again_after_an_answer_that_is_none() -> None:
    flaky = in_turn(told(503, "SERVICE_UNAVAILABLE"), servers.dropping, said(200, wire.refund()))
    with LoopbackServer(routes({READ_REFUND: flaky})) as server:
        paypal = gateway(server.url)
        paypal._client._sleep = lambda _: None
        assert paypal.get_refund(wire.REFUND).id == wire.REFUND
        paypal.close()


def test_paypals_wait_is_kept_and_one_too_long_is_not_waited_for() -> None:
    waits: list[float] = []
    limited = told(429, "RATE_LIMIT_REACHED", **{"Retry-After": "1"})
    with LoopbackServer(routes({READ_REFUND: in_turn(limited, said(200, wire.refund()))})) as server:
        paypal = gateway(server.url)
        paypal._client._sleep = waits.append
        read(paypal)
        paypal.close()
    assert waits == [1]
    too_long = told(429, "RATE_LIMIT_REACHED", **{"Retry-After": "3600"})
    with LoopbackServer(routes({READ_REFUND: too_long})) as server:
        assert "Wait half a minute" in failure(read, server).hint
        assert len(asked(server)) == 1


# Credentials


def test_credentials_that_are_refused_are_an_auth_error_that_names_the_other_mode() -> None:
    body = {"error": "invalid_client", "error_description": "Client Authentication failed"}
    for status in (400, 401):
        with LoopbackServer(routes({"POST /v1/oauth2/token": said(status, body)})) as server:
            for call in (read, refund):
                error = failure(call, server)
                assert isinstance(error, AuthFailed)
                assert "live credentials do not open PayPal's sandbox" in error.line()
            assert asked(server) == []


@pytest.mark.parametrize(
    "behaviour", [servers.dropping, told(500, "INTERNAL_SERVER_ERROR"), said(200, {}), answer(200, "<p>hi")]
)
def test_a_change_for_which_there_was_no_token_was_not_sent(behaviour: Behaviour) -> None:
    with LoopbackServer(routes({"POST /v1/oauth2/token": behaviour})) as server:
        for call in (refund, cancel):
            error = failure(call, server)
            assert isinstance(error, NotSent)
            assert "no access token" in error.message
        assert isinstance(failure(read, server), NoAnswer)
        assert asked(server) == []


def test_a_token_that_is_refused_for_ever_costs_two_tries() -> None:
    refused = told(401, "AUTHENTICATION_FAILURE")
    with LoopbackServer(routes({REFUND: refused})) as server:
        assert isinstance(failure(refund, server), AuthFailed)
        assert asked(server) == [REFUND, REFUND]
        assert tokens_asked(server) == 2


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_credentials_that_are_not_there_send_nothing(missing: str) -> None:
    with LoopbackServer(routes({})) as server:
        given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET} | {missing: ""}
        there = account(server.url, client_id=given["client_id"], secret=given["client_secret"])
        paypal = PaypalGateway(there)
        for call in (read, refund, lambda gateway: gateway.check_secrets()):
            with pytest.raises(AuthFailed, match=missing):
                call(paypal)
        assert server.requests == []


@pytest.mark.parametrize(
    ("url", "live"),
    [
        ("https://api-m.paypal.com", True),
        ("https://API.paypal.com.:443/", True),
        ("https://api-m.sandbox.paypal.com", False),
        ("https://notpaypal.com", None),
        ("https://paypal.com.example", None),
    ],
)
def test_an_address_of_paypals_own_tells_live_whatever_the_profile_says(url: str, live: bool | None) -> None:
    assert Client(account(url)).live is live
    assert [Client(replace(account(url), base_url=None, live=mode)).live for mode in (True, False)] == [
        True,
        False,
    ]


def test_an_app_without_transaction_search_is_accepted_and_told_when_it_searches() -> None:
    denied = told(403, "NOT_AUTHORIZED", "PERMISSION_DENIED")
    with LoopbackServer(routes({"GET /v1/reporting/transactions": denied})) as server:
        paypal = gateway(server.url)
        identity = paypal.check()
        assert (identity.id, identity.live) == ("canaryClientId", None)
        with pytest.raises(AuthFailed, match="PayPal says") as caught:
            list(paypal.list_charges(Selection()))
        assert "Turn Transaction Search on" in caught.value.hint
        paypal.close()


def test_checking_with_a_token_at_hand_asks_one_question() -> None:
    with LoopbackServer(routes({})) as server:
        paypal = gateway(server.url)
        paypal.check()
        before = len(server.requests)
        paypal.check()
        assert len(server.requests) - before == 1
        paypal.close()


# The traps of the SDK


def test_reads_have_no_body_and_changes_say_what_they_ask() -> None:
    paths = {READ_REFUND: wire.refund(), REFUND: MADE}
    with LoopbackServer(routes(paths)) as server:
        paypal = gateway(server.url + "/")
        read(paypal)
        paypal.refund(CHARGE, TEN, stamp=STAMP)
        token, got, posted = server.requests
        paypal.close()
    assert (got.body, "content-type" in got.headers) == (b"", False)
    assert token.body == b"grant_type=client_credentials"
    assert posted.headers["prefer"] == "return=representation"
    assert got.target == f"/v2/payments/refunds/{wire.REFUND}", (
        "a slash at the end of the address is harmless"
    )


def test_a_calls_own_headers_never_reach_the_token_call() -> None:
    with LoopbackServer(routes({REFUND: MADE})) as server:
        paypal = gateway(server.url)
        paypal.refund(CHARGE, TEN, stamp=STAMP)
        paypal.close()
        token = server.requests[0]
    assert token.target == "/v1/oauth2/token"
    assert "paypal-request-id" not in token.headers
    assert "prefer" not in token.headers


def test_netrc_replaces_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login foreign password foreign\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with LoopbackServer(routes({READ_REFUND: wire.refund()})) as server:
        paypal = gateway(server.url)
        read(paypal)
        paypal.close()
        token, got = server.requests
    assert token.headers["authorization"].startswith("Basic Y2FuYXJ5")
    assert got.headers["authorization"] == "Bearer A21AAcanaryToken1"


def test_calls_share_their_connection() -> None:
    ports: set[int] = set()

    def counting(connection: socket.socket, request: Request, closing: Event) -> bool:
        ports.add(connection.getpeername()[1])
        return routes({READ_REFUND: wire.refund()})(connection, request, closing)

    with LoopbackServer(counting) as server:
        paypal = gateway(server.url)
        for _ in range(3):
            read(paypal)
        paypal.close()
    assert len(ports) == 1


def test_nothing_is_logged_not_even_at_the_lowest_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with LoopbackServer(routes({READ_REFUND: wire.refund()})) as server:
        paypal = gateway(server.url)
        read(paypal)
        paypal.close()
    assert CLIENT_SECRET not in caplog.text
    assert "A21AAcanaryToken1" not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("paypalrestsdk")]


@pytest.mark.parametrize("bad", ["S1/../../../v1/x", "S1?x=1", "", "..", "a\\b"])
def test_an_id_that_would_change_the_path_is_never_sent(bad: str) -> None:
    with LoopbackServer(routes({})) as server:
        paypal = gateway(server.url)
        getters = (paypal.get_charge, paypal.get_refund, paypal.get_subscription, paypal.get_invoice)
        for getter in (*getters, paypal.get_dispute, paypal.get_customer):
            with pytest.raises(UsageError):
                getter(bad)
        assert server.requests == []


def test_an_answer_about_another_object_is_no_answer() -> None:
    with LoopbackServer(routes({READ_REFUND: wire.refund(id="9JU08902781691411")})) as server:
        assert "with another object" in failure(read, server).message


# What never left this machine


def test_where_nobody_listens_nothing_was_sent() -> None:
    with servers.refusing_url() as url:
        for call in (read, refund):
            with pytest.raises(NotSent):
                call(gateway(url))


def test_a_handshake_that_fails_sent_nothing() -> None:
    with LoopbackServer(servers.garbage) as server:
        paypal = PaypalGateway(account(server.url.replace("http:", "https:"), connect=0.2))
        with pytest.raises(NotSent):
            refund(paypal)
        paypal.close()
