"""`billctl profile`: profiles are listed, shown with the origin of every value, made, chosen and checked."""

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
import pytest

from billctl.cli.app import run
from billctl.sandbox import (
    ACCOUNT_ID,
    BRAINTREE_MERCHANT_ID,
    PAYPAL_CLIENT_ID,
    RECURLY_SITE,
    STRIPE_KEY,
    STRIPE_LIVE_KEY,
)
from tests.rehearsal import rehearsed

CANARY = "sk_test_CANARYcanaryCANARY4f2a"

GOOD = """\
# our shop
mode = "test"
[network]
read_timeout = 12
[accounts.stripe]
gateway = "stripe"
"""

BAD = """\
mode = "tset"
[network]
read_timeout = "fast"
[accounts.stripe]
gateway = "stripe"
api_key = "sk_test_CANARYcanaryCANARY4f2a"
[accounts.two]
gateway = "strype"
"""


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: str
    lines: list[str]

    @property
    def document(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


Billctl = Callable[..., Ran]


@pytest.fixture
def billctl(capsys: pytest.CaptureFixture[str]) -> Billctl:
    def call(*arguments: str) -> Ran:
        code = run(arguments)
        captured = capsys.readouterr()
        assert "canary" not in (captured.out + captured.err).lower()
        return Ran(code, captured.out, captured.err.splitlines())

    return call


def write(name: str, text: str) -> Path:
    folder = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def config() -> str:
    return (Path(os.environ["BILLCTL_CONFIG_DIR"]) / "config.toml").read_text()


# list


def test_the_list_names_mode_origin_default_and_accounts_of_each(billctl: Billctl) -> None:
    path = write("shop", GOOD)
    billctl("profile", "use", "shop")
    ran = billctl("profile", "list", "-o", "json")
    assert ran.code == 0
    mine, shipped = ran.document["data"]["profiles"]
    assert mine == {
        "type": "profile",
        "name": "shop",
        "mode": "test",
        "from": "yours",
        "default": True,
        "chosen": True,
        "shadowed": False,
        "accounts": ["stripe"],
        "path": str(path),
        "problem": None,
    }
    assert (shipped["name"], shipped["from"], shipped["default"]) == ("sandbox", "shipped", False)


def test_a_broken_profile_says_so_in_the_list_and_harms_no_other(billctl: Billctl) -> None:
    write("bad", BAD)
    write("shop", GOOD)
    write("Bad Name", GOOD)
    ran = billctl("profile", "list", "-o", "json")
    assert ran.code == 0
    by_name = {row["name"]: row for row in ran.document["data"]["profiles"]}
    assert by_name["bad"]["mode"] is None
    assert by_name["bad"]["problem"].startswith('bad.toml line 1, mode: must be "test" or "live", not "tset"')
    assert by_name["Bad Name"]["problem"].startswith("Bad Name.toml: its name is not lower-case letters")
    assert by_name["shop"]["problem"] is None
    assert by_name["sandbox"]["mode"] == "test"


def test_the_table_of_profiles_marks_live_and_default(billctl: Billctl) -> None:
    write("shop", GOOD)
    write("till", GOOD.replace('"test"', '"live"') + 'account_id = "acct_1"\n')
    billctl("profile", "use", "shop")
    ran = billctl("--profile", "till", "profile", "list", "-o", "table")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["profile", "mode", "from", "accounts"],
        ["shop", "test", "yours", "default", "stripe"],
        ["till", "LIVE", "yours", "chosen", "stripe"],
        ["sandbox", "test", "shipped", "stripe,", "paypal,", "braintree,", "woocommerce,", "recurly"],
    ]


def test_a_profile_of_yours_hides_a_shipped_one_and_the_list_shows_both(billctl: Billctl) -> None:
    write("sandbox", GOOD)
    rows = billctl("profile", "list", "-o", "json").document["data"]["profiles"]
    assert [(row["from"], row["shadowed"]) for row in rows] == [("yours", False), ("shipped", True)]


def test_the_list_warns_of_a_default_that_is_not_there(billctl: Billctl) -> None:
    write("shop", GOOD)
    billctl("profile", "use", "shop")
    write("shop", GOOD).unlink()
    ran = billctl("profile", "list")
    assert ran.code == 0
    assert ran.lines == ["billctl: there is no profile called shop, which is to be used"]


def test_the_list_survives_a_broken_config_file(billctl: Billctl) -> None:
    write("shop", GOOD)
    (Path(os.environ["BILLCTL_CONFIG_DIR"]) / "config.toml").write_text("profile = 3\n")
    ran = billctl("profile", "list")
    assert ran.code == 0
    assert ran.lines[0].startswith("billctl: config.toml line 1, profile: must be a profile's name in quotes")
    assert ran.out.startswith("shop\ttest\tyours\tfalse\t")


# show


def values(ran: Ran) -> dict[str, tuple[str | None, str | None, str | None]]:
    return {
        row["name"]: (row["value"], row["source"], row["where"]) for row in ran.document["data"]["values"]
    }


def test_every_value_is_shown_with_where_it_comes_from(
    billctl: Billctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop", GOOD)
    monkeypatch.setenv("BILLCTL_STRIPE_API_KEY", CANARY)
    monkeypatch.setenv("BILLCTL_OPERATOR", "amina")
    ran = billctl("--profile", "shop", "profile", "show", "-o", "json")
    assert ran.code == 0
    shown = values(ran)
    assert shown["profile"] == ("shop", "option", "--profile")
    assert shown["output"] == ("json", "option", "--output")
    assert shown["operator"] == ("amina", "environment", "BILLCTL_OPERATOR")
    assert shown["config_dir"][1:] == ("environment", "BILLCTL_CONFIG_DIR")
    assert shown["mode"] == ("test", "profile", "shop.toml line 2")
    assert shown["network.read_timeout"] == ("12 s", "profile", "shop.toml line 4")
    assert shown["network.connect_timeout"] == ("5 s", "default", None)
    assert shown["allow_unattended"] == ("false", "default", None)
    assert shown["accounts.stripe.gateway"] == ("stripe", "profile", "shop.toml line 6")
    assert shown["accounts.stripe.api_key"] == ("sk_test_…4f2a", "environment BILLCTL_STRIPE_API_KEY", None)


def test_the_chosen_profile_is_traced_to_argument_environment_or_default(
    billctl: Billctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop", GOOD)
    billctl("profile", "use", "shop")
    assert values(billctl("profile", "show", "-o", "json"))["profile"] == ("shop", "default", "config.toml")
    monkeypatch.setenv("BILLCTL_PROFILE", "sandbox")
    shown = values(billctl("profile", "show", "-o", "json"))
    assert shown["profile"] == ("sandbox", "environment", "BILLCTL_PROFILE")
    assert values(billctl("profile", "show", "shop", "-o", "json"))["profile"] == ("shop", "argument", None)


def test_a_missing_secret_is_told_and_what_to_do(billctl: Billctl) -> None:
    write("shop", GOOD)
    ran = billctl("profile", "show", "shop", "-o", "tsv")
    assert ran.code == 0
    assert ran.lines == [
        "billctl: there is no api_key for account stripe of profile shop. Nothing changed. "
        "Add it: `billctl --profile shop auth add stripe`, or set BILLCTL_STRIPE_API_KEY."
    ]
    assert ran.out.splitlines()[-1].startswith("accounts.stripe.api_key\t\t")


def test_showing_a_faulty_profile_shows_its_faults(billctl: Billctl) -> None:
    write("bad", BAD)
    ran = billctl("profile", "show", "bad")
    assert ran.code == 12
    assert len(ran.lines) == 4


# create


def test_create_writes_a_private_file_and_names_the_next_steps(billctl: Billctl) -> None:
    ran = billctl("profile", "create", "shop", "--mode", "test", "--gateway", "stripe", "-o", "json")
    assert ran.code == 0
    made = ran.document["data"]
    path = Path(made["path"])
    assert path.read_text() == 'mode = "test"\n\n[accounts.stripe]\ngateway = "stripe"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made["next"] == [
        "billctl --profile shop auth add stripe",
        "billctl --profile shop profile check",
        "billctl profile use shop",
    ]


def test_create_takes_every_value_of_an_account_as_an_option(billctl: Billctl) -> None:
    options = ("--account", "stripe-eu", "--account-id", "acct_1", "--base-url", "http://127.0.0.1:12111")
    ran = billctl("profile", "create", "eu", "--mode", "live", "--gateway", "stripe", *options)
    assert ran.code == 0
    shown = values(billctl("profile", "show", "eu", "-o", "json"))
    assert shown["mode"][0] == "live"
    assert shown["accounts.stripe-eu.account_id"][0] == "acct_1"
    assert shown["accounts.stripe-eu.base_url"][0] == "http://127.0.0.1:12111"


MISSING = "--mode and --gateway are missing, and there is no terminal to ask on."


@pytest.mark.parametrize(
    ("arguments", "code", "lines"),
    [
        (
            ("shop",),
            2,
            [f"{MISSING} Nothing was sent. Like: billctl profile create shop --mode test --gateway stripe"],
        ),
        (
            ("shop", "--mode", "test", "--gateway", "stripe", "--set", "CANARY"),
            2,
            ["--set takes KEY=VALUE. Nothing was sent. Like --set merchant_id=abc123."],
        ),
        (
            ("shop", "--mode", "test", "--gateway", "stripe", "--set", f"api_key={CANARY}"),
            2,
            [
                "accounts.stripe.api_key: secrets do not belong in a profile. Nothing was sent. "
                "No file was written. See `billctl auth add`."
            ],
        ),
        (
            ("shop", "--mode", "live", "--gateway", "stripe"),
            2,
            [
                "accounts.stripe.account_id: is missing, and in live mode it says whom the key must answer "
                "to. Nothing was sent. No file was written. See --account-id ID."
            ],
        ),
        (
            ("../shop", "--mode", "test", "--gateway", "stripe"),
            12,
            [
                '"../shop" is no name for a profile. Nothing was sent. A name is lower-case letters, digits, '
                "- and _, at most 64, beginning with a letter or digit."
            ],
        ),
        (
            ("sandbox", "--mode", "test", "--gateway", "stripe"),
            12,
            ["there already is a profile called sandbox. Nothing was sent. Choose another name."],
        ),
    ],
)
def test_create_refuses_in_one_line_and_writes_nothing(
    billctl: Billctl, arguments: tuple[str, ...], code: int, lines: list[str]
) -> None:
    ran = billctl("profile", "create", *arguments)
    assert (ran.code, ran.lines) == (code, [f"billctl: {line}" for line in lines])
    assert not list(Path(os.environ["BILLCTL_CONFIG_DIR"]).rglob("*.toml"))


def test_create_never_replaces_a_profile(billctl: Billctl) -> None:
    path = write("shop", GOOD)
    ran = billctl("profile", "create", "shop", "--mode", "test", "--gateway", "stripe")
    assert ran.code == 12
    assert ran.lines == [
        "billctl: there already is a profile called shop. Nothing was sent. "
        f"Edit {path}, or choose another name."
    ]
    assert path.read_text() == GOOD


def test_create_tells_every_wrong_value_at_once(billctl: Billctl) -> None:
    ran = billctl(
        *("profile", "create", "shop", "--mode", "tset", "--gateway", "strip"),
        *("--base-url", "ftp://x", "-o", "json"),
    )
    assert ran.code == 2
    assert [error["message"].split(":")[0] for error in ran.document["errors"]] == [
        "mode",
        "accounts.strip.gateway",
        "accounts.strip.base_url",
    ]


@pytest.fixture
def terminal() -> Iterator[Callable[..., "pexpect.spawn[str]"]]:
    """Starts billctl on a terminal of its own; ended with the test."""
    children: list[pexpect.spawn[str]] = []

    def start(*arguments: str) -> "pexpect.spawn[str]":
        child = pexpect.spawn(
            sys.executable,
            ["-m", "billctl", *arguments],
            env=dict(os.environ),
            encoding="utf-8",
            timeout=20,
            dimensions=(30, 120),
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def test_on_a_terminal_create_asks_for_what_is_left_out(
    terminal: Callable[..., "pexpect.spawn[str]"],
) -> None:
    child = terminal("profile", "create", "shop")
    child.expect_exact("Mode, test or live [test]:")
    child.sendline("tset")
    child.expect_exact("the answer is one of test, live, or blank for test.")
    child.expect_exact("Mode, test or live [test]:")
    child.sendline("live")
    child.expect_exact("[stripe]:")
    child.sendline("")
    child.expect_exact("Account name [stripe]:")
    child.sendline("till")
    child.expect_exact("Account id that the live key of till must answer to:")
    child.sendline("")
    child.expect_exact("in live mode it is needed.")
    child.expect_exact("Account id that the live key of till must answer to:")
    child.sendline("acct_1Abc")
    child.expect_exact("Created profile shop")
    child.expect_exact("billctl --profile shop auth add till")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    path = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles" / "shop.toml"
    assert path.read_text() == (
        'mode = "live"\n\n[accounts.till]\ngateway = "stripe"\naccount_id = "acct_1Abc"\n'
    )


def test_an_operator_who_stops_answering_gets_no_profile(
    terminal: Callable[..., "pexpect.spawn[str]"],
) -> None:
    child = terminal("profile", "create", "shop")
    child.expect_exact("Mode, test or live [test]:")
    child.sendeof()
    child.expect_exact("nobody answered")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 8
    assert not list(Path(os.environ["BILLCTL_CONFIG_DIR"]).rglob("*.toml"))


# use


def test_use_sets_the_default_and_keeps_what_else_stands_in_the_file(billctl: Billctl) -> None:
    write("shop", GOOD)
    assert billctl("profile", "use", "sandbox").code == 0
    path = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "config.toml"
    path.write_text("# mine\n" + config())
    assert billctl("profile", "use", "shop").code == 0
    assert config() == '# mine\nprofile = "shop"\n'


def test_use_of_an_unknown_profile_changes_nothing(billctl: Billctl) -> None:
    write("shop", GOOD)
    billctl("profile", "use", "shop")
    ran = billctl("profile", "use", "shpo")
    assert ran.code == 12
    assert ran.lines == ["billctl: there is no profile called shpo. Nothing was sent. Did you mean shop?"]
    assert config() == 'profile = "shop"\n'


def test_use_warns_of_a_broken_profile_and_of_a_variable_that_comes_first(
    billctl: Billctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("bad", BAD)
    monkeypatch.setenv("BILLCTL_PROFILE", "sandbox")
    ran = billctl("profile", "use", "bad", "-o", "json")
    assert ran.code == 0
    broken, variable = ran.document["warnings"]
    assert broken.startswith("it cannot be used as it is: bad.toml line 1, mode:")
    assert variable == "BILLCTL_PROFILE is set and comes before it"


# check


def test_check_tells_every_fault_of_the_file_in_a_line_of_its_own(billctl: Billctl) -> None:
    write("bad", BAD)
    ran = billctl("profile", "check", "bad")
    assert ran.code == 12
    assert ran.lines == [
        'billctl: bad.toml line 1, mode: must be "test" or "live", not "tset". '
        'Write mode = "test" or mode = "live".',
        "billctl: bad.toml line 3, network.read_timeout: must be a number of seconds, not a string. "
        "Write read_timeout = 30.0.",
        "billctl: bad.toml line 6, accounts.stripe.api_key: secrets do not belong in a profile. "
        "Use `billctl auth add stripe`.",
        'billctl: bad.toml line 8, accounts.two.gateway: no gateway called "strype" is installed. '
        "Did you mean stripe?",
    ]


def test_the_faults_are_data_too(billctl: Billctl) -> None:
    write("bad", BAD)
    document = billctl("profile", "check", "bad", "-o", "json").document
    assert document["exit"] == {"code": 12, "class": "config"}
    assert [(fault["line"], fault["key"]) for fault in document["data"]["faults"]] == [
        (1, "mode"),
        (3, "network.read_timeout"),
        (6, "accounts.stripe.api_key"),
        (8, "accounts.two.gateway"),
    ]
    assert len(document["errors"]) == 4


def test_check_says_whom_the_sandboxs_credentials_open(billctl: Billctl) -> None:
    ran = billctl("profile", "check", "sandbox", "-o", "json")
    assert ran.code == 0
    told = [
        (row["account"], row["status"], row["mode"], row["account_id"])
        for row in ran.document["data"]["accounts"]
    ]
    assert told == [
        ("stripe", "ok", "test", ACCOUNT_ID),
        ("paypal", "ok", None, PAYPAL_CLIENT_ID),
        ("braintree", "ok", None, BRAINTREE_MERCHANT_ID),
        ("woocommerce", "ok", None, "shop.example"),
        ("recurly", "ok", "test", RECURLY_SITE),
    ]
    assert (ran.document["profile"], ran.document["mode"]) == ("sandbox", "test")


def test_check_warns_of_a_permission_that_lookups_need(billctl: Billctl) -> None:
    billctl("sandbox", "fault", "403", "--gateway", "paypal", "--on", "GET /v1/reporting/transactions")
    ran = billctl("profile", "check", "sandbox", "-o", "json")
    assert ran.code == 0
    paypal = ran.document["data"]["accounts"][1]
    assert (paypal["account"], paypal["status"]) == ("paypal", "warning")
    assert paypal["note"].startswith("this app may not use Transaction Search, so payments are not found")
    assert [row["status"] for row in ran.document["data"]["accounts"]] == ["ok", "warning", "ok", "ok", "ok"]


@pytest.fixture
def stripe_url(tmp_path: Path) -> Iterator[str]:
    """A Stripe that answers on loopback."""
    with rehearsed(tmp_path / "server") as sandbox:
        yield sandbox.url("stripe")


def account(name: str, url: str, *lines: str) -> str:
    return "\n".join((f"[accounts.{name}]", 'gateway = "stripe"', f'base_url = "{url}"', *lines, ""))


def test_some_accounts_failing_is_partial_and_each_says_why(
    billctl: Billctl, stripe_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [account(name, stripe_url) for name in ("good", "refused", "live", "missing")]
    write("shop", 'mode = "test"\n' + "".join(accounts) + account("down", "http://127.0.0.1:9"))
    monkeypatch.setenv("BILLCTL_GOOD_API_KEY", STRIPE_KEY)
    monkeypatch.setenv("BILLCTL_REFUSED_API_KEY", CANARY)
    monkeypatch.setenv("BILLCTL_LIVE_API_KEY", STRIPE_LIVE_KEY)
    monkeypatch.setenv("BILLCTL_DOWN_API_KEY", CANARY)
    ran = billctl("profile", "check", "shop", "-o", "json")
    assert (ran.code, ran.document["exit"]) == (7, {"code": 7, "class": "partial"})
    statuses = {row["account"]: row["status"] for row in ran.document["data"]["accounts"]}
    assert statuses == {
        "good": "ok",
        "refused": "failed",
        "live": "failed",
        "missing": "failed",
        "down": "failed",
    }
    errors = {error["account"]: error for error in ran.document["errors"]}
    assert {name: error["class"] for name, error in errors.items()} == {
        "refused": "auth",
        "live": "config",
        "missing": "auth",
        "down": "network",
    }
    assert "profile shop is for test, live's credentials are live ones" in errors["live"]["message"]
    (good,) = (row for row in ran.document["data"]["accounts"] if row["account"] == "good")
    assert good["note"] == f'account_id = "{ACCOUNT_ID}" in the profile would hold it to this account'


def test_an_account_id_that_the_key_does_not_answer_to_is_a_config_fault(
    billctl: Billctl, stripe_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop", 'mode = "test"\n' + account("stripe", stripe_url, 'account_id = "acct_other"'))
    monkeypatch.setenv("BILLCTL_STRIPE_API_KEY", STRIPE_KEY)
    ran = billctl("profile", "check", "shop")
    assert ran.code == 12
    assert ran.lines == [
        f"billctl: profile shop names acct_other, stripe's credentials answer to {ACCOUNT_ID}. "
        "Nothing was sent. Use the credentials of that account, or correct account_id."
    ]


ACME = """
from billctl.gateway import Gateway, Setting

class Acme(Gateway):
    api = 1
    settings = (
        Setting(name="merchant", help="Your number there."),
        Setting(name="token", help="A token.", secret=True),
    )
    def check(self):
        raise RuntimeError(f"no idea what {self.account.settings['merchant']} is")
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway of somebody else, which breaks when it is asked."""
    metadata = tmp_path / "plugin" / "billctl_acme-0.3.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: billctl-acme\nVersion: 0.3\n")
    (metadata / "entry_points.txt").write_text("[billctl.gateways]\nacme = acme_for_profiles:Acme\n")
    (metadata.parent / "acme_for_profiles.py").write_text(ACME)
    monkeypatch.syspath_prepend(str(metadata.parent))


@pytest.mark.usefixtures("acme")
def test_a_gateways_own_settings_are_demanded_and_given_with_set(billctl: Billctl) -> None:
    command = ("profile", "create", "shop", "--mode", "test", "--gateway", "acme")
    ran = billctl(*command)
    assert (ran.code, ran.lines) == (
        2,
        ["billctl: account acme needs more settings. Nothing was sent. Add --set merchant=…."],
    )
    assert billctl(*command, "--set", "merchant=m-1").code == 0
    shown = values(billctl("profile", "show", "shop", "-o", "json"))
    assert shown["accounts.acme.merchant"] == ("m-1", "profile", "shop.toml line 5")


@pytest.mark.usefixtures("acme")
def test_an_adapter_that_breaks_fails_its_own_account_only(
    billctl: Billctl, stripe_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = '[accounts.acme]\ngateway = "acme"\nmerchant = "m-1"\n'
    write("shop", 'mode = "test"\n' + account("stripe", stripe_url) + broken)
    monkeypatch.setenv("BILLCTL_STRIPE_API_KEY", STRIPE_KEY)
    monkeypatch.setenv("BILLCTL_ACME_TOKEN", "t-1")
    ran = billctl("profile", "check", "shop", "-o", "json")
    assert ran.code == 7
    (error,) = ran.document["errors"]
    assert (error["class"], error["account"]) == ("internal", "acme")
    assert "unexpected RuntimeError: no idea what m-1 is" in error["message"]
    ran = billctl("profile", "check", "shop", "-o", "table")
    assert [line.split()[:3] for line in ran.out.splitlines()][:3] == [
        ["shop", "test"],
        ["stripe", "ok", "test"],
        ["acme", "failed", "internal"],
    ]


@pytest.mark.parametrize("command", [("show",), ("check",)])
def test_without_any_profile_the_two_ways_on_are_told(billctl: Billctl, command: tuple[str, ...]) -> None:
    ran = billctl("profile", *command)
    assert ran.code == 12
    assert ran.lines == [
        "billctl: no profile is chosen and no default is set. Nothing was sent. Try it without "
        "any account: --profile sandbox. Set your own up: `billctl profile create NAME`."
    ]
