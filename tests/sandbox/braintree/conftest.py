"""A rehearsal shop per test, the real SDK for it, and plain HTTP for what the SDK hides."""

import http.client
import warnings
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from billctl.sandbox import (
    BRAINTREE_LIVE_MERCHANT_ID,
    BRAINTREE_LIVE_PRIVATE_KEY,
    BRAINTREE_LIVE_PUBLIC_KEY,
    BRAINTREE_MERCHANT_ID,
    BRAINTREE_PRIVATE_KEY,
    BRAINTREE_PUBLIC_KEY,
)
from tests.rehearsal import rehearsed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the SDK's own classes warn about themselves
    import braintree

__all__ = ["braintree"]  # for the tests here, which import it without its warnings

BRAINTREE = ("braintree",)
TEST = (BRAINTREE_MERCHANT_ID, BRAINTREE_PUBLIC_KEY, BRAINTREE_PRIVATE_KEY)
LIVE = (BRAINTREE_LIVE_MERCHANT_ID, BRAINTREE_LIVE_PUBLIC_KEY, BRAINTREE_LIVE_PRIVATE_KEY)
Keys = tuple[str, str, str]


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def root(self) -> ET.Element:
        """The document."""
        return ET.fromstring(self.body)

    def text(self, path: str) -> str | None:
        """The text of an element below the root."""
        return self.root.findtext(path)

    @property
    def codes(self) -> list[str | None]:
        """The codes of an error document."""
        return [error.findtext("code") for error in self.root.iter("error")]


@dataclass(frozen=True)
class Wire:
    """Plain HTTP to a sandbox, a connection per request."""

    netloc: str
    state_dir: Path

    def ask(
        self,
        request: str,
        body: str = "",
        *,
        keys: Keys = TEST,
        merchant: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Reply:
        """`METHOD PATH` below the merchant's address, with an XML body."""
        method, path = request.split(" ", 1)
        pair = b64encode(f"{keys[1]}:{keys[2]}".encode()).decode()
        sent = {"Authorization": f"Basic {pair}", "X-ApiVersion": "6", "Content-Type": "application/xml"}
        connection = http.client.HTTPConnection(self.netloc, timeout=timeout)
        try:
            target = f"/merchants/{merchant or keys[0]}{path}"
            connection.request(method, target, body.encode(), sent | dict(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def sdk(self, keys: Keys = TEST) -> Any:
        """The real SDK's gateway."""
        host, port = self.netloc.split(":")
        place = braintree.Environment("local", host, port, f"http://{host}", False, None)
        merchant, public, private = keys
        return braintree.BraintreeGateway(
            braintree.Configuration(
                environment=place,
                merchant_id=merchant,
                public_key=public,
                private_key=private,
                timeout=10,
                wrap_http_exceptions=True,
            )
        )


def codes(result: Any) -> list[str]:
    """The codes of a result that must be an error; [] is a decline."""
    assert not result.is_success
    return [error.code for error in result.errors.deep_errors]


@contextmanager
def opened(state_dir: Path) -> Iterator[Wire]:
    """The Braintree sandbox on this state."""
    with rehearsed(state_dir, BRAINTREE) as sandbox:
        yield Wire(sandbox.url("braintree").removeprefix("http://"), state_dir)


@pytest.fixture
def wire(state_dir: Path) -> Iterator[Wire]:
    """A fresh shop."""
    with opened(state_dir) as wire:
        yield wire


@pytest.fixture
def sdk(wire: Wire) -> Any:
    """The real SDK on the fresh shop."""
    return wire.sdk()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A shop for reading only, one per file of tests."""
    with opened(tmp_path_factory.mktemp("reading")) as wire:
        yield wire


@pytest.fixture(scope="module")
def reader(shop: Wire) -> Any:
    """The real SDK on the shop for reading."""
    return shop.sdk()
