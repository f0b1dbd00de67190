"""Where an account is at Braintree, and which accounts are refused before anything is sent."""

from typing import Any

import pytest

from billctl.errors import AuthFailed, ConfigError, NotSent
from billctl.frozen import replace
from billctl.gateway import Secret
from billctl.gateways.braintree import BraintreeGateway, place
from billctl.gateways.braintree.client import sdk_module
from billctl.testing.servers import LoopbackServer, dropping
from tests.gateways.braintree_accounts import account

GOOD = {"merchant_id": "m1", "public_key": "p1"}


@pytest.mark.parametrize(
    ("named", "live", "why"),
    [
        ("development", False, "turns the check of TLS certificates off"),
        ("integration", False, "turns the check of TLS certificates off"),
        ("qa", False, "Braintree's own"),
        ("Sandbox", False, "sandbox (mode test) or production (mode live)"),
        ("", False, "sandbox (mode test) or production (mode live)"),
        ("production", False, "production contradicts mode = 'test'"),
        ("sandbox", True, "sandbox contradicts mode = 'live'"),
    ],
)
def test_an_environment_is_refused_with_the_reason(named: str, live: bool, why: str) -> None:
    faults = BraintreeGateway.settings_faults({**GOOD, "environment": named}, live=live)
    assert list(faults) == ["environment"]
    assert why in faults["environment"]


@pytest.mark.parametrize(("named", "live"), [("sandbox", False), ("production", True)])
def test_an_environment_that_agrees_with_the_mode_is_no_fault(named: str, live: bool) -> None:
    assert BraintreeGateway.settings_faults({**GOOD, "environment": named}, live=live) == {}
    assert BraintreeGateway.settings_faults(GOOD, live=live) == {}


@pytest.mark.parametrize(
    ("url", "live"),
    [
        ("https://api.braintreegateway.com", True),
        ("https://API.braintreegateway.com.:443/", True),
        ("https://payments.braintree-api.com", True),
        ("https://api.sandbox.braintreegateway.com", False),
        ("https://braintreegateway.com.example", None),
        ("http://127.0.0.1:1", None),
    ],
)
def test_an_address_of_braintrees_own_tells_live_whatever_the_profile_says(
    url: str, live: bool | None
) -> None:
    assert place.live(account(url)) is live
    assert [place.live(replace(account(url), base_url=None, live=mode)) for mode in (True, False)] == [
        True,
        False,
    ]


@pytest.mark.parametrize("bad", ["a/b", "..", "a b", "x" * 65, "m?1", ""])
def test_ids_that_no_url_carries_are_faults(bad: str) -> None:
    faults = BraintreeGateway.settings_faults({"merchant_id": bad, "public_key": bad}, live=False)
    assert set(faults) == {"merchant_id", "public_key"}


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"environment": "development"}, "TLS"),
        ({"merchant_id": "../x"}, "merchant_id"),
        ({"public_key": ""}, "public_key: it is missing"),
    ],
)
def test_nothing_is_sent_for_an_account_with_such_settings(settings: dict[str, str], word: str) -> None:
    with LoopbackServer(dropping) as server:
        braintree = BraintreeGateway(account(server.url, settings=settings))
        with pytest.raises(ConfigError, match=word):
            braintree.get_charge("sale01")
        assert server.requests == []


@pytest.mark.parametrize("key", ["", "  ", "two words", "ключ", "a\nb"])
def test_a_private_key_that_no_header_carries_is_refused_before_anything_is_sent(key: str) -> None:
    with LoopbackServer(dropping) as server:
        braintree = BraintreeGateway(replace(account(server.url), secrets={"private_key": Secret(key)}))
        for call in (braintree.check_secrets, lambda: braintree.get_charge("sale01")):
            with pytest.raises(AuthFailed) as caught:
                call()
            assert caught.value.code == "bad_key"
            assert not key.strip() or key not in caught.value.line()
        assert server.requests == []


def test_a_missing_private_key_is_refused() -> None:
    with pytest.raises(AuthFailed, match="missing"):
        BraintreeGateway(replace(account(None), secrets={})).check_secrets()


def test_test_is_the_sandbox_and_live_production_with_the_sdks_own_certificates() -> None:
    sdk = sdk_module()
    for live, environment in ((False, sdk.Environment.Sandbox), (True, sdk.Environment.Production)):
        chosen: Any = place.environment(account(None, live=live))
        assert chosen is environment
        assert chosen.protocol == "https://"
        assert chosen.ssl_certificate
        assert place.host_of(account(None, live=live)) == chosen.server


def test_https_stays_https_on_any_port() -> None:
    elsewhere: Any = place.environment(account("https://127.0.0.1:8443"))
    configured = sdk_module().Configuration(
        environment=elsewhere, merchant_id="m", public_key="p", private_key="k"
    )
    assert configured.base_url() == "https://127.0.0.1:8443"


def test_keys_travel_in_the_clear_on_loopback_only() -> None:
    braintree = BraintreeGateway(account("http://10.0.0.1:8080"))
    with pytest.raises(ConfigError, match="without https only a loopback address"):
        braintree.get_charge("sale01")
    with pytest.raises(NotSent):
        BraintreeGateway(account("https://nowhere.invalid")).get_charge("sale01")
