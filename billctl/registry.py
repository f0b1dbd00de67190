"""The installed gateways: entry points of the group `billctl.gateways`, ours and others' alike.

Reading the entry points of everything installed costs half a start, so the table is kept in a small
cache keyed by what is installed. A gateway's module is imported only when the gateway is named. A
plugin that is broken or ill-named harms nobody else; two of one name are both refused, since nobody can
tell which was meant, and the rest works.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from billctl.errors import ConfigError
from billctl.frozen import fields, frozen

if TYPE_CHECKING:
    from billctl.gateway import Gateway, Setting

GROUP = "billctl.gateways"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
SETTING_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
ACCOUNT_KEYS = frozenset({"gateway", "account_id", "base_url"})
"""What an account of any gateway says in a profile; a gateway's own settings come besides."""
CACHE = "gateways.json"

RESERVED = frozenset(
    {
        "lookup",
        "charges",
        "refunds",
        "subscriptions",
        "invoices",
        "disputes",
        "customers",
        "batch",
        "watch",
        "audit",
        "approvals",
        "profile",
        "auth",
        "gateways",
        "sandbox",
        "completion",
        "doctor",
        "help",
    }
)
"""Names of billctl's own commands, which no gateway can take."""

OWN_PACKAGE = "billctl"


@frozen
class Entry:
    """One gateway as installed: `target` is `module:Class`; `fault` says why it cannot be used, if so."""

    name: str
    target: str
    package: str
    version: str
    fault: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether billctl itself brings it."""
        return self.package == OWN_PACKAGE


def installed(cache_dir: Path | None) -> Mapping[str, Entry]:
    """The gateways by name, ours first. `cache_dir` (None: no cache) may be unwritable or absent."""
    key = _environment_key()
    if cache_dir and (cached := _read_cache(cache_dir / CACHE, key)) is not None:
        return cached
    entries = _checked(_scan())
    if cache_dir:
        _write_cache(cache_dir / CACHE, key, entries)
    return entries


def load(entry: Entry) -> "type[Gateway]":
    """The gateway's class. Raises `ConfigError` naming the package when it cannot be used."""
    from billctl.gateway import Gateway

    if entry.fault:
        raise _broken(entry, entry.fault)
    try:
        found = _imported(entry)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything at import
        raise _broken(entry, f"it fails to import: {type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Gateway)):
        raise _broken(entry, f"{entry.target} is not a billctl.gateway.Gateway class")
    fault = _other_api(entry, found) or declaration_fault(found)
    if fault:
        raise _broken(entry, fault)
    return found


def declaration_fault(kind: "type[Gateway]") -> str | None:
    """What is wrong with what a gateway class says of itself, in a few words; None where nothing is."""
    from billctl.gateway import Capability, Setting

    offered: object = kind.capabilities
    if not isinstance(offered, frozenset) or not all(isinstance(item, Capability) for item in offered):
        return "its capabilities are not a frozenset of billctl.gateway.Capability"
    settings: object = kind.settings
    if not isinstance(settings, tuple) or not all(isinstance(item, Setting) for item in settings):
        return "its settings are not a tuple of billctl.gateway.Setting"
    examples: object = kind.id_examples
    if not isinstance(examples, Mapping) or not all(isinstance(item, str) for item in examples.values()):
        return "its id_examples are not a mapping of kinds to ids"
    limits: object = kind.limits
    if not isinstance(limits, Mapping) or not set(limits) <= offered:
        return "its limits are not a mapping of capabilities that it declares to sentences"
    return _setting_fault([setting.name for setting in settings])


def _setting_fault(names: list[object]) -> str | None:
    for name in names:
        if not isinstance(name, str) or not SETTING_NAME.fullmatch(name):
            return f"its setting {name!r} is not named in lower-case letters, digits and _"
        if name in ACCOUNT_KEYS:
            return f"its setting {name!r} has the name of a key that every account has"
        if names.count(name) > 1:
            return f"it has two settings called {name!r}"
    return None


def _imported(entry: Entry) -> object:
    """What the entry names. What its import prints goes to stderr: stdout is the command's own."""
    import importlib

    module_name, _, attribute = entry.target.partition(":")
    with nullcontext() if entry.is_ours else _printing_to_stderr():
        found: object = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    return found


@contextmanager
def _printing_to_stderr() -> Iterator[None]:
    """Until the block ends, what this process and those it starts write to standard output goes to stderr."""
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _other_api(entry: Entry, kind: "type[Gateway]") -> str | None:
    """Why a class is not one for this version of the interface. Ours move with it and name none."""
    from billctl.gateway import API, Gateway

    named: object = kind.api
    if not entry.is_ours and not any("api" in vars(base) for base in _above(kind, Gateway)):
        return f"it does not say which plugin api it is written for; this is {API}: `api = {API}`"
    if type(named) is not int:
        return f"its plugin api is {named!r}, not a whole number"
    if named == API:
        return None
    older, newer = ("billctl", entry.package) if named > API else (entry.package, "billctl")
    return f"it is written for plugin api {named}, this is {API}; upgrade {older}, not {newer}"


def _above(kind: type, root: type) -> list[type]:
    """A class and those it derives from, down to `root`, which is left out."""
    return [base for base in kind.__mro__ if issubclass(base, root) and base is not root]


def settings_of(entries: Mapping[str, Entry], name: str) -> "tuple[Setting, ...] | None":
    """The settings of the gateway called `name`, None when none is installed."""
    entry = entries.get(name)
    return load(entry).settings if entry else None


def tells_account(entries: Mapping[str, Entry], name: str) -> bool:
    """Whether the gateway called `name` can say whose account its credentials open; True if not installed."""
    entry = entries.get(name)
    return load(entry).tells_account if entry else True


def settings_faults(
    entries: Mapping[str, Entry], name: str, settings: Mapping[str, str], *, live: bool
) -> Mapping[str, str]:
    """What the gateway called `name` finds wrong with a profile's settings, by their names."""
    entry = entries.get(name)
    if entry is None:
        return {}
    kind = load(entry)
    try:
        found = dict(kind.settings_faults(settings, live=live))
    except Exception as error:  # a stranger's code may raise anything
        raise _broken(entry, f"its settings_faults fails: {type(error).__name__}: {error}") from error
    return {str(key): str(why) for key, why in found.items()}


def _broken(entry: Entry, why: str) -> ConfigError:
    return ConfigError(
        f"gateway {entry.name} cannot be used: {why} (package {entry.package} {entry.version})",
        code="broken_plugin",
        hint="Everything else works. See `billctl gateways`.",
    )


def _scan() -> list[Entry]:
    from importlib.metadata import entry_points

    found = []
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else ""
        found.append(Entry(name=point.name, target=point.value, package=package, version=version))
    return found


def _checked(found: list[Entry]) -> Mapping[str, Entry]:
    """By name, ours first, then by name; a fault for what is ill-named or named twice."""
    by_name: dict[str, list[Entry]] = {}
    for entry in sorted(found, key=lambda e: (not e.is_ours, e.name)):
        known = by_name.setdefault(entry.name, [])
        # An editable install beside a built one lists the same entry twice.
        if not any((e.target, e.package) == (entry.target, entry.package) for e in known):
            known.append(entry)
    return {name: _with_fault(entries) for name, entries in by_name.items()}


def _with_fault(entries: list[Entry]) -> Entry:
    entry = entries[0]
    if len(entries) > 1:
        packages = " and ".join(sorted({e.package for e in entries}))
        fault = f"{packages} both bring a gateway of this name; uninstall one"
    elif entry.name in RESERVED:
        fault = "the name is a command of billctl"
    elif not NAME.fullmatch(entry.name):
        fault = "a gateway's name has lower-case letters, digits, - and _"
    else:
        return entry
    return Entry(**(fields(entry) | {"fault": fault}))


def _environment_key() -> list[object]:
    """Changes whenever a package is installed, removed or replaced in any folder packages are installed to.

    The folder a program is started in is on the path too (`python -m`), changes all the time, and is
    no place of installation.
    """
    key: list[object] = [sys.version, sys.prefix]
    started_in = {"", os.getcwd(), os.path.dirname(sys.argv[0])}  # noqa: PTH109, PTH120  # before pathlib is needed
    for folder in sys.path:
        if folder not in started_in:
            with suppress(OSError):
                key.append([folder, os.stat(folder).st_mtime_ns])  # noqa: PTH116  # as above
    return key


def _read_cache(path: Path, key: list[object]) -> Mapping[str, Entry] | None:
    try:
        content = json.loads(path.read_bytes())
        if content["key"] != key:
            return None
        return {row["name"]: Entry(**row) for row in content["entries"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, unreadable or of another version: the scan answers instead


def _write_cache(path: Path, key: list[object], entries: Mapping[str, Entry]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    text = json.dumps({"key": key, "entries": [fields(entry) for entry in entries.values()]})
    with suppress(OSError):  # a cache that cannot be kept only costs time
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        temporary.replace(path)
