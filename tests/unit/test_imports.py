"""Imports run one way, and cost what is used: the rules of the design, read from every import in billctl."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.sources import dotted, nodes, trees

ROWS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("watch", "batch"),
    ("lookup", "listing", "filters", "actions", "reconcile", "resolve", "followup", "movements"),
    ("behind", "mirrored", "telling", "request"),
    ("policy", "approvals", "anchoring", "standing", "failures"),
    ("verbs", "fanout", "recorded"),
    ("session",),
    ("registry", "profiles", "credentials", "audit", "store", "sandbox", "testing", "gateways", "pace"),
    ("declaration",),
    ("transport", "selecting"),
    ("gateway",),
    ("account", "asking"),
    ("models",),
    ("money",),
    ("gaps",),
    ("reasons",),
    ("paths", "text", "iso4217", "frozen", "parallel", "causes", "signals"),
    ("errors",),
)
"""Top to bottom: a part imports from its own row and from those below, never from above."""

PLUGIN_API = frozenset(
    {
        "gateway",
        "models",
        "money",
        "errors",
        "iso4217",
        "frozen",
        "parallel",
        "gaps",
        "selecting",
        "transport",
        "causes",
    }
)
"""All that a gateway imports of billctl: the interface, and what adapters would otherwise each write anew."""

SANDBOX_MAY = frozenset({"errors", "paths", "iso4217", "money", "frozen"})
"""The sandbox is checked against the gateways' descriptions, so it shares nothing with their adapters."""

ONLY_IN_CLI = frozenset({"typer", "click", "rich"})
SDKS = frozenset({"stripe", "paypalrestsdk", "braintree", "recurly"})
ONLY_INSIDE_FUNCTIONS = SDKS | {
    "rich",
    "requests",
    "urllib3",
    "keyring",
    "jq",
    "platformdirs",
    "tomli_w",
    "importlib.metadata",
}
"""Modules that cost a start more than they give it; imported where they are used."""

NEVER = frozenset({"asyncio", "pydantic", "aiohttp", "httpx"})


@dataclass(frozen=True)
class Import:
    """One import statement's target, seen from the module that has it."""

    module: str
    target: str
    line: int
    in_function: bool
    level: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"

    @property
    def part(self) -> str:
        """The part of billctl that has the import; `` for the package itself."""
        return _part(self.module)

    def is_of(self, names: frozenset[str]) -> bool:
        """Whether the target is one of `names`, or something below one."""
        return any(self.target == name or self.target.startswith(f"{name}.") for name in names)


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of billctl by its dotted name."""
    return {dotted(path): tree for path, tree in trees().items()}


@cache
def imports() -> tuple[Import, ...]:
    """Every import in billctl; what is under `if TYPE_CHECKING` costs nothing and counts as inside."""
    return tuple(
        found
        for module, tree in sources().items()
        for found in _imports_below(module, tree, in_function=False)
    )


def _imports_below(module: str, node: ast.AST, *, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import():
                for alias in child.names:
                    yield Import(module, alias.name, child.lineno, in_function, 0)
            case ast.ImportFrom():
                for target in _targets(child):
                    yield Import(module, target, child.lineno, in_function, child.level)
            case _:
                inside = in_function or _defers(child)
                yield from _imports_below(module, child, in_function=inside)


def _targets(statement: ast.ImportFrom) -> Iterator[str]:
    """`from a import b` reads module `a.b` where there is one, else `a`."""
    base = statement.module or ""
    for alias in statement.names:
        whole = f"{base}.{alias.name}"
        yield whole if whole in sources() else base


def _defers(node: ast.AST) -> bool:
    checking = (
        isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    return checking or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def own_imports() -> list[Import]:
    return [found for found in imports() if found.is_of(frozenset({"billctl"}))]


def test_the_design_has_a_row_for_every_part() -> None:
    known = {name for row in ROWS for name in row}
    assert sorted({_part(module) for module in sources()} - known - {""}) == []


def test_imports_run_downwards_only() -> None:
    row_of = {name: number for number, row in enumerate(ROWS) for name in row}
    upwards = [
        str(found)
        for found in own_imports()
        if (target := _part(found.target)) and found.part and row_of[target] < row_of[found.part]
    ]
    assert upwards == []


def test_the_package_itself_imports_nothing_of_its_own() -> None:
    assert [str(found) for found in own_imports() if found.part == ""] == []


def test_no_module_imports_itself_around_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in sources()}
    for found in own_imports():
        if found.target != found.module:
            graph[found.module].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])), pytrace=False)


def test_there_is_no_relative_import() -> None:
    assert [str(found) for found in imports() if found.level] == []


def test_a_gateway_imports_the_plugin_api_and_itself_only() -> None:
    foreign = [
        str(found)
        for found in own_imports()
        if found.part == "gateways"
        and _part(found.target) not in PLUGIN_API
        and not found.target.startswith(".".join(found.module.split(".")[:3]))
    ]
    assert foreign == []


def test_the_sandbox_shares_nothing_with_the_adapters() -> None:
    shared = [
        str(found)
        for found in own_imports()
        if found.part == "sandbox" and _part(found.target) not in SANDBOX_MAY | {"sandbox", ""}
    ]
    assert shared == []


def test_only_the_command_line_imports_typer_and_rich() -> None:
    assert [str(found) for found in imports() if found.is_of(ONLY_IN_CLI) and found.part != "cli"] == []


def test_only_gateways_import_an_sdk() -> None:
    assert [str(found) for found in imports() if found.is_of(SDKS) and found.part != "gateways"] == []


def test_what_is_heavy_is_imported_where_it_is_used() -> None:
    early = [str(f) for f in imports() if f.is_of(ONLY_INSIDE_FUNCTIONS) and not f.in_function]
    assert early == []


def _of_requests(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """What a function imports of requests, in its order."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.Import):
            found += [(node.lineno, name.name) for name in node.names]
    return [name for _, name in sorted(found) if name.split(".")[0] == "requests"]


def test_where_requests_is_imported_the_package_comes_before_its_modules() -> None:
    """Two threads of a lookup, of which one imports the package and the other a module of it first, wait for
    each other; Python then gives one of them half of the package."""
    wrong = [
        f"{dotted(path)}:{node.lineno}"
        for path, found in nodes().items()
        for node in found
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and _of_requests(node)[:1] not in ([], ["requests"])
    ]
    assert wrong == []


def test_nothing_imports_what_a_short_program_never_needs() -> None:
    assert [str(found) for found in imports() if found.is_of(NEVER)] == []


def test_every_foreign_import_is_a_declared_dependency() -> None:
    declared = {"typer", "rich", "stripe", "paypalrestsdk", "braintree", "keyring", "tomli_w", "platformdirs"}
    declared |= {"requests", "urllib3", "jq"}  # urllib3 is the transport of requests
    foreign = {found.target.split(".")[0] for found in imports()} - set(sys.stdlib_module_names) - {"billctl"}
    assert sorted(foreign - declared) == []


FLOATS = {
    "billctl.profiles.check": "time-outs of a profile, in seconds",
    "billctl.cli.batch_apply_options": "a rate, in requests a second",
    "billctl.pace.shared": "instants and a share of a rate, told from process to process",
    "billctl.gateways.recurly.values": "the amount of a request, which Recurly's SDK takes as nothing else; "
    "it is exact, or refused",
}
"""The modules that make a float, with what it measures."""

MONEY_ROOMS = ("billctl.money", "billctl.models", "billctl.actions", "billctl.verbs", "billctl.iso4217")
"""Modules where amounts are counted; mapping modules of gateways too."""


def _is_money_room(module: str) -> bool:
    return module.startswith(MONEY_ROOMS) or module.endswith(".mapping")


def makes_floats() -> set[str]:
    """The modules that call `float`."""
    return {
        dotted(path)
        for path, found in nodes().items()
        for node in found
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    }


def test_a_float_is_made_only_where_it_measures_time() -> None:
    assert makes_floats() - set(FLOATS) == set()


def test_no_exception_for_floats_is_left_over() -> None:
    assert set(FLOATS) - makes_floats() == set()


def test_where_amounts_are_counted_nothing_divides_or_rounds_and_no_float_is_written() -> None:
    wrong = [
        f"{dotted(path)}:{node.lineno}"
        for path, found in nodes().items()
        if _is_money_room(dotted(path))
        for node in found
        if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id in {"float", "round"})
    ]
    assert wrong == []
