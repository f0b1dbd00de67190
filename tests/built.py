"""Hypothesis strategies for what parameters are annotated with, with any text in every string."""

import ast
import inspect
import io
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from billctl.batch.model import Header
from billctl.batch.plan_file import PlanFile
from billctl.errors import BillctlError
from billctl.frozen import replace
from billctl.models import Customer, Record
from billctl.money import Money
from billctl.profiles.faults import Fault, ProfileError

CONTROLS = (
    "\x00\x07\x08\x09\x0a\x0d\x1b\x7f\x80\x9b\x9d\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u2028\ufeff"
)
MARKUP = (
    "[red]",
    "[/]",
    "[/foo]",
    "[link=https://example.com]x[/link]",
    "[[",
    "\\[",
    ":smile:",
    "\x1b]8;;x\x07y",
)


def _paired(text: str) -> str:
    """`text` with each pair of surrogates as the one character that it is in JSON."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


_CHARACTERS = (
    st.characters(max_codepoint=0x2FFF)
    | st.characters(min_codepoint=0x1F300, max_codepoint=0x1FAFF)
    | st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF, categories=["Cs"])
    | st.sampled_from(CONTROLS)
)
TEXT = st.text(_CHARACTERS, max_size=6).map(_paired) | st.sampled_from(MARKUP)
"""Every code point below U+3000, emoji, lone surrogates, and more often what drives a terminal or Rich."""

MOMENT = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 bounds are naive
MONEY = st.builds(Money, st.integers(0, 10**9), st.sampled_from(["USD", "KWD", "JPY"]))
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=3,
)
PLAIN: dict[object, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(0, 10**6),
    float: st.floats(0, 100),
    bool: st.booleans(),
    bytes: st.binary(max_size=20),
    type(None): st.none(),
    object: ANY,
    Any: ANY,
    datetime: MOMENT,
    date: st.dates(date(2000, 1, 1), date(2099, 1, 1)),
    Money: MONEY,
    Path: TEXT.filter(lambda text: "\0" not in text).map(Path),
}


def arguments(function: Callable[..., Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments for every parameter of `function`, by their annotations."""
    return st.fixed_dictionaries(_hinted(function, inspect.signature(function).parameters))


def built(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation. Raises `TypeError` for one that nothing is known of."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return st.one_of(*map(built, inner))
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin is tuple and inner[-1:] != (...,):
        return st.tuples(*map(built, inner))
    if origin in {list, tuple, Sequence, frozenset}:
        made = list if origin in {list, Sequence} else origin
        return st.lists(built(inner[0]), max_size=2).map(made)
    if origin in {dict, Mapping}:
        return st.dictionaries(built(inner[0]), built(inner[1]), max_size=2)
    return _plain(kind)


def _plain(kind: Any) -> st.SearchStrategy[Any]:
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if kind is ProfileError:
        return st.lists(built(Fault), min_size=1, max_size=2).map(lambda faults: ProfileError(tuple(faults)))
    if isinstance(kind, type) and issubclass(kind, BillctlError):
        return st.builds(lambda text, hint, code: kind(text, hint=hint, code=code), TEXT, TEXT, TEXT)
    if kind is PlanFile:
        named = built(Header).map(lambda header: replace(header, verb="refund"))
        return st.builds(lambda header, text: PlanFile(Path("x"), io.BytesIO(), header, text, 0), named, TEXT)
    if kind is Record:
        return st.one_of(*(built(each) for each in Record.__subclasses__() if each is not Customer))
    if isinstance(kind, type) and (hasattr(kind, "__match_args__") or hasattr(kind, "_fields")):
        return _record(kind)
    raise TypeError(f"no strategy for {kind!r}")


@cache
def _record(kind: Any) -> st.SearchStrategy[Any]:
    names = kind.__match_args__ if hasattr(kind, "__match_args__") else kind._fields
    return st.fixed_dictionaries(_hinted(kind, names)).map(lambda fields: kind(**fields))


def _hinted(of: Any, names: Any) -> dict[str, st.SearchStrategy[Any]]:
    hints = typing.get_type_hints(of, localns=_for_type_checkers(of.__module__))
    return {name: built(hints[name]) for name in names}


@cache
def _for_type_checkers(module: str) -> dict[str, Any]:
    """What a module imports under `if TYPE_CHECKING`."""
    found: dict[str, Any] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module, "exec"), found)
    return found
