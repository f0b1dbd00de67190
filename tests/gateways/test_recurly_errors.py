"""What goes wrong between billctl and Recurly, with the real SDK on real sockets, and what it is called."""

from collections.abc import Callable
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
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import failure_of
from billctl.testing.servers import Behaviour, LoopbackServer, answer, cutting, dropping, garbage
from tests.gateways import recurly_wire as wire
from tests.gateways.recurly_accounts import KEY, client, gateway
from tests.gateways.recurly_wire import error, told

HTML = {"Content-Type": "text/html"}
Call = Callable[[Client], Any]


def read(recurly: Client) -> Any:
    return recurly.read(lambda sdk: sdk.get_transaction("payment00001"))


def refund(recurly: Client) -> Any:
    return recurly.change(lambda sdk: sdk.refund_invoice("invoice00001", {"type": "amount", "amount": 10.0}))


def end(recurly: Client) -> Any:
    return recurly.change(lambda sdk: sdk.terminate_subscription("subscription", params={"refund": "none"}))


CHANGES = [refund, end]


def failing(behaviour: Behaviour, call: Call) -> BillctlError:
    """What `call` raises against `behaviour`."""
    with LoopbackServer(behaviour) as server, pytest.raises(BillctlError) as caught:
        call(client(server.url))
    raised = caught.value
    assert KEY not in raised.line() + repr(raised)
    assert "\n" not in raised.line()
    assert raised.account == "recurly"
    return raised


@pytest.mark.parametrize("call", [read, *CHANGES])
@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "bad_request", Refused),
        (400, "invalid_content_type", Refused),
        (401, "unauthorized", AuthFailed),
        (403, "invalid_api_key", AuthFailed),
        (403, "invalid_permissions", AuthFailed),
        (404, "not_found", NotFound),
        (406, "unknown_api_version", Refused),
        (422, "validation", Refused),
        (422, "missing_feature", Refused),
        (422, "immutable_subscription", Refused),
        (422, "invalid_token", Refused),
        (422, "one_of_next_year", Refused),
    ],
)
def test_what_recurly_turns_away_is_named_in_the_right_class(
    status: int, kind: str, expected: type[BillctlError], call: Call
) -> None:
    raised = failing(told(error(kind, "No, really."), status), call)
    assert (type(raised), raised.code) == (expected, kind)
    assert raised.message == "Recurly says: No, really (request req0001)"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, "internal_server_error"),
        (500, "tax_service_error"),
        (500, "validation"),
        (503, "service_not_available"),
        (422, "tax_service_error"),
        (400, "internal_server_error"),
        (403, "service_not_available"),
        (404, "missing_feature"),
        (404, "invalid_request"),
        (409, "bad_request"),
        (408, "bad_request"),
        (422, "simultaneous_request"),
    ],
)
def test_what_recurly_itself_leaves_open_is_not_known(status: int, kind: str) -> None:
    behaviour = told(error(kind), status)
    assert [type(failing(behaviour, call)) for call in CHANGES] == [OutcomeUnknown] * 2
    assert type(failing(behaviour, read)) is NoAnswer


def test_another_request_under_way_may_be_the_same_operation() -> None:
    raised = failing(told(error("simultaneous_request", "Wait"), 422), refund)
    assert "may be the same operation" in raised.message
    assert raised.code == "simultaneous_request"


# Transactions


def failed(detail: dict[str, str], status: int = 422) -> Behaviour:
    return told(error("transaction", "The transaction failed.", transaction_error=detail), status)


@pytest.mark.parametrize("status", [402, 422])
def test_a_declined_transaction_is_refused_with_the_processors_code_and_advice(status: int) -> None:
    detail = {
        "object": "transaction_error",
        "category": "hard",
        "code": "transaction_cannot_be_refunded",
        "message": "Ask us.",
        "merchant_advice": "It is too old.",
    }
    raised = failing(failed(detail, status), refund)
    assert (type(raised), raised.code) == (Refused, "transaction_cannot_be_refunded")
    assert "The transaction failed; It is too old (request" in raised.message


@pytest.mark.parametrize(
    "detail",
    [
        {"category": "communication", "code": "gateway_timeout"},
        {"category": "communication", "code": "declined"},
        {"category": "unknown", "code": "declined"},
        {"category": "api_error", "code": "api_error"},
        {"category": "soft", "code": "gateway_error"},
        {"code": "gateway_timeout"},
        {"code": "unknown"},
    ],
)
def test_where_the_way_to_the_processor_failed_nothing_is_known(detail: dict[str, str]) -> None:
    raised = failing(failed(detail), refund)
    assert (type(raised), raised.code) == (OutcomeUnknown, detail["code"])


def test_a_failed_transaction_without_detail_is_refused() -> None:
    raised = failing(told(error("transaction", "Declined"), 422), refund)
    assert (type(raised), raised.code) == (Refused, "transaction")


# Words


def test_the_parameters_that_recurly_names_are_told_once() -> None:
    named = [
        {"param": "amount", "message": "is too high"},
        {"param": "refund_method", "message": "is not included in the list"},
        {"param": "", "message": "nothing"},
        "a text",
    ]
    body = error("validation", "refund_method is not included in the list", params=named)
    raised = failing(told(body, 422), refund)
    assert (
        raised.message
        == "Recurly says: refund_method is not included in the list; amount is too high (request req0001)"
    )


def test_long_words_and_lines_are_cut() -> None:
    raised = failing(told(error("validation", "line\nline " * 400), 422), refund)
    assert len(raised.message) < 600
    assert raised.message.endswith("… (request req0001)")


def test_hints_say_what_to_do() -> None:
    hints = {
        kind: failing(told(error(kind), status), read).hint
        for status, kind in (
            (401, "unauthorized"),
            (403, "invalid_permissions"),
            (429, "rate_limited"),
            (406, "invalid_api_version"),
        )
    }
    assert 'region = "eu"' in hints["unauthorized"]
    assert "Give the key that right" in hints["invalid_permissions"]
    assert "Wait a little" in hints["rate_limited"]
    assert "Update the Python package recurly" in hints["invalid_api_version"]


# What is not Recurly's


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 406, 422, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("<html><body>Blocked</body></html>", HTML),
        ("{}", wire.JSON),
        ('{"error": "no"}', wire.JSON),
        ("", HTML),
    ],
)
def test_an_answer_that_is_not_recurlys_proves_nothing(
    status: int, body: str, headers: dict[str, str]
) -> None:
    raised = failing(answer(status, body, headers=headers), refund)
    assert (type(raised), raised.code) == (OutcomeUnknown, f"http_{status}")
    assert "not Recurly's" in raised.message


@pytest.mark.parametrize(
    "behaviour", [answer(429, "<html>slow down</html>", headers=HTML), told(error("rate_limited"), 429)]
)
def test_too_many_requests_were_turned_away_whoever_says_so(behaviour: Behaviour) -> None:
    """Under the code by which a batch waits at any gateway."""
    raised = failing(behaviour, refund)
    assert (type(raised), raised.code) == (NotSent, "rate_limit")


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (dropping, "no_answer"),
        (garbage, "no_answer"),
        (cutting, "no_answer"),
        (answer(200, "[]"), "bad_answer"),
        (answer(200, "null"), "bad_answer"),
        (answer(200, "{}"), "bad_answer"),
        (answer(200, ""), "bad_answer"),
        (answer(204, ""), "bad_answer"),
        (answer(200, "<html>", headers=HTML), "bad_answer"),
        (told({"object": "something_new", "id": "x"}), "bad_answer"),
        (told({"object": "invoice", "created_at": "yesterday"}), "bad_answer"),
        (told({"object": "invoice", "total": "ten"}), "bad_answer"),
    ],
)
def test_a_change_whose_answer_cannot_be_used_is_of_unknown_outcome(behaviour: Behaviour, code: str) -> None:
    raised = failing(behaviour, refund)
    assert (type(raised), raised.code) == (OutcomeUnknown, code)


def test_a_request_that_the_sdk_does_not_make_was_not_sent() -> None:
    with LoopbackServer(dropping) as server:
        for ask in (
            lambda sdk: sdk.void_invoice(7.5j),
            lambda sdk: sdk.void_invoice(" "),
            lambda sdk: sdk.void_invoice("x", timeout=3),
            lambda sdk: sdk.no_such_call("x"),
            lambda sdk: sdk.refund_invoice("x", {"amount": {1, 2}}),
        ):
            with pytest.raises(NotSent) as caught:
                client(server.url).change(ask)
            assert caught.value.code == "not_sent"
        assert server.requests == []


def test_a_failure_is_told_by_what_was_seen_below_the_sdk_not_by_its_words() -> None:
    assert failure_of(TypeError("x"), None, "host").kind is NotSent


# Objects


@pytest.mark.parametrize(
    "body",
    [
        wire.transaction(id="another00001", invoice=None),
        wire.invoice(id="payment00001"),
        wire.transaction(id=None, invoice=None),
        wire.page(wire.transaction()),
    ],
)
def test_an_answer_about_another_object_is_not_believed(body: dict[str, Any]) -> None:
    with LoopbackServer(told(body)) as server, pytest.raises(NoAnswer):
        gateway(server.url).get_charge("payment00001")


@pytest.mark.parametrize("missing", ["amount", "currency", "created_at", "status", "type"])
def test_an_object_without_what_it_must_have_is_no_answer(missing: str) -> None:
    body = {name: value for name, value in wire.transaction(invoice=None).items() if name != missing}
    with LoopbackServer(told(body)) as server, pytest.raises(NoAnswer, match="cannot be read"):
        gateway(server.url).get_charge("payment00001")


@pytest.mark.parametrize(
    ("call", "bad"),
    [
        ("get_charge", "uuid-" + "3" * 32),
        ("get_charge", "3" * 32),
        ("get_customer", "code-layla"),
        ("get_invoice", "number-1001"),
        ("get_invoice", "1001"),
        ("get_subscription", "SUBSCRIPTION"),
    ],
)
def test_an_object_has_one_name_for_what_is_recorded_of_it(call: str, bad: str) -> None:
    """The operation's key is made of it: a second spelling would be a second operation."""
    with LoopbackServer(dropping) as server:
        with pytest.raises(UsageError, match="is not a Recurly") as caught:
            getattr(gateway(server.url), call)(bad)
        assert caught.value.code == "bad_id"
        assert "billctl lookup" in caught.value.hint
        assert server.requests == []
