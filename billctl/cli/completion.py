"""The words that completion offers besides commands and options, all without network.

Profiles and accounts come from their files. Ids come from a small file per profile, where commands
that show objects note what they showed: kind, gateway, account and id, nothing about a person.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from billctl.errors import BillctlError
from billctl.paths import state_dir

if TYPE_CHECKING:
    from billctl.models import Record

KEPT = 200
"""How many ids are remembered for each profile."""

INSERTABLE = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_.:=/@+,-]{0,254}")
"""What may be put on a command line: no character that a shell would act on."""


class Place(NamedTuple):
    """Where on the command line a word is asked for: the profile chosen there, the gateway's group."""

    profile: str | None = None
    gateway: str | None = None


place: ContextVar[Place] = ContextVar("place")
"""Set while a word is completed."""

_NOWHERE = Place()


class Seen(NamedTuple):
    """One object that was shown."""

    kind: str
    gateway: str
    account: str
    id: str


def profile_names(incomplete: str) -> list[str]:
    """Profiles that can be chosen, the user's own first."""
    from billctl.profiles import list_profiles

    with suppress(BillctlError):
        names = [found.name for found in list_profiles(os.environ) if not (found.problem or found.shadowed)]
        return _beginning(names, incomplete)
    return []


def account_names(incomplete: str) -> list[str]:
    """Accounts of the chosen profile; within a gateway's group only those of that gateway."""
    gateway = place.get(_NOWHERE).gateway
    names = (name for name, kind in _accounts() if gateway in (None, kind))
    return _beginning(names, incomplete)


def _accounts() -> Iterator[tuple[str, object]]:
    """Name and gateway of each account, as far as the profile's file tells without being checked."""
    import tomllib

    from billctl.profiles.files import find_profile

    name = _profile()
    if name is None:
        return
    try:
        data = tomllib.loads(find_profile(name, os.environ).path.read_text(encoding="utf-8"))
    except (BillctlError, OSError, ValueError):
        return  # a profile that cannot be read has no names to offer; the command will say why
    accounts = data.get("accounts")
    for account, table in accounts.items() if isinstance(accounts, dict) else ():
        if isinstance(table, dict):
            yield account, table.get("gateway")


def _profile() -> str | None:
    from billctl.profiles import chosen_profile

    with suppress(BillctlError):
        return chosen_profile(place.get(_NOWHERE).profile, os.environ)
    return None


def recent_ids(kind: str | None, incomplete: str) -> list[str]:
    """Ids of `kind` (None: any) that were shown under the chosen profile, the latest first.

    Once a letter is typed, references (`stripe:ch_3Abc`) too, as they are pasted from a table.
    """
    profile = _profile()
    if profile is None:
        return []
    gateway = place.get(_NOWHERE).gateway
    seen = _read(_file(profile, os.environ))
    fit = [entry for entry in seen if kind in (None, entry.kind) and gateway in (None, entry.gateway)]
    names = [entry.id for entry in fit]
    if incomplete:
        names += [f"{entry.account}:{entry.id}" for entry in fit]
    return _beginning(dict.fromkeys(names), incomplete)


def files_here(endings: tuple[str, ...], incomplete: str) -> list[str]:
    """Files of the working directory whose names have one of these endings."""
    try:
        names = sorted(entry.name for entry in os.scandir() if entry.is_file())
    except OSError:
        return []
    return _beginning([n for n in names if n.endswith(endings) and INSERTABLE.fullmatch(n)], incomplete)


def plans(incomplete: str) -> list[str]:
    """Plans of the working directory, and the ids of all that were made here, the latest first."""
    with suppress(OSError):
        shelf = state_dir(os.environ) / "batches"
        ids = sorted((path.stem for path in shelf.glob("bat_*.json")), reverse=True)[:KEPT]
        return [*files_here((".plan",), incomplete), *_beginning(ids, incomplete)]
    return []


def remember(profile: str, records: Iterable["Record"], *, env: Mapping[str, str] = os.environ) -> None:
    """Note the ids of `records` for completion, and forget the oldest.

    A note that cannot be written changes nothing but completion, so nobody is told.
    """
    shown = [Seen(record.TYPE, record.gateway, record.account, record.id) for record in records]
    new = [entry for entry in shown if all(map(INSERTABLE.fullmatch, entry))]
    if not new:
        return
    path = _file(profile, env)
    known = _read(path)
    entries = list(dict.fromkeys([*new, *known]))[:KEPT]
    if entries != known:
        with suppress(OSError):
            _write(path, entries)


def _file(profile: str, env: Mapping[str, str]) -> Path:
    return state_dir(env) / "recent" / f"{profile}.tsv"


def _read(path: Path) -> list[Seen]:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    rows = (line.split("\t") for line in lines)
    return [Seen(*row) for row in rows if len(row) == len(Seen._fields) and all(row)]


def _write(path: Path, entries: list[Seen]) -> None:
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.writelines("\t".join(entry) + "\n" for entry in entries)
    draft.replace(path)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
