"""The program's source as the suite reads it, each module once in a process."""

import ast
import gc
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "billctl"


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module of billctl by its path, parsed."""
    paths = sorted(PACKAGE.rglob("*.py"))
    was_on = gc.isenabled()
    gc.disable()  # half a million new objects, of which none is garbage: half of the time
    try:
        return {path: ast.parse(path.read_text(encoding="utf-8"), filename=str(path)) for path in paths}
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@cache
def dotted(path: Path) -> str:
    """A module's name: `billctl.cli.act`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def nodes() -> dict[Path, tuple[ast.AST, ...]]:
    """Every node of every module, in no order."""
    return {path: tuple(ast.walk(tree)) for path, tree in trees().items()}
