"""The recipe in `billctl help audit` proves an export by Python alone, and finds each kind of damage."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from billctl.audit.checkpoint import checkpoint_of, parse
from billctl.audit.export import FORMS, export, in_range
from billctl.audit.lines import verify_lines
from billctl.session import STORE
from billctl.store.sqlite import open_store
from tests.sample_log import twenty_records
from tests.shop import Shop


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a log of 20 records."""
    state = tmp_path_factory.mktemp("kept") / "state"
    twenty_records(state / STORE)
    return state


@pytest.fixture(scope="module")
def exported(kept: Path) -> list[bytes]:
    """The lines of its export."""
    lines: list[bytes] = []
    store = open_store(kept / STORE, readonly=True)
    export(in_range(store, None, None), lines.append, FORMS["ndjson"], private=True)
    store.close()
    return b"".join(lines).splitlines(keepends=True)


@pytest.fixture
def shop(tmp_path: Path, kept: Path) -> Shop:
    """Command lines without a gateway or a profile, and a log of 20 records."""
    shutil.copytree(kept, tmp_path / "state")
    return Shop(tmp_path / "state", tmp_path / "config", url="")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.ndjson"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe as an operator takes it from `billctl help audit`."""
    folder = tmp_path_factory.mktemp("recipe")
    text = Shop(folder / "state", folder / "config", url="").run("help", "audit").out
    begin, end = text.index("# verify.py\n"), text.index("# end\n")
    path = folder / "verify.py"
    path.write_text(text[begin:end])
    return path


def proved(recipe: Path, file: Path) -> tuple[int, str]:
    """What the recipe says of an export: by Python alone, without billctl in reach."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(recipe), str(file)],
        check=False, cwd="/", env={}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_recipe_has_ten_lines(recipe: Path) -> None:
    lines = [line for line in recipe.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) <= 10
    assert "billctl" not in recipe.read_text()


def test_the_recipe_proves_what_was_exported(recipe: Path, shop: Shop, file: Path) -> None:
    ran = shop.run("audit", "export", str(file), "-o", "json")
    head = ran.data["head"]["hash"]
    assert proved(recipe, file) == (0, f"ok: records 1 to 21, 21 private parts, head {head}\n")
    ran = shop.run("audit", "export", str(file), "--without-private", "--force", "-o", "json")
    head = ran.data["head"]["hash"]
    assert proved(recipe, file) == (0, f"ok: records 1 to 22, 0 private parts, head {head}\n")
    ran = shop.run("audit", "export", str(file), "--since", "2026-11-21T14:00:00Z", "--force", "-o", "json")
    head = ran.data["head"]["hash"]
    assert proved(recipe, file) == (0, f"ok: records 6 to 23, 18 private parts, head {head}\n")


Damage = Callable[[list[bytes]], list[bytes]]

DAMAGES: dict[str, tuple[Damage, int]] = {
    "a record changed": (lambda lines: [*lines[:8], lines[8].replace(b"ch_2", b"ch_3"), *lines[9:]], 11),
    "a private part changed": (lambda lines: [*lines[:9], lines[9].upper(), *lines[10:]], 10),
    "a record taken out": (lambda lines: lines[:8] + lines[10:], 9),
    "two records swapped": (lambda lines: lines[:8] + lines[10:12] + lines[8:10] + lines[12:], 9),
    "a record twice": (lambda lines: lines[:10] + lines[8:], 11),
    "one put in": (lambda lines: [*lines[:10], lines[10].replace(b"ch_3", b"ch_9"), *lines[10:]], 12),
    "a private part elsewhere": (lambda lines: [*lines[:8], lines[11], *lines[8:]], 9),
}
"""Kinds of damage, and the line at which each is found."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_recipe_finds_each_kind_of_damage(
    recipe: Path, exported: list[bytes], file: Path, damage: str
) -> None:
    make, line = DAMAGES[damage]
    damaged = make(exported)
    assert damaged != exported
    file.write_bytes(b"".join(damaged))
    assert proved(recipe, file) == (1, f"NOT ok: line {line}\n")
    assert not verify_lines(damaged).ok


def written_anew(lines: list[bytes]) -> list[bytes]:
    """The records of `lines` with another charge in them and hashes to match, without private parts."""
    prev, anew = "0" * 64, []
    for line in lines:
        if line.startswith(b'{"prev":"'):
            body = line[len('{"prev":"') + 64 :].decode().replace("ch_2", "ch_9")
            anew.append(f'{{"prev":"{prev}{body}'.encode())
            prev = hashlib.sha256(anew[-1].removesuffix(b"\n")).hexdigest()
    return anew


def test_what_a_chain_cannot_show_the_recipe_shows_by_another_head(
    recipe: Path, exported: list[bytes], file: Path
) -> None:
    """Records cut off at the end, or all of them written anew: both pass. A checkpoint elsewhere tells."""
    origin = f"billctl.audit/{json.loads(exported[0])['log_id']}"
    kept_elsewhere = checkpoint_of(origin, verify_lines(exported).head).text()
    for lines in (exported[:-2], written_anew(exported)):
        file.write_bytes(b"".join(lines))
        told = verify_lines(lines)
        assert told.ok
        assert proved(recipe, file)[1].endswith(f"head {told.head.hash}\n")
        assert checkpoint_of(origin, told.head) != parse(kept_elsewhere)
    assert checkpoint_of(origin, verify_lines(exported).head) == parse(kept_elsewhere)
