"""The SDK as the adapter uses it: its connection replaced, its traps disarmed, its lists read to the end."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from billctl.errors import (
    AuthFailed,
    BillctlError,
    ConfigError,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from billctl.frozen import replace
from billctl.gateway import Secret, Timeouts
from billctl.gateways.recurly import RecurlyGateway, mapping, place
from billctl.gateways.recurly.client import Client, sdk_module
from billctl.gateways.recurly.wire import READ_ATTEMPTS
from billctl.parallel import gather
from billctl.testing.servers import LoopbackServer, answer, dropping, in_turn, only, refusing_url, silent
from tests.gateways import recurly_wire as wire
from tests.gateways.recurly_accounts import KEY, account, client, gateway
from tests.gateways.recurly_wire import error, page, told

PAYMENT = "payment00001"


def get(recurly: Client) -> Any:
    return recurly.read(lambda sdk: sdk.get_transaction(PAYMENT))


def void(recurly: Client) -> Any:
    return recurly.change(lambda sdk: sdk.void_invoice("credit000001"))


# The SDK's connection


def test_the_sdk_keeps_its_key_and_its_connection_where_ours_are_put() -> None:
    """Should a version rename them, ours would find neither, and send nothing; this test says so first."""
    shipped = sdk_module().Client("k" * 32, timeout=1.0)
    assert set(vars(shipped)) == {"_BaseClient__api_key", "_BaseClient__conn"}
    assert callable(shipped._BaseClient__conn.request)
    assert callable(shipped._BaseClient__conn.getresponse)


@pytest.mark.parametrize("renamed", ["_BaseClient__conn", "_BaseClient__api_key"])
def test_nothing_is_sent_where_the_sdk_finds_no_key_or_connection(
    renamed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(told(wire.transaction())) as server:
        recurly = client(server.url)
        built = recurly._sdk

        def without() -> Any:
            sdk = built()
            delattr(sdk, renamed)
            return sdk

        monkeypatch.setattr(recurly, "_sdk", without)
        with pytest.raises(NotSent):
            void(recurly)
        assert server.requests == []


def test_a_request_is_what_the_sdk_makes_of_it_with_the_accounts_own_key() -> None:
    with LoopbackServer(told(wire.credit())) as server:
        client(server.url).change(
            lambda sdk: sdk.refund_invoice(
                "invoice00001", {"type": "amount", "amount": 12.5}, headers={"Idempotency-Key": "k1"}
            )
        )
        (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/invoices/invoice00001/refund")
    assert json.loads(request.body) == {"type": "amount", "amount": 12.5}
    assert request.headers["idempotency-key"] == "k1"
    assert request.headers["accept"] == "application/vnd.recurly.v2021-02-25"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"].startswith("Basic ")
    assert "cookie" not in request.headers


def test_an_empty_body_is_an_empty_object_and_none_is_none() -> None:
    with LoopbackServer(told(wire.subscription())) as server:
        recurly = client(server.url)
        recurly.change(lambda sdk: sdk.cancel_subscription("subscription", body={}))
        recurly.change(lambda sdk: sdk.reactivate_subscription("subscription"))
        sent = [(request.body, request.headers.get("content-length")) for request in server.requests]
        assert [request.headers.get("transfer-encoding") for request in server.requests] == [None, None]
    assert sent == [(b"{}", "2"), (b"", "0")]


def test_many_threads_share_an_account() -> None:
    with LoopbackServer(told(wire.transaction())) as server:
        recurly = client(server.url)

        def many() -> list[str]:
            return [get(recurly).id for _ in range(20)]

        assert gather([many] * 8) == [[PAYMENT] * 20] * 8


def test_an_account_works_on_after_a_time_out_and_after_a_broken_connection() -> None:
    for failing in (silent, dropping):
        behaviour = in_turn(failing, told(wire.transaction()))
        with LoopbackServer(
            only(lambda request: request.method == "GET", told(wire.transaction()), behaviour)
        ) as server:
            recurly = client(server.url, read=0.2)
            with pytest.raises(OutcomeUnknown):
                void(recurly)
            assert get(recurly).id == PAYMENT
            assert void(recurly).id == PAYMENT


def test_the_sdks_variables_of_the_environment_do_not_matter() -> None:
    """Strict, the SDK refuses what it does not know; a time-out that is a text is a `TypeError`."""
    program = (
        "import os, warnings; warnings.simplefilter('error')\n"
        "from tests.gateways import recurly_wire as wire\n"
        "from tests.gateways.recurly_accounts import client\n"
        "from billctl.testing.servers import LoopbackServer\n"
        "with LoopbackServer(wire.told(wire.transaction(new_field=1))) as server:\n"
        "    print(client(server.url).read(lambda sdk: sdk.get_transaction('x')).id)\n"
        "print(os.environ['RECURLY_STRICT_MODE'])\n"
    )
    strict = {"RECURLY_STRICT_MODE": "true", "RECURLY_DEFAULT_REQUEST_TIMEOUT": "30"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **strict, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == [PAYMENT, "true"]


def test_no_variable_of_the_environment_replaces_the_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/nowhere/certificates.pem")
    with pytest.raises(NotSent, match=r"cannot be reached at nowhere\.invalid"):
        get(client("https://nowhere.invalid"))


# Answers that break the SDK


def test_an_error_without_a_request_id_is_read_as_any_other() -> None:
    bare = answer(422, json.dumps(error("validation", "No")), headers={"Content-Type": "application/json"})
    with LoopbackServer(bare) as server, pytest.raises(Refused, match=r"Recurly says: No$"):
        void(client(server.url))


def test_a_time_with_a_fraction_of_a_second_is_read() -> None:
    body = wire.transaction(created_at="2026-02-03T04:05:06.789Z", updated_at="2026-02-03T04:05:06.7+00:00")
    with LoopbackServer(told(body)) as server:
        found = mapping.charge(get(client(server.url)), "recurly")
    assert found.created == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_only_a_text_that_is_a_time_loses_its_fraction() -> None:
    noted = 'at "2026-02-03T04:05:06.789Z" or 2026-02-03T04:05:06.789Z'
    with LoopbackServer(told(wire.invoice(customer_notes=noted))) as server:
        found = client(server.url).read(lambda sdk: sdk.get_invoice("invoice00001"))
    assert found.customer_notes == noted


def test_the_header_that_makes_the_sdk_warn_does_not_reach_it() -> None:
    with LoopbackServer(told(wire.transaction(), headers={"X-RateLimit-Reset": "9" * 17})) as server:
        assert get(client(server.url)).get_response().rate_limit_reset is None


def test_a_redirect_is_neither_followed_nor_taken_for_a_success() -> None:
    elsewhere = answer(302, json.dumps(wire.transaction()), headers=wire.JSON | {"Location": "/elsewhere"})
    with LoopbackServer(elsewhere) as server:
        with pytest.raises(OutcomeUnknown) as caught:
            void(client(server.url))
        assert caught.value.code == "http_302"
        assert len(server.requests) == 1


# Repeats


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_read_is_repeated_where_that_may_help(status: int) -> None:
    with LoopbackServer(in_turn(told({}, status), dropping, told(wire.transaction()))) as server:
        assert get(client(server.url)).id == PAYMENT
        assert len(server.requests) == READ_ATTEMPTS


def test_a_read_is_given_up_after_its_last_attempt_and_a_change_after_its_first() -> None:
    with LoopbackServer(told({}, 503)) as server:
        with pytest.raises(NoAnswer):
            get(client(server.url))
        assert len(server.requests) == READ_ATTEMPTS
        with pytest.raises(OutcomeUnknown):
            void(client(server.url))
        assert len(server.requests) == READ_ATTEMPTS + 1


def limited(reset: int | None, **headers: str) -> Any:
    named = {"X-RateLimit-Reset": str(reset)} if reset is not None else {}
    made = {"Date": "Thu, 01 Jan 1970 01:00:00 GMT"}
    return told(error("rate_limited"), 429, made | named | headers)


@pytest.mark.parametrize(
    ("turned_away", "pause"),
    [
        (limited(3602), 2.0),
        (limited(3600), 0.0),
        (limited(3500), 0.0),
        (limited(None), 0.5),
        (limited(3699, **{"Retry-After": "1"}), 1.0),
        (limited(3602, Date="yesterday"), 0.5),
    ],
)
def test_a_read_that_was_too_much_waits_until_recurlys_own_clock_reaches_the_reset(
    turned_away: Any, pause: float
) -> None:
    slept: list[float] = []
    with LoopbackServer(in_turn(turned_away, told(wire.transaction()))) as server:
        assert get(Client(account(server.url), sleep=slept.append)).id == PAYMENT
    assert slept == [pause]


def test_a_reset_after_the_call_must_have_ended_is_not_waited_for() -> None:
    with LoopbackServer(limited(3900)) as server:
        with pytest.raises(NotSent) as caught:
            get(client(server.url))
        assert caught.value.code == "rate_limit"
        assert len(server.requests) == 1


# Lists


def listed(recurly: Client) -> list[str]:
    return [found.id for found in recurly.every(lambda sdk: sdk.list_transactions(params={"limit": 2}))]


def three_pages(url: str = "") -> dict[str, Any]:
    """Two items, none, one; where the next page is, is told with `url` before it."""
    pages = {
        None: page(
            wire.transaction(id="a"), wire.transaction(id="b"), following=f"{url}/transactions?cursor=2"
        ),
        "2": page(following=f"{url}/transactions?cursor=3"),
        "3": page(wire.transaction(id="c")),
    }
    return {"/transactions": wire.asked(lambda params: pages[params.get("cursor")])}


def test_a_list_is_read_over_all_its_pages_an_empty_one_among_them() -> None:
    with LoopbackServer(wire.serving(three_pages())) as server:
        assert listed(client(server.url)) == ["a", "b", "c"]
        assert [request.target for request in server.requests] == [
            "/transactions?limit=2", "/transactions?cursor=2", "/transactions?cursor=3",
        ]  # fmt: skip


def test_an_item_that_moves_to_the_next_page_is_listed_once() -> None:
    """A refund listed twice would count twice."""
    pages = {
        None: page(wire.transaction(id="a"), wire.transaction(id="b"), following="/transactions?cursor=2"),
        "2": page(wire.transaction(id="b"), wire.transaction(id="c")),
    }
    routes = {"/transactions": wire.asked(lambda params: pages[params.get("cursor")])}
    with LoopbackServer(wire.serving(routes)) as server:
        assert listed(client(server.url)) == ["a", "b", "c"]


def test_a_page_may_be_named_by_its_whole_address_where_that_is_the_accounts() -> None:
    routes: dict[str, Any] = {}
    with LoopbackServer(wire.serving(routes)) as server:
        routes.update(three_pages(server.url))
        assert listed(client(server.url)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "elsewhere", ["{url}.evil.example/x", "@{host}/x", "//{host}/x", "http://localhost/x", ""]
)
def test_a_page_at_another_address_is_not_asked_for(elsewhere: str) -> None:
    with LoopbackServer(told({})) as other:
        host = other.url.removeprefix("http://")
        following = elsewhere.format(url=other.url, host=host)
        with LoopbackServer(told(page(wire.transaction(), following=following))) as server:
            with pytest.raises(NoAnswer):
                listed(client(server.url))
            assert len(server.requests) == 1
        assert other.requests == []


def test_a_list_that_leads_in_a_circle_ends() -> None:
    circle = told(page(wire.transaction(), following="/transactions?cursor=1"))
    with LoopbackServer(circle) as server, pytest.raises(NoAnswer, match="the same page again"):
        listed(client(server.url))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"object": "list"},
        *({"object": "list", "has_more": False, "data": data, "next": None} for data in (None, "ab", [1])),
    ],
)
def test_what_is_no_list_is_not_taken_for_an_empty_one(body: dict[str, Any]) -> None:
    with LoopbackServer(told(body)) as server, pytest.raises(NoAnswer):
        listed(client(server.url))


# Settings, and the end


def test_a_region_chooses_the_host_and_an_address_of_its_own_replaces_it() -> None:
    assert place.base(account(None)) == "https://v3.recurly.com"
    assert place.base(account(None, settings={"region": "us"})) == "https://v3.recurly.com"
    assert place.base(account(None, settings={"region": "eu"})) == "https://v3.eu.recurly.com"
    assert place.base(account("http://127.0.0.1:1/", settings={"region": "eu"})) == "http://127.0.0.1:1"
    assert place.host_of(account(None, settings={"region": "eu"})) == "v3.eu.recurly.com"


@pytest.mark.parametrize("region", ["", "EU", "de", "us.evil.example"])
def test_another_region_is_a_fault_and_sends_nothing(region: str) -> None:
    assert set(RecurlyGateway.settings_faults({"region": region}, live=False)) == {"region"}
    with LoopbackServer(dropping) as server:
        with pytest.raises(ConfigError, match="region: it is us or eu"):
            RecurlyGateway(account(server.url, settings={"region": region})).get_charge(PAYMENT)
        assert server.requests == []


def test_the_key_travels_in_the_clear_on_loopback_only() -> None:
    with pytest.raises(ConfigError, match="without https only a loopback address"):
        gateway("http://10.0.0.1:8080").get_charge(PAYMENT)


@pytest.mark.parametrize("key", ["", "  ", "two words", "ключ", "a\nb", "a:b"])
def test_a_key_that_no_header_carries_is_refused_before_anything_is_sent(key: str) -> None:
    with LoopbackServer(dropping) as server:
        recurly = RecurlyGateway(replace(account(server.url), secrets={"api_key": Secret(key)}))
        for call in (recurly.check_secrets, lambda: recurly.get_charge(PAYMENT)):
            with pytest.raises(AuthFailed) as caught:
                call()
            assert caught.value.code == "bad_key"
            assert not key.strip() or key not in caught.value.line()
        assert server.requests == []


def test_a_closed_account_sends_nothing() -> None:
    with LoopbackServer(told(wire.transaction())) as server:
        recurly = client(server.url)
        recurly.close()
        with pytest.raises(NotSent) as caught:
            void(recurly)
        assert (caught.value.code, server.requests) == ("closed", [])


def test_every_call_ends_within_its_timeouts() -> None:
    with LoopbackServer(silent) as server:
        recurly = Client(replace(account(server.url), timeouts=Timeouts(connect=0.2, read=0.2)))
        started = time.monotonic()
        for call, kind in ((get, NoAnswer), (void, OutcomeUnknown)):
            with pytest.raises(kind) as caught:
                call(recurly)
            assert caught.value.code == "timeout"
        assert time.monotonic() - started < 5.0


def test_nobody_listening_and_no_such_name_are_proved_not_to_have_been_reached() -> None:
    with refusing_url() as url:
        for call in (get, void):
            with pytest.raises(NotSent):
                call(client(url))


def test_no_error_holds_the_key() -> None:
    unauthorized = told(error("unauthorized", "No valid key"), 401)
    with LoopbackServer(unauthorized) as server, pytest.raises(BillctlError) as caught:
        get(client(server.url))
    link: BaseException | None = caught.value
    while link is not None:
        assert KEY not in repr(link) + str(vars(link))
        link = link.__cause__ or link.__context__
