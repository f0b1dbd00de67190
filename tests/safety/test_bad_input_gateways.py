"""What other gateways than Stripe and their profiles get wrong: one line, nothing twice, no secret told."""

import json
import stat
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from billctl.sandbox.paypal import tokens
from billctl.sandbox.state import configure, opened
from billctl.testing import servers
from billctl.testing.servers import Behaviour, LoopbackServer, Request
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    HOUSES,
    LAYLA,
    PAYPAL_CHARGE,
    PAYPAL_INVOICE,
    PAYPAL_SUBSCRIPTION,
    RECURLY_CHARGE,
    RECURLY_SUBSCRIPTION,
    WOO_ORDER,
    WOO_SUBSCRIPTION,
    WOO_UNPAID,
    GatewayShop,
    PaypalShop,
    open_gateway_shop,
    variable,
)
from tests.safety.lines import one_line
from tests.shop import WHY, Ran, changes, recorded

CHARGES = {
    "paypal": PAYPAL_CHARGE,
    "braintree": BRAINTREE_CHARGE,
    "woocommerce": WOO_ORDER,
    "recurly": RECURLY_CHARGE,
}
EACH = pytest.mark.parametrize("gateway", CHARGES)
HTML = {"Content-Type": "text/html"}
XML = {"Content-Type": "application/xml; charset=utf-8"}


@pytest.fixture
def shop(tmp_path: Path, gateway: str) -> Iterator[GatewayShop]:
    with open_gateway_shop(tmp_path, gateway) as found:
        yield found


@pytest.fixture
def paypal(tmp_path: Path) -> Iterator[PaypalShop]:
    with open_gateway_shop(tmp_path, "paypal") as found:
        assert isinstance(found, PaypalShop)
        yield found


def refund(gateway: str, *more: str) -> tuple[str, ...]:
    return (gateway, "refund", CHARGES[gateway], "--amount", "12.50", *WHY, *more)


def show(gateway: str) -> tuple[str, ...]:
    return (gateway, "show", CHARGES[gateway], "--type", "charge")


@contextmanager
def before(shop: GatewayShop, when: Callable[[Request], bool], then: Behaviour) -> Iterator[LoopbackServer]:
    """A server in front of the gateway that meets the requests that `when` holds for by `then`."""
    with LoopbackServer(servers.only(when, then, servers.Upstream(shop.url).pass_on)) as server:
        shop.use(url=server.url)
        yield server
        shop.use()


def is_refund(request: Request) -> bool:
    return request.method == "POST" and request.target.endswith(("/refund", "/refunds"))


# Profiles

FAULTS: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("braintree", "development", 'environment = "development"', ("line 7", "TLS certificates off")),
    ("braintree", "integration", 'environment = "integration"', ("line 7", "TLS certificates off")),
    ("braintree", "qa", 'environment = "qa"', ("line 7", "Braintree's own")),
    ("braintree", "other mode", 'environment = "production"', ("line 7", "contradicts mode = 'test'")),
    ("braintree", "spelling", 'environment = "Sandbox"', ("line 7", "sandbox (mode test)")),
    ("braintree", "secret", 'private_key = "canaryprivatekey"', ("line 7", "secrets do not belong")),
    ("paypal", "secret", 'client_secret = "canaryclientsecret"', ("line 6", "secrets do not belong")),
    ("paypal", "unknown", 'mode = "sandbox"', ("line 6", "there is no such key")),
    ("woocommerce", "secret", 'consumer_secret = "canarysecret"', ("line 6", "secrets do not belong")),
    ("woocommerce", "store", 'store = "staging"', ("line 6", "test")),
    ("recurly", "secret", 'api_key = "canaryapikey"', ("line 5", "secrets do not belong")),
    ("recurly", "region", 'region = "asia"', ("line 5", "us")),
]


@pytest.mark.parametrize(
    ("gateway", "line", "said"),
    [pytest.param(gateway, line, said, id=f"{gateway} {name}") for gateway, name, line, said in FAULTS],
)
def test_a_profile_that_cannot_be_meant_is_refused_by_its_line(
    shop: GatewayShop, gateway: str, line: str, said: tuple[str, ...]
) -> None:
    with recorded(shop) as proxy:
        table = HOUSES[gateway].table(gateway, gateway, proxy.url, more=f"{line}\n")
        shop.profile("shop", f'mode = "test"\n{table}')
        ran = shop.run(*show(gateway))
        assert proxy.exchanges == []
    assert ran.code == 12
    told = one_line(ran)
    assert "shop.toml" in told
    assert "Nothing was sent." in told
    assert "canary" not in told
    for words in said:
        assert words in told


@pytest.mark.parametrize("gateway", ["paypal", "braintree", "woocommerce"])
@pytest.mark.parametrize("how", ["missing", "empty", "number"])
def test_a_setting_that_is_missing_is_named(shop: GatewayShop, gateway: str, how: str) -> None:
    name = next(iter(shop.house.settings))
    form = {"missing": "", "empty": f'{name} = ""\n', "number": f"{name} = 5\n"}[how]
    rest = "".join(f'{key} = "{value}"\n' for key, value in shop.house.settings.items() if key != name)
    shop.profile("shop", f'mode = "test"\n[accounts.{gateway}]\ngateway = "{gateway}"\n{rest}{form}')
    ran = shop.run(*show(gateway))
    assert ran.code == 12
    assert f"accounts.{gateway}.{name}" in one_line(ran)


@pytest.mark.parametrize(
    ("gateway", "code", "said"),
    [("paypal", 4, "mode"), ("braintree", 4, "mode"), ("recurly", 12, "is for test")],
)
def test_credentials_of_the_other_mode_are_refused_with_words_that_say_so(
    shop: GatewayShop, gateway: str, code: int, said: str
) -> None:
    """By the gateway that does not know them, or by billctl where they open a live account."""
    shop.use(key=shop.house.live_key)
    for words in (show(gateway), ("lookup", LAYLA), refund(gateway)):
        ran = shop.run(*words)
        assert ran.code == code
        assert said in one_line(ran)
        assert "live" in ran.line
        assert shop.house.live_key not in ran.out + ran.err
    assert shop.refunds(CHARGES[gateway]) == []


@EACH
@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_secret_that_is_missing_names_the_ways_to_give_it(
    shop: GatewayShop, gateway: str, key: str | None
) -> None:
    name = variable(gateway, shop.house.secret)
    del shop.env[name]
    if key is not None:
        shop.env[name] = key
    ran = shop.run(*refund(gateway))
    assert ran.code == 4
    assert f"auth add {gateway}" in one_line(ran)
    assert name in ran.line


# PayPal's tokens


def test_a_token_that_is_refused_for_ever_costs_two_tries_of_the_refund(paypal: PaypalShop) -> None:
    paypal.arm("401", f"POST /v2/payments/captures/{PAYPAL_CHARGE}/refund", times=100)
    with recorded(paypal) as proxy:
        ran = paypal.run(*refund("paypal", "-o", "json"))
    assert (ran.code, ran.document["errors"][0]["class"]) == (4, "auth")
    said = changes(proxy)
    assert len([path for _, path in said if path.endswith("/refund")]) == 2
    assert len([path for _, path in said if path == tokens.PATH]) <= 2
    assert paypal.refunds() == []
    assert paypal.operations() == [("refund", "refused")]


def test_a_lookup_that_is_refused_for_ever_ends_soon(paypal: PaypalShop) -> None:
    paypal.arm("401", "* /v*/[!o]*", times=10_000)
    with recorded(paypal) as proxy:
        ran = paypal.run("lookup", LAYLA, "-o", "json")
    assert ran.code == 4
    asked: dict[tuple[str, str, str, bytes], int] = {}
    for said in proxy.exchanges:
        key = (said.method, said.path, said.query, said.body)
        asked[key] = asked.get(key, 0) + (said.path != tokens.PATH)
    assert max(asked.values()) <= 2


def revoking(shop: PaypalShop, times: int) -> Behaviour:
    """Make every token worthless before the request is passed on, `times` times."""
    left = [times]
    true = servers.Upstream(shop.url).pass_on

    def behave(connection: Any, request: Request, closing: Any) -> bool:
        if left[0]:
            left[0] -= 1
            with opened(shop.state_dir, "paypal") as database:
                assert tokens.revoke(database)
        return true(connection, request, closing)

    return behave


def test_a_token_that_is_revoked_in_the_middle_of_a_refund_is_renewed_once(paypal: PaypalShop) -> None:
    with before(paypal, is_refund, revoking(paypal, 1)) as server:
        ran = paypal.run(*refund("paypal", "-o", "json"))
    assert (ran.code, ran.data["outcome"]) == (0, "succeeded")
    assert paypal.refunds() == [1250]
    keys = {r.headers["paypal-request-id"] for r in server.requests if is_refund(r)}
    assert len([r for r in server.requests if is_refund(r)]) == 2
    assert len(keys) == 1


def test_a_token_that_is_revoked_again_and_again_sends_no_refund(paypal: PaypalShop) -> None:
    with before(paypal, is_refund, revoking(paypal, 100)):
        ran = paypal.run(*refund("paypal", "-o", "json"))
    assert (ran.code, ran.document["errors"][0]["class"]) == (4, "auth")
    assert paypal.refunds() == []
    assert paypal.run(*refund("paypal", "-o", "json")).data["outcome"] == "succeeded"
    assert paypal.refunds() == [1250]


def test_a_token_that_is_revoked_in_the_middle_of_a_lookup_hides_nothing(paypal: PaypalShop) -> None:
    well = paypal.run("lookup", LAYLA, "-o", "json").data["customers"]
    with before(paypal, lambda request: request.target != tokens.PATH, revoking(paypal, 1)):
        ran = paypal.run("lookup", LAYLA, "-o", "json")
    assert (ran.code, ran.data["customers"]) == (0, well)


def test_a_token_of_an_earlier_run_that_paypal_has_forgotten_is_renewed(paypal: PaypalShop) -> None:
    assert paypal.run(*show("paypal")).code == 0
    with opened(paypal.state_dir, "paypal") as database:
        assert tokens.revoke(database) == 1
    assert paypal.run(*refund("paypal", "-o", "json")).data["outcome"] == "succeeded"
    assert paypal.refunds() == [1250]


# PayPal's searches


@pytest.mark.slow
def test_windows_that_are_too_large_are_halved_until_nothing_is_missing(paypal: PaypalShop) -> None:
    well = paypal.run("lookup", LAYLA, "-o", "json").data["customers"]
    configure(paypal.state_dir, "paypal", resultset_cap=6)
    ran = paypal.run("lookup", LAYLA, "-o", "json")
    assert (ran.code, ran.data["customers"]) == (0, well)
    rows = paypal.run("charges", "--since", "60d", "-o", "json").data
    configure(paypal.state_dir, "paypal", resultset_cap=10_000)
    assert paypal.run("charges", "--since", "60d", "-o", "json").data == rows


@pytest.mark.slow
def test_a_search_for_which_everything_is_too_large_fails_and_ends(paypal: PaypalShop) -> None:
    configure(paypal.state_dir, "paypal", resultset_cap=0)
    with recorded(paypal) as proxy:
        ran = paypal.run("charges", "--since", "80d", "-o", "json")
    assert ran.code == 11
    assert "more transactions" in ran.document["errors"][0]["message"]
    assert len(proxy.exchanges) < 120
    found = paypal.run("lookup", LAYLA, "-o", "json")
    assert found.code in {7, 11}
    assert "more transactions" in found.err


def test_times_in_which_nothing_happened_are_empty_and_no_failure(paypal: PaypalShop) -> None:
    ran = paypal.run("charges", "--since", "1h", "-o", "json")
    assert (ran.code, ran.data) == (0, [])
    nobody = paypal.run("lookup", "nobody@example.com")
    assert nobody.code == 3
    assert "was not searched" in nobody.err


@pytest.mark.parametrize("fault", ["html", "429", pytest.param("500-before", marks=pytest.mark.slow)])
def test_a_search_that_is_out_of_order_stops_neither_refunds_nor_what_else_is_found(
    paypal: PaypalShop, fault: str
) -> None:
    paypal.arm(fault, "GET /v1/reporting/transactions", times=1000)
    found = paypal.run("lookup", LAYLA, "-o", "json")
    assert (found.code, found.document["exit"]["class"]) == (7, "partial")
    assert [invoice["id"] for customer in found.data["customers"] for invoice in customer["invoices"]]
    assert "payments could not be searched" in found.err
    ran = paypal.run(*refund("paypal", "-o", "json"))
    assert (ran.code, ran.data["outcome"]) == (0, "succeeded")
    assert paypal.refunds() == [1250]


# Answers that are none

ODD: dict[str, Behaviour] = {
    "null": servers.answer(200, "null"),
    "empty object": servers.answer(200, "{}"),
    "list": servers.answer(201, "[]"),
    "text": servers.answer(201, '"COMPLETED"'),
    "nothing": servers.answer(200, ""),
    "no content": servers.answer(204, ""),
    "html": servers.answer(200, "<html>Sign in</html>", headers=HTML),
    "created html": servers.answer(201, "<html>Sign in</html>", headers=HTML),
    "cut xml": servers.answer(201, '<?xml version="1.0"?><transaction><id>x', headers=XML),
    "wrong root": servers.answer(201, "<subscription><id>sublay</id></subscription>", headers=XML),
    "no amount": servers.answer(
        201, "<transaction><id>x</id><type>credit</type><status>settled</status></transaction>", headers=XML
    ),
    "empty root": servers.answer(201, "<transaction/>", headers=XML),
    "json no amount": servers.answer(201, '{"id": "1JU08902781691411", "status": "COMPLETED"}'),
    "null amount": servers.answer(201, '{"id": "1JU08902781691411", "status": "COMPLETED", "amount": null}'),
    "html 422": servers.answer(422, "<html>Blocked</html>", headers=HTML),
    "empty 422": servers.answer(422, ""),
    "success 422": servers.answer(422, "<transaction><id>x</id></transaction>", headers=XML),
    "error 200": servers.answer(
        200, "<api-error-response><message>no</message><errors/></api-error-response>", headers=XML
    ),
    "html 400": servers.answer(400, "<html>Bad</html>", headers=HTML),
    "html 404": servers.answer(404, "<html>Bad</html>", headers=HTML),
    "redirect": servers.answer(302, "", headers={"Location": "http://127.0.0.1:1/"}),
    "not http": servers.garbage,
}
FAST = {
    "paypal": {"null", "html"},
    "braintree": {"cut xml", "no amount"},
    "woocommerce": {"html"},
    "recurly": {"json no amount"},
}
LOOKS = {"woocommerce"}
"""Where the adapter itself looks for the refund when its answer is none."""
EVERY = pytest.mark.parametrize(
    ("gateway", "kind"),
    [
        pytest.param(gateway, kind, marks=() if kind in FAST[gateway] else pytest.mark.slow)
        for gateway in CHARGES
        for kind in ODD
    ],
)


@EVERY
def test_an_answer_that_is_none_after_a_refund_is_unknown_and_then_found(
    shop: GatewayShop, gateway: str, kind: str
) -> None:
    acting = servers.Upstream(shop.url).acting(ODD[kind])
    with before(shop, is_refund, acting):
        ran = shop.run(*refund(gateway, "-o", "json"))
    assert shop.refunds(CHARGES[gateway]) == [1250]
    if gateway in LOOKS:
        assert (ran.code, ran.data["outcome"]) == (0, "succeeded"), ran
        return
    assert (ran.code, ran.data["outcome"]) == (6, "unknown"), ran
    one_line(ran, longest=900)
    settled = shop.run("audit", "reconcile", "-o", "json")
    assert (settled.code, settled.data[0]["finding"]) == (0, "done")
    assert shop.run(*refund(gateway, "-o", "json")).data["outcome"] == "already_done"
    assert shop.refunds(CHARGES[gateway]) == [1250]


@EVERY
def test_a_charge_that_cannot_be_read_is_not_refunded(shop: GatewayShop, gateway: str, kind: str) -> None:
    def reads_it(request: Request) -> bool:
        return request.method == "GET" and request.target.partition("?")[0].endswith(CHARGES[gateway])

    with before(shop, reads_it, ODD[kind]) as server:
        ran = shop.run(*refund(gateway, "-o", "json"))
    assert (ran.code, ran.document["errors"][0]["class"]) == (11, "network"), ran
    assert "Nothing changed." in one_line(ran, longest=900)
    assert not [request for request in server.requests if is_refund(request)]
    assert shop.refunds(CHARGES[gateway]) == []


# Secrets


def secrets_of(shop: GatewayShop) -> list[str]:
    """Everything that opens the account, in every form in which it travels."""
    house = shop.house
    secrets = list(house.secrets.values())
    users = [*list(house.settings.values())[-1:], *secrets]
    pairs = [f"{user}:{secret}" for user in users for secret in (*secrets, "")]
    found = [*secrets, *(b64encode(text.encode()).decode() for text in (*secrets, *pairs))]
    if shop.gateway == "paypal":
        with opened(shop.state_dir, "paypal") as database:
            query = "SELECT key FROM keys WHERE endpoint=?"
            found += [key for (key,) in database.execute(query, (tokens.KIND,))]
    return found


VERBS: dict[str, list[tuple[str, ...]]] = {
    "paypal": [
        ("lookup", LAYLA),
        ("profile", "check", "shop"),
        refund("paypal"),
        ("paypal", "cancel", PAYPAL_SUBSCRIPTION, "--now", *WHY),
        ("paypal", "resend", PAYPAL_INVOICE, *WHY),
        ("auth", "status"),
        ("doctor",),
    ],
    "braintree": [
        ("lookup", LAYLA),
        ("profile", "check", "shop"),
        refund("braintree"),
        ("braintree", "cancel", "sublay", "--now", *WHY),
        ("auth", "status"),
        ("doctor",),
    ],
    "woocommerce": [
        ("lookup", LAYLA),
        ("profile", "check", "shop"),
        refund("woocommerce"),
        ("woocommerce", "cancel", WOO_SUBSCRIPTION, "--now", *WHY),
        ("woocommerce", "resend", WOO_UNPAID, *WHY),
        ("auth", "status"),
        ("doctor",),
    ],
    "recurly": [
        ("lookup", LAYLA),
        ("profile", "check", "shop"),
        refund("recurly"),
        ("recurly", "cancel", RECURLY_SUBSCRIPTION, "--now", *WHY),
        ("auth", "status"),
        ("doctor",),
    ],
}


@EACH
@pytest.mark.parametrize(
    "fault", [None, *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("html", "500-after", "401"))]
)
def test_no_secret_is_said_logged_or_left_lying(
    shop: GatewayShop, tmp_path: Path, gateway: str, fault: str | None
) -> None:
    if fault:
        shop.arm(fault, "* /*[!n]", times=10_000)  # all but the token call
    said = ""
    for words in VERBS[gateway]:
        ran = shop.run(*words, "-v")
        said += ran.out + ran.err
    said += json.dumps(shop.audit())
    secrets = secrets_of(shop)
    assert len(secrets) > (3 if gateway == "paypal" else 2)
    for secret in secrets:
        assert secret not in said
    for path in tmp_path.rglob("*"):
        if not path.is_file() or path.is_relative_to(shop.state_dir / "sandbox"):
            continue
        content = path.read_bytes()
        is_cache = path.name.startswith("token-") and path.suffix == ".json"
        held = [secret for secret in secrets if secret.encode() in content]
        assert not held or (is_cache and shop.house.key not in held), path
        if held or path.is_relative_to(shop.state_dir):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for folder in (shop.state_dir, *(p for p in (shop.state_dir / "gateways").rglob("*") if p.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


ECHOES: dict[str, Callable[[str], tuple[int, str, str]]] = {
    "paypal": lambda header: (
        400,
        "json",
        json.dumps({"name": "INVALID_REQUEST", "message": f"bad header {header}", "debug_id": header}),
    ),
    "braintree": lambda header: (
        422,
        "xml",
        f'<api-error-response><errors><errors type="array"/></errors><message>bad {header}</message>'
        "</api-error-response>",
    ),
    "woocommerce": lambda header: (
        400,
        "json",
        json.dumps({"code": "rest_invalid_param", "message": f"bad {header}", "data": {"status": 400}}),
    ),
    "recurly": lambda header: (
        422,
        "json",
        json.dumps({"error": {"type": "validation", "message": f"bad {header}", "params": []}}),
    ),
}


@EACH
def test_a_gateway_that_repeats_our_credentials_gives_nothing_away(shop: GatewayShop, gateway: str) -> None:
    def echo(connection: Any, request: Request, _closing: Any) -> bool:
        header = request.headers["authorization"]
        status, kind, body = ECHOES[gateway](header)
        more = {"Content-Type": f"application/{kind}", "X-Request-Id": header}
        return servers.answer(status, body, headers=more)(connection, request, _closing)

    with before(shop, is_refund, echo):
        ran: Ran = shop.run(*refund(gateway, "-v"))
    assert ran.code == 5
    for secret in secrets_of(shop):
        assert secret not in ran.out + ran.err
        assert secret not in json.dumps(shop.audit())


TOKENS = {
    "PayPal token": "A21AAFcanaryNotARealTokenOfPaypal0123456789",
    "Braintree token": "access_token$production$canarynotreal00$0123456789abcdef0123456789abcdef",
    "header": "Basic c2J4Y2FuYXJ5Om5vdHJlYWw=",
    "store's secret": "cs_0123456789abcdef0123456789abcdef01234567",
}
OFTEN = {("paypal", "PayPal token"), ("braintree", "Braintree token"), ("woocommerce", "store's secret")}


@pytest.mark.parametrize(
    ("gateway", "name"),
    [
        (gateway, name) if (gateway, name) in OFTEN else pytest.param(gateway, name, marks=pytest.mark.slow)
        for gateway in CHARGES
        for name in TOKENS
    ],
)
def test_a_reason_that_holds_a_token_is_refused_and_is_in_no_file(
    shop: GatewayShop, gateway: str, name: str
) -> None:
    secret = TOKENS[name]
    ran = shop.run(*show(gateway)[:1], "refund", CHARGES[gateway], "--full", "--reason", f"leaked {secret}")
    assert ran.code == 2
    assert "seems to hold an API key" in one_line(ran)
    kept = b"".join(path.read_bytes() for path in shop.state_dir.rglob("*") if path.is_file())
    assert secret.encode() not in kept
    assert secret not in ran.out + ran.err
