"""What goes wrong between billctl and Stripe, with the real SDK on real sockets, and what it is called."""

import gc
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from billctl.gateway import Stamp, When
from billctl.gateways.stripe import StripeGateway, mapping
from billctl.money import Money
from billctl.testing import servers
from billctl.testing.servers import Behaviour, LoopbackServer, answer, in_turn
from tests.gateways import stripe_wire as wire
from tests.gateways.stripe_accounts import KEY, STAMP, gateway

CHARGE = mapping.charge(wire.charge(), "stripe")
SUBSCRIPTION = mapping.subscription(wire.subscription(), "stripe")
INVOICE = mapping.invoice(wire.invoice(), "stripe", now=datetime(2026, 1, 1, tzinfo=UTC))
TEN = Money(1000, "USD")


def told(status: int, *, headers: dict[str, str] | None = None, **error: Any) -> Behaviour:
    """An error as Stripe tells it."""
    body = {"error": {"type": "invalid_request_error", "message": "No."} | error}
    return answer(status, json.dumps(body), headers=headers)


def ok(data: dict[str, Any]) -> Behaviour:
    return answer(200, json.dumps(data))


def read(stripe: StripeGateway) -> object:
    return stripe.get_charge("ch_1")


def refund(stripe: StripeGateway) -> object:
    return stripe.refund(CHARGE, TEN, stamp=STAMP)


def cancel_now(stripe: StripeGateway) -> object:
    return stripe.cancel_subscription(SUBSCRIPTION, when=When.NOW, stamp=STAMP)


def raised(call: Callable[[StripeGateway], object], stripe: StripeGateway) -> BillctlError:
    with pytest.raises(BillctlError) as caught:
        call(stripe)
    assert KEY not in caught.value.line() + repr(caught.value)
    assert "\n" not in caught.value.line()
    assert caught.value.account == "stripe"
    return caught.value


def failing(
    behaviour: Behaviour, call: Callable[[StripeGateway], object], *, limit: float = 5.0
) -> tuple[BillctlError, LoopbackServer]:
    """What `call` raises against `behaviour`, and the server with the requests it got."""
    with LoopbackServer(behaviour) as server:
        return raised(call, gateway(server.url, read=limit)), server


# Answers of Stripe


@pytest.mark.parametrize("call", [read, refund], ids=["read", "change"])
@pytest.mark.parametrize(
    ("behaviour", "kind", "code"),
    [
        (told(400, code="charge_already_refunded"), Refused, "charge_already_refunded"),
        (told(400, param="amount"), Refused, "refused"),
        (told(402, type="card_error", code="card_declined"), Refused, "card_declined"),
        (told(404, code="resource_missing", param="charge"), NotFound, "resource_missing"),
        (told(400, code="resource_missing", param="customer"), NotFound, "resource_missing"),
        (told(401, message="Invalid API Key provided: sk_test_****alKey"), AuthFailed, "authentication"),
        (told(403, message="Having the 'rak_charge_write' permission would help."), AuthFailed, "permission"),
    ],
)
def test_what_stripe_says_no_to_is_refused_in_the_right_class(
    behaviour: Behaviour, kind: type[BillctlError], code: str, call: Callable[[StripeGateway], object]
) -> None:
    error, server = failing(behaviour, call)
    assert type(error) is kind
    assert error.code == code
    assert len(server.requests) == 1


def test_stripes_own_words_are_shown() -> None:
    error, _ = failing(told(400, message="Charge ch_1 has already been refunded."), refund)
    assert "Charge ch_1 has already been refunded" in error.line()
    assert "Nothing changed" in error.line()


def test_a_missing_permission_is_named() -> None:
    error, _ = failing(told(403, message="Having the 'rak_charge_read' permission would help."), read)
    assert "rak_charge_read" in error.hint


def test_a_key_that_stripe_knows_from_an_earlier_try_leaves_the_outcome_unknown() -> None:
    error, server = failing(told(400, type="idempotency_error", message="Try using another key"), refund)
    assert type(error) is OutcomeUnknown
    assert error.code == "idempotency_error"
    assert "this one did nothing, that one may have" in error.message
    assert "another key" not in error.line()
    assert len(server.requests) == 1


def test_a_key_in_stripes_words_is_masked() -> None:
    error, _ = failing(told(400, message=f"Unknown: {KEY} and rk_live_abcdef123456"), read)
    assert "rk_live_abcdef" not in error.line()
    assert "sk_test_…" in error.line()


def test_hostile_words_are_cut_and_kept_on_one_line() -> None:
    error, _ = failing(told(400, message="a\nb\r\n" + "x" * 100_000), read)
    assert len(error.line()) < 700


# 429


def test_a_read_waits_as_long_as_a_rate_limit_says_and_asks_again() -> None:
    limited = told(429, headers={"Retry-After": "1"}, type="rate_limit_error")
    with LoopbackServer(in_turn(limited, ok(wire.charge()))) as server:
        started = time.monotonic()
        assert gateway(server.url).get_charge("ch_1").id == "ch_1"
        assert time.monotonic() - started >= 1.0
        assert len(server.requests) == 2


def test_a_rate_limit_that_lasts_ends_a_read_as_not_sent() -> None:
    error, server = failing(told(429, headers={"Retry-After": "0"}), read)
    assert type(error) is NotSent
    assert error.code == "rate_limit"
    assert len(server.requests) == 3


def test_a_rate_limit_longer_than_the_read_timeout_is_not_waited_for() -> None:
    error, server = failing(told(429, headers={"Retry-After": "3600"}), read)
    assert type(error) is NotSent
    assert len(server.requests) == 1


def test_a_rate_limited_change_was_not_sent_and_is_not_repeated() -> None:
    error, server = failing(told(429, headers={"Retry-After": "0"}), refund)
    assert type(error) is NotSent
    assert error.code == "rate_limit"
    assert len(server.requests) == 1


# What may have happened


@pytest.mark.parametrize(
    "behaviour",
    [
        servers.dropping,
        servers.garbage,
        servers.cutting,
        told(500, type="api_error"),
        told(409, type="invalid_request_error"),
        told(424, type="api_error"),
        told(418),
        answer(502, "<html>Bad gateway</html>", headers={"Content-Type": "text/html"}),
        answer(200, "<html>Log in to the hotel's network</html>", headers={"Content-Type": "text/html"}),
        answer(403, "<html>blocked by a proxy</html>", headers={"Content-Type": "text/html"}),
        answer(404, "<html>no such page</html>", headers={"Content-Type": "text/html"}),
        answer(200, ""),
        answer(200, "[]"),
        answer(200, "null"),
        answer(200, "{}"),
        answer(200, b"\xff\xfe\x00"),
        answer(302, "", headers={"Location": "/elsewhere"}),
        answer(307, "", headers={"Location": "/elsewhere"}),
        ok(wire.charge()),
        ok(wire.refund(amount="1000")),
        ok(wire.refund(charge="ch_another")),
        ok(wire.refund(currency="ugx")),
    ],
)
def test_a_refund_without_a_usable_answer_is_of_unknown_outcome(behaviour: Behaviour) -> None:
    error, server = failing(behaviour, refund)
    assert type(error) is OutcomeUnknown
    keys = {request.headers["idempotency-key"] for request in server.requests}
    assert keys == {STAMP.key}
    assert len(server.requests) <= 2
    assert {request.target for request in server.requests} == {"/v1/refunds"}


def test_an_answer_too_deep_to_parse_leaves_a_refund_unknown() -> None:
    gc.collect()
    gc.disable()  # a finalizer of another test's object, run at the recursion limit, would fail
    try:
        error, _ = failing(answer(200, "[" * 100_000), refund)
    finally:
        gc.enable()
    assert type(error) is OutcomeUnknown


@pytest.mark.parametrize(
    "behaviour",
    [
        servers.dropping,
        servers.garbage,
        servers.cutting,
        told(500, type="api_error"),
        told(409),
        answer(502, "<html>", headers={"Content-Type": "text/html"}),
        answer(200, "<html>", headers={"Content-Type": "text/html"}),
        answer(200, "[]"),
        answer(200, "{}"),
        answer(302, "", headers={"Location": "/elsewhere"}),
        ok(wire.charge(id="ch_another")),
        ok(wire.customer(id="ch_1")),
        ok(wire.charge(amount=50.0)),
        ok(wire.charge(created="yesterday")),
        ok(wire.charge(created=10**30)),
    ],
)
def test_a_read_without_a_usable_answer_is_no_answer(behaviour: Behaviour) -> None:
    error, _ = failing(behaviour, read)
    assert type(error) is NoAnswer
    assert "Nothing changed" in error.line()


@pytest.mark.parametrize("call", [refund, cancel_now])
def test_a_silent_server_leaves_a_change_unknown_within_the_read_timeout(
    call: Callable[[StripeGateway], object],
) -> None:
    started = time.monotonic()
    error, server = failing(servers.silent, call, limit=0.5)
    assert type(error) is OutcomeUnknown
    assert error.code == "timeout"
    assert len(server.requests) == 1
    assert time.monotonic() - started < 5


def test_a_silent_server_leaves_a_read_without_answer_within_the_read_timeout() -> None:
    started = time.monotonic()
    error, server = failing(servers.silent, read, limit=0.5)
    assert type(error) is NoAnswer
    assert len(server.requests) == 1
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("call", "kind"), [(read, NoAnswer), (refund, OutcomeUnknown)])
def test_an_answer_that_trickles_in_is_not_waited_for_to_its_end(
    call: Callable[[StripeGateway], object], kind: type[BillctlError]
) -> None:
    started = time.monotonic()
    error, _ = failing(servers.trickling, call, limit=0.5)
    assert type(error) is kind
    assert time.monotonic() - started < 6


# Repeats


def test_a_lost_answer_to_a_refund_is_asked_for_once_more_with_the_same_key() -> None:
    with LoopbackServer(in_turn(servers.dropping, ok(wire.refund()))) as server:
        assert gateway(server.url).refund(CHARGE, TEN, stamp=STAMP).id == "re_1"
        first, second = server.requests
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == STAMP.key
        assert first.body == second.body


@pytest.mark.parametrize(
    ("change", "made"),
    [
        (lambda stripe, by: stripe.refund(CHARGE, TEN, stamp=by), wire.refund()),
        (
            lambda stripe, by: stripe.cancel_subscription(SUBSCRIPTION, when=When.PERIOD_END, stamp=by),
            wire.subscription(),
        ),
    ],
)
def test_every_try_at_one_operation_sends_the_same_bytes(
    change: Callable[[StripeGateway, Stamp], object], made: dict[str, Any]
) -> None:
    later = replace(STAMP, operation="op_00000000000000000000000002", asked=datetime(2027, 1, 1, tzinfo=UTC))
    with LoopbackServer(ok(made)) as server:
        for stamp in (STAMP, later):
            change(gateway(server.url), stamp)
        first, second = (request for request in server.requests if request.method == "POST")
    assert first.body == second.body
    assert STAMP.key.encode() in first.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_cancellation_that_cannot_be_read_again_is_neither_done_nor_refused(status: int) -> None:
    behaviour = in_turn(ok(wire.subscription()), told(status))
    with LoopbackServer(behaviour) as server:
        stripe = gateway(server.url)
        stripe._client._sleep = lambda _: None
        with pytest.raises(OutcomeUnknown) as caught:
            stripe.cancel_subscription(SUBSCRIPTION, when=When.PERIOD_END, stamp=STAMP)
    assert "Stripe accepted the change of" in caught.value.message


def test_a_stored_500_that_says_not_to_repeat_is_not_repeated() -> None:
    error, server = failing(told(500, headers={"Stripe-Should-Retry": "false"}), refund)
    assert type(error) is OutcomeUnknown
    assert len(server.requests) == 1


@pytest.mark.parametrize("second", [told(400), told(401), told(404), told(429), told(402)])
def test_after_a_lost_answer_no_refusal_proves_that_nothing_happened(second: Behaviour) -> None:
    error, server = failing(in_turn(servers.dropping, second), refund)
    assert type(error) is OutcomeUnknown
    assert len(server.requests) == 2


@pytest.mark.parametrize("behaviour", [servers.dropping, told(500), told(409), servers.cutting])
def test_a_cancellation_now_is_sent_once_because_no_key_protects_it(behaviour: Behaviour) -> None:
    error, server = failing(behaviour, cancel_now)
    assert type(error) is OutcomeUnknown
    assert [request.method for request in server.requests] == ["DELETE"]


def test_a_read_is_repeated_after_a_lost_answer() -> None:
    behaviour = in_turn(servers.dropping, told(500), ok(wire.charge()))
    with LoopbackServer(behaviour) as server:
        assert gateway(server.url).get_charge("ch_1").id == "ch_1"
        assert len(server.requests) == 3


# Certainly not sent


@pytest.mark.parametrize("call", [read, refund, cancel_now])
def test_a_refused_connection_means_nothing_was_sent(call: Callable[[StripeGateway], object]) -> None:
    with servers.refusing_url() as url:
        error = raised(call, gateway(url))
    assert type(error) is NotSent
    assert "refused" in error.message.lower()


@pytest.mark.parametrize("call", [read, refund])
def test_a_name_that_does_not_resolve_means_nothing_was_sent(call: Callable[[StripeGateway], object]) -> None:
    error = raised(call, gateway("http://stripe.invalid"))
    assert type(error) is NotSent
    assert "stripe.invalid" in error.message


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("call", [read, refund])
def test_a_certificate_nobody_trusts_means_nothing_was_sent(
    certificate: Path, call: Callable[[StripeGateway], object]
) -> None:
    with LoopbackServer(ok(wire.charge()), tls=tls_of(certificate)) as server:
        error = raised(call, gateway(server.url))
        assert type(error) is NotSent
        assert "certificate" in error.message.lower()
        assert server.requests == []


@pytest.mark.parametrize("call", [read, refund])
def test_a_server_that_speaks_no_tls_got_nothing(call: Callable[[StripeGateway], object]) -> None:
    with LoopbackServer(ok(wire.charge())) as server:
        error = raised(call, gateway(server.url.replace("http:", "https:")))
        assert type(error) is NotSent
        assert server.requests == []


def test_a_connection_that_breaks_after_the_handshake_may_have_carried_the_refund(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stripe

    monkeypatch.setattr(stripe, "ca_bundle_path", str(certificate))
    with LoopbackServer(servers.dropping, tls=tls_of(certificate)) as server:
        error = raised(refund, gateway(server.url))
        assert type(error) is OutcomeUnknown
        assert len(server.requests) == 2


# Keys and modes


@pytest.mark.parametrize(
    "key", ["", "   ", "pk_test_abcdefgh", "sk_test_a b", "sk_test_x\nEvil: 1", "hunter2", "ключ"]
)
def test_a_key_that_is_none_never_leaves(key: str) -> None:
    with LoopbackServer(ok(wire.charge())) as server:
        with pytest.raises(AuthFailed) as caught:
            gateway(server.url, key=key).get_charge("ch_1")
        assert caught.value.code == "bad_key"
        assert not key.strip() or key not in caught.value.line()
        assert server.requests == []


def test_blanks_around_a_key_are_no_part_of_it() -> None:
    with LoopbackServer(ok(wire.charge())) as server:
        gateway(server.url, key=f"  {KEY}\n").get_charge("ch_1")
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(("key", "live"), [(KEY, True), ("sk_live_canary51NotARealKey", False)])
def test_a_key_of_the_other_mode_than_the_profiles_never_leaves(key: str, live: bool) -> None:
    with LoopbackServer(ok(wire.charge())) as server:
        with pytest.raises(AuthFailed) as caught:
            gateway(server.url, key=key, live=live).get_charge("ch_1")
        assert caught.value.code == "wrong_mode"
        assert server.requests == []


@pytest.mark.parametrize(
    ("key", "live", "code"),
    [
        ("hunter2", False, "bad_key"),
        ("pk_test_abcdefgh", False, "bad_key"),
        (KEY, True, "wrong_mode"),
        ("sk_live_canary51NotARealKey", False, "wrong_mode"),
    ],
)
def test_a_keys_form_and_mode_are_checked_without_a_request(key: str, live: bool, code: str) -> None:
    with LoopbackServer(ok(wire.charge())) as server:
        with pytest.raises(AuthFailed) as caught:
            gateway(server.url, key=key, live=live).check_secrets()
        assert caught.value.code == code
        gateway(server.url, key=KEY).check_secrets()
        assert server.requests == []


def test_an_answer_from_the_other_mode_is_not_believed() -> None:
    error, _ = failing(ok(wire.charge(livemode=True)), read)
    assert (type(error), error.code) == (AuthFailed, "wrong_mode")


@pytest.mark.parametrize(
    "bad", ["", " ", "..", "ch_1/../x", "ch_1?x=1", "ch_1#x", "ch 1", "ch_1\n", "x" * 256]
)
def test_an_ill_formed_id_never_leaves(bad: str) -> None:
    with LoopbackServer(ok(wire.charge())) as server:
        with pytest.raises(UsageError) as caught:
            gateway(server.url).get_charge(bad)
        assert caught.value.code == "bad_id"
        assert server.requests == []


def test_an_id_of_another_kind_says_which_kind_it_is() -> None:
    with pytest.raises(UsageError, match="sub_1 is a subscription, not a charge"):
        gateway("http://127.0.0.1:9").get_charge("sub_1")


# The process around it


def test_the_sdk_is_imported_by_the_first_request_and_says_nothing_even_when_asked_to(tmp_path: Path) -> None:
    program = """
import os, sys
from billctl.errors import NotSent
from tests.gateways.stripe_accounts import gateway
assert "stripe" not in sys.modules and "requests" not in sys.modules
try:
    gateway(sys.argv[1]).get_charge("ch_1")
except NotSent:
    pass
import stripe
assert stripe.api_key is None and stripe.enable_telemetry is False and stripe.default_http_client is None
assert os.environ["STRIPE_LOG"] == "debug" and os.environ["CLAUDECODE"] == "1"
"""
    root = Path(__file__).resolve().parents[2]
    home = tmp_path / "home"
    home.mkdir()
    with servers.refusing_url() as url:
        done = subprocess.run(
            [sys.executable, "-c", program, url],
            env={"STRIPE_LOG": "debug", "CLAUDECODE": "1", "HOME": str(home), "PYTHONPATH": str(root)},
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    assert list(home.iterdir()) == []


def test_neither_netrc_nor_a_proxy_gets_between_the_key_and_a_loopback_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with LoopbackServer(ok(wire.charge())) as server, LoopbackServer(servers.dropping) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        gateway(server.url).get_charge("ch_1")
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert proxy.requests == []


def test_a_trailing_slash_of_the_address_does_not_double() -> None:
    with LoopbackServer(ok(wire.charge())) as server:
        gateway(server.url + "/").get_charge("ch_1")
        assert server.requests[0].target.startswith("/v1/charges/ch_1")
