"""The keyring is asked through its own library, within a limit, and believed only after reading back.

Each test runs a program of its own, because a keyring backend is chosen once in a process.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

CANARY = "sk_test_CANARYcanaryCANARY4f2a"
OTHER = "sk_test_OTHERotherOTHERother1b3c"

BACKENDS = '''
import json, os, pathlib, time
import keyring.backend, keyring.errors

class File(keyring.backend.KeyringBackend):
    """Keeps secrets in the file that KEPT names."""
    priority = 1
    path = pathlib.Path(os.environ.get("KEPT", "kept.json"))
    def all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}
    def get_password(self, service, username):
        return self.all().get(f"{service}/{username}")
    def set_password(self, service, username, password):
        self.path.write_text(json.dumps(self.all() | {f"{service}/{username}": password}))
    def delete_password(self, service, username):
        kept = self.all()
        if f"{service}/{username}" not in kept:
            raise keyring.errors.PasswordDeleteError("no such password")
        del kept[f"{service}/{username}"]
        self.path.write_text(json.dumps(kept))

class Hanging(File):
    def get_password(self, service, username):
        time.sleep(60)
    set_password = delete_password = get_password

class Raising(File):
    def get_password(self, service, username, password=None):
        raise RuntimeError(f"{service} {username} {password} CANARY")
    set_password = get_password

class Locked(File):
    def get_password(self, service, username):
        raise keyring.errors.KeyringLocked("CANARY")

class Forgetting(File):
    def set_password(self, service, username, password):
        pass

class Changing(File):
    def set_password(self, service, username, password):
        super().set_password(service, username, password.lower())

class Clinging(File):
    def delete_password(self, service, username):
        pass

class Unfit(File):
    @keyring.backend.properties.classproperty
    def priority(cls):
        raise RuntimeError("CANARY")
'''

PRELUDE = """
import os, pathlib, time, traceback
from billctl.credentials import Finder, Keyring, KeyringFailed, store_secret, remove_secret
from billctl.errors import AuthFailed
from billctl.profiles.model import Mode, Profile
shop = Profile(name="shop", path=pathlib.Path("x"), mode=Mode.TEST, accounts={})
ring = Keyring(limit=LIMIT)
def find():
    found = Finder(shop, os.environ, keyring=ring).find("stripe", "api_key")
    print(found.source, "|", found.value, "|", found.note)
def tried(act):
    try:
        act()
    except AuthFailed as error:
        print(error.line())
        assert "canary" not in "".join(traceback.format_exception(error)).lower()
"""


def run(tmp_path: Path, backend: str, code: str, limit: float = 3.0, **env: str) -> str:
    """What a program prints that uses `backend`, a class of BACKENDS or a whole name; it must end well."""
    (tmp_path / "backends.py").write_text(BACKENDS)
    name = backend if "." in backend else f"backends.{backend}"
    variables = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": name,
        "KEPT": str(tmp_path / "kept.json"),
        "GIVEN": CANARY,  # not in the program's text, which a traceback shows
        **env,
    }
    program = PRELUDE.replace("LIMIT", str(limit)) + code
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=variables,
        check=False,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def slow(*values: str) -> Any:
    """A case that comes by what another case comes by too."""
    return pytest.param(*values, marks=pytest.mark.slow)


STORE = "store_secret(ring, 'shop', 'stripe', 'api_key', os.environ['GIVEN'])\n"


def test_a_stored_secret_is_found_under_the_documented_names(tmp_path: Path) -> None:
    out = run(tmp_path, "File", STORE + "find()\nprint(pathlib.Path(os.environ['KEPT']).read_text())")
    assert out.splitlines() == [
        f"keyring | {CANARY} | None",
        f'{{"billctl:shop/stripe.api_key": "{CANARY}"}}',
    ]


def test_the_keyring_comes_before_the_environment(tmp_path: Path) -> None:
    assert run(tmp_path, "File", STORE + "find()", BILLCTL_STRIPE_API_KEY=OTHER).startswith("keyring |")


@pytest.mark.slow
def test_an_empty_keyring_leaves_it_to_the_environment(tmp_path: Path) -> None:
    out = run(tmp_path, "File", "find()", BILLCTL_STRIPE_API_KEY=OTHER)
    assert out == f"environment BILLCTL_STRIPE_API_KEY | {OTHER} | None\n"


def test_a_removed_secret_is_gone_and_removing_it_again_says_there_was_none(tmp_path: Path) -> None:
    code = STORE + "print([remove_secret(ring, 'shop', 'stripe', 'api_key') for _ in '12'])\ntried(find)"
    assert run(tmp_path, "File", code).splitlines() == [
        "[True, False]",
        "there is no api_key for account stripe of profile shop. Nothing changed. "
        "Add it: `billctl --profile shop auth add stripe`, or set BILLCTL_STRIPE_API_KEY.",
    ]


@pytest.mark.parametrize(
    ("backend", "problem"),
    [
        slow("keyring.backends.null.Keyring", "the keyring kept nothing"),
        slow("keyring.backends.fail.Keyring", "the keyring keeps nothing: this machine has none"),
        ("Forgetting", "the keyring kept nothing"),
        slow("Changing", "the keyring gave back something else than it was given"),
        slow("Raising", "the keyring keeps nothing: it failed (RuntimeError)"),
        ("Locked", "the keyring keeps nothing: it is locked"),
        slow("Unfit", "the keyring keeps nothing: it failed (RuntimeError)"),
        slow("nowhere.Keyring", "the keyring keeps nothing: it failed (ModuleNotFoundError)"),
    ],
)
def test_a_secret_that_is_not_really_kept_is_said_and_goes_nowhere_else(
    backend: str, problem: str, tmp_path: Path
) -> None:
    out = run(tmp_path, backend, f"tried(lambda: {STORE.strip()})", HOME=str(tmp_path / "home"))
    assert out == f"{problem}. Nothing changed. Keep it in another place: see `billctl help secrets`.\n"
    assert not list((tmp_path / "home").rglob("*"))


@pytest.mark.slow
def test_a_secret_that_stays_after_removal_is_said(tmp_path: Path) -> None:
    code = STORE + "tried(lambda: remove_secret(ring, 'shop', 'stripe', 'api_key'))"
    assert run(tmp_path, "Clinging", code).startswith("the keyring still holds the secret.")


@pytest.mark.parametrize(
    ("backend", "note"),
    [
        slow("keyring.backends.null.Keyring", "None"),
        slow("keyring.backends.fail.Keyring", "None"),
        ("Locked", "the keyring was asked first, but it is locked"),
        slow("Raising", "the keyring was asked first, but it failed (RuntimeError)"),
        slow("nowhere.Keyring", "the keyring was asked first, but it failed (ModuleNotFoundError)"),
    ],
)
def test_a_keyring_without_an_answer_leaves_it_to_the_environment_and_is_noted(
    backend: str, note: str, tmp_path: Path
) -> None:
    out = run(tmp_path, backend, "find()", BILLCTL_STRIPE_API_KEY=OTHER)
    assert out == f"environment BILLCTL_STRIPE_API_KEY | {OTHER} | {note}\n"


def test_a_machine_without_any_keyring_is_told_so(tmp_path: Path) -> None:
    code = "del os.environ['PYTHON_KEYRING_BACKEND']\ntried(find)\n"
    code += "try: print(ring.backend())\nexcept KeyringFailed as e: print(e)"
    out = run(tmp_path, "File", code, DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    if "fail Keyring" not in out:
        pytest.skip("this machine has a keyring of its own")
    assert "(the keyring was asked, but this machine has none)" in out


def test_a_hanging_keyring_costs_its_limit_once_and_does_not_hold_the_program_open(tmp_path: Path) -> None:
    started = time.monotonic()
    code = "begin = time.monotonic()\n" + "tried(find)\n" * 4 + "print(time.monotonic() - begin < 2.5)"
    lines = run(tmp_path, "Hanging", code, limit=1.0).splitlines()
    assert time.monotonic() - started < 20
    why = "there is no api_key for account stripe of profile shop (the keyring was asked, but it did not "
    assert lines[0].startswith(f"{why}answer within 1 s).")
    assert [line.startswith(f"{why}answer before)") for line in lines[1:4]] == [True] * 3
    assert lines[4] == "True"


def test_the_limit_is_three_seconds_unless_said_otherwise() -> None:
    from billctl.credentials import command, keychain

    assert (keychain.LIMIT, command.LIMIT) == (3.0, 10.0)


def test_what_the_keyring_keeps_but_cannot_be_a_key_is_refused(tmp_path: Path) -> None:
    code = "ring.set('billctl:shop', 'stripe.api_key', 'CANARY\\nCANARY')\ntried(find)"
    out = run(tmp_path, "File", code, BILLCTL_STRIPE_API_KEY=OTHER)
    assert out.startswith("the keyring's secret holds a line break")


def test_accounts_asked_at_once_all_get_their_own_secret(tmp_path: Path) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "names = [f'a{i}' for i in range(8)]\n"
        "for name in names: store_secret(ring, 'shop', name, 'api_key', f'key-of-{name}')\n"
        "ask = lambda name: Finder(shop, os.environ, keyring=ring).find(name, 'api_key').value\n"
        "with ThreadPoolExecutor(8) as pool: found = list(pool.map(ask, names))\n"
        "print(found == [f'key-of-{name}' for name in names])"
    )
    assert run(tmp_path, "File", code) == "True\n"
