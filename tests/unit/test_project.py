"""What the checkout holds and what it must not: the design's tree, one version, no trace of one machine."""

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from billctl import VERSION

ROOT = Path(__file__).resolve().parents[2]

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "billctl",
    "completions",
    "profiles",
    "pyproject.toml",
    "tests",
}

FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.$}~-])/(?:work|root|home/\w+|Users/\w+)/\w"),
    "a registry's host": re.compile(r"\b(?:pypi|pythonhosted|npmjs|debian)\.(?:org|com)\b"),
    "an unfinished word": re.compile(r"\b(?:TODO|FIXME|XXX|HACK|WIP)\b"),
    "a merge conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git keeps, relative to the checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: the files that belong to the project are not known")
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file())


@cache
def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def project() -> dict[str, object]:
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def test_the_top_level_is_that_of_the_design() -> None:
    assert {path.parts[0] for path in tracked()} == TOP_LEVEL


@pytest.mark.parametrize("what", FOREIGN)
def test_no_file_holds_what_does_not_belong_there(what: str) -> None:
    own = Path(__file__).resolve().relative_to(ROOT)
    found = [
        f"{path}: {match[0]!r}"
        for path in tracked()
        if path != own
        for match in FOREIGN[what].finditer(text_of(path))
    ]
    assert found == []


def test_there_is_one_version() -> None:
    assert project()["version"] == VERSION
    assert f"## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_the_one_that_is_named() -> None:
    assert project()["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "billctl" / "py.typed").is_file()


def test_every_folder_of_tests_is_a_package_so_that_equal_names_do_not_meet() -> None:
    folders = {path.parent for path in tracked() if path.parts[0] == "tests" and path.suffix == ".py"}
    assert [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").is_file()] == []


def test_scripts_are_executable() -> None:
    scripts = [path for path in tracked() if (ROOT / path).read_bytes().startswith(b"#!")]
    assert scripts
    assert [str(path) for path in scripts if not (ROOT / path).stat().st_mode & 0o100] == []
