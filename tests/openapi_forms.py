"""Stripe's form encoding, read back into JSON as an OpenAPI schema says.

`a[b][0]=1` is nested by brackets; every leaf is text. Only the schema tells whether `1` is an
integer or a string, so the decoder is led by it, and stays strict: an integer is digits, a boolean
is `true` or `false`. Text that does not fit its schema stays text, for the schema to complain of.
"""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

Raw = str | dict[str, "Raw"]
Schema = dict[str, Any]

KEY = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")
INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
LEAVES: dict[str, re.Pattern[str]] = {
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": re.compile("true|false"),
}


def decode_form(form: str, schema: Schema) -> tuple[dict[str, Any], list[str]]:
    """`form` (a query or a form body) as the JSON object that `schema` describes, and its faults."""
    tree, problems = nest(form)
    return {name: _value(raw, _property(schema, name)) for name, raw in tree.items()}, problems


def nest(form: str) -> tuple[dict[str, Raw], list[str]]:
    """The bracket nesting of `form` as dictionaries (a list has the keys `0`, `1`, …), and its faults."""
    tree: dict[str, Raw] = {}
    problems: list[str] = []
    if not form:
        return tree, problems
    try:
        pairs = parse_qsl(form, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as fault:
        return tree, [f"not a form: {fault}"]
    for key, text in pairs:
        if wrong := _insert(tree, key, text):
            problems.append(wrong)
    return tree, problems


def _insert(tree: dict[str, Raw], key: str, text: str) -> str | None:
    if not KEY.fullmatch(key):
        return f"ill-formed parameter name {key!r}"
    *parents, last = key.replace("]", "").split("[")
    node = tree
    for name in parents:
        if name == "":
            return f"{key!r}: [] is read here only at the end of a name"
        below = node.setdefault(name, {})
        if isinstance(below, str):
            return f"{key!r} is given both as a value and as an object"
        node = below
    last = last or str(len(node))
    if last in node:
        return f"{key!r} is given twice"
    node[last] = text
    return None


def _value(raw: Raw, schema: Schema) -> Any:
    if "anyOf" in schema:
        branch = _branch(raw, schema["anyOf"])
        return raw if branch is None else _value(raw, branch)
    kind = schema.get("type", "")
    if isinstance(raw, str):
        return _leaf(raw, kind)
    if kind == "array" and _is_list(raw):
        items = schema.get("items", {})
        return [_value(raw[str(index)], items) for index in range(len(raw))]
    return {name: _value(below, _property(schema, name)) for name, below in raw.items()}


def _leaf(text: str, kind: str) -> Any:
    form = LEAVES.get(kind)
    if form is None or not form.fullmatch(text):
        return text
    readers: dict[str, Any] = {"integer": int, "number": Decimal, "boolean": "true".__eq__}
    return readers[kind](text)


def _property(schema: Schema, name: str) -> Schema:
    declared = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    return declared if isinstance(declared, dict) else {}


def _is_list(raw: dict[str, Raw]) -> bool:
    return set(raw) == {str(index) for index in range(len(raw))}


def _branch(raw: Raw, branches: list[Schema]) -> Schema | None:
    """The first alternative that `raw` fits, else the first of the same shape, else None."""
    fitting = [branch for branch in branches if _fits(raw, branch)]
    same_shape = [b for b in branches if isinstance(raw, dict) and b.get("type") == "object"]
    return next(iter(fitting + same_shape), None)


def _fits(raw: Raw, schema: Schema) -> bool:
    kind = schema.get("type", "")
    if isinstance(raw, str):
        if kind == "string":
            return raw in schema.get("enum", [raw])
        return kind in LEAVES and LEAVES[kind].fullmatch(raw) is not None
    if kind == "array":
        return _is_list(raw)
    open_ended = isinstance(schema.get("additionalProperties"), dict)
    return kind == "object" and (open_ended or set(raw) <= set(schema.get("properties", {})))
