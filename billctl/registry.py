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
    from importlib.metadata import Distribution, EntryPoint

    from billctl.gateway import Gateway, Setting

GROUP = "billctl.gateways"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
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
OWN_ORDER = ("stripe", "paypal", "braintree", "woocommerce", "recurly")
"""How billctl's own gateways are listed."""


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
    from billctl.declaration import api_fault, declaration_fault
    from billctl.gateway import Gateway

    if entry.fault:
        raise _broken(entry, entry.fault)
    try:
        found = _imported(entry)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything at import
        raise _broken(entry, f"it fails to import: {type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Gateway)):
        raise _broken(entry, f"{entry.target} is not a billctl.gateway.Gateway class")
    fault = api_fault(found, entry.package, ours=entry.is_ours) or declaration_fault(found)
    if fault:
        raise _broken(entry, fault)
    return found


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

    try:
        return [_entry(point) for point in entry_points(group=GROUP)]
    except Exception:  # noqa: BLE001 - what one package left damaged must not cost the others'
        return _scan_each()


def _scan_each() -> list[Entry]:
    """As `_scan`, package by package: one whose entry points cannot be read is an entry with a fault, if it
    is a plugin at all."""
    from importlib.metadata import distributions

    found: list[Entry] = []
    for package in distributions():
        try:
            found += [_entry(point) for point in package.entry_points if point.group == GROUP]
        except Exception:  # noqa: BLE001 - as above
            found += _damaged(package)
    return found


def _entry(point: "EntryPoint") -> Entry:
    package = (point.dist.name if point.dist else None) or "unknown"
    version = (point.dist.version if point.dist else None) or ""
    return Entry(name=point.name, target=point.value, package=package, version=version)


def _damaged(package: "Distribution") -> list[Entry]:
    try:
        text, name = package.read_text("entry_points.txt") or "", package.name
    except Exception:  # noqa: BLE001 - nothing tells that it is a plugin
        return []
    fault = "its entry points cannot be read"
    return [Entry(name=name, target="", package=name, version="", fault=fault)] if GROUP in text else []


def _checked(found: list[Entry]) -> Mapping[str, Entry]:
    """By name, ours first, the others by name; a fault for what is ill-named or named twice."""
    by_name: dict[str, list[Entry]] = {}
    for entry in sorted(found, key=_place):
        known = by_name.setdefault(entry.name, [])
        # An editable install beside a built one lists the same entry twice.
        if not any((e.target, e.package) == (entry.target, entry.package) for e in known):
            known.append(entry)
    return {name: _with_fault(entries) for name, entries in by_name.items()}


def _place(entry: Entry) -> tuple[bool, int, str]:
    known = entry.is_ours and entry.name in OWN_ORDER
    return not entry.is_ours, OWN_ORDER.index(entry.name) if known else len(OWN_ORDER), entry.name


def _with_fault(entries: list[Entry]) -> Entry:
    entry = entries[0]
    if len(entries) == 1 and entry.fault:
        return entry
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
