"""Profile files as `profile list` and `profile check` tell of them: each one's head, all faults of one."""

from collections.abc import Mapping
from typing import Any

from billctl.cli.layout import Column, Grid
from billctl.cli.output import Result
from billctl.errors import BillctlError, ConfigError
from billctl.frozen import frozen
from billctl.paths import config_dir
from billctl.profiles import (
    Gateways,
    ListedProfile,
    Profile,
    ProfileError,
    chosen_profile,
    default_profile,
    list_profiles,
)
from billctl.profiles.files import parse_profile, read_text
from billctl.session import installed_gateways


@frozen
class ListedRow:
    """One profile of the list. `mode` is None where the file has a fault, which `problem` tells."""

    name: str
    path: str
    shipped: bool
    shadowed: bool
    default: bool
    chosen: bool
    mode: str | None
    accounts: tuple[str, ...]
    problem: str | None

    def marks(self) -> str:
        """What sets it apart, in words."""
        words = {
            "default": self.default,
            "chosen": self.chosen and not self.default,
            "hidden by yours": self.shadowed,
        }
        return ", ".join(word for word, applies in words.items() if applies)

    def data(self) -> dict[str, Any]:
        """The profile's row."""
        return {
            "type": "profile",
            "name": self.name,
            "mode": self.mode,
            "from": "shipped" if self.shipped else "yours",
            "default": self.default,
            "chosen": self.chosen,
            "shadowed": self.shadowed,
            "accounts": list(self.accounts),
            "path": self.path,
            "problem": self.problem,
        }


def read_listed(listed: ListedProfile, env: Mapping[str, str], gateways: Gateways) -> Profile:
    """The profile in a listed file, even in one that another of the same name hides.

    Raises `ProfileError` with every fault of the file, `ConfigError` where it cannot be trusted.
    """
    if listed.problem:
        raise ConfigError(f"{listed.path.name}: {listed.problem}", hint="Rename the file.")
    private = () if listed.shipped else (config_dir(env), listed.path.parent)
    text = read_text(listed.path, private=private)
    return parse_profile(text, name=listed.name, path=listed.path, gateways=gateways)


def list_rows(option: str | None, env: Mapping[str, str]) -> tuple[list[ListedRow], list[str]]:
    """The rows of `profile list`, and warnings where the default or the choice cannot be read."""
    gateways = installed_gateways(env)
    warnings = []
    default = chosen = None
    try:
        default = default_profile(env)
        chosen = chosen_profile(option, env)
    except ConfigError as error:
        warnings.append(error.line())
    rows = [_row(listed, env, gateways, default=default, chosen=chosen) for listed in list_profiles(env)]
    absent = {name for name in (default, chosen) if name} - {row.name for row in rows}
    warnings += [f"there is no profile called {name}, which is to be used" for name in sorted(absent)]
    return rows, warnings


def _row(
    listed: ListedProfile,
    env: Mapping[str, str],
    gateways: Gateways,
    *,
    default: str | None,
    chosen: str | None,
) -> ListedRow:
    profile, problem = None, None
    try:
        profile = read_listed(listed, env, gateways)
    except ConfigError as error:
        problem = error.message
    used = not listed.shadowed
    return ListedRow(
        name=listed.name,
        path=str(listed.path),
        shipped=listed.shipped,
        shadowed=listed.shadowed,
        default=used and listed.name == default,
        chosen=used and listed.name == chosen,
        mode=str(profile.mode) if profile else None,
        accounts=tuple(profile.accounts) if profile else (),
        problem=problem,
    )


class FileFault(ConfigError):
    """One fault of a file. Looking at a file sends nothing, so its line does not say so."""

    sent = ""


def faults_result(name: str, error: ProfileError) -> Result:
    """All faults of a profile's file, a line each; exit code 12."""
    errors: list[BillctlError] = [
        FileFault(fault.place_and_what(), hint=fault.todo) for fault in error.faults
    ]
    records = [
        {
            "type": "fault",
            "file": fault.file,
            "line": fault.line,
            "key": fault.key,
            "what": fault.what,
            "todo": fault.todo,
        }
        for fault in error.faults
    ]
    cells = tuple(
        (f"{fault.file}{f':{fault.line}' if fault.line else ''}", fault.key, fault.what)
        for fault in error.faults
    )
    return Result(
        data={"name": name, "faults": records, "accounts": []},
        records=records,
        columns=("file", "line", "key", "what", "todo"),
        view=[Grid((Column(), Column(), Column(whole=False)), cells)],
        error=errors[0],
        errors=errors,
        profile=name,
    )
