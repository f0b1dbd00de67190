"""One gateway down, slow or lying while the others answer: its part failed, and nothing else."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from billctl.testing import servers
from billctl.testing.servers import Behaviour, LoopbackServer, Request
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    GATEWAYS,
    HOUSES,
    LAYLA,
    PAYPAL_CHARGE,
    GatewayShop,
    Street,
    open_gateway_shop,
    open_street,
)
from tests.matrix import often
from tests.shop import SECONDS, WHY, Ran

DOWN = "http://127.0.0.1:1"
LIMITS = "[network]\nread_timeout = 3\n"
HTML = {"Content-Type": "text/html"}
XML = {"Content-Type": "application/xml; charset=utf-8"}

LIES: dict[str, Behaviour] = {
    "html": servers.answer(200, "<html>Sign in</html>", headers=HTML),
    "null": servers.answer(200, "null"),
    "object": servers.answer(200, "{}"),
    "list": servers.answer(200, "[]"),
    "empty": servers.answer(200, ""),
    "no content": servers.answer(204, ""),
    "number": servers.answer(200, "1e400"),
    "bytes": servers.answer(200, b"\xff\xfe\x00"),
    "other xml": servers.answer(200, "<html><body/></html>", headers=XML),
    "cut xml": servers.answer(200, '<?xml version="1.0"?><customer><id>lay', headers=XML),
    "empty xml": servers.answer(200, "<customer/>", headers=XML),
    "garbage": servers.garbage,
    "cut": servers.cutting,
    "dropped": servers.dropping,
    "html 502": servers.answer(502, "<html>Bad Gateway</html>", headers=HTML),
    "html 401": servers.answer(401, "<html>Sign in</html>", headers=HTML),
    "html 404": servers.answer(404, "<html>Not here</html>", headers=HTML),
    "html 403": servers.answer(403, "<html>Blocked</html>", headers=HTML),
    "empty 404": servers.answer(404, ""),
    "empty 401": servers.answer(401, ""),
    "empty 429": servers.answer(429, ""),
    "empty 422": servers.answer(422, ""),
    "named 404": servers.answer(404, '{"name": "RESOURCE_NOT_FOUND", "message": "none"}'),
    "another's 404": servers.answer(404, '{"error": {"type": "invalid_request", "message": "No such"}}'),
    "xml 404": servers.answer(404, "", headers=XML),
    "xml 422": servers.answer(422, "<api-error-response><errors/></api-error-response>", headers=XML),
    "redirect": servers.answer(302, "", headers={"Location": "http://127.0.0.1:1/elsewhere"}),
}
FAST = {
    "stripe": set[str](),
    "paypal": {"html"},
    "braintree": {"cut xml"},
    "woocommerce": {"html 403"},
    "recurly": set[str](),
}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """The gateways; nothing here changes them."""
    with open_street(tmp_path_factory.mktemp("street")) as opened:
        yield opened


@pytest.fixture(scope="module")
def well(street: Street) -> dict[str, Any]:
    """What a lookup shows when all is well."""
    street.street()
    ran = street.run("lookup", LAYLA, "-o", "json")
    assert ran.code == 0
    data: dict[str, Any] = ran.data
    return data


def is_token(request: Request) -> bool:
    return request.target == "/v1/oauth2/token"


@contextmanager
def lying(street: Street, gateway: str, behaviour: Behaviour) -> Iterator[LoopbackServer]:
    """Let `gateway` answer everything so, but for PayPal's tokens, without which nothing else is asked."""
    true = servers.Upstream(street.urls[gateway]).pass_on
    with LoopbackServer(servers.only(is_token, true, behaviour)) as server:
        street.street(more=LIMITS, **{gateway: server.url})
        yield server


def rest_of(data: Any, gateway: str) -> list[Any]:
    """The customers of the others."""
    return [customer for customer in data["customers"] if customer["account"] != gateway]


def check_lookup(ran: Ran, gateway: str, well: dict[str, Any]) -> None:
    """The account `gateway` failed with one line, and the others' parts are as ever."""
    assert ran.code == 7, ran
    parts = {part["account"]: part["status"] for part in ran.data["accounts"]}
    assert list(parts) == list(GATEWAYS)
    assert parts == {name: "failed" if name == gateway else "found" for name in GATEWAYS}
    assert rest_of(ran.data, gateway) == rest_of(well, gateway)
    assert len(ran.data["customers"]) == len(rest_of(well, gateway))
    (error,) = ran.document["errors"]
    assert error["account"] == gateway
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("gateway", "kind"),
    [
        pytest.param(gateway, kind, marks=() if kind in FAST[gateway] else pytest.mark.slow)
        for gateway in GATEWAYS
        for kind in LIES
    ],
)
def test_a_gateway_that_lies_fails_alone(
    street: Street, well: dict[str, Any], gateway: str, kind: str
) -> None:
    with lying(street, gateway, LIES[kind]):
        ran = street.run("lookup", LAYLA, "-o", "json")
        check_lookup(ran, gateway, well)
        failed = street.run("lookup", LAYLA, "--all-or-fail", "-o", "json")
    (error,) = ran.document["errors"]
    assert failed.document["exit"]["class"] == error["class"]
    assert failed.code in {4, 5, 11}


@pytest.mark.parametrize("kind", ["html", pytest.param("dropped", marks=pytest.mark.slow)])
def test_a_paypal_that_gives_no_token_fails_alone(street: Street, well: dict[str, Any], kind: str) -> None:
    for kept in (street.state_dir / "gateways" / "paypal").glob("token-*.json"):
        kept.unlink()  # of an earlier test's server, which may have had the same port
    with LoopbackServer(LIES[kind]) as server:
        street.street(more=LIMITS, paypal=server.url)
        ran = street.run("lookup", LAYLA, "-o", "json")
    check_lookup(ran, "paypal", well)
    assert "no access token from PayPal" in ran.document["errors"][0]["message"]


@pytest.mark.parametrize(
    "gateway",
    often(GATEWAYS, "braintree"),
)
def test_a_gateway_that_is_down_fails_alone(street: Street, well: dict[str, Any], gateway: str) -> None:
    street.street(**{gateway: DOWN})
    check_lookup(street.run("lookup", LAYLA, "-o", "json"), gateway, well)
    failed = street.run("lookup", LAYLA, "--all-or-fail", "-o", "json")
    assert failed.code == 11
    assert failed.document["exit"]["class"] == "network"


@pytest.mark.parametrize(
    "gateway",
    often(GATEWAYS, "paypal"),
)
def test_a_gateway_that_never_ends_is_given_up_at_the_deadline(
    street: Street, well: dict[str, Any], gateway: str
) -> None:
    with LoopbackServer(servers.trickling) as server:
        street.street(more="[network]\nread_timeout = 30\ndeadline = 4\n", **{gateway: server.url})
        ran = street.run("lookup", LAYLA, "-o", "json")
    check_lookup(ran, gateway, well)
    assert "no answer within 4 s" in ran.document["errors"][0]["message"]


def test_when_all_fail_the_gravest_decides(street: Street) -> None:
    street.street(**dict.fromkeys(GATEWAYS, DOWN))
    ran = street.run("lookup", LAYLA, "-o", "json")
    assert (ran.code, len(ran.document["errors"])) == (11, len(GATEWAYS))
    street.street(**dict.fromkeys(set(GATEWAYS) - {"paypal"}, DOWN))
    street.env["BILLCTL_PAYPAL_CLIENT_SECRET"] = "notTheSecret"
    ran = street.run("lookup", LAYLA, "-o", "json")
    assert (ran.code, ran.document["exit"]["class"]) == (4, "auth")
    assert [error["class"] for error in ran.document["errors"]] == [
        "auth" if name == "paypal" else "network" for name in GATEWAYS
    ]


OFTEN = {("paypal", "html")}
"""The lists' lies of every run."""
LISTED = {
    "customers": set(GATEWAYS) - {"paypal"},
    "charges": set(GATEWAYS),
    "refunds": set(GATEWAYS),
    "subscriptions": set(GATEWAYS) - {"paypal"},
    "invoices": set(GATEWAYS) - {"braintree"},
    "disputes": {"stripe", "paypal", "braintree"},
}
"""Which gateways list what."""
DOWN_OFTEN = {("charges", "paypal")}
"""What is listed in every run while a gateway is down."""


@pytest.mark.parametrize(
    ("kind", "gateway"),
    [
        pytest.param(kind, gateway, marks=() if (kind, gateway) in DOWN_OFTEN else pytest.mark.slow)
        for kind, gateways in LISTED.items()
        for gateway in GATEWAYS
        if gateway in gateways
    ],
)
def test_a_list_lacks_the_rows_of_the_account_that_is_down_and_no_others(
    street: Street, kind: str, gateway: str
) -> None:
    words = (kind, "--limit", "25", "--since", "80d" if kind == "charges" else "500d", "-o", "json")
    others = [name for name in GATEWAYS if name != gateway]
    street.street()
    well = street.run(*words, *(word for name in others for word in ("--account", name)))
    street.street(**{gateway: DOWN})
    ran = street.run(*words)
    assert ran.code == 7
    assert ran.data == well.data
    assert ran.data
    failed = [error["account"] for error in ran.document["errors"] if error["class"] == "network"]
    assert failed == [gateway]


@pytest.mark.parametrize(
    ("gateway", "kind"),
    [
        (name, lie) if (name, lie) in OFTEN else pytest.param(name, lie, marks=pytest.mark.slow)
        for name in GATEWAYS
        if name != "stripe"
        for lie in LIES
    ],
)
def test_a_list_of_a_gateway_that_lies_is_a_failure_and_never_empty(
    street: Street, gateway: str, kind: str
) -> None:
    with lying(street, gateway, LIES[kind]):
        ran = street.run("charges", "--limit", "200", "--since", "80d", "-o", "json")
    assert ran.code == 7, ran
    assert gateway in {error["account"] for error in ran.document["errors"]}
    assert {row["account"] for row in ran.data} == set(GATEWAYS) - {gateway}


@contextmanager
def served(street: Street, gateway: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """One gateway's sandbox as a process of its own, and its address."""
    command = street.command("sandbox", "serve", "--gateway", gateway, "--port", "0", "-o", "json")
    environment = street.environment({"BILLCTL_STATE_DIR": str(folder)})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            said = json.loads(process.stdout.readline())
            yield said["data"]["gateways"][0]["base_url"], process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "gateway",
    [pytest.param(name, marks=pytest.mark.slow) for name in GATEWAYS],
)
def test_killing_one_gateways_process_turns_its_line_to_failed_and_nothing_else(
    street: Street, well: dict[str, Any], tmp_path: Path, gateway: str
) -> None:
    with served(street, gateway, tmp_path / "own") as (url, process):
        street.street(**{gateway: url})
        before = street.run("lookup", LAYLA, "-o", "json")
        process.kill()
        process.wait(SECONDS)
        ran = street.run("lookup", LAYLA, "-o", "json")
    assert before.code == 0
    assert {part["status"] for part in before.data["accounts"]} == {"found"}
    check_lookup(ran, gateway, well)


# Several accounts of one gateway

CHARGES = {"paypal": PAYPAL_CHARGE, "braintree": BRAINTREE_CHARGE}


@contextmanager
def two_accounts(folder: Path, gateway: str) -> Iterator[GatewayShop]:
    """A shop whose accounts `eu` and `us` are two merchants that have objects of the same ids."""
    house = HOUSES[gateway]
    with open_gateway_shop(folder, gateway) as shop:
        eu = house.table("eu", gateway, shop.url)
        us = house.table("us", gateway, shop.url, live=True)
        shop.profile("shop", f'mode = "test"\n{eu}{us}')
        shop.env |= house.variables("eu") | house.variables("us", live=True)
        yield shop


@pytest.mark.parametrize("gateway", ["paypal", pytest.param("braintree", marks=pytest.mark.slow)])
def test_the_same_id_in_two_accounts_is_two_charges(tmp_path: Path, gateway: str) -> None:
    charge = CHARGES[gateway]
    words = (gateway, "refund", charge, "--amount", "12.50", *WHY, "-o", "json")
    with two_accounts(tmp_path, gateway) as shop:
        unnamed = shop.run(*words)
        assert (unnamed.code, unnamed.document["errors"][0]["code"]) == (2, "which_account")
        assert "eu | us" in unnamed.line
        before = left(shop, gateway, "us")
        first = shop.run(*words, "--account", "eu")
        assert (first.code, first.data["ref"]) == (0, f"eu:{charge}")
        assert shop.refunds(charge) == [1250]
        assert left(shop, gateway, "us") == before
        assert left(shop, gateway, "eu") == before - 1250
        second = shop.run(*words, "--account", "us")
        assert (second.code, second.data["ref"]) == (0, f"us:{charge}")
        assert second.data["operation"] != first.data["operation"]
        assert second.data["outcome"] == first.data["outcome"] != "already_done"
        assert shop.refunds(charge) == [1250]
        assert left(shop, gateway, "us") == left(shop, gateway, "eu") == before - 1250


def left(shop: GatewayShop, gateway: str, account: str) -> int:
    """What an account says is still refundable of the charge."""
    ran = shop.run(gateway, "show", CHARGES[gateway], "--type", "charge", "--account", account, "-o", "json")
    minor: int = ran.data["refundable"]["minor"]
    return minor


@pytest.mark.parametrize("gateway", ["paypal", pytest.param("braintree", marks=pytest.mark.slow)])
def test_a_customer_of_two_accounts_is_shown_once_for_each_and_one_down_hides_nothing(
    tmp_path: Path, gateway: str
) -> None:
    house = HOUSES[gateway]
    with two_accounts(tmp_path, gateway) as shop:
        both = shop.run("lookup", LAYLA, "-o", "json")
        assert both.code == 0
        eu, us = both.data["customers"]
        assert (eu["account"], us["account"]) == ("eu", "us")
        assert eu["id"] == us["id"]
        assert {charge["ref"].split(":")[0] for charge in us["charges"]} == {"us"}
        down = house.table("eu", gateway, DOWN) + house.table("us", gateway, shop.url, live=True)
        shop.profile("shop", f'mode = "test"\n{down}')
        ran = shop.run("lookup", LAYLA, "-o", "json")
    assert ran.code == 7
    assert [part["status"] for part in ran.data["accounts"]] == ["failed", "found"]
    assert ran.data["customers"] == [us]
