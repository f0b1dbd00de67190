"""The parts that `billctl doctor` checks. Each check yields findings, or raises what it failed with."""

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from billctl import VERSION, registry
from billctl.cli.account_check import FAILED, OK, WARNING, CheckedAccount, check_accounts
from billctl.cli.output import with_account
from billctl.cli.profile_files import read_listed
from billctl.cli.secret_status import SecretRow, secret_rows
from billctl.errors import BillctlError, ConfigError, StoreError
from billctl.frozen import frozen
from billctl.paths import config_dir, others_problem, state_dir
from billctl.profiles import chosen_profile, list_profiles, no_profile_error
from billctl.session import STORE, Session, installed_gateways, open_session

PACKAGES = ("typer", "rich", "stripe", "paypalrestsdk", "braintree", "recurly", "keyring", "requests")
"""Whose versions matter when something is reported."""

MEGABYTE = 1024 * 1024
LITTLE_SPACE = 200 * MEGABYTE
NO_SPACE = 10 * MEGABYTE
"""Bytes. The write-ahead log alone takes 4 MB; a record that finds no room stops every action."""

COMPLETIONS: Mapping[str, tuple[str, ...]] = {
    "bash": (
        "~/.local/share/bash-completion/completions/billctl",
        "/usr/local/share/bash-completion/completions/billctl",
        "/usr/share/bash-completion/completions/billctl",
    ),
    "zsh": (
        "~/.zfunc/_billctl",
        "/usr/local/share/zsh/site-functions/_billctl",
        "/usr/share/zsh/site-functions/_billctl",
    ),
    "fish": (
        "~/.config/fish/completions/billctl.fish",
        "/usr/local/share/fish/vendor_completions.d/billctl.fish",
        "/usr/share/fish/vendor_completions.d/billctl.fish",
    ),
}
"""Where each shell looks for a program's completion by itself."""


@frozen
class Finding:
    """What one check found. `error` is set where it failed."""

    check: str
    status: str
    detail: str
    todo: str = ""
    error: BillctlError | None = None

    @classmethod
    def of_error(cls, check: str, error: BillctlError) -> Self:
        """A failed check."""
        detail = with_account(error, error.message)
        return cls(check=check, status=FAILED, detail=detail, todo=error.hint, error=error)

    def data(self) -> dict[str, Any]:
        """The check's row."""
        return {
            "type": "check",
            "check": self.check,
            "status": self.status,
            "detail": self.detail,
            "todo": self.todo or None,
        }


def fine(check: str, detail: str, todo: str = "") -> Finding:
    """A check that found nothing wrong."""
    return Finding(check=check, status=OK, detail=detail, todo=todo)


def warning(check: str, detail: str, todo: str) -> Finding:
    """Something to know that stops nothing yet."""
    return Finding(check=check, status=WARNING, detail=detail, todo=todo)


# The installation


def versions() -> Iterator[Finding]:
    """billctl's own version and those of what it stands on."""
    import platform
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield fine("billctl", f"{VERSION}, {python}, {platform.system()} {platform.machine()}")
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield fine("packages", ", ".join(found))
    if missing:
        raise ConfigError(f"not installed: {', '.join(missing)}", hint="Install billctl again.")


def plugins(env: Mapping[str, str]) -> Iterator[Finding]:
    """Every installed gateway can be loaded; a stranger's that cannot harms nobody else."""
    names = []
    for entry in registry.installed(state_dir(env)).values():
        try:
            registry.load(entry)
        except ConfigError as error:
            if entry.is_ours:
                yield Finding.of_error("plugins", error)
            else:
                yield warning("plugins", error.message, error.hint)
        else:
            names.append(entry.name if entry.is_ours else f"{entry.name} ({entry.package} {entry.version})")
    yield fine("plugins", f"gateways: {', '.join(names) or 'none'}")


def completion(env: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the operator's shell finds a completion script by itself; nothing for an unknown shell."""
    shell = Path(env.get("SHELL", "")).name
    if shell not in COMPLETIONS:
        return
    home = env.get("HOME", "")
    for place in COMPLETIONS[shell]:
        path = Path(place.replace("~", home, 1))
        if path.is_file():
            yield fine("completion", f"{shell}: {path}")
            return
    yield fine(
        "completion",
        f"{shell}: no script where it looks by itself",
        f"`billctl completion {shell}` prints it.",
    )


# Directories


def config_directory(env: Mapping[str, str]) -> Iterator[Finding]:
    """The configuration directory is this user's alone to change, if it is there."""
    path = config_dir(env)
    if not path.is_dir():
        yield fine("config", f"{path} is not there yet", "`billctl profile create NAME` makes it.")
        return
    if problem := others_problem(path.stat(), root_may_own=True):
        raise ConfigError(f"{path} {problem}", hint=f"Make it yours alone: chmod 700 {path}")
    yield fine("config", str(path))


def state_directory(env: Mapping[str, str]) -> Iterator[Finding]:
    """The state directory and what lies in it are open to nobody else."""
    from billctl.store.files import check_directory

    path = state_dir(env)
    if not path.is_dir():
        yield fine("state", f"{path} is not there yet", "The first command that needs it makes it.")
        return
    if problem := others_problem(path.stat(), root_may_own=False):
        raise StoreError(f"{path} {problem}", hint=f"Make it yours alone: chmod 700 {path}")
    check_directory(path)
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreError(f"{path} cannot be written", hint="Make it writable for your user.")
    loose = [p for p in (path, *sorted(path.iterdir())) if _open_to_others(p)]
    for each in loose:
        mode = stat.S_IMODE(each.stat().st_mode)
        wanted = "700" if each.is_dir() else "600"
        yield warning("state", f"others may look into {each} (mode {mode:04o})", f"chmod {wanted} {each}")
    if not loose:
        yield fine("state", f"{path}, open to you alone")


def _open_to_others(path: Path) -> bool:
    if sys.platform == "win32":
        return False  # access there is a matter of ACLs, which a mode does not show
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def disk_space(env: Mapping[str, str]) -> Iterator[Finding]:
    """There is room for records where the state directory is, or will be."""
    import shutil

    path = state_dir(env)
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    text = f"{free // MEGABYTE:,} MB free at {path}"
    if free < NO_SPACE:
        raise StoreError(text, code="no_space", hint="Make room: without a record nothing is sent.")
    if free < LITTLE_SPACE:
        yield warning("disk", text, "Make room: without a record nothing is sent.")
    else:
        yield fine("disk", text)


# The audit log


def audit_log(env: Mapping[str, str]) -> Iterator[Finding]:
    """The log opens as durable as it must be, its chain is whole, and no operation is left open."""
    from billctl.audit.verify import verify
    from billctl.store import schema
    from billctl.store.sqlite import open_store

    path = state_dir(env) / STORE
    if not os.path.lexists(path):
        yield fine("audit log", f"none at {path} yet", "The first action creates it.")
        return
    with closing(open_store(path, readonly=True)) as store:
        unsettled = store.unsettled()
    # Its PRAGMAs are set, and their answers read back, only when it is opened to write.
    open_store(path).close()
    yield fine("audit log", f"{path}, schema {schema.VERSION}, WAL, synchronous FULL")
    verdict = verify(path)
    if not verdict.ok:
        raise StoreError(
            f"the audit log is broken: {verdict.why}", code="chain_broken", hint="Run `billctl audit verify`."
        )
    head = f"{verdict.head.hash[:4]}…{verdict.head.hash[-2:]}"
    yield fine("audit chain", f"{verdict.records:,} records, chain whole, head {head}")
    if unsettled:
        names = ", ".join(operation.id for operation in unsettled[:5])
        more = f" and {len(unsettled) - 5} more" if len(unsettled) > 5 else ""
        yield warning("operations", f"not settled: {names}{more}", "Run `billctl audit reconcile`.")


# Profiles


def other_profiles(option: str | None, env: Mapping[str, str]) -> Iterator[Finding]:
    """Profiles that are not chosen and have a fault; they harm nobody until they are."""
    chosen = chosen_profile(option, env)
    gateways = installed_gateways(env)
    for listed in list_profiles(env):
        if listed.name == chosen and not listed.shadowed:
            continue
        try:
            read_listed(listed, env, gateways)
        except ConfigError as error:
            yield warning("profiles", error.message, f"See `billctl profile check {listed.name}`.")


def chosen_session(option: str | None, env: Mapping[str, str]) -> Session | None:
    """The session of the chosen profile; None where none is chosen. Raises `ConfigError` for a faulty one."""
    return None if chosen_profile(option, env) is None else open_session(option, env=env)


def chosen(session: Session | None, env: Mapping[str, str]) -> Iterator[Finding]:
    """Which profile a command would use."""
    if session is None:
        error = no_profile_error(env)
        yield warning("profile", error.message, error.hint)
        return
    profile = session.profile
    mode = "LIVE" if profile.live else "test"
    yield fine("profile", f"{profile.name}, {mode}, accounts {', '.join(profile.accounts)}")


# Credentials


def keyring(session: Session | None, env: Mapping[str, str]) -> Iterator[Finding]:
    """The keyring answers within its limit. Without one, secrets can come from other places."""
    from billctl.credentials import Keyring, KeyringFailed
    from billctl.credentials.keychain import service_of, switched_off

    if switched_off(env):
        yield fine("keyring", "switched off by PYTHON_KEYRING_BACKEND")
        return
    ring = session.credentials.keyring if session else Keyring()
    try:
        name = ring.backend()
        ring.get(service_of("doctor"), "doctor")
    except KeyringFailed as failure:
        todo = "Secrets can come from other places: `billctl help secrets`."
        yield warning("keyring", f"the keyring was asked, but {failure}", todo)
    else:
        yield fine("keyring", name)


def accounts(session: Session) -> Iterator[Finding]:
    """Every secret of the profile is found, and every account that has its own answers as it must."""
    names = list(session.profile.accounts)
    rows = secret_rows(session.credentials, names)
    yield from map(_credential, rows)
    lacking = {row.account for row in rows if row.error}
    for checked in check_accounts(session, [name for name in names if name not in lacking]):
        yield _answer(checked)


def _credential(row: SecretRow) -> Finding:
    if row.error:
        return Finding.of_error("credentials", row.error)
    if row.source is None:
        return fine("credentials", f"{row.account} {row.secret}: not needed")
    text = f"{row.account} {row.secret}: {row.source}, {row.mask}"
    return warning("credentials", text, row.note) if row.note else fine("credentials", text)


def _answer(checked: CheckedAccount) -> Finding:
    if checked.error:
        return Finding.of_error("gateways", checked.error)
    identity = checked.identity
    known = (identity.name, identity.id) if identity else ()
    about = [f"{label} {value}" for label, value in identity.about.items()] if identity else []
    facts = ", ".join(word for word in (*known, checked.mode, *about) if word)
    said = warning if checked.identity and checked.identity.lacking else fine
    return said("gateways", f"{checked.account}: {facts or 'answers'}", checked.note or "")
