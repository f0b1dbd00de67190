"""Plain HTTP to Recurly's sandbox; where Recurly's description is there, every exchange is held to it."""

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billctl.sandbox import RECURLY_KEY, faults, state
from tests.openapi_recurly import RecurlySpec

Json = dict[str, Any]
ACCEPT = "application/vnd.recurly.v2021-02-25"
CHARGE = "laylatx00001"
BILL = "laylain00001"
"""Of two lines, 29.00 and 20.00 USD, nothing refunded."""
SUBSCRIPTION = "laylasub0001"
CANCELED = "laylasub0002"
CREDIT = "laylain00005"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        body: Json = json.loads(self.body)
        return body

    @property
    def error(self) -> Json:
        error: Json = self.json["error"]
        return error

    @property
    def said(self) -> tuple[int, str]:
        """The status, and the type of the error."""
        return self.status, str(self.error["type"])


@dataclass
class Wire:
    """A client of one sandbox, a connection per request. A `wrong` request departs from the description."""

    host: str
    state_dir: Path
    spec: RecurlySpec | None = None
    key: str = RECURLY_KEY

    def ask(
        self,
        request: str,
        body: Json | str | None = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        wrong: bool = False,
        timeout: float = 10.0,
        **query: Any,
    ) -> Reply:
        """`METHOD PATH`, with a JSON body where one is given; a header that is None is left out."""
        method, path = request.split(" ", 1)
        path, _, given = path.partition("?")
        sent: dict[str, str | None] = {
            "Authorization": f"Basic {b64encode(f'{self.key}:'.encode()).decode()}",
            "Accept": ACCEPT,
            "Content-Type": "application/json",
            **(headers or {}),
        }
        told = {name: value for name, value in sent.items() if value is not None}
        text = (body if isinstance(body, str) else json.dumps(body)).encode() if body is not None else b""
        query_text = given or urlencode(query)
        if self.spec:
            problems = self.spec.check_request(method, path, told, query_text, text)
            assert bool(problems) is wrong, problems
        reply = self._exchange(method, f"{path}?{query_text}" if query_text else path, told, text, timeout)
        if self.spec and reply.headers.get("server") == "billctl-sandbox":
            problems = self.spec.check_response(method, path, reply.status, reply.headers, reply.body)
            assert problems == [], f"{request} -> {reply.status} {reply.body[:500]!r}"
        return reply

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> Reply:
        connection = http.client.HTTPConnection(self.host, timeout=timeout)
        try:
            connection.request(method, target, body or None, dict(headers))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Json:
        """The body of a GET that must succeed."""
        reply = self.ask(f"GET {path}", **query)
        assert reply.status == 200, reply.body
        return reply.json

    def put(self, path: str, body: Json | None = None) -> Json:
        """The body of a PUT that must succeed."""
        reply = self.ask(f"PUT {path}", body)
        assert reply.status == 200, reply.body
        return reply.json

    def pages(self, path: str, **query: Any) -> Iterator[list[Json]]:
        """Every page of a list, by its `next`."""
        page = self.get(path, **query)
        yield page["data"]
        while page["has_more"]:
            page = self.get(page["next"])
            yield page["data"]

    def all(self, path: str, **query: Any) -> list[Json]:
        """Everything in a list."""
        return [each for page in self.pages(path, **query) for each in page]

    def refund(self, invoice: str = BILL, amount: float | None = None, **more: Any) -> Reply:
        """A refund to the transactions; without an amount, of all that can be refunded."""
        body: Json = {"type": "amount", "refund_method": "all_transaction"}
        body |= {} if amount is None else {"amount": amount}
        body |= more.pop("fields", {})
        return self.ask(f"POST /invoices/{invoice}/refund", body, **more)

    def refunded(self, invoice: str = BILL, amount: float | None = None, **more: Any) -> Json:
        """The credit invoice of a refund that must succeed."""
        reply = self.refund(invoice, amount, **more)
        assert reply.status == 201, reply.body
        return reply.json

    def arm(self, kind: str, match: str = "*", **more: Any) -> None:
        """Arm a fault."""
        faults.arm(self.state_dir, "recurly", kind, match=match, **more)

    def configure(self, **settings: int) -> None:
        """Change settings of the sandbox."""
        state.configure(self.state_dir, "recurly", **settings)
