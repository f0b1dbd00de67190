"""The example plugin, installed as its users install it: it tests itself, and every command knows it.

What `pip` puts into a folder on the path is what it puts into an environment; the folder spares making one.
That a program started there has it is seen by the first command; the others run in the tests' own process.
"""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import billctl, environment
from tests.cli.program import installed as program
from tests.plugin import PACKAGE
from tests.plugin.acme import KEY, AcmeGateway, Shop
from tests.unit.test_imports import PLUGIN_API

PROFILE = """
mode = "test"
[accounts.acme]
gateway = "acme"
shop = "12"
base_url = "{url}"
"""
WHY = ("--reason", "charged twice", "--yes", "-o", "json")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, outer_env: Mapping[str, str]) -> Path:
    """A folder with the package as pip leaves it, built by its own backend."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    quiet = dict(outer_env) | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [*command, "--no-index", "--target", str(folder), str(PACKAGE)],
        env=quiet, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def shop(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A running Acme, and a profile that leads every command of this test to it."""
    with Shop() as running:
        profiles = tmp_path / "config" / "profiles"
        profiles.mkdir(parents=True)
        (profiles / "acme.toml").write_text(PROFILE.format(url=running.url))
        monkeypatch.setenv("PYTHONPATH", str(installed))
        monkeypatch.setenv("BILLCTL_PROFILE", "acme")
        monkeypatch.setenv("BILLCTL_ACME_API_KEY", KEY)
        yield running


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command where the package is installed."""
    return billctl(*arguments, env={"PYTHONPATH": os.environ["PYTHONPATH"]})


def data(*arguments: str) -> Any:
    """The data of a command that ends well."""
    ran = run(*arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)["data"]


@pytest.mark.slow
def test_it_keeps_its_own_tests_and_the_contract_with_them(installed: Path, tmp_path: Path) -> None:
    env = environment(PYTHONPATH=str(installed), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PACKAGE / "tests")]
    done = subprocess.run(
        command, env=env, cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_it_imports_of_billctl_what_a_gateway_may() -> None:
    imported = {
        node.module
        for path in (PACKAGE / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    of_billctl = {name for name in imported if name.split(".")[0] == "billctl"}
    assert of_billctl <= {f"billctl.{name}" for name in PLUGIN_API}


def test_the_table_of_gateways_has_it_from_its_package(shop: Shop) -> None:
    ran = program("gateways", "-o", "json")
    rows = {row["name"]: row for row in json.loads(ran.stdout)["data"]["gateways"]}
    acme = rows["acme"]
    assert (acme["package"], acme["version"], acme["fault"]) == ("billctl-acme", "1.0.0", None)
    assert set(acme["capabilities"]) == {str(one) for one in AcmeGateway.capabilities}
    assert rows["stripe"]["fault"] is None
    assert shop.posts == 0


def test_a_lookup_shows_its_customers(shop: Shop) -> None:
    found = data("lookup", "layla@example.com", "-o", "json")
    assert [(row["account"], row["status"]) for row in found["accounts"]] == [("acme", "found")]
    assert [customer["ref"] for customer in found["customers"]] == ["acme:C1001"]
    assert {charge["id"] for charge in found["customers"][0]["charges"]} == {"P1001", "P1002", "P1003"}


def test_a_refund_goes_through_it_once(shop: Shop) -> None:
    refund = ("acme", "refund", "P1001", "--amount", "12.50", *WHY)
    first, again = data(*refund), data(*refund)
    assert (first["outcome"], again["outcome"]) == ("succeeded", "already_done")
    assert first["amount"] == {"amount": "12.50", "minor": 1250, "currency": "USD"}
    assert shop.posts == 1
    assert [refund["minor"] for refund in shop.ledger.objects["P1001"]["refunds"]] == [1250]
    assert data("acme", "show", "P1001", "-o", "json")["refundable"]["amount"] == "36.50"


def test_every_other_verb_goes_through_it_and_lands_in_the_log(shop: Shop) -> None:
    assert data("acme", "void", "P1002", *WHY)["outcome"] == "succeeded"
    assert data("acme", "cancel", "S1001", "--at-period-end", *WHY)["outcome"] == "succeeded"
    assert data("acme", "resend", "I1001", *WHY)["outcome"] == "succeeded"
    assert shop.ledger.objects["P1002"]["status"] == "released"
    assert shop.ledger.objects["S1001"]["ends_with_period"] is True
    actions = [record["action"] for record in data("audit", "list", "-o", "json")]
    assert {"void", "cancel", "resend"} <= set(actions)
    assert data("audit", "verify", "-o", "json")["whole"] is True


def test_no_action_of_it_goes_without_a_reason(shop: Shop) -> None:
    ran = run("acme", "refund", "P1001", "--full", "--yes")
    assert (ran.returncode, shop.posts) == (2, 0)


def test_what_it_finds_wrong_with_a_setting_is_a_fault_of_the_profile(shop: Shop, tmp_path: Path) -> None:
    profile = tmp_path / "config" / "profiles" / "acme.toml"
    profile.write_text(profile.read_text().replace('"12"', '"twelve"'))
    ran = run("lookup", "layla@example.com")
    assert ran.returncode == 12
    assert "accounts.acme.shop: is not a number" in ran.stderr


def test_its_readme_names_files_that_are_there() -> None:
    rows = [line for line in (PACKAGE / "README.md").read_text().splitlines() if line.startswith("| `")]
    named = [row.split("`")[1] for row in rows]
    assert named
    assert [name for name in named if not (PACKAGE / name).is_file()] == []
