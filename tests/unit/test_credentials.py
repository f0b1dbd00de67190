"""Secrets are found in one order, a wrong one is never used instead, and none is ever shown."""

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.credentials import Finder, Keyring, clean, env_name, mask_secret, read_secret_file
from billctl.errors import AuthFailed, ConfigError
from billctl.frozen import replace
from billctl.gateway import Secret, Setting
from billctl.profiles.model import AccountConfig, Mode, Profile
from billctl.sandbox import KEYS

CANARY = "sk_test_WRENwrenWRENwrenWREN4f2a"
OTHER = "sk_test_OTHERotherOTHERother1b3c"

SHOP = Profile(
    name="shop",
    path=Path("shop.toml"),
    mode=Mode.TEST,
    accounts={"stripe-eu": AccountConfig(name="stripe-eu", gateway="stripe")},
)
OFF = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "PRINTED": CANARY}


def finder(env: dict[str, str], *command: str, limit: float = 10.0, profile: Profile = SHOP) -> Finder:
    """A finder that asks no keyring."""
    with_command = replace(profile, credential_command=command)
    return Finder(with_command, {**os.environ, **OFF, **env}, command_limit=limit)


def failure(ask: Callable[[], object]) -> AuthFailed:
    """What `ask` fails with, once it is sure that nobody can read a secret from it."""
    with pytest.raises(AuthFailed) as caught:
        ask()
    told = "".join(traceback.format_exception(caught.value)) + caught.value.line() + repr(vars(caught.value))
    assert "wren" not in told.lower()
    cause: BaseException | None = caught.value
    while cause is not None:
        assert "wren" not in repr(cause).lower()
        cause = cause.__cause__ or cause.__context__
    return caught.value


def python(code: str) -> tuple[str, ...]:
    """A credential command that runs `code`; its own words hold no secret, `KEY` does."""
    return (sys.executable, "-c", f"import os; KEY = os.environ['PRINTED']\n{code}")


# The order


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "billctl.shop.stripe-eu.api_key").write_text(f"{CANARY}\n")
    return tmp_path


def test_the_credentials_directory_comes_first(directory: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(directory), "BILLCTL_STRIPE_EU_API_KEY": OTHER}
    found = finder(env, *python(f"print('{OTHER}')")).find("stripe-eu", "api_key")
    assert (found.value, found.source, found.note) == (CANARY, "credentials directory", None)


def test_the_command_comes_before_the_environment(tmp_path: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "BILLCTL_STRIPE_EU_API_KEY": OTHER}
    found = finder(env, *python("print(KEY)")).find("stripe-eu", "api_key")
    assert (found.value, found.source) == (CANARY, "credential_command")


def test_the_environment_comes_last() -> None:
    found = finder({"BILLCTL_STRIPE_EU_API_KEY": f" {CANARY}\n"}).find("stripe-eu", "api_key")
    assert (found.value, found.source) == (CANARY, "environment BILLCTL_STRIPE_EU_API_KEY")
    assert found.note is None


def test_a_live_key_in_the_environment_is_remarked_on() -> None:
    live = replace(SHOP, mode=Mode.LIVE)
    found = finder({"BILLCTL_STRIPE_EU_API_KEY": CANARY}, profile=live).find("stripe-eu", "api_key")
    assert found.note == "a live key in the environment can be read by every program run by this user"


@pytest.mark.parametrize(
    ("account", "secret", "name"),
    [
        ("stripe", "api_key", "BILLCTL_STRIPE_API_KEY"),
        ("stripe-eu", "api_key", "BILLCTL_STRIPE_EU_API_KEY"),
        ("shop_2", "consumer_secret", "BILLCTL_SHOP_2_CONSUMER_SECRET"),
    ],
)
def test_the_variable_of_a_secret_is_named_as_the_contract_says(account: str, secret: str, name: str) -> None:
    assert env_name(account, secret) == name


def test_a_secret_that_is_nowhere_is_answered_with_the_ways_to_give_it() -> None:
    error = failure(lambda: finder({"BILLCTL_STRIPE_EU_API_KEY": "  "}).find("stripe-eu", "api_key"))
    assert error.line() == (
        "there is no api_key for account stripe-eu of profile shop. Nothing changed. "
        "Add it: `billctl --profile shop auth add stripe-eu`, or set BILLCTL_STRIPE_EU_API_KEY."
    )
    assert (error.exit_code, error.code) == (4, "no_credentials")
    assert error.account == "stripe-eu"


# The sandbox


def test_the_sandbox_profile_takes_its_own_key_and_reads_nobody_elses(directory: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(directory), "BILLCTL_STRIPE_EU_API_KEY": CANARY}
    sandbox = replace(SHOP, sandbox=True)
    ran = directory / "ran"
    find = finder(env, *python(f"open({str(ran)!r}, 'w')"), profile=sandbox).find
    found = find("stripe-eu", "api_key")
    assert (found.value, found.source) == (KEYS["stripe"]["api_key"], "sandbox")
    assert not ran.exists()


def test_a_gateway_that_the_sandbox_does_not_rehearse_is_said() -> None:
    strange = replace(SHOP, sandbox=True, accounts={"x": AccountConfig(name="x", gateway="acme")})
    with pytest.raises(ConfigError, match="the sandbox has no acme with a token"):
        finder({}, profile=strange).find("x", "token")


# What is found but cannot be used ends the search


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (f"{CANARY}\n{OTHER}\n".encode(), "holds a line break, or a control"),
        (f"{CANARY}\x1b[2J".encode(), "holds a line break, or a control"),
        (f"{CANARY}\u200b".encode(), "invisible or non-ASCII character"),
        (f"\ufeff{CANARY}".encode(), "invisible or non-ASCII character"),
        (CANARY.encode() + b"\xff", "is not text"),
        (CANARY.encode() * 400, "is longer than 8192 characters"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_and_the_search_ends(
    content: bytes, problem: str, directory: Path
) -> None:
    (directory / "billctl.shop.stripe-eu.api_key").write_bytes(content)
    env = {"CREDENTIALS_DIRECTORY": str(directory), "BILLCTL_STRIPE_EU_API_KEY": CANARY}
    error = failure(lambda: finder(env).find("stripe-eu", "api_key"))
    assert error.message.startswith("the credentials directory's billctl.shop.stripe-eu.api_key ")
    assert problem in error.message
    assert error.account == "stripe-eu"


def test_a_credentials_file_that_cannot_be_read_ends_the_search(directory: Path) -> None:
    path = directory / "billctl.shop.stripe-eu.api_key"
    path.unlink()
    path.mkdir()
    env = {"CREDENTIALS_DIRECTORY": str(directory), "BILLCTL_STRIPE_EU_API_KEY": CANARY}
    error = failure(lambda: finder(env).find("stripe-eu", "api_key"))
    assert "cannot be read: Is a directory" in error.message


def test_a_variable_that_holds_no_key_is_refused() -> None:
    error = failure(
        lambda: finder({"BILLCTL_STRIPE_EU_API_KEY": f"{CANARY}\nx"}).find("stripe-eu", "api_key")
    )
    assert error.message.startswith("the environment variable BILLCTL_STRIPE_EU_API_KEY holds a line break")


@given(st.text())
def test_clean_text_is_one_line_of_ascii_or_refused_without_being_shown(text: str) -> None:
    if text.strip().isascii() and text.strip().isprintable():
        assert (clean(text, "the file") or "") == text.strip()
    else:
        with pytest.raises(AuthFailed) as caught:
            clean(text, "the file")
        assert caught.value.message == (
            "the file holds a line break, or a control, invisible or non-ASCII character"
        )


# The command


def test_the_command_is_told_what_is_wanted_by_words_and_by_its_environment() -> None:
    code = (
        "import os, sys; e = os.environ;"
        "print('|'.join([*sys.argv[1:], e['BILLCTL_PROFILE'], e['BILLCTL_ACCOUNT'], e['BILLCTL_SECRET']]))"
    )
    found = finder({}, *python(code), "get/{profile}/{account}", "{secret}", "{other}").find(
        "stripe-eu", "api_key"
    )
    assert found.value == "get/shop/stripe-eu|api_key|{other}|shop|stripe-eu|api_key"


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    found = finder({}, *python("import sys; print(sys.argv[1])"), f"$(touch {marker}); `id`").find(
        "stripe-eu", "api_key"
    )
    assert found.value == f"$(touch {marker}); `id`"
    assert not marker.exists()


def test_only_the_first_line_counts_and_the_rest_does_not_stop_the_command() -> None:
    code = "import sys; print(KEY); sys.stdout.write('x' * 1_000_000)"
    assert finder({}, *python(code)).find("stripe-eu", "api_key").value == CANARY


def test_a_command_has_no_input_to_wait_for() -> None:
    code = "import sys; sys.stdin.read(); print(KEY)"
    assert finder({}, *python(code)).find("stripe-eu", "api_key").value == CANARY


@pytest.mark.parametrize("code", ["pass", "print()", "print('   ')"])
def test_a_command_that_prints_nothing_has_no_secret_and_the_search_goes_on(code: str) -> None:
    found = finder({"BILLCTL_STRIPE_EU_API_KEY": CANARY}, *python(code)).find("stripe-eu", "api_key")
    assert found.source == "environment BILLCTL_STRIPE_EU_API_KEY"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import sys; print(KEY); sys.exit(KEY)", "credential_command failed (exit 1)"),
        ("print(KEY, flush=True); os.kill(os.getpid(), 9)", "failed (signal 9)"),
        ("print(KEY * 400)", "printed more than 8192 characters in one line"),
        ("os.write(1, KEY.encode() + bytes([255]))", "first line is not text"),
        ("print(KEY + chr(7))", "first line holds a line break, or a control"),
    ],
)
def test_a_command_that_fails_ends_the_search(code: str, problem: str) -> None:
    error = failure(
        lambda: finder({"BILLCTL_STRIPE_EU_API_KEY": OTHER}, *python(code)).find("stripe-eu", "api_key")
    )
    assert problem in error.message


def test_what_a_command_says_on_stderr_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print(KEY, file=sys.stderr); sys.exit(3)"
    error = failure(lambda: finder({}, *python(code)).find("stripe-eu", "api_key"))
    assert error.line() == (
        "credential_command failed (exit 3). Nothing changed. Run it yourself to see why."
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("program", ["/nowhere/pass", "", "."])
def test_a_command_that_cannot_start_ends_the_search(program: str) -> None:
    env = {"BILLCTL_STRIPE_EU_API_KEY": CANARY}
    error = failure(lambda: finder(env, program, "x").find("stripe-eu", "api_key"))
    assert error.message.startswith(f"credential_command cannot be started: {program}: ")


def test_a_slow_command_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = f"import time; pipe = open({str(pipe)!r}, 'w'); pipe.write('here'); pipe.flush(); time.sleep(60)"
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print(KEY, flush=True)\n"
        "time.sleep(60)"
    )
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        started = time.monotonic()
        error = failure(lambda: finder({}, *python(code), limit=2.5).find("stripe-eu", "api_key"))
        assert time.monotonic() - started < 10
        assert error.message == "credential_command did not end within 2.5 s"
        assert os.read(reader, 10) == b"here"
        assert ended(reader)
    finally:
        os.close(reader)


def ended(reader: int) -> bool:
    """Whether whoever writes into the pipe is gone within a few seconds."""
    for _ in range(100):
        try:
            return os.read(reader, 10) == b""
        except BlockingIOError:
            time.sleep(0.05)
    return False


def test_a_command_that_prints_without_end_is_killed_and_not_kept() -> None:
    code = "while True: os.write(1, b'noise ' * 10000)"
    error = failure(lambda: finder({}, *python(code), limit=0.5).find("stripe-eu", "api_key"))
    assert error.message == "credential_command did not end within 0.5 s"


def test_a_program_left_running_by_the_command_does_not_hold_it_up(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "print(KEY)"
    )
    started = time.monotonic()
    try:
        assert finder({}, *python(code)).find("stripe-eu", "api_key").value == CANARY
        assert time.monotonic() - started < 8
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 9)


# Showing


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("sk_test_WRENwrenWRENwrenWREN4f2a", "sk_test_…4f2a"),
        ("rk_live_WRENwrenWRENwrenWREN4f2a", "rk_live_…4f2a"),
        ("ck_0123456789abcdef0123456789abcdef01234567", "ck_…4567"),
        ("EHxWRENwrenWRENwrenWREN4f2a", "…4f2a"),
        ("sk_test_short4f2a", "sk_test_…"),
        ("short", "…"),
        ("", "…"),
    ],
)
def test_a_mask_shows_the_kind_and_the_end_of_a_long_secret_only(secret: str, shown: str) -> None:
    assert mask_secret(secret) == shown


@given(st.text(min_size=1))
def test_a_mask_never_shows_most_of_a_secret(secret: str) -> None:
    shown = mask_secret(secret)
    assert secret not in shown
    assert len(shown) <= len("sk_test_") + 1 + 4


def test_the_status_shows_each_secret_by_source_and_mask_alone() -> None:
    settings = [
        Setting(name="merchant_id", help="no secret"),
        Setting(name="api_key", help="a key", secret=True),
        Setting(name="other_key", help="a key", secret=True),
    ]
    rows = finder({"BILLCTL_STRIPE_EU_API_KEY": CANARY}).status("stripe-eu", settings)
    assert [(row.secret, row.source, row.mask) for row in rows] == [
        ("api_key", "environment BILLCTL_STRIPE_EU_API_KEY", "sk_test_…4f2a"),
        ("other_key", None, None),
    ]
    assert rows[1].problem is not None
    assert rows[1].problem.code == "no_credentials"
    assert "wren" not in repr(rows).lower()


def test_a_found_secret_shows_itself_to_nobody() -> None:
    found = finder({"BILLCTL_STRIPE_EU_API_KEY": CANARY}).find("stripe-eu", "api_key")
    assert isinstance(found.value, Secret)
    assert "wren" not in repr(found).lower()


# A file for `auth add --from-file`


def test_a_secret_is_read_from_a_file_of_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{CANARY}\n")
    path.chmod(0o600)
    assert read_secret_file(path) == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_secret_in_a_file_open_to_others_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(CANARY)
    path.chmod(mode)
    error = failure(lambda: read_secret_file(path))
    assert error.message == f"the file {path} can be read or written by other users"
    assert error.hint == f"Make it yours alone: chmod 600 {path}"


def test_a_file_that_is_absent_or_empty_is_said(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert "cannot be read: No such file or directory" in failure(lambda: read_secret_file(path)).message
    path.touch(0o600)
    assert failure(lambda: read_secret_file(path)).message == f"the file {path} is empty"


def test_a_keyring_switched_off_is_not_even_imported() -> None:
    code = (
        "import sys, pathlib\n"
        "from billctl.credentials import Finder\n"
        "from billctl.profiles.model import Profile, Mode\n"
        "shop = Profile(name='shop', path=pathlib.Path('x'), mode=Mode.TEST, accounts={})\n"
        "env = {'PYTHON_KEYRING_BACKEND': 'keyring.backends.null.Keyring', 'BILLCTL_STRIPE_API_KEY': 'k'}\n"
        "print(Finder(shop, env).find('stripe', 'api_key').source)\n"
        "print({'keyring', 'subprocess', 'platformdirs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "environment BILLCTL_STRIPE_API_KEY\nset()\n"


def test_one_keyring_serves_several_finders() -> None:
    shared = Keyring()
    assert Finder(SHOP, {}, keyring=shared).keyring is shared
