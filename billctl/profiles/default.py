"""Which profile a command uses, and the files that `billctl profile` writes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billctl.errors import ConfigError
from billctl.paths import config_dir, ensure_private_dir, shipped_profiles_dir
from billctl.profiles.faults import Faults, suggestion
from billctl.profiles.files import (
    check_name,
    find_profile,
    list_profiles,
    parse_profile,
    parse_toml,
    profiles_dir,
    read_text,
)
from billctl.profiles.words import shown

if TYPE_CHECKING:
    from billctl.profiles.accounts import Gateways

CONFIG_KEYS = ("profile",)


def chosen_profile(option: str | None, env: Mapping[str, str]) -> str | None:
    """The profile to use: `option`, else BILLCTL_PROFILE, else the default of `config.toml`, else None.

    Raises `ConfigError` where the one that decides cannot be a profile's name, or `config.toml` is
    invalid and has to decide.
    """
    name = option if option is not None else env.get("BILLCTL_PROFILE") or default_profile(env)
    if name is not None:
        check_name(name)
    return name


def default_profile(env: Mapping[str, str]) -> str | None:
    """The default that `config.toml` names, or None. Raises `ConfigError` with every fault of the file."""
    path = config_dir(env) / "config.toml"
    if not os.path.lexists(path):
        return None
    text = read_text(path, private=(path.parent,))
    data = parse_toml(text, path.name)
    faults = Faults()
    for key in data:
        if key not in CONFIG_KEYS:
            faults.add((key,), "there is no such key", suggestion(key, CONFIG_KEYS, "Known here: profile."))
    name = data.get("profile")
    if name is not None and not isinstance(name, str):
        faults.add(("profile",), "must be a profile's name in quotes", "Run `billctl profile use NAME`.")
    faults.raise_any(path.name, text)
    return name if isinstance(name, str) else None


def no_profile_error(env: Mapping[str, str]) -> ConfigError:
    """What to say where no profile is chosen: the two ways on, and the user's own profiles."""
    own = [profile.name for profile in list_profiles(env) if not profile.shipped and not profile.problem]
    ways = "Try it without any account: --profile sandbox. Set your own up: `billctl profile create NAME`."
    if own:
        ways += f" You have {', '.join(own)}: --profile {own[0]}, or `billctl profile use {own[0]}`."
    return ConfigError("no profile is chosen and no default is set", code="no_profile", hint=ways)


def create_profile(
    name: str, data: Mapping[str, Any], *, env: Mapping[str, str], gateways: "Gateways"
) -> Path:
    """Write a new profile of the user's and return its path.

    It is checked first, written whole or not at all, readable by the user alone, and never replaces
    a file. Raises `ProfileError` with the faults of `data`, `ConfigError` for the rest.
    """
    import tomli_w

    check_name(name)
    if (shipped_profiles_dir() / f"{name}.toml").exists():
        raise ConfigError(f"{name} is a profile that comes with billctl", hint="Choose another name.")
    text = tomli_w.dumps(data)
    path = profiles_dir(env) / f"{name}.toml"
    parse_profile(text, name=name, path=path, gateways=gateways)
    ensure_private_dir(config_dir(env), ConfigError)
    ensure_private_dir(path.parent, ConfigError)
    try:
        draft = _write_draft(path, text, 0o600)
        try:
            path.hardlink_to(draft)  # unlike a rename, this fails where a file is
        finally:
            draft.unlink()
        _sync_directory(path.parent)
    except FileExistsError:
        hint = f"Edit {path}, or choose another name."
        raise ConfigError(
            f"there already is a profile called {name}", code="profile_exists", hint=hint
        ) from None
    except OSError as failure:
        raise _unwritable(path, failure) from None
    return path


def use_profile(name: str, env: Mapping[str, str]) -> Path:
    """Make `name` the default in `config.toml`, leaving every other byte of the file as it is.

    Raises `ConfigError` where there is no such profile or the file cannot be read or written.
    """
    import tomli_w

    from billctl.profiles.lines import places

    find_profile(name, env)
    line = tomli_w.dumps({"profile": name})
    directory = ensure_private_dir(config_dir(env), ConfigError)
    path = directory / "config.toml"
    if not os.path.lexists(path):
        _replace(path, line, 0o600)
        return path
    text = read_text(path, private=(directory,))
    present = parse_toml(text, path.name).get("profile")
    if present is None:
        ending = "\r\n" if "\r\n" in text else "\n"
        text = line.rstrip("\n") + ending + text
    elif isinstance(present, str):
        place = places(text)[("profile",)]
        text = f'{text[: place.start]}"{name}"{text[place.end :]}'
    else:
        hint = f"Take it out of {path} and run this again."
        raise ConfigError(f"profile in {path.name} is no name but {shown(repr(present))}", hint=hint)
    target = path.resolve()  # a link into a user's own collection of dotfiles stays a link
    _replace(target, text, target.stat().st_mode & 0o777)
    return path


def _replace(path: Path, text: str, mode: int) -> None:
    try:
        draft = _write_draft(path, text, mode)
        try:
            draft.replace(path)
        except OSError:
            draft.unlink()
            raise
        _sync_directory(path.parent)
    except OSError as failure:
        raise _unwritable(path, failure) from None


def _write_draft(path: Path, text: str, mode: int) -> Path:
    """A file beside `path` that holds `text` and is on disk; an error leaves none behind."""
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(handle)
        draft.chmod(mode)
    except BaseException:
        draft.unlink()
        raise
    return draft


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a directory cannot be opened
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, failure: OSError) -> ConfigError:
    return ConfigError(
        f"{path} cannot be written: {failure.strerror or type(failure).__name__}",
        hint="Nothing was changed; make its directory writable to you.",
    )
