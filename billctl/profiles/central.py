"""The policy that is signed off for a whole machine: a file of root's, which every profile keeps too.

Nobody's own file can loosen it, as both must allow: there is no merging. No environment variable and no
option moves it. It never binds the sandbox, where there is no money.
"""

import os
import stat
from pathlib import Path

from billctl.errors import ConfigError
from billctl.frozen import replace
from billctl.profiles.faults import Faults
from billctl.profiles.files import parse_toml, read_text
from billctl.profiles.model import Mode, Profile
from billctl.profiles.policy import Policy
from billctl.profiles.policy_table import policy_of
from billctl.profiles.values import Table, note_secret_values, note_type, note_unknown_keys
from billctl.profiles.words import shown

PATH = Path("/etc/billctl/policy.toml")
ROOT = 0
"""The user id that the file must belong to."""

KEYS = ("applies_to", "allow_unattended", "policy")
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def policies_of(profile: Profile) -> tuple[Policy, ...]:
    """All policies that a profile's actions must keep: its own, then the central one.

    Raises `ConfigError` where there is a central file that cannot be read or trusted, or has faults.
    """
    own = (profile.policy,) if profile.policy else ()
    central = None if profile.sandbox else central_policy(profile.mode)
    return (*own, central) if central else own


def central_policy(mode: Mode, path: Path | None = None, *, owner: int | None = None) -> Policy | None:
    """The central policy for profiles of `mode`, or None where there is no file or it does not apply.

    `path` and `owner` are `PATH` and `ROOT` where not given. The file and every folder on the way must be
    the owner's or root's, and writable by nobody else; in a folder with the sticky bit others cannot
    replace what is there.
    """
    path = path or PATH
    owner = ROOT if owner is None else owner
    if os.name != "posix" or not _is_there(path):
        return None
    _check_trust(path, owner)
    text = read_text(path, private=())
    faults = Faults()
    policy = _read(parse_toml(text, str(path)), str(path), mode, faults)
    faults.raise_any(str(path), text)
    return policy


def _is_there(path: Path) -> bool:
    """Whether there is a file; one that cannot be looked for may be there, and binds."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as failure:
        raise _unreadable(path, failure) from None
    return True


def _unreadable(path: Path, failure: Exception) -> ConfigError:
    why = getattr(failure, "strerror", None) or type(failure).__name__
    return ConfigError(
        f"the central policy {path} cannot be read: {why}",
        code="central_policy",
        hint="Whoever administers this machine must make it readable, or take it away.",
    )


def _check_trust(path: Path, owner: int) -> None:
    try:
        target = path.resolve(strict=True)
        _check_one(target, target.stat(), owner)
        for folder in dict.fromkeys((*path.parents, *target.parents)):
            _check_one(folder, folder.stat(), owner)
    except (OSError, RuntimeError) as failure:  # RuntimeError: links in a circle, before Python 3.13
        raise _unreadable(path, failure) from None


def _check_one(path: Path, status: os.stat_result, owner: int) -> None:
    sticky_folder = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_uid not in {0, owner}:
        problem, cure = f"belongs to uid {status.st_uid}, not to root", f"chown root {path}"
    elif status.st_mode & OTHERS_MAY_WRITE and not sticky_folder:
        problem, cure = "can be written by others than root", f"chmod go-w {path}"
    else:
        return
    what = f"the central policy cannot be trusted: {path} {problem}"
    raise ConfigError(what, code="central_policy", hint=f"Run `{cure}`.")


def _read(data: Table, source: str, mode: Mode, faults: Faults) -> Policy | None:
    note_secret_values(data, faults)
    note_unknown_keys(data, (), KEYS, faults)
    modes = _modes(data, faults)
    unattended = data.get("allow_unattended", True)
    if not isinstance(unattended, bool):
        note_type(
            ("allow_unattended",), unattended, "true or false", "Write allow_unattended = false.", faults
        )
    policy = policy_of(data.get("policy", {}), source, faults)
    if policy is None or mode not in modes:
        return None
    # In live mode alone, as the profile's own allow_unattended; true loosens nothing.
    return replace(policy, unattended=()) if mode is Mode.LIVE and unattended is False else policy


def _modes(data: Table, faults: Faults) -> tuple[str, ...]:
    """The modes of the profiles that the file binds: both where it does not say."""
    value = data.get("applies_to", list(Mode))
    todo = 'Write applies_to = ["live"], or ["live", "test"].'
    if not isinstance(value, list):
        note_type(("applies_to",), value, "a list of modes", todo, faults)
        return ()
    for number, word in enumerate(value):
        if word not in tuple(Mode):
            faults.add(("applies_to", number), f'must be "live" or "test", not {shown(repr(word))}', todo)
    if not value:
        faults.add(("applies_to",), "is empty, and would bind nothing", todo)
    return tuple(map(str, value))
