"""What goes wrong between billctl and Braintree, with the real SDK on real sockets, and what it is called."""

import base64
import time
from collections.abc import Callable
from pathlib import Path

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
from billctl.gateway import Selection, When
from billctl.gateways.braintree import BraintreeGateway, mapping, recurring
from billctl.gateways.braintree import wire as transport
from billctl.gateways.braintree.client import Client
from billctl.money import Money
from billctl.parallel import gather
from billctl.testing import servers
from billctl.testing.servers import Behaviour, LoopbackServer, answer, in_turn
from tests.gateways import braintree_wire as wire
from tests.gateways.braintree_accounts import KEY, STAMP, account, gateway

CHARGE = mapping.charge(wire.as_sdk("transaction", wire.transaction()), "braintree")
SUBSCRIPTION = recurring.subscription(wire.as_sdk("subscription", wire.subscription()), "braintree")
TEN = Money(1000, "USD")
SALE = wire.ok("transaction", wire.transaction())
HTML = {"Content-Type": "text/html"}
Call = Callable[[BraintreeGateway], object]


def read(braintree: BraintreeGateway) -> object:
    return braintree.get_charge("sale01")


def refund(braintree: BraintreeGateway) -> object:
    return braintree.refund(CHARGE, TEN, stamp=STAMP)


def void(braintree: BraintreeGateway) -> object:
    return braintree.void_charge(CHARGE, stamp=STAMP)


def cancel_now(braintree: BraintreeGateway) -> object:
    return braintree.cancel_subscription(SUBSCRIPTION, when=When.NOW, stamp=STAMP)


def cancel_later(braintree: BraintreeGateway) -> object:
    return braintree.cancel_subscription(SUBSCRIPTION, when=When.PERIOD_END, stamp=STAMP)


CHANGES = [refund, void, cancel_now, cancel_later]


def raised(call: Call, braintree: BraintreeGateway) -> BillctlError:
    with pytest.raises(BillctlError) as caught:
        call(braintree)
    assert KEY not in caught.value.line() + repr(caught.value)
    assert "\n" not in caught.value.line()
    assert caught.value.account == "braintree"
    return caught.value


def failing(behaviour: Behaviour, call: Call) -> tuple[BillctlError, LoopbackServer]:
    """What `call` raises against `behaviour`, and the server with the requests it got."""
    with LoopbackServer(behaviour) as server:
        return raised(call, gateway(server.url)), server


def empty(status: int, **headers: str) -> Behaviour:
    """An answer of Braintree's without a word, as most of its errors are."""
    return answer(status, "", headers=wire.XML | headers)


# Statuses


@pytest.mark.parametrize("call", [read, *CHANGES])
@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, AuthFailed, "authentication"),
        (403, AuthFailed, "permission"),
        (404, NotFound, "not_found"),
        (426, Refused, "upgrade_required"),
        (429, NotSent, "rate_limit"),
    ],
)
def test_what_braintree_turns_away_is_named_in_the_right_class(
    status: int, kind: type[BillctlError], code: str, call: Call
) -> None:
    error, _ = failing(empty(status, **{"Retry-After": "60"}), call)
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize("status", [400, 408, 500, 502, 503, 504, 302])
def test_what_another_status_leaves_behind_is_not_known(status: int) -> None:
    for call in CHANGES:
        error, server = failing(empty(status), call)
        assert (type(error), error.code) == (OutcomeUnknown, f"http_{status}")
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 426])
def test_an_answer_that_is_not_braintrees_proves_nothing(status: int) -> None:
    page = answer(status, "<html><body>Blocked</body></html>", headers=HTML)
    assert type(failing(page, refund)[0]) is OutcomeUnknown
    error, _ = failing(page, read)
    assert type(error) is NoAnswer
    assert "not Braintree's" in error.message


def test_wrong_credentials_hint_at_the_mode() -> None:
    error, _ = failing(empty(401), read)
    assert "sandbox" in error.hint
    assert "production" in error.hint


def test_the_request_id_is_named_for_braintrees_support() -> None:
    error, _ = failing(empty(500, **{"X-Request-Id": "abc-123"}), refund)
    assert "abc-123" in error.message


# Repeats


def sleepless(url: str, slept: list[float]) -> BraintreeGateway:
    """A gateway that notes how long it would have slept."""
    braintree = gateway(url)
    braintree._client = Client(braintree.account, sleep=slept.append)
    return braintree


@pytest.mark.parametrize("first", [empty(500), empty(503), empty(408), empty(429), servers.dropping])
def test_a_read_is_repeated_where_that_may_help(first: Behaviour) -> None:
    slept: list[float] = []
    with LoopbackServer(in_turn(first, SALE)) as server:
        assert sleepless(server.url, slept).get_charge("sale01").id == "sale01"
        assert len(server.requests) == 2
    assert slept == [transport.PAUSE]


def test_a_search_is_a_read_although_it_is_sent_by_post() -> None:
    with LoopbackServer(in_turn(empty(503), answer(200, wire.found(), headers=wire.XML))) as server:
        assert list(sleepless(server.url, []).list_charges(Selection())) == []
        assert [request.method for request in server.requests] == ["POST", "POST"]


def test_a_read_waits_as_long_as_braintree_asks() -> None:
    slept: list[float] = []
    with LoopbackServer(in_turn(empty(429, **{"Retry-After": "2"}), SALE)) as server:
        sleepless(server.url, slept).get_charge("sale01")
    assert slept == [2]


def test_a_read_ends_after_three_tries() -> None:
    slept: list[float] = []
    with LoopbackServer(empty(500)) as server:
        raised(read, sleepless(server.url, slept))
        assert len(server.requests) == 3


@pytest.mark.parametrize("call", CHANGES)
@pytest.mark.parametrize("behaviour", [servers.dropping, empty(500), empty(429)])
def test_a_change_is_sent_once(call: Call, behaviour: Behaviour) -> None:
    _, server = failing(behaviour, call)
    assert len(server.requests) == 1


# Error results


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("91506", "void"),
        ("91512", "in full already"),
        ("91521", "Less than that"),
        ("91574", "settling"),
        ("91538", "suspended"),
        ("91559", "pending"),
        ("915231", "request keys"),
        ("915234", "--again"),
        ("99999", ""),
    ],
)
def test_a_validation_error_is_a_refusal_in_braintrees_code_and_words(code: str, hint: str) -> None:
    error, _ = failing(wire.errors(code, message="It cannot be refunded."), refund)
    assert (type(error), error.code) == (Refused, code)
    assert "It cannot be refunded" in error.line()
    assert hint in error.hint


def test_what_cannot_be_voided_is_to_be_refunded() -> None:
    error, _ = failing(wire.errors("91504"), void)
    assert (type(error), error.code) == (Refused, "91504")
    assert "refund" in error.hint


@pytest.mark.parametrize("code", ["915232", "915233", "915235"])
def test_a_key_that_braintree_knows_leaves_the_outcome_unknown(code: str) -> None:
    error, _ = failing(wire.errors(code), refund)
    assert (type(error), error.code) == (OutcomeUnknown, code)


def declined(**fields: object) -> Behaviour:
    told = {
        "status": "processor_declined",
        "processor-response-code": "2009",
        "processor-response-text": "No Such Issuer",
        "processor-response-type": "hard_declined",
    }
    return wire.errors(message="No Such Issuer", transaction=wire.credit(**(told | fields)))


def test_a_decline_has_no_validation_error_but_a_transaction_that_failed() -> None:
    error, _ = failing(declined(), refund)
    assert (type(error), error.code) == (Refused, "2009")
    assert "No Such Issuer (hard declined)" in error.message


def test_a_rejection_of_the_gateway_is_named_by_its_reason() -> None:
    rejected = declined(status="gateway_rejected", **{"gateway-rejection-reason": "fraud"})
    assert failing(rejected, refund)[0].code == "fraud"


def test_an_error_whose_transaction_did_not_fail_proves_nothing() -> None:
    error, _ = failing(declined(status="submitted_for_settlement"), refund)
    assert type(error) is OutcomeUnknown


# Answers that are no answers, and what escapes the SDK because of them


@pytest.mark.parametrize(
    "body",
    [
        "<html>hi</html>", "<p>hi", "{}", "null", "<x/>", "<transaction/>",
        "<transaction><id>x</id></transaction>",
        '<api-error-response><message>x</message></api-error-response>', "\xff\xfe", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 201, 422])
def test_an_answer_of_another_shape_is_no_answer(body: str, status: int) -> None:
    strange = answer(status, body.encode("latin-1"), headers=wire.XML)
    for call in CHANGES:
        assert type(failing(strange, call)[0]) is OutcomeUnknown, call
    assert type(failing(strange, read)[0]) is NoAnswer


def test_a_success_with_the_status_of_an_error_is_not_believed() -> None:
    error, _ = failing(wire.ok("transaction", wire.credit(), status=422), refund)
    assert type(error) is OutcomeUnknown


def test_an_error_with_the_status_of_a_success_is_not_believed() -> None:
    told = {"errors": {"errors": []}, "message": "No.", "params": {}}
    strange = answer(200, wire.document("api-error-response", told), headers=wire.XML)
    assert type(failing(strange, refund)[0]) is OutcomeUnknown


@pytest.mark.parametrize(
    ("call", "answered"),
    [
        (refund, wire.ok("transaction", wire.credit(**{"refunded-transaction-id": "other1"}))),
        (refund, wire.ok("transaction", wire.credit(amount="ten"))),
        (refund, wire.ok("transaction", wire.credit(**{"currency-iso-code": "XXQ"}))),
        (void, wire.ok("transaction", wire.transaction(id="other1", status="voided"))),
        (void, wire.ok("transaction", wire.transaction(status="authorized"))),
        (cancel_now, wire.ok("subscription", wire.subscription(id="other1", status="Canceled"))),
    ],
)
def test_an_answer_about_something_else_proves_nothing(call: Call, answered: Behaviour) -> None:
    assert type(failing(answered, call)[0]) is OutcomeUnknown


def test_the_amount_is_braintrees_not_an_echo() -> None:
    with LoopbackServer(wire.ok("transaction", wire.credit(amount="7.00"))) as server:
        assert gateway(server.url).refund(CHARGE, TEN, stamp=STAMP).amount == Money(700, "USD")


def test_another_object_than_was_asked_for_is_no_answer() -> None:
    error, _ = failing(wire.ok("transaction", wire.transaction(id="other1")), read)
    assert type(error) is NoAnswer
    assert "another object" in error.message


def test_a_search_that_took_braintree_too_long_is_no_answer() -> None:
    """Braintree answers it with status 200 and a document that is no search result."""
    slow = answer(200, "<search-timeout/>", headers=wire.XML)
    error, _ = failing(slow, lambda braintree: list(braintree.list_charges(Selection())))
    assert (type(error), error.code) == (NoAnswer, "timeout")


@pytest.mark.slow
def test_pages_that_never_end_are_given_up() -> None:
    counts = {"current-page-number": 1, "page-size": 0, "total-items": 9}
    endless = answer(200, wire.document("disputes", counts), headers=wire.XML)
    error, server = failing(endless, lambda braintree: list(braintree.list_disputes(Selection())))
    assert type(error) is NoAnswer
    assert len(server.requests) <= 500


def test_letters_are_read_as_utf_8_also_where_the_answer_does_not_say_so() -> None:
    plain = answer(
        200,
        wire.document("customer", wire.customer(**{"first-name": "ليلى", "last-name": "حدّاد"})),
        headers={"Content-Type": "text/xml"},
    )
    with LoopbackServer(plain) as server:
        assert gateway(server.url).get_customer("layla").name == "ليلى حدّاد"


# What is proved not to have been sent


def test_a_server_that_does_not_prove_who_it_is_got_nothing() -> None:
    with servers.plain_url() as url:
        for call in (read, *CHANGES):
            assert type(raised(call, gateway(url))) is NotSent


def test_no_proxy_of_the_environment_comes_between_loopback_and_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with servers.refusing_url() as nobody, LoopbackServer(SALE) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, nobody)
        assert gateway(server.url).get_charge("sale01").id == "sale01"


def test_no_credentials_are_taken_from_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with LoopbackServer(SALE) as server:
        gateway(server.url).get_charge("sale01")
        sent = server.requests[0].headers["authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")).decode().endswith(f":{KEY}")


# One account in many threads


def test_all_threads_of_an_account_share_its_connections() -> None:
    with LoopbackServer(SALE) as server:
        braintree = gateway(server.url)
        for _ in range(6):
            gather([lambda: braintree.get_charge("sale01")] * 2)
        assert len(server.requests) == 12
        assert len(server._connections) <= 2


def test_dispute_searches_at_the_same_time_do_not_mix() -> None:
    """The SDK keeps a search's terms on the object it was asked of, and reads them again for each page."""

    def ours(request: servers.Request) -> str:
        named = request.body.decode().partition("<customer_id><is>")[2].partition("<")[0]
        time.sleep(0.02)
        number = request.target.rpartition("page=")[2]
        counts = [wire.element("page-size", 1), wire.element("total-items", 2)]
        one = wire.element("dispute", wire.dispute(id=f"dispute{number}{named}"))
        return f'<disputes type="collection">{"".join(counts)}{one}</disputes>'

    with LoopbackServer(wire.routes({"/disputes/advanced_search": ours})) as server:
        braintree = gateway(server.url)
        people = [f"person{number}" for number in range(8)]

        def disputes_of(person: str) -> list[str]:
            return [found.id for found in braintree.list_disputes(Selection(customer_id=person))]

        found = gather([lambda person=person: disputes_of(person) for person in people])  # type: ignore[misc]
    assert found == [[f"dispute{page}{person}" for page in (1, 2)] for person in people]


def test_what_is_asked_after_closing_is_not_sent() -> None:
    with LoopbackServer(SALE) as server:
        braintree = gateway(server.url)
        braintree.get_charge("sale01")
        braintree.close()
        for call in (read, *CHANGES):
            assert type(raised(call, braintree)) is NotSent
        assert len(server.requests) == 1


# Before anything is sent


@pytest.mark.parametrize("bad", ["", "a/b", "..", "SALE01", "a.b", "sale01\n", "x" * 99])
def test_an_id_of_another_form_is_a_usage_error(bad: str) -> None:
    with LoopbackServer(servers.dropping) as server:
        for call in (gateway(server.url).get_charge, gateway(server.url).get_refund):
            with pytest.raises(UsageError):
                call(bad)
        assert server.requests == []


def test_resending_says_what_can_be_done_instead() -> None:
    braintree = BraintreeGateway(account(None))
    with pytest.raises(UsageError) as caught:
        braintree.preview_resend(None, to=None)  # type: ignore[arg-type]
    assert "receipts" in caught.value.hint
