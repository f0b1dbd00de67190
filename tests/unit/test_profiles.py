"""A profile is read whole or refused with every fault at once, each with its line, key and way out."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from billctl.errors import ConfigError
from billctl.gateway import Setting, Timeouts
from billctl.profiles import Gateways, Mode, Profile, ProfileError, load_profile
from billctl.profiles.address import base_url_problem

SETTINGS: Mapping[str, tuple[Setting, ...]] = {
    "stripe": (Setting(name="api_key", help="the secret key", secret=True),),
    "paypal": (
        Setting(name="client_id", help="the app's client id"),
        Setting(name="client_secret", help="the app's secret", secret=True),
    ),
    "braintree": (
        Setting(name="merchant_id", help="the merchant's id"),
        Setting(name="public_key", help="the public half of the key"),
        Setting(name="private_key", help="the private half of the key", secret=True),
    ),
    "woocommerce": (
        Setting(name="url", help="the store's address"),
        Setting(name="store", help="whether it is for tests", required=False),
        Setting(name="consumer_key", help="the key", secret=True),
        Setting(name="consumer_secret", help="the key's secret", secret=True),
    ),
    "recurly": (
        Setting(name="api_key", help="the private key", secret=True),
        Setting(name="region", help="where the site is", required=False),
    ),
    "shopkeeper": (
        Setting(name="till", help="which till", required=False),
        Setting(name="pin", help="the till's number", secret=True),
        Setting(name="eu_api_key", help="a second key", secret=True),
    ),
}
KEY = "sk_live_" + "51HqCANARYcanaryCANARY"


def settings_of(name: str) -> tuple[Setting, ...] | None:
    if name == "broken":
        raise ConfigError("gateway broken cannot be used: it fails to import", hint="See `billctl gateways`.")
    return SETTINGS.get(name)


def settings_faults(gateway: str, settings: Mapping[str, str], live: bool) -> Mapping[str, str]:
    closed = gateway == "shopkeeper" and settings.get("till") == "3" and not live
    return {"till": "is closed in test mode"} if closed else {}


GATEWAYS = Gateways(
    settings_of=settings_of,
    names=tuple(SETTINGS),
    tells_account=lambda gateway: gateway != "shopkeeper",
    settings_faults=settings_faults,
)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"BILLCTL_CONFIG_DIR": str(tmp_path)}


def put(env: Mapping[str, str], content: str | bytes, name: str = "shop") -> Path:
    path = Path(env["BILLCTL_CONFIG_DIR"]) / "profiles" / f"{name}.toml"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def load(env: Mapping[str, str], content: str | bytes) -> Profile:
    put(env, content)
    return load_profile("shop", env=env, gateways=GATEWAYS)


def faults(env: Mapping[str, str], content: str | bytes) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load(env, content)
    assert KEY not in repr(caught.value) + caught.value.line() + repr(caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


STRIPE = '[accounts.stripe]\ngateway = "stripe"\n'
TEST = 'mode = "test"\n'
GOOD = TEST + STRIPE


def test_a_full_profile_is_read(env: dict[str, str]) -> None:
    profile = load(
        env,
        'mode = "live"\nallow_unattended = true\ncredential_command = ["pass", "show", "x"]\n'
        "[network]\nconnect_timeout = 2\nread_timeout = 12.5\ndeadline = 45.0\n"
        '[accounts.stripe]\ngateway = "stripe"\naccount_id = "acct_1Abc"\nbase_url = "http://127.0.0.1:12111/"\n'
        '[accounts.paypal-eu]\ngateway = "paypal"\naccount_id = "M1"\nclient_id = "Ab1"\n'
        '[accounts.till_2]\ngateway = "shopkeeper"\n',
    )
    assert profile.name == "shop"
    assert profile.path == Path(env["BILLCTL_CONFIG_DIR"]) / "profiles" / "shop.toml"
    assert profile.mode is Mode.LIVE
    assert profile.live
    assert profile.allow_unattended is True
    assert profile.credential_command == ("pass", "show", "x")
    assert profile.timeouts == Timeouts(connect=2.0, read=12.5, deadline=45.0)
    assert not profile.sandbox
    assert list(profile.accounts) == ["stripe", "paypal-eu", "till_2"]
    assert profile.accounts["stripe"].base_url == "http://127.0.0.1:12111"
    assert profile.accounts["stripe"].account_id == "acct_1Abc"
    assert profile.accounts["paypal-eu"].settings == {"client_id": "Ab1"}
    assert profile.accounts["till_2"].settings == {}


def test_what_a_profile_leaves_out_has_a_default(env: dict[str, str]) -> None:
    profile = load(env, GOOD)
    assert profile.mode is Mode.TEST
    assert profile.allow_unattended is False
    assert profile.timeouts == Timeouts(connect=5.0, read=30.0, deadline=60.0)
    assert profile.credential_command == ()
    assert profile.accounts["stripe"].account_id is None


EXAMPLES = sorted((Path(__file__).parents[2] / "profiles" / "examples").glob("*.toml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_without_fault(env: dict[str, str], example: Path) -> None:
    profile = load(env, example.read_text())
    assert not profile.live
    assert not profile.allow_unattended
    assert profile.accounts


def test_there_is_an_example_of_one_shop_of_several_regions_and_for_cron() -> None:
    assert [path.stem for path in EXAMPLES] == ["cron", "one-shop", "several-regions"]


def test_the_shipped_sandbox_is_without_fault(env: dict[str, str]) -> None:
    profile = load_profile("sandbox", env=env, gateways=GATEWAYS)
    assert profile.sandbox
    assert not profile.live
    assert profile.accounts["stripe"].gateway == "stripe"


NO_SECRETS = "secrets do not belong in a profile"
PAYPAL = '[accounts.paypal]\ngateway = "paypal"\n'
ID = 'client_id = "Ab1"\n'

FAULTS: dict[str, tuple[str | bytes, str]] = {
    "a secret setting of the gateway": (
        GOOD + PAYPAL + ID + 'client_secret = "EH1"\n',
        f"shop.toml line 7, accounts.paypal.client_secret: {NO_SECRETS}. Use `billctl auth add paypal`.",
    ),
    "a secret by its form in a good key": (
        GOOD + f'account_id = "{KEY}"\n',
        f"shop.toml line 4, accounts.stripe.account_id: {NO_SECRETS}. Use `billctl auth add stripe`.",
    ),
    "a secret in a command": (
        TEST + f'credential_command = [\n "echo",\n "{KEY}",\n]\n' + STRIPE,
        f"shop.toml line 4, credential_command[1]: {NO_SECRETS}. Use `billctl auth add ACCOUNT`.",
    ),
    "a secret by the name of its key": (
        TEST + 'password = "x"\n' + STRIPE,
        f"shop.toml line 2, password: {NO_SECRETS}. Use `billctl auth add ACCOUNT`.",
    ),
    "a secret as the mode": (
        f'mode = "{KEY}"\n' + STRIPE,
        f"shop.toml line 1, mode: {NO_SECRETS}. Use `billctl auth add ACCOUNT`.",
    ),
    "a secret as a key": (
        TEST + f"{KEY} = 1\n" + STRIPE,
        "shop.toml line 2, sk_live_…: there is no such key. Known here: mode, allow_unattended, sandbox, "
        "credential_command, network, accounts, policy, audit.",
    ),
    "a mistyped key": (
        TEST + "allow_unatended = true\n" + STRIPE,
        "shop.toml line 2, allow_unatended: there is no such key. Did you mean allow_unattended?",
    ),
    "a mistyped key of an account": (
        GOOD + 'acount_id = "acct_1"\n',
        "shop.toml line 4, accounts.stripe.acount_id: there is no such key. Did you mean account_id?",
    ),
    "a strange key of a network": (
        GOOD + "[network]\nx = 1\n",
        "shop.toml line 5, network.x: there is no such key. "
        "Known here: connect_timeout, read_timeout, deadline.",
    ),
    "a key that drives a terminal": (
        TEST + '"\\u001b[2J" = 1\n' + STRIPE,
        'shop.toml line 2, "^[[2J": there is no such key. Known here: mode, allow_unattended, sandbox, '
        "credential_command, network, accounts, policy, audit.",
    ),
    "no mode": (STRIPE, 'shop.toml, mode: is missing. Write mode = "test" or mode = "live".'),
    "an unknown mode": (
        'mode = "prod"\n' + STRIPE,
        'shop.toml line 1, mode: must be "test" or "live", not "prod". Write mode = "test" or mode = "live".',
    ),
    "a mode that is no string": (
        "mode = 1\n" + STRIPE,
        'shop.toml line 1, mode: must be a string, not a number. Write mode = "test" or mode = "live".',
    ),
    "a flag in quotes": (
        TEST + 'allow_unattended = "false"\n' + STRIPE,
        "shop.toml line 2, allow_unattended: must be true or false, not a string. "
        "Write allow_unattended = false.",
    ),
    "a number for a flag": (
        TEST + "allow_unattended = 1\n" + STRIPE,
        "shop.toml line 2, allow_unattended: must be true or false, not a number. "
        "Write allow_unattended = false.",
    ),
    "no table for network": (
        TEST + "network = 3\n" + STRIPE,
        "shop.toml line 2, network: must be a table, not a number. Write it as [network].",
    ),
    "a timeout in quotes": (
        GOOD + '[network]\nread_timeout = "30"\n',
        "shop.toml line 5, network.read_timeout: must be a number of seconds, not a string. "
        "Write read_timeout = 30.0.",
    ),
    "a timeout that is a flag": (
        GOOD + "[network]\ndeadline = true\n",
        "shop.toml line 5, network.deadline: must be a number of seconds, not true or false. "
        "Write deadline = 60.0.",
    ),
    "a command in one string": (
        TEST + 'credential_command = "pass show x"\n' + STRIPE,
        "shop.toml line 2, credential_command: must be a list of strings, not a string. "
        'Write credential_command = ["pass", "show", "billctl/{account}/{secret}"]. No shell reads it.',
    ),
    "a command that names nothing": (
        TEST + "credential_command = []\n" + STRIPE,
        "shop.toml line 2, credential_command: names no program. "
        'Write credential_command = ["pass", "show", "billctl/{account}/{secret}"].',
    ),
    "a number in a command": (
        TEST + 'credential_command = ["pass", 1]\n' + STRIPE,
        "shop.toml line 2, credential_command[1]: must be a string, not a number. "
        'Write credential_command = ["pass", "show", "billctl/{account}/{secret}"].',
    ),
    "a control character in a command": (
        TEST + 'credential_command = ["pass", "a\\u0000"]\n' + STRIPE,
        "shop.toml line 2, credential_command[1]: holds a control or invisible character. Take it out.",
    ),
    "no accounts": (
        TEST,
        'shop.toml, accounts: there is no account. Add one: [accounts.stripe] with gateway = "stripe".',
    ),
    "accounts that are no table": (
        TEST + "accounts = []\n",
        "shop.toml line 2, accounts: must be a table, not a list. Write it as [accounts.stripe].",
    ),
    "an account that is no table": (
        TEST + '[accounts]\nstripe = "x"\n',
        "shop.toml line 3, accounts.stripe: must be a table, not a string. Write it as [accounts.stripe].",
    ),
    "an account's name in capitals": (
        TEST + '[accounts.Stripe]\ngateway = "stripe"\n',
        "shop.toml line 2, accounts.Stripe: is no name for an account. "
        "A name is lower-case letters, digits, - and _, at most 64, beginning with a letter or digit.",
    ),
    "an account's name that is a path": (
        TEST + '[accounts."../x"]\ngateway = "stripe"\n',
        'shop.toml line 2, accounts."../x": is no name for an account. '
        "A name is lower-case letters, digits, - and _, at most 64, beginning with a letter or digit.",
    ),
    "no gateway": (
        TEST + "[accounts.stripe]\n",
        "shop.toml line 2, accounts.stripe.gateway: is missing. "
        'Write gateway = "stripe", or another that `billctl gateways` shows.',
    ),
    "a gateway that is not installed": (
        TEST + '[accounts.stripe]\ngateway = "stirpe"\n',
        'shop.toml line 3, accounts.stripe.gateway: no gateway called "stirpe" is installed. '
        "Did you mean stripe?",
    ),
    "a gateway like no other": (
        TEST + '[accounts.stripe]\ngateway = "zzz"\n',
        'shop.toml line 3, accounts.stripe.gateway: no gateway called "zzz" is installed. '
        "See `billctl gateways`.",
    ),
    "a gateway that is broken": (
        TEST + '[accounts.stripe]\ngateway = "broken"\n',
        "shop.toml line 3, accounts.stripe.gateway: gateway broken cannot be used: it fails to import. "
        "See `billctl gateways`.",
    ),
    "a gateway that is no string": (
        TEST + "[accounts.stripe]\ngateway = 1\n",
        "shop.toml line 3, accounts.stripe.gateway: must be a string, not a number. "
        'Put it in quotes: gateway = "…".',
    ),
    "a missing setting": (
        TEST + PAYPAL,
        "shop.toml line 2, accounts.paypal.client_id: is missing (the app's client id). "
        'Write client_id = "…".',
    ),
    "an empty setting": (
        TEST + PAYPAL + 'client_id = " "\n',
        "shop.toml line 4, accounts.paypal.client_id: is empty. Fill it in, or take it out.",
    ),
    "a setting that is a number": (
        TEST + PAYPAL + "client_id = 12\n",
        "shop.toml line 4, accounts.paypal.client_id: must be a string, not a number. "
        'Put it in quotes: client_id = "…".',
    ),
    "a setting that is a date": (
        TEST + PAYPAL + "client_id = 2026-01-01\n",
        "shop.toml line 4, accounts.paypal.client_id: must be a string, not a date or time. "
        'Put it in quotes: client_id = "…".',
    ),
    "a setting with blanks around it": (
        TEST + PAYPAL + 'client_id = "Ab1 "\n',
        "shop.toml line 4, accounts.paypal.client_id: holds blanks around it, or a control or invisible "
        "character. Write it again.",
    ),
    "a setting with an invisible character": (
        TEST + PAYPAL + 'client_id = "Ab\\u200b1"\n',
        "shop.toml line 4, accounts.paypal.client_id: holds blanks around it, or a control or invisible "
        "character. Write it again.",
    ),
    "a setting that never ends": (
        TEST + PAYPAL + f'client_id = "{"x" * 501}"\n',
        "shop.toml line 4, accounts.paypal.client_id: is longer than 500 characters. Write it again.",
    ),
    "a live account without an id": (
        'mode = "live"\n' + STRIPE,
        "shop.toml line 2, accounts.stripe.account_id: is missing, and in live mode it says whom the key "
        'must answer to. Write account_id = "…", as the gateway shows it.',
    ),
    "two accounts with one variable": (
        TEST + '[accounts.a-b]\ngateway = "stripe"\n[accounts.a_b]\ngateway = "stripe"\n',
        "shop.toml line 4, accounts.a_b: shares the environment variable BILLCTL_A_B_API_KEY with account "
        "a-b. Rename one of them.",
    ),
    "two accounts whose variables meet": (
        TEST + '[accounts.stripe-eu]\ngateway = "stripe"\n[accounts.stripe]\ngateway = "shopkeeper"\n',
        "shop.toml line 4, accounts.stripe: shares the environment variable BILLCTL_STRIPE_EU_API_KEY with "
        "account stripe-eu. Rename one of them.",
    ),
    "an account declared twice": (
        GOOD + STRIPE,
        "shop.toml line 4: this is not TOML: Cannot declare ('accounts', 'stripe') twice. Correct that line.",
    ),
    "a policy that is no table": (
        "policy = 7\n" + GOOD,
        "shop.toml line 1, policy: must be a table, not a number. Write it as [policy].",
    ),
    "a live sandbox": (
        'mode = "live"\nsandbox = true\n' + STRIPE + 'account_id = "acct_1"\n',
        'shop.toml line 2, sandbox: the sandbox is never live. Set mode = "test", or take sandbox out.',
    ),
    "a sandbox elsewhere": (
        TEST + "sandbox = true\n" + STRIPE + 'base_url = "http://127.0.0.1:1"\n',
        "shop.toml line 5, accounts.stripe.base_url: the sandbox brings its own address. "
        "Take base_url or sandbox out.",
    ),
    "a sandbox with credentials": (
        TEST + 'sandbox = true\ncredential_command = ["pass"]\n' + STRIPE,
        "shop.toml line 3, credential_command: the sandbox uses no credentials. Take it out.",
    ),
    "a live account sent elsewhere": (
        'mode = "live"\n' + STRIPE + 'account_id = "acct_1"\nbase_url = "https://api.example.com"\n',
        "shop.toml line 5, accounts.stripe.base_url: is not on this machine, and a live account's requests "
        'go only to its gateway. Leave base_url out, or set mode = "test".',
    ),
    "broken TOML": (
        GOOD + "what is this\n",
        "shop.toml line 4: this is not TOML: Expected '=' after a key in a key/value pair. "
        "Correct that line.",
    ),
    "TOML that ends too soon": (
        TEST + "x = ",
        "shop.toml: this is not TOML: Invalid value. Correct that line.",
    ),
    "a number beyond numbers": (
        TEST + "x = " + "1" * 5000 + "\n",
        "shop.toml: this is not TOML: more than a profile can hold (ValueError). Correct that line.",
    ),
    "brackets beyond brackets": (
        TEST + "x = " + "[" * 20_000 + "\n",
        "shop.toml: this is not TOML: more than a profile can hold (RecursionError). Correct that line.",
    ),
    "another encoding": (
        TEST.encode() + b"# caf\xe9\n" + STRIPE.encode(),
        "shop.toml line 2: this is not plain UTF-8. Save it as UTF-8 without a byte order mark.",
    ),
    "a byte order mark": (
        b"\xef\xbb\xbf" + GOOD.encode(),
        "shop.toml line 1: this is not plain UTF-8. Save it as UTF-8 without a byte order mark.",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_told_with_its_line_its_key_and_a_way_out(kind: str, env: dict[str, str]) -> None:
    content, expected = FAULTS[kind]
    assert faults(env, content) == [expected]


@pytest.mark.parametrize(
    ("key", "value", "bounds"),
    [
        ("connect_timeout", "0", "0.05 to 120 seconds. The default is 5"),
        ("connect_timeout", "121", "0.05 to 120 seconds. The default is 5"),
        ("read_timeout", "-1", "0.05 to 600 seconds. The default is 30"),
        ("read_timeout", "inf", "0.05 to 600 seconds. The default is 30"),
        ("deadline", "nan", "0.05 to 3600 seconds. The default is 60"),
        ("deadline", "1" + "0" * 400, "0.05 to 3600 seconds. The default is 60"),
    ],
)
def test_a_time_out_of_range_is_refused(key: str, value: str, bounds: str, env: dict[str, str]) -> None:
    assert faults(env, f"{GOOD}[network]\n{key} = {value}\n") == [
        f"shop.toml line 5, network.{key}: must be from {bounds}."
    ]


def test_all_faults_come_at_once_in_the_order_of_the_file(env: dict[str, str]) -> None:
    content = (
        'mode = "prod"\n[accounts.paypal]\ngateway = "paypal"\nclient_secret = "x"\n'
        '[accounts.Other]\ngateway = "nobody"\n[policy]\nmax_refund = 5\n[network]\ndeadline = 0\n'
    )
    found = faults(env, content)
    assert [fault.split(":")[0] for fault in found] == [
        "shop.toml line 1, mode",
        "shop.toml line 2, accounts.paypal.client_id",
        "shop.toml line 4, accounts.paypal.client_secret",
        "shop.toml line 5, accounts.Other",
        "shop.toml line 6, accounts.Other.gateway",
        "shop.toml line 8, policy.max_refund",
        "shop.toml line 10, network.deadline",
    ]
    with pytest.raises(ProfileError) as caught:
        load(env, content)
    assert caught.value.exit_code == 12
    assert caught.value.line() == (
        'shop.toml line 1, mode: must be "test" or "live", not "prod" (and 6 more faults). '
        'Nothing was sent. Write mode = "test" or mode = "live".'
    )


def test_keys_nested_deeper_than_calls_go_are_one_fault(env: dict[str, str]) -> None:
    assert faults(env, GOOD + "x" + ".x" * 1200 + " = 1\n") == [
        "shop.toml line 4, accounts.stripe.x: there is no such key. "
        "Known here: gateway, account_id, base_url."
    ]


def test_a_gateway_that_cannot_tell_its_account_needs_no_id_in_live_mode(env: dict[str, str]) -> None:
    profile = load(env, 'mode = "live"\n[accounts.till]\ngateway = "shopkeeper"\n')
    assert profile.accounts["till"].account_id is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:12111",
        "http://localhost:80/",
        "https://localhost/v1",
        "http://[::1]:9000/stripe/v1",
        "http://127.8.8.8",
    ],
)
def test_this_machine_is_a_good_address_in_any_mode(url: str) -> None:
    assert base_url_problem(url, live=True) is None
    assert base_url_problem(url, live=False) is None


def test_another_machine_is_a_good_address_only_in_test_mode_and_by_https() -> None:
    assert base_url_problem("https://stripe.test.example:8443/api", live=False) is None
    assert base_url_problem("https://stripe.test.example", live=True) is not None
    problem = base_url_problem("http://stripe.test.example", live=False)
    assert problem == ("is http, which is only for this machine", "Use https.")


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:12111",
        "ftp://127.0.0.1",
        "http://",
        "http:///v1",
        "http://127.0.0.1:",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://user@127.0.0.1",
        "http://127.0.0.1:80@evil.example",
        "http://127.0.0.1/?a=b",
        "http://127.0.0.1?",
        "http://127.0.0.1/#a",
        "http://127.0.0.1/../v1",
        "http://127.0.0.1/v1/..",
        "http://127.0.0.1/./v1",
        "http://127.0.0.1//v1",
        "http://127.0.0.1/v1//",
        "http://127.0.0.1/%2e%2e/v1",
        "http://127.0.0.1\\v1",
        "http://127.0.0.1/v 1",
        "http://127.0.0.1\t",
        "http://[::1",
        "http://１２７.0.0.1",
        # Not loopback by any reading of ours, however a resolver would take them.
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://127.0.0.01",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://localhost.",
        "http://0.0.0.0",
        "http://192.168.1.5",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_a_crooked_address_is_refused_in_any_mode(url: str) -> None:
    assert base_url_problem(url, live=False) is not None
    assert base_url_problem(url, live=True) is not None


def test_what_a_gateway_finds_wrong_with_its_settings_is_a_fault_like_others(env: dict[str, str]) -> None:
    put(env, GOOD + '[accounts.till]\ngateway = "shopkeeper"\ntill = "3"\nlid = "open"\n')
    with pytest.raises(ProfileError) as refused:
        load_profile("shop", env=env, gateways=GATEWAYS)
    assert [fault.key for fault in refused.value.faults] == ["accounts.till.till", "accounts.till.lid"]
    assert "line 6, accounts.till.till: is closed in test mode" in refused.value.message


def test_a_rehearsal_needs_none_of_a_gateways_settings(env: dict[str, str]) -> None:
    text = 'mode = "test"\nsandbox = true\n[accounts.paypal]\ngateway = "paypal"\n'
    assert load(env, text).accounts["paypal"].settings == {}
    with pytest.raises(ProfileError, match="client_id: is missing"):
        load(env, text.replace("sandbox = true", ""))
