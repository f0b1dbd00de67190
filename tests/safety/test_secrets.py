"""No secret and no card number in anything billctl writes, whatever it is asked and however that ends.

Canaries lie in every place where a secret may come from. Every command of the program's tree is run with
`-v`, ends well and in each bad way, and all that it left is searched for them: both streams, every file of
configuration and state, what its children were started with. The default run has each way once; of the
whole product of ways, commands and gateways the slow run has a share, others every day.
"""

import base64
import io
import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest

from billctl import registry
from billctl.cli.app import run
from billctl.cli.options import FORMATS
from billctl.sandbox import ACCOUNT_ID, KEYS, SETTINGS, faults
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    BRAINTREE_SUBSCRIPTION,
    GATEWAYS,
    HOUSES,
    LAYLA,
    PAYPAL_CHARGE,
    PAYPAL_HELD,
    PAYPAL_INVOICE,
    PAYPAL_SUBSCRIPTION,
    RECURLY_CHARGE,
    RECURLY_CREDIT,
    RECURLY_ENDING,
    RECURLY_INVOICE,
    RECURLY_SUBSCRIPTION,
    WOO_ORDER,
    WOO_SUBSCRIPTION,
    WOO_UNPAID,
    Street,
    open_street,
)
from tests.safety.sampling import sampled
from tests.shop import HELD_ALONE, PAID, PAST_DUE, SUBSCRIPTION, WHY, Ran
from tests.tree import leaves
from tests.unit.test_credentials_keyring import BACKENDS

WRONG = {
    "stripe": "sk_test_WrongCanaryWrongCanary4f2a",
    "paypal": "wrongCanaryOfPaypalwrongCanaryOfPaypal",
    "braintree": "wrongcanaryofbraintreewrongcanary",
    "woocommerce": "cs_wrongcanaryofwoocommercewrongcanary00001",
    "recurly": "wrongcanaryofrecurlywrongcanary0",
}
"""Keys of a possible form that open nothing."""
CARD = "4242 4242 4242 4242"
CARD_FORMS = (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"))


def canaries() -> list[bytes]:
    """Every secret of these tests, plain and as an `Authorization` header carries it."""
    plain = [*WRONG.values(), *(key for keys in KEYS.values() for key in keys.values())]
    users = [SETTINGS["paypal"]["client_id"], SETTINGS["braintree"]["public_key"]]
    users.append(KEYS["woocommerce"]["consumer_key"])
    pairs = [f"{user}:{secret}".encode() for user in users for secret in plain]
    pairs += [f"{secret}:".encode() for secret in plain]
    return [*(secret.encode() for secret in plain), *(base64.b64encode(pair) for pair in pairs)]


CANARIES = canaries()
BOOKS = ("sandbox",)
"""Folders of the state that are the rehearsal gateways' own."""


def shown(text: str | bytes, *, among: list[bytes] = CANARIES) -> list[bytes]:
    """The canaries that stand in `text`."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return [canary for canary in among if canary in data]


def files(street: Street) -> Iterator[Path]:
    """Every file that billctl itself may have written."""
    for root in (street.config_dir, street.state_dir):
        for path in root.rglob("*"):
            if path.is_file() and path.relative_to(root).parts[0] not in BOOKS:
                yield path


def left(street: Street, *, among: list[bytes] = CANARIES) -> list[str]:
    """The files that hold a canary."""
    found = list(files(street))
    assert found
    return [str(path) for path in found if shown(path.read_bytes(), among=among)]


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with open_street(tmp_path) as opened:
        yield opened


def silent(ran: Ran) -> Ran:
    """What ran, after both of its streams were searched."""
    assert shown(ran.out) == []
    assert shown(ran.err) == []
    assert "Traceback" not in ran.err
    return ran


# Every command there is

LISTS = ("customers", "charges", "refunds", "subscriptions", "invoices", "disputes")
FEW = ("--limit", "2")
OPERATION = "op_00000000000000000000000000"
LINES: dict[str, tuple[str, ...]] = {
    "lookup": (LAYLA,),
    **dict.fromkeys(LISTS, FEW),
    **{f"{gateway} {kind}": FEW for gateway, kind in product(GATEWAYS, LISTS)},
    "stripe show": (PAID,),
    "stripe refund": (PAID, "--amount", "5", *WHY),
    "stripe void": (HELD_ALONE, *WHY),
    "stripe cancel": (SUBSCRIPTION, *WHY),
    "stripe resend": (PAST_DUE, *WHY),
    "paypal sync": (),
    "paypal show": (PAYPAL_CHARGE,),
    "paypal refund": (PAYPAL_CHARGE, "--amount", "5", *WHY),
    "paypal void": (PAYPAL_HELD, *WHY),
    "paypal cancel": (PAYPAL_SUBSCRIPTION, "--now", *WHY),
    "paypal resend": (PAYPAL_INVOICE, *WHY),
    "braintree show": (BRAINTREE_CHARGE,),
    "braintree refund": (BRAINTREE_CHARGE, "--amount", "5", *WHY),
    "braintree void": ("layla005", *WHY),
    "braintree cancel": (BRAINTREE_SUBSCRIPTION, "--now", *WHY),
    "braintree resend": ("layla001", *WHY),
    "woocommerce show": (WOO_ORDER,),
    "woocommerce refund": (WOO_ORDER, "--amount", "5", *WHY),
    "woocommerce void": (WOO_ORDER, *WHY),
    "woocommerce cancel": (WOO_SUBSCRIPTION, *WHY),
    "woocommerce resend": (WOO_UNPAID, *WHY),
    "recurly show": (RECURLY_CHARGE,),
    "recurly refund": (RECURLY_CHARGE, "--amount", "5", *WHY),
    "recurly void": (RECURLY_CHARGE, *WHY),
    "recurly cancel": (RECURLY_SUBSCRIPTION, "--now", *WHY),
    "recurly resend": (RECURLY_INVOICE, *WHY),
    "recurly reactivate": (RECURLY_ENDING, *WHY),
    "recurly void-credit": (RECURLY_CREDIT, *WHY),
    "recurly pdf": (RECURLY_INVOICE, "--out", "none/invoice.pdf"),
    "recurly link": (RECURLY_INVOICE,),
    "audit list": (),
    "audit show": ("1",),
    "audit verify": (),
    "audit reconcile": ("--since", "1d"),
    "audit resolve": (OPERATION, "--as", "done", *WHY),
    "audit export": ("-",),
    "audit anchor": (),
    "audit report": (),
    "audit purge": ("--before", "2020-01-01", *WHY),
    "batch plan": ("resend", "none.csv", *WHY[:2]),
    "batch apply": ("none.plan", WHY[2]),
    "batch run": ("resend", "none.csv", *WHY),
    "batch list": (),
    "batch show": ("none.plan",),
    "watch": (),
    "approvals list": (),
    "approvals show": ("ap_00000000000000000000000000",),
    "approvals approve": ("ap_00000000000000000000000000", *WHY),
    "approvals deny": ("ap_00000000000000000000000000", *WHY),
    "profile list": (),
    "profile show": (),
    "profile create": ("another", "--account", "stripe"),
    "profile use": ("shop",),
    "profile check": (),
    "auth add": ("stripe", "--stdin"),
    "auth remove": ("stripe",),
    "auth status": (),
    "gateways": (),
    "sandbox serve": ("--nope",),  # it would serve until it is stopped
    "sandbox reset": ("--yes",),
    "sandbox status": (),
    "sandbox fault": ("stripe", "500-before"),
    "completion": ("bash",),
    "doctor": (),
    "help": ("secrets",),
}
"""A command line for every command."""

LAST = ("sandbox reset", "sandbox fault")
"""They change what the others need."""


def test_every_command_of_the_tree_is_among_those_searched() -> None:
    assert leaves() == LINES.keys()


def lines() -> list[tuple[str, ...]]:
    """The command line of every command there is, those that change the sandbox at the end."""
    names = sorted(LINES, key=lambda name: name in LAST)
    return [(*name.split(), *LINES[name]) for name in names]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is piped into whichever command reads one."""
    data = io.BytesIO(WRONG["stripe"].encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data, "utf-8"))


@pytest.mark.usefixtures("typed")
def test_no_command_shows_a_secret(street: Street) -> None:
    """Lists of one gateway by Stripe's alone: those of all gateways ask each of them."""
    others = {(gateway, kind) for gateway, kind in product(GATEWAYS, LISTS) if gateway != "stripe"}
    asked = [line for line in lines() if line[:2] not in others]
    for line, output in zip(asked, cycle(FORMATS), strict=False):
        silent(street.run(*line, "-v", "-o", output))
    assert left(street) == []


@pytest.mark.usefixtures("typed")
@pytest.mark.parametrize(
    ("wrong", "output"),
    [
        pytest.param(wrong, output, marks=sampled(number + wrong, of=2))
        for wrong in (False, True)
        for number, output in enumerate(FORMATS)
    ],
)
def test_no_command_shows_a_secret_in_any_form(street: Street, output: str, wrong: bool) -> None:
    if wrong:
        use(street, WRONG)
    for line in lines():
        silent(street.run(*line, "-v", "-o", output))
    assert left(street) == []


# Ways to end badly


def use(street: Street, keys: dict[str, str]) -> None:
    """Put these keys into the environment."""
    for gateway, key in keys.items():
        street.env |= dict.fromkeys(HOUSES[gateway].variables(gateway), key)


def wrong_keys(street: Street, _patch: pytest.MonkeyPatch) -> None:
    use(street, WRONG)


def crash(street: Street, patch: pytest.MonkeyPatch) -> None:
    """Let every operation of every adapter fail with the key in its message and arguments."""
    entries = registry.installed(street.state_dir)
    for name in GATEWAYS:
        kind = registry.load(entries[name])
        for operation in ("get_charge", "list_charges", "find_customers", "refund", "check"):
            if hasattr(kind, operation):
                patch.setattr(kind, operation, _raising)


def _raising(self: Any, *_: object, **__: object) -> Any:
    key = str(next(iter(self.account.secrets.values())))
    raise RuntimeError(f"cannot use {key}", key, {"Authorization": f"Bearer {key}"})


def broken_store(street: Street, _patch: pytest.MonkeyPatch) -> None:
    (street.state_dir / "audit.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)


def broken_profile(street: Street, _patch: pytest.MonkeyPatch) -> None:
    """A profile into which somebody put the keys themselves."""
    keys = "".join(
        f'[accounts.{name}]\ngateway = "{name}"\n{house.secret} = "{WRONG[name]}"\n'
        for name, house in HOUSES.items()
    )
    street.profile("shop", f'mode = "test"\n{keys}')


def fault(kind: str) -> Callable[[Street, pytest.MonkeyPatch], None]:
    """A fault of all gateways, as often as it is met."""

    def arm(street: Street, _patch: pytest.MonkeyPatch) -> None:
        street.street(more="[network]\nread_timeout = 0.3\n")
        for gateway in GATEWAYS:
            faults.arm(street.state_dir, gateway, kind, times=500)

    return arm


WAYS: dict[str, Callable[[Street, pytest.MonkeyPatch], None]] = {
    "wrong keys": wrong_keys,
    "crash": crash,
    "broken store": broken_store,
    "broken profile": broken_profile,
    **{kind: fault(kind) for kind in ("401", "403", "refuse", "500-before", "html", "cut-body", "429")},
}
SLOW_WAYS = {
    kind: fault(kind)
    for kind in ("hang-before", "answer-lost", "connection-dropped", "500-after", "html-502", "wrong-amount")
}
ASKED: tuple[tuple[str, ...], ...] = (
    ("lookup", LAYLA),
    ("stripe", "refund", PAID, "--amount", "5", *WHY),
    ("paypal", "refund", PAYPAL_CHARGE, "--amount", "5", *WHY),
    ("braintree", "refund", BRAINTREE_CHARGE, "--amount", "5", *WHY),
    ("woocommerce", "refund", WOO_ORDER, "--amount", "5", *WHY),
    ("recurly", "refund", RECURLY_CHARGE, "--amount", "5", *WHY),
    ("profile", "check"),
)


def fails_in_silence(
    street: Street, patch: pytest.MonkeyPatch, way: str, asked: tuple[tuple[str, ...], ...] | list[Any]
) -> None:
    (WAYS | SLOW_WAYS)[way](street, patch)
    outputs = cycle(("table", "json", "tsv"))
    codes = [silent(street.run(*line, "-v", "-o", next(outputs))).code for line in asked]
    assert any(codes)
    if way != "broken profile":  # there the keys were put by hand
        assert left(street) == []


@pytest.mark.parametrize("way", ["wrong keys", "crash", "broken store", "broken profile", "html"])
def test_no_failure_shows_a_secret(street: Street, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    fails_in_silence(street, monkeypatch, way, ASKED)


@pytest.mark.usefixtures("typed")
@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=sampled(n, of=3)) for n, way in enumerate((*WAYS, *SLOW_WAYS))],
)
def test_no_failure_of_any_command_shows_a_secret(
    street: Street, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    fails_in_silence(street, monkeypatch, way, lines())


def test_the_search_finds_what_is_there(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that cannot fail proves nothing: without masking, the crash shows its key everywhere."""
    crash(street, monkeypatch)
    monkeypatch.setattr("billctl.cli.output.mask", lambda text: text)
    ran = street.run(*ASKED[1], "-v", "-o", "json")
    assert shown(ran.out)
    assert shown(ran.err)
    (street.state_dir / "kept").write_bytes(b"\0" + CANARIES[0] + b"\0")
    assert left(street)


# Where secrets come from


def secrets() -> list[tuple[str, str]]:
    """Every account's secrets: `ACCOUNT.NAME` and value."""
    return [
        (f"{account}.{name}", secret)
        for account, house in HOUSES.items()
        for name, secret in house.secrets.items()
    ]


def from_directory(street: Street, folder: Path, _patch: pytest.MonkeyPatch) -> None:
    kept = folder / "credentials"
    kept.mkdir(mode=0o700)
    for name, secret in secrets():
        (kept / f"billctl.shop.{name}").write_text(secret + "\n")
    street.env["CREDENTIALS_DIRECTORY"] = str(kept)


def from_command(street: Street, folder: Path, _patch: pytest.MonkeyPatch) -> None:
    (folder / "keys.json").write_text(json.dumps(dict(secrets())))
    program = f"import json, sys; print(json.load(open({str(folder / 'keys.json')!r}))[sys.argv[1]])"
    words = json.dumps([sys.executable, "-S", "-c", program, "{account}.{secret}"])
    street.street(more=f"credential_command = {words}\n")


def from_keyring(street: Street, folder: Path, patch: pytest.MonkeyPatch) -> None:
    import keyring

    (folder / "backends.py").write_text(BACKENDS)
    (folder / "kept.json").write_text(json.dumps({f"billctl:shop/{k}": v for k, v in secrets()}))
    patch.syspath_prepend(folder)
    patch.setenv("KEPT", str(folder / "kept.json"))
    patch.setenv("PYTHON_KEYRING_BACKEND", "backends.File")
    patch.setattr(keyring.core, "_keyring_backend", keyring.core.load_env())


SOURCES = {"directory": from_directory, "credential_command": from_command, "keyring": from_keyring}


@pytest.mark.parametrize("source", SOURCES)
def test_wherever_a_secret_comes_from_it_goes_nowhere_else(
    street: Street, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    use(street, dict.fromkeys(GATEWAYS, ""))
    SOURCES[source](street, tmp_path, monkeypatch)
    try:
        for line in (("auth", "status"), ("profile", "check"), ("doctor",), ASKED[1]):
            ran = silent(street.run(*line, "-v", "-o", "json"))
            assert ran.code == 0, ran.err
    finally:
        sys.modules.pop("backends", None)
    assert left(street) == []


CHILD = (
    "import json, os, sys; open(sys.argv[2], 'w').write(json.dumps([sys.argv, dict(os.environ)])); "
    "print(json.load(open(sys.argv[1])))"
)


def test_the_credential_command_is_given_no_secret_of_another_account(street: Street, tmp_path: Path) -> None:
    """Its words and environment are what every program of this user may read in /proc."""
    (tmp_path / "key").write_text(json.dumps(HOUSES["stripe"].key))
    words = [sys.executable, "-c", CHILD, str(tmp_path / "key"), str(tmp_path / "seen")]
    street.street(more=f"credential_command = {json.dumps(words)}\n")
    assert silent(street.run("stripe", "show", PAID, "-v")).code == 0
    seen = (tmp_path / "seen").read_text()
    assert "BILLCTL_ACCOUNT" in seen
    assert shown(seen) == []


def test_a_process_that_holds_a_key_leaves_no_core_file(street: Street) -> None:
    program = "import resource; from billctl.cli.app import run; run(['--version']); "
    program += "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    unlimited = resource.getrlimit(resource.RLIMIT_CORE)[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (unlimited, unlimited)),
    )
    assert done.stdout.splitlines()[-1] == "0"


# What the SDKs log


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_sdk_that_logs_everything_logs_no_secret(
    street: Street, gateway: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("stripe", "paypalrestsdk", "braintree", "recurly", "urllib3"):
        caplog.set_level(logging.DEBUG, name)
    line = next(line for line in ASKED if line[0] == gateway)
    assert silent(street.run(*line, "-v")).code == 0
    use(street, WRONG)
    assert silent(street.run(*line, "-v")).code == 4
    assert shown(caplog.text) == []
    assert shown("".join(str(record.args) for record in caplog.records)) == []


def test_stripes_own_switch_for_debugging_does_nothing(street: Street) -> None:
    """It would write customers' data, and what drives a terminal, around everything that masks it."""
    plain = street.run("stripe", "show", PAID, "-v")
    ran = street.program("stripe", "show", PAID, "-v", env={"STRIPE_LOG": "debug"})
    assert (ran.code, ran.out, ran.err) == (0, plain.out, plain.err)


# The link to a customer's page


def test_the_secret_of_a_customers_page_is_told_by_its_command_alone(street: Street, tmp_path: Path) -> None:
    link = street.run("recurly", "link", RECURLY_INVOICE).out.split()[-1]
    token = link.rpartition("/account/")[2].encode()
    assert len(token) == 32
    for line in (
        ("lookup", LAYLA),
        ("recurly", "show", RECURLY_INVOICE),
        ("recurly", "customers"),
        ("recurly", "pdf", RECURLY_INVOICE, "--out", str(tmp_path / "invoice.pdf")),
        ("audit", "list"),
    ):
        ran = street.run(*line, "-v", "-o", "json")
        assert ran.code == 0, ran
        assert shown(ran.out + ran.err, among=[token]) == []
    assert left(street, among=[token]) == []


# Card numbers


@pytest.mark.parametrize(
    "card", [CARD, *(pytest.param(form, marks=pytest.mark.slow) for form in CARD_FORMS if form != CARD)]
)
@pytest.mark.parametrize("option", ["--reason", "--ticket", "--to", "amount", "id"])
def test_a_card_number_that_is_typed_is_kept_and_shown_nowhere(
    street: Street, tmp_path: Path, card: str, option: str
) -> None:
    line = {
        "--reason": ("stripe", "refund", PAID, "--amount", "5", "--yes", "--reason", f"card {card}"),
        "--ticket": ("stripe", "refund", PAID, "--amount", "5", *WHY, "--ticket", card),
        "--to": ("stripe", "resend", PAST_DUE, *WHY, "--to", f"{card}@example.com".replace(" ", ".")),
        "amount": ("stripe", "refund", PAID, "--amount", card, *WHY),
        "id": ("stripe", "refund", card, "--amount", "5", *WHY),
    }[option]
    cards = [form.encode() for form in (card, card.replace(" ", "."))]
    for output in ("json", "table"):
        ran = street.run(*line, "-v", "-o", output)
        assert ran.code, (line, ran.out)
        assert shown(ran.err + ran.out, among=cards) == []
    for form in ("csv", "ndjson"):
        file = tmp_path / f"export.{form}"
        assert street.run("audit", "export", str(file), "--format", form).code == 0
        assert shown(file.read_bytes(), among=cards) == []
    assert left(street, among=cards) == []


def written_at_the_gateway(street: Street, text: str) -> None:
    """Let somebody at the gateway write `text` where he can."""
    import stripe

    client = stripe.StripeClient(HOUSES["stripe"].key, base_addresses={"api": street.urls["stripe"]})
    client.v1.charges.update(PAID, {"description": text})
    client.v1.customers.update("cus_SbxLayla000001", {"name": text})


@pytest.mark.parametrize(
    "card", [CARD, *(pytest.param(form, marks=pytest.mark.slow) for form in CARD_FORMS if form != CARD)]
)
def test_a_card_number_in_a_gateways_text_is_kept_and_shown_nowhere(street: Street, card: str) -> None:
    written_at_the_gateway(street, f"paid with {card} by phone")
    among = [card.encode()]
    for output in FORMATS:
        for line in (
            ("lookup", LAYLA, "--account", "stripe"),
            ("stripe", "show", PAID),
            ("stripe", "customers"),
        ):
            ran = street.run(*line, "-v", "-o", output)
            assert ran.code == 0, ran.err
            assert "layla" in ran.out.lower() or PAID in ran.out
            assert shown(ran.out + ran.err, among=among) == []
    assert street.run("stripe", "refund", PAID, "--amount", "5", *WHY).code == 0
    assert left(street, among=among) == []


def test_a_live_account_shows_no_more_than_a_test_account(street: Street) -> None:
    key = HOUSES["stripe"].key.replace("sk_test_", "sk_live_")
    street.profile(
        "shop",
        f'mode = "live"\n[accounts.stripe]\ngateway = "stripe"\nbase_url = "{street.url}"\n'
        f'account_id = "{ACCOUNT_ID}"\n',
    )
    use(street, {"stripe": key})
    ran = street.run("profile", "check", "-v", "-o", "json")
    assert ran.code == 4
    assert key not in ran.out + ran.err


def test_no_secret_is_a_word_of_a_command_line() -> None:
    """There is no option that takes a secret's value: an unknown one is refused, and not repeated."""
    assert run(["auth", "add", "stripe", "--api-key", WRONG["stripe"]]) == 2
    assert os.environ.get("BILLCTL_STRIPE_API_KEY") is None


@pytest.mark.slow
@pytest.mark.parametrize(("way", "source"), list(product(WAYS, SOURCES)))
def test_no_failure_shows_a_secret_wherever_it_comes_from(
    street: Street, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, source: str
) -> None:
    use(street, dict.fromkeys(GATEWAYS, ""))
    SOURCES[source](street, tmp_path, monkeypatch)
    if way not in {"wrong keys", "broken profile"}:
        WAYS[way](street, monkeypatch)
    try:
        for line in ASKED:
            silent(street.run(*line, "-v", "-o", "json"))
    finally:
        sys.modules.pop("backends", None)
    assert left(street) == []
