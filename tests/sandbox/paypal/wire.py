"""Plain HTTP to PayPal's sandbox; where PayPal's OpenAPI files are there, every exchange is held to them."""

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billctl.sandbox import (
    PAYPAL_CLIENT_ID,
    PAYPAL_CLIENT_SECRET,
    PAYPAL_LIVE_CLIENT_ID,
    PAYPAL_LIVE_CLIENT_SECRET,
    faults,
)
from tests.openapi_paypal import PayPalSpec

Json = dict[str, Any]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
WHOLE = {"Prefer": "return=representation"}
CAPTURE = "SBXLAYLA000000001"
PARTLY = "SBXLAYLA000000002"
DISPUTED = "SBXLAYLA000000003"
SUBSCRIPTION = "I-SBXLAYLA0001"
UNPAID = "INV2-SBXL-AYLA-0000-0001"
PAID = "INV2-SBXL-AYLA-0000-0002"
AUTHORIZATION = "SBXLAYLAA00000001"
DAY = 86_400


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Json:
        body: Json = json.loads(self.text)
        return body

    @property
    def issue(self) -> str:
        """The issue of the first detail."""
        return str(self.json["details"][0]["issue"])


@dataclass
class Wire:
    """A client of one sandbox, a connection per request. A `wrong` request departs from the files."""

    host: str
    state_dir: Path
    spec: PayPalSpec | None = None
    live: bool = False
    _tokens: dict[bool, str] = field(default_factory=dict)

    def ask(
        self,
        request: str,
        body: Json | str | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        wrong: bool = False,
        timeout: float = 10.0,
    ) -> Reply:
        """`METHOD PATH`, with a token, and a JSON body where one is given."""
        method, path = request.split(" ", 1)
        sent = {"Authorization": f"Bearer {self.token()}"}
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        sent |= {"Content-Type": JSON} if text is not None else {}
        form = urlencode(query or {})
        return self.send(
            method,
            path,
            form,
            sent | dict(headers or {}),
            text,
            wrong=wrong,
            timeout=timeout,
        )

    def send(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: str | None,
        *,
        wrong: bool = False,
        timeout: float = 10.0,
    ) -> Reply:
        """One exchange, exactly as told."""
        given = (body or "").encode()
        self._hold_request(method, path, query, headers, given, wrong=wrong)
        connection = http.client.HTTPConnection(self.host, timeout=timeout)
        try:
            target = f"{path}?{query}" if query else path
            connection.request(method, target, given or None, dict(headers))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            reply = Reply(answer.status, found, answer.read().decode())
        finally:
            connection.close()
        self._hold_answer(method, path, reply)
        return reply

    def _hold_request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, *, wrong: bool
    ) -> None:
        if self.spec:
            problems = self.spec.check_request(method, path, headers, query, body)
            assert bool(problems) is wrong, problems

    def _hold_answer(self, method: str, path: str, reply: Reply) -> None:
        if self.spec and reply.headers.get("server") == "billctl-sandbox":
            problems = self.spec.check_response(
                method, path, reply.status, reply.headers, reply.text.encode()
            )
            assert problems == [], f"{method} {path} -> {reply.status} {reply.text[:500]}"

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """The body of a GET that must succeed."""
        reply = self.ask(f"GET {path}", query=query)
        assert reply.status == 200, reply.text
        return reply.json

    def login(self, client: str = "", secret: str = "", **more: Any) -> Reply:
        """The token call."""
        own = (
            (PAYPAL_LIVE_CLIENT_ID, PAYPAL_LIVE_CLIENT_SECRET)
            if self.live
            else (PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET)
        )
        pair = f"{client or own[0]}:{secret or own[1]}".encode()
        headers = {"Authorization": f"Basic {b64encode(pair).decode()}", "Content-Type": FORM}
        body = more.pop("body", "grant_type=client_credentials")
        return self.send("POST", "/v1/oauth2/token", "", headers, body, **more)

    def token(self) -> str:
        """The token of this mode, asked for once."""
        if self.live not in self._tokens:
            self._tokens[self.live] = self.login().json["access_token"]
        return self._tokens[self.live]

    def forget_token(self) -> None:
        """Ask for a new one next time."""
        self._tokens.clear()

    def arm(self, kind: str, match: str = "*", **more: Any) -> None:
        """Arm a fault."""
        faults.arm(self.state_dir, "paypal", kind, match=match, **more)

    def refund(self, capture: str = CAPTURE, value: str = "", currency: str = "USD", **more: Any) -> Reply:
        """A refund, with its whole representation; without a value, all that is left."""
        body = {"amount": {"currency_code": currency, "value": value}} if value else {}
        body |= more.pop("fields", {})
        headers = WHOLE | more.pop("headers", {})
        return self.ask(f"POST /v2/payments/captures/{capture}/refund", body, headers=headers, **more)

    def report(self, days: float = 31, until: float = 0, **query: Any) -> Reply:
        """Transaction Search over so many days that end so many days ago."""
        now = datetime.now(UTC).timestamp()
        window = {"start_date": instant(now - (until + days) * DAY), "end_date": instant(now - until * DAY)}
        return self.ask("GET /v1/reporting/transactions", query=window | query)

    def history(self, windows: int = 14, **query: Any) -> Iterator[Json]:
        """Every row of so many windows of 31 days, newest window first."""
        for number in range(windows):
            reply = self.report(31, number * 31, page_size=500, **query)
            assert reply.status == 200, reply.text
            yield from reply.json.get("transaction_details", [])


def instant(seconds: float) -> str:
    """Unix seconds as RFC 3339."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
