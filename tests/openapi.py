"""Checks HTTP exchanges against Stripe's official OpenAPI description, independently of billctl.

The description is not part of the project: it is found in the folder that the environment variable
`BILLCTL_SPECS` names, else in `../shared/specs` beside the checkout, under `stripe/openapi-*.json`.
Where neither is there, the tests that need it skip and say so.

The checks are stricter than the description alone. A property that a schema does not list is a
problem, integers are not floats with nothing after the point, currencies are three lower-case
letters, instants are seconds. DELETE takes its parameters in the query as in the body: the
description declares a body, Stripe's own SDK sends a query.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.openapi_forms import Schema, decode_form

ROOT = "json-schema:///stripe"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
KEPT = ("type", "enum", "pattern", "maxLength", "required", "format")
MAX_SECONDS = 10**11
"""A Unix time in seconds is below this for three thousand years; one in milliseconds is above it."""
MAX_IDEMPOTENCY_KEY = 255
"""Stripe's API reference, "Idempotent requests"."""
SHOWN = 200
OFFERED_ELSEWHERE = frozenset(
    {
        *("preview_refund", "price_lines", "refund_lines", "price_payback", "terminate_subscription"),
        *("find_termination", "reactivate_subscription", "find_reactivation", "preview_void_credit"),
        *("void_credit", "find_voided_credit", "invoice_pdf", "invoice_link", "behind", "settled"),
    }
)
"""Methods of the plugin interface that neither Stripe's adapter nor PayPal's has."""
FORMATS = {
    "currency": lambda text: re.fullmatch("[a-z]{3}", text) is not None,
    "decimal": lambda text: re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is not None,
}


def specs_folder() -> Path:
    """Where the gateways' official descriptions are: `$BILLCTL_SPECS`, else `../shared/specs`."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "specs"
    return Path(os.environ.get("BILLCTL_SPECS") or beside)


@dataclass(frozen=True)
class Route:
    """One path of the description: its template, the form of a path it serves, its operations by method."""

    template: str
    form: re.Pattern[str]
    operations: Mapping[str, Any]


@dataclass(frozen=True)
class StripeSpec:
    """Stripe's OpenAPI description, ready to check exchanges. Build it with `load()`."""

    version: str
    routes: tuple[Route, ...] = field(repr=False)
    registry: jsonschema_rs.Registry = field(repr=False)
    _compiled: dict[tuple[str, ...], jsonschema_rs.Validator] = field(default_factory=dict, repr=False)

    @staticmethod
    def load() -> "StripeSpec":
        """The newest description there is, read once in a process; skips the test where there is none."""
        found = sorted(specs_folder().glob("stripe/openapi-*.json"))
        if not found:
            pytest.skip(f"no stripe/openapi-*.json in {specs_folder()}: set BILLCTL_SPECS")
        return _load(found[-1])

    def check_request(
        self, method: str, path: str, headers: Mapping[str, str], query: str, body: bytes
    ) -> list[str]:
        """What is wrong with a request; empty when nothing is. `query` and `body` are as sent."""
        route, operation = self._operation(method, path)
        if route is None:
            return [f"unknown path {path}"]
        if operation is None:
            return [f"{route.template} has no {method}"]
        problems = _header_problems(headers, body)
        problems += _path_problems(route, path)
        in_query = _parameters(operation, "query")
        in_body = _body_schema(operation)
        sent_query, sent_body = query, _text(body, problems)
        if method == "DELETE":
            sent_query, sent_body = "", "&".join(filter(None, (query, sent_body)))
        for place, sent, schema in (("query", sent_query, in_query), ("body", sent_body, in_body)):
            value, faults = decode_form(sent, schema)
            problems += [f"{place}: {fault}" for fault in faults]
            problems += self._problems((method, route.template, place), schema, value, place)
        return problems

    def check_response(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What is wrong with the answer to `method path`; empty when nothing is."""
        route, operation = self._operation(method, path)
        if operation is None and status < 400:
            return [f"{status} for {method} {path}, which does not exist"]
        if not (status == 200 or 400 <= status < 600):
            return [f"{status} is not a status that Stripe answers with"]
        declared = _answer(operation, status) if operation else {JSON: {"schema": _ref("error")}}
        media = _lower(headers).get("content-type", "").partition(";")[0].strip()
        if media not in declared:
            return [f"Content-Type {media!r} where {' or '.join(declared)} is declared"]
        if media != JSON:
            return [] if body else ["an empty body"]
        try:
            value = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_no_doubles)
        except ValueError as fault:
            return [f"body is not JSON: {fault}"]
        key = (method, route.template, str(status)) if route and operation else ("", "", "error")
        return self._problems(key, declared[media]["schema"], value, "body")

    def check_object(self, name: str, value: object) -> list[str]:
        """What in `value` departs from the component schema `name` (`charge`, `refund`, …)."""
        return self._problems(("component", name), _ref(name), value, name)

    def parameters(self, method: str, path: str) -> frozenset[str]:
        """Top-level names of the query and body of `method path`. Raises `KeyError` for an unknown one."""
        _, operation = self._operation(method, path)
        if operation is None:
            raise KeyError(f"{method} {path}")
        named = _parameters(operation, "query"), _body_schema(operation)
        return frozenset(name for schema in named for name in schema.get("properties", {}))

    def _operation(self, method: str, path: str) -> tuple[Route | None, Mapping[str, Any] | None]:
        route = next((route for route in self.routes if route.form.fullmatch(path)), None)
        return route, route.operations.get(method.lower()) if route else None

    def _problems(self, key: tuple[str, ...], schema: Schema, value: object, place: str) -> list[str]:
        validator = self._compiled.get(key)
        if validator is None:
            validator = jsonschema_rs.Draft4Validator(
                _strict(schema), registry=self.registry, validate_formats=True, formats=FORMATS
            )
            self._compiled[key] = validator
        return [line for error in validator.iter_errors(value) for line in _lines(error, place)]


@cache
def _load(path: Path) -> StripeSpec:
    description = json.loads(path.read_bytes())
    schemas = {name: _strict(schema) for name, schema in description["components"]["schemas"].items()}
    document = {"components": {"schemas": schemas}}
    routes = [
        Route(template, re.compile(re.sub(r"\{[^}]*\}", "([^/]*)", template)), operations)
        for template, operations in description["paths"].items()
    ]
    routes.sort(key=lambda route: route.template.count("{"))  # /v1/charges/search before /v1/charges/{charge}
    return StripeSpec(
        version=description["info"]["version"],
        routes=tuple(routes),
        registry=jsonschema_rs.Registry([(ROOT, document)], draft=jsonschema_rs.Draft4),
    )


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _strict(schema: Schema) -> Schema:
    """An OpenAPI 3.0 schema as JSON Schema draft 4, whose integers are no floats, closed to the unlisted."""
    if "$ref" in schema:
        return {"$ref": ROOT + schema["$ref"]}
    strict = {key: schema[key] for key in KEPT if key in schema}
    if "properties" in schema:
        strict["properties"] = {name: _strict(below) for name, below in schema["properties"].items()}
        strict["additionalProperties"] = False
    if isinstance(more := schema.get("additionalProperties"), dict):
        strict["additionalProperties"] = _strict(more)
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if "anyOf" in schema:
        strict["anyOf"] = [_strict(branch) for branch in schema["anyOf"]]
    if schema.get("format") == "unix-time":
        strict |= {"minimum": 0, "maximum": MAX_SECONDS}
    return _nullable(strict) if schema.get("nullable") else strict


def _nullable(schema: Schema) -> Schema:
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "enum" in schema:
        schema = schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}


def _parameters(operation: Mapping[str, Any], place: str) -> Schema:
    declared = [p for p in operation.get("parameters", ()) if p["in"] == place]
    schema: Schema = {"type": "object", "properties": {p["name"]: p["schema"] for p in declared}}
    required = [p["name"] for p in declared if p["required"]]
    return schema | ({"required": required} if required else {})


def _body_schema(operation: Mapping[str, Any]) -> Schema:
    content = operation.get("requestBody", {}).get("content", {})
    nothing: Schema = {"type": "object", "properties": {}}
    return content[FORM]["schema"] if FORM in content else nothing


def _answer(operation: Mapping[str, Any], status: int) -> Mapping[str, Any]:
    responses = operation["responses"]
    content: Mapping[str, Any] = responses.get(str(status), responses["default"])["content"]
    return content


def _header_problems(headers: Mapping[str, str], body: bytes) -> list[str]:
    sent = _lower(headers)
    problems = []
    if not re.fullmatch(r"(Bearer|Basic) \S+", sent.get("authorization", "")):
        problems.append("Authorization is neither Bearer nor Basic")
    media = sent.get("content-type", FORM).partition(";")[0].strip()
    if body and media != FORM:
        problems.append(f"Content-Type {media!r} where {FORM} is declared")
    if len(sent.get("idempotency-key", "")) > MAX_IDEMPOTENCY_KEY:
        problems.append(f"Idempotency-Key is longer than {MAX_IDEMPOTENCY_KEY} characters")
    return problems


def _path_problems(route: Route, path: str) -> list[str]:
    match = route.form.fullmatch(path)
    names = re.findall(r"\{([^}]*)\}", route.template)
    values = match.groups() if match else ()
    return [
        f"path parameter {name!r} is empty" for name, value in zip(names, values, strict=True) if not value
    ]


def _text(body: bytes, problems: list[str]) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        problems.append("body: a form is ASCII, everything else percent-encoded")
        return ""


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a name is there twice")
    return whole


def _lines(error: jsonschema_rs.ValidationError, place: str) -> Iterator[str]:
    """`error` as lines that name the place; of alternatives, the one that was most likely meant."""
    where = "/".join([place, *map(str, error.instance_path)])
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.AnyOf(context=branches):
            meant = _meant(error, branches)
            if not meant:
                yield f"{where}: {error.message[:SHOWN]}"
            for below in meant:
                yield from _lines(below, place)
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=names):
            yield from (f"{where}: unknown property {name!r}" for name in names)
        case _:
            yield f"{where}: {error.message[:SHOWN]}"


def _meant(
    error: jsonschema_rs.ValidationError, branches: list[list[jsonschema_rs.ValidationError]]
) -> list[jsonschema_rs.ValidationError]:
    """The errors of the nearest alternative: of the right type, of the right `object`, with the fewest."""

    def is_far(fault: jsonschema_rs.ValidationError) -> bool:
        own = fault.instance_path == error.instance_path
        return own and fault.kind.name in {"type", "enum"}

    def rank(faults: list[jsonschema_rs.ValidationError]) -> tuple[bool, int]:
        other_kind = any(fault.instance_path == [*error.instance_path, "object"] for fault in faults)
        return other_kind, len(faults)

    near = [faults for faults in branches if not any(is_far(fault) for fault in faults)]
    return min(near, key=rank, default=[])
