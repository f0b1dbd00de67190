"""Plugins: real small packages on the path of a real process; a broken one harms nobody else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
    assert found["entries"]["stripe"] == ["billctl", None, True]
    assert found["entries"]["acme"] == ["billctl-acme", None, False]


def test_a_plugin_is_imported_when_it_is_named_and_not_before(tmp_path: Path) -> None:
    folder = install(tmp_path / "a", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": GOOD})
    assert report(folder)["imported"] == []
    found = report(folder, load=("acme",))
    assert found["loaded"] == {"acme": "Acme"}
    assert found["imported"] == ["plug_acme"]


BROKEN: list[tuple[str, str, str, str]] = [
    ("missing module", "plug_gone:Acme", "", "ModuleNotFoundError: No module named 'plug_gone'"),
    ("raises", "plug_acme:Acme", "raise RuntimeError('half installed')", "RuntimeError: half installed"),
    ("syntax", "plug_acme:Acme", "class (", "it fails to import: SyntaxError"),
    ("missing class", "plug_acme:Acme", "x = 1", "AttributeError"),
    ("no class", "plug_acme:Acme", "def Acme(): pass", "is not a billctl.gateway.Gateway class"),
    ("foreign class", "plug_acme:Acme", "class Acme: api = 1", "is not a billctl.gateway.Gateway class"),
    ("newer api", "plug_acme:Acme", GOOD.replace("1", "2"), "for plugin api 2, this is 1; upgrade billctl"),
    ("older api", "plug_acme:Acme", GOOD.replace("1", "0"), "plugin api 0, this is 1; upgrade billctl-acme"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "source", "why"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN])
def test_a_broken_plugin_is_a_config_error_naming_its_package(
    tmp_path: Path, target: str, source: str, why: str
) -> None:
    folder = install(tmp_path / "a", "billctl-acme", {"acme": target}, {"plug_acme": source})
    kind, code, line = report(folder, load=("acme", "stripe"))["loaded"]["acme"]
    assert (kind, code) == ("ConfigError", 12)
    assert line.startswith("gateway acme cannot be used: ")
    assert why in line
    assert "(package billctl-acme 0.3)" in line
    assert "Nothing was sent. Everything else works. See `billctl gateways`." in line


def test_a_broken_plugin_harms_nobody_else(tmp_path: Path) -> None:
    bad = install(tmp_path / "a", "billctl-bad", {"bad": "plug_bad:Bad"}, {"plug_bad": "raise SystemError"})
    good = install(tmp_path / "b", "billctl-acme", {"acme": "plug_acme:Acme"}, {"plug_acme": GOOD})
    found = report(bad, good, load=("stripe", "acme", "bad"))
    assert found["loaded"]["stripe"] == "StripeGateway"
    assert found["loaded"]["acme"] == "Acme"
    assert found["loaded"]["bad"][0] == "ConfigError"


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


@pytest.mark.parametrize("name", ["audit", "lookup", "help", "batch"])
def test_a_commands_name_cannot_be_taken(tmp_path: Path, name: str) -> None:
    folder = install(tmp_path / "a", "billctl-x", {name: "plug_acme:Acme"}, {"plug_acme": GOOD})
    assert "the name is a command of billctl" in report(folder, load=(name,))["loaded"][name][2]


@pytest.mark.parametrize("name", ["Acme", "1acme", "a" * 33, "ac.me", "acmé"])
def test_a_gateways_name_is_plain(tmp_path: Path, name: str) -> None:
    folder = install(tmp_path / "a", "billctl-x", {name: "plug_acme:Acme"}, {"plug_acme": GOOD})
    assert "a gateway's name has lower-case letters" in report(folder, load=(name,))["loaded"][name][2]


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
def test_a_damaged_cache_only_costs_the_scan(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gateways.json").write_bytes(content)
    found = report(cache=tmp_path)
    assert found["scanned"]
    assert "stripe" in found["entries"]
    assert not report(cache=tmp_path)["scanned"]


def test_a_cache_that_cannot_be_kept_only_costs_the_scan(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "stripe" in report(cache=tmp_path / "file" / "below")["entries"]
