"""PayPal's OpenAPI files as JSON Schema: repaired where they are wrong, closed to what they do not list.

Each file becomes three documents: `request` (without what only the server writes), `answer`, and `error`
(open: a refusal's schema repeats only some of the fields that another branch of it lists).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

Schema = dict[str, Any]

KEPT = (
    *("type", "enum", "pattern", "required", "format", "minLength", "maxLength"),
    *("minItems", "maxItems", "minimum", "maximum"),
)
BRANCHES = ("allOf", "anyOf", "oneOf")
MODES = ("request", "answer", "error")
FILES = (
    *("billing_subscriptions_v1", "checkout_orders_v2", "customer_disputes_v1", "invoicing_v2"),
    *("payments_payment_v1", "payments_payment_v2", "reporting_transactions_v1"),
)
"""The files that are read; catalogues of products are not billctl's."""

ANY_EMAIL = '^.+@[^"\\-].+$'
"""What the files say of an e-mail where they do not try to write RFC 5322 in one expression."""

FORMATS = {
    "ppaas_common_currency_code_v2": lambda text: re.fullmatch("[A-Z]{3}", text) is not None,
}


def repaired(pattern: str) -> str:
    """The pattern as every engine reads it; one that does not compile must not switch a check off.

    The long pattern of an e-mail is no regular expression in most dialects, and `(?i)` is none of ECMA's.
    """
    if pattern.startswith("(?:[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+"):
        return ANY_EMAIL
    if pattern.startswith("(?i)"):
        return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in pattern[4:])
    return pattern


class Documents:
    """The files in every mode, and validators for what is in them. Build it with `read`."""

    def __init__(self, sources: Mapping[str, Any]) -> None:
        self.sources = sources
        self._validators: dict[tuple[str, ...], jsonschema_rs.Validator] = {}
        documents = [
            (_root(mode, name), _document(source, mode, name))
            for name, source in sources.items()
            for mode in MODES
        ]
        self._registry = jsonschema_rs.Registry(documents, draft=jsonschema_rs.Draft202012)

    def problems(
        self, key: tuple[str, ...], schema: Schema, value: object, *, mode: str, file: str, place: str
    ) -> list[str]:
        """What in `value` departs from `schema` of `file`; `key` names the schema for good."""
        validator = self._validators.get((*key, mode))
        if validator is None:
            validator = jsonschema_rs.Draft202012Validator(
                closed(schema, mode, file), registry=self._registry, validate_formats=True, formats=FORMATS
            )
            self._validators[*key, mode] = validator
        return [f"{_where(error, place)}: {error.message[:200]}" for error in validator.iter_errors(value)]


@cache
def read(folder: Path) -> Documents:
    """The files of `folder`, read once in a process."""
    return Documents({name: json.loads((folder / f"{name}.json").read_bytes()) for name in FILES})


def closed(schema: Schema, mode: str, file: str) -> Schema:
    """The schema where a value stands by itself: nothing that it does not list."""
    found = _opened(schema, mode, file)
    lists = "$ref" in found or "properties" in found or any(branch in found for branch in BRANCHES)
    return {**found, "unevaluatedProperties": False} if lists and mode != "error" else found


def _document(source: Mapping[str, Any], mode: str, file: str) -> Schema:
    schemas = source["components"]["schemas"]
    return {"components": {"schemas": {n: _opened(s, mode, file) for n, s in schemas.items()}}}


def _opened(schema: Schema, mode: str, file: str) -> Schema:
    """The schema as a branch of another: what it does not list may be the other's."""
    if "$ref" in schema:
        return {"$ref": _root(mode, file) + schema["$ref"]}
    found = {key: schema[key] for key in KEPT if key in schema and schema[key] != []}
    if "pattern" in found:
        found["pattern"] = repaired(found["pattern"])
    if "properties" in schema:
        found["properties"] = dict(_properties(schema["properties"], mode, file))
    if "items" in schema:
        found["items"] = closed(schema["items"], mode, file)
    if isinstance(more := schema.get("additionalProperties"), dict):
        found["additionalProperties"] = closed(more, mode, file)
    for branch in BRANCHES:
        if branch in schema:
            found[branch] = [_opened(each, mode, file) for each in schema[branch]]
    return found


def _properties(properties: Mapping[str, Schema], mode: str, file: str) -> Iterator[tuple[str, Schema]]:
    for name, below in properties.items():
        if mode == "request" and below.get("readOnly"):
            continue
        yield name, closed(DIFFERENT.get((file, name), below), mode, file)


DIFFERENT: Mapping[tuple[str, str], Schema] = {
    ("reporting_transactions_v1", "paypal_reference_id"): {
        "type": "string",
        "pattern": "^[a-zA-Z0-9-]*$",
        "maxLength": 24,
    }
}
"""File and field where the file contradicts PayPal: a reference to a subscription is `I-…`, with a hyphen."""


def _root(mode: str, file: str) -> str:
    return f"json-schema:///paypal/{mode}/{file}"


def _where(error: jsonschema_rs.ValidationError, place: str) -> str:
    return "/".join([place, *map(str, error.instance_path)])
