"""Plugins: real small packages on the path of a real process; a broken one harms nobody else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from billctl import registry

REPORT = """
import json, sys
from pathlib import Path
sys.path[:0] = {folders!r}
from billctl import registry
from billctl.errors import BillctlError
cache = {cache!r}
entries = registry.installed(Path(cache) if cache else None)
report = {{"entries": {{n: [e.package, e.fault, e.is_ours] for n, e in entries.items()}}, "loaded": {{}}}}
for name, entry in entries.items():
    if name in {names!r}:
        try:
            report["loaded"][name] = registry.load(entry).__name__
        except BillctlError as error:
            report["loaded"][name] = [type(error).__name__, error.exit_code, error.line()]
report["imported"] = sorted(m for m in sys.modules if m.startswith("plug_") or m == "stripe")
report["scanned"] = "importlib.metadata" in sys.modules
print(json.dumps(report))
"""
GOOD = "from billctl.gateway import Gateway\nclass Acme(Gateway):\n    api = 1\n"


def install(folder: Path, package: str, points: dict[str, str], modules: dict[str, str]) -> Path:
    """A package as pip leaves it: modules beside a `.dist-info` with its entry points."""
    info = folder / f"{package.replace('-', '_')}-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.3\n")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[billctl.gateways]\n{lines}")
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def report(*folders: Path, load: tuple[str, ...] = (), cache: Path | None = None) -> dict[str, Any]:
    """What the registry of a process with these folders on its path says."""
    script = REPORT.format(folders=[str(f) for f in folders], names=load, cache=str(cache) if cache else None)
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_our_own_gateways_come_the_same_way_and_stand_first(tmp_path: Path) -> None:
    found = report(install(tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": GOOD}))
    assert next(iter(found["entries"])) == "stripe"
    ours = [is_ours for _, _, is_ours in found["entries"].values()]
    assert ours == sorted(ours, reverse=True)
    assert found["entries"]["stripe"] == ["billctl", None, True]
    assert found["entries"]["acme"] == ["billctl-acme", None, False]


def test_a_plugin_is_imported_when_it_is_named_and_not_before(tmp_path: Path) -> None:
    folder = install(tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": GOOD})
    assert report(folder)["imported"] == []
    found = report(folder, load=("acme",))
    assert found["loaded"] == {"acme": "Acme"}
    assert found["imported"] == ["plug_acme"]


def gateway(*lines: str) -> str:
    """A module with a gateway class of these lines."""
    start = "from billctl.gateway import Capability, Gateway, Setting\nclass Acme(Gateway):\n"
    return start + "".join(f"    {line}\n" for line in lines)


def settings(*names: str) -> str:
    """A gateway with settings of these names."""
    listed = ", ".join(f"Setting(name={name!r}, help='h')" for name in names)
    return gateway("api = 1", f"settings = ({listed},)")


BROKEN: dict[str, tuple[str, str]] = {
    "raises": ("raise RuntimeError('half installed')", "RuntimeError: half installed"),
    "raises-ours": (
        "from billctl.errors import AuthFailed\nraise AuthFailed('no')",
        "it fails to import: AuthFailed: no",
    ),
    "exits": ("raise SystemExit(0)", "it fails to import: SystemExit: 0"),
    "exits-by-name": ("import sys\nsys.exit('bye')", "it fails to import: SystemExit: bye"),
    "syntax": ("class (", "it fails to import: SyntaxError"),
    "no-such-class": ("x = 1", "AttributeError"),
    "no-class": ("def Acme(): pass", "is not a billctl.gateway.Gateway class"),
    "an-instance": ("from billctl.gateway import Gateway\nAcme = Gateway(None)", "is not a billctl.gateway."),
    "foreign-class": ("class Acme: api = 1", "is not a billctl.gateway.Gateway class"),
    "newer-api": (gateway("api = 2"), "for plugin api 2, this is 1; upgrade billctl"),
    "older-api": (gateway("api = 0"), "plugin api 0, this is 1; upgrade billctl-b"),
    "no-api": (gateway("pass"), "it does not say which plugin api it is written for; this is 1"),
    "api-text": (gateway("api = '1'"), "its plugin api is '1', not a whole number"),
    "api-true": (gateway("api = True"), "its plugin api is True, not a whole number"),
    "capabilities-list": (gateway("api = 1", "capabilities = ['refund']"), "its capabilities are not a"),
    "capabilities-text": (
        gateway("api = 1", "capabilities = frozenset({'teleport'})"),
        "its capabilities are not a",
    ),
    "settings-list": (gateway("api = 1", "settings = ['key']"), "its settings are not a tuple"),
    "settings-text": (gateway("api = 1", "settings = ('key',)"), "its settings are not a tuple"),
    "setting-gateway": (settings("gateway"), "its setting 'gateway' has the name of a key"),
    "setting-account": (settings("account_id"), "its setting 'account_id' has the name of a key"),
    "setting-address": (settings("base_url"), "its setting 'base_url' has the name of a key"),
    "setting-case": (settings("API_KEY"), "its setting 'API_KEY' is not named in lower-case letters"),
    "setting-blank": (settings("api key"), "its setting 'api key' is not named in lower-case letters"),
    "setting-twice": (settings("key", "key"), "it has two settings called 'key'"),
    "examples": (gateway("api = 1", "id_examples = ['P1']"), "its id_examples are not a mapping"),
    "limits": (gateway("api = 1", "limits = {Capability.REFUND: 'no'}"), "its limits are not a mapping"),
}  # fmt: skip
"""Name → what a plugin's module holds, and what is said of it."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A process in which all of them are installed at once, each in a package of its own."""
    folder = tmp_path_factory.mktemp("broken")
    for number, (name, (source, _)) in enumerate(BROKEN.items()):
        install(folder, f"billctl-b{number}", {name: f"plug_b{number}:Acme"}, {f"plug_b{number}": source})
    install(folder, "billctl-gone", {"gone": "plug_gone:Acme"}, {})
    install(folder, "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": GOOD})
    return report(folder, load=(*BROKEN, "gone", "acme", "stripe"))


@pytest.mark.parametrize("name", [*BROKEN, "gone"])
def test_a_broken_plugin_is_a_config_error_naming_its_package(broken: dict[str, Any], name: str) -> None:
    why = BROKEN[name][1] if name in BROKEN else "ModuleNotFoundError: No module named 'plug_gone'"
    package = f"billctl-b{list(BROKEN).index(name)}" if name in BROKEN else "billctl-gone"
    kind, code, line = broken["loaded"][name]
    assert (kind, code) == ("ConfigError", 12)
    assert line.startswith(f"gateway {name} cannot be used: ")
    assert why in line
    assert f"(package {package} 0.3)" in line
    assert "Nothing was sent. Everything else works. See `billctl gateways`." in line


def test_any_number_of_broken_plugins_harm_no_other(broken: dict[str, Any]) -> None:
    assert broken["loaded"]["stripe"] == "StripeGateway"
    assert broken["loaded"]["acme"] == "Acme"


def test_a_class_inside_another_is_named_with_a_point(tmp_path: Path) -> None:
    module = "class Box:\n    from plug_inner import Acme\n"
    modules = {"plug_acme": module, "plug_inner": GOOD}
    folder = install(tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Box.Acme"}, modules)
    assert report(folder, load=("acme",))["loaded"]["acme"] == "Acme"


@pytest.mark.parametrize("content", [b"[billctl.gateways]\nacme\n", b"[billctl.gateways]\nacme = \xff:x\n"])
def test_a_package_whose_entry_points_are_damaged_harms_no_other(tmp_path: Path, content: bytes) -> None:
    good = install(tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": GOOD})
    bad = install(tmp_path / "b", "billctl-bad", {}, {})
    (bad / "billctl_bad-0.3.dist-info" / "entry_points.txt").write_bytes(content)
    found = report(bad, good, load=("stripe", "acme"))
    assert found["loaded"] == {"stripe": "StripeGateway", "acme": "Acme"}
    if b"\xff" not in content:
        assert found["entries"]["billctl-bad"] == ["billctl-bad", "its entry points cannot be read", False]


def test_what_a_plugin_prints_when_it_is_imported_is_no_part_of_the_answer(tmp_path: Path) -> None:
    source = (
        "import os, subprocess\nprint('hello')\nos.write(1, b'hello')\nsubprocess.run(['echo', 'hello'])\n"
    )
    folder = install(tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": source + GOOD})
    # `report` reads the whole of the process's standard output as one document.
    assert report(folder, load=("acme",))["loaded"] == {"acme": "Acme"}


FAULTY = """
from billctl.gateway import Gateway
class Acme(Gateway):
    api = 1
    @classmethod
    def settings_faults(cls, settings, *, live):
        return {what}
"""


@pytest.mark.parametrize("what", ["1 / 0", "3"])
def test_a_plugin_that_fails_on_its_settings_is_broken(what: str, tmp_path: Path) -> None:
    folder = install(
        tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": FAULTY.format(what=what)}
    )
    script = (
        f"import sys; sys.path[:0] = [{str(folder)!r}]; from billctl import registry\n"
        "try: registry.settings_faults(registry.installed(None), 'acme', {}, live=False)\n"
        "except registry.ConfigError as error: print(error.line())"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "gateway acme cannot be used: its settings_faults fails: " in done.stdout


def test_two_packages_with_one_name_lose_it_both(tmp_path: Path) -> None:
    one = install(tmp_path / "a", "billctl-acme", {"acme": "plug_one:Acme"}, {"plug_one": GOOD})
    two = install(tmp_path / "b", "acme-billctl", {"acme": "plug_two:Acme"}, {"plug_two": GOOD})
    found = report(one, two, load=("acme",))
    assert "acme-billctl and billctl-acme both bring a gateway of this name" in found["loaded"]["acme"][2]
    assert found["imported"] == []


def test_a_plugin_with_the_name_of_our_own_gateway_never_stands_in_for_it(tmp_path: Path) -> None:
    thief = install(tmp_path / "a", "billctl-thief", {"stripe": "plug_thief:Acme"}, {"plug_thief": GOOD})
    found = report(thief, load=("stripe",))
    assert "billctl and billctl-thief both bring a gateway of this name" in found["loaded"]["stripe"][2]
    assert found["imported"] == []


TAKEN = ("audit", "lookup", "help", "batch")
ODD = ("Acme", "1acme", "a" * 33, "ac.me", "acmé")


@pytest.fixture(scope="module")
def misnamed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A process in which a package has a gateway of each of these names."""
    points = dict.fromkeys((*TAKEN, *ODD), "plug_acme:Acme")
    folder = install(tmp_path_factory.mktemp("misnamed"), "billctl-x", points, {"plug_acme": GOOD})
    return report(folder, load=(*TAKEN, *ODD))


@pytest.mark.parametrize("name", TAKEN)
def test_a_commands_name_cannot_be_taken(misnamed: dict[str, Any], name: str) -> None:
    assert "the name is a command of billctl" in misnamed["loaded"][name][2]


@pytest.mark.parametrize("name", ODD)
def test_a_gateways_name_is_plain(misnamed: dict[str, Any], name: str) -> None:
    assert "a gateway's name has lower-case letters" in misnamed["loaded"][name][2]


def test_the_cache_spares_the_scan_until_something_is_installed_or_removed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = install(tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": GOOD})
    assert report(folder, cache=cache)["scanned"]
    again = report(folder, cache=cache)
    assert not again["scanned"]
    assert set(again["entries"]) >= {"stripe", "acme"}
    install(folder, "billctl-zeta", {"zeta": "plug_acme:Acme"}, {})
    assert "zeta" in report(folder, cache=cache)["entries"]
    for name in ("METADATA", "entry_points.txt"):
        (folder / "billctl_zeta-0.3.dist-info" / name).unlink()
    (folder / "billctl_zeta-0.3.dist-info").rmdir()
    assert "zeta" not in report(folder, cache=cache)["entries"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"key": 1}', b"\xff\xfe", b'{"key": [], "entries": 3}']
)
def test_a_damaged_cache_only_costs_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    scan = mock.Mock(side_effect=registry._scan)
    monkeypatch.setattr(registry, "_scan", scan)
    (tmp_path / registry.CACHE).write_bytes(content)
    for _ in range(2):
        assert "stripe" in registry.installed(tmp_path)
        assert scan.call_count == 1


def test_a_cache_that_cannot_be_kept_only_costs_the_scan(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "stripe" in report(cache=tmp_path / "file" / "below")["entries"]
