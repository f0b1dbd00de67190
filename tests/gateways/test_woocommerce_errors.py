"""What goes wrong between billctl and a store, on real sockets, and what it is called."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from billctl.errors import (
    AuthFailed,
    BillctlError,
    NetworkError,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from billctl.gateway import Selection
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.errors import CACHE, FIREWALL, NO_ROUTE, REFUND_FAILED, Forbidden, before
from billctl.testing import servers
from billctl.testing.servers import Behaviour, LoopbackServer, answer, in_turn
from tests.gateways import woocommerce_wire as wire
from tests.gateways.woocommerce_accounts import KEY, SECRET, account, gateway

HTML = {"Content-Type": "text/html; charset=UTF-8"}
PAGE = "<html><head><title>Sorry</title></head><body><h1>Access denied</h1></body></html>"
FATAL = "<p>There has been a critical error on this website.</p>"
REFUNDS = "orders/1042/refunds"


def client(server: LoopbackServer) -> Client:
    """One whose waits between repeats are not slept."""
    return Client(account(server.url, read=2.0), sleep=lambda _: None)


def read(asked: Client) -> object:
    return asked.get("orders/1042")


def change(asked: Client) -> object:
    return asked.post(REFUNDS, {"amount": "20.00"})


def failure(call: Callable[[Client], object], behaviour: Behaviour) -> tuple[BillctlError, int]:
    """What `call` raises at such a store, and how many requests it sent."""
    with LoopbackServer(behaviour) as server:
        with pytest.raises(BillctlError) as caught:
            call(client(server))
        return caught.value, len(server.requests)


# What WordPress itself says


@pytest.mark.parametrize(
    ("status", "code", "on_read", "on_change"),
    [
        (400, "rest_invalid_param", Refused, Refused),
        (400, "rest_missing_callback_param", Refused, Refused),
        (400, "rest_invalid_json", Refused, Refused),
        (400, "woocommerce_rest_shop_order_refund_not_created", Refused, OutcomeUnknown),
        (400, "woocommerce_rest_invalid_email_template", Refused, Refused),
        (401, "woocommerce_rest_cannot_view", AuthFailed, AuthFailed),
        (401, "woocommerce_rest_authentication_error", AuthFailed, AuthFailed),
        (403, "woocommerce_rest_cannot_view", Forbidden, Forbidden),
        (404, "woocommerce_rest_shop_order_invalid_id", NotFound, NotFound),
        (404, NO_ROUTE, NoAnswer, Refused),
        (404, "rest_disabled", NoAnswer, OutcomeUnknown),
        (409, "conflict", NoAnswer, OutcomeUnknown),
        (500, "internal_server_error", NoAnswer, OutcomeUnknown),
        (503, "maintenance", NoAnswer, OutcomeUnknown),
    ],
)
def test_an_answer_of_wordpress_is_named_by_what_it_proves(
    status: int, code: str, on_read: type[BillctlError], on_change: type[BillctlError]
) -> None:
    behaviour = wire.error(status, code, "Something the store says.")
    for call, kind in ((read, on_read), (change, on_change)):
        error, _ = failure(call, behaviour)
        assert type(error) is kind
        assert error.code == code
        assert "Something the store says" in error.line()
        assert error.account == "shop"


@pytest.mark.parametrize(
    ("status", "code", "words", "hint"),
    [
        (401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", "Authorization header"),
        (401, "woocommerce_rest_authentication_error", "Consumer secret is invalid.", "consumer_secret"),
        (401, "woocommerce_rest_authentication_error", "It has no write permissions.", "Give the key"),
        (403, "woocommerce_rest_cannot_view", "عذرا", "Shop manager"),
        (404, NO_ROUTE, "No route was found.", "switched off"),
    ],
)
def test_what_an_answer_of_wordpress_asks_for_is_hinted_at(
    status: int, code: str, words: str, hint: str
) -> None:
    error, _ = failure(read, wire.error(status, code, words))
    assert hint in error.hint


@pytest.mark.parametrize("data", [500, 404, {"status": 500}, None, "500", []])
def test_a_business_error_is_500_with_a_bare_number_in_data(data: object) -> None:
    body = {"code": "woocommerce_rest_invalid_order_id", "message": "Invalid order ID.", "data": data}
    error, _ = failure(change, answer(500, json.dumps(body)))
    assert type(error) is NotFound


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Invalid refund amount.", Refused),
        ("The payment gateway for this order does not exist.", Refused),
        ("The payment gateway for this order does not support automatic refunds.", Refused),
        ("Cannot create order refund, please try again.", OutcomeUnknown),
        (
            "An error occurred while attempting to create the refund using the payment gateway API.",
            OutcomeUnknown,
        ),
        ("Your card was declined.", OutcomeUnknown),
        ("قيمة الاسترداد غير صالحة.", OutcomeUnknown),
        ("", OutcomeUnknown),
    ],
)
def test_a_failed_refund_was_refused_only_where_its_words_come_before_the_payment_gateway(
    message: str, kind: type[BillctlError]
) -> None:
    error, sent = failure(change, wire.error(500, REFUND_FAILED, message, data=500))
    assert type(error) is kind
    assert sent == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_a_failed_refund_stays_unknown_whatever_status_it_is_given(status: int) -> None:
    error, _ = failure(change, wire.error(status, REFUND_FAILED, "The gateway says so."))
    assert (type(error), error.code) == (OutcomeUnknown, REFUND_FAILED)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_json_in_another_form_than_wordpress_writes_proves_no_more_than_html(status: int) -> None:
    behaviour = wire.told({"code": "blocked", "message": "By the wall before the store."}, status)
    for call, kind in ((read, NoAnswer), (change, OutcomeUnknown)):
        error, _ = failure(call, behaviour)
        assert (type(error), error.code) == (kind, f"http_{status}")


def test_what_php_died_of_is_said_without_its_markup() -> None:
    error, _ = failure(change, wire.error(500, "internal_server_error", FATAL))
    assert error.message == ("WooCommerce answered HTTP 500: There has been a critical error on this website")


# What something else says


@pytest.mark.parametrize("status", [401, 403, 404, 500, 502, 504])
def test_html_proves_nothing_of_a_change_and_names_no_object_as_missing(status: int) -> None:
    """A firewall may have judged the answer, after the store acted."""
    behaviour = answer(status, PAGE, headers=HTML)
    assert type(failure(change, behaviour)[0]) is OutcomeUnknown
    error, _ = failure(read, behaviour)
    assert type(error) is NoAnswer
    assert error.code == f"http_{status}"
    assert "HTML" in error.message
    assert "Access denied" not in error.line()


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "consumer_key"), (403, "firewall"), (404, "pretty permalinks")]
)
def test_what_html_usually_means_is_hinted_at(status: int, hint: str) -> None:
    error, _ = failure(read, answer(status, PAGE, headers=HTML))
    assert hint in error.hint


@pytest.mark.parametrize("body", [PAGE, "{}", '{"code": "too_many", "message": "Wait."}', ""])
def test_a_request_turned_away_for_their_number_was_not_sent(body: str) -> None:
    for call in (read, change):
        error, _ = failure(call, answer(429, body))
        assert type(error) is NotSent
        assert error.code == "rate_limit"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "nothing"),
        (b"   \n", "nothing"),
        (PAGE.encode(), "HTML"),
        (b"\xef\xbb\xbf" + json.dumps(wire.order()).encode(), "byte order mark"),
        (b"<br />\n<b>Warning</b>:  Undefined array key in /srv/x.php on line 3<br />{}", "message of PHP's"),
        (b"PHP Deprecated:  Creation of dynamic property in x.php on line 1\n{}", "message of PHP's"),
        (b"\x1f\x8b\x08 not gzip", "no JSON"),
        (b'{"id": 1042', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        ('{"id": "\ud800"}'.encode("utf-8", "surrogatepass"), "no JSON"),
    ],
)
def test_a_success_that_is_no_json_says_plainly_what_it_is(body: bytes, what: str) -> None:
    for call, kind in ((read, NoAnswer), (change, OutcomeUnknown)):
        error, _ = failure(call, answer(200, body))
        assert type(error) is kind
        assert error.code == "bad_answer"
        assert what in error.message


def test_a_huge_page_is_read_to_its_end() -> None:
    """A plugin may keep megabytes in an order."""
    orders = [wire.order(id=number, meta_data=wire.meta(_blob="x" * 50_000)) for number in range(1, 101)]
    with LoopbackServer(wire.listed(*orders)) as server:
        assert len(list(client(server).pages("orders"))) == 100


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_and_none_is_a_success(status: int) -> None:
    """requests would repeat a POST that met a 301 as a GET, and get a list of refunds for it."""
    with LoopbackServer(wire.listed(wire.refund())) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/wp-json/wc/v3/{REFUNDS}"}
        for call, kind in ((read, NoAnswer), (change, OutcomeUnknown)):
            error, sent = failure(call, answer(status, "", headers=headers))
            assert type(error) is kind
            assert (error.code, sent) == ("redirect", 1)
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [202, 204, 206, 304])
def test_a_status_that_is_no_whole_answer_is_none(status: int) -> None:
    assert isinstance(failure(read, answer(status, ""))[0], NoAnswer)
    assert type(failure(change, answer(status, ""))[0]) is OutcomeUnknown


# Lists


@pytest.mark.parametrize(
    "behaviour",
    [
        wire.told([]),
        wire.told([wire.order()]),
        wire.told({}),
        answer(200, "[1]", headers={"X-WP-Total": "1", "X-WP-TotalPages": "1"}),
        answer(200, "[]", headers={"X-WP-Total": "many", "X-WP-TotalPages": "1"}),
        answer(200, '{"id": 1}', headers={"X-WP-Total": "1", "X-WP-TotalPages": "1"}),
    ],
)
def test_a_list_without_its_totals_or_of_no_objects_is_none(behaviour: Behaviour) -> None:
    error, _ = failure(lambda asked: list(asked.pages("orders")), behaviour)
    assert type(error) is NoAnswer
    assert error.code == "bad_answer"


@pytest.mark.parametrize("status", [200, 404])
def test_what_a_cache_kept_is_no_answer_of_the_stores(status: int) -> None:
    """Of before a claim was written, say, or of before somebody ordered."""
    heads = {"X-WP-Total": "0", "X-WP-TotalPages": "0", "Age": "17"}
    behaviour = answer(status, "[]", headers=heads)
    error, sent = failure(lambda asked: asked.page("orders"), behaviour)
    assert (type(error), error.code, sent) == (NoAnswer, "cached", 1)
    assert "from a cache that has kept it for 17 s" in error.message
    assert "/wp-json/" in error.hint


@pytest.mark.parametrize(
    ("behaviour", "remedy"),
    [
        (answer(200, "[]", headers={"X-WP-Total": "0", "X-WP-TotalPages": "0", "Age": "17"}), CACHE),
        (answer(403, PAGE, headers=HTML), FIREWALL),
    ],
)
def test_what_stands_before_a_store_is_named_before_a_change_too(behaviour: Behaviour, remedy: str) -> None:
    def look(asked: Client) -> None:
        with before("No refund was sent."):
            asked.page("orders")

    error, _ = failure(look, behaviour)
    assert isinstance(error, NotSent)
    assert error.line().endswith(f". No refund was sent. Run it again. {remedy}")


def test_what_a_cache_has_just_had_of_the_store_is_its_answer() -> None:
    with LoopbackServer(answer(200, json.dumps(wire.order()), headers={"Age": "0"})) as server:
        assert client(server).get("orders/1042")["id"] == wire.ORDER


def test_a_missing_list_is_no_empty_one() -> None:
    with LoopbackServer(wire.error(404, "rest_no_route")) as server:
        with pytest.raises(NoAnswer) as caught:
            list(gateway(server.url).list_charges(Selection()))
        assert caught.value.code == NO_ROUTE


# On the way


@pytest.mark.parametrize(
    "behaviour", [servers.dropping, servers.garbage, servers.cutting, servers.answer(500, "{}")]
)
def test_a_read_is_tried_again_and_a_change_never(behaviour: Behaviour) -> None:
    error, sent = failure(read, behaviour)
    assert isinstance(error, NetworkError)
    assert sent == 3
    error, sent = failure(change, behaviour)
    assert type(error) is OutcomeUnknown
    assert sent == 1


def test_a_read_that_is_answered_in_the_end_is_answered() -> None:
    recovering = in_turn(answer(502, PAGE, headers=HTML), answer(429, PAGE), wire.told(wire.order()))
    with LoopbackServer(recovering) as server:
        assert client(server).get("orders/1042")["id"] == wire.ORDER
        assert len(server.requests) == 3


def test_what_a_store_refused_is_not_asked_again() -> None:
    for status in (400, 401, 403, 404):
        _, sent = failure(read, wire.error(status, "woocommerce_rest_cannot_view"))
        assert sent == 1


@pytest.mark.parametrize(("status", "wait"), [(503, "20"), (503, "600"), (429, "20")])
def test_repeats_end_with_the_read_timeout(status: int, wait: str) -> None:
    """WordPress in maintenance asks to come back in ten minutes."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with LoopbackServer(answer(status, PAGE, headers=HTML | {"Retry-After": wait})) as server:
        asked = Client(account(server.url, read=30.0), sleep=sleep, clock=lambda: now[0])
        with pytest.raises(NetworkError):
            asked.get("orders/1042")
        assert len(server.requests) == (1 if wait == "600" else 2)
        assert now[0] <= 30.0


def test_nobody_listening_or_another_protocol_got_nothing() -> None:
    for where in (servers.refusing_url, servers.plain_url):
        with where() as url:
            for call in (read, change):
                with pytest.raises(NotSent):
                    call(Client(account(url)))


def test_a_store_that_says_nothing_is_unknown_after_a_change() -> None:
    with LoopbackServer(servers.silent) as server:
        asked = Client(account(server.url, read=0.2))
        with pytest.raises(OutcomeUnknown, match="did not answer in time"):
            change(asked)
        with pytest.raises(NoAnswer, match="did not answer in time"):
            read(asked)


# Secrets


@pytest.mark.parametrize(
    "told",
    [
        f"Unknown key {KEY}.",
        f"Authorization: Basic Y2tfOmNzXw== for {SECRET}",
        "<b>ck_0123456789abcdef0123456789abcdef01234567</b>",
    ],
)
def test_a_key_that_the_store_repeats_is_masked(told: str) -> None:
    error, _ = failure(read, wire.error(400, "rest_invalid_param", told))
    for secret in (KEY, SECRET, "Y2tfOmNzXw==", "0123456789abcdef"):
        assert secret not in error.line()


def test_a_long_text_is_cut_to_a_sentence() -> None:
    error, _ = failure(read, wire.error(400, "rest_invalid_param", "word " * 10_000))
    assert len(error.line()) < 800


def test_an_answer_for_something_else_is_none() -> None:
    wrong: list[Any] = [wire.order(id=7), {}, [], None, wire.order(id="1042")]
    for document in wrong:
        with LoopbackServer(wire.told(document)) as server:
            with pytest.raises(NoAnswer) as caught:
                gateway(server.url).get_invoice("1042")
            assert caught.value.code == "bad_answer"
