"""`billctl auth`: secrets go into the keyring unseen, are proved to be there, and leave a record each time.

A real keyring backend keeps the secrets in a file. What is asked on a terminal, and what a process keeps
from its start on, is tested on processes of their own.
"""

import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keyring.core
import pexpect
import pytest

from billctl.store import connection
from tests.cli.program import billctl

CANARY = "sk_test_CANARYcanaryCANARY4f2a"
MASK = "sk_test_…4f2a"
OTHER = "sk_test_OTHERcanaryOTHER1b3c"

BACKENDS = """
import json, os, pathlib, time
import keyring.backend, keyring.errors

class File(keyring.backend.KeyringBackend):
    priority = 1
    path = pathlib.Path(os.environ["KEPT"])
    def all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}
    def get_password(self, service, username):
        return self.all().get(f"{service}/{username}")
    def set_password(self, service, username, password):
        self.path.write_text(json.dumps(self.all() | {f"{service}/{username}": password}))
    def delete_password(self, service, username):
        kept = self.all()
        del kept[f"{service}/{username}"]
        self.path.write_text(json.dumps(kept))

class Forgetting(File):
    def set_password(self, service, username, password):
        pass

class Hanging(File):
    def get_password(self, service, username, password=None):
        time.sleep(60)
    set_password = get_password

class Locked(File):
    def get_password(self, service, username):
        raise keyring.errors.KeyringLocked("canary")
    def set_password(self, service, username, password):
        raise keyring.errors.KeyringLocked(password)
"""

SHOP = """\
mode = "test"
[accounts.stripe]
gateway = "stripe"
[accounts.stripe-eu]
gateway = "stripe"
"""

KEPT_UNDER = "billctl:shop/stripe.api_key"


def _seen(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert "canary" not in (done.stdout + done.stderr).lower()
    return done


@dataclass
class Machine:
    """An operator's machine: a profile, a keyring, an audit log. Every output is searched for secrets."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def billctl(self, *arguments: str, typed: str | bytes = "") -> subprocess.CompletedProcess[str]:
        """One command line with `typed` on standard input, which is no terminal."""
        data = typed.encode() if isinstance(typed, str) else typed
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.env.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
            # A process chooses its backend once: this one is to choose again.
            patch.setattr(keyring.core, "_keyring_backend", keyring.core.load_env())
            return _seen(billctl(*arguments))

    def process(self, *arguments: str, typed: str) -> subprocess.CompletedProcess[str]:
        """The same as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "billctl", *arguments],
            check=False,
            input=typed,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return _seen(done)

    def document(self, *arguments: str, typed: str = "") -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.billctl(*arguments, "-o", "json", typed=typed).stdout)
        return parsed

    def kept(self) -> dict[str, str]:
        """What the keyring holds."""
        path = self.folder / "kept.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def records(self) -> list[dict[str, Any]]:
        """The audit log's notes, as stored."""
        from billctl.audit.entry import read
        from billctl.store.interface import RecordFilter
        from billctl.store.sqlite import open_store

        store = open_store(Path(os.environ["BILLCTL_STATE_DIR"]) / "audit.sqlite", readonly=True)
        try:
            found = [read(record).fields for record in store.records(RecordFilter())]
        finally:
            store.close()
        return [fields for fields in found if fields["phase"] == "note"]

    def files_with(self, text: str) -> list[Path]:
        """Files of the configuration and the state that hold `text`."""
        roots = (os.environ["BILLCTL_CONFIG_DIR"], os.environ["BILLCTL_STATE_DIR"])
        files = [path for root in roots for path in Path(root).rglob("*") if path.is_file()]
        assert files
        return [path for path in files if text.encode() in path.read_bytes()]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    folder = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "shop.toml").write_text(SHOP)
    (folder / "shop.toml").chmod(0o600)
    (tmp_path / "backends.py").write_text(BACKENDS)
    env = {
        "PYTHONPATH": str(tmp_path),
        "KEPT": str(tmp_path / "kept.json"),
        "PYTHON_KEYRING_BACKEND": "backends.File",
        "BILLCTL_PROFILE": "shop",
    }
    monkeypatch.syspath_prepend(tmp_path)
    yield Machine(tmp_path, env)
    for module in ("backends", "acme_for_auth"):
        sys.modules.pop(module, None)


def use_backend(machine: Machine, name: str) -> None:
    machine.env["PYTHON_KEYRING_BACKEND"] = name


# add


def test_a_piped_secret_is_kept_in_the_keyring_and_only_its_mask_is_shown(machine: Machine) -> None:
    document = machine.document("auth", "add", "stripe", "--stdin", typed=f"{CANARY}\n")
    assert document["exit"] == {"code": 0, "class": "ok"}
    assert (document["profile"], document["mode"], document["warnings"]) == ("shop", "test", [])
    assert document["data"]["secrets"] == [
        {
            "type": "secret",
            "account": "stripe",
            "gateway": "stripe",
            "secret": "api_key",
            "status": "found",
            "source": "keyring",
            "mask": MASK,
            "note": None,
        }
    ]
    assert machine.kept() == {KEPT_UNDER: CANARY}


def test_a_process_of_its_own_keeps_what_it_is_piped(machine: Machine) -> None:
    done = machine.process("auth", "add", "stripe", "--stdin", typed=f"{CANARY}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert MASK in done.stdout
    assert machine.kept() == {KEPT_UNDER: CANARY}


def test_the_record_of_an_added_secret_says_who_and_which_but_not_what(machine: Machine) -> None:
    machine.billctl("auth", "add", "stripe", "--stdin", typed=CANARY)
    (note,) = machine.records()
    assert (note["action"], note["outcome"]) == ("auth add", "succeeded")
    assert (note["profile"], note["account"], note["gateway"]) == ("shop", "stripe", "stripe")
    assert (note["object_type"], note["object_id"]) == ("secret", "api_key")
    assert note["result"] == {"source": "keyring", "mask": MASK}
    assert machine.files_with(CANARY) == []


def test_a_secret_comes_from_a_file_that_nobody_else_can_read(machine: Machine) -> None:
    key = machine.folder / "key.txt"
    key.write_text(f"{CANARY}\n")
    key.chmod(0o640)
    refused = machine.billctl("auth", "add", "stripe", "--from-file", str(key))
    assert refused.returncode == 4
    assert refused.stderr == (
        f"billctl: the file {key} can be read or written by other users. Nothing changed. "
        f"Make it yours alone: chmod 600 {key}\n"
    )
    assert machine.kept() == {}
    key.chmod(0o600)
    assert machine.billctl("auth", "add", "stripe", "--from-file", str(key)).returncode == 0
    assert machine.kept() == {KEPT_UNDER: CANARY}


@pytest.fixture
def prompt(machine: Machine) -> Iterator["pexpect.spawn[str]"]:
    """`auth add stripe` on a terminal of its own, at its prompt."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "billctl", "auth", "add", "stripe"],
        env={**os.environ, **machine.env},
        encoding="utf-8",
        timeout=20,
        dimensions=(30, 120),
    )
    child.expect_exact("api_key of stripe (profile shop, test; not shown):")
    yield child
    child.close(force=True)


def test_on_a_terminal_the_secret_is_asked_for_and_not_echoed(
    machine: Machine, prompt: "pexpect.spawn[str]"
) -> None:
    prompt.waitnoecho()
    prompt.sendline(CANARY)
    prompt.expect(pexpect.EOF)
    prompt.close()
    assert prompt.exitstatus == 0
    assert isinstance(prompt.before, str)
    assert "canary" not in prompt.before.lower()
    assert MASK in prompt.before
    assert "billctl --profile shop profile check" in prompt.before
    assert machine.kept() == {KEPT_UNDER: CANARY}


@pytest.mark.slow
def test_an_operator_who_stops_answering_keeps_nothing(
    machine: Machine, prompt: "pexpect.spawn[str]"
) -> None:
    prompt.waitnoecho()
    prompt.sendeof()
    prompt.expect_exact("nobody answered")
    prompt.expect(pexpect.EOF)
    prompt.close()
    assert prompt.exitstatus == 8
    assert machine.kept() == {}


def test_stdin_that_is_a_terminal_is_refused_because_it_would_show_the_secret(machine: Machine) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "billctl", "auth", "add", "stripe", "--stdin"],
        env={**os.environ, **machine.env},
        encoding="utf-8",
        timeout=20,
    )
    child.expect_exact("--stdin reads a pipe, and standard input is a terminal")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "line"),
    [
        (
            ("stripe",),
            "",
            2,
            "there is no terminal to ask for the secret on. Nothing was sent. "
            "Use --stdin or --from-file FILE.",
        ),
        (
            ("strip", "--stdin"),
            CANARY,
            2,
            "profile shop has no account called 'strip'. Nothing was sent. Its accounts: stripe, stripe-eu.",
        ),
        (
            ("stripe", "--stdin", "--secret", CANARY),
            "",
            2,
            "stripe takes no secret of that name. Nothing was sent. Its secrets: api_key.",
        ),
        (
            ("stripe", "--stdin", "--from-file", "key"),
            CANARY,
            2,
            "--stdin and --from-file exclude each other. Nothing was sent.",
        ),
        (
            ("stripe", "--stdin"),
            " \n",
            4,
            "standard input is empty. Nothing changed. No secret was kept.",
        ),
        (
            ("stripe", "--stdin"),
            f"{CANARY}\n{CANARY}\n",
            4,
            "standard input holds a line break, or a control, invisible or non-ASCII character. "
            "Nothing changed. Copy the key again, alone and whole.",
        ),
        (
            ("stripe", "--stdin"),
            b"\xff\xfecanary",
            4,
            "standard input is not text. Nothing changed. A key is one line of text.",
        ),
    ],
)
def test_bad_input_gets_one_line_and_keeps_nothing(
    machine: Machine, arguments: tuple[str, ...], typed: str | bytes, code: int, line: str
) -> None:
    done = machine.billctl("auth", "add", *arguments, typed=typed)
    assert (done.returncode, done.stderr, done.stdout) == (code, f"billctl: {line}\n", "")
    assert machine.kept() == {}


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("hello", "the api_key is not a Stripe secret key"),
        ("pk_test_CANARYcanaryCANARY4f2a", "the api_key is a publishable key"),
        ("sk_live_CANARYcanaryCANARY4f2a", "the api_key is a live key, but the profile says test"),
    ],
)
def test_a_key_that_cannot_open_the_account_replaces_none(machine: Machine, key: str, why: str) -> None:
    assert machine.billctl("auth", "add", "stripe", "--stdin", typed=OTHER).returncode == 0
    done = machine.billctl("auth", "add", "stripe", "--stdin", typed=key)
    assert done.returncode == 4
    assert f"{why}. Nothing changed. " in done.stderr
    assert done.stderr.count("\n") == 1
    assert machine.kept() == {KEPT_UNDER: OTHER}


def test_what_a_new_secret_replaces_is_said_and_recorded(machine: Machine) -> None:
    notes = []
    for key in (OTHER, CANARY, CANARY):
        (row,) = machine.document("auth", "add", "stripe", "--stdin", typed=key)["data"]["secrets"]
        notes.append(row["note"])
    assert notes == [None, "replaced sk_test_…1b3c", "the same was there"]
    assert [note["result"].get("replaced") for note in machine.records()] == [None, "sk_test_…1b3c", MASK]
    assert machine.kept() == {KEPT_UNDER: CANARY}


ACME = """
from billctl.gateway import Gateway, Setting

class Acme(Gateway):
    api = 1
    settings = (
        Setting(name="token", help="A token.", secret=True),
        Setting(name="signature", help="Signs requests.", secret=True, required=False),
    )
"""


def install_acme(machine: Machine) -> None:
    """A gateway of somebody else with two secrets, one of them optional, and a profile that uses it."""
    metadata = machine.folder / "billctl_acme-0.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: billctl-acme\nVersion: 0.3\n")
    (metadata / "entry_points.txt").write_text("[billctl.gateways]\nacme = acme_for_auth:Acme\n")
    (machine.folder / "acme_for_auth.py").write_text(ACME)
    profile = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles" / "shop.toml"
    profile.write_text('mode = "test"\n[accounts.acme]\ngateway = "acme"\n')


def test_one_value_for_an_account_with_two_secrets_must_say_which_it_is(machine: Machine) -> None:
    install_acme(machine)
    done = machine.billctl("auth", "add", "acme", "--stdin", typed=CANARY)
    assert (done.returncode, done.stderr) == (
        2,
        "billctl: acme has 2 secrets, and one value is given. Nothing was sent. "
        "Say which with --secret: token, signature.\n",
    )
    assert machine.kept() == {}
    assert (
        machine.billctl("auth", "add", "acme", "--secret", "token", "--stdin", typed=CANARY).returncode == 0
    )
    assert machine.kept() == {"billctl:shop/acme.token": CANARY}
    rows = machine.document("auth", "status")["data"]["secrets"]
    assert [(row["secret"], row["status"], row["note"]) for row in rows] == [
        ("token", "found", None),
        ("signature", "missing", "not needed"),
    ]


@pytest.mark.slow
def test_on_a_terminal_each_secret_is_asked_for_and_an_optional_one_may_stay_blank(machine: Machine) -> None:
    install_acme(machine)
    child = pexpect.spawn(
        sys.executable,
        ["-m", "billctl", "auth", "add", "acme"],
        env={**os.environ, **machine.env},
        encoding="utf-8",
        timeout=20,
    )
    for question, answer in (
        ("token of acme (profile shop, test; not shown):", CANARY),
        ("signature of acme (profile shop, test; not shown, blank if there is none):", ""),
    ):
        child.expect_exact(question)
        child.waitnoecho()
        child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert machine.kept() == {"billctl:shop/acme.token": CANARY}


def test_a_secret_given_as_an_argument_is_refused_and_not_repeated(machine: Machine) -> None:
    done = machine.billctl("auth", "add", "stripe", CANARY)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert machine.kept() == {}


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("backends.Forgetting", "the keyring kept nothing"),
        ("keyring.backends.null.Keyring", "the keyring kept nothing"),
        ("keyring.backends.fail.Keyring", "the keyring keeps nothing: this machine has none"),
        ("backends.Locked", "the keyring keeps nothing: it is locked"),
    ],
)
def test_a_keyring_that_keeps_nothing_is_an_error_and_on_record(
    machine: Machine, backend: str, why: str
) -> None:
    use_backend(machine, backend)
    done = machine.billctl("auth", "add", "stripe", "--stdin", typed=CANARY)
    assert done.returncode == 4
    assert done.stderr == (
        f"billctl: stripe: {why}. Nothing changed. Keep it in another place: see `billctl help secrets`.\n"
    )
    (note,) = machine.records()
    assert (note["action"], note["outcome"]) == ("auth add", "failed")
    assert note["error"]["message"] == why
    assert machine.files_with(CANARY) == []


def test_a_keyring_that_hangs_is_given_up_after_three_seconds(machine: Machine) -> None:
    use_backend(machine, "backends.Hanging")
    started = time.monotonic()
    done = machine.process("auth", "add", "stripe", "--stdin", typed=CANARY)
    assert done.returncode == 4
    assert "the keyring keeps nothing: it did not answer within 3 s" in done.stderr
    assert 3 <= time.monotonic() - started < 8


def test_a_place_that_is_asked_before_the_keyring_is_told(machine: Machine) -> None:
    credentials = machine.folder / "credentials"
    credentials.mkdir()
    (credentials / "billctl.shop.stripe.api_key").write_text(OTHER)
    machine.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    document = machine.document("auth", "add", "stripe", "--stdin", typed=CANARY)
    assert document["exit"]["code"] == 0
    assert document["warnings"] == [
        "the keyring's api_key of stripe is not used: credentials directory is asked first and has one"
    ]


def test_a_credential_command_that_fails_is_told_after_adding(machine: Machine) -> None:
    profile = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles" / "shop.toml"
    profile.write_text('credential_command = ["false"]\n' + SHOP)
    document = machine.document("auth", "add", "stripe", "--stdin", typed=CANARY)
    assert document["warnings"] == ["the keyring's api_key is not used: credential_command failed (exit 1)"]


def test_without_an_audit_log_no_secret_is_changed(machine: Machine) -> None:
    state = Path(os.environ["BILLCTL_STATE_DIR"])
    state.mkdir(mode=0o700)
    (state / "audit.sqlite").write_text("this is no database, but text that is long enough to be one" * 20)
    (state / "audit.sqlite").chmod(0o600)
    for command in (("add", "stripe", "--stdin"), ("remove", "stripe")):
        done = machine.billctl("auth", *command, typed=CANARY)
        assert done.returncode == 9
        assert "it is not a billctl audit log" in done.stderr
    assert machine.kept() == {}


def test_a_kept_secret_that_could_not_be_recorded_is_told_as_just_that(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.3)
    machine.billctl("auth", "add", "stripe-eu", "--stdin", typed=OTHER)
    log = sqlite3.connect(Path(os.environ["BILLCTL_STATE_DIR"]) / "audit.sqlite", isolation_level=None)
    with closing(log):
        log.execute("BEGIN IMMEDIATE")
        done = machine.billctl("auth", "add", "stripe", "--stdin", typed=CANARY)
    assert done.returncode == 9
    assert done.stderr.startswith(
        "billctl: api_key of stripe is kept in the keyring, but the audit log has no record of it: "
        "another process has kept the audit log"
    )
    assert machine.kept()[KEPT_UNDER] == CANARY


@pytest.mark.parametrize("command", [("add", "stripe", "--stdin"), ("remove", "stripe")])
def test_the_sandbox_needs_no_credentials(machine: Machine, command: tuple[str, ...]) -> None:
    done = machine.billctl("--profile", "sandbox", "auth", *command, typed=CANARY)
    assert done.returncode == 2
    assert done.stderr == (
        "billctl: profile sandbox needs no credentials: the sandbox brings its own keys. Nothing was sent. "
        "For an account of yours: `billctl profile create NAME`.\n"
    )
    assert machine.kept() == {}


# remove


def test_remove_takes_the_secret_out_of_the_keyring_and_leaves_a_record(machine: Machine) -> None:
    machine.billctl("auth", "add", "stripe", "--stdin", typed=CANARY)
    document = machine.document("auth", "remove", "stripe")
    assert document["exit"]["code"] == 0
    assert document["data"] == {"account": "stripe", "gateway": "stripe", "removed": ["api_key"]}
    assert machine.kept() == {}
    assert [(note["action"], note["outcome"]) for note in machine.records()] == [
        ("auth add", "succeeded"),
        ("auth remove", "succeeded"),
    ]


def test_removing_what_the_keyring_does_not_hold_is_not_found(machine: Machine) -> None:
    done = machine.billctl("auth", "remove", "stripe")
    assert done.returncode == 3
    assert done.stderr == (
        "billctl: the keyring holds no api_key of stripe. Nothing changed. See `billctl auth status`.\n"
    )


def test_remove_tells_of_another_place_that_still_has_the_secret(machine: Machine) -> None:
    machine.billctl("auth", "add", "stripe", "--stdin", typed=CANARY)
    machine.env["BILLCTL_STRIPE_API_KEY"] = OTHER
    document = machine.document("auth", "remove", "stripe")
    assert document["warnings"] == ["environment BILLCTL_STRIPE_API_KEY still has api_key of stripe"]


# status


def test_status_shows_source_and_mask_of_each_secret_and_how_to_add_the_missing(machine: Machine) -> None:
    machine.billctl("auth", "add", "stripe", "--stdin", typed=CANARY)
    document = machine.document("auth", "status")
    assert document["exit"] == {"code": 7, "class": "partial"}
    rows = document["data"]["secrets"]
    assert [(r["account"], r["secret"], r["status"], r["source"], r["mask"]) for r in rows] == [
        ("stripe", "api_key", "found", "keyring", MASK),
        ("stripe-eu", "api_key", "missing", None, None),
    ]
    (error,) = document["errors"]
    assert (error["class"], error["account"]) == ("auth", "stripe-eu")
    assert "`billctl --profile shop auth add stripe-eu`" in error["message"]
    assert "BILLCTL_STRIPE_EU_API_KEY" in error["message"]


def test_status_of_one_account_is_zero_when_found_and_four_when_missing(machine: Machine) -> None:
    machine.env["BILLCTL_STRIPE_API_KEY"] = CANARY
    found = machine.billctl("auth", "status", "stripe")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == f"stripe\tapi_key\tfound\tenvironment BILLCTL_STRIPE_API_KEY\t{MASK}\t\n"
    missing = machine.billctl("auth", "status", "stripe-eu", "-o", "table")
    assert missing.returncode == 4
    assert [line.split() for line in missing.stdout.splitlines()] == [
        ["account", "secret", "found", "in"],
        ["stripe-eu", "api_key", "missing"],
    ]


def test_status_of_an_account_that_is_not_there_is_a_wrong_call(machine: Machine) -> None:
    done = machine.billctl("auth", "status", "paypal")
    assert done.returncode == 2
    assert "profile shop has no account called 'paypal'" in done.stderr


def test_status_of_the_sandbox_says_that_nothing_needs_adding(machine: Machine) -> None:
    done = machine.billctl("--profile", "sandbox", "auth", "status", "-o", "table")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The sandbox brings its own keys: there is nothing to add." in done.stdout


def test_a_live_key_in_the_environment_is_used_with_a_warning_beside_it(machine: Machine) -> None:
    folder = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles"
    live = SHOP.replace('"test"', '"live"').replace('"stripe"\n', '"stripe"\naccount_id = "acct_1"\n')
    (folder / "till.toml").write_text(live)
    (folder / "till.toml").chmod(0o600)
    machine.env["BILLCTL_STRIPE_API_KEY"] = "sk_live_CANARYcanaryCANARY4f2a"
    document = machine.document("--profile", "till", "auth", "status", "stripe")
    (row,) = document["data"]["secrets"]
    assert (document["mode"], row["mask"]) == ("live", "sk_live_…4f2a")
    assert row["note"] == "a live key in the environment can be read by every program run by this user"


@pytest.mark.parametrize(
    ("key", "profile", "note"),
    [
        ("sk_test_CANARYcanaryCANARY4f2a", "till", "a test key, but the profile says live"),
        ("rk_live_CANARYcanaryCANARY4f2a", "shop", "a live key, but the profile says test"),
    ],
)
def test_a_key_of_the_other_mode_is_called_what_it_is(
    machine: Machine, key: str, profile: str, note: str
) -> None:
    folder = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles"
    nowhere = SHOP.replace('"stripe"\n', '"stripe"\nbase_url = "http://127.0.0.1:9"\n')
    live = nowhere.replace('"test"', '"live"').replace('"stripe"\n', '"stripe"\naccount_id = "acct_1"\n')
    for name, text in (("shop", nowhere), ("till", live)):
        (folder / f"{name}.toml").write_text(text)
        (folder / f"{name}.toml").chmod(0o600)
    machine.env["BILLCTL_STRIPE_API_KEY"] = key
    (row,) = machine.document("--profile", profile, "auth", "status", "stripe")["data"]["secrets"]
    assert row["note"] == note
    document = machine.document("--profile", profile, "doctor")
    details = {check["todo"] for check in document["data"]["checks"] if check["check"] == "credentials"}
    assert note in details
    assert "a live key in the environment" not in str(document)
