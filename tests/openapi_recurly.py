"""Checks HTTP exchanges against Recurly's official OpenAPI description, independently of billctl.

The description is not part of the project: it is found as Stripe's is (`tests.openapi`), under `recurly/`.
Where it is not there, the tests that need it skip and say so.

The checks are stricter than the description alone: what it does not list is a problem, in bodies and in
queries; amounts are JSON numbers; a list has a `next` exactly where it has more; every answer has its
request's id. They differ from it where it is known to be incomplete: the SDK's Accept header (the
description lists JSON alone), the `{"error": …}` around an error, HEAD on lists, the `cursor` in the path of
a next page, and what `openapi_recurly_schema` repairs.
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.openapi import specs_folder
from tests.openapi_recurly_schema import Documents, Schema

VERSION = "v2021-02-25"
ACCEPT = (f"application/vnd.recurly.{VERSION}", f"application/vnd.recurly.{VERSION}+json")
JSON = "application/json"
ERROR: Schema = {"$ref": "#/components/schemas/ErrorMayHaveTransaction"}
PAGE = frozenset({"cursor", "limit", "order", "sort"})
"""What the path of a next page names; some lists describe none of it."""
LONGEST_KEY = 255


@dataclass(frozen=True)
class Operation:
    """One operation, and the form of a path that means it."""

    template: str
    method: str
    form: re.Pattern[str]
    described: Mapping[str, Any] = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.template


@dataclass(frozen=True)
class RecurlySpec:
    """Recurly's description, ready to check exchanges. Build it with `load()`."""

    documents: Documents = field(repr=False)
    operations: tuple[Operation, ...] = field(repr=False)
    parameters: Mapping[str, Any] = field(repr=False)

    @staticmethod
    def load() -> "RecurlySpec":
        """The description, read once in a process; skips the test where there is none."""
        found = RecurlySpec.find()
        if found is None:
            pytest.skip(f"no recurly_{VERSION}.yaml in {specs_folder() / 'recurly'}: set BILLCTL_SPECS")
        return found

    @staticmethod
    def find() -> "RecurlySpec | None":
        """The same; None where there is none."""
        path = specs_folder() / "recurly" / f"recurly_{VERSION}.yaml"
        return _load(path) if path.is_file() else None

    def check_request(
        self, method: str, path: str, headers: Mapping[str, str], query: str, body: bytes
    ) -> list[str]:
        """What is wrong with a request; empty when nothing is. `query` and `body` are as sent."""
        operation = self._operation(method, path)
        if operation is None or (method == "HEAD" and not self._lists(operation)):
            return [f"no operation {method} {path}"]
        problems = _header_problems(method, _lower(headers), body)
        problems += self._query_problems(operation, query)
        return problems + self._body_problems(operation, body)

    def check_response(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What is wrong with the answer to `method path`; empty when nothing is."""
        given = _lower(headers)
        problems = _answer_header_problems(given)
        if status >= 400:
            return problems + self._error_problems(status, given, body, empty=method == "HEAD")
        operation = self._operation(method, path)
        if operation is None:
            return [*problems, f"{status} for {method} {path}, which does not exist"]
        if method == "HEAD":
            counted = re.fullmatch("[0-9]+", given.get("recurly-total-records", ""))
            return problems + ([] if counted and not body else ["HEAD without a count, or with a body"])
        declared = operation.described["responses"].get(str(status))
        if declared is None:
            return [*problems, f"{status}, which {operation.template} does not answer with"]
        return problems + self._content_problems(operation, declared["content"], given, body)

    def _content_problems(
        self, operation: Operation, content: Mapping[str, Any], headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        media = headers.get("content-type", "").partition(";")[0].strip()
        if media not in content:
            return [f"Content-Type {media!r} where {' or '.join(content)} is described"]
        if media != JSON:
            return [] if body else ["an empty document"]
        value, problems = _json(body)
        schema = content[media]["schema"]
        found = self.documents.problems(operation.key, schema, value, mode="answer", place="body")
        if isinstance(value, dict) and value.get("object") == "list":
            found += (
                [] if value["has_more"] is (value["next"] is not None) else ["`next` and `has_more` differ"]
            )
        return problems + found

    def _error_problems(
        self, status: int, headers: Mapping[str, str], body: bytes, *, empty: bool
    ) -> list[str]:
        if empty:
            return ["HEAD with a body"] if body else []
        if headers.get("content-type", "").partition(";")[0].strip() != JSON:
            return ["an error that is not JSON"]
        value, problems = _json(body)
        if problems or set(value) != {"error"}:
            return problems or [f"an error's fields are {sorted(value)}"]
        inside = dict(value["error"])
        if status == 406:
            inside.pop("acceptable_accept_headers", None)
        found = self.documents.problems(("error",), ERROR, inside, mode="answer", place=f"error {status}")
        return found + [f"{name} is missing" for name in ("type", "message") if not inside.get(name)]

    def _query_problems(self, operation: Operation, query: str) -> list[str]:
        pairs = parse_qsl(query, keep_blank_values=True)
        given = dict(pairs)
        declared = self.declared(operation)
        known = declared.keys() | (PAGE if "cursor" in given else set())
        problems = [f"query: unknown parameter {name!r}" for name in given if name not in known]
        problems += ["query: a parameter is given twice"] if len(given) != len(pairs) else []
        for name in given.keys() & declared.keys():
            problems += self._value_problems(operation, name, declared[name]["schema"], given[name])
        return problems

    def _value_problems(self, operation: Operation, name: str, schema: Schema, text: str) -> list[str]:
        value: object = text
        match self.documents.resolved(schema).get("type"):
            case "integer" if re.fullmatch("-?[0-9]+", text):
                value = int(text)
            case "boolean" if text in ("true", "false"):
                value = text == "true"
            case "array":
                value = text.split(",")
        key = (*operation.key, "query", name)
        return self.documents.problems(key, schema, value, mode="request", place=f"query {name}")

    def _body_problems(self, operation: Operation, body: bytes) -> list[str]:
        described = operation.described.get("requestBody")
        if described is None:
            return ["a body where none is described"] if body else []
        if not body:
            return ["no body where one is required"] if described.get("required") else []
        value, problems = _json(body)
        schema = described["content"][JSON]["schema"]
        key = (*operation.key, "body")
        return problems + self.documents.problems(key, schema, value, mode="request", place="body")

    def declared(self, operation: Operation) -> Mapping[str, Mapping[str, Any]]:
        """The query's parameters by name."""
        listed = operation.described.get("parameters", ())
        found = [self.parameters[p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p for p in listed]
        return {p["name"]: p for p in found if p["in"] == "query"}

    def _lists(self, operation: Operation) -> bool:
        content = operation.described["responses"].get("200", {}).get("content", {})
        schema = self.documents.resolved(content.get(JSON, {}).get("schema", {}))
        return "has_more" in schema.get("properties", {})

    def _operation(self, method: str, path: str) -> Operation | None:
        wanted = "get" if method == "HEAD" else method.lower()
        return next((o for o in self.operations if o.method == wanted and o.form.fullmatch(path)), None)


@cache
def _load(path: Path) -> RecurlySpec:
    import yaml

    with path.open("rb") as stream:
        source = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    operations = [
        Operation(template, method, re.compile(_form(template)), described)
        for template, methods in source["paths"].items()
        for method, described in methods.items()
        if method != "parameters"
    ]
    operations.sort(
        key=lambda operation: (operation.template.count("{"), not operation.template.endswith(".pdf"))
    )
    return RecurlySpec(Documents(source), tuple(operations), source["components"]["parameters"])


def _form(template: str) -> str:
    parts = re.split(r"\{[^}]*\}", template)
    return "[^/]+".join(map(re.escape, parts))


def _header_problems(method: str, headers: Mapping[str, str], body: bytes) -> list[str]:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    problems = []
    if scheme != "Basic" or not re.fullmatch(rb"[^:]+:", b64decode(given)):
        problems.append("Authorization is not Basic with a key and no password")
    if headers.get("accept") not in ACCEPT:
        problems.append(f"Accept {headers.get('accept')!r} does not name {VERSION}")
    if body and headers.get("content-type", "").partition(";")[0].strip() != JSON:
        problems.append(f"Content-Type {headers.get('content-type')!r} where {JSON} is described")
    key = headers.get("idempotency-key")
    if key is not None and (method in ("GET", "HEAD") or not 1 <= len(key) <= LONGEST_KEY):
        problems.append(f"an Idempotency-Key with {method}, or not of 1 to {LONGEST_KEY} characters")
    return problems


def _answer_header_problems(headers: Mapping[str, str]) -> list[str]:
    problems = [] if headers.get("x-request-id") else ["no X-Request-Id, which the SDK cannot do without"]
    if headers.get("recurly-version") != f"recurly.{VERSION}":
        problems.append("no Recurly-Version")
    limits = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    return problems + [f"no {name}" for name in limits if not headers.get(name, "").isdecimal()]


def _json(body: bytes) -> tuple[Any, list[str]]:
    try:
        value = json.loads(body, parse_constant=_refused, object_pairs_hook=_no_doubles)
    except ValueError as fault:
        return None, [f"body: {fault}"]
    return value, [] if isinstance(value, dict) else ["body: not an object"]


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a name is there twice")
    return whole


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
