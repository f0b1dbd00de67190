"""A rehearsal shop per test, the real SDK for it, and plain HTTP for what the SDK hides."""

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import stripe

from billctl.sandbox import STRIPE_KEY
from tests.rehearsal import rehearsed

Json = dict[str, Any]


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
    def error(self) -> Json:
        error: Json = self.json["error"]
        return error


@dataclass(frozen=True)
class Wire:
    """Plain HTTP to a sandbox, a connection per request."""

    netloc: str
    state_dir: Path

    def ask(
        self,
        request: str,
        form: Mapping[str, str] | str = "",
        *,
        key: str = STRIPE_KEY,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Reply:
        """`METHOD PATH` with a form in the query (GET, DELETE) or the body (POST)."""
        method, path = request.split(" ", 1)
        encoded = form if isinstance(form, str) else urlencode(form)
        target = f"{path}?{encoded}" if encoded and method != "POST" else path
        body = encoded if method == "POST" else None
        sent = {"Authorization": f"Bearer {key}"} | dict(headers or {})
        connection = http.client.HTTPConnection(self.netloc, timeout=timeout)
        try:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read().decode())
        finally:
            connection.close()

    def get(self, path: str, form: Mapping[str, str] | str = "", *, key: str = STRIPE_KEY) -> Json:
        """The body of a GET that must succeed."""
        reply = self.ask(f"GET {path}", form, key=key)
        assert reply.status == 200, reply.text
        return reply.json

    def post(self, path: str, form: Mapping[str, str] | str = "", **more: Any) -> Json:
        """The body of a POST that must succeed."""
        reply = self.ask(f"POST {path}", form, **more)
        assert reply.status == 200, reply.text
        return reply.json

    def events(self, kind: str) -> list[Json]:
        """What happened, newest first."""
        events: list[Json] = self.get("/v1/events", {"type": kind, "limit": "100"})["data"]
        return events


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "rehearsal"


@pytest.fixture
def wire(state_dir: Path) -> Iterator[Wire]:
    """A fresh shop."""
    with rehearsed(state_dir) as sandbox:
        yield Wire(sandbox.url("stripe").removeprefix("http://"), state_dir)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A shop for reading only, one per file of tests."""
    state = tmp_path_factory.mktemp("reading")
    with rehearsed(state) as sandbox:
        yield Wire(sandbox.url("stripe").removeprefix("http://"), state)


@pytest.fixture
def client(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[stripe.StripeClient]:
    """The real SDK on the fresh shop."""
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    with requests.Session() as session:
        yield stripe.StripeClient(
            STRIPE_KEY,
            base_addresses={"api": f"http://{wire.netloc}"},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=10, session=session),
        )
