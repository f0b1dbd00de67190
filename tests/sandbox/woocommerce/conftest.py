"""A rehearsal store per test, asked over plain HTTP."""

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from billctl.sandbox import (
    WOOCOMMERCE_KEY,
    WOOCOMMERCE_LIVE_KEY,
    WOOCOMMERCE_LIVE_SECRET,
    WOOCOMMERCE_READ_KEY,
    WOOCOMMERCE_READ_SECRET,
    WOOCOMMERCE_SECRET,
    state,
)
from billctl.sandbox.woocommerce.gateway import moved
from tests.rehearsal import rehearsed

WOOCOMMERCE = ("woocommerce",)
Keys = tuple[str, str] | None
TEST: Keys = (WOOCOMMERCE_KEY, WOOCOMMERCE_SECRET)
READ: Keys = (WOOCOMMERCE_READ_KEY, WOOCOMMERCE_READ_SECRET)
LIVE: Keys = (WOOCOMMERCE_LIVE_KEY, WOOCOMMERCE_LIVE_SECRET)
API = "/wp-json/wc/v3"
Json = Any


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The document."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, Json]:
        """Status, code and data of an error."""
        found = self.json
        return self.status, found["code"], found["data"]


@dataclass(frozen=True)
class Wire:
    """Plain HTTP to a store, a connection per request."""

    netloc: str
    state_dir: Path

    def ask(
        self,
        request: str,
        document: Json = None,
        *,
        keys: Keys = TEST,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        **query: Any,
    ) -> Reply:
        """`METHOD PATH`, below the API unless the path begins with `//`, with a query and a JSON body."""
        method, path = request.split(" ", 1)
        target = path[1:] if path.startswith("//") else f"{API}/{path}"
        target += f"?{urlencode(query, doseq=True)}" if query else ""
        sent = {"Content-Type": "application/json", "User-Agent": "tests"}
        if keys:
            sent["Authorization"] = f"Basic {b64encode(':'.join(keys).encode()).decode()}"
        body = None if document is None else json.dumps(document).encode()
        connection = http.client.HTTPConnection(self.netloc, timeout=timeout)
        try:
            connection.request(method, target, body, sent | dict(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Json:
        """The document of a GET that must succeed."""
        reply = self.ask(f"GET {path}", **query)
        assert reply.status == 200, reply.body
        return reply.json

    def refund(self, order: int = 1041, **fields: Any) -> Reply:
        """Ask for a refund."""
        return self.ask(f"POST orders/{order}/refunds", fields)

    def configure(self, **settings: int) -> None:
        """Change the store's settings."""
        state.configure(self.state_dir, "woocommerce", **settings)

    def moved(self, order: int = 1041) -> list[Fraction]:
        """What the payment gateway really gave back."""
        with state.opened(self.state_dir, "woocommerce") as database:
            return moved(database, str(order))

    def mails(self, order: int = 1041) -> list[tuple[str, str, str]]:
        """What reached the mail server: address, template and text."""
        return [(mail["email"], mail["template"], mail["text"]) for mail in self.books("mail", order)]

    def books(self, kind: str, order: int = 1041) -> list[Json]:
        """The store's own records of a kind about an order, oldest first."""
        query = "SELECT body FROM objects WHERE kind=? AND charge=? ORDER BY seq"
        with state.opened(self.state_dir, "woocommerce") as database:
            return [json.loads(body) for (body,) in database.execute(query, (kind, str(order)))]


@contextmanager
def opened(state_dir: Path) -> Iterator[Wire]:
    """The WooCommerce sandbox on this state."""
    with rehearsed(state_dir, WOOCOMMERCE) as sandbox:
        yield Wire(sandbox.url("woocommerce").removeprefix("http://"), state_dir)


@pytest.fixture
def wire(state_dir: Path) -> Iterator[Wire]:
    """A fresh store."""
    with opened(state_dir) as wire:
        yield wire


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A store for reading only, one per file of tests."""
    with opened(tmp_path_factory.mktemp("reading")) as wire:
        yield wire
