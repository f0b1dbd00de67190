"""`billctl gateways`: what is declared, by ours and by others', and what is broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from billctl import VERSION
from billctl.gateway import API, Capability
from billctl.gateways.stripe import StripeGateway
from tests.cli.program import billctl, document, installed

MODULE = """
from billctl.gateway import Capability, Gateway, Setting

class Acme(Gateway):
    api = {api}
    capabilities = frozenset({{Capability.FIND_BY_ID, Capability.VOID, Capability.CANCEL_NOW}})
    settings = (Setting(name="token", help="From the portal.", secret=True),)
    limits = {{
        Capability.CANCEL_NOW: "not in leap years",
        Capability.FIND_BY_ID: "the last year only",
    }}
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
    assert [cell.strip() for cell in heading.split("  ") if cell.strip()] == [
        "refund", "void", "cancel", "resend", "same key twice", "sync", "find by",
    ]  # fmt: skip
    acme = next(line for line in lines if line.startswith("acme"))
    assert acme.split() == ["acme", "no", "yes", "now*", "no", "no", "no", "id*"]


def test_what_has_a_mark_is_told_below_the_table_and_whole_in_the_document(tmp_path: Path) -> None:
    env = install(tmp_path / "plugins", MODULE.format(api=API))
    lines = billctl("gateways", "-o", "table", env=env).stdout.splitlines()
    assert lines[-2:] == ["* acme, find by id: the last year only", "* acme, cancel now: not in leap years"]
    told = {"find_by_id": "the last year only", "cancel_now": "not in leap years"}
    assert rows(env)["acme"]["limits"] == told
    assert "*" not in billctl("gateways", env=env).stdout


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
    "it fails to import: SystemExit: 0": "raise SystemExit(0)",
}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with every broken plugin at once, one that prints, and a package left half installed."""
    folder = tmp_path_factory.mktemp("crowd")
    plugins = folder / "plugins"
    for number, module in enumerate([*BROKEN.values(), LOUD + MODULE.format(api=API)]):
        install(plugins, module, name=f"acme{number}", package=f"billctl-acme{number}")
    half = plugins / "other-1.dist-info"
    half.mkdir()
    (half / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (half / "entry_points.txt").write_text("[billctl.gateways]\nhalf a line\n")
    return {"PYTHONPATH": str(plugins), "BILLCTL_STATE_DIR": str(folder / "state")}


def test_a_broken_plugin_says_why_and_from_which_package(crowd: dict[str, str]) -> None:
    lines = billctl("gateways", "-o", "table", env=crowd).stdout.splitlines()
    for number, why in enumerate(BROKEN):
        line = next(line for line in lines if line.startswith(f"acme{number} "))
        assert "broken: " in line
        assert why in line
        assert f"(package billctl-acme{number} 0.3)" in line


def test_broken_plugins_take_nothing_from_the_others(crowd: dict[str, str]) -> None:
    found = rows(crowd)
    assert found["stripe"] == rows()["stripe"]
    assert found[f"acme{len(BROKEN)}"]["capabilities"] == ["find_by_id", "void", "cancel_now"]
    assert all(found[f"acme{number}"]["fault"] for number in range(len(BROKEN)))
    assert all(found[f"acme{number}"]["capabilities"] == [] for number in range(len(BROKEN)))
    assert "cannot be read" in found["other"]["fault"]


@pytest.mark.parametrize(
    "command",
    [
        ("--profile", "sandbox", "lookup", "layla@example.com"),
        ("--help",),
        *(pytest.param(words, marks=pytest.mark.slow) for words in (("profile", "list"), ("doctor",))),
        pytest.param(("stripe", "refund", "--help"), marks=pytest.mark.slow),
    ],
)
def test_broken_plugins_harm_no_other_command(crowd: dict[str, str], command: tuple[str, ...]) -> None:
    ran = billctl(*command, env=crowd)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr


LOUD = "import os\nprint('loud')\nos.write(1, b'loud')\nos.system('echo loud')\n"


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", *(pytest.param(name, marks=pytest.mark.slow) for name in ("-acme", "ac me"))]
)
def test_what_is_no_name_is_no_command_and_listed_as_broken(tmp_path: Path, name: str) -> None:
    env = install(tmp_path / "plugins", MODULE.format(api=API), name=name)
    assert "billctl-acme" not in billctl("--help", env=env).stdout
    assert "a gateway's name has lower-case letters" in rows(env)[name]["fault"]


def test_one_limit_of_several_things_is_told_once(tmp_path: Path) -> None:
    module = MODULE.format(api=API).replace("not in leap years", "the last year only")
    lines = billctl("gateways", "-o", "table", env=install(tmp_path / "plugins", module)).stdout.splitlines()
    assert lines[-1] == "* acme, find by id and cancel now: the last year only"


def test_what_a_plugin_prints_when_it_is_imported_stays_out_of_the_document(tmp_path: Path) -> None:
    env = install(tmp_path / "plugins", LOUD + MODULE.format(api=API))
    ran = installed("gateways", "-o", "json", env=env)
    assert json.loads(ran.stdout)["exit"]["code"] == 0
    assert ran.stderr.count("loud") == 3


def test_a_plugin_that_no_command_names_is_not_imported(tmp_path: Path) -> None:
    env = install(tmp_path / "plugins", "import time\ntime.sleep(3600)\n")
    assert billctl("stripe", "refund", "--help", env=env).returncode == 0


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
