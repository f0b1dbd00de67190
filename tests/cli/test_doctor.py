"""`billctl doctor`: every part is checked on its own, and the gravest failure decides the exit code."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billctl.audit.actor import current_actor
from billctl.audit.log import AuditLog, Subject
from billctl.cli.app import run
from billctl.sandbox import ACCOUNT_ID, BRAINTREE_MERCHANT_ID, PAYPAL_CLIENT_ID, RECURLY_SITE, STRIPE_KEY
from billctl.store import schema
from billctl.store.sqlite import open_store
from tests.rehearsal import rehearsed
from tests.terminal import on_terminal

CANARY = "sk_test_CANARYcanaryCANARY4f2a"

SHOP = 'mode = "test"\n[accounts.stripe]\ngateway = "stripe"\n'

Document = dict[str, Any]
Doctor = Callable[..., Document]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs `billctl doctor` for a profile and returns the JSON document."""

    def call(*arguments: str) -> Document:
        code = run([*arguments, "doctor", "-o", "json"])
        captured = capsys.readouterr()
        assert "canary" not in (captured.out + captured.err).lower()
        document: Document = json.loads(captured.out)
        assert document["exit"]["code"] == code
        return document

    return call


def rows(document: Document, check: str) -> list[tuple[str, str, str | None]]:
    """Status, detail and what to do of every row of a check."""
    return [
        (row["status"], row["detail"], row["todo"])
        for row in document["data"]["checks"]
        if row["check"] == check
    ]


def failed(document: Document) -> list[str]:
    return [row["check"] for row in document["data"]["checks"] if row["status"] == "failed"]


def write(name: str, text: str) -> Path:
    folder = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def state() -> Path:
    """The state directory, made as billctl makes it."""
    path = Path(os.environ["BILLCTL_STATE_DIR"])
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def write_log(*, leave_open: bool = False) -> Path:
    """An audit log with a few records, the last an operation that is open."""
    path = state() / "audit.sqlite"
    with closing(open_store(path)) as store:
        log = AuditLog(
            store,
            actor=current_actor(os.environ),
            profile="shop",
            mode="test",
            clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            source="cli",
            argv=(),
        )
        log.note("auth add", account="stripe", gateway="stripe")
        if leave_open:
            subject = Subject(
                action="refund",
                gateway="stripe",
                account="stripe",
                account_id="acct_1",
                live=False,
                object_type="charge",
                object_id="ch_1",
                object="stripe|acct_1|ch_1",
                reason="charged twice",
            )
            log.intent(subject, operation="op_01TEST", key="k" * 32)
    return path


# The parts that are well


def test_a_new_machine_is_well_and_told_how_to_begin(doctor: Doctor) -> None:
    document = doctor()
    assert document["exit"] == {"code": 0, "class": "ok"}
    assert (document["profile"], document["errors"]) == (None, [])
    ((status, detail, _),) = rows(document, "billctl")
    assert status == "ok"
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}." in detail
    assert sqlite3.sqlite_version in detail
    (packages,) = rows(document, "packages")
    assert all(
        f"{name} " in packages[1] for name in ("stripe", "paypalrestsdk", "braintree", "recurly", "keyring")
    )
    config = os.environ["BILLCTL_CONFIG_DIR"]
    assert rows(document, "config") == [
        ("ok", f"{config} is not there yet", "`billctl profile create NAME` makes it.")
    ]
    assert rows(document, "audit log")[0][0] == "ok"
    assert rows(document, "profile") == [
        (
            "warning",
            "no profile is chosen and no default is set",
            "Try it without any account: --profile sandbox. Set your own up: `billctl profile create NAME`.",
        )
    ]


def test_the_sandbox_is_well_and_its_accounts_are_named(doctor: Doctor) -> None:
    document = doctor("--profile", "sandbox")
    assert (document["exit"]["code"], document["profile"], document["mode"]) == (0, "sandbox", "test")
    assert rows(document, "credentials") == [
        ("ok", "stripe api_key: sandbox, sk_test_…lKey", None),
        ("ok", "paypal client_secret: sandbox, …Real", None),
        ("ok", "braintree private_key: sandbox, …real", None),
        ("ok", "woocommerce consumer_key: sandbox, ck_…0001", None),
        ("ok", "woocommerce consumer_secret: sandbox, cs_…0001", None),
        ("ok", "recurly api_key: sandbox, …lkey", None),
    ]
    stripe, *others = rows(document, "gateways")
    assert stripe[0] == "ok"
    assert stripe[1].startswith("stripe: ")
    assert stripe[1].endswith(f"{ACCOUNT_ID}, test")
    assert others == [
        ("ok", f"paypal: {PAYPAL_CLIENT_ID}", None),
        ("ok", f"braintree: {BRAINTREE_MERCHANT_ID}", None),
        (
            "ok",
            "woocommerce: shop.example, WooCommerce 10.0.2, currency USD, decimals 2, e-mails send_email, "
            "send_order_details, subscriptions yes, key reads and writes, permalinks pretty",
            None,
        ),
        (
            "ok",
            f"recurly: {RECURLY_SITE}, test, mode development, currency USD, credit invoices on, "
            "only bill what changed on",
            None,
        ),
    ]


def test_a_person_sees_a_line_for_each_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--profile", "sandbox", "doctor", "-o", "table"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("ok")][:2] == [
        ["ok", "billctl"],
        ["ok", "packages"],
    ]
    assert any(line.startswith("ok       gateways     stripe: ") for line in lines)


def test_a_line_that_is_too_long_goes_on_below_its_own_column() -> None:
    code, shown = on_terminal("", lambda: run(("-p", "sandbox", "doctor", "--no-color")), columns=80)
    assert code == 0
    lines = [line.rstrip() for line in shown[shown.index("ok       packages") :].splitlines()]
    first, second = lines[:2]
    assert first.startswith(f"{'ok       packages':22}typer ")
    assert second.startswith(" " * 22)
    assert second[22:23].isalnum()


# The audit log


def test_a_log_is_opened_and_its_chain_proved(doctor: Doctor) -> None:
    path = write_log()
    document = doctor()
    assert document["exit"]["code"] == 0
    words = f"{path}, schema {schema.VERSION}, WAL, synchronous FULL"
    assert rows(document, "audit log") == [("ok", words, None)]
    ((status, detail, _),) = rows(document, "audit chain")
    assert status == "ok"
    assert detail.startswith("2 records, chain whole, head ")


def test_an_operation_that_is_not_settled_is_named(doctor: Doctor) -> None:
    write_log(leave_open=True)
    document = doctor()
    assert document["exit"]["code"] == 0
    assert rows(document, "operations") == [
        ("warning", "not settled: op_01TEST", "Run `billctl audit reconcile`.")
    ]


def test_a_record_that_was_changed_fails_the_check(doctor: Doctor) -> None:
    path = write_log()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'record_update'").fetchone()
        db.execute("DROP TRIGGER record_update")
        db.execute("UPDATE record SET body = replace(body, 'auth add', 'auth adt') WHERE seq = 2")
        db.execute(sql)
    document = doctor()
    assert document["exit"] == {"code": 9, "class": "store"}
    ((_, detail, todo),) = (row for row in rows(document, "audit log") if row[0] == "failed")
    assert "record 2 was changed" in detail
    assert todo == "Run `billctl audit verify`."


def test_a_garbage_log_fails_and_the_other_parts_are_still_checked(doctor: Doctor) -> None:
    (state() / "audit.sqlite").write_text("no database, but long enough to be read as one. " * 40)
    (state() / "audit.sqlite").chmod(0o600)
    document = doctor("--profile", "sandbox")
    assert document["exit"]["code"] == 9
    assert failed(document) == ["audit log"]
    assert rows(document, "gateways")[0][0] == "ok"


# Directories


@pytest.mark.parametrize(
    ("variable", "check", "code"), [("BILLCTL_STATE_DIR", "state", 9), ("BILLCTL_CONFIG_DIR", "config", 12)]
)
def test_a_directory_that_others_may_write_fails(
    doctor: Doctor, variable: str, check: str, code: int
) -> None:
    path = Path(os.environ[variable])
    path.mkdir(mode=0o700)
    path.chmod(0o777)
    document = doctor()
    assert document["exit"]["code"] == code
    assert rows(document, check) == [
        ("failed", f"{path} can be written by other users", f"Make it yours alone: chmod 700 {path}")
    ]


def test_a_file_in_the_state_that_others_may_read_is_a_warning_with_the_remedy(doctor: Doctor) -> None:
    loose = state() / "note.txt"
    loose.write_text("x")
    loose.chmod(0o644)
    document = doctor()
    assert document["exit"]["code"] == 0
    assert ("warning", f"others may look into {loose} (mode 0644)", f"chmod 600 {loose}") in rows(
        document, "state"
    )


# Profiles


def test_a_faulty_profile_that_is_chosen_fails_and_another_is_only_a_warning(doctor: Doctor) -> None:
    write("bad", SHOP.replace('"test"', '"tset"'))
    document = doctor("--profile", "sandbox")
    assert document["exit"]["code"] == 0
    ((status, detail, todo),) = rows(document, "profiles")
    assert (status, todo) == ("warning", "See `billctl profile check bad`.")
    assert detail.startswith("bad.toml line 1, mode:")
    document = doctor("--profile", "bad")
    assert document["exit"] == {"code": 12, "class": "config"}
    assert failed(document) == ["profile"]
    assert rows(document, "profiles") == []


# Credentials and gateways


@pytest.fixture
def stripe_url(tmp_path: Path) -> Iterator[str]:
    """A Stripe that answers on loopback."""
    with rehearsed(tmp_path / "server") as sandbox:
        yield sandbox.url("stripe")


def account(name: str, url: str) -> str:
    return f'[accounts.{name}]\ngateway = "stripe"\nbase_url = "{url}"\n'


def test_credentials_that_are_missing_or_refused_and_a_gateway_that_is_down_each_say_so(
    doctor: Doctor, stripe_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [account(name, stripe_url) for name in ("good", "refused", "missing")]
    write("shop", 'mode = "test"\n' + "".join(accounts) + account("down", "http://127.0.0.1:9"))
    monkeypatch.setenv("BILLCTL_GOOD_API_KEY", STRIPE_KEY)
    monkeypatch.setenv("BILLCTL_REFUSED_API_KEY", CANARY)
    monkeypatch.setenv("BILLCTL_DOWN_API_KEY", CANARY)
    document = doctor("--profile", "shop")
    assert document["exit"] == {"code": 4, "class": "auth"}
    assert [row[0] for row in rows(document, "credentials")] == ["ok", "ok", "failed", "ok"]
    answers = [(status, detail.partition(":")[0]) for status, detail, *_ in rows(document, "gateways")]
    assert answers == [("ok", "good"), ("failed", "refused"), ("failed", "down")]
    assert {error["account"]: error["class"] for error in document["errors"]} == {
        "missing": "auth",
        "refused": "auth",
        "down": "network",
    }


def test_on_a_terminal_each_failed_part_names_its_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = [account(name, "http://127.0.0.1:9") for name in ("down", "missing")]
    write("shop", 'mode = "test"\n' + "".join(accounts))
    monkeypatch.setenv("BILLCTL_DOWN_API_KEY", CANARY)
    run(["--profile", "shop", "doctor", "-o", "table"])
    shown = capsys.readouterr().out.splitlines()
    told = [line.split() for line in shown if line.startswith("failed")]
    assert [words[1:3] for words in told] == [["credentials", "missing:"], ["gateways", "down:"]]


def test_a_gateway_that_is_down_alone_is_a_network_failure(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop", 'mode = "test"\n' + account("stripe", "http://127.0.0.1:9"))
    monkeypatch.setenv("BILLCTL_STRIPE_API_KEY", CANARY)
    assert doctor("--profile", "shop")["exit"] == {"code": 11, "class": "network"}


# The keyring and plugins are chosen once in a process: here each doctor is a process of its own


def run_alone(**env: str) -> tuple[int, Document]:
    done = subprocess.run(
        [sys.executable, "-m", "billctl", "doctor", "-o", "json"],
        check=False,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "canary" not in (done.stdout + done.stderr).lower()
    return done.returncode, json.loads(done.stdout)


BACKENDS = """
import time
import keyring.backend

class Kept(keyring.backend.KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        return None
    set_password = delete_password = get_password

class Hanging(Kept):
    def get_password(self, service, username):
        time.sleep(60)
"""


def test_a_keyring_that_answers_is_named_and_one_that_hangs_is_a_warning_in_time(tmp_path: Path) -> None:
    (tmp_path / "backends.py").write_text(BACKENDS)
    path = str(tmp_path)
    _, document = run_alone(PYTHONPATH=path, PYTHON_KEYRING_BACKEND="backends.Kept")
    assert rows(document, "keyring") == [("ok", "backends Kept", None)]
    write("shop", SHOP)
    started = time.monotonic()
    code, document = run_alone(
        PYTHONPATH=path, PYTHON_KEYRING_BACKEND="backends.Hanging", BILLCTL_PROFILE="shop"
    )
    assert time.monotonic() - started < 10
    ((status, detail, todo),) = rows(document, "keyring")
    assert (status, detail) == ("warning", "the keyring was asked, but it did not answer within 3 s")
    assert todo == "Secrets can come from other places: `billctl help secrets`."
    assert (code, failed(document)) == (4, ["credentials"])


def test_a_keyring_switched_off_is_no_fault(doctor: Doctor) -> None:
    assert rows(doctor(), "keyring") == [("ok", "switched off by PYTHON_KEYRING_BACKEND", None)]


def test_a_broken_plugin_of_somebody_else_is_a_warning_that_names_its_package(tmp_path: Path) -> None:
    metadata = tmp_path / "billctl_acme-0.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: billctl-acme\nVersion: 0.3\n")
    (metadata / "entry_points.txt").write_text("[billctl.gateways]\nacme = acme_gateway:Acme\n")
    (tmp_path / "acme_gateway.py").write_text("raise RuntimeError('no licence')\n")
    code, document = run_alone(PYTHONPATH=str(tmp_path))
    assert code == 0
    broken, whole = rows(document, "plugins")
    assert broken[0] == "warning"
    assert "billctl-acme 0.3" in broken[1]
    assert "no licence" in broken[1]
    assert whole == ("ok", "gateways: stripe, paypal, braintree, woocommerce, recurly", None)


# Completion


def test_a_shell_without_the_completion_script_is_told_which_command_prints_it(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/zsh")
    ((status, _, todo),) = rows(doctor(), "completion")
    assert (status, todo) == ("ok", "`billctl completion zsh` prints it.")
    script = Path(os.environ["HOME"]) / ".zfunc" / "_billctl"
    script.parent.mkdir(parents=True)
    script.write_text("#compdef billctl\n")
    assert rows(doctor(), "completion") == [("ok", f"zsh: {script}", None)]
