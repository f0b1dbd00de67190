"""Profiles on disk: found by name, the user's own first; listed; read only where nobody else can write.

Finding and listing serve completion, so what reading needs is imported when something is read.
"""

import os
import re
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billctl.errors import ConfigError
from billctl.frozen import frozen
from billctl.paths import config_dir, others_problem, shipped_profiles_dir
from billctl.profiles.faults import Fault, Faults, ProfileError, suggestion
from billctl.profiles.words import NAME, NAME_RULE, shown

if TYPE_CHECKING:
    from billctl.profiles.accounts import Gateways
    from billctl.profiles.model import Profile

LARGEST_FILE = 256 * 1024
"""Bytes; a profile is a page of text, and whatever is longer is something else."""

_TOMLLIB_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@frozen
class ListedProfile:
    """A profile found by listing. `shadowed`: the user has one of the same name, which is used instead.

    `problem` says why the file cannot be a profile at all; faults inside are not looked for.
    """

    name: str
    path: Path
    shipped: bool
    shadowed: bool = False
    problem: str | None = None


def profiles_dir(env: Mapping[str, str]) -> Path:
    """Where the user's own profiles are; it need not exist."""
    return config_dir(env) / "profiles"


def list_profiles(env: Mapping[str, str]) -> tuple[ListedProfile, ...]:
    """The user's own profiles by name, then the shipped ones."""
    own = [_listed(path, shipped=False, own=()) for path in _toml_files(profiles_dir(env))]
    names = {profile.name for profile in own}
    shipped = [_listed(path, shipped=True, own=names) for path in _toml_files(shipped_profiles_dir())]
    return (*own, *shipped)


def _toml_files(directory: Path) -> list[Path]:
    try:
        return sorted(p for p in directory.iterdir() if p.suffix == ".toml" and not p.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as failure:
        raise _unusable(directory, failure) from None


def _listed(path: Path, *, shipped: bool, own: Collection[str]) -> ListedProfile:
    problem = None if NAME.fullmatch(path.stem) else f"its name is not {NAME_RULE}"
    return ListedProfile(
        name=path.stem, path=path, shipped=shipped, shadowed=path.stem in own, problem=problem
    )


def check_name(name: str) -> None:
    """Raise `ConfigError` unless `name` can be a profile's: no path, no empty word."""
    if not NAME.fullmatch(name):
        raise ConfigError(f'"{shown(name)}" is no name for a profile', hint=f"A name is {NAME_RULE}.")


def find_profile(name: str, env: Mapping[str, str]) -> ListedProfile:
    """The profile called `name`, the user's own before a shipped one. Raises `ConfigError`."""
    check_name(name)
    for directory, shipped in ((profiles_dir(env), False), (shipped_profiles_dir(), True)):
        path = directory / f"{name}.toml"
        if os.path.lexists(path):
            return ListedProfile(name=name, path=path, shipped=shipped)
    names = sorted({profile.name for profile in list_profiles(env)})
    hint = suggestion(name, names, f"There are: {', '.join(map(shown, names))}.")
    raise ConfigError(f"there is no profile called {name}", code="no_such_profile", hint=hint)


def load_profile(name: str, *, env: Mapping[str, str], gateways: "Gateways") -> "Profile":
    """The profile called `name`.

    Raises `ProfileError` with every fault of the file, `ConfigError` where there is no such profile
    or the file cannot be trusted.
    """
    found = find_profile(name, env)
    directories = () if found.shipped else (config_dir(env), found.path.parent)
    text = read_text(found.path, private=directories)
    return parse_profile(text, name=name, path=found.path, gateways=gateways)


def parse_profile(text: str, *, name: str, path: Path, gateways: "Gateways") -> "Profile":
    """The profile that `text` describes. Raises `ProfileError` with every fault."""
    from billctl.profiles.check import profile_of

    faults = Faults()
    profile = profile_of(parse_toml(text, path.name), name, path, gateways, faults)
    faults.raise_any(path.name, text)
    return profile


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """tomllib's reading of `text`. Raises `ProfileError` naming the line."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        message = str(failure)
        place = _TOMLLIB_PLACE.search(message)
        line = int(place[1]) if place and place[1] else None
        what = shown(message[: place.start()] if place else message)
    except (ValueError, RecursionError) as failure:  # a number of 5000 digits, a thousand brackets
        line, what = None, f"more than a profile can hold ({type(failure).__name__})"
    fault = Fault(file=file, line=line, key="", what=f"this is not TOML: {what}", todo="Correct that line.")
    raise ProfileError((fault,)) from None


def read_text(path: Path, *, private: tuple[Path, ...]) -> str:
    """The text of a configuration file, line ends as they are.

    Raises `ConfigError` where another user could have written the file or put it there: neither it
    nor the `private` directories on the way may be others' to change. Without `private` the file
    came with billctl and is not judged. What is judged is the opened file, so a symbolic link is
    as good as what it leads to.
    """
    try:
        for directory in private:
            _refuse_shared(directory, directory.stat())
        # Opening a named pipe must not wait for a writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is not a regular file", hint="Put the profile itself there.")
            if private:
                _refuse_shared(path, status)
            data = file.read(LARGEST_FILE + 1)
    except OSError as failure:
        raise _unusable(path, failure) from None
    if len(data) > LARGEST_FILE:
        raise ConfigError(
            f"{path} is larger than {LARGEST_FILE // 1024} KiB", hint="A profile is a page of text."
        )
    return _decoded(data, path.name)


def _refuse_shared(path: Path, status: os.stat_result) -> None:
    if problem := others_problem(status, root_may_own=True):
        hint = f"Whoever can write it decides where money goes: make it yours alone (chmod go-w {path})."
        raise ConfigError(f"{path} {problem}", hint=hint)


def _decoded(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as failure:
        line = data.count(b"\n", 0, failure.start) + 1
    else:
        if not text.startswith("\ufeff"):
            return text
        line = 1
    what = "this is not plain UTF-8"
    fault = Fault(file=file, line=line, key="", what=what, todo="Save it as UTF-8 without a byte order mark.")
    raise ProfileError((fault,))


def _unusable(path: Path, failure: OSError) -> ConfigError:
    return ConfigError(
        f"{path} cannot be read: {failure.strerror or type(failure).__name__}",
        hint="Make it a readable file.",
    )
