"""Where a store is and how its keys travel; which accounts are refused before anything is sent."""

import ssl
import subprocess
from base64 import b64encode
from contextlib import closing
from pathlib import Path

import pytest
import requests

from billctl import VERSION
from billctl.errors import AuthFailed, ConfigError, NotSent, OutcomeUnknown
from billctl.frozen import replace
from billctl.gateway import Secret
from billctl.gateways.woocommerce import WoocommerceGateway, client, place
from billctl.gateways.woocommerce.client import PATIENT, Client
from billctl.testing.servers import LoopbackServer, dropping
from tests.gateways import woocommerce_wire as wire
from tests.gateways.woocommerce_accounts import KEY, SECRET, account, gateway

GOOD = {"url": "https://shop.example"}


# Settings


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example", "without https only a loopback address"),
        ("http://127.0.0.1.shop.example", "without https"),
        ("shop.example", "an address like"),
        ("ftp://shop.example", "an address like"),
        ("https://", "an address like"),
        ("https://shop.example\n", "an address like"),
        ("https://ck_1:cs_1@shop.example", "keys do not belong there"),
        ("https://shop.example/?consumer_key=ck_1", "no ? and no #"),
        ("https://shop.example/#shop", "no ? and no #"),
        ("https://shop.example/wp-json/wc/v3", "without wp-json"),
        ("https://shop.example/wp-admin/", "wp-admin"),
        ("https://shop.example:port", "no address"),
        ("https://[::1", "no address"),
    ],
)
def test_an_address_is_refused_with_the_reason(url: str, why: str) -> None:
    faults = WoocommerceGateway.settings_faults({"url": url}, live=True)
    assert list(faults) == ["url"]
    assert why in faults["url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/",
        "https://shop.example:8443/eu",
        "http://127.0.0.1:8080",
    ],
)
def test_an_address_of_a_store_is_no_fault(url: str) -> None:
    assert WoocommerceGateway.settings_faults({"url": url}, live=True) == {}


@pytest.mark.parametrize(
    ("store", "live", "why"),
    [
        ("test", True, "contradicts mode = 'live'"),
        ("live", False, "left out"),
        ("staging", True, "left out"),
        ("", False, "left out"),
    ],
)
def test_what_a_store_is_said_to_be_must_be_true_of_the_profile(store: str, live: bool, why: str) -> None:
    faults = WoocommerceGateway.settings_faults({**GOOD, "store": store}, live=live)
    assert why in faults["store"]


@pytest.mark.parametrize(
    ("url", "settings", "live"),
    [
        (None, {}, True),
        (None, {"store": "test"}, False),
        ("https://staging.example", {}, True),
        ("http://127.0.0.1:1", {}, None),
        ("http://127.0.0.1:1", {"store": "test"}, None),
    ],
)
def test_a_store_counts_as_live_unless_the_profile_says_otherwise(
    url: str | None, settings: dict[str, str], live: bool | None
) -> None:
    for mode in (True, False):
        assert place.live(replace(account(url, settings=settings), live=mode)) is live


@pytest.mark.parametrize(
    ("home", "name"),
    [
        ("https://shop.example", "shop.example"),
        ("https://Shop.Example/", "shop.example"),
        ("https://shop.example:443", "shop.example"),
        ("https://shop.example:8443", "shop.example:8443"),
        ("https://shop.example/eu/", "shop.example/eu"),
        ("http://shop.example", "shop.example"),
    ],
)
def test_a_store_is_named_by_its_home_and_two_on_a_host_by_their_folders(home: str, name: str) -> None:
    assert place.name_of_home(home) == name


# Nothing leaves


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"url": ""}, "url: it is missing"),
        ({"url": "http://shop.example"}, "https"),
        ({"store": "x"}, "store"),
    ],
)
def test_nothing_is_sent_for_an_account_with_such_settings(settings: dict[str, str], word: str) -> None:
    with LoopbackServer(dropping) as server:
        shop = WoocommerceGateway(account(server.url, settings=settings))
        with pytest.raises(ConfigError, match=word):
            shop.get_charge("1042")
        assert server.requests == []


def test_keys_travel_in_the_clear_on_loopback_only() -> None:
    with pytest.raises(ConfigError, match="base_url: without https only a loopback address"):
        gateway("http://10.0.0.1:8080").get_charge("1042")
    with pytest.raises(NotSent):
        gateway("https://nowhere.invalid").get_charge("1042")


@pytest.mark.parametrize("name", ["consumer_key", "consumer_secret"])
@pytest.mark.parametrize("key", ["", "  ", "two words", "ключ", "a\nb", "ck:1", "x" * 200])
def test_a_key_that_no_header_carries_is_refused_before_anything_is_sent(name: str, key: str) -> None:
    with LoopbackServer(dropping) as server:
        good = account(server.url)
        shop = WoocommerceGateway(replace(good, secrets={**good.secrets, name: Secret(key)}))
        for call in (shop.check_secrets, lambda: shop.get_charge("1042")):
            with pytest.raises(AuthFailed) as caught:
                call()
            assert caught.value.code == "bad_key"
            assert name in caught.value.message
            assert not key.strip() or key not in caught.value.line()
        assert server.requests == []


@pytest.mark.parametrize("name", ["consumer_key", "consumer_secret"])
def test_each_key_can_be_kept_without_the_other(name: str) -> None:
    good = account("http://127.0.0.1:9")
    shop = WoocommerceGateway(replace(good, secrets={name: good.secrets[name]}))
    shop.check_secrets()
    with pytest.raises(AuthFailed, match="is missing"):
        shop.get_charge("1042")


# What leaves


def test_the_keys_travel_in_the_header_and_nowhere_else() -> None:
    with LoopbackServer(wire.told(wire.order())) as server:
        gateway(server.url).get_invoice("1042")
        request = server.requests[0]
    assert request.headers["authorization"] == "Basic " + b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert "ck_" not in request.target
    assert "cs_" not in request.target
    assert request.headers["user-agent"] == f"billctl/{VERSION}"
    assert not any("override" in name for name in request.headers)


@pytest.mark.parametrize("tail", ["", "/", "/eu", "/eu/"])
def test_a_store_may_live_in_a_folder(tail: str) -> None:
    with LoopbackServer(wire.told(wire.order())) as server:
        gateway(server.url + tail).get_invoice("1042")
        path = server.requests[0].target.partition("?")[0]
    assert path == f"{tail.rstrip('/')}/wp-json/wc/v3/orders/1042"


def test_several_values_are_sent_with_commas() -> None:
    """Of a parameter that is repeated PHP keeps the last."""
    with LoopbackServer(wire.listed()) as server:
        list(
            Client(account(server.url)).pages("orders", {"status": ("failed", "pending"), "include": (1, 2)})
        )
        target = server.requests[0].target
    assert "status=failed%2Cpending" in target
    assert "include=1%2C2" in target
    assert "per_page=100" in target


def test_a_trace_takes_the_place_of_billctls_name() -> None:
    with LoopbackServer(wire.told({})) as server:
        Client(account(server.url)).post("orders/1042/notes", {}, user_agent="billctl/x op=op_1")
        assert server.requests[0].headers["user-agent"] == "billctl/x op=op_1"
        assert server.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("url", "read", "patience"),
    [("http://127.0.0.1:1", 5.0, None), (None, 5.0, PATIENT), (None, 300.0, 300.0)],
)
def test_a_stores_own_refund_is_waited_for_longer_than_a_rehearsals(
    url: str | None, read: float, patience: float | None
) -> None:
    assert Client(account(url, read=read))._patience() == patience


# Certificates, proxies, other credentials


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loopback server counts as any other: the environment has its say about it."""
    monkeypatch.setattr(place, "LOOPBACK", frozenset())


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_no_variable_of_the_environment_makes_a_certificate_trusted(
    certificate: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests by itself trusts what the variable names, even where `Session.verify` says otherwise."""
    monkeypatch.setenv(variable, str(certificate))
    with LoopbackServer(wire.told(wire.order()), tls=tls_of(certificate)) as server:
        assert requests.get(server.url, timeout=5).ok
        seen = len(server.requests)
        asked = Client(account(server.url))
        with pytest.raises(NotSent, match="certificate"):
            asked.get("orders/1042")
        with pytest.raises(NotSent, match="certificate"):
            asked.post("orders/1042/notes", {})
        assert len(server.requests) == seen


@pytest.mark.usefixtures("far_away")
def test_no_variable_of_the_environment_takes_the_certificates_away(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "trusted", lambda: str(certificate))
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(variable, "/nowhere/certificates.pem")
    with (
        LoopbackServer(wire.told(wire.order()), tls=tls_of(certificate)) as server,
        closing(Client(account(server.url))) as asked,
    ):
        assert asked.get("orders/1042")["id"] == wire.ORDER


def test_the_trusted_authorities_are_requests_own() -> None:
    assert client.trusted() == requests.utils.DEFAULT_CA_BUNDLE_PATH
    assert Path(client.trusted()).is_file()


def test_a_connection_that_breaks_after_the_handshake_may_have_carried_the_change(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "trusted", lambda: str(certificate))
    with LoopbackServer(dropping, tls=tls_of(certificate)) as server:
        with pytest.raises(OutcomeUnknown):
            Client(account(server.url)).post("orders/1042/notes", {})
        assert len(server.requests) == 1


def test_neither_netrc_nor_a_proxy_gets_between_the_keys_and_a_loopback_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with LoopbackServer(wire.told(wire.order())) as server, LoopbackServer(dropping) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        gateway(server.url).get_invoice("1042")
        assert server.requests[0].headers["authorization"].startswith("Basic ")
        assert proxy.requests == []


@pytest.mark.usefixtures("far_away")
def test_no_other_credentials_are_taken_for_a_store_that_is_not_on_this_machine(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(client, "trusted", lambda: str(certificate))
    with LoopbackServer(wire.told(wire.order()), tls=tls_of(certificate)) as server:
        with closing(Client(account(server.url))) as asked:
            asked.get("orders/1042")
        sent = server.requests[0].headers["authorization"]
    assert sent == "Basic " + b64encode(f"{KEY}:{SECRET}".encode()).decode()
