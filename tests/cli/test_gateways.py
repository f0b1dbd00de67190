"""`billctl gateways`: what is declared, by ours and by others', and what is broken."""

from pathlib import Path
from typing import Any

import pytest

from billctl import VERSION
from billctl.gateway import API, Capability
from billctl.gateways.stripe import StripeGateway
from tests.cli.program import billctl, document

MODULE = """
from billctl.gateway import Capability, Gateway, Setting

class Acme(Gateway):
    api = {api}
    capabilities = frozenset({{Capability.FIND_BY_ID, Capability.VOID, Capability.CANCEL_NOW}})
    settings = (Setting(name="token", help="From the portal.", secret=True),)
"""


def install(
    folder: Path, module: str, *, name: str = "acme", package: str = "billctl-acme"
) -> dict[str, str]:
    """A package on the path with one gateway, and the environment that has it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{package.replace('-', '_')}.py").write_text(module)
    info = folder / f"{package.replace('-', '_')}-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.3\n")
    entry = f"{name} = {package.replace('-', '_')}:Acme"
    (info / "entry_points.txt").write_text(f"[billctl.gateways]\n{entry}\n")
    return {"PYTHONPATH": str(folder)}


def rows(env: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in document("gateways", env=env)["data"]["gateways"]}


def test_our_own_gateway_shows_exactly_what_it_declares() -> None:
    row = rows()["stripe"]
    assert row["capabilities"] == [str(c) for c in Capability if c in StripeGateway.capabilities]
    assert (row["package"], row["version"], row["fault"]) == ("billctl", VERSION, None)
    assert row["settings"] == [
        {"name": s.name, "help": s.help, "secret": s.secret, "required": s.required}
        for s in StripeGateway.settings
    ]


def test_the_table_says_in_words_what_a_gateway_can_and_cannot(tmp_path: Path) -> None:
    env = install(tmp_path / "plugins", MODULE.format(api=API))
    table = billctl("gateways", "-o", "table", env=env).stdout
    heading, *lines = table.splitlines()
    assert heading.split("  ")[-2:] == ["same key twice", "find by"]
    acme = next(line for line in lines if line.startswith("acme"))
    assert acme.split() == ["acme", "no", "yes", "now", "no", "no", "id"]


def test_a_plugin_stands_beside_ours_and_gets_every_command(tmp_path: Path) -> None:
    env = install(tmp_path / "plugins", MODULE.format(api=API))
    row = rows(env)["acme"]
    assert row["capabilities"] == ["find_by_id", "void", "cancel_now"]
    assert row["settings"][0]["secret"] is True
    assert (row["package"], row["version"]) == ("billctl-acme", "0.3")
    assert billctl("acme", "refund", "--help", env=env).returncode == 0


BROKEN = {
    f"it is written for plugin api {API + 1}, this is {API}": MODULE.format(api=API + 1),
    "it fails to import: ZeroDivisionError": "1 / 0",
    "it fails to import: AttributeError": "",
    "is not a billctl.gateway.Gateway class": "class Acme: api = 1",
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_plugin_says_why_and_from_which_package_and_harms_nobody(tmp_path: Path, why: str) -> None:
    env = install(tmp_path / "plugins", BROKEN[why])
    done = billctl("gateways", "-o", "table", env=env)
    assert done.returncode == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("acme"))
    assert "broken: " in line
    assert why in line
    assert "(package billctl-acme 0.3)" in line
    assert rows(env)["acme"]["capabilities"] == []
    assert rows(env)["stripe"] == rows()["stripe"]


DECLARED_WRONGLY = """
from billctl.gateway import Gateway

class Acme(Gateway):
    api = 1
    capabilities = {what}
"""


@pytest.mark.parametrize("what", ["['refund']", "3", "frozenset({'teleport'})"])
def test_capabilities_of_another_kind_make_a_plugin_broken(tmp_path: Path, what: str) -> None:
    env = install(tmp_path / "plugins", DECLARED_WRONGLY.format(what=what))
    assert "capabilities" in rows(env)["acme"]["fault"]


def test_two_packages_with_one_name_are_both_named(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    install(folder, MODULE.format(api=API))
    env = install(folder, MODULE.format(api=API), package="billctl-other")
    assert "billctl-acme and billctl-other both bring a gateway of this name" in rows(env)["acme"]["fault"]


def test_a_plugin_cannot_take_the_name_of_ours(tmp_path: Path) -> None:
    env = install(tmp_path / "plugins", MODULE.format(api=API), name="stripe")
    assert "both bring a gateway of this name" in rows(env)["stripe"]["fault"]


def test_in_a_pipe_each_gateway_is_a_row() -> None:
    cells = billctl("gateways").stdout.rstrip("\n").split("\t")
    assert cells[0] == "stripe"
    assert cells[-2:] == ["billctl", VERSION]
