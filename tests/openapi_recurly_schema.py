"""Recurly's OpenAPI description as JSON Schema: repaired where it is wrong, closed to what it does not list.

It becomes two documents: `request` (without what only the server writes) and `answer` (in which everything
may be null: the description nowhere says what may, though the texts of `refundable_amount` and of
`original_transaction_id` do). Repaired are: `true` in the enumerations of texts, which YAML reads as a
boolean; patterns written `/…/i`; limits of length beside a reference, which mean nothing there.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs

Schema = dict[str, Any]

MODES = ("request", "answer")
KEPT = (
    *("type", "enum", "pattern", "required", "format", "maxLength"),
    *("minItems", "maxItems", "minimum", "maximum"),
)
INSTANT = r"[0-9-]{10}T[0-9:]{8}%s(Z|[+-][0-9]{2}:?[0-9]{2})"
FRACTION = {"request": r"([.][0-9]+)?", "answer": ""}
"""The SDK cannot read fractions of a second (`recurly/resource.py`, `DT_FORMAT`), and sends them."""


def formats(mode: str) -> dict[str, Callable[[str], bool]]:
    """The description's formats of text."""
    instant = INSTANT % FRACTION[mode]
    return {
        "date-time": lambda text: re.fullmatch(instant, text) is not None,
        "email": lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None,
        "decimal": lambda text: re.fullmatch(r"-?[0-9]+([.][0-9]+)?", text) is not None,
    }


Validator = jsonschema_rs.Draft4Validator


class Documents:
    """The description in both modes, and validators for what is in it."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Any] = source["components"]["schemas"]
        self._validators: dict[tuple[str, ...], Validator] = {}
        self._registry = jsonschema_rs.Registry(
            [(_root(mode), {"components": {"schemas": self._all(mode)}}) for mode in MODES],
            draft=jsonschema_rs.Draft4,
        )

    def problems(
        self, key: tuple[str, ...], schema: Schema, value: object, *, mode: str, place: str
    ) -> list[str]:
        """What in `value` departs from `schema`; `key` names the schema for good."""
        validator = self._validators.get((*key, mode))
        if validator is None:
            # Draft 4, whose integers are no floats with nothing after the point.
            validator = Validator(
                self._strict(schema, mode),
                registry=self._registry,
                validate_formats=True,
                formats=formats(mode),
            )
            self._validators[*key, mode] = validator
        return [
            f"{'/'.join([place, *map(str, error.instance_path)])}: {error.message[:200]}"
            for error in validator.iter_errors(value)
        ]

    def resolved(self, schema: Schema) -> Schema:
        """The schema itself where it is a reference."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def _all(self, mode: str) -> dict[str, Schema]:
        return {name: self._strict(schema, mode) for name, schema in self._schemas.items()}

    def _strict(self, schema: Schema, mode: str) -> Schema:
        if "$ref" in schema:
            found: Schema = {"$ref": _root(mode) + schema["$ref"]}
        elif "allOf" in schema:
            found = self._strict(self._merged(schema["allOf"]), mode)
        else:
            found = self._plain(schema, mode)
        return {"anyOf": [found, {"type": "null"}]} if mode == "answer" else found

    def _plain(self, schema: Schema, mode: str) -> Schema:
        found = {key: schema[key] for key in KEPT if key in schema}
        if "enum" in found:
            found["enum"] = ["true" if word is True else word for word in found["enum"]]
        if "pattern" in found:
            found["pattern"] = repaired(found["pattern"])
        if "properties" in schema:
            found["type"] = "object"
            found["properties"] = {
                name: self._strict(below, mode)
                for name, below in schema["properties"].items()
                if mode == "answer" or not below.get("readOnly")
            }
            found["additionalProperties"] = False
        if "items" in schema:
            found["items"] = self._strict(schema["items"], mode)
        return found

    def _merged(self, branches: list[Schema]) -> Schema:
        """One schema with the properties of all branches: closed, each would refuse the others'."""
        whole: Schema = {"type": "object", "properties": {}, "required": []}
        for branch in branches:
            found = self.resolved(branch)
            if "allOf" in found:
                found = self._merged(found["allOf"])
            whole["properties"] |= found.get("properties", {})
            whole["required"] += found.get("required", [])
        return {key: value for key, value in whole.items() if value}


def repaired(pattern: str) -> str:
    """`/^[a-z]+$/i` as a regular expression."""
    text, _, flags = pattern.removeprefix("/").rpartition("/")
    return f"(?i){text}" if flags else text


def _root(mode: str) -> str:
    return f"json-schema:///recurly/{mode}"
