"""Checks HTTP exchanges against PayPal's official OpenAPI files, independently of billctl.

The files are not part of the project: they are found as Stripe's are (`tests.openapi`), under `paypal/`.
Where they are not there, the tests that need them skip and say so.

The checks are stricter than the files alone: what a schema or an operation does not list is a problem, in
bodies and in queries; a request id stands only where an operation takes one; nothing is a float. They
differ from the files where those are known to be wrong or incomplete: see `openapi_paypal_schema` and
`openapi_paypal_extra`. The servers that the files name are not looked at (reporting's repeats its path).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

import pytest

from tests import openapi_paypal_extra as extra
from tests.openapi import specs_folder
from tests.openapi_paypal_schema import FILES, Documents, Schema, read

JSON = "application/json"
TOKEN = "/v1/oauth2/token"
NO_BODY: Mapping[str, Any] = {}
PARAMETER_HEADERS = {"paypal-request-id", "prefer", "paypal-auth-assertion"}
LONGEST_REQUEST_ID = 78
"""What the strictest API says (developer.paypal.com/api/deprecated/payments/v1/capture-refund)."""


@dataclass(frozen=True)
class Operation:
    """One operation: where it is described, and the form of a path that means it."""

    file: str
    template: str
    method: str
    form: re.Pattern[str]
    described: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.template


@dataclass(frozen=True)
class PayPalSpec:
    """PayPal's OpenAPI files, ready to check exchanges. Build it with `load()`."""

    documents: Documents = field(repr=False)
    operations: tuple[Operation, ...] = field(repr=False)

    @staticmethod
    def load() -> "PayPalSpec":
        """The files there are, read once in a process; skips the test where one is missing."""
        found = PayPalSpec.find()
        if found is None:
            pytest.skip(f"no PayPal files in {specs_folder() / 'paypal'}: set BILLCTL_SPECS")
        return found

    @staticmethod
    def find() -> "PayPalSpec | None":
        """The same; None where one is missing."""
        folder = specs_folder() / "paypal"
        return _load(folder) if all((folder / f"{name}.json").is_file() for name in FILES) else None

    def check_request(
        self, method: str, path: str, headers: Mapping[str, str], query: str, body: bytes
    ) -> list[str]:
        """What is wrong with a request; empty when nothing is. `query` and `body` are as sent."""
        sent = _lower(headers)
        if path == TOKEN:
            return _token_request(method, sent, query, body)
        operation = self._operation(method, path)
        if operation is None:
            return [f"no operation {method} {path}"]
        problems = self._header_problems(operation, sent)
        problems += self._parameter_problems(operation, path, query)
        return problems + self._body_problems(operation, sent, body)

    def check_response(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What is wrong with the answer to `method path`; empty when nothing is."""
        given = _lower(headers)
        if not re.fullmatch("[0-9a-f]{8,20}", given.get("paypal-debug-id", "")):
            return ["no Paypal-Debug-Id"]
        if path == TOKEN:
            return _token_answer(status, body)
        operation = self._operation(method, path)
        if operation is None:
            return [] if status in (401, 404) else [f"{status} for {method} {path}, which does not exist"]
        declared = operation.described["responses"]
        if status < 400 and str(status) not in declared:
            return [f"{status}, which {operation.template} does not answer with"]
        content = self._content(declared.get(str(status)) or declared["default"], operation.file, status)
        if content is None:
            return ["a body where none is described"] if body else []
        if given.get("content-type", "").partition(";")[0].strip() != JSON:
            return [f"Content-Type {given.get('content-type')!r} where {JSON} is described"]
        return self._answer_problems(operation, status, content, body)

    def _answer_problems(self, operation: Operation, status: int, schema: Schema, body: bytes) -> list[str]:
        value, problems = _json(body)
        if problems:
            return problems
        if status >= 400 and _is_known(status, value):
            return [] if value.get("debug_id") else ["debug_id is missing"]
        mode = "answer" if status < 400 else "error"
        key = (*operation.key, str(status))
        place = f"body {status}"
        found = self.documents.problems(key, schema, value, mode=mode, file=operation.file, place=place)
        needed = [] if status < 400 else [n for n in ("name", "message", "debug_id") if n not in value]
        return found + [f"{name} is missing" for name in needed]

    def _content(self, response: Mapping[str, Any], file: str, status: int) -> Schema | None:
        """The schema of the answer's body; None where it has none. A 500 always has one."""
        response = self._resolved(response, file)
        content = response.get("content", {})
        if not content and status >= 500:
            return {"$ref": "#/components/schemas/error_500"}
        found: Schema | None = content[JSON]["schema"] if content else None
        return found

    def _body_problems(self, operation: Operation, headers: Mapping[str, str], body: bytes) -> list[str]:
        described = operation.described.get("requestBody", NO_BODY)
        content = described.get("content", NO_BODY)
        if not content:
            return ["a body where none is described"] if body else []
        if not body:
            return ["no body where one is required"] if described.get("required") else []
        if headers.get("content-type", "").partition(";")[0].strip() != JSON:
            return [f"Content-Type {headers.get('content-type')!r} where {JSON} is described"]
        value, problems = _json(body)
        if problems:
            return problems
        schema = content[JSON]["schema"]
        return self.documents.problems(
            operation.key, schema, value, mode="request", file=operation.file, place="body"
        )

    def _header_problems(self, operation: Operation, headers: Mapping[str, str]) -> list[str]:
        problems = []
        if not re.fullmatch(r"Bearer \S+", headers.get("authorization", "")):
            problems.append("Authorization is not Bearer")
        taken = {name.lower() for name in self.parameters(operation, "header")}
        taken |= extra.HEADERS.get((operation.template, operation.method), set())
        stray = (PARAMETER_HEADERS & headers.keys()) - taken
        problems += [f"header {name}, which {operation.template} does not take" for name in sorted(stray)]
        if not 1 <= len(headers.get("paypal-request-id", "x")) <= LONGEST_REQUEST_ID:
            problems.append(f"PayPal-Request-Id is not of 1 to {LONGEST_REQUEST_ID} characters")
        return problems

    def _parameter_problems(self, operation: Operation, path: str, query: str) -> list[str]:
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
        except ValueError as fault:
            return [f"query: {fault}"]
        declared = self.parameters(operation, "query")
        given = dict(pairs)
        problems = [f"query: unknown parameter {name!r}" for name in given if name not in declared]
        problems += ["query: a parameter is given twice"] if len(given) != len(pairs) else []
        problems += [
            f"query: {name} is missing"
            for name, p in declared.items()
            if p.get("required") and name not in given
        ]
        for name in given.keys() & declared.keys():
            problems += self._value(operation, "query", declared[name], given[name])
        match = operation.form.fullmatch(path)
        for name, text in match.groupdict().items() if match else ():
            problems += self._value(
                operation, "path", self.parameters(operation, "path")[name], unquote(text)
            )
        return problems

    def _value(self, operation: Operation, place: str, declared: Mapping[str, Any], text: str) -> list[str]:
        kind = declared["schema"].get("type")
        value: object = text
        if kind == "integer" and re.fullmatch("-?[0-9]+", text):
            value = int(text)
        if kind == "boolean" and text in ("true", "false"):
            value = text == "true"
        name = declared["name"]
        return self.documents.problems(
            (*operation.key, place, name),
            declared["schema"],
            value,
            mode="request",
            file=operation.file,
            place=f"{place} {name}",
        )

    def parameters(self, operation: Operation, place: str) -> Mapping[str, Mapping[str, Any]]:
        """The operation's parameters in `path`, `query` or `header`, by name."""
        listed = [self._resolved(p, operation.file) for p in operation.described.get("parameters", ())]
        return {p["name"]: p for p in listed if p["in"] == place}

    def _resolved(self, thing: Mapping[str, Any], file: str) -> Mapping[str, Any]:
        while "$ref" in thing:
            found: Any = self.documents.sources[file]
            for step in thing["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            thing = found
        return thing

    def _operation(self, method: str, path: str) -> Operation | None:
        return next(
            (o for o in self.operations if o.method == method.lower() and o.form.fullmatch(path)), None
        )


@cache
def _load(folder: Path) -> PayPalSpec:
    documents = read(folder)
    described = [
        (file, template, method, operation)
        for file, source in documents.sources.items()
        for template, operations in source["paths"].items()
        for method, operation in operations.items()
    ]
    described += [
        (file, template, method, operation)
        for (template, method), (file, operation) in extra.OPERATIONS.items()
    ]
    operations = [
        Operation(file, template, method, re.compile(_form(template)), operation)
        for file, template, method, operation in described
    ]
    operations.sort(key=lambda operation: operation.template.count("{"))
    return PayPalSpec(documents, tuple(operations))


def _form(template: str) -> str:
    return re.sub(r"\{([^}]*)\}", r"(?P<\1>[^/]+)", template)


def _token_request(method: str, headers: Mapping[str, str], query: str, body: bytes) -> list[str]:
    """The token call is in no file: developer.paypal.com/api/rest/authentication describes it."""
    problems = [] if method == "POST" and not query else ["the token call is a POST without a query"]
    if not re.fullmatch(r"Basic [A-Za-z0-9+/]+=*", headers.get("authorization", "")):
        problems.append("Authorization is not Basic")
    if headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        problems.append("the token call is not form-encoded")
    if parse_qs(body.decode("latin-1")) != {"grant_type": ["client_credentials"]}:
        problems.append("the token call says more or less than grant_type=client_credentials")
    leaked = PARAMETER_HEADERS & headers.keys()
    return problems + [f"header {name} in the token call" for name in sorted(leaked)]


def _token_answer(status: int, body: bytes) -> list[str]:
    value, problems = _json(body)
    if problems:
        return problems
    if status == 200:
        names = {"scope", "access_token", "token_type", "app_id", "expires_in", "nonce"}
        return [] if set(value) == names else [f"the token's fields are {sorted(value)}"]
    oauth = {"error", "error_description"}
    return [] if set(value) == oauth or "debug_id" in value else ["not OAuth's error body"]


def _is_known(status: int, value: Mapping[str, Any]) -> bool:
    return value.get("name") in extra.ERRORS.get(status, ()) or value.get("message") in extra.MESSAGES


def _json(body: bytes) -> tuple[Any, list[str]]:
    try:
        value = json.loads(body, parse_constant=_refused, parse_float=_refused, object_pairs_hook=_no_doubles)
    except ValueError as fault:
        return None, [f"body: {fault}"]
    return value, [] if isinstance(value, dict) else ["body: not an object"]


def _refused(word: str) -> None:
    raise ValueError(f"{word} where PayPal has text or whole numbers")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a name is there twice")
    return whole


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
