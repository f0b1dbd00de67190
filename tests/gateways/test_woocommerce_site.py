"""What a store says of itself: whose it is, what its API has, what the key may do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.errors import AuthFailed, ConfigError, NoAnswer, NotSent
from billctl.gateway import By, Query
from billctl.gateways.woocommerce import WoocommerceGateway
from billctl.sandbox import WOOCOMMERCE_READ_KEY, WOOCOMMERCE_READ_SECRET
from billctl.sandbox.server import Sandbox
from billctl.sandbox.state import configure
from billctl.testing.servers import Behaviour, LoopbackServer, Upstream, answer
from tests.gateways import woocommerce_wire as wire
from tests.gateways.woocommerce_accounts import account, gateway, rehearsing, sandbox_keys
from tests.gateways.woocommerce_routes import API, NO_ROUTE, params_of, path_of, store
from tests.rehearsal import rehearsed


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the store of a test keeps what it has."""
    return tmp_path


@pytest.fixture
def shop(state: Path) -> Iterator[Sandbox]:
    """A store whose settings a test may change."""
    with rehearsed(state, ("woocommerce",)) as sandbox:
        yield sandbox


def test_a_check_names_the_store_and_what_is_worth_knowing(shop: Sandbox) -> None:
    identity = rehearsing(shop.url("woocommerce")).check()
    assert (identity.id, identity.live, identity.lacking) == ("shop.example", None, ())
    assert identity.about == {
        "WooCommerce": "10.0.2",
        "currency": "USD",
        "decimals": "2",
        "e-mails": "send_email, send_order_details",
        "subscriptions": "yes",
        "key": "reads and writes",
        "permalinks": "pretty",
    }


def test_a_key_that_may_only_read_says_what_that_costs(shop: Sandbox) -> None:
    keys = (WOOCOMMERCE_READ_KEY, WOOCOMMERCE_READ_SECRET)
    woo = WoocommerceGateway(account(shop.url("woocommerce"), keys=keys))
    identity = woo.check()
    assert identity.about["key"] == "reads only"
    assert "no refund" in identity.lacking[0]
    assert woo.find_customers(Query(by=By.EMAIL, text="layla@example.com")).customers


STATUS = wire.told(
    {
        "environment": {"home_url": "https://shop.example/eu", "version": "9.4.1"},
        "settings": {"currency": "KWD", "number_of_decimals": 3},
    }
)
SITE = wire.told({"routes": {"/wc/v3": {}}, "_links": {"up": [{"href": "https://shop.example/eu/wp-json/"}]}})
FORBIDDEN = wire.error(403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")


def checking(**answers: Behaviour) -> dict[str, Behaviour]:
    """A store that answers a check so, but for what is named."""
    return {"system_status": STATUS, API.rstrip("/"): SITE, "billctl": NO_ROUTE, **answers}


@pytest.mark.parametrize(
    ("settings", "label", "value"),
    [
        ({"woo_version": 90_400}, "e-mails", "none, WooCommerce is older than 9.5"),
        ({"woo_version": 90_600}, "e-mails", "send_order_details"),
        ({"woo_subscriptions": 0}, "subscriptions", "no, the extension is not installed"),
        ({"woo_decimals": 3}, "decimals", "3"),
    ],
)
def test_what_a_store_lacks_is_told(
    shop: Sandbox, state: Path, settings: dict[str, int], label: str, value: str
) -> None:
    configure(state, "woocommerce", **settings)
    assert rehearsing(shop.url("woocommerce")).check().about[label] == value


def test_in_test_mode_a_store_must_be_said_to_be_one_for_tests() -> None:
    """A store cannot say so itself; nothing is asked of one that may be live."""
    with pytest.raises(ConfigError, match="counts as a live store") as caught:
        WoocommerceGateway(account("https://nowhere.invalid")).check()
    assert caught.value.code == "wrong_mode"
    assert 'store = "test"' in caught.value.hint
    for settings, live in (({"store": "test"}, False), ({}, True)):
        with pytest.raises(NotSent):
            WoocommerceGateway(account("https://nowhere.invalid", settings=settings, live=live)).check()


def test_over_http_a_store_looks_at_no_key(shop: Sandbox, state: Path) -> None:
    configure(state, "woocommerce", woo_https=0)
    with pytest.raises(AuthFailed) as caught:
        rehearsing(shop.url("woocommerce")).check()
    assert "Authorization header" in caught.value.hint


def test_without_pretty_permalinks_there_is_no_api(shop: Sandbox, state: Path) -> None:
    configure(state, "woocommerce", woo_permalinks=0)
    with pytest.raises(NoAnswer) as caught:
        rehearsing(shop.url("woocommerce")).check()
    assert "pretty permalinks" in caught.value.hint


def test_a_user_who_may_not_see_the_status_still_names_the_store() -> None:
    with LoopbackServer(store(checking(system_status=FORBIDDEN))) as server:
        identity = gateway(server.url).check()
    assert identity.id == "shop.example/eu"
    assert identity.about["WooCommerce"] == "not told"
    assert "may not read the store's status" in identity.lacking[0]


def test_a_store_that_does_not_say_which_it_is_fails_the_check() -> None:
    answers = checking(system_status=FORBIDDEN) | {API.rstrip("/"): NO_ROUTE}
    with LoopbackServer(store(answers)) as server, pytest.raises(NoAnswer):
        gateway(server.url).check()


def test_what_a_store_keeps_to_itself_is_not_told_and_fails_nothing() -> None:
    """A firewall that takes the question for an attack."""
    page = answer(403, "<html></html>", headers={"Content-Type": "text/html"})
    answers = checking(billctl=page) | {API.rstrip("/"): page}
    with LoopbackServer(store(answers)) as server:
        identity = gateway(server.url).check()
    assert (identity.id, identity.lacking) == ("shop.example/eu", ())
    assert {identity.about[name] for name in ("key", "e-mails", "subscriptions")} == {"not told"}
    assert identity.about["decimals"] == "3"


def test_a_check_sends_nothing_that_changes_anything(shop: Sandbox) -> None:
    upstream = Upstream(shop.url("woocommerce"))
    with LoopbackServer(upstream.pass_on) as server:
        WoocommerceGateway(account(server.url, keys=sandbox_keys())).check()
        assert {request.method for request in server.requests} == {"GET"}
        overridden = [path_of(one) for one in server.requests if "_method" in params_of(one)]
    assert overridden == ["billctl"]
